/* store_sim.c - a disk in memory, with its semantics at a crash.
 *
 * Records lie one behind the other in blocks of 64 KiB, each after a head of four bytes; a larger
 * one has a block of its own. A handle is the block's number and the place in it, in units of four
 * bytes. A block goes when the removal of its last record is durable.
 *
 * Memory always shows the latest state. What no finished sync covers yet stands in a log that can
 * take it back, oldest change first; a finished sync drops the front of the log. */
#include "base/store.h"

#include "base/mem.h"

enum {
    UNIT_BYTES = 4,
    PLACE_BITS = 14,
    BLOCK_BYTES = UNIT_BYTES << PLACE_BITS,
    BLOCKS_MAX = 1 << (32 - PLACE_BITS),
    RECORD_BYTES_MAX = 1 << 29,
};

/* The head of a record: its length and what has become of it. */
#define RECORD_REMOVED UINT32_C(0x80000000)
#define RECORD_TORN    UINT32_C(0x40000000)
#define RECORD_LENGTH  UINT32_C(0x3fffffff)

struct block {
    char *bytes;   /* NULL: this number is free */
    uint32_t used; /* bytes */
    uint32_t capacity;
    uint32_t records_count;  /* whose removal is not durable */
    uint32_t next, previous; /* in the order of appending; 0: none */
};

enum change_kind { CHANGE_APPEND, CHANGE_UPDATE, CHANGE_REMOVE };

struct change {
    store_handle handle;
    uint32_t offset, length; /* of an update; the bytes before it are in `old_bytes` */
    enum change_kind kind;
};

/* Changes that a crash would undo, in the order they were made. */
struct undo_log {
    struct change *changes;
    size_t start, count, capacity; /* the first `start` are forgotten already */
    uint64_t forgotten;            /* ever: the number of changes[start] */
    struct text old_bytes;
    size_t old_bytes_start;
};

struct waiter {
    synced_fn *fn;
    void *arg;
};

/* The syncs asked in one instant. */
struct sync {
    struct sync *next;
    struct sim_store *store;
    struct timer timer;
    int64_t asked_at_us;
    uint64_t covers_before; /* number of the first change it does not cover */
    struct waiter *waiters;
    size_t count, capacity;
};

struct sim_store {
    struct store base;
    struct loop *loop;
    int64_t sync_latency_us;
    struct rng rng;
    struct block *blocks; /* by number; number 0 is not used */
    size_t blocks_capacity;
    uint32_t blocks_count;
    uint32_t free_block; /* a chain through `next` */
    uint32_t first, last;
    uint64_t live_bytes;
    struct undo_log log;
    struct sync *sync_first, *sync_last, *spare_sync;
    struct sync *current; /* whose callbacks are running */
};

static struct sim_store *
sim_of(struct store *store)
{
    return (struct sim_store *)store;
}

/* ---- blocks and records ---- */

static uint32_t
padded(uint32_t length)
{
    return UNIT_BYTES + ((length + UNIT_BYTES - 1) & ~(uint32_t)(UNIT_BYTES - 1));
}

static struct block *
block_of(struct sim_store *store, store_handle handle)
{
    uint32_t number = handle >> PLACE_BITS;

    assert(number > 0);
    assert(number < store->blocks_count);
    assert(store->blocks[number].bytes != NULL);
    return &store->blocks[number];
}

static uint32_t *
head_of(struct sim_store *store, store_handle handle)
{
    struct block *block = block_of(store, handle);
    uint32_t at = (handle & ((1U << PLACE_BITS) - 1)) * UNIT_BYTES;

    assert(at < block->used);
    return (uint32_t *)(void *)(block->bytes + at);
}

static char *
bytes_of(uint32_t *head)
{
    return (char *)(head + 1);
}

static uint32_t
take_block_number(struct sim_store *store)
{
    uint32_t number = store->free_block;

    if (number != 0) {
        store->free_block = store->blocks[number].next;
        return number;
    }
    if (store->blocks_count == 0)
        store->blocks_count = 1;
    number = store->blocks_count++;
    assert(number < BLOCKS_MAX);
    store->blocks = mem_grow(
        store->blocks, &store->blocks_capacity, store->blocks_count, sizeof store->blocks[0]);
    return number;
}

static void
add_block(struct sim_store *store, uint32_t bytes)
{
    uint32_t number = take_block_number(store);
    uint32_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

    store->blocks[number] =
        (struct block){.bytes = mem_alloc(capacity), .capacity = capacity, .previous = store->last};
    if (store->last != 0)
        store->blocks[store->last].next = number;
    else
        store->first = number;
    store->last = number;
}

static void
free_block(struct sim_store *store, uint32_t number)
{
    struct block *block = &store->blocks[number];

    if (block->previous != 0)
        store->blocks[block->previous].next = block->next;
    else
        store->first = block->next;
    if (block->next != 0)
        store->blocks[block->next].previous = block->previous;
    else
        store->last = block->previous;
    mem_free(block->bytes);
    *block = (struct block){.next = store->free_block};
    store->free_block = number;
}

/* No handle to this record will be used again. The last block is refilled rather than freed. */
static void
forget_record(struct sim_store *store, store_handle handle)
{
    uint32_t number = handle >> PLACE_BITS;
    struct block *block = block_of(store, handle);

    if (--block->records_count > 0)
        return;
    if (number == store->last && block->capacity == BLOCK_BYTES)
        block->used = 0;
    else
        free_block(store, number);
}

/* ---- the log of what a crash would undo ---- */

static void sync_by_itself(struct sim_store *store);

static void
log_change(struct sim_store *store, struct change change, const char *old_bytes)
{
    struct undo_log *log = &store->log;

    log->changes = mem_grow(log->changes, &log->capacity, log->count + 1, sizeof log->changes[0]);
    log->changes[log->count++] = change;
    if (old_bytes != NULL)
        text_add(&log->old_bytes, old_bytes, change.length);
    if (log->count - log->start >= STORE_SIM_UNSYNCED_MAX && store->sync_first == NULL)
        sync_by_itself(store);
}

static uint64_t
log_end(const struct undo_log *log)
{
    return log->forgotten + (log->count - log->start);
}

/* Moving the rest to the front costs no more than what went before it did. */
static void
log_compact(struct undo_log *log)
{
    if (log->start * 2 >= log->count) {
        log->count -= log->start;
        if (log->count > 0)
            memmove(log->changes, log->changes + log->start, log->count * sizeof log->changes[0]);
        log->start = 0;
    }
    if (log->old_bytes_start * 2 >= log->old_bytes.length && log->old_bytes.length > 0) {
        log->old_bytes.length -= log->old_bytes_start;
        memmove(log->old_bytes.bytes, log->old_bytes.bytes + log->old_bytes_start,
            log->old_bytes.length);
        log->old_bytes_start = 0;
    }
}

/* These changes are durable: a removed record is gone for good. */
static void
log_forget(struct sim_store *store, uint64_t before)
{
    struct undo_log *log = &store->log;

    for (; log->forgotten < before; log->forgotten++) {
        const struct change *change = &log->changes[log->start++];

        log->old_bytes_start += change->length;
        if (change->kind == CHANGE_REMOVE)
            forget_record(store, change->handle);
    }
    log_compact(log);
}

static void
undo(struct sim_store *store, const struct change *change)
{
    struct undo_log *log = &store->log;
    uint32_t *head = head_of(store, change->handle);

    switch (change->kind) {
    case CHANGE_APPEND:
        store->live_bytes -= padded(*head & RECORD_LENGTH);
        *head |= RECORD_REMOVED;
        forget_record(store, change->handle);
        break;
    case CHANGE_UPDATE:
        log->old_bytes.length -= change->length;
        memcpy(bytes_of(head) + change->offset, log->old_bytes.bytes + log->old_bytes.length,
            change->length);
        break;
    case CHANGE_REMOVE:
        *head &= ~RECORD_REMOVED;
        store->live_bytes += padded(*head & RECORD_LENGTH);
        break;
    }
}

/* ---- changing and reading ---- */

static store_handle
append(struct store *base, struct slice record)
{
    struct sim_store *store = sim_of(base);
    uint32_t length = (uint32_t)record.length, bytes = padded(length);
    struct block *block = store->last != 0 ? &store->blocks[store->last] : NULL;
    store_handle handle;
    uint32_t *head;

    assert(record.length <= RECORD_BYTES_MAX);
    if (block == NULL || block->used + bytes > block->capacity) {
        add_block(store, bytes);
        block = &store->blocks[store->last];
    }
    handle = store->last << PLACE_BITS | block->used / UNIT_BYTES;
    block->used += bytes;
    block->records_count++;
    head = head_of(store, handle);
    *head = length;
    if (length > 0)
        memcpy(bytes_of(head), record.at, length);
    store->live_bytes += bytes;
    log_change(store, (struct change){.handle = handle, .kind = CHANGE_APPEND}, NULL);
    return handle;
}

static struct slice
view(struct store *base, store_handle handle)
{
    uint32_t *head = head_of(sim_of(base), handle);

    assert((*head & (RECORD_REMOVED | RECORD_TORN)) == 0);
    return (struct slice){bytes_of(head), *head & RECORD_LENGTH};
}

static void
update(struct store *base, store_handle handle, size_t offset, struct slice bytes)
{
    struct sim_store *store = sim_of(base);
    uint32_t *head = head_of(store, handle);
    char *at = bytes_of(head) + offset;

    assert((*head & (RECORD_REMOVED | RECORD_TORN)) == 0);
    assert(offset <= (*head & RECORD_LENGTH));
    assert(bytes.length <= (*head & RECORD_LENGTH) - offset);
    if (bytes.length == 0)
        return;
    log_change(store,
        (struct change){handle, (uint32_t)offset, (uint32_t)bytes.length, CHANGE_UPDATE}, at);
    memcpy(at, bytes.at, bytes.length);
}

static void
remove_record(struct store *base, store_handle handle)
{
    struct sim_store *store = sim_of(base);
    uint32_t *head = head_of(store, handle);

    assert((*head & (RECORD_REMOVED | RECORD_TORN)) == 0);
    *head |= RECORD_REMOVED;
    store->live_bytes -= padded(*head & RECORD_LENGTH);
    log_change(store, (struct change){.handle = handle, .kind = CHANGE_REMOVE}, NULL);
}

static void
scan(struct store *base, scan_fn *fn, void *arg)
{
    struct sim_store *store = sim_of(base);
    uint32_t last = store->last;
    uint32_t last_used = last != 0 ? store->blocks[last].used : 0;

    for (uint32_t number = store->first, next; number != 0; number = next) {
        uint32_t used = number == last ? last_used : store->blocks[number].used, at = 0;

        while (at < used) {
            store_handle handle = number << PLACE_BITS | at / UNIT_BYTES;
            uint32_t *head = head_of(store, handle);
            uint32_t length = *head & RECORD_LENGTH;

            at += padded(length);
            if ((*head & (RECORD_REMOVED | RECORD_TORN)) == 0)
                fn(arg, handle, (struct slice){bytes_of(head), length});
        }
        next = number != last ? store->blocks[number].next : 0;
    }
}

/* ---- syncs ---- */

static void
on_synced(void *arg)
{
    struct sync *sync = arg;
    struct sim_store *store = sync->store;

    assert(store->sync_first == sync);
    store->sync_first = sync->next;
    if (store->sync_first == NULL)
        store->sync_last = NULL;
    log_forget(store, sync->covers_before);
    store->current = sync;
    for (size_t i = 0; i < sync->count; i++)
        sync->waiters[i].fn(sync->waiters[i].arg, true);
    store->current = NULL;
    sync->next = store->spare_sync;
    store->spare_sync = sync;
}

/* The syncs asked in this instant; of those asked before none waits longer. */
static struct sync *
present_sync(struct sim_store *store)
{
    struct sync *sync = store->sync_last;
    int64_t now_us = loop_now_us(store->loop);

    if (sync != NULL && sync->asked_at_us == now_us)
        return sync;
    sync = store->spare_sync;
    if (sync != NULL)
        store->spare_sync = sync->next;
    else
        sync = mem_alloc_zeroed(sizeof *sync);
    sync->store = store;
    sync->next = NULL;
    sync->count = 0;
    sync->asked_at_us = now_us;
    if (store->sync_last != NULL)
        store->sync_last->next = sync;
    else
        store->sync_first = sync;
    store->sync_last = sync;
    timer_arm(store->loop, &sync->timer, now_us + store->sync_latency_us, on_synced, sync);
    return sync;
}

static void
sync_by_itself(struct sim_store *store)
{
    present_sync(store)->covers_before = log_end(&store->log);
}

static void
sync(struct store *base, synced_fn *fn, void *arg)
{
    struct sim_store *store = sim_of(base);
    struct sync *present = present_sync(store);

    present->covers_before = log_end(&store->log);
    present->waiters = mem_grow(
        present->waiters, &present->capacity, present->count + 1, sizeof present->waiters[0]);
    present->waiters[present->count++] = (struct waiter){fn, arg};
}

static void
cancel_syncs(struct sim_store *store)
{
    while (store->sync_first != NULL) {
        struct sync *sync = store->sync_first;

        store->sync_first = sync->next;
        timer_cancel(store->loop, &sync->timer);
        sync->next = store->spare_sync;
        store->spare_sync = sync;
    }
    store->sync_last = NULL;
    if (store->current != NULL)
        store->current->count = 0; /* the others that it covers died in a callback of one */
}

/* ---- crash ---- */

/* Of a record that was being written a front part may have reached the disk. It is nobody's. */
static void
tear(struct sim_store *store, store_handle handle)
{
    uint32_t *head = head_of(store, handle);
    uint32_t length = *head & RECORD_LENGTH;
    uint32_t kept = (uint32_t)rng_below(&store->rng, (uint64_t)length + 1);

    memset(bytes_of(head) + kept, 0, length - kept);
    *head |= RECORD_TORN;
}

void
store_sim_crash(struct store *base)
{
    struct sim_store *store = sim_of(base);
    struct undo_log *log = &store->log;
    store_handle first_append = 0;

    cancel_syncs(store);
    for (size_t i = log->count; i > log->start; i--)
        if (log->changes[i - 1].kind == CHANGE_APPEND)
            first_append = log->changes[i - 1].handle;
    if (first_append != 0 && rng_odds(&store->rng, PPM / 2))
        tear(store, first_append);
    while (log->count > log->start)
        undo(store, &log->changes[--log->count]);
    log_compact(log);
}

uint64_t
store_sim_bytes(const struct store *base)
{
    return ((const struct sim_store *)base)->live_bytes;
}

static void
free_store(struct store *base)
{
    struct sim_store *store = sim_of(base);

    assert(store->current == NULL);
    cancel_syncs(store);
    while (store->spare_sync != NULL) {
        struct sync *sync = store->spare_sync;

        store->spare_sync = sync->next;
        mem_free(sync->waiters);
        mem_free(sync);
    }
    while (store->first != 0)
        free_block(store, store->first);
    mem_free(store->blocks);
    mem_free(store->log.changes);
    text_release(&store->log.old_bytes);
    mem_free(store);
}

static const struct store_door sim_door = {
    .append = append,
    .view = view,
    .update = update,
    .remove = remove_record,
    .sync = sync,
    .scan = scan,
    .free = free_store,
};

struct store *
store_sim_new(struct loop *loop, int64_t sync_latency_us, const struct rng *rng)
{
    struct sim_store *store = mem_alloc_zeroed(sizeof *store);

    assert(sync_latency_us >= 0);
    store->base.door = &sim_door;
    store->loop = loop;
    store->sync_latency_us = sync_latency_us;
    store->rng = *rng;
    return &store->base;
}
