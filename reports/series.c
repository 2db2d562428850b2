/* series.c - the KPI over time as a table: tab-separated, one instant a line. */
#include "reports/series.h"

#include "base/unit.h"

void
series_point(struct text *out, const struct result_point *point)
{
    const uint64_t counts[] = {point->to_deliver, point->pending, point->taken, point->soft_waiting,
        point->sent, point->failed};

    unit_format_decimal(out, ratio_of(point->at_us, US_PER_S), 6);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        text_add_char(out, '\t');
        text_add_u64(out, counts[i]);
    }
    text_add_char(out, '\t');
    if (point->to_deliver == 0)
        text_add_string(out, "nan");
    else
        unit_format_decimal(
            out, ratio_of((int64_t)point->sent * 100, (int64_t)point->to_deliver), 3);
    text_add_char(out, '\n');
}

void
series_head(struct text *out)
{
    text_add_string(
        out, "at_s\tto_deliver\tpending\ttaken\tsoft_waiting\tsent\tfailed\tsuccess_percent\n");
}

void
series_report(struct text *out, const struct result *result)
{
    series_head(out);
    for (size_t i = 0; i < result->points_count; i++)
        series_point(out, &result->points[i]);
    if (result->points_count > 0) {
        struct result_point last = result->points[result->points_count - 1];

        if (last.at_us < result->virtual_us) {
            last.at_us = result->virtual_us;
            series_point(out, &last);
        }
    }
}
