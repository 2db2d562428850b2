/* plot.c - plots of a result, drawn by gnuplot. */
#include "reports/plot.h"

#include <errno.h>
#include <stdio.h>

#include "reports/plot_confusion.h"
#include "reports/plot_kpi.h"
#include "reports/plot_throughput.h"
#include "reports/program.h"

enum { GNUPLOT_LIMIT_MS = 20000, PLOT_TEXT_BYTES_MAX = 1 << 20 };

typedef void plot_part_fn(struct text *out, const struct result *result);

/* A plot without functions is promised by the scenario language, and not drawn yet. */
static const struct plot {
    const char *id;
    plot_part_fn *data, *script;
} plots[] = {
    {"kpi",                 plot_kpi_data,        plot_kpi_script       },
    {"throughput-vs-limit", plot_throughput_data, plot_throughput_script},
    {"queue",               NULL,                 NULL                  },
    {"deferrals",           NULL,                 NULL                  },
    {"connections",         NULL,                 NULL                  },
    {"reasons",             NULL,                 NULL                  },
    {"confusion",           plot_confusion_data,  plot_confusion_script },
    {"retry-age",           NULL,                 NULL                  },
    {"retry-gap",           NULL,                 NULL                  },
    {"attempts-per-host",   NULL,                 NULL                  },
    {"time-to-accept",      NULL,                 NULL                  },
    {"reputation",          NULL,                 NULL                  },
    {"aftermath",           NULL,                 NULL                  },
    {"sweep-heatmap",       NULL,                 NULL                  },
    {"sweep-lines",         NULL,                 NULL                  },
    {"lifeline",            NULL,                 NULL                  },
};

static const struct plot *
find_plot(struct slice id)
{
    for (size_t i = 0; i < COUNT_OF(plots); i++)
        if (slice_equals(id, slice_of(plots[i].id)))
            return &plots[i];
    return NULL;
}

enum plot_support
plot_support(struct slice id)
{
    const struct plot *plot = find_plot(id);

    return plot == NULL ? PLOT_UNKNOWN : plot->script == NULL ? PLOT_PLANNED : PLOT_SUPPORTED;
}

void
plot_ids(struct text *out, enum plot_support support)
{
    bool is_first = true;

    for (size_t i = 0; i < COUNT_OF(plots); i++) {
        if (plot_support(slice_of(plots[i].id)) != support)
            continue;
        text_printf(out, "%s%s", is_first ? "" : ", ", plots[i].id);
        is_first = false;
    }
}

static bool
write_file(const char *filename, const struct text *content, struct error *err)
{
    FILE *file = fopen(filename, "wb");
    bool is_written;

    if (file == NULL)
        return error_set(err, ERROR_WORLD, "%s: %s", filename, strerror(errno));
    is_written = fwrite(text_string(content), 1, content->length, file) == content->length;
    if (fclose(file) != 0 || !is_written)
        return error_set(err, ERROR_WORLD, "%s: %s", filename, strerror(errno));
    return true;
}

static bool
write_part(plot_part_fn *part, const struct result *result, const char *directory, const char *id,
    const char *ending, struct error *err)
{
    struct text content = {0}, filename = {0};
    bool is_written;

    part(&content, result);
    text_printf(&filename, "%s/%s.%s", directory, id, ending);
    is_written = write_file(text_string(&filename), &content, err);
    text_release(&content);
    text_release(&filename);
    return is_written;
}

/* `settings`: gnuplot commands that come before the script. */
static enum plot_status
draw(const struct plot *plot, const char *settings, const char *directory,
    const struct plot_options *options, struct error *err)
{
    const char *gnuplot =
        options != NULL && options->gnuplot != NULL ? options->gnuplot : "gnuplot";
    int limit_ms = options != NULL && options->limit_ms > 0 ? options->limit_ms : GNUPLOT_LIMIT_MS;
    struct text script = {0};
    enum program_status status;

    text_printf(&script, "%s.gp", plot->id);
    const char *const arguments[] = {gnuplot, "-d", "-e", settings, text_string(&script), NULL};
    status = program_run(arguments, directory, limit_ms, err);
    text_release(&script);
    switch (status) {
    case PROGRAM_DONE:
        return PLOT_DONE;
    case PROGRAM_FAILED:
        return PLOT_FAILED;
    case PROGRAM_MISSING:
        error_set(err, ERROR_NOT_FOUND,
            "gnuplot is not installed, so there is no picture; %s.tsv and %s.gp are in %s",
            plot->id, plot->id, directory);
        return PLOT_NO_GNUPLOT;
    }
    assert(false);
}

static bool
write_sources(
    const struct plot *plot, const struct result *result, const char *directory, struct error *err)
{
    return write_part(plot->data, result, directory, plot->id, "tsv", err) &&
        write_part(plot->script, result, directory, plot->id, "gp", err);
}

enum plot_status
plot_write(const struct result *result, struct slice id, const char *directory,
    const struct plot_options *options, struct error *err)
{
    const struct plot *plot = find_plot(id);

    assert(plot != NULL);
    assert(plot->script != NULL);
    if (!write_sources(plot, result, directory, err))
        return PLOT_FAILED;
    return draw(plot, "text = 0", directory, options, err);
}

static struct slice
trim_end(struct slice s)
{
    while (s.length > 0 && strchr(" \r\n\f", s.at[s.length - 1]) != NULL)
        s.length--;
    return s;
}

/* gnuplot fills its lines with spaces, and begins and ends with lines of nothing else. */
static void
add_lines(struct text *out, struct slice text)
{
    struct slice line;

    for (text = trim_end(text); text.length > 0;) {
        slice_cut(text, '\n', &line, &text);
        line = trim_end(line);
        if (line.length == 0 && out->length == 0)
            continue;
        text_add_slice(out, line);
        text_add_char(out, '\n');
    }
}

static bool
read_text(const char *filename, struct text *out, struct error *err)
{
    FILE *file = fopen(filename, "rb");
    struct text text = {0};
    char block[4096];

    if (file == NULL)
        return error_set(err, ERROR_WORLD, "%s: %s", filename, strerror(errno));
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        if (text.length < PLOT_TEXT_BYTES_MAX)
            text_add(&text, block, got);
    fclose(file);
    add_lines(out, text_slice(&text));
    text_release(&text);
    return true;
}

enum plot_status
plot_text(const struct result *result, struct slice id, const char *directory,
    struct plot_size size, const struct plot_options *options, struct text *out, struct error *err)
{
    const struct plot *plot = find_plot(id);
    struct text text = {0};
    enum plot_status status;

    assert(plot != NULL);
    assert(plot->script != NULL);
    if (!write_sources(plot, result, directory, err))
        return PLOT_FAILED;
    text_printf(&text, "text = 1; columns = %d; rows = %d; colour = %d", size.columns, size.rows,
        size.has_colour);
    status = draw(plot, text_string(&text), directory, options, err);
    text_clear(&text);
    text_printf(&text, "%s/%s.txt", directory, plot->id);
    if (status == PLOT_DONE && !read_text(text_string(&text), out, err))
        status = PLOT_FAILED;
    text_release(&text);
    return status;
}
