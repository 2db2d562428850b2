/* expression.c - what an expression is worth at this moment. */
#include "scenarios/expression.h"

void
expression_parts_release(struct expression_parts *parts)
{
    mem_free(parts->matches);
    mem_free(parts->series);
    mem_free(parts->watches);
    arena_release(&parts->arena);
    *parts = (struct expression_parts){0};
}

bool
expression_is_constant(const struct expression *expression, struct value *value)
{
    if (expression->nodes_count != 1 || expression->nodes[0].kind != NODE_CONSTANT)
        return false;
    *value = expression->nodes[0].constant;
    return true;
}

bool
node_holds_for(const struct node *node, const struct row *row)
{
    unsigned number = node->part == WORDS_STATUS ? row->status
        : node->part == WORDS_TYPE               ? row->type
                                                 : vocabulary_reason_number(row->reason);

    return ((node->words >> number & 1) != 0) != node->is_negated;
}

static uint64_t
count_rows(const struct node *node, const struct evidence *evidence)
{
    uint64_t count = 0;

    for (size_t i = 0; i < node->combinations_count; i++) {
        struct row row = vocabulary_combination(node->combinations[i]);

        count +=
            campaign_rows_with(evidence->campaign, DELIVERY_ALL, row.status, row.reason, row.type);
    }
    return count;
}

static uint64_t
count_all_rows(const struct evidence *evidence)
{
    uint64_t count = 0;

    for (size_t i = 0; i < evidence->scenario->campaign.deliveries_count; i++)
        count += campaign_rows_count(evidence->campaign, i);
    return count;
}

static struct value
log_value(const struct node *node, struct evidence *evidence)
{
    struct row row;

    if (evidence->row != NULL)
        return value_truth(node_holds_for(node, evidence->row));
    if (evidence->seen == NULL || !sighting_row(evidence, evidence->seen, &row))
        return value_unknown();
    return value_truth(node_holds_for(node, &row));
}

/* All rows of a log without rows: that says nothing, so it has no value. */
static struct value
log_all_value(const struct node *node, struct evidence *evidence)
{
    uint64_t all = count_all_rows(evidence);

    return all > 0 ? value_truth(count_rows(node, evidence) == all) : value_unknown();
}

static int
delivery_of(const struct node *node, struct evidence *evidence)
{
    if (node->delivery != DELIVERY_ALL)
        return node->delivery;
    return evidence->delivery;
}

static struct watch *
watch_of(struct expression_state *state, size_t number)
{
    const struct watch_plan *plan = &state->parts->watches[number];

    return &state->watches[number][plan->is_per_delivery ? state->evidence->delivery + 1 : 0];
}

/* Only the event at hand can have changed x; at every other moment it is what it was. */
static struct value
watch_value(const struct node *node, struct expression_state *state)
{
    const struct watch *watch = watch_of(state, node->index);
    const struct sighting *seen = state->evidence->seen;
    bool is_fresh = seen != NULL && watch->number == seen->number;
    int order;

    if (!watch->now.is_known || (is_fresh && !watch->before.is_known))
        return value_unknown();
    if (node->claim == CLAIM_NONDECREASING)
        return value_truth(!watch->has_fallen);
    order = is_fresh ? ratio_compare(watch->now.number, watch->before.number) : 0;
    return value_truth(node->claim == CLAIM_UNCHANGED ? order == 0
            : node->claim == CLAIM_INCREASED          ? order > 0
                                                      : order < 0);
}

static struct value
relayed_value(const struct node *node, const struct evidence *evidence)
{
    int64_t at_us = campaign_relayed_at_us(evidence->campaign, node->index);

    return at_us >= 0 ? value_number((struct ratio){at_us, 1}) : value_unknown();
}

static struct value
near_value(const struct expression *expression, const struct node *node, const struct value *values)
{
    const struct node *band = &expression->nodes[node->right];
    const struct node *tolerance = &expression->nodes[band->right];
    const struct node *middle = &expression->nodes[band->left];
    bool is_relative =
        tolerance->is_percent || (tolerance->type == VALUE_NUMBER && middle->type != VALUE_NUMBER);

    return value_is_near(values[node->left], values[band->left], values[band->right], is_relative);
}

static struct value
end_value(const struct evidence *evidence)
{
    int64_t at_us = evidence->is_over ? evidence->now_us : evidence->scenario->until_us;

    return value_number((struct ratio){at_us, 1});
}

static bool
compares_times(const struct expression *expression, const struct node *node)
{
    enum value_type type = expression->nodes[node->left].type;

    return operation_compares(node->operation) && (type == VALUE_DURATION || type == VALUE_INSTANT);
}

static struct value
evaluate_node(const struct expression *expression, const struct node *node,
    struct expression_state *state, const struct value *values)
{
    struct evidence *evidence = state->evidence;

    switch (node->kind) {
    case NODE_CONSTANT:
        return node->constant;
    case NODE_END:
        return end_value(evidence);
    case NODE_FIELD:
        return value_count(sighting_number(evidence->seen, node->field));
    case NODE_MATCH:
        return value_truth(sighting_matches(evidence, evidence->seen,
                               &state->parts->matches[node->index]) != node->is_negated);
    case NODE_LOG:
        return log_value(node, evidence);
    case NODE_LOG_ALL:
        return log_all_value(node, evidence);
    case NODE_ROWS:
        return value_count(count_rows(node, evidence));
    case NODE_KPI:
        return kpi_value(evidence_kpi(evidence, delivery_of(node, evidence)), node->index);
    case NODE_RELAYED:
        return relayed_value(node, evidence);
    case NODE_SERIES:
        return series_value(&state->series[node->index], evidence);
    case NODE_WATCH:
        return watch_value(node, state);
    case NODE_OPERATION:
        if (node->operation == OPERATION_BAND)
            return values[node->left];
        if (node->operation == OPERATION_NEAR)
            return near_value(expression, node, values);
        if (evidence->tolerance_us > 0 && compares_times(expression, node))
            return value_compare_within(node->operation, values[node->left], values[node->right],
                value_number((struct ratio){evidence->tolerance_us, 1}));
        return value_compute(node->operation, values[node->left],
            node->right >= 0 ? values[node->right] : value_unknown());
    case NODE_WORD:
        break;
    }
    assert(node->kind != NODE_WORD); /* the compiler leaves none */
    return value_unknown();
}

struct value
expression_evaluate(
    const struct expression *expression, struct expression_state *state, struct value *values)
{
    for (size_t i = 0; i < expression->nodes_count; i++)
        values[i] = evaluate_node(expression, &expression->nodes[i], state, values);
    return values[expression->nodes_count - 1];
}

static size_t
watches_of(const struct expression_state *state, size_t number)
{
    return state->parts->watches[number].is_per_delivery
        ? state->evidence->scenario->campaign.deliveries_count + 1
        : 1;
}

/* Where the run stands now is what the first event is compared with. */
static void
init_watches(struct expression_state *state, size_t number)
{
    const struct watch_plan *plan = &state->parts->watches[number];
    struct value values[EXPRESSION_NODES_MAX];
    size_t count = watches_of(state, number);

    state->watches[number] = mem_alloc_zeroed(count * sizeof state->watches[0][0]);
    for (size_t i = 0; i < count; i++) {
        state->evidence->delivery = (int)i - 1;
        state->watches[number][i].now = expression_evaluate(&plan->expression, state, values);
    }
    state->evidence->delivery = DELIVERY_ALL;
}

void
expression_state_init(
    struct expression_state *state, const struct expression_parts *parts, struct evidence *evidence)
{
    *state = (struct expression_state){.parts = parts,
        .evidence = evidence,
        .series = mem_alloc_zeroed((parts->series_count + 1) * sizeof state->series[0]),
        .watches = mem_alloc_zeroed((parts->watches_count + 1) * sizeof state->watches[0])};
    for (size_t i = 0; i < parts->series_count; i++)
        series_init(&state->series[i], &parts->series[i], evidence);
    for (size_t i = 0; i < parts->watches_count; i++)
        init_watches(state, i);
}

void
expression_state_release(struct expression_state *state)
{
    for (size_t i = 0; state->parts != NULL && i < state->parts->series_count; i++)
        series_release(&state->series[i]);
    for (size_t i = 0; state->parts != NULL && i < state->parts->watches_count; i++)
        mem_free(state->watches[i]);
    mem_free(state->series);
    mem_free(state->watches);
    *state = (struct expression_state){0};
}

static void
note(struct expression_state *state, const struct watch_plan *plan, struct watch *watch)
{
    struct value values[EXPRESSION_NODES_MAX];

    watch->before = watch->now;
    watch->now = expression_evaluate(&plan->expression, state, values);
    watch->number = state->evidence->entry_number;
    if (watch->before.is_known && watch->now.is_known &&
        ratio_compare(watch->now.number, watch->before.number) < 0)
        watch->has_fallen = true;
}

/* An event of one delivery moves the counters of that one, and those of all together. */
void
expression_state_watch(struct expression_state *state, size_t number)
{
    const struct watch_plan *plan = &state->parts->watches[number];
    struct evidence *evidence = state->evidence;
    int delivery = evidence->delivery;

    evidence->delivery = DELIVERY_ALL;
    note(state, plan, &state->watches[number][0]);
    evidence->delivery = delivery;
    if (plan->is_per_delivery && delivery != DELIVERY_ALL)
        note(state, plan, &state->watches[number][delivery + 1]);
}

void
expression_state_restart(struct expression_state *state, size_t number)
{
    for (size_t i = 0; i < watches_of(state, number); i++)
        state->watches[number][i].has_fallen = false;
}
