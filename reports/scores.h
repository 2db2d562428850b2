/* scores.h - how well hidden limits were used, for people and as JSON. */
#ifndef MTALAB_SCORES_H
#define MTALAB_SCORES_H

#include "base/json.h"
#include "reports/result.h"
#include "reports/table.h"

/* A section of the summary; nothing where no provider has limits. */
void scores_report(struct text *out, const struct result *result, const struct report_style *style);

/* Under the key "limits"; no key where no provider has any. */
void scores_to_json(struct json *json, const struct result *result);

#endif
