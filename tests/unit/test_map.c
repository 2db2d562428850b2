/* test_map.c - keys numbered in the order they came, and the memory they live in. */
#include "tests/unit.h"

#include "base/map.h"
#include "base/rng.h"

static void
keys_are_numbered_in_the_order_they_came(void **state)
{
    struct map map = {0};
    bool is_new;
    uint32_t number = 77;

    assert_false(map_find(&map, SLICE("a"), &number));
    assert_int_equal(map_put(&map, SLICE("b"), &is_new), 0);
    assert_true(is_new);
    assert_int_equal(map_put(&map, SLICE("a"), NULL), 1);
    assert_int_equal(map_put(&map, SLICE(""), NULL), 2);
    assert_int_equal(map_put(&map, SLICE("b"), &is_new), 0);
    assert_false(is_new);
    assert_int_equal(map_put(&map, SLICE("a\0x"), NULL), 3); /* any byte may be in a key */
    assert_int_equal(map.count, 4);
    assert_slice(map_key(&map, 1), "a");
    assert_true(map_find(&map, SLICE(""), &number));
    assert_int_equal(number, 2);
    assert_false(map_find(&map, SLICE("A"), &number));
    map_release(&map);
    assert_int_equal(map.count, 0);
    map_release(&map);
}

static void
many_keys_are_all_found_again(void **state)
{
    struct map map = {0};
    struct text key = {0};
    enum { KEYS = 100000 };

    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < KEYS; i++) {
            bool is_new;

            text_clear(&key);
            text_printf(&key, "u%u@bigmail.test", i);
            assert_int_equal(map_put(&map, text_slice(&key), &is_new), i);
            assert_int_equal(is_new, pass == 0);
        }
    assert_int_equal(map.count, KEYS);
    text_release(&key);
    map_release(&map);
}

static void
keys_are_copied_and_stay_where_they_are(void **state)
{
    struct map map = {0};
    char bytes[] = "first";
    struct slice first;

    map_put(&map, slice_of(bytes), NULL);
    bytes[0] = 'X';
    first = map_key(&map, 0);
    for (int i = 0; i < 10000; i++) {
        char other[16];

        snprintf(other, sizeof other, "%d", i);
        map_put(&map, slice_of(other), NULL);
    }
    assert_ptr_equal(map_key(&map, 0).at, first.at);
    assert_slice(first, "first");
    map_release(&map);
}

static void
arenas_align_what_is_no_text(void **state)
{
    struct arena arena = {0};
    struct rng rng = rng_from_seed(9);

    for (int i = 0; i < 20000; i++) {
        size_t bytes = rng_below(&rng, i % 100 == 0 ? 100000 : 50);
        char *copy = arena_copy(&arena, "0123456789", rng_below(&rng, 11));
        uint64_t *zeroed = arena_alloc_zeroed(&arena, 8 + bytes);
        char *plain = arena_alloc(&arena, bytes);

        assert_int_equal((uintptr_t)zeroed & 7, 0);
        assert_int_equal((uintptr_t)plain & 7, 0);
        assert_true(*zeroed == 0);
        memset(zeroed, 0xff, 8 + bytes);
        memset(plain, 0xff, bytes);
        assert_true(strlen(copy) <= 10);
    }
    assert_true(arena.total_bytes > 1000000);
    arena_release(&arena);
    assert_int_equal(arena.total_bytes, 0);
}

static void
arrays_grow_by_half_or_more(void **state)
{
    size_t capacity = 0, moves = 0;
    int *items = NULL;

    for (int i = 0; i < 100000; i++) {
        size_t before = capacity;

        items = mem_grow(items, &capacity, (size_t)i + 1, sizeof items[0]);
        moves += capacity != before;
        items[i] = i;
    }
    assert_true(moves < 40);
    assert_int_equal(items[99999], 99999);
    mem_free(items);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_numbered_in_the_order_they_came),
        cmocka_unit_test(many_keys_are_all_found_again),
        cmocka_unit_test(keys_are_copied_and_stay_where_they_are),
        cmocka_unit_test(arenas_align_what_is_no_text),
        cmocka_unit_test(arrays_grow_by_half_or_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
