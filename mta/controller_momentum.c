/* controller_momentum.c - Adaptive Delivery, as Momentum documents it.
 *
 * A reply that a response rule knows takes one step: fewer connections, fewer deliveries on each, half
 * the throttle, or a suspension. Anything is adjusted downwards at most once a minute, and upwards by
 * one step an hour while delivery works. Once an hour a sweep looks at the share of hard bounces and
 * timeouts. A running suspension is neither extended nor shortened; at its end all is as it was before.
 * While an IP is young a warm-up curve bounds the throttle.
 *
 * The vendor does not publish the size of a step; it is a half down, and up one connection, one delivery
 * and a tenth of the throttle. */
#include "mta/controller_parts.h"

enum { STEP_UP_PERCENT = 110 };

struct momentum {
    struct paced paced;
    int64_t throttle; /* a pace */
    int64_t adjusted_us, raised_us, sweep_at_us;
    uint32_t attempts, bad; /* since the last sweep */
    bool was_accepted;      /* since the last step up */
};

/* What a response rule does for a reply of this type. */
enum action { ACTION_NONE, REDUCE_CONNECTIONS, REDUCE_DELIVERIES, THROTTLE_DOWN, SUSPEND };

static enum action
action_for(enum reply_subject subject)
{
    switch (subject) {
    case REPLY_CONNECTION:
        return REDUCE_CONNECTIONS;
    case REPLY_MESSAGES_PER_CONNECTION:
        return REDUCE_DELIVERIES;
    case REPLY_RATE:
        return THROTTLE_DOWN;
    case REPLY_QUOTA:
    case REPLY_BLOCK:
        return SUSPEND;
    case REPLY_UNTYPED:
    case REPLY_RECIPIENTS:
    case REPLY_PER_RECIPIENT:
    case REPLY_GREYLIST:
    case REPLY_SYSTEM:
    case REPLY_USER:
    case REPLY_CONTENT:
    case REPLY_SUBJECTS_COUNT:
        break;
    }
    return ACTION_NONE;
}

/* --- warm-up --------------------------------------------------------------------------------- */

/* The first day is day 1. */
static int64_t
bounded_throttle(const struct momentum *m, int64_t now_us)
{
    const struct controller_settings *settings = &m->paced.base.rule->settings;
    int64_t age_us = settings->age_us + now_us - m->paced.base.created_us;
    int64_t per_hour = warmup_per_hour(settings->warmup, age_us / US_PER_DAY + 1);
    int64_t most = per_hour > 0 ? pace_of(per_hour, US_PER_HOUR) : PACE_MAX;

    return m->throttle < most ? m->throttle : most;
}

/* --- steps ----------------------------------------------------------------------------------- */

static void
set_throttle(struct momentum *m, int64_t throttle, const char *because, int64_t now_us,
    const struct signal *s)
{
    controller_tell_pace(&m->paced.base,
        &(struct change_note){.what = "throttle",
            .because = because,
            .now_us = now_us,
            .next_probe_us = m->raised_us + m->paced.base.rule->settings.up_every_us,
            .evidence = s},
        m->throttle, throttle);
    m->throttle = throttle;
    pacer_set(&m->paced.pacer, bounded_throttle(m, now_us), now_us);
}

static void
set_count(struct momentum *m, uint32_t *count, uint32_t to, const char *what, const char *because,
    int64_t now_us, const struct signal *s)
{
    controller_tell_count(&m->paced.base,
        &(struct change_note){.what = what, .because = because, .now_us = now_us, .evidence = s},
        *count, to);
    *count = to;
}

static void
suspend(struct momentum *m, const char *because, int64_t now_us, const struct signal *s)
{
    if (m->paced.base.held_until_us > now_us)
        return;
    controller_hold(&m->paced.base,
        &(struct change_note){.what = "suspension",
            .because = because,
            .now_us = now_us,
            .next_probe_us = now_us + m->paced.base.rule->settings.suspend_for_us,
            .evidence = s},
        now_us + m->paced.base.rule->settings.suspend_for_us);
}

static uint32_t
one_less(uint32_t count)
{
    return count > 1 ? count - 1 : 1;
}

static void
respond(struct momentum *m, const struct signal *s)
{
    enum action action = action_for(s->type.subject);

    if (action == ACTION_NONE ||
        s->now_us < m->adjusted_us + m->paced.base.rule->settings.down_every_us)
        return;
    m->adjusted_us = m->raised_us = s->now_us;
    switch (action) {
    case ACTION_NONE:
        return;
    case REDUCE_CONNECTIONS:
        set_count(m, &m->paced.connections, one_less(m->paced.connections), "connections",
            "response rule", s->now_us, s);
        return;
    case REDUCE_DELIVERIES:
        set_count(m, &m->paced.base.messages_per_connection,
            one_less(m->paced.base.messages_per_connection), "messages_per_connection",
            "response rule", s->now_us, s);
        return;
    case THROTTLE_DOWN:
        set_throttle(m, pace_scale(m->throttle, 1, 2), "response rule", s->now_us, s);
        return;
    case SUSPEND:
        suspend(m, "response rule", s->now_us, s);
        return;
    }
}

static void
step_up(struct momentum *m, int64_t now_us)
{
    const struct mx_rule *rule = m->paced.base.rule;
    int64_t most = pace_of(rule->settings.message_rate.num, rule->settings.message_rate.den);
    int64_t raised = pace_scale(m->throttle, STEP_UP_PERCENT, 100);

    m->raised_us = m->adjusted_us = now_us;
    m->was_accepted = false;
    set_throttle(m, raised < most ? raised : most, "positive step", now_us, NULL);
    if (m->paced.connections < rule->connections)
        set_count(m, &m->paced.connections, m->paced.connections + 1, "connections",
            "positive step", now_us, NULL);
    if (m->paced.base.messages_per_connection < rule->messages_per_connection)
        set_count(m, &m->paced.base.messages_per_connection,
            m->paced.base.messages_per_connection + 1, "messages_per_connection", "positive step",
            now_us, NULL);
}

static void
sweep(struct momentum *m, int64_t now_us)
{
    const struct controller_settings *settings = &m->paced.base.rule->settings;
    int64_t bad_ppm = m->attempts > 0 ? INT64_C(1000000) * m->bad / m->attempts : 0;

    if (m->attempts >= settings->sweep_attempts) {
        if (bad_ppm >= settings->sweep_high_ppm)
            suspend(m, "sweep rule", now_us, NULL);
        else if (bad_ppm >= settings->sweep_low_ppm)
            set_throttle(m, pace_scale(m->throttle, 1, 2), "sweep rule", now_us, NULL);
    }
    m->attempts = m->bad = 0;
    m->sweep_at_us = now_us + settings->sweep_every_us;
}

/* --- the controller -------------------------------------------------------------------------- */

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct momentum *m = (struct momentum *)c;

    if (s->kind == SIGNAL_OPENED)
        return;
    m->attempts++;
    m->bad += s->type.group == GROUP_USER_UNKNOWN || s->reply == NULL;
    m->was_accepted = m->was_accepted || s->kind == SIGNAL_ACCEPTED;
    if (s->reply != NULL)
        respond(m, s);
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct momentum *m = (struct momentum *)c;

    if (now_us >= m->sweep_at_us)
        sweep(m, now_us);
    if (m->was_accepted && now_us >= m->raised_us + c->rule->settings.up_every_us)
        step_up(m, now_us);
    m->paced.pacer.pace = bounded_throttle(m, now_us);
}

static void
init(struct controller *c, int64_t now_us)
{
    struct momentum *m = (struct momentum *)c;
    const struct controller_settings *settings = &c->rule->settings;

    m->throttle = pace_of(settings->message_rate.num, settings->message_rate.den);
    m->paced.pacer = (struct pacer){.pace = bounded_throttle(m, now_us), .next_ns = now_us * 1000};
    m->paced.connections = c->rule->connections;
    m->adjusted_us = now_us - settings->down_every_us;
    m->raised_us = now_us;
    m->sweep_at_us = now_us + settings->sweep_every_us;
}

const struct controller_ops controller_momentum = {
    .name = "momentum",
    .size = sizeof(struct momentum),
    .nature = {.is_typed = true, .is_per_source = true},
    .init = init,
    .signal = on_signal,
    .advance = advance,
    .connections = paced_connections,
    .ready_at_us = paced_ready_at_us,
    .take = paced_take,
    .describe = paced_describe,
};
