/* test_needles.c - many words found in one pass, against looking for each of them. */
#include "tests/unit.h"

#include "base/needles.h"
#include "base/rng.h"

enum { HITS_MAX = 64 };

static void
add(struct needles *needles, const char *word, uint32_t expected)
{
    uint32_t number;

    assert_true(needles_add(needles, slice_of(word), &number));
    assert_int_equal(number, expected);
}

static void
words_are_found_wherever_they_begin(void **state)
{
    struct needles needles = {0};
    struct needle_hit hits[HITS_MAX];

    add(&needles, "he", 0);
    add(&needles, "she", 1);
    add(&needles, "HERS", 2);
    add(&needles, "his", 3);
    add(&needles, "he", 0);
    needles_close(&needles);

    assert_int_equal(needles_find(&needles, SLICE("uSHErs"), hits, HITS_MAX), 3);
    assert_int_equal(hits[0].needle, 1);
    assert_int_equal(hits[0].at, 1);
    assert_int_equal(hits[1].needle, 0);
    assert_int_equal(hits[1].at, 2);
    assert_int_equal(hits[2].needle, 2);
    assert_int_equal(hits[2].at, 2);
    assert_int_equal(needles_find(&needles, SLICE("shers"), hits, 1), 3); /* no room: counted */
    assert_int_equal(needles_find(&needles, SLICE(""), hits, HITS_MAX), 0);
    assert_int_equal(needles_find(&needles, SLICE("h\0e h e"), hits, HITS_MAX), 0);
    needles_release(&needles);
}

static void
no_words_find_nothing(void **state)
{
    struct needles needles = {0};
    struct needle_hit hits[1];

    needles_close(&needles);
    assert_int_equal(needles_find(&needles, SLICE("anything \xff"), hits, 1), 0);
    needles_release(&needles);
}

static void
of_a_long_word_the_front_counts(void **state)
{
    struct needles needles = {0};
    struct needle_hit hits[HITS_MAX];
    uint32_t number;

    add(&needles, "abcdefghijkl", 0);
    assert_true(needles_add(&needles, SLICE("abcdefghXYZ"), &number));
    assert_int_equal(number, 0);
    needles_close(&needles);
    assert_int_equal(needles_find(&needles, SLICE("--abcdefgh"), hits, HITS_MAX), 1);
    assert_int_equal(hits[0].at, 2);
    needles_release(&needles);
}

static void
it_says_when_it_is_full(void **state)
{
    struct needles needles = {0};
    uint32_t number;
    size_t count = 0;
    char word[NEEDLE_BYTES_MAX + 1];

    for (;; count++) {
        snprintf(word, sizeof word, "%08zx", count);
        if (!needles_add(&needles, slice_of(word), &number))
            break;
    }
    assert_in_range(count, 4000, NEEDLES_MAX);
    needles_close(&needles);
    needles_release(&needles);
}

/* How often does `word` begin in `text`? */
static size_t
count_of(struct slice text, struct slice word)
{
    size_t count = 0;

    for (size_t i = 0; i + word.length <= text.length; i++)
        count += slice_equals_nocase((struct slice){text.at + i, word.length}, word);
    return count;
}

static void
any_text_is_searched_as_word_by_word(void **state)
{
    struct rng rng = rng_from_seed(7);

    for (int round = 0; round < 300; round++) {
        struct needles needles = {0};
        struct needle_hit hits[4096];
        char text[200];
        size_t length = rng_below(&rng, sizeof text), expected = 0, found;

        for (size_t i = rng_below(&rng, 20); i > 0; i--) {
            char word[NEEDLE_BYTES_MAX];
            size_t word_length = 1 + rng_below(&rng, 5);
            uint32_t number;

            for (size_t j = 0; j < word_length; j++)
                word[j] = "abAB\xc3"[rng_below(&rng, 5)];
            assert_true(needles_add(&needles, (struct slice){word, word_length}, &number));
        }
        for (size_t i = 0; i < length; i++)
            text[i] = "abAB\xc3 z"[rng_below(&rng, 7)];
        needles_close(&needles);
        found = needles_find(&needles, (struct slice){text, length}, hits, COUNT_OF(hits));
        for (uint32_t i = 0; i < needles_count(&needles); i++)
            expected += count_of((struct slice){text, length}, map_key(&needles.words, i));
        assert_int_equal(found, expected);
        for (size_t i = 0; i < found; i++) {
            struct slice word = map_key(&needles.words, hits[i].needle);
            assert_true(slice_equals_nocase((struct slice){text + hits[i].at, word.length}, word));
        }
        needles_release(&needles);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found_wherever_they_begin),
        cmocka_unit_test(no_words_find_nothing),
        cmocka_unit_test(of_a_long_word_the_front_counts),
        cmocka_unit_test(it_says_when_it_is_full),
        cmocka_unit_test(any_text_is_searched_as_word_by_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
