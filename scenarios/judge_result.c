/* judge_result.c - what is said about an expectation: verdict, expected, observed, and where. */
#include "scenarios/judge.h"

#include <inttypes.h>

static struct slice
keep(struct judge *judge, struct text *text)
{
    struct slice kept = {arena_copy(&judge->arena, text_string(text), text->length), text->length};

    text_release(text);
    return kept;
}

/* What a source says, without the blanks and line ends around it. */
static struct slice
say_source(const struct source *source)
{
    return slice_trim(source->text);
}

/* "rcpt later-017@rows.example, attempt 3, host mx1" */
static struct slice
describe_event(struct judge *judge)
{
    struct sighting *seen = judge->evidence.seen;
    struct text text = {0};

    if (seen == NULL)
        return SLICE("");
    text_printf(&text, "%s", event_kind_name((enum event_kind)seen->event.kind));
    if (seen->rcpt.length > 0)
        text_printf(&text, ", rcpt %.*s", SLICE_ARGS(seen->rcpt));
    if (seen->event.attempt > 0)
        text_printf(&text, ", attempt %u", (unsigned)seen->event.attempt);
    if (seen->event.host != 0)
        text_printf(&text, ", host %.*s",
            SLICE_ARGS(journal_name_text(judge->doors.journal, seen->event.host)));
    return keep(judge, &text);
}

static void
begin_failure(struct judge *judge, struct trial *trial, const struct source *source)
{
    trial->result = (struct expect_result){
        .verdict = EXPECT_FAILED,
        .at_us = judge->evidence.now_us,
        .mark = source_mark(source, 0, source->text.length),
        .check = say_source(source),
        .detail = describe_event(judge),
    };
}

void
trial_fail(struct judge *judge, struct trial *trial, const struct expression *expression,
    const struct value *values)
{
    struct text expected = {0}, observed = {0};
    bool is_never = trial->plan->config->form == EXPECT_NEVER;

    trial->is_done = trial->plan->config->form != EXPECT_WHEN;
    if (trial->failed_count++ > 0 && !trial->is_done)
        return; /* the first failure is the one to tell about */
    begin_failure(judge, trial, &expression->source);
    expression_explain(expression, &judge->state, values, &expected, &observed);
    if (is_never) {
        struct text positive = expected;

        expected = (struct text){0};
        text_printf(&expected, "never %s", text_string(&positive));
        text_release(&positive);
    }
    trial->result.expected = keep(judge, &expected);
    trial->result.observed = keep(judge, &observed);
}

void
trial_fail_age(struct judge *judge, struct trial *trial, int64_t age_us)
{
    const struct source *within = &trial->plan->config->within;
    struct text check = {0}, observed = {0};

    if (trial->failed_count++ > 0)
        return;
    begin_failure(judge, trial, within);
    text_printf(&check, "within: %.*s", SLICE_ARGS(say_source(within)));
    trial->result.check = keep(judge, &check);
    trial->result.expected = say_source(within);
    unit_format_duration(&observed, age_us);
    trial->result.observed = keep(judge, &observed);
}

/* "true at 32m": the words, then the instant that they lead to. */
void
trial_hold(struct judge *judge, struct trial *trial, const char *format, ...)
{
    struct text summary = {0};
    int64_t at_us = judge->evidence.now_us;
    va_list args;

    va_start(args, format);
    text_vprintf(&summary, format, args);
    va_end(args);
    text_add_char(&summary, ' ');
    if (trial->true_since_us >= 0 && trial->plan->hold_us > 0)
        at_us = trial->true_since_us;
    unit_format_duration(&summary, at_us);
    if (trial->true_since_us >= 0 && trial->plan->hold_us > 0) {
        text_add_string(&summary, " to ");
        unit_format_duration(&summary, at_us + trial->plan->hold_us);
    }
    trial->is_done = true;
    trial->result = (struct expect_result){.verdict = EXPECT_HELD,
        .at_us = judge->evidence.now_us,
        .mark = trial->plan->config->mark,
        .summary = keep(judge, &summary)};
}

static void
set_verdict(struct judge *judge, struct trial *trial, enum expect_verdict verdict)
{
    trial->result = (struct expect_result){
        .verdict = verdict,
        .at_us = judge->evidence.now_us,
        .mark = trial->plan->config->mark,
    };
}

static void
fail_undecided(
    struct judge *judge, struct trial *trial, const struct source *source, int64_t deadline_us)
{
    struct text expected = {0}, observed = {0};

    set_verdict(judge, trial, EXPECT_UNDECIDED);
    trial->result.mark = source_mark(source, 0, source->text.length);
    trial->result.check = say_source(source);
    if (deadline_us >= 0) {
        text_add_string(&expected, "a run of at least ");
        unit_format_duration(&expected, deadline_us);
    } else {
        text_printf(&expected, "%.*s to come", SLICE_ARGS(say_source(source)));
    }
    text_add_string(&observed, "the run ended at ");
    unit_format_duration(&observed, judge->evidence.now_us);
    trial->result.expected = keep(judge, &expected);
    trial->result.observed = keep(judge, &observed);
}

/* An instant that was waited for and did not come, or came to be known when it was over. */
static void
conclude_instant(struct judge *judge, struct trial *trial)
{
    const struct source *source = &trial->plan->at.source;

    if (trial->at_us >= 0 && trial->at_us <= judge->evidence.now_us) {
        fail_undecided(judge, trial, source, trial->at_us);
        trial->result.observed = SLICE("that instant was over when it came to be known");
        return;
    }
    fail_undecided(judge, trial, source, trial->at_us);
}

/* The end of its time, where that lies beyond the end of the run. False: it does not. */
static bool
conclude_beyond(struct judge *judge, struct trial *trial)
{
    const struct expectation_config *config = trial->plan->config;
    const struct source *source = config->during.text.length > 0 ? &config->during
        : config->until.text.length > 0                          ? &config->until
                                                                 : &config->after;
    struct interval interval;

    if (trial->after_us == INSTANT_UNKNOWN || trial->until_us == INSTANT_UNKNOWN) {
        fail_undecided(judge, trial,
            trial->after_us == INSTANT_UNKNOWN ? &config->after : &config->until, INSTANT_UNKNOWN);
        return true;
    }
    if (!trial_interval(trial, &interval))
        return false;
    if (interval.from_us > judge->evidence.now_us) {
        fail_undecided(judge, trial,
            config->during.text.length > 0 ? &config->during : &config->after, interval.from_us);
        return true;
    }
    if (interval.to_us >= INSTANT_END || interval.to_us <= judge->evidence.now_us)
        return false;
    fail_undecided(judge, trial, source, interval.to_us);
    return true;
}

static void
say_times(struct text *out, uint64_t count)
{
    text_printf(out, "%" PRIu64 " time%s", count, count == 1 ? "" : "s");
}

static void
say_fires(const struct expectation_plan *plan, struct text *out)
{
    if (plan->fires_min == plan->fires_max) {
        say_times(out, plan->fires_min);
    } else if (plan->fires_max == UINT64_MAX) {
        text_add_string(out, "at least ");
        say_times(out, plan->fires_min);
    } else if (plan->fires_min == 0) {
        text_add_string(out, "at most ");
        say_times(out, plan->fires_max);
    } else {
        text_printf(out, "%" PRIu64 " to ", plan->fires_min);
        say_times(out, plan->fires_max);
    }
}

static bool
is_fires_wrong(const struct trial *trial)
{
    return trial->plan->has_fires &&
        (trial->fired_count < trial->plan->fires_min || trial->exceeded_at_us >= 0);
}

static void
fail_fires(struct judge *judge, struct trial *trial)
{
    const struct source *fires = &trial->plan->config->fires;
    struct text expected = {0}, observed = {0};

    set_verdict(judge, trial, EXPECT_FAILED);
    if (trial->exceeded_at_us >= 0)
        trial->result.at_us = trial->exceeded_at_us;
    trial->result.mark = source_mark(fires, 0, fires->text.length);
    text_printf(&expected, "fires: %.*s", SLICE_ARGS(say_source(fires)));
    trial->result.check = keep(judge, &expected);
    say_fires(trial->plan, &expected);
    text_add_string(&observed, "fired ");
    say_times(&observed, trial->fired_count);
    trial->result.expected = keep(judge, &expected);
    trial->result.observed = keep(judge, &observed);
}

/* Of the events that failed the first is told; here is how many there were, and a wrong number of
 * events beside it. */
static void
add_counts(struct judge *judge, struct trial *trial)
{
    struct text detail = {0};

    text_add_slice(&detail, trial->result.detail);
    text_printf(&detail, "%s%" PRIu64 " of %" PRIu64 " failed", detail.length > 0 ? "; " : "",
        trial->failed_count, trial->fired_count);
    if (is_fires_wrong(trial)) {
        text_add_string(&detail, "; expected to have fired ");
        say_fires(trial->plan, &detail);
    }
    trial->result.detail = keep(judge, &detail);
}

static void
conclude_vacuous(struct judge *judge, struct trial *trial)
{
    const struct expectation_config *config = trial->plan->config;
    struct text expected = {0};

    set_verdict(judge, trial, EXPECT_VACUOUS);
    trial->result.check = say_source(&config->subject);
    trial->result.mark = source_mark(&config->subject, 0, config->subject.text.length);
    if (config->form == EXPECT_WHEN) {
        text_printf(&expected, "at least one %s%s", event_kind_name(trial->plan->when),
            trial->plan->has_where ? " for which `where` is true" : "");
        trial->result.observed = SLICE("none");
    } else {
        text_add_string(&expected, "a value at some moment");
        trial->result.observed = SLICE("no value at any moment");
    }
    trial->result.expected = keep(judge, &expected);
}

static void
conclude_when(struct judge *judge, struct trial *trial)
{
    struct text summary = {0};

    trial->is_done = true;
    if (trial->failed_count > 0) {
        add_counts(judge, trial);
    } else if (trial->exceeded_at_us >= 0) {
        fail_fires(judge, trial);
    } else if (conclude_beyond(judge, trial)) {
        return;
    } else if (is_fires_wrong(trial)) {
        fail_fires(judge, trial);
    } else if (trial->undecided_count > 0) {
        set_verdict(judge, trial, EXPECT_UNDECIDED);
        text_printf(&summary, "no value at %" PRIu64 " of %" PRIu64 " events",
            trial->undecided_count, trial->fired_count);
        trial->result.expected = SLICE("a value at every event");
        trial->result.observed = keep(judge, &summary);
    } else if (trial->fired_count == 0 && !trial->plan->has_fires) {
        conclude_vacuous(judge, trial);
    } else {
        set_verdict(judge, trial, EXPECT_HELD);
        text_printf(&summary, "fired %" PRIu64 "x", trial->fired_count);
        trial->result.summary = keep(judge, &summary);
    }
}

/* A window over events that never happened is full of nothing: that shows nothing. */
static bool
has_seen_nothing(const struct judge *judge, const struct trial *trial)
{
    const struct expression_parts *parts = &judge->plan->parts;
    bool has_windows = false;

    for (size_t i = 0; i < parts->series_count; i++) {
        if (parts->series[i].owner != trial->number || parts->series[i].kind == SERIES_COUNT ||
            parts->series[i].kind == SERIES_LIMIT || parts->series[i].kind == SERIES_TRIED)
            continue;
        if (judge->state.series[i].has_fired)
            return false;
        has_windows = true;
    }
    return has_windows;
}

static void
say_span(struct judge *judge, const struct trial *trial, struct text *out)
{
    const struct expectation_config *config = trial->plan->config;

    text_add_string(out, config->form == EXPECT_NEVER ? "never true" : "held");
    if (config->during.text.length > 0) {
        text_printf(out, " during %.*s", SLICE_ARGS(say_source(&config->during)));
        return;
    }
    text_add_string(out, " from ");
    unit_format_duration(out, trial->after_us > 0 ? trial->after_us : 0);
    text_add_string(out, " to ");
    if (trial->until_us >= 0 && trial->until_us < INSTANT_END)
        unit_format_duration(out, trial->until_us);
    else
        text_add_string(out, "the end");
}

static void
conclude_claim(struct judge *judge, struct trial *trial)
{
    struct text summary = {0};

    if (trial->is_done || conclude_beyond(judge, trial))
        return;
    trial->is_done = true;
    if (trial->judged_count == 0 || has_seen_nothing(judge, trial)) {
        conclude_vacuous(judge, trial);
        return;
    }
    set_verdict(judge, trial, EXPECT_HELD);
    say_span(judge, trial, &summary);
    trial->result.summary = keep(judge, &summary);
}

/* at, by, eventually: what has been told stands; what has not was beyond the run's end. */
static void
conclude_deadline(struct judge *judge, struct trial *trial)
{
    bool is_without_end =
        trial->plan->config->form == EXPECT_EVENTUALLY && trial->plan->at.at_us == INSTANT_NONE;

    if (trial->is_done)
        return;
    if (is_without_end && trial->true_since_us >= 0)
        fail_undecided(
            judge, trial, &trial->plan->config->hold, trial->true_since_us + trial->plan->hold_us);
    else if (!trial->is_told)
        conclude_instant(judge, trial);
    trial->is_done = true;
}

void
trial_conclude(struct judge *judge, struct trial *trial)
{
    const struct expectation_config *config = trial->plan->config;

    switch (config->form) {
    case EXPECT_AT:
    case EXPECT_BY:
    case EXPECT_EVENTUALLY:
        conclude_deadline(judge, trial);
        break;
    case EXPECT_ALWAYS:
    case EXPECT_NEVER:
        conclude_claim(judge, trial);
        break;
    case EXPECT_WHEN:
        conclude_when(judge, trial);
        break;
    }
    trial->result.id = config->id;
    trial->result.fired_count =
        config->form == EXPECT_WHEN ? trial->fired_count : trial->judged_count;
    trial->result.is_open_allowed =
        trial->result.verdict == EXPECT_UNDECIDED && config->may_end_open;
}

size_t
judge_results_count(const struct judge *judge)
{
    return judge->plan->count;
}

struct expect_result
judge_result(const struct judge *judge, size_t i)
{
    assert(i < judge->plan->count);
    assert(judge->evidence.is_over);
    return judge->trials[i].result;
}

bool
expect_result_is_good(const struct expect_result *result)
{
    return result->verdict == EXPECT_HELD || result->is_open_allowed;
}
