/* controller_parts.h - what the controllers have in common; for them only. */
#ifndef MTALAB_CONTROLLER_PARTS_H
#define MTALAB_CONTROLLER_PARTS_H

#include "base/moments.h"
#include "mta/controller.h"
#include "mta/pacer.h"

enum { CONTROLLER_NO_LIMIT = 1000000 };

struct trigger { /* the replies of late, no more than it needs */
    struct moments events;
    uint64_t count;
};

struct controller {
    const struct controller_ops *ops;
    const struct mx_rule *rule;
    controller_tell_fn *tell;
    void *arg;
    site_truth_fn *truth; /* NULL: nobody knows */
    void *truth_arg;
    struct slice host; /* to ask about */
    uint32_t messages_per_connection, recipients_per_transaction;
    int64_t held_until_us;
    int64_t created_us;
    int64_t retry_us;              /* 0: as the schedule says */
    struct automation *automation; /* NULL: none */
    struct trigger *triggers;      /* by number of their rule; NULL: none has been asked yet */
};

struct controller_ops {
    const char *name;
    size_t size; /* of the struct that begins with a struct controller */
    struct controller_nature nature;
    enum automation_book book; /* of the rules it does as; means nothing to the others */
    void (*init)(struct controller *controller, int64_t now_us);           /* NULL: zeroes do */
    void (*release)(struct controller *controller);                        /* NULL: nothing to do */
    void (*signal)(struct controller *controller, const struct signal *s); /* NULL: deaf */
    void (*outcome)(struct controller *controller, enum bounce_class class,
        int64_t now_us);                                              /* NULL: does not count */
    void (*complaint)(struct controller *controller, int64_t now_us); /* likewise */
    /* Time has come to `now_us`: what is due by itself is done. NULL: nothing ever is. */
    void (*advance)(struct controller *controller, int64_t now_us);
    uint32_t (*connections)(struct controller *controller, uint32_t waiting, int64_t now_us);
    int64_t (*ready_at_us)(struct controller *controller, int64_t now_us); /* NULL: when not held */
    void (*take)(struct controller *controller, int64_t now_us); /* NULL: does not count */
    void (*describe)(const struct controller *controller, int64_t now_us, struct text *out);
};

extern const struct controller_ops controller_static, controller_aimd, controller_postfix,
    controller_momentum, controller_kumo, controller_tle, controller_oracle;

/* A controller that sets a pace and a number of connections, and what such ones answer. */
struct paced {
    struct controller base;
    struct pacer pacer;
    uint32_t connections;
};
uint32_t paced_connections(struct controller *controller, uint32_t waiting, int64_t now_us);
int64_t paced_ready_at_us(struct controller *controller, int64_t now_us);
void paced_take(struct controller *controller, int64_t now_us);
void paced_describe(const struct controller *controller, int64_t now_us, struct text *out);

/* The rule that knows this reply, or NULL. */
const struct automation_rule *controller_rule_for(struct controller *c, const struct signal *s);
/* One more reply of those that this rule waits for: are there so many within `period_us`? */
bool controller_is_triggered(
    struct controller *c, const struct automation_rule *rule, int64_t period_us, int64_t now_us);

/* One connection for each twenty messages that wait, at most `limit`. */
uint32_t controller_worth(uint32_t waiting, uint32_t limit);

/* The change is told when the two differ. */
struct change_note {
    const char *what, *because;
    int64_t now_us, next_probe_us;
    const struct signal *evidence;
    struct slice rule;
};
void controller_tell_pace(
    struct controller *c, const struct change_note *note, int64_t from, int64_t to);
void controller_tell_count(
    struct controller *c, const struct change_note *note, uint64_t from, uint64_t to);
/* Held for so long from now on; the longer hold stays. */
void controller_hold(struct controller *c, const struct change_note *note, int64_t until_us);
void pace_format(struct text *out, int64_t pace);

#endif
