/* arena.h - every controller against every provider, and one table: what `mtalab arena` does.
 *
 * The providers are those of scenario files, in which the MX rules are replaced, and those drawn by lot
 * from seeds (scenarios/arena_isp.h). A run is bounded in events; the same arguments give the same
 * table, however many processes share the work. */
#ifndef MTALAB_ARENA_H
#define MTALAB_ARENA_H

#include "scenarios/options.h"
#include "scenarios/run.h"

enum exit_code arena_run(const struct options *options);

#endif
