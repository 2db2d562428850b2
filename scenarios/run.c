/* run.c - one scenario file, one seed. */
#include "scenarios/run.h"

#include <time.h>

#include "base/mem.h"
#include "scenarios/bench.h"
#include "scenarios/dry_run.h"
#include "scenarios/files.h"
#include "scenarios/needs.h"
#include "scenarios/outcome_files.h"
#include "scenarios/progress.h"
#include "scenarios/run_inside.h"
#include "scenarios/twins.h"
#include "scenarios/world.h"
#include "scenarios/worlds.h"

volatile sig_atomic_t run_is_interrupted;

enum { SUGGESTIONS_MAX = 256 };

struct playing { /* what stands between two instants of a run */
    struct progress progress;
    int64_t wall_limit_us;
    int64_t wall_start_us;
    bool is_too_slow;
};

static int64_t
wall_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

void
run_release(struct run *run)
{
    result_release(&run->result);
    text_release(&run->diagnostics);
    text_release(&run->analysis);
    *run = (struct run){0};
}

enum exit_code
exit_code_worse(enum exit_code a, enum exit_code b)
{
    static const enum exit_code order[] = {EXIT_INTERRUPTED, EXIT_BROKEN, EXIT_DISAGREE,
        EXIT_INVALID, EXIT_USAGE, EXIT_TOO_SLOW, EXIT_FAILED, EXIT_HELD, EXIT_SKIPPED};

    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return a;
}

static void
fail(struct run *run, enum exit_code exit_code, const char *trouble)
{
    struct result *result = &run->result;

    run->exit_code = exit_code;
    result->exit_code = exit_code;
    if (trouble != NULL && result->trouble.length == 0)
        result->trouble =
            (struct slice){arena_copy(&result->arena, trouble, strlen(trouble)), strlen(trouble)};
}

static void
fail_with_error(struct run *run, const struct error *err)
{
    static const enum exit_code codes[] = {[ERROR_NONE] = EXIT_BROKEN,
        [ERROR_USAGE] = EXIT_USAGE,
        [ERROR_NOT_FOUND] = EXIT_USAGE,
        [ERROR_CONFIG] = EXIT_INVALID,
        [ERROR_WORLD] = EXIT_BROKEN};

    fail(run, codes[err->kind], err->text);
    text_printf(&run->diagnostics, "mtalab: %s\n", err->text);
}

/* The first of them stands for all: reports have one line for what kept a run from running, and all
 * of them go to stderr. */
static void
fail_with_diagnostics(struct run *run, const struct diagnostics *diagnostics)
{
    struct text trouble = {0};

    for (size_t i = 0; i < diagnostics->count && trouble.length == 0; i++) {
        const struct diagnostic *first = &diagnostics->list[i];

        if (first->severity != DIAG_ERROR)
            continue;
        text_add_string(&trouble, first->mark.filename);
        if (first->mark.line > 0)
            text_printf(&trouble, ":%d:%d", first->mark.line, first->mark.column);
        text_printf(&trouble, ": %s", first->text);
    }
    if (diagnostics->errors_count > 1)
        text_printf(&trouble, " (and %zu more error%s)", diagnostics->errors_count - 1,
            diagnostics->errors_count == 2 ? "" : "s");
    fail(run, EXIT_INVALID, text_string(&trouble));
    text_release(&trouble);
}

static bool
on_progress(void *arg, int64_t now_us)
{
    struct playing *playing = arg;
    int64_t wall_us = wall_clock_us();

    progress_show(&playing->progress, now_us, wall_us);
    if (playing->wall_limit_us > 0 && wall_us - playing->wall_start_us > playing->wall_limit_us)
        playing->is_too_slow = true;
    return !playing->is_too_slow && !run_is_interrupted;
}

/* So that a shell reads it as one word. */
static void
add_word(struct text *out, struct slice word)
{
    bool is_plain = word.length > 0 && word.at[0] != '-';

    for (size_t i = 0; i < word.length; i++)
        is_plain = is_plain &&
            (char_is_letter(word.at[i]) || char_is_digit(word.at[i]) ||
                (word.at[i] != '\0' && strchr("_-./=:,@%+", word.at[i]) != NULL));
    if (is_plain) {
        text_add_slice(out, word);
        return;
    }
    text_add_char(out, '\'');
    for (size_t i = 0; i < word.length; i++) {
        if (word.at[i] == '\'')
            text_add_string(out, "'\\'");
        text_add_char(out, word.at[i]);
    }
    text_add_char(out, '\'');
}

static void
add_setting(struct text *out, const struct setting *setting)
{
    struct text word = {0};

    text_printf(&word, "%.*s=%.*s", SLICE_ARGS(setting->name), SLICE_ARGS(setting->value));
    text_add_string(out, " --set ");
    add_word(out, text_slice(&word));
    text_release(&word);
}

/* `mtalab run FILE --seed N …`: the line that shows the same again. */
static void
write_replay(const struct options *options, const char *filename, uint64_t seed, struct text *out)
{
    text_add_string(out, "mtalab run ");
    add_word(out, slice_of(filename));
    text_printf(out, " --seed %llu", (unsigned long long)seed);
    for (size_t i = 0; i < options->settings_count; i++)
        add_setting(out, &options->settings[i]);
    if (options->until_us > 0) {
        text_add_string(out, " --until ");
        unit_format_duration(out, options->until_us);
    }
    if (options->is_real)
        text_add_string(out, " --real");
    if (options->speed > 0)
        text_printf(out, " --speed %u", (unsigned)options->speed);
    if (options->is_twice)
        text_add_string(out, " --twice");
    if (options->is_in_both_worlds)
        text_add_string(out, " --both-worlds");
}

static struct slice
copy(struct result *result, struct slice s)
{
    return (struct slice){arena_copy(&result->arena, s.at, s.length), s.length};
}

static void
name_result(const struct options *options, const struct scenario *scenario, uint64_t seed,
    struct result *result)
{
    struct text replay = {0};

    result->name = copy(result, scenario->name);
    result->title = copy(result, scenario->title);
    result->filename = copy(result, slice_of(scenario->filename));
    if (scenario->sut.kind != SUT_NONE)
        result->sut = slice_of(sut_kind(scenario->sut.kind)->name);
    result->seed = seed;
    result->start_wall_us = scenario->start_wall_us;
    write_replay(options, scenario->filename, seed, &replay);
    result->replay = copy(result, text_slice(&replay));
    text_release(&replay);
}

/* --only: the others are not judged at all. */
static bool
keep_only(struct scenario *scenario, const char *only, struct error *err)
{
    const char *names[SUGGESTIONS_MAX];
    size_t count = 0;
    const char *near;

    for (size_t i = 0; i < scenario->expectations_count; i++) {
        if (slice_equals(scenario->expectations[i].id, slice_of(only))) {
            scenario->expectations += i;
            scenario->expectations_count = 1;
            return true;
        }
        if (count < COUNT_OF(names))
            names[count++] = scenario->expectations[i].id.at;
    }
    near = nearest_word(slice_of(only), names, count);
    return error_set(err, ERROR_USAGE, "%s has no expectation \"%s\"%s%s%s", scenario->filename,
        only, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
        near != NULL ? "\"?" : "");
}

/* What the world came to, before anybody looks at its verdicts. */
static void
conclude(const struct playing *playing, struct run *run)
{
    if (run_is_interrupted)
        fail(run, EXIT_INTERRUPTED, "interrupted");
    else if (playing->is_too_slow)
        fail(run, EXIT_TOO_SLOW, "the wall-clock limit (run.wall_limit) is over");
    else if (!result_is_good(&run->result))
        fail(run, EXIT_FAILED, NULL);
}

static bool
play_twins(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct run *run, struct error *err)
{
    struct playing *playing = options->progress_arg;

    playing->progress.is_off = true; /* it would begin again, twice */
    switch (twins_compare(scenario, plan, options, err)) {
    case TWINS_AGREE:
        return true;
    case TWINS_STOPPED:
        conclude(playing, run);
        return true;
    case TWINS_DIFFER:
        fail_with_error(run, err);
        fail(run, EXIT_DISAGREE, NULL);
        return true;
    case TWINS_BROKEN:
        return false;
    }
    return false;
}

static bool
play_both_worlds(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct run *run, struct error *err)
{
    switch (worlds_compare(scenario, plan, options, err)) {
    case WORLDS_AGREE:
        return true;
    case WORLDS_STOPPED:
        conclude(options->progress_arg, run);
        return true;
    case WORLDS_DIFFER:
        fail_with_error(run, err);
        fail(run, EXIT_DISAGREE, NULL);
        return true;
    case WORLDS_BROKEN:
        return false;
    }
    return false;
}

struct foreign { /* the MTA of other people, if one runs */
    struct sut_setup setup;
    struct sut *sut;
};

/* The world's time goes on from what its clock shows. */
static bool
start_foreign(const struct scenario *scenario, struct foreign *foreign,
    struct world_options *options, struct error *err)
{
    foreign->setup = bench_sut_setup(scenario);
    if (bench_add_addresses(scenario, err))
        foreign->sut = sut_start(&foreign->setup, &options->start_wall_us, err);
    options->sut = foreign->sut;
    return foreign->sut != NULL;
}

/* Also, and then above all, of one that did not start. */
static bool
keep_foreign_log(const char *directory, enum sut_kind_number kind, struct error *err)
{
    struct text log = {0};
    bool is_kept = true;

    if (directory == NULL)
        return true;
    sut_log(kind, &log);
    is_kept = write_file(directory, "sut.log", text_slice(&log), err);
    text_release(&log);
    return is_kept;
}

/* What it gave up for may be why an expectation failed. */
static void
finish_foreign(const struct run_request *request, enum sut_kind_number kind, struct run *run)
{
    struct text words = {0};
    struct error err = {0};

    if (run->exit_code == EXIT_FAILED && sut_complains(kind, &words))
        text_printf(
            &run->diagnostics, "mtalab: %s says: %s\n", sut_kind(kind)->name, text_string(&words));
    if (!keep_foreign_log(request->directory, kind, &err))
        fail_with_error(run, &err);
    text_release(&words);
}

static void
play(const struct run_request *request, const struct scenario *scenario,
    const struct expect_plan *plan, struct run *run)
{
    const struct options *options = request->options;
    struct playing playing = {
        .wall_limit_us = scenario->wall_limit_us, .wall_start_us = wall_clock_us()};
    struct world_options world_options = {.seed = run->result.seed,
        .until_us = options_until_us(options, scenario->until_us),
        .is_real = scenario->is_real,
        .speed = scenario->speed,
        .on_progress = on_progress,
        .progress_arg = &playing};
    struct outcome_files files = {0};
    struct error err = {0};
    bool was_stopped = false, is_fine, has_result;
    struct world *world = NULL;
    struct foreign foreign = {0};

    progress_init(
        &playing.progress, options, scenario->name, world_options.until_us, playing.wall_start_us);
    is_fine = outcome_files_open(&files, request->directory, scenario, &err);
    world_options.journal_file = files.journal;
    if (is_fine && scenario->sut.kind != SUT_NONE) {
        is_fine = start_foreign(scenario, &foreign, &world_options, &err);
        run->result.start_wall_us = world_options.start_wall_us;
    }
    if (is_fine)
        world = world_new(scenario, plan, &world_options, &err);
    if (world != NULL)
        outcome_files_follow(&files, world_journal(world));
    is_fine = world != NULL && world_run(world, &was_stopped, &err);
    progress_clear(&playing.progress);
    has_result = is_fine;
    if (has_result)
        world_result(world, &run->result);
    run->result.wall_us = wall_clock_us() - playing.wall_start_us;
    if (is_fine)
        conclude(&playing, run);
    if (is_fine && options->is_twice && !was_stopped)
        is_fine = play_twins(scenario, plan, &world_options, run, &err);
    if (is_fine && options->is_in_both_worlds && !was_stopped)
        is_fine = play_both_worlds(scenario, plan, &world_options, run, &err);
    if (!is_fine)
        fail_with_error(run, &err);
    if (has_result && !outcome_files_write(&files, scenario, &run->result, &run->diagnostics, &err))
        fail_with_error(run, &err);
    if (scenario->sut.kind != SUT_NONE)
        finish_foreign(request, scenario->sut.kind, run);
    outcome_files_close(&files);
    world_free(&world);
    sut_free(&foreign.sut);
}

/* False: something is missing, and the run is skipped. */
static bool
has_what_it_requires(const struct scenario *scenario, struct run *run)
{
    struct text trouble = {0}, why = {0};
    bool is_complete = true;

    for (size_t i = 0; is_complete && i < scenario->requires_count; i++) {
        struct requirement requirement;
        struct error err = {0};

        is_complete = requirement_parse(scenario->requires[i], &requirement, &err) &&
            need_is_met(&requirement, &why);
        if (is_complete)
            continue;
        text_printf(
            &trouble, "requires %.*s, %s", SLICE_ARGS(scenario->requires[i]), text_string(&why));
        fail(run, EXIT_SKIPPED, text_string(&trouble));
    }
    text_release(&trouble);
    text_release(&why);
    return is_complete;
}

static void
judge_scenario(const struct run_request *request, struct scenario *scenario,
    struct diagnostics *diagnostics, struct run *run)
{
    const struct options *options = request->options;
    struct expect_plan *plan;
    struct error err = {0};

    if (options->only != NULL && !keep_only(scenario, options->only, &err)) {
        fail_with_error(run, &err);
        return;
    }
    if (!sut_can_keep_pace(&scenario->sut, scenario->speed, &err)) {
        fail_with_error(run, &err);
        return;
    }
    if (options->is_in_both_worlds && scenario->sut.kind != SUT_NONE) {
        error_set(&err, ERROR_USAGE, "--both-worlds: a foreign MTA lives in one of them only, %s",
            scenario->filename);
        fail_with_error(run, &err);
        return;
    }
    if (options->is_twice && scenario->is_real) {
        error_set(&err, ERROR_USAGE,
            "--twice compares runs in virtual time, and %s is played in real", scenario->filename);
        fail_with_error(run, &err);
        return;
    }
    plan = expect_compile(scenario, diagnostics);
    if (plan == NULL)
        fail_with_diagnostics(run, diagnostics);
    else if (options->is_dry && !dry_run(scenario, &run->analysis, &err))
        fail_with_error(run, &err);
    else if (options->command != COMMAND_CHECK && !options->is_dry && !scenario->is_profile &&
        (request->is_in_namespace || has_what_it_requires(scenario, run))) {
        if (scenario->sut.kind != SUT_NONE && !request->is_in_namespace)
            run_inside(request, run);
        else
            play(request, scenario, plan, run);
    }
    expect_plan_free(&plan);
}

void
run_refuse(const struct run_request *request, const struct error *err, struct run *run)
{
    *run = (struct run){0};
    run->result.filename = copy(&run->result, slice_of(request->filename));
    run->result.name = run->result.filename;
    fail_with_error(run, err);
}

void
run_scenario(const struct run_request *request, struct run *run)
{
    const struct options *options = request->options;
    struct diagnostics diagnostics = {0};
    struct error err = {0};
    struct scenario *scenario;

    *run = (struct run){0};
    run->result.filename = copy(&run->result, slice_of(request->filename));
    run->result.name = run->result.filename;
    scenario = scenario_load(
        request->filename, options->settings, options->settings_count, &diagnostics, &err);
    if (scenario != NULL) {
        options_apply(options, scenario);
        run->is_profile = scenario->is_profile;
        name_result(options, scenario, request->seed != NULL ? *request->seed : scenario->seed,
            &run->result);
        judge_scenario(request, scenario, &diagnostics, run);
    } else if (diagnostics.errors_count > 0) {
        fail_with_diagnostics(run, &diagnostics);
    } else {
        fail_with_error(run, &err);
    }
    diagnostics_render(&diagnostics, &run->diagnostics, request->in_colour);
    scenario_free(&scenario);
    diagnostics_release(&diagnostics);
}
