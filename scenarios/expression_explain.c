/* expression_explain.c - why a check failed, in two short texts: what was expected, what was seen. */
#include "scenarios/expression.h"

static struct slice
source_of(const struct expression *expression, const struct node *node)
{
    return (struct slice){expression->source.text.at + node->from, node->to - node->from};
}

/* In `unchanged(x)` the two values of x. */
static void
explain_watch(const struct node *node, struct expression_state *state, struct text *expected,
    struct text *observed)
{
    static const char *const claims[] = {
        [CLAIM_UNCHANGED] = "unchanged",
        [CLAIM_INCREASED] = "increased",
        [CLAIM_DECREASED] = "decreased",
        [CLAIM_NONDECREASING] = "never less than before",
    };
    const struct watch_plan *plan = &state->parts->watches[node->index];
    const struct node *root = &plan->expression.nodes[plan->expression.nodes_count - 1];
    const struct watch *watch =
        &state->watches[node->index][plan->is_per_delivery ? state->evidence->delivery + 1 : 0];
    const struct sighting *seen = state->evidence->seen;
    bool is_fresh = seen != NULL && watch->number == seen->number;
    struct value before = is_fresh ? watch->before : watch->now;

    text_add_string(expected, claims[node->claim]);
    if (before.is_known && watch->now.is_known &&
        ratio_compare(before.number, watch->now.number) == 0) {
        text_add_string(observed, "still ");
        value_format(observed, root->type, root->is_percent, watch->now);
        return;
    }
    value_format_apart(observed, root->type, root->is_percent, before, watch->now);
    text_add_string(observed, " -> ");
    value_format_apart(observed, root->type, root->is_percent, watch->now, before);
}

static void
explain_log(const struct node *node, struct evidence *evidence, struct text *observed)
{
    const char *words[WORDS_MAX];
    struct row row;
    unsigned number;

    if (evidence->seen == NULL || !sighting_row(evidence, evidence->seen, &row)) {
        text_add_string(observed, "no row of the log");
        return;
    }
    number = node->part == WORDS_STATUS ? row.status
        : node->part == WORDS_TYPE      ? row.type
                                        : vocabulary_reason_number(row.reason);
    vocabulary_words(node->part, words);
    text_add_string(observed, words[number]);
}

/* How many rows show each of the words that should not be there. */
static void
explain_log_all(const struct node *node, struct evidence *evidence, struct text *observed)
{
    const char *words[WORDS_MAX];
    size_t words_count = vocabulary_words(node->part, words);
    uint64_t counts[WORDS_MAX] = {0};
    bool is_first = true;

    for (unsigned i = 0; i < ROW_COMBINATIONS; i++) {
        struct row row = vocabulary_combination(i);
        unsigned number = node->part == WORDS_STATUS ? row.status
            : node->part == WORDS_TYPE               ? row.type
                                                     : vocabulary_reason_number(row.reason);

        if (!node_holds_for(node, &row))
            counts[number] += campaign_rows_with(
                evidence->campaign, DELIVERY_ALL, row.status, row.reason, row.type);
    }
    for (size_t i = 0; i < words_count; i++) {
        if (counts[i] == 0)
            continue;
        text_add_string(observed, is_first ? "" : ", ");
        unit_format_count(observed, counts[i]);
        text_printf(observed, " x %s", words[i]);
        is_first = false;
    }
    if (is_first)
        text_add_string(observed, "no rows");
}

static void
explain_comparison(const struct expression *expression, const struct node *node,
    const struct value *values, struct text *expected, struct text *observed)
{
    const struct node *left = &expression->nodes[node->left];
    const struct node *right = &expression->nodes[node->right];
    bool is_percent = left->is_percent || right->is_percent;

    if (node->operation == OPERATION_NOT_EQUAL)
        text_add_string(expected, "not ");
    else if (node->operation != OPERATION_EQUAL)
        text_printf(expected, "%s ", operation_symbol(node->operation));
    value_format_apart(expected, right->type, is_percent, values[node->right], values[node->left]);
    value_format_apart(observed, left->type, is_percent, values[node->left], values[node->right]);
    if (right->kind != NODE_CONSTANT) { /* the right side was no less observed than the left */
        struct text left_text = *observed;

        *observed = (struct text){0};
        text_printf(observed, "left %s, right ", text_string(&left_text));
        value_format_apart(
            observed, right->type, is_percent, values[node->right], values[node->left]);
        text_release(&left_text);
    }
}

static void
explain_near(const struct expression *expression, const struct node *node,
    const struct value *values, struct text *expected, struct text *observed)
{
    const struct node *left = &expression->nodes[node->left];
    const struct node *band = &expression->nodes[node->right];
    const struct node *middle = &expression->nodes[band->left];
    const struct node *tolerance = &expression->nodes[band->right];

    value_format(
        expected, middle->type, left->is_percent || middle->is_percent, values[band->left]);
    text_add_string(expected, " +- ");
    value_format(expected, tolerance->type, tolerance->is_percent, values[band->right]);
    value_format(observed, left->type, left->is_percent || middle->is_percent, values[node->left]);
}

/* One node that is true or false by itself. False: it is made of others that are. */
static bool
explain_node(const struct expression *expression, const struct node *node,
    struct expression_state *state, const struct value *values, struct text *expected,
    struct text *observed)
{
    struct evidence *evidence = state->evidence;

    if (node->kind == NODE_WATCH) {
        explain_watch(node, state, expected, observed);
    } else if (node->kind == NODE_LOG || node->kind == NODE_LOG_ALL || node->kind == NODE_MATCH) {
        text_printf(expected, "%s%.*s", node->is_negated ? "not " : "", SLICE_ARGS(node->pattern));
        if (node->kind == NODE_LOG)
            explain_log(node, evidence, observed);
        else if (node->kind == NODE_LOG_ALL)
            explain_log_all(node, evidence, observed);
        else
            sighting_field(evidence, evidence->seen, node->field, observed);
        if (observed->length == 0)
            text_add_string(observed, "nothing");
    } else if (node->kind == NODE_OPERATION && node->operation == OPERATION_NEAR) {
        explain_near(expression, node, values, expected, observed);
    } else if (node->kind == NODE_OPERATION && operation_compares(node->operation) &&
        expression->nodes[node->left].type != VALUE_TRUTH) {
        explain_comparison(expression, node, values, expected, observed);
    } else {
        return false;
    }
    return true;
}

/* `a == 1 and b < 2`: expected is the text itself, observed what each part came to. */
static void
explain_parts(const struct expression *expression, struct expression_state *state,
    const struct value *values, struct text *observed)
{
    for (size_t i = 0; i < expression->nodes_count; i++) {
        const struct node *node = &expression->nodes[i];
        struct text expected = {0}, part = {0};

        if (node->type == VALUE_TRUTH &&
            (node->kind == NODE_SERIES ||
                explain_node(expression, node, state, values, &expected, &part))) {
            if (node->kind == NODE_SERIES)
                value_format(&part, node->type, false, values[i]);
            text_printf(observed, "%s%.*s: %s", observed->length > 0 ? "; " : "",
                SLICE_ARGS(source_of(expression, node)), text_string(&part));
        }
        text_release(&expected);
        text_release(&part);
    }
}

void
expression_explain(const struct expression *expression, struct expression_state *state,
    const struct value *values, struct text *expected, struct text *observed)
{
    const struct node *root = &expression->nodes[expression->nodes_count - 1];

    if (explain_node(expression, root, state, values, expected, observed))
        return;
    text_add_string(expected, "true");
    explain_parts(expression, state, values, observed);
    if (observed->length == 0)
        value_format(observed, root->type, false, values[expression->nodes_count - 1]);
}
