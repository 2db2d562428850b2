/* run_apart.c - one run in a process of its own.
 *
 * What the process says, its parcel: exit code, whether the file is a profile, then pieces with their
 * lengths in front. Both ends are the same program, so the bytes need no order of their own. */
#include "scenarios/run_apart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/namespace_net.h"
#include "reports/result_pack.h"

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

static bool
take_text(struct slice *parcel, struct text *text)
{
    struct slice piece;

    if (!take_piece(parcel, &piece))
        return false;
    text_add_slice(text, piece);
    return true;
}

static void
pack(struct text *parcel, const struct run *run)
{
    struct text result = {0};

    text_add_char(parcel, (char)run->exit_code);
    text_add_char(parcel, (char)run->is_profile);
    add_piece(parcel, text_slice(&run->diagnostics));
    add_piece(parcel, text_slice(&run->analysis));
    result_pack(&result, &run->result);
    add_piece(parcel, text_slice(&result));
    text_release(&result);
}

static bool
unpack(struct slice parcel, struct run *run)
{
    struct slice piece;

    if (parcel.length < 2)
        return false;
    run->exit_code = (enum exit_code)(unsigned char)parcel.at[0];
    run->is_profile = parcel.at[1] != 0;
    parcel = slice_from(parcel, 2);
    return take_text(&parcel, &run->diagnostics) && take_text(&parcel, &run->analysis) &&
        take_piece(&parcel, &piece) && result_unpack(&run->result, piece);
}

/* ^C reaches a child from the terminal and once more from its parent; only the parent dies of a
 * second one, and then the child of its pipe. */
static void
heed_signals_twice(void)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sigaction action;

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        sigaction(numbers[i], NULL, &action);
        action.sa_flags &= ~(int)SA_RESETHAND;
        sigaction(numbers[i], &action, NULL);
    }
}

/* Between the process that asked and the first one of the namespace: it hands signals on to that
 * one, and ends as it does. */
static NORETURN void
be_go_between(pid_t pid, const sigset_t *signals)
{
    int status = 0, number;

    while ((number = sigwaitinfo(signals, NULL)) != SIGCHLD || waitpid(pid, &status, WNOHANG) == 0)
        if (number > 0 && number != SIGCHLD)
            kill(pid, number);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BROKEN);
}

/* Answers in the first process of a namespace, which dies with its parent, and all others in there
 * with it. */
static bool
enter_namespace(struct error *err)
{
    sigset_t signals, before;
    pid_t pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!namespace_unshare(err))
        return false;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    pid = fork();
    if (pid < 0)
        return error_set(err, ERROR_WORLD, "no process in a namespace: %s", strerror(errno));
    if (pid > 0)
        be_go_between(pid, &signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return namespace_settle("mta.example", err);
}

static void
run_there(const struct run_request *request, struct run *run)
{
    struct error err = {0};

    if (request->is_in_namespace && !enter_namespace(&err))
        run_refuse(request, &err, run);
    else
        run_scenario(request, run);
}

static NORETURN void
be_child(const struct run_request *request, int pipe)
{
    struct run run;
    struct text parcel = {0};
    struct slice left;

    heed_signals_twice();
    run_there(request, &run);
    pack(&parcel, &run);
    left = text_slice(&parcel);
    while (left.length > 0) {
        ssize_t written = write(pipe, left.at, left.length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            _exit(EXIT_BROKEN);
        left = slice_from(left, (size_t)written);
    }
    _exit(EXIT_HELD);
}

bool
run_apart_start(struct run_apart *apart, const struct run_request *request)
{
    int ends[2];

    *apart = (struct run_apart){.pipe = -1};
    if (pipe(ends) != 0)
        return false;
    fflush(stdout); /* or the child would say it again */
    fflush(stderr);
    apart->pid = fork();
    if (apart->pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (apart->pid == 0) {
        close(ends[0]);
        be_child(request, ends[1]);
    }
    close(ends[1]);
    apart->pipe = ends[0];
    return true;
}

static void
tell_of_death(const struct run_request *request, int status, struct run *run)
{
    struct result *result = &run->result;
    struct text trouble = {0};

    run_release(run);
    text_printf(&trouble, "the process of this run died (%s %d)",
        WIFSIGNALED(status) ? "signal" : "exit code",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    run->exit_code = EXIT_BROKEN;
    result->exit_code = EXIT_BROKEN;
    result->filename = result->name = slice_of(request->filename);
    result->seed = request->seed != NULL ? *request->seed : 0;
    result->trouble =
        (struct slice){arena_copy(&result->arena, trouble.bytes, trouble.length), trouble.length};
    text_printf(&run->diagnostics, "mtalab: %s: %s\n", request->filename, trouble.bytes);
    text_release(&trouble);
}

bool
run_apart_hear(struct run_apart *apart, const struct run_request *request, struct run *run)
{
    char bytes[65536];
    ssize_t got = read(apart->pipe, bytes, sizeof bytes);
    int status = 0;

    if (got > 0)
        text_add(&apart->parcel, bytes, (size_t)got);
    if (got > 0 || (got < 0 && errno == EINTR))
        return false;
    while (waitpid(apart->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(apart->pipe);
    apart->pipe = -1;
    *run = (struct run){0};
    if (!unpack(text_slice(&apart->parcel), run))
        tell_of_death(request, status, run);
    text_release(&apart->parcel);
    return true;
}
