/* judge.c - when something is judged: the moments named in scenarios/expect.h, in this one place.
 *
 * Two things make a moment: an event (on_entry, inside journal_append) and the end of an instant
 * (judge_instant_over). The second serves what time alone brings: `at T`, deadlines, holds that are
 * complete, windows that something left, and times that begin. For each of those a timer makes sure
 * that its instant exists; the timer itself does nothing.
 *
 * What leaves a window at t is out before the events of t are judged, but its leaving is judged when
 * the instant is over: an event that enters at the moment another one leaves keeps the rate. */
#include "scenarios/judge.h"

bool
trial_interval(const struct trial *trial, struct interval *interval)
{
    const struct expectation_plan *plan = trial->plan;

    if (plan->during_count > 0) {
        if (trial->interval == plan->during_count)
            return false;
        *interval = plan->during[trial->interval];
        return true;
    }
    if (trial->interval > 0 || trial->after_us == INSTANT_UNKNOWN)
        return false;
    interval->from_us = trial->after_us == INSTANT_NONE ? 0 : trial->after_us;
    interval->to_us = trial->until_us < 0 ? INSTANT_END : trial->until_us;
    return true;
}

/* `after` and `during` begin anew: counts start at 0, nothing has fallen yet. */
static void
open_trial(struct judge *judge, struct trial *trial)
{
    const struct expression_parts *parts = &judge->plan->parts;

    trial->is_open = trial->has_opened = trial->is_opening = true;
    trial->true_since_us = -1;
    judge->is_unsettled = true;
    for (size_t i = 0; i < parts->series_count; i++)
        if (parts->series[i].owner == trial->number)
            series_restart(&judge->state.series[i], &judge->evidence);
    for (size_t i = 0; i < parts->watches_count; i++)
        if (parts->watches[i].owner == trial->number)
            expression_state_restart(&judge->state, i);
}

static void
open_and_close(struct judge *judge)
{
    int64_t now_us = judge->evidence.now_us;
    struct interval interval;

    if (now_us < judge->boundary_us)
        return;
    judge->boundary_us = INT64_MAX;
    judge->is_unsettled = true;
    for (size_t i = 0; i < judge->plan->count; i++) {
        struct trial *trial = &judge->trials[i];

        while (trial_interval(trial, &interval) && now_us > interval.to_us) {
            trial->is_open = trial->is_opening = false;
            trial->true_since_us = -1;
            trial->interval++;
        }
        if (!trial_interval(trial, &interval))
            continue;
        if (!trial->is_open && now_us >= interval.from_us)
            open_trial(judge, trial);
        if (!trial->is_open && interval.from_us < judge->boundary_us)
            judge->boundary_us = interval.from_us;
        if (trial->is_open && interval.to_us + 1 < judge->boundary_us)
            judge->boundary_us = interval.to_us + 1;
    }
}

/* Real time may be late: so long we wait, though not beyond the end of the run for what lies in it. */
static int64_t
with_tolerance(const struct judge *judge, int64_t at_us)
{
    int64_t until_us = judge->plan->scenario->until_us, late_us;

    if (at_us < 0 || at_us == INSTANT_END)
        return at_us;
    late_us = at_us + judge->plan->tolerance_us;
    return late_us > until_us && at_us <= until_us ? until_us : late_us;
}

/* Instants such as relayed(spring) + 5m: known once it has happened. */
static bool
resolve(struct judge *judge, const struct instant_plan *plan, int64_t *at_us)
{
    struct value values[EXPRESSION_NODES_MAX], value;

    if (*at_us != INSTANT_UNKNOWN)
        return false;
    value = expression_evaluate(&plan->expression, &judge->state, values);
    if (!value.is_known)
        return false;
    *at_us = ratio_round(value.number);
    if (*at_us < 0)
        *at_us = 0;
    judge->unresolved_count--;
    judge->is_unsettled = true;
    judge->boundary_us = judge->evidence.now_us;
    return true;
}

static void
resolve_instants(struct judge *judge)
{
    for (size_t i = 0; i < judge->plan->count && judge->unresolved_count > 0; i++) {
        struct trial *trial = &judge->trials[i];

        if (resolve(judge, &trial->plan->at, &trial->at_us))
            trial->at_us = with_tolerance(judge, trial->at_us);
        resolve(judge, &trial->plan->after, &trial->after_us);
        resolve(judge, &trial->plan->until, &trial->until_us);
    }
    open_and_close(judge);
}

static bool
is_before_deadline(const struct judge *judge, const struct trial *trial)
{
    return trial->at_us < 0 || judge->evidence.now_us <= trial->at_us;
}

/* always, never: the first check that fails ends the trial. */
static void
judge_claim(struct judge *judge, struct trial *trial)
{
    bool is_wrong_when = trial->plan->config->form == EXPECT_NEVER;
    bool has_value = false;

    for (size_t i = 0; i < trial->plan->checks_count; i++) {
        struct value values[EXPRESSION_NODES_MAX];
        struct value value = expression_evaluate(&trial->plan->checks[i], &judge->state, values);

        has_value = has_value || value.is_known;
        if (value.is_known && value.truth == is_wrong_when) {
            trial->judged_count++;
            trial_fail(judge, trial, &trial->plan->checks[i], values);
            return;
        }
    }
    trial->judged_count += has_value;
}

static void
judge_by(struct judge *judge, struct trial *trial)
{
    size_t held = 0;

    if (!is_before_deadline(judge, trial))
        return;
    for (size_t i = 0; i < trial->plan->checks_count; i++) {
        struct value values[EXPRESSION_NODES_MAX];

        if (!trial->checks_held[i])
            trial->checks_held[i] =
                expression_evaluate(&trial->plan->checks[i], &judge->state, values).truth;
        held += trial->checks_held[i];
    }
    trial->judged_count++;
    if (held == trial->plan->checks_count)
        trial_hold(judge, trial, "true at");
}

static void
judge_eventually(struct judge *judge, struct trial *trial)
{
    struct value values[EXPRESSION_NODES_MAX];
    struct value value = expression_evaluate(&trial->plan->checks[0], &judge->state, values);

    trial->judged_count += value.is_known;
    if (!value.truth) {
        trial->true_since_us = -1;
    } else if (trial->true_since_us < 0) {
        trial->true_since_us = judge->evidence.now_us;
        judge->is_unsettled = true; /* the end of the hold is to be waited for */
    }
    if (value.truth && trial->plan->hold_us == 0 && is_before_deadline(judge, trial))
        trial_hold(judge, trial, "true at");
}

static void
judge_state(struct judge *judge, struct trial *trial)
{
    if (trial->is_done || !trial->is_open)
        return;
    switch (trial->plan->config->form) {
    case EXPECT_ALWAYS:
    case EXPECT_NEVER:
        judge_claim(judge, trial);
        break;
    case EXPECT_BY:
        judge_by(judge, trial);
        break;
    case EXPECT_EVENTUALLY:
        judge_eventually(judge, trial);
        break;
    case EXPECT_AT:
    case EXPECT_WHEN:
        break;
    }
}

static bool
is_event_undecided(struct judge *judge, struct trial *trial)
{
    bool is_undecided = false;
    int64_t age_us;

    if (trial->plan->has_within) {
        if (!sighting_age_us(&judge->evidence, judge->evidence.seen, &age_us))
            is_undecided = true;
        else if (age_us < trial->plan->within_min_us || age_us > trial->plan->within_max_us) {
            trial_fail_age(judge, trial, age_us);
            return false;
        }
    }
    for (size_t i = 0; i < trial->plan->checks_count; i++) {
        struct value values[EXPRESSION_NODES_MAX];
        struct value value = expression_evaluate(&trial->plan->checks[i], &judge->state, values);

        if (value.is_known && !value.truth) {
            trial_fail(judge, trial, &trial->plan->checks[i], values);
            return false;
        }
        is_undecided = is_undecided || !value.is_known;
    }
    return is_undecided;
}

static void
judge_when(struct judge *judge, struct trial *trial)
{
    struct value values[EXPRESSION_NODES_MAX];

    if (!trial->is_open)
        return;
    if (trial->needs_delivery)
        judge->evidence.delivery = sighting_delivery(&judge->evidence, judge->evidence.seen);
    if (!trial->plan->has_where ||
        expression_evaluate(&trial->plan->where, &judge->state, values).truth) {
        trial->fired_count++;
        if (trial->plan->has_fires && trial->fired_count == trial->plan->fires_max + 1)
            trial->exceeded_at_us = judge->evidence.now_us;
        trial->undecided_count += is_event_undecided(judge, trial);
    }
    judge->evidence.delivery = DELIVERY_ALL;
}

/* Series and watches move first, so that every check sees the state right after the event. */
static void
judge_event(struct judge *judge, const struct kind_lists *lists)
{
    for (size_t i = 0; i < lists->series_count; i++) {
        struct series *series = &judge->state.series[lists->series[i]];

        series_take(series, &judge->evidence);
        judge->is_unsettled = judge->is_unsettled || series_is_timed(series->plan);
    }
    if (lists->watches_count > 0)
        judge->evidence.delivery = sighting_delivery(&judge->evidence, judge->evidence.seen);
    for (size_t i = 0; i < lists->watches_count; i++)
        expression_state_watch(&judge->state, lists->watches[i]);
    judge->evidence.delivery = DELIVERY_ALL;
    if (judge->unresolved_count > 0)
        resolve_instants(judge);
    for (size_t i = 0; i < lists->trials_count; i++) {
        struct trial *trial = &judge->trials[lists->trials[i]];

        if (trial->plan->config->form == EXPECT_WHEN)
            judge_when(judge, trial);
        else
            judge_state(judge, trial);
    }
}

/* After what begins with this instant has begun, before anybody asks. */
static void
take_verdict(struct judge *judge, struct slice entry)
{
    if (judge->doors.confusion != NULL)
        confusion_take(judge->doors.confusion, entry);
    if (judge->doors.score != NULL)
        score_take(judge->doors.score, entry);
}

static void
on_entry(void *arg, struct slice entry)
{
    struct judge *judge = arg;
    struct sighting seen;
    uint8_t kind;

    judge->evidence.entry_number++;
    memcpy(&kind, entry.at + offsetof(struct event, kind), 1);
    if (kind >= EVENT_KINDS_COUNT || (judge->kinds_wanted >> kind & 1) == 0) {
        take_verdict(judge, entry);
        return;
    }
    evidence_read(&judge->evidence, &seen, entry);
    judge->evidence.now_us = seen.event.at_us;
    open_and_close(judge);
    take_verdict(judge, entry);
    judge_event(judge, &judge->kinds[kind]);
    judge->evidence.seen = NULL;
}

/* `at T`: once more whenever the instant T is over again; the last time counts. */
static void
judge_at(struct judge *judge, struct trial *trial)
{
    trial->is_told = true;
    trial->result = (struct expect_result){0};
    for (size_t i = 0; i < trial->plan->checks_count; i++) {
        struct value values[EXPRESSION_NODES_MAX];
        struct value value = expression_evaluate(&trial->plan->checks[i], &judge->state, values);

        trial->judged_count = 1;
        if (!value.is_known || !value.truth) {
            trial_fail(judge, trial, &trial->plan->checks[i], values);
            trial->is_done = false;
            if (!value.is_known)
                trial->result.verdict = EXPECT_UNDECIDED;
            return;
        }
    }
    trial_hold(judge, trial, "at");
    trial->is_done = false;
}

/* The deadline's own instant still counts; if it does not help, this is what stood there then. */
static void
judge_deadline(struct judge *judge, struct trial *trial)
{
    trial->is_told = true;
    for (size_t i = 0; i < trial->plan->checks_count; i++) {
        struct value values[EXPRESSION_NODES_MAX], value;

        if (trial->plan->config->form == EXPECT_BY && trial->checks_held[i])
            continue;
        value = expression_evaluate(&trial->plan->checks[i], &judge->state, values);
        trial_fail(judge, trial, &trial->plan->checks[i], values);
        trial->is_done = false;
        if (!value.is_known && trial->plan->config->form == EXPECT_BY)
            trial->result.verdict = EXPECT_UNDECIDED;
        return;
    }
}

static bool
is_hold_complete(const struct judge *judge, const struct trial *trial)
{
    int64_t hold_us = trial->plan->hold_us;

    return trial->plan->config->form == EXPECT_EVENTUALLY && trial->true_since_us >= 0 &&
        judge->evidence.now_us - trial->true_since_us >= hold_us &&
        (trial->at_us < 0 || trial->at_us - trial->true_since_us >= hold_us);
}

static bool
has_deadline(const struct trial *trial)
{
    return trial->plan->config->form == EXPECT_BY || trial->plan->config->form == EXPECT_EVENTUALLY;
}

static void
judge_end_of_instant(struct judge *judge, struct trial *trial)
{
    int64_t now_us = judge->evidence.now_us;

    if (trial->is_opening || trial->is_due || (has_deadline(trial) && trial->at_us == now_us))
        judge_state(judge, trial);
    trial->is_opening = trial->is_due = false;
    if (trial->is_done)
        return;
    if (is_hold_complete(judge, trial))
        trial_hold(judge, trial, "true from");
    else if (trial->at_us == now_us && trial->plan->config->form == EXPECT_AT)
        judge_at(judge, trial);
    else if (trial->at_us == now_us && has_deadline(trial))
        judge_deadline(judge, trial);
    else if (trial->is_told && trial->at_us < now_us)
        trial->is_done = true;
}

static void
note_what_left(struct judge *judge)
{
    for (size_t i = 0; i < judge->timed_count; i++) {
        struct series *series = &judge->state.series[judge->timed[i]];

        series_advance(series, judge->evidence.now_us);
        if (series->left_us == judge->evidence.now_us ||
            (series->plan->kind != SERIES_TRIED &&
                series->plan->window_us == judge->evidence.now_us))
            judge->trials[series->plan->owner].is_due = true;
    }
}

static int64_t
sooner(int64_t a_us, int64_t b_us, int64_t now_us)
{
    return b_us > now_us && b_us < a_us ? b_us : a_us;
}

static void
find_next_wake(struct judge *judge)
{
    int64_t now_us = judge->evidence.now_us;
    int64_t wake_us = judge->boundary_us > now_us ? judge->boundary_us : INT64_MAX;

    for (size_t i = 0; i < judge->plan->count; i++) {
        const struct trial *trial = &judge->trials[i];

        if (trial->is_done)
            continue;
        wake_us = sooner(wake_us, trial->at_us, now_us);
        if (trial->true_since_us >= 0)
            wake_us = sooner(wake_us, trial->true_since_us + trial->plan->hold_us, now_us);
    }
    for (size_t i = 0; i < judge->timed_count; i++) {
        const struct series *series = &judge->state.series[judge->timed[i]];

        if (!judge->trials[series->plan->owner].is_done)
            wake_us = sooner(wake_us, series_next_change_us(series, now_us), now_us);
    }
    judge->wake_us = wake_us;
    judge->is_unsettled = false;
}

static void
make_instant(void *arg)
{
    (void)arg; /* that time stops here is all that is wanted: judge_instant_over() does the rest */
}

void
judge_instant_over(struct judge *judge)
{
    int64_t now_us = loop_now_us(judge->doors.loop);

    if (now_us < judge->wake_us && !judge->is_unsettled)
        return;
    judge->evidence.now_us = now_us;
    open_and_close(judge);
    if (judge->unresolved_count > 0)
        resolve_instants(judge);
    note_what_left(judge);
    for (size_t i = 0; i < judge->plan->count; i++)
        if (!judge->trials[i].is_done)
            judge_end_of_instant(judge, &judge->trials[i]);
    find_next_wake(judge);
    if (judge->wake_us >= INSTANT_END)
        timer_cancel(judge->doors.loop, &judge->wake);
    else if (!timer_is_armed(&judge->wake) || judge->wake.at_us != judge->wake_us)
        timer_arm(judge->doors.loop, &judge->wake, judge->wake_us, make_instant, judge);
}

void
judge_finish(struct judge *judge)
{
    judge->is_unsettled = true;
    judge_instant_over(judge);
    timer_cancel(judge->doors.loop, &judge->wake);
    judge->evidence.is_over = true;
    for (size_t i = 0; i < judge->plan->count; i++) {
        struct trial *trial = &judge->trials[i];

        if (trial->at_us == INSTANT_END || (trial->at_us == INSTANT_NONE && has_deadline(trial))) {
            trial->at_us = judge->evidence.now_us;
            if (!trial->is_done)
                judge_end_of_instant(judge, trial);
        }
        trial_conclude(judge, trial);
    }
}

static bool
asks_for_delivery(const struct expression_parts *parts, const struct expression *expression)
{
    for (size_t i = 0; i < expression->nodes_count; i++) {
        const struct node *node = &expression->nodes[i];

        if ((node->kind == NODE_KPI && node->delivery == DELIVERY_ALL) ||
            (node->kind == NODE_WATCH && parts->watches[node->index].is_per_delivery))
            return true;
    }
    return false;
}

static void
init_trial(struct judge *judge, size_t number)
{
    const struct expectation_plan *plan = &judge->plan->list[number];
    struct trial *trial = &judge->trials[number];

    *trial = (struct trial){.plan = plan,
        .number = number,
        .at_us = with_tolerance(judge, plan->at.at_us),
        .after_us = plan->after.at_us,
        .until_us = plan->until.at_us,
        .true_since_us = -1,
        .exceeded_at_us = -1,
        .checks_held = arena_alloc_zeroed(&judge->arena, plan->checks_count + 1)};
    for (size_t i = 0; i < plan->checks_count; i++)
        trial->needs_delivery =
            trial->needs_delivery || asks_for_delivery(&judge->plan->parts, &plan->checks[i]);
    if (plan->has_where)
        trial->needs_delivery =
            trial->needs_delivery || asks_for_delivery(&judge->plan->parts, &plan->where);
    judge->unresolved_count += (plan->at.at_us == INSTANT_UNKNOWN) +
        (plan->after.at_us == INSTANT_UNKNOWN) + (plan->until.at_us == INSTANT_UNKNOWN);
}

struct judge *
judge_new(const struct expect_plan *plan, const struct judge_doors *doors)
{
    struct judge *judge = mem_alloc_zeroed(sizeof *judge);

    judge->plan = plan;
    judge->doors = *doors;
    judge->is_unsettled = true;
    judge->trials = mem_alloc_zeroed((plan->count + 1) * sizeof judge->trials[0]);
    evidence_init(&judge->evidence, plan->scenario, doors->journal, doors->campaign,
        plan->parts.memories_count);
    judge->evidence.isps = doors->isps;
    judge->evidence.confusion = doors->confusion;
    judge->evidence.score = doors->score;
    judge->evidence.now_us = loop_now_us(doors->loop);
    judge->evidence.tolerance_us = plan->tolerance_us;
    for (size_t i = 0; i < plan->count; i++)
        init_trial(judge, i);
    expression_state_init(&judge->state, &plan->parts, &judge->evidence);
    judge_index_kinds(judge);
    open_and_close(judge);
    journal_observe(doors->journal, on_entry, judge);
    /* Whatever the first instant brings: it ends with a look around. */
    loop_post(doors->loop, &judge->wake, make_instant, judge);
    return judge;
}

void
judge_free(struct judge **judge)
{
    struct judge *j = *judge;

    if (j == NULL)
        return;
    timer_cancel(j->doors.loop, &j->wake);
    judge_release_kinds(j);
    mem_free(j->trials);
    expression_state_release(&j->state);
    evidence_release(&j->evidence);
    arena_release(&j->arena);
    mem_free(j);
    *judge = NULL;
}
