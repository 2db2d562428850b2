/* journal.h - everything that happened, once, in order: the only thing a verdict may rest on.
 *
 * An entry is a run of bytes whose first eight are its instant (int64_t microseconds of loop time);
 * the rest is the business of who writes (smtp/event.h). Strings that come again and again are
 * interned: the journal tells its sink each name once and entries carry the number.
 *
 * A rolling 64-bit hash over all entries and names is the identity of the run: two runs with the
 * same hash told the same story.
 *
 * Ownership  the journal copies nothing; observers see the entry during the call only.
 * Errors     a sink that cannot write is reported by journal_flush(). */
#ifndef MTALAB_JOURNAL_H
#define MTALAB_JOURNAL_H

#include <stdio.h>

#include "base/error.h"
#include "base/map.h"

struct journal;

/* Called inside journal_append(), so an observer must not do more than take notes. */
typedef void journal_observer_fn(void *arg, struct slice entry);

struct journal *journal_new(void);
void journal_free(struct journal **journal);

uint32_t journal_name(struct journal *journal, struct slice text);            /* never 0; "" is 0 */
struct slice journal_name_text(const struct journal *journal, uint32_t name); /* 0: "" */

/* A name for what mostly comes once, such as the text of a reply: the same as journal_name(), but a
 * journal that forgets texts keeps only the last `kept` to 2 x `kept` of them; an older name is then
 * that of "". For programs without end, which write no journal to a file. */
uint32_t journal_text(struct journal *journal, struct slice text);
void journal_forget_texts(struct journal *journal, uint32_t kept);

void journal_append(struct journal *journal, const void *entry, size_t bytes);
void journal_observe(struct journal *journal, journal_observer_fn *fn, void *arg); /* several may */

uint64_t journal_hash(const struct journal *journal);
uint64_t journal_entries_count(const struct journal *journal);

/* Also writes the run to `file` in binary: per record a u32 length, a u8 ('n' name, 'e' entry) and
 * the bytes, little-endian; written in blocks of 1 MiB. */
void journal_write_to(struct journal *journal, FILE *file);
bool journal_flush(struct journal *journal, struct error *err) MUST_USE;

/* The story is over: what is told from here on, while its world is taken down, goes nowhere. */
void journal_end(struct journal *journal);

/* Every `entries` entries the hash so far is kept, so that two runs can be compared by bisection. */
enum { JOURNAL_MILESTONE_ENTRIES = 1000 };
size_t journal_milestones(const struct journal *journal, const uint64_t **hashes);

#endif
