/* letter.h - what a delivery sends: the same content for everybody but for the name.
 *
 * Made to be written fast: all but the name, the key of the return path and the date is put together
 * once per delivery. Nothing in it begins with a dot, so wire form needs no stuffing.
 *
 * Ownership  a zeroed letter is valid and empty. */
#ifndef MTALAB_LETTER_H
#define MTALAB_LETTER_H

#include "scenarios/campaign.h"

enum { LETTER_PARTS = 7 };

struct letter {
    struct text parts[LETTER_PARTS]; /* between the places where something is filled in */
};

/* `key` names the delivery in header fields: plain ASCII. body_bytes does not count the name. */
void letter_init(struct letter *letter, const struct campaign_config *campaign, struct slice key,
    uint32_t body_bytes);
void letter_release(struct letter *letter);

struct letter_values {
    struct slice rcpt; /* empty: several, which learn nothing of each other */
    struct slice key;  /* of this message: "spring-1z" */
    struct slice date; /* RFC 5322 */
};

/* Content in wire form, without the final dot. */
void letter_write(
    const struct letter *letter, const struct letter_values *values, struct text *out);

#endif
