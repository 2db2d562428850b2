/* confusion.h - how well the MTA qualifies: its verdicts counted against the providers' true causes.
 *
 * A provider journals the cause of each refusal (refused, limit.hit) and of each report it sends back
 * (dsn.sent), which it knows and the MTA must guess. The MTA journals what it makes of them (attempt,
 * dsn.received). Here the two meet, once per refusal:
 * - an answer about one recipient with the next try of that envelope that heard those codes;
 * - an answer to MAIL with the tries of all recipients of the transaction;
 * - words at the door (connect to STARTTLS), which are about nobody yet, with each recipient's try
 *   that ended over the same words of the same host. Several causes with the very same words count
 *   as the one that was spoken last;
 * - what is sent back (dsn.sent) with what was received for that envelope. Mail that names nobody is
 *   taken for the oldest that is out for its return path; mail that names somebody else only where
 *   just one is out. Its kind is part of the verdict: who takes a delay, a delivery or a complaint
 *   for a refusal is wrong, and who takes a refusal for one of these has missed it.
 * An answer that no try has heard within CONFUSION_WAIT_US, and mail that was received and got no
 * verdict, is missed: it counts as one with the verdict "none".
 *
 * What does not meet is counted too (struct confusion_rest).
 *
 * Memory     bounded: CONFUSION_OPEN_MAX causes wait for their verdict, the oldest is given up then;
 *            and a counter per (ISP, dialect, cause, verdict) that occurs. None before something is
 *            refused.
 * Ownership  everything is borrowed and outlives it. */
#ifndef MTALAB_CONFUSION_H
#define MTALAB_CONFUSION_H

#include "base/journal.h"
#include "base/unit.h"
#include "reports/result.h"
#include "scenarios/scenario.h"

enum { CONFUSION_OPEN_MAX = 1 << 16, CONFUSION_CLASSES = CLASS_CHALLENGE_RESPONSE + 1 };
#define CONFUSION_WAIT_US US_PER_HOUR
#define CONFUSION_REPLY   "reply" /* the dialect of what is refused in the session */

struct confusion;

struct confusion *confusion_new(const struct scenario *scenario, const struct journal *journal);
void confusion_free(struct confusion **confusion);
void confusion_take(struct confusion *confusion, struct slice entry); /* each one of the journal */

struct confusion_filter {
    int isp;              /* -1: all */
    struct slice dialect; /* a glob; empty: all */
};

/* By number of the class. CLASS_NONE among `truths`: what was no refusal, and yet got a verdict; it is
 * in nobody's recall, but in the precision of that verdict. */
struct confusion_tally {
    uint64_t hits, truths, verdicts; /* truths: missed ones too */
};
struct confusion_counts {
    struct confusion_tally of[CONFUSION_CLASSES];
    uint64_t agreed, all;
};
void confusion_count(struct confusion *confusion, const struct confusion_filter *filter,
    int64_t now_us, struct confusion_counts *counts);
void confusion_subtract(struct confusion_counts *counts, const struct confusion_counts *earlier);

enum confusion_measure {
    MEASURE_PRECISION, /* of its verdicts, how many are right */
    MEASURE_RECALL,    /* of its causes, how many were seen */
    MEASURE_F1,        /* the harmonic mean of both */
    MEASURE_MACRO_F1,  /* the mean of F1 over the classes that occur, either way */
    MEASURE_AGREEMENT, /* of all, how many are right */
};
/* Exact, but for the mean of MACRO_F1: there each F1 is rounded to 10^-9, or the sum would not fit.
 * False: 0 of 0. `class` matters to the first three. */
bool confusion_measure(const struct confusion_counts *counts, enum confusion_measure measure,
    enum bounce_class class, struct ratio *ratio);

/* What met nobody, or means nothing for the quality of the verdicts. */
struct confusion_rest {
    uint64_t open;       /* the verdict may still come */
    uint64_t unheard;    /* the connection broke before the answer came, or mail never came in */
    uint64_t at_door;    /* words at the door over which nobody's try ended */
    uint64_t unspoken;   /* verdicts on what no provider said: connections that failed, DNS */
    uint64_t unlabelled; /* verdicts on refusals whose cause the provider does not know */
    uint64_t copies;     /* of mail that had come before */
    uint64_t given_up;   /* too many were open */
};
struct confusion_rest confusion_rest(struct confusion *confusion, int64_t now_us);

/* Fills result->confusion; texts are copied. */
void confusion_fill(struct confusion *confusion, struct result *result);

#endif
