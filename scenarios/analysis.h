/* analysis.h - who of a delivery's recipients is left out, and why.
 *
 * A quarantined or denylisted address is left out wherever it stands; of any other address the first
 * row is written to and the rest are doubles.
 *
 * Ownership  config and quarantine are borrowed and must outlive the analyst.
 * Memory     doubles are found by 64 bits of hash per address, and only where patterns could meet. */
#ifndef MTALAB_ANALYSIS_H
#define MTALAB_ANALYSIS_H

#include "scenarios/quarantine.h"
#include "scenarios/recipients.h"

struct analyst {
    const struct delivery_config *delivery;
    const struct quarantine *quarantine;
    bool has_doubles;       /* there may be some */
    uint64_t *fingerprints; /* an open hash table; 0: free */
    size_t slots_count, fingerprints_count;
    struct text address; /* scratch */
};

void analyst_init(struct analyst *analyst, const struct delivery_config *delivery,
    const struct quarantine *quarantine);
void analyst_release(struct analyst *analyst);

/* False: nobody can be left out, there is no need to ask. */
bool analyst_is_needed(const struct analyst *analyst);
/* Why this row is left out; REASON_NONE: it is not. Each row once, in order. */
enum failure_reason analyst_judge(struct analyst *analyst, uint64_t row);

/* The dry run of a whole delivery. */
struct analysis_report {
    struct analysis analysis;
    struct map domains;
    struct analysis_site *sites;
    size_t sites_capacity;
};
void analysis_run(struct analysis_report *report, const struct delivery_config *delivery,
    const struct quarantine *quarantine);
void analysis_release(struct analysis_report *report);

#endif
