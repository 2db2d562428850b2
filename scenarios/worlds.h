/* worlds.h - the same scenario in virtual time and on real sockets: the same story for every
 * recipient, and as many events of every kind.
 *
 * A recipient's story is that of each party for itself: what the campaign, the MTA and the provider
 * write down, each in its order. Who of two parties writes first is a matter of microseconds. Instants
 * differ, and with them who shares a connection with whom: events about connections (connect, tls,
 * session) and about limits, which count in time, are left out. */
#ifndef MTALAB_WORLDS_H
#define MTALAB_WORLDS_H

#include "scenarios/world.h"

enum worlds_verdict {
    WORLDS_AGREE,
    WORLDS_DIFFER,  /* `err` names the first recipient, or the kind, and both sides of the story */
    WORLDS_STOPPED, /* options->on_progress ended one of them early: nothing can be said */
    WORLDS_BROKEN,  /* one of them could not be run: `err` */
};

/* `options` as for the real one. The plan's expectations are not asked. */
enum worlds_verdict worlds_compare(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err);

#endif
