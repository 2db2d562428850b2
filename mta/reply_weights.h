/* reply_weights.h - what a reply most likely speaks of when no rule knows its words, or when all its
 * words speak against the rule that knows some of them.
 *
 * Each word, each two neighbours, codes and stage weigh for some groups and against others; the
 * heaviest group is taken if it leads clearly. A group of the recipient needs a longer lead over those
 * of the site: to throw a living address away costs more than one more try. The weights are data,
 * `mta/rules/reply_weights.tsv`: whole numbers, fitted to labelled replies by tests/fit_types.py.
 *
 * Ownership  reply_weights_read() gives them to the caller; what is found points into them.
 * Errors     a bad row: ERROR_CONFIG with file, line and column. */
#ifndef MTALAB_REPLY_WEIGHTS_H
#define MTALAB_REPLY_WEIGHTS_H

#include "base/error.h"
#include "mta/reply_type.h"
#include "mta/reply_words.h"

struct reply_weights;

struct reply_weights *reply_weights_read(
    const char *filename, struct slice rows, struct error *err);
void reply_weights_free(struct reply_weights **weights);

enum { WEIGHED_TERMS_MAX = 4 };

struct weighed {
    enum reply_group group; /* GROUP_NONE: none leads clearly */
    int lead;               /* before the next, or before the rule's */
    struct {
        struct slice term;
        int weight;
    } terms[WEIGHED_TERMS_MAX]; /* those that weigh most for it, the heaviest first */
    size_t terms_count;
};
/* `against` is what a rule says: its group is overruled only if another leads by much more than is
 * asked where no rule has spoken (GROUP_NONE), and one of the site never for one of the recipient. */
struct weighed reply_weigh(const struct reply_weights *weights, const struct reply_words *words,
    const struct smtp_reply *reply, enum smtp_stage stage, enum reply_group against);

#endif
