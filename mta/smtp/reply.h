/* reply.h - what a server says: code, enhanced status code (RFC 3463), text, over several lines.
 *
 * The reader is incremental and forgiving about what real servers do (lines without text, codes
 * that change in the middle, no space behind the code), and typed about what it cannot use. */
#ifndef MTALAB_REPLY_H
#define MTALAB_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct enhanced_code { /* RFC 3463; class 0: none was given */
    uint8_t class;     /* 2, 4 or 5 */
    uint16_t subject, detail;
};

struct smtp_reply {
    uint16_t code; /* 200 .. 599 */
    struct enhanced_code enhanced;
    struct slice text; /* without codes; the lines of a multi-line reply joined by '\n' */
};

enum {
    REPLY_LINE_MAX = 2048,
    REPLY_LINES_MAX = 128,
    REPLY_TEXT_MAX = 8192, /* longer text is cut, the reply still ends where it ends */
};

enum reply_status {
    REPLY_COMPLETE,
    REPLY_INCOMPLETE,
    REPLY_MALFORMED, /* no code at the start of a line, an endless line, too many lines */
};

/* Reads one reply from the front of `bytes`. Complete: *used says how many bytes it took, and
 * reply->text points into `scratch` (cleared before) or into `bytes`. */
enum reply_status reply_read(
    struct slice bytes, struct text *scratch, struct smtp_reply *reply, size_t *used);

/* "451 4.2.1 mailbox busy" as a scenario writes it (code, then optional enhanced code, then text).
 * False: *why says what is missing. Codes 200-599; an enhanced code must agree in its class. */
bool reply_parse(struct slice text, struct smtp_reply *reply, const char **why);

/* A reply as logs and returned mail quote it, in one piece: any bytes are one. What it does not say is
 * 0: the code where none (200-599) stands in front, the enhanced code where none follows. A code that
 * is said twice is taken once, "550 #5.1.1 no" and "550 no (#5.1.1)" both have an enhanced code. The
 * text points into `bytes`. */
void reply_find(struct slice bytes, struct smtp_reply *reply);

/* As sent on the wire, with CRLF, one line per '\n' in the text; enhanced code on every line. */
void reply_write(struct text *out, const struct smtp_reply *reply);
/* For people, one line: "451 4.2.1 mailbox busy"; line ends become spaces. */
void reply_format(struct text *out, const struct smtp_reply *reply);

bool enhanced_parse(struct slice text, struct enhanced_code *code, struct slice *rest);
void enhanced_format(struct text *out, struct enhanced_code code); /* "5.1.1"; "" for none */

/* In one number, for records and comparisons: class x 1,000,000 + subject x 1,000 + detail. */
static inline uint32_t
enhanced_pack(struct enhanced_code code)
{
    return (uint32_t)code.class * 1000000 + (uint32_t)code.subject * 1000 + code.detail;
}

static inline struct enhanced_code
enhanced_unpack(uint32_t packed)
{
    return (struct enhanced_code){.class = (uint8_t)(packed / 1000000),
        .subject = (uint16_t)(packed / 1000 % 1000),
        .detail = (uint16_t)(packed % 1000)};
}

#endif
