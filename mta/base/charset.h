/* charset.h - text written in the character sets of the field, from UTF-8: the door to iconv.
 *
 * Ownership  the caller's.
 * Errors     none: what cannot be written becomes '?', and the answer says so. */
#ifndef MTALAB_CHARSET_H
#define MTALAB_CHARSET_H

#include <stdbool.h>

#include "base/text.h"

/* One of those that are written here, in either case: us-ascii, utf-8, utf-16, iso-8859-1, -2, -15,
 * windows-1251, windows-1252, koi8-r, iso-2022-jp, shift_jis, euc-jp, gb2312, big5. */
bool charset_is_known(struct slice charset);

/* Appended, ending in the initial state of the charset; utf-16 begins with a byte order mark and has
 * the high byte first. False: something became '?' (no such sign, no UTF-8, or the system lacks the charset). */
bool charset_write(struct text *out, struct slice charset, struct slice utf8);

/* How many bytes the UTF-8 sign at the front of `s` has; 0: it is none (RFC 3629). */
size_t utf8_sign_length(struct slice s);

#endif
