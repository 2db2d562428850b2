/* main.c - `mtalab`: reads the command line and starts what it asks for. */
#include <signal.h>
#include <stdio.h>

#include "reports/plot.h"
#include "scenarios/arena.h"
#include "scenarios/batch.h"
#include "scenarios/drawing.h"
#include "scenarios/files.h"
#include "scenarios/why.h"

#define MTALAB_VERSION "0.1"

static void
on_signal(int number)
{
    run_is_interrupted = number;
}

static enum exit_code
complain(const struct error *err)
{
    fprintf(stderr, "mtalab: %s\n", err->text);
    switch (err->kind) {
    case ERROR_NONE:
    case ERROR_WORLD:
        return EXIT_BROKEN;
    case ERROR_USAGE:
    case ERROR_NOT_FOUND:
        return EXIT_USAGE;
    case ERROR_CONFIG:
        return EXIT_INVALID;
    }
    return EXIT_BROKEN;
}

static enum exit_code
print(struct text *out)
{
    fwrite(text_string(out), 1, out->length, stdout);
    text_release(out);
    return fflush(stdout) == 0 ? EXIT_HELD : EXIT_BROKEN;
}

/* NULL: what is wrong with it has been said. */
static struct scenario *
load(const struct options *options, const char *filename, enum exit_code *code)
{
    struct diagnostics diagnostics = {0};
    struct error err = {0};
    struct text rendered = {0};
    struct scenario *scenario =
        scenario_load(filename, options->settings, options->settings_count, &diagnostics, &err);

    diagnostics_render(&diagnostics, &rendered, false);
    fwrite(text_string(&rendered), 1, rendered.length, stderr);
    *code = EXIT_INVALID;
    if (scenario == NULL && diagnostics.errors_count == 0)
        *code = complain(&err);
    text_release(&rendered);
    diagnostics_release(&diagnostics);
    return scenario;
}

static enum exit_code
list(const struct options *options)
{
    struct files files = {0};
    struct error err = {0};
    struct text out = {0};
    enum exit_code code = EXIT_HELD, one;

    if (options->words_count == 0 && !files_add(&files, "scenarios", &err))
        return complain(&err);
    for (size_t i = 0; i < options->words_count; i++)
        if (!files_add(&files, options->words[i], &err))
            return complain(&err);
    for (size_t i = 0; i < files.count; i++) {
        struct scenario *scenario = load(options, files.names[i], &one);

        if (scenario == NULL)
            code = exit_code_worse(code, one);
        else if (!scenario->is_profile)
            text_printf(&out, "%-28.*s %.*s\n%28s %s\n", SLICE_ARGS(scenario->name),
                SLICE_ARGS(scenario->title), "", files.names[i]);
        scenario_free(&scenario);
    }
    files_release(&files);
    return exit_code_worse(code, print(&out));
}

static enum exit_code
show(const struct options *options)
{
    struct diagnostics diagnostics = {0};
    struct error err = {0};
    struct text out = {0}, rendered = {0};
    bool is_fine = scenario_show(
        options->words[0], options->settings, options->settings_count, &out, &diagnostics, &err);

    diagnostics_render(&diagnostics, &rendered, false);
    fwrite(text_string(&rendered), 1, rendered.length, stderr);
    text_release(&rendered);
    if (!is_fine) {
        enum exit_code code = diagnostics.errors_count > 0 ? EXIT_INVALID : complain(&err);

        text_release(&out);
        diagnostics_release(&diagnostics);
        return code;
    }
    diagnostics_release(&diagnostics);
    return print(&out);
}

static bool
is_not_interrupted(void)
{
    return run_is_interrupted == 0;
}

static enum exit_code
why(const struct options *options)
{
    enum exit_code code;
    struct scenario *scenario = load(options, options->words[1], &code);
    struct error err = {0};
    struct why_question question;
    struct text out = {0};
    bool is_fine;

    if (scenario == NULL)
        return code;
    question = (struct why_question){.recipient = slice_of(options->words[0]),
        .seed = options->has_seed ? options->seed_first : scenario->seed,
        .until_us = options_until_us(options, scenario->until_us),
        .goes_on = is_not_interrupted};
    is_fine = why_tell(scenario, &question, &out, &err);
    scenario_free(&scenario);
    if (is_fine)
        return print(&out);
    text_release(&out);
    return complain(&err);
}

static bool
can_be_drawn(struct slice id, struct error *err)
{
    struct text ids = {0};

    if (plot_support(id) == PLOT_SUPPORTED)
        return true;
    plot_ids(&ids, PLOT_SUPPORTED);
    error_set(err, ERROR_USAGE, "%s \"%.*s\"; there are %s",
        plot_support(id) == PLOT_PLANNED ? "this version does not draw the plot" : "no plot",
        SLICE_ARGS(id), text_string(&ids));
    text_release(&ids);
    return false;
}

static bool
draw(const struct options *options, const struct result *result, struct slice id, struct text *out,
    struct error *err)
{
    const char *directory = options->out != NULL ? options->out : ".";
    struct text note = {0};
    bool is_fine;

    if (options->is_text)
        return draw_in_terminal(result, id, false, out, err);
    is_fine = draw_files(result, id, directory, &note, err);
    if (is_fine && note.length == 0)
        text_printf(out, "%s/%.*s.svg\n%s/%.*s.png\n", directory, SLICE_ARGS(id), directory,
            SLICE_ARGS(id));
    fwrite(text_string(&note), 1, note.length, stderr);
    text_release(&note);
    return is_fine;
}

/* Plots whatever the verdict; a plot of a failed run is what one wants to see. */
static enum exit_code
plot(const struct options *options)
{
    struct error err = {0};
    struct text out = {0};
    const struct run_request request = {.options = options,
        .filename = options->words[0],
        .seed = options->has_seed ? &options->seed_first : NULL};
    struct run run;
    enum exit_code code;

    for (size_t i = 1; i < options->words_count; i++)
        if (!can_be_drawn(slice_of(options->words[i]), &err))
            return complain(&err);
    run_scenario(&request, &run);
    fwrite(text_string(&run.diagnostics), 1, run.diagnostics.length, stderr);
    code = run.exit_code == EXIT_FAILED ? EXIT_HELD : run.exit_code;
    if (code == EXIT_HELD && options->words_count == 1 &&
        !draw(options, &run.result, SLICE("kpi"), &out, &err))
        code = complain(&err);
    for (size_t i = 1; code == EXIT_HELD && i < options->words_count; i++)
        if (!draw(options, &run.result, slice_of(options->words[i]), &out, &err))
            code = complain(&err);
    run_release(&run);
    return exit_code_worse(code, print(&out));
}

static enum exit_code
explain(const struct options *options)
{
    struct text out = {0};
    struct error err = {0};

    if (scenario_explain(slice_of(options->words[0]), &out))
        return print(&out);
    text_release(&out);
    error_set(&err, ERROR_USAGE, "no key \"%s\" in the scenario language", options->words[0]);
    return complain(&err);
}

static enum exit_code
dispatch(const struct options *options)
{
    struct text out = {0};

    switch (options->command) {
    case COMMAND_RUN:
    case COMMAND_CHECK:
        return batch_run(options);
    case COMMAND_LIST:
        return list(options);
    case COMMAND_SHOW:
        return show(options);
    case COMMAND_WHY:
        return why(options);
    case COMMAND_PLOT:
        return plot(options);
    case COMMAND_ARENA:
        return arena_run(options);
    case COMMAND_EXPLAIN:
        return explain(options);
    case COMMAND_SCHEMA:
        scenario_schema(&out);
        return print(&out);
    case COMMAND_HELP:
        options_help(&out);
        return print(&out);
    case COMMAND_VERSION:
        text_add_string(&out, "mtalab " MTALAB_VERSION "\n");
        return print(&out);
    }
    return EXIT_BROKEN;
}

int
main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct options options;
    struct error err = {0};
    enum exit_code code;

    if (!options_parse(&options, argc, argv, &err))
        return complain(&err);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    code = dispatch(&options);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* a report that nobody got is no report */
        fprintf(stderr, "mtalab: stdout did not take everything\n");
        code = exit_code_worse(code, EXIT_BROKEN);
    }
    return run_is_interrupted != 0 ? 128 + run_is_interrupted : (int)code;
}
