/* submitter.c - brings messages to the MTA: how many sessions, and when to try again. */
#include "scenarios/submitter_session.h"

#include "base/mem.h"

enum { SESSIONS_MAX = 20, MESSAGES_PER_SESSION = 50 /* that make another one worth its while */ };

#define CONNECT_TIMEOUT_US (30 * INT64_C(1000000))
#define DELAY_US_FIRST     US_PER_MIN
#define DELAY_US_MAX       (30 * US_PER_MIN)

static void pump_on_timer(void *arg);

struct submitter *
submitter_new(const struct campaign_doors *doors, const struct submission_source *source, void *arg)
{
    struct submitter *submitter = mem_alloc_zeroed(sizeof *submitter);

    *submitter = (struct submitter){.doors = *doors, .source = source, .arg = arg};
    submitter->sessions = mem_alloc_zeroed(SESSIONS_MAX * sizeof submitter->sessions[0]);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        submitter->sessions[i].submitter = submitter;
        submitter->sessions[i].state = SESSION_CLOSED;
    }
    return submitter;
}

void
submitter_free(struct submitter **submitter)
{
    if (*submitter == NULL)
        return;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        submitter_session_release(&(*submitter)->sessions[i]);
    timer_cancel((*submitter)->doors.loop, &(*submitter)->pump);
    timer_cancel((*submitter)->doors.loop, &(*submitter)->unblock);
    mem_free((*submitter)->sessions);
    mem_free(*submitter);
    *submitter = NULL;
}

void
submitter_kick(struct submitter *submitter)
{
    if (!timer_is_armed(&submitter->pump))
        loop_post(submitter->doors.loop, &submitter->pump, pump_on_timer, submitter);
}

/* Failures of one wave count as one. */
static void
block(struct submitter *submitter)
{
    int64_t now_us = loop_now_us(submitter->doors.loop);

    if (now_us < submitter->blocked_until_us)
        return;
    submitter->delay_us = submitter->delay_us > 0 ? submitter->delay_us * 2 : DELAY_US_FIRST;
    if (submitter->delay_us > DELAY_US_MAX)
        submitter->delay_us = DELAY_US_MAX;
    submitter->blocked_until_us = now_us + submitter->delay_us;
}

void
submitter_on_session_over(struct submitter *submitter, bool has_failed)
{
    if (has_failed)
        block(submitter);
    submitter_kick(submitter);
}

static void
open_session_on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    struct submitter_session *session = arg;

    session->connecting = NULL;
    if (stream == NULL) {
        session->state = SESSION_CLOSED;
        submitter_on_session_over(session->submitter, true);
        return;
    }
    submitter_session_begin(session, stream);
}

static void
open_session(struct submitter_session *session)
{
    const struct campaign_doors *doors = &session->submitter->doors;

    session->state = SESSION_CONNECTING;
    session->connecting = network_connect(doors->network, &doors->from, &doors->mta,
        CONNECT_TIMEOUT_US, open_session_on_connected, session);
}

static size_t
count_open(const struct submitter *submitter)
{
    size_t count = 0;

    for (size_t i = 0; i < SESSIONS_MAX; i++)
        count += submitter->sessions[i].state != SESSION_CLOSED;
    return count;
}

static void
open_sessions(struct submitter *submitter, uint64_t waiting)
{
    uint64_t worth = waiting / MESSAGES_PER_SESSION + (waiting % MESSAGES_PER_SESSION > 0);
    size_t open = count_open(submitter);

    for (size_t i = 0; i < SESSIONS_MAX && open < worth; i++) {
        if (submitter->sessions[i].state != SESSION_CLOSED)
            continue;
        open_session(&submitter->sessions[i]);
        open++;
    }
}

/* Idle sessions first; then as many more as the rest is worth. */
static void
pump_on_timer(void *arg)
{
    struct submitter *submitter = arg;
    uint64_t waiting;

    for (size_t i = 0; i < SESSIONS_MAX; i++)
        submitter_session_resume(&submitter->sessions[i]);
    waiting = submitter->source->count_waiting(submitter->arg);
    if (waiting == 0)
        return;
    if (loop_now_us(submitter->doors.loop) < submitter->blocked_until_us)
        timer_arm(submitter->doors.loop, &submitter->unblock, submitter->blocked_until_us,
            pump_on_timer, submitter);
    else
        open_sessions(submitter, waiting);
}
