/* inmail_mask.h - what a mail system said, without the words that are not its own.
 *
 * An address or the end of a link may hold any word: <invalid@full.example> is neither invalid nor full.
 * So before rules look at a text, the letters of addresses, and what follows the '#' of a link, become
 * 'x'. Nothing moves: a phrase that is found stands at the same place in the text itself.
 *
 * Ownership  none: it writes into the caller's text. */
#ifndef MTALAB_INMAIL_MASK_H
#define MTALAB_INMAIL_MASK_H

#include "base/text.h"

/* `out` gets the masked copy. */
void inmail_mask(struct slice said, struct text *out);

#endif
