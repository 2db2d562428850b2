/* batch.c - many files, many seeds, several processes, one verdict.
 *
 * With -j every run has a process of its own, which hands its outcome to this one through a pipe.
 * Outcomes are shown and reported in the order of the files, whoever was ready first. */
#include "scenarios/batch.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "reports/github.h"
#include "reports/json_result.h"
#include "reports/junit.h"
#include "reports/tap.h"
#include "reports/text.h"
#include "scenarios/drawing.h"
#include "scenarios/files.h"
#include "scenarios/outcome_files.h"
#include "scenarios/run_apart.h"

enum { LISTEN_MS = 200 };

struct job {
    const char *filename;
    bool has_seed, is_from_directory;
    uint64_t seed;
    struct text directory; /* of its results; empty: none */
    struct run run;
    bool is_done, is_shown;
    struct run_apart apart; /* while it runs in a process of its own */
};

struct batch {
    const struct options *options;
    struct report_style style, style_stderr;
    struct files files;
    struct job *jobs;
    size_t jobs_count, jobs_capacity;
    size_t shown_count; /* jobs are shown in their order */
    size_t good, bad, skipped, ran;
    bool has_outcome; /* somebody left something in the results folder */
    enum exit_code exit_code;
};

/* --- what there is to do --------------------------------------------------------------------- */

static void
add_job(struct batch *batch, size_t file, bool has_seed, uint64_t seed)
{
    batch->jobs =
        mem_grow(batch->jobs, &batch->jobs_capacity, batch->jobs_count + 1, sizeof *batch->jobs);
    batch->jobs[batch->jobs_count++] = (struct job){.filename = batch->files.names[file],
        .is_from_directory = batch->files.is_from_directory[file],
        .has_seed = has_seed,
        .seed = seed,
        .apart.pipe = -1};
}

static void
name_directory(struct batch *batch, struct job *job)
{
    const char *base = strrchr(job->filename, '/');
    struct slice name = slice_of(base != NULL ? base + 1 : job->filename);

    text_add_string(&job->directory, batch->options->out);
    if (batch->jobs_count == 1)
        return;
    if (slice_ends_with_nocase(name, SLICE(".yaml")))
        name.length -= strlen(".yaml");
    text_printf(&job->directory, "/%.*s", SLICE_ARGS(name));
    if (job->has_seed)
        text_printf(&job->directory, "-seed%llu", (unsigned long long)job->seed);
}

/* a/calm.yaml and b/calm.yaml leave their results in calm and calm-2. */
static void
name_directories(struct batch *batch)
{
    struct map names = {0};

    for (size_t i = 0; i < batch->jobs_count; i++) {
        struct text *name = &batch->jobs[i].directory;
        size_t length;
        bool is_new;

        name_directory(batch, &batch->jobs[i]);
        length = name->length;
        map_put(&names, text_slice(name), &is_new);
        for (unsigned number = 2; !is_new; number++) {
            name->length = length;
            text_printf(name, "-%u", number);
            map_put(&names, text_slice(name), &is_new);
        }
    }
    map_release(&names);
}

static bool
plan_jobs(struct batch *batch, struct error *err)
{
    const struct options *options = batch->options;
    uint64_t number = 0;

    for (size_t i = 0; i < options->words_count; i++)
        if (!files_add(&batch->files, options->words[i], err))
            return false;
    for (size_t i = 0; i < batch->files.count; i++) {
        uint64_t seed = options->seed_first;

        do
            if (number++ % options->shards_count == options->shard - 1)
                add_job(batch, i, options->has_seed, seed);
        while (options->has_seed && seed++ < options->seed_last);
    }
    if (options->out != NULL)
        name_directories(batch);
    return true;
}

/* --- showing --------------------------------------------------------------------------------- */

static void
print(FILE *file, const struct text *text)
{
    fwrite(text_string(text), 1, text->length, file);
    fflush(file);
}

static void
draw_plot(struct batch *batch, const struct result *result, struct text *out)
{
    struct error err = {0};

    if (!draw_in_terminal(result, SLICE("kpi"), batch->style.has_colour, out, &err))
        fprintf(stderr, "mtalab: no plot: %s\n", err.text);
}

static void
show_for_people(struct batch *batch, const struct job *job)
{
    const struct options *options = batch->options;
    const struct result *result = &job->run.result;
    bool is_good = job->run.exit_code == EXIT_HELD;
    struct text out = {0};

    if (options->command == COMMAND_CHECK) {
        if (is_good && !options->is_quiet)
            text_printf(&out, "%s: fine\n", job->filename);
    } else if (options->is_dry)
        text_add_slice(&out, text_slice(&job->run.analysis));
    else if (!is_good || !options->is_quiet) {
        if ((batch->jobs_count == 1 || options->is_verbose) && result->trouble.length == 0)
            text_report(&out, result, &batch->style);
        else if (job->run.exit_code != EXIT_INVALID && job->run.exit_code != EXIT_USAGE)
            text_report_brief(&out, result, &batch->style);
        if (options->wants_plot && result->points_count > 0)
            draw_plot(batch, result, &out);
    }
    print(stdout, &out);
    text_release(&out);
}

static void
show(struct batch *batch, struct job *job)
{
    job->is_shown = true;
    print(stderr, &job->run.diagnostics);
    if (job->run.is_profile && job->run.exit_code == EXIT_HELD &&
        batch->options->command == COMMAND_RUN) {
        if (!job->is_from_directory)
            fprintf(stderr, "mtalab: %s is a profile: it expects nothing\n", job->filename);
        return;
    }
    batch->ran++;
    batch->exit_code = batch->ran == 1 ? job->run.exit_code
                                       : exit_code_worse(batch->exit_code, job->run.exit_code);
    batch->has_outcome |= batch->options->out != NULL && job->run.result.events_count > 0;
    if (job->run.exit_code == EXIT_HELD)
        batch->good++;
    else if (job->run.exit_code == EXIT_SKIPPED)
        batch->skipped++;
    else
        batch->bad++;
    if (batch->options->format == FORMAT_HUMAN)
        show_for_people(batch, job);
}

static void
show_what_is_ready(struct batch *batch)
{
    while (batch->shown_count < batch->jobs_count && batch->jobs[batch->shown_count].is_done)
        show(batch, &batch->jobs[batch->shown_count++]);
}

/* --- reports --------------------------------------------------------------------------------- */

static void
write_json(struct text *out, const struct result *results, size_t count)
{
    if (count != 1)
        text_add_string(out, "[\n");
    for (size_t i = 0; i < count; i++) {
        json_report(out, &results[i]);
        if (i + 1 < count)
            text_add_string(out, ",\n");
    }
    if (count != 1)
        text_add_string(out, "]\n");
}

static void
write_report(struct batch *batch, enum output_format kind, const struct result *results,
    size_t count, struct text *out)
{
    static const struct report_style plain = {.is_utf8 = true};

    switch (kind) {
    case FORMAT_HUMAN:
        for (size_t i = 0; i < count; i++)
            text_report(out, &results[i], &plain);
        return;
    case FORMAT_JSON:
        write_json(out, results, count);
        return;
    case FORMAT_TAP:
        tap_report(out, results, count);
        return;
    case FORMAT_JUNIT:
        junit_report(out, results, count);
        return;
    case FORMAT_GITHUB:
        github_report(out, results, count);
        return;
    }
}

static void
write_github_summary(const struct result *results, size_t count)
{
    const char *filename = getenv("GITHUB_STEP_SUMMARY");
    FILE *file = filename != NULL && *filename != '\0' ? fopen(filename, "a") : NULL;
    struct text out = {0};

    if (file == NULL)
        return;
    github_summary(&out, results, count);
    fwrite(out.bytes, 1, out.length, file);
    fclose(file);
    text_release(&out);
}

static void
report(struct batch *batch)
{
    const struct options *options = batch->options;
    struct result *results = mem_alloc((batch->jobs_count + 1) * sizeof *results);
    size_t count = 0;
    struct text out = {0};

    for (size_t i = 0; i < batch->jobs_count; i++)
        if (batch->jobs[i].is_shown && !batch->jobs[i].run.is_profile)
            results[count++] = batch->jobs[i].run.result;
    if (options->format != FORMAT_HUMAN && options->command == COMMAND_RUN) {
        write_report(batch, options->format, results, count, &out);
        print(stdout, &out);
        if (options->format == FORMAT_GITHUB)
            write_github_summary(results, count);
    }
    for (size_t i = 0; i < options->reports_count; i++) {
        struct error err = {0};

        text_clear(&out);
        write_report(batch, options->reports[i].kind, results, count, &out);
        if (!write_file(NULL, options->reports[i].filename, text_slice(&out), &err)) {
            fprintf(stderr, "mtalab: %s\n", err.text);
            batch->exit_code = exit_code_worse(batch->exit_code, EXIT_BROKEN);
        }
    }
    text_release(&out);
    mem_free(results);
}

static void
count_up(struct batch *batch)
{
    const struct options *options = batch->options;
    bool is_check = options->command == COMMAND_CHECK;
    size_t left_out = batch->jobs_count - batch->shown_count;

    if (batch->jobs_count == 0)
        fprintf(stderr, "mtalab: no file is left for shard %u of %u\n", options->shard,
            options->shards_count);
    else if (batch->ran == 0 && !run_is_interrupted)
        fprintf(stderr, "mtalab: only profiles, nothing was run\n");
    if (batch->has_outcome && !options->is_quiet)
        fprintf(stderr, "mtalab: results are in %s%s\n", options->out,
            batch->jobs_count > 1 ? ", a folder for each run" : "");
    if (options->format != FORMAT_HUMAN || batch->jobs_count < 2 || batch->ran + left_out == 0)
        return;
    printf("\n%zu %s: %zu %s, %zu %s", batch->ran, is_check ? "files" : "scenario runs",
        batch->good, is_check ? "valid" : "held", batch->bad, is_check ? "not valid" : "failed");
    if (batch->skipped > 0)
        printf(", %zu skipped", batch->skipped);
    if (left_out > 0)
        printf("; %zu more were not run", left_out);
    printf("\n");
    fflush(stdout);
}

/* --- running --------------------------------------------------------------------------------- */

static struct run_request
request_of(const struct batch *batch, const struct job *job)
{
    return (struct run_request){.options = batch->options,
        .filename = job->filename,
        .seed = job->has_seed ? &job->seed : NULL,
        .directory = job->directory.length > 0 ? text_string(&job->directory) : NULL,
        .in_colour = batch->style_stderr.has_colour};
}

static void
run_here(struct batch *batch, struct job *job)
{
    struct run_request request = request_of(batch, job);

    run_scenario(&request, &job->run);
    job->is_done = true;
}

/* A signal for us alone is handed on; those whom the terminal told already know. */
static void
interrupt_children(struct batch *batch, size_t started)
{
    for (size_t i = batch->shown_count; i < started; i++)
        if (batch->jobs[i].apart.pipe >= 0)
            kill(batch->jobs[i].apart.pid, run_is_interrupted);
}

/* Waits until some child says something, and hears all who do; but not for long, as a signal may have
 * come before the wait began. */
static void
hear_children(struct batch *batch, size_t started)
{
    struct pollfd *polls = mem_alloc(started * sizeof *polls);
    struct job **heard = mem_alloc(started * sizeof(struct job *));
    nfds_t count = 0;

    for (size_t i = batch->shown_count; i < started; i++) {
        if (batch->jobs[i].apart.pipe < 0)
            continue;
        heard[count] = &batch->jobs[i];
        polls[count++] = (struct pollfd){.fd = batch->jobs[i].apart.pipe, .events = POLLIN};
    }
    if (poll(polls, count, LISTEN_MS) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            struct run_request request = request_of(batch, heard[i]);

            if (polls[i].revents != 0)
                heard[i]->is_done = run_apart_hear(&heard[i]->apart, &request, &heard[i]->run);
        }
    }
    mem_free(polls);
    mem_free(heard);
}

static size_t
children_count(const struct batch *batch, size_t started)
{
    size_t count = 0;

    for (size_t i = 0; i < started; i++)
        count += batch->jobs[i].apart.pipe >= 0;
    return count;
}

static void
run_side_by_side(struct batch *batch)
{
    size_t started = 0;
    bool is_handed_on = false;

    while (batch->shown_count < batch->jobs_count) {
        while (started < batch->jobs_count && !run_is_interrupted &&
            children_count(batch, started) < batch->options->jobs) {
            struct job *job = &batch->jobs[started++];
            struct run_request request = request_of(batch, job);

            if (!run_apart_start(&job->apart, &request))
                run_here(batch, job);
        }
        if (run_is_interrupted && !is_handed_on) {
            interrupt_children(batch, started);
            is_handed_on = true;
        }
        show_what_is_ready(batch);
        if (children_count(batch, started) > 0)
            hear_children(batch, started);
        else if (run_is_interrupted)
            return;
    }
}

static void
run_in_turn(struct batch *batch)
{
    for (size_t i = 0; i < batch->jobs_count && !run_is_interrupted; i++) {
        run_here(batch, &batch->jobs[i]);
        show_what_is_ready(batch);
    }
}

static struct report_style
style_for(const struct options *options, int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
    const char *term = getenv("TERM"), *locale = getenv("LC_ALL");
    struct report_style style = {.is_utf8 = true};

    if (locale == NULL || *locale == '\0')
        locale = getenv("LC_CTYPE");
    if (locale == NULL || *locale == '\0')
        locale = getenv("LANG");
    if (locale != NULL && (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0))
        style.is_utf8 = false;
    if (options->colour != COLOUR_AUTO)
        style.has_colour = options->colour == COLOUR_ALWAYS;
    else if (no_colour != NULL && *no_colour != '\0')
        style.has_colour = false;
    else if (force != NULL && *force != '\0' && strcmp(force, "0") != 0)
        style.has_colour = true;
    else
        style.has_colour = isatty(fd) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
    return style;
}

enum exit_code
batch_run(const struct options *options)
{
    struct batch batch = {.options = options,
        .style = style_for(options, STDOUT_FILENO),
        .style_stderr = style_for(options, STDERR_FILENO),
        .exit_code = EXIT_SKIPPED};
    struct error err = {0};

    if (!plan_jobs(&batch, &err)) {
        fprintf(stderr, "mtalab: %s\n", err.text);
        batch.exit_code = EXIT_USAGE;
    } else {
        if (options->jobs > 1 && batch.jobs_count > 1)
            run_side_by_side(&batch);
        else
            run_in_turn(&batch);
        if (run_is_interrupted)
            batch.exit_code = EXIT_INTERRUPTED;
        report(&batch);
        count_up(&batch);
    }
    for (size_t i = 0; i < batch.jobs_count; i++) {
        run_release(&batch.jobs[i].run);
        text_release(&batch.jobs[i].directory);
    }
    mem_free(batch.jobs);
    files_release(&batch.files);
    return batch.exit_code;
}
