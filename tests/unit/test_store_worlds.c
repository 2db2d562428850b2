/* test_store_worlds.c - what holds for a store in memory and for one on disk. */
#include "tests/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/store_file.c" /* a crash is what no door offers */

#include "base/loop_net.h"
#include "base/unit.h"

enum kind { SIM, FILES, KINDS };

static const char *const kind_names[KINDS] = {"in memory", "on disk"};

#define IN_EVERY_WORLD(kind)                                                                      \
    for (enum kind kind = SIM; kind < KINDS && (print_message("  %s\n", kind_names[kind]), true); \
         kind++)

enum { LATENCY_US = 2000 };

struct disk {
    enum kind kind;
    struct loop *loop;
    struct store *store;
    struct error err;
    char directory[64];
};

static void
open_store(struct disk *disk)
{
    disk->store = store_file_new(disk->loop, disk->directory, NULL, &disk->err);
    if (disk->store == NULL)
        fail_msg("%s", disk->err.text);
}

static struct disk
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

static void
remove_file(const char *directory, const char *name)
{
    char filename[128];

    snprintf(filename, sizeof filename, "%s/%s", directory, name);
    unlink(filename);
}

static void
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

static void
crash(struct disk *disk)
{
    if (disk->kind == SIM) {
        store_sim_crash(disk->store);
        return;
    }
    close_files((struct file_store *)disk->store);
    open_store(disk);
}

static void
run(struct disk *disk)
{
    assert_true(loop_run(disk->loop, INT64_MAX, &disk->err));
}

static void
count_synced(void *arg, bool is_durable)
{
    assert_true(is_durable);
    ++*(int *)arg;
}

static void
sync_all(struct disk *disk)
{
    int count = 0;

    store_sync(disk->store, count_synced, &count);
    assert_int_equal(count, 0); /* never inside the call */
    run(disk);
    assert_int_equal(count, 1);
}

static void
add_record(void *arg, store_handle handle, struct slice record)
{
    struct text *list = arg;

    assert_int_not_equal(handle, 0);
    text_add_slice(list, record);
    text_add_char(list, ' ');
}

static void
assert_scan(struct disk *disk, const char *expected)
{
    struct text list = {0};

    store_scan(disk->store, add_record, &list);
    assert_string_equal(text_string(&list), expected);
    text_release(&list);
}

/* ---- in both worlds ---- */

static void
records_are_kept_changed_and_removed(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);
        store_handle a = store_append(disk.store, SLICE("alpha"));
        store_handle b = store_append(disk.store, SLICE("beta"));
        store_handle empty = store_append(disk.store, SLICE(""));

        assert_slice(store_view(disk.store, a), "alpha");
        assert_slice(store_view(disk.store, empty), "");
        store_update(disk.store, a, 1, SLICE("LP"));
        store_update(disk.store, a, 5, SLICE(""));
        assert_slice(store_view(disk.store, a), "aLPha");
        assert_scan(&disk, "aLPha beta  ");
        store_remove(disk.store, b);
        assert_scan(&disk, "aLPha  ");
        store_remove(disk.store, a);
        store_remove(disk.store, empty);
        assert_scan(&disk, "");
        disk_free(&disk);
    }
}

static void
a_crash_takes_back_what_no_sync_covers(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);
        store_handle a = store_append(disk.store, SLICE("alpha"));
        store_handle b = store_append(disk.store, SLICE("beta"));

        sync_all(&disk);
        store_update(disk.store, a, 0, SLICE("OMEGA"));
        store_update(disk.store, a, 1, SLICE("xx"));
        store_remove(disk.store, b);
        store_remove(disk.store, store_append(disk.store, SLICE("gone before it was durable")));
        store_append(disk.store, SLICE("gamma"));
        assert_scan(&disk, "OxxGA gamma ");
        crash(&disk);
        assert_scan(&disk, "alpha beta ");
        crash(&disk);
        store_append(disk.store, SLICE("delta"));
        assert_scan(&disk, "alpha beta delta ");
        disk_free(&disk);
    }
}

static void
what_a_sync_covers_survives_in_the_order_of_appending(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);
        store_handle a = store_append(disk.store, SLICE("a"));
        store_handle b = store_append(disk.store, SLICE("b"));

        store_append(disk.store, SLICE("c"));
        sync_all(&disk);
        store_remove(disk.store, b);
        store_update(disk.store, a, 0, SLICE("A"));
        store_append(disk.store, SLICE("d"));
        sync_all(&disk);
        crash(&disk);
        assert_scan(&disk, "A c d ");
        store_append(disk.store, SLICE("e"));
        sync_all(&disk);
        crash(&disk);
        assert_scan(&disk, "A c d e ");
        disk_free(&disk);
    }
}

static void
syncs_share_their_way(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);
        int count = 0;

        for (int i = 0; i < 100; i++) {
            store_append(disk.store, SLICE("x"));
            store_sync(disk.store, count_synced, &count);
        }
        run(&disk);
        assert_int_equal(count, 100);
        assert_int_equal(loop_callbacks_count(disk.loop), 1);
        assert_int_equal(loop_now_us(disk.loop), LATENCY_US);
        if (kind == FILES)
            assert_int_equal(store_file_commits(disk.store), 1);
        sync_all(&disk); /* of nothing */
        if (kind == FILES)
            assert_int_equal(store_file_commits(disk.store), 1);
        disk_free(&disk);
    }
}

static void
large_records_have_room(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);
        struct text large = {0};
        store_handle handles[4];

        text_add_repeated(&large, 'x', 200001);
        handles[0] = store_append(disk.store, SLICE("small"));
        handles[1] = store_append(disk.store, text_slice(&large));
        handles[2] = store_append(disk.store, SLICE("after"));
        handles[3] = store_append(disk.store, (struct slice){large.bytes, 65532});
        store_update(disk.store, handles[1], 200000, SLICE("!"));
        large.bytes[200000] = '!';
        sync_all(&disk);
        assert_true(slice_equals(store_view(disk.store, handles[1]), text_slice(&large)));
        assert_int_equal(store_view(disk.store, handles[3]).length, 65532);
        assert_slice(store_view(disk.store, handles[2]), "after");
        for (int i = 0; i < 4; i++)
            store_remove(disk.store, handles[i]);
        sync_all(&disk);
        crash(&disk);
        assert_scan(&disk, "");
        store_append(disk.store, SLICE("anew"));
        assert_scan(&disk, "anew ");
        text_release(&large);
        disk_free(&disk);
    }
}

static void
append_one_more(void *arg, store_handle handle, struct slice record)
{
    struct disk *disk = arg;

    store_append(disk->store, SLICE("more"));
    store_remove(disk->store, handle);
}

static void
a_scan_may_change_the_store(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);

        for (int i = 0; i < 3; i++)
            store_append(disk.store, SLICE("old"));
        store_scan(disk.store, append_one_more, &disk);
        assert_scan(&disk, "more more more ");
        disk_free(&disk);
    }
}

struct again {
    struct disk *disk;
    int calls;
};

static void
sync_once_more(void *arg, bool is_durable)
{
    struct again *again = arg;

    if (++again->calls < 3) {
        store_append(again->disk->store, SLICE("n"));
        store_sync(again->disk->store, sync_once_more, again);
    }
}

static void
a_sync_may_be_asked_in_the_callback_of_another(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct disk disk = disk_new(kind);
        struct again again = {.disk = &disk};

        store_append(disk.store, SLICE("n"));
        store_sync(disk.store, sync_once_more, &again);
        run(&disk);
        assert_int_equal(again.calls, 3);
        crash(&disk);
        assert_scan(&disk, "n n n ");
        disk_free(&disk);
    }
}

/* Against a model: the records in order, and which were there at the last sync. */
enum { MODEL_RECORDS = 400 };

struct model {
    struct text now[MODEL_RECORDS], at_sync[MODEL_RECORDS];
    store_handle handles[MODEL_RECORDS];
    bool is_live[MODEL_RECORDS], was_live[MODEL_RECORDS];
    int count, count_at_sync, scanned;
};

static void
model_change(struct model *m, struct disk *disk, struct rng *rng)
{
    int i = m->count > 0 ? (int)rng_below(rng, (uint64_t)m->count) : 0;
    char byte = (char)('a' + rng_below(rng, 26));

    if (m->count == 0 || (rng_odds(rng, PPM / 2) && m->count < MODEL_RECORDS)) {
        i = m->count++;
        text_add_repeated(&m->now[i], byte, rng_below(rng, rng_odds(rng, PPM / 9) ? 9000 : 60));
        m->is_live[i] = true;
        m->handles[i] = store_append(disk->store, text_slice(&m->now[i]));
    } else if (m->is_live[i] && rng_odds(rng, PPM / 2)) {
        m->is_live[i] = false;
        store_remove(disk->store, m->handles[i]);
    } else if (m->is_live[i] && m->now[i].length > 0) {
        size_t at = rng_below(rng, m->now[i].length);

        m->now[i].bytes[at] = byte;
        store_update(disk->store, m->handles[i], at, (struct slice){&byte, 1});
    }
}

static void
copy_text(struct text *to, const struct text *from)
{
    text_clear(to);
    text_add_slice(to, text_slice(from));
}

static void
model_sync(struct model *m)
{
    for (int i = 0; i < m->count; i++)
        copy_text(&m->at_sync[i], &m->now[i]);
    memcpy(m->was_live, m->is_live, sizeof m->was_live);
    m->count_at_sync = m->count;
}

static void
model_crash(struct model *m)
{
    for (int i = 0; i < m->count_at_sync; i++)
        copy_text(&m->now[i], &m->at_sync[i]);
    for (int i = m->count_at_sync; i < m->count; i++)
        text_clear(&m->now[i]);
    memcpy(m->is_live, m->was_live, sizeof m->is_live);
    m->count = m->count_at_sync;
}

static void
compare_record(void *arg, store_handle handle, struct slice record)
{
    struct model *m = arg;

    while (m->scanned < m->count && !m->is_live[m->scanned])
        m->scanned++;
    assert_true(m->scanned < m->count);
    assert_true(slice_equals(record, text_slice(&m->now[m->scanned])));
    m->handles[m->scanned++] = handle;
}

static void
random_changes_syncs_and_crashes_follow_the_model(void **state)
{
    IN_EVERY_WORLD(kind)
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct disk disk = disk_new(kind);
        struct rng rng = rng_from_seed(seed);
        struct model *m = mem_alloc_zeroed(sizeof *m);

        for (int step = 0; step < 1500; step++) {
            model_change(m, &disk, &rng);
            if (rng_odds(&rng, PPM / 40)) {
                sync_all(&disk);
                model_sync(m);
            }
            if (rng_odds(&rng, PPM / 60)) {
                crash(&disk);
                model_crash(m);
                m->scanned = 0;
                store_scan(disk.store, compare_record, m);
                while (m->scanned < m->count)
                    assert_false(m->is_live[m->scanned++]);
            }
        }
        for (int i = 0; i < MODEL_RECORDS; i++) {
            text_release(&m->now[i]);
            text_release(&m->at_sync[i]);
        }
        mem_free(m);
        disk_free(&disk);
    }
}

/* ---- on disk only ---- */

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
        cmocka_unit_test(records_are_kept_changed_and_removed),
        cmocka_unit_test(a_crash_takes_back_what_no_sync_covers),
        cmocka_unit_test(what_a_sync_covers_survives_in_the_order_of_appending),
        cmocka_unit_test(syncs_share_their_way),
        cmocka_unit_test(large_records_have_room),
        cmocka_unit_test(a_scan_may_change_the_store),
        cmocka_unit_test(a_sync_may_be_asked_in_the_callback_of_another),
        cmocka_unit_test(random_changes_syncs_and_crashes_follow_the_model),
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
