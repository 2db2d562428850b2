/* expression_compiler.h - what the two halves of the compiler share; for expression_*.c only.
 *
 * expression_parse.c knows operators, brackets and units, expression_names.c what names and functions
 * mean. Operands and pending operators wait on stacks of fixed depth (precedence climbing without
 * recursion), so no input can exhaust ours. */
#ifndef MTALAB_EXPRESSION_COMPILER_H
#define MTALAB_EXPRESSION_COMPILER_H

#include "scenarios/expression.h"

enum bracket { BRACKET_NONE, BRACKET_GROUP, BRACKET_COUNT, BRACKET_WATCH };

struct pending { /* an operator or an open bracket that waits for its right side */
    enum bracket bracket;
    enum operation operation;
    int precedence;
    enum watch_claim claim;
    size_t from, to;
    size_t nodes_before;
    uint32_t kinds_before;
    bool is_timed_before, has_event_kpi_before;
};

struct compiler {
    const struct expression_context *context;
    const struct source *source;
    size_t at;
    struct node nodes[EXPRESSION_NODES_MAX];
    size_t nodes_count;
    int operands[EXPRESSION_DEPTH_MAX];
    size_t operands_count;
    struct pending pending[EXPRESSION_DEPTH_MAX];
    size_t pending_count;
    uint32_t kinds;
    bool is_timed;
    bool has_event_kpi;
    unsigned counts_open, watches_open; /* brackets */
};

/* Events after which the campaign's counters and rows may have changed. */
#define CAMPAIGN_KINDS                                                        \
    (UINT32_C(1) << EVENT_SUBMITTED | UINT32_C(1) << EVENT_RELAYED |          \
        UINT32_C(1) << EVENT_BOUNCE_SOFT | UINT32_C(1) << EVENT_BOUNCE_HARD | \
        UINT32_C(1) << EVENT_DELIVERED | UINT32_C(1) << EVENT_EXPIRED |       \
        UINT32_C(1) << EVENT_FBL_RECEIVED | UINT32_C(1) << EVENT_QUARANTINE | \
        UINT32_C(1) << EVENT_DELIVERY | UINT32_C(1) << EVENT_EXCLUDED |       \
        UINT32_C(1) << EVENT_CANCELLED)

/* The error at bytes `from` .. `to` of the source. Always false. */
bool compiler_fail(struct compiler *compiler, size_t from, size_t to, const char *hint,
    const char *format, ...) PRINTF_LIKE(5, 6);
/* The same; the hint is the nearest of `words`, or "one of …" if there are few. */
bool compiler_fail_with_words(struct compiler *compiler, size_t from, size_t to,
    struct slice written, const char *const *words, size_t words_count, const char *what);

bool compiler_push(struct compiler *compiler, struct node node); /* as an operand */
bool compiler_open(struct compiler *compiler, struct pending pending);
char compiler_peek(const struct compiler *compiler, size_t ahead); /* NUL: the end */
bool compiler_is_at_end(const struct compiler *compiler);
bool compiler_is_name_char(char c);
void compiler_skip_blanks(struct compiler *compiler);
/* "quoted", or everything up to a blank, a comma or a closing bracket. */
bool compiler_read_word(struct compiler *compiler, struct slice *word);
struct slice compiler_read_name(struct compiler *compiler); /* letters, digits, '_' and '.' */
struct slice compiler_cut(const struct compiler *compiler, size_t from, size_t to);

/* The cursor stands at a letter, or at `$`. */
bool compiler_take_name(struct compiler *compiler);
/* `left` is a text (a field, log.X): it is compared with the word. */
bool compiler_bind_word(struct compiler *compiler, struct node *left, const struct node *word,
    enum operation operation);
/* A closed count(condition): the rows that it holds for. */
bool compiler_close_count(struct compiler *compiler, const struct pending *open);
bool compiler_close_watch(struct compiler *compiler, const struct pending *open);
/* Functions; the cursor stands behind the opening bracket. */
bool compiler_take_call(struct compiler *compiler, size_t from, struct slice name);
bool compiler_take_kpi_of(struct compiler *compiler, size_t from);
bool compiler_take_deferral_rate(struct compiler *compiler, size_t from);
/* macro_f1 and its like, without brackets. */
bool compiler_is_measure(struct slice name);
bool compiler_take_measure(struct compiler *compiler, size_t from, struct slice name);
/* utilisation(ISP) and its like; with brackets the cursor stands behind the opening one. */
bool compiler_is_score(struct slice name);
bool compiler_take_score(struct compiler *compiler, size_t from, struct slice name);
bool compiler_take_score_call(struct compiler *compiler, size_t from, struct slice name);
/* One more series of the parts, as an operand. */
bool compiler_push_series(struct compiler *compiler, size_t from, size_t to,
    const struct series_plan *plan, enum value_type type);
bool compiler_find_delivery(
    struct compiler *compiler, size_t from, struct slice name, size_t *delivery);
bool compiler_find_isp(struct compiler *compiler, size_t from, struct slice name, size_t *isp);
/* Names of the scenario do not end in NUL; those that a diagnostic may show are copied. */
enum { NAMES_SHOWN_MAX = 64 };
const char *compiler_copy_name(struct compiler *compiler, struct slice name);
bool compiler_build_match(struct compiler *compiler, enum event_field field, size_t from,
    struct slice pattern, struct field_match *match);
bool compiler_unknown_word(struct compiler *compiler, const struct node *word);
/* 60/min, 85%, 90s, …: `text` as a constant. False: *why is why. */
bool compiler_literal(struct slice text, struct node *node, struct error *why);

#endif
