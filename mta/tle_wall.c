/* tle_wall.c - what to do where nothing gets through any more.
 *
 * A refusal may shut the door for a while, and each knock meanwhile for longer: twice as long is what
 * many do. Waits that doubled too would never catch up with that; these grow faster, and how long the
 * door stays shut for who does not knock is remembered from one wall to the next. A quota is another
 * thing: its window ends when it ends, knocking costs nothing, and the waits stay short.
 *
 * At a site that has been seen shut for long the first refusal stops everything, and more is tried only
 * when it is worth a hold (is_affordable() in mta/tle_pace.c). */
#include "mta/controller_tle.h"

enum {
    WALL_FACTOR = 2,
    KNOCK_FACTOR = 10, /* a hold that grows twofold with each knock is overtaken at once */
    KNOCK_FACTOR_LATE = 2,
    KNOCKS_PATIENT = 10,
    SAME_MIN = 1,
    MINUTE = 2, /* of the windows */
};
#define KNOCK_LATE       (10 * US_PER_MIN)
#define HOLD_SHORT       (10 * (int64_t)US_PER_S) /* shorter ones are no penalty */
#define WALL_MAX         (65 * US_PER_MIN)        /* many holds end after an hour */
#define WALL_PATIENT_MAX (4 * US_PER_HOUR)
#define HINT_MAX         (4 * US_PER_HOUR)
#define WALL_QUOTA_MAX   (5 * US_PER_MIN)
#define WALL_BLOCK_MAX   (30 * US_PER_MIN)

static const int64_t tle_windows_us[TLE_WINDOWS] = {US_PER_S, 10 * US_PER_S, US_PER_MIN,
    5 * US_PER_MIN, 10 * US_PER_MIN, 15 * US_PER_MIN, US_PER_HOUR, US_PER_DAY};

/* Of counts and times: tle_is_near() is for paces, which have a least one. */
static bool
is_same(int64_t a, int64_t b, int64_t percent)
{
    int64_t low = a < b ? a : b, high = a < b ? b : a;

    return low > 0 && high - low <= low / 100 * percent + low % 100 * percent / 100;
}

/* --- waiting --------------------------------------------------------------------------------- */

static void
hold(struct tle *t, int64_t for_us, const char *because, const struct signal *s)
{
    int64_t until_us = s->now_us + for_us;

    t->is_canary_out = false;
    t->held_us = for_us;
    controller_hold(&t->base,
        &(struct change_note){.what = "hold",
            .because = because,
            .now_us = s->now_us,
            .next_probe_us = until_us,
            .evidence = s},
        until_us);
}

int64_t
tle_hold_expected_us(const struct tle *t)
{
    return t->hold_high_us > 0 ? t->hold_high_us : TLE_WALL_FIRST;
}

/* What was long enough. Half of that may be as well, and is tried where walls come often: if they do,
 * though we are careful, they are none. */
static int64_t
first_wait_us(const struct tle *t, int64_t now_us)
{
    int64_t expected_us = tle_hold_expected_us(t);
    bool is_often = now_us - t->opened_us < 8 * expected_us;

    return is_often && expected_us / 4 > t->hold_low_us ? expected_us / 2 : expected_us;
}

static int64_t
longest_wait_us(const struct tle *t, const struct signal *s)
{
    bool is_quota = s->type.subject == REPLY_QUOTA || t->memory_us > 0;

    if (is_quota && !t->is_blocked && s->now_us - t->wall_began_us < US_PER_HOUR)
        return WALL_QUOTA_MAX;
    if (t->wall_knocks >= KNOCKS_PATIENT)
        return WALL_PATIENT_MAX;
    return t->is_blocked && !t->is_wall_sudden && !t->is_wary ? WALL_BLOCK_MAX : WALL_MAX;
}

static int64_t
wait_after(const struct tle *t, int64_t wait_us)
{
    if (wait_us < TLE_WALL_FIRST)
        return TLE_WALL_FIRST;
    if (!t->is_wall_sudden)
        return wait_us * WALL_FACTOR;
    return wait_us * (wait_us < KNOCK_LATE ? KNOCK_FACTOR : KNOCK_FACTOR_LATE);
}

static void
learn_hold_low(struct tle *t)
{
    if (t->wall_knocks != 1)
        return;
    t->hold_low_us = t->held_us;
    if (t->hold_high_us > 0 && t->hold_high_us < t->held_us)
        t->hold_high_us = 0;
}

void
tle_hold_next(struct tle *t, const char *because, const struct signal *s)
{
    int64_t wait_us = t->wall_wait_us, longest_us = longest_wait_us(t, s);

    if (s->type.hold_us > wait_us)
        wait_us = s->type.hold_us < HINT_MAX ? s->type.hold_us : HINT_MAX;
    t->wall_wait_us = wait_after(t, t->wall_wait_us);
    if (t->wall_wait_us > longest_us)
        t->wall_wait_us = longest_us;
    hold(t, wait_us, because, s);
}

/* A canary died. */
void
tle_stay_at_wall(struct tle *t, const char *because, const struct signal *s)
{
    t->wall_knocks++;
    t->knocked_us = s->now_us;
    if (s->now_us - t->wall_began_us > t->shut_seen_us)
        t->shut_seen_us = s->now_us - t->wall_began_us;
    if (t->memory_us > 0 && s->now_us - t->wall_began_us > t->memory_us + TLE_WALL_FIRST) {
        t->memory_us = 0; /* it should have opened: this is no window */
        t->is_wall_sudden = true;
    }
    learn_hold_low(t);
    if (t->wall_knocks == 1 && t->is_wary && t->hold_high_us > 0)
        t->wall_wait_us = 2 * t->hold_high_us;
    tle_hold_next(t, because, s);
}

void
tle_hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s)
{
    bool is_quota = s->type.subject == REPLY_QUOTA || t->memory_us > 0;
    bool is_steady = s->now_us - t->paced_us > 2 * US_PER_MIN && !t->is_wary;

    t->wall_began_us = s->now_us;
    t->refused_began_us = s->now_us - s->took_us;
    t->wall_knocks = 0;
    t->is_wall_sudden = !is_quota && !is_steady;
    t->clean = t->phase == TLE_CRUISE ? t->pacer.pace / 10 * (t->is_wary ? 8 : 9) : t->good;
    t->phase_before = t->phase;
    t->phase = TLE_WALL;
    for (size_t i = 0; i < TLE_WINDOWS; i++)
        t->wall_sums[i] = tle_history_sum(&t->history, tle_windows_us[i], s->now_us);
    if (t->is_wary && !is_quota)
        first_us = first_wait_us(t, s->now_us);
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

    if (!t->was_refused)
        return t->pacer.pace >= 10 * PACE_PER_S ? 2 * TLE_WALL_SHORT : TLE_WALL_FIRST;
    return interval_us < TLE_WALL_SHORT    ? TLE_WALL_SHORT
        : interval_us < TLE_WALL_FIRST / 2 ? interval_us
                                           : TLE_WALL_FIRST / 2;
}

/* --- open again ------------------------------------------------------------------------------ */

/* It opened at the first knock: there was an overload and no wall. */
static void
leave_short_wall(struct tle *t, const struct signal *s)
{
    bool was_searching = t->good < t->pacer.pace;

    t->bad = t->pacer.pace;
    t->good = was_searching ? t->good : t->pacer.pace / 2;
    t->phase = TLE_SETTLE;
    if (tle_is_found(t))
        tle_cruise(t, t->good, "throttled", s->now_us, s);
    else
        tle_set_pace(t, t->good, "throttled", s->now_us, s);
}

void
tle_deny_wall(struct tle *t, const struct signal *s)
{
    t->base.held_until_us = 0;
    t->phase = t->phase_before;
    t->straight = 0;
    t->is_canary_out = false;
    tle_set_pace(t, t->pacer.pace, "not shut", s->now_us, s);
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

    if (t->quota > 0 && is_same(quota, t->quota, 15) && tle_windows_us[window] >= US_PER_MIN)
        t->memory_us = tle_windows_us[window];
    t->quota = quota;
    return pace_of(quota, tle_windows_us[window]);
}

/* A window was used up. */
static void
leave_quota_wall(struct tle *t, const struct signal *s)
{
    int64_t before = t->pacer.pace, pace = pace_scale(pace_of_window(t, s->now_us), 97, 100);

    if (t->is_blocked && pace > before / 4)
        pace = before / 4;
    t->good = pace < t->clean || t->memory_us > 0 ? pace : t->clean;
    if (t->quota == 0) /* shut from the first: nothing is known */
        t->good = t->clean;
    if (t->good > before)
        t->good = before;
    t->bad = 0;
}

/* A step too far was punished. What was taken in the last minute is sure, if a minute is as far back
 * as it counts; what came before the step is likely. */
static void
leave_penalty(struct tle *t)
{
    int64_t before = t->pacer.pace;
    int64_t sure = pace_scale(pace_of(t->wall_sums[MINUTE], tle_windows_us[MINUTE]), 97, 100);

    t->good = t->is_wary || sure > t->clean || t->wall_sums[MINUTE] == 0 ? t->clean : sure;
    if (t->is_blocked && t->good > before / 4)
        t->good = before / 4;
    t->bad = before;
    if (t->proved > t->good)
        t->proved = t->good;
}

/* A window that was used up shows the same sum at each wall, though it takes another time to get there,
 * and less than the window is long. It is longer than the site was seen shut. */
static bool
find_window(struct tle *t)
{
    int64_t cycle_us = t->wall_began_us - t->opened_us;
    int64_t shortest_us = t->knocked_us > t->opened_us ? t->knocked_us - t->opened_us : cycle_us;
    bool is_other_time = !is_same(cycle_us, t->cycle_before_us, 10), is_found = false;

    t->cycle_before_us = cycle_us;
    for (size_t i = MINUTE + 1; i < TLE_WINDOWS; i++) {
        int64_t pace = pace_of(t->wall_sums[i], tle_windows_us[i]);
        bool is_again = is_other_time && is_same(t->wall_sums[i], t->sums_before[i], 4) &&
            is_same(t->wall_sums[i], t->cycle, 4) && 2 * tle_windows_us[i] >= 3 * cycle_us;

        t->sums_before[i] = t->wall_sums[i];
        t->sums_same[i] = is_again ? t->sums_same[i] + 1 : 0;
        if (is_found || t->sums_same[i] < SAME_MIN || tle_windows_us[i] < shortest_us ||
            tle_windows_us[i] < t->shut_seen_us)
            continue;
        is_found = true;
        t->memory_us = tle_windows_us[i];
        t->quota = t->wall_sums[i];
        t->good = pace_scale(pace, 97, 100);
        t->bad = 0;
    }
    return is_found;
}

static void
learn_hold(struct tle *t)
{
    t->hold_high_us = t->held_us;
    if (t->hold_low_us > t->hold_high_us)
        t->hold_low_us = 0;
}

void
tle_leave_wall(struct tle *t, const struct signal *s)
{
    t->straight_at_wall = t->straight;
    t->straight = 0;
    if (t->wall_knocks == 0 && t->is_wall_sudden && !t->is_wary && !t->is_blocked) {
        if (t->straight_at_wall <= 1)
            tle_deny_wall(t, s); /* once is nothing: it may have been noise */
        else
            leave_short_wall(t, s);
        return;
    }
    if (!t->is_wary && t->is_wall_short && s->now_us - t->wall_began_us < TLE_WALL_FIRST) {
        leave_short_wall(t, s);
        return;
    }
    if (t->is_wall_sudden && find_window(t)) {
        t->hold_high_us = t->hold_low_us = 0;
    } else if (t->is_wall_sudden) {
        learn_hold(t);
        leave_penalty(t);
    } else {
        leave_quota_wall(t, s);
    }
    t->is_wary = t->memory_us == 0 && (!t->is_wall_sudden || t->hold_high_us > HOLD_SHORT);
    t->shut_us = s->now_us - t->wall_began_us;
    t->opened_us = s->now_us;
    t->cycle = 0;
    tle_cruise(t, t->good, "open again", s->now_us, s);
}
