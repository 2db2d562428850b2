/* outcome_files.c - the results folder of one run. */
#include "scenarios/outcome_files.h"

#include <errno.h>

#include "reports/json_result.h"
#include "reports/series.h"
#include "scenarios/drawing.h"
#include "scenarios/files.h"

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
        return error_set(err, ERROR_WORLD, "%s: %s", name, strerror(errno));
    return true;
}

bool
outcome_files_open(struct outcome_files *files, const char *directory, struct error *err)
{
    *files = (struct outcome_files){.directory = directory};
    if (directory == NULL)
        return true;
    if (!make_directory(directory, err))
        return false;
    files->journal = open_in(directory, "journal.bin", err);
    return files->journal != NULL;
}

bool
outcome_files_write(struct outcome_files *files, const struct scenario *scenario,
    const struct result *result, struct error *err)
{
    struct text out = {0};
    bool is_fine;

    if (files->directory == NULL)
        return true;
    json_report(&out, result);
    is_fine = write_file(files->directory, "result.json", text_slice(&out), err);
    text_clear(&out);
    series_report(&out, result);
    is_fine = is_fine && write_file(files->directory, "series.tsv", text_slice(&out), err);
    text_release(&out);
    for (size_t i = 0; is_fine && i < scenario->plots_count; i++)
        is_fine = draw_files(result, scenario->plots[i], files->directory, NULL, err);
    return is_fine;
}

void
outcome_files_close(struct outcome_files *files)
{
    if (files->journal != NULL)
        fclose(files->journal);
    *files = (struct outcome_files){0};
}
