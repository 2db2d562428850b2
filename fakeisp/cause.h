/* cause.h - the true cause of a refusal, as a bounce class (smtp/verdict.h): what the ISP knows, and
 * the other side has to guess.
 *
 * Whoever says no may name it. Where nobody does it is what the enhanced status code means (RFC 3463,
 * with the additions of RFC 5248), and without one what the reply code means (RFC 5321 4.2.3). The
 * words of the reply have no part in it: they are what is judged. */
#ifndef MTALAB_CAUSE_H
#define MTALAB_CAUSE_H

#include "smtp/reply.h"
#include "smtp/verdict.h"

/* `code` is 0 in reports of delivery. CLASS_NONE: it is no refusal. */
enum bounce_class cause_of(uint16_t code, struct enhanced_code enhanced);

#endif
