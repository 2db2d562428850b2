/* bounce.h - what a refusal means: from a reply to a bounce class, and from there to Campaign's
 * reason and type.
 *
 * Both steps are data: `mta/rules/bounce.tsv` (reply to class, first match wins, the last row takes
 * the rest) and `mta/rules/class.tsv` (class to usual reason and type). The files are built into the
 * program. Rules of one's own are asked before them: they have the same columns, and may have two
 * more, `domain` (a glob on the recipient's domain, or "-" for all) and `transcode` (the code, with or
 * without an enhanced code, that stands for the reply's from there on). A rule may name a closer
 * reason than its class does, and its id is what logs quote.
 *
 * The digit of a reply, transcoded or not, decides whether there will be another try; the class never
 * does. How long qualifying takes does not depend on the number of rules (base/regexes.h).
 *
 * Ownership  bounce_rules_new() gives the rules to the caller. Verdicts point into the rules. One
 *            thread at a time, also for who only asks.
 * Errors     a bad row: ERROR_CONFIG with file, line and column. */
#ifndef MTALAB_BOUNCE_H
#define MTALAB_BOUNCE_H

#include "base/error.h"
#include "smtp/reply.h"
#include "smtp/stage.h"
#include "smtp/verdict.h"

struct bounce_rules;

struct refusal {
    enum smtp_stage stage;
    struct smtp_reply
        reply;           /* the local ones too: 451 4.4.1 … for what never became a reply. Code 0:
                              * nobody knows it, and the enhanced code's class stands for it */
    struct slice domain; /* of the recipient; may be empty */
};

enum { BOUNCE_TEXT_MAX = 8192 }; /* bytes of a reply that rules look at */

struct bounce {
    struct verdict verdict;
    struct slice rule;             /* its id */
    bool is_by_words;              /* it found some; otherwise the codes alone have spoken */
    uint16_t code;                 /* what the reply's was transcoded to; 0: it stays */
    struct enhanced_code enhanced; /* class 0: it has none, or stays with the code */
};

/* The rules built into the program; never fails. */
struct bounce_rules *bounce_rules_new(void);

struct bounce_table {
    const char *filename; /* for diagnostics */
    struct slice rows;    /* copied */
};
/* The tables' rules in this order; the last table must take the rest. */
struct bounce_rules *bounce_rules_read(const struct bounce_table *tables, size_t count,
    const struct bounce_table *classes, struct error *err);
struct bounce_table bounce_table_built_in(void);
struct bounce_table class_table_built_in(void);
void bounce_rules_free(struct bounce_rules **rules);
bool bounce_rules_ask_domains(const struct bounce_rules *rules); /* some are for one domain */

struct bounce bounce_qualify(const struct bounce_rules *rules, const struct refusal *refusal);
/* For failures that no reply caused (validity over, DNS, policy of our own). */
struct bounce bounce_of_class(const struct bounce_rules *rules, enum bounce_class class);

/* Why: what the rule found in the reply, and the next rule of another class that matches too. */
struct bounce_reasoning {
    struct bounce bounce, runner_up;       /* no rule in runner_up: there is none */
    struct slice phrase, runner_up_phrase; /* of `text`; empty: the rule asks for no words */
    char text[BOUNCE_TEXT_MAX]; /* the reply's, as rules see it: one line, addresses masked */
};
void bounce_explain(const struct bounce_rules *rules, const struct refusal *refusal,
    struct bounce_reasoning *reasoning);

#endif
