/* tle_pace.c - which pace to try next, and which one to keep. */
#include "mta/controller_tle.h"

enum {
    STEP_MESSAGES = 20,     /* that a pace must carry before it counts as good */
    STEP_MESSAGES_SLOW = 8, /* the same where messages are rare, and where nobody ever complained */
    NEAR_PERCENT = 3,       /* paces so near are one */
    BELOW_PERCENT = 98,     /* of what a limit is thought to be, … */
    BELOW_PERCENT_FEW = 99, /* … where messages are so far apart that they come at even distances */
    AGREED_PERCENT = 6,     /* theories that differ by less agree; … */
    AGREED_PERCENT_SETTLED = 12, /* … so do one search and the next */
    DOUBTFUL_PERCENT = 93,       /* so that a refusal is a surprise to who says so */
    STEP_PERCENT_MAX = 100,
    STEP_PERCENT_FAST = 40, /* above FAST_PACE */
    STEP_PERCENT_FAR = 25,  /* and where what is on its way is much */
    FAR_MESSAGES = 20,
    PROBE_PERCENT = 6,
    PROBE_ODDS = 3,          /* one of so many is fruitful */
    RETURN_PERCENT_MIN = 25, /* a limit that has fallen by less is not waited for */
    RETURN_ODDS = 4,
    RETURN_PRICE = 10, /* messages: a refusal is worth so many */
    RETURN_PRICES = 4, /* in peace for each look */
    AGREEMENTS_MAX = 16,
    SLIDE_EVENTS = 5,
    SLIDE_MESSAGES = 60, /* in it */
    SLIDE_CLEAN = 150,   /* messages without a refusal end it */
    SLIDE_SHARE = 8,     /* more than one of so many is no noise */
    MARGIN_STEP = 2,
    MARGIN_MAX = 12,
    NOISE_PPM_MAX = 100000,
    NOISE_REFUSED_MIN = 2,
    NOISE_MESSAGES_MAX = 4000,
    NOISE_PPM_MIN = 10000,    /* less cannot be told from a pace that is a little too fast */
    DIFFERENCE_MESSAGES = 60, /* fewer after a cut may still be refused for what was before it */
    THOUSAND = 1000,
};
#define SLOW_PACE (PACE_PER_S / 2)
#define FEW_PACE  (10 * PACE_PER_S)
#define FAST_PACE \
    (100 * PACE_PER_S) /* what is on its way then is much, and refused with the first */
#define STEP_US_FIRST   ((int64_t)US_PER_S) /* until the first refusal; twice that to who is far */
#define PROBE_WAIT_MIN  (10 * (int64_t)US_PER_S)
#define PROBE_WAIT_MAX  (8 * US_PER_MIN)
#define PROBE_WAIT_SLOW (30 * US_PER_MIN) /* where each message is dear */
#define CARE_WITHIN     US_PER_MIN
#define RETURN_WAIT_MIN US_PER_MIN
#define RETURN_PROVED   (2 * US_PER_MIN)  /* a pace that was kept for so long was right */
#define HORIZON_MIN     (15 * US_PER_MIN) /* we shall send for so long, and for as long as we have */

/* --- the pace -------------------------------------------------------------------------------- */

void
tle_begin_step(struct tle *t, int64_t now_us)
{
    t->step_began_us = now_us;
    t->step_accepted = t->step_refused = t->step_leaked = 0;
    t->sum = 0;
}

void
tle_set_pace(
    struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
{
    int64_t next_us = t->phase == TLE_CRUISE ? t->probe_at_us : now_us + TLE_STEP_US_MIN;

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

/* A refusal is heard of when so many more have been sent that all of them are refused with it. */
static bool
is_far(const struct tle *t)
{
    return t->pacer.pace >= FAST_PACE &&
        pace_scale(t->pacer.pace, t->transaction_us, US_PER_S) >= FAR_MESSAGES * PACE_PER_S;
}

/* Who was never refused may be quick: a step too far is only one. */
uint32_t
tle_step_messages(const struct tle *t)
{
    if (!t->was_refused)
        return STEP_MESSAGES_SLOW;
    return t->pacer.pace < SLOW_PACE ? STEP_MESSAGES_SLOW : STEP_MESSAGES;
}

int64_t
tle_step_us(const struct tle *t)
{
    int64_t length_us;

    if (!t->was_refused)
        return is_far(t) ? 2 * STEP_US_FIRST : STEP_US_FIRST;
    length_us = tle_theories_length_us(&t->theories, t->pacer.pace);
    if (length_us > US_PER_HOUR)
        length_us = US_PER_HOUR;
    length_us += length_us / 5;
    return length_us > TLE_STEP_US_MIN ? length_us : TLE_STEP_US_MIN;
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

/* What was right for a while and is so no more may be right again. */
static void
note_peak(struct tle *t, int64_t pace)
{
    if (pace < t->settled / 10 * 8 && t->settled > t->peak &&
        t->wall_began_us - t->settled_us >= RETURN_PROVED) {
        t->peak = t->settled;
        t->fell_us = t->wall_began_us;
    } else if (pace >= t->peak / 10 * 9) {
        t->peak = 0;
    }
}

static void
cruise(struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s)
{
    bool is_agreed = is_near(pace, t->settled, AGREED_PERCENT_SETTLED);

    note_peak(t, pace);
    if (!is_agreed)
        t->settled_us = now_us;
    t->agreements = !is_agreed           ? 0
        : t->agreements < AGREEMENTS_MAX ? t->agreements + 1
                                         : AGREEMENTS_MAX;
    t->settled = pace;
    t->floor_ppm = t->floor_ppm / 8 * 7; /* noise that has ceased is forgotten */
    t->is_noise_sure = t->is_noise_sure && t->floor_ppm >= t->budget_ppm;
    t->phase = TLE_CRUISE;
    t->step_percent = PROBE_PERCENT;
    t->probe_at_us = now_us + probe_wait_us(t);
    t->search_refused = 0;
    t->trim_messages = t->trim_refused = 0;
    if (!t->is_too_often) /* it is to be seen whether less has helped */
        t->trim_share_ppm = 0;
    tle_set_pace(t, pace, because, now_us, s);
}

/* --- what is worth trying -------------------------------------------------------------------- */

static int64_t
horizon_us(const struct tle *t, int64_t now_us)
{
    return HORIZON_MIN + now_us - t->base.created_us;
}

/* The pace that will bring the most of what could be had; if it does not pass it is the surest one, and
 * only for the share of the time, in thousandths, that another refusal leaves. */
static int64_t
worthiest(const struct tle *t, int64_t share)
{
    int64_t surest = tle_theories_pace(&t->theories, 0), best = surest, best_yield = 0;

    for (int64_t pace = surest; pace > 0; pace = tle_theories_pace(&t->theories, pace)) {
        int64_t yield = tle_theories_yield(&t->theories, pace, pace_scale(surest, share, THOUSAND));

        if (yield > best_yield) {
            best = pace;
            best_yield = yield;
        }
    }
    return best;
}

/* The best pace as things are thought to be; 0: there is no limit known. */
static int64_t
best_pace(const struct tle *t, int64_t now_us)
{
    int64_t horizon_s = horizon_us(t, now_us) / US_PER_S, price_s = t->price_us / US_PER_S + 1;
    int64_t left_s = price_s < horizon_s ? horizon_s - price_s : 0;
    int64_t surest = tle_theories_pace(&t->theories, 0);
    int64_t best = worthiest(t, THOUSAND * left_s / horizon_s);

    if (best == 0)
        return 0;
    if (is_near(best, surest, AGREED_PERCENT))
        return pace_scale(
            surest, (surest < FEW_PACE ? BELOW_PERCENT_FEW : BELOW_PERCENT) - t->margin, 100);
    return pace_scale(best, DOUBTFUL_PERCENT - t->margin, 100);
}

static bool
is_probe_worthwhile(const struct tle *t, int64_t now_us)
{
    int64_t gain_us = (now_us - t->opened_us) / 100 * t->step_percent;

    return now_us >= t->probe_at_us && gain_us >= t->price_us * PROBE_ODDS;
}

/* The limit has fallen: is it back where it was? What has been for so long will be for as long again: the
 * looks in vain cost as much as what is missed until the next one when the time between them grows with
 * the root of that. */
static bool
is_return_worthwhile(const struct tle *t, int64_t now_us)
{
    int64_t price_us = t->price_us + RETURN_PRICE * (pace_interval_ns(t->pacer.pace) / 1000);
    int64_t peace_ms = (now_us - t->opened_us) / US_PER_MS, fallen_ms;
    int64_t gain_percent;

    if (t->peak <= t->pacer.pace)
        return false;
    gain_percent = (t->peak - t->pacer.pace) / (t->pacer.pace / 100 + 1);
    if (gain_percent < RETURN_PERCENT_MIN ||
        now_us - t->opened_us < RETURN_WAIT_MIN + RETURN_PRICES * t->price_us)
        return false;
    fallen_ms = (now_us - t->fell_us) / US_PER_MS;
    return peace_ms / 100 * peace_ms * (gain_percent < 1000 ? gain_percent : 1000) >=
        RETURN_ODDS * (price_us / US_PER_MS) * fallen_ms;
}

/* Refused where it should have been sure: where messages are many, what is on its way blurs the limit. */
void
tle_take_care(struct tle *t, int64_t now_us)
{
    if (t->phase != TLE_CRUISE || t->pacer.pace < FEW_PACE || now_us - t->opened_us > CARE_WITHIN)
        return;
    t->margin = t->margin + MARGIN_STEP < MARGIN_MAX ? t->margin + MARGIN_STEP : MARGIN_MAX;
}

static void
go_up(struct tle *t, const char *because, int64_t now_us)
{
    int64_t surest = tle_theories_pace(&t->theories, 0);
    int64_t pace =
        pace_scale(surest > t->pacer.pace ? surest : t->pacer.pace, 100 + t->step_percent, 100);
    int64_t percent_max = is_far(t) ? STEP_PERCENT_FAR
        : pace < FAST_PACE          ? STEP_PERCENT_MAX
                                    : STEP_PERCENT_FAST;

    t->step_percent *= 2;
    if (t->step_percent > percent_max)
        t->step_percent = percent_max;
    t->phase = TLE_SEARCH;
    t->is_probing = t->was_refused;
    tle_set_pace(t, pace, because, now_us, NULL);
}

static void
probe(struct tle *t, int64_t now_us)
{
    t->margin -= t->margin > 0;
    go_up(t, "probe", now_us);
}

static void
try_pace(struct tle *t, int64_t pace, const char *because, int64_t now_us)
{
    t->phase = TLE_SEARCH;
    t->is_probing = true;
    tle_set_pace(t, pace, because, now_us, NULL);
}

/* The pace is the surest one because a refusal is dear. Where others would let through much more, that is
 * soon made up for. */
static bool
try_doubtful(struct tle *t, int64_t now_us)
{
    int64_t pace = pace_scale(worthiest(t, THOUSAND), DOUBTFUL_PERCENT - t->margin, 100);
    int64_t gain_percent = (pace - t->pacer.pace) / (t->pacer.pace / 100 + 1);
    int64_t gain_us = (now_us - t->opened_us) / 100 * gain_percent;

    if (gain_percent <= AGREED_PERCENT_SETTLED || gain_us < t->price_us * PROBE_ODDS)
        return false;
    try_pace(t, pace, "perhaps", now_us);
    return true;
}

void
tle_resume(struct tle *t, const char *because, int64_t now_us, const struct signal *s)
{
    int64_t best = best_pace(t, now_us);
    bool is_sure = best > 0 && is_near(best, tle_theories_pace(&t->theories, 0), 2 * NEAR_PERCENT);

    if (t->is_blocked && best > t->pacer.pace / 4) { /* gently */
        best = t->pacer.pace / 4;
        is_sure = false;
    }
    t->is_probing = false;
    if (is_sure) {
        cruise(t, best, because, now_us, s);
        return;
    }
    t->phase = TLE_SEARCH;
    tle_set_pace(t, best > 0 ? best : t->pacer.pace, because, now_us, s);
}

/* --- noise ----------------------------------------------------------------------------------- */

/* Refusals at a pace, when one that is a quarter quicker has been clean since, do not come from the pace. */
static void
count_noise(struct tle *t)
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

/* A limit that is found is not met again at once. Where one refusal after the other is, each time at a
 * slower pace, and every time the door is open, the pace has nothing to do with it. */
void
tle_note_slide(struct tle *t)
{
    if (t->slide_messages > SLIDE_CLEAN || tle_theories_door(&t->theories) == TLE_DOOR)
        t->slide_events = 0;
    if (t->slide_events++ == 0) {
        t->slide_from = t->pacer.pace;
        t->slide_refused = t->slide_total = 0;
    }
    t->slide_messages = 0;
}

bool
tle_is_slide(const struct tle *t)
{
    return t->slide_events >= SLIDE_EVENTS && t->wall_knocks == 0 &&
        tle_theories_door(&t->theories) != TLE_DOOR && t->slide_total >= SLIDE_MESSAGES &&
        t->pacer.pace < t->slide_from / 10 * 8 && t->slide_refused * SLIDE_SHARE < t->slide_total;
}

void
tle_end_slide(struct tle *t, const struct signal *s)
{
    t->floor_ppm = (uint32_t)(INT64_C(1000000) * t->slide_refused / t->slide_total);
    if (t->floor_ppm > NOISE_PPM_MAX)
        t->floor_ppm = NOISE_PPM_MAX;
    t->is_noise_sure = true;
    t->slide_events = 0;
    t->theories = (struct tle_theories){.has_no_door = t->theories.has_no_door};
    t->phase = TLE_SEARCH;
    t->step_percent = STEP_PERCENT_MAX;
    tle_set_pace(t, t->slide_from, "noise", s->now_us, s);
}

/* --- steps ----------------------------------------------------------------------------------- */

/* This pace has carried enough, and without complaint. */
void
tle_on_clean_step(struct tle *t, int64_t now_us)
{
    int64_t carried = pace_of(t->step_accepted, now_us - t->step_began_us), best;

    count_noise(t);
    tle_theories_carried(
        &t->theories, carried < t->pacer.pace ? carried : t->pacer.pace, now_us - t->step_began_us);
    if (t->phase == TLE_SEARCH && now_us - t->step_began_us < tle_step_us(t))
        return; /* others, who count over longer, are asked now */
    best = best_pace(t, now_us);
    if (t->phase == TLE_SEARCH && (best == 0 || (t->is_probing && best <= t->pacer.pace)))
        go_up(t, "clean", now_us);
    else if (best > pace_scale(t->pacer.pace, 100 + NEAR_PERCENT, 100))
        tle_resume(t, "clean", now_us, NULL);
    else if (t->phase == TLE_SEARCH)
        cruise(t, best, "as much as is let through", now_us, NULL);
    else if (is_return_worthwhile(t, now_us))
        try_pace(t, t->peak, "as before?", now_us);
    else if (try_doubtful(t, now_us))
        return; /* it has begun a step of its own, as the others do */
    else if (is_probe_worthwhile(t, now_us))
        probe(t, now_us);
    else
        tle_begin_step(t, now_us);
}

/* Single refusals that are more than the budget: it is a little too much. Where less does not help they
 * are noise, and the pace that was is right. */
void
tle_trim(struct tle *t, const struct signal *s)
{
    uint32_t share_ppm = (uint32_t)(INT64_C(1000000) * t->trim_refused / t->trim_messages);
    uint32_t before_ppm = t->trim_share_ppm;
    bool is_telling = t->trim_messages >= DIFFERENCE_MESSAGES;

    t->trim_messages = t->trim_refused = t->trim_share_ppm = 0;
    if (before_ppm > 0 && is_telling && share_ppm > before_ppm / 5 * 3) {
        t->is_noise_sure = true;
        t->floor_ppm = share_ppm > before_ppm ? share_ppm : before_ppm;
        tle_set_pace(t, t->trim_pace, "noise", s->now_us, s);
        return;
    }
    if (share_ppm < t->budget_ppm || (t->is_noise_sure && share_ppm < t->floor_ppm * 2))
        return;
    t->trim_pace = t->pacer.pace;
    tle_hit_wall(t, tle_short_wait_us(t, s->now_us), "too often", s);
    t->is_too_often = true;
    if (share_ppm >= NOISE_PPM_MIN)
        t->trim_share_ppm = share_ppm;
}
