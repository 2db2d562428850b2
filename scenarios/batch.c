/* batch.c - many files, many seeds, several processes, one verdict.
 *
 * With -j every run has a process of its own, which hands its outcome to this one through a pipe.
 * Outcomes are shown and reported in the order of the files, whoever was ready first. */
#include "scenarios/batch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/unit.h"
#include "reports/github.h"
#include "reports/json_result.h"
#include "reports/junit.h"
#include "reports/result_pack.h"
#include "reports/tap.h"
#include "reports/text.h"
#include "scenarios/drawing.h"
#include "scenarios/files.h"
#include "scenarios/outcome_files.h"

struct job {
    const char *filename;
    bool has_seed, is_from_directory;
    uint64_t seed;
    struct text directory; /* of its results; empty: none */
    struct run run;
    bool is_done, is_shown;
    pid_t pid; /* of its process, while it runs */
    int pipe;
    struct text parcel;
};

struct batch {
    const struct options *options;
    struct report_style style, style_stderr;
    struct files files;
    struct job *jobs;
    size_t jobs_count, jobs_capacity;
    size_t shown_count; /* jobs are shown in their order */
    size_t good, bad, ran;
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
        .pipe = -1};
}

static void
name_directory(struct batch *batch, struct job *job)
{
    const char *base = strrchr(job->filename, '/');
    struct slice name = slice_of(base != NULL ? base + 1 : job->filename);

    if (batch->options->out == NULL)
        return;
    text_add_string(&job->directory, batch->options->out);
    if (batch->jobs_count == 1)
        return;
    if (slice_ends_with_nocase(name, SLICE(".yaml")))
        name.length -= strlen(".yaml");
    text_printf(&job->directory, "/%.*s", SLICE_ARGS(name));
    if (job->has_seed)
        text_printf(&job->directory, "-seed%llu", (unsigned long long)job->seed);
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
    for (size_t i = 0; i < batch->jobs_count; i++)
        name_directory(batch, &batch->jobs[i]);
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
    if (job->run.exit_code == EXIT_HELD)
        batch->good++;
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

    if (options->format != FORMAT_HUMAN || batch->ran < 2)
        return;
    printf("\n%zu scenario runs: %zu %s, %zu %s\n", batch->ran, batch->good,
        options->command == COMMAND_CHECK ? "valid" : "held", batch->bad,
        options->command == COMMAND_CHECK ? "not valid" : "failed");
}

/* --- running --------------------------------------------------------------------------------- */

static void
run_job(struct batch *batch, struct job *job)
{
    run_scenario(batch->options, job->filename, job->has_seed ? &job->seed : NULL,
        job->directory.length > 0 ? text_string(&job->directory) : NULL,
        batch->style_stderr.has_colour, &job->run);
    job->is_done = true;
}

static void
add_piece(struct text *parcel, struct slice piece)
{
    uint64_t length = piece.length;

    text_add(parcel, (const char *)&length, sizeof length);
    text_add_slice(parcel, piece);
}

static bool
take_piece(struct slice *parcel, struct slice *piece)
{
    uint64_t length;

    if (parcel->length < sizeof length)
        return false;
    memcpy(&length, parcel->at, sizeof length);
    *parcel = slice_from(*parcel, sizeof length);
    if (length > parcel->length)
        return false;
    *piece = (struct slice){parcel->at, length};
    *parcel = slice_from(*parcel, length);
    return true;
}

static NORETURN void
be_child(struct batch *batch, struct job *job, int pipe)
{
    struct text parcel = {0}, result = {0};
    const char *at;
    size_t left;

    run_job(batch, job);
    text_add_char(&parcel, (char)job->run.exit_code);
    text_add_char(&parcel, (char)job->run.is_profile);
    add_piece(&parcel, text_slice(&job->run.diagnostics));
    add_piece(&parcel, text_slice(&job->run.analysis));
    result_pack(&result, &job->run.result);
    add_piece(&parcel, text_slice(&result));
    at = parcel.bytes;
    left = parcel.length;
    while (left > 0) {
        ssize_t written = write(pipe, at, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            _exit(EXIT_BROKEN);
        at += written;
        left -= (size_t)written;
    }
    _exit(EXIT_HELD);
}

static bool
open_parcel(struct job *job)
{
    struct slice parcel = text_slice(&job->parcel), piece;
    struct run *run = &job->run;

    if (parcel.length < 2)
        return false;
    run->exit_code = (enum exit_code)(unsigned char)parcel.at[0];
    run->is_profile = parcel.at[1] != 0;
    parcel = slice_from(parcel, 2);
    if (!take_piece(&parcel, &piece))
        return false;
    text_add_slice(&run->diagnostics, piece);
    if (!take_piece(&parcel, &piece))
        return false;
    text_add_slice(&run->analysis, piece);
    return take_piece(&parcel, &piece) && result_unpack(&run->result, piece);
}

/* A child that dies takes its own run with it, not the others. */
static void
child_is_over(struct job *job)
{
    int status = 0;

    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(job->pipe);
    job->pipe = -1;
    job->is_done = true;
    if (!open_parcel(job)) {
        run_release(&job->run);
        job->run.exit_code = job->run.result.exit_code = EXIT_BROKEN;
        job->run.result.filename = job->run.result.name = slice_of(job->filename);
        job->run.result.trouble = SLICE("the process of this run died");
        text_printf(&job->run.diagnostics, "mtalab: %s: the process died (%s %d)\n", job->filename,
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    text_release(&job->parcel);
}

static bool
start_child(struct batch *batch, struct job *job)
{
    int pipes[2];

    if (pipe(pipes) != 0)
        return false;
    fflush(stdout);
    fflush(stderr);
    job->pid = fork();
    if (job->pid < 0) {
        close(pipes[0]);
        close(pipes[1]);
        return false;
    }
    if (job->pid == 0) {
        close(pipes[0]);
        be_child(batch, job, pipes[1]);
    }
    close(pipes[1]);
    job->pipe = pipes[0];
    return true;
}

/* Waits until some child says something, and hears all who do. */
static void
hear_children(struct batch *batch, size_t started)
{
    struct pollfd *polls = mem_alloc(started * sizeof *polls);
    struct job **heard = mem_alloc(started * sizeof(struct job *));
    nfds_t count = 0;

    for (size_t i = batch->shown_count; i < started; i++) {
        if (batch->jobs[i].pipe < 0)
            continue;
        heard[count] = &batch->jobs[i];
        polls[count++] = (struct pollfd){.fd = batch->jobs[i].pipe, .events = POLLIN};
    }
    if (poll(polls, count, -1) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            char bytes[65536];
            ssize_t got;

            if (polls[i].revents == 0)
                continue;
            got = read(polls[i].fd, bytes, sizeof bytes);
            if (got > 0)
                text_add(&heard[i]->parcel, bytes, (size_t)got);
            else if (got == 0 || errno != EINTR)
                child_is_over(heard[i]);
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
        count += batch->jobs[i].pipe >= 0;
    return count;
}

static void
run_side_by_side(struct batch *batch)
{
    size_t started = 0;

    while (batch->shown_count < batch->jobs_count) {
        while (started < batch->jobs_count && !run_is_interrupted &&
            children_count(batch, started) < batch->options->jobs) {
            struct job *job = &batch->jobs[started++];

            if (!start_child(batch, job))
                run_job(batch, job);
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
        run_job(batch, &batch->jobs[i]);
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
