/* controller_tle.c - typed limit estimation: each reply shows which limit was met and often where it is;
 * probing for more is paid for from a budget.
 *
 * The pace is searched for between `good`, which was clean, and `bad`, which was not. At first it
 * doubles. Refusals in quick succession (a cumulative sum tells them from single ones) end a step; the
 * search goes on between the two until they are near each other, and then the site is left in peace
 * until refusals amount to no more than the budget again. The wait doubles while the answer stays the
 * same.
 *
 * Where nothing gets through any more there is a wall: a quota that is used up, a penalty, a block.
 * Hammering at it makes it higher. Nothing is sent but one message now and then, later each time; when
 * one gets through, what was accepted from the last such moment to this one is what the site allows
 * over such a time.
 *
 * Sessions at once, messages on one and recipients at once are learned from the refusal that shows
 * them (mta/tle_count.h); there are never more sessions than the pace can use. */
#include "mta/controller_tle.h"

enum {
    STEP_MESSAGES = 20,     /* that a pace must carry before it counts as good */
    STEP_MESSAGES_SLOW = 8, /* the same where messages are rare */
    STEP_US_MIN = 4 * US_PER_S,
    STRAIGHT_MAX = 4, /* refusals without an acceptance between: a wall */
    STRAIGHT_BLOCK_MAX = 2,
    SUM_ACCEPTED = 159, /* of a likelihood ratio, in thousandths: 0.4 % against 15 % of refusals */
    SUM_REFUSED = 3624,
    SUM_ALARM = 5300,
    NEAR_PERCENT = 8, /* good and bad so near are one */
    STEP_PERCENT_MIN = 5,
    STEP_PERCENT_MAX = 100,
    DOUBT_MAX = 8, /* unreadable refusals that outweigh acceptances: they mean us */
};
#define SLOW_PACE        (PACE_PER_S / 2)
#define PACE_FIRST       (PACE_PER_S / 5)
#define PROBE_WAIT_MIN   (10 * (int64_t)US_PER_S)
#define PROBE_WAIT_MAX   (30 * US_PER_MIN)
#define WALL_SHORT       ((int64_t)US_PER_S)
#define WALL_FIRST       US_PER_MIN
#define WALL_MAX         (5 * US_PER_MIN)
#define WALL_BLOCK_MAX   (30 * US_PER_MIN)
#define CANARY_LOST      (10 * US_PER_MIN)
#define COUNT_WAIT_MIN   US_PER_MIN
#define COUNT_WAIT_MAX   US_PER_HOUR
#define SESSION_WAIT_MIN (10 * US_PER_MIN)

static struct tle *
of(struct controller *c)
{
    return (struct tle *)c;
}

/* --- the pace -------------------------------------------------------------------------------- */

static void
begin_step(struct tle *t, int64_t now_us)
{
    t->step_began_us = now_us;
    t->step_accepted = t->step_refused = 0;
    t->sum = 0;
}

static void
set_pace(struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
{
    int64_t next_us = t->phase == TLE_CRUISE ? t->probe_at_us
        : t->phase == TLE_WALL               ? t->base.held_until_us
                                             : now_us + STEP_US_MIN;

    pace = pace_clamp(pace, PACE_MIN, PACE_MAX);
    controller_tell_pace(&t->base,
        &(struct change_note){.what = "pace",
            .because = because,
            .now_us = now_us,
            .next_probe_us = next_us,
            .evidence = s},
        t->pacer.pace, pace);
    pacer_set(&t->pacer, pace, now_us);
    begin_step(t, now_us);
}

static uint32_t
step_messages(const struct tle *t)
{
    return t->pacer.pace < SLOW_PACE ? STEP_MESSAGES_SLOW : STEP_MESSAGES;
}

/* The probing so far is to cost no more than the budget until it begins again. */
static int64_t
probe_wait_us(const struct tle *t)
{
    struct ratio refusals = ratio_of(t->search_refused > 0 ? t->search_refused : 1, 1);
    struct ratio paid_per_us =
        ratio_multiply(ratio_of(t->pacer.pace, PACE_PER_S), ratio_of(t->budget_ppm, 1000000));
    int64_t wait_us =
        ratio_round(ratio_multiply(ratio_divide(refusals, paid_per_us), ratio_of(US_PER_S, 1)));

    for (uint32_t i = 0; i < t->agreements && wait_us < PROBE_WAIT_MAX; i++)
        wait_us *= 2;
    if (wait_us < PROBE_WAIT_MIN)
        return PROBE_WAIT_MIN;
    return wait_us < PROBE_WAIT_MAX ? wait_us : PROBE_WAIT_MAX;
}

static bool
is_near(int64_t a, int64_t b, int64_t percent)
{
    int64_t low = a < b ? a : b, high = a < b ? b : a;

    return high <= pace_scale(low, 100 + percent, 100);
}

/* The search is over: this pace it is, for as long as the budget says. */
static void
cruise(struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
{
    t->agreements = is_near(pace, t->settled, 12) ? t->agreements + 1 : 0;
    if (t->agreements > 16)
        t->agreements = 16;
    t->settled = pace;
    t->phase = TLE_CRUISE;
    t->probe_at_us = now_us + probe_wait_us(t);
    t->search_refused = 0;
    t->trim_messages = t->trim_refused = 0;
    t->trim_share_ppm = 0;
    set_pace(t, pace, because, now_us, s);
}

/* Upwards from `good`, half the way to `bad` where that is known. */
static void
search_on(struct tle *t, const char *because, int64_t now_us, const struct signal *s)
{
    int64_t pace;

    t->phase = TLE_SEARCH;
    if (t->bad > 0 && t->bad > t->good) {
        pace = t->good + (t->bad - t->good) / 2;
    } else {
        pace = pace_scale(t->good, 100 + t->step_percent, 100);
        t->step_percent *= 2;
        if (t->step_percent > STEP_PERCENT_MAX)
            t->step_percent = STEP_PERCENT_MAX;
    }
    set_pace(t, pace, because, now_us, s);
}

static bool
is_found(const struct tle *t)
{
    return t->bad > 0 && is_near(t->good, t->bad, NEAR_PERCENT);
}

/* This pace has carried enough, and without complaint. */
static void
on_clean_step(struct tle *t, int64_t now_us)
{
    t->good = t->pacer.pace;
    switch (t->phase) {
    case TLE_SEARCH:
    case TLE_SETTLE:
        if (t->bad > 0 && t->bad <= t->good)
            t->bad = 0;
        if (is_found(t))
            cruise(t, t->good, "between what passed and what did not", now_us, NULL);
        else
            search_on(t, "clean", now_us, NULL);
        return;
    case TLE_CRUISE:
        if (now_us < t->probe_at_us) {
            t->sum = 0;
            return;
        }
        t->bad = 0;
        t->step_percent = STEP_PERCENT_MIN;
        search_on(t, "probe", now_us, NULL);
        return;
    case TLE_WALL:
        return;
    }
}

/* Too much: back to what was good; what was good before may be so no more. */
static void
on_overload(struct tle *t, const struct signal *s)
{
    int64_t pace = t->pacer.pace;
    uint32_t messages = t->step_accepted + t->step_refused;
    int64_t share_kept = pace_scale(pace, t->step_accepted, messages > 0 ? messages : 1);

    t->bad = pace;
    if (t->phase == TLE_SEARCH && t->good < pace) {
        pace = t->good;
    } else {
        pace = share_kept > pace / 2 ? pace_scale(share_kept, 95, 100) : pace / 2;
        t->good = pace;
    }
    t->phase = TLE_SETTLE;
    if (is_found(t))
        cruise(t, pace, "throttled", s->now_us, s);
    else
        set_pace(t, pace, "throttled", s->now_us, s);
}

/* Single refusals that are more than the budget: a little less will do. Where less does not help they
 * are noise, and the pace that was is right. */
static void
trim(struct tle *t, const struct signal *s)
{
    uint32_t share_ppm = (uint32_t)(INT64_C(1000000) * t->trim_refused / t->trim_messages);
    int64_t pace = t->pacer.pace;

    if (t->trim_share_ppm > 0 && share_ppm > t->trim_share_ppm / 5 * 3) {
        t->floor_ppm = share_ppm > t->trim_share_ppm ? share_ppm : t->trim_share_ppm;
        pace = t->trim_pace;
        t->trim_share_ppm = 0;
        t->trim_messages = t->trim_refused = 0;
        set_pace(t, pace, "noise", s->now_us, s);
        return;
    }
    t->trim_messages = t->trim_refused = 0;
    if (share_ppm < t->budget_ppm || share_ppm < t->floor_ppm * 2)
        return;
    t->trim_share_ppm = share_ppm;
    t->trim_pace = pace;
    set_pace(t, pace_scale(pace, 1000000 - INT64_C(3) * share_ppm / 2, 1000000), "trimmed",
        s->now_us, s);
    t->good = t->pacer.pace;
}

/* --- walls ----------------------------------------------------------------------------------- */

static void
hold(struct tle *t, int64_t for_us, const char *because, const struct signal *s)
{
    int64_t until_us = s->now_us + for_us;

    t->is_canary_out = false;
    controller_hold(&t->base,
        &(struct change_note){.what = "hold",
            .because = because,
            .now_us = s->now_us,
            .next_probe_us = until_us,
            .evidence = s},
        until_us);
}

static void
hold_next(struct tle *t, const char *because, const struct signal *s)
{
    int64_t wait_us = t->wall_wait_us;
    int64_t longest_us = t->is_blocked ? WALL_BLOCK_MAX : WALL_MAX;

    if (s->type.hold_us > wait_us)
        wait_us = s->type.hold_us < 4 * US_PER_HOUR ? s->type.hold_us : 4 * US_PER_HOUR;
    t->wall_wait_us = t->wall_wait_us < WALL_FIRST ? WALL_FIRST : t->wall_wait_us * 2;
    if (t->wall_wait_us > longest_us)
        t->wall_wait_us = longest_us;
    hold(t, wait_us, because, s);
}

static void
hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s)
{
    if (t->phase == TLE_SEARCH || t->phase == TLE_SETTLE)
        t->bad = t->pacer.pace;
    t->phase = TLE_WALL;
    t->wall_began_us = s->now_us;
    t->wall_wait_us = first_us;
    t->is_wall_short = first_us < WALL_FIRST;
    t->is_blocked = s->type.subject == REPLY_BLOCK;
    hold_next(t, because, s);
}

/* It opened at the first knock: there was an overload and no wall. */
static void
leave_short_wall(struct tle *t, const struct signal *s)
{
    bool was_searching = t->good < t->pacer.pace;

    t->bad = t->pacer.pace;
    t->good = was_searching ? t->good : t->pacer.pace / 2;
    t->phase = TLE_SETTLE;
    if (is_found(t))
        cruise(t, t->good, "throttled", s->now_us, s);
    else
        set_pace(t, t->good, "throttled", s->now_us, s);
}

static void
leave_wall(struct tle *t, const struct signal *s)
{
    int64_t period_us = s->now_us - t->cycle_began_us;
    int64_t pace = pace_of(t->cycle_accepted, period_us);
    int64_t before = t->pacer.pace;

    t->straight = 0;
    if (t->is_wall_short && s->now_us - t->wall_began_us < WALL_FIRST) {
        leave_short_wall(t, s);
    } else {
        pace = pace_scale(pace, 97, 100);
        if (t->is_blocked && pace > before / 4)
            pace = before / 4;
        if (pace > before)
            pace = before;
        t->good = pace;
        t->bad = 0;
        cruise(t, pace, "open again", s->now_us, s);
    }
    t->cycle_began_us = s->now_us;
    t->cycle_accepted = 0;
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

static bool
is_step_full(const struct tle *t, int64_t now_us)
{
    int64_t elapsed_us = now_us - t->step_began_us;
    int64_t used = pace_of(t->step_accepted + t->step_refused, elapsed_us);

    if (t->step_accepted < step_messages(t) || elapsed_us < STEP_US_MIN)
        return false;
    return t->phase == TLE_CRUISE || used >= pace_scale(t->pacer.pace, 7, 10);
}

/* A pace that nobody needs proves nothing: the step begins anew. */
static void
restart_unused_step(struct tle *t, int64_t now_us)
{
    int64_t elapsed_us = now_us - t->step_began_us;

    if (t->phase != TLE_CRUISE && t->step_accepted >= step_messages(t) &&
        elapsed_us > 4 * STEP_US_MIN)
        begin_step(t, now_us);
}

static void
on_passed(struct tle *t, const struct signal *s)
{
    bool is_of_step = s->now_us - s->took_us >= t->step_began_us;

    t->cycle_accepted++;
    if (t->doubt > 0)
        t->doubt--;
    if (t->phase == TLE_WALL) {
        if (t->is_canary_out && s->now_us - s->took_us >= t->canary_us)
            leave_wall(t, s);
        return;
    }
    t->straight = 0;
    t->trim_messages++;
    if (!is_of_step)
        return;
    t->step_accepted++;
    t->sum -= SUM_ACCEPTED + (int64_t)SUM_REFUSED * t->floor_ppm / 1000000 * 3 / 2;
    if (t->sum < 0)
        t->sum = 0;
    if (t->sum == 0 && is_step_full(t, s->now_us))
        on_clean_step(t, s->now_us);
    else
        restart_unused_step(t, s->now_us);
}

static void
on_refused(struct tle *t, const struct signal *s)
{
    bool is_of_step = s->now_us - s->took_us >= t->step_began_us;
    bool is_block = s->type.subject == REPLY_BLOCK, is_quota = s->type.subject == REPLY_QUOTA;

    if (t->phase == TLE_WALL) {
        if (t->is_canary_out && s->now_us - s->took_us >= t->canary_us)
            hold_next(t, "still shut", s);
        return;
    }
    t->search_refused++;
    t->trim_messages++;
    t->trim_refused++;
    if (!is_of_step)
        return;
    t->step_refused++;
    t->straight++;
    t->sum += SUM_REFUSED;
    if (t->straight >= (is_block || is_quota ? STRAIGHT_BLOCK_MAX : STRAIGHT_MAX) ||
        s->type.hold_us > 0)
        hit_wall(t, is_block || is_quota || s->type.hold_us > 0 ? WALL_FIRST : WALL_SHORT,
            is_block ? "blocked" : "shut", s);
    else if (t->sum >= SUM_ALARM)
        on_overload(t, s);
    else if (t->phase == TLE_CRUISE && t->trim_refused >= 3)
        trim(t, s);
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

static void
on_turned_away(struct tle *t, const struct signal *s)
{
    uint32_t before = t->sessions.limit;
    bool is_block = s->type.subject == REPLY_BLOCK;

    if (s->connections_ready > 0 && !is_block) {
        tle_count_refused(
            &t->sessions, s->connections_ready, s->now_us, COUNT_WAIT_MIN, COUNT_WAIT_MAX);
        tell_limit(t, "connections", before, &t->sessions, s);
    } else if (t->phase == TLE_WALL) {
        if (s->now_us >= t->base.held_until_us)
            hold_next(t, "still shut", s);
    } else if (s->connections_ready == 0) {
        hit_wall(t, is_block ? WALL_FIRST : WALL_SHORT, s->reply != NULL ? "shut" : "no answer", s);
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
        hold_next(t, "cut", s);
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
    else
        on_passed(t, s);
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct tle *t = of(c);

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

/* --- answers --------------------------------------------------------------------------------- */

static void
init(struct controller *c, int64_t now_us)
{
    struct tle *t = of(c);

    t->phase = TLE_SEARCH;
    t->pacer = (struct pacer){.pace = PACE_FIRST, .next_ns = now_us * 1000};
    t->good = PACE_FIRST;
    t->step_percent = STEP_PERCENT_MAX;
    t->budget_ppm = c->rule->settings.probe_ppm;
    t->sessions = t->per_session = t->recipients = tle_count_new();
    t->step_began_us = t->cycle_began_us = now_us;
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
 * the opening, and a third more because they do not come evenly. */
static uint32_t
useful_sessions(const struct tle *t)
{
    int64_t busy_us = t->transaction_us +
        t->opening_us / (t->base.messages_per_connection > 0 ? t->base.messages_per_connection : 1);
    struct ratio busy = ratio_multiply(
        ratio_of(t->pacer.pace, PACE_PER_S), ratio_of(busy_us * 27, 20 * (int64_t)US_PER_S));

    return (uint32_t)((busy.num + busy.den - 1) / busy.den) + (busy.num == 0);
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
    return pacer_ready_at_us(&t->pacer);
}

static void
take(struct controller *c, int64_t now_us)
{
    struct tle *t = of(c);

    if (t->phase == TLE_WALL) {
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
    static const char *const phases[] = {"searching", "settling", "cruising", "at a wall"};
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
