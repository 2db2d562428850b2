/* tle_history.c - when the messages began that a site took. */
#include "mta/tle_history.h"

#include <stdbool.h>

#include "base/unit.h"

#define FINE_US   (US_PER_S / 10)
#define MIDDLE_US (10 * US_PER_S)
#define COARSE_US (10 * US_PER_MIN)
#define EMPTY_US  (US_PER_S / 20) /* what is uncertain about when it was empty */

struct ring {
    const uint32_t *slots;
    int64_t count, last, slot_us;
};

static struct ring
fine_of(const struct tle_history *h)
{
    return (struct ring){h->fine, TLE_FINE, h->fine_last, FINE_US};
}

static struct ring
middle_of(const struct tle_history *h)
{
    return (struct ring){h->middle, TLE_MIDDLE, h->middle_last, MIDDLE_US};
}

static struct ring
coarse_of(const struct tle_history *h)
{
    return (struct ring){h->coarse, TLE_COARSE, h->coarse_last, COARSE_US};
}

/* What has turned out of the ring, or is yet to come, is nothing. */
static int64_t
in_slot(const struct ring *ring, int64_t number)
{
    if (number < 0 || number > ring->last || number <= ring->last - ring->count)
        return 0;
    return ring->slots[number % ring->count];
}

static void
add(uint32_t *slots, int64_t count, int64_t *last, int64_t number)
{
    if (number <= *last - count)
        return;
    for (int64_t i = *last + 1 > number - count ? *last + 1 : number - count + 1; i <= number; i++)
        slots[i % count] = 0;
    *last = number > *last ? number : *last;
    slots[number % count]++;
}

void
tle_history_add(struct tle_history *h, int64_t began_us)
{
    int64_t *place = &h->exact[h->count % TLE_EXACT];

    if (h->count++ >= TLE_EXACT && *place > h->forgotten_us)
        h->forgotten_us = *place;
    *place = began_us;
    add(h->fine, TLE_FINE, &h->fine_last, began_us / FINE_US);
    add(h->middle, TLE_MIDDLE, &h->middle_last, began_us / MIDDLE_US);
    add(h->coarse, TLE_COARSE, &h->coarse_last, began_us / COARSE_US);
}

/* False: there are more than are remembered one by one. Answers come in any order. */
static bool
sum_exactly(const struct tle_history *h, int64_t after_us, int64_t at_us, int64_t *sum)
{
    uint64_t remembered = h->count < TLE_EXACT ? h->count : TLE_EXACT;

    *sum = 0;
    for (uint64_t i = 0; i < remembered; i++)
        *sum += h->exact[i] > after_us && h->exact[i] <= at_us ? TLE_MILLI : 0;
    return h->count <= TLE_EXACT || h->forgotten_us <= after_us;
}

int64_t
tle_history_sum(const struct tle_history *h, int64_t length_us, int64_t at_us)
{
    struct ring ring = length_us <= US_PER_MIN ? fine_of(h)
        : length_us <= US_PER_HOUR             ? middle_of(h)
                                               : coarse_of(h);
    int64_t after_us = at_us > length_us ? at_us - length_us : 0;
    int64_t to = at_us / ring.slot_us, from = after_us / ring.slot_us, total = 0;
    int64_t left_us = ring.slot_us - after_us % ring.slot_us; /* of the oldest slot */
    int64_t exact;

    if (sum_exactly(h, at_us - length_us, at_us, &exact))
        return exact;
    for (int64_t i = to; i > from; i--)
        total += in_slot(&ring, i);
    return total * TLE_MILLI + in_slot(&ring, from) * left_us / (ring.slot_us / TLE_MILLI);
}

struct flow { /* back in time, from the newest */
    int64_t length_us, at_us;
    int64_t taken, most;
};

/* The bucket held `held_us` worth of flow at that instant. */
static void
flow_from(struct flow *flow, int64_t taken, int64_t held_us, int64_t began_us)
{
    int64_t since_us = flow->at_us > began_us ? flow->at_us - began_us : 0;
    int64_t needed =
        taken * TLE_MILLI * (flow->length_us / US_PER_MS) / ((held_us + since_us) / US_PER_MS + 1);

    flow->most = needed > flow->most ? needed : flow->most;
}

static void
flow_back(struct flow *flow, const struct ring *ring, int64_t newest, int64_t oldest)
{
    for (int64_t i = newest; i > oldest && i > ring->last - ring->count; i--) {
        if (in_slot(ring, i) == 0)
            continue;
        flow->taken += in_slot(ring, i);
        flow_from(flow, flow->taken, flow->length_us, i * ring->slot_us);
    }
}

/* The slot in which it was empty; before the first one, if it never was. */
static int64_t
empty_slot(const struct ring *ring, int64_t empty_us)
{
    return empty_us > 0 ? empty_us / ring->slot_us : -1;
}

int64_t
tle_history_bucket(
    const struct tle_history *h, int64_t length_us, int64_t empty_us, int64_t at_us, int64_t more)
{
    struct ring fine = fine_of(h), middle = middle_of(h);
    struct flow flow = {.length_us = length_us, .at_us = at_us, .taken = more};
    int64_t fine_end = empty_slot(&fine, empty_us), middle_end = empty_slot(&middle, empty_us);
    int64_t ratio = middle.slot_us / fine.slot_us;
    int64_t joint = (fine.last - fine.count + ratio) / ratio; /* the first that is finely known */

    flow.most = more * TLE_MILLI;
    if (length_us > 10 * US_PER_MIN) {
        flow_back(&flow, &middle, at_us / middle.slot_us, middle_end);
    } else if (length_us < 10 * (int64_t)US_PER_S) {
        flow_back(&flow, &fine, at_us / fine.slot_us, fine_end);
    } else {
        flow_back(&flow, &fine, at_us / fine.slot_us,
            joint * ratio - 1 > fine_end ? joint * ratio - 1 : fine_end);
        flow_back(&flow, &middle, joint - 1, middle_end);
    }
    if (more == 0)
        flow.taken--; /* it was not quite empty: not enough for one */
    if (empty_us > 0 && flow.taken > 0)
        flow_from(&flow, flow.taken, EMPTY_US, empty_us);
    return flow.most;
}
