/* plot_kpi.c - the plot `kpi`: Success % and the states of all recipients over virtual time.
 *
 * Two panels on one time axis: above, Success % on its own scale; below, all recipients stacked by
 * state, so that every column of ink adds up to what is to be delivered. Colours are those of Okabe
 * and Ito, which people who do not see red and green can tell apart. */
#include "reports/plot_kpi.h"

#include "base/unit.h"
#include "reports/plot_axis.h"
#include "reports/series.h"

enum { COLUMNS_OF_INK = 800, BANDS_MAX = 12 };

/* Within one column of ink only the first and the last state can be told apart. */
static bool
is_seen(const struct result *result, size_t i, bool is_early)
{
    const struct result_point *point = &result->points[i];
    double width = plot_x(result->virtual_us, is_early);
    int columns[3];

    if (i == 0 || i + 1 == result->points_count || width <= 0)
        return true;
    for (int k = 0; k < 3; k++)
        columns[k] = (int)(plot_x(point[k - 1].at_us, is_early) / width * COLUMNS_OF_INK);
    return columns[0] != columns[1] || columns[1] != columns[2];
}

void
plot_kpi_data(struct text *out, const struct result *result)
{
    bool is_early = plot_is_early(result);
    struct result_point last = {0};
    bool has_last = false;

    series_head(out);
    for (size_t i = 0; i < result->points_count; i++) {
        if (!is_seen(result, i, is_early))
            continue;
        if (has_last && last.at_us < result->points[i].at_us) {
            last.at_us = result->points[i].at_us;
            series_point(out, &last);
        }
        last = result->points[i];
        series_point(out, &last);
        has_last = true;
    }
    if (!has_last)
        series_point(out, &last);
    if (last.at_us < result->virtual_us) {
        last.at_us = result->virtual_us;
        series_point(out, &last);
    }
}

static struct result_point
last_point(const struct result *result)
{
    return result->points_count > 0 ? result->points[result->points_count - 1]
                                    : (struct result_point){0};
}

static uint64_t
most_recipients(const struct result *result)
{
    uint64_t most = 1;

    for (size_t i = 0; i < result->points_count; i++)
        if (result->points[i].to_deliver > most)
            most = result->points[i].to_deliver;
    return most;
}

static void
add_head(struct text *out)
{
    text_add_string(out,
        "# kpi.gp - Success % and the states of all recipients over virtual time.\n"
        "# `gnuplot kpi.gp` draws kpi.svg and kpi.png from kpi.tsv; for a terminal:\n"
        "# gnuplot -e 'text = 1; columns = 100; rows = 30; colour = 0' kpi.gp draws kpi.txt.\n");
    plot_add_prelude(out);
    text_add_string(out, "data = 'kpi.tsv'\n");
}

/* Texts from the scenario stand outside of all blocks, whose braces they might upset. */
static void
add_texts(struct text *out, const struct result *result)
{
    plot_add_caption(out, result);
    for (size_t i = 0; i < result->labels_count && i < BANDS_MAX; i++) {
        text_printf(out, "band_%zu = ", i + 1);
        plot_add_string(out, result->labels[i].text);
        text_add_char(out, '\n');
    }
}

/* What both forms of the plot share. */
static void
add_axes(struct text *out, const struct result *result, bool is_early)
{
    int64_t span_us = result->virtual_us > 0 ? result->virtual_us : 1;

    text_printf(out, "x(seconds) = %s\n", is_early ? "seconds**0.25" : "seconds");
    text_add_string(out, "set xrange [0:x(");
    unit_format_decimal(out, ratio_of(span_us, US_PER_S), 6);
    text_add_string(out,
        ")]\nset border 3 linecolor rgb '#999999'\n"
        "set tics nomirror out textcolor rgb '#444444'\nunset key\n");
    plot_add_time_ticks(out, span_us, is_early, true);
}

static void
add_text_form(struct text *out)
{
    text_add_string(out,
        "if (text) {\n"
        "    if (colour) { set terminal dumb size columns, rows ansi256 }\n"
        "    if (!colour) { set terminal dumb size columns, rows mono }\n"
        "    set output 'kpi.txt'\n"
        "    set title name noenhanced\n"
        "    set yrange [0:100]\n"
        "    set ytics 25 format '%g%%'\n"
        "    set key outside bottom center horizontal noenhanced\n"
        "    plot data using (x($1)):($2 > 0 ? 100.0 * $7 / $2 : NaN) with lines linecolor rgb "
        "'#D55E00' title 'failed', \\\n"
        "        data using (x($1)):($2 > 0 ? 100.0 * $4 / $2 : NaN) with lines linecolor rgb "
        "'#56B4E9' title 'waiting', \\\n"
        "        data using (x($1)):8 with lines linecolor rgb '#009E73' title 'success'\n"
        "    unset output\n"
        "    exit\n"
        "}\n");
}

/* The time line's labels as bands behind both panels; their words above the upper one, on two lines
 * in turn so that neighbours do not meet. A band too narrow to see is as wide as a line. */
static void
add_bands(struct text *out, const struct result *result, bool is_early)
{
    double width = plot_x(result->virtual_us > 0 ? result->virtual_us : 1, is_early);
    size_t count = result->labels_count < BANDS_MAX ? result->labels_count : BANDS_MAX;

    for (size_t i = 0; i < count; i++) {
        const struct result_label *label = &result->labels[i];
        double from = plot_x(label->from_us, is_early) / width;
        double to = plot_x(label->to_us, is_early) / width;

        if (to < from + 0.002)
            to = from + 0.002;
        if (to > 1)
            to = 1;
        text_printf(out,
            "    set object %zu rectangle from graph %.4f, graph 0 to graph %.4f, graph 1 behind "
            "fillcolor rgb '#CC79A7' fillstyle transparent solid 0.18 noborder\n",
            i + 1, from, to);
        text_printf(out,
            "    set label %zu band_%zu at graph %.4f, graph %s %s noenhanced font ',10' textcolor "
            "rgb '#8A4F72'\n",
            10 + i, i + 1, from > 0.8 ? to : from, i % 2 == 0 ? "1.045" : "1.115",
            from > 0.8 ? "right" : "left");
    }
}

static void
add_success_panel(struct text *out, const struct result *result, bool is_early)
{
    struct result_point last = last_point(result);
    struct text success = {0};

    text_add_string(out,
        "    set label 1 name at screen 0.085, 0.962 left noenhanced font ',18' textcolor rgb "
        "'#111111'\n"
        "    set label 2 subtitle at screen 0.085, 0.922 left noenhanced textcolor rgb "
        "'#555555'\n");
    add_bands(out, result, is_early);
    if (last.to_deliver > 0)
        unit_format_percent(&success, ratio_of((int64_t)last.sent, (int64_t)last.to_deliver), 1);
    else
        text_add_string(&success, "nothing to deliver");
    text_printf(out,
        "    set label 3 '%s' at graph 1.008, first %.3f left noenhanced font ',16' textcolor rgb "
        "'#0072B2'\n",
        text_string(&success),
        last.to_deliver > 0 ? 100.0 * (double)last.sent / (double)last.to_deliver : 50.0);
    text_release(&success);
    text_add_string(out,
        "    set tmargin at screen 0.845\n"
        "    set bmargin at screen 0.575\n"
        "    set yrange [0:100]\n"
        "    set ytics 25 format '%g%%'\n"
        "    set ylabel 'Success %' textcolor rgb '#444444'\n    ");
    plot_add_time_ticks(out, result->virtual_us, is_early, false);
    text_add_string(out,
        "    plot data using (x($1)):(0):8 with filledcurves fillcolor rgb '#0072B2' fillstyle "
        "transparent solid 0.10, \\\n"
        "        data using (x($1)):8 with lines linecolor rgb '#0072B2' linewidth 3\n"
        "    do for [i = 1:3] { unset label i }\n"
        "    do for [i = 10:30] { unset label i }\n");
}

/* From the bottom up. `columns` is the height of the state above the one below it. */
static const struct state {
    const char *name, *colour, *low, *high;
} states[] = {
    {"sent",                "#009E73", "0",        "$6"         },
    {"taken into account",  "#56B4E9", "$6",       "$6+$4-$5"   },
    {"taken, soft bounced", "#E69F00", "$6+$4-$5", "$6+$4"      },
    {"failed",              "#D55E00", "$6+$4",    "$6+$4+$7"   },
    {"pending",             "#D9D9D9", "$6+$4+$7", "$6+$4+$7+$3"},
};

/* The legend stands in the order of the stack and carries the final counts. */
static void
add_legend(struct text *out, const struct result *result)
{
    struct result_point last = last_point(result);
    const uint64_t counts[] = {
        last.sent, last.taken - last.soft_waiting, last.soft_waiting, last.failed, last.pending};

    static_assert(COUNT_OF(counts) == COUNT_OF(states), "one count per state");
    text_add_string(out,
        "    set label 39 'at the end' at graph 1.012, graph 0.96 left font ',10' "
        "textcolor rgb '#777777'\n");
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        double y = 0.10 + 0.175 * (double)i;

        text_printf(out,
            "    set object %zu rectangle from graph 1.012, graph %.3f to graph 1.026, graph %.3f "
            "noclip front fillcolor rgb '%s' fillstyle solid 1 noborder\n",
            40 + i, y - 0.085, y + 0.025, states[i].colour);
        text_printf(out,
            "    set label %zu '%s' at graph 1.034, graph %.3f left noenhanced font ',10' "
            "textcolor "
            "rgb '#555555'\n",
            40 + i, states[i].name, y);
        text_printf(out, "    set label %zu '", 50 + i);
        unit_format_count(out, counts[i]);
        text_printf(out,
            "' at graph 1.034, graph %.3f left noenhanced font ',13' textcolor rgb '%s'\n",
            y - 0.06, counts[i] > 0 ? "#111111" : "#AAAAAA");
    }
}

static void
add_states_panel(struct text *out, const struct result *result, bool is_early)
{
    uint64_t most = most_recipients(result);

    add_legend(out, result);
    text_printf(out,
        "    set tmargin at screen 0.530\n"
        "    set bmargin at screen 0.115\n"
        "    set yrange [0:%llu]\n    ",
        (unsigned long long)most);
    plot_add_count_ticks(out, most);
    text_add_string(out, "    ");
    plot_add_time_ticks(out, result->virtual_us, is_early, true);
    text_printf(out,
        "    set ylabel 'recipients' textcolor rgb '#444444'\n"
        "    set xlabel '%s since the start of the run%s' textcolor rgb '#444444'\n"
        "    plot ",
        result->is_real ? "time" : "virtual time",
        is_early ? "; earlier times are drawn wider" : "");
    for (size_t i = 0; i < COUNT_OF(states); i++)
        text_printf(out,
            "%sdata using (x($1)):(%s):(%s) with filledcurves fillcolor rgb '%s' fillstyle solid 1 "
            "noborder",
            i > 0 ? ", \\\n        " : "", states[i].low, states[i].high, states[i].colour);
    text_add_char(out, '\n');
}

void
plot_kpi_script(struct text *out, const struct result *result)
{
    bool is_early = plot_is_early(result);

    add_head(out);
    add_texts(out, result);
    add_axes(out, result, is_early);
    add_text_form(out);
    text_add_string(out,
        "set grid xtics ytics front linetype 1 linewidth 1 linecolor rgb '#C0707070'\n"
        "set lmargin at screen 0.085\n"
        "set rmargin at screen 0.835\n"
        "do for [kind in 'svg png'] {\n"
        "    if (kind eq 'svg') { set terminal svg size 1200,760 font 'DejaVu Sans,Helvetica,"
        "Arial,sans-serif,14' background '#ffffff' }\n"
        "    if (kind eq 'png') { set terminal pngcairo size 1200,760 font 'DejaVu Sans,11' "
        "background '#ffffff' }\n"
        "    set output 'kpi.' . kind\n"
        "    set multiplot\n");
    add_success_panel(out, result, is_early);
    add_states_panel(out, result, is_early);
    text_add_string(out,
        "    unset multiplot\n"
        "    unset output\n"
        "    unset label\n"
        "    unset object\n"
        "    unset xlabel\n"
        "}\n");
}
