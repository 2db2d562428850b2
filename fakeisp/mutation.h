/* mutation.h - what gateways and mailing lists do to a message on its way, signed or not.
 *
 * It stands in front of a host of the provider, because that is where such things happen: the sender
 * is honest, the verifier is honest, and a foreign MTA can be sent at it as well as ours. What a
 * sender does wrong himself needs none of it: a selector without record, a revoked or another key
 * are lines of `dns`, and canonicalisation and lifetime are keys of `mta.dkim`. */
#ifndef MTALAB_MUTATION_H
#define MTALAB_MUTATION_H

#include "base/text.h"

enum mutation {                    /* bits */
    MUTATION_REFOLD_SUBJECT = 1,   /* a fold more: relaxed header canonicalisation survives it */
    MUTATION_TAG_SUBJECT = 2,      /* "[list] " in front */
    MUTATION_APPEND_FOOTER = 4,    /* two lines below the body */
    MUTATION_STRIP_SIGNATURES = 8, /* no DKIM-Signature is left */
    MUTATION_ADD_BLANKS = 16,      /* at the ends of the body's lines: relaxed survives it */
};

/* `out` becomes the changed content; both have lines with CRLF and are not in wire form. */
void mutate(struct text *out, struct slice content, uint32_t mutations);

#endif
