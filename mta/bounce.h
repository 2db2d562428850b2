/* bounce.h - what a refusal means: from a reply to a bounce class, and from there to Campaign's
 * reason and type.
 *
 * Both steps are data: `mta/rules/bounce.tsv` (reply to class, first match wins, the last row takes
 * the rest) and `mta/rules/class.tsv` (class to usual reason and type). The files are built into the
 * program; others can be read instead. A rule may name a closer reason than its class does, and its
 * id is what logs quote.
 *
 * The digit of a reply decides whether there will be another try; the class never does.
 *
 * Ownership  bounce_rules_new() gives the rules to the caller. Verdicts point into the rules.
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
    struct smtp_reply reply; /* the local ones too: 451 4.4.1 … for what never became a reply */
};

struct bounce {
    struct verdict verdict;
    struct slice rule; /* its id */
};

/* The rules built into the program; never fails. */
struct bounce_rules *bounce_rules_new(void);
/* Names for the diagnostics only; both texts are copied. */
struct bounce_rules *bounce_rules_read(const char *bounce_filename, struct slice bounce_rows,
    const char *class_filename, struct slice class_rows, struct error *err);
void bounce_rules_free(struct bounce_rules **rules);

struct bounce bounce_qualify(const struct bounce_rules *rules, const struct refusal *refusal);
/* For failures that no reply caused (validity over, DNS, policy of our own). */
struct bounce bounce_of_class(const struct bounce_rules *rules, enum bounce_class class);

#endif
