/* reply_words.h - the text of a reply as words, and patterns of words to look for.
 *
 * A word is a run of letters and digits, in lower case; bytes above 127 count as letters. Mail
 * addresses are passed over, for their words are chance. A pattern is phrases between '|', any of which
 * may match. A phrase is parts between '&', all of which must be somewhere; one that begins with '!'
 * must not. A part is terms that follow each other: a word, the front of one (limit*), a choice of
 * words (too/so), or '..' for up to eight words in between.
 *
 * Bytes come from strangers: texts and words beyond the bounds are cut.
 *
 * Ownership  storage is the caller's; words point into its copy of the text. */
#ifndef MTALAB_REPLY_WORDS_H
#define MTALAB_REPLY_WORDS_H

#include "base/text.h"

enum { REPLY_WORDS_MAX = 160, REPLY_BYTES_MAX = 1200, PHRASE_TERMS_MAX = 12 };

struct reply_words {
    char bytes[REPLY_BYTES_MAX];
    struct slice words[REPLY_WORDS_MAX];
    size_t count;
};
void reply_words_of(struct reply_words *words, struct slice text);

/* `phrase` is well-formed: see phrase_check(). */
bool phrase_matches(struct slice phrase, const struct reply_words *words);
/* NULL, or what is wrong with it. */
const char *phrase_check(struct slice phrase);
/* The term by which a phrase can be found: the longest of its first part. */
struct slice phrase_anchor(struct slice phrase);

/* Does this one term match this one word? */
bool term_matches(struct slice term, struct slice word);

/* How long a text asks us to wait: "in 300 seconds", "for 2 hours", "in 00:05:00"; 0: it does not. */
int64_t reply_hold_hint_us(struct slice text);

#endif
