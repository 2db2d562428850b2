/* store_open_file.c - the directory of a store: its lock, its files, and whether they are ours.
 *
 * LMDB's own locks would let a second process wait for ever; ours tells it. */
#include "base/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { LENGTH_DIGITS = 20 }; /* of the length of the data file, in the lock file */
#define MAP_BYTES_MIN ((size_t)64 << 20)

/* The record that says whose file it is. */
#define MARK SLICE("mtalab store 1\n")

/* ---- the length of the data file ---- */

static uint64_t
data_bytes(const struct file_store *store)
{
    struct stat file;
    int fd;

    if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &file) < 0)
        return 0;
    return (uint64_t)file.st_size;
}

/* The file has been at least so long: if this is lost it is no less true. */
void
store_file_note_length(struct file_store *store)
{
    char digits[LENGTH_DIGITS + 1];
    uint64_t bytes = data_bytes(store);

    if (bytes <= store->known_bytes)
        return;
    store->known_bytes = bytes;
    snprintf(digits, sizeof digits, "%0*llu", LENGTH_DIGITS, (unsigned long long)bytes);
    if (pwrite(store->lock_fd, digits, LENGTH_DIGITS, 0) != LENGTH_DIGITS)
        store->known_bytes = 0; /* the next one tries again */
}

/* ---- opening ---- */

static bool
refuse(const struct file_store *store, const char *why, struct error *err)
{
    return error_set(err, ERROR_WORLD, "cannot open the store in %s: %s", store->directory, why);
}

static bool
lock_directory(struct file_store *store, struct error *err)
{
    struct text filename = {0};

    if (mkdir(store->directory, 0700) < 0 && errno != EEXIST)
        return refuse(store, strerror(errno), err);
    text_printf(&filename, "%s/lock", store->directory);
    store->lock_fd = open(text_string(&filename), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    text_release(&filename);
    if (store->lock_fd < 0)
        return refuse(store, strerror(errno), err);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return refuse(
            store, errno == EWOULDBLOCK ? "another process has it" : strerror(errno), err);
    return true;
}

/* A page that the file ends before would be read from nowhere: SIGBUS. LMDB's own number of the last
 * page does not tell, as pages that were given up at once are never written. */
static bool
is_cut_short(const struct file_store *store)
{
    char digits[LENGTH_DIGITS + 1];
    ssize_t length = pread(store->lock_fd, digits, LENGTH_DIGITS, 0);
    uint64_t known_bytes;

    return length == LENGTH_DIGITS &&
        slice_to_u64((struct slice){digits, LENGTH_DIGITS}, &known_bytes) &&
        data_bytes(store) < known_bytes;
}

static bool
open_environment(struct file_store *store, struct error *err)
{
    MDB_envinfo info;
    size_t map_bytes = MAP_BYTES_MIN;
    int code = mdb_env_create(&store->env);

    if (code == 0)
        code = mdb_env_open(store->env, store->directory, MDB_NOLOCK | MDB_NOTLS, 0600);
    if (code != 0)
        return refuse(store,
            code == MDB_INVALID || code == MDB_VERSION_MISMATCH ? "data.mdb is not ours or damaged"
                                                                : mdb_strerror(code),
            err);
    if (is_cut_short(store))
        return refuse(store, "data.mdb is cut short", err);
    mdb_env_info(store->env, &info);
    while (map_bytes / 2 < info.me_last_pgno * (size_t)sysconf(_SC_PAGESIZE))
        map_bytes *= 2;
    code = mdb_env_set_mapsize(store->env, map_bytes);
    return code == 0 || refuse(store, mdb_strerror(code), err);
}

/* A store that is new. */
static bool
mark_if_empty(struct file_store *store, struct error *err)
{
    uint64_t number = MARK_NUMBER;
    MDB_val key = key_of(&number), value = value_of(MARK);
    MDB_stat statistics;
    int code = mdb_stat(store->txn, store->dbi, &statistics);

    if (code == 0 && statistics.ms_entries > 0)
        return true;
    if (code == 0)
        code = mdb_put(store->txn, store->dbi, &key, &value, 0);
    if (code == 0)
        code = store_file_try_to_commit(store);
    if (code == 0)
        code = mdb_txn_begin(store->env, NULL, 0, &store->txn);
    return code == 0 || refuse(store, mdb_strerror(code), err);
}

/* Walks over all numbers: they rise, the first is the mark's, and the tree can be read. */
static bool
check_numbers(struct file_store *store, MDB_cursor *cursor, struct error *err)
{
    uint64_t number, count = 0;
    MDB_val key, value;
    int code;

    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (key.mv_size != sizeof number)
            return refuse(store, "data.mdb is not ours", err);
        memcpy(&number, key.mv_data, sizeof number);
        if (count == 0 && number == MARK_NUMBER &&
            !slice_equals((struct slice){value.mv_data, value.mv_size}, MARK))
            return refuse(store, "data.mdb is not ours", err);
        if (number != MARK_NUMBER && (count == 0 || number < store->next_number))
            return refuse(store, "data.mdb is not ours or damaged", err);
        store->next_number = number + 1;
        count++;
    }
    if (code != MDB_NOTFOUND)
        return refuse(store, mdb_strerror(code), err);
    return true;
}

static bool
open_tree(struct file_store *store, struct error *err)
{
    MDB_cursor *cursor;
    unsigned flags;
    bool is_good;
    int code = mdb_txn_begin(store->env, NULL, 0, &store->txn);

    if (code == 0)
        code = mdb_dbi_open(store->txn, NULL, MDB_INTEGERKEY | MDB_CREATE, &store->dbi);
    if (code == 0)
        code = mdb_dbi_flags(store->txn, store->dbi, &flags);
    if (code == 0)
        code = mdb_cursor_open(store->txn, store->dbi, &cursor);
    if (code != 0)
        return refuse(store, mdb_strerror(code), err);
    store->next_number = MARK_NUMBER + 1;
    is_good = flags == MDB_INTEGERKEY ? check_numbers(store, cursor, err)
                                      : refuse(store, "data.mdb is not ours", err);
    mdb_cursor_close(cursor);
    return is_good && mark_if_empty(store, err);
}

bool
store_file_open(struct file_store *store, struct error *err)
{
    return lock_directory(store, err) && open_environment(store, err) && open_tree(store, err);
}

void
store_file_remove(const char *directory)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
    struct text filename = {0};

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        text_clear(&filename);
        text_printf(&filename, "%s/%s", directory, files[i]);
        (void)unlink(text_string(&filename)); /* not all of them were made */
    }
    (void)rmdir(directory);
    text_release(&filename);
}
