/* plot_throughput.c - the plot `throughput-vs-limit`: what each provider accepted against what its
 * hidden limits let through.
 *
 * A panel per provider on one time axis. Accepted recipients per minute are steps, the limit is a
 * dashed line above or through them, refusals for a limit are ticks on the floor; the time line's
 * labels are bands. */
#include "reports/plot_throughput.h"

#include "base/unit.h"
#include "reports/plot_axis.h"

enum { PANELS_MAX = 4, STEPS_MAX = 240, BANDS_MAX = 12, LABEL_BAND = 10, LABEL_NAME = 40 };

struct step { /* some bins together */
    uint64_t accepted, rejected;
    int64_t limit_millionths, us;
};

/* So few that the eye finds steps and not a hatching. */
static uint64_t
bins_per_step(const struct result_score *score)
{
    return (score->bins_count + STEPS_MAX - 1) / STEPS_MAX;
}

static struct step
step_at(const struct result *result, const struct result_score *score, uint64_t first)
{
    struct step step = {0};
    int64_t from_us = (int64_t)first * score->bin_us;

    for (uint64_t i = first; i < first + bins_per_step(score) && i < score->bins_count; i++) {
        const struct result_score_bin *bin = &result->score_bins[score->bins_from + i];

        step.accepted += bin->accepted;
        step.rejected += bin->rejected;
        step.limit_millionths += bin->limit_millionths;
        step.us += score->bin_us;
    }
    if (from_us + step.us > result->virtual_us) /* the last bin may be cut short */
        step.us = result->virtual_us - from_us;
    return step;
}

static struct ratio
per_minute(int64_t millionths, int64_t us)
{
    return ratio_divide(ratio_of(millionths, us > 0 ? us : 1), ratio_of(1000000, US_PER_MIN));
}

static void
add_row(struct text *out, int64_t at_us, const struct step *step)
{
    unit_format_decimal(out, ratio_of(at_us, US_PER_S), 3);
    text_add_char(out, '\t');
    unit_format_decimal(out, per_minute((int64_t)step->accepted * 1000000, step->us), 3);
    text_add_char(out, '\t');
    if (step->limit_millionths > 0)
        unit_format_decimal(out, per_minute(step->limit_millionths, step->us), 3);
    text_add_char(out, '\t');
    unit_format_decimal(out, per_minute((int64_t)step->rejected * 1000000, step->us), 3);
    text_add_char(out, '\n');
}

static size_t
panels_count(const struct result *result)
{
    return result->scores_count < PANELS_MAX ? result->scores_count : PANELS_MAX;
}

void
plot_throughput_data(struct text *out, const struct result *result)
{
    text_add_string(out, "# seconds\taccepted_per_min\tlimit_per_min\trejected_per_min\n");
    if (panels_count(result) == 0)
        text_add_string(out, "0\t0\t\t0\n");
    for (size_t i = 0; i < panels_count(result); i++) {
        const struct result_score *score = &result->scores[i];
        struct step step = {0};

        if (i > 0)
            text_add_string(out, "\n\n");
        for (uint64_t bin = 0; bin < score->bins_count; bin += bins_per_step(score)) {
            step = step_at(result, score, bin);
            add_row(out, (int64_t)bin * score->bin_us, &step);
        }
        add_row(out, result->virtual_us, &step);
    }
}

static void
add_head(struct text *out)
{
    text_add_string(out,
        "# throughput-vs-limit.gp - what each provider accepted against its hidden limits.\n"
        "# `gnuplot throughput-vs-limit.gp` draws .svg and .png from throughput-vs-limit.tsv;\n"
        "# for a terminal: gnuplot -e 'text = 1; columns = 100; rows = 30; colour = 0' "
        "throughput-vs-limit.gp\n");
    plot_add_prelude(out);
    text_add_string(out, "data = 'throughput-vs-limit.tsv'\n");
}

/* Texts from the scenario stand outside of all blocks, whose braces they might upset. */
static void
add_texts(struct text *out, const struct result *result)
{
    struct text line = {0};

    plot_add_caption(out, result);
    for (size_t i = 0; i < panels_count(result); i++) {
        const struct result_score *score = &result->scores[i];

        text_clear(&line);
        text_printf(&line, "%.*s", SLICE_ARGS(score->name));
        if (score->utilisation_ppm >= 0) {
            text_add_string(&line, ":  ");
            unit_format_percent(&line, ratio_of(score->utilisation_ppm, 1000000), 1);
            text_add_string(&line, " used,  regret ");
            unit_format_percent(&line, ratio_of(score->regret_ppm, 1000000), 1);
        }
        text_printf(out, "panel_%zu = ", i + 1);
        plot_add_string(out, text_slice(&line));
        text_add_char(out, '\n');
    }
    for (size_t i = 0; i < result->labels_count && i < BANDS_MAX; i++) {
        text_printf(out, "band_%zu = ", i + 1);
        plot_add_string(out, result->labels[i].text);
        text_add_char(out, '\n');
    }
    text_release(&line);
}

static void
add_axes(struct text *out, const struct result *result)
{
    int64_t span_us = result->virtual_us > 0 ? result->virtual_us : 1;

    text_add_string(out, "x(seconds) = seconds\nset xrange [0:x(");
    unit_format_decimal(out, ratio_of(span_us, US_PER_S), 6);
    text_add_string(out,
        ")]\nset border 3 linecolor rgb '#999999'\n"
        "set tics nomirror out textcolor rgb '#444444'\nunset key\n"
        "set yrange [0:*]\n");
    plot_add_time_ticks(out, span_us, false, true);
}

static void
add_text_form(struct text *out)
{
    text_add_string(out,
        "if (text) {\n"
        "    if (colour) { set terminal dumb size columns, rows ansi256 }\n"
        "    if (!colour) { set terminal dumb size columns, rows mono }\n"
        "    set output 'throughput-vs-limit.txt'\n"
        "    set title panel_1 noenhanced\n"
        "    set ylabel 'per min'\n"
        "    set key outside bottom center horizontal noenhanced\n"
        "    plot data index 0 using (x($1)):2 with steps linecolor rgb '#0072B2' title "
        "'accepted', \\\n"
        "        data index 0 using (x($1)):3 with steps linecolor rgb '#D55E00' title 'limit'\n"
        "    unset output\n"
        "    exit\n"
        "}\n");
}

/* Behind every panel; the words above the first. A band too narrow to see is as wide as a line. */
static void
add_bands(struct text *out, const struct result *result, bool has_words)
{
    double width = plot_x(result->virtual_us > 0 ? result->virtual_us : 1, false);

    for (size_t i = 0; i < result->labels_count && i < BANDS_MAX; i++) {
        double from = plot_x(result->labels[i].from_us, false) / width;
        double to = plot_x(result->labels[i].to_us, false) / width;

        if (to < from + 0.002)
            to = from + 0.002;
        if (to > 1)
            to = 1;
        text_printf(out,
            "    set object %zu rectangle from graph %.4f, graph 0 to graph %.4f, graph 1 behind "
            "fillcolor rgb '#CC79A7' fillstyle transparent solid 0.18 noborder\n",
            i + 1, from, to);
        if (has_words)
            text_printf(out,
                "    set label %zu band_%zu at graph %.4f, graph 0.94 %s noenhanced font ',10' "
                "textcolor rgb '#8A4F72'\n",
                LABEL_BAND + i, i + 1, from > 0.8 ? to - 0.004 : from + 0.004,
                from > 0.8 ? "right" : "left");
    }
}

static void
add_panel(struct text *out, const struct result *result, size_t i)
{
    size_t count = panels_count(result);
    double height = 0.74 / (double)count, top = 0.86 - height * (double)i;
    bool is_last = i + 1 == count;

    add_bands(out, result, i == 0);
    text_printf(out,
        "    set label %d panel_%zu at graph 0, graph 1.03 left noenhanced font ',12' textcolor "
        "rgb '#111111'\n"
        "    set tmargin at screen %.4f\n"
        "    set bmargin at screen %.4f\n    ",
        LABEL_NAME, i + 1, top - 0.035, top - height + 0.03);
    plot_add_time_ticks(out, result->virtual_us, false, is_last);
    text_printf(out,
        "    set ylabel 'recipients per minute' textcolor rgb '#444444'\n"
        "    set xlabel '%s' textcolor rgb '#444444'\n",
        !is_last              ? ""
            : result->is_real ? "time since the start of the run"
                              : "virtual time since the start of the run");
    text_printf(out,
        "    plot data index %zu using (x($1)):2 with fillsteps fillcolor rgb '#0072B2' fillstyle "
        "transparent solid 0.15 noborder, \\\n"
        "        data index %zu using (x($1)):2 with steps linecolor rgb '#0072B2' linewidth 2, "
        "\\\n"
        "        data index %zu using (x($1)):3 with steps linecolor rgb '#111111' linewidth 2 "
        "dashtype (8,5), \\\n"
        "        data index %zu using (x($1)):($4 > 0 ? $4 : NaN) with impulses linecolor rgb "
        "'#D55E00' linewidth 2\n"
        "    do for [i = 10:41] { unset label i }\n"
        "    unset label 3\n",
        i, i, i, i);
}

static void
add_legend(struct text *out)
{
    static const struct {
        const char *name, *colour;
    } entries[] = {
        {"accepted",                        "#0072B2"},
        {"limit, in the long run (dashed)", "#111111"},
        {"refused for a limit",             "#D55E00"},
    };

    for (size_t i = 0; i < COUNT_OF(entries); i++)
        text_printf(out,
            "    set label %zu '%s' at screen %.3f, 0.885 left noenhanced font ',11' textcolor "
            "rgb '%s'\n",
            50 + i, entries[i].name, 0.085 + 0.09 * (double)i + (i > 1 ? 0.13 : 0),
            entries[i].colour);
}

void
plot_throughput_script(struct text *out, const struct result *result)
{
    add_head(out);
    add_texts(out, result);
    if (panels_count(result) == 0)
        text_add_string(out, "panel_1 = 'no provider has limits'\n");
    add_axes(out, result);
    add_text_form(out);
    text_add_string(out,
        "set grid xtics ytics back linetype 1 linewidth 1 linecolor rgb '#C0707070'\n"
        "set lmargin at screen 0.085\n"
        "set rmargin at screen 0.975\n"
        "do for [kind in 'svg png'] {\n"
        "    if (kind eq 'svg') { set terminal svg size 1200,760 font 'DejaVu Sans,Helvetica,"
        "Arial,sans-serif,14' background '#ffffff' }\n"
        "    if (kind eq 'png') { set terminal pngcairo size 1200,760 font 'DejaVu Sans,11' "
        "background '#ffffff' }\n"
        "    set output 'throughput-vs-limit.' . kind\n"
        "    set multiplot\n"
        "    set label 1 name at screen 0.085, 0.962 left noenhanced font ',18' textcolor rgb "
        "'#111111'\n"
        "    set label 2 subtitle at screen 0.085, 0.922 left noenhanced textcolor rgb "
        "'#555555'\n");
    add_legend(out);
    for (size_t i = 0; i < panels_count(result); i++)
        add_panel(out, result, i);
    if (panels_count(result) == 0)
        text_add_string(out,
            "    set label 3 panel_1 at graph 0.5, graph 0.5 center noenhanced\n"
            "    plot data index 0 using (x($1)):2 with steps\n");
    text_add_string(out,
        "    unset multiplot\n"
        "    unset output\n"
        "    unset label\n"
        "    unset object\n"
        "    unset xlabel\n"
        "}\n");
}
