/* confusion_fill.c - the confusion matrix as a result. */
#include "scenarios/confusion_parts.h"

#include <stdlib.h>

static void *
array_of(struct result *result, size_t count, size_t item_bytes)
{
    return arena_alloc_zeroed(&result->arena, (count + 1) * item_bytes);
}

static int
compare_cells(const void *left, const void *right)
{
    const struct result_confusion_cell *a = left, *b = right;

    return a->cause != b->cause ? a->cause - b->cause : a->verdict - b->verdict;
}

/* Of all ISPs and dialects together. */
static struct result_confusion_cell *
find_cell(struct result_confusion *out, const struct cell *cell)
{
    for (size_t i = 0; i < out->cells_count; i++)
        if (out->cells[i].cause == cell->cause && out->cells[i].verdict == cell->verdict)
            return &out->cells[i];
    out->cells[out->cells_count] =
        (struct result_confusion_cell){.cause = cell->cause, .verdict = cell->verdict};
    return &out->cells[out->cells_count++];
}

static void
fill_cells(const struct confusion *confusion, struct result *result)
{
    struct result_confusion *out = &result->confusion;

    out->cells = array_of(result, confusion->cells.count, sizeof out->cells[0]);
    for (uint32_t i = 0; i < confusion->cells.count; i++) {
        struct cell cell = confusion_cell(confusion, i);

        find_cell(out, &cell)->count += confusion->counts[i];
    }
    if (out->cells_count > 0)
        qsort(out->cells, out->cells_count, sizeof out->cells[0], compare_cells);
}

static void
fill_classes(const struct confusion_counts *counts, struct result *result)
{
    struct result_confusion *out = &result->confusion;

    out->classes = array_of(result, CLASSES_COUNT, sizeof out->classes[0]);
    for (size_t i = 0; i < CLASSES_COUNT; i++) {
        enum bounce_class class = class_at(i);
        const struct confusion_tally *tally = &counts->of[class];

        if (tally->truths + tally->verdicts > 0)
            out->classes[out->classes_count++] =
                (struct result_confusion_class){.class = (int)class,
                    .name = slice_of(class_name(class)),
                    .hits = tally->hits,
                    .causes = tally->truths,
                    .verdicts = tally->verdicts};
    }
}

static int
compare_dialects(const void *left, const void *right)
{
    const struct result_confusion_dialect *a = left, *b = right;
    bool is_reply = slice_equals(a->name, SLICE(CONFUSION_REPLY));

    if (is_reply != slice_equals(b->name, SLICE(CONFUSION_REPLY)))
        return is_reply ? -1 : 1;
    return slice_compare(a->name, b->name);
}

static void
fill_dialects(const struct confusion *confusion, struct result *result)
{
    struct result_confusion *out = &result->confusion;
    size_t count = confusion->dialects.count, used = 0;

    out->dialects = array_of(result, count, sizeof out->dialects[0]);
    for (uint32_t i = 0; i < confusion->cells.count; i++) {
        struct cell cell = confusion_cell(confusion, i);

        out->dialects[cell.dialect].all += confusion->counts[i];
        out->dialects[cell.dialect].agreed += cell.cause == cell.verdict ? confusion->counts[i] : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice name = map_key(&confusion->dialects, i);

        if (out->dialects[i].all == 0)
            continue;
        out->dialects[used] = out->dialects[i];
        out->dialects[used++].name =
            (struct slice){arena_copy(&result->arena, name.at, name.length), name.length};
    }
    out->dialects_count = used;
    if (used > 0)
        qsort(out->dialects, used, sizeof out->dialects[0], compare_dialects);
}

static int64_t
macro_f1_ppb(const struct confusion_counts *counts)
{
    struct ratio f1;

    if (!confusion_measure(counts, MEASURE_MACRO_F1, CLASS_NONE, &f1))
        return -1;
    return ratio_round(ratio_multiply(f1, (struct ratio){1000000000, 1}));
}

void
confusion_fill(struct confusion *confusion, struct result *result)
{
    static const struct confusion_filter all = {.isp = -1};
    struct result_confusion *out = &result->confusion;
    struct confusion_rest rest;
    struct confusion_counts counts;

    confusion_count(confusion, &all, result->virtual_us, &counts);
    rest = confusion_rest(confusion, result->virtual_us);
    fill_cells(confusion, result);
    fill_classes(&counts, result);
    fill_dialects(confusion, result);
    out->agreed = counts.agreed;
    out->all = counts.all;
    out->macro_f1_ppb = macro_f1_ppb(&counts);
    out->open = rest.open;
    out->unheard = rest.unheard;
    out->at_door = rest.at_door;
    out->unspoken = rest.unspoken;
    out->unlabelled = rest.unlabelled;
    out->copies = rest.copies;
    out->given_up = rest.given_up;
}
