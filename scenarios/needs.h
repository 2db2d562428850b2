/* needs.h - what a scenario may require of the machine, and whether it is there: programs of other
 * people, with their versions, and rights.
 *
 * Errors  none: what is missing is an answer, and skips the run. */
#ifndef MTALAB_NEEDS_H
#define MTALAB_NEEDS_H

#include "scenarios/requirement.h"

bool need_is_known(struct slice name);
/* All names, for who made a slip in one; answers how many. */
size_t needs_names(const char **names, size_t max);

/* Looks. False: *why says what is missing, as the end of "requires X, …". */
bool need_is_met(const struct requirement *requirement, struct text *why);

#endif
