/* tle_pace.c - the search for the pace that a site allows, and what to do at a wall. */
#include "mta/controller_tle.h"

enum {
    STEP_MESSAGES = 20,     /* that a pace must carry before it counts as good */
    STEP_MESSAGES_SLOW = 8, /* the same where messages are rare */
    NEAR_PERCENT = 4,       /* good and bad so near are one */
    STEP_PERCENT_MIN = 3,
    TRIM_PERCENT_MIN = 2,
    NOISE_PPM_MAX = 100000,
    NOISE_PPM_MIN = 10000,    /* less cannot be told from a pace that is a little too fast */
    DIFFERENCE_MESSAGES = 60, /* fewer after a cut may still be refused for what was before it */
    WALL_FACTOR = 2,
    SHUT_PRICE = 10, /* of what is gained until the next wall, a tenth may be lost at this */
};
#define SLOW_PACE       (PACE_PER_S / 2)
#define PROBE_WAIT_MIN  (10 * (int64_t)US_PER_S)
#define PROBE_WAIT_MAX  (8 * US_PER_MIN)
#define PROBE_WAIT_SLOW (30 * US_PER_MIN) /* where each message is dear */
#define WALL_MAX        US_PER_HOUR
#define WALL_QUOTA_MAX  (5 * US_PER_MIN)
#define WALL_BLOCK_MAX  (30 * US_PER_MIN)

static const int64_t tle_windows_us[TLE_WINDOWS] = {US_PER_S, 10 * US_PER_S, US_PER_MIN,
    5 * US_PER_MIN, 10 * US_PER_MIN, 15 * US_PER_MIN, US_PER_HOUR, US_PER_DAY};

/* --- the pace -------------------------------------------------------------------------------- */

void
tle_begin_step(struct tle *t, int64_t now_us)
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
                                             : now_us + TLE_STEP_US_MIN;

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
    tle_begin_step(t, now_us);
}

/* Who was never refused may be quick: a step too far is only one. */
uint32_t
tle_step_messages(const struct tle *t)
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
    t->is_noise_sure = t->is_noise_sure && t->floor_ppm >= t->budget_ppm;
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
        if (t->step_percent > TLE_STEP_PERCENT_MAX)
            t->step_percent = TLE_STEP_PERCENT_MAX;
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
void
tle_on_clean_step(struct tle *t, int64_t now_us)
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
void
tle_on_overload(struct tle *t, const struct signal *s)
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
void
tle_trim(struct tle *t, const struct signal *s)
{
    uint32_t share_ppm = (uint32_t)(INT64_C(1000000) * t->trim_refused / t->trim_messages);
    bool is_telling = t->trim_messages >= DIFFERENCE_MESSAGES;
    int64_t pace = t->pacer.pace, cut_ppm = INT64_C(3) * share_ppm / 2;

    t->trim_messages = t->trim_refused = 0;
    if (t->trim_share_ppm > 0 && is_telling && share_ppm > t->trim_share_ppm / 5 * 3) {
        t->is_noise_sure = true;
        t->floor_ppm = share_ppm > t->trim_share_ppm ? share_ppm : t->trim_share_ppm;
        t->trim_share_ppm = 0;
        set_pace(t, t->trim_pace, "noise", s->now_us, s);
        return;
    }
    t->trim_share_ppm = 0;
    if (share_ppm < t->budget_ppm || (t->is_noise_sure && share_ppm < t->floor_ppm * 2))
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

void
tle_hold_next(struct tle *t, const char *because, const struct signal *s)
{
    int64_t wait_us = t->wall_wait_us;
    int64_t longest_us = t->is_blocked ? WALL_BLOCK_MAX : WALL_MAX;

    if (!t->is_blocked && (t->memory_us > 0 || s->type.subject == REPLY_QUOTA))
        longest_us = WALL_QUOTA_MAX;
    if (s->type.hold_us > wait_us)
        wait_us = s->type.hold_us < 4 * US_PER_HOUR ? s->type.hold_us : 4 * US_PER_HOUR;
    t->wall_wait_us =
        t->wall_wait_us < TLE_WALL_FIRST ? TLE_WALL_FIRST : t->wall_wait_us * WALL_FACTOR;
    if (t->wall_wait_us > longest_us)
        t->wall_wait_us = longest_us;
    hold(t, wait_us, because, s);
}

void
tle_hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s)
{
    t->wall_began_us = s->now_us;
    t->clean = t->phase == TLE_CRUISE ? t->pacer.pace * 9 / 10 : t->good;
    t->phase = TLE_WALL;
    for (size_t i = 0; i < TLE_WINDOWS; i++)
        t->wall_sums[i] = tle_history_sum(&t->history, tle_windows_us[i], s->now_us);
    t->wall_wait_us = first_us;
    t->is_wall_short = first_us < TLE_WALL_FIRST;
    t->is_blocked = s->type.subject == REPLY_BLOCK;
    tle_hold_next(t, because, s);
}

/* Long enough for a window of a second, and for the next message at a slow pace. */
int64_t
tle_short_wait_us(const struct tle *t)
{
    int64_t interval_us = pace_interval_ns(t->pacer.pace) / 1000;

    return interval_us < TLE_WALL_SHORT    ? TLE_WALL_SHORT
        : interval_us < TLE_WALL_FIRST / 2 ? interval_us
                                           : TLE_WALL_FIRST / 2;
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

void
tle_leave_wall(struct tle *t, const struct signal *s)
{
    int64_t pace, before = t->pacer.pace;

    t->straight = 0;
    if (t->is_wall_short && s->now_us - t->wall_began_us < TLE_WALL_FIRST) {
        leave_short_wall(t, s);
        return;
    }
    pace = pace_scale(pace_of_window(t, s->now_us), 97, 100);
    if (t->is_blocked && pace > before / 4)
        pace = before / 4;
    t->good = pace < t->clean || t->memory_us > 0 ? pace : t->clean;
    if (t->quota == 0) /* shut from the first: nothing is known */
        t->good = t->clean;
    if (t->good > before)
        t->good = before;
    t->bad = 0;
    t->shut_us = s->now_us - t->wall_began_us;
    t->opened_us = s->now_us;
    cruise(t, t->good, "open again", s->now_us, s);
}
