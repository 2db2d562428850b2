/* requirement.h - what must be on a machine for a scenario to run there: "postfix >= 3.5".
 *
 * A name, and with it, if it matters, a comparison with a version: `>=`, `>`, `==`, `<=` or `<`.
 * Versions are compared number by number, 3.10 is later than 3.9; what follows the numbers (p2,
 * -rc1) does not count. */
#ifndef MTALAB_REQUIREMENT_H
#define MTALAB_REQUIREMENT_H

#include "base/error.h"
#include "base/text.h"

enum version_compare {
    VERSION_ANY,
    VERSION_AT_LEAST,
    VERSION_ABOVE,
    VERSION_EXACTLY,
    VERSION_AT_MOST,
    VERSION_BELOW,
};

struct requirement {
    struct slice name;
    enum version_compare compare;
    struct slice version; /* empty: any */
};

/* False: it is none, and *err says why. Slices point into `text`. */
bool requirement_parse(struct slice text, struct requirement *requirement, struct error *err);

int version_compare(struct slice a, struct slice b); /* below, equal to or above 0 */
bool requirement_is_met_by(const struct requirement *requirement, struct slice version);
/* The first version in what a program says of itself: "3.7.11" of "mail_version = 3.7.11". False:
 * there is none. */
bool version_find(struct slice text, struct slice *version);

#endif
