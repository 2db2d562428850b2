/* regex_needs.h - words without which an expression cannot match.
 *
 * From an expression in the syntax of PCRE2, matched in either case, follow conditions that every text
 * it matches fulfils: each is a list of words of which one at least stands in the text. "(mail)?box
 * .{0,20}(full|over quota)" needs one of {box} and one of {full, over quota}. Often it also follows with
 * which words a match begins. What is not understood gives no condition, never a wrong one.
 *
 * Ownership  the words are in the arena. */
#ifndef MTALAB_REGEX_NEEDS_H
#define MTALAB_REGEX_NEEDS_H

#include "base/mem.h"
#include "base/text.h"

enum { REGEX_NEEDS_MAX = 3, NEED_WORD_BYTES_MIN = 3, FRONT_WORD_BYTES_MIN = 2 };

struct regex_need {
    struct slice *words; /* in small letters */
    size_t count;
};

struct regex_needs {
    struct regex_need needs[REGEX_NEEDS_MAX]; /* the most telling ones, best first */
    size_t count;
    struct regex_need front; /* every match begins with one of these; none: nobody knows */
};

void regex_needs_read(struct arena *arena, struct slice expression, struct regex_needs *needs);

#endif
