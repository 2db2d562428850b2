/* mta.h - the whole MTA: takes messages in by SMTP, gets them delivered, says what became of them.
 *
 * Units      *_us are microseconds of loop time.
 * Ownership  the config is borrowed and must outlive the MTA.
 * Errors     mta_new() fails when it cannot listen. */
#ifndef MTALAB_MTA_H
#define MTALAB_MTA_H

#include "base/journal.h"
#include "base/loop.h"
#include "base/resolver.h"
#include "base/rng.h"
#include "base/store.h"
#include "base/stream_tls.h"
#include "base/unit.h"
#include "mta/automation.h"
#include "mta/bounce.h"
#include "mta/dkim.h"
#include "mta/efs.h"
#include "mta/inmail.h"
#include "mta/pool.h"
#include "mta/retry.h"
#include "mta/throttle.h"
#include "mta/warmup.h"
#include "smtp/verp.h"

enum controller_kind {
    CONTROLLER_STATIC,
    CONTROLLER_MOMENTUM,
    CONTROLLER_POSTFIX,
    CONTROLLER_KUMO,
    CONTROLLER_AIMD,
    CONTROLLER_TLE,
    CONTROLLER_ORACLE, /* in the lab only */
    CONTROLLER_KINDS_COUNT,
};

enum feedback_kind { FEEDBACK_CONSTANT, FEEDBACK_INVERSE, FEEDBACK_INVERSE_SQRT };

/* What the controllers can be told; each reads its own. */
struct controller_settings {
    struct ratio floor, cut, grow; /* aimd: per us; shares of one */
    enum feedback_kind feedback;   /* postfix */
    uint32_t initial, cohorts;
    int64_t dead_for_us;
    int64_t suspend_for_us, down_every_us, up_every_us, sweep_every_us; /* momentum */
    int64_t
        release_every_us; /* momentum: suspensions end on a grid of so long; 0: to the instant */
    uint32_t sweep_attempts, sweep_low_ppm, sweep_high_ppm;
    uint32_t fbl_deliveries, fbl_low_ppm, fbl_high_ppm;
    enum warmup_kind warmup;
    int64_t age_us;
    struct ratio message_rate;  /* momentum, kumo: per us */
    bool counts_for_the_period; /* kumo: a trigger does, not for as long as its override lasts */
    uint32_t probe_ppm;         /* tle: refusals that probing may cost, of what is sent */
    /* For experiments: what each part of it is worth. */
    uint32_t mistyped_ppm;     /* of the replies that a controller is told of */
    bool takes_quota_for_rate; /* tle: knows no limits over more than a minute */
    bool is_coupled;           /* tle: the site's trouble is a try of the message that met it */
};

enum tls_policy { TLS_POLICY_OFF, TLS_POLICY_IF_AVAILABLE, TLS_POLICY_REQUIRED };

/* How long a session waits for the other side (RFC 5321 4.5.3.2); 0: as the RFC has it. */
struct mx_timeouts {
    int64_t connect_us, banner_us;
    int64_t command_us; /* the replies to EHLO, STARTTLS, MAIL, RCPT and RSET */
    int64_t data_us, dot_us;
};

enum mx_option { /* what a rule or a scope says itself */
    OPTION_CONNECTIONS = 1,
    OPTION_MESSAGES_PER_CONNECTION = 2,
    OPTION_RECIPIENTS_PER_TRANSACTION = 4,
    OPTION_MESSAGES_PER_HOUR = 8, /* with its shape */
    OPTION_PATH = 16,
    OPTION_TLS = 32,
    OPTION_TLS_VERIFY = 64,
    OPTION_TIMEOUTS = 128,
    OPTION_WARMUP = 256, /* of scopes only */
};

/* First match wins; no match: mx_rule_default. */
struct mx_rule {
    struct slice host;       /* glob on the MX host's name; length 0: any */
    struct slice domain;     /* glob on the recipient domain; length 0: any */
    const struct pool *pool; /* whom to send from; NULL: see mta_config.source_ips */
    enum controller_kind controller;
    uint32_t connections;                /* open at once to the site; at least 1 */
    uint32_t messages_per_connection;    /* then QUIT; at least 1 */
    uint32_t recipients_per_transaction; /* at least 1 */
    uint64_t messages_per_hour;          /* 0: no limit */
    enum hour_shape shape;               /* how they lie in the hour */
    bool is_own; /* connections and messages_per_hour are for each IP; else for all together */
    uint32_t path_connections;        /* of one of our IPs to one of theirs; 0: no limit */
    uint64_t path_messages_per_hour;  /* likewise; burst */
    const struct warmup_plan *warmup; /* NULL: the IPs are warm */
    unsigned given;                   /* bits of enum mx_option */
    enum tls_policy tls;
    bool is_tls_verified; /* the certificate must be good, and for the name of the MX host */
    struct mx_timeouts timeouts;
    bool spares; /* a 5xx that says nothing against the address is a deferral */
    struct controller_settings settings;
};
extern const struct mx_rule mx_rule_default;

/* Options for a part of the traffic, as Momentum has them; see mta/shaping.h for who wins. */
struct mx_scope {
    struct slice domain;     /* glob on the recipient domain; length 0: any */
    const struct pool *pool; /* NULL: any */
    bool is_of_source;
    uint32_t source;       /* index of our IP */
    struct mx_rule values; /* those that are given; the others mean nothing */
};

struct inmail_config {
    int64_t poll_us;       /* the mailbox for returned mail is read so often; 0: at once */
    int64_t window_us;     /* how long after delivery a return still counts; more than 0 */
    struct slice instance; /* in the Message-IDs of ours; empty: any */
    bool is_any_instance;  /* do not look at it */
};

struct mta_config {
    struct slice hostname;              /* said in EHLO and in the banner */
    struct net_address listen;          /* submission */
    struct net_address inbound;         /* for returned mail; family 0: none is taken */
    const struct slice *return_domains; /* of the return paths that inbound answers for */
    size_t return_domains_count;
    const struct net_address *source_ips; /* at least one; port 0 */
    size_t source_ips_count;
    size_t own_ips_count; /* the first so many are for rules without a pool; 0: all */
    const struct pool *pools;
    size_t pools_count;
    uint16_t port; /* where MX hosts listen */
    const struct mx_rule *mx_rules;
    size_t mx_rules_count;
    const struct mx_scope *scopes;
    size_t scopes_count;
    struct retry_schedule retry;
    int64_t validity_us; /* asked where the message does not ask itself; at most 84 h */
    uint32_t efs_batch;
    int64_t efs_every_us;
    uint64_t size_max; /* of a submitted message; 552 5.3.4 beyond */
    struct inmail_config inmail;
    struct dkim_config dkim;
    struct automation_tables automation; /* of the operator; they have been read without an error */
};
struct mta_config mta_config_default(void); /* what the scenario language promises; no addresses */
#define MTA_VALIDITY_US_MAX (84 * US_PER_HOUR)

/* What a site allows our MTA with all its addresses at this instant, from who knows. Only a lab has
 * such a door; the controller `oracle` sends by it. UINT64_MAX: as many as one likes. */
struct site_truth {
    bool has_pace;     /* else all that there is room for may start at once */
    struct ratio pace; /* messages per microsecond */
    uint32_t
        refused_ppm;     /* of all messages, by chance, whatever the pace; they count in no limit */
    int64_t way_us;      /* so long until a message has got there, … */
    uint64_t room;       /* … where so many would pass by then */
    int64_t eases_at_us; /* when there will be still more room; INT64_MAX: never */
    uint64_t connections, messages_per_connection, recipients_per_transaction;
};
/* `host`: one of the site's MX hosts. False: nobody knows it. */
typedef bool site_truth_fn(void *arg, struct slice host, struct site_truth *truth);

struct mta_doors { /* its host's context; all outlive the MTA */
    struct loop *loop;
    struct network *network;
    struct resolver *resolver;
    struct store *store;
    struct journal *journal;
    const struct bounce_rules *bounce_rules;
    const struct rng *rng; /* "mta" */
    site_truth_fn *truth;  /* NULL: not in a lab */
    void *truth_arg;
    bool tells_all; /* the journal also what a campaign tells otherwise: received, expired */
    struct tls_client *tls;        /* NULL: all sessions to others are in plain text */
    struct tls_server *tls_server; /* for who brings us mail; NULL: they are not offered STARTTLS */
    const struct inmail_rules *inmail_rules; /* for returned mail; NULL: those built in */
    const struct verp_key
        *verp_key; /* of the return paths; NULL: they are not signed, and anybody may
                                        send something back to them */
};

struct mta;
struct mta *mta_new(const struct mta_config *config, const struct mta_doors *doors,
    efs_consumer_fn *consumer, void *consumer_arg, struct error *err);
void mta_free(struct mta **mta);

/* The config, or the doors' rules, are others now. Who waits goes on under the new MX rules, open
 * transactions end under the old ones; those and their scopes and pools must stay. */
void mta_reload(struct mta *mta, const struct bounce_rules *bounce_rules,
    const struct inmail_rules *inmail_rules);

/* Takes nothing new in and begins nothing new. Once mta_is_idle() the spool is all that is left. */
void mta_stop(struct mta *mta);
bool mta_is_idle(const struct mta *mta); /* no session open, and everything told to EFS */

/* For who looks in from outside: control socket, logs, metrics. */
struct delivery *mta_delivery(struct mta *mta);
struct spool *mta_spool(struct mta *mta);
struct efs *mta_efs(struct mta *mta);

struct mta_returns { /* mail that came back; by recipient, where it speaks of several */
    uint64_t bounces, delays, successes, auto_replies, challenges, complaints, unsubscriptions;
    uint64_t others;
    uint64_t duplicates, unmatched; /* of these: they changed nothing */
    uint64_t forged;                /* return paths that nobody with the key made; … */
    uint64_t late;                  /* … that are too old; … */
    uint64_t misaddressed;          /* … of domains that are not ours: refused at RCPT */
    uint64_t forged_quotes;         /* Message-IDs and senders in mail, likewise */
    uint64_t cut_short;             /* mails that were read in part: bombs, floods, loops */
    uint64_t too_large;             /* mails that were refused with 552 */
    uint64_t waiting;               /* for the next poll */
};

struct mta_totals {
    uint64_t messages_taken, recipients_taken, recipients_waiting;
    uint64_t attempts, deferrals, delivered, failed, expired, connections;
    struct mta_returns returns;
    uint64_t queue_bytes; /* memory of queue and spool at this moment */
};
struct mta_totals mta_totals(const struct mta *mta);

#endif
