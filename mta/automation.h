/* automation.h - what a controller does about a reply: Momentum's response rules and KumoMTA's
 * automation rules, as tables.
 *
 * The rules are data, `mta/rules/momentum.tsv` and `kumo.tsv`, which say at their head how they are
 * written; an operator's own are asked before them. First match wins, so that an own rule hides one of
 * ours, and one whose action is "none" takes it away. Neither vendor says what happens when two rules
 * match.
 *
 * Units      periods and durations are microseconds of loop time, paces are those of mta/pacer.h.
 * Ownership  automation_read() gives the rules to the caller; what is found points into them. Rows are
 *            copied. One thread at a time, also for who only asks.
 * Errors     a bad row: ERROR_CONFIG with file, line and column. */
#ifndef MTALAB_AUTOMATION_H
#define MTALAB_AUTOMATION_H

#include "base/error.h"
#include "mta/reply_type.h"

enum automation_book { AUTOMATION_MOMENTUM, AUTOMATION_KUMO, AUTOMATION_BOOKS_COUNT };

enum automation_verb {
    AUTOMATION_NOTHING,
    AUTOMATION_SUSPEND,
    AUTOMATION_THROTTLE_DOWN,      /* momentum, as the next five */
    AUTOMATION_REDUCE_CONNECTIONS, /* by `value` */
    AUTOMATION_REDUCE_DELIVERIES,  /* on a connection, by `value` */
    AUTOMATION_GREYLISTED,         /* retries are `value` apart */
    AUTOMATION_WARMUP,             /* the source IP is `value` old, and its curve begins there */
    AUTOMATION_SET_RATE,           /* kumo, as the next two; a pace */
    AUTOMATION_SET_CONNECTIONS,
    AUTOMATION_SET_DELIVERIES,
};

struct automation_action {
    enum automation_verb verb;
    int64_t value;
};

enum { AUTOMATION_ACTIONS_MAX = 4, AUTOMATION_RULES_MAX = 4096, AUTOMATION_EVENTS_MAX = 10000 };

struct automation_rule {
    struct slice id;
    struct slice hosts; /* globs between commas; length 0: any */
    bool has_subject;
    enum reply_subject subject;
    bool has_text;
    uint32_t text;     /* number of the expression */
    uint32_t number;   /* of the rule, from 0 */
    uint32_t events;   /* it fires at so many … */
    int64_t period_us; /* … within so long; 0: there is one only */
    struct automation_action actions[AUTOMATION_ACTIONS_MAX];
    size_t actions_count;
    int64_t for_us; /* how long that lasts; 0: it does not say */
};

/* Of an operator; length 0: none. */
struct automation_table {
    const char *filename; /* for diagnostics */
    struct slice rows;
};
struct automation_tables {
    struct automation_table of[AUTOMATION_BOOKS_COUNT];
};

struct automation;

/* Those of the tables, and then those built into the program. NULL: *err. */
struct automation *automation_read(const struct automation_tables *own, struct error *err);
void automation_free(struct automation **automation);

/* `host` is the name of the MX host that spoke. NULL: no rule knows the reply. */
const struct automation_rule *automation_find(struct automation *automation,
    enum automation_book book, struct slice host, const struct smtp_reply *reply,
    enum reply_subject subject);

size_t automation_count(const struct automation *automation, enum automation_book book);

#endif
