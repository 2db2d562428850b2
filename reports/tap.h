/* tap.h - results in the Test Anything Protocol, version 14 (readers of 13 understand it too). */
#ifndef MTALAB_TAP_H
#define MTALAB_TAP_H

#include "reports/result.h"

/* One test point per claim (claim.h); a failed one has a YAML block that ends with its replay. Runs
 * of one scenario under several seeds stand next to each other. */
void tap_report(struct text *out, const struct result *results, size_t count);

#endif
