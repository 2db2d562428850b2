/* plot_confusion.c - the plot `confusion`: what was qualified, true cause against verdict.
 *
 * The same classes stand on both axes, so what is right lies on the diagonal. Colour is the share of
 * the true cause, so that rare causes show as well as frequent ones; the number is the count. The ramp
 * is viridis turned round: little is bright, all is dark, and nothing stays white. */
#include "reports/plot_confusion.h"

#include "base/unit.h"
#include "reports/plot_axis.h"
#include "reports/verdicts.h"

enum { AXIS_MAX = 24 };

struct axis { /* the classes, and what has no class at the end */
    struct result_confusion_class marks[AXIS_MAX];
    size_t count;
};

static uint64_t
count_where(const struct result_confusion *confusion, int cause, int verdict)
{
    uint64_t count = 0;

    for (size_t i = 0; i < confusion->cells_count; i++)
        if ((cause < 0 || confusion->cells[i].cause == cause) &&
            (verdict < 0 || confusion->cells[i].verdict == verdict))
            count += confusion->cells[i].count;
    return count;
}

static struct axis
axis_of(const struct result_confusion *confusion)
{
    struct axis axis = {0};

    assert(confusion->classes_count < AXIS_MAX);
    for (; axis.count < confusion->classes_count; axis.count++)
        axis.marks[axis.count] = confusion->classes[axis.count];
    if (count_where(confusion, 0, -1) + count_where(confusion, -1, 0) > 0)
        axis.marks[axis.count++] = (struct result_confusion_class){.name = SLICE("none")};
    return axis;
}

static size_t
place_of(const struct axis *axis, int class)
{
    size_t place = 0;

    while (place < axis->count && axis->marks[place].class != class)
        place++;
    assert(place < axis->count);
    return place;
}

void
plot_confusion_data(struct text *out, const struct result *result)
{
    const struct result_confusion *confusion = &result->confusion;
    struct axis axis = axis_of(confusion);

    text_add_string(out, "# cause\tverdict\tcount\tpercent_of_cause\tcolumn\trow\tlabel\n");
    for (size_t i = 0; i < confusion->cells_count; i++) {
        const struct result_confusion_cell *cell = &confusion->cells[i];
        uint64_t of_cause = count_where(confusion, cell->cause, -1);

        text_printf(
            out, "%d\t%d\t%llu\t", cell->cause, cell->verdict, (unsigned long long)cell->count);
        unit_format_decimal(out, ratio_of((int64_t)cell->count * 100, (int64_t)of_cause), 3);
        text_printf(out, "\t%zu\t%zu\t", place_of(&axis, cell->verdict) + 1,
            place_of(&axis, cell->cause) + 1);
        unit_format_count(out, cell->count);
        text_add_char(out, '\n');
    }
}

static void
add_head(struct text *out, const struct result *result)
{
    struct text line = {0};

    text_add_string(out,
        "# confusion.gp - what was qualified: true cause against verdict.\n"
        "# `gnuplot confusion.gp` draws confusion.svg and confusion.png from confusion.tsv; for a\n"
        "# terminal: gnuplot -e 'text = 1; columns = 100; rows = 30; colour = 0' confusion.gp "
        "draws\n"
        "# confusion.txt.\n");
    plot_add_prelude(out);
    text_add_string(out,
        "data = 'confusion.tsv'\n"
        "name = ");
    plot_add_string(out, result->name);
    if (result->title.length > 0)
        text_printf(&line, "%.*s  ·  ", SLICE_ARGS(result->title));
    text_printf(&line, "seed %llu  ·  ", (unsigned long long)result->seed);
    unit_format_count(&line, result->confusion.agreed);
    text_add_string(&line, " of ");
    unit_format_count(&line, result->confusion.all);
    text_add_string(&line, " qualified as what they were");
    text_add_string(out, "\nsubtitle = ");
    plot_add_string(out, text_slice(&line));
    text_add_string(out, "\nunset key\n");
    text_release(&line);
}

static void
add_ticks(struct text *out, const struct axis *axis, bool is_y, bool has_names)
{
    text_printf(out, "set %ctics (", is_y ? 'y' : 'x');
    for (size_t i = 0; i < axis->count; i++) {
        const struct result_confusion_class *mark = &axis->marks[i];
        struct text word = {0};

        if (mark->class != 0)
            text_printf(&word, has_names ? "%d " : "%d", mark->class);
        if (has_names || mark->class == 0)
            text_add_slice(&word, mark->name);
        text_add_string(out, i > 0 ? ", " : "");
        plot_add_string(out, text_slice(&word));
        text_printf(out, " %zu", i + 1);
        text_release(&word);
    }
    text_add_string(out, ") noenhanced scale 0 textcolor rgb '#444444'\n");
}

/* Nothing to show is shown as such: a plot without points would be an error. */
static void
add_empty(struct text *out)
{
    text_add_string(out,
        "set label 1 'nothing was qualified' at graph 0.5, graph 0.5 center\n"
        "set xrange [0:1]\nset yrange [0:1]\nunset tics\n"
        "if (text) {\n"
        "    set terminal dumb size columns, rows mono\n"
        "    set output 'confusion.txt'\n"
        "    set title name noenhanced\n"
        "    plot -1\n"
        "    unset output\n"
        "    exit\n"
        "}\n"
        "do for [kind in 'svg png'] {\n"
        "    if (kind eq 'svg') { set terminal svg size 1200,300 background '#ffffff' }\n"
        "    if (kind eq 'png') { set terminal pngcairo size 1200,300 background '#ffffff' }\n"
        "    set output 'confusion.' . kind\n"
        "    set title name noenhanced\n"
        "    plot -1\n"
        "    unset output\n"
        "}\n");
}

static void
add_text_form(struct text *out, const struct axis *axis)
{
    text_add_string(out,
        "if (text) {\n"
        "    if (colour) { set terminal dumb size columns, rows ansi256 }\n"
        "    if (!colour) { set terminal dumb size columns, rows mono }\n"
        "    set output 'confusion.txt'\n"
        "    set title name . ': true cause down, verdict across' noenhanced\n"
        "    ");
    add_ticks(out, axis, false, false);
    text_add_string(out, "    ");
    add_ticks(out, axis, true, false);
    text_add_string(out,
        "    plot data using 5:6:7 with labels\n"
        "    unset output\n"
        "    exit\n"
        "}\n");
}

/* Beyond the right and upper edge: how many of a cause were seen, and of a verdict were right. */
static void
add_margins(struct text *out, const struct axis *axis)
{
    static const char grey[] = "textcolor rgb '#777777'";
    struct text share = {0};

    text_printf(out, "set label 3 'recall' at graph 1.01, graph 1 left offset 0, 1.2 %s\n", grey);
    text_printf(out, "set label 4 'precision' at graph 0, graph 1 right offset -1, 1.2 %s\n", grey);
    for (size_t i = 0; i < axis->count; i++) {
        const struct result_confusion_class *mark = &axis->marks[i];

        text_clear(&share);
        verdicts_format_share(&share, mark->hits, mark->causes);
        text_printf(out, "set label %zu '%s' at graph 1.01, first %zu left\n", 10 + i,
            text_string(&share), i + 1);
        text_clear(&share);
        verdicts_format_share(&share, mark->hits, mark->verdicts);
        text_printf(out, "set label %zu '%s' at first %zu, graph 1 center offset 0, 1.2\n",
            10 + AXIS_MAX + i, text_string(&share), i + 1);
    }
    text_release(&share);
}

/* Lines between the cells, and a shade where what is right would be. */
static void
add_grid(struct text *out, const struct axis *axis)
{
    static const char line[] = "nohead back linecolor rgb '#E4E4E4'";

    for (size_t i = 1; i <= axis->count; i++) {
        text_printf(out,
            "set object %zu rectangle center first %zu, first %zu size first 1, "
            "first 1 behind fillcolor rgb '#F0F0F0' fillstyle solid 1 noborder\n",
            i, i, i);
        if (i == axis->count)
            break;
        text_printf(out, "set arrow %zu from graph 0, first %zu.5 to graph 1, first %zu.5 %s\n", i,
            i, i, line);
        text_printf(out, "set arrow %zu from first %zu.5, graph 0 to first %zu.5, graph 1 %s\n",
            AXIS_MAX + i, i, i, line);
    }
}

static void
add_look(struct text *out, const struct axis *axis)
{
    text_add_string(out,
        "set palette defined (0 '#fde725', 0.143 '#a0da39', 0.286 '#4ac16d', "
        "0.429 '#1fa187', 0.571 '#277f8e', 0.714 '#365c8d', 0.857 '#46327e', "
        "1 '#440154')\n");
    text_add_string(out,
        "set cbrange [0:100]\n"
        "set cbtics 25 format '%g%%' scale 0 textcolor rgb '#444444'\n"
        "set colorbox user origin screen 0.935, 0.22 size screen 0.015, 0.3 noborder\n"
        "set label 5 'share of' at screen 0.96, 0.575 center textcolor rgb '#777777'\n"
        "set label 6 'the cause' at screen 0.96, 0.55 center textcolor rgb '#777777'\n"
        "set border 15 linecolor rgb '#CCCCCC'\n"
        "set lmargin at screen 0.21\n"
        "set rmargin at screen 0.85\n"
        "set tmargin at screen 0.85\n"
        "set bmargin at screen 0.2\n"
        "set label 1 name at screen 0.02, 0.965 left noenhanced font ',18'\n"
        "set label 2 subtitle at screen 0.02, 0.928 left noenhanced textcolor rgb '#555555'\n"
        "set xlabel 'the verdict of the MTA' textcolor rgb '#444444'\n"
        "set ylabel 'true cause, as the provider knows it' textcolor rgb '#444444'\n");
    add_ticks(out, axis, false, true);
    text_add_string(out, "set xtics rotate by 35 right nomirror\n");
    add_ticks(out, axis, true, true);
    text_add_string(out, "set ytics nomirror\n");
    add_margins(out, axis);
    add_grid(out, axis);
}

void
plot_confusion_script(struct text *out, const struct result *result)
{
    struct axis axis = axis_of(&result->confusion);

    add_head(out, result);
    if (axis.count == 0) {
        add_empty(out);
        return;
    }
    text_printf(out, "set xrange [0.5:%zu.5]\nset yrange [%zu.5:0.5]\n", axis.count, axis.count);
    add_text_form(out, &axis);
    add_look(out, &axis);
    text_printf(out,
        "size = %zu\n"
        "do for [kind in 'svg png'] {\n"
        "    if (kind eq 'svg') { set terminal svg size 1200,900 font 'DejaVu Sans,Helvetica,"
        "Arial,sans-serif,'.(size+2) background '#ffffff' }\n"
        "    if (kind eq 'png') { set terminal pngcairo size 1200,900 font 'DejaVu Sans,'.size "
        "background '#ffffff' }\n"
        "    set output 'confusion.' . kind\n"
        "    plot data using 5:6:(0.49):(0.49):4 with boxxyerror fillcolor palette fillstyle solid "
        "1 noborder, \\\n"
        "        data using 5:($4 < 45 ? $6 : NaN):7 with labels textcolor rgb "
        "'#111111', \\\n"
        "        data using 5:($4 < 45 ? NaN : $6):7 with labels textcolor rgb "
        "'#ffffff'\n"
        "    unset output\n"
        "}\n",
        axis.count > 14      ? (size_t)8
            : axis.count > 8 ? (size_t)9
                             : (size_t)11);
}
