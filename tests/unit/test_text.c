/* test_text.c - slices, and text that grows. */
#include "tests/unit.h"

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"

static void
slices_compare_as_bytes_or_without_case(void **state)
{
    struct slice none = {0};

    assert_true(slice_equals(none, SLICE("")));
    assert_true(slice_equals_nocase(SLICE("MX1.Test"), SLICE("mx1.tEST")));
    assert_false(slice_equals_nocase(SLICE("a["), SLICE("A{"))); /* not letters, though 32 apart */
    assert_false(slice_equals(SLICE("a"), SLICE("A")));
    assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
    assert_true(slice_compare(SLICE("b"), SLICE("abc")) > 0);
    assert_true(slice_compare(SLICE("\x80"), SLICE("a")) > 0); /* bytes are unsigned */
    assert_int_equal(slice_compare(none, SLICE("")), 0);
    assert_true(slice_starts_with(SLICE("abc"), SLICE("")));
    assert_false(slice_starts_with(SLICE("abc"), SLICE("abcd")));
    assert_false(slice_starts_with(SLICE("abc"), SLICE("AB")));
    assert_true(slice_starts_with_nocase(SLICE("abc"), SLICE("AB")));
    assert_true(slice_ends_with_nocase(SLICE("a.Test"), SLICE(".tEST")));
    assert_false(slice_ends_with_nocase(SLICE("est"), SLICE("test")));
    assert_true(slice_contains_nocase(SLICE("Mailbox is Over Quota"), SLICE("over quota")));
    assert_true(slice_contains_nocase(none, SLICE("")));
    assert_false(slice_contains_nocase(SLICE("over"), SLICE("over quota")));
}

static void
slices_are_cut_and_trimmed(void **state)
{
    struct slice head, rest;

    assert_slice(slice_trim(SLICE(" \t a b\r\n")), "a b");
    assert_slice(slice_trim(SLICE(" \r\n")), "");
    assert_slice(slice_from(SLICE("abc"), 3), "");
    assert_true(slice_cut(SLICE("a.b.c"), '.', &head, &rest));
    assert_slice(head, "a");
    assert_slice(rest, "b.c");
    assert_false(slice_cut(SLICE("abc"), '.', &head, &rest));
    assert_slice(head, "abc");
    assert_slice(rest, "");
    assert_true(slice_cut(SLICE("."), '.', &head, &rest));
    assert_slice(head, "");
    assert_slice(rest, "");
    assert_false(slice_cut((struct slice){0}, '.', &head, &rest));
}

static void
numbers_are_digits_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t value;
    } cases[] = {
        {"0",                    true,  0         },
        {"007",                  true,  7         },
        {"18446744073709551615", true,  UINT64_MAX},
        {"18446744073709551616", false, 0         },
        {"99999999999999999999", false, 0         },
        {"",                     false, 0         },
        {"-1",                   false, 0         },
        {"+1",                   false, 0         },
        {" 1",                   false, 0         },
        {"1 ",                   false, 0         },
        {"0x10",                 false, 0         },
        {"1.0",                  false, 0         },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t value = 0;

        print_message("  \"%s\"\n", cases[i].text);
        assert_int_equal(slice_to_u64(slice_of(cases[i].text), &value), cases[i].is_good);
        assert_int_equal(value, cases[i].value);
    }
}

static void
globs_match_the_whole(void **state)
{
    static const struct {
        const char *pattern, *s;
        bool is_match, is_match_nocase;
    } cases[] = {
        {"",                "",                   true,  true },
        {"",                "a",                  false, false},
        {"*",               "",                   true,  true },
        {"*",               "anything",           true,  true },
        {"?",               "",                   false, false},
        {"u*@bigmail.test", "u0001@bigmail.test", true,  true },
        {"u*@bigmail.test", "U0001@BigMail.test", false, true },
        {"u???@*",          "u001@x",             true,  true },
        {"u???@*",          "u01@x",              false, false},
        {"*.a.*.a",         "x.a.b.a.c.a",        true,  true },
        {"*ab",             "aab",                true,  true },
        {"a*b*c",           "axxbyybzz",          false, false},
        {"**a**",           "bab",                true,  true },
        {"a?",              "a?",                 true,  true },
        {"*?",              "",                   false, false},
        {"a*",              "b",                  false, false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice pattern = slice_of(cases[i].pattern), s = slice_of(cases[i].s);

        print_message("  %s / %s\n", cases[i].pattern, cases[i].s);
        assert_int_equal(slice_glob(pattern, s), cases[i].is_match);
        assert_int_equal(slice_glob_nocase(pattern, s), cases[i].is_match_nocase);
    }
}

static void
one_of_several_globs_is_enough(void **state)
{
    struct slice host = SLICE("mx1.ISP.test");

    assert_true(slice_glob_any_nocase(SLICE("a.test, *.isp.test"), host));
    assert_true(slice_glob_any_nocase(SLICE("mx?.isp.test"), host));
    assert_false(slice_glob_any_nocase(SLICE("a.test,b.test"), host));
    assert_false(slice_glob_any_nocase(SLICE("isp.test"), host));
    assert_false(slice_glob_any_nocase(SLICE(""), host));
    assert_false(slice_glob_any_nocase(SLICE(""), SLICE("")));
}

/* By trying every split: slow, and obviously right. */
static bool
glob_by_definition(struct slice pattern, struct slice s)
{
    bool row[16] = {true}, next[16];

    assert_true(s.length < COUNT_OF(row));
    for (size_t p = 0; p < pattern.length; p++) {
        char c = pattern.at[p];

        next[0] = c == '*' && row[0];
        for (size_t i = 1; i <= s.length; i++)
            next[i] =
                c == '*' ? row[i] || next[i - 1] : row[i - 1] && (c == '?' || c == s.at[i - 1]);
        memcpy(row, next, sizeof row);
    }
    return row[s.length];
}

static void
random_globs_agree_with_the_definition(void **state)
{
    struct rng rng = rng_from_seed(5);

    for (int i = 0; i < 50000; i++) {
        char pattern[8], s[12];
        struct slice p = {pattern, rng_below(&rng, sizeof pattern + 1)};
        struct slice t = {s, rng_below(&rng, sizeof s + 1)};

        for (size_t j = 0; j < sizeof pattern; j++)
            pattern[j] = "ab*?*"[rng_below(&rng, 5)];
        for (size_t j = 0; j < sizeof s; j++)
            s[j] = "ab"[rng_below(&rng, 2)];
        assert_int_equal(slice_glob(p, t), glob_by_definition(p, t));
    }
}

static void
distances_count_slips(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"",       "",        0},
        {"",       "abc",     3},
        {"abc",    "",        3},
        {"window", "window",  0},
        {"windw",  "window",  1},
        {"widnow", "window",  1},
        {"xindow", "window",  1},
        {"kitten", "sitting", 3},
    };
    struct text longer = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(
            text_distance(slice_of(cases[i].a), slice_of(cases[i].b)), cases[i].distance);
    text_add_repeated(&longer, 'x', 65);
    assert_true(text_distance(text_slice(&longer), SLICE("x")) == SIZE_MAX);
    text_release(&longer);
}

static void
hashes_depend_on_every_byte_and_on_the_seed(void **state)
{
    char bytes[40] = {0};

    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct slice s = {bytes, length};
        uint64_t plain = slice_hash(s, 0);

        assert_true(slice_hash(s, 1) != plain);
        for (size_t i = 0; i < length; i++) {
            bytes[i] = 1;
            assert_true(slice_hash(s, 0) != plain);
            bytes[i] = 0;
        }
        if (length > 0)
            assert_true(slice_hash((struct slice){bytes, length - 1}, 0) != plain);
    }
}

static void
text_grows(void **state)
{
    struct text text = {0};

    assert_string_equal(text_string(&text), "");
    text_clear(&text);
    text_add(&text, NULL, 0);
    assert_string_equal(text_string(&text), "");
    text_add_string(&text, "ab");
    text_add_char(&text, 'c');
    text_add_u64(&text, UINT64_MAX);
    text_add_u64(&text, 0);
    text_add_repeated(&text, '-', 3);
    text_add_slice(&text, SLICE("\0x"));
    text_printf(&text, "%s=%05d", "n", 42);
    assert_true(slice_equals(text_slice(&text), SLICE("abc184467440737095516150---\0xn=00042")));
    assert_int_equal(text.bytes[text.length], '\0');
    text_clear(&text);
    assert_string_equal(text_string(&text), "");
    for (int i = 0; i < 10000; i++)
        text_printf(&text, "%04d", i);
    assert_int_equal(text.length, 40000);
    text_release(&text);
    assert_null(text.bytes);
}

static void
an_error_gets_its_context_in_front(void **state)
{
    struct error err;
    char long_text[600];

    assert_false(error_set(&err, ERROR_CONFIG, "%s:%d: no", "a.yaml", 3));
    assert_false(error_prefix(&err, "loading %s", "ISP bigmail"));
    assert_string_equal(err.text, "loading ISP bigmail: a.yaml:3: no");
    assert_int_equal(err.kind, ERROR_CONFIG);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    error_prefix(&err, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1); /* cut, and still in bounds */
    error_set(&err, ERROR_WORLD, "%s", long_text);
    error_prefix(&err, "front");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "front: xxx", 10);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_as_bytes_or_without_case),
        cmocka_unit_test(slices_are_cut_and_trimmed),
        cmocka_unit_test(numbers_are_digits_and_nothing_else),
        cmocka_unit_test(globs_match_the_whole),
        cmocka_unit_test(one_of_several_globs_is_enough),
        cmocka_unit_test(random_globs_agree_with_the_definition),
        cmocka_unit_test(distances_count_slips),
        cmocka_unit_test(hashes_depend_on_every_byte_and_on_the_seed),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(an_error_gets_its_context_in_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
