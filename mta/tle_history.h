/* tle_history.h - when the messages began that a site took.
 *
 * The last few as they are; tenths of a second for about a minute, tens of seconds for about an hour, tens of minutes for about
 * a day, each a ring: what receivers count in. A message is counted at the instant at which it began,
 * as they do, not when its answer came; so what is on its way is missing until it arrives.
 *
 * Units      *_us are microseconds of loop time; amounts are thousandths of a message.
 * Ownership  storage is the caller's, zeroed before its first use. */
#ifndef MTALAB_TLE_HISTORY_H
#define MTALAB_TLE_HISTORY_H

#include <stdint.h>

enum { TLE_EXACT = 64, TLE_FINE = 640, TLE_MIDDLE = 400, TLE_COARSE = 160, TLE_MILLI = 1000 };

struct tle_history {
    int64_t exact[TLE_EXACT];                    /* the last ones, to the microsecond */
    uint64_t count;                              /* ever */
    int64_t forgotten_us;                        /* the newest that is no more among them */
    int64_t fine_last, middle_last, coarse_last; /* numbers of the slots that are being filled */
    uint32_t fine[TLE_FINE], middle[TLE_MIDDLE], coarse[TLE_COARSE];
};

void tle_history_add(struct tle_history *history, int64_t began_us);

/* Begun in the `length_us` that end at `at_us`; of the oldest slot its share, where there are many. */
int64_t tle_history_sum(const struct tle_history *history, int64_t length_us, int64_t at_us);

/* How much a bucket must hold that is filled once per `length_us`, to have let through what began
 * between `empty_us`, when it was empty, and `at_us`, and `more` at that instant: at any time before it
 * was full at best, and since then what was taken is what it held and what flowed in. */
int64_t tle_history_bucket(const struct tle_history *history, int64_t length_us, int64_t empty_us,
    int64_t at_us, int64_t more);

#endif
