/* tle_theory.c - what would explain what a site took and what it refused. */
#include "mta/tle_theory.h"

#include "base/unit.h"

enum {
    SHORT_THEORIES = 3 * TLE_KINDS, /* up to a minute */
    WRONG_MAX = 6,                  /* more is forgotten */
    SLACK_PERCENT = 2,              /* what is on its way blurs the limit; … */
    SLACK_PERCENT_SECOND = 6,       /* … where a second counts half a round trip is much */
    EXPECTED_PERCENT = 90,          /* of a limit: a refusal from there on is no surprise */
    THOUSAND = 1000,
    MILLION = 1000000,
};

#define LOOK_EVERY_US (US_PER_S / 20)     /* a few messages more or less change nothing */
#define LATER_US      (US_PER_S / 10)     /* at most, where a site is far away */
#define ANSWERED_US   ((int64_t)US_PER_S) /* later nothing is on its way any more */

static const struct {
    int64_t us;
    uint8_t handicap; /* contradictions that the others may have more, before it is believed */
    uint8_t weight;   /* how usual it is */
} lengths[TLE_LENGTHS] = {
    {US_PER_S,        0, 2},
    {10 * US_PER_S,   0, 1},
    {US_PER_MIN,      0, 3},
    {10 * US_PER_MIN, 2, 1},
    {US_PER_HOUR,     2, 3},
    {US_PER_DAY,      3, 2},
};

static size_t
length_of(size_t theory)
{
    return theory / TLE_KINDS;
}

static bool
is_long(size_t theory)
{
    return theory >= SHORT_THEORIES;
}

static int64_t
slack_of(size_t theory, int64_t amount)
{
    return amount / 100 * (length_of(theory) == 0 ? SLACK_PERCENT_SECOND : SLACK_PERCENT);
}

static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- how much was used ----------------------------------------------------------------------- */

/* When a bucket of this theory was empty. */
static int64_t
empty_of(const struct tle_theories *ts, size_t theory)
{
    return is_long(theory) ? 0 : ts->empty_us;
}

/* In a window of the clock, by a site that counts so much later; its first instant is in it. */
static int64_t
used_of_clock(size_t theory, const struct tle_history *h, int64_t at_us, int64_t later_us)
{
    return tle_history_sum(h, (at_us + later_us) % lengths[length_of(theory)].us + 1, at_us);
}

/* What a limit of this theory has counted at this instant. */
static int64_t
used(const struct tle_theories *ts, size_t theory, const struct tle_history *h, int64_t at_us)
{
    int64_t us = lengths[length_of(theory)].us;

    switch ((enum tle_kind)(theory % TLE_KINDS)) {
    case TLE_SLIDING:
        return tle_history_sum(h, us, at_us);
    case TLE_FIXED:
        return used_of_clock(theory, h, at_us, 0);
    case TLE_BUCKET:
    case TLE_KINDS:
        break;
    }
    return tle_history_bucket(h, us, empty_of(ts, theory), at_us, 0);
}

/* And with one more at this instant. */
static int64_t
needed(const struct tle_theories *ts, size_t theory, const struct tle_history *h, int64_t at_us)
{
    if (theory % TLE_KINDS == TLE_BUCKET)
        return tle_history_bucket(h, lengths[length_of(theory)].us, empty_of(ts, theory), at_us, 1);
    return used(ts, theory, h, at_us) + TLE_MILLI;
}

/* A site counts what begins here some time later, how much is not known: it may be in another window of
 * the clock then. This is the most that was needed, … */
static int64_t
perhaps_needed(size_t theory, const struct tle_history *h, int64_t at_us, int64_t needed)
{
    if (theory % TLE_KINDS != TLE_FIXED)
        return needed;
    return most(needed, used_of_clock(theory, h, at_us, LATER_US) + TLE_MILLI);
}

/* … and this the least that was used. */
static int64_t
surely_used(size_t theory, const struct tle_history *h, int64_t at_us, int64_t used)
{
    if (theory % TLE_KINDS != TLE_FIXED)
        return used;
    return least(used, used_of_clock(theory, h, at_us, LATER_US));
}

/* Of a window of the clock that has ended since the last look; 0: none has. */
static int64_t
used_by_end(
    const struct tle_theories *ts, size_t theory, const struct tle_history *h, int64_t began_us)
{
    int64_t us = lengths[length_of(theory)].us, answered_us = began_us - ANSWERED_US;
    int64_t end_us = answered_us - answered_us % us;

    if (theory % TLE_KINDS != TLE_FIXED || end_us <= ts->looked_us - ANSWERED_US)
        return 0;
    end_us--; /* its last instant is in it */
    return least(tle_history_sum(h, us, end_us), tle_history_sum(h, us, end_us - LATER_US)) -
        TLE_MILLI; /* between the two it may be one less */
}

static int64_t
pace_for(size_t theory, int64_t amount)
{
    int64_t seconds = lengths[length_of(theory)].us / US_PER_S;

    return pace_clamp(amount * (PACE_PER_S / TLE_MILLI) / seconds, PACE_MIN, PACE_MAX);
}

/* What it says is right: the middle, where it is not sure. */
static int64_t
pace_of_theory(const struct tle_theories *ts, size_t theory)
{
    const struct tle_theory *it = &ts->all[theory];

    return pace_for(theory, it->high > it->low ? it->low + (it->high - it->low) / 2 : it->low);
}

/* --- evidence -------------------------------------------------------------------------------- */

static void
contradict(uint8_t *wrong)
{
    if (*wrong < WRONG_MAX)
        (*wrong)++;
}

static void
take_off(uint8_t *wrong, uint8_t least)
{
    *wrong -= *wrong < least ? *wrong : least;
}

/* What speaks against all of the short ones speaks against none: the limit has changed. At the door it
 * means that there is a door, if there can be one. */
static void
even_out(struct tle_theories *ts)
{
    uint8_t least = WRONG_MAX, least_at_door = WRONG_MAX;

    for (size_t i = 0; i < SHORT_THEORIES; i++) {
        least = ts->all[i].wrong < least ? ts->all[i].wrong : least;
        least_at_door =
            ts->all[i].wrong_at_door < least_at_door ? ts->all[i].wrong_at_door : least_at_door;
    }
    for (size_t i = 0; i < TLE_THEORIES; i++) {
        take_off(&ts->all[i].wrong, least);
        take_off(&ts->all[i].wrong_at_door, ts->has_no_door ? least_at_door : 0);
    }
}

static void
beat(struct tle_theory *theory)
{
    contradict(&theory->wrong);
    theory->high = 0;
}

void
tle_theories_taken(struct tle_theories *ts, const struct tle_history *h, int64_t began_us)
{
    if (began_us < ts->looked_us + LOOK_EVERY_US)
        return;
    for (size_t i = 0; i < TLE_THEORIES; i++) {
        struct tle_theory *theory = &ts->all[i];
        int64_t now = used(ts, i, h, began_us);
        int64_t sure = most(surely_used(i, h, began_us, now), used_by_end(ts, i, h, began_us));

        theory->low = most(theory->low, now);
        theory->proved = most(theory->proved, sure);
        if (theory->high > 0 && sure > theory->high + slack_of(i, theory->high) + TLE_MILLI / 2)
            beat(theory);
    }
    ts->looked_us = began_us;
    even_out(ts);
}

void
tle_theories_carried(struct tle_theories *ts, int64_t pace, int64_t for_us)
{
    for (size_t i = 0; i < TLE_THEORIES; i++) {
        struct tle_theory *theory = &ts->all[i];

        if (theory->high == 0 || lengths[length_of(i)].us > for_us || i % TLE_KINDS == TLE_BUCKET)
            continue; /* a bucket may have been full */
        if (pace_for(i, theory->high + slack_of(i, theory->high)) < pace)
            beat(theory);
        else if (pace_of_theory(ts, i) < pace)
            theory->low = theory->high;
    }
    even_out(ts);
}

void
tle_refusal_look(struct tle_refusal *refusal, const struct tle_theories *ts,
    const struct tle_history *h, int64_t began_us)
{
    refusal->began_us = began_us;
    for (size_t i = 0; i < TLE_THEORIES; i++) {
        refusal->used[i] = used(ts, i, h, began_us);
        refusal->needed[i] = needed(ts, i, h, began_us);
        refusal->surely_used[i] = surely_used(i, h, began_us, refusal->used[i]);
        refusal->perhaps_needed[i] = perhaps_needed(i, h, began_us, refusal->needed[i]);
    }
}

/* One more would not have been too many. Few are counted exactly. */
static bool
is_surprise(const struct tle_theories *ts, size_t i, const struct tle_refusal *refusal)
{
    int64_t proved = ts->all[i].proved, needed = refusal->perhaps_needed[i];
    bool is_exact = i % TLE_KINDS != TLE_BUCKET && proved <= TLE_EXACT * TLE_MILLI;

    return needed <= TLE_MILLI || needed <= proved - (is_exact ? 0 : slack_of(i, proved));
}

static bool
is_about(const struct tle_theories *ts, size_t theory, const struct tle_refusal *refusal)
{
    return refusal->is_quota ? is_long(theory) : !ts->has_quota || !is_long(theory);
}

/* What came after the last message that was taken has emptied windows, and filled buckets. */
static void
refused_at_door(struct tle_theories *ts, const struct tle_refusal *refusal)
{
    for (size_t i = 0; i < TLE_THEORIES; i++) {
        if (!is_about(ts, i, refusal) || (ts->blamed >> i & 1) != 0 || !is_surprise(ts, i, refusal))
            continue;
        contradict(&ts->all[i].wrong_at_door);
        ts->blamed |= UINT32_C(1) << i;
    }
    even_out(ts);
}

/* What was held against long windows as explanations of other refusals says nothing here. */
static void
begin_quota(struct tle_theories *ts)
{
    ts->has_quota = true;
    for (size_t i = SHORT_THEORIES; i < TLE_THEORIES; i++)
        ts->all[i] = (struct tle_theory){.low = ts->all[i].low, .proved = ts->all[i].proved};
}

/* It lets through no more than what was needed here; and no less than what it had let through before,
 * unless it has changed. */
static void
narrow(struct tle_theories *ts, size_t i, const struct tle_refusal *refusal)
{
    struct tle_theory *theory = &ts->all[i];
    int64_t used = most(refusal->used[i], TLE_MILLI);
    int64_t high = most(refusal->needed[i] - (i % TLE_KINDS == TLE_BUCKET ? 0 : TLE_MILLI), used);

    if (is_surprise(ts, i, refusal)) {
        contradict(&theory->wrong);
        theory->low = used;
        theory->proved = refusal->surely_used[i];
        theory->high = high;
        return;
    }
    theory->high = theory->high > 0 ? least(theory->high, high) : high;
    theory->low = most(theory->low, used);
    theory->proved = most(theory->proved, refusal->surely_used[i]);
    theory->low = least(theory->low, theory->high);
}

void
tle_theories_refused(struct tle_theories *ts, const struct tle_refusal *refusal)
{
    if (refusal->is_knock) {
        refused_at_door(ts, refusal);
        return;
    }
    if (refusal->is_quota && !ts->has_quota)
        begin_quota(ts);
    if (!refusal->is_quota)
        ts->empty_us = refusal->began_us;
    ts->blamed = 0;
    for (size_t i = 0; i < TLE_THEORIES; i++)
        if (is_about(ts, i, refusal))
            narrow(ts, i, refusal);
    even_out(ts);
}

/* --- what follows ---------------------------------------------------------------------------- */

static unsigned
rank_of(const struct tle_theories *ts, size_t theory)
{
    const struct tle_theory *it = &ts->all[theory];

    if (is_long(theory) && ts->has_quota)
        return it->wrong + it->wrong_at_door;
    return it->wrong + (ts->has_no_door ? it->wrong_at_door : 0U) +
        lengths[length_of(theory)].handicap;
}

/* One or two groups, each with its own who are alive: short and long limits where there are both. */
struct group {
    size_t first, end;
    unsigned rank;
};

static struct group
group_of(const struct tle_theories *ts, size_t first, size_t end)
{
    struct group group = {first, end, UINT32_MAX};

    for (size_t i = first; i < end; i++)
        if (rank_of(ts, i) < group.rank)
            group.rank = rank_of(ts, i);
    return group;
}

static struct group
first_group(const struct tle_theories *ts)
{
    return group_of(ts, 0, ts->has_quota || ts->has_short_only ? SHORT_THEORIES : TLE_THEORIES);
}

static size_t
groups_of(const struct tle_theories *ts, struct group groups[2])
{
    groups[0] = first_group(ts);
    if (!ts->has_quota)
        return 1;
    groups[1] = group_of(ts, SHORT_THEORIES, TLE_THEORIES);
    return 2;
}

static bool
needs_door(const struct tle_theories *ts, size_t theory)
{
    return ts->all[theory].wrong_at_door > 0;
}

/* Who needs no door is more likely. */
static int64_t
weight_of(const struct tle_theories *ts, const struct group *group, size_t theory)
{
    if (rank_of(ts, theory) != group->rank)
        return 0;
    return lengths[length_of(theory)].weight * (needs_door(ts, theory) ? 1 : 2);
}

enum tle_door
tle_theories_door(const struct tle_theories *ts)
{
    struct group group = first_group(ts);
    bool with = false, without = false;

    for (size_t i = group.first; i < group.end; i++) {
        if (rank_of(ts, i) != group.rank)
            continue;
        with = with || needs_door(ts, i);
        without = without || !needs_door(ts, i);
    }
    return ts->has_no_door || !with ? TLE_NO_DOOR : without ? TLE_DOOR_UNKNOWN : TLE_DOOR;
}

static int64_t
yield_of(const struct tle_theories *ts, size_t theory, int64_t pace, int64_t rest)
{
    int64_t limit = pace_of_theory(ts, theory);
    bool is_passed = ts->all[theory].high == 0 || pace <= limit;
    int64_t brought = is_passed ? least(pace, limit) : least(rest, limit);

    return limit / MILLION < MILLION ? brought * MILLION / limit : brought / (limit / MILLION);
}

int64_t
tle_theories_yield(const struct tle_theories *ts, int64_t pace, int64_t rest)
{
    struct group groups[2];
    size_t count = groups_of(ts, groups);
    int64_t yield = MILLION;

    for (size_t g = 0; g < count; g++) {
        int64_t alive = 0, brought = 0;

        for (size_t i = groups[g].first; i < groups[g].end; i++) {
            int64_t weight = weight_of(ts, &groups[g], i);

            alive += weight;
            brought += weight > 0 ? weight * yield_of(ts, i, pace, rest) : 0;
        }
        yield = yield * (brought / alive) / MILLION;
    }
    return yield;
}

/* Those alive who know a limit, as bits. */
static uint32_t
known_of(const struct tle_theories *ts)
{
    struct group groups[2];
    size_t count = groups_of(ts, groups);
    uint32_t known = 0;

    for (size_t g = 0; g < count; g++)
        for (size_t i = groups[g].first; i < groups[g].end; i++)
            if (rank_of(ts, i) == groups[g].rank && ts->all[i].high > 0)
                known |= UINT32_C(1) << i;
    return known;
}

bool
tle_theories_expect(const struct tle_theories *ts, const struct tle_refusal *refusal)
{
    uint32_t known = known_of(ts);

    for (size_t i = 0; i < TLE_THEORIES; i++)
        if ((known >> i & 1) != 0 && refusal->needed[i] >= ts->all[i].high / 100 * EXPECTED_PERCENT)
            return true;
    return false;
}

int64_t
tle_theories_pace(const struct tle_theories *ts, int64_t above)
{
    uint32_t known = known_of(ts);
    int64_t slowest = 0;

    for (size_t i = 0; i < TLE_THEORIES; i++) {
        int64_t pace = pace_of_theory(ts, i);

        if ((known >> i & 1) != 0 && pace > above && (slowest == 0 || pace < slowest))
            slowest = pace;
    }
    return slowest;
}

int64_t
tle_theories_length_us(const struct tle_theories *ts, int64_t pace)
{
    uint32_t known = known_of(ts);
    size_t end = ts->has_quota ? SHORT_THEORIES : TLE_THEORIES;
    int64_t longest_us = 0;

    for (size_t i = 0; i < end; i++)
        if ((known >> i & 1) != 0 && pace_of_theory(ts, i) < pace)
            longest_us = most(longest_us, lengths[length_of(i)].us);
    return longest_us;
}

static int64_t
open_share(const struct tle_theories *ts, const struct tle_history *h, int64_t at_us)
{
    struct group groups[2];
    size_t count = groups_of(ts, groups);
    int64_t share = THOUSAND;

    for (size_t g = 0; g < count; g++) {
        int64_t alive = 0, open = 0;

        for (size_t i = groups[g].first; i < groups[g].end; i++) {
            if (rank_of(ts, i) != groups[g].rank || needs_door(ts, i))
                continue;
            alive++;
            open += ts->all[i].high == 0 || used(ts, i, h, at_us) + TLE_MILLI <= ts->all[i].high;
        }
        share = alive > 0 ? share * open / alive : share;
    }
    return share;
}

int64_t
tle_theories_open_us(
    const struct tle_theories *ts, const struct tle_history *h, int64_t share, int64_t now_us)
{
    int64_t wait_us = US_PER_S;

    while (wait_us < US_PER_MIN && open_share(ts, h, now_us + wait_us) < share)
        wait_us += wait_us < 10 * (int64_t)US_PER_S ? US_PER_S : 5 * (int64_t)US_PER_S;
    return now_us + wait_us;
}
