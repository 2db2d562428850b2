/* tle_count.h - a limit that is a small number: sessions at once, messages on one, recipients at once.
 *
 * A refusal shows the number itself. It is looked at again from time to time, one above it and more if
 * that goes well; each refusal doubles the wait until the next look.
 *
 * Ownership  storage is the caller's. */
#ifndef MTALAB_TLE_COUNT_H
#define MTALAB_TLE_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct tle_count {
    uint32_t limit; /* CONTROLLER_NO_LIMIT: none was met */
    uint32_t step;  /* so many more are tried at the next look */
    int64_t wait_us, probe_at_us;
    bool is_probing;
};

enum { TLE_COUNT_NONE = 1000000 };

static inline struct tle_count
tle_count_new(void)
{
    return (struct tle_count){.limit = TLE_COUNT_NONE, .step = 1};
}

/* What may be used now: the limit, or a little more where it is being looked at. */
static inline uint32_t
tle_count_use(const struct tle_count *count)
{
    return count->is_probing ? count->limit + count->step : count->limit;
}

/* Time has come to look; only where more would be of use. */
static inline void
tle_count_advance(struct tle_count *count, int64_t now_us)
{
    if (count->limit < TLE_COUNT_NONE && !count->is_probing && now_us >= count->probe_at_us)
        count->is_probing = true;
}

/* So many were too many by one. */
static inline void
tle_count_refused(
    struct tle_count *count, uint32_t allowed, int64_t now_us, int64_t wait_min, int64_t wait_max)
{
    bool is_same = allowed == count->limit;

    count->limit = allowed > 0 ? allowed : 1;
    count->step = 1;
    count->is_probing = false;
    count->wait_us = is_same && count->wait_us > 0 ? count->wait_us * 2 : wait_min;
    if (count->wait_us > wait_max)
        count->wait_us = wait_max;
    count->probe_at_us = now_us + count->wait_us;
}

/* So many were fine. True: that is news. */
static inline bool
tle_count_passed(struct tle_count *count, uint32_t used, int64_t now_us)
{
    if (count->limit >= TLE_COUNT_NONE || used <= count->limit)
        return false;
    count->limit = used;
    if (used >= count->limit) {
        count->step *= 2;
        count->wait_us = 0;
        count->is_probing = true;
    }
    return true;
}

#endif
