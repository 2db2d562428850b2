/* needles.h - many short words looked for in a text at once, in one pass over it.
 *
 * Words are found anywhere, in either case (ASCII). The cost is that of the text, whatever the number
 * of words: an automaton after Aho and Corasick ("Efficient string matching", CACM 18, 1975).
 *
 * Ownership  words are copied. A zeroed struct is empty; needles_release() makes it so.
 * Errors     none, but there is an end to how much it takes: needles_add() says so. */
#ifndef MTALAB_NEEDLES_H
#define MTALAB_NEEDLES_H

#include "base/map.h"
#include "base/text.h"

enum {
    NEEDLES_MAX = 16384,
    NEEDLE_BYTES_MAX = 8, /* of a word that count: what follows is not looked at */
};

struct needle_end;

struct needles {
    struct map words;                 /* in small letters; their numbers are those of the needles */
    size_t bytes;                     /* of all words: at most so many states */
    struct needle_end *ends;          /* what ends in a state, from first_end on */
    uint16_t *next;                   /* state x class: the state that follows */
    uint32_t states_count, first_end; /* from there on a word ends in a state */
    uint8_t class_of[256];            /* bytes that no word holds are class 0 */
    unsigned classes_shift;           /* a row has 2^shift classes */
};

void needles_release(struct needles *needles);
/* At least one byte. False: it is full, and the word is not in it. */
bool needles_add(struct needles *needles, struct slice word, uint32_t *number);
/* After the last needles_add(), before the first needles_find(). */
void needles_close(struct needles *needles);
struct needle_hit {
    uint32_t needle, at; /* its number, and the byte of the text at which it begins */
};
/* In the order in which they end. The answer is the number of hits; `room` of them at most are kept. */
size_t needles_find(
    const struct needles *needles, struct slice text, struct needle_hit *hits, size_t room);

static inline size_t
needles_count(const struct needles *needles)
{
    return needles->words.count;
}

#endif
