/* classify_type.h - `mta classify --type`: which limit a reply speaks of, a row per reply.
 *
 * Ownership  what is handed in is only looked at; rows are added to `out`.
 * Errors     none: every line has a type. */
#ifndef MTALAB_CLASSIFY_TYPE_H
#define MTALAB_CLASSIFY_TYPE_H

#include "mta/reply_type.h"

/* "type group scope hold rule"; behind the rule's id the words that weighed most, if words were weighed */
void classify_type_header(struct text *out);
/* The line without its end; `host` is the name of the MX host, or what is known of it. */
void classify_type(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    struct slice line, struct text *out);

#endif
