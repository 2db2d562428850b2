/* schedule.h - when each message of a delivery is due.
 *
 * A plain value: a copy goes its own way through the same instants, with the same luck. So one copy
 * can say when messages arrive while another follows those that leave.
 *
 * Units      *_us are microseconds of loop time; instants never fall. */
#ifndef MTALAB_SCHEDULE_H
#define MTALAB_SCHEDULE_H

#include "scenarios/campaign.h"

struct schedule {
    enum arrivals_kind kind; /* none: all at start, or evenly over `length_us` */
    int64_t start_us, length_us;
    struct ratio rate;
    struct rng rng;
    uint64_t number,
        count;       /* of the next message, from 0; of all (UINT64_MAX: as many as arrive) */
    int64_t next_us; /* what is due next; INT64_MAX: nothing more */
    int64_t next_ns; /* after the start: gaps are drawn finer than time, so that rates hold */
};

/* `rng` is the campaign's; the draws depend on it and on the delivery's name. */
struct schedule schedule_of(
    const struct delivery_config *delivery, uint64_t messages_count, const struct rng *rng);
void schedule_advance(struct schedule *schedule);

#endif
