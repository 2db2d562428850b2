/* audit.h - watches a run over the journal's shoulder and says afterwards what it was like.
 *
 * What the judge does for the checks of one scenario, the audit does for every run: the five rows of
 * the KPI table at every event they speak of, the ledgers of both sides, counters against a recount,
 * and the figures of the reports. It writes nothing, so a run is the same without it.
 *
 * Memory is bounded but for two bits a row. Ownership: everything is borrowed and outlives it. */
#ifndef MTALAB_AUDIT_H
#define MTALAB_AUDIT_H

#include "base/journal.h"
#include "reports/result.h"
#include "scenarios/campaign.h"
#include "scenarios/scenario.h"

struct audit;

/* Observes the journal from now on. */
struct audit *audit_new(
    const struct scenario *scenario, struct journal *journal, const struct campaign *campaign);
void audit_free(struct audit **audit);

/* Once, when the run is over. `isps` stand in the scenario's order; result->virtual_us is set. Fills
 * kpi_rows, kpi, deliveries, isps, reasons, points, labels, ledger_* and recount_differences; all
 * texts are copied. */
void audit_fill(struct audit *audit, struct isp *const *isps, struct result *result);

#endif
