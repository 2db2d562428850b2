/* reply_letter.h - a text of any script as letters that words are made of.
 *
 * Replies come in all spellings: "Límite", "LIMITE" and "limite" are one word here, in UTF-8 as in
 * ISO 8859-1. What is neither letter nor digit parts words, above ASCII too. */
#ifndef MTALAB_REPLY_LETTER_H
#define MTALAB_REPLY_LETTER_H

#include <stdbool.h>

#include "base/text.h"

enum letter_kind {
    NO_LETTER,
    LETTER,
    WHOLE_WORD, /* of a script that writes no spaces: each sign is a word */
};

struct letter {
    enum letter_kind kind;
    char bytes[4]; /* in lower case, without accents; not for NO_LETTER */
    size_t length; /* of these */
    size_t taken;  /* bytes of the text; at least 1 */
};

/* The first sign of a text, which is not empty. */
struct letter letter_read(struct slice text);

#endif
