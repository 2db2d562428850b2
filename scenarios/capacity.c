/* capacity.c - how much somebody could have got through who knew every limit of a provider. */
#include "scenarios/capacity.h"

#include "base/mem.h"

static amount
amount_of(uint64_t count)
{
    return (amount)count * CAPACITY_ONE;
}

static amount
least(amount a, amount b)
{
    return a < b ? a : b;
}

/* --- one limit ------------------------------------------------------------------------------- */

static bool
is_bucket(const struct reservoir *reservoir)
{
    return reservoir->limit.window == WINDOW_BUCKET;
}

/* It has grown until there is no limit any more. */
static bool
is_gone(const struct reservoir *reservoir)
{
    return reservoir->limit.full > 0 && reservoir->limit.max >= reservoir->limit.full;
}

static amount
top_of(const struct capacity_limit *limit)
{
    return amount_of(
        limit->window == WINDOW_BUCKET && limit->burst > 0 ? limit->burst : limit->max);
}

static amount
inflow(const struct reservoir *reservoir, int64_t us)
{
    return amount_of(reservoir->limit.max) * us / reservoir->limit.length_us;
}

static int64_t
end_of_window(const struct capacity_limit *limit, int64_t now_us)
{
    int64_t offset_us = limit->window == WINDOW_CLOCK ? limit->clock_us % limit->length_us : 0;

    if (limit->window == WINDOW_FIXED || limit->window == WINDOW_CLOCK)
        return ((now_us + offset_us) / limit->length_us + 1) * limit->length_us - offset_us;
    return now_us + limit->length_us;
}

static void
begin_again(struct reservoir *reservoir)
{
    struct capacity_limit *limit = &reservoir->limit;

    if (limit->full > 0)
        limit->max = (uint64_t)((amount)limit->max * limit->grow.num / limit->grow.den);
    reservoir->stock = top_of(limit);
    reservoir->over = 0;
    reservoir->ends_us = INT64_MAX;
}

static void
pass(struct reservoir *reservoir, int64_t from_us, int64_t to_us, amount taken)
{
    if (is_bucket(reservoir))
        reservoir->stock =
            least(top_of(&reservoir->limit), reservoir->stock + inflow(reservoir, to_us - from_us));
    if (taken > 0 && !is_bucket(reservoir) && reservoir->ends_us == INT64_MAX)
        reservoir->ends_us = end_of_window(&reservoir->limit, from_us);
    reservoir->stock -= least(taken, reservoir->stock);
    if (to_us >= reservoir->ends_us)
        begin_again(reservoir);
}

/* --- connections ----------------------------------------------------------------------------- */

/* Messages in so many microseconds on one connection: *messages / *us. False: nobody knows, or there
 * are as many connections as one likes. */
static bool
connection_flow(const struct capacity *capacity, uint64_t *messages, uint64_t *us)
{
    if (capacity->connections == 0 || capacity->gap_us == 0)
        return false;
    *messages = 1;
    *us = (uint64_t)capacity->gap_us;
    if (capacity->per_connection > 0) {
        *messages = capacity->per_connection;
        *us = (uint64_t)(capacity->first_us > 0 ? capacity->first_us : capacity->gap_us) +
            (capacity->per_connection - 1) * (uint64_t)capacity->gap_us;
    }
    *messages *= capacity->connections;
    return true;
}

/* --- all together ---------------------------------------------------------------------------- */

/* What could have passed within so long from now on, had there been enough. False: any amount. */
static bool
yield(const struct capacity *capacity, int64_t us, amount *most)
{
    uint64_t messages, time_us;
    bool is_bounded = connection_flow(capacity, &messages, &time_us);

    if (capacity->is_shut) {
        *most = 0;
        return true;
    }
    if (is_bounded)
        *most = amount_of(messages) * us / (amount)time_us;
    for (size_t i = 0; i < capacity->count; i++) {
        const struct reservoir *reservoir = &capacity->reservoirs[i];
        amount here = reservoir->stock + (is_bucket(reservoir) ? inflow(reservoir, us) : 0);

        if (is_gone(reservoir))
            continue;
        *most = is_bounded ? least(*most, here) : here;
        is_bounded = true;
    }
    return is_bounded;
}

/* How long until `wanted` has passed; yield() says that it will. */
static int64_t
time_for(const struct capacity *capacity, amount wanted)
{
    uint64_t messages, time_us;
    amount longest_us = 0, us;

    if (connection_flow(capacity, &messages, &time_us))
        longest_us = (wanted * (amount)time_us + amount_of(messages) - 1) / amount_of(messages);
    for (size_t i = 0; i < capacity->count; i++) {
        const struct reservoir *reservoir = &capacity->reservoirs[i];
        amount missing = wanted - reservoir->stock, each = amount_of(reservoir->limit.max);

        if (is_gone(reservoir) || !is_bucket(reservoir) || missing <= 0 || each == 0)
            continue;
        us = (missing * reservoir->limit.length_us + each - 1) / each;
        longest_us = us > longest_us ? us : longest_us;
    }
    return (int64_t)longest_us;
}

amount
capacity_long_run(const struct capacity *capacity, int64_t us)
{
    uint64_t messages, time_us;
    amount most = 0;
    bool is_bounded = connection_flow(capacity, &messages, &time_us);

    if (capacity->is_shut)
        return 0;
    if (is_bounded)
        most = amount_of(messages) * us / (amount)time_us;
    for (size_t i = 0; i < capacity->count; i++) {
        if (is_gone(&capacity->reservoirs[i]))
            continue;
        most = is_bounded ? least(most, inflow(&capacity->reservoirs[i], us))
                          : inflow(&capacity->reservoirs[i], us);
        is_bounded = true;
    }
    return most;
}

/* Until when nothing changes but stocks. */
static int64_t
end_of_step(const struct capacity *capacity, int64_t until_us)
{
    int64_t grace_over_us = capacity->empty_since_us + CAPACITY_GRACE_US;

    for (size_t i = 0; i < capacity->count; i++) {
        const struct reservoir *reservoir = &capacity->reservoirs[i];
        int64_t ends_us = reservoir->ends_us;

        if (ends_us == INT64_MAX && capacity->backlog > 0 && !is_bucket(reservoir))
            ends_us = end_of_window(&reservoir->limit, capacity->now_us); /* it begins now */
        if (ends_us < until_us)
            until_us = ends_us;
    }
    if (capacity->backlog == 0 && capacity->waiting > 0 && grace_over_us > capacity->now_us &&
        grace_over_us < until_us)
        until_us = grace_over_us;
    return until_us;
}

static void
step(struct capacity *capacity, int64_t until_us, amount portion)
{
    int64_t from_us = capacity->now_us, to_us = end_of_step(capacity, until_us);
    amount taken = 0, most = 0;

    if (capacity->backlog > 0) {
        taken = least(capacity->backlog, portion);
        if (!yield(capacity, to_us - from_us, &most) || most >= taken)
            to_us = from_us + time_for(capacity, taken);
        else
            taken = most;
        capacity->backlog -= taken;
        capacity->empty_since_us = to_us;
        capacity->drawn += taken;
    } else if (capacity->waiting > 0 && from_us >= capacity->empty_since_us + CAPACITY_GRACE_US) {
        capacity->drawn += capacity_long_run(capacity, to_us - from_us);
    }
    if (capacity->waiting > 0)
        capacity->level += capacity_long_run(capacity, to_us - from_us);
    for (size_t i = 0; i < capacity->count; i++)
        pass(&capacity->reservoirs[i], from_us, to_us, taken);
    capacity->now_us = to_us;
}

/* Where connections are all that bounds him, nothing is known before the first messages have shown
 * how long one takes: then it is made up for. */
bool
capacity_advance_some(struct capacity *capacity, int64_t now_us, amount portion)
{
    amount until = capacity->drawn + portion;

    if (capacity->connections > 0 && capacity->gap_us == 0)
        return true;
    while (capacity->now_us < now_us && capacity->drawn < until)
        step(capacity, now_us, until - capacity->drawn);
    return capacity->now_us >= now_us;
}

void
capacity_advance(struct capacity *capacity, int64_t now_us)
{
    while (!capacity_advance_some(capacity, now_us, (amount)INT64_MAX * CAPACITY_ONE))
        continue;
}

void
capacity_add(struct capacity *capacity)
{
    capacity->waiting++;
    capacity->backlog += CAPACITY_ONE;
}

void
capacity_remove(struct capacity *capacity, bool is_sent)
{
    if (capacity->waiting > 0)
        capacity->waiting--;
    if (!is_sent)
        capacity->backlog -= least(capacity->backlog, CAPACITY_ONE);
}

/* --- coming, changing, going ----------------------------------------------------------------- */

bool
capacity_is_bounded(const struct capacity *capacity)
{
    return capacity->count > 0 || capacity->connections > 0;
}

void
capacity_limit(struct capacity *capacity, const struct capacity_limit *limit)
{
    assert(limit->length_us > 0);
    capacity->reservoirs = mem_grow(
        capacity->reservoirs, &capacity->room, capacity->count + 1, sizeof capacity->reservoirs[0]);
    capacity->reservoirs[capacity->count++] =
        (struct reservoir){.limit = *limit, .stock = top_of(limit), .ends_us = INT64_MAX};
}

/* What was used up of a window stays used up. */
void
capacity_change(
    struct capacity *capacity, size_t number, uint64_t max, int64_t length_us, uint64_t burst)
{
    struct reservoir *reservoir = &capacity->reservoirs[number];
    amount used = top_of(&reservoir->limit) - reservoir->stock + reservoir->over;

    assert(number < capacity->count);
    if (reservoir->limit.max == max && reservoir->limit.length_us == length_us &&
        reservoir->limit.burst == burst)
        return;
    reservoir->limit.max = max;
    reservoir->limit.length_us = length_us;
    reservoir->limit.burst = burst;
    reservoir->stock = top_of(&reservoir->limit) - used;
    reservoir->over = 0;
    if (reservoir->stock >= 0)
        return;
    if (!is_bucket(reservoir))
        reservoir->over = -reservoir->stock;
    reservoir->stock = 0;
}

void
capacity_release(struct capacity *capacity)
{
    mem_free(capacity->reservoirs);
    *capacity = (struct capacity){0};
}
