/* delivery_log.h - what became of each recipient of a delivery: 8 bytes a row.
 *
 * What may follow what is one table (delivery_log.c), after the statuses of Campaign with the Email
 * Feedback Service. A status that is final is never left; of the tries of one message the last has
 * the word, in whatever order they are told.
 *
 * Units      relayed_us is microseconds of loop time, up to a year.
 * Ownership  a zeroed log is empty once delivery_log_init() gave it its counters. */
#ifndef MTALAB_DELIVERY_LOG_H
#define MTALAB_DELIVERY_LOG_H

#include "scenarios/kpi.h"

enum log_news {
    NEWS_EXCLUDED,  /* by analysis; the verdict says why */
    NEWS_RELAYED,   /* the MTA took it */
    NEWS_REFUSED,   /* the MTA will never take it */
    NEWS_CANCELLED, /* it will not be relayed any more */
    NEWS_DELIVERED, /* from here on: feedback */
    NEWS_SOFT,
    NEWS_HARD,
    NEWS_EXPIRED,
    NEWS_COUNT,
};

struct log_entry;

struct delivery_log {
    struct counters *counters, *total; /* of this delivery; of all together. Borrowed */
    struct log_entry *entries;
    size_t count, capacity;
};

void delivery_log_init(struct delivery_log *log, struct counters *counters, struct counters *total);
void delivery_log_release(struct delivery_log *log);
void delivery_log_grow(struct delivery_log *log, uint64_t rows); /* more of them, pending */

struct row delivery_log_row(const struct delivery_log *log, uint64_t row);
int64_t delivery_log_relayed_us(const struct delivery_log *log, uint64_t row); /* -1: not */

/* All its rows into a recount, told apart by nothing but their states. */
void delivery_log_recount(const struct delivery_log *log, struct kpi *kpi);

/* A row is in flight from the moment it is offered until the answer, or the lack of one, is known. */
bool delivery_log_is_in_flight(const struct delivery_log *log, uint64_t row);
void delivery_log_set_in_flight(struct delivery_log *log, uint64_t row, bool is_in_flight);

struct log_change {
    enum log_news news;
    struct verdict verdict; /* of what speaks of a failure, or of an exclusion */
    uint32_t attempt;       /* of feedback: the number of the try */
    int64_t at_us;          /* of NEWS_RELAYED */
};

/* False: this news changes nothing any more (or not yet), and nothing was changed. */
bool delivery_log_apply(struct delivery_log *log, uint64_t row, const struct log_change *change);

#endif
