/* judge_kinds.c - who hears of an event: those only for whom its kind can matter. */
#include "scenarios/judge.h"

static void
add_number(uint32_t **list, size_t *count, size_t number)
{
    *list = mem_resize(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = (uint32_t)number;
}

void
judge_index_kinds(struct judge *judge)
{
    const struct expression_parts *parts = &judge->plan->parts;

    for (uint32_t kind = 0; kind < EVENT_KINDS_COUNT; kind++) {
        struct kind_lists *lists = &judge->kinds[kind];
        uint32_t bit = UINT32_C(1) << kind;

        for (size_t i = 0; i < parts->series_count; i++)
            if ((series_kinds(&parts->series[i]) & bit) != 0)
                add_number(&lists->series, &lists->series_count, i);
        for (size_t i = 0; i < parts->watches_count; i++)
            if ((parts->watches[i].expression.kinds & bit) != 0)
                add_number(&lists->watches, &lists->watches_count, i);
        for (size_t i = 0; i < judge->plan->count; i++)
            if ((judge->plan->list[i].kinds & bit) != 0)
                add_number(&lists->trials, &lists->trials_count, i);
        if (lists->series_count + lists->watches_count + lists->trials_count > 0)
            judge->kinds_wanted |= bit;
    }
    if (judge->unresolved_count > 0)
        judge->kinds_wanted |= UINT32_C(1) << EVENT_RELAYED | UINT32_C(1) << EVENT_DELIVERY;
    for (size_t i = 0; i < parts->series_count; i++)
        if (series_is_timed(&parts->series[i]) &&
            judge->plan->list[parts->series[i].owner].is_timed)
            add_number(&judge->timed, &judge->timed_count, i);
}

void
judge_release_kinds(struct judge *judge)
{
    for (size_t i = 0; i < EVENT_KINDS_COUNT; i++) {
        mem_free(judge->kinds[i].series);
        mem_free(judge->kinds[i].watches);
        mem_free(judge->kinds[i].trials);
    }
    mem_free(judge->timed);
}
