/* template.h - content cut where its envelope stands in it, so that a million nearly equal messages
 * are one text and a million envelopes. */
#ifndef MTALAB_TEMPLATE_H
#define MTALAB_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum template_slot {
    SLOT_LITERAL,
    SLOT_RCPT,         /* address of the first recipient */
    SLOT_RCPT_LOCAL,   /* its local part */
    SLOT_SENDER_LOCAL, /* local part of the return path */
    SLOT_SENDER_KEY,   /* what stands behind its last '+' */
    SLOT_DATE,         /* arrival as an RFC 5322 date */
    SLOT_DATE_BEFORE,  /* one second earlier */
    SLOTS_COUNT,
};

/* What each slot stands for in one message. Shorter than SLOT_BYTES_MIN: not cut out. */
enum { SLOT_BYTES_MIN = 4 };
struct template_values {
    struct slice slots[SLOTS_COUNT]; /* [SLOT_LITERAL] is not used */
};

struct template_piece {
    uint8_t slot;        /* enum template_slot */
    uint32_t at, length; /* of a literal, in `literals` */
};

struct template
{
    struct text literals;
    struct template_piece *pieces;
    size_t pieces_count, pieces_capacity;
};

void template_release(struct template *template);
/* Into an empty template; template_matches() holds afterwards. */
void template_cut(
    struct template *template, struct slice content, const struct template_values *values);
bool template_matches(
    const struct template *template, struct slice content, const struct template_values *values);
struct slice template_piece_bytes(
    const struct template *template, size_t piece, const struct template_values *values);
uint64_t template_size(const struct template *template, const struct template_values *values);
bool template_equals(const struct template *a, const struct template *b);
uint64_t template_hash(const struct template *template);

/* As a run of bytes and back (false: torn or not ours). */
void template_pack(const struct template *template, struct text *out);
bool template_unpack(struct template *template, struct slice packed);

#endif
