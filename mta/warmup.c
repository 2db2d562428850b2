/* warmup.c - how much a new IP of ours may send on each day of its life. */
#include "mta/warmup.h"

#include <assert.h>
#include <inttypes.h>

#include "base/unit.h"

/* --- Momentum's curves ----------------------------------------------------------------------- */

struct warmup_step { /* up to this day of its life, so many messages an hour */
    int64_t day_last;
    int64_t per_hour;
};

static const struct warmup_step aol[] = {
    {4,         1000  },
    {10,        10000 },
    {INT64_MAX, 100000},
};
static const struct warmup_step fortnight[] = {
    {14,        10000 },
    {INT64_MAX, 100000},
};
static const struct warmup_step sina[] = {
    {2,         21600},
    {9,         36000},
    {INT64_MAX, 54000},
};

static int64_t
per_hour_on(const struct warmup_step *steps, int64_t day)
{
    while (day > steps->day_last)
        steps++;
    return steps->per_hour;
}

int64_t
warmup_per_hour(enum warmup_kind kind, int64_t day)
{
    enum { YAHOO_DAY_LAST = 28 };

    switch (kind) {
    case WARMUP_NONE:
    case WARMUP_DOUBLING:
    case WARMUP_KINDS_COUNT:
        break;
    case WARMUP_YAHOO:
        return day <= YAHOO_DAY_LAST ? day * 50000 / 24 : 100000;
    case WARMUP_AOL:
        return per_hour_on(aol, day);
    case WARMUP_GMAIL:
    case WARMUP_MICROSOFT:
        return per_hour_on(fortnight, day);
    case WARMUP_SINA:
        return per_hour_on(sina, day);
    }
    return 0;
}

/* --- plans ----------------------------------------------------------------------------------- */

static size_t
doubling_days(uint64_t first, uint64_t full, uint64_t *days)
{
    size_t count = 0;

    for (uint64_t cap = first; cap < full && count < WARMUP_DAYS_MAX; cap *= 2)
        days[count++] = cap;
    return count;
}

/* Where a curve has come to its end, the IP is warm. */
size_t
warmup_days(enum warmup_kind kind, uint64_t first, uint64_t full, uint64_t *days)
{
    int64_t warm = warmup_per_hour(kind, WARMUP_DAYS_MAX);
    size_t count = 0;

    if (kind == WARMUP_DOUBLING)
        return doubling_days(first, full, days);
    while (count < WARMUP_DAYS_MAX && warmup_per_hour(kind, (int64_t)count + 1) < warm) {
        days[count] = (uint64_t)warmup_per_hour(kind, (int64_t)count + 1) * 24;
        count++;
    }
    return count;
}

void
warmup_plan_key(const struct warmup_plan *plan, struct text *out)
{
    text_printf(out, "%d %" PRId64 " %d ", plan->has_start, plan->start_wall_us, plan->is_for_all);
    text_add(out, (const char *)plan->days, plan->days_count * sizeof *plan->days);
}

/* --- counts ---------------------------------------------------------------------------------- */

void
warmup_begin(struct warmup_count *count, const struct warmup_plan *plan, int64_t start_us)
{
    *count = (struct warmup_count){.plan = plan, .start_us = start_us};
}

int64_t
warmup_day(const struct warmup_count *count, int64_t now_us)
{
    return now_us < count->start_us ? 0 : (now_us - count->start_us) / US_PER_DAY + 1;
}

uint64_t
warmup_cap(const struct warmup_count *count, int64_t now_us)
{
    int64_t day = warmup_day(count, now_us);

    if (day < 1)
        return 0;
    return (uint64_t)day <= count->plan->days_count ? count->plan->days[day - 1] : UINT64_MAX;
}

uint64_t
warmup_room(const struct warmup_count *count, int64_t now_us)
{
    uint64_t cap = warmup_cap(count, now_us);
    uint64_t sent = warmup_day(count, now_us) == count->day ? count->sent : 0;

    return cap > sent ? cap - sent : 0;
}

/* A day may be without messages, hence the search. */
int64_t
warmup_ready_at_us(struct warmup_count *count, int64_t now_us)
{
    int64_t day = warmup_day(count, now_us);

    if (warmup_room(count, now_us) > 0)
        return now_us;
    do
        day++;
    while ((uint64_t)day <= count->plan->days_count && count->plan->days[day - 1] == 0);
    return count->start_us + (day - 1) * US_PER_DAY;
}

void
warmup_take(struct warmup_count *count, int64_t now_us)
{
    int64_t day = warmup_day(count, now_us);

    assert(warmup_room(count, now_us) > 0);
    if (day != count->day) {
        count->day = day;
        count->sent = 0;
        count->is_told = false;
    }
    count->sent++;
}
