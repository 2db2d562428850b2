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
    STRAIGHT_MAX = 2,     /* refusals without an acceptance between: perhaps a wall */
    STEP_REFUSED_MAX = 3, /* in one step of a search, however far apart */
    SUM_ACCEPTED = 159, /* of a likelihood ratio, in thousandths: 0.4 % against 15 % of refusals */
    SUM_REFUSED = 3624,
    SUM_ALARM = 5300,
    SUM_ALARM_SEARCH = 8500, /* single refusals are noise more often than not */
    NEAR_PERCENT = 4,        /* good and bad so near are one */
    STEP_PERCENT_MIN = 3,
    STEP_PERCENT_MAX = 100,
    TRIM_PERCENT_MIN = 2,
    NOISE_PPM_MAX = 100000,
    NOISE_PPM_MIN = 10000, /* less cannot be told from a pace that is a little too fast */
    WALL_FACTOR = 2,
    STEADY_MESSAGES = 60, /* a pace that carried so many is not wrong by much */
    SHUT_PRICE = 10,      /* of what is gained until the next wall, a tenth may be lost at this */
    DOUBT_MAX = 8,        /* unreadable refusals that outweigh acceptances: they mean us */
};
#define SLOW_PACE        (PACE_PER_S / 2)
#define PACE_FIRST       (PACE_PER_S / 2)
#define PROBE_WAIT_MIN   (10 * (int64_t)US_PER_S)
#define PROBE_WAIT_MAX   (8 * US_PER_MIN)
#define PROBE_WAIT_SLOW  (30 * US_PER_MIN) /* where each message is dear */
#define WALL_SHORT       ((int64_t)US_PER_S)
#define WALL_FIRST       US_PER_MIN
#define WALL_MAX         US_PER_HOUR
#define WALL_QUOTA_MAX   (5 * US_PER_MIN)
#define WALL_BLOCK_MAX   (30 * US_PER_MIN)
#define CANARY_LOST      (10 * US_PER_MIN)
#define COUNT_WAIT_MIN   US_PER_MIN
#define COUNT_WAIT_MAX   US_PER_HOUR
#define SESSION_WAIT_MIN (10 * US_PER_MIN)

static const int64_t tle_windows_us[TLE_WINDOWS] = {US_PER_S, 10 * US_PER_S, US_PER_MIN,
    5 * US_PER_MIN, 10 * US_PER_MIN, 15 * US_PER_MIN, US_PER_HOUR, US_PER_DAY};

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
    if (t->is_canary_out) { /* it was the first at this pace */
        t->is_canary_out = false;
        t->pacer.next_ns = t->canary_us * 1000 + pace_interval_ns(pace);
    }
    begin_step(t, now_us);
}

/* Who was never refused may be quick: a step too far is only one. */
static uint32_t
step_messages(const struct tle *t)
{
    if (t->pacer.pace < SLOW_PACE)
        return t->was_refused ? STEP_MESSAGES_SLOW : STEP_MESSAGES_SLOW / 2;
    return !t->was_refused && t->pacer.pace < 4 * SLOW_PACE ? STEP_MESSAGES_SLOW : STEP_MESSAGES;
}

/* The probing so far is to cost no more than the budget until it begins again. */
static int64_t
probe_wait_us(const struct tle *t)
{
    int64_t refusals = t->search_refused > 0 ? t->search_refused : 1;
    int64_t messages = refusals * 1000000 / t->budget_ppm;
    int64_t wait_us = messages * (pace_interval_ns(t->pacer.pace) / 1000 + 1);
    int64_t longest_us = t->pacer.pace >= 2 * SLOW_PACE ? PROBE_WAIT_MAX : PROBE_WAIT_SLOW;

    wait_us /= 8; /* a first answer is doubted, and soon looked at again */
    for (uint32_t i = 0; i < t->agreements && wait_us < longest_us; i++)
        wait_us *= 2;
    if (wait_us < PROBE_WAIT_MIN)
        return PROBE_WAIT_MIN;
    return wait_us < longest_us ? wait_us : longest_us;
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
    t->is_retested = false;
    t->doubted = 0;
    t->search_messages = 0;
    t->floor_ppm = t->floor_ppm / 8 * 7; /* noise that has ceased is forgotten */
    t->phase = TLE_CRUISE;
    t->probe_at_us = now_us + probe_wait_us(t);
    t->search_refused = 0;
    t->trim_messages = t->trim_refused = 0;
    t->trim_share_ppm = 0;
    set_pace(t, pace, because, now_us, s);
}

/* The last step too far has shut the site for long: a while passes before the next. */
static bool
is_dear(const struct tle *t, int64_t now_us)
{
    return t->shut_us > 0 && t->memory_us == 0 && now_us < t->opened_us + t->shut_us * SHUT_PRICE;
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
        if (t->good < t->clean && pace > t->clean && is_dear(t, now_us))
            pace = t->clean;
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

/* What was too much has passed after all: those refusals were noise, and as much of it is no alarm. */
static void
learn_noise(struct tle *t)
{
    if (t->doubted == 0 || t->good < t->doubted)
        return;
    t->floor_ppm = (uint32_t)(INT64_C(1000000) * t->search_refused / (t->search_messages + 1));
    if (t->floor_ppm > NOISE_PPM_MAX)
        t->floor_ppm = NOISE_PPM_MAX;
    t->doubted = 0;
}

/* Nearly as much as was too much has passed: was it really too much, or was it noise? */
static const char *
retest(struct tle *t)
{
    if (!is_found(t))
        return "clean";
    t->is_retested = true;
    t->doubted = t->bad;
    t->bad = 0;
    t->step_percent = 3 * NEAR_PERCENT;
    return "once more";
}

/* This pace has carried enough, and without complaint. */
static void
on_clean_step(struct tle *t, int64_t now_us)
{
    t->good = t->pacer.pace;
    learn_noise(t);
    switch (t->phase) {
    case TLE_SEARCH:
    case TLE_SETTLE:
        if (t->bad > 0 && t->bad <= t->good)
            t->bad = 0;
        if (is_found(t) && t->is_retested)
            cruise(t, t->good, "between what passed and what did not", now_us, NULL);
        else if (is_dear(t, now_us) && t->good >= t->clean)
            cruise(t, t->good, "more was dear", now_us, NULL);
        else
            search_on(t, retest(t), now_us, NULL);
        return;
    case TLE_CRUISE:
        if (now_us < t->probe_at_us || (is_dear(t, now_us) && t->good >= t->clean)) {
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
    int64_t pace = t->pacer.pace, cut_ppm = INT64_C(3) * share_ppm / 2;

    t->trim_messages = t->trim_refused = 0;
    if (t->trim_share_ppm > 0 && share_ppm > t->trim_share_ppm / 5 * 3) {
        t->floor_ppm = share_ppm > t->trim_share_ppm ? share_ppm : t->trim_share_ppm;
        t->trim_share_ppm = 0;
        set_pace(t, t->trim_pace, "noise", s->now_us, s);
        return;
    }
    t->trim_share_ppm = 0;
    if (share_ppm < t->budget_ppm || share_ppm < t->floor_ppm * 2)
        return;
    if (cut_ppm < TRIM_PERCENT_MIN * 10000)
        cut_ppm = TRIM_PERCENT_MIN * 10000;
    if (share_ppm >= NOISE_PPM_MIN) {
        t->trim_share_ppm = share_ppm;
        t->trim_pace = pace;
    }
    set_pace(t, pace_scale(pace, 1000000 - cut_ppm, 1000000), "trimmed", s->now_us, s);
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

    if (!t->is_blocked && (t->memory_us > 0 || s->type.subject == REPLY_QUOTA))
        longest_us = WALL_QUOTA_MAX;
    if (s->type.hold_us > wait_us)
        wait_us = s->type.hold_us < 4 * US_PER_HOUR ? s->type.hold_us : 4 * US_PER_HOUR;
    t->wall_wait_us = t->wall_wait_us < WALL_FIRST ? WALL_FIRST : t->wall_wait_us * WALL_FACTOR;
    if (t->wall_wait_us > longest_us)
        t->wall_wait_us = longest_us;
    hold(t, wait_us, because, s);
}

static void
hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s)
{
    t->wall_began_us = s->now_us;
    t->clean = t->phase == TLE_CRUISE ? t->pacer.pace * 9 / 10 : t->good;
    t->phase = TLE_WALL;
    for (size_t i = 0; i < TLE_WINDOWS; i++)
        t->wall_sums[i] = tle_history_sum(&t->history, tle_windows_us[i], s->now_us);
    t->wall_wait_us = first_us;
    t->is_wall_short = first_us < WALL_FIRST;
    t->is_blocked = s->type.subject == REPLY_BLOCK;
    hold_next(t, because, s);
}

/* Long enough for a window of a second, and for the next message at a slow pace. */
static int64_t
short_wait_us(const struct tle *t)
{
    int64_t interval_us = pace_interval_ns(t->pacer.pace) / 1000;

    return interval_us < WALL_SHORT    ? WALL_SHORT
        : interval_us < WALL_FIRST / 2 ? interval_us
                                       : WALL_FIRST / 2;
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

/* The longest window that is not longer than this. */
static size_t
window_within(int64_t us)
{
    size_t found = 0;

    for (size_t i = 1; i < TLE_WINDOWS; i++)
        if (tle_windows_us[i] <= us)
            found = i;
    return found;
}

/* What the site took in a window about as long as it was shut, or as it is from one opening to the
 * next. The same amount twice shows that the window is real: from then on a step lasts as long as the
 * site remembers. */
static int64_t
pace_of_window(struct tle *t, int64_t now_us)
{
    int64_t shut_us = now_us - t->wall_began_us, cycle_us = now_us - t->opened_us;
    size_t window = window_within((cycle_us < 2 * shut_us ? cycle_us : shut_us) * 11 / 10);
    int64_t quota = t->wall_sums[window];

    if (t->quota > 0 && is_near(quota, t->quota, 15) && tle_windows_us[window] >= US_PER_MIN)
        t->memory_us = tle_windows_us[window];
    t->quota = quota;
    return pace_of(quota, tle_windows_us[window]);
}

static void
leave_wall(struct tle *t, const struct signal *s)
{
    int64_t pace, before = t->pacer.pace;

    t->straight = 0;
    if (t->is_wall_short && s->now_us - t->wall_began_us < WALL_FIRST) {
        leave_short_wall(t, s);
        return;
    }
    pace = pace_scale(pace_of_window(t, s->now_us), 97, 100);
    if (t->is_blocked && pace > before / 4)
        pace = before / 4;
    t->good = pace < t->clean || t->memory_us > 0 ? pace : t->clean;
    if (t->good > before)
        t->good = before;
    t->bad = 0;
    t->shut_us = s->now_us - t->wall_began_us;
    t->opened_us = s->now_us;
    cruise(t, t->good, "open again", s->now_us, s);
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
    int64_t used = pace_of(t->step_accepted + t->step_refused, elapsed_us);

    if (t->step_accepted < step_messages(t) * (1 + t->step_refused) || elapsed_us < STEP_US_MIN ||
        elapsed_us < t->memory_us)
        return false;
    return t->phase == TLE_CRUISE || used >= pace_scale(t->pacer.pace, 7, 10);
}

/* A pace that nobody needs proves nothing: the step begins anew. */
static void
restart_unused_step(struct tle *t, int64_t now_us)
{
    int64_t elapsed_us = now_us - t->step_began_us;

    if (t->phase != TLE_CRUISE && t->step_accepted >= step_messages(t) &&
        elapsed_us > 4 * STEP_US_MIN && elapsed_us > 2 * t->memory_us)
        begin_step(t, now_us);
}

static void
on_passed(struct tle *t, const struct signal *s)
{
    bool is_of_step = s->now_us - s->took_us >= t->step_began_us;

    tle_history_add(&t->history, s->now_us);
    if (t->doubt > 0)
        t->doubt--;
    if (t->phase == TLE_WALL) {
        if (t->is_canary_out && s->now_us - s->took_us >= t->canary_us)
            leave_wall(t, s);
        return;
    }
    t->straight = 0;
    t->trim_messages++;
    t->search_messages++;
    if (!is_of_step)
        return;
    t->step_accepted++;
    t->sum -= SUM_ACCEPTED + (int64_t)SUM_REFUSED * t->floor_ppm / 1000000 * 3 / 2;
    if (t->sum < 0)
        t->sum = 0;
    if ((t->sum == 0 || t->phase == TLE_SEARCH) && is_step_full(t, s->now_us))
        on_clean_step(t, s->now_us);
    else
        restart_unused_step(t, s->now_us);
}

static void
on_refused(struct tle *t, const struct signal *s)
{
    bool is_of_step = s->now_us - s->took_us >= t->step_began_us;
    bool is_block = s->type.subject == REPLY_BLOCK, is_quota = s->type.subject == REPLY_QUOTA;
    bool is_alarm, is_steady;

    if (t->phase == TLE_WALL) {
        if (t->is_canary_out && s->now_us - s->took_us >= t->canary_us)
            hold_next(t, "still shut", s);
        return;
    }
    t->was_refused = true;
    t->search_refused++;
    t->search_messages++;
    t->trim_messages++;
    t->trim_refused++;
    if (!is_of_step)
        return;
    t->step_refused++;
    t->straight++;
    t->sum += SUM_REFUSED;
    is_steady = t->phase == TLE_CRUISE && t->step_accepted > STEADY_MESSAGES;
    is_alarm = t->phase == TLE_CRUISE ? t->sum >= SUM_ALARM
                                      : t->sum >= SUM_ALARM_SEARCH ||
            t->step_refused >= STEP_REFUSED_MAX + t->floor_ppm * t->step_accepted / 500000;
    if (t->straight >= STRAIGHT_MAX || s->type.hold_us > 0)
        hit_wall(t, is_block || is_quota || s->type.hold_us > 0 ? WALL_FIRST : short_wait_us(t),
            is_block ? "blocked" : "shut", s);
    else if (is_alarm && !is_steady)
        on_overload(t, s);
    else if (t->phase == TLE_CRUISE && (t->trim_refused >= 3 || is_alarm))
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
    t->step_began_us = t->opened_us = now_us;
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
