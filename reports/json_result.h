/* json_result.h - the whole result as JSON, for other programs.
 *
 * Keys have a fixed order and nothing in it depends on real time, so the same seed gives the same
 * bytes. Instants and durations are integers of microseconds (`*_us`); an absent value is null. */
#ifndef MTALAB_JSON_RESULT_H
#define MTALAB_JSON_RESULT_H

#include "reports/result.h"

enum { RESULT_JSON_VERSION = 1 }; /* raised when a key changes its meaning or goes away */

void json_report(struct text *out, const struct result *result);

#endif
