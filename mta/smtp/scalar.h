/* scalar.h - one raw text of a file as a value of its type, parameters put in. */
#ifndef MTALAB_SCALAR_H
#define MTALAB_SCALAR_H

#include "base/stream.h"
#include "base/quantity.h"
#include "smtp/schema.h"
#include "smtp/address.h"
#include "smtp/reply.h"

struct scalar {               /* what applies to the type is set */
    struct slice text;        /* with parameters put in, without unneeded space */
    struct quantity quantity; /* also of LIMIT; of WINDOW: its length */
    int64_t whole;            /* counts, bytes, us, wall us, words' values, yes: 1 */
    const struct word *word;  /* also of WINDOW */
    uint64_t min, max;        /* of a range; max UINT64_MAX: open */
    struct smtp_reply reply;
    struct mail_address mailbox;
    struct net_address address;
};

/* Reads `text` as the type of `key` says, and checks the range. What needs memory takes it from
 * `arena`. False: *err says why in one sentence; *hint may be what to do, or NULL. */
bool scalar_read(const struct schema_key *key, struct slice text, const struct params *params,
    struct arena *arena, struct scalar *scalar, struct error *err, const char **hint);

#endif
