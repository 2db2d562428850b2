/* score.h - how well a sender uses what each provider hides from him.
 *
 * An observer of the journal that may ask the providers for their true limits. Of each provider with
 * limits it keeps what somebody would have got through who knew them (scenarios/capacity.h), and what
 * the real sender did: accepted recipients, refusals for a limit, penalties that he brought upon
 * himself. With A accepted, R refusals for limits and D the deliveries of the one who knows:
 *
 *   utilisation  A / D
 *   lost         (D - A) / D, at least 0       rejected  R / D
 *   regret       lost + rejected               (facts about peer MTAs, 2.4)
 *   overshoot    the most by which what was tried exceeded D in any while (at least a minute and
 *                twenty recipients of D): 20 % is a fifth too much; 0: never
 *   time_to_90   until a while in which 90 % of the limit in the long run was accepted was over,
 *                from the first waiting mail on
 *   penalties    holds that began: of a limit with a penalty its first refusal shuts the door, which a
 *                sender who cannot see it will not avoid
 *   escalations  hammering that made it worse: rungs that were climbed, and holds that more than one
 *                knock at the shut door made as long as they get
 *   fairness     Jain's index over the utilisation of the providers that mail waited for: 1 is fair
 *
 * A provider that refuses some tries for other reasons (noise, greylisting, unknown users) would have
 * refused the one who knows as well: D is what he gets through times the share of those not refused
 * so. Mail that waits because of such a refusal does not wait for a limit. Reputation that falls with
 * what is sent (unknown users, traps, complaints) falls for the one who knows too, and leaves him the
 * less; where it turns a share of all messages away, at any pace, that is none of R.
 *
 * wrongly_failed counts, over all providers, addresses that are alive, and were given up because of a
 * throttle, a block, authentication, or trouble of the connection: not by their own fault.
 *
 * Memory     bounded but for one byte and a key per recipient that was refused.
 * Ownership  everything is borrowed and outlives it. */
#ifndef MTALAB_SCORE_H
#define MTALAB_SCORE_H

#include "base/journal.h"
#include "reports/result.h"
#include "scenarios/campaign.h"
#include "scenarios/scenario.h"

enum score_measure {
    SCORE_UTILISATION,
    SCORE_LOST,
    SCORE_REJECTED,
    SCORE_REGRET,
    SCORE_OVERSHOOT,
    SCORE_TIME_TO_90, /* microseconds */
    SCORE_PENALTIES,
    SCORE_ESCALATIONS,
    SCORE_WRONGLY_FAILED, /* isp -1: of all */
    SCORE_FAIRNESS,       /* of all */
};

struct score;

/* Does any provider have something to find out? */
bool score_is_worthwhile(const struct scenario *scenario);

struct score *score_new(const struct scenario *scenario, const struct journal *journal,
    const struct campaign *campaign, struct isp *const *isps);
void score_free(struct score **score);
void score_take(struct score *score, struct slice entry); /* each one of the journal */

struct score_counts { /* of one provider, from the start of the run */
    uint64_t accepted, refused, rejected, penalties, escalations, wrongly_failed;
    int64_t drawn; /* D before the share, in millionths */
};
struct score_counts score_count(struct score *score, int isp, int64_t now_us);

/* Since `before` (NULL: from the start; overshoot, time_to_90 and fairness always are). False: there
 * is no such value. */
bool score_measure(struct score *score, int isp, enum score_measure measure,
    const struct score_counts *before, int64_t now_us, struct ratio *value);

/* Fills result->scores; texts are copied. */
void score_fill(struct score *score, int64_t now_us, struct result *result);

#endif
