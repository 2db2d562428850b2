/* tle_pace.c - the search for the pace that a site allows, and what to do at a wall. */
#include "mta/controller_tle.h"

enum {
    STEP_MESSAGES = 20,     /* that a pace must carry before it counts as good */
    STEP_MESSAGES_SLOW = 8, /* the same where messages are rare */
    NEAR_PERCENT = 4,       /* good and bad so near are one */
    STEP_PERCENT_MIN = 3,
    TRIM_PERCENT_MIN = 2,
    NOISE_PPM_MAX = 100000,
    NOISE_REFUSED_MIN = 2,
    NOISE_MESSAGES_MAX = 4000,
    NOISE_PPM_MIN = 10000,    /* less cannot be told from a pace that is a little too fast */
    DIFFERENCE_MESSAGES = 60, /* fewer after a cut may still be refused for what was before it */
    HOLD_PRICE = 2,           /* a step too far costs so many holds, all told */
    WARY_PERCENT = 5,
};
#define SLOW_PACE       (PACE_PER_S / 2)
#define PROBE_WAIT_MIN  (10 * (int64_t)US_PER_S)
#define PROBE_WAIT_MAX  (8 * US_PER_MIN)
#define PROBE_WAIT_SLOW (30 * US_PER_MIN) /* where each message is dear */

/* --- the pace -------------------------------------------------------------------------------- */

void
tle_begin_step(struct tle *t, int64_t now_us)
{
    t->step_began_us = now_us;
    t->step_accepted = t->step_refused = 0;
    t->sum = 0;
}

void
tle_set_pace(
    struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
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
    t->paced_us = now_us;
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

bool
tle_is_near(int64_t a, int64_t b, int64_t percent)
{
    int64_t low = a < b ? a : b, high = a < b ? b : a;

    return high <= pace_scale(low, 100 + percent, 100);
}

void
tle_cruise(struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
{
    t->agreements = tle_is_near(pace, t->settled, 12) ? t->agreements + 1 : 0;
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
    tle_set_pace(t, pace, because, now_us, s);
}

/* One step too far shuts this site for long. It is paid for beforehand: what the step will bring over
 * as long a time as has passed in peace must be worth PRICE such holds. */
static bool
is_affordable(const struct tle *t, int64_t pace, int64_t now_us)
{
    int64_t gain_ppm = (pace - t->good) / (t->good / 1000000 + 1);

    if (!t->is_wary || pace <= t->good || pace <= t->proved)
        return true;
    if (gain_ppm > 1000000)
        gain_ppm = 1000000;
    return (now_us - t->opened_us) / 1000000 * gain_ppm >= tle_hold_expected_us(t) * HOLD_PRICE;
}

/* The next pace above `good`: half the way to `bad` where that is known. */
static int64_t
next_pace(const struct tle *t)
{
    int64_t percent = t->is_wary && t->bad == 0 ? WARY_PERCENT : t->step_percent;

    if (t->bad > t->good && t->bad / 3 <= t->good)
        return t->good + (t->bad - t->good) / 2;
    if (t->is_wary && t->bad > t->good)
        return pace_scale(t->good, 2, 1);
    return t->bad > t->good ? t->good + (t->bad - t->good) / 2
                            : pace_scale(t->good, 100 + percent, 100);
}

static void
search_on(struct tle *t, const char *because, int64_t now_us, const struct signal *s)
{
    int64_t pace = next_pace(t);

    t->phase = TLE_SEARCH;
    if (t->bad <= t->good) {
        t->step_percent *= 2;
        if (t->step_percent > TLE_STEP_PERCENT_MAX)
            t->step_percent = TLE_STEP_PERCENT_MAX;
    }
    tle_set_pace(t, pace, because, now_us, s);
}

bool
tle_is_found(const struct tle *t)
{
    return t->bad > 0 && tle_is_near(t->good, t->bad, NEAR_PERCENT);
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
    if (!tle_is_found(t))
        return "clean";
    t->is_retested = true;
    t->doubted = t->bad;
    t->bad = 0;
    t->step_percent = 3 * NEAR_PERCENT;
    return "once more";
}

/* Refusals at a pace, when one that is a quarter quicker has been clean since, do not come from the pace. */
void
tle_count_noise(struct tle *t)
{
    uint32_t share_ppm;

    if (t->slow_pace > 0 && t->pacer.pace >= pace_scale(t->slow_pace, 5, 4)) {
        t->noise_messages += t->slow_messages;
        t->noise_refused += t->slow_refused;
        t->slow_pace = 0;
    }
    if (t->slow_pace == 0 || t->pacer.pace < pace_scale(t->slow_pace, 9, 10)) {
        t->slow_pace = t->pacer.pace;
        t->slow_messages = t->slow_refused = 0;
    }
    t->slow_messages += t->step_accepted + t->step_refused;
    t->slow_refused += t->step_refused;
    if (t->noise_messages > NOISE_MESSAGES_MAX) {
        t->noise_messages /= 2;
        t->noise_refused /= 2;
    }
    if (t->noise_refused < NOISE_REFUSED_MIN)
        return;
    share_ppm = (uint32_t)(INT64_C(1000000) * t->noise_refused / t->noise_messages);
    if (share_ppm > NOISE_PPM_MAX)
        share_ppm = NOISE_PPM_MAX;
    t->is_noise_sure = share_ppm >= NOISE_PPM_MIN / 2;
    if (t->is_noise_sure && share_ppm > t->floor_ppm)
        t->floor_ppm = share_ppm;
}

/* Where a step too far is dear. */
static void
on_clean_step_wary(struct tle *t, int64_t now_us)
{
    if (t->good > t->proved)
        t->proved = t->good;
    if (tle_is_found(t) || t->bad <= t->good)
        t->bad = 0;
    if (is_affordable(t, next_pace(t), now_us))
        search_on(t, "probe", now_us, NULL);
    else if (t->phase != TLE_CRUISE)
        tle_cruise(t, t->good, "more is dear", now_us, NULL);
    else
        tle_begin_step(t, now_us);
}

/* This pace has carried enough, and without complaint. */
void
tle_on_clean_step(struct tle *t, int64_t now_us)
{
    t->good = t->pacer.pace;
    learn_noise(t);
    tle_count_noise(t);
    if (t->is_wary && t->phase != TLE_WALL) {
        on_clean_step_wary(t, now_us);
        return;
    }
    switch (t->phase) {
    case TLE_SEARCH:
    case TLE_SETTLE:
        if (t->bad > 0 && t->bad <= t->good)
            t->bad = 0;
        if (tle_is_found(t) && t->is_retested)
            tle_cruise(t, t->good, "between what passed and what did not", now_us, NULL);
        else
            search_on(t, retest(t), now_us, NULL);
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
    if (tle_is_found(t))
        tle_cruise(t, pace, "throttled", s->now_us, s);
    else
        tle_set_pace(t, pace, "throttled", s->now_us, s);
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
        tle_set_pace(t, t->trim_pace, "noise", s->now_us, s);
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
    tle_set_pace(t, pace_scale(pace, 1000000 - cut_ppm, 1000000), "trimmed", s->now_us, s);
    t->good = t->pacer.pace;
}
