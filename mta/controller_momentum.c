/* controller_momentum.c - Adaptive Delivery, as Momentum documents it.
 *
 * A reply that a response rule knows (mta/rules/momentum.tsv) is answered at once: fewer connections,
 * fewer deliveries on each, half the throttle, another distance of tries, or a suspension. Anything is
 * adjusted at most once a minute, and upwards by one step an hour while delivery works. Once an hour a
 * sweep looks at the share of unknown addresses and timeouts in that hour, and at the complaints of the
 * last 24; one of the two may act. A running suspension is neither extended nor shortened; it is lifted by
 * a look at all suspensions once a minute, and then all is as it was before. While an IP is young a
 * warm-up curve bounds the throttle. Who cannot be reached at all rests for two minutes, and after fifty
 * failures in a row, or fifteen minutes, all who wait have had their try.
 *
 * The vendor does not publish the size of a step of the throttle; it is a half down, and a tenth up. Up is
 * one connection and one delivery, as its reports show. */
#include "mta/controller_parts.h"

enum { STEP_UP_PERCENT = 110 };

enum { SLICES = 6 }; /* of four hours: what a rate of complaints is taken over */
#define SLICE_US (4 * US_PER_HOUR)

struct slice_of_day {
    uint64_t delivered, complaints;
};

struct momentum {
    struct paced paced;
    int64_t throttle; /* a pace */
    int64_t adjusted_us, raised_us, sweep_at_us;
    int64_t born_us;        /* of the source IP; may be long before there was a clock */
    uint32_t attempts, bad; /* since the last sweep */
    bool was_accepted;      /* since the last step up */
    struct slice_of_day day[SLICES];
    int64_t slice; /* number of the newest */
};

/* --- warm-up --------------------------------------------------------------------------------- */

/* The first day is day 1. */
static int64_t
bounded_throttle(const struct momentum *m, int64_t now_us)
{
    const struct controller_settings *settings = &m->paced.base.rule->settings;
    int64_t per_hour = warmup_per_hour(settings->warmup, (now_us - m->born_us) / US_PER_DAY + 1);
    int64_t most = per_hour > 0 ? pace_of(per_hour, US_PER_HOUR) : PACE_MAX;

    return m->throttle < most ? m->throttle : most;
}

/* --- steps ----------------------------------------------------------------------------------- */

static void
set_throttle(struct momentum *m, int64_t throttle, const struct change_note *because)
{
    struct change_note note = *because;

    note.what = "throttle";
    note.next_probe_us = m->raised_us + m->paced.base.rule->settings.up_every_us;
    controller_tell_pace(&m->paced.base, &note, m->throttle, throttle);
    m->throttle = throttle;
    pacer_set(&m->paced.pacer, bounded_throttle(m, note.now_us), note.now_us);
}

static void
set_count(struct momentum *m, uint32_t *count, uint32_t to, const char *what,
    const struct change_note *because)
{
    struct change_note note = *because;

    note.what = what;
    controller_tell_count(&m->paced.base, &note, *count, to);
    *count = to;
}

/* It ends when somebody looks. */
static int64_t
on_grid(int64_t at_us, int64_t every_us)
{
    return every_us > 0 ? (at_us + every_us - 1) / every_us * every_us : at_us;
}

static void
suspend(struct momentum *m, int64_t for_us, const struct change_note *because)
{
    const struct controller_settings *settings = &m->paced.base.rule->settings;
    int64_t until_us = because->now_us + (for_us > 0 ? for_us : settings->suspend_for_us);
    struct change_note note = *because;

    if (m->paced.base.held_until_us > note.now_us)
        return;
    until_us = on_grid(until_us, settings->release_every_us);
    note.what = "suspension";
    note.next_probe_us = until_us;
    controller_hold(&m->paced.base, &note, until_us);
}

static void
throttle_down(struct momentum *m, const struct change_note *because)
{
    set_throttle(m, pace_scale(m->throttle, 1, 2), because);
}

static void
retry_after(struct momentum *m, int64_t us, const struct change_note *because)
{
    struct change_note note = *because;

    note.what = "seconds between tries";
    controller_tell_count(&m->paced.base, &note, (uint64_t)(m->paced.base.retry_us / US_PER_S),
        (uint64_t)(us / US_PER_S));
    m->paced.base.retry_us = us;
}

static void
set_age(struct momentum *m, int64_t age_us, const struct change_note *because)
{
    int64_t before = m->paced.pacer.pace;
    struct change_note note = *because;

    m->born_us = note.now_us - age_us;
    note.what = "warm-up";
    controller_tell_pace(&m->paced.base, &note, before, bounded_throttle(m, note.now_us));
    pacer_set(&m->paced.pacer, bounded_throttle(m, note.now_us), note.now_us);
}

static uint32_t
less(uint32_t count, int64_t by)
{
    return count > by ? count - (uint32_t)by : 1;
}

static void
act(struct momentum *m, const struct automation_rule *rule, const struct automation_action *action,
    const struct change_note *note)
{
    struct paced *paced = &m->paced;

    switch (action->verb) {
    case AUTOMATION_SUSPEND:
        suspend(m, rule->for_us, note);
        return;
    case AUTOMATION_THROTTLE_DOWN:
        throttle_down(m, note);
        return;
    case AUTOMATION_REDUCE_CONNECTIONS:
        set_count(
            m, &paced->connections, less(paced->connections, action->value), "connections", note);
        return;
    case AUTOMATION_REDUCE_DELIVERIES:
        set_count(m, &paced->base.messages_per_connection,
            less(paced->base.messages_per_connection, action->value), "messages_per_connection",
            note);
        return;
    case AUTOMATION_GREYLISTED:
        retry_after(m, action->value, note);
        return;
    case AUTOMATION_WARMUP:
        set_age(m, action->value, note);
        return;
    case AUTOMATION_NOTHING:
    case AUTOMATION_SET_RATE:
    case AUTOMATION_SET_CONNECTIONS:
    case AUTOMATION_SET_DELIVERIES:
        return;
    }
}

/* Replies that come within the minute count towards a trigger, and change nothing. */
static void
respond(struct momentum *m, const struct signal *s)
{
    const struct automation_rule *rule = controller_rule_for(&m->paced.base, s);
    struct change_note note = {.because = "response rule", .now_us = s->now_us, .evidence = s};

    if (rule == NULL ||
        !controller_is_triggered(&m->paced.base, rule, rule->period_us, s->now_us) ||
        s->now_us < m->adjusted_us + m->paced.base.rule->settings.down_every_us)
        return;
    if (rule->actions[0].verb != AUTOMATION_NOTHING)
        m->adjusted_us = s->now_us;
    note.rule = rule->id;
    for (size_t i = 0; i < rule->actions_count; i++)
        act(m, rule, &rule->actions[i], &note);
}

static bool
may_step_up(const struct momentum *m, int64_t now_us)
{
    const struct controller_settings *settings = &m->paced.base.rule->settings;

    return m->was_accepted && now_us >= m->raised_us + settings->up_every_us &&
        now_us >= m->adjusted_us + settings->down_every_us;
}

static void
step_up(struct momentum *m, int64_t now_us)
{
    const struct mx_rule *rule = m->paced.base.rule;
    const struct change_note note = {.because = "positive step", .now_us = now_us};
    int64_t most = pace_of(rule->settings.message_rate.num, rule->settings.message_rate.den);
    int64_t raised = pace_scale(m->throttle, STEP_UP_PERCENT, 100);

    m->raised_us = m->adjusted_us = now_us;
    m->was_accepted = false;
    set_throttle(m, raised < most ? raised : most, &note);
    if (m->paced.connections < rule->connections)
        set_count(m, &m->paced.connections, m->paced.connections + 1, "connections", &note);
    if (m->paced.base.messages_per_connection < rule->messages_per_connection)
        set_count(m, &m->paced.base.messages_per_connection,
            m->paced.base.messages_per_connection + 1, "messages_per_connection", &note);
    retry_after(m, 0, &note);
}

/* --- sweeps ---------------------------------------------------------------------------------- */

static struct slice_of_day *
slice_at(struct momentum *m, int64_t now_us)
{
    int64_t slice = now_us / SLICE_US;

    for (int64_t i = m->slice + 1; i <= slice && i <= m->slice + SLICES; i++)
        m->day[i % SLICES] = (struct slice_of_day){0};
    m->slice = slice;
    return &m->day[slice % SLICES];
}

/* In parts per million; 0: there are too few to say. */
static uint64_t
share_of(uint64_t some, uint64_t all, uint64_t all_min)
{
    return all > 0 && all >= all_min ? UINT64_C(1000000) * some / all : 0;
}

static bool
sweep_rule(struct momentum *m, const char *name, uint64_t share_ppm, uint32_t low_ppm,
    uint32_t high_ppm, int64_t now_us)
{
    const struct change_note note = {
        .because = "sweep rule", .now_us = now_us, .rule = slice_of(name)};

    if (share_ppm == 0 || share_ppm < low_ppm)
        return false;
    m->adjusted_us = now_us;
    if (share_ppm >= high_ppm)
        suspend(m, m->paced.base.rule->settings.suspend_for_us, &note);
    else
        throttle_down(m, &note);
    return true;
}

/* One of the two acts in a period, and neither while a suspension runs. */
static void
judge(struct momentum *m, int64_t now_us)
{
    const struct controller_settings *settings = &m->paced.base.rule->settings;
    struct slice_of_day day = {0};

    slice_at(m, now_us);
    for (size_t i = 0; i < SLICES; i++) {
        day.delivered += m->day[i].delivered;
        day.complaints += m->day[i].complaints;
    }
    if (!sweep_rule(m, "default_bounce_rule",
            share_of(m->bad, m->attempts, settings->sweep_attempts), settings->sweep_low_ppm,
            settings->sweep_high_ppm, now_us))
        sweep_rule(m, "default_fbl_rule",
            share_of(day.complaints, day.delivered, settings->fbl_deliveries),
            settings->fbl_low_ppm, settings->fbl_high_ppm, now_us);
}

/* Nobody may have looked for hours: the last sweep that was due is the one that is made up for. */
static void
sweep(struct momentum *m, int64_t now_us)
{
    int64_t every_us = m->paced.base.rule->settings.sweep_every_us;
    int64_t due_us = m->sweep_at_us + (now_us - m->sweep_at_us) / every_us * every_us;

    if (m->paced.base.held_until_us <= due_us)
        judge(m, now_us);
    m->attempts = m->bad = 0;
    m->sweep_at_us = due_us + every_us;
}

/* Unknown addresses and time-outs: the codes of the built-in rule. */
static void
on_outcome(struct controller *c, enum bounce_class class, int64_t now_us)
{
    struct momentum *m = (struct momentum *)c;

    m->attempts++;
    m->bad += class == CLASS_INVALID_RECIPIENT || class == CLASS_TIMEOUT;
    slice_at(m, now_us)->delivered += class == CLASS_NONE;
}

static void
on_complaint(struct controller *c, int64_t now_us)
{
    slice_at((struct momentum *)c, now_us)->complaints++;
}

/* --- the controller -------------------------------------------------------------------------- */

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct momentum *m = (struct momentum *)c;

    m->was_accepted = m->was_accepted || s->kind == SIGNAL_ACCEPTED;
    respond(m, s);
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct momentum *m = (struct momentum *)c;

    if (now_us >= m->sweep_at_us)
        sweep(m, now_us);
    if (may_step_up(m, now_us))
        step_up(m, now_us);
    m->paced.pacer.pace = bounded_throttle(m, now_us);
}

static void
init(struct controller *c, int64_t now_us)
{
    struct momentum *m = (struct momentum *)c;
    const struct controller_settings *settings = &c->rule->settings;

    m->throttle = pace_of(settings->message_rate.num, settings->message_rate.den);
    m->born_us = now_us - settings->age_us;
    m->paced.pacer = (struct pacer){.pace = bounded_throttle(m, now_us), .next_ns = now_us * 1000};
    m->paced.connections = c->rule->connections;
    m->adjusted_us = now_us - settings->down_every_us;
    m->raised_us = now_us;
    m->slice = now_us / SLICE_US;
    m->sweep_at_us = now_us + settings->sweep_every_us;
}

const struct controller_ops controller_momentum = {
    .name = "momentum",
    .size = sizeof(struct momentum),
    .nature = {.is_typed = true,
               .is_per_source = true,
               .failures_max = 50, /* mx_failures_to_delay */
        .failing_us_max = 900 * (int64_t)US_PER_S, /* connect_timeout_to_delay */
        .rest_us = 120 * (int64_t)US_PER_S}, /* host_failure_retry */
    .book = AUTOMATION_MOMENTUM,
    .init = init,
    .signal = on_signal,
    .outcome = on_outcome,
    .complaint = on_complaint,
    .advance = advance,
    .connections = paced_connections,
    .ready_at_us = paced_ready_at_us,
    .take = paced_take,
    .describe = paced_describe,
};
