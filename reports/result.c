/* result.c - what a run was like: is it good, and what nearly every report says about it. */
#include "reports/result.h"

#include "base/unit.h"

bool
result_ledgers_agree(const struct result *result)
{
    return result->ledger_lost == 0 && result->ledger_doubled == 0 &&
        result->ledger_misqualified == 0 && result->ledger_strays == 0;
}

bool
result_is_good(const struct result *result)
{
    if (result->trouble.length > 0 || result->exit_code != 0)
        return false;
    if (!result_ledgers_agree(result) || result->recount_differences > 0)
        return false;
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        if (result->kpi_rows[i].violations > 0)
            return false;
    for (size_t i = 0; i < result->checks_count; i++)
        if (!result->checks[i].is_good)
            return false;
    return true;
}

void
result_format_success(struct text *out, const struct result_kpi *kpi, bool is_utf8)
{
    if (kpi->to_deliver == 0)
        text_add_string(out, is_utf8 ? "–" : "-");
    else if (kpi->has_feedback)
        unit_format_percent(out, ratio_of((int64_t)kpi->sent, (int64_t)kpi->to_deliver), 1);
}

void
result_release(struct result *result)
{
    struct arena arena = result->arena;

    arena_release(&arena);
    *result = (struct result){0};
}
