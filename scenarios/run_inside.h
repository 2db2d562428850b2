/* run_inside.h - one run in a network, mounts and processes of its own, for a foreign MTA.
 *
 * Errors  as in run_apart.h; and what the kernel refuses is an outcome: EXIT_BROKEN. */
#ifndef MTALAB_RUN_INSIDE_H
#define MTALAB_RUN_INSIDE_H

#include "scenarios/run.h"

/* Fills *run anew. */
void run_inside(const struct run_request *request, struct run *run);

#endif
