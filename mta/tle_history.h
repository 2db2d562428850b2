/* tle_history.h - how many messages a site took in the last minute, hour and day.
 *
 * Sixty seconds, sixty minutes and twenty-four hours, each a ring: what receivers count in.
 *
 * Ownership  storage is the caller's, zeroed before its first use. */
#ifndef MTALAB_TLE_HISTORY_H
#define MTALAB_TLE_HISTORY_H

#include <stdint.h>

enum { TLE_SECONDS = 60, TLE_MINUTES = 60, TLE_HOURS = 24 };

struct tle_history {
    int64_t second, minute, hour; /* numbers of those that are being filled */
    uint32_t seconds[TLE_SECONDS], minutes[TLE_MINUTES], hours[TLE_HOURS];
};

void tle_history_add(struct tle_history *history, int64_t now_us);
/* In the last `us`, which end at now_us: to the second up to a minute, to the minute up to an hour. */
int64_t tle_history_sum(struct tle_history *history, int64_t us, int64_t now_us);
#endif
