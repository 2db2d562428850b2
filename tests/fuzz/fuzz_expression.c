/* fuzz_expression.c - any text as an expression: an error or a plan, and then a value.
 *
 * The first byte chooses where the expression stands, the rest is its text. */
#include "tests/unit/judging.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
evaluate(struct stage *stage, struct expression_parts *parts, const struct expression *expression)
{
    struct expression_state state;
    struct evidence evidence;
    struct value values[EXPRESSION_NODES_MAX];
    struct text expected = {0}, observed = {0};
    struct sighting seen = {.number = 1, .delivery = DELIVERY_ALL, .isp = -1};

    evidence_init(
        &evidence, &stage->scenario, stage->journal, &stage->campaign, parts->memories_count);
    evidence.isps = stage->isps_list;
    evidence.now_us = US_PER_HOUR;
    evidence.entry_number = 1;
    expression_state_init(&state, parts, &evidence);
    evidence.seen = &seen;
    expression_evaluate(expression, &state, values);
    expression_explain(expression, &state, values, &expected, &observed);
    text_release(&expected);
    text_release(&observed);
    expression_state_release(&state);
    evidence_release(&evidence);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct stage stage;
    struct expression_parts parts = {0};
    struct expression_context context = {
        .scenario = &stage.scenario, .diagnostics = &stage.diagnostics, .parts = &parts};
    struct expression expression;
    struct source source = stage_source("");

    if (length == 0)
        return 0;
    stage_init(&stage, 3, 1);
    context.place = (enum expression_place)(bytes[0] % 3);
    source.text = (struct slice){(const char *)bytes + 1, length - 1};
    if (expression_compile(&context, source,
            context.place == PLACE_INSTANT ? VALUE_INSTANT : VALUE_TRUTH, &expression))
        evaluate(&stage, &parts, &expression);
    expression_parts_release(&parts);
    stage_release(&stage);
    return 0;
}
