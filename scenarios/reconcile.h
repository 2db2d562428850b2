/* reconcile.h - the two ledgers of a run, compared row by row: what the ISPs say they accepted, and
 * what the delivery log says became of it. */
#ifndef MTALAB_RECONCILE_H
#define MTALAB_RECONCILE_H

#include "reports/result.h"
#include "scenarios/bits.h"
#include "scenarios/campaign.h"
#include "scenarios/sites.h"

struct reconcile_books {
    const struct campaign *campaign;
    size_t deliveries_count;
    struct isp *const *isps;
    struct sites *sites;
    /* By delivery: rows of which an answer to the final dot was lost; that their provider sent back
     * after it had accepted them; that failed because they came back. */
    const struct bits *unanswered, *sent_back, *returned;
};

/* Fills the ledger_* of the result, and for each of `by_isp` (as many as sites, one more for "none")
 * the counts of rows: to_deliver, relayed, delivered, failed, waiting. */
void reconcile(
    const struct reconcile_books *books, struct result_isp *by_isp, struct result *result);

#endif
