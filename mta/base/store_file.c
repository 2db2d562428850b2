/* store_file.c - what survives a crash, in a tree of LMDB's.
 *
 * A record lies under a number that rises with every append, so the tree's order is that of
 * appending. A handle is the lower half of the number; among live records it is unique, because an
 * append skips a number whose lower half is taken.
 *
 * One transaction is always open and shows the latest state. LMDB takes back the whole of it when a
 * commit fails or the map is full, so what it holds stands in a log as well: the map grows, or the
 * disk refuses, and the log is played again into the next transaction. */
#include "base/store_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    WINDOW_US = 2000,
    SYNCS_MAX = 1000,
    LOG_BYTES_MAX = 64 << 20, /* then the store commits by itself */
    LOG_BYTES_KEPT = 1 << 20,
};

enum change_kind { CHANGE_APPEND, CHANGE_UPDATE, CHANGE_REMOVE };

/* In the log it is followed by `length` bytes. */
struct change {
    uint64_t number;
    size_t offset, length;
    enum change_kind kind;
};

static struct file_store *
file_of(struct store *store)
{
    return (struct file_store *)store;
}

/* ---- the transaction ---- */

static NORETURN void
die(const struct file_store *store, int code)
{
    fprintf(stderr, "the store in %s cannot go on: %s\n", store->directory, mdb_strerror(code));
    exit(4);
}

static void
must(const struct file_store *store, int code)
{
    if (code != 0)
        die(store, code);
}

static int
do_update(struct file_store *store, const struct change *change, const char *bytes)
{
    uint64_t number = change->number;
    MDB_val key = key_of(&number), value;
    int code = mdb_get(store->txn, store->dbi, &key, &value);

    if (code != 0)
        return code;
    text_clear(&store->scratch);
    text_add(&store->scratch, value.mv_data, value.mv_size);
    memcpy(store->scratch.bytes + change->offset, bytes, change->length);
    value = value_of(text_slice(&store->scratch));
    return mdb_put(store->txn, store->dbi, &key, &value, 0);
}

static int
do_change(struct file_store *store, const struct change *change, const char *bytes)
{
    uint64_t number = change->number;
    MDB_val key = key_of(&number), value = value_of((struct slice){bytes, change->length});

    switch (change->kind) {
    case CHANGE_APPEND:
        return mdb_put(store->txn, store->dbi, &key, &value, MDB_APPEND);
    case CHANGE_UPDATE:
        return do_update(store, change, bytes);
    case CHANGE_REMOVE:
        return mdb_del(store->txn, store->dbi, &key, NULL);
    }
    return EINVAL;
}

static int
play_log(struct file_store *store)
{
    struct change change;

    for (size_t at = 0; at < store->log.length; at += sizeof change + change.length) {
        int code;

        memcpy(&change, store->log.bytes + at, sizeof change);
        code = do_change(store, &change, store->log.bytes + at + sizeof change);
        if (code != 0)
            return code;
    }
    return 0;
}

static void
begin(struct file_store *store)
{
    must(store, mdb_txn_begin(store->env, NULL, 0, &store->txn));
}

/* No transaction is open meanwhile. */
static void
grow_map(struct file_store *store)
{
    MDB_envinfo info;

    mdb_env_info(store->env, &info);
    must(store, mdb_env_set_mapsize(store->env, info.me_mapsize * 2));
}

/* The open transaction, if any, is lost: what the log holds becomes the next one. */
static void
begin_again(struct file_store *store, bool is_map_full)
{
    int code = is_map_full ? MDB_MAP_FULL : 0;

    do {
        if (store->txn != NULL)
            mdb_txn_abort(store->txn);
        if (code == MDB_MAP_FULL)
            grow_map(store);
        begin(store);
        code = play_log(store);
    } while (code == MDB_MAP_FULL);
    must(store, code);
}

int
store_file_try_to_commit(struct file_store *store)
{
    int code = mdb_txn_commit(store->txn);

    store->txn = NULL;
    return code;
}

static void
forget_log(struct file_store *store)
{
    text_clear(&store->log);
    if (store->log.capacity > LOG_BYTES_KEPT)
        text_release(&store->log);
}

/* False: the disk refuses, and all is as before. */
static bool
commit(struct file_store *store)
{
    int code;

    if (store->log.length == 0)
        return true;
    while ((code = store_file_try_to_commit(store)) == MDB_MAP_FULL)
        begin_again(store, true);
    if (code != 0) {
        error_set(&store->trouble, ERROR_WORLD, "the store in %s cannot be written: %s",
            store->directory, mdb_strerror(code));
        begin_again(store, false);
        return false;
    }
    store->commits_count++;
    store_file_note_length(store);
    forget_log(store);
    begin(store);
    return true;
}

/* ---- syncs ---- */

static void
on_commit_due(void *arg)
{
    struct file_store *store = arg;
    struct waiters told = store->waiting;
    bool is_durable;

    if (store->options.before_commit != NULL)
        store->options.before_commit(store->options.before_commit_arg);
    is_durable = commit(store);

    store->waiting = store->told;
    store->waiting.count = 0;
    store->told = told;
    store->is_telling = true;
    for (size_t i = 0; i < told.count; i++)
        told.items[i].fn(told.items[i].arg, is_durable);
    store->is_telling = false;
}

static void
ask_for_sync(struct store *base, synced_fn *fn, void *arg)
{
    struct file_store *store = file_of(base);
    struct waiters *w = &store->waiting;
    int64_t now_us = loop_now_us(store->loop);

    w->items = mem_grow(w->items, &w->capacity, w->count + 1, sizeof w->items[0]);
    w->items[w->count++] = (struct waiter){fn, arg};
    if (!timer_is_armed(&store->commit_timer))
        timer_arm(store->loop, &store->commit_timer, now_us + store->options.window_us,
            on_commit_due, store);
    else if (w->count == store->options.syncs_max && store->commit_timer.at_us > now_us)
        loop_post(store->loop, &store->commit_timer, on_commit_due, store);
}

/* ---- changing and reading ---- */

static void
change_it(struct file_store *store, const struct change *change, const char *bytes)
{
    int code;

    text_add(&store->log, (const char *)change, sizeof *change);
    text_add(&store->log, bytes, change->length);
    code = do_change(store, change, bytes);
    if (code == MDB_MAP_FULL)
        begin_again(store, true);
    else
        must(store, code);
    if (store->log.length > LOG_BYTES_MAX && !timer_is_armed(&store->commit_timer))
        loop_post(store->loop, &store->commit_timer, on_commit_due, store);
}

static bool
find_number(struct file_store *store, uint64_t number, MDB_val *value)
{
    MDB_val key = key_of(&number);
    int code = mdb_get(store->txn, store->dbi, &key, value);

    if (code != MDB_NOTFOUND)
        must(store, code);
    return code == 0;
}

/* The live record with this lower half: nearly always the latest number that has it. */
static uint64_t
number_of(struct file_store *store, store_handle handle, MDB_val *value)
{
    uint64_t number = store->next_number - (uint32_t)(store->next_number - handle);

    assert(handle != 0);
    assert(number < store->next_number);
    while (!find_number(store, number, value)) {
        assert(number > UINT32_MAX); /* else there is no such record */
        number -= (uint64_t)UINT32_MAX + 1;
    }
    return number;
}

static bool
is_taken(struct file_store *store, uint64_t number)
{
    MDB_val ignored;

    if ((uint32_t)number == 0)
        return true;
    while (number > UINT32_MAX) {
        number -= (uint64_t)UINT32_MAX + 1;
        if (find_number(store, number, &ignored))
            return true;
    }
    return false;
}

static store_handle
append(struct store *base, struct slice record)
{
    struct file_store *store = file_of(base);
    struct change change = {.kind = CHANGE_APPEND, .length = record.length};

    while (is_taken(store, store->next_number))
        store->next_number++;
    change.number = store->next_number++;
    change_it(store, &change, record.at);
    return (store_handle)change.number;
}

static struct slice
view(struct store *base, store_handle handle)
{
    MDB_val value;

    number_of(file_of(base), handle, &value);
    return (struct slice){value.mv_data, value.mv_size};
}

static void
update(struct store *base, store_handle handle, size_t offset, struct slice bytes)
{
    struct file_store *store = file_of(base);
    struct change change = {.kind = CHANGE_UPDATE, .offset = offset, .length = bytes.length};
    MDB_val value;

    change.number = number_of(store, handle, &value);
    assert(offset <= value.mv_size);
    assert(bytes.length <= value.mv_size - offset);
    if (bytes.length > 0)
        change_it(store, &change, bytes.at);
}

static void
remove_record(struct store *base, store_handle handle)
{
    struct file_store *store = file_of(base);
    struct change change = {.kind = CHANGE_REMOVE};
    MDB_val value;

    change.number = number_of(store, handle, &value);
    change_it(store, &change, NULL);
}

/* The first record at or after *number, which becomes its number. */
static bool
find_next(struct file_store *store, uint64_t *number, MDB_val *value)
{
    MDB_cursor *cursor;
    MDB_val key = key_of(number);
    int code = mdb_cursor_open(store->txn, store->dbi, &cursor);

    must(store, code);
    code = mdb_cursor_get(cursor, &key, value, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND)
        return false;
    must(store, code);
    memcpy(number, key.mv_data, sizeof *number);
    return true;
}

static void
scan(struct store *base, scan_fn *fn, void *arg)
{
    struct file_store *store = file_of(base);
    uint64_t end = store->next_number;
    MDB_val value;

    for (uint64_t number = MARK_NUMBER + 1; find_next(store, &number, &value); number++) {
        if (number >= end)
            return;
        fn(arg, (store_handle)number, (struct slice){value.mv_data, value.mv_size});
    }
}

/* What was not committed is lost. */
static void
close_files(struct file_store *store)
{
    if (store->txn != NULL)
        mdb_txn_abort(store->txn);
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    timer_cancel(store->loop, &store->commit_timer);
    text_release(&store->log);
    text_release(&store->scratch);
    mem_free(store->waiting.items);
    mem_free(store->told.items);
    mem_free(store->directory);
    mem_free(store);
}

static void
free_store(struct store *base)
{
    struct file_store *store = file_of(base);

    assert(!store->is_telling);
    commit(store);
    close_files(store);
}

static const struct store_door file_door = {
    .append = append,
    .view = view,
    .update = update,
    .remove = remove_record,
    .sync = ask_for_sync,
    .scan = scan,
    .free = free_store,
};

struct store *
store_file_new(struct loop *loop, const char *directory, const struct store_file_options *options,
    struct error *err)
{
    struct file_store *store = mem_alloc_zeroed(sizeof *store);

    store->base.door = &file_door;
    store->loop = loop;
    store->options = (struct store_file_options){.window_us = WINDOW_US, .syncs_max = SYNCS_MAX};
    if (options != NULL)
        store->options = *options;
    store->directory = mem_copy_string(directory);
    store->lock_fd = -1;
    if (store_file_open(store, err))
        return &store->base;
    close_files(store);
    return NULL;
}

const char *
store_file_trouble(const struct store *base)
{
    return ((const struct file_store *)base)->trouble.text;
}

uint64_t
store_file_commits(const struct store *base)
{
    return ((const struct file_store *)base)->commits_count;
}
