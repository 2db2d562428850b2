/* series.c - counts, rates and windows over the events of a run. */
#include "scenarios/series.h"

uint32_t
series_kinds(const struct series_plan *plan)
{
    if (plan->kind == SERIES_CONFUSION)
        return UINT32_C(1) << EVENT_REFUSED | UINT32_C(1) << EVENT_LIMIT_HIT |
            UINT32_C(1) << EVENT_ATTEMPT | UINT32_C(1) << EVENT_DSN_SENT |
            UINT32_C(1) << EVENT_DSN_RECEIVED | UINT32_C(1) << EVENT_FBL_RECEIVED;
    if (plan->kind == SERIES_SCORE)
        return UINT32_C(1) << EVENT_RELAYED | UINT32_C(1) << EVENT_LIMIT_HIT |
            UINT32_C(1) << EVENT_ACCEPTED | UINT32_C(1) << EVENT_BOUNCE_HARD;
    if (plan->is_moving)
        return UINT32_C(1) << plan->event | UINT32_C(1) << EVENT_LIMIT_HIT |
            UINT32_C(1) << EVENT_ACCEPTED;
    return UINT32_C(1) << plan->event;
}

bool
series_is_timed(const struct series_plan *plan)
{
    return plan->kind == SERIES_RATE || plan->kind == SERIES_TRIED ||
        (plan->kind == SERIES_LIMIT && (plan->window_us > 0 || plan->is_moving));
}

/* What the limit is at this moment. Only limits with a window are rates: the compiler saw to it. */
static struct ratio
limit_now(struct series *series, const struct evidence *evidence)
{
    const struct series_plan *plan = series->plan;
    const struct scenario *scenario = evidence->scenario;
    const struct isp_limit *limit = &scenario->isps[plan->isp].limits[plan->limit];
    const struct isp_senders us = {.sources = scenario->mta.source_ips,
        .sources_count = scenario->mta.source_ips_count,
        .domain = scenario->campaign.from.domain,
        .dkim_domain =
            scenario->mta.dkim.keys_count > 0 ? scenario->mta.dkim.keys[0].domain : SLICE("")};

    assert(limit->window_us > 0);
    if (evidence->isps != NULL)
        return isp_limit_rate_now(
            evidence->isps[plan->isp], plan->limit, &us, &series->changes_at_us);
    return ratio_of((int64_t)limit->max, limit->window_us);
}

/* The last step that still covers the window's start stays, the ones before it go. */
static void
drop_old_steps(struct series *series, int64_t now_us)
{
    int64_t start_us = now_us - series->plan->window_us;
    size_t gone = 0;

    while (gone + 1 < series->steps_count && series->steps[gone + 1].at_us <= start_us)
        gone++;
    if (gone == 0)
        return;
    series->left_us = series->steps[gone].at_us + series->plan->window_us;
    series->steps_count -= gone;
    memmove(series->steps, series->steps + gone, series->steps_count * sizeof series->steps[0]);
}

static void
note_step(struct series *series, const struct evidence *evidence)
{
    struct ratio rate = limit_now(series, evidence);
    struct step *last = series->steps_count > 0 ? &series->steps[series->steps_count - 1] : NULL;

    if (last != NULL && ratio_compare(last->rate, rate) == 0)
        return;
    if (last != NULL && (last->at_us == evidence->now_us || series->plan->window_us == 0)) {
        last->rate = rate;
        return;
    }
    series->steps = mem_grow(
        series->steps, &series->steps_capacity, series->steps_count + 1, sizeof series->steps[0]);
    series->steps[series->steps_count++] = (struct step){evidence->now_us, rate};
}

void
series_init(struct series *series, const struct series_plan *plan, struct evidence *evidence)
{
    *series =
        (struct series){.plan = plan, .last_us = -1, .left_us = -1, .changes_at_us = INT64_MAX};
    if (plan->kind == SERIES_LIMIT && (plan->window_us > 0 || plan->is_moving))
        note_step(series, evidence);
}

void
series_release(struct series *series)
{
    moments_release(&series->window);
    mem_free(series->gap_last_us);
    mem_free(series->before);
    mem_free(series->steps);
    map_release(&series->gap_keys);
    *series = (struct series){0};
}

static void
enter_window(struct series *series, int64_t now_us)
{
    const struct moment *newest = moments_newest(&series->window);

    if (series->window.count == SERIES_WINDOW_MAX && newest->at_us != now_us)
        series->has_overflowed = true;
    else
        moments_add(&series->window, now_us, 1);
}

void
series_advance(struct series *series, int64_t now_us)
{
    const struct series_plan *plan = series->plan;
    const struct moment *oldest;

    if (plan->kind == SERIES_LIMIT && plan->window_us > 0)
        drop_old_steps(series, now_us);
    if (series->changes_at_us <= now_us) { /* who asks for the value will find another one */
        series->left_us = series->changes_at_us;
        series->changes_at_us = INT64_MAX;
    }
    if (plan->kind == SERIES_TRIED && series->last_us >= 0 &&
        now_us - series->last_us >= plan->window_us) {
        series->left_us = series->last_us + plan->window_us;
        series->last_us = -1;
    }
    while ((oldest = moments_oldest(&series->window)) != NULL &&
        now_us - oldest->at_us >= plan->window_us) {
        series->left_us = oldest->at_us + plan->window_us;
        series->count -= oldest->amount;
        moments_drop_oldest(&series->window);
    }
}

int64_t
series_next_change_us(const struct series *series, int64_t now_us)
{
    const struct series_plan *plan = series->plan;
    int64_t next_us = INT64_MAX;

    if (plan->kind != SERIES_TRIED && plan->window_us > now_us)
        return plan->window_us; /* the first full window: now there is a value */
    if (plan->kind == SERIES_TRIED && series->last_us >= 0)
        next_us = series->last_us + plan->window_us;
    if (series->window.count > 0)
        next_us = moments_oldest(&series->window)->at_us + plan->window_us;
    if (plan->kind == SERIES_LIMIT && series->steps_count > 1)
        next_us = series->steps[1].at_us + plan->window_us;
    if (plan->is_moving && series->changes_at_us > now_us && series->changes_at_us < next_us)
        next_us = series->changes_at_us;
    return next_us > now_us ? next_us : INT64_MAX;
}

static void
note_gap(struct series *series, struct evidence *evidence)
{
    struct sighting *seen = evidence->seen;
    struct text text = {0};
    struct slice key = SLICE("");
    uint32_t number;
    bool is_new;

    if (series->plan->has_same && series->plan->same == FIELD_RCPT)
        key = seen->rcpt; /* the usual one, and already a text */
    else if (series->plan->has_same)
        sighting_field(evidence, seen, series->plan->same, &text);
    if (text.length > 0)
        key = text_slice(&text);
    number = map_put(&series->gap_keys, key, &is_new);
    text_release(&text);
    series->gap_last_us = mem_grow(series->gap_last_us, &series->gap_capacity,
        series->gap_keys.count, sizeof series->gap_last_us[0]);
    if (!is_new) {
        series->gap_us = evidence->now_us - series->gap_last_us[number];
        series->gap_number = seen->number;
    }
    series->gap_last_us[number] = evidence->now_us;
}

void
series_take(struct series *series, struct evidence *evidence)
{
    const struct series_plan *plan = series->plan;

    for (size_t i = 0; i < plan->matches_count; i++)
        if (!sighting_matches(evidence, evidence->seen, &plan->matches[i]))
            return;
    series_advance(series, evidence->now_us);
    switch (plan->kind) {
    case SERIES_COUNT:
        series->count++;
        break;
    case SERIES_RATE:
        series->count++;
        enter_window(series, evidence->now_us);
        break;
    case SERIES_GAP:
        note_gap(series, evidence);
        break;
    case SERIES_TRIED:
        series->last_us = evidence->now_us;
        break;
    case SERIES_LIMIT:
        if (plan->window_us > 0 || plan->is_moving)
            note_step(series, evidence);
        break;
    case SERIES_OPEN:
    case SERIES_CONFUSION:
    case SERIES_SCORE:
        break;
    }
    series->has_fired = true;
}

static struct confusion_filter
filter_of(const struct series_plan *plan)
{
    return (struct confusion_filter){.isp = plan->isp, .dialect = plan->dialect};
}

/* wrongly_failed of all has a number only. */
static void
restart_score(struct series *series, const struct evidence *evidence)
{
    struct ratio all = {0, 1};

    series->has_score_before = true;
    series->score_before = (struct score_counts){0};
    if (series->plan->isp >= 0)
        series->score_before = score_count(evidence->score, series->plan->isp, evidence->now_us);
    else if (score_measure(evidence->score, -1, series->plan->score, NULL, evidence->now_us, &all))
        series->score_before.wrongly_failed = (uint64_t)ratio_round(all);
}

void
series_restart(struct series *series, const struct evidence *evidence)
{
    if (series->plan->kind == SERIES_COUNT)
        series->count = 0;
    if (series->plan->kind == SERIES_SCORE && evidence->score != NULL)
        restart_score(series, evidence);
    if (series->plan->kind == SERIES_CONFUSION && evidence->confusion != NULL) {
        struct confusion_filter filter = filter_of(series->plan);

        if (series->before == NULL)
            series->before = mem_alloc(sizeof *series->before);
        confusion_count(evidence->confusion, &filter, evidence->now_us, series->before);
    }
}

static struct value
scored(const struct series *series, const struct evidence *evidence)
{
    struct ratio ratio;

    if (evidence->score == NULL)
        return value_unknown();
    return score_measure(evidence->score, series->plan->isp, series->plan->score,
               series->has_score_before ? &series->score_before : NULL, evidence->now_us, &ratio)
        ? value_number(ratio)
        : value_unknown();
}

static struct value
measured(const struct series *series, const struct evidence *evidence)
{
    const struct series_plan *plan = series->plan;
    struct confusion_filter filter = filter_of(plan);
    struct confusion_counts counts;
    struct ratio ratio;

    if (evidence->confusion == NULL)
        return value_unknown();
    confusion_count(evidence->confusion, &filter, evidence->now_us, &counts);
    if (series->before != NULL)
        confusion_subtract(&counts, series->before);
    return confusion_measure(&counts, plan->measure, plan->class, &ratio) ? value_number(ratio)
                                                                          : value_unknown();
}

/* The mean over the window: what held, weighted by how long it held. */
static struct value
mean_limit(const struct series *series, int64_t now_us)
{
    int64_t start_us = now_us - series->plan->window_us;
    struct value sum = value_number((struct ratio){0, 1});

    for (size_t i = 0; i < series->steps_count; i++) {
        const struct step *step = &series->steps[i];
        int64_t from_us = step->at_us > start_us ? step->at_us : start_us;
        int64_t to_us = i + 1 < series->steps_count ? series->steps[i + 1].at_us : now_us;

        if (to_us <= from_us)
            continue;
        sum = value_compute(OPERATION_ADD, sum,
            value_compute(OPERATION_MULTIPLY, value_number(step->rate),
                value_number((struct ratio){to_us - from_us, 1})));
    }
    return value_compute(
        OPERATION_DIVIDE, sum, value_number((struct ratio){series->plan->window_us, 1}));
}

static struct value
sessions_open(const struct series *series, const struct evidence *evidence)
{
    uint64_t open = 0;

    if (!series->has_fired || evidence->isps == NULL)
        return value_unknown();
    for (size_t i = 0; i < evidence->scenario->isps_count; i++)
        for (size_t j = 0; j < evidence->scenario->isps[i].hosts_count; j++)
            if (series->plan->isp < 0 || series->plan->isp == (int)i)
                open += isp_sessions_open(evidence->isps[i], j);
    return value_count(open);
}

struct value
series_value(struct series *series, struct evidence *evidence)
{
    const struct series_plan *plan = series->plan;
    bool is_window_full = evidence->now_us >= plan->window_us && !series->has_overflowed;

    series_advance(series, evidence->now_us);
    switch (plan->kind) {
    case SERIES_COUNT:
        return value_count(series->count);
    case SERIES_RATE:
        return is_window_full ? value_number(ratio_of((int64_t)series->count, plan->window_us))
                              : value_unknown();
    case SERIES_GAP:
        return evidence->seen != NULL && series->gap_number == evidence->seen->number
            ? value_number((struct ratio){series->gap_us, 1})
            : value_unknown();
    case SERIES_TRIED:
        return value_truth(series->last_us >= 0);
    case SERIES_OPEN:
        return sessions_open(series, evidence);
    case SERIES_LIMIT:
        if (plan->window_us == 0)
            return value_number(limit_now(series, evidence));
        if (plan->is_moving)
            note_step(series, evidence);
        return is_window_full ? mean_limit(series, evidence->now_us) : value_unknown();
    case SERIES_CONFUSION:
        return measured(series, evidence);
    case SERIES_SCORE:
        return scored(series, evidence);
    }
    return value_unknown();
}
