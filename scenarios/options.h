/* options.h - the command line of `mtalab`, as a table: name, argument, one sentence of help.
 *
 * Ownership  texts point into argv.
 * Errors     ERROR_USAGE with a suggestion where a word is nearly right. */
#ifndef MTALAB_OPTIONS_H
#define MTALAB_OPTIONS_H

#include "base/error.h"
#include "base/text.h"
#include "scenarios/scenario.h"

enum command {
    COMMAND_HELP,
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_LIST,
    COMMAND_SHOW,
    COMMAND_SCHEMA,
    COMMAND_EXPLAIN,
    COMMAND_WHY,
    COMMAND_PLOT,
    COMMAND_ARENA,
    COMMAND_VERSION,
};

enum output_format { FORMAT_HUMAN, FORMAT_JSON, FORMAT_TAP, FORMAT_JUNIT, FORMAT_GITHUB };

struct report_request { /* --report KIND=FILE */
    enum output_format kind;
    const char *filename;
};

enum { OPTION_SETTINGS_MAX = 64, OPTION_REPORTS_MAX = 8 };

struct options {
    enum command command;
    char **words; /* what is no option: files, or what the command asks for */
    size_t words_count;
    bool has_seed;
    uint64_t seed_first, seed_last;
    struct setting settings[OPTION_SETTINGS_MAX];
    size_t settings_count;
    const char *only;        /* id of an expectation */
    const char *controllers; /* arena: names with commas between; NULL: all */
    bool has_show;
    uint64_t show;                /* arena: the seed whose scenario is printed */
    bool wants_each;              /* arena: a line per provider */
    bool wants_ablations;         /* arena: tle with one part taken away at a time, not all */
    int64_t until_us;             /* 0: the scenario's */
    bool is_real;                 /* --real */
    uint32_t speed;               /* 0: the scenario's */
    unsigned jobs;                /* at least 1 */
    unsigned shard, shards_count; /* 1/1 */
    bool is_twice, is_in_both_worlds, is_dry, is_quiet, is_verbose, is_resolved, is_text,
        wants_plot;
    const char *out; /* results folder; NULL: none */
    enum output_format format;
    struct report_request reports[OPTION_REPORTS_MAX];
    size_t reports_count;
    enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour;
};

/* Takes argv apart; words are collected at its front. */
bool options_parse(struct options *options, int argc, char **argv, struct error *err);
/* --until ends a run earlier than its scenario does, never later. */
int64_t options_until_us(const struct options *options, int64_t scenario_until_us);
/* What --real and --speed make of a scenario. */
void options_apply(const struct options *options, struct scenario *scenario);
void options_help(struct text *out); /* commands, options, exit codes */

#endif
