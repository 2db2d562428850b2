/* result_pack.c - a result as a run of bytes.
 *
 * The struct goes as it is, then each of its slices, then each array: its items as they are, then
 * their slices. The tables say where slices and arrays stand. */
#include "reports/result_pack.h"

#include <stddef.h>

enum { SLICES_MAX = 10 };

struct slice_places {
    size_t count;
    size_t at[SLICES_MAX];
};

static const struct slice_places result_slices = {
    7,
    {offsetof(struct result, name), offsetof(struct result, title), offsetof(struct result, sut),
      offsetof(struct result, filename), offsetof(struct result, replay),
      offsetof(struct result, ledger_example), offsetof(struct result, trouble)}
};

static const struct slice_places kpi_row_slices = {
    2,
    {offsetof(struct result_kpi_row, first_violation), offsetof(struct result_kpi_row, figures)}
};

static const struct array {
    size_t at, count_at, item_bytes;
    struct slice_places slices;
} arrays[] = {
    {offsetof(struct result, checks),             offsetof(struct result, checks_count),
     sizeof(struct result_check),
     {8,
            {offsetof(struct result_check, id), offsetof(struct result_check, filename),
                offsetof(struct result_check, check), offsetof(struct result_check, expected),
                offsetof(struct result_check, observed), offsetof(struct result_check, detail),
                offsetof(struct result_check, summary), offsetof(struct result_check, replay)}}                                                                           },
    {offsetof(struct result, deliveries),         offsetof(struct result, deliveries_count),
     sizeof(struct result_delivery),
     {2, {offsetof(struct result_delivery, name), offsetof(struct result_delivery, state)}}                                                                               },
    {offsetof(struct result, isps),               offsetof(struct result, isps_count),               sizeof(struct result_isp),
     {1, {offsetof(struct result_isp, name)}}                                                                                                                             },
    {offsetof(struct result, reasons),            offsetof(struct result, reasons_count),
     sizeof(struct result_reason),
     {4,
            {offsetof(struct result_reason, reason), offsetof(struct result_reason, type),
                offsetof(struct result_reason, class_name),
                offsetof(struct result_reason, example)}}                                                                                                                 },
    {offsetof(struct result, confusion.cells),    offsetof(struct result, confusion.cells_count),
     sizeof(struct result_confusion_cell),                                                                                      {0}                                       },
    {offsetof(struct result, confusion.classes),  offsetof(struct result, confusion.classes_count),
     sizeof(struct result_confusion_class),
     {1, {offsetof(struct result_confusion_class, name)}}                                                                                                                 },
    {offsetof(struct result, confusion.dialects), offsetof(struct result, confusion.dialects_count),
     sizeof(struct result_confusion_dialect),
     {1, {offsetof(struct result_confusion_dialect, name)}}                                                                                                               },
    {offsetof(struct result, scores),             offsetof(struct result, scores_count),
     sizeof(struct result_score),                                                                                               {1, {offsetof(struct result_score, name)}}},
    {offsetof(struct result, score_bins),         offsetof(struct result, score_bins_count),
     sizeof(struct result_score_bin),                                                                                           {0}                                       },
    {offsetof(struct result, points),             offsetof(struct result, points_count),
     sizeof(struct result_point),                                                                                               {0}                                       },
    {offsetof(struct result, labels),             offsetof(struct result, labels_count),
     sizeof(struct result_label),                                                                                               {1, {offsetof(struct result_label, text)}}},
};

static void
pack_slices(struct text *out, const void *item, const struct slice_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        struct slice s;

        memcpy(&s, (const char *)item + places->at[i], sizeof s);
        text_add(out, s.at, s.length);
    }
}

void
result_pack(struct text *out, const struct result *result)
{
    text_add(out, (const char *)result, sizeof *result);
    pack_slices(out, result, &result_slices);
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        pack_slices(out, &result->kpi_rows[i], &kpi_row_slices);
    for (size_t i = 0; i < COUNT_OF(arrays); i++) {
        const char *items;
        size_t count;

        memcpy(&items, (const char *)result + arrays[i].at, sizeof items);
        memcpy(&count, (const char *)result + arrays[i].count_at, sizeof count);
        text_add(out, items, count * arrays[i].item_bytes);
        for (size_t k = 0; k < count; k++)
            pack_slices(out, items + k * arrays[i].item_bytes, &arrays[i].slices);
    }
}

static bool
unpack_slices(
    struct arena *arena, void *item, const struct slice_places *places, struct slice *packed)
{
    for (size_t i = 0; i < places->count; i++) {
        struct slice s;

        memcpy(&s, (char *)item + places->at[i], sizeof s);
        if (s.length > packed->length)
            return false;
        s.at = arena_copy(arena, packed->at, s.length);
        *packed = slice_from(*packed, s.length);
        memcpy((char *)item + places->at[i], &s, sizeof s);
    }
    return true;
}

static bool
unpack_array(struct result *result, const struct array *array, struct slice *packed)
{
    size_t count, bytes;
    char *items;

    memcpy(&count, (char *)result + array->count_at, sizeof count);
    bytes = count * array->item_bytes;
    if (count > packed->length || bytes > packed->length)
        return false;
    items = arena_alloc(&result->arena, bytes);
    memcpy(items, packed->at, bytes);
    *packed = slice_from(*packed, bytes);
    memcpy((char *)result + array->at, &items, sizeof items);
    for (size_t i = 0; i < count; i++)
        if (!unpack_slices(&result->arena, items + i * array->item_bytes, &array->slices, packed))
            return false;
    return true;
}

bool
result_unpack(struct result *result, struct slice packed)
{
    *result = (struct result){0};
    if (packed.length < sizeof *result)
        return false;
    memcpy(result, packed.at, sizeof *result);
    result->arena = (struct arena){0};
    packed = slice_from(packed, sizeof *result);
    if (!unpack_slices(&result->arena, result, &result_slices, &packed))
        return false;
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        if (!unpack_slices(&result->arena, &result->kpi_rows[i], &kpi_row_slices, &packed))
            return false;
    for (size_t i = 0; i < COUNT_OF(arrays); i++)
        if (!unpack_array(result, &arrays[i], &packed))
            return false;
    return packed.length == 0;
}
