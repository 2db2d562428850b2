/* pattern.h - globs on mail addresses: "gone-*", "*@bigmail.test", "<>".
 *
 * Without '@' a pattern speaks of the local part. Case matters there, and not in the domain.
 *
 * Ownership  a pattern points into the text it was made from. */
#ifndef MTALAB_PATTERN_H
#define MTALAB_PATTERN_H

#include <stdbool.h>

#include "base/text.h"

struct pattern {
    struct slice local, domain;
    bool is_any; /* matches whatever there is, without a look */
    bool has_domain;
    bool is_null_sender;
};

struct pattern pattern_of(struct slice text); /* "": any */
bool pattern_matches(const struct pattern *pattern, struct slice address);

/* What stands behind the last '@'; empty without one. */
struct slice address_domain(struct slice address);

#endif
