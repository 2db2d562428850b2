/* drawing.c - plots of a run. */
#include "scenarios/drawing.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reports/plot.h"
#include "scenarios/files.h"

enum { COLUMNS = 100, ROWS = 28, COLUMNS_MIN = 60 };

bool
draw_files(const struct result *result, struct slice id, const char *directory, struct text *note,
    struct error *err)
{
    if (!make_directory(directory, err))
        return false;
    switch (plot_write(result, id, directory, NULL, err)) {
    case PLOT_DONE:
        return true;
    case PLOT_NO_GNUPLOT:
        if (note != NULL)
            text_printf(note, "mtalab: %s\n", err->text);
        return true;
    case PLOT_FAILED:
        return false;
    }
    return false;
}

static struct plot_size
terminal_size(bool has_colour)
{
    struct plot_size size = {.columns = COLUMNS, .rows = ROWS, .has_colour = has_colour};
    struct winsize window;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= COLUMNS_MIN &&
        window.ws_col < COLUMNS)
        size.columns = window.ws_col;
    return size;
}

static void
remove_with(const char *directory, struct slice id)
{
    static const char *const endings[] = {"tsv", "gp", "txt"};
    struct text path = {0};

    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        text_clear(&path);
        text_printf(&path, "%s/%.*s.%s", directory, SLICE_ARGS(id), endings[i]);
        unlink(path.bytes);
    }
    text_release(&path);
    rmdir(directory);
}

bool
draw_in_terminal(const struct result *result, struct slice id, bool has_colour, struct text *out,
    struct error *err)
{
    char directory[] = "/tmp/mtalab-plot-XXXXXX";
    enum plot_status status;

    if (mkdtemp(directory) == NULL)
        return error_set(err, ERROR_WORLD, "%s: %s", directory, strerror(errno));
    status = plot_text(result, id, directory, terminal_size(has_colour), NULL, out, err);
    remove_with(directory, id);
    return status == PLOT_DONE;
}
