/* program.c - runs another program and does not let it run away. */
#include "reports/program.h"

#include "base/text.h"
#include "reports/table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 50, SHOWN_BYTES = 300 };

enum end { END_CLOSED, END_TOO_LONG, END_TOO_LOUD };

/* Answers 0 or an errno. stdout_to -1: nobody wants it. */
static int
spawn(const char *const *arguments, const char *directory, int stdout_to, int stderr_to, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int problem;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (stdout_to < 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    else
        posix_spawn_file_actions_adddup2(&actions, stdout_to, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, stderr_to, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, directory);
    /* POSIX wants the arguments writable, and promises not to write to them. */
    problem = posix_spawnp(
        pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

/* Time is counted in polls that brought nothing: no clock is asked, and each of the others uses up
 * what may be written. */
static enum end
listen_to(int stderr_from, int limit_ms, struct text *heard)
{
    struct pollfd wait = {.fd = stderr_from, .events = POLLIN};
    char block[4096];

    for (int waited_ms = 0; waited_ms < limit_ms;) {
        int ready = poll(&wait, 1, POLL_MS);
        ssize_t got;

        if (ready <= 0) {
            waited_ms += POLL_MS;
            continue;
        }
        got = read(stderr_from, block, sizeof block);
        if (got == 0 || (got < 0 && errno != EINTR))
            return END_CLOSED;
        if (got > 0)
            text_add(heard, block, (size_t)got);
        if (heard->length > PROGRAM_STDERR_BYTES_MAX)
            return END_TOO_LOUD;
    }
    return END_TOO_LONG;
}

/* The first things it said, as one line. */
static void
add_words(struct text *out, const struct text *heard)
{
    struct slice start = text_slice(heard);

    if (start.length > SHOWN_BYTES)
        start.length = SHOWN_BYTES;
    start = slice_trim(start);
    if (start.length > 0)
        text_add_string(out, ": ");
    report_clean(out, start, true);
}

static enum program_status
judge(const char *name, enum end end, int limit_ms, int status, const struct text *heard,
    struct error *err)
{
    struct text words = {0};

    if (end == END_CLOSED && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return PROGRAM_DONE;
    add_words(&words, heard);
    if (end == END_TOO_LONG)
        error_set(err, ERROR_WORLD, "%s was stopped after %d.%03d s%s", name, limit_ms / 1000,
            limit_ms % 1000, text_string(&words));
    else if (end == END_TOO_LOUD)
        error_set(err, ERROR_WORLD, "%s was stopped, it complained without end%s", name,
            text_string(&words));
    else if (WIFEXITED(status))
        error_set(err, ERROR_WORLD, "%s failed with exit code %d%s", name, WEXITSTATUS(status),
            text_string(&words));
    else
        error_set(err, ERROR_WORLD, "%s was ended by signal %d%s", name,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0, text_string(&words));
    text_release(&words);
    return PROGRAM_FAILED;
}

static int
wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static enum program_status
run(const char *const *arguments, const char *directory, int limit_ms, bool wants_output,
    struct text *heard, struct error *err)
{
    enum end end;
    int ends[2], problem;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set(err, ERROR_WORLD, "no pipe to %s: %s", arguments[0], strerror(errno));
        return PROGRAM_FAILED;
    }
    problem = spawn(arguments, directory, wants_output ? ends[1] : -1, ends[1], &pid);
    close(ends[1]);
    if (problem != 0) {
        close(ends[0]);
        error_set(err, ERROR_WORLD, "%s cannot be started in %s: %s", arguments[0], directory,
            strerror(problem));
        return problem == ENOENT ? PROGRAM_MISSING : PROGRAM_FAILED;
    }
    end = listen_to(ends[0], limit_ms, heard);
    close(ends[0]);
    if (end != END_CLOSED)
        kill(pid, SIGKILL);
    return judge(arguments[0], end, limit_ms, wait_for(pid), heard, err);
}

enum program_status
program_run(const char *const *arguments, const char *directory, int limit_ms, struct error *err)
{
    struct text heard = {0};
    enum program_status status = run(arguments, directory, limit_ms, false, &heard, err);

    text_release(&heard);
    return status;
}

enum program_status
program_ask(const char *const *arguments, const char *directory, int limit_ms, struct text *heard,
    struct error *err)
{
    return run(arguments, directory, limit_ms, true, heard, err);
}
