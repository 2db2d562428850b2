/* test_store.c - what survives a crash of the simulated disk, and what does not. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/store.h"

enum { LATENCY_US = 3000 };

struct disk {
    struct loop *loop;
    struct store *store;
    struct error err;
};

static struct disk
disk_new(uint64_t seed)
{
    struct disk disk = {.loop = loop_sim_new(0)};
    struct rng rng = rng_from_seed(seed);

    disk.store = store_sim_new(disk.loop, LATENCY_US, &rng);
    return disk;
}

static void
disk_free(struct disk *disk)
{
    store_free(&disk->store);
    loop_free(&disk->loop);
}

static void
run_until(struct disk *disk, int64_t until_us)
{
    assert_true(loop_run(disk->loop, until_us, &disk->err));
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
    run_until(disk, INT64_MAX);
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

static void
records_are_kept_changed_and_removed(void **state)
{
    struct disk disk = disk_new(1);
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
    assert_int_equal(store_sim_bytes(disk.store), 0);
    disk_free(&disk);
}

static void
a_crash_takes_back_what_no_sync_covers(void **state)
{
    for (uint64_t seed = 1; seed <= 8; seed++) { /* some of which leave a torn record */
        struct disk disk = disk_new(seed);
        store_handle a = store_append(disk.store, SLICE("alpha"));
        store_handle b = store_append(disk.store, SLICE("beta"));
        uint64_t bytes = store_sim_bytes(disk.store);

        sync_all(&disk);
        store_update(disk.store, a, 0, SLICE("OMEGA"));
        store_update(disk.store, a, 1, SLICE("xx"));
        store_remove(disk.store, b);
        store_remove(disk.store, store_append(disk.store, SLICE("gone before it was durable")));
        store_append(disk.store, SLICE("gamma"));
        assert_scan(&disk, "OxxGA gamma ");
        store_sim_crash(disk.store);
        assert_scan(&disk, "alpha beta ");
        assert_slice(store_view(disk.store, b), "beta");
        assert_int_equal(store_sim_bytes(disk.store), bytes);
        store_sim_crash(disk.store);
        store_append(disk.store, SLICE("delta"));
        assert_scan(&disk, "alpha beta delta ");
        disk_free(&disk);
    }
}

static void
a_sync_covers_what_was_changed_before_it_was_asked(void **state)
{
    struct disk disk = disk_new(1);
    int first = 0, second = 0;

    store_append(disk.store, SLICE("one"));
    store_sync(disk.store, count_synced, &first);
    run_until(&disk, 1000);
    store_append(disk.store, SLICE("two"));
    store_sync(disk.store, count_synced, &second);
    store_append(disk.store, SLICE("three"));
    run_until(&disk, LATENCY_US - 1);
    assert_int_equal(first, 0);
    run_until(&disk, LATENCY_US);
    assert_int_equal(first, 1);
    assert_int_equal(second, 0);
    store_sim_crash(disk.store); /* before the second is done, which will never be told */
    run_until(&disk, INT64_MAX);
    assert_int_equal(second, 0);
    assert_scan(&disk, "one ");
    disk_free(&disk);
}

static void
syncs_of_one_instant_share_their_way(void **state)
{
    struct disk disk = disk_new(1);
    int count = 0;

    for (int i = 0; i < 100; i++) {
        store_append(disk.store, SLICE("x"));
        store_sync(disk.store, count_synced, &count);
    }
    run_until(&disk, INT64_MAX);
    assert_int_equal(count, 100);
    assert_int_equal(loop_callbacks_count(disk.loop), 1);
    store_sim_crash(disk.store);
    disk_free(&disk);
}

struct crasher {
    struct disk *disk;
    int calls;
};

static void
crash_when_synced(void *arg, bool is_durable)
{
    struct crasher *crasher = arg;

    crasher->calls++;
    store_sim_crash(crasher->disk->store);
}

static void
a_crash_in_a_callback_silences_the_others(void **state)
{
    struct disk disk = disk_new(1);
    struct crasher crasher = {.disk = &disk};

    store_append(disk.store, SLICE("durable"));
    store_sync(disk.store, crash_when_synced, &crasher);
    store_sync(disk.store, crash_when_synced, &crasher);
    run_until(&disk, INT64_MAX);
    assert_int_equal(crasher.calls, 1);
    assert_scan(&disk, "durable ");
    disk_free(&disk);
}

static void
large_records_have_room(void **state)
{
    struct disk disk = disk_new(1);
    struct text large = {0};
    store_handle handles[4];

    text_add_repeated(&large, 'x', 200001);
    handles[0] = store_append(disk.store, SLICE("small"));
    handles[1] = store_append(disk.store, text_slice(&large));
    handles[2] = store_append(disk.store, SLICE("after"));
    handles[3] = store_append(disk.store, (struct slice){large.bytes, 65532}); /* a whole block */
    store_update(disk.store, handles[1], 200000, SLICE("!"));
    large.bytes[200000] = '!';
    sync_all(&disk);
    assert_true(slice_equals(store_view(disk.store, handles[1]), text_slice(&large)));
    assert_int_equal(store_view(disk.store, handles[3]).length, 65532);
    assert_slice(store_view(disk.store, handles[2]), "after");
    for (int i = 0; i < 4; i++)
        store_remove(disk.store, handles[i]);
    sync_all(&disk);
    assert_scan(&disk, "");
    store_append(disk.store, SLICE("anew"));
    assert_scan(&disk, "anew ");
    text_release(&large);
    disk_free(&disk);
}

static void
unsynced_changes_are_written_back_before_they_grow_without_bound(void **state)
{
    struct disk disk = disk_new(1);
    store_handle a = store_append(disk.store, SLICE("0"));

    for (int i = 0; i < STORE_SIM_UNSYNCED_MAX; i++)
        store_update(disk.store, a, 0, i % 2 != 0 ? SLICE("0") : SLICE("1"));
    store_update(disk.store, a, 0, SLICE("2"));
    run_until(&disk, INT64_MAX); /* nobody asked, yet something is due */
    assert_int_equal(loop_now_us(disk.loop), LATENCY_US);
    store_sim_crash(disk.store);
    assert_int_equal(store_view(disk.store, a).length, 1);
    assert_true(store_view(disk.store, a).at[0] != '2');
    disk_free(&disk);
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
    struct disk disk = disk_new(1);

    for (int i = 0; i < 3; i++)
        store_append(disk.store, SLICE("old"));
    store_scan(disk.store, append_one_more, &disk);
    assert_scan(&disk, "more more more ");
    disk_free(&disk);
}

/* ---- against a model: two arrays, what is seen and what is durable ---- */

enum { MODEL_RECORDS = 3000, MODEL_BYTES = 40 };

struct model_record {
    store_handle handle; /* 0: none */
    size_t length;
    char bytes[MODEL_BYTES];
};

struct model {
    struct model_record now[MODEL_RECORDS], at_sync[MODEL_RECORDS];
    int count, count_at_sync;
};

static void
model_change(struct model *model, struct disk *disk, struct rng *rng)
{
    char bytes[MODEL_BYTES];
    struct model_record *record;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + rng_below(rng, 26));
    if (model->count == 0 || (rng_odds(rng, PPM / 2) && model->count < MODEL_RECORDS)) {
        record = &model->now[model->count++];
        record->length = rng_below(rng, sizeof bytes + 1);
        memcpy(record->bytes, bytes, sizeof bytes);
        record->handle = store_append(disk->store, (struct slice){bytes, record->length});
        return;
    }
    record = &model->now[rng_below(rng, (uint64_t)model->count)];
    if (record->handle == 0)
        return;
    if (rng_odds(rng, PPM / 2)) {
        store_remove(disk->store, record->handle);
        record->handle = 0;
    } else if (record->length > 0) {
        size_t offset = rng_below(rng, record->length);
        size_t length = rng_below(rng, record->length - offset + 1);

        memcpy(record->bytes + offset, bytes, length);
        store_update(disk->store, record->handle, offset, (struct slice){bytes, length});
    }
}

static void
assert_like_model(const struct model *model, struct disk *disk)
{
    struct text expected = {0}, found = {0};

    for (int i = 0; i < model->count; i++)
        if (model->now[i].handle != 0)
            add_record(&expected, model->now[i].handle,
                (struct slice){model->now[i].bytes, model->now[i].length});
    store_scan(disk->store, add_record, &found);
    assert_string_equal(text_string(&found), text_string(&expected));
    text_release(&expected);
    text_release(&found);
}

static void
random_changes_syncs_and_crashes_follow_the_model(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct disk disk = disk_new(seed);
        struct rng rng = rng_from_seed(seed);
        struct model *model = mem_alloc_zeroed(sizeof *model);

        print_message("  seed %d\n", (int)seed);
        for (int round = 0; round < 200; round++) {
            for (uint64_t i = rng_below(&rng, 60); i > 0; i--)
                model_change(model, &disk, &rng);
            if (rng_odds(&rng, PPM / 3)) {
                store_sim_crash(disk.store);
                memcpy(model->now, model->at_sync, sizeof model->now);
                model->count = model->count_at_sync;
            } else if (rng_odds(&rng, PPM / 2)) {
                sync_all(&disk);
                memcpy(model->at_sync, model->now, sizeof model->now);
                model->count_at_sync = model->count;
            }
            assert_like_model(model, &disk);
        }
        mem_free(model);
        disk_free(&disk);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_kept_changed_and_removed),
        cmocka_unit_test(a_crash_takes_back_what_no_sync_covers),
        cmocka_unit_test(a_sync_covers_what_was_changed_before_it_was_asked),
        cmocka_unit_test(syncs_of_one_instant_share_their_way),
        cmocka_unit_test(a_crash_in_a_callback_silences_the_others),
        cmocka_unit_test(large_records_have_room),
        cmocka_unit_test(unsynced_changes_are_written_back_before_they_grow_without_bound),
        cmocka_unit_test(a_scan_may_change_the_store),
        cmocka_unit_test(random_changes_syncs_and_crashes_follow_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
