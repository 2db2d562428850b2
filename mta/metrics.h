/* metrics.h - what the MTA counts, in Prometheus's text format (version 0.0.4). */
#ifndef MTALAB_METRICS_H
#define MTALAB_METRICS_H

#include "mta/log.h"
#include "mta/mta.h"

/* Appends all of it. Looks at every recipient that waits, for the ages. `log` may be NULL. */
void metrics_write(
    struct mta *mta, const struct loop *loop, const struct log *log, struct text *out);

#endif
