/* policy.h - what a provider thinks of a session, stage by stage.
 *
 * A policy is asked a question and gives an answer. They are asked in a fixed order (limits, rules,
 * addresses that speak for themselves, greylist, mailboxes) and the first that answers wins. A rule
 * that only waits gives the answer "wait": the server does so and asks the same question on, behind
 * that rule.
 *
 * The server asks and obeys; it does not know who answered or why. A policy sees what has been said
 * in the session and never the stream.
 *
 * Units      *_us are microseconds of loop time.
 * Ownership  replies and names belong to the policies and live as long as they. */
#ifndef MTALAB_POLICY_H
#define MTALAB_POLICY_H

#include "fakeisp/isp.h"

/* A reply made ready once: its bytes, and its text as a name of the journal. */
struct ready_reply {
    uint16_t code;
    uint32_t enhanced; /* enhanced_pack() */
    uint32_t text;
    enum bounce_class cause; /* what it means by itself (cause.h) */
    struct slice wire;
};

struct ready_reply ready_reply_of(
    const struct smtp_reply *reply, struct arena *arena, struct journal *journal);

/* What policies remember of a session: the domain of the first MAIL that the limits let pass. */
struct visit_memory {
    bool has_domain;
    struct text domain;
};

/* What is known of a session for as long as it lasts. */
struct visit {
    size_t host;        /* index in the config */
    uint32_t session;   /* number, from 1 */
    uint32_t source_ip; /* a name of the journal */
    struct net_address source;
    uint64_t transactions_count; /* begun so far: MAIL that was accepted */
    struct visit_memory *memory; /* NULL: of one that has no limits by domain */
};

/* Return path and recipients of one transaction, as written by the client. */
struct envelope {
    struct text text;
    uint32_t sender_length; /* the first bytes of `text` */
    struct envelope_rcpt {
        uint32_t start, length;
    } * rcpts;
    size_t rcpts_count, rcpts_capacity;
};

void envelope_release(struct envelope *envelope);
void envelope_clear(struct envelope *envelope);
struct slice envelope_sender(const struct envelope *envelope);
struct slice envelope_rcpt(const struct envelope *envelope, size_t index);

/* Local part and domain may lie in two places; both are empty in the null sender. */
void envelope_set_sender(struct envelope *envelope, struct slice local, struct slice domain);
void envelope_add_rcpt(struct envelope *envelope, struct slice local, struct slice domain);
void envelope_drop_last_rcpt(struct envelope *envelope);

enum policy_kind {
    POLICY_LIMITS,
    POLICY_RULES,
    POLICY_ADDRESSES,
    POLICY_GREYLIST,
    POLICY_MAILBOXES,
    POLICIES_COUNT,
};

struct question {
    enum smtp_stage stage;
    int64_t now_us;
    const struct visit *visit;
    const struct envelope *envelope;
    size_t rcpt_first, rcpt_end;     /* those it is about: one at RCPT, all accepted ones later */
    struct slice header;             /* at body and dot, if a rule wants to see it */
    uint64_t bytes;                  /* at dot: of the content */
    const struct auth_results *auth; /* at dot; NULL: nobody asks for it */
    uint64_t scale_ppm; /* reputation leaves so much of a limit; policies_ask() fills it */
    /* Where to ask on; zeroed by who begins. */
    enum policy_kind next_policy;
    size_t next_rule;
    bool is_begun;
    int64_t drip_us; /* of whatever reply is given in the end */
};

enum answer_kind {
    ANSWER_NONE, /* nobody minds */
    ANSWER_WAIT, /* and ask on */
    ANSWER_REPLY,
    ANSWER_CLOSE, /* the reply, if there is one, then the end of the connection */
    ANSWER_RESET,
    ANSWER_SILENT,
};

struct answer {
    enum answer_kind kind;
    const struct ready_reply *reply; /* NULL: none */
    int64_t delay_us;                /* before anything is done */
    int64_t drip_us;                 /* 0: no; else one byte of the reply per so long */
    uint32_t rule;                   /* name of who spoke; for a limit, of the limit */
    uint32_t limit;                  /* the same, if it was a limit */
    enum bounce_class cause;         /* of a no; CLASS_NONE: what the reply means */
    uint8_t outcome;                 /* enum event_outcome, of a limit: what came of the knock */
    bool is_trap;                    /* the mailbox was one */
};

struct isp_sender question_sender(const struct question *question);

struct policies;

/* clock_us: what the wall clock showed at instant 0, since 1970. */
struct limits *policies_limits(struct policies *policies);
struct reputation *policies_reputation(struct policies *policies);
struct warming *policies_warming(struct policies *policies);
struct mailboxes *policies_mailboxes(struct policies *policies);
/* What RCPT for such a recipient would leave in the books, as far as its mailbox goes. */
struct isp_marks policies_marks_of(
    const struct policies *policies, struct slice rcpt, int64_t now_us);

struct policies *policies_new(const struct isp_config *config, struct journal *journal,
    const struct rng *rng, int64_t clock_us);
void policies_free(struct policies **policies);

/* Asks on from where the question stands. */
struct answer policies_ask(struct policies *policies, struct question *question);

/* Responsibility was taken for so many recipients; and somebody complains about such a message. */
void policies_on_accepted(struct policies *policies, const struct isp_sender *sender,
    uint64_t recipients, int64_t now_us);
void policies_on_complaint(
    struct policies *policies, const struct isp_sender *sender, int64_t now_us);

/* A session has ended whose connection was let through. */
void policies_on_closed(struct policies *policies, const struct visit *visit);

/* See isp_refuse_next(). */
void policies_refuse_next(
    struct policies *policies, uint64_t times, const struct smtp_reply *reply);
uint64_t policies_refusals_left(const struct policies *policies);

bool policies_want_header(const struct policies *policies);
uint64_t policies_traps_hit(const struct policies *policies);

void policies_turn(
    struct policies *policies, enum isp_knob knob, size_t index, int64_t value, int64_t now_us);
int64_t policies_knob(const struct policies *policies, enum isp_knob knob, size_t index);

/* ---- one file each ---- */

struct policy_doors {
    struct arena *arena; /* for what lives as long as the policies */
    struct journal *journal;
    const struct rng *rng;
    int64_t clock_us;
};

/* Limits: connections at connect, messages at MAIL, recipients at RCPT, bytes at the final dot, or
 * later, as the config has it. What passes counts from then on, whatever becomes of it later. Unknown
 * users are noted when RCPT is about to be answered with that, complaints when they come; the door of
 * their penalty shuts out every RCPT, or every MAIL. */
struct limits;
enum bounce_class limit_cause(enum bounce_class configured, const struct ready_reply *reply);
struct limits *limits_new(const struct isp_config *config, const struct policy_doors *doors);
void limits_free(struct limits **limits);
struct answer limits_ask(struct limits *limits, const struct question *question);
/* RCPT is about to be answered. A limit that minds has the last word. */
struct answer limits_note_rcpt(
    struct limits *limits, const struct question *question, bool is_unknown);
void limits_note_accepted(
    struct limits *limits, const struct isp_sender *sender, uint64_t recipients, int64_t now_us);
void limits_note_complaint(struct limits *limits, const struct isp_sender *sender, int64_t now_us);
void limits_on_closed(struct limits *limits, const struct visit *visit);
uint32_t limits_stages(const struct limits *limits); /* bits: where one has something to say */
bool limits_want_rcpts(const struct limits *limits);
void limits_turn(
    struct limits *limits, enum isp_knob knob, size_t index, int64_t value, int64_t now_us);
int64_t limits_knob(const struct limits *limits, enum isp_knob knob, size_t index);
struct isp_limit_state limits_state(struct limits *limits, size_t index,
    const struct isp_sender *sender, uint64_t scale_ppm, int64_t way_us, int64_t now_us);

/* Reputation and warming: asked before the limits. A sender's score also fills the question's
 * scale. */
struct reputation;
struct reputation *reputation_new(
    const struct isp_config *config, const struct policy_doors *doors);
void reputation_free(struct reputation **reputation);
struct answer reputation_ask(struct reputation *reputation, struct question *question);
void reputation_note_rcpt(struct reputation *reputation, const struct isp_sender *sender,
    bool is_unknown, bool is_trap, int64_t now_us);
void reputation_note_accepted(struct reputation *reputation, const struct isp_sender *sender,
    uint64_t recipients, int64_t now_us);
void reputation_note_complaint(
    struct reputation *reputation, const struct isp_sender *sender, int64_t now_us);
uint32_t reputation_stages(const struct reputation *reputation);
struct isp_standing reputation_standing(
    struct reputation *reputation, const struct isp_sender *sender, int64_t now_us);
struct isp_marks reputation_marks(const struct reputation *reputation);

struct warming;
struct warming *warming_new(const struct isp_config *config, const struct policy_doors *doors);
void warming_free(struct warming **warming);
struct answer warming_ask(struct warming *warming, const struct question *question);
void warming_take(struct warming *warming, const struct question *question); /* nobody minded */
void warming_note_rcpt(struct warming *warming, const struct isp_sender *sender, bool is_unknown,
    bool is_trap, int64_t now_us);
void warming_note_accepted(
    struct warming *warming, const struct isp_sender *sender, uint64_t recipients, int64_t now_us);
void warming_note_complaint(
    struct warming *warming, const struct isp_sender *sender, int64_t now_us);
uint32_t warming_stages(const struct warming *warming);
struct isp_warmth warming_warmth(
    struct warming *warming, const struct isp_sender *sender, int64_t now_us);

/* Rules, in the order they are written. With several recipients (data, body, dot) a rule speaks
 * when it means any of them. Before there is a recipient a share is drawn anew each time. */
struct rules;
struct rules *rules_new(const struct isp_config *config, const struct policy_doors *doors);
void rules_free(struct rules **rules);
struct answer rules_ask(struct rules *rules, struct question *question);
void rules_note_rcpt(struct rules *rules, const struct question *question); /* once per RCPT */
uint32_t rules_stages(const struct rules *rules); /* bits: where one has something to say */
bool rules_want_header(const struct rules *rules);
void rules_turn_share(struct rules *rules, size_t index, int64_t share_ppm);
int64_t rules_share(const struct rules *rules, size_t index);

/* Addresses that say what happens, if the config has it so: at RCPT, DATA and the final dot. */
struct addresses;
struct addresses *addresses_new(const struct isp_config *config, const struct policy_doors *doors);
void addresses_free(struct addresses **addresses);
struct answer addresses_ask(struct addresses *addresses, struct question *question);
uint32_t addresses_stages(const struct addresses *addresses);

/* Greylist: at RCPT. */
struct greylist;
struct greylist *greylist_new(const struct isp_config *config, const struct policy_doors *doors);
void greylist_free(struct greylist **greylist);
struct answer greylist_ask(struct greylist *greylist, const struct question *question);
void greylist_turn_delay(struct greylist *greylist, int64_t delay_us);
int64_t greylist_delay(const struct greylist *greylist);

/* Mailboxes: at RCPT, the hidden truth; other people's domains are not relayed to. */
struct mailboxes;
struct mailboxes *mailboxes_new(const struct isp_config *config, const struct policy_doors *doors);
void mailboxes_free(struct mailboxes **mailboxes);
struct answer mailboxes_ask(struct mailboxes *mailboxes, const struct question *question);
/* The same, of somebody who did not ask: it is not noted. */
struct answer mailboxes_answer(
    const struct mailboxes *mailboxes, struct slice rcpt, int64_t now_us);
bool mailboxes_is_living(const struct mailboxes *mailboxes, struct slice rcpt, int64_t now_us);
uint64_t mailboxes_traps_hit(const struct mailboxes *mailboxes);
void mailboxes_turn_share(struct mailboxes *mailboxes, size_t index, int64_t share_ppm);
int64_t mailboxes_share(const struct mailboxes *mailboxes, size_t index);

#endif
