/* bounce_memo.h - the verdicts of late, by reply: receivers say the same few things over and over.
 *
 * Asking the rules costs microseconds, remembering what they said some tens of nanoseconds. A memo
 * never answers differently from its rules: it compares the whole reply, byte by byte.
 *
 * Ownership  the rules are borrowed and outlive the memo. One memo per world: it changes. */
#ifndef MTALAB_BOUNCE_MEMO_H
#define MTALAB_BOUNCE_MEMO_H

#include "mta/bounce.h"

struct bounce_memo;

struct bounce_memo *bounce_memo_new(const struct bounce_rules *rules);
void bounce_memo_free(struct bounce_memo **memo);

/* As bounce_qualify(). */
struct bounce bounce_memo_qualify(struct bounce_memo *memo, const struct refusal *refusal);

#endif
