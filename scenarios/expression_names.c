/* expression_names.c - what names and functions mean: log.status, kpi.success, count(…), $param. */
#include "scenarios/expression_compiler.h"

#include <stddef.h>
#include <stdio.h>

static const struct {
    const char *name;
    size_t offset; /* in struct kpi */
} kpis[] = {
    {"success",            SIZE_MAX       }, /* a ratio: sent / to_deliver */
    { "sent", offsetof(struct kpi,           sent)},
    { "failed", offsetof(struct kpi,         failed)},
    { "to_deliver", offsetof(struct kpi,     to_deliver)},
    { "processed", offsetof(struct kpi,      processed)},
    { "bounces_errors", offsetof(struct kpi, bounces_errors)},
    { "hard_bounces", offsetof(struct kpi,   hard_bounces)},
    { "soft_bounces", offsetof(struct kpi,   soft_bounces)},
    { "complaints", offsetof(struct kpi,     complaints)},
    { "quarantined", offsetof(struct kpi,    quarantined)},
};

struct value
kpi_value(const struct kpi_memory *memory, size_t number)
{
    uint64_t count;

    if (kpis[number].offset == SIZE_MAX)
        return memory->success;
    memcpy(&count, (const char *)memory->kpi + kpis[number].offset, sizeof count);
    return value_count(count);
}

static struct node
node_at(size_t from, size_t to, enum node_kind kind, enum value_type type)
{
    return (struct node){
        .kind = kind, .type = type, .left = -1, .right = -1, .from = from, .to = to};
}

static bool
take_kpi(struct compiler *compiler, size_t from, struct slice name, int delivery)
{
    const char *names[COUNT_OF(kpis)];
    struct node node = node_at(from, compiler->at, NODE_KPI, VALUE_NUMBER);

    for (size_t i = 0; i < COUNT_OF(kpis); i++) {
        names[i] = kpis[i].name;
        if (!slice_equals(name, slice_of(kpis[i].name)))
            continue;
        node.index = i;
        node.is_percent = i == 0;
        node.delivery = delivery;
        compiler->kinds |= CAMPAIGN_KINDS;
        compiler->has_event_kpi = compiler->has_event_kpi || delivery == DELIVERY_ALL;
        return compiler_push(compiler, node);
    }
    return compiler_fail_with_words(
        compiler, from, compiler->at, name, names, COUNT_OF(kpis), "KPI");
}

static const char *const log_parts[] = {"status", "reason", "type"};

static bool
take_log(struct compiler *compiler, size_t from, struct slice name)
{
    bool is_all = slice_starts_with(name, SLICE("all."));
    struct slice part = slice_from(name, is_all ? 4 : 0);
    struct node node = node_at(from, compiler->at, is_all ? NODE_LOG_ALL : NODE_LOG, VALUE_TEXT);

    for (size_t i = 0; i < COUNT_OF(log_parts); i++) {
        if (!slice_equals(part, slice_of(log_parts[i])))
            continue;
        node.part = (enum vocabulary)(WORDS_STATUS + i);
        if (is_all) {
            compiler->kinds |= CAMPAIGN_KINDS;
        } else if (compiler->counts_open == 0 &&
            (compiler->context->place != PLACE_EVENT || compiler->watches_open > 0)) {
            return compiler_fail(compiler, from, compiler->at,
                "log.all.X is about every row, count(…) counts rows",
                "whose row? `log.%s` stands beside `when`, or inside count(…)", log_parts[i]);
        }
        return compiler_push(compiler, node);
    }
    return compiler_fail_with_words(
        compiler, from, compiler->at, part, log_parts, COUNT_OF(log_parts), "column of the log");
}

static bool
take_field(struct compiler *compiler, size_t from, enum event_field field)
{
    struct node node = node_at(from, compiler->at, field_is_number(field) ? NODE_FIELD : NODE_MATCH,
        field_is_number(field) ? VALUE_NUMBER : VALUE_TEXT);

    if (compiler->context->place != PLACE_EVENT || compiler->watches_open > 0)
        return compiler_fail(compiler, from, compiler->at, NULL,
            "`%s` belongs to an event: it stands beside `when`", field_name(field));
    node.field = field;
    return compiler_push(compiler, node);
}

static const char *const unfinished[] = {"share", "mean", "age", "p50", "p75", "p90", "p95", "p99"};

static bool
is_one_of(struct slice name, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equals(name, slice_of(words[i])))
            return true;
    return false;
}

bool
compiler_unknown_word(struct compiler *compiler, const struct node *word)
{
    enum { NAMES_MAX = COUNT_OF(kpis) + 2 * COUNT_OF(log_parts) + FIELDS_COUNT + 37 };
    static const char *const plain[] = {"count", "rate", "gap", "tried", "open_connections",
        "limit", "relayed", "end", "speed", "deferral_rate", "unchanged", "increased", "decreased",
        "nondecreasing", "precision", "recall", "f1", "macro_f1", "agreement", "utilisation",
        "regret", "lost", "rejected", "overshoot", "time_to_90", "penalties", "escalations",
        "wrongly_failed", "fairness"};
    char built[COUNT_OF(kpis) + 2 * COUNT_OF(log_parts)][32];
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(kpis); i++)
        snprintf(built[count++], sizeof built[0], "kpi.%s", kpis[i].name);
    for (size_t i = 0; i < COUNT_OF(log_parts); i++) {
        snprintf(built[count++], sizeof built[0], "log.%s", log_parts[i]);
        snprintf(built[count++], sizeof built[0], "log.all.%s", log_parts[i]);
    }
    for (size_t i = 0; i < count; i++)
        names[i] = built[i];
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        names[count++] = plain[i];
    for (int i = 0; i < FIELDS_COUNT && compiler->context->place == PLACE_EVENT; i++)
        names[count++] = field_name((enum event_field)i);
    return compiler_fail_with_words(
        compiler, word->from, word->to, word->pattern, names, count, "name");
}

static const struct param *
find_param(const struct compiler *compiler, struct slice name)
{
    const struct scenario *scenario = compiler->context->scenario;

    for (size_t i = 0; i < scenario->params_count; i++)
        if (slice_equals(scenario->params[i].name, name))
            return &scenario->params[i];
    return NULL;
}

static bool
fail_param(struct compiler *compiler, size_t from, size_t to, struct slice name)
{
    const struct scenario *scenario = compiler->context->scenario;
    const char *names[WORDS_MAX];
    size_t count = 0;

    for (; count < scenario->params_count && count < WORDS_MAX; count++)
        names[count] = arena_copy(&compiler->context->parts->arena, scenario->params[count].name.at,
            scenario->params[count].name.length);
    return compiler_fail_with_words(compiler, from, to, name, names, count, "parameter");
}

static bool
take_param(struct compiler *compiler)
{
    size_t from = compiler->at++;
    struct slice name = compiler_read_name(compiler);
    const struct param *param = find_param(compiler, name);
    struct node node = node_at(from, compiler->at, NODE_WORD, VALUE_TEXT);
    struct slice value;
    struct error why;

    if (param == NULL)
        return fail_param(compiler, from, compiler->at, name);
    value = slice_trim(param->value.text);
    node.pattern = value;
    if (value.length > 0 && char_is_digit(value.at[0]) &&
        !slice_equals(param->type, SLICE("text"))) {
        if (!compiler_literal(value, &node, &why))
            return compiler_fail(compiler, from, compiler->at, NULL, "parameter %.*s: %s",
                SLICE_ARGS(name), why.text);
    }
    return compiler_push(compiler, node);
}

static const struct {
    const char *name;
    enum watch_claim claim;
} claims[] = {
    {"unchanged",     CLAIM_UNCHANGED    },
    {"increased",     CLAIM_INCREASED    },
    {"decreased",     CLAIM_DECREASED    },
    {"nondecreasing", CLAIM_NONDECREASING},
};

static bool
take_name(struct compiler *compiler, size_t from, struct slice name)
{
    size_t to = compiler->at;
    enum event_field field;
    struct node node = node_at(from, to, NODE_WORD, VALUE_TEXT);

    if (slice_equals(name, SLICE("not")))
        return compiler_open(compiler,
            (struct pending){.operation = OPERATION_NOT, .precedence = 3, .from = from, .to = to});
    if (slice_equals(name, SLICE("and")) || slice_equals(name, SLICE("or")))
        return compiler_fail(
            compiler, from, to, NULL, "a condition is missing before `%.*s`", SLICE_ARGS(name));
    if (slice_starts_with(name, SLICE("kpi.")))
        return take_kpi(compiler, from, slice_from(name, 4), DELIVERY_ALL);
    if (slice_starts_with(name, SLICE("log.")))
        return take_log(compiler, from, slice_from(name, 4));
    if (slice_equals(name, SLICE("end")))
        return compiler_push(compiler, node_at(from, to, NODE_END, VALUE_INSTANT));
    if (slice_equals(name, SLICE("deferral_rate")))
        return compiler_take_deferral_rate(compiler, from);
    if (slice_equals(name, SLICE("speed"))) {
        node = node_at(from, to, NODE_CONSTANT, VALUE_NUMBER);
        node.constant = value_count(compiler->context->scenario->speed);
        return compiler_push(compiler, node);
    }
    if (slice_equals(name, SLICE("true")) || slice_equals(name, SLICE("false"))) {
        node = node_at(from, to, NODE_CONSTANT, VALUE_TRUTH);
        node.constant = value_truth(name.length == 4);
        return compiler_push(compiler, node);
    }
    if (field_from_name(name, &field))
        return take_field(compiler, from, field);
    if (compiler_is_measure(name))
        return compiler_take_measure(compiler, from, name);
    if (compiler_is_score(name))
        return compiler_take_score(compiler, from, name);
    if (is_one_of(name, unfinished, COUNT_OF(unfinished)))
        return compiler_fail(
            compiler, from, to, NULL, "`%.*s` is not supported yet", SLICE_ARGS(name));
    node.pattern = name;
    return compiler_push(compiler, node);
}

/* Which events change x is counted from here: outside they count as well, but not the reverse. */
static bool
open_watch(struct compiler *compiler, size_t from, enum watch_claim claim)
{
    struct pending open = {
        .bracket = BRACKET_WATCH, .claim = claim, .from = from, .to = compiler->at};

    if (!compiler_open(compiler, open))
        return false;
    compiler->kinds = 0;
    compiler->is_timed = false;
    compiler->has_event_kpi = false;
    return true;
}

bool
compiler_take_name(struct compiler *compiler)
{
    size_t from = compiler->at, after;
    struct slice name;

    if (compiler->source->text.at[from] == '$')
        return take_param(compiler);
    name = compiler_read_name(compiler);
    after = compiler->at;
    compiler_skip_blanks(compiler);
    if (compiler->at < compiler->source->text.length &&
        compiler->source->text.at[compiler->at] == '(' && !slice_equals(name, SLICE("not")) &&
        !slice_equals(name, SLICE("and")) && !slice_equals(name, SLICE("or"))) {
        compiler->at++;
        for (size_t i = 0; i < COUNT_OF(claims); i++) {
            if (!slice_equals(name, slice_of(claims[i].name)))
                continue;
            if (compiler->watches_open++ > 0)
                return compiler_fail(compiler, from, after, NULL,
                    "`%s` cannot stand inside another one of its kind", claims[i].name);
            return open_watch(compiler, from, claims[i].claim);
        }
        if (is_one_of(name, unfinished, COUNT_OF(unfinished)))
            return compiler_fail(compiler, from, after,
                slice_equals(name, SLICE("age")) ? "age(first_attempt) belongs to an ISP's rules"
                                                 : NULL,
                "`%.*s(…)` is not supported yet", SLICE_ARGS(name));
        if (slice_equals(name, SLICE("kpi")))
            return compiler_take_kpi_of(compiler, from);
        return compiler_take_call(compiler, from, name);
    }
    compiler->at = after;
    return take_name(compiler, from, name);
}

bool
compiler_take_kpi_of(struct compiler *compiler, size_t from)
{
    struct slice name;
    size_t delivery;
    size_t name_from;

    compiler_skip_blanks(compiler);
    name_from = compiler->at;
    if (!compiler_read_word(compiler, &name))
        return false;
    compiler_skip_blanks(compiler);
    if (!compiler_find_delivery(compiler, name_from, name, &delivery))
        return false;
    if (!slice_starts_with(slice_from(compiler->source->text, compiler->at), SLICE(").")))
        return compiler_fail(
            compiler, from, compiler->at, NULL, "write kpi(DELIVERY).X, as in kpi(spring).sent");
    compiler->at += 2;
    return take_kpi(compiler, from, compiler_read_name(compiler), (int)delivery);
}

static bool
fail_word(struct compiler *compiler, const struct node *word, enum vocabulary vocabulary,
    const char *what)
{
    const char *words[WORDS_MAX];
    size_t count = vocabulary_words(vocabulary, words);

    return compiler_fail_with_words(
        compiler, word->from, word->to, word->pattern, words, count, what);
}

static void
spread_rows(struct compiler *compiler, struct node *node)
{
    uint16_t *combinations =
        arena_alloc(&compiler->context->parts->arena, ROW_COMBINATIONS * sizeof combinations[0]);
    struct row row;

    node->combinations = combinations;
    for (unsigned i = 0; i < ROW_COMBINATIONS; i++) {
        row = vocabulary_combination(i);
        if (node_holds_for(node, &row))
            combinations[node->combinations_count++] = (uint16_t)i;
    }
}

bool
compiler_bind_word(
    struct compiler *compiler, struct node *left, const struct node *word, enum operation operation)
{
    struct expression_parts *parts = compiler->context->parts;
    struct field_match match;

    if (operation != OPERATION_EQUAL && operation != OPERATION_NOT_EQUAL &&
        operation != OPERATION_LIKE)
        return compiler_fail(
            compiler, left->from, word->to, NULL, "texts have no order: use ==, != or ~");
    left->from = left->from < word->from ? left->from : word->from;
    left->to = left->to > word->to ? left->to : word->to;
    left->pattern = word->pattern;
    left->is_negated = operation == OPERATION_NOT_EQUAL;
    left->type = VALUE_TRUTH;
    if (left->kind == NODE_LOG || left->kind == NODE_LOG_ALL) {
        left->words = vocabulary_match(left->part, word->pattern);
        if (left->words == 0)
            return fail_word(compiler, word, left->part, log_parts[left->part - WORDS_STATUS]);
        if (left->kind == NODE_LOG_ALL)
            spread_rows(compiler, left);
        return true;
    }
    left->kind = NODE_MATCH;
    if (!compiler_build_match(compiler, left->field, word->from, word->pattern, &match))
        return false;
    left->index = parts->matches_count;
    parts->matches = mem_grow(parts->matches, &parts->matches_capacity, parts->matches_count + 1,
        sizeof parts->matches[0]);
    parts->matches[parts->matches_count++] = match;
    return true;
}

/* Nodes since `open` become an expression of their own: their numbers start at 0 again. */
static void
rebase(struct compiler *compiler, const struct pending *open)
{
    for (size_t i = open->nodes_before; i < compiler->nodes_count; i++) {
        struct node *node = &compiler->nodes[i];

        node->left -= node->left >= 0 ? (int)open->nodes_before : 0;
        node->right -= node->right >= 0 ? (int)open->nodes_before : 0;
    }
}

/* Which rows are meant is known now: the condition is tried on every kind of row there can be. */
bool
compiler_close_count(struct compiler *compiler, const struct pending *open)
{
    struct node *nodes = &compiler->nodes[open->nodes_before];
    size_t count = compiler->nodes_count - open->nodes_before;
    struct node result = node_at(open->from, compiler->at, NODE_ROWS, VALUE_NUMBER);
    uint16_t *combinations =
        arena_alloc(&compiler->context->parts->arena, ROW_COMBINATIONS * sizeof combinations[0]);
    struct expression condition = {.nodes = nodes, .nodes_count = count};
    struct evidence evidence = {0};
    struct expression_state state = {.evidence = &evidence};
    struct value values[EXPRESSION_NODES_MAX];
    struct row row;

    for (size_t i = 0; i < count; i++)
        if ((nodes[i].kind != NODE_LOG && nodes[i].kind != NODE_OPERATION &&
                nodes[i].kind != NODE_CONSTANT) ||
            nodes[i].type != VALUE_TRUTH)
            return compiler_fail(compiler, nodes[i].from, nodes[i].to, NULL,
                "count(…) takes an event, or a condition on log.status, log.reason and log.type");
    rebase(compiler, open);
    result.combinations = combinations;
    for (unsigned i = 0; i < ROW_COMBINATIONS; i++) {
        row = vocabulary_combination(i);
        evidence.row = &row;
        if (expression_evaluate(&condition, &state, values).truth)
            combinations[result.combinations_count++] = (uint16_t)i;
    }
    compiler->counts_open--;
    compiler->kinds |= CAMPAIGN_KINDS;
    compiler->nodes_count = open->nodes_before;
    compiler->operands_count--;
    return compiler_push(compiler, result);
}

bool
compiler_close_watch(struct compiler *compiler, const struct pending *open)
{
    struct expression_parts *parts = compiler->context->parts;
    const struct node *root = &compiler->nodes[compiler->nodes_count - 1];
    size_t count = compiler->nodes_count - open->nodes_before;
    struct node result = node_at(open->from, compiler->at, NODE_WATCH, VALUE_TRUTH);
    struct node *nodes = arena_alloc(&parts->arena, count * sizeof nodes[0]);
    struct watch_plan *watch;

    if (root->kind == NODE_WORD)
        return compiler_unknown_word(compiler, root);
    if (root->type > VALUE_INSTANT)
        return compiler_fail(compiler, root->from, root->to, NULL,
            "what grows or falls is a quantity, this is %s", value_type_name(root->type));
    if (compiler->is_timed)
        return compiler_fail(compiler, root->from, root->to, NULL,
            "a sliding window changes between events: compare it with a number instead");
    rebase(compiler, open);
    memcpy(nodes, &compiler->nodes[open->nodes_before], count * sizeof nodes[0]);
    parts->watches = mem_grow(parts->watches, &parts->watches_capacity, parts->watches_count + 1,
        sizeof parts->watches[0]);
    watch = &parts->watches[parts->watches_count];
    *watch = (struct watch_plan){
        .expression = {.source = *compiler->source,
                       .nodes = nodes,
                       .nodes_count = count,
                       .type = root->type,
                       .kinds = compiler->kinds},
        .is_per_delivery = compiler->context->place == PLACE_EVENT && compiler->has_event_kpi &&
            compiler->context->scenario->campaign.deliveries_count > 1,
        .owner = compiler->context->owner,
    };
    result.index = parts->watches_count++;
    result.claim = open->claim;
    compiler->kinds |= open->kinds_before;
    compiler->is_timed = open->is_timed_before;
    compiler->has_event_kpi = open->has_event_kpi_before;
    compiler->watches_open--;
    compiler->nodes_count = open->nodes_before;
    compiler->operands_count--;
    return compiler_push(compiler, result);
}
