/* outcome_files.c - the results folder of one run. */
#include "scenarios/outcome_files.h"

#include <errno.h>

#include "reports/json_result.h"
#include "reports/plot.h"
#include "reports/series.h"
#include "scenarios/drawing.h"
#include "scenarios/files.h"
#include "smtp/event.h"

static const char JOURNAL[] = "journal.bin", RESULT[] = "result.json", SERIES[] = "series.tsv";

static FILE *
open_in(const char *directory, const char *name, struct error *err)
{
    struct text path = {0};
    FILE *file;

    if (directory != NULL)
        text_printf(&path, "%s/", directory);
    text_add_string(&path, name);
    file = fopen(path.bytes, "wb");
    if (file == NULL)
        error_set(err, ERROR_WORLD, "%s: %s", path.bytes, strerror(errno));
    text_release(&path);
    return file;
}

bool
write_file(const char *directory, const char *name, struct slice bytes, struct error *err)
{
    FILE *file = open_in(directory, name, err);
    bool is_written;

    if (file == NULL)
        return false;
    is_written = bytes.length == 0 || fwrite(bytes.at, 1, bytes.length, file) == bytes.length;
    if (fclose(file) != 0 || !is_written)
        return error_set(err, ERROR_WORLD, "%s%s%s: %s", directory != NULL ? directory : "",
            directory != NULL ? "/" : "", name, strerror(errno));
    return true;
}

bool
outcome_files_open(struct outcome_files *files, const char *directory,
    const struct scenario *scenario, struct error *err)
{
    *files = (struct outcome_files){.directory = directory};
    if (directory == NULL)
        return true;
    if (!make_directory(directory, err))
        return false;
    files->journal = open_in(directory, JOURNAL, err);
    if (files->journal != NULL && scenario->record_events.length > 0)
        files->events = open_in(directory, scenario->record_events.at, err);
    return files->journal != NULL && (scenario->record_events.length == 0 || files->events != NULL);
}

static void
record(void *arg, struct slice entry)
{
    struct outcome_files *files = arg;

    text_clear(&files->line);
    event_to_json(&files->line, files->followed, entry);
    text_add_char(&files->line, '\n');
    fwrite(files->line.bytes, 1, files->line.length, files->events); /* errors: when it is closed */
}

void
outcome_files_follow(struct outcome_files *files, struct journal *journal)
{
    files->followed = journal;
    if (files->events != NULL)
        journal_observe(journal, record, files);
}

static bool
close_events(struct outcome_files *files, const struct scenario *scenario, struct error *err)
{
    bool is_written;

    if (files->events == NULL)
        return true;
    is_written = ferror(files->events) == 0;
    if (fclose(files->events) != 0)
        is_written = false;
    files->events = NULL;
    return is_written ||
        error_set(err, ERROR_WORLD, "%s/%.*s: %s", files->directory,
            SLICE_ARGS(scenario->record_events), strerror(errno));
}

bool
outcome_files_write(struct outcome_files *files, const struct scenario *scenario,
    const struct result *result, struct text *note, struct error *err)
{
    struct text out = {0};
    bool is_fine;

    if (files->directory == NULL)
        return true;
    is_fine = close_events(files, scenario, err);
    json_report(&out, result);
    is_fine = is_fine && write_file(files->directory, RESULT, text_slice(&out), err);
    text_clear(&out);
    series_report(&out, result);
    is_fine = is_fine && write_file(files->directory, SERIES, text_slice(&out), err);
    text_release(&out);
    for (size_t i = 0; is_fine && i < scenario->plots_count; i++) {
        if (plot_support(scenario->plots[i]) == PLOT_SUPPORTED)
            is_fine = draw_files(result, scenario->plots[i], files->directory, NULL, err);
        else
            text_printf(note, "mtalab: the plot %.*s is not drawn in this version\n",
                SLICE_ARGS(scenario->plots[i]));
    }
    return is_fine;
}

void
outcome_files_close(struct outcome_files *files)
{
    if (files->journal != NULL)
        fclose(files->journal);
    if (files->events != NULL)
        fclose(files->events);
    text_release(&files->line);
    *files = (struct outcome_files){0};
}
