/* controller_oracle.c - the controller that is told the truth, to measure the others by. In the lab only.
 *
 * It asks before each message what the site will allow when the message gets there. What windows of a
 * second or so let through goes out at even distances; where more has gathered (a bucket that was full,
 * the hour's quota at its start) it is sent at once. Messages that have not got there yet will take up
 * room before it, so it is never refused unless a limit falls while one is under way. */
#include "mta/controller_parts.h"

enum {
    SESSIONS_MAX = 200,         /* where the site has no limit of its own */
    FIRST_TRANSACTION_MS = 100, /* as long as none has shown how long one takes */
    FOREVER_ASK_S = 60,         /* nothing will ease by itself: look again */
    TAKEN_MAX = 1024,           /* messages on their way at once; 2^n */
};

struct oracle {
    struct controller base;
    struct pacer pacer;
    int64_t taken_us[TAKEN_MAX]; /* a ring: when the last ones started */
    uint32_t taken_first, taken_count;
    bool is_at_once; /* what starts now is of what has gathered, and does not count for the pace */
    int64_t transaction_us; /* a moving mean */
    int64_t opening_us;     /* connecting included: the longest first transaction's excess */
};

static struct oracle *
of(struct controller *c)
{
    return (struct oracle *)c;
}

static uint32_t
count_within(uint64_t most, uint32_t otherwise)
{
    return most < otherwise ? (uint32_t)most : otherwise;
}

static bool
ask(struct controller *c, struct site_truth *truth)
{
    struct oracle *o = of(c);

    *truth = (struct site_truth){.room = UINT64_MAX,
        .eases_at_us = INT64_MAX,
        .connections = UINT64_MAX,
        .messages_per_connection = UINT64_MAX,
        .recipients_per_transaction = UINT64_MAX};
    if (c->truth == NULL || !c->truth(c->truth_arg, c->host, truth))
        return false;
    c->messages_per_connection =
        count_within(truth->messages_per_connection, c->rule->messages_per_connection);
    c->recipients_per_transaction =
        count_within(truth->recipients_per_transaction, c->rule->recipients_per_transaction);
    if (truth->has_pace && truth->pace.num > 0)
        o->pacer.pace =
            pace_scale(pace_of(truth->pace.num, truth->pace.den), PPM, PPM - truth->refused_ppm);
    return true;
}

/* What gets there at this very instant may not have been counted yet. */
static void
forget_arrived(struct oracle *o, int64_t way_us, int64_t now_us)
{
    while (o->taken_count > 0 && o->taken_us[o->taken_first] < now_us - way_us) {
        o->taken_first = (o->taken_first + 1) % TAKEN_MAX;
        o->taken_count--;
    }
}

static uint32_t
connections(struct controller *c, uint32_t waiting, int64_t now_us)
{
    struct oracle *o = of(c);
    struct site_truth truth;
    uint32_t most, useful;
    int64_t interval_ns;

    ask(c, &truth);
    most = count_within(truth.connections, c->rule->connections);
    if (truth.connections == UINT64_MAX && most > SESSIONS_MAX)
        most = SESSIONS_MAX;
    if (!truth.has_pace)
        return waiting < most ? waiting : most;
    interval_ns = pace_interval_ns(o->pacer.pace);
    useful = (uint32_t)((o->transaction_us * 1500 +
                            o->opening_us * 1500 / c->messages_per_connection + interval_ns - 1) /
                 interval_ns) +
        1;
    useful = useful < most ? useful : most;
    return useful < waiting ? useful : waiting;
}

/* When there is room for one more, by what is known now. */
static int64_t
room_at_us(const struct oracle *o, const struct site_truth *truth, int64_t now_us)
{
    int64_t at_us = now_us + FOREVER_ASK_S * US_PER_S;

    if (truth->room > o->taken_count && o->taken_count < TAKEN_MAX)
        return now_us;
    if (truth->eases_at_us < INT64_MAX)
        at_us = truth->eases_at_us - truth->way_us;
    if (o->taken_count > 0 && o->taken_us[o->taken_first] + truth->way_us + 1 < at_us)
        at_us = o->taken_us[o->taken_first] + truth->way_us + 1;
    return at_us > now_us ? at_us : now_us + 1;
}

static int64_t
ready_at_us(struct controller *c, int64_t now_us)
{
    struct oracle *o = of(c);
    struct site_truth truth;
    int64_t next_us = pacer_ready_at_us(&o->pacer), room_us;

    if (!ask(c, &truth))
        return now_us;
    forget_arrived(o, truth.way_us, now_us);
    o->is_at_once = !truth.has_pace;
    room_us = room_at_us(o, &truth, now_us);
    return o->is_at_once || room_us > next_us ? room_us : next_us;
}

static void
take(struct controller *c, int64_t now_us)
{
    struct oracle *o = of(c);

    if (o->taken_count < TAKEN_MAX)
        o->taken_us[(o->taken_first + o->taken_count++) % TAKEN_MAX] = now_us;
    if (!o->is_at_once)
        pacer_take(&o->pacer, now_us);
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct oracle *o = of(c);

    if (s->kind == SIGNAL_ACCEPTED)
        o->transaction_us += (s->took_us - o->transaction_us) / 8;
    if (s->kind == SIGNAL_OPENED && s->took_us > o->opening_us)
        o->opening_us = s->took_us;
}

static void
init(struct controller *c, int64_t now_us)
{
    struct oracle *o = of(c);

    o->pacer = (struct pacer){.pace = PACE_PER_S, .next_ns = now_us * 1000};
    o->transaction_us = FIRST_TRANSACTION_MS * US_PER_MS;
    o->opening_us = o->transaction_us;
}

static void
describe(const struct controller *c, int64_t now_us, struct text *out)
{
    text_add_string(out, ", knows the limits");
    text_add_string(out, ", pace ");
    pace_format(out, ((const struct oracle *)c)->pacer.pace);
}

const struct controller_ops controller_oracle = {
    .name = "oracle",
    .size = sizeof(struct oracle),
    .nature = {.is_typed = true, .is_decoupled = true},
    .init = init,
    .signal = on_signal,
    .connections = connections,
    .ready_at_us = ready_at_us,
    .take = take,
    .describe = describe,
};
