/* smtp_session.h - one session of the server, for the files that share it: smtp_server.c moves bytes
 * and waits, smtp_dialogue.c hears commands and content, smtp_answer.c asks the policies and knows
 * what follows, smtp_words.c has the server's own words. */
#ifndef MTALAB_SMTP_SESSION_H
#define MTALAB_SMTP_SESSION_H

#include "fakeisp/smtp_server.h"
#include "smtp/command.h"
#include "smtp/message.h"

enum session_state {
    SESSION_AT_DOOR,     /* no banner yet */
    SESSION_FRESH,       /* banner said, no HELO yet */
    SESSION_READY,       /* no transaction */
    SESSION_MAIL,        /* sender known, no recipient accepted yet */
    SESSION_RCPT,        /* at least one recipient accepted */
    SESSION_CONTENT,     /* behind the 354 */
    SESSION_TURNED_AWAY, /* refused at the door: only QUIT is heard (RFC 5321 3.1) */
    SESSION_STATES_COUNT,
};

enum own_reply { /* what the server says on its own account */
    SAY_NOTHING,
    SAY_BANNER,
    SAY_HELLO,
    SAY_EHLO,
    SAY_EHLO_ENCRYPTED,
    SAY_START_TLS,
    SAY_TLS_UNAVAILABLE,
    SAY_BEHIND_STARTTLS,
    SAY_MAIL_OK,
    SAY_RCPT_OK,
    SAY_START_CONTENT,
    SAY_ACCEPTED,
    SAY_OK,
    SAY_VRFY,
    SAY_HELP,
    SAY_BYE,
    SAY_BAD_LINE,
    SAY_UNKNOWN_COMMAND,
    SAY_BAD_ARGUMENT,
    SAY_BAD_PARAMETER,
    SAY_NOT_IMPLEMENTED,
    SAY_BAD_SEQUENCE,
    SAY_NO_RECIPIENTS,
    SAY_TOO_LARGE,
    SAY_TOO_MANY_RECIPIENTS,
    SAY_BARE_LINE_END,
    SAY_TOO_MANY_ERRORS,
    SAY_IDLE,
    OWN_REPLIES_COUNT,
};

struct smtp_server {
    struct server_setup setup;
    struct arena arena; /* of the replies */
    struct ready_reply replies[OWN_REPLIES_COUNT];
    uint32_t rule_size, rule_recipients, rule_content; /* names of our own reasons to refuse */
    struct session *first;                             /* open, newest first */
    struct session *spares;                            /* to be used again */
    uint32_t open_count;                               /* let through at connect */
    bool wants_header;
};

struct session {
    struct session *next, *previous;
    struct smtp_server *server;
    struct stream *stream;
    enum session_state state;
    struct visit visit;
    struct visit_memory memory; /* of it */
    bool is_counted;            /* its connection was let through */
    bool is_waiting;            /* for wait_timer: nothing is read meanwhile */
    bool is_choked;             /* the peer does not take our replies */
    bool says_helo;             /* not EHLO, the last time */
    bool is_silent;             /* what it reads is ignored */
    bool is_leaving, is_aborting;
    bool is_skipping_line; /* the rest of a line that was too long */
    bool is_starting_tls;  /* STARTTLS is to be answered, and the handshake to begin */
    bool is_encrypted;
    bool is_after_refusal; /* of a MAIL or RCPT that later commands of the batch lean on */
    uint32_t errors_count;
    uint32_t idle_commands_count; /* in a row */
    int64_t active_at_us;
    struct timer wait_timer, idle_timer;
    struct text out;      /* replies of this batch */
    struct slice to_drip; /* what is left of a reply that goes byte by byte */
    int64_t drip_us;
    struct question question; /* asked last, and to be asked on after a wait */
    struct answer answer;     /* to be acted on after a wait */
    struct envelope envelope;
    /* The content. */
    struct dot_scanner scanner;
    uint64_t content_bytes;
    int64_t content_since_us;
    struct text header;
    bool is_header_over, is_content_over, is_body_asked;
    bool has_verdict; /* stage body has spoken; it is said at the dot */
    struct answer verdict;
    /* Where it comes from; only if somebody asks. */
    struct text helo, content;
    struct auth_check *check;   /* while DNS is asked */
    bool is_checked_in_between; /* the wait that is over was for it */
    bool is_authenticated;
    struct auth_results auth;
};

static inline const struct ready_reply *
own_reply(const struct session *s, enum own_reply which)
{
    return &s->server->replies[which];
}

/* smtp_server.c */
void session_say(struct session *s, const struct ready_reply *reply, int64_t drip_us);
void session_wait(struct session *s, int64_t us); /* then session_on_waited() */
void session_fall_silent(struct session *s);

/* smtp_words.c */
void server_prepare_replies(struct smtp_server *server);

/* smtp_answer.c: both answer with the state that follows, which stays as it is during a wait. */
enum session_state session_ask(struct session *s, enum smtp_stage stage);
enum session_state session_settle(struct session *s, const struct answer *answer);
void session_on_waited(struct session *s);

/* smtp_auth.c: asks where the content comes from, then about the final dot. */
enum session_state session_authenticate(struct session *s);
enum session_state session_authenticated(struct session *s);

/* smtp_dialogue.c: each moves the session on and leaves the flushing and closing to the caller. */
void session_begin(struct session *s);
void session_on_line(struct session *s, struct slice line, bool is_malformed);
size_t session_on_content(struct session *s, struct slice bytes); /* how many it used */
enum session_state session_end_content(struct session *s);
void session_on_idle(struct session *s);

#endif
