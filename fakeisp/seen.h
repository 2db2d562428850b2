/* seen.h - who was here before: since when, how often, and when last.
 *
 * A memory of fingerprints (64 bits), 16 bytes each, 24 where it forgets. Whoever has not been seen
 * for `forget_us` is new again.
 *
 * Units      *_us are microseconds of loop time, below 2^48 (almost nine years).
 * Ownership  the caller's. A zeroed struct seen is valid, empty, and never forgets. */
#ifndef MTALAB_SEEN_H
#define MTALAB_SEEN_H

#include <stdbool.h>

#include "base/text.h"

struct seen_slot {
    uint64_t fingerprint;    /* 0: free */
    uint64_t first_us_times; /* first_us << 16 | times */
};

struct seen {
    struct seen_slot *slots;
    int64_t *last_us; /* beside each slot; only if it forgets */
    size_t slots_count, count;
    int64_t forget_us; /* 0: never. To be set while it is empty */
};

struct sighting {
    int64_t first_us;
    uint32_t times; /* 65535: at least so often */
};

void seen_release(struct seen *seen);

/* Notes that it is here now; the answer includes this time. */
struct sighting seen_note(struct seen *seen, uint64_t fingerprint, int64_t now_us);
/* The same without noting anything; false: never seen. */
bool seen_find(const struct seen *seen, uint64_t fingerprint, struct sighting *sighting);

/* The same for the same mailbox: the domain's case does not matter. */
uint64_t address_fingerprint(struct slice address, uint64_t seed);

#endif
