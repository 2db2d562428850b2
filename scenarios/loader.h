/* loader.h - the parts of scenario_load(), one per part of the file.
 *
 * Each fills its fields of loader->scenario from a checked tree and tells what the schema cannot
 * see. A part may rely on those that stand before it here. */
#ifndef MTALAB_LOADER_H
#define MTALAB_LOADER_H

#include "scenarios/scenario.h"
#include "scenarios/section.h"

void load_isps(struct loader *loader, const struct section *root);
void load_dns(struct loader *loader, const struct section *root); /* also hosts' addresses */
void load_mta(struct loader *loader, const struct section *root);
void load_campaign(struct loader *loader, const struct section *root);
void load_timelines(struct loader *loader, const struct section *root);
void load_expectations(struct loader *loader, const struct section *root);
void load_report(struct loader *loader, const struct section *root);

/* The rate or count of a limit as a count in its window. False: it is none, and *err says why. */
bool limit_max_in_window(
    const struct scalar *max, int64_t window_us, uint64_t *count, struct error *err);
/* `while` as comparisons. False: *err. */
bool conditions_parse(struct loader *loader, struct slice text,
    const struct isp_condition **conditions, size_t *count, struct error *err);

/* A scenario from memory; no other file is read. */
struct scenario *scenario_load_text(
    const char *filename, struct slice text, struct diagnostics *diagnostics);

#endif
