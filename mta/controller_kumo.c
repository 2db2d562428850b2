/* controller_kumo.c - shaping with automation: what KumoMTA's shaping files and its TSA daemon do.
 *
 * Static limits, and rules that turn a kind of reply into an override for a fixed time: a suspension, or
 * another value of a limit. When the time is over the old value is back at once. A rule fires at the
 * first such reply, or at so many in a period; the period that counts is that of the override, not the
 * one that the rule names, which is what the daemon does and not what its documentation says. After
 * hundred failed connections in a row everything waits for a while. */
#include "mta/controller_parts.h"

enum { FAILURES_IN_A_ROW_MAX = 100, EVENTS_MAX = 16 };
#define WAIT_AFTER_FAILURES (20 * US_PER_MIN)

enum action { SUSPEND, SET_RATE, SET_CONNECTIONS };

/* The axis of the third is wrong, and so it is in the rules that are shipped. */
static const struct automation {
    enum reply_subject subject;
    uint32_t events; /* at so many; 1: the first */
    enum action action;
    int64_t value; /* a pace, or a count */
    int64_t for_us;
} rules[] = {
    {REPLY_RATE,                    5, SUSPEND,         0,              15 * US_PER_MIN},
    {REPLY_CONNECTION,              5, SET_CONNECTIONS, 5,              30 * US_PER_MIN},
    {REPLY_MESSAGES_PER_CONNECTION, 1, SET_RATE,        PACE_PER_S / 6, 60 * US_PER_MIN},
    {REPLY_QUOTA,                   1, SUSPEND,         0,              60 * US_PER_MIN},
    {REPLY_BLOCK,                   2, SUSPEND,         0,              4 * US_PER_HOUR},
};

struct kumo {
    struct paced paced;
    int64_t pace; /* without an override */
    int64_t rate_until_us, connections_until_us;
    uint32_t failures;
    int64_t events_us[COUNT_OF(rules)][EVENTS_MAX]; /* rings of the latest */
    uint32_t events[COUNT_OF(rules)];
};

static void
set_rate(struct kumo *k, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
{
    controller_tell_pace(&k->paced.base,
        &(struct change_note){.what = "pace",
            .because = because,
            .now_us = now_us,
            .next_probe_us = k->rate_until_us,
            .evidence = s},
        k->paced.pacer.pace, pace);
    pacer_set(&k->paced.pacer, pace, now_us);
}

static void
set_connections(
    struct kumo *k, uint32_t count, const char *because, int64_t now_us, const struct signal *s)
{
    controller_tell_count(&k->paced.base,
        &(struct change_note){.what = "connections",
            .because = because,
            .now_us = now_us,
            .next_probe_us = k->connections_until_us,
            .evidence = s},
        k->paced.connections, count);
    k->paced.connections = count;
}

static void
act(struct kumo *k, const struct automation *rule, const struct signal *s)
{
    int64_t until_us = s->now_us + rule->for_us;

    switch (rule->action) {
    case SUSPEND:
        controller_hold(&k->paced.base,
            &(struct change_note){.what = "suspension",
                .because = "automation",
                .now_us = s->now_us,
                .next_probe_us = until_us,
                .evidence = s},
            until_us);
        return;
    case SET_RATE:
        k->rate_until_us = until_us;
        set_rate(k, rule->value < k->pace ? rule->value : k->pace, "automation", s->now_us, s);
        return;
    case SET_CONNECTIONS:
        k->connections_until_us = until_us;
        set_connections(k, (uint32_t)rule->value, "automation", s->now_us, s);
        return;
    }
}

/* So many within the time that the override lasts. */
static bool
is_triggered(struct kumo *k, size_t i, int64_t now_us)
{
    uint32_t number = k->events[i]++;

    k->events_us[i][number % EVENTS_MAX] = now_us;
    if (number + 1 < rules[i].events)
        return false;
    return now_us - k->events_us[i][(number + 1 - rules[i].events) % EVENTS_MAX] <= rules[i].for_us;
}

static void
count_failures(struct kumo *k, const struct signal *s)
{
    if (s->kind == SIGNAL_OPENED)
        k->failures = 0;
    if (s->kind != SIGNAL_TURNED_AWAY || ++k->failures < FAILURES_IN_A_ROW_MAX)
        return;
    k->failures = 0;
    controller_hold(&k->paced.base,
        &(struct change_note){
            .what = "hold", .because = "too many failures", .now_us = s->now_us, .evidence = s},
        s->now_us + WAIT_AFTER_FAILURES);
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct kumo *k = (struct kumo *)c;

    count_failures(k, s);
    if (s->reply == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (rules[i].subject == s->type.subject && is_triggered(k, i, s->now_us))
            act(k, &rules[i], s);
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct kumo *k = (struct kumo *)c;

    if (k->rate_until_us > 0 && now_us >= k->rate_until_us) {
        k->rate_until_us = 0;
        set_rate(k, k->pace, "override over", now_us, NULL);
    }
    if (k->connections_until_us > 0 && now_us >= k->connections_until_us) {
        k->connections_until_us = 0;
        set_connections(k, c->rule->connections, "override over", now_us, NULL);
    }
}

static void
init(struct controller *c, int64_t now_us)
{
    struct kumo *k = (struct kumo *)c;
    struct ratio rate = c->rule->settings.message_rate;

    k->pace = pace_of(rate.num, rate.den);
    k->paced.pacer = (struct pacer){.pace = k->pace, .next_ns = now_us * 1000};
    k->paced.connections = c->rule->connections;
}

const struct controller_ops controller_kumo = {
    .name = "kumo",
    .size = sizeof(struct kumo),
    .nature = {.is_typed = true, .is_per_source = true},
    .init = init,
    .signal = on_signal,
    .advance = advance,
    .connections = paced_connections,
    .ready_at_us = paced_ready_at_us,
    .take = paced_take,
    .describe = paced_describe,
};
