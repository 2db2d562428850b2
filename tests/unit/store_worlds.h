/* store_worlds.h - a store in memory or on disk, which can crash. */
#ifndef MTALAB_TESTS_STORE_WORLDS_H
#define MTALAB_TESTS_STORE_WORLDS_H

#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/store_file.c" /* a crash is what no door offers */

enum kind { SIM, FILES, KINDS };

static const char *const kind_names[KINDS] = {"in memory", "on disk"};

enum { LATENCY_US = 2000 };

struct disk {
    enum kind kind;
    struct loop *loop;
    struct store *store;
    struct error err;
    char directory[64];
};

static inline void
open_store(struct disk *disk)
{
    disk->store = store_file_new(disk->loop, disk->directory, NULL, &disk->err);
    if (disk->store == NULL)
        fail_msg("%s", disk->err.text);
}

static inline struct disk
disk_new(enum kind kind)
{
    struct disk disk = {
        .kind = kind, .loop = loop_sim_new(0), .directory = "/tmp/mtalab-store-XXXXXX"};
    struct rng rng = rng_from_seed(1);

    if (kind == SIM) {
        disk.store = store_sim_new(disk.loop, LATENCY_US, &rng);
        return disk;
    }
    assert_non_null(mkdtemp(disk.directory));
    open_store(&disk);
    return disk;
}

static inline void
remove_file(const char *directory, const char *name)
{
    char filename[128];

    snprintf(filename, sizeof filename, "%s/%s", directory, name);
    unlink(filename);
}

static inline void
disk_free(struct disk *disk)
{
    store_free(&disk->store);
    loop_free(&disk->loop);
    if (disk->kind == SIM)
        return;
    remove_file(disk->directory, "data.mdb");
    remove_file(disk->directory, "lock");
    assert_int_equal(rmdir(disk->directory), 0);
}

static inline void
crash(struct disk *disk)
{
    if (disk->kind == SIM) {
        store_sim_crash(disk->store);
        return;
    }
    close_files((struct file_store *)disk->store);
    open_store(disk);
}

static inline void
run(struct disk *disk)
{
    assert_true(loop_run(disk->loop, INT64_MAX, &disk->err));
}

static inline void
count_synced(void *arg, bool is_durable)
{
    assert_true(is_durable);
    ++*(int *)arg;
}

static inline void
sync_all(struct disk *disk)
{
    int count = 0;

    store_sync(disk->store, count_synced, &count);
    assert_int_equal(count, 0); /* never inside the call */
    run(disk);
    assert_int_equal(count, 1);
}

static inline void
add_record(void *arg, store_handle handle, struct slice record)
{
    struct text *list = arg;

    assert_int_not_equal(handle, 0);
    text_add_slice(list, record);
    text_add_char(list, ' ');
}

static inline void
assert_scan(struct disk *disk, const char *expected)
{
    struct text list = {0};

    store_scan(disk->store, add_record, &list);
    assert_string_equal(text_string(&list), expected);
    text_release(&list);
}

#endif
