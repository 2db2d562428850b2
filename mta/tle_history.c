/* tle_history.c - how many messages a site took in the last minute, hour and day. */
#include "mta/tle_history.h"

#include "base/unit.h"

/* Slots between what was filled last and now are from long ago. */
static void
turn(uint32_t *ring, int64_t length, int64_t *number, int64_t to)
{
    int64_t steps = to - *number;

    for (int64_t i = 0; i < steps && i < length; i++)
        ring[(to - i) % length] = 0;
    *number = to;
}

static void
turn_all(struct tle_history *h, int64_t now_us)
{
    turn(h->seconds, TLE_SECONDS, &h->second, now_us / US_PER_S);
    turn(h->minutes, TLE_MINUTES, &h->minute, now_us / US_PER_MIN);
    turn(h->hours, TLE_HOURS, &h->hour, now_us / US_PER_HOUR);
}

void
tle_history_add(struct tle_history *history, int64_t now_us)
{
    turn_all(history, now_us);
    history->seconds[history->second % TLE_SECONDS]++;
    history->minutes[history->minute % TLE_MINUTES]++;
    history->hours[history->hour % TLE_HOURS]++;
}

static int64_t
sum(const uint32_t *ring, int64_t length, int64_t number, int64_t slots)
{
    int64_t total = 0;

    for (int64_t i = 0; i < slots && i < length && i <= number; i++)
        total += ring[(number - i) % length];
    return total;
}

int64_t
tle_history_sum(struct tle_history *h, int64_t us, int64_t now_us)
{
    turn_all(h, now_us);
    if (us <= US_PER_MIN)
        return sum(h->seconds, TLE_SECONDS, h->second, us / US_PER_S);
    if (us <= US_PER_HOUR)
        return sum(h->minutes, TLE_MINUTES, h->minute, us / US_PER_MIN);
    return sum(h->hours, TLE_HOURS, h->hour, us / US_PER_HOUR);
}
