/* arena.c - every controller against every provider, and one table.
 *
 * A task is one controller against one provider. Process k of n takes the tasks k, k + n, … and hands
 * the outcomes back through a pipe; they are put in order afterwards. */
#include "scenarios/arena.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "scenarios/arena_isp.h"
#include "scenarios/arena_table.h"
#include "scenarios/expect.h"
#include "scenarios/files.h"
#include "scenarios/loader.h"
#include "scenarios/world.h"

enum {
    CONTROLLERS_MAX = 16,
    EVENTS_MAX = 40000000, /* a run that brings more is cut, and the table says so */
    JOBS_MAX = 64,
    MILLION = 1000000,
};

struct arena_plan {
    const struct options *options;
    const char *controllers[CONTROLLERS_MAX];
    size_t controllers_count;
    struct files files;
    size_t seeds_count;
};

static size_t
providers_count(const struct arena_plan *plan)
{
    return plan->files.count + plan->seeds_count;
}

static size_t
tasks_count(const struct arena_plan *plan)
{
    return plan->controllers_count * providers_count(plan);
}

/* --- one task -------------------------------------------------------------------------------- */

static bool
has_more_time(void *arg, int64_t now_us)
{
    struct world *const *world = arg;

    return !run_is_interrupted &&
        (*world == NULL || journal_entries_count(world_journal(*world)) < EVENTS_MAX);
}

static void
take_scores(const struct result *result, struct arena_outcome *outcome)
{
    outcome->wrongly_failed = result->wrongly_failed;
    for (size_t i = 0; i < result->scores_count; i++) {
        const struct result_score *score = &result->scores[i];

        outcome->accepted += score->accepted;
        outcome->rejected += score->rejected;
        outcome->sends += score->accepted + score->refused + score->rejected;
        outcome->possible_millionths += score->possible_millionths;
        outcome->penalties += score->penalties;
        outcome->escalations += score->escalations;
        if (score->utilisation_ppm < 0)
            continue;
        outcome->has_score = true; /* of several the worst counts */
        if (score->regret_ppm >= outcome->regret_ppm) {
            outcome->regret_ppm = score->regret_ppm;
            outcome->utilisation_ppm = score->utilisation_ppm;
            outcome->lost_ppm = score->lost_ppm;
            outcome->rejected_ppm = score->rejected_ppm;
        }
    }
}

static void
play(const struct arena_plan *plan, const struct scenario *scenario,
    struct diagnostics *diagnostics, struct arena_outcome *outcome)
{
    struct expect_plan *expectations = expect_compile(scenario, diagnostics);
    struct world *world = NULL;
    const struct world_options options = {.seed = scenario->seed,
        .until_us = options_until_us(plan->options, scenario->until_us),
        .on_progress = has_more_time,
        .progress_arg = &world,
        .speed = 1};
    struct result result = {0};
    struct error err = {0};

    if (expectations != NULL)
        world = world_new(scenario, expectations, &options, &err);
    if (world != NULL && world_run(world, &outcome->is_cut, &err)) {
        world_result(world, &result);
        take_scores(&result, outcome);
        outcome->is_fast = outcome->possible_millionths / MILLION >= options.until_us / US_PER_S;
        outcome->has_run = true;
    }
    result_release(&result);
    world_free(&world);
    expect_plan_free(&expectations);
}

/* The MX rule as the language reads it, from the smallest scenario that has one. */
static struct scenario *
load_rule(const char *controller, struct diagnostics *diagnostics)
{
    struct text text = {0};
    struct scenario *scenario;

    text_printf(&text,
        "mtalab: 1\nname: rule\nrun: {until: 1s}\n"
        "isps: {isp: {serves: [isp.test]}}\n"
        "mta: {mx: [{%s}]}\n"
        "deliveries: {mail: {at: 0s, to: [{pattern: a@isp.test}]}}\n"
        "expect: [{id: x, at: end, check: kpi.sent >= 0}]\n",
        arena_rule(slice_of(controller)));
    scenario = scenario_load_text("arena", text_slice(&text), diagnostics);
    text_release(&text);
    return scenario;
}

static void
play_file(const struct arena_plan *plan, const char *filename, const char *controller,
    struct diagnostics *diagnostics, struct arena_outcome *outcome)
{
    struct error err = {0};
    struct scenario *donor = load_rule(controller, diagnostics);
    struct scenario *scenario = scenario_load(
        filename, plan->options->settings, plan->options->settings_count, diagnostics, &err);

    if (scenario != NULL && donor != NULL) {
        scenario->mta.mx_rules = donor->mta.mx_rules;
        scenario->mta.mx_rules_count = donor->mta.mx_rules_count;
        play(plan, scenario, diagnostics, outcome);
    }
    if (err.kind != ERROR_NONE)
        fprintf(stderr, "mtalab: %s\n", err.text);
    scenario_free(&scenario);
    scenario_free(&donor);
}

static void
play_seed(const struct arena_plan *plan, uint64_t seed, const char *controller,
    struct diagnostics *diagnostics, struct arena_outcome *outcome)
{
    struct text text = {0};
    struct scenario *scenario;

    arena_compose(seed, arena_rule(slice_of(controller)), &text);
    scenario = scenario_load_text("arena", text_slice(&text), diagnostics);
    if (scenario != NULL)
        play(plan, scenario, diagnostics, outcome);
    scenario_free(&scenario);
    text_release(&text);
}

static struct arena_outcome
do_task(const struct arena_plan *plan, size_t task)
{
    const char *controller = plan->controllers[task / providers_count(plan)];
    size_t provider = task % providers_count(plan);
    struct arena_outcome outcome = {.task = (uint32_t)task};
    struct diagnostics diagnostics = {0};
    struct text said = {0};

    if (provider < plan->files.count)
        play_file(plan, plan->files.names[provider], controller, &diagnostics, &outcome);
    else
        play_seed(plan, plan->options->seed_first + provider - plan->files.count, controller,
            &diagnostics, &outcome);
    diagnostics_render(&diagnostics, &said, false);
    fwrite(said.bytes, 1, said.length, stderr);
    text_release(&said);
    diagnostics_release(&diagnostics);
    return outcome;
}

/* --- many tasks ------------------------------------------------------------------------------ */

static NORETURN void
be_worker(const struct arena_plan *plan, size_t first, size_t step, int pipe)
{
    for (size_t i = first; i < tasks_count(plan) && !run_is_interrupted; i += step) {
        struct arena_outcome outcome = do_task(plan, i);

        if (write(pipe, &outcome, sizeof outcome) != (ssize_t)sizeof outcome)
            _exit(EXIT_BROKEN); /* less than PIPE_BUF, so all or nothing */
    }
    _exit(EXIT_HELD);
}

struct worker {
    pid_t pid;
    int pipe;
};

static bool
start_worker(const struct arena_plan *plan, size_t first, size_t step, struct worker *worker)
{
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    fflush(stdout);
    worker->pid = fork();
    if (worker->pid == 0) {
        close(ends[0]);
        be_worker(plan, first, step, ends[1]);
    }
    close(ends[1]);
    worker->pipe = ends[0];
    if (worker->pid < 0)
        close(ends[0]);
    return worker->pid > 0;
}

static void
hear_worker(struct worker *worker, struct arena_outcome *outcomes, size_t count)
{
    struct arena_outcome outcome;
    size_t have = 0;
    ssize_t got;

    while ((got = read(worker->pipe, (char *)&outcome + have, sizeof outcome - have)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        have += got > 0 ? (size_t)got : 0;
        if (have < sizeof outcome)
            continue;
        have = 0;
        if (outcome.task < count)
            outcomes[outcome.task] = outcome;
    }
    close(worker->pipe);
    while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static bool
do_all(const struct arena_plan *plan, struct arena_outcome *outcomes, struct error *err)
{
    size_t jobs = plan->options->jobs < JOBS_MAX ? plan->options->jobs : JOBS_MAX, started = 0;
    struct worker workers[JOBS_MAX];

    while (started < jobs && start_worker(plan, started, jobs, &workers[started]))
        started++;
    for (size_t i = 0; i < started; i++)
        hear_worker(&workers[i], outcomes, tasks_count(plan));
    return started == jobs ||
        error_set(err, ERROR_WORLD, "no process for a part of the arena: %s", strerror(errno));
}

/* --- what to do ------------------------------------------------------------------------------ */

static const char *
find_controller(struct slice name)
{
    for (int cast = ARENA_CONTROLLERS; cast <= ARENA_ABLATIONS; cast++) {
        const char *known;

        for (size_t i = 0; (known = arena_controller((enum arena_cast)cast, i)) != NULL; i++)
            if (slice_equals(name, slice_of(known)))
                return known;
    }
    return NULL;
}

static bool
add_controller(struct arena_plan *plan, struct slice name, struct error *err)
{
    const char *known = find_controller(name);

    if (known == NULL)
        return error_set(err, ERROR_USAGE,
            "no controller \"%.*s\" in the arena (oracle, tle, aimd, momentum, kumo, postfix, "
            "static, or a row of --ablations)",
            SLICE_ARGS(name));
    if (plan->controllers_count == CONTROLLERS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d controllers", CONTROLLERS_MAX);
    plan->controllers[plan->controllers_count++] = known;
    return true;
}

static void
add_cast(struct arena_plan *plan, enum arena_cast cast)
{
    const char *name;

    for (size_t i = 0; (name = arena_controller(cast, i)) != NULL; i++) {
        assert(plan->controllers_count < CONTROLLERS_MAX);
        plan->controllers[plan->controllers_count++] = name;
    }
}

static bool
read_controllers(struct arena_plan *plan, struct error *err)
{
    struct slice left, name;

    if (plan->options->controllers == NULL) {
        add_cast(plan, plan->options->wants_ablations ? ARENA_ABLATIONS : ARENA_CONTROLLERS);
        return true;
    }
    if (plan->options->wants_ablations)
        return error_set(err, ERROR_USAGE, "--ablations or --controllers, not both");
    left = slice_of(plan->options->controllers);
    while (left.length > 0) {
        slice_cut(left, ',', &name, &left);
        if (!add_controller(plan, name, err))
            return false;
    }
    return plan->controllers_count > 0 || error_set(err, ERROR_USAGE, "--controllers wants names");
}

static bool
make_plan(struct arena_plan *plan, struct error *err)
{
    const struct options *options = plan->options;
    bool is_made = read_controllers(plan, err);

    for (size_t i = 0; is_made && i < options->words_count; i++)
        is_made = files_add(&plan->files, options->words[i], err);
    if (options->has_seed)
        plan->seeds_count = options->seed_last - options->seed_first + 1;
    if (is_made && providers_count(plan) == 0)
        return error_set(err, ERROR_USAGE, "arena wants files, or --seeds A..B, or both");
    return is_made;
}

static struct arena_rows
rows_of(const struct arena_plan *plan, const struct arena_outcome *outcomes, size_t controller,
    size_t first, size_t count)
{
    return (struct arena_rows){plan->controllers[controller],
        outcomes + controller * providers_count(plan) + first, count};
}

/* Of a file its name without the directory, of a lot the seed and what was drawn. */
static struct slice
name_provider(const struct arena_plan *plan, size_t provider, struct arena *arena)
{
    struct slice name = {0};
    struct text text = {0};
    uint64_t seed;

    if (provider < plan->files.count) {
        const char *filename = plan->files.names[provider], *slash = strrchr(filename, '/');

        return slice_of(slash != NULL ? slash + 1 : filename);
    }
    seed = plan->options->seed_first + provider - plan->files.count;
    text_printf(&text, "%llu: ", (unsigned long long)seed);
    arena_describe(seed, &text);
    name = (struct slice){arena_copy(arena, text.bytes, text.length), text.length};
    text_release(&text);
    return name;
}

static void
print_each(const struct arena_plan *plan, const struct arena_outcome *outcomes)
{
    static const struct report_style style = {.is_utf8 = true};
    struct arena_rows rows[CONTROLLERS_MAX];
    struct arena arena = {0};
    struct slice *names = arena_alloc(&arena, providers_count(plan) * sizeof names[0]);
    struct text out = {0};

    for (size_t i = 0; i < providers_count(plan); i++)
        names[i] = name_provider(plan, i, &arena);
    for (size_t i = 0; i < plan->controllers_count; i++)
        rows[i] = rows_of(plan, outcomes, i, 0, providers_count(plan));
    arena_table_each(&out, names, rows, plan->controllers_count, &style);
    text_add_char(&out, '\n');
    fwrite(out.bytes, 1, out.length, stdout);
    text_release(&out);
    arena_release(&arena);
}

static void
print_part(const struct arena_plan *plan, const struct arena_outcome *outcomes, const char *what,
    size_t first, size_t count)
{
    static const struct report_style style = {.is_utf8 = true};
    struct arena_rows rows[CONTROLLERS_MAX];
    struct text out = {0};

    if (count == 0)
        return;
    for (size_t i = 0; i < plan->controllers_count; i++)
        rows[i] = rows_of(plan, outcomes, i, first, count);
    arena_table(&out, what, rows, plan->controllers_count, &style);
    if (first + count < providers_count(plan))
        text_add_char(&out, '\n');
    fwrite(out.bytes, 1, out.length, stdout);
    text_release(&out);
}

static bool
draw(const struct arena_plan *plan, const struct arena_outcome *outcomes, struct error *err)
{
    struct arena_rows rows[CONTROLLERS_MAX];

    if (plan->options->out == NULL)
        return true;
    for (size_t i = 0; i < plan->controllers_count; i++)
        rows[i] = rows_of(plan, outcomes, i, 0, providers_count(plan));
    return make_directory(plan->options->out, err) &&
        arena_plot(rows, plan->controllers_count, plan->options->out, err);
}

static enum exit_code
judge(const struct arena_plan *plan, const struct arena_outcome *outcomes)
{
    if (run_is_interrupted)
        return EXIT_INTERRUPTED;
    for (size_t i = 0; i < tasks_count(plan); i++)
        if (!outcomes[i].has_run)
            return EXIT_BROKEN;
    return EXIT_HELD;
}

/* `mtalab arena --show SEED`: for `mtalab run`. */
static enum exit_code
show(const struct arena_plan *plan)
{
    struct text out = {0};

    arena_compose(plan->options->show, arena_rule(slice_of(plan->controllers[0])), &out);
    fwrite(out.bytes, 1, out.length, stdout);
    text_release(&out);
    return EXIT_HELD;
}

enum exit_code
arena_run(const struct options *options)
{
    struct arena_plan plan = {.options = options};
    struct arena_outcome *outcomes = NULL;
    struct error err = {0};
    enum exit_code code = EXIT_USAGE;

    if (options->has_show && read_controllers(&plan, &err)) {
        code = show(&plan);
    } else if (!options->has_show && make_plan(&plan, &err)) {
        outcomes = mem_alloc_zeroed(tasks_count(&plan) * sizeof outcomes[0]);
        code = EXIT_BROKEN;
        if (do_all(&plan, outcomes, &err)) {
            if (options->wants_each)
                print_each(&plan, outcomes);
            print_part(&plan, outcomes, "named ISPs", 0, plan.files.count);
            print_part(&plan, outcomes, "ISPs by lot", plan.files.count, plan.seeds_count);
            code = draw(&plan, outcomes, &err) ? judge(&plan, outcomes) : EXIT_BROKEN;
        }
    }
    if (err.kind != ERROR_NONE)
        fprintf(stderr, "mtalab: %s\n", err.text);
    mem_free(outcomes);
    files_release(&plan.files);
    return code;
}
