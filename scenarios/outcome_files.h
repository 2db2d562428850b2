/* outcome_files.h - the results folder of one run: journal.bin, result.json, series.tsv, and what the
 * scenario asks for: plots, and the events as lines of JSON under the name that `record` gives them.
 *
 * Nothing in them depends on real time, so the same seed gives the same bytes. */
#ifndef MTALAB_OUTCOME_FILES_H
#define MTALAB_OUTCOME_FILES_H

#include <stdio.h>

#include "base/journal.h"
#include "reports/result.h"
#include "scenarios/scenario.h"

struct outcome_files {
    const char *directory; /* NULL: nothing is written */
    FILE *journal;
    FILE *events; /* NULL: the scenario records none */
    struct journal *followed;
    struct text line;
};

bool outcome_files_open(struct outcome_files *files, const char *directory,
    const struct scenario *scenario, struct error *err);
/* From here on every event of `journal` is recorded; it must live until outcome_files_close(). */
void outcome_files_follow(struct outcome_files *files, struct journal *journal);
/* What could not be drawn is said in `note`. */
bool outcome_files_write(struct outcome_files *files, const struct scenario *scenario,
    const struct result *result, struct text *note, struct error *err);
void outcome_files_close(struct outcome_files *files);

bool write_file(const char *directory, const char *name, struct slice bytes, struct error *err);

#endif
