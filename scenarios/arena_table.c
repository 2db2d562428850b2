/* arena_table.c - what came of the arena, as a table and as a plot. */
#include "scenarios/arena_table.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/unit.h"
#include "reports/program.h"
#include "scenarios/outcome_files.h"

enum { GNUPLOT_MS = 20000 };

/* --- figures --------------------------------------------------------------------------------- */

struct figures {
    size_t runs, clean; /* with a score; without an escalation */
    int64_t *regrets;   /* sorted */
    int64_t utilisation_sum, utilisation_min, regret_sum;
    uint64_t sends, rejected, penalties, escalations, wrongly_failed;
    uint64_t sends_fast, rejected_fast; /* of these, in runs at one a second and faster */
    size_t broken, cut;
};

static int
compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static struct figures
figures_of(const struct arena_rows *rows)
{
    struct figures f = {
        .regrets = mem_alloc((rows->count + 1) * sizeof *f.regrets), .utilisation_min = INT64_MAX};

    for (size_t i = 0; i < rows->count; i++) {
        const struct arena_outcome *outcome = &rows->outcomes[i];

        f.broken += !outcome->has_run;
        f.cut += outcome->is_cut;
        f.penalties += outcome->penalties;
        f.escalations += outcome->escalations;
        f.wrongly_failed += outcome->wrongly_failed;
        f.sends += outcome->sends;
        f.rejected += outcome->rejected;
        f.sends_fast += outcome->is_fast ? outcome->sends : 0;
        f.rejected_fast += outcome->is_fast ? outcome->rejected : 0;
        if (!outcome->has_score)
            continue;
        f.regrets[f.runs++] = outcome->regret_ppm;
        f.clean += outcome->escalations == 0;
        f.regret_sum += outcome->regret_ppm;
        f.utilisation_sum += outcome->utilisation_ppm;
        if (outcome->utilisation_ppm < f.utilisation_min)
            f.utilisation_min = outcome->utilisation_ppm;
    }
    if (f.runs > 0)
        qsort(f.regrets, f.runs, sizeof f.regrets[0], compare);
    return f;
}

/* The nearest rank. */
static int64_t
quantile(const struct figures *f, size_t percent)
{
    size_t rank = (f->runs * percent + 99) / 100;

    return f->regrets[rank > 0 ? rank - 1 : 0];
}

/* --- the table ------------------------------------------------------------------------------- */

static void
add_ppm(struct table *table, enum tone tone, int64_t ppm)
{
    struct text text = {0};

    unit_format_decimal(&text, ratio_of(ppm, 1000000), 3);
    table_add(table, tone, text_slice(&text));
    text_release(&text);
}

static void
add_percent(struct table *table, uint64_t part, uint64_t whole, int decimals)
{
    struct text text = {0};

    if (whole > 0)
        unit_format_percent(&text, ratio_of((int64_t)part, (int64_t)whole), decimals);
    else
        text_add_string(&text, "-");
    table_add(table, TONE_PLAIN, text_slice(&text));
    text_release(&text);
}

static void
add_row(struct table *table, const struct arena_rows *rows)
{
    struct figures f = figures_of(rows);

    table_add_string(table, TONE_STRONG, rows->controller);
    table_add_count(table, TONE_PLAIN, f.runs);
    if (f.runs > 0) {
        add_ppm(table, TONE_STRONG, f.utilisation_sum / (int64_t)f.runs);
        add_ppm(table, TONE_PLAIN, f.utilisation_min);
        add_ppm(table, TONE_STRONG, quantile(&f, 50));
        add_ppm(table, TONE_PLAIN, f.regret_sum / (int64_t)f.runs);
        add_ppm(table, TONE_PLAIN, quantile(&f, 90));
        add_ppm(table, TONE_PLAIN, f.regrets[f.runs - 1]);
    } else {
        for (int i = 0; i < 6; i++)
            table_add_string(table, TONE_PLAIN, "-");
    }
    add_percent(table, f.rejected, f.sends, 2);
    add_percent(table, f.rejected_fast, f.sends_fast, 2);
    table_add_count(table, TONE_PLAIN, f.penalties);
    table_add_count(table, TONE_PLAIN, f.escalations);
    add_percent(table, f.clean, f.runs, 1);
    table_add_count(table, f.wrongly_failed > 0 ? TONE_BAD : TONE_PLAIN, f.wrongly_failed);
    table_add_count(table, f.broken > 0 ? TONE_BAD : TONE_PLAIN, f.broken);
    table_add_count(table, TONE_PLAIN, f.cut);
    mem_free(f.regrets);
}

void
arena_table(struct text *out, const char *what, const struct arena_rows *rows, size_t count,
    const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0}
    };
    const char *const heads[] = {what, "runs", "used", "least", "regret p50", "mean", "p90",
        "worst", "rejects", "at 1/s+", "penalties", "escalations", "clean", "wrong", "broken",
        "cut"};
    struct table table = table_begin(columns, COUNT_OF(columns), style);

    for (size_t i = 0; i < COUNT_OF(heads); i++)
        table_add_string(&table, TONE_FAINT, heads[i]);
    for (size_t i = 0; i < count; i++)
        add_row(&table, &rows[i]);
    table_print(&table, FRAME_NONE, 0, out);
    table_release(&table);
}

/* --- one after the other --------------------------------------------------------------------- */

static void
add_share(struct table *table, const struct arena_outcome *outcome, enum tone tone, int64_t ppm)
{
    if (outcome->has_score)
        add_ppm(table, tone, ppm);
    else
        table_add_string(table, TONE_PLAIN, "-");
}

static void
add_each(struct table *table, struct slice name, const struct arena_rows *rows, size_t provider)
{
    const struct arena_outcome *outcome = &rows->outcomes[provider];

    table_add_string(table, TONE_STRONG, rows->controller);
    add_share(table, outcome, TONE_STRONG, outcome->utilisation_ppm);
    add_share(table, outcome, TONE_STRONG, outcome->regret_ppm);
    add_share(table, outcome, TONE_PLAIN, outcome->lost_ppm);
    add_share(table, outcome, TONE_PLAIN, outcome->rejected_ppm);
    table_add_count(table, TONE_PLAIN, outcome->accepted);
    add_percent(table, outcome->rejected, outcome->sends, 2);
    table_add_count(table, TONE_PLAIN, outcome->penalties);
    table_add_count(table, TONE_PLAIN, outcome->escalations);
    table_add_string(table, TONE_PLAIN,
        !outcome->has_run     ? "broken"
            : outcome->is_cut ? "cut"
                              : "");
    table_add(table, TONE_FAINT, name);
}

void
arena_table_each(struct text *out, const struct slice *names, const struct arena_rows *rows,
    size_t count, const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {true,  0},
        {false, 0},
        {false, 0}
    };
    static const char *const heads[] = {"controller", "used", "regret", "lost", "rejected",
        "accepted", "rejects", "penalties", "escalations", "end", "provider"};
    struct table table = table_begin(columns, COUNT_OF(columns), style);

    for (size_t i = 0; i < COUNT_OF(heads); i++)
        table_add_string(&table, TONE_FAINT, heads[i]);
    for (size_t provider = 0; provider < rows[0].count; provider++)
        for (size_t i = 0; i < count; i++)
            add_each(&table, names[provider], &rows[i], provider);
    table_print(&table, FRAME_NONE, 0, out);
    table_release(&table);
}

/* --- the plot -------------------------------------------------------------------------------- */

static void
add_data(struct text *out, const struct arena_rows *rows, size_t count)
{
    text_add_string(out, "# regret\tshare_of_runs; a block per controller\n");
    for (size_t i = 0; i < count; i++) {
        struct figures f = figures_of(&rows[i]);

        if (i > 0)
            text_add_string(out, "\n\n");
        text_add_string(out, "0.001\t0\n");
        for (size_t k = 0; k < f.runs; k++) {
            int64_t ppm = f.regrets[k] > 1000 ? f.regrets[k] : 1000; /* of a log scale */

            unit_format_decimal(out, ratio_of(ppm, 1000000), 6);
            text_add_char(out, '\t');
            unit_format_decimal(out, ratio_of((int64_t)k + 1, (int64_t)f.runs), 4);
            text_add_char(out, '\n');
        }
        if (f.runs > 0)
            text_add_string(out, "100\t1\n");
        mem_free(f.regrets);
    }
}

static void
add_script(struct text *out, const struct arena_rows *rows, size_t count)
{
    static const char *const colours[] = {
        "#000000", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#D55E00", "#56B4E9"};

    text_add_string(out,
        "# arena.gp - the share of runs by their regret; `gnuplot arena.gp` draws arena.svg and "
        ".png\n"
        "set encoding utf8\n"
        "set datafile separator tab\n"
        "set logscale x\n"
        "set xrange [0.001:100]\n"
        "set yrange [0:1]\n"
        "set border 3 linecolor rgb '#999999'\n"
        "set tics nomirror out textcolor rgb '#444444'\n"
        "set grid xtics ytics linetype 1 linewidth 1 linecolor rgb '#C0707070'\n"
        "set xlabel 'regret: 0.1 is a tenth of what could have been sent, lost or refused'\n"
        "set ylabel 'share of runs with at most so much regret'\n"
        "set format y '%.1f'\n"
        "set key top left reverse Left\n"
        "set title 'Every controller against every provider: the further left and up, the "
        "better'\n"
        "do for [kind in 'svg png'] {\n"
        "    if (kind eq 'svg') { set terminal svg size 1100,680 font 'DejaVu Sans,Helvetica,"
        "Arial,sans-serif,14' background '#ffffff' }\n"
        "    if (kind eq 'png') { set terminal pngcairo size 1100,680 font 'DejaVu Sans,11' "
        "background '#ffffff' }\n"
        "    set output 'arena.' . kind\n"
        "    plot ");
    for (size_t i = 0; i < count; i++)
        text_printf(out,
            "%s'arena.tsv' index %zu using 1:2 with steps linewidth 2.5 dashtype %zu linecolor rgb "
            "'%s' title '%s'",
            i > 0 ? ", \\\n        " : "", i, i / COUNT_OF(colours) + 1,
            colours[i % COUNT_OF(colours)], rows[i].controller);
    text_add_string(out, "\n    unset output\n}\n");
}

bool
arena_plot(const struct arena_rows *rows, size_t count, const char *directory, struct error *err)
{
    static const char *const arguments[] = {"gnuplot", "-d", "arena.gp", NULL};
    struct text data = {0}, script = {0};
    bool is_written;

    add_data(&data, rows, count);
    add_script(&script, rows, count);
    is_written = write_file(directory, "arena.tsv", text_slice(&data), err) &&
        write_file(directory, "arena.gp", text_slice(&script), err);
    text_release(&data);
    text_release(&script);
    return is_written && program_run(arguments, directory, GNUPLOT_MS, err) == PROGRAM_DONE;
}
