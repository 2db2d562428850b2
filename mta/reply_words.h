/* reply_words.h - the text of a reply as words, and patterns of words to look for.
 *
 * A word is a run of letters and digits, in lower case; bytes above 127 count as letters. Mail
 * addresses are passed over, for their words are chance, and placeholders ("{ip}"). A pattern is phrases between '|', any of which
 * may match. A phrase is parts between '&', all of which must be somewhere; one that begins with '!'
 * must not. A part is terms that follow each other: a word, the front of one (limit*), a choice of
 * words (too/so), or '..' for up to eight words in between.
 *
 * Codes inside a text ("… from your 4.7.0 address") and IP addresses are no words.
 *
 * Many replies explain themselves, and what explains misleads: "this is likely unsolicited mail. To
 * protect our users, mail from your IP address is blocked. See https://…/ratelimits". The cause is what
 * is left without links and without asides: sentences that begin as one of the openers do.
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
    uint8_t marks[REPLY_WORDS_MAX]; /* enum word_mark */
    size_t from[REPLY_WORDS_MAX];   /* where in the text its run of bytes without a space begins */
    size_t count;
};
enum word_mark {
    WORD_OPENS = 1,   /* a clause begins with it */
    WORD_ENDS = 2,    /* a sentence or a bracket ends with it */
    WORD_OF_LINK = 4, /* it is of a link */
};
void reply_words_of(struct reply_words *words, struct slice text);

struct opener {
    struct slice phrase; /* of one part; well-formed */
    uint32_t letters;    /* bit by letter: what its first word may begin with */
};
struct opener opener_of(struct slice phrase);

/* The words of the cause alone; they point into `words`. The number of the opener that the first aside
 * began with is returned, or `count` if there is none. */
size_t reply_cause_of(const struct reply_words *words, const struct opener *openers, size_t count,
    struct reply_words *cause);
/* The text with nothing but the cause, in `scratch`; as much of it as words were read from. */
struct slice reply_cause_text(const struct reply_words *words, const struct reply_words *cause,
    struct slice text, char scratch[REPLY_BYTES_MAX]);

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
