/* many_sessions.c - so many SMTP sessions at once, a message on each, and every reply is looked at.
 *
 *   many_sessions PORT COUNT [PID]
 *
 * Goes to 127.0.0.1, from 64 addresses in turn. No session says MAIL before all have had their answer
 * to EHLO, and none leaves before all have had that to the final dot: so COUNT of them are open. With
 * the PID of the server it also tells what each session costs that program in memory. Exit status 1:
 * a reply was not the expected one, a session broke, or the bound of two minutes was reached. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/stream_net.h"
#include "base/unit.h"
#include "smtp/reply.h"

enum { SOURCES = 64, OPENING_MAX = 500, BOUND_S = 120 };

#define CONTENT_LINE "A line of the message, as long as a line of a message commonly is.\r\n"
#define CONTENT_8                                                                              \
    CONTENT_LINE CONTENT_LINE CONTENT_LINE CONTENT_LINE CONTENT_LINE CONTENT_LINE CONTENT_LINE \
        CONTENT_LINE

static const struct step {
    const char *say;
    uint16_t code;  /* of the reply to it */
    bool waits_all; /* for all the others, after that reply */
} steps[] = {
    {"",                                                                   220, false},
    {"EHLO client.test\r\n",                                               250, true },
    {"MAIL FROM:<sender@client.test>\r\n",                                 250, false},
    {"RCPT TO:<recipient@dest.test>\r\n",                                  250, false},
    {"DATA\r\n",                                                           354, false},
    {"Subject: one of many\r\n\r\n" CONTENT_8 CONTENT_8 CONTENT_8 ".\r\n", 250, true },
    {"QUIT\r\n",                                                           221, false},
};

struct crowd;

struct session {
    struct crowd *crowd;
    struct stream *stream;
    uint32_t step;
    bool is_over;
};

struct crowd {
    struct loop *loop;
    struct network *network;
    struct net_address server;
    struct timer bound;
    struct session *sessions;
    uint32_t count, opened, greeted, waiting, over, failed;
    uint32_t waiting_step;
    long pid;
    uint64_t bytes_before, kernel_before;
    int64_t since_us;
};

/* ---- memory ---- */

static uint64_t
resident_bytes(long pid)
{
    char filename[64];
    unsigned long total, resident = 0;
    FILE *file;

    snprintf(filename, sizeof filename, "/proc/%ld/statm", pid);
    file = fopen(filename, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What the kernel holds in small objects, sockets among them, for the whole machine. */
static uint64_t
kernel_bytes(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    unsigned long kib = 0;
    char line[128];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "Slab: %lu", &kib) != 1)
        ;
    fclose(file);
    return kib * 1024;
}

static int64_t
each(const struct crowd *crowd, uint64_t now, uint64_t before)
{
    return ((int64_t)now - (int64_t)before) / (int64_t)crowd->count;
}

static void
tell_figures(struct crowd *crowd, const char *what)
{
    int64_t now_us = loop_now_us(crowd->loop), took_ms = (now_us - crowd->since_us) / US_PER_MS;

    printf("%u sessions %s after %lld.%03lld s", (unsigned)crowd->count, what,
        (long long)(took_ms / 1000), (long long)(took_ms % 1000));
    if (crowd->pid > 0)
        printf("; memory of the server %lld bytes each, of the kernel for both ends %lld",
            (long long)each(crowd, resident_bytes(crowd->pid), crowd->bytes_before),
            (long long)each(crowd, kernel_bytes(), crowd->kernel_before));
    printf("\n");
    crowd->since_us = now_us;
}

/* ---- the crowd ---- */

static void open_more(struct crowd *crowd);

static void
say(struct session *s)
{
    stream_write(s->stream, steps[s->step].say, strlen(steps[s->step].say));
}

static void
go_on_together(struct crowd *crowd)
{
    tell_figures(crowd, crowd->waiting_step == 1 ? "open" : "have delivered");
    crowd->waiting = 0;
    crowd->waiting_step = COUNT_OF(steps) - 2;
    for (uint32_t i = 0; i < crowd->count; i++) {
        struct session *s = &crowd->sessions[i];

        if (s->is_over)
            continue;
        s->step++;
        say(s);
    }
}

static void
look_who_waits(struct crowd *crowd)
{
    if (crowd->over == crowd->count)
        loop_stop(crowd->loop);
    else if (crowd->waiting > 0 && crowd->waiting + crowd->over == crowd->count)
        go_on_together(crowd);
}

static void
end_session(struct session *s, bool is_good)
{
    if (s->stream != NULL)
        stream_close(&s->stream);
    s->is_over = true;
    s->crowd->over++;
    if (!is_good)
        s->crowd->failed++;
    look_who_waits(s->crowd);
}

static void
complain(struct session *s, const char *what)
{
    if (s->crowd->failed < 5)
        fprintf(
            stderr, "session %td, step %u: %s\n", s - s->crowd->sessions, (unsigned)s->step, what);
    end_session(s, false);
}

static void
next_step(struct session *s)
{
    struct crowd *crowd = s->crowd;

    if (s->step == 0) {
        crowd->greeted++;
        open_more(crowd);
    }
    if (steps[s->step].waits_all) {
        crowd->waiting++;
        look_who_waits(crowd);
    } else if (s->step + 1 == COUNT_OF(steps)) {
        end_session(s, true);
    } else {
        s->step++;
        say(s);
    }
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct session *s = arg;
    struct smtp_reply reply;
    struct text scratch = {0};
    size_t used = 0;
    enum reply_status status = reply_read(bytes, &scratch, &reply, &used);
    bool is_good =
        status == REPLY_COMPLETE && used == bytes.length && reply.code == steps[s->step].code;

    text_release(&scratch);
    if (status == REPLY_INCOMPLETE)
        return 0;
    if (is_good)
        next_step(s);
    else
        complain(s, "not the reply that belongs here");
    return bytes.length;
}

static void
on_end(void *arg)
{
    complain(arg, "it hangs up");
}

static void
on_broken(void *arg, enum trouble trouble)
{
    complain(arg, trouble_name(trouble));
}

static const struct stream_events events = {on_bytes, NULL, on_end, on_broken};

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    struct session *s = arg;

    if (stream == NULL) {
        s->crowd->greeted++;
        complain(s, trouble_name(trouble));
        open_more(s->crowd);
        return;
    }
    s->stream = stream;
    stream_set_events(stream, &events, s);
}

/* Not all at once: more than the listener's backlog would have to ask again after a second. */
static void
open_more(struct crowd *crowd)
{
    while (crowd->opened < crowd->count && crowd->opened - crowd->greeted < OPENING_MAX) {
        struct session *s = &crowd->sessions[crowd->opened];
        struct net_address from = {
            .family = 4, .bytes = {127, 0, 1}
        };

        from.bytes[3] = (uint8_t)(1 + crowd->opened % SOURCES);
        s->crowd = crowd;
        crowd->opened++;
        network_connect(
            crowd->network, &from, &crowd->server, (int64_t)BOUND_S * US_PER_S, on_connected, s);
    }
}

static void
give_up(void *arg)
{
    struct crowd *crowd = arg;

    fprintf(stderr, "two minutes are over\n");
    crowd->failed += crowd->count - crowd->over;
    loop_stop(crowd->loop);
}

static bool
run(struct crowd *crowd, struct error *err)
{
    crowd->loop = loop_net_new(0, 1, err);
    if (crowd->loop == NULL)
        return false;
    crowd->network = network_net_new(crowd->loop, NULL);
    crowd->sessions = mem_alloc_zeroed(crowd->count * sizeof crowd->sessions[0]);
    crowd->waiting_step = 1;
    crowd->bytes_before = resident_bytes(crowd->pid);
    crowd->kernel_before = kernel_bytes();
    timer_arm(crowd->loop, &crowd->bound, (int64_t)BOUND_S * US_PER_S, give_up, crowd);
    open_more(crowd);
    return loop_run(crowd->loop, INT64_MAX, err);
}

int
main(int argc, char **argv)
{
    struct crowd crowd = {
        .server = {.family = 4, .bytes = {127, 0, 0, 1}}
    };
    uint64_t port, count, pid = 0, files = network_net_raise_limit();
    struct error err;

    if (argc < 3 || !slice_to_u64(slice_of(argv[1]), &port) || port > UINT16_MAX ||
        !slice_to_u64(slice_of(argv[2]), &count) || count == 0 || count > UINT32_MAX / 2 ||
        (argc > 3 && !slice_to_u64(slice_of(argv[3]), &pid))) {
        fprintf(stderr, "usage: many_sessions PORT COUNT [PID]\n");
        return 2;
    }
    if (files < count + 16) {
        printf("only %llu files may be open at once\n", (unsigned long long)files);
        return 77;
    }
    crowd.server.port = (uint16_t)port;
    crowd.count = (uint32_t)count;
    crowd.pid = (long)pid;
    if (!run(&crowd, &err)) {
        fprintf(stderr, "many_sessions: %s\n", err.text);
        return 1;
    }
    tell_figures(&crowd, "have left");
    printf("%u failed; this process may open %llu files\n", (unsigned)crowd.failed,
        (unsigned long long)files);
    network_free(&crowd.network);
    timer_cancel(crowd.loop, &crowd.bound);
    loop_free(&crowd.loop);
    mem_free(crowd.sessions);
    return crowd.failed == 0 ? 0 : 1;
}
