/* dry_run.h - the analysis of every delivery before anything is sent: who will be sent to, who is
 * left out and why, and what each MX site will get. */
#ifndef MTALAB_DRY_RUN_H
#define MTALAB_DRY_RUN_H

#include "scenarios/scenario.h"

bool dry_run(const struct scenario *scenario, struct text *out, struct error *err);

#endif
