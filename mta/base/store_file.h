/* store_file.h - the store on disk from inside.
 *
 * For store_file.c, which changes, reads and commits, and store_open_file.c, which knows the directory
 * and its files. */
#ifndef MTALAB_STORE_FILE_H
#define MTALAB_STORE_FILE_H

#include <lmdb.h>

#include "base/store.h"

enum { MARK_NUMBER = 0 }; /* of the record that says whose file it is; never given to another */

struct waiter {
    synced_fn *fn;
    void *arg;
};

struct waiters {
    struct waiter *items;
    size_t count, capacity;
};

struct file_store {
    struct store base;
    struct loop *loop;
    struct store_file_options options;
    char *directory;
    int lock_fd;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    uint64_t next_number;
    struct text log, scratch;
    struct waiters waiting, told;
    struct timer commit_timer;
    bool is_telling;
    struct error trouble;
    uint64_t commits_count;
    uint64_t known_bytes; /* of the data file, as noted in the lock file */
};

static inline MDB_val
key_of(uint64_t *number)
{
    return (MDB_val){.mv_size = sizeof *number, .mv_data = number};
}

static inline MDB_val
value_of(struct slice bytes)
{
    union {
        const char *from;
        void *to;
    } at = {.from = bytes.at};

    return (MDB_val){.mv_size = bytes.length, .mv_data = at.to};
}

/* Locks the directory, opens the files and begins a transaction. False: part of it may be open. */
bool store_file_open(struct file_store *store, struct error *err) MUST_USE;

/* For the next open to know whether something was cut off. */
void store_file_note_length(struct file_store *store);

int store_file_try_to_commit(struct file_store *store); /* no transaction is open afterwards */

#endif
