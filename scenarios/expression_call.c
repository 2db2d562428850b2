/* expression_call.c - functions over events and ISPs: count, rate, gap, tried, limit, and so on.
 *
 * Their arguments are names and constants, not expressions: an event, `field=value` (a value may be a
 * glob), `over=5m`. What is named must exist in the scenario. */
#include "scenarios/expression_compiler.h"

#include <stdio.h>

struct argument {
    struct slice name;          /* empty: by position */
    struct slice value;         /* without quotes */
    size_t name_from, from, to; /* of the value */
};

enum { ARGUMENTS_MAX = 12 };

struct arguments {
    struct argument list[ARGUMENTS_MAX];
    size_t count;
    size_t from, to; /* of the whole call */
    struct slice function;
};

static char
char_at_cursor(const struct compiler *compiler)
{
    return compiler->at < compiler->source->text.length ? compiler->source->text.at[compiler->at]
                                                        : '\0';
}

static bool
read_argument(struct compiler *compiler, struct argument *argument)
{
    size_t from = compiler->at, after;
    struct slice name = compiler_read_name(compiler);

    *argument = (struct argument){.name_from = from};
    after = compiler->at;
    compiler_skip_blanks(compiler);
    if (name.length > 0 && char_at_cursor(compiler) == '=' && after > from) {
        argument->name = name;
        compiler->at++;
        compiler_skip_blanks(compiler);
    } else {
        compiler->at = from;
    }
    argument->from = compiler->at;
    if (!compiler_read_word(compiler, &argument->value))
        return false;
    argument->to = compiler->at;
    if (argument->to == argument->from)
        return compiler_fail(compiler, argument->from, argument->from + 1, NULL,
            argument->name.length > 0 ? "a value is missing here" : "an argument is missing here");
    return true;
}

/* The cursor stands behind the opening bracket, and afterwards behind the closing one. */
static bool
read_arguments(struct compiler *compiler, size_t from, struct arguments *arguments)
{
    size_t bracket = compiler->at - 1;

    arguments->from = from;
    arguments->count = 0;
    for (;;) {
        compiler_skip_blanks(compiler);
        if (compiler->at == compiler->source->text.length)
            return compiler_fail(compiler, bracket, bracket + 1,
                "inside [ ] a comma ends the item: put each check on its own `-` line",
                "this ( is never closed");
        if (arguments->count == ARGUMENTS_MAX)
            return compiler_fail(compiler, compiler->at, compiler->at + 1, NULL,
                "more than %d arguments", ARGUMENTS_MAX);
        if (arguments->count > 0 || char_at_cursor(compiler) != ')')
            if (!read_argument(compiler, &arguments->list[arguments->count++]))
                return false;
        compiler_skip_blanks(compiler);
        if (char_at_cursor(compiler) == ')')
            break;
        if (char_at_cursor(compiler) != ',' && compiler->at < compiler->source->text.length)
            return compiler_fail(
                compiler, compiler->at, compiler->at + 1, NULL, "a comma or ) is missing here");
        compiler->at += compiler->at < compiler->source->text.length;
    }
    arguments->to = ++compiler->at;
    return true;
}

static struct argument *
find_argument(struct arguments *arguments, struct slice name)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (slice_equals(arguments->list[i].name, name))
            return &arguments->list[i];
    return NULL;
}

/* What `$x` stands for, or the value itself. */
static bool
resolve_param(struct compiler *compiler, const struct argument *argument, struct slice *value)
{
    const struct scenario *scenario = compiler->context->scenario;

    *value = argument->value;
    if (value->length == 0 || value->at[0] != '$')
        return true;
    for (size_t i = 0; i < scenario->params_count; i++) {
        if (slice_equals(scenario->params[i].name, slice_from(*value, 1))) {
            *value = slice_trim(scenario->params[i].value.text);
            return true;
        }
    }
    return compiler_fail(compiler, argument->from, argument->to, NULL,
        "there is no parameter \"%.*s\"", SLICE_ARGS(slice_from(*value, 1)));
}

static bool
read_duration(struct compiler *compiler, struct arguments *arguments, const char *name, int64_t *us)
{
    struct argument *argument = find_argument(arguments, slice_of(name));
    struct slice value;
    struct error why;

    if (argument == NULL)
        return compiler_fail(compiler, arguments->from, arguments->to, NULL,
            "%.*s(…) needs %s=DURATION", SLICE_ARGS(arguments->function), name);
    if (!resolve_param(compiler, argument, &value))
        return false;
    if (!unit_parse_duration(value, us, &why))
        return compiler_fail(compiler, argument->from, argument->to, NULL, "%s", why.text);
    if (*us <= 0)
        return compiler_fail(
            compiler, argument->from, argument->to, NULL, "a window is longer than nothing");
    return true;
}

/* `to` is the recipient, as in an ISP's rules. */
static bool
field_of_argument(struct slice name, enum event_field *field)
{
    if (slice_equals(name, SLICE("to"))) {
        *field = FIELD_RCPT;
        return true;
    }
    return field_from_name(name, field);
}

/* All `field=value` of a call become matches; `reserved` are the function's own arguments. */
static bool
build_matches(struct compiler *compiler, struct arguments *arguments, size_t start,
    const char *const *reserved, struct series_plan *plan)
{
    struct arena *arena = &compiler->context->parts->arena;
    struct field_match *matches = arena_alloc(arena, ARGUMENTS_MAX * sizeof matches[0]);
    const char *names[FIELDS_COUNT + 4];
    size_t names_count = 0;
    enum event_field field;
    struct slice value;

    plan->matches = matches;
    for (size_t i = 0; reserved[i] != NULL; i++)
        names[names_count++] = reserved[i];
    for (int i = 0; i < FIELDS_COUNT; i++)
        names[names_count++] = field_name((enum event_field)i);
    names[names_count++] = "to";
    for (size_t i = start; i < arguments->count; i++) {
        struct argument *argument = &arguments->list[i];
        bool is_reserved = false;

        for (size_t j = 0; reserved[j] != NULL; j++)
            is_reserved = is_reserved || slice_equals(argument->name, slice_of(reserved[j]));
        if (is_reserved)
            continue;
        if (argument->name.length == 0)
            return compiler_fail(compiler, argument->from, argument->to, NULL,
                "after the event stand field=value pairs");
        if (!field_of_argument(argument->name, &field))
            return compiler_fail_with_words(compiler, argument->name_from,
                argument->name_from + argument->name.length, argument->name, names, names_count,
                "field");
        if (!resolve_param(compiler, argument, &value) ||
            !compiler_build_match(
                compiler, field, argument->from, value, &matches[plan->matches_count]))
            return false;
        plan->matches_count++;
    }
    return true;
}

bool
compiler_push_series(struct compiler *compiler, size_t from, size_t to,
    const struct series_plan *plan, enum value_type type)
{
    struct expression_parts *parts = compiler->context->parts;
    struct node node = {.kind = NODE_SERIES,
        .type = type,
        .left = -1,
        .right = -1,
        .from = from,
        .to = to,
        .index = parts->series_count};

    compiler->kinds |= series_kinds(plan);
    compiler->is_timed = compiler->is_timed || series_is_timed(plan);
    parts->series = mem_grow(
        parts->series, &parts->series_capacity, parts->series_count + 1, sizeof parts->series[0]);
    parts->series[parts->series_count] = *plan;
    parts->series[parts->series_count++].owner = compiler->context->owner;
    return compiler_push(compiler, node);
}

static bool
push_series(struct compiler *compiler, const struct arguments *arguments, struct series_plan plan,
    enum value_type type)
{
    return compiler_push_series(compiler, arguments->from, arguments->to, &plan, type);
}

bool
compiler_take_deferral_rate(struct compiler *compiler, size_t from)
{
    struct arguments arguments = {.from = from, .to = compiler->at};
    struct node share = {.kind = NODE_OPERATION,
        .operation = OPERATION_DIVIDE,
        .type = VALUE_NUMBER,
        .is_percent = true,
        .from = from,
        .to = compiler->at};

    if (!push_series(compiler, &arguments,
            (struct series_plan){.kind = SERIES_COUNT, .event = EVENT_DEFERRED}, VALUE_NUMBER) ||
        !push_series(compiler, &arguments,
            (struct series_plan){.kind = SERIES_COUNT, .event = EVENT_ATTEMPT}, VALUE_NUMBER))
        return false;
    share.right = compiler->operands[--compiler->operands_count];
    share.left = compiler->operands[--compiler->operands_count];
    return compiler_push(compiler, share);
}

/* The event that stands first in count, rate and gap. */
static bool
read_event(struct compiler *compiler, const struct arguments *arguments, enum event_kind *kind)
{
    const struct argument *first = &arguments->list[0];

    if (arguments->count == 0 || first->name.length > 0)
        return compiler_fail(compiler, arguments->from, arguments->to, NULL,
            "%.*s(…) needs an event first", SLICE_ARGS(arguments->function));
    return expression_event_kind(
        compiler->context, compiler->source, first->from, first->value, kind);
}

/* count(log.status == sent) is an expression inside, count(delivered, isp=x) a list of arguments. */
static bool
take_count(struct compiler *compiler, size_t from)
{
    static const char *const reserved[] = {NULL};
    struct arguments arguments = {.function = SLICE("count")};
    struct series_plan plan = {.kind = SERIES_COUNT};
    size_t inside = compiler->at;
    struct slice name;
    bool is_event;

    compiler_skip_blanks(compiler);
    name = compiler_read_name(compiler);
    compiler_skip_blanks(compiler);
    is_event = !slice_starts_with(name, SLICE("log.")) &&
        (char_at_cursor(compiler) == ',' || char_at_cursor(compiler) == ')');
    compiler->at = inside;
    if (!is_event) {
        if (compiler->counts_open++ > 0)
            return compiler_fail(
                compiler, from, inside, NULL, "count(…) cannot stand inside count(…)");
        return compiler_open(
            compiler, (struct pending){.bracket = BRACKET_COUNT, .from = from, .to = inside});
    }
    return read_arguments(compiler, from, &arguments) &&
        read_event(compiler, &arguments, &plan.event) &&
        build_matches(compiler, &arguments, 1, reserved, &plan) &&
        push_series(compiler, &arguments, plan, VALUE_NUMBER);
}

static bool
take_rate(struct compiler *compiler, struct arguments *arguments)
{
    static const char *const reserved[] = {"over", NULL};
    struct series_plan plan = {.kind = SERIES_RATE};

    return read_event(compiler, arguments, &plan.event) &&
        read_duration(compiler, arguments, "over", &plan.window_us) &&
        build_matches(compiler, arguments, 1, reserved, &plan) &&
        push_series(compiler, arguments, plan, VALUE_RATE);
}

static bool
take_gap(struct compiler *compiler, struct arguments *arguments)
{
    static const char *const reserved[] = {"same", NULL};
    struct series_plan plan = {.kind = SERIES_GAP};
    struct argument *same = find_argument(arguments, SLICE("same"));
    const char *names[FIELDS_COUNT];

    if (!read_event(compiler, arguments, &plan.event))
        return false;
    if (same != NULL && !field_of_argument(same->value, &plan.same)) {
        for (int i = 0; i < FIELDS_COUNT; i++)
            names[i] = field_name((enum event_field)i);
        return compiler_fail_with_words(
            compiler, same->from, same->to, same->value, names, FIELDS_COUNT, "field");
    }
    plan.has_same = same != NULL;
    return build_matches(compiler, arguments, 1, reserved, &plan) &&
        push_series(compiler, arguments, plan, VALUE_DURATION);
}

static bool
take_tried(struct compiler *compiler, struct arguments *arguments)
{
    static const char *const reserved[] = {"within", NULL};
    struct series_plan plan = {.kind = SERIES_TRIED, .event = EVENT_CONNECT};

    if (arguments->count == 0)
        return compiler_fail(
            compiler, arguments->from, arguments->to, NULL, "write tried(HOST, within=DURATION)");
    if (arguments->list[0].name.length == 0)
        arguments->list[0].name = SLICE("host");
    return read_duration(compiler, arguments, "within", &plan.window_us) &&
        build_matches(compiler, arguments, 0, reserved, &plan) &&
        push_series(compiler, arguments, plan, VALUE_TRUTH);
}

static bool
take_open_connections(struct compiler *compiler, struct arguments *arguments)
{
    static const char *const reserved[] = {NULL};
    struct series_plan plan = {.kind = SERIES_OPEN, .event = EVENT_SESSION, .isp = -1};
    size_t isp = 0;

    for (size_t i = 0; i < arguments->count; i++) {
        const struct argument *argument = &arguments->list[i];

        if (argument->name.length > 0 && !slice_equals(argument->name, SLICE("isp")))
            return compiler_fail(compiler, argument->name_from, argument->to, NULL,
                "open_connections knows isp=NAME only");
        if (!compiler_find_isp(compiler, argument->from, argument->value, &isp))
            return false;
        plan.isp = (int)isp;
        arguments->list[i].name = SLICE("isp");
    }
    return build_matches(compiler, arguments, 0, reserved, &plan) &&
        push_series(compiler, arguments, plan, VALUE_NUMBER);
}

/* The limit of that id; without one, the only limit of the ISP that is a rate. */
static bool
find_limit(struct compiler *compiler, struct arguments *arguments, struct series_plan *plan)
{
    const struct isp_config *isp = &compiler->context->scenario->isps[plan->isp];
    const struct argument *id =
        arguments->count > 1 && arguments->list[1].name.length == 0 ? &arguments->list[1] : NULL;
    const char *names[NAMES_SHOWN_MAX];
    size_t rates = 0, count = 0;

    for (size_t i = 0; i < isp->limits_count; i++) {
        if (isp->limits[i].window == WINDOW_NONE || isp->limits[i].window_us <= 0)
            continue;
        if (count < NAMES_SHOWN_MAX)
            names[count++] = compiler_copy_name(compiler, isp->limits[i].id);
        if (id == NULL || slice_equals(isp->limits[i].id, id->value)) {
            plan->limit = i;
            rates++;
        }
    }
    if (rates == 1)
        return true;
    if (id != NULL)
        return compiler_fail_with_words(
            compiler, id->from, id->to, id->value, names, count, "limit with a window");
    return compiler_fail(compiler, arguments->from, arguments->to, NULL,
        rates == 0 ? "%.*s has no limit with a window, so none that is a rate"
                   : "%.*s has several limits: say which, as in limit(ISP, ID)",
        SLICE_ARGS(isp->name));
}

/* Penalties and reputation change it between the entries of a time line. */
static bool
moves_by_itself(const struct isp_config *isp, size_t limit)
{
    return isp->limits[limit].hold_us > 0 || isp->limits[limit].rungs_count > 0 ||
        isp->reputation.is_on;
}

static bool
take_limit(struct compiler *compiler, struct arguments *arguments)
{
    struct series_plan plan = {.kind = SERIES_LIMIT, .event = EVENT_TIMELINE};
    size_t isp;

    if (arguments->count == 0 || arguments->list[0].name.length > 0)
        return compiler_fail(
            compiler, arguments->from, arguments->to, NULL, "limit(…) needs an ISP first");
    if (!compiler_find_isp(compiler, arguments->list[0].from, arguments->list[0].value, &isp))
        return false;
    plan.isp = (int)isp;
    for (size_t i = 1; i < arguments->count; i++) {
        const struct argument *argument = &arguments->list[i];

        if (argument->name.length > 0 ? !slice_equals(argument->name, SLICE("over")) : i > 1)
            return compiler_fail(compiler, argument->name_from, argument->to, NULL,
                "write limit(ISP, ID, over=DURATION)");
    }
    if (!find_limit(compiler, arguments, &plan))
        return false;
    plan.is_moving = moves_by_itself(&compiler->context->scenario->isps[isp], plan.limit);
    if (find_argument(arguments, SLICE("over")) != NULL &&
        !read_duration(compiler, arguments, "over", &plan.window_us))
        return false;
    return push_series(compiler, arguments, plan, VALUE_RATE);
}

static bool
take_relayed(struct compiler *compiler, struct arguments *arguments)
{
    struct node node = {.kind = NODE_RELAYED,
        .type = VALUE_INSTANT,
        .left = -1,
        .right = -1,
        .from = arguments->from,
        .to = arguments->to};

    if (arguments->count != 1 || arguments->list[0].name.length > 0)
        return compiler_fail(
            compiler, arguments->from, arguments->to, NULL, "write relayed(DELIVERY)");
    if (!compiler_find_delivery(
            compiler, arguments->list[0].from, arguments->list[0].value, &node.index))
        return false;
    compiler->kinds |= UINT32_C(1) << EVENT_RELAYED | UINT32_C(1) << EVENT_DELIVERY;
    return compiler_push(compiler, node);
}

/* precision(CLASS) and its like. */
static const struct measure {
    const char *name;
    enum confusion_measure measure;
    bool is_of_class; /* else of all, and it may stand without brackets */
} measures[] = {
    {"precision", MEASURE_PRECISION, true },
    {"recall",    MEASURE_RECALL,    true },
    {"f1",        MEASURE_F1,        true },
    {"macro_f1",  MEASURE_MACRO_F1,  false},
    {"agreement", MEASURE_AGREEMENT, false},
};

static const struct measure *
find_measure(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(measures); i++)
        if (slice_equals(name, slice_of(measures[i].name)))
            return &measures[i];
    return NULL;
}

/* A number, as events have it, or its word. */
static bool
read_class(struct compiler *compiler, const struct argument *argument, enum bounce_class *class)
{
    const char *words[CLASSES_COUNT];
    struct slice value;
    uint64_t number;

    if (!resolve_param(compiler, argument, &value))
        return false;
    if (class_from_id(value, class))
        return true;
    if (slice_to_u64(value, &number) && class_is_known(number)) {
        *class = (enum bounce_class)number;
        return true;
    }
    for (size_t i = 0; i < CLASSES_COUNT; i++)
        words[i] = class_id(class_at(i));
    return compiler_fail_with_words(
        compiler, argument->from, argument->to, value, words, CLASSES_COUNT, "bounce class");
}

static bool
read_measure_filters(
    struct compiler *compiler, struct arguments *arguments, size_t start, struct series_plan *plan)
{
    struct slice value;
    size_t isp;

    for (size_t i = start; i < arguments->count; i++) {
        const struct argument *argument = &arguments->list[i];

        if (slice_equals(argument->name, SLICE("isp"))) {
            if (!resolve_param(compiler, argument, &value) ||
                !compiler_find_isp(compiler, argument->from, value, &isp))
                return false;
            plan->isp = (int)isp;
        } else if (slice_equals(argument->name, SLICE("dialect"))) {
            if (!resolve_param(compiler, argument, &plan->dialect))
                return false;
        } else {
            return compiler_fail(compiler, argument->name_from, argument->to, NULL,
                "%.*s knows isp=NAME and dialect=NAME only", SLICE_ARGS(arguments->function));
        }
    }
    return true;
}

static bool
take_measure(struct compiler *compiler, struct arguments *arguments)
{
    const struct measure *measure = find_measure(arguments->function);
    struct series_plan plan = {.kind = SERIES_CONFUSION, .measure = measure->measure, .isp = -1};

    if (compiler->context->scenario->sut.kind != SUT_NONE)
        return compiler_fail(compiler, arguments->from, arguments->to, NULL,
            "%s is about the verdicts of our own MTA, and a foreign one sends here", measure->name);
    if (measure->is_of_class && (arguments->count == 0 || arguments->list[0].name.length > 0))
        return compiler_fail(compiler, arguments->from, arguments->to, NULL,
            "write %s(CLASS), as in %s(22) or %s(mailbox_full)", measure->name, measure->name,
            measure->name);
    if ((measure->is_of_class && !read_class(compiler, &arguments->list[0], &plan.class)) ||
        !read_measure_filters(compiler, arguments, measure->is_of_class, &plan) ||
        !push_series(compiler, arguments, plan, VALUE_NUMBER))
        return false;
    compiler->nodes[compiler->nodes_count - 1].is_percent = true;
    return true;
}

bool
compiler_is_measure(struct slice name)
{
    return find_measure(name) != NULL;
}

bool
compiler_take_measure(struct compiler *compiler, size_t from, struct slice name)
{
    struct arguments arguments = {.from = from, .to = compiler->at, .function = name};

    return take_measure(compiler, &arguments);
}

static const struct {
    const char *name;
    bool (*take)(struct compiler *compiler, struct arguments *arguments);
} functions[] = {
    {"rate",             take_rate            },
    {"gap",              take_gap             },
    {"tried",            take_tried           },
    {"open_connections", take_open_connections},
    {"limit",            take_limit           },
    {"relayed",          take_relayed         },
    {"precision",        take_measure         },
    {"recall",           take_measure         },
    {"f1",               take_measure         },
    {"macro_f1",         take_measure         },
    {"agreement",        take_measure         },
};

bool
compiler_take_call(struct compiler *compiler, size_t from, struct slice name)
{
    static const char *const others[] = {"count", "kpi", "unchanged", "increased", "decreased",
        "nondecreasing", "utilisation", "regret", "lost", "rejected", "overshoot", "time_to_90",
        "penalties", "escalations", "wrongly_failed"};
    const char *names[COUNT_OF(functions) + COUNT_OF(others)];
    struct arguments arguments = {.function = name};

    if (slice_equals(name, SLICE("count")))
        return take_count(compiler, from);
    if (compiler_is_score(name))
        return compiler_take_score_call(compiler, from, name);
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        names[i] = functions[i].name;
        if (slice_equals(name, slice_of(functions[i].name)))
            return read_arguments(compiler, from, &arguments) &&
                functions[i].take(compiler, &arguments);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        names[COUNT_OF(functions) + i] = others[i];
    return compiler_fail_with_words(
        compiler, from, from + name.length, name, names, COUNT_OF(names), "function");
}
