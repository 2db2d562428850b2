/* report.h - what a mail system says of a message it took: delivery status notifications (RFC 3464)
 * inside multipart/report (RFC 6522), written and read.
 *
 * Reading is for mail that anybody may have written: whatever it is, the answer is a struct report,
 * and `is_dsn` says whether there was a delivery status in it.
 *
 * Ownership  what is written is only looked at. What was read is owned by the report; a zeroed one is
 *            empty, and report_release() makes it so.
 * Errors     none. Only the first REPORT_BYTES_MAX bytes of a message are looked at, and no more than
 *            REPORT_RECIPIENTS_MAX recipients. */
#ifndef MTALAB_REPORT_H
#define MTALAB_REPORT_H

#include "base/mem.h"
#include "smtp/event.h"

enum { REPORT_BYTES_MAX = 1048576, REPORT_RECIPIENTS_MAX = 500 };

struct report_recipient {      /* one group of fields, RFC 3464 2.3 */
    struct slice original;     /* Original-Recipient, without its type; may be empty */
    struct slice address;      /* Final-Recipient, the same */
    enum dsn_kind action;      /* DSN_OTHER: none that RFC 3464 knows */
    struct enhanced_code code; /* Status; class 0: none */
    struct slice diagnostic;   /* Diagnostic-Code, without its type: "550 5.1.1 unknown" */
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

struct report {
    bool is_dsn;
    struct slice host;       /* Reporting-MTA, without its type */
    struct slice message_id; /* of the message it is about, without brackets; empty: not told */
    struct report_recipient *recipients;
    size_t recipients_count;
    struct arena arena;
};

/* `content` with any line ends, dots not doubled. */
void report_read(struct slice content, struct report *report);
void report_release(struct report *report);

#endif
