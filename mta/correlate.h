/* correlate.h - which message of ours is this mail about?
 *
 * Asked in this order; the first that is ours wins:
 *   1. the return path it came to
 *   2. the Message-ID that it quotes, <KEY.INSTANCE@DOMAIN>: only one that bears our instance's name
 *      (the checkInstanceName of Campaign's inMail)
 *   3. the envelope sender that it quotes
 * All three hold the same key (smtp/verp.h). With a secret, ours are those with a good token; without
 * one, those that look as if.
 *
 * A token is refused as late once its day, the longest that a message is tried (84 h) and the window
 * are over. Whoever keeps the delivery log knows the window to the second.
 *
 * Units      wall_us is the wall clock.
 * Ownership  what the setup names is borrowed. */
#ifndef MTALAB_CORRELATE_H
#define MTALAB_CORRELATE_H

#include "smtp/address.h"
#include "smtp/report.h"
#include "smtp/verp.h"

struct correlator_setup {
    const struct slice *domains; /* of the return paths */
    size_t domains_count;
    const struct verp_key *key; /* NULL: paths are not signed */
    struct slice instance;      /* empty: any, as with is_any_instance */
    bool is_any_instance;
    int64_t window_us;
};

struct correlator;

struct correlator *correlator_new(const struct correlator_setup *setup);
void correlator_free(struct correlator **correlator);

enum correlator_answer {
    CORRELATOR_TAKES,
    CORRELATOR_ELSEWHERE, /* not our domain */
    CORRELATOR_FORGED,    /* begins as our return paths do, and nobody with the key made it */
    CORRELATOR_LATE,
};

/* May mail to this address come in? */
enum correlator_answer correlator_ask(
    struct correlator *correlator, const struct mail_address *address, int64_t wall_us);

enum correlated_by {
    CORRELATED_BY_NOTHING,
    CORRELATED_BY_RETURN_PATH,
    CORRELATED_BY_MESSAGE_ID,
    CORRELATED_BY_SENDER,
};

struct correlation {
    enum correlated_by by;
    bool is_unsubscription;  /* it came to the address of List-Unsubscribe */
    bool is_forged;          /* something in it says to be ours, and is not */
    struct text return_path; /* of that message; of what cannot be told: where the mail came to */
};

/* *correlation may hold an earlier one, or be zeroed. */
void correlate(struct correlator *correlator, const struct mail_address *came_to,
    const struct report *report, int64_t wall_us, struct correlation *correlation);
void correlation_release(struct correlation *correlation);

#endif
