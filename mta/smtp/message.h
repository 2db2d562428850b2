/* message.h - the content of a message on the wire: dot-stuffing (RFC 5321 4.5.2), its end, and
 * header fields (RFC 5322).
 *
 * Content in "wire form" is what stands between the 354 and the final dot: lines ending in CRLF,
 * leading dots doubled, without the final ".\r\n". It can be passed on as it is. */
#ifndef MTALAB_MESSAGE_H
#define MTALAB_MESSAGE_H

#include <stdbool.h>

#include "base/text.h"

/* Content with any line ends (CRLF, LF, CR) into wire form; the last line gets a CRLF if it lacks
 * one. */
void dot_stuff(struct text *out, struct slice content);
/* Wire form back to content with CRLF. */
void dot_unstuff(struct text *out, struct slice wire);

/* Looks for the end of the content, CRLF "." CRLF, while it comes in pieces. A zeroed scanner stands
 * at the start of a line, right behind the CRLF of the DATA command. Bare CR and bare LF never make
 * a line end (no SMTP smuggling); they are counted. */
struct dot_scanner {
    uint8_t state;
    bool has_bare_line_end;
    bool has_nul;
    bool has_8bit;
};

/* How many of `bytes` belong to the content (in wire form). *is_over: the final dot has come, and
 * *after says how many bytes it and the content took together. While it has not come, a "." or ".\r"
 * of an undecided ending is not yet counted as content: offer it again with what follows. (The CRLF
 * before it belongs to the content either way.) */
size_t dot_scan(struct dot_scanner *scanner, struct slice bytes, bool *is_over, size_t *after);

/* The first field of that name in the header of `content` (wire or plain): its value, trimmed, folds
 * still in it. Name without colon and without case. */
bool header_find(struct slice content, struct slice name, struct slice *value);
/* With folds (RFC 5322 2.2.3) undone. */
void header_unfold(struct text *out, struct slice value);
/* Where the header ends: the index of the body's first byte (behind the empty line). */
size_t header_length(struct slice content);

#endif
