/* warmup.h - how much a new IP of ours may send on each day of its life.
 *
 * A plan is a number of messages for each day, by provider (each site its own count) or for all
 * together; after its last day the IP is warm, and the plan says nothing more. What is beyond the day's
 * number goes to the others of the pool, or waits for the next day. A day is 24 hours from the start of
 * the plan: with a start at midnight, the day of the calendar.
 *
 * Units      *_us are microseconds of loop time; days count from 1.
 * Ownership  a plan is borrowed; the count is the caller's storage. */
#ifndef MTALAB_WARMUP_H
#define MTALAB_WARMUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum warmup_kind { /* curves that have a name */
    WARMUP_NONE,
    WARMUP_YAHOO,
    WARMUP_AOL,
    WARMUP_GMAIL,
    WARMUP_MICROSOFT,
    WARMUP_SINA,
    WARMUP_DOUBLING, /* the first day's number, twice as much on each next one, until it is full */
    WARMUP_KINDS_COUNT,
};

/* Momentum's curves, by the age of a binding: messages per hour. 0: the kind has none. */
int64_t warmup_per_hour(enum warmup_kind kind, int64_t day);

enum { WARMUP_DAYS_MAX = 366 };

struct warmup_plan {
    const uint64_t *days; /* messages on day 1, 2, … */
    size_t days_count;
    bool has_start;
    int64_t start_wall_us; /* else the start of the process */
    bool is_for_all;       /* one count for all sites; else each its own */
};

/* Fills days[WARMUP_DAYS_MAX] from a curve; answers how many days it takes. `first` and `full` are for
 * WARMUP_DOUBLING, both at least 1. */
size_t warmup_days(enum warmup_kind kind, uint64_t first, uint64_t full, uint64_t *days);

/* What the plan says, as bytes: plans that say the same are the same, over a reload too. */
void warmup_plan_key(const struct warmup_plan *plan, struct text *out);

struct warmup_count {
    const struct warmup_plan *plan;
    int64_t start_us;
    int64_t day;   /* that `sent` is of */
    uint64_t sent; /* messages */
    bool is_told;  /* that the day is full */
};

void warmup_begin(struct warmup_count *count, const struct warmup_plan *plan, int64_t start_us);
/* The first instant at which a message may go; now or earlier is now. */
int64_t warmup_ready_at_us(struct warmup_count *count, int64_t now_us);
uint64_t warmup_room(const struct warmup_count *count, int64_t now_us); /* it is ready */
void warmup_take(struct warmup_count *count, int64_t now_us);           /* likewise */
/* What is allowed on the day of `now_us`; UINT64_MAX: it is warm; 0: it has not begun. */
uint64_t warmup_cap(const struct warmup_count *count, int64_t now_us);
int64_t warmup_day(
    const struct warmup_count *count, int64_t now_us); /* 0 or less: before the first */

#endif
