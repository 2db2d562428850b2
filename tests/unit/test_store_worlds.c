/* test_store_worlds.c - what holds for a store in memory and for one on disk. */
#include "tests/unit/store_worlds.h"

#define IN_EVERY_WORLD(kind)                                                                      \
    for (enum kind kind = SIM; kind < KINDS && (print_message("  %s\n", kind_names[kind]), true); \
         kind++)

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
