/* controller.h - who finds out how much a destination site may get.
 *
 * A controller is told what happens to the sessions of one site, or of one of our source IPs at it:
 * who was turned away, what was accepted or refused and in which words, after how many messages a
 * session was cut. It answers how many connections there should be, how many messages on each, how
 * many recipients in a transaction, and when the next message may start. What the operator set in the
 * MX rule (mta/shaping.h) is a bound that holds beside it.
 *
 * It never sleeps, reads no clock and asks no dice: the same signals give the same answers. It decides
 * in integers. Each change of mind is told, with the reply that caused it.
 *
 * Units      *_us are microseconds of loop time; paces are those of mta/pacer.h.
 * Ownership  controller_new() gives it to the caller; the rule and the automation are borrowed. */
#ifndef MTALAB_CONTROLLER_H
#define MTALAB_CONTROLLER_H

#include "mta/mta.h"
#include "mta/reply_type.h"

struct controller;

enum signal_kind {
    SIGNAL_OPENED,      /* a session is past its EHLO */
    SIGNAL_TURNED_AWAY, /* a session ended before a message could be offered */
    SIGNAL_ACCEPTED,    /* a message */
    SIGNAL_ANSWERED,    /* a message got a 4xx or 5xx */
    SIGNAL_CUT,         /* a session was cut before the answer to its message, without a word */
};

struct signal {
    enum signal_kind kind;
    int64_t now_us;
    enum smtp_stage stage;
    const struct smtp_reply *reply; /* the server's; NULL: there was none */
    struct slice host;              /* the MX host's name */
    struct reply_type type;         /* of the reply; subject REPLY_UNTYPED without one */
    uint32_t connections_open;      /* of this controller, the one that is told of included */
    uint32_t connections_ready;     /* of these, past their EHLO */
    uint32_t session_messages;      /* accepted on this session before */
    uint32_t recipients_accepted;   /* of this transaction, before */
    int64_t took_us;                /* from the start of the transaction to this */
};

struct controller_change { /* valid during the call */
    const char *what;      /* "pace", "connections", "messages_per_connection", "hold", … */
    struct slice from, to; /* for people: "12/min" */
    const char *because;   /* "throttled", "probe", … */
    int64_t next_probe_us; /* 0: none is planned */
    const struct signal *evidence; /* NULL: time passed */
    struct slice rule;             /* of the automation that did it; length 0: none */
};
typedef void controller_tell_fn(void *arg, int64_t now_us, const struct controller_change *change);

struct controller *controller_new(
    const struct mx_rule *rule, int64_t now_us, controller_tell_fn *tell, void *arg);
void controller_free(struct controller **controller);
/* Whom an oracle asks; before anything else is done with it. Others do not. */
void controller_ask(
    struct controller *controller, site_truth_fn *truth, void *arg, struct slice host);

/* What it is to do about replies, for those that do as rules say; NULL: nothing. What was counted
 * towards the rules of before is forgotten. */
void controller_automate(struct controller *controller, struct automation *automation);

/* What kind of controller an MX rule asks for. */
struct controller_nature {
    bool is_typed;       /* wants to know the type of replies */
    bool is_per_source;  /* one for each source IP of ours; else one for the site */
    bool is_decoupled;   /* the site's trouble is not a try of the message that met it */
    bool is_one_for_one; /* a session that is turned away costs one message its try, not all */
    /* All who wait have had their try when no host could be reached so often in a row, … */
    uint32_t failures_max;  /* 0: the first time */
    int64_t failing_us_max; /* … or for so long; 0: however long it takes */
    int64_t rest_us;        /* from one such time to the next */
};
struct controller_nature controller_nature(const struct mx_rule *rule);
const char *controller_name(enum controller_kind kind);

void controller_signal(struct controller *controller, const struct signal *signal);
/* A try of a recipient has its verdict: CLASS_NONE, it was delivered. */
void controller_outcome(struct controller *controller, enum bounce_class class, int64_t now_us);
/* Somebody complains about a message that went this way. */
void controller_complaint(struct controller *controller, int64_t now_us);

/* How many connections there should be for so many waiting messages. */
uint32_t controller_connections(struct controller *controller, uint32_t waiting, int64_t now_us);
uint32_t controller_messages_per_connection(const struct controller *controller);
uint32_t controller_recipients_per_transaction(const struct controller *controller);
/* How far tries are apart now; 0: as the retry schedule says. */
int64_t controller_retry_us(const struct controller *controller);
/* The first instant at which a message may start, or a session be opened: now or earlier is now. */
int64_t controller_ready_at_us(struct controller *controller, int64_t now_us);
/* A message starts. */
void controller_take(struct controller *controller, int64_t now_us);

/* One line for people: what it holds to be true, and when it looks again. */
void controller_describe(const struct controller *controller, int64_t now_us, struct text *out);

#endif
