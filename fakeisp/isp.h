/* isp.h - a mailbox provider with opinions: its hosts, its mailboxes' hidden truth, its policies.
 *
 * At each stage of a session (smtp/stage.h) the ISP asks in this order, and the first that answers
 * wins: faults, limits, rules, addresses that speak for themselves, greylist, mailboxes. Nothing
 * answers: accepted. Where a message comes from (fakeisp/auth.h) is found out between the final dot
 * and the question what to think of it; rules and limits of that stage may ask for it.
 *
 * The ISP keeps its own ledger of what it accepted and refused, from the bytes it saw and nothing
 * else. After a run it is compared with what the other side believes (ledger.h).
 *
 * Units      *_us are microseconds of loop time; rates are per microsecond, exact; shares are parts
 *            per million.
 * Ownership  the config is borrowed and must outlive the ISP; it is never written to. What a time
 *            line changes is kept by the ISP.
 * Errors     isp_new() fails when it cannot listen. */
#ifndef MTALAB_ISP_H
#define MTALAB_ISP_H

#include "base/journal.h"
#include "base/loop.h"
#include "base/resolver.h"
#include "base/rng.h"
#include "base/stream_sim.h"
#include "base/stream_tls.h"
#include "base/unit.h"
#include "fakeisp/auth.h"
#include "fakeisp/ledger.h"
#include "smtp/event.h"
#include "smtp/reply.h"
#include "smtp/stage.h"
#include "smtp/verdict.h"

/* A reply as configured. `text` and the rest are owned by whoever made the config. */
struct isp_reply {
    bool is_set;
    struct smtp_reply reply;
};

enum isp_tls_fault {
    ISP_TLS_FINE,
    ISP_TLS_REFUSES, /* offers STARTTLS and answers it with 454 */
    ISP_TLS_CUTS,
    ISP_TLS_IS_OLD,
};

struct isp_host_tls { /* zeroed: not offered */
    bool is_offered;
    enum tls_certificate certificate;
    enum isp_tls_fault fault;
};

struct isp_host {
    struct slice name;                   /* as the scenario calls it: "mx1" */
    struct slice fqdn;                   /* "mx1.bigmail.example", said in the banner */
    const struct net_address *addresses; /* listens on all of them, their port (25) */
    size_t addresses_count;
    int64_t rtt_us;       /* used by who builds the network */
    uint32_t mutations;   /* mutation bits: what a gateway in front of it does to content */
    enum net_fault fault; /* the same */
    struct isp_host_tls tls;
    bool
        is_telling_limits; /* LIMITS in its EHLO (RFC 9422): what a session and a transaction may hold */
};

enum limit_count {
    LIMIT_CONNECTIONS_OPEN,
    LIMIT_CONNECTIONS,
    LIMIT_MESSAGES,
    LIMIT_RECIPIENTS,
    LIMIT_BYTES,
    LIMIT_UNKNOWN_USERS,
    LIMIT_COMPLAINTS,
    LIMIT_MESSAGES_PER_CONNECTION,
    LIMIT_RECIPIENTS_PER_TRANSACTION,
    LIMIT_DOMAINS_PER_TRANSACTION, /* of recipients */
};

enum limit_key { /* bits: what has a counter of its own */
    LIMIT_PER_SOURCE_IP = 1,
    LIMIT_PER_IP_24 = 2, /* /24 of IPv4, /64 of IPv6 */
    LIMIT_PER_SENDER_DOMAIN = 4,
    LIMIT_PER_HOST = 8,
    LIMIT_PER_DKIM_DOMAIN = 16, /* d= of a good signature; asked at the final dot */
    LIMIT_PER_SITE = 32,        /* one counter for all of the provider; stands alone */
};

enum limit_window { /* see fakeisp/window.h */
    WINDOW_NONE,
    WINDOW_SLIDING,
    WINDOW_FIXED,
    WINDOW_BUCKET,
    WINDOW_CLOCK,
    WINDOW_FIRST,
};

enum limit_then { /* the session after the reply; the last three give none */
    THEN_KEEP,
    THEN_CLOSE,
    THEN_DROP,   /* closed */
    THEN_RESET,  /* reset */
    THEN_SILENT, /* never answered, as if a firewall had swallowed it */
};

/* How a provider treats who keeps knocking. Nobody above the first rung, which is the limit itself:
 * so many refusals of one sender bring the next. */
struct isp_rung {
    struct slice id;
    uint32_t after;        /* refusals on the rung below, at least 1, … */
    int64_t within_us;     /* … in so long */
    struct isp_reply over; /* always set */
    enum limit_then then;
    enum smtp_stage stage;   /* the first where it answers; STAGE_NONE: where the limit counts */
    enum bounce_class cause; /* as of a limit */
    int64_t hold_us;         /* the door is shut so long at once; 0: it is not */
    uint32_t scale_ppm;      /* so much of the limit is left; PPM: all */
};

struct isp_limit {
    struct slice id;
    enum limit_count count;
    uint32_t per; /* limit_key bits; never 0 */
    uint64_t max; /* in the window, or at once */
    /* Unknown users and complaints may be a share instead: more than `share` of the recipients in
     * the window, once there are `share_of_min`. den 0: they are not. */
    struct ratio share;
    uint64_t share_of_min;
    enum limit_window window;
    int64_t window_us;
    uint64_t burst;        /* bucket: room when it is full; 0: max */
    enum smtp_stage stage; /* the first where it answers; STAGE_NONE: where it counts */
    struct isp_reply over; /* always set; the default is 421 4.7.0 with a text naming the count */
    enum limit_then then;
    enum bounce_class cause;  /* CLASS_NONE: later if it says 4xx or nothing (70), else 20 */
    bool is_unscaled;         /* reputation does not move it */
    int64_t hold_us;          /* 0: no penalty. Else the door stays shut so long, … */
    struct ratio hold_factor; /* … times this for each try meanwhile, … */
    int64_t hold_us_max;      /* … at most so long */
    const struct isp_rung *rungs;
    size_t rungs_count;
    int64_t decay_us; /* so long without a refusal, and it is one rung less; 0: never */
};

bool isp_limit_is_scaled(const struct isp_limit *config); /* by reputation */

/* A sender, as limits and reputations tell them apart. What is not known is left out. */
struct isp_sender {
    struct net_address source;
    size_t host;              /* he talks to; index in the config */
    struct slice domain;      /* of the return path */
    struct slice dkim_domain; /* d= of a good signature */
};

/* What a score below `below` comes to. */
struct isp_band {
    struct slice id;
    uint32_t below;         /* points, of 100 */
    struct isp_reply reply; /* not set: none, … */
    uint32_t share_ppm;     /* … else to so many of the messages, drawn */
    bool is_closing;
    enum smtp_stage stage;
    uint32_t scale_ppm;      /* so much of the limits is left; PPM: all */
    enum bounce_class cause; /* as of a limit */
};

struct isp_reputation { /* see fakeisp/policy_reputation.c */
    bool is_on;
    uint32_t per;     /* limit_key bits */
    uint32_t start;   /* points of a newcomer, of 100 */
    uint32_t recover; /* points that a day without a mark gives back */
    uint32_t trap_points;
    uint32_t complaint_points, unknown_points; /* per percent of the day's recipients, … */
    uint64_t share_of_min;                     /* … of so many at least, or of a usual day's */
    uint32_t jump_points;
    uint32_t jump_times; /* the mean of the days before, */
    uint64_t jump_from;  /* and at least so many recipients */
    const struct isp_band *bands;
    size_t bands_count;
};

struct isp_warming { /* see fakeisp/policy_warming.c */
    bool is_on;
    uint32_t per;         /* limit_key bits */
    uint64_t first, full; /* messages a day; from `full` on there is no limit */
    struct ratio grow, shrink;
    struct ratio complaint_share, unknown_share; /* above: a dirty day, … */
    uint64_t share_of_min;                       /* … if there were so many recipients */
    uint64_t traps_max;
    struct isp_reply over;   /* always set, if it is on */
    enum bounce_class cause; /* as of a limit, of both replies */
    bool is_closing;
    enum smtp_stage stage;
    struct isp_reply unseen; /* the banner for who was never seen; not set: none */
    int64_t unseen_us;       /* for so long */
    int64_t forget_us;       /* who stays away for so long was never seen */
};

/* One comparison of `while:`; all of a rule's must hold. */
struct isp_condition {
    enum { CONDITION_AGE, CONDITION_ATTEMPT } what; /* age(first_attempt) in us; attempt */
    enum { IS_EQUAL, IS_NOT_EQUAL, IS_LESS, IS_AT_MOST, IS_GREATER, IS_AT_LEAST } compare;
    int64_t value;
};

enum isp_action { /* what a rule does; a delay may stand beside any of them */
    ACTION_REPLY,
    ACTION_DELAY, /* only wait; then ask on */
    ACTION_CLOSE, /* the reply if there is one, then the end of the connection */
    ACTION_RESET,
    ACTION_SILENT, /* no reply, ever */
};

struct isp_rule {
    struct slice id;
    enum smtp_stage stage;
    struct slice to, from;             /* globs; length 0: any. Without '@' on the local part */
    struct auth_wanted auth;           /* at stage dot */
    struct slice header;               /* "Name: glob", at stages body and dot; length 0: any */
    uint32_t attempt_min, attempt_max; /* 0, 0: any; UINT32_MAX: open */
    const struct isp_condition *conditions;
    size_t conditions_count;
    uint32_t share_ppm; /* PPM: always. Drawn per recipient, the same at every try */
    uint64_t times;     /* 0: without end; else it answers so often and no more */
    enum isp_action action;
    struct isp_reply reply;  /* may be a 250 */
    int64_t delay_us;        /* before it */
    int64_t drip_us;         /* 0: no; else one byte of the reply per so long (tarpit) */
    enum bounce_class cause; /* CLASS_NONE: sender (50) if it asks for auth, else by its status */
};

enum grey_key { GREY_IP = 1, GREY_IP_24 = 2, GREY_FROM = 4, GREY_TO = 8 };

struct isp_greylist {
    bool is_on;
    uint32_t key;           /* grey_key bits */
    int64_t delay_us;       /* a triple younger than this is deferred */
    int64_t forget_us;      /* a triple not seen for so long is new again; default 35 d */
    struct isp_reply reply; /* default 451 4.7.1 greylisted, try again later */
};

enum mailbox_truth { MAILBOX_UNKNOWN, MAILBOX_FULL, MAILBOX_DISABLED, MAILBOX_TRAP };

struct isp_mailbox {
    struct slice id; /* empty: known by its number only, "mailbox-2" */
    struct slice to; /* glob, as in rules */
    enum mailbox_truth is;
    uint32_t share_ppm;
    int64_t for_us; /* from the start of the run; 0: always. Afterwards the mailbox is good */
    struct isp_reply reply; /* not set: the truth's own (550 5.1.1, 452 4.2.2, 550 5.2.1, 250) */
};

enum isp_return_kind { RETURN_REPORT, RETURN_AUTO_REPLY, RETURN_COMPLAINT };
enum isp_return_path {
    RETURN_TO_SENDER,   /* the return path of the message */
    RETURN_TO_FORGED,   /* one that looks like it and was never given out */
    RETURN_TO_FROM,     /* the address in its header From, which is wrong, and happens */
    RETURN_TO_STRANGER, /* nobody that ever sent: another local part at that domain */
};
struct dialect; /* fakeisp/dialect.h */

/* What comes back after a 250. Every one speaks for itself: one recipient may have a delay reported
 * first and a failure later. Those with the same `entry` are about the same share of recipients. */
struct isp_return {
    struct slice to; /* glob, as in rules */
    uint32_t share_ppm;
    size_t entry; /* the index of the one whose share it has; mostly its own */
    enum isp_return_kind kind;
    int64_t after_us;     /* from the 250 */
    int64_t after_us_max; /* above it: drawn between the two, both included, per recipient */
    enum dsn_kind action; /* of a report, as the next three */
    struct enhanced_code code;
    struct slice diagnostic; /* as a server would have said it; may be empty */
    enum bounce_class cause; /* CLASS_NONE: what the code means; of a delay 70 */
    const struct dialect *const
        *dialects;         /* one of them, drawn per recipient; NULL among them, … */
    size_t dialects_count; /* … or none of them: plain RFC 3464 (smtp/report.h) */
    enum isp_return_path path;
    struct slice complaint_to; /* empty: fbl@ the domain of the message's From */
    struct slice forwarded_to; /* the address it names instead of the recipient; empty: none */
    uint32_t copies;           /* it comes so often; 0 as 1 */
    int64_t copies_every_us;
};

struct isp_config {
    struct slice name;
    const struct slice *domains; /* at least one */
    size_t domains_count;
    const struct isp_host *hosts; /* at least one */
    size_t hosts_count;
    const struct isp_limit *limits;
    size_t limits_count;
    struct isp_reputation reputation;
    struct isp_warming warming;
    const struct isp_rule *rules;
    size_t rules_count;
    struct isp_greylist greylist;
    bool is_authenticating; /* else no rule and no limit may ask */
    struct auth_config auth;
    const struct isp_mailbox *mailboxes;
    size_t mailboxes_count;
    const struct isp_return *returns;
    size_t returns_count;
    bool is_by_address; /* the recipient says what happens (wish.h); every domain is served */
    const struct dialects *dialects; /* that an address may name; NULL: none */
    uint64_t size_max;               /* SIZE offered and enforced (552 5.3.4); default 50 MiB */
    uint32_t recipients_max;         /* per transaction, 452 4.5.3 beyond; default 1,000 */
    bool is_without_pipelining, is_without_8bitmime; /* what EHLO does not offer */
    bool is_without_ehlo;                            /* knows HELO only: EHLO gets 502 */
};

struct isp;
struct isp_doors { /* its host's context; all outlive the ISP */
    struct loop *loop;
    struct network *network;
    struct journal *journal;
    const struct rng *rng;     /* "isp/NAME" */
    struct resolver *resolver; /* for authentication too; may be NULL where nobody needs it */
    bool tells_attempts;       /* and deferrals: of an MTA that keeps no journal */
    /* Where reports go: where DNS says of the return path, or all to one place. Neither: nowhere. */
    struct net_address return_to; /* family 0: where DNS says, … */
    uint16_t return_port;         /* … at this port; 0: 25 */
    struct tls *tls;              /* NULL: no host offers it, whatever the config says */
};

struct isp *isp_new(
    const struct isp_config *config, const struct isp_doors *doors, struct error *err);
void isp_free(struct isp **isp);
void isp_shut(struct isp *isp); /* nobody new is let in; who is here may finish */
const struct isp_config *isp_config(const struct isp *isp);

/* What a time line may change while the ISP runs. */
enum isp_knob {
    KNOB_LIMIT_MAX, /* limits[index].max */
    KNOB_LIMIT_WINDOW,
    KNOB_LIMIT_BURST,
    KNOB_LIMIT_SHARE, /* in parts per million */
    KNOB_RULE_SHARE,
    KNOB_MAILBOX_SHARE,
    KNOB_GREYLIST_DELAY,
};
void isp_turn(struct isp *isp, enum isp_knob knob, size_t index, int64_t value);
int64_t isp_knob(const struct isp *isp, enum isp_knob knob, size_t index); /* its value now */

/* The next so many recipients get this reply, whatever the policies think of them. The last order
 * stands; 0 takes it back. */
void isp_refuse_next(struct isp *isp, uint64_t times, const struct smtp_reply *reply);
uint64_t isp_refusals_left(const struct isp *isp);

/* Somebody complains about mail of this sender: limits, reputation and warming take note. */
void isp_note_complaint(struct isp *isp, const struct isp_sender *sender);

/* ---- The truth, for judges, oracles and plots. No sender can see any of it. Asking changes
 * nothing: who asks about a stranger leaves him one. */

uint32_t isp_sessions_open(const struct isp *isp, size_t host); /* now */

/* One limit as it stands for one sender at this instant: as the time line has it, on the rung where
 * he stands, with what his reputation leaves of it. */
struct isp_limit_state {
    const struct isp_limit *config;
    uint64_t max; /* in the window, or at once; not of a share */
    enum limit_window window;
    int64_t window_us;     /* 0: there is none */
    uint64_t burst;        /* what passes at once from rest; without a bucket: max */
    struct ratio rate;     /* of what is counted, per microsecond, in the long run: max / window_us;
                            * nothing while the door is shut; and nothing without a window */
    uint64_t room;         /* so much would pass now; UINT64_MAX: any */
    int64_t eases_at_us;   /* the next instant at which `room` grows by itself; INT64_MAX: never */
    uint32_t rung;         /* 0: the limit's own */
    bool is_shut;          /* a penalty runs, … */
    int64_t shut_until_us; /* … so long, if nobody knocks */
    int64_t
        changes_at_us; /* the next instant at which `rate` changes by itself; INT64_MAX: never */
};
struct isp_limit_state isp_limit_now(
    struct isp *isp, size_t index, const struct isp_sender *sender);

/* An MTA with all its addresses, as a provider sees it. */
struct isp_senders {
    const struct net_address *sources; /* at least one */
    size_t sources_count;
    struct slice domain, dkim_domain;
};
/* The rate of one limit for all of them together: the sum over those who have a counter of their own
 * (source addresses, hosts). *changes_at_us as above. */
struct ratio isp_limit_rate_now(
    struct isp *isp, size_t index, const struct isp_senders *senders, int64_t *changes_at_us);

/* What a sender may do at this instant if he knew everything: the strictest of all limits, holds,
 * reputation and warming. An oracle sends by it. */
struct isp_message {            /* as a limit of recipients or bytes counts it */
    uint64_t recipients, bytes; /* bytes 0: not known; such limits are left out */
    int64_t way_us;             /* so long until it is there and counts: the room is that of then */
};
struct isp_permission {
    bool is_refused;   /* a door is shut, or he is not let in: nothing passes */
    bool has_rate;     /* else there is no limit in time */
    struct ratio rate; /* messages per microsecond in the long run; nothing while he is refused */
    bool has_pace;     /* else all limits have room for what … */
    struct ratio pace; /* … the slowest of the others lets through in a second */
    uint32_t refused_ppm; /* so many, for reputation alone; they count in no limit */
    uint64_t room;        /* messages that would pass now, one after the other; UINT64_MAX: any */
    int64_t eases_at_us;  /* the next instant at which `room` grows by itself; INT64_MAX: never */
    /* UINT64_MAX: as many as he likes */
    uint64_t connections_open_max, messages_per_connection_max, recipients_per_transaction_max;
    int64_t changes_at_us; /* the next instant at which the rate changes by itself */
};
struct isp_permission isp_permission_now(
    struct isp *isp, const struct isp_sender *sender, const struct isp_message *message);
/* The same for an MTA with all its addresses together, if each sends as much; is_refused: none of
 * them is let in. */
struct isp_permission isp_permission_of_all(
    struct isp *isp, const struct isp_senders *senders, const struct isp_message *message);

/* What a provider thinks of a sender now. */
struct isp_standing {
    uint32_t score_millionths; /* of a point; 100 points are best */
    uint32_t scale_ppm;        /* so much of its limits is left */
    uint32_t refused_ppm;      /* of its messages, for the score alone */
    int64_t changes_at_us;     /* without anybody's doing; INT64_MAX: never */
};
struct isp_warmth {
    bool is_warm;             /* then there is no allowance */
    bool is_refused;          /* at the banner */
    uint64_t allowance, left; /* messages, today */
    int64_t changes_at_us;    /* as above */
};

struct isp_standing isp_standing_now(struct isp *isp, const struct isp_sender *sender);
struct isp_warmth isp_warmth_now(struct isp *isp, const struct isp_sender *sender);

/* What reputation knows of a sender. Zeroed: he is a stranger. */
struct isp_record {
    bool is_known;  /* the rest means something */
    bool is_marked; /* today, by a trap or a jump */
    int64_t score;  /* in millionths of a point, before what today's shares cost */
    int64_t day_from_us;
    uint64_t asked, unknown;       /* today's recipients; of these do not exist */
    uint64_t accepted, complaints; /* today: taken; complained about, whenever they were taken */
    uint64_t yesterday;            /* accepted */
    uint64_t mean;                 /* accepted per day, the last ones weighing most */
    uint64_t jump_at;              /* so many today are a jump */
};
struct isp_marks { /* recipients that were asked for and taken; of these … */
    uint64_t asked, unknown, traps, accepted, complaints;
};
/* What reputation has seen of all senders together. */
struct isp_marks isp_marks_now(struct isp *isp);
/* What one recipient would add, as its mailbox is now; what rules say to it is left out. */
struct isp_marks isp_marks_of(struct isp *isp, struct slice rcpt);
/* What it would think of somebody who is not there, if he had sent so much more. Jumps of volume are
 * left out: he would not make any. */
void isp_record_add(const struct isp_config *config, struct isp_record *record,
    const struct isp_marks *more, int64_t now_us);
struct isp_standing isp_record_standing(
    const struct isp_config *config, const struct isp_record *record, int64_t now_us);

/* Is the mailbox a good one at this instant? Not where the recipient says himself what happens. */
bool isp_is_living(struct isp *isp, struct slice rcpt);

/* For the report. */
struct isp_reports {    /* of delivery, that go back */
    uint64_t sent;      /* handed to the network: their time had come */
    uint64_t taken;     /* of these: by the other side's 250 */
    uint64_t unsent;    /* given up, or never begun because there were too many */
    uint64_t kept_back; /* the return path was the null sender */
};
struct isp_totals {
    uint64_t connections, messages_accepted, recipients_accepted;
    uint64_t recipients_refused_4xx, recipients_refused_5xx, limit_hits, bytes_accepted;
    uint64_t traps_hit;
    struct isp_reports reports;
    uint64_t auth[AUTH_METHODS_COUNT][AUTH_RESULTS_MAX]; /* messages, by result */
};
struct isp_totals isp_totals(const struct isp *isp);

/* What it took responsibility for. */
const struct ledger *isp_ledger(const struct isp *isp);

#endif
