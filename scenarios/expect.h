/* expect.h - what must come of it: expressions over events, series, the delivery log and the KPIs.
 *
 * When something is judged (the one place that says so; every verdict rests on it):
 * - An event is judged inside its journal_append(): log and kpi show the state right after it.
 *   `unchanged(x)` and its like compare with x after the event before.
 * - What leaves a sliding window at t leaves it before the events of t are judged.
 * - `always` and `never` are judged after every event that can change one of their values, and
 *   whenever something leaves a window. Before its first full window a series has no value: `always`
 *   passes over it, `eventually` waits.
 * - `at T` is judged when the instant T is over: after all events of T.
 * - `by T`: true at some judged moment not later than T, the end of the instant T included.
 * - `hold D by T`: there is a moment m with m + D <= T such that the check holds from m through
 *   m + D.
 * - `when` is judged at each event of the kind for which `where` is true; `within` bounds the age of
 *   the recipient's message, counted from its relayed.
 * - A deadline beyond the run's end is undecided: a failure unless may_end_open.
 * - A check that never applied fails as vacuous, unless `fires: 0..` (or 0) allows it.
 *
 * Ownership  a plan borrows the scenario; a judge borrows plan and doors. */
#ifndef MTALAB_EXPECT_H
#define MTALAB_EXPECT_H

#include "base/diag.h"
#include "base/journal.h"
#include "base/loop.h"
#include "scenarios/scenario.h"

/* All expectations compiled and type-checked. NULL: there were errors. `only`: ids, or none. */
struct expect_plan;
struct expect_plan *expect_compile(
    const struct scenario *scenario, struct diagnostics *diagnostics);
void expect_plan_free(struct expect_plan **plan);
bool expect_asks_for_score(const struct expect_plan *plan); /* utilisation(ISP) and its like */

struct judge;
struct judge_doors {
    struct loop *loop;
    struct journal *journal;
    const struct campaign *campaign;
    struct isp *const *isps;     /* in the scenario's order */
    struct confusion *confusion; /* fed by the judge, in time with its checks; may be NULL */
    struct score *score;         /* the same */
};

/* Observes the journal and arms timers from now on. judge_instant_over() must be called from the
 * loop's hook. */
struct judge *judge_new(const struct expect_plan *plan, const struct judge_doors *doors);
void judge_free(struct judge **judge);
void judge_instant_over(struct judge *judge);
/* The run is over (at loop_now_us): whatever waits for `end` is judged, the rest is undecided. */
void judge_finish(struct judge *judge);

enum expect_verdict { EXPECT_HELD, EXPECT_FAILED, EXPECT_UNDECIDED, EXPECT_VACUOUS };

struct expect_result {
    struct slice id;
    struct mark mark; /* of the check that failed, else of the expectation */
    enum expect_verdict verdict;
    bool is_open_allowed;  /* undecided, and may_end_open says so: counts as held */
    uint64_t fired_count;  /* when: how often; otherwise how often it was judged */
    int64_t at_us;         /* of the verdict; -1: none */
    struct slice check;    /* the text that failed: "kpi.success == 86%" */
    struct slice expected; /* "86%", "101 times" */
    struct slice observed; /* "85.0%", "fired 100 times" */
    struct slice detail;   /* "rcpt later-017@rows.example, attempt 3, host mx1"; may be empty */
    struct slice summary;  /* for a check that held: "fired 100x", "held from 45m to the end" */
};

size_t judge_results_count(const struct judge *judge);
struct expect_result judge_result(const struct judge *judge, size_t i); /* after judge_finish */
bool expect_result_is_good(const struct expect_result *result);

#endif
