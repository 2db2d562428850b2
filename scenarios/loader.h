/* loader.h - the parts of scenario_load(), one per part of the file.
 *
 * Each fills its fields of the scenario from a checked tree and tells what the schema cannot
 * see. A part may rely on those that stand before it here. */
#ifndef MTALAB_LOADER_H
#define MTALAB_LOADER_H

#include "fakeisp/dialect.h"
#include "scenarios/extends.h"
#include "scenarios/scenario.h"
#include "scenarios/schema.h"
#include "smtp/section.h"

struct scenario_parts {
    struct scenario *scenario;
    struct extends extends;
    struct isp_config *isps;  /* while they are read */
    struct isp_host **hosts;  /* of each ISP, while they get their addresses */
    struct dialects dialects; /* read when the first is asked for */
};

static inline struct scenario_parts *
parts_of(const struct loader *loader)
{
    return loader->arg;
}

/* A loader of scenarios whose diagnostics stay when it is gone; `parts` is filled but for its
 * scenario. */
struct loader loader_of_scenario(struct scenario_parts *parts, const char *filename,
    struct arena *arena, struct diagnostics *diagnostics);
/* The file with all it extends, or NULL. */
const struct conf_node *loader_merge(struct loader *loader, const struct conf_node *file);

/* Copied as long as the scenario lives. */
struct mark keep_mark(struct loader *loader, struct mark mark);

void load_isps(struct loader *loader, const struct section *root);
void load_dns(struct loader *loader, const struct section *root); /* also hosts' addresses */
void load_requirements(struct loader *loader, const struct section *root);
void load_sut(struct loader *loader, const struct section *root);
void load_mta(struct loader *loader, const struct section *root);
void load_campaign(struct loader *loader, const struct section *root);
void load_dkim(struct loader *loader, const struct section *root);
void load_timelines(struct loader *loader, const struct section *root);
void load_expectations(struct loader *loader, const struct section *root);
void load_report(struct loader *loader, const struct section *root);

/* The number of a bounce class under the key `cause`; CLASS_NONE where none is given. */
enum bounce_class load_cause(const struct section *section);
/* What a provider sends back after it accepted. */
void load_returns(const struct section *section, struct isp_config *isp);
/* Does any provider return mail? Then the sender's side must be able to take it. */
bool mail_comes_back(const struct scenario *scenario);

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
