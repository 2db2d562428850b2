/* twins.h - the same run twice: the second must tell the same story, entry by entry. */
#ifndef MTALAB_TWINS_H
#define MTALAB_TWINS_H

#include "scenarios/world.h"

/* False: they differ (or one broke); `err` then names the first entry that does. */
bool twins_agree(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err);

#endif
