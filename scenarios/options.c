/* options.c - the command line of `mtalab`. */
#include "scenarios/options.h"

#include "base/diag.h"
#include "base/unit.h"

static const struct command_row {
    const char *name;
    enum command command;
    size_t words_min, words_max;
    const char *words, *help;
} commands[] = {
    {"run",     COMMAND_RUN,     1, SIZE_MAX, "FILE|DIR...",    "runs scenarios and judges them"          },
    {"check",   COMMAND_CHECK,   1, SIZE_MAX, "FILE|DIR...",
     "reads and checks scenarios without running them"                                                    },
    {"list",    COMMAND_LIST,    0, SIZE_MAX, "[FILE|DIR...]",  "names and titles (default: scenarios)"   },
    {"show",    COMMAND_SHOW,    1, 1,        "FILE",
     "prints a scenario merged, with the origin of every value"                                           },
    {"why",     COMMAND_WHY,     2, 2,        "RECIPIENT FILE",
     "runs a scenario again and tells one recipient's story"                                              },
    {"plot",    COMMAND_PLOT,    1, SIZE_MAX, "FILE [PLOT...]",
     "runs a scenario and draws kpi, confusion or throughput-vs-limit (--text: in the "
        "terminal)"                                                                                       },
    {"arena",   COMMAND_ARENA,   0, SIZE_MAX, "[FILE|DIR...]",
     "every controller against the ISPs of files and of --seeds: one table"                               },
    {"schema",  COMMAND_SCHEMA,  0, 0,        "",               "prints the JSON Schema of scenario files"},
    {"explain", COMMAND_EXPLAIN, 1, 1,        "KEY|FUNCTION",
     "says what a key means, isps.limits.window, or a function of checks, recall"                         },
    {"version", COMMAND_VERSION, 0, 0,        "",               "prints the version"                      },
    {"help",    COMMAND_HELP,    0, SIZE_MAX, "",               "prints this"                             },
};

struct option_row {
    const char *name;     /* "--seed" or "-j" */
    const char *argument; /* NULL: none */
    const char *help;
    bool (*set)(struct options *options, const char *value, struct error *err);
};

static bool
parse_count(const char *value, const char *name, uint64_t *count, struct error *err)
{
    if (slice_to_u64(slice_of(value), count))
        return true;
    return error_set(err, ERROR_USAGE, "%s wants a number, not \"%s\"", name, value);
}

static bool
set_seed(struct options *options, const char *value, struct error *err)
{
    options->has_seed = true;
    if (!parse_count(value, "--seed", &options->seed_first, err))
        return false;
    options->seed_last = options->seed_first;
    return true;
}

static bool
set_seeds(struct options *options, const char *value, struct error *err)
{
    const char *dots = strstr(value, "..");

    options->has_seed = true;
    if (dots == NULL ||
        !slice_to_u64((struct slice){value, (size_t)(dots - value)}, &options->seed_first) ||
        !slice_to_u64(slice_of(dots + 2), &options->seed_last) ||
        options->seed_last < options->seed_first || options->seed_last - options->seed_first > 9999)
        return error_set(err, ERROR_USAGE, "--seeds wants A..B with A <= B, not \"%s\"", value);
    return true;
}

static bool
set_setting(struct options *options, const char *value, struct error *err)
{
    struct setting *setting = &options->settings[options->settings_count];

    if (options->settings_count == OPTION_SETTINGS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d --set", OPTION_SETTINGS_MAX);
    if (!slice_cut(slice_of(value), '=', &setting->name, &setting->value) ||
        setting->name.length == 0)
        return error_set(err, ERROR_USAGE, "--set wants NAME=VALUE, not \"%s\"", value);
    options->settings_count++;
    return true;
}

static bool
set_only(struct options *options, const char *value, struct error *err)
{
    options->only = value;
    return true;
}

static bool
set_controllers(struct options *options, const char *value, struct error *err)
{
    options->controllers = value;
    return true;
}

static bool
set_show(struct options *options, const char *value, struct error *err)
{
    options->has_show = true;
    return parse_count(value, "--show", &options->show, err);
}

static bool
set_until(struct options *options, const char *value, struct error *err)
{
    if (!unit_parse_duration(slice_of(value), &options->until_us, err)) {
        err->kind = ERROR_USAGE;
        return error_prefix(err, "--until");
    }
    if (options->until_us <= 0)
        return error_set(err, ERROR_USAGE, "--until wants a time after the start");
    return true;
}

static bool
set_jobs(struct options *options, const char *value, struct error *err)
{
    uint64_t jobs = 0;

    if (!parse_count(value, "-j", &jobs, err))
        return false;
    if (jobs < 1 || jobs > 1024)
        return error_set(err, ERROR_USAGE, "-j wants 1 to 1024, not %s", value);
    options->jobs = (unsigned)jobs;
    return true;
}

static bool
set_shard(struct options *options, const char *value, struct error *err)
{
    struct slice shard, count;
    uint64_t i, n;

    if (!slice_cut(slice_of(value), '/', &shard, &count) || !slice_to_u64(shard, &i) ||
        !slice_to_u64(count, &n) || i < 1 || i > n || n > 10000)
        return error_set(err, ERROR_USAGE, "--shard wants I/N with 1 <= I <= N, not \"%s\"", value);
    options->shard = (unsigned)i;
    options->shards_count = (unsigned)n;
    return true;
}

static bool
set_speed(struct options *options, const char *value, struct error *err)
{
    uint64_t speed = 0;

    if (!parse_count(value, "--speed", &speed, err))
        return false;
    if (speed < 1 || speed > 100000)
        return error_set(err, ERROR_USAGE, "--speed wants 1 to 100000, not %s", value);
    options->speed = (uint32_t)speed;
    return true;
}

static bool
set_out(struct options *options, const char *value, struct error *err)
{
    options->out = value;
    return true;
}

static const struct {
    const char *name;
    enum output_format format;
} formats[] = {
    {"human",  FORMAT_HUMAN },
    {"json",   FORMAT_JSON  },
    {"tap",    FORMAT_TAP   },
    {"junit",  FORMAT_JUNIT },
    {"github", FORMAT_GITHUB},
};

static bool
parse_format(struct slice name, enum output_format *format, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (slice_equals(name, slice_of(formats[i].name))) {
            *format = formats[i].format;
            return true;
        }
    }
    return error_set(
        err, ERROR_USAGE, "no format \"%.*s\" (human, json, tap, junit, github)", SLICE_ARGS(name));
}

static bool
set_format(struct options *options, const char *value, struct error *err)
{
    return parse_format(slice_of(value), &options->format, err);
}

static bool
set_report(struct options *options, const char *value, struct error *err)
{
    struct report_request *request = &options->reports[options->reports_count];
    struct slice kind, filename;

    if (options->reports_count == OPTION_REPORTS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d --report", OPTION_REPORTS_MAX);
    if (!slice_cut(slice_of(value), '=', &kind, &filename) || filename.length == 0)
        return error_set(err, ERROR_USAGE, "--report wants KIND=FILE, not \"%s\"", value);
    request->filename = filename.at;
    options->reports_count++;
    return parse_format(kind, &request->kind, err);
}

static bool
set_colour(struct options *options, const char *value, struct error *err)
{
    if (strcmp(value, "auto") == 0)
        options->colour = COLOUR_AUTO;
    else if (strcmp(value, "always") == 0)
        options->colour = COLOUR_ALWAYS;
    else if (strcmp(value, "never") == 0)
        options->colour = COLOUR_NEVER;
    else
        return error_set(
            err, ERROR_USAGE, "--color wants auto, always or never, not \"%s\"", value);
    return true;
}

#define FLAG(function, field)                                                           \
    static bool function(struct options *options, const char *value, struct error *err) \
    {                                                                                   \
        options->field = true;                                                          \
        return true;                                                                    \
    }
FLAG(set_real, is_real)
FLAG(set_twice, is_twice)
FLAG(set_both_worlds, is_in_both_worlds)
FLAG(set_dry, is_dry)
FLAG(set_quiet, is_quiet)
FLAG(set_verbose, is_verbose)
FLAG(set_resolved, is_resolved)
FLAG(set_text, is_text)
FLAG(set_plot, wants_plot)
FLAG(set_each, wants_each)
FLAG(set_ablations, wants_ablations)

static const struct option_row rows[] = {
    {"--seed",        "N",          "luck: the same number, the same run (default: the scenario's)",     set_seed       },
    {"--seeds",       "A..B",       "runs every scenario once per seed",                                 set_seeds      },
    {"--set",         "NAME=VALUE", "gives a parameter of the scenario a value",                         set_setting    },
    {"--only",        "ID",         "judges this expectation only",                                      set_only       },
    {"--controllers", "LIST",       "with arena: these only, such as tle,aimd",                          set_controllers},
    {"--show",        "SEED",       "with arena: prints the scenario of this seed, for mtalab run",      set_show       },
    {"--ablations",   NULL,         "with arena: tle, and tle with one of its parts taken away",
     set_ablations                                                                                                      },
    {"--each",        NULL,         "with arena: a line per provider and controller before the tables",  set_each       },
    {"--until",       "TIME",       "ends the run at this virtual time",                                 set_until      },
    {"-j",            "N",          "runs N files side by side, each in a process",                      set_jobs       },
    {"--shard",       "I/N",        "runs the I-th of N equal parts of the files",                       set_shard      },
    {"--real",        NULL,         "plays on real sockets of the loopback, in real time",               set_real       },
    {"--speed",       "N",          "with real sockets: N seconds of the scenario in one second",        set_speed      },
    {"--twice",       NULL,         "runs twice and compares the journals (exit 6 if they differ)",      set_twice      },
    {"--both-worlds", NULL,
     "plays in virtual time and on real sockets; exit 6 if the stories differ",                          set_both_worlds},
    {"--dry-run",     NULL,         "delivery analysis only: who will be sent to, who not and why",      set_dry        },
    {"--out",         "DIR",        "leaves journal, results, series and plots in DIR (many: DIR/NAME)", set_out        },
    {"--report",      "KIND=FILE",  "also writes a report: json, tap, junit, github or human",
     set_report                                                                                                         },
    {"--format",      "KIND",       "what stdout gets: human, json, tap, junit, github",                 set_format     },
    {"--plot",        NULL,         "draws the KPIs in the terminal after the summary",                  set_plot       },
    {"--text",        NULL,         "with plot: in the terminal instead of files",                       set_text       },
    {"--resolved",    NULL,         "with show: accepted, and what it does anyway",                      set_resolved   },
    {"--color",       "WHEN",       "auto, always or never",                                             set_colour     },
    {"-q",            NULL,         "no summary for what went well",                                     set_quiet      },
    {"-v",            NULL,         "the whole summary for every file",                                  set_verbose    },
};

static const struct option_row *
find_option(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_equals(name, slice_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

static bool
no_such(
    struct error *err, const char *what, struct slice word, const char *const *names, size_t count)
{
    const char *near = nearest_word(word, names, count);

    if (near == NULL)
        return error_set(
            err, ERROR_USAGE, "no %s \"%.*s\"; see mtalab help", what, SLICE_ARGS(word));
    return error_set(
        err, ERROR_USAGE, "no %s \"%.*s\"; did you mean \"%s\"?", what, SLICE_ARGS(word), near);
}

/* "--seed 7", "--seed=7", "-j 4", "-j4". *i moves over an argument of its own. */
static bool
take_option(struct options *options, int argc, char **argv, int *i, struct error *err)
{
    struct slice word = slice_of(argv[*i]), name = word, value = {0};
    const struct option_row *row;

    if (slice_starts_with(word, SLICE("--")))
        slice_cut(word, '=', &name, &value);
    else if (word.length > 2) {
        name = (struct slice){word.at, 2};
        value = slice_from(word, 2);
    }
    row = find_option(name);
    if (row == NULL) {
        const char *names[COUNT_OF(rows)];

        for (size_t k = 0; k < COUNT_OF(rows); k++)
            names[k] = rows[k].name;
        return no_such(err, "option", name, names, COUNT_OF(rows));
    }
    if (row->argument == NULL) {
        if (value.length > 0)
            return error_set(err, ERROR_USAGE, "%s takes no value", row->name);
        return row->set(options, NULL, err);
    }
    if (value.at == NULL || value.length == 0) {
        if (*i + 1 >= argc)
            return error_set(err, ERROR_USAGE, "%s wants %s", row->name, row->argument);
        return row->set(options, argv[++*i], err);
    }
    return row->set(options, value.at, err);
}

static bool
find_command(struct options *options, const char *word, struct error *err)
{
    const char *names[COUNT_OF(commands)];

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        names[i] = commands[i].name;
        if (strcmp(word, commands[i].name) == 0) {
            options->command = commands[i].command;
            return true;
        }
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        options->command = COMMAND_HELP;
        return true;
    }
    if (strcmp(word, "--version") == 0) {
        options->command = COMMAND_VERSION;
        return true;
    }
    return no_such(err, "command", slice_of(word), names, COUNT_OF(commands));
}

static bool
check_words(const struct options *options, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        const struct command_row *row = &commands[i];

        if (row->command != options->command)
            continue;
        if (options->words_count < row->words_min || options->words_count > row->words_max)
            return error_set(err, ERROR_USAGE, "usage: mtalab %s %s", row->name, row->words);
    }
    return true;
}

bool
options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    bool is_literal = false;
    size_t words = 0;

    *options = (struct options){.jobs = 1, .shard = 1, .shards_count = 1};
    if (argc < 2)
        return error_set(err, ERROR_USAGE, "what shall I do? See mtalab help");
    if (!find_command(options, argv[1], err))
        return false;
    for (int i = 2; i < argc; i++) {
        if (!is_literal && strcmp(argv[i], "--") == 0)
            is_literal = true;
        else if (!is_literal && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!take_option(options, argc, argv, &i, err))
                return false;
        } else
            argv[1 + words++] = argv[i];
    }
    options->words = &argv[1];
    options->words_count = words;
    if (options->is_in_both_worlds && options->is_real)
        return error_set(err, ERROR_USAGE, "--both-worlds has the real one in it: without --real");
    if (options->is_twice && options->is_real)
        return error_set(
            err, ERROR_USAGE, "--twice compares runs in virtual time: not with --real");
    return check_words(options, err);
}

int64_t
options_until_us(const struct options *options, int64_t scenario_until_us)
{
    return options->until_us > 0 && options->until_us < scenario_until_us ? options->until_us
                                                                          : scenario_until_us;
}

void
options_apply(const struct options *options, struct scenario *scenario)
{
    scenario->is_real = scenario->is_real || options->is_real;
    if (options->speed > 0)
        scenario->speed = options->speed;
}

void
options_help(struct text *out)
{
    text_add_string(out, "mtalab - a wind tunnel for e-mail delivery\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        text_printf(
            out, "  mtalab %-8s%-16s %s\n", commands[i].name, commands[i].words, commands[i].help);
    text_add_string(out, "\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        text_printf(out, "  %-15s%-12s %s\n", rows[i].name,
            rows[i].argument != NULL ? rows[i].argument : "", rows[i].help);
    text_add_string(out,
        "\nexit  0 all held   1 an expectation failed   2 usage   3 scenario invalid\n"
        "      4 harness failed   5 wall-clock limit   6 two runs or worlds disagree   77 all "
        "skipped\n");
}
