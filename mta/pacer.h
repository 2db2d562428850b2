/* pacer.h - messages at even distances.
 *
 * A pace is an integer number of billionths of a message per second, instants are kept in nanoseconds:
 * 500/s as well as 3/d come out exactly enough that an hour of it is off by less than one message.
 *
 * Ownership  storage is the caller's. */
#ifndef MTALAB_PACER_H
#define MTALAB_PACER_H

#include "base/unit.h"

#define PACE_PER_S INT64_C(1000000000) /* one message per second */
#define PACE_MIN   (PACE_PER_S / 3600)
#define PACE_MAX   (INT64_C(100000) * PACE_PER_S)
#define PACE_LATE_NS \
    INT64_C(20000000) /* a late start is made good for, so much or half a distance */

struct pacer {
    int64_t pace; /* from PACE_MIN to PACE_MAX */
    int64_t next_ns;
};

static inline int64_t
pace_clamp(int64_t pace, int64_t low, int64_t high)
{
    return pace < low ? low : pace > high ? high : pace;
}

/* pace x num / den, within the bounds; num and den are counts, percents or parts per million. */
static inline int64_t
pace_scale(int64_t pace, int64_t num, int64_t den)
{
    return pace_clamp(pace / den * num + pace % den * num / den, PACE_MIN, PACE_MAX);
}

/* So many messages in so long; in two steps, so that neither overflows. */
static inline int64_t
pace_of(int64_t messages, int64_t us)
{
    int64_t scaled;

    if (messages >= us / 10)
        return messages > 0 ? PACE_MAX : PACE_MIN;
    /* Months and years: what is left is exact enough. */
    while (messages > INT64_MAX / 1000000000 || us > INT64_MAX / 1000000) {
        messages /= 2;
        us /= 2;
    }
    scaled = messages * 1000000000;
    return pace_clamp(scaled / us * 1000000 + scaled % us * 1000000 / us, PACE_MIN, PACE_MAX);
}

static inline int64_t
pace_interval_ns(int64_t pace)
{
    return PACE_PER_S * PACE_PER_S / pace;
}

/* The first instant at which a message may start. */
static inline int64_t
pacer_ready_at_us(const struct pacer *pacer)
{
    return (pacer->next_ns + 999) / 1000;
}

static inline void
pacer_take(struct pacer *pacer, int64_t now_us)
{
    int64_t interval_ns = pace_interval_ns(pacer->pace);
    int64_t late_ns = interval_ns / 2 < PACE_LATE_NS ? interval_ns / 2 : PACE_LATE_NS;
    int64_t earliest_ns = now_us * 1000 - late_ns;

    if (pacer->next_ns < earliest_ns)
        pacer->next_ns = earliest_ns;
    pacer->next_ns += interval_ns;
}

/* A faster pace is felt at once, not only after the last slow distance. */
static inline void
pacer_set(struct pacer *pacer, int64_t pace, int64_t now_us)
{
    int64_t next_ns = now_us * 1000 + pace_interval_ns(pace);

    pacer->pace = pace;
    if (pacer->next_ns > next_ns)
        pacer->next_ns = next_ns;
}

#endif
