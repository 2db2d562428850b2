/* regexes.h - many regular expressions asked about one text: rules that people write.
 *
 * An expression is PCRE2's, matched anywhere in the text, in either case (ASCII), "." is any byte,
 * line ends included, and text is bytes, not UTF-8. Asking hundreds of them in turn costs some 30 ns
 * each; so the set looks first, in one pass over the text, which of them can match at all
 * (base/regex_needs.h), and only those are asked.
 *
 * Ownership  expressions are copied, unless they are known to be good: then their bytes are the
 *            caller's, and stay. One thread at a time, also for who only reads.
 * Errors     a bad expression is refused with its place. One that would try for ever gives up at a
 *            bound, and has not matched. */
#ifndef MTALAB_REGEXES_H
#define MTALAB_REGEXES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/needles.h"
#include "base/text.h"

enum {
    REGEXES_MAX = 4096,
    REGEX_HITS_MAX = 256, /* words of a text that are remembered; beyond it is only slower */
};

struct regexes;

struct regexes *regexes_new(void);
void regexes_free(struct regexes **regexes);

struct regex_flaw {
    size_t at; /* byte of the expression */
    char why[200];
};
/* Its number counts from 0. False: it is not an expression, or there are too many. No flaw asked for:
 * it is known to be one, and made ready when it is asked first. */
bool regexes_add(struct regexes *regexes, struct slice expression, uint32_t *number,
    struct regex_flaw *flaw) MUST_USE;
void regexes_close(struct regexes *regexes); /* after the last one, before the first question */
size_t regexes_count(const struct regexes *regexes);

/* Which of them may match the text: a bit for each. */
struct regex_marks {
    struct slice text;
    uint64_t words[REGEXES_MAX / 64];
    struct needle_hit hits[REGEX_HITS_MAX];
    size_t hits_count; /* that there were, kept or not */
};
void regexes_mark(const struct regexes *regexes, struct slice text, struct regex_marks *marks);

static inline bool
regex_is_marked(const struct regex_marks *marks, uint32_t number)
{
    return marks->words[number / 64] >> number % 64 & 1;
}

/* One that may match: does it? `found` (may be NULL) is what it matched. */
bool regexes_match(const struct regexes *regexes, uint32_t number, const struct regex_marks *marks,
    struct slice *found);

#endif
