/* expression.h - the language of checks: `kpi.success == 85%`, `rate(accepted, over=5m) <= 10/m`.
 *
 * An expression is compiled once: names are resolved, units checked, constants folded. What comes out
 * is a list of nodes in which operands stand before what uses them; evaluating is one walk over the
 * list. Mistakes are diagnostics with a caret at the column in question.
 *
 * Ownership  expressions live in the arena of their parts and borrow the scenario.
 * Errors     diagnostics, one per expression: the first. */
#ifndef MTALAB_EXPRESSION_H
#define MTALAB_EXPRESSION_H

#include "scenarios/evidence.h"
#include "scenarios/series.h"
#include "scenarios/value.h"

enum { EXPRESSION_NODES_MAX = 128, EXPRESSION_DEPTH_MAX = 64 };

/* Where an expression stands decides which names it may use. */
enum expression_place {
    PLACE_STATE,   /* at, by, always, never, eventually */
    PLACE_EVENT,   /* check and where beside `when`: the event's fields, its row of the log */
    PLACE_INSTANT, /* at, by, after, until: must be an instant */
};

enum node_kind {
    NODE_CONSTANT,
    NODE_WORD,    /* while compiling */
    NODE_END,     /* the instant of the run's end */
    NODE_FIELD,   /* a field that is a number */
    NODE_MATCH,   /* a field against a constant */
    NODE_LOG,     /* the row of the event (or of count) against words */
    NODE_LOG_ALL, /* every row of the log against words */
    NODE_ROWS,    /* count(condition): rows of the log */
    NODE_KPI,
    NODE_RELAYED,
    NODE_SERIES,
    NODE_WATCH, /* unchanged() and its like */
    NODE_OPERATION,
};

enum watch_claim { CLAIM_UNCHANGED, CLAIM_INCREASED, CLAIM_DECREASED, CLAIM_NONDECREASING };

struct node {
    enum node_kind kind;
    enum value_type type;
    bool is_percent; /* how people want to read it */
    bool is_negated; /* match, log, log_all: != */
    enum operation operation;
    int left, right; /* nodes before this one; -1: none */
    size_t from, to; /* where it stands in the source */
    struct value constant;
    struct slice pattern; /* word, and what log, log_all and match are compared with */
    enum event_field field;
    enum vocabulary part;         /* log: status, reason or type */
    uint64_t words;               /* log: the words meant */
    const uint16_t *combinations; /* log_all, rows */
    size_t combinations_count;
    size_t index; /* into matches, series, watches; the KPI's number; the delivery */
    int delivery; /* of a KPI; DELIVERY_ALL: the event's, or all together */
    enum watch_claim claim;
};

struct expression {
    struct source source;
    const struct node *nodes; /* the last is the root */
    size_t nodes_count;
    enum value_type type;
    uint32_t kinds; /* bit per kind of event that can change its value */
    bool is_timed;  /* and so can the passing of time */
};

/* x of unchanged(x): remembered from one event to the next. */
struct watch_plan {
    struct expression expression;
    bool is_per_delivery; /* kpi.X of the event's delivery: one memory per delivery */
    size_t owner;         /* the expectation */
};

/* What the expressions of one scenario share. A zeroed one is empty. */
struct expression_parts {
    struct field_match *matches;
    size_t matches_count, matches_capacity;
    struct series_plan *series;
    size_t series_count, series_capacity;
    struct watch_plan *watches;
    size_t watches_count, watches_capacity;
    size_t memories_count; /* for evidence_init() */
    struct arena arena;
};
void expression_parts_release(struct expression_parts *parts);

struct expression_context {
    const struct scenario *scenario;
    struct diagnostics *diagnostics;
    struct expression_parts *parts;
    enum expression_place place;
    size_t owner; /* number of the expectation: whose series these are */
};

/* `wanted` is VALUE_TRUTH or VALUE_INSTANT (a duration will do: from the start of the run). */
bool expression_compile(const struct expression_context *context, struct source source,
    enum value_type wanted, struct expression *expression);

/* A mark for `length` bytes of the source from byte `from` on. */
struct mark source_mark(const struct source *source, size_t from, size_t length);

/* The kind of event called `name`, which stands at byte `from` of the source. One that nobody in this
 * scenario can write is an error too: a check on it could only ever be vacuous. */
bool expression_event_kind(const struct expression_context *context, const struct source *source,
    size_t from, struct slice name, enum event_kind *kind);

/* Is the row one of those that a log, or log.all, means? */
bool node_holds_for(const struct node *node, const struct row *row);
/* The number behind kpi.X. */
struct value kpi_value(const struct kpi_memory *memory, size_t number);

struct watch {
    struct value before, now;
    uint64_t number; /* of the event that may have changed it */
    bool has_fallen;
};

/* What is known while a run goes on: the state of everything the parts plan. */
struct expression_state {
    const struct expression_parts *parts;
    struct evidence *evidence;
    struct series *series;
    struct watch **watches; /* per watch: one, or one per delivery and one for all together */
};
void expression_state_init(struct expression_state *state, const struct expression_parts *parts,
    struct evidence *evidence);
void expression_state_release(struct expression_state *state);
void expression_state_watch(struct expression_state *state, size_t watch); /* after an event */
void expression_state_restart(struct expression_state *state, size_t watch);

/* values: room for expression->nodes_count; the last is the result. */
struct value expression_evaluate(
    const struct expression *expression, struct expression_state *state, struct value *values);
/* Is it a constant? Then its value. */
bool expression_is_constant(const struct expression *expression, struct value *value);

/* What a function means, such as "count"; false: there is none of that name. */
bool expression_explain_function(struct slice name, struct text *out);
const char *expression_function_name(size_t i); /* NULL: that was the last */

/* For people: what should have come out at the root, and what did. */
void expression_explain(const struct expression *expression, struct expression_state *state,
    const struct value *values, struct text *expected, struct text *observed);

#endif
