/* result.h - what a run was like, as plain data: all that a report may know.
 *
 * Whoever ran fills it; reports only read. Texts are UTF-8, instants microseconds of virtual time.
 * Ownership  everything belongs to `arena`. */
#ifndef MTALAB_RESULT_H
#define MTALAB_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/text.h"

enum check_status { CHECK_HELD, CHECK_FAILED, CHECK_UNDECIDED, CHECK_VACUOUS };

struct result_check {
    struct slice id;
    enum check_status status;
    bool is_good; /* held, or undecided where that is allowed */
    struct slice filename;
    int line, column;
    struct slice check; /* the text of the check */
    struct slice expected, observed, detail, summary;
    int64_t at_us;       /* -1: no instant */
    struct slice replay; /* command line */
};

/* The five rows of the EFS table (the mission's), audited over every event of the run. */
struct result_kpi_row {
    const char *step;             /* "relayed from Campaign to the MTA" */
    const char *success_rule;     /* "not displayed, starts at 0%", "unchanged", "rises" */
    const char *status_rule;      /* delivery-log status */
    uint64_t events;              /* how often the step happened */
    uint64_t violations;          /* how often it did not do what the row says */
    struct slice first_violation; /* may be empty */
    struct slice figures;         /* "1,000 relayed; success 0%" */
};
enum { RESULT_KPI_ROWS = 5, RESULT_POINTS_MAX = 2000 };

struct result_kpi {
    uint64_t to_deliver, sent, failed, taken, pending, excluded, cancelled;
    uint64_t bounces_errors, hard_bounces, soft_bounces, complaints, quarantined, processed;
    bool has_feedback; /* before: success prints as an empty cell */
};

struct result_delivery {
    struct slice name, state;
    struct result_kpi kpi;
    uint64_t total_target, excluded_quarantined, excluded_denylisted, excluded_doubles;
};

struct result_isp { /* by the recipient's domain */
    struct slice name;
    uint64_t to_deliver, relayed;                 /* rows */
    uint64_t delivered, failed, waiting;          /* rows; waiting: with the MTA */
    uint64_t soft_bounces, hard_bounces, expired; /* events */
    uint64_t attempts, deferrals, connections, limit_hits;
    int64_t age_p50_us, age_p95_us, age_max_us; /* of delivered messages, from relayed; -1: none */
};

struct result_reason {         /* rows Failed, and soft news along the way */
    struct slice reason, type; /* "User unknown", "Hard" */
    int class;
    struct slice class_name;
    uint64_t failed, soft_events;
    struct slice example; /* a reply as seen: "550 5.1.1 no mailbox of that name" */
};

/* What the MTA made of refusals and returned mail, against what the providers knew. Classes are
 * numbers; 0 is "none": a cause without a verdict, or a verdict on what was no refusal. */
struct result_confusion_cell {
    int cause, verdict;
    uint64_t count;
};

struct result_confusion_class { /* occurs as a cause or as a verdict; by number */
    int class;
    struct slice name;
    uint64_t hits, causes, verdicts; /* precision: hits / verdicts; recall: hits / causes */
};

struct result_confusion_dialect {
    struct slice name; /* "reply": in the session */
    uint64_t agreed, all;
};

struct result_confusion {
    struct result_confusion_cell *cells; /* by cause, then verdict */
    size_t cells_count;
    struct result_confusion_class *classes;
    size_t classes_count;
    struct result_confusion_dialect *dialects; /* replies first, the others by name */
    size_t dialects_count;
    uint64_t agreed, all;
    int64_t macro_f1_ppb; /* parts per 10^9; -1: of nothing */
    /* Left out: no verdict yet; not heard, the connection broke; said at the door, about nobody;
     * verdicts on what no provider said; on what has no known cause; copies of returned mail; too
     * many at once. */
    uint64_t open, unheard, at_door, unspoken, unlabelled, copies, given_up;
};

/* How well a provider's hidden limits were used; shares in parts per million, -1: there is none. */
struct result_score {
    struct slice name;
    uint64_t accepted, rejected; /* recipients; refusals for a limit, … */
    uint64_t refused;            /* … and for reasons of their own */
    uint64_t penalties, escalations, wrongly_failed;
    int64_t possible_millionths; /* of a recipient: for one who knew the limits */
    int64_t utilisation_ppm, lost_ppm, rejected_ppm, regret_ppm, overshoot_ppm;
    int64_t time_to_90_us; /* -1: never */
    int64_t age_p50_us, age_p99_us;
    int64_t bin_us; /* of its part of score_bins */
    uint64_t bins_from, bins_count;
};

struct result_score_bin { /* throughput against the limit, as long as bin_us */
    uint64_t accepted, rejected;
    int64_t limit_millionths; /* what the limits let through in it, in the long run; 0: unknown */
};

struct result_point { /* KPI right after an instant; changes that nobody could see are left out */
    int64_t at_us;
    uint64_t to_deliver, taken, sent, failed, pending,
        soft_waiting; /* taken with bad latest news */
};

struct result_label { /* the time line, for bands */
    int64_t from_us, to_us;
    struct slice text;
};

struct result_returned {          /* mail that came back, by recipient */
    uint64_t taken;               /* by our listener */
    uint64_t bounces, complaints; /* rows that failed by it */
    uint64_t unsubscriptions, notes;
    uint64_t late, settled, unknown, duplicates, unmatched;      /* changed nothing */
    uint64_t refused_forged, refused_late, refused_misaddressed; /* at RCPT */
    uint64_t waiting;                                            /* for the next poll */
};

struct result {
    struct arena arena;
    struct slice name, title, filename;
    struct slice sut; /* the foreign MTA that sent, "postfix"; empty: ours */
    uint64_t seed;
    int64_t start_wall_us; /* virtual */
    bool is_real;          /* on real sockets, in real time */
    int64_t virtual_us;    /* how far the run came */
    int64_t wall_us;       /* real time it took; never in files that must not differ */
    uint64_t events_count, journal_hash;
    struct slice replay;

    struct result_check *checks;
    size_t checks_count;
    struct result_kpi_row kpi_rows[RESULT_KPI_ROWS];
    struct result_kpi kpi; /* all deliveries */
    struct result_delivery *deliveries;
    size_t deliveries_count;
    struct result_isp *isps;
    size_t isps_count;
    struct result_reason *reasons;
    size_t reasons_count;
    struct result_confusion confusion;
    struct result_score *scores; /* of providers with limits */
    size_t scores_count;
    struct result_score_bin *score_bins;
    size_t score_bins_count;
    uint64_t wrongly_failed; /* living addresses that were given up for no fault of their own */
    int64_t fairness_ppm;    /* Jain's index over the scores; -1: there are not two */
    struct result_point *points;
    size_t points_count;
    struct result_label *labels;
    size_t labels_count;

    /* The two ledgers, compared. */
    uint64_t ledger_accepted, ledger_delivered; /* ISPs' and campaign's count */
    uint64_t ledger_lost;                       /* rows Sent that no ISP accepted */
    uint64_t ledger_doubled;      /* rows accepted more than once, although each answer arrived */
    uint64_t ledger_misqualified; /* rows Failed that were accepted, and the MTA was told so */
    uint64_t ledger_strays;       /* accepted envelopes that are about no row of ours */
    uint64_t ledger_unanswered;   /* doubled or misqualified because the answer to the final dot was
                                     lost (RFC 1047): shown, nobody's fault */
    uint64_t ledger_returned;     /* accepted, and Failed because it came back */
    uint64_t ledger_open;         /* accepted, not yet told by EFS */
    struct result_returned returned;
    struct slice ledger_example;  /* the first row that does not agree; may be empty */
    uint64_t recount_differences; /* KPI counters against a full recount: 0 */

    /* When the run itself failed (exit 4 or 5) or the scenario was not valid (3): */
    int exit_code;
    struct slice trouble; /* one sentence; empty: none */
};

/* Checks, KPI rows, ledgers, recount, no trouble. A KPI row that never happened is not held against
 * the run. */
bool result_is_good(const struct result *result);
bool result_ledgers_agree(const struct result *result);
/* As people read it: "" before the first feedback, a dash when there is nothing to deliver, else
 * "85.0%". */
void result_format_success(struct text *out, const struct result_kpi *kpi, bool is_utf8);
void result_release(struct result *result);

#endif
