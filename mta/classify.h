/* classify.h - `mta classify`: what a refusal means, for people and for their scripts.
 *
 * One row of tab-separated values per reply, under a header line; tabs and line ends inside a cell
 * become spaces. Replies are any bytes, one a line, as reply_find() reads them.
 *
 * Ownership  what is handed in is only looked at; rows are added to `out`.
 * Errors     none: every line has a verdict. */
#ifndef MTALAB_CLASSIFY_H
#define MTALAB_CLASSIFY_H

#include "mta/bounce.h"

struct classify_about { /* as far as known; the same for all replies of a run */
    enum smtp_stage stage;
    struct slice domain; /* of the recipient */
};

/* "class adobe_reason adobe_type rule" */
void classify_header(struct text *out);
/* The line without its end. */
void classify_reply(const struct bounce_rules *rules, const struct classify_about *about,
    struct slice line, struct text *out);
/* The same for people, in a few lines: the verdict, its rule, the phrase that the rule found, and the
 * rule that would have come next. */
void classify_explain(const struct bounce_rules *rules, const struct classify_about *about,
    struct slice line, struct text *out);

/* For other tables: "10<TAB>User unknown<TAB>Hard<TAB>user-unknown". */
void classify_add_verdict(struct text *out, const struct bounce *bounce);
void classify_add_cell(struct text *out, struct slice cell); /* without what would end it */

#endif
