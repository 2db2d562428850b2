/* plot_axis.c - axes that people can read: where the ticks stand and what they say. */
#include "reports/plot_axis.h"

#include "base/unit.h"
#include "reports/table.h"

#include <math.h>

#define TICKS_APART 0.055 /* of the axis, so that their words do not meet */

static uint64_t
change_between(const struct result_point *a, const struct result_point *b)
{
    const uint64_t from[] = {a->taken, a->sent, a->failed, a->soft_waiting};
    const uint64_t to[] = {b->taken, b->sent, b->failed, b->soft_waiting};
    uint64_t change = 0;

    for (size_t i = 0; i < COUNT_OF(from); i++)
        change += from[i] < to[i] ? to[i] - from[i] : from[i] - to[i];
    return change;
}

bool
plot_is_early(const struct result *result)
{
    uint64_t early = 0, all = 0;

    for (size_t i = 1; i < result->points_count; i++) {
        uint64_t change = change_between(&result->points[i - 1], &result->points[i]);

        all += change;
        if (result->points[i].at_us <= result->virtual_us / 50)
            early += change;
    }
    return all > 0 && early >= all - early;
}

double
plot_x(int64_t at_us, bool is_early)
{
    double seconds = (double)at_us / US_PER_S;

    return is_early ? sqrt(sqrt(seconds)) : seconds;
}

void
plot_add_string(struct text *out, struct slice s)
{
    struct text clean = {0};

    report_clean(&clean, s, true);
    text_add_char(out, '\'');
    for (size_t i = 0; i < clean.length; i++)
        if (clean.bytes[i] == '\'')
            text_add_string(out, "’");
        else
            text_add_char(out, clean.bytes[i]);
    text_add_char(out, '\'');
    text_release(&clean);
}

static void
add_tick(struct text *out, bool *is_first, const char *words, int64_t at_us)
{
    text_printf(out, "%s'%s' x(", *is_first ? "" : ", ", words);
    unit_format_decimal(out, ratio_of(at_us, US_PER_S), 3);
    text_add_char(out, ')');
    *is_first = false;
}

/* From the right end on, wherever there is room; the left end always has its 0. */
static void
add_early_ticks(struct text *out, int64_t span_us, bool has_text)
{
    static const struct {
        int64_t at_us;
        const char *words;
    } ticks[] = {
        {0,                "0"      },
        {US_PER_S,         "1 s"    },
        {10 * US_PER_S,    "10 s"   },
        {US_PER_MIN,       "1 min"  },
        {10 * US_PER_MIN,  "10 min" },
        {30 * US_PER_MIN,  "30 min" },
        {US_PER_HOUR,      "1 h"    },
        {3 * US_PER_HOUR,  "3 h"    },
        {6 * US_PER_HOUR,  "6 h"    },
        {12 * US_PER_HOUR, "12 h"   },
        {US_PER_DAY,       "1 d"    },
        {2 * US_PER_DAY,   "2 d"    },
        {4 * US_PER_DAY,   "4 d"    },
        {7 * US_PER_DAY,   "1 week" },
        {14 * US_PER_DAY,  "2 weeks"},
        {28 * US_PER_DAY,  "4 weeks"},
        {56 * US_PER_DAY,  "8 weeks"},
    };
    double width = plot_x(span_us, true), last = 2;
    bool is_first = true;

    for (size_t i = COUNT_OF(ticks); i-- > 0;) {
        double place = width > 0 ? plot_x(ticks[i].at_us, true) / width : 0;

        if (ticks[i].at_us > span_us || last - place < TICKS_APART ||
            (i > 0 && place < TICKS_APART))
            continue;
        add_tick(out, &is_first, has_text ? ticks[i].words : "", ticks[i].at_us);
        last = place;
    }
}

static void
add_even_ticks(struct text *out, int64_t span_us, bool has_text)
{
    static const int64_t steps_us[] = {US_PER_MS, 10 * US_PER_MS, 100 * US_PER_MS, US_PER_S,
        2 * US_PER_S, 5 * US_PER_S, 10 * US_PER_S, 30 * US_PER_S, US_PER_MIN, 2 * US_PER_MIN,
        5 * US_PER_MIN, 10 * US_PER_MIN, 30 * US_PER_MIN, US_PER_HOUR, 2 * US_PER_HOUR,
        3 * US_PER_HOUR, 6 * US_PER_HOUR, 12 * US_PER_HOUR, US_PER_DAY, 2 * US_PER_DAY,
        7 * US_PER_DAY, 28 * US_PER_DAY};
    struct text words = {0};
    bool is_first = true;
    size_t i = 0;

    while (i + 1 < COUNT_OF(steps_us) && span_us / steps_us[i] > 10)
        i++;
    for (int64_t at_us = 0; at_us <= span_us && at_us / steps_us[i] < 100; at_us += steps_us[i]) {
        text_clear(&words);
        if (has_text && at_us == 0)
            text_add_char(&words, '0');
        else if (has_text)
            unit_format_duration(&words, at_us);
        add_tick(out, &is_first, text_string(&words), at_us);
    }
    text_release(&words);
}

void
plot_add_time_ticks(struct text *out, int64_t span_us, bool is_early, bool has_text)
{
    text_add_string(out, "set xtics (");
    if (is_early)
        add_early_ticks(out, span_us, has_text);
    else
        add_even_ticks(out, span_us, has_text);
    text_add_string(out, ")\n");
}

void
plot_add_count_ticks(struct text *out, uint64_t max)
{
    static const uint64_t factors[] = {2, 5, 10};
    uint64_t unit = 1, step = 1;

    while (max / step > 5)
        for (size_t i = 0; i < COUNT_OF(factors) && max / step > 5; i++) {
            step = unit * factors[i];
            if (factors[i] == 10)
                unit = step;
        }
    text_add_string(out, "set ytics (");
    for (uint64_t at = 0; at <= max; at += step) {
        text_add_string(out, at > 0 ? ", '" : "'");
        unit_format_count(out, at);
        text_printf(out, "' %llu", (unsigned long long)at);
    }
    text_add_string(out, ")\n");
}

void
plot_add_prelude(struct text *out)
{
    text_add_string(out,
        "if (!exists('text')) text = 0\n"
        "if (!exists('columns')) columns = 100\n"
        "if (!exists('rows')) rows = 30\n"
        "if (!exists('colour')) colour = 0\n"
        "set encoding utf8\n"
        "set datafile separator tab\n");
}

void
plot_add_caption(struct text *out, const struct result *result)
{
    struct text line = {0};

    text_add_string(out, "name = ");
    plot_add_string(out, result->name);
    if (result->title.length > 0)
        text_printf(&line, "%.*s  ·  ", SLICE_ARGS(result->title));
    text_printf(&line, "seed %llu  ·  ", (unsigned long long)result->seed);
    unit_format_duration(&line, result->virtual_us);
    text_add_string(&line, result->is_real ? " on real sockets" : " of virtual time");
    text_add_string(out, "\nsubtitle = ");
    plot_add_string(out, text_slice(&line));
    text_add_char(out, '\n');
    text_release(&line);
}
