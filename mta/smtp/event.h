/* event.h - what an entry of the journal says: one thing that happened to mail.
 *
 * An event is a plain record of 64 bytes, followed by the envelope it is about (return path and
 * recipient), if it is about one. Strings are names of the journal (base/journal.h); 0 is "none",
 * as for every field that does not apply. One writer per kind; the table of kinds and fields is that
 * of the scenario language. */
#ifndef MTALAB_EVENT_H
#define MTALAB_EVENT_H

#include "base/journal.h"
#include "smtp/reply.h"
#include "smtp/stage.h"
#include "smtp/verdict.h"

enum event_kind {
    EVENT_SUBMITTED = 1, /* campaign: offered to the MTA */
    EVENT_RELAYED,       /* campaign: the MTA took it (250 after the final dot) */
    EVENT_CONNECT,       /* MTA: one connection tried, with its outcome */
    EVENT_TLS,           /* MTA: its handshake */
    EVENT_ATTEMPT,       /* MTA: one try of one recipient has its result */
    EVENT_DEFERRED,      /* MTA: that result is "later" */
    EVENT_ACCEPTED,      /* ISP: took responsibility */
    EVENT_BOUNCE_SOFT,   /* campaign: this feedback was applied to the delivery log */
    EVENT_BOUNCE_HARD,
    EVENT_DELIVERED,
    EVENT_EXPIRED,
    EVENT_DSN_SENT,
    EVENT_DSN_RECEIVED,
    EVENT_FBL_RECEIVED,
    EVENT_QUARANTINE, /* campaign: an address was quarantined */
    EVENT_LIMIT_HIT,  /* ISP: a limit answered */
    EVENT_MX_CHANGED, /* MTA: a controller changed a value */
    /* Below: told for the story and the series; not for `when:` and `count`, but for the last two. */
    EVENT_REFUSED,   /* ISP: answered no to a recipient, or to all that were open */
    EVENT_SESSION,   /* ISP: a connection was opened or closed (outcome) */
    EVENT_TIMELINE,  /* world: a label began or ended, a fault came or went, a value was set */
    EVENT_DELIVERY,  /* campaign: a delivery changed its state (text) */
    EVENT_EXCLUDED,  /* campaign: analysis left this row out (reason) */
    EVENT_CANCELLED, /* campaign: this row will not be relayed any more */
    EVENT_RECEIVED,  /* MTA: took a recipient in; only where no campaign tells it */
    EVENT_AUTH,      /* ISP: what one method of authentication (rule) found (outcome, text) */
    /* MTA: mail that came back was read in part only (outcome cut), or not taken (refused); the text
     * says why. */
    EVENT_DSN_TROUBLE,
    EVENT_KINDS_COUNT,
};

enum event_outcome {
    OUTCOME_NONE,
    OUTCOME_OK, /* connect, tls */
    OUTCOME_REFUSED,
    OUTCOME_UNREACHABLE,
    OUTCOME_TIMED_OUT,
    OUTCOME_RESET,
    OUTCOME_DELIVERED, /* attempt */
    OUTCOME_DEFERRED,
    OUTCOME_FAILED,
    OUTCOME_OPENED, /* session, timeline */
    OUTCOME_CLOSED,
    OUTCOME_SET,
    OUTCOME_NOT_OFFERED, /* tls; refused and timed_out as well */
    OUTCOME_CUT,
    OUTCOME_ALERT,
    OUTCOME_EXPIRED,
    OUTCOME_WRONG_NAME,
    OUTCOME_SELF_SIGNED,
    OUTCOME_UNKNOWN_CA,
    OUTCOME_BAD_CERTIFICATE,
    OUTCOME_OLD_PROTOCOL,
    OUTCOME_NONSENSE,
    OUTCOME_PASS, /* auth: the results of RFC 8601 2.7 */
    OUTCOME_FAIL,
    OUTCOME_NONE_FOUND,
    OUTCOME_POLICY,
    OUTCOME_NEUTRAL,
    OUTCOME_SOFTFAIL,
    OUTCOME_TEMPERROR,
    OUTCOME_PERMERROR,
    OUTCOME_DUPLICATE, /* dsn.received, fbl.received: it has come before; … */
    OUTCOME_UNMATCHED, /* … it is about no message of ours. Neither changes anything */
    OUTCOME_HELD,      /* limit.hit: the door was shut already, … */
    OUTCOME_SHUT,      /* … this shut it, … */
    OUTCOME_ESCALATED, /* … this was the one too many: the next rung, … */
    OUTCOME_HARDENED,  /* … and this made the hold as long as it gets */
    OUTCOMES_COUNT,
};

enum dsn_kind { /* the Action of RFC 3464 2.3.3, and what else comes back */
    DSN_NONE,
    DSN_FAILED,
    DSN_DELAYED,
    DSN_DELIVERED,
    DSN_RELAYED,
    DSN_EXPANDED,
    DSN_OTHER, /* came back, and is none of all these */
    DSN_AUTO_REPLY,
    DSN_CHALLENGE,
    DSN_COMPLAINT,
    DSN_UNSUBSCRIPTION,
    DSN_KINDS_COUNT,
};

struct event {
    int64_t at_us; /* loop time; the caller fills it */
    uint8_t kind;  /* enum event_kind */
    uint8_t stage; /* enum smtp_stage */
    uint8_t class, reason, type;
    uint8_t outcome;     /* enum event_outcome */
    uint8_t dsn_kind;    /* enum dsn_kind */
    uint8_t has_verdict; /* class, reason and type mean something; of what an ISP writes the class
                          * alone: the true cause, which the other side has to find out */
    uint16_t code;
    uint16_t attempt;
    uint32_t enhanced; /* enhanced_pack() */
    uint32_t delivery; /* name of the delivery; 0 where the writer does not know it */
    uint32_t row; /* of the delivery log, from 0, beside a delivery; the MTA's own number of the
                   * message where there is none */
    uint32_t isp, host, source_ip; /* names; host as DNS has it: "mx1.bigmail.example" */
    uint32_t session;              /* number, from 1 */
    uint32_t text;                 /* name of the reply's text, or of what the kind says */
    uint32_t rule; /* name of the rule that spoke: the ISP's, or that of the bounce rules */
    uint32_t limit;
    uint16_t sender_length, rcpt_length; /* of what follows; filled by event_write() */
};
static_assert(sizeof(struct event) == 64, "no padding: the record is hashed as it stands");

enum { EVENT_ADDRESS_MAX = 512 }; /* more than any address has (smtp/address.h) */

/* `event->at_us` must be set by the caller (loop_now_us). Slices may be empty; what is longer than
 * EVENT_ADDRESS_MAX is cut. */
void event_write(
    struct journal *journal, struct event *event, struct slice sender, struct slice rcpt);
/* The reverse; the slices point into `entry`. */
void event_read(struct slice entry, struct event *event, struct slice *sender, struct slice *rcpt);

const char *event_kind_name(enum event_kind kind); /* "bounce.soft" */
bool event_kind_from_name(struct slice name, enum event_kind *kind);
const char *outcome_name(enum event_outcome outcome);
const char *dsn_kind_name(enum dsn_kind kind); /* "failed"; "none" */

/* One line of JSON without its newline, keys in a fixed order, absent fields left out: `at_us` (an
 * integer) and `event` (its kind), then the fields of the scenario language under their names. Names
 * are resolved; bytes that are not UTF-8 become what base/json.h makes of them. */
void event_to_json(struct text *out, const struct journal *journal, struct slice entry);

#endif
