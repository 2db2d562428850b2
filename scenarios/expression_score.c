/* expression_score.c - functions that ask how well hidden limits are used: utilisation(ISP), regret
 * and their like (scenarios/score.h). */
#include "scenarios/expression_compiler.h"

static const struct function {
    const char *name;
    enum score_measure measure;
    enum value_type type;
    bool is_percent;
    bool is_of_isp; /* else of all, without brackets; wrongly_failed may have both */
} functions[] = {
    {"utilisation",    SCORE_UTILISATION,    VALUE_NUMBER,   true,  true },
    {"regret",         SCORE_REGRET,         VALUE_NUMBER,   true,  true },
    {"lost",           SCORE_LOST,           VALUE_NUMBER,   true,  true },
    {"rejected",       SCORE_REJECTED,       VALUE_NUMBER,   true,  true },
    {"overshoot",      SCORE_OVERSHOOT,      VALUE_NUMBER,   true,  true },
    {"time_to_90",     SCORE_TIME_TO_90,     VALUE_DURATION, false, true },
    {"penalties",      SCORE_PENALTIES,      VALUE_NUMBER,   false, true },
    {"escalations",    SCORE_ESCALATIONS,    VALUE_NUMBER,   false, true },
    {"wrongly_failed", SCORE_WRONGLY_FAILED, VALUE_NUMBER,   false, false},
    {"fairness",       SCORE_FAIRNESS,       VALUE_NUMBER,   false, false},
};

static const struct function *
find_function(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (slice_equals(name, slice_of(functions[i].name)))
            return &functions[i];
    return NULL;
}

bool
compiler_is_score(struct slice name)
{
    return find_function(name) != NULL;
}

static bool
has_limits(const struct isp_config *isp)
{
    return isp->limits_count > 0 || isp->warming.is_on;
}

/* The cursor stands behind the opening bracket, and afterwards behind the closing one. */
static bool
read_isp(struct compiler *compiler, size_t from, const struct function *function, int *isp)
{
    size_t at, number;
    struct slice name;

    compiler_skip_blanks(compiler);
    at = compiler->at;
    if (!compiler_read_word(compiler, &name))
        return false;
    compiler_skip_blanks(compiler);
    if (compiler_peek(compiler, 0) != ')' || name.length == 0)
        return compiler_fail(compiler, from, compiler->at, NULL, "write %s(ISP)", function->name);
    if (!compiler_find_isp(compiler, at, name, &number))
        return false;
    if (function->is_of_isp && !has_limits(&compiler->context->scenario->isps[number]))
        return compiler_fail(compiler, from, ++compiler->at, NULL,
            "%.*s has no limits, so there is nothing that could be used", SLICE_ARGS(name));
    compiler->at++;
    *isp = (int)number;
    return true;
}

/* What he does and what he might do changes with these; between them only time passes. */
static bool
push(struct compiler *compiler, size_t from, const struct function *function, int isp)
{
    const struct series_plan plan = {.kind = SERIES_SCORE, .score = function->measure, .isp = isp};

    if (!compiler_push_series(compiler, from, compiler->at, &plan, function->type))
        return false;
    compiler->nodes[compiler->nodes_count - 1].is_percent = function->is_percent;
    return true;
}

bool
compiler_take_score(struct compiler *compiler, size_t from, struct slice name)
{
    const struct function *function = find_function(name);

    if (function->is_of_isp)
        return compiler_fail(compiler, from, compiler->at, NULL, "write %s(ISP)", function->name);
    return push(compiler, from, function, -1);
}

bool
compiler_take_score_call(struct compiler *compiler, size_t from, struct slice name)
{
    const struct function *function = find_function(name);
    int isp = -1;

    if (function->measure == SCORE_FAIRNESS)
        return compiler_fail(compiler, from, compiler->at, NULL,
            "fairness is over all ISPs, and stands without brackets");
    return read_isp(compiler, from, function, &isp) && push(compiler, from, function, isp);
}
