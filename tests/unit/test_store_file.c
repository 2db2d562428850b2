/* test_store_file.c - what only a store on disk does: it is opened, grows, is refused, is killed. What
 * holds for every store is in test_store_worlds.c. */
#include "tests/unit/store_worlds.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/loop_net.h"
#include "base/unit.h"

static void
freeing_the_store_keeps_what_it_shows(void **state)
{
    struct disk disk = disk_new(FILES);
    int count = 0;

    store_append(disk.store, SLICE("kept"));
    store_sync(disk.store, count_synced, &count);
    store_free(&disk.store);
    run(&disk);
    assert_int_equal(count, 0);
    open_store(&disk);
    assert_scan(&disk, "kept ");
    disk_free(&disk);
}

static void
enough_syncs_do_not_wait_for_the_window(void **state)
{
    static const struct store_file_options options = {.window_us = US_PER_S, .syncs_max = 3};
    struct disk disk = disk_new(FILES);
    int count = 0;

    store_free(&disk.store);
    disk.store = store_file_new(disk.loop, disk.directory, &options, &disk.err);
    store_append(disk.store, SLICE("x"));
    for (int i = 0; i < 5; i++)
        store_sync(disk.store, count_synced, &count);
    run(&disk);
    assert_int_equal(count, 5);
    assert_int_equal(loop_now_us(disk.loop), 0);
    store_append(disk.store, SLICE("y"));
    store_sync(disk.store, count_synced, &count);
    run(&disk);
    assert_int_equal(loop_now_us(disk.loop), US_PER_S);
    disk_free(&disk);
}

static void
only_one_may_have_it(void **state)
{
    struct disk disk = disk_new(FILES);

    assert_null(store_file_new(disk.loop, disk.directory, NULL, &disk.err));
    assert_int_equal(disk.err.kind, ERROR_WORLD);
    assert_non_null(strstr(disk.err.text, disk.directory));
    assert_non_null(strstr(disk.err.text, "another process has it"));
    disk_free(&disk);
}

/* As if it had not been given 64 MiB. */
static void
shrink_map(struct disk *disk, size_t bytes)
{
    struct file_store *store = (struct file_store *)disk->store;

    mdb_txn_abort(store->txn);
    assert_int_equal(mdb_env_set_mapsize(store->env, bytes), 0);
    begin(store);
}

static size_t
map_bytes(struct disk *disk)
{
    MDB_envinfo info;

    mdb_env_info(((struct file_store *)disk->store)->env, &info);
    return info.me_mapsize;
}

static void
a_full_map_grows_and_nothing_is_lost(void **state)
{
    struct disk disk = disk_new(FILES);
    struct text block = {0};
    store_handle first;
    int count = 0;

    text_add_repeated(&block, 'b', 10000);
    shrink_map(&disk, 128 << 10);
    first = store_append(disk.store, SLICE("first"));
    for (int i = 0; i < 300; i++) { /* within one commit, and over several */
        store_append(disk.store, text_slice(&block));
        if (i == 200)
            sync_all(&disk);
        if (i % 50 == 0)
            store_sync(disk.store, count_synced, &count);
    }
    assert_slice(store_view(disk.store, first), "first");
    sync_all(&disk);
    assert_true(map_bytes(&disk) >= 4 << 20);
    assert_int_equal(count, 6);
    crash(&disk);
    count = 0;
    for (int i = 0; i < 300; i++)
        assert_int_equal(store_view(disk.store, first + 1 + (store_handle)i).length, 10000);
    text_release(&block);
    disk_free(&disk);
}

static void
note_failure(void *arg, bool is_durable)
{
    assert_false(is_durable);
    ++*(int *)arg;
}

static void
when_the_disk_refuses_the_sync_says_so_and_the_next_may_succeed(void **state)
{
    struct disk disk = disk_new(FILES);
    struct rlimit before, none;
    struct text block = {0};
    int failed = 0;

    store_append(disk.store, SLICE("before"));
    sync_all(&disk);
    assert_string_equal(store_file_trouble(disk.store), "");
    text_add_repeated(&block, 'b', 1 << 20);
    store_remove(disk.store, store_append(disk.store, text_slice(&block)));
    store_append(disk.store, text_slice(&block));
    store_sync(disk.store, note_failure, &failed);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    run(&disk);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(failed, 1);
    assert_non_null(strstr(store_file_trouble(disk.store), "cannot be written"));
    store_append(disk.store, SLICE("after"));
    sync_all(&disk);
    crash(&disk);
    text_clear(&block);
    store_scan(disk.store, add_record, &block);
    assert_int_equal(block.length, 7 + (1 << 20) + 1 + 6);
    text_release(&block);
    disk_free(&disk);
}

/* The number of an append has no more bits than a handle for the first four thousand million. */
static void
handles_start_over_and_skip_what_is_taken(void **state)
{
    struct disk disk = disk_new(FILES);
    store_handle old = store_append(disk.store, SLICE("old")), late, next;

    assert_int_equal(old, 1);
    ((struct file_store *)disk.store)->next_number = UINT32_MAX;
    late = store_append(disk.store, SLICE("late"));
    next = store_append(disk.store, SLICE("next"));
    assert_int_equal(late, UINT32_MAX);
    assert_int_equal(next, 2); /* neither 0 nor 1 */
    assert_scan(&disk, "old late next ");
    sync_all(&disk);
    crash(&disk);
    assert_scan(&disk, "old late next ");
    assert_slice(store_view(disk.store, old), "old");
    store_update(disk.store, old, 0, SLICE("O"));
    store_remove(disk.store, late);
    assert_scan(&disk, "Old next ");
    disk_free(&disk);
}

/* ---- files that are not as we left them ---- */

static void
spoil_text(const char *filename)
{
    FILE *file = fopen(filename, "wb");

    for (int i = 0; i < 5000; i++)
        fputs("this is not a database\n", file);
    fclose(file);
}

static void
spoil_short(const char *filename)
{
    struct stat file;

    assert_int_equal(stat(filename, &file), 0);
    assert_int_equal(truncate(filename, file.st_size / 2), 0);
}

static void
spoil_zeros(const char *filename)
{
    struct stat file;

    assert_int_equal(stat(filename, &file), 0);
    assert_int_equal(truncate(filename, 0), 0);
    assert_int_equal(truncate(filename, file.st_size), 0);
}

static void
spoil_foreign(const char *filename)
{
    char directory[128];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val hello = value_of(SLICE("hello"));

    snprintf(
        directory, sizeof directory, "%.*s", (int)(strrchr(filename, '/') - filename), filename);
    assert_int_equal(unlink(filename), 0);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, directory, MDB_NOLOCK, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &hello, &hello, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    remove_file(directory, "lock"); /* with the length of the old one */
}

static void
spoil_directory(const char *filename)
{
    assert_int_equal(unlink(filename), 0);
    assert_int_equal(mkdir(filename, 0700), 0);
}

static void
a_file_that_is_not_ours_is_one_error(void **state)
{
    static const struct {
        const char *name;
        void (*spoil)(const char *filename);
    } cases[] = {
        {"text",        spoil_text     },
        {"cut short",   spoil_short    },
        {"zeros",       spoil_zeros    },
        {"another's",   spoil_foreign  },
        {"a directory", spoil_directory},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct disk disk = disk_new(FILES);
        char filename[128];

        print_message("  %s\n", cases[i].name);
        snprintf(filename, sizeof filename, "%s/data.mdb", disk.directory);
        for (int n = 0; n < 3000; n++)
            store_append(disk.store, SLICE("a record of some length, to fill a page or two"));
        store_free(&disk.store);
        cases[i].spoil(filename);
        disk.err = (struct error){0};
        assert_null(store_file_new(disk.loop, disk.directory, NULL, &disk.err));
        print_message("    %s\n", disk.err.text);
        assert_int_equal(disk.err.kind, ERROR_WORLD);
        assert_non_null(strstr(disk.err.text, disk.directory));
        if (cases[i].spoil == spoil_directory)
            assert_int_equal(rmdir(filename), 0);
        disk_free(&disk);
    }
}

static void
a_place_that_cannot_be_is_one_error(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct error err;

    assert_null(store_file_new(loop, "/nowhere/at/all", NULL, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    assert_null(store_file_new(loop, "/dev/null", NULL, &err));
    loop_free(&loop);
}

/* ---- kill -9 ---- */

/* What the child knows to be durable, where the parent sees it. */
struct promise {
    uint32_t synced, appended;
};

struct victim {
    struct disk *disk;
    struct promise *promise;
    uint32_t covered;
};

static void
append_for_ever(void *arg, bool is_durable)
{
    struct victim *victim = arg;

    victim->promise->synced = victim->covered;
    for (int i = 0; i < 7; i++) {
        uint32_t number = ++victim->promise->appended;

        store_append(victim->disk->store, (struct slice){(const char *)&number, sizeof number});
        if (i < 5)
            victim->covered = number;
    }
    store_sync(victim->disk->store, append_for_ever, victim);
}

static void
check_in_order(void *arg, store_handle handle, struct slice record)
{
    uint32_t *count = arg, number;

    assert_int_equal(record.length, sizeof number);
    memcpy(&number, record.at, sizeof number);
    assert_int_equal(number, ++*count);
}

static void
a_killed_process_loses_only_what_was_not_synced(void **state)
{
    struct promise *promise =
        mmap(NULL, sizeof *promise, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    for (int round = 0; round < 5; round++) {
        struct disk disk = disk_new(FILES);
        uint32_t count = 0;
        pid_t child;
        int status;

        *promise = (struct promise){0};
        store_free(&disk.store);
        child = fork();
        if (child == 0) {
            struct victim victim = {.disk = &disk, .promise = promise};

            loop_free(&disk.loop);
            disk.loop = loop_net_new(0, 1, &disk.err);
            open_store(&disk);
            append_for_ever(&victim, true);
            (void)!loop_run(disk.loop, 20 * US_PER_S, &disk.err);
            _exit(1);
        }
        for (int i = 0; i < 10000 && *(volatile uint32_t *)&promise->synced < 50; i++)
            usleep(1000);
        usleep((useconds_t)round * 700);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        open_store(&disk);
        store_scan(disk.store, check_in_order, &count);
        assert_true(promise->synced >= 50);
        assert_true(count >= promise->synced);
        assert_true(count <= promise->appended);
        disk_free(&disk);
    }
    munmap(promise, sizeof *promise);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_the_store_keeps_what_it_shows),
        cmocka_unit_test(enough_syncs_do_not_wait_for_the_window),
        cmocka_unit_test(only_one_may_have_it),
        cmocka_unit_test(a_full_map_grows_and_nothing_is_lost),
        cmocka_unit_test(when_the_disk_refuses_the_sync_says_so_and_the_next_may_succeed),
        cmocka_unit_test(handles_start_over_and_skip_what_is_taken),
        cmocka_unit_test(a_file_that_is_not_ours_is_one_error),
        cmocka_unit_test(a_place_that_cannot_be_is_one_error),
        cmocka_unit_test(a_killed_process_loses_only_what_was_not_synced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
