/* expect.c - expectations as written become a plan: expressions compiled, ranges and instants read. */
#include "scenarios/plan.h"

struct compilation {
    const struct scenario *scenario;
    struct diagnostics *diagnostics;
    struct expect_plan *plan;
    size_t number; /* of the expectation at hand */
};

static bool
is_given(const struct source *source)
{
    return source->text.length > 0;
}

static bool
fail_at(struct compilation *c, const struct source *source, const char *hint, const char *text)
{
    return diagnose(c->diagnostics, source_mark(source, 0, source->text.length), hint, "%s", text);
}

static struct expression_context
context_of(struct compilation *c, enum expression_place place)
{
    return (struct expression_context){.scenario = c->scenario,
        .diagnostics = c->diagnostics,
        .parts = &c->plan->parts,
        .place = place,
        .owner = c->number};
}

static bool
compile_condition(struct compilation *c, const struct source *source, enum expression_place place,
    struct expression *expression)
{
    struct expression_context context = context_of(c, place);

    return expression_compile(&context, *source, VALUE_TRUTH, expression);
}

/* `end` alone is the end itself, even of a run that ends early. */
static bool
compile_instant(struct compilation *c, const struct source *source, struct instant_plan *instant)
{
    struct expression_context context = context_of(c, PLACE_INSTANT);
    struct value value;

    *instant = (struct instant_plan){.at_us = INSTANT_NONE, .source = *source};
    if (!is_given(source))
        return true;
    if (!expression_compile(&context, *source, VALUE_INSTANT, &instant->expression))
        return false;
    instant->at_us = INSTANT_UNKNOWN;
    if (instant->expression.nodes_count == 1 && instant->expression.nodes[0].kind == NODE_END) {
        instant->at_us = INSTANT_END;
    } else if (expression_is_constant(&instant->expression, &value)) {
        instant->at_us = ratio_round(value.number);
        if (instant->at_us < 0)
            return fail_at(c, source, NULL, "the run starts at 0: there is nothing before it");
    }
    return true;
}

static bool
compile_duration(struct compilation *c, const struct source *source, int64_t *us)
{
    struct source whole = *source;
    struct expression_context context = context_of(c, PLACE_INSTANT);
    struct expression expression;
    struct value value;

    if (!is_given(source))
        return true;
    if (!expression_compile(&context, whole, VALUE_DURATION, &expression))
        return false;
    if (!expression_is_constant(&expression, &value) || value.number.num < 0)
        return fail_at(c, source, NULL, "this should be a duration, as in 90s or 1h30m");
    *us = ratio_round(value.number);
    return true;
}

/* "A..B", "A..", "..B", "A". *is_range: there were dots. */
static void
cut_range(struct slice text, struct slice *low, struct slice *high, bool *is_range)
{
    *low = slice_trim(text);
    *high = *low;
    *is_range = false;
    for (size_t i = 0; i + 1 < text.length; i++) {
        if (text.at[i] == '.' && text.at[i + 1] == '.') {
            *low = slice_trim((struct slice){text.at, i});
            *high = slice_trim(slice_from(text, i + 2));
            *is_range = true;
            return;
        }
    }
}

static bool
compile_fires(struct compilation *c, struct expectation_plan *e)
{
    const struct source *source = &e->config->fires;
    struct slice low, high;
    struct error why;
    bool is_range;

    if (!is_given(source))
        return true;
    e->has_fires = true;
    e->fires_min = 0;
    e->fires_max = UINT64_MAX;
    cut_range(source->text, &low, &high, &is_range);
    if ((low.length > 0 && !unit_parse_count(low, &e->fires_min, &why)) ||
        (high.length > 0 && !unit_parse_count(high, &e->fires_max, &why)) ||
        (low.length == 0 && high.length == 0))
        return fail_at(c, source, NULL, "this should be a count or a range: 100, 200.., 0..5");
    if (e->fires_min > e->fires_max)
        return fail_at(c, source, NULL, "this range is empty");
    return true;
}

static bool
compile_within(struct compilation *c, struct expectation_plan *e)
{
    const struct source *source = &e->config->within;
    struct slice low, high;
    struct error why;
    bool is_range;

    if (!is_given(source))
        return true;
    e->has_within = true;
    e->within_min_us = 0;
    e->within_max_us = INT64_MAX;
    cut_range(source->text, &low, &high, &is_range);
    if ((is_range && low.length > 0 && !unit_parse_duration(low, &e->within_min_us, &why)) ||
        (high.length > 0 && !unit_parse_duration(high, &e->within_max_us, &why)) ||
        (low.length == 0 && high.length == 0))
        return fail_at(c, source, NULL, "this should be a range of ages: 84h..84h1m, or 5m");
    if (e->within_min_us > e->within_max_us)
        return fail_at(c, source, NULL, "this range is empty");
    e->within_min_us -= c->plan->tolerance_us;
    if (e->within_max_us < INT64_MAX)
        e->within_max_us += c->plan->tolerance_us;
    return true;
}

/* The label's stretches of time, in order; those that touch become one. */
static void
add_interval(struct expectation_plan *e, struct interval interval)
{
    size_t at = e->during_count++;

    while (at > 0 && e->during[at - 1].from_us > interval.from_us) {
        e->during[at] = e->during[at - 1];
        at--;
    }
    e->during[at] = interval;
}

static void
join_intervals(struct expectation_plan *e)
{
    size_t kept = 0;

    for (size_t i = 1; i < e->during_count; i++) {
        struct interval *last = &e->during[kept];

        if (last->to_us == INSTANT_END || e->during[i].from_us <= last->to_us + 1)
            last->to_us = e->during[i].to_us > last->to_us ? e->during[i].to_us : last->to_us;
        else
            e->during[++kept] = e->during[i];
    }
    e->during_count = kept + 1;
}

static bool
fail_label(struct compilation *c, const struct source *source)
{
    enum { LABELS_MAX = 64 };
    const char *labels[LABELS_MAX], *nearest;
    struct text hint = {0};
    size_t count = 0;

    for (size_t i = 0; i < c->scenario->changes_count && count < LABELS_MAX; i++)
        if (c->scenario->changes[i].label.length > 0)
            labels[count++] = arena_copy(&c->plan->parts.arena, c->scenario->changes[i].label.at,
                c->scenario->changes[i].label.length);
    nearest = nearest_word(source->text, labels, count);
    if (nearest != NULL)
        text_printf(&hint, "did you mean \"%s\"?", nearest);
    diagnose(c->diagnostics, source_mark(source, 0, source->text.length),
        nearest != NULL ? text_string(&hint) : NULL,
        "no entry of a timeline has the label \"%.*s\"", SLICE_ARGS(source->text));
    text_release(&hint);
    return false;
}

static bool
compile_during(struct compilation *c, struct expectation_plan *e)
{
    const struct source *source = &e->config->during;
    struct slice label = slice_trim(source->text);

    if (!is_given(source))
        return true;
    if (is_given(&e->config->after) || is_given(&e->config->until))
        return fail_at(c, source, NULL, "during stands alone, without after and until");
    e->during =
        arena_alloc(&c->plan->parts.arena, (c->scenario->changes_count + 1) * sizeof e->during[0]);
    for (size_t i = 0; i < c->scenario->changes_count; i++) {
        const struct change *change = &c->scenario->changes[i];

        if (slice_equals(change->label, label))
            add_interval(e,
                (struct interval){change->at_us,
                    change->for_us > 0 ? change->at_us + change->for_us - 1 : INSTANT_END});
    }
    if (e->during_count == 0)
        return fail_label(c, source);
    join_intervals(e);
    return true;
}

/* Which keys go with which form: what would be silently without effect is refused. */
static bool
check_keys(struct compilation *c, const struct expectation_config *config)
{
    bool is_when = config->form == EXPECT_WHEN, is_eventually = config->form == EXPECT_EVENTUALLY;
    bool is_point = config->form == EXPECT_AT || config->form == EXPECT_BY;
    const struct {
        const struct source *source;
        bool is_allowed;
        const char *text;
    } rules[] = {
        {&config->where,  is_when,                     "`where` stands beside `when` only"                   },
        {&config->fires,  is_when,                     "`fires` stands beside `when` only"                   },
        {&config->within, is_when,                     "`within` stands beside `when` only"                  },
        {&config->hold,   is_eventually,               "`hold` stands beside `eventually` only"              },
        {&config->by,     is_eventually,               "`by` as a second key stands beside `eventually` only"},
        {&config->until,  !is_point && !is_eventually,
         "`until` does not go with this form: its end is its own deadline"                                   },
    };

    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (is_given(rules[i].source) && !rules[i].is_allowed)
            return fail_at(c, rules[i].source, NULL, rules[i].text);
    if (config->checks_count > 0 &&
        (config->form == EXPECT_NEVER || config->form == EXPECT_EVENTUALLY))
        return fail_at(c, &config->checks[0], "join the two with `and`",
            "beside `never` and `eventually` there is no check: they are it");
    if ((is_point && config->checks_count == 0) ||
        (is_when && config->checks_count == 0 && !is_given(&config->fires) &&
            !is_given(&config->within)))
        return diagnose(c->diagnostics, config->mark, NULL,
            "expectation \"%.*s\" claims nothing: it needs a check%s", SLICE_ARGS(config->id),
            is_when ? ", fires or within" : "");
    return true;
}

static bool
has_subject_check(const struct expectation_config *config)
{
    return config->form == EXPECT_ALWAYS || config->form == EXPECT_NEVER ||
        config->form == EXPECT_EVENTUALLY;
}

static bool
compile_checks(struct compilation *c, struct expectation_plan *e)
{
    const struct expectation_config *config = e->config;
    enum expression_place place = config->form == EXPECT_WHEN ? PLACE_EVENT : PLACE_STATE;
    size_t capacity = config->checks_count + 1;
    bool is_fine = true;

    e->checks = arena_alloc_zeroed(&c->plan->parts.arena, capacity * sizeof e->checks[0]);
    if (has_subject_check(config))
        is_fine = compile_condition(c, &config->subject, place, &e->checks[e->checks_count++]);
    for (size_t i = 0; i < config->checks_count; i++)
        is_fine = compile_condition(c, &config->checks[i], place, &e->checks[e->checks_count++]) &&
            is_fine;
    return is_fine;
}

static bool
compile_subject(struct compilation *c, struct expectation_plan *e)
{
    const struct expectation_config *config = e->config;
    struct expression_context context = context_of(c, PLACE_EVENT);
    const struct source *at = config->form == EXPECT_EVENTUALLY ? &config->by : &config->subject;

    e->at.at_us = INSTANT_NONE;
    if (config->form == EXPECT_WHEN)
        return expression_event_kind(
            &context, &config->subject, 0, slice_trim(config->subject.text), &e->when);
    if (config->form == EXPECT_ALWAYS || config->form == EXPECT_NEVER)
        return true;
    return compile_instant(c, at, &e->at);
}

static bool
compile_where(struct compilation *c, struct expectation_plan *e)
{
    e->has_where = is_given(&e->config->where);
    return !e->has_where || compile_condition(c, &e->config->where, PLACE_EVENT, &e->where);
}

/* `at T` is judged when T is over and at no other moment, whatever happens. */
static void
collect_moments(struct expectation_plan *e)
{
    if (e->config->form == EXPECT_WHEN)
        e->kinds = UINT32_C(1) << e->when;
    if (e->config->form == EXPECT_WHEN || e->config->form == EXPECT_AT)
        return;
    for (size_t i = 0; i < e->checks_count; i++) {
        e->kinds |= e->checks[i].kinds;
        e->is_timed = e->is_timed || e->checks[i].is_timed;
    }
}

/* Mistakes in one expectation do not hide those in another, nor those in its other keys. */
static bool
compile_expectation(struct compilation *c, struct expectation_plan *e)
{
    bool is_fine = check_keys(c, e->config);

    is_fine = compile_subject(c, e) && is_fine;
    is_fine = compile_checks(c, e) && is_fine;
    is_fine = compile_where(c, e) && is_fine;
    is_fine = compile_instant(c, &e->config->after, &e->after) && is_fine;
    is_fine = compile_instant(c, &e->config->until, &e->until) && is_fine;
    is_fine = compile_during(c, e) && is_fine;
    is_fine = compile_duration(c, &e->config->hold, &e->hold_us) && is_fine;
    e->hold_us = e->hold_us > c->plan->tolerance_us ? e->hold_us - c->plan->tolerance_us : 0;
    is_fine = compile_fires(c, e) && is_fine;
    is_fine = compile_within(c, e) && is_fine;
    collect_moments(e);
    return is_fine;
}

struct expect_plan *
expect_compile(const struct scenario *scenario, struct diagnostics *diagnostics)
{
    struct expect_plan *plan = mem_alloc_zeroed(sizeof *plan);
    struct compilation c = {.scenario = scenario, .diagnostics = diagnostics, .plan = plan};
    bool is_fine = true;

    plan->scenario = scenario;
    plan->count = scenario->expectations_count;
    plan->list = mem_alloc_zeroed((plan->count + 1) * sizeof plan->list[0]);
    is_fine = compile_duration(&c, &scenario->tolerance, &plan->tolerance_us);
    if (!scenario->is_real && is_given(&scenario->tolerance)) {
        diagnose_warning(diagnostics, source_mark(&scenario->tolerance, 0, 0), NULL,
            "virtual time is exact: a tolerance has no effect");
        plan->tolerance_us = 0;
    }
    for (c.number = 0; c.number < plan->count; c.number++) {
        plan->list[c.number].config = &scenario->expectations[c.number];
        is_fine = compile_expectation(&c, &plan->list[c.number]) && is_fine;
    }
    if (!is_fine)
        expect_plan_free(&plan);
    return plan;
}

bool
expect_asks_for_score(const struct expect_plan *plan)
{
    for (size_t i = 0; i < plan->parts.series_count; i++)
        if (plan->parts.series[i].kind == SERIES_SCORE)
            return true;
    return false;
}

void
expect_plan_free(struct expect_plan **plan)
{
    if (*plan == NULL)
        return;
    expression_parts_release(&(*plan)->parts);
    mem_free((*plan)->list);
    mem_free(*plan);
    *plan = NULL;
}
