/* delivery_log.h - what became of each recipient of a delivery: 8 bytes a row, 4 more where mail comes
 * back.
 *
 * What may follow what is one table (delivery_log.c), after the statuses of Campaign with the Email
 * Feedback Service. Sent is left for Failed alone, when the message comes back; Failed is never left.
 * Of the tries of one message the last has the word, in whatever order they are told, and what is told
 * by mail has the word over them: it knows that the message had been taken. So a return that is told
 * before the delivery ends where it ends otherwise.
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
    NEWS_RETURNED, /* by mail, later: it had been taken, and did not arrive, or was not wanted */
    NEWS_NOTED,    /* by mail: it arrived, and something is to be known about it */
    NEWS_COUNT,
};

struct log_entry;

struct delivery_log {
    struct counters *counters, *total; /* of this delivery; of all together. Borrowed */
    struct log_entry *entries;
    size_t count, capacity;
    uint32_t *sent; /* NULL: nobody asks */
    size_t sent_capacity;
    bool keeps_sent;
};

void delivery_log_init(struct delivery_log *log, struct counters *counters, struct counters *total);
void delivery_log_release(struct delivery_log *log);
/* From now on, while it is empty: it remembers when rows were sent. */
void delivery_log_keep_sent(struct delivery_log *log);
void delivery_log_grow(struct delivery_log *log, uint64_t rows); /* more of them, pending */

struct row delivery_log_row(const struct delivery_log *log, uint64_t row);
int64_t delivery_log_relayed_us(const struct delivery_log *log, uint64_t row); /* -1: not */

/* Rounded up to the second; -1: it was not, or nobody kept it. Of a row that came back it stays. */
int64_t delivery_log_sent_us(const struct delivery_log *log, uint64_t row);

/* All its rows into a recount, told apart by nothing but their states. */
void delivery_log_recount(const struct delivery_log *log, struct kpi *kpi);

/* A row is in flight from the moment it is offered until the answer, or the lack of one, is known. */
bool delivery_log_is_in_flight(const struct delivery_log *log, uint64_t row);
void delivery_log_set_in_flight(struct delivery_log *log, uint64_t row, bool is_in_flight);

struct log_change {
    enum log_news news;
    struct verdict verdict; /* of what speaks of a failure, or of an exclusion */
    uint32_t attempt;       /* of feedback: the number of the try */
    int64_t at_us;          /* of NEWS_RELAYED and NEWS_DELIVERED */
};

/* False: this news changes nothing any more (or not yet), and nothing was changed. */
bool delivery_log_apply(struct delivery_log *log, uint64_t row, const struct log_change *change);

#endif
