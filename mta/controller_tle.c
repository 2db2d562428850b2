/* controller_tle.c - typed limit estimation: each reply shows which limit was met and often where it is;
 * probing for more is paid for from a budget.
 *
 * The pace doubles until the first refusal. Refusals in quick succession (a cumulative sum tells them
 * from single ones) stop everything for a moment. What had been taken when the first of them came shows
 * the limit to the message, under each theory of what the site counts in (mta/tle_theory.h); which one
 * is true is found out on the way. Then the site is left in peace until refusals amount to no more than
 * the budget again, and a little more is tried. The wait doubles while the answer stays the same.
 *
 * Where nothing gets through any more there is a wall: a window or a quota that is used up, a penalty, a
 * block. Hammering at it makes it higher. Nothing is sent but one message now and then, at the instant
 * at which the theories say that it may be over, and later each time (mta/tle_wall.c).
 *
 * Sessions at once, messages on one and recipients at once are learned from the refusal that shows
 * them (mta/tle_count.h); there are never more sessions than the pace can use. */
#include "mta/controller_tle.h"

enum {
    STRAIGHT_MAX = 2,     /* refusals without an acceptance between: perhaps a wall */
    STEP_REFUSED_MAX = 3, /* in one step of a search, however far apart */
    SUM_ALARM = 5300,
    SUM_ALARM_SEARCH = 8500, /* single refusals are noise more often than not */
    STEADY_MESSAGES = 60,    /* a pace that carried so many is not wrong by much */
    CROWDED_MAX = 4,         /* refused connections with none of ours open */
    ASKS_MAX = 2,   /* canaries refused for what they are, before that means that it is open */
    LEAKS_MAX = 12, /* refusals in succession, of who lets some through */
    DOUBT_MAX = 8,  /* unreadable refusals that outweigh acceptances: they mean us */
};
#define PACE_FIRST       (4 * PACE_PER_S)
#define CANARY_LOST      (10 * US_PER_MIN)
#define COUNT_WAIT_MIN   US_PER_MIN
#define COUNT_WAIT_MAX   US_PER_HOUR
#define SESSION_WAIT_MIN (10 * US_PER_MIN)

static struct tle *
of(struct controller *c)
{
    return (struct tle *)c;
}

/* What an answer adds to the logarithm of a likelihood ratio, in thousandths: 0.4 % of refusals and
 * what is noise against 15 % and twice the noise. */
static const struct evidence {
    uint32_t noise_ppm;
    int64_t accepted, refused;
} evidences[] = {
    {2500,   159, 3624},
    {7500,   165, 2943},
    {15000,  172, 2497},
    {25000,  186, 2069},
    {40000,  200, 1821},
    {70000,  232, 1533},
    {100000, 321, 1214},
};

static const struct evidence *
evidence_of(const struct tle *t)
{
    size_t i = 0;

    while (i + 1 < COUNT_OF(evidences) && t->floor_ppm >= evidences[i].noise_ppm)
        i++;
    return &evidences[i];
}

/* --- signals --------------------------------------------------------------------------------- */

static bool
is_throttle(const struct tle *t, const struct signal *s)
{
    switch (s->type.subject) {
    case REPLY_RATE:
    case REPLY_QUOTA:
    case REPLY_BLOCK:
    case REPLY_CONNECTION:
        return true;
    case REPLY_MESSAGES_PER_CONNECTION:
        return s->session_messages == 0;
    case REPLY_SYSTEM:
    case REPLY_UNTYPED:
        return t->doubt >= DOUBT_MAX;
    case REPLY_RECIPIENTS:
    case REPLY_PER_RECIPIENT:
    case REPLY_GREYLIST:
    case REPLY_USER:
    case REPLY_CONTENT:
    case REPLY_SUBJECTS_COUNT:
        break;
    }
    return false;
}

/* A refusal is made up for by as many messages again. */
static bool
is_step_full(const struct tle *t, int64_t now_us)
{
    int64_t elapsed_us = now_us - t->step_began_us;
    uint32_t noise = t->floor_ppm * (t->step_accepted / 10) / 50000;
    uint32_t refused = t->step_refused > noise ? t->step_refused - noise : 0;

    return t->step_accepted >= tle_step_messages(t) * (1 + refused) && elapsed_us >= tle_step_us(t);
}

static bool
is_pace_used(const struct tle *t, int64_t now_us)
{
    int64_t used =
        pace_of(t->step_accepted + t->step_refused + t->step_leaked, now_us - t->step_began_us);

    return t->phase == TLE_CRUISE || used >= pace_scale(t->pacer.pace, 7, 10);
}

static void
on_passed(struct tle *t, const struct signal *s)
{
    int64_t began_us = s->now_us - s->took_us;
    bool is_of_step = began_us >= t->step_began_us;

    tle_history_add(&t->history, began_us);
    t->leaks_straight = 0;
    t->since_lone += t->since_lone < UINT32_MAX;
    t->slide_messages++;
    t->slide_total++;
    t->since_block += t->since_block < UINT32_MAX;
    if (t->doubt > 0)
        t->doubt--;
    if (t->phase == TLE_WALL) {
        if (t->is_canary_out && began_us >= t->canary_us) {
            tle_theories_taken(&t->theories, &t->history, began_us);
            tle_leave_wall(t, s);
        } else if (began_us > t->refused_began_us) {
            tle_pass_by(t, s->now_us);
        }
        return;
    }
    tle_theories_taken(&t->theories, &t->history, began_us);
    t->straight = 0;
    t->trim_messages++;
    if (!is_of_step)
        return;
    t->step_accepted++;
    t->sum -= evidence_of(t)->accepted;
    if (t->sum < 0)
        t->sum = 0;
    if (!is_step_full(t, s->now_us) || (t->sum > 0 && t->phase != TLE_SEARCH))
        return;
    if (is_pace_used(t, s->now_us))
        tle_on_clean_step(t, s->now_us);
    else
        tle_begin_step(t, s->now_us); /* a pace that nobody needs proves nothing */
}

static void
on_refused(struct tle *t, const struct signal *s)
{
    bool is_of_step = s->now_us - s->took_us >= t->step_began_us;
    bool is_block = s->type.subject == REPLY_BLOCK, is_quota = s->type.subject == REPLY_QUOTA;
    bool is_alarm, is_steady, is_first;
    int64_t first_us;

    if (is_block && t->is_leaky && t->phase != TLE_WALL && ++t->leaks_straight < LEAKS_MAX) {
        t->step_leaked++;
        t->pacer.next_ns -= pace_interval_ns(t->pacer.pace); /* it has used nothing up */
        return;
    }
    if (t->phase == TLE_WALL) {
        t->straight++;
        if (t->is_canary_out && s->now_us - s->took_us >= t->canary_us)
            tle_stay_at_wall(t, "still shut", s);
        else
            tle_pile_up(t, s);
        return;
    }
    first_us = tle_short_wait_us(t, s->now_us); /* of the very first it is another */
    is_first = !t->was_refused && is_of_step;
    t->was_refused = true;
    t->search_refused++;
    t->slide_refused++;
    t->slide_total++;
    t->trim_messages++;
    t->trim_refused++;
    if (!is_of_step)
        return;
    t->step_refused++;
    if (t->straight++ == 0)
        t->straight_us = s->now_us - s->took_us;
    t->sum += evidence_of(t)->refused;
    is_steady = t->phase == TLE_CRUISE && t->step_accepted > STEADY_MESSAGES;
    is_alarm = t->phase == TLE_CRUISE ? t->sum >= SUM_ALARM
                                      : t->sum >= SUM_ALARM_SEARCH ||
            t->step_refused >= STEP_REFUSED_MAX + t->floor_ppm * t->step_accepted / 500000;
    if (t->straight >= STRAIGHT_MAX + (uint32_t)t->is_noise_sure || s->type.hold_us > 0 ||
        tle_theories_door(&t->theories) == TLE_DOOR || is_first || (is_alarm && !is_steady))
        tle_hit_wall(t, (is_block && !t->is_leaky) || is_quota ? TLE_WALL_FIRST : first_us,
            is_block ? "blocked" : "shut", s);
    else if (t->phase == TLE_CRUISE && (t->trim_refused >= (t->is_noise_sure ? 8 : 3) || is_alarm))
        tle_trim(t, s);
}

static void
tell_limit(struct tle *t, const char *what, uint32_t before, const struct tle_count *count,
    const struct signal *s)
{
    controller_tell_count(&t->base,
        &(struct change_note){.what = what,
            .because =
                s->kind == SIGNAL_ACCEPTED || s->kind == SIGNAL_OPENED ? "passed" : "refused",
            .now_us = s->now_us,
            .next_probe_us = count->probe_at_us,
            .evidence = s},
        before, count->limit);
}

/* The one before is still being closed there. */
static void
wait_for_close(struct tle *t, const struct signal *s)
{
    int64_t until_us = s->now_us + (TLE_WALL_SHORT / 2 << t->crowded);

    t->crowded++;
    controller_hold(&t->base,
        &(struct change_note){.what = "hold",
            .because = "one is being closed",
            .now_us = s->now_us,
            .next_probe_us = until_us,
            .evidence = s},
        until_us);
}

/* Those that are being opened, but this one, may be let in or not. */
static uint32_t
sessions_allowed(const struct signal *s)
{
    return s->connections_ready + (s->connections_open - s->connections_ready) / 2;
}

static void
on_turned_away(struct tle *t, const struct signal *s)
{
    uint32_t before = t->sessions.limit;
    bool is_block = s->type.subject == REPLY_BLOCK;
    bool is_crowd = s->type.subject == REPLY_CONNECTION;

    if ((s->connections_ready > 0 && !is_block) || (is_crowd && s->connections_open > 1)) {
        tle_count_refused(
            &t->sessions, sessions_allowed(s), s->now_us, COUNT_WAIT_MIN, COUNT_WAIT_MAX);
        tell_limit(t, "connections", before, &t->sessions, s);
    } else if (t->phase == TLE_WALL) {
        if (s->now_us >= t->base.held_until_us)
            tle_stay_at_wall(t, "still shut", s);
    } else if (is_crowd && t->crowded < CROWDED_MAX) {
        wait_for_close(t, s);
    } else {
        tle_hit_wall(t, is_block ? TLE_WALL_FIRST : TLE_WALL_SHORT,
            s->reply != NULL ? "shut" : "no answer", s);
    }
}

static void
on_session_full(struct tle *t, const struct signal *s)
{
    uint32_t before = t->per_session.limit;

    tle_count_refused(
        &t->per_session, s->session_messages, s->now_us, SESSION_WAIT_MIN, COUNT_WAIT_MAX);
    tell_limit(t, "messages_per_connection", before, &t->per_session, s);
}

/* Without a word, after so many messages: twice the same number is a limit. */
static void
on_cut(struct tle *t, const struct signal *s)
{
    if (t->phase == TLE_WALL && t->is_canary_out)
        tle_stay_at_wall(t, "cut", s);
    if (s->session_messages > 0 && s->session_messages == t->cut_after)
        on_session_full(t, s);
    t->cut_after = s->session_messages;
}

static void
on_recipients(struct tle *t, const struct signal *s)
{
    uint32_t before = t->recipients.limit;

    tle_count_refused(
        &t->recipients, s->recipients_accepted, s->now_us, SESSION_WAIT_MIN, COUNT_WAIT_MAX);
    tell_limit(t, "recipients_per_transaction", before, &t->recipients, s);
}

static void
learn_time(int64_t *mean_us, int64_t took_us)
{
    if (took_us > 0)
        *mean_us = *mean_us == 0 ? took_us : *mean_us + (took_us - *mean_us) / 16;
}

static void
on_accepted(struct tle *t, const struct signal *s)
{
    uint32_t before = t->per_session.limit;

    learn_time(&t->transaction_us, s->took_us);
    if (s->recipients_accepted > 0)
        on_recipients(t, s);
    if (tle_count_passed(&t->per_session, s->session_messages, s->now_us))
        tell_limit(t, "messages_per_connection", before, &t->per_session, s);
    on_passed(t, s);
}

static void
on_opened(struct tle *t, const struct signal *s)
{
    uint32_t before = t->sessions.limit;

    t->crowded = 0;
    learn_time(&t->opening_us, s->took_us);
    if (tle_count_passed(&t->sessions, s->connections_ready, s->now_us))
        tell_limit(t, "connections", before, &t->sessions, s);
}

static void
publish(struct tle *t)
{
    uint32_t per_session = tle_count_use(&t->per_session),
             recipients = tle_count_use(&t->recipients);
    const struct mx_rule *rule = t->base.rule;

    t->base.messages_per_connection =
        per_session < rule->messages_per_connection ? per_session : rule->messages_per_connection;
    t->base.recipients_per_transaction = recipients < rule->recipients_per_transaction
        ? recipients
        : rule->recipients_per_transaction;
}

static void
on_answered(struct tle *t, const struct signal *s)
{
    if (s->type.subject == REPLY_SYSTEM || s->type.subject == REPLY_UNTYPED)
        t->doubt = t->doubt + 2 < 2 * DOUBT_MAX ? t->doubt + 2 : 2 * DOUBT_MAX;
    if (s->type.subject == REPLY_RECIPIENTS)
        on_recipients(t, s);
    else if (s->type.subject == REPLY_MESSAGES_PER_CONNECTION && s->session_messages > 0)
        on_session_full(t, s);
    else if (is_throttle(t, s))
        on_refused(t, s);
    else if (t->phase != TLE_WALL || t->asked >= ASKS_MAX)
        on_passed(t, s);
    else if (t->is_canary_out && s->now_us - s->took_us >= t->canary_us)
        tle_ask_again(t, s);
}

static void
hear(struct tle *t, const struct signal *s)
{
    switch (s->kind) {
    case SIGNAL_OPENED:
        on_opened(t, s);
        break;
    case SIGNAL_TURNED_AWAY:
        on_turned_away(t, s);
        break;
    case SIGNAL_ACCEPTED:
        on_accepted(t, s);
        break;
    case SIGNAL_ANSWERED:
        on_answered(t, s);
        break;
    case SIGNAL_CUT:
        on_cut(t, s);
        break;
    }
    publish(t);
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct signal heard = *s;

    if (s->type.subject == REPLY_QUOTA && c->rule->settings.takes_quota_for_rate)
        heard.type.subject = REPLY_RATE;
    hear(of(c), &heard);
}

/* --- answers --------------------------------------------------------------------------------- */

static void
init(struct controller *c, int64_t now_us)
{
    struct tle *t = of(c);

    t->phase = TLE_SEARCH;
    t->pacer = (struct pacer){.pace = PACE_FIRST, .next_ns = now_us * 1000};
    t->step_percent = 100;
    t->budget_ppm = c->rule->settings.probe_ppm;
    t->theories.has_short_only = c->rule->settings.takes_quota_for_rate;
    t->sessions = t->per_session = t->recipients = tle_count_new();
    t->step_began_us = t->opened_us = now_us;
    t->since_block = t->since_lone = UINT32_MAX;
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct tle *t = of(c);

    tle_count_advance(&t->per_session, now_us);
    tle_count_advance(&t->recipients, now_us);
    if (t->is_canary_out && now_us - t->canary_us > CANARY_LOST)
        t->is_canary_out = false;
    publish(t);
}

/* As many as the pace can use: a session is busy for the time of its transactions, and of its share of
 * the opening, to which the end adds a third, and a third more because they do not come evenly. */
static uint32_t
useful_sessions(const struct tle *t)
{
    uint32_t share = t->base.messages_per_connection > 0 ? t->base.messages_per_connection : 1;
    int64_t busy_us = t->transaction_us + t->opening_us * 4 / 3 / share;
    int64_t interval_ns = pace_interval_ns(t->pacer.pace);

    return (uint32_t)((busy_us * 1350 + interval_ns - 1) / interval_ns) + (busy_us == 0);
}

static uint32_t
connections(struct controller *c, uint32_t waiting, int64_t now_us)
{
    struct tle *t = of(c);
    uint32_t useful = useful_sessions(t), limit;

    if (t->phase == TLE_WALL)
        return waiting > 0;
    if (useful > t->sessions.limit)
        tle_count_advance(&t->sessions, now_us);
    limit = tle_count_use(&t->sessions);
    if (useful > limit)
        useful = limit;
    return useful < waiting ? useful : waiting;
}

static int64_t
ready_at_us(struct controller *c, int64_t now_us)
{
    const struct tle *t = of(c);

    if (t->phase == TLE_WALL)
        return t->is_canary_out ? t->canary_us + CANARY_LOST : c->held_until_us;
    return pacer_ready_at_us(&t->pacer) > c->held_until_us ? pacer_ready_at_us(&t->pacer)
                                                           : c->held_until_us;
}

static void
take(struct controller *c, int64_t now_us)
{
    struct tle *t = of(c);

    if (t->phase == TLE_WALL) {
        tle_look_back(t);
        t->is_canary_out = true;
        t->canary_us = now_us;
        return;
    }
    pacer_take(&t->pacer, now_us);
}

static void
describe_count(struct text *out, const char *what, const struct tle_count *count)
{
    if (count->limit < TLE_COUNT_NONE)
        text_printf(out, ", %s %u", what, (unsigned)count->limit);
}

static void
describe(const struct controller *c, int64_t now_us, struct text *out)
{
    static const char *const phases[] = {"searching", "cruising", "at a wall"};
    const struct tle *t = (const struct tle *)c;

    text_printf(out, " %s at ", phases[t->phase]);
    pace_format(out, t->pacer.pace);
    describe_count(out, "connections", &t->sessions);
    describe_count(out, "messages_per_connection", &t->per_session);
    describe_count(out, "recipients_per_transaction", &t->recipients);
    if (t->phase == TLE_CRUISE && t->probe_at_us > now_us) {
        text_add_string(out, ", next probe in ");
        unit_format_duration(out, t->probe_at_us - now_us);
    }
}

const struct controller_ops controller_tle = {
    .name = "tle",
    .size = sizeof(struct tle),
    .nature = {.is_typed = true, .is_per_source = true, .is_decoupled = true},
    .init = init,
    .signal = on_signal,
    .advance = advance,
    .connections = connections,
    .ready_at_us = ready_at_us,
    .take = take,
    .describe = describe,
};
