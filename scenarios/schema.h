/* schema.h - the keys of the scenario language. */
#ifndef MTALAB_SCENARIOS_SCHEMA_H
#define MTALAB_SCENARIOS_SCHEMA_H

#include "smtp/schema.h"

extern const struct schema_key schema_scenario[];
extern const struct schema_key schema_isp[];
extern const struct schema_key schema_limit[];
extern const struct schema_key schema_reputation[];
extern const struct schema_key schema_warming[];
extern const struct schema_key schema_sut[];
extern const struct schema_key schema_campaign[];
extern const struct schema_key schema_delivery[];
extern const struct schema_key schema_timeline[];
extern const struct schema_key schema_expectation[];
extern const struct schema_key schema_ensemble[];
extern const struct schema_key schema_report[];

#endif
