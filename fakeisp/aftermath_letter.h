/* aftermath_letter.h - one letter that goes back, put together: what is known of it becomes the values
 * of its dialect (fakeisp/dialect.h).
 *
 * Ownership  everything is borrowed; the letter belongs to the caller. */
#ifndef MTALAB_AFTERMATH_LETTER_H
#define MTALAB_AFTERMATH_LETTER_H

#include "fakeisp/dialect.h"
#include "fakeisp/isp.h"

struct letter_facts {
    const struct isp_config *isp;
    const struct isp_host *host; /* that says so */
    const struct isp_return *what;
    const struct dialect *dialect; /* NULL: RFC 3464 */
    enum bounce_class cause;
    struct slice to, sender, rcpt; /* who gets it; return path and recipient of the message */
    struct slice header;           /* of the message, lines ending in CRLF */
    struct slice source;           /* the address that it came from */
    int64_t accepted_wall_us, now_wall_us;
    uint64_t number; /* of the letter, at this provider */
};

/* Appended: lines ending in CRLF, dots not doubled. */
void returned_letter_write(struct text *content, const struct letter_facts *facts);

/* The address in a header's From; empty: there is none. Appended. */
void returned_letter_from(struct text *out, struct slice header);

/* Whom it goes to, for a kind of return path. Appended; nothing: nobody can be told. */
void returned_letter_address(
    struct text *out, const struct isp_return *what, struct slice sender, struct slice header);

#endif
