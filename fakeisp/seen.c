/* seen.c - who was here before: since when, how often, and when last. */
#include "fakeisp/seen.h"

#include "base/mem.h"
#include "smtp/address.h"

enum { SLOTS_MIN = 64, TIMES_BITS = 16, TIMES_MAX = (1 << TIMES_BITS) - 1 };

void
seen_release(struct seen *seen)
{
    mem_free(seen->slots);
    mem_free(seen->last_us);
    *seen = (struct seen){.forget_us = seen->forget_us};
}

static struct sighting
unpack(const struct seen_slot *slot)
{
    return (struct sighting){.first_us = (int64_t)(slot->first_us_times >> TIMES_BITS),
        .times = (uint32_t)(slot->first_us_times & TIMES_MAX)};
}

/* The slot that holds the fingerprint, or the free one where it belongs. */
static size_t
find_slot(const struct seen *seen, uint64_t fingerprint)
{
    size_t mask = seen->slots_count - 1;
    size_t slot = fingerprint & mask;

    while (seen->slots[slot].fingerprint != 0 && seen->slots[slot].fingerprint != fingerprint)
        slot = (slot + 1) & mask;
    return slot;
}

static bool
is_forgotten(const struct seen *seen, size_t slot, int64_t now_us)
{
    return seen->forget_us > 0 && now_us - seen->last_us[slot] >= seen->forget_us;
}

/* Leaves behind what is forgotten, so that a memory which forgets does not grow for ever. */
static void
make_room(struct seen *seen, int64_t now_us)
{
    struct seen old = *seen;
    size_t kept = 0;

    for (size_t i = 0; i < old.slots_count; i++)
        kept += old.slots[i].fingerprint != 0 && !is_forgotten(&old, i, now_us);
    if (old.slots_count == 0)
        seen->slots_count = SLOTS_MIN;
    else if (kept >= old.slots_count / 20 * 7)
        seen->slots_count = old.slots_count * 2;
    seen->count = kept;
    seen->slots = mem_alloc_zeroed(seen->slots_count * sizeof seen->slots[0]);
    if (seen->forget_us > 0)
        seen->last_us = mem_alloc_zeroed(seen->slots_count * sizeof seen->last_us[0]);
    for (size_t i = 0; i < old.slots_count; i++) {
        size_t slot;

        if (old.slots[i].fingerprint == 0 || is_forgotten(&old, i, now_us))
            continue;
        slot = find_slot(seen, old.slots[i].fingerprint);
        seen->slots[slot] = old.slots[i];
        if (seen->forget_us > 0)
            seen->last_us[slot] = old.last_us[i];
    }
    mem_free(old.slots);
    mem_free(old.last_us);
}

struct sighting
seen_note(struct seen *seen, uint64_t fingerprint, int64_t now_us)
{
    struct seen_slot *slot;
    size_t at;

    assert(now_us >= 0);
    assert(now_us < INT64_C(1) << (64 - TIMES_BITS));
    if (fingerprint == 0)
        fingerprint = 1;
    if (seen->count >= seen->slots_count / 10 * 7)
        make_room(seen, now_us);
    at = find_slot(seen, fingerprint);
    slot = &seen->slots[at];
    if (slot->fingerprint == 0)
        seen->count++;
    if (slot->fingerprint == 0 || is_forgotten(seen, at, now_us))
        *slot = (struct seen_slot){fingerprint, (uint64_t)now_us << TIMES_BITS};
    if ((slot->first_us_times & TIMES_MAX) < TIMES_MAX)
        slot->first_us_times++;
    if (seen->forget_us > 0)
        seen->last_us[at] = now_us;
    return unpack(slot);
}

bool
seen_find(const struct seen *seen, uint64_t fingerprint, struct sighting *sighting)
{
    const struct seen_slot *slot;

    if (seen->slots_count == 0)
        return false;
    slot = &seen->slots[find_slot(seen, fingerprint != 0 ? fingerprint : 1)];
    if (slot->fingerprint == 0)
        return false;
    *sighting = unpack(slot);
    return true;
}

uint64_t
address_fingerprint(struct slice address, uint64_t seed)
{
    char lower[ADDRESS_DOMAIN_MAX];
    struct slice local = address, domain = {address.at, 0};

    for (size_t i = address.length; i > 0; i--)
        if (address.at[i - 1] == '@') {
            local.length = i - 1;
            domain = slice_from(address, i);
            break;
        }
    if (domain.length > sizeof lower)
        domain.length = sizeof lower;
    for (size_t i = 0; i < domain.length; i++)
        lower[i] = char_lower(domain.at[i]);
    return slice_hash(local, slice_hash((struct slice){lower, domain.length}, seed));
}
