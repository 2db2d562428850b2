/* campaign.h - the sender's platform: deliveries, delivery log, quarantine, KPI counters.
 *
 * A delivery is analysed (who will be sent to, who is left out and why), confirmed, relayed to the
 * MTA by SMTP, and then lives from feedback: EFS events move its rows. Every row is one recipient,
 * numbered from 0 in the order of `to`.
 *
 * The return path of row 71 of delivery `spring` is b+spring-1z-TOKEN@DOMAIN (smtp/verp.h): whoever
 * sees an envelope can say which row it is about, and whoever has the key that it is ours. What stands
 * behind the '+' is in the Message-ID too, <spring-1z-TOKEN.INSTANCE@DOMAIN>.
 *
 * Judgement of time: the row and the counters change first, the event is written right after. Within
 * an observer of the journal the campaign therefore shows the state right after that event.
 *
 * Units      *_us are microseconds of loop time; rates are per microsecond, exact.
 * Ownership  config and doors are borrowed and outlive the campaign. */
#ifndef MTALAB_CAMPAIGN_H
#define MTALAB_CAMPAIGN_H

#include "base/journal.h"
#include "base/loop.h"
#include "base/rng.h"
#include "base/stream.h"
#include "base/unit.h"
#include "mta/efs.h"
#include "smtp/address.h"
#include "smtp/verdict.h"
#include "smtp/verp.h"

/* A pattern such as "ok-%04d@rows.example", or a list of addresses (from a CSV file). */
struct recipients_config {
    struct slice before, after;    /* "ok-", "@rows.example" */
    int width;                     /* 4: zero-padded to so many digits; 0: as long as it is */
    uint64_t count;                /* numbered from 1; 0: as many as arrive */
    const struct slice *addresses; /* NULL: the pattern */
    size_t addresses_count;
};

/* Paused, messages fall due and wait; resumed, they leave at once. Stop and cancel both cancel what was
 * not relayed; a message that is on the wire keeps its chance. A message that waits for longer than
 * its validity (84 h without one) is cancelled. */
enum delivery_do { DO_PAUSE, DO_RESUME, DO_STOP, DO_CANCEL };

struct delivery_step {
    int64_t at_us; /* of the run */
    enum delivery_do what;
};

enum arrivals_kind { ARRIVALS_NONE, ARRIVALS_EVEN, ARRIVALS_POISSON };

struct delivery_config {
    struct slice name;
    int64_t at_us;               /* confirmed at this instant; the first message leaves at once */
    int64_t spread_us;           /* message i of n at at + i x spread / n */
    enum arrivals_kind arrivals; /* not none: instead of at and spread */
    struct ratio arrivals_rate;  /* per microsecond */
    int64_t arrivals_from_us, arrivals_to_us;
    int64_t validity_us;             /* 0: the MTA's. Whole seconds (BY= of RFC 2852) */
    uint32_t recipients_per_message; /* at least 1 */
    const struct delivery_step *steps;
    size_t steps_count;
    const struct recipients_config *to;
    size_t to_count;
};

struct campaign_config {
    struct mail_address from; /* header From; its domain is that of the return paths */
    struct slice instance;    /* in every Message-ID; empty: not said */
    uint32_t soft_limit;      /* default 5: the sixth significant soft error quarantines */
    const struct delivery_config *deliveries;
    size_t deliveries_count;
    uint32_t body_bytes; /* size of a message's body without the name; 0: 1,200 */
};

enum row_status { /* delivery log */
    ROW_PENDING,
    ROW_TAKEN_INTO_ACCOUNT,
    ROW_SENT,
    ROW_FAILED,
    ROW_IGNORED,
    ROW_CANCELLED,
};

const char *row_status_id(enum row_status status); /* "taken_into_account", as scenarios say it */
const char *row_status_name(
    enum row_status status); /* "Taken into account by the service provider" */

struct row {
    enum row_status status;
    enum failure_reason reason; /* REASON_NONE: none so far */
    enum failure_type type;
};

enum delivery_state {
    DELIVERY_EDITED, /* not analysed yet */
    DELIVERY_READY,  /* analysed, waits for its instant */
    DELIVERY_RELAYING,
    DELIVERY_PAUSED,
    DELIVERY_STOPPED,   /* nothing more is relayed; feedback still counts */
    DELIVERY_CANCELLED, /* before it began */
    DELIVERY_RELAYED,   /* everything is with the MTA */
};
const char *delivery_state_name(enum delivery_state state);

/* Counters; always equal to campaign_recount(). Ratios are made where they are shown. */
struct kpi {
    uint64_t total_target; /* before exclusions */
    uint64_t to_deliver;   /* rows left after analysis */
    uint64_t excluded;
    uint64_t taken, sent, failed, cancelled, pending, ignored; /* rows by status now */
    uint64_t bounces_errors; /* rows not Sent whose latest news is bad */
    uint64_t hard_bounces;   /* Failed with reason User unknown */
    uint64_t soft_bounces;   /* Failed with reasons 2, 3, 4, 5, 6, 20 */
    uint64_t complaints;     /* Failed with reason 8 */
    uint64_t quarantined;    /* addresses newly quarantined by these deliveries */
    uint64_t processed;      /* sent + failed + taken */
    uint64_t failed_by_reason[21];
    uint64_t failed_by_type[4]; /* enum failure_type */
};

struct campaign;
#define CAMPAIGN_ADDRESS "198.19.255.1" /* where it submits from, unless somebody knows better */

struct campaign_doors {
    struct loop *loop;
    struct network *network;
    struct journal *journal;
    const struct rng *rng;           /* "campaign" */
    struct net_address mta;          /* where to submit */
    struct net_address from;         /* our own address */
    struct slice hostname;           /* for EHLO */
    const struct verp_key *verp_key; /* signs the return paths; NULL: nobody does */
    int64_t returns_within_us;       /* of delivery a returned mail counts; 0: none comes back */
};

struct campaign *campaign_new(
    const struct campaign_config *config, const struct campaign_doors *doors);
void campaign_free(struct campaign **campaign);
void campaign_start(struct campaign *campaign); /* arms what the config asks for */

/* EFS (efs_consumer_fn). Duplicates (by id) are dropped and counted. */
bool campaign_take_feedback(void *campaign, const struct efs_event *events, size_t count);

/* Mail that came back, as EFS told of it: what it was for the log. */
struct campaign_returns {
    uint64_t bounces, complaints; /* rows that failed by it */
    uint64_t unsubscriptions, notes;
    uint64_t late;    /* the window was over; a complaint denylists all the same */
    uint64_t settled; /* about rows that no mail changes: they had failed already */
    uint64_t unknown; /* about no row of ours */
};
struct campaign_returns campaign_returns(const struct campaign *campaign);

/* Analysis of one delivery as it would come out now: nothing is changed. By domain, in the order of
 * first appearance. */
struct analysis_site {
    struct slice domain;
    uint64_t recipients;
};
struct analysis {
    uint64_t total, to_deliver;
    uint64_t quarantined, doubles, denylisted;
    const struct analysis_site *sites;
    size_t sites_count;
};
/* Valid until the next call. */
const struct analysis *campaign_analyse(struct campaign *campaign, size_t delivery);

/* delivery: index into config->deliveries. Rows come into being when the delivery is confirmed; those
 * of a pattern without `count` as they arrive. */
enum { DELIVERY_ALL = -1 };
uint64_t campaign_rows_count(const struct campaign *campaign, size_t delivery);
struct row campaign_row(const struct campaign *campaign, size_t delivery, uint64_t row);
void campaign_row_address(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct text *out);
/* Which row is this envelope about? False: none of ours. */
bool campaign_find_row(const struct campaign *campaign, struct slice sender, struct slice rcpt,
    size_t *delivery, uint64_t *row);
/* Does mail that came back at at_us come too late to change this row? (mta.inmail.window) */
bool campaign_is_late(
    const struct campaign *campaign, size_t delivery, uint64_t row, int64_t at_us);
void campaign_return_path(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct text *out);
int64_t campaign_row_relayed_us(
    const struct campaign *campaign, size_t delivery, uint64_t row); /* -1: not */

struct kpi campaign_kpi(const struct campaign *campaign, int delivery); /* O(1) */
/* The same without a copy: it counts on. */
const struct kpi *campaign_kpi_now(const struct campaign *campaign, int delivery);
struct kpi campaign_recount(const struct campaign *campaign, int delivery); /* O(rows) */
/* Rows by (status, reason, type): how many; for count(log.…). O(1). */
uint64_t campaign_rows_with(const struct campaign *campaign, int delivery, enum row_status status,
    enum failure_reason reason, enum failure_type type);

enum delivery_state campaign_delivery_state(const struct campaign *campaign, size_t delivery);
/* The instant at which the last message of a delivery was relayed; -1: not yet, or never. */
int64_t campaign_relayed_at_us(const struct campaign *campaign, size_t delivery);
bool campaign_has_feedback(const struct campaign *campaign, int delivery); /* any EFS event yet? */
uint64_t campaign_duplicates_dropped(const struct campaign *campaign);
uint64_t campaign_quarantine_count(const struct campaign *campaign); /* now */
bool campaign_is_quarantined(const struct campaign *campaign, struct slice address);
/* Nothing more will be relayed, and every row is settled (sent, failed, ignored, cancelled). */
bool campaign_is_settled(const struct campaign *campaign);

#endif
