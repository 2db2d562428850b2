/* inmail.h - what mail that came back means: the Inbound-email rules of Campaign.
 *
 * A report (smtp/report.h) is qualified once per recipient. The rules stand in an order, first match
 * wins: those of the user, if there are any, then ours (`mta/rules/inbound.tsv`, built in). What none
 * of them takes is a quoted reply like any other, and goes through the bounce rules (mta/bounce.h):
 * first the diagnostic, then the words for people, then the status alone, until one is telling.
 *
 * Ownership  inmail_rules_new() and _read() give the rules to the caller, and borrow the bounce rules.
 *            Answers point into the rules and into the report.
 * Errors     a bad row: ERROR_CONFIG with file, line and column. */
#ifndef MTALAB_INMAIL_H
#define MTALAB_INMAIL_H

#include "mta/bounce.h"
#include "smtp/report.h"

struct inmail_rules;

enum inmail_state {    /* of the qualification, as Campaign lists them */
    INMAIL_TO_QUALIFY, /* no rule of ours knows it: people should look */
    INMAIL_KEEP,       /* a rule knew it */
    INMAIL_IGNORE,     /* known, and never held against the address */
};

struct inmail_verdict {
    struct verdict verdict;
    struct slice
        rule; /* its id: "Auto_replies"; of a bounce rule where none of the inbound rules spoke */
    enum inmail_state state;
};

struct inmail_explanation {
    struct slice looked_at;        /* the text that decided; may be empty: the codes did */
    struct slice phrase;           /* what matched in it; may be empty */
    struct slice runner_up;        /* the rule that would have won otherwise; empty: none */
    struct bounce_reasoning reply; /* where the bounce rules decided: `phrase` points into it, so an
                                    * explanation is not to be copied */
};

/* The rules built into the program; never fails. */
struct inmail_rules *inmail_rules_new(const struct bounce_rules *bounces);
/* `rows` are read before ours. The name is for diagnostics only; the text is copied. */
struct inmail_rules *inmail_rules_read(
    const struct bounce_rules *bounces, const char *filename, struct slice rows, struct error *err);
void inmail_rules_free(struct inmail_rules **rules);

/* `recipient` counts from 0; recipients_count stands for nobody: then it is the mail that is judged.
 * A report of kind success or notbounce, or feedback that is no complaint, has no verdict: class 0, no
 * reason, no type, no rule. */
struct inmail_verdict inmail_qualify(
    const struct inmail_rules *rules, const struct report *report, size_t recipient);
/* The same, with the reasons; slower. */
struct inmail_verdict inmail_explain(const struct inmail_rules *rules, const struct report *report,
    size_t recipient, struct inmail_explanation *why);

const char *inmail_state_name(enum inmail_state state); /* "To qualify" */

#endif
