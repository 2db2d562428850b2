/* transfer.h - bytes made fit to travel: the content transfer encodings (RFC 2045 6.7 and 6.8) and
 * encoded words (RFC 2047). Writing only; who reads foreign mail has smtp/report.h. */
#ifndef MTALAB_TRANSFER_H
#define MTALAB_TRANSFER_H

#include "base/text.h"

/* Appended in lines of at most 76 signs that end in CRLF. */
void base64_write(struct text *out, struct slice bytes);
/* Appended. A CRLF of `bytes` stays a line end; the last line gets one if it lacks it. */
void quoted_printable_write(struct text *out, struct slice bytes);
/* "=?koi8-r?B?...?=", as many as it takes, folded; `text` is UTF-8. */
void encoded_word_write(struct text *out, struct slice charset, struct slice text);

#endif
