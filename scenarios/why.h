/* why.h - one recipient's story: what was tried, what was answered, how it was understood.
 *
 * Nothing is stored for it: the run is played again, which gives the same run, and listened to. */
#ifndef MTALAB_WHY_H
#define MTALAB_WHY_H

#include "base/error.h"
#include "base/text.h"
#include "scenarios/scenario.h"

struct why_question {
    struct slice recipient; /* an address, its local part, or a glob on either */
    uint64_t seed;
    int64_t until_us;
    bool (*goes_on)(void); /* asked now and then; false ends the story early. May be NULL */
};

/* False: nobody like that, or the run broke. At most WHY_RECIPIENTS_MAX of those who fit are told
 * about, in the order of appearance. */
enum { WHY_RECIPIENTS_MAX = 20 };
bool why_tell(const struct scenario *scenario, const struct why_question *question,
    struct text *out, struct error *err);

#endif
