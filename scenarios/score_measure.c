/* score_measure.c - what is computed from the counters, and what came of it as a result. */
#include "scenarios/score_parts.h"

enum { MILLIONTHS = 1000000, PER_MILLIONTH = CAPACITY_ONE / MILLIONTHS };

/* --- numbers --------------------------------------------------------------------------------- */

struct score_counts
score_count(struct score *score, int isp, int64_t now_us)
{
    struct scored_isp *scored = &score->isps[isp];

    assert(isp >= 0);
    assert((size_t)isp < score->isps_count);
    if (scored->is_scored)
        score_advance(scored, now_us);
    return (struct score_counts){.accepted = scored->accepted,
        .refused = scored->refused,
        .rejected = scored->rejected,
        .penalties = scored->penalties,
        .escalations = scored->escalations,
        .wrongly_failed = scored->wrongly_failed,
        .drawn = (int64_t)(scored->capacity.drawn / PER_MILLIONTH)};
}

static struct score_counts
since(struct score_counts counts, const struct score_counts *before)
{
    if (before == NULL)
        return counts;
    counts.accepted -= before->accepted;
    counts.refused -= before->refused;
    counts.rejected -= before->rejected;
    counts.penalties -= before->penalties;
    counts.escalations -= before->escalations;
    counts.wrongly_failed -= before->wrongly_failed;
    counts.drawn -= before->drawn;
    return counts;
}

/* D in millionths: of what he gets through, as much is refused for other reasons as of the real one's; all of it where nothing got through. */
static int64_t
possible(const struct score_counts *counts)
{
    uint64_t answered = counts->accepted + counts->refused;

    return counts->accepted > 0 ? (int64_t)((amount)counts->drawn * counts->accepted / answered)
                                : counts->drawn;
}

static bool
share_of(const struct score_counts *counts, enum score_measure measure, struct ratio *value)
{
    int64_t most = possible(counts), lost;

    if (most <= 0)
        return false;
    lost = most - (int64_t)counts->accepted * MILLIONTHS;
    if (lost < 0)
        lost = 0;
    if (measure == SCORE_UTILISATION)
        *value = ratio_of((int64_t)counts->accepted * MILLIONTHS, most);
    else if (measure == SCORE_LOST)
        *value = ratio_of(lost, most);
    else if (measure == SCORE_REJECTED)
        *value = ratio_of((int64_t)counts->rejected * MILLIONTHS, most);
    else
        *value = ratio_of(lost + (int64_t)counts->rejected * MILLIONTHS, most);
    return true;
}

/* (sum of x)^2 / (n x sum of x^2), x in parts per million. */
static bool
fairness(struct score *score, int64_t now_us, struct ratio *value)
{
    amount sum = 0, squares = 0;
    int64_t count = 0;

    for (size_t i = 0; i < score->isps_count; i++) {
        struct score_counts counts;
        struct ratio share;
        int64_t ppm;

        if (!score->isps[i].is_scored)
            continue;
        counts = score_count(score, (int)i, now_us);
        if (!share_of(&counts, SCORE_UTILISATION, &share))
            continue;
        ppm = (int64_t)((amount)share.num * PPM / share.den);
        sum += ppm;
        squares += (amount)ppm * ppm;
        count++;
    }
    if (squares == 0)
        return false;
    *value = ratio_of((int64_t)(sum * sum * PPM / (squares * count)), PPM);
    return true;
}

static uint64_t
wrongly_failed(const struct score *score, int isp)
{
    uint64_t count = 0;

    for (size_t i = 0; i < score->isps_count; i++)
        if (isp < 0 || (int)i == isp)
            count += score->isps[i].wrongly_failed;
    return count;
}

bool
score_measure(struct score *score, int isp, enum score_measure measure,
    const struct score_counts *before, int64_t now_us, struct ratio *value)
{
    const struct scored_isp *scored = isp >= 0 ? &score->isps[isp] : NULL;
    struct score_counts counts;

    if (measure == SCORE_FAIRNESS)
        return fairness(score, now_us, value);
    if (measure == SCORE_WRONGLY_FAILED) {
        uint64_t earlier = before != NULL ? before->wrongly_failed : 0;

        *value = ratio_of((int64_t)(wrongly_failed(score, isp) - earlier), 1);
        return true;
    }
    assert(scored != NULL);
    if (!scored->is_scored)
        return false;
    counts = score_count(score, isp, now_us);
    counts = since(counts, before);
    switch (measure) {
    case SCORE_UTILISATION:
    case SCORE_LOST:
    case SCORE_REJECTED:
    case SCORE_REGRET:
        return share_of(&counts, measure, value);
    case SCORE_OVERSHOOT:
        *value = ratio_of(scored->overshoot_ppm, PPM);
        return counts.drawn > 0;
    case SCORE_TIME_TO_90:
        *value = ratio_of(scored->reached_90_us, 1);
        return scored->reached_90_us >= 0;
    case SCORE_PENALTIES:
        *value = ratio_of((int64_t)counts.penalties, 1);
        return true;
    case SCORE_ESCALATIONS:
        *value = ratio_of((int64_t)counts.escalations, 1);
        return true;
    case SCORE_WRONGLY_FAILED:
    case SCORE_FAIRNESS:
        break;
    }
    return false;
}

/* --- the result ------------------------------------------------------------------------------ */

static int64_t
ppm_of(const struct score_counts *counts, enum score_measure measure)
{
    struct ratio value;

    return share_of(counts, measure, &value) ? (int64_t)((amount)value.num * PPM / value.den) : -1;
}

static void
fill_bins(
    const struct scored_isp *isp, int64_t now_us, struct result *result, struct result_score *out)
{
    size_t count = (size_t)((now_us + isp->bin_us - 1) / isp->bin_us);

    out->bin_us = isp->bin_us;
    out->bins_from = result->score_bins_count;
    out->bins_count = count < SCORE_BINS ? count : SCORE_BINS;
    for (size_t i = 0; i < out->bins_count; i++)
        result->score_bins[result->score_bins_count++] =
            (struct result_score_bin){.accepted = isp->bins[i].accepted,
                .rejected = isp->bins[i].rejected,
                .limit_millionths = isp->bins[i].level / PER_MILLIONTH};
}

static void
fill_isp(struct score *score, size_t i, int64_t now_us, struct result *result)
{
    struct scored_isp *isp = &score->isps[i];
    struct score_counts counts = score_count(score, (int)i, now_us);
    struct result_score *out = &result->scores[result->scores_count++];

    *out = (struct result_score){
        .name = {arena_copy(&result->arena, isp->config->name.at, isp->config->name.length),
                 isp->config->name.length},
        .accepted = counts.accepted,
        .rejected = counts.rejected,
        .refused = counts.refused,
        .penalties = counts.penalties,
        .escalations = counts.escalations,
        .wrongly_failed = counts.wrongly_failed,
        .possible_millionths = possible(&counts),
        .utilisation_ppm = ppm_of(&counts, SCORE_UTILISATION),
        .lost_ppm = ppm_of(&counts, SCORE_LOST),
        .rejected_ppm = ppm_of(&counts, SCORE_REJECTED),
        .regret_ppm = ppm_of(&counts, SCORE_REGRET),
        .overshoot_ppm = isp->overshoot_ppm,
        .time_to_90_us = isp->reached_90_us,
        .age_p50_us = score_age_us(isp, 50),
        .age_p99_us = score_age_us(isp, 99)
    };
    fill_bins(isp, now_us, result, out);
}

void
score_fill(struct score *score, int64_t now_us, struct result *result)
{
    struct ratio fair;

    result->scores =
        arena_alloc_zeroed(&result->arena, (score->isps_count + 1) * sizeof *result->scores);
    result->score_bins = arena_alloc_zeroed(
        &result->arena, (score->isps_count * SCORE_BINS + 1) * sizeof *result->score_bins);
    for (size_t i = 0; i < score->isps_count; i++)
        if (score->isps[i].is_scored)
            fill_isp(score, i, now_us, result);
    result->wrongly_failed = wrongly_failed(score, -1);
    result->fairness_ppm = result->scores_count > 1 && fairness(score, now_us, &fair)
        ? (int64_t)((amount)fair.num * PPM / fair.den)
        : -1;
}
