/* confusion_parts.h - what the files of the confusion matrix share; for confusion*.c only.
 *
 *   confusion.c       counters, and what is computed from them
 *   confusion_pair.c  one event after the other: which verdict is about which cause
 *   confusion_fill.c  what came of it, as a result */
#ifndef MTALAB_CONFUSION_PARTS_H
#define MTALAB_CONFUSION_PARTS_H

#include "base/map.h"
#include "scenarios/confusion.h"
#include "smtp/event.h"

enum cause_kind {
    CAUSE_RCPT,   /* one recipient was refused */
    CAUSE_MAIL,   /* a transaction */
    CAUSE_DOOR,   /* a session, before it was about anybody */
    CAUSE_REPORT, /* mail was sent back */
};

struct open_cause { /* waits for its verdict */
    int64_t at_us;
    uint64_t owner; /* fingerprint of the return path; of host and words at the door */
    uint64_t rcpt;  /* fingerprint; 0 where it is about more than one */
    uint32_t enhanced;
    uint16_t code;
    uint16_t isp, dialect;
    uint8_t kind; /* enum cause_kind */
    uint8_t class;
    bool is_known;          /* the provider knows the cause */
    bool is_settled;        /* a verdict has come, or need not */
    uint32_t older, newer;  /* of all; 0: none, otherwise number + 1 */
    uint32_t before, after; /* of its bucket, the oldest first; also: the next free one */
};

struct bucket {
    uint32_t first, last;
};
enum { CONFUSION_BUCKETS = 1 << 12 };

struct cell { /* one way to be qualified, by one ISP in one dialect */
    uint16_t isp, dialect;
    uint8_t cause, verdict;
};
static_assert(sizeof(struct cell) == 6, "no padding: it is a key");

struct confusion {
    const struct scenario *scenario;
    const struct journal *journal;
    uint32_t last_name;
    uint16_t last_isp;
    struct map dialects; /* number 0 is CONFUSION_REPLY */

    struct map cells;
    uint64_t *counts; /* per cell */
    size_t counts_capacity;

    struct open_cause *open;
    size_t open_count, open_capacity; /* of the array: some are free */
    struct bucket *buckets;           /* NULL: nothing was ever refused */
    uint32_t free, oldest, newest;
    struct confusion_rest rest;
};

/* One more of these; CLASS_NONE for none. */
void confusion_add(struct confusion *confusion, const struct open_cause *cause, uint8_t verdict);
struct cell confusion_cell(const struct confusion *confusion, uint32_t number);
/* Whose verdict has not come in time is missed. */
void confusion_expire(struct confusion *confusion, int64_t now_us);

#endif
