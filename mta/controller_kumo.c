/* controller_kumo.c - shaping with automation: what KumoMTA's shaping files and its TSA daemon do.
 *
 * Static limits, and rules (mta/rules/kumo.tsv) that turn a kind of reply into an override for a fixed
 * time: a suspension, or another value of a limit. When the time is over the old value is back at once. A
 * rule fires at the first such reply, or at so many in a period; the period that counts is that of the
 * override, not the one that the rule names, which is what the daemon does and not what its documentation
 * says; `trigger_window: period` is for those who want the latter. Only after hundred times in a row that no
 * host could be reached all who wait have had their try. */
#include "mta/controller_parts.h"

enum { FAILURES_IN_A_ROW_MAX = 100 }; /* consecutive_connection_failures_before_delay */

struct kumo {
    struct paced paced;
    int64_t pace; /* without an override */
    int64_t rate_until_us, connections_until_us, deliveries_until_us;
};

static void
set_rate(struct kumo *k, int64_t pace, const struct change_note *because)
{
    struct change_note note = *because;

    note.what = "pace";
    note.next_probe_us = k->rate_until_us;
    controller_tell_pace(&k->paced.base, &note, k->paced.pacer.pace, pace);
    pacer_set(&k->paced.pacer, pace, note.now_us);
}

static void
set_count(uint32_t *count, uint32_t to, const char *what, int64_t until_us, struct kumo *k,
    const struct change_note *because)
{
    struct change_note note = *because;

    note.what = what;
    note.next_probe_us = until_us;
    controller_tell_count(&k->paced.base, &note, *count, to);
    *count = to;
}

static void
set_connections(struct kumo *k, uint32_t count, const struct change_note *because)
{
    set_count(&k->paced.connections, count, "connections", k->connections_until_us, k, because);
}

static void
set_deliveries(struct kumo *k, uint32_t count, const struct change_note *because)
{
    set_count(&k->paced.base.messages_per_connection, count, "messages_per_connection",
        k->deliveries_until_us, k, because);
}

static void
act(struct kumo *k, const struct automation_rule *rule, const struct automation_action *action,
    const struct signal *s)
{
    int64_t until_us = s->now_us + rule->for_us;
    struct change_note note = {.what = "suspension",
        .because = "automation",
        .now_us = s->now_us,
        .next_probe_us = until_us,
        .evidence = s,
        .rule = rule->id};

    switch (action->verb) {
    case AUTOMATION_SUSPEND:
        controller_hold(&k->paced.base, &note, until_us);
        return;
    case AUTOMATION_SET_RATE:
        k->rate_until_us = until_us;
        set_rate(k, action->value < k->pace ? action->value : k->pace, &note);
        return;
    case AUTOMATION_SET_CONNECTIONS:
        k->connections_until_us = until_us;
        set_connections(k, (uint32_t)action->value, &note);
        return;
    case AUTOMATION_SET_DELIVERIES:
        k->deliveries_until_us = until_us;
        set_deliveries(k, (uint32_t)action->value, &note);
        return;
    case AUTOMATION_NOTHING:
    case AUTOMATION_THROTTLE_DOWN:
    case AUTOMATION_REDUCE_CONNECTIONS:
    case AUTOMATION_REDUCE_DELIVERIES:
    case AUTOMATION_GREYLISTED:
    case AUTOMATION_WARMUP:
        return;
    }
}

static void
respond(struct kumo *k, const struct signal *s)
{
    const struct automation_rule *rule = controller_rule_for(&k->paced.base, s);
    int64_t period_us;

    if (rule == NULL)
        return;
    period_us = k->paced.base.rule->settings.counts_for_the_period ? rule->period_us : rule->for_us;
    if (!controller_is_triggered(&k->paced.base, rule, period_us, s->now_us))
        return;
    for (size_t i = 0; i < rule->actions_count; i++)
        act(k, rule, &rule->actions[i], s);
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    respond((struct kumo *)c, s);
}

/* True once, when it is. */
static bool
is_over(int64_t *until_us, int64_t now_us)
{
    if (*until_us == 0 || now_us < *until_us)
        return false;
    *until_us = 0;
    return true;
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct kumo *k = (struct kumo *)c;
    const struct change_note note = {.because = "override over", .now_us = now_us};

    if (is_over(&k->rate_until_us, now_us))
        set_rate(k, k->pace, &note);
    if (is_over(&k->connections_until_us, now_us))
        set_connections(k, c->rule->connections, &note);
    if (is_over(&k->deliveries_until_us, now_us))
        set_deliveries(k, c->rule->messages_per_connection, &note);
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
    .nature = {.is_typed = true, .is_per_source = true, .failures_max = FAILURES_IN_A_ROW_MAX},
    .book = AUTOMATION_KUMO,
    .init = init,
    .signal = on_signal,
    .advance = advance,
    .connections = paced_connections,
    .ready_at_us = paced_ready_at_us,
    .take = paced_take,
    .describe = paced_describe,
};
