/* run.c - one scenario file, one seed. */
#include "scenarios/run.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "scenarios/dry_run.h"
#include "scenarios/files.h"
#include "scenarios/outcome_files.h"
#include "scenarios/progress.h"
#include "scenarios/twins.h"
#include "scenarios/world.h"

volatile sig_atomic_t run_is_interrupted;

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

/* `mtalab run FILE --seed N …`: the line that shows the same again. */
static void
write_replay(const struct options *options, const char *filename, uint64_t seed, struct text *out)
{
    text_printf(out, "mtalab run %s --seed %llu", filename, (unsigned long long)seed);
    for (size_t i = 0; i < options->settings_count; i++)
        text_printf(out, " --set '%.*s=%.*s'", SLICE_ARGS(options->settings[i].name),
            SLICE_ARGS(options->settings[i].value));
    if (options->until_us > 0) {
        text_add_string(out, " --until ");
        unit_format_duration(out, options->until_us);
    }
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
    const char *names[256];
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

static void
play(const struct options *options, const struct scenario *scenario, const struct expect_plan *plan,
    uint64_t seed, const char *directory, struct run *run)
{
    struct playing playing = {
        .wall_limit_us = scenario->wall_limit_us, .wall_start_us = wall_clock_us()};
    struct world_options world_options = {.seed = seed,
        .until_us = options->until_us > 0 && options->until_us < scenario->until_us
            ? options->until_us
            : scenario->until_us,
        .on_progress = on_progress,
        .progress_arg = &playing};
    struct outcome_files files = {0};
    struct error err = {0};
    bool was_stopped = false, is_fine;
    struct world *world = NULL;

    progress_init(&playing.progress, options, scenario->name, world_options.until_us);
    is_fine = outcome_files_open(&files, directory, &err);
    world_options.journal_file = files.journal;
    if (is_fine)
        world = world_new(scenario, plan, &world_options, &err);
    is_fine = world != NULL && world_run(world, &was_stopped, &err);
    progress_clear(&playing.progress);
    if (world != NULL)
        world_result(world, &run->result);
    run->result.wall_us = wall_clock_us() - playing.wall_start_us;
    if (is_fine)
        is_fine = outcome_files_write(&files, scenario, &run->result, &err);
    outcome_files_close(&files);
    world_free(&world);
    if (!is_fine)
        fail_with_error(run, &err);
    else if (run_is_interrupted)
        fail(run, EXIT_INTERRUPTED, "interrupted");
    else if (playing.is_too_slow)
        fail(run, EXIT_TOO_SLOW, "the wall-clock limit (run.wall_limit) is over");
    else if (!result_is_good(&run->result))
        fail(run, EXIT_FAILED, NULL);
    if (is_fine && options->is_twice && !was_stopped &&
        !twins_agree(scenario, plan, &world_options, &err)) {
        fail_with_error(run, &err);
        fail(run, EXIT_DISAGREE, NULL);
    }
}

static void
judge_scenario(const struct options *options, struct scenario *scenario,
    struct diagnostics *diagnostics, uint64_t seed, const char *directory, struct run *run)
{
    struct expect_plan *plan;
    struct error err = {0};

    if (options->only != NULL && !keep_only(scenario, options->only, &err)) {
        fail_with_error(run, &err);
        return;
    }
    plan = expect_compile(scenario, diagnostics);
    if (plan == NULL)
        fail(run, EXIT_INVALID, "the scenario is not valid");
    else if (options->command == COMMAND_CHECK)
        run->exit_code = EXIT_HELD;
    else if (options->is_dry) {
        if (!dry_run(scenario, &run->analysis, &err))
            fail_with_error(run, &err);
    }
    else if (!scenario->is_profile)
        play(options, scenario, plan, seed, directory, run);
    expect_plan_free(&plan);
}

void
run_scenario(const struct options *options, const char *filename, const uint64_t *seed,
    const char *directory, bool in_colour, struct run *run)
{
    struct diagnostics diagnostics = {0};
    struct error err = {0};
    struct scenario *scenario;

    *run = (struct run){0};
    run->result.filename = copy(&run->result, slice_of(filename));
    run->result.name = run->result.filename;
    scenario =
        scenario_load(filename, options->settings, options->settings_count, &diagnostics, &err);
    if (scenario != NULL) {
        uint64_t luck = seed != NULL ? *seed : scenario->seed;

        run->is_profile = scenario->is_profile;
        name_result(options, scenario, luck, &run->result);
        judge_scenario(options, scenario, &diagnostics, luck, directory, run);
    } else if (diagnostics.errors_count > 0)
        fail(run, EXIT_INVALID, "the scenario is not valid");
    else
        fail_with_error(run, &err);
    diagnostics_render(&diagnostics, &run->diagnostics, in_colour);
    scenario_free(&scenario);
    diagnostics_release(&diagnostics);
}
