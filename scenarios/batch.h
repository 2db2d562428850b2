/* batch.h - many files, many seeds, several processes, one verdict: what `mtalab run` and `check`
 * do. */
#ifndef MTALAB_BATCH_H
#define MTALAB_BATCH_H

#include "scenarios/options.h"
#include "scenarios/run.h"

enum exit_code batch_run(const struct options *options);

#endif
