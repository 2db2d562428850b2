/* dialect.h - how a program of the field words the mail that it sends back: a template per dialect.
 *
 * A file of fakeisp/dialects/ has comments ('#'), a few keys, a line of three dashes, and the letter
 * with its header:
 *
 *   kind: bounce                     bounce, auto_reply, challenge, complaint or feedback
 *   actions: failed delayed          of a bounce, what it can report; default: failed
 *   sender: null                     MAIL FROM: null (the default), recipient or postmaster
 *   ---
 *   Subject: Undeliverable: %{subject}
 *   %if full                         any of the words behind it; %elif, %else, %end
 *   %encode base64 koi8-r            what follows in another charset and encoding, up to its %end
 *
 * A line is ASCII, except within %encode. %{name} is a value (the table in dialect_read.c);
 * %{json:name} and %{html:name} have it quoted; %{word:CHARSET:text} is an encoded word (RFC 2047),
 * %{raw:CHARSET:text} the bytes themselves. A line that starts with %% starts with one %.
 *
 * All of it is checked when the file is read, so that rendering cannot fail.
 *
 * Ownership  a dialect lives in the arena it was read into; it points into its text.
 * Errors     ERROR_CONFIG, with file, line and column. */
#ifndef MTALAB_DIALECT_H
#define MTALAB_DIALECT_H

#include "base/error.h"
#include "base/mem.h"
#include "smtp/event.h"

enum {
    DIALECT_BYTES_MAX = 65536, /* of a file */
    DIALECT_DEPTH_MAX = 8,     /* blocks in blocks */
    DIALECT_VALUE_MAX = 500    /* bytes of a value, but for a header */
};

enum dialect_kind {
    DIALECT_BOUNCE,
    DIALECT_AUTO_REPLY,
    DIALECT_CHALLENGE,
    DIALECT_COMPLAINT,
    DIALECT_FEEDBACK, /* to where complaints go, and none */
};

enum dialect_sender { DIALECT_FROM_NULL, DIALECT_FROM_RECIPIENT, DIALECT_FROM_POSTMASTER };

enum dialect_slot {
    VALUE_TO,   /* who gets the letter */
    VALUE_RCPT, /* whom it is about: "kim@isp.test"; its parts; as the sender wrote it */
    VALUE_RCPT_LOCAL,
    VALUE_RCPT_DOMAIN,
    VALUE_RCPT_ORIGINAL,
    VALUE_SENDER, /* the return path of the message, and its parts */
    VALUE_SENDER_LOCAL,
    VALUE_SENDER_DOMAIN,
    VALUE_FROM, /* the address in its From */
    VALUE_FROM_DOMAIN,
    VALUE_SUBJECT,    /* its Subject, as written */
    VALUE_MESSAGE_ID, /* without brackets */
    VALUE_HEADER,     /* its header, lines; the value has its last CRLF */
    VALUE_HEADER_REDACTED,
    VALUE_DIAGNOSTIC, /* "550 5.1.1 no such user" */
    VALUE_TEXT,       /* "no such user" */
    VALUE_CODE,       /* "550" */
    VALUE_STATUS,     /* "5.1.1" */
    VALUE_HOST,       /* who says so: "mx1.isp.test", its domain, its address */
    VALUE_DOMAIN,
    VALUE_ADDRESS,
    VALUE_SOURCE, /* the address that the message came from */
    VALUE_DATE,   /* now, RFC 5322; RFC 3339; seconds of the epoch */
    VALUE_DATE_ISO,
    VALUE_DATE_UNIX,
    VALUE_DATE_ACCEPTED, /* when the message came, the same two forms */
    VALUE_DATE_ACCEPTED_ISO,
    VALUE_HOURS, /* since then, at least 1 */
    VALUE_ID,    /* of this letter: 16 digits; a queue's: 10, capitals */
    VALUE_QUEUE,
    VALUE_BOUNDARY, /* is met nowhere in the header */
    DIALECT_SLOTS_COUNT,
};

enum dialect_condition { /* bits */
    IF_FAILED = 1,
    IF_DELAYED = 1 << 1,
    IF_DELIVERED = 1 << 2,
    IF_UNKNOWN = 1 << 3, /* no such mailbox */
    IF_DISABLED = 1 << 4,
    IF_FULL = 1 << 5,
    IF_LARGE = 1 << 6,
    IF_DOMAIN = 1 << 7,
    IF_NETWORK = 1 << 8,
    IF_EXPIRED = 1 << 9,
    IF_BLOCKED = 1 << 10,
    IF_CONTENT = 1 << 11,
    IF_REFUSED = 1 << 12,
    IF_RELAY = 1 << 13,
    IF_HEADER = 1 << 14, /* the message's header is known */
};

struct dialect_op {
    enum dialect_op_kind {
        OP_TEXT,
        OP_VALUE,
        OP_JSON_VALUE,
        OP_HTML_VALUE,
        OP_WORD, /* `text` in `charset` */
        OP_RAW,
        OP_UNLESS, /* any condition holds, go to `target` */
        OP_GO,
        OP_ENCODE,
        OP_END_ENCODE,
    } kind;
    enum dialect_slot slot;
    enum dialect_encoding { ENCODE_PLAIN, ENCODE_BASE64, ENCODE_QUOTED_PRINTABLE } encoding;
    uint32_t conditions;
    size_t target;
    struct slice text, charset;
};

struct dialect {
    struct slice name; /* its file's, without directory and ending */
    enum dialect_kind kind;
    enum dialect_sender sender;
    uint32_t actions; /* 1 << DSN_FAILED … */
    const struct dialect_op *ops;
    size_t ops_count;
};

struct dialect_values {
    struct slice slots[DIALECT_SLOTS_COUNT];
    uint32_t conditions;
};

bool dialect_read(struct dialect *dialect, const char *filename, struct slice text,
    struct arena *arena, struct error *err) MUST_USE;

/* Appended; lines end in CRLF, dots are not doubled. Values are foreign bytes: what may not stand in
 * a line becomes '?'. */
void dialect_render(
    const struct dialect *dialect, const struct dialect_values *values, struct text *out);

/* ---- those that are built in ---- */

struct dialects {
    const struct dialect *list; /* by directory and name */
    size_t count;
};

/* A bug in a file of ours is an error like any other. */
bool dialects_read_all(struct dialects *dialects, struct arena *arena, struct error *err) MUST_USE;

/* Can it stand where that kind is asked for? A challenge can for an auto reply, feedback for a
 * complaint. */
bool dialect_serves_as(const struct dialect *dialect, enum dialect_kind kind);

/* Which of them a style means: one by its name that serves as that kind, or "any": all of that kind that can report the action (DSN_NONE: whatever). Among bounces
 * NULL stands for "rfc3464", which is no template. The answer is how many, into an array of the
 * arena. */
size_t dialects_find(const struct dialects *dialects, enum dialect_kind kind, struct slice style,
    enum dsn_kind action, const struct dialect *const **found, struct arena *arena);
/* The nearest name, if it may be a slip; NULL otherwise. In the arena. */
const char *dialects_nearest(const struct dialects *dialects, enum dialect_kind kind,
    struct slice style, struct arena *arena);

#endif
