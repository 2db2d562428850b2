/* mistyping.c - replies misread on purpose. */
#include "mta/mistyping.h"

struct reply_type
mistype(const struct reply_type *type, uint32_t ppm, struct rng *rng)
{
    bool is_wrong = rng_odds(rng, ppm);
    uint64_t others = 1 + rng_below(rng, REPLY_SUBJECTS_COUNT - 1);
    struct reply_type told = *type;

    if (!is_wrong)
        return told;
    told.subject = (enum reply_subject)((type->subject + others) % REPLY_SUBJECTS_COUNT);
    told.group = GROUP_NONE;
    told.rule = SLICE("mistyped");
    return told;
}
