/* report.h - mail that comes back, written and read: delivery status notifications (RFC 3464) inside
 * multipart/report (RFC 6522), what older systems say in words of their own, complaints (RFC 5965),
 * automatic answers (RFC 3834) and challenges.
 *
 * Reading is for mail that anybody may have written: whatever it is, the answer is a struct report.
 * It says of what kind the mail is, which recipients it speaks of, and what was said about each.
 *
 * Ownership  what is written is only looked at. What was read is owned by the report, and lives until
 *            report_release(); a zeroed report is empty, and report_release() makes it so.
 * Errors     none. Time and memory are bounded by the constants below; what they cut off is told in
 *            `trouble`, and what was read before counts. */
#ifndef MTALAB_REPORT_H
#define MTALAB_REPORT_H

#include "base/mem.h"
#include "smtp/event.h"

enum {
    REPORT_BYTES_MAX = 1048576,  /* of a message that are looked at */
    REPORT_RECIPIENTS_MAX = 500, /* in one report; more are not read */
    REPORT_PARTS_MAX = 64,       /* of MIME, however deep */
    REPORT_DEPTH_MAX = 10,       /* parts in parts, and reports about reports */
    REPORT_FIELDS_MAX = 1000,    /* header fields of one part that are looked at */
    REPORT_TEXT_MAX = 8192,      /* bytes of text for people; as far as Momentum looks, too */
    REPORT_HOPS_MAX = 50,        /* Received fields; more is a loop (RFC 5321 6.3 says 100) */
};

enum report_kind {
    REPORT_NOTBOUNCE, /* anything else: mail from people, from lists */
    REPORT_BOUNCE,    /* not delivered, and nobody tries any more */
    REPORT_DELAY,     /* not delivered yet */
    REPORT_SUCCESS,   /* delivered, relayed, expanded */
    REPORT_AUTOREPLY, /* delivered, and a program answered for somebody */
    REPORT_CHALLENGE, /* kept until the sender proves to be a person */
    REPORT_FBL,       /* a feedback report: somebody complains, mostly */
    REPORT_KINDS_COUNT,
};

const char *report_kind_name(enum report_kind kind); /* "notbounce", "bounce", … */
bool report_kind_from_name(struct slice name, enum report_kind *kind);

enum report_trouble {
    REPORT_FINE,
    REPORT_TOO_LARGE,       /* more than REPORT_BYTES_MAX bytes */
    REPORT_TOO_DEEP,        /* more than REPORT_DEPTH_MAX levels */
    REPORT_TOO_MANY_PARTS,  /* more than REPORT_PARTS_MAX */
    REPORT_TOO_MANY_FIELDS, /* more than REPORT_FIELDS_MAX in a header */
    REPORT_TOO_MANY_RECIPIENTS,
    REPORT_LOOP, /* more than REPORT_HOPS_MAX hops */
    REPORT_TROUBLES_COUNT,
};

/* For the log, one line without its end: "more than 64 parts: the rest was not read"; "" for none. */
const char *report_trouble_text(enum report_trouble trouble);

struct report_recipient {  /* one group of fields, RFC 3464 2.3, or what was told instead */
    struct slice original; /* Original-Recipient, without its type; may be empty */
    struct slice address;  /* Final-Recipient, the same; never empty in a report that was read */
    enum dsn_kind action;  /* DSN_OTHER: none that RFC 3464 knows */
    struct enhanced_code code; /* Status, or what the diagnostic says; class 0: none */
    uint16_t smtp_code;        /* of the reply in the diagnostic; 0: none */
    struct slice diagnostic;   /* Diagnostic-Code, without its type: "550 5.1.1 unknown" */
    struct slice words;        /* what the text for people says about this one; may be empty */
};

struct report_letter { /* to be written */
    struct slice from; /* header From: an address */
    struct slice to;   /* the return path */
    struct slice host; /* who says so (Reporting-MTA) */
    struct slice id; /* tells this report from others, at this host: letters, digits, '.' and '-' */
    int64_t wall_us;
    const struct report_recipient *recipients; /* at least one; `original` defaults to `address` */
    size_t recipients_count;
    struct slice
        returned_header; /* of the message it is about, lines ending in CRLF; may be empty */
};

/* Lines end in CRLF, dots are not doubled. Bytes that a field may not hold become '?'. */
void report_write(struct text *out, const struct report_letter *letter);

struct report_feedback { /* RFC 5965 3; empty where not told */
    struct slice type;   /* Feedback-Type: "abuse" */
    struct slice user_agent;
    struct slice mail_from; /* Original-Mail-From, without brackets */
    struct slice rcpt;      /* Original-Rcpt-To, the first */
    struct slice source_ip;
};

struct report {
    enum report_kind kind;
    enum report_trouble trouble;
    bool is_dsn;       /* there was a delivery status (RFC 3464) in it */
    struct slice from; /* of the report itself: header From, decoded to UTF-8 */
    struct slice subject;
    struct slice host; /* Reporting-MTA, without its type */
    struct slice text; /* for people, in UTF-8, up to where the returned message begins */
    struct report_recipient *recipients;
    size_t recipients_count;
    uint32_t hops; /* Received fields */
    /* Of the message it is about; empty: not told. */
    struct slice message_id;       /* without brackets */
    struct slice return_path;      /* its envelope sender, without brackets */
    struct slice original_subject; /* in UTF-8 */
    struct report_feedback feedback;
    struct arena arena;
};

/* `content` with any line ends, dots not doubled. */
void report_read(struct slice content, struct report *report);
void report_release(struct report *report);

/* Some feedback takes a complaint back (RFC 6430), or is about signatures (RFC 6591). */
bool report_complains(const struct report *report);

/* One report may speak of failures and of delays: what it is for this recipient. */
enum report_kind report_kind_for(const struct report *report, size_t recipient);

#endif
