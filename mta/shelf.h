/* shelf.h - the templates of a spool: numbered, shared by messages, found by what they say, kept in
 * the store while a message needs them.
 *
 * Beside its template a shelf's entry holds what the messages of a delivery have in common.
 *
 * Ownership  storage is the caller's: shelf_init/shelf_release. The store is borrowed. */
#ifndef MTALAB_SHELF_H
#define MTALAB_SHELF_H

#include "base/map.h"
#include "base/store.h"
#include "mta/template.h"

enum { SHELF_CHAINS = 4096 };

struct shared { /* what the messages of one template have in common besides their content */
    int64_t validity_us;
    struct slice sender_prefix, sender_domain;
    bool is_8bit;
};

struct shelf_entry {
    struct template template;
    struct shared shared; /* its names are the shelf's */
    uint32_t messages_count;
    bool is_used;  /* else it is one of the free ones */
    uint32_t next; /* in its chain or in the list of free ones; number + 1 */
    uint64_t hash;
    store_handle handle;
};

struct shelf {
    struct store *store;
    struct map names; /* of senders: prefixes and domains */
    struct shelf_entry *entries;
    size_t entries_capacity;
    uint32_t entries_count, used_count, free, last;
    uint32_t chains[SHELF_CHAINS];
    struct text record;
};

void shelf_init(struct shelf *shelf, struct store *store);
void shelf_release(struct shelf *shelf);

/* The template for this content, for one message more: the last one used, one that was used before,
 * or a new one. */
uint32_t shelf_take(struct shelf *shelf, struct slice content, const struct template_values *values,
    const struct shared *shared);
/* A message less. The last one used is kept without messages too: the next message is likely to want
 * it. */
void shelf_give_back(struct shelf *shelf, uint32_t number);

/* Valid until the next shelf_take(). */
static inline const struct shelf_entry *
shelf_entry(const struct shelf *shelf, uint32_t number)
{
    assert(number < shelf->entries_count);
    assert(shelf->entries[number].is_used);
    return &shelf->entries[number];
}

/* After a crash: first every record of the store that begins with SHELF_RECORD, and the number of
 * every message; then what nobody needs is dropped. */
#define SHELF_RECORD 'T'
void shelf_recover(struct shelf *shelf, store_handle handle, struct slice record);
void shelf_recover_message(struct shelf *shelf, uint32_t number);
void shelf_recovered(struct shelf *shelf);

/* Numbers in the records of a spool, little-endian. */
static inline uint64_t
record_read(const char *at, int bytes)
{
    uint64_t value = 0;

    memcpy(&value, at, (size_t)bytes);
    return value;
}

static inline void
record_add(struct text *out, uint64_t value, int bytes)
{
    text_add(out, (const char *)&value, (size_t)bytes);
}

#endif
