/* twins.h - the same run twice: the second must tell the same story, entry by entry. */
#ifndef MTALAB_TWINS_H
#define MTALAB_TWINS_H

#include "scenarios/world.h"

enum twins_verdict {
    TWINS_AGREE,
    TWINS_DIFFER,  /* `err` names the first record of the journal that differs */
    TWINS_STOPPED, /* options->on_progress ended one of them early: nothing can be said */
    TWINS_BROKEN,  /* one of them could not be run: `err` */
};

enum twins_verdict twins_compare(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err);

#endif
