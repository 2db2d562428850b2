/* campaign_parts.h - what the files of the campaign share; for campaign*.c only.
 *
 *   campaign.c           making one, asking it
 *   campaign_delivery.c  a delivery's life: analysed, due, paused, stopped, over
 *   campaign_relay.c     what the submitter is given, and what it tells
 *   campaign_feedback.c  what EFS tells
 *   campaign_returns.c   what EFS tells of mail that came back */
#ifndef MTALAB_CAMPAIGN_PARTS_H
#define MTALAB_CAMPAIGN_PARTS_H

#include "scenarios/analysis.h"
#include "scenarios/delivery_log.h"
#include "scenarios/letter.h"
#include "scenarios/retries.h"
#include "scenarios/return_path.h"
#include "scenarios/schedule.h"
#include "scenarios/arrived.h"
#include "scenarios/submitter.h"
#include "smtp/event.h"

struct delivery;

struct step_timer {
    struct timer timer;
    struct delivery *delivery;
    enum delivery_do what;
};

/* Messages leave in the order of their rows, so the day of sending of each is known from where the days
 * began; it is that of the first try to relay it. */
struct sending_day {
    uint64_t first_row;
    int64_t day;
};

struct delivery {
    struct campaign *campaign;
    const struct delivery_config *config;
    uint32_t index;
    uint32_t name; /* of the journal */
    enum delivery_state state;
    bool is_confirmed; /* analysed: its rows are there */
    bool has_begun;    /* something was offered to the MTA */
    bool has_feedback;
    bool has_complained; /* that the relay cannot be told the validity */
    struct delivery_log log;
    struct counters counters;
    struct letter letter;
    struct analyst analyst;   /* of rows that come into being as they arrive */
    uint64_t rows_known;      /* at confirmation; those behind them arrive one by one */
    uint64_t messages_known;  /* that these make */
    struct schedule arriving; /* the next message to fall due */
    struct schedule leaving;  /* the next one to be offered: its instant gives the deadline */
    uint64_t waiting;         /* messages between the two */
    uint64_t next_row;        /* whose message leaves next */
    int64_t last_relayed_us;
    struct sending_day *days;
    size_t days_count, days_capacity;
    struct timer confirm, arrival, deadline;
    struct step_timer *steps;
};

/* Return path and address of one row. */
struct row_envelope {
    bool is_set;
    size_t delivery;
    uint64_t row;
    int64_t day;
    struct text sender, rcpt;
};

struct campaign {
    const struct campaign_config *config;
    struct campaign_doors doors;
    struct delivery *deliveries;
    size_t next_delivery; /* whose turn it is to submit */
    struct counters total;
    struct quarantine quarantine;
    struct return_paths paths;
    struct submitter *submitter;
    struct retries retries;
    struct timer retry;
    struct submission expired; /* scratch */
    struct arrived arrived;
    uint64_t duplicates_dropped_count;
    struct campaign_returns returns;
    uint64_t feedback_unknown_count; /* about no row of ours */
    uint64_t feedback_late_count;    /* about rows whose status is final */
    bool has_feedback;
    struct analysis_report analysis;
    struct row_envelope *envelope; /* the last one that was wanted: questions may move it too */
    struct text date;              /* of the second `date_s` */
    int64_t date_s;
};

/* Fills in instant, delivery, row and envelope. */
void campaign_write(struct delivery *delivery, uint64_t row, struct event *event);
/* Valid until the next call. What becomes of a row comes in quick succession, so asking again for the
 * same one costs nothing. */
const struct row_envelope *campaign_envelope(
    const struct campaign *campaign, size_t delivery, uint64_t row);
uint64_t campaign_first_row(const struct delivery *delivery, uint64_t row); /* of its message */

/* campaign_delivery.c */
void delivery_arm(struct delivery *delivery);
void delivery_release(struct delivery *delivery);
bool delivery_is_over(const struct delivery *delivery); /* nothing new is offered */
/* The next message that waits, in the order of its rows: those still pending are in flight now. */
bool delivery_take(struct delivery *delivery, struct submission *submission);
/* The rows of this message that are pending and not in flight, all in flight now; false: none. */
bool delivery_offer(struct delivery *delivery, uint64_t first_row, struct submission *submission);
void delivery_relay_row(struct delivery *delivery, uint64_t row);
void delivery_cancel_rows(struct delivery *delivery, const struct submission *submission);
/* Says that all is with the MTA, once it is. */
void delivery_settle(struct delivery *delivery);

/* campaign_feedback.c */
struct event campaign_event_of(const struct efs_event *efs, enum event_kind kind);
struct slice campaign_address_of(
    struct delivery *delivery, uint64_t row); /* as the delivery has it */
void campaign_judge_address(
    struct delivery *delivery, uint64_t row, const struct efs_event *efs, bool is_final);

/* campaign_returns.c */
void campaign_take_returned(struct campaign *campaign, const struct efs_event *efs);

/* campaign_relay.c */
extern const struct submission_source campaign_source;

#endif
