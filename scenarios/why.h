/* why.h - one recipient's story: what was tried, what was answered, how it was understood.
 *
 * Nothing is stored for it: the run is played again, which gives the same run, and listened to. */
#ifndef MTALAB_WHY_H
#define MTALAB_WHY_H

#include "base/error.h"
#include "base/text.h"
#include "scenarios/scenario.h"

/* `recipient`: an address, its local part, or a glob on either. False: nobody like that, or the run
 * broke. At most WHY_RECIPIENTS_MAX of those who fit are told about, in the order of appearance. */
enum { WHY_RECIPIENTS_MAX = 20 };
bool why_tell(const struct scenario *scenario, uint64_t seed, struct slice recipient,
    struct text *out, struct error *err);

#endif
