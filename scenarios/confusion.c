/* confusion.c - how well the MTA qualifies: counters, and what is computed from them. */
#include "scenarios/confusion_parts.h"

#define F1_SCALE INT64_C(1000000000)

/* --- counters --- */

void
confusion_add(struct confusion *confusion, const struct open_cause *cause, uint8_t verdict)
{
    const struct cell cell = {cause->isp, cause->dialect, cause->class, verdict};
    uint32_t number;
    bool is_new;

    assert(cause->class < CONFUSION_CLASSES);
    assert(verdict < CONFUSION_CLASSES);
    if (!cause->is_known) {
        confusion->rest.unlabelled++;
        return;
    }
    if (cause->class == CLASS_NONE && verdict == CLASS_NONE)
        return; /* no refusal, and not taken for one */
    number = map_put(&confusion->cells, (struct slice){(const char *)&cell, sizeof cell}, &is_new);
    confusion->counts = mem_grow(confusion->counts, &confusion->counts_capacity,
        confusion->cells.count, sizeof confusion->counts[0]);
    if (is_new)
        confusion->counts[number] = 0;
    confusion->counts[number]++;
}

struct cell
confusion_cell(const struct confusion *confusion, uint32_t number)
{
    struct cell cell;

    memcpy(&cell, map_key(&confusion->cells, number).at, sizeof cell);
    return cell;
}

static bool
is_meant(const struct confusion *confusion, const struct confusion_filter *filter,
    const struct cell *cell)
{
    return (filter->isp < 0 || filter->isp == cell->isp) &&
        (filter->dialect.length == 0 ||
            slice_glob(filter->dialect, map_key(&confusion->dialects, cell->dialect)));
}

void
confusion_count(struct confusion *confusion, const struct confusion_filter *filter, int64_t now_us,
    struct confusion_counts *counts)
{
    *counts = (struct confusion_counts){0};
    confusion_expire(confusion, now_us);
    for (uint32_t i = 0; i < confusion->cells.count; i++) {
        struct cell cell = confusion_cell(confusion, i);
        uint64_t count = confusion->counts[i];

        if (!is_meant(confusion, filter, &cell))
            continue;
        counts->of[cell.cause].truths += count;
        counts->of[cell.verdict].verdicts += count;
        counts->all += count;
        if (cell.cause == cell.verdict) {
            counts->of[cell.cause].hits += count;
            counts->agreed += count;
        }
    }
}

void
confusion_subtract(struct confusion_counts *counts, const struct confusion_counts *earlier)
{
    for (size_t i = 0; i < CONFUSION_CLASSES; i++) {
        counts->of[i].hits -= earlier->of[i].hits;
        counts->of[i].truths -= earlier->of[i].truths;
        counts->of[i].verdicts -= earlier->of[i].verdicts;
    }
    counts->agreed -= earlier->agreed;
    counts->all -= earlier->all;
}

struct confusion_rest
confusion_rest(struct confusion *confusion, int64_t now_us)
{
    struct confusion_rest rest;

    confusion_expire(confusion, now_us);
    rest = confusion->rest;
    for (uint32_t i = confusion->oldest; i != 0; i = confusion->open[i - 1].newer)
        rest.open += !confusion->open[i - 1].is_settled;
    return rest;
}

/* --- measures --- */

static bool
share(uint64_t part, uint64_t whole, struct ratio *ratio)
{
    if (whole > 0)
        *ratio = ratio_of((int64_t)part, (int64_t)whole);
    return whole > 0;
}

/* 2 p r / (p + r), which is 2 hits / (truths + verdicts). */
static bool
f1_of(const struct confusion_tally *tally, struct ratio *ratio)
{
    return share(2 * tally->hits, tally->truths + tally->verdicts, ratio);
}

/* The exact sum would not fit: the denominators of twenty classes have little in common. */
static bool
macro_f1(const struct confusion_counts *counts, struct ratio *ratio)
{
    int64_t sum = 0, classes = 0;
    struct ratio f1;

    for (size_t i = CLASS_NONE + 1; i < CONFUSION_CLASSES; i++) {
        if (!f1_of(&counts->of[i], &f1))
            continue;
        sum += ratio_round(ratio_multiply(f1, (struct ratio){F1_SCALE, 1}));
        classes++;
    }
    if (classes > 0)
        *ratio = ratio_of(sum, classes * F1_SCALE);
    return classes > 0;
}

bool
confusion_measure(const struct confusion_counts *counts, enum confusion_measure measure,
    enum bounce_class class, struct ratio *ratio)
{
    const struct confusion_tally *tally = &counts->of[class];

    assert((int)class < CONFUSION_CLASSES);
    switch (measure) {
    case MEASURE_PRECISION:
        return share(tally->hits, tally->verdicts, ratio);
    case MEASURE_RECALL:
        return share(tally->hits, tally->truths, ratio);
    case MEASURE_F1:
        return f1_of(tally, ratio);
    case MEASURE_MACRO_F1:
        return macro_f1(counts, ratio);
    case MEASURE_AGREEMENT:
        return share(counts->agreed, counts->all, ratio);
    }
    return false;
}

/* --- life --- */

struct confusion *
confusion_new(const struct scenario *scenario, const struct journal *journal)
{
    struct confusion *confusion = mem_alloc_zeroed(sizeof *confusion);

    confusion->scenario = scenario;
    confusion->journal = journal;
    map_put(&confusion->dialects, SLICE(CONFUSION_REPLY), NULL);
    return confusion;
}

void
confusion_free(struct confusion **confusion)
{
    struct confusion *c = *confusion;

    if (c == NULL)
        return;
    map_release(&c->dialects);
    map_release(&c->cells);
    mem_free(c->counts);
    mem_free(c->open);
    mem_free(c->buckets);
    mem_free(c);
    *confusion = NULL;
}
