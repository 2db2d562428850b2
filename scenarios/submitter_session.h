/* submitter_session.h - one SMTP session with the MTA; for submitter*.c only.
 *
 * With PIPELINING (RFC 2920) the envelope of the next message travels behind the content of this one,
 * so that a message costs one round trip. */
#ifndef MTALAB_SUBMITTER_SESSION_H
#define MTALAB_SUBMITTER_SESSION_H

#include "scenarios/submitter.h"

enum session_state {
    SESSION_AWAIT_GREETING,
    SESSION_AWAIT_EHLO,
    SESSION_AWAIT_HELO,
    SESSION_AWAIT_MAIL,
    SESSION_AWAIT_RCPT,
    SESSION_AWAIT_DATA,
    SESSION_AWAIT_FINAL_DOT,
    SESSION_AWAIT_RSET,
    SESSION_AWAIT_QUIT,
    SESSION_IDLE, /* from here on no reply is awaited */
    SESSION_CONNECTING,
    SESSION_CLOSED,
};

struct transaction {
    struct submission submission;
    struct text content;
    uint8_t *is_accepted; /* by RCPT; for each of the submission's rows */
    size_t is_accepted_capacity;
    size_t replies_count; /* to RCPT, so far */
    size_t accepted_count, settled_count;
    bool is_void; /* MAIL was answered no: what was pipelined behind it means nothing */
};

struct submitter_session {
    struct submitter *submitter;
    struct connecting *connecting;
    struct stream *stream;
    enum session_state state;
    bool has_pipelining, has_size, has_deliverby;
    struct transaction current, next;
    bool has_next; /* its envelope has been sent */
    struct text scratch;
    struct text out; /* to be written; up to `out_sent` it has been */
    size_t out_sent;
    struct timer watch; /* at or before deadline_us */
    int64_t deadline_us;
    uint64_t relayed_count;
};

struct submitter {
    struct campaign_doors doors;
    const struct submission_source *source;
    void *arg;
    struct submitter_session *sessions;
    struct timer pump, unblock;
    int64_t blocked_until_us; /* no new session before */
    int64_t delay_us;         /* that the last failure cost; 0: none since something was relayed */
};

/* The session has its stream, and waits for the greeting. */
void submitter_session_begin(struct submitter_session *session, struct stream *stream);
/* An idle session takes up work, if there is any. */
void submitter_session_resume(struct submitter_session *session);
void submitter_session_release(struct submitter_session *session);

/* The session is over (closed, and its messages given back). has_failed: without having relayed
 * anything, and not because we wanted it to end. */
void submitter_on_session_over(struct submitter *submitter, bool has_failed);

#endif
