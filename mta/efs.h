/* efs.h - the Email Feedback Service: what the MTA tells the sender's platform about each recipient.
 *
 * Events are sent in batches, at `batch` events or `every_us` after the first of them, whichever
 * comes first, in the order in which they were added. A batch that the consumer did not take is
 * offered again after `every_us`: at least once, so the consumer drops what it has seen by `id`. */
#ifndef MTALAB_EFS_H
#define MTALAB_EFS_H

#include "base/loop.h"
#include "base/text.h"
#include "smtp/stage.h"
#include "smtp/verdict.h"

enum efs_kind {
    EFS_DELIVERED,
    EFS_SOFT,    /* will be retried */
    EFS_HARD,    /* given up at once, whatever the type says */
    EFS_EXPIRED, /* validity is over */
    /* By mail, later (mta/inbound.h): */
    EFS_RETURNED,     /* it came back: whoever had taken it could not deliver it */
    EFS_COMPLAINT,    /* the recipient calls it spam */
    EFS_UNSUBSCRIBED, /* the recipient wants no more */
    EFS_NOTED,        /* something to know, and no failure: an automatic answer, a delay */
};

struct efs_event {
    uint64_t id;   /* from 1, never twice for two events */
    int64_t at_us; /* when it happened, not when it was told */
    enum efs_kind kind;
    struct slice sender,
        rcpt;               /* the envelope; valid during the call. By mail rcpt may be empty: the
                                  return path knows */
    uint32_t attempt;       /* number of the try it reports; by mail: 0 */
    uint16_t code;          /* 0: no reply */
    uint8_t stage;          /* enum smtp_stage */
    struct verdict verdict; /* not for delivered */
    uint32_t enhanced;
    uint32_t text, rule, host; /* names of the journal */
    uint32_t message_id;       /* the same: of the message it is about, where a mail quotes it */
};

/* False: not now, offer the batch again. Runs from the loop; must not add events itself. */
typedef bool efs_consumer_fn(void *arg, const struct efs_event *events, size_t count);

struct efs;
struct efs *efs_new(
    struct loop *loop, uint32_t batch, int64_t every_us, efs_consumer_fn *fn, void *arg);
void efs_free(struct efs **efs);
/* Fills in the id; copies the envelope. */
void efs_add(struct efs *efs, const struct efs_event *event);
/* Tells all that waits at once, full or not, unless the consumer wants a rest. From the loop. */
void efs_tell_all(struct efs *efs);
/* How many wait to be told: 0 once a run has come to rest. */
uint64_t efs_waiting(const struct efs *efs);

#endif
