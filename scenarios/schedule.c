/* schedule.c - when each message of a delivery is due. */
#include "scenarios/schedule.h"

enum { NS_PER_US = 1000 };

/* i x length / n, exact: the product itself may not fit. */
static int64_t
share_us(int64_t length_us, uint64_t i, uint64_t n)
{
    uint64_t length = (uint64_t)length_us;

    assert(i < n);
    assert(n <= UINT32_MAX); /* so that the second product fits */
    return (int64_t)(length / n * i + length % n * i / n);
}

/* i / rate */
static int64_t
even_us(struct ratio rate, uint64_t i)
{
    uint64_t num = (uint64_t)rate.num, den = (uint64_t)rate.den;

    return (int64_t)(i / num * den + i % num * den / num);
}

static int64_t
due_us(struct schedule *schedule)
{
    switch (schedule->kind) {
    case ARRIVALS_NONE:
        return share_us(schedule->length_us, schedule->number, schedule->count);
    case ARRIVALS_EVEN:
        return even_us(schedule->rate, schedule->number);
    case ARRIVALS_POISSON:
        schedule->next_ns +=
            rng_exponential_us(&schedule->rng, schedule->rate.den * NS_PER_US / schedule->rate.num);
        return schedule->next_ns / NS_PER_US;
    }
    return 0;
}

/* Arrivals end before the end of their time; what is counted ends with its number. */
static void
find_next(struct schedule *schedule)
{
    int64_t after_start_us;

    schedule->next_us = INT64_MAX;
    if (schedule->number >= schedule->count)
        return;
    after_start_us = due_us(schedule);
    if (schedule->kind == ARRIVALS_NONE || after_start_us < schedule->length_us)
        schedule->next_us = schedule->start_us + after_start_us;
}

struct schedule
schedule_of(const struct delivery_config *delivery, uint64_t messages_count, const struct rng *rng)
{
    struct schedule schedule = {.kind = delivery->arrivals, .count = messages_count};
    struct rng arrivals = rng_child(rng, "arrivals");

    if (delivery->arrivals == ARRIVALS_NONE) {
        schedule.start_us = delivery->at_us;
        schedule.length_us = delivery->spread_us;
    } else {
        assert(delivery->arrivals_rate.num > 0);
        schedule.start_us = delivery->arrivals_from_us;
        schedule.length_us = delivery->arrivals_to_us - delivery->arrivals_from_us;
        schedule.rate = delivery->arrivals_rate;
        schedule.rng = rng_child_slice(&arrivals, delivery->name);
    }
    find_next(&schedule);
    return schedule;
}

void
schedule_advance(struct schedule *schedule)
{
    assert(schedule->next_us != INT64_MAX);
    schedule->number++;
    find_next(schedule);
}
