/* outcome.h - what an answer means for its recipient: it is told to the journal and to EFS, and the
 * recipient is settled or waits for its next try. */
#ifndef MTALAB_OUTCOME_H
#define MTALAB_OUTCOME_H

#include "mta/efs.h"
#include "mta/mta.h"
#include "mta/queue.h"
#include "mta/spool.h"

struct outcome_desk;

struct outcome_answer {
    enum smtp_stage stage;
    const struct smtp_reply *reply; /* a 2xx, a refusal, or our own words (451 4.4.x …) */
    uint32_t host, source_ip;       /* names of the journal; 0: no host was reached */
    uint32_t session;
    int64_t retry_us; /* to the next try; 0: as the schedule says */
    bool is_spared;   /* a 5xx that defers all the same, for it says nothing against the address */
};

struct outcome_desk *outcome_desk_new(const struct mta_config *config,
    const struct mta_doors *doors, struct spool *spool, struct queue *queue, struct efs *efs);
void outcome_desk_free(struct outcome_desk **desk);

/* One try of this recipient, in flight in the queue, has its answer: 2xx delivers, 4xx defers, 5xx
 * fails. The node is settled or deferred afterwards. Answers the bounce class, CLASS_NONE for a
 * delivery. */
enum bounce_class outcome_tell(
    struct outcome_desk *desk, queue_node node, const struct outcome_answer *answer);
/* The answer was about the site, not about this recipient: it is journaled as a deferral, and that is
 * all: no try is counted, nobody is told by EFS, the next try is the caller's. False: validity was over
 * meanwhile, and the node is settled. */
bool outcome_put_off(
    struct outcome_desk *desk, queue_node node, const struct outcome_answer *answer);
/* Somebody in charge has given it up, for this reason: failed, without a try. The node is settled. */
void outcome_fail(struct outcome_desk *desk, queue_node node, struct slice reason);
/* Validity is over; the caller takes the node from the queue. */
void outcome_expire(struct outcome_desk *desk, queue_node node);

/* The doors have other bounce rules now. */
void outcome_desk_reload(struct outcome_desk *desk);

void outcome_totals(const struct outcome_desk *desk, struct mta_totals *totals);

#endif
