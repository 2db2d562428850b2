/* mistyping.h - replies misread on purpose: what is right typing worth to a controller?
 *
 * For experiments only (typing_accuracy of an MX rule). The draws of a stream are the same whatever the
 * share: what is misread at 90 % is misread at 75 % too.
 *
 * Ownership  what is returned points where `type` points. */
#ifndef MTALAB_MISTYPING_H
#define MTALAB_MISTYPING_H

#include "base/rng.h"
#include "mta/reply_type.h"

/* With another subject in `ppm` of a million cases. Its rule is then "mistyped", its group none; scope
 * and hint stay, they are read from other words. */
struct reply_type mistype(const struct reply_type *type, uint32_t ppm, struct rng *rng);

#endif
