/* claim.h - everything a run can be judged by, as one list: its checks, the five KPI rows, the
 * ledgers, the recount, and whether it ran at all. What machines read (JUnit, TAP, GitHub) is a
 * form of this list.
 *
 * Runs of one scenario file under several seeds make one list: a claim that held under every seed
 * stands there once, and one that failed stands there once per failing seed, named after it.
 *
 * Ownership  texts belong to the list, or to the results, which must live as long. */
#ifndef MTALAB_CLAIM_H
#define MTALAB_CLAIM_H

#include "reports/result.h"

enum claim_kind { CLAIM_RUN, CLAIM_CHECK, CLAIM_LEDGERS, CLAIM_RECOUNT, CLAIM_KPI_ROW };

enum claim_status {
    CLAIM_HELD,
    CLAIM_FAILED,
    CLAIM_BROKEN,  /* could not run */
    CLAIM_SKIPPED, /* a requirement is missing, or what it is about did not happen */
};

struct claim {
    enum claim_kind kind;
    enum claim_status status;
    const struct result *result;
    const struct result_check *check; /* of a CLAIM_CHECK; NULL otherwise */
    struct slice name;                /* unique in its list: "row2-hard", "row2-hard (seed 17)" */
    struct slice filename;
    int line, column;      /* 0: none */
    struct slice headline; /* one line: what was seen, and what was expected */
    struct slice story;    /* several lines, the last one replays it; empty when it held */
};

struct claims {
    struct arena arena;
    struct claim *items;
    size_t count, capacity;
};

/* How many of the first results are about the same scenario file; at least 1 (of count > 0). */
size_t claims_group(const struct result *results, size_t count);
/* Adds the claims of one group. */
void claims_collect(struct claims *claims, const struct result *results, size_t count);
void claims_release(struct claims *claims);

/* Two sentences that reports for people share with this list. */
void claim_check_headline(struct text *out, const struct result_check *check);
/* Mail that came back; false, and nothing written: none did. */
bool claim_returned_headline(struct text *out, const struct result *result);
void claim_ledgers_headline(struct text *out, const struct result *result);

#endif
