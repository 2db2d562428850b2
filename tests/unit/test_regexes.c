/* test_regexes.c - many expressions asked at once: what the sieve lets through, and that it never
 * keeps a match from anybody. */
#include "tests/unit.h"

#include "base/embedded.h"
#include "base/mem.h"
#include "base/regex_needs.h"
#include "base/regexes.h"
#include "base/rng.h"

/* "full|over quota & box ^ box": conditions, best first, then the front. */
static void
describe(struct slice expression, struct text *out)
{
    struct arena arena = {0};
    struct regex_needs needs;

    regex_needs_read(&arena, expression, &needs);
    text_clear(out);
    for (size_t i = 0; i <= needs.count; i++) {
        const struct regex_need *need = i < needs.count ? &needs.needs[i] : &needs.front;

        text_add_string(out, i == needs.count ? "^" : i > 0 ? "&" : "");
        for (size_t j = 0; j < need->count; j++) {
            text_add_string(out, j > 0 ? "|" : "");
            text_add_slice(out, need->words[j]);
        }
    }
    arena_release(&arena);
}

static void
an_expression_says_what_it_needs(void **state)
{
    static const struct {
        const char *expression, *needs;
    } cases[] = {
        {"",                                       "^"                              },
        {"Quota",                                  "quota^quota"                    },
        {"(mail)?box.{0,20}(full|over quota)",     "full|over quota&box^box|mailbox"},
        {"gr[ea]y[- ]?list",
         "greylist|grey-list|grey list|graylist|gray-list|gray list^greylist|grey-list|grey "
            "list|graylist|gray-list|gray list"                                     },
        {"users?\\b",                              "user^user"                      },
        {"\\bspf\\b|\\bdkim\\b",                   "spf|dkim^spf|dkim"              },
        {"spf|\\d+",                               "^"                              },
        {".*spf",                                  "spf^"                           },
        {"x*spf",                                  "spf^"                           },
        {"(spf)+ fail",                            " fail&spf^spf"                  },
        {"(spf){2} fail",                          " fail&spf^spf"                  },
        {"(spf){0,2} fail",                        " fail^"                         },
        {"spf (?!pass)x",                          "spf x^spf x"                    },
        {"(?<=a)spf",                              "spf^spf"                        },
        {"a{,3}spf",                               "^"                              },
        {"a{x}spf",                                "a{x}spf^a{x}spf"                },
        {"\\x41bc",                                "abc^abc"                        },
        {"\\[TS01\\]",                             "[ts01]^[ts01]"                  },
        {"[[:alpha:]]spf",                         "^"                              },
        {"[^a]spf",                                "spf^"                           },
        {"[]a]spf",                                "]spf|aspf^]spf|aspf"            },
        {"(?i)spf",                                "^"                              },
        {"\\Qspf\\E",                              "^"                              },
        {"(a)\\1spf",                              "^"                              },
        {"(the )?user.{1,9}gone",                  "user&gone^user|the user"        },
        {"(the user|user).{1,9}gone",              "user&gone^the user|user"        },
        {"no|unknown",                             "^no|unknown"                    },
        {"((no|bad) (such )?user|x.{2}full) here",
         " here&no user|no such user|bad user|bad such user|full^"                  },
    };
    struct text found = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        describe(slice_of(cases[i].expression), &found);
        assert_string_equal(text_string(&found), cases[i].needs);
    }
    text_release(&found);
}

static void
nesting_has_an_end(void **state)
{
    struct text expression = {0}, found = {0};

    text_add_repeated(&expression, '(', 200);
    text_add_string(&expression, "spf");
    text_add_repeated(&expression, ')', 200);
    describe(text_slice(&expression), &found);
    assert_string_equal(text_string(&found), "^");
    text_release(&expression);
    text_release(&found);
}

static uint32_t
add(struct regexes *regexes, const char *expression)
{
    struct regex_flaw flaw;
    uint32_t number;

    if (!regexes_add(regexes, slice_of(expression), &number, &flaw))
        fail_msg("%s: %s", expression, flaw.why);
    return number;
}

static void
a_match_says_what_it_found(void **state)
{
    struct regexes *regexes = regexes_new();
    uint32_t full = add(regexes, "mailbox.{0,9}full"), digits = add(regexes, "\\d\\d"),
             all = add(regexes, "");
    struct regex_marks marks;
    struct slice found = {0};

    regexes_close(regexes);
    assert_int_equal(regexes_count(regexes), 3);
    regexes_mark(regexes, SLICE("the mailbox of the other MAILBOX is Full, 42"), &marks);
    assert_true(regex_is_marked(&marks, full));
    assert_true(regexes_match(regexes, full, &marks, &found));
    assert_slice(found, "MAILBOX is Full");
    assert_true(regexes_match(regexes, digits, &marks, &found));
    assert_slice(found, "42");
    assert_true(regexes_match(regexes, all, &marks, NULL));

    regexes_mark(regexes, SLICE("the mailbox is empty"), &marks);
    assert_false(regex_is_marked(&marks, full));
    assert_true(regex_is_marked(&marks, digits)); /* it needs no word */
    assert_false(regexes_match(regexes, digits, &marks, NULL));
    regexes_mark(regexes, (struct slice){NULL, 0}, &marks);
    assert_true(regexes_match(regexes, all, &marks, NULL));
    regexes_free(&regexes);
    assert_null(regexes);
}

static void
a_bad_expression_is_refused_with_its_place(void **state)
{
    struct regexes *regexes = regexes_new();
    struct regex_flaw flaw;
    uint32_t number;

    assert_false(regexes_add(regexes, SLICE("user (unknown"), &number, &flaw));
    assert_int_equal(flaw.at, 13);
    assert_string_equal(flaw.why, "missing closing parenthesis");
    assert_int_equal(add(regexes, "user"), 0);
    regexes_close(regexes);
    regexes_free(&regexes);
}

static void
there_is_room_for_so_many(void **state)
{
    struct regexes *regexes = regexes_new();
    struct regex_marks marks;
    struct regex_flaw flaw;
    uint32_t number;
    char expression[32];

    for (uint32_t i = 0; i < REGEXES_MAX; i++) {
        snprintf(expression, sizeof expression, "word-%u!", (unsigned)i);
        assert_int_equal(add(regexes, expression), i);
    }
    assert_false(regexes_add(regexes, SLICE("one more"), &number, &flaw));
    regexes_close(regexes);
    regexes_mark(regexes, SLICE("is word-4095! there"), &marks);
    assert_true(regexes_match(regexes, REGEXES_MAX - 1, &marks, NULL));
    regexes_free(&regexes);
}

/* More words than are kept: every expression is asked everywhere. */
static void
a_text_of_nothing_but_words_is_searched_too(void **state)
{
    struct regexes *regexes = regexes_new();
    uint32_t last = add(regexes, "spam .{0,5}found");
    struct text text = {0};
    struct regex_marks marks;

    regexes_close(regexes);
    for (int i = 0; i < 2 * REGEX_HITS_MAX; i++)
        text_add_string(&text, "spam ");
    regexes_mark(regexes, text_slice(&text), &marks);
    assert_false(regexes_match(regexes, last, &marks, NULL));
    text_add_string(&text, "is found");
    regexes_mark(regexes, text_slice(&text), &marks);
    assert_true(regexes_match(regexes, last, &marks, NULL));
    text_release(&text);
    regexes_free(&regexes);
}

/* ---- against expressions that are asked alone, behind a front that needs nothing ---- */

static void
write_expression(struct rng *rng, int depth, struct text *out)
{
    static const char *const pieces[] = {"abc", "ab", "a", "b?", "[ab]", "[^a]", ".", "c*", "ba+",
        "\\b", "(?!a)", "b{2}", "c{0,2}", "^", "$", "bcb"};
    size_t branches = 1 + rng_below(rng, depth > 0 ? 3 : 1);

    for (size_t i = 0; i < branches; i++) {
        if (i > 0)
            text_add_char(out, '|');
        for (size_t j = 1 + rng_below(rng, 4); j > 0; j--) {
            if (depth > 0 && rng_below(rng, 3) == 0) {
                text_add_char(out, '(');
                write_expression(rng, depth - 1, out);
                text_add_string(out, rng_below(rng, 3) == 0 ? ")?" : ")");
            } else {
                text_add_string(out, pieces[rng_below(rng, COUNT_OF(pieces))]);
            }
        }
    }
}

static void
the_sieve_keeps_no_match_back(void **state)
{
    struct rng rng = rng_from_seed(11);
    struct text expression = {0}, alone = {0};
    int matches = 0;

    for (int round = 0; round < 400; round++) {
        struct regexes *sieved = regexes_new(), *plain = regexes_new();

        text_clear(&expression);
        text_clear(&alone);
        write_expression(&rng, 2, &expression);
        text_add_string(&alone, "(?i)"); /* not understood, so nothing is known of the rest */
        text_add_slice(&alone, text_slice(&expression));
        add(sieved, text_string(&expression));
        add(plain, text_string(&alone));
        regexes_close(sieved);
        regexes_close(plain);
        for (int i = 0; i < 40; i++) {
            char bytes[24];
            struct slice text = {bytes, rng_below(&rng, sizeof bytes)};
            struct regex_marks a, b;
            bool is_match;

            for (size_t j = 0; j < text.length; j++)
                bytes[j] = "abcAB "[rng_below(&rng, 6)];
            regexes_mark(sieved, text, &a);
            regexes_mark(plain, text, &b);
            is_match = regexes_match(plain, 0, &b, NULL);
            if (is_match != (regex_is_marked(&a, 0) && regexes_match(sieved, 0, &a, NULL)))
                fail_msg("\"%s\" on \"%.*s\"", text_string(&expression), SLICE_ARGS(text));
            matches += is_match;
        }
        regexes_free(&sieved);
        regexes_free(&plain);
    }
    assert_in_range(matches, 1000, 15000); /* of 16,000: both answers were met */
    text_release(&expression);
    text_release(&alone);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_says_what_it_needs),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(a_match_says_what_it_found),
        cmocka_unit_test(a_bad_expression_is_refused_with_its_place),
        cmocka_unit_test(there_is_room_for_so_many),
        cmocka_unit_test(a_text_of_nothing_but_words_is_searched_too),
        cmocka_unit_test(the_sieve_keeps_no_match_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
