/* progress.c - how far a run is. */
#include "scenarios/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/unit.h"

enum { REDRAW_US = 100 * US_PER_MS, PLAIN_LINE_US = 10 * US_PER_S, BAR_WIDTH = 24 };

void
progress_init(struct progress *progress, const struct options *options, struct slice name,
    int64_t until_us, int64_t wall_us)
{
    *progress = (struct progress){.name = name,
        .until_us = until_us,
        .wall_start_us = wall_us,
        .wall_shown_us = wall_us,
        .is_terminal = isatty(STDERR_FILENO) == 1,
        .is_off = options->is_quiet || options->jobs > 1};
}

static void
draw_bar(struct text *line, int64_t now_us, int64_t until_us)
{
    int64_t filled = until_us > 0 ? now_us / (until_us / BAR_WIDTH + 1) : 0;

    text_add_char(line, '[');
    text_add_repeated(line, '#', (size_t)filled);
    text_add_repeated(line, '.', (size_t)(BAR_WIDTH - filled));
    text_add_string(line, "] ");
}

void
progress_show(struct progress *progress, int64_t now_us, int64_t wall_us)
{
    int64_t pause_us = progress->is_terminal ? REDRAW_US : PLAIN_LINE_US;
    struct text line = {0};
    int64_t wall_spent_us;

    if (progress->is_off)
        return;
    if (wall_us - progress->wall_shown_us < pause_us)
        return;
    progress->wall_shown_us = wall_us;
    wall_spent_us = wall_us - progress->wall_start_us;
    if (progress->is_terminal)
        text_add_string(&line, "\r\033[K");
    text_printf(&line, "%.*s ", SLICE_ARGS(progress->name));
    if (progress->is_terminal)
        draw_bar(&line, now_us, progress->until_us);
    unit_format_clock(&line, now_us);
    text_add_string(&line, " of ");
    unit_format_clock(&line, progress->until_us);
    text_add_string(&line, ", x");
    unit_format_count(&line, (uint64_t)(now_us / (wall_spent_us + 1)));
    if (!progress->is_terminal)
        text_add_char(&line, '\n');
    fwrite(line.bytes, 1, line.length, stderr);
    fflush(stderr);
    progress->is_shown = true;
    text_release(&line);
}

void
progress_clear(struct progress *progress)
{
    if (progress->is_shown && progress->is_terminal)
        fputs("\r\033[K", stderr);
}
