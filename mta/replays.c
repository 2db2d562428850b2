/* replays.c - what has come back already: two hash sets that take turns. */
#include "mta/replays.h"

#include "base/mem.h"

enum { SLOTS_FIRST = 64, FREE = 0, GONE = 1 /* fingerprints start above */ };

struct generation {
    uint64_t *slots;
    size_t slots_count, used; /* used: with the gone */
};

struct replays {
    int64_t window_us, began_us;
    struct generation now, before;
};

struct replays *
replays_new(int64_t window_us)
{
    struct replays *replays = mem_alloc_zeroed(sizeof *replays);

    assert(window_us > 0);
    replays->window_us = window_us;
    return replays;
}

void
replays_free(struct replays **replays)
{
    if (*replays == NULL)
        return;
    mem_free((*replays)->now.slots);
    mem_free((*replays)->before.slots);
    mem_free(*replays);
    *replays = NULL;
}

/* Its slot, or the free one where it would be. */
static uint64_t *
find(const struct generation *generation, uint64_t fingerprint)
{
    size_t i = fingerprint & (generation->slots_count - 1);

    while (generation->slots[i] != fingerprint && generation->slots[i] != FREE)
        i = (i + 1) & (generation->slots_count - 1);
    return &generation->slots[i];
}

static bool
has(const struct generation *generation, uint64_t fingerprint)
{
    return generation->slots_count > 0 && *find(generation, fingerprint) == fingerprint;
}

/* At most half of it is used, so that a search ends soon. */
static void
grow(struct generation *generation)
{
    struct generation bigger = {
        .slots_count = generation->slots_count > 0 ? 2 * generation->slots_count : SLOTS_FIRST};

    bigger.slots = mem_alloc_zeroed(bigger.slots_count * sizeof bigger.slots[0]);
    for (size_t i = 0; i < generation->slots_count; i++)
        if (generation->slots[i] > GONE) {
            *find(&bigger, generation->slots[i]) = generation->slots[i];
            bigger.used++;
        }
    mem_free(generation->slots);
    *generation = bigger;
}

static void
turn(struct replays *replays, int64_t now_us)
{
    mem_free(replays->before.slots);
    replays->before = replays->now;
    replays->now = (struct generation){0};
    replays->began_us = now_us;
}

static uint64_t
above_marks(uint64_t fingerprint)
{
    return fingerprint > GONE ? fingerprint : fingerprint + GONE + 1;
}

bool
replays_put(struct replays *replays, uint64_t fingerprint, int64_t now_us)
{
    int64_t age_us = now_us - replays->began_us;

    fingerprint = above_marks(fingerprint);
    if (age_us >= replays->window_us || replays->now.used >= REPLAYS_MAX)
        turn(replays, now_us);
    if (age_us >= 2 * replays->window_us)
        turn(replays, now_us); /* what is the one before by now is too old as well */
    if (has(&replays->now, fingerprint) || has(&replays->before, fingerprint))
        return false;
    if (2 * (replays->now.used + 1) > replays->now.slots_count)
        grow(&replays->now);
    *find(&replays->now, fingerprint) = fingerprint;
    replays->now.used++;
    return true;
}

void
replays_forget(struct replays *replays, uint64_t fingerprint)
{
    fingerprint = above_marks(fingerprint);
    if (has(&replays->now, fingerprint))
        *find(&replays->now, fingerprint) = GONE;
    if (has(&replays->before, fingerprint))
        *find(&replays->before, fingerprint) = GONE;
}
