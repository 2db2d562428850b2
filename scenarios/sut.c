/* sut.c - a foreign MTA on the bench: started, waited for, listened to, stopped. */
#include "scenarios/sut_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/namespace_net.h"
#include "base/stream_net.h"
#include "base/unit.h"
#include "scenarios/outcome_files.h"

enum {
    WAIT_S = 30,          /* of the wall clock, for the first greeting */
    RETRY_MS = 50,        /* between two tries at it, … */
    LOOK_MS = 200,        /* … and two looks at how it is */
    LAST_WORDS_MAX = 300, /* bytes */
    SHARED_MEMORY_BYTES_MAX = 1 << 20,
};

struct sut {
    const struct sut_setup *setup;
    const struct sut_kind *kind;
    pid_t pid;
    bool has_ended;
    int status;
};

static const struct sut_kind *const kinds[SUT_KINDS_COUNT] = {
    [SUT_POSTFIX] = &sut_postfix,
    [SUT_EXIM] = &sut_exim,
    [SUT_OPENSMTPD] = &sut_opensmtpd,
};

const struct sut_kind *
sut_kind(enum sut_kind_number number)
{
    assert(number > SUT_NONE && number < SUT_KINDS_COUNT);
    return kinds[number];
}

bool
sut_can_keep_pace(const struct sut_config *config, uint32_t speed, struct error *err)
{
    const struct sut_kind *kind;

    if (config->kind == SUT_NONE || config->clock == SUT_CLOCK_OWN)
        return true;
    kind = sut_kind(config->kind);
    if (speed <= kind->speed_max)
        return true;
    if (kind->speed_max == 1)
        return error_set(err, ERROR_USAGE,
            "the clock of %s cannot be scaled: run it at speed 1, or with a clock of its own",
            kind->name);
    return error_set(err, ERROR_USAGE,
        "the clock of %s cannot go that fast: run it at speed %u at most, or with a clock of its "
        "own",
        kind->name, (unsigned)kind->speed_max);
}

/* ---- its files ---- */

bool
sut_write_file(const char *name, struct slice content, struct error *err)
{
    return write_file(SUT_DIRECTORY, name, content, err);
}

bool
sut_make_directory(const char *name, struct error *err)
{
    struct text filename = {0};
    bool is_made;

    text_printf(&filename, SUT_DIRECTORY "/%s", name);
    is_made = mkdir(text_string(&filename), 0755) == 0;
    if (!is_made)
        error_set(err, ERROR_WORLD, "%s: %s", text_string(&filename), strerror(errno));
    text_release(&filename);
    return is_made;
}

const struct sut_setting *
sut_find_setting(const struct sut_config *config, const char *name)
{
    for (size_t i = 0; i < config->settings_count; i++)
        if (slice_equals(config->settings[i].name, slice_of(name)))
            return &config->settings[i];
    return NULL;
}

void
sut_read_file(const char *filename, struct text *out)
{
    char block[4096];
    FILE *file = fopen(filename, "rb");

    if (file == NULL)
        return;
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        text_add(out, block, got);
    fclose(file);
}

void
sut_log(enum sut_kind_number kind, struct text *out)
{
    struct text filename = {0};

    sut_read_file(SUT_DIRECTORY "/" SUT_OUTPUT, out);
    if (sut_kind(kind)->log == NULL)
        return;
    text_printf(&filename, SUT_DIRECTORY "/%s", sut_kind(kind)->log);
    sut_read_file(text_string(&filename), out);
    text_release(&filename);
}

static bool
is_complaint(struct slice line)
{
    return slice_contains_nocase(line, SLICE("fatal:")) ||
        slice_contains_nocase(line, SLICE("panic:"));
}

/* The first line that says why it gave up, or else the last one. */
static struct slice
last_words(struct slice log, bool *is_bad)
{
    struct slice line, best = {0};

    *is_bad = false;
    while (log.length > 0 && !*is_bad) {
        slice_cut(log, '\n', &line, &log);
        if (slice_trim(line).length > 0)
            best = slice_trim(line);
        *is_bad = is_complaint(line);
    }
    if (best.length > LAST_WORDS_MAX)
        best.length = LAST_WORDS_MAX;
    return best;
}

bool
sut_complains(enum sut_kind_number kind, struct text *words)
{
    struct text log = {0};
    struct slice line;
    bool is_bad;

    sut_log(kind, &log);
    line = last_words(text_slice(&log), &is_bad);
    if (is_bad)
        text_add_slice(words, line);
    text_release(&log);
    return is_bad;
}

static bool
fail_with_its_words(const struct sut *sut, const char *what, struct error *err)
{
    struct text log = {0};
    struct slice words;
    bool ignored;

    sut_log(sut->setup->config->kind, &log);
    words = last_words(text_slice(&log), &ignored);
    error_set(err, ERROR_WORLD, "%s %s%s%.*s", sut->kind->name, what,
        words.length > 0 ? "; it says: " : " and says nothing", SLICE_ARGS(words));
    text_release(&log);
    return false;
}

/* ---- its world ---- */

static bool
prepare(const struct sut_setup *setup, struct error *err)
{
    struct text resolv_conf = {0};
    bool is_ready;

    text_printf(&resolv_conf, "nameserver 127.0.0.1\n");
    is_ready = sut_settle(sut_kind(setup->config->kind), err) &&
        namespace_mount_memory("/dev/shm", SHARED_MEMORY_BYTES_MAX, err) &&
        sut_write_file("resolv.conf", text_slice(&resolv_conf), err) &&
        namespace_replace_file("/etc/resolv.conf", SUT_DIRECTORY "/resolv.conf", err) &&
        namespace_add_address(&setup->listen, err) && namespace_add_address(&setup->source, err) &&
        namespace_add_address(&setup->campaign, err);
    text_release(&resolv_conf);
    return is_ready;
}

/* libfaketime counts from a relative start (an absolute one would fake the times of files too), all
 * processes in one shared memory, which lasts as long as its wrapper. */
static void
write_command(const struct sut_setup *setup, const struct sut_kind *kind, struct text *factor,
    const char **arguments)
{
    size_t count = 0;

    if (sut_is_scaled(setup)) {
        text_printf(factor, "+0 x%u", (unsigned)setup->speed);
        arguments[count++] = "faketime";
        arguments[count++] = "-f";
        arguments[count++] = text_string(factor);
    }
    for (size_t i = 0; kind->command[i] != NULL; i++) {
        assert(count < SUT_ARGUMENTS_MAX);
        arguments[count++] = kind->command[i];
    }
    arguments[count] = NULL;
}

/* In a session of its own: what the terminal tells us is not for it. */
static bool
spawn(struct sut *sut, struct error *err)
{
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC",
        "NO_FAKE_STAT=1", NULL};
    const char *arguments[SUT_ARGUMENTS_MAX + 1];
    struct text factor = {0};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int problem;

    write_command(sut->setup, sut->kind, &factor, arguments);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(
        &actions, STDOUT_FILENO, SUT_DIRECTORY "/" SUT_OUTPUT, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    /* POSIX wants them writable, and promises not to write to them. */
    problem = posix_spawnp(&sut->pid, arguments[0], &actions, &attributes,
        (char *const *)(uintptr_t)arguments, (char *const *)(uintptr_t)environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (problem != 0)
        error_set(err, ERROR_WORLD, "%s cannot be started: %s", arguments[0], strerror(problem));
    text_release(&factor);
    return problem == 0;
}

/* ---- waiting for it ---- */

struct waiting {
    struct sut *sut;
    struct loop *loop;
    struct network *network;
    struct connecting *connecting;
    struct stream *stream;
    struct timer retry, look;
    bool has_greeted, has_ended, has_complained;
};

static void connect_sut(void *arg);

static void
try_again(struct waiting *waiting)
{
    stream_close(&waiting->stream);
    timer_arm(waiting->loop, &waiting->retry,
        loop_now_us(waiting->loop) + RETRY_MS * US_PER_MS * waiting->sut->setup->speed, connect_sut,
        waiting);
}

static size_t
greeting_on_bytes(void *arg, struct slice bytes)
{
    struct waiting *waiting = arg;

    waiting->has_greeted = slice_starts_with(bytes, SLICE("220"));
    if (waiting->has_greeted)
        loop_stop(waiting->loop);
    return bytes.length;
}

static void
greeting_on_end(void *arg)
{
    try_again(arg);
}

static void
greeting_on_broken(void *arg, enum trouble trouble)
{
    try_again(arg);
}

static void
connect_sut_on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = greeting_on_bytes, .on_end = greeting_on_end, .on_broken = greeting_on_broken};
    struct waiting *waiting = arg;

    waiting->connecting = NULL;
    waiting->stream = stream;
    if (stream == NULL)
        try_again(waiting);
    else
        stream_set_events(stream, &events, waiting);
}

static void
connect_sut(void *arg)
{
    struct waiting *waiting = arg;
    const struct sut_setup *setup = waiting->sut->setup;

    waiting->connecting = network_connect(waiting->network, &setup->campaign, &setup->listen,
        WAIT_S * US_PER_S * setup->speed, connect_sut_on_connected, waiting);
}

/* Its port may be open long before, or without, anybody to speak there. */
static void
look_on_timer(void *arg)
{
    struct waiting *waiting = arg;
    const struct sut_setup *setup = waiting->sut->setup;
    struct text words = {0};

    waiting->has_ended = !sut_is_running(waiting->sut, NULL);
    waiting->has_complained = sut_complains(setup->config->kind, &words);
    text_release(&words);
    if (waiting->has_ended || waiting->has_complained)
        loop_stop(waiting->loop);
    else
        timer_arm(waiting->loop, &waiting->look,
            loop_now_us(waiting->loop) + LOOK_MS * US_PER_MS * setup->speed, look_on_timer,
            waiting);
}

/* The loop that waits goes as fast as the clock of the sut, so in the end it knows what that shows. */
static bool
wait_for_greeting(struct waiting *waiting, struct error *err)
{
    const struct sut_setup *setup = waiting->sut->setup;
    bool is_fine;

    connect_sut(waiting);
    look_on_timer(waiting);
    is_fine = loop_run(waiting->loop, WAIT_S * US_PER_S * setup->speed, err);
    connecting_cancel(&waiting->connecting);
    stream_close(&waiting->stream);
    timer_cancel(waiting->loop, &waiting->retry);
    timer_cancel(waiting->loop, &waiting->look);
    if (!is_fine || waiting->has_greeted)
        return is_fine;
    if (waiting->has_complained)
        return fail_with_its_words(waiting->sut, "does not take mail", err);
    if (waiting->has_ended)
        return fail_with_its_words(waiting->sut, "ended right after its start", err);
    return fail_with_its_words(waiting->sut, "does not take mail 30 s after its start", err);
}

static bool
start(struct sut *sut, int64_t *wall_us, struct error *err)
{
    static const struct network_net_options options = {.allow_any = true};
    struct waiting waiting = {.sut = sut};
    bool is_started;

    waiting.loop = loop_net_new(0, sut->setup->speed, err);
    if (waiting.loop == NULL)
        return false;
    waiting.network = network_net_new(waiting.loop, &options);
    is_started = spawn(sut, err) && wait_for_greeting(&waiting, err);
    *wall_us = loop_wall_us(waiting.loop);
    network_free(&waiting.network);
    loop_free(&waiting.loop);
    return is_started;
}

struct sut *
sut_start(const struct sut_setup *setup, int64_t *wall_us, struct error *err)
{
    struct sut *sut = mem_alloc_zeroed(sizeof *sut);

    sut->setup = setup;
    sut->kind = sut_kind(setup->config->kind);
    if (prepare(setup, err) && sut->kind->write_files(setup, err) && start(sut, wall_us, err))
        return sut;
    sut_free(&sut);
    return NULL;
}

void
sut_free(struct sut **sut)
{
    if (*sut == NULL)
        return;
    if ((*sut)->pid > 0 && !(*sut)->has_ended)
        kill((*sut)->pid, SIGKILL); /* its children end with the namespace */
    mem_free(*sut);
    *sut = NULL;
}

bool
sut_is_running(struct sut *sut, struct error *err)
{
    int status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == sut->pid) {
            sut->has_ended = true;
            sut->status = status;
        }
    if (sut->has_ended && err != NULL)
        fail_with_its_words(sut, "has ended by itself", err);
    return !sut->has_ended;
}
