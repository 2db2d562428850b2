/* test_dialect_read.c - templates as they are read: what is wrong in one is told with its place. */
#include "tests/unit/dialect_letters.h"

static void
what_is_wrong_in_a_template_is_told_with_its_place(void **state)
{
#define START "kind: bounce\n---\n"
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"",                                               "t.txt:1:1: there is no letter: a line \"---\" is missing"      },
        {"kind: bounce\nHello\n",                          "t.txt:2:1: a key, a colon and its value are wanted, or \"---\""},
        {"kind: letter\n---\nx\n",
         "t.txt:1:7: a kind is bounce, auto_reply, challenge, complaint or feedback"                                       },
        {"---\nx\n",                                       "t.txt:1:1: its kind is missing"                                },
        {"kind: bounce\nactions: lost\n---\nx",            "t.txt:2:10: there is no action \"lost\""                       },
        {"kind: bounce\nsender: me\n---\nx",
         "t.txt:2:9: a sender is null, recipient or postmaster"                                                            },
        {"kind: bounce\ncolour: red\n---\nx",              "t.txt:2:1: there is no key \"colour\""                         },
        {START,                                            "t.txt:2:1: the letter is empty"                                },
        {START "To: %{whom}\n",                            "t.txt:3:7: there is no value \"whom\""                         },
        {START "To: %{}\n",                                "t.txt:3:7: there is no value \"\""                             },
        {START "a\nTo: %{to\n",                            "t.txt:4:5: \"%{\" is never closed"                             },
        {START "%{xml:to}\n",                              "t.txt:3:3: json, html, word or raw may stand before a colon"   },
        {START "%{word:klingon:x}\n",                      "t.txt:3:8: there is no charset \"klingon\" here"               },
        {START "%{word:koi8-r}\n",                         "t.txt:3:8: a charset, a colon and a text are wanted"           },
        {START "%{word:koi8-r:日}\n",                     "t.txt:3:15: this cannot be said in koi8-r"                     },
        {START "S: grün\n",                               "t.txt:3:1: only ASCII may stand outside of %encode"            },
        {START "%when full\n",                             "t.txt:3:1: there is no command \"%when\""                      },
        {START "%if\n",                                    "t.txt:3:1: a condition is missing"                             },
        {START "%if full empty\n",                         "t.txt:3:10: there is no condition \"empty\""                   },
        {START "%if full\nx\n",                            "t.txt:4:1: the block of line 3 has no %end"                    },
        {START "%else\n",                                  "t.txt:3:1: %else without %if"                                  },
        {START "%if full\n%else\n%elif large\n",           "t.txt:5:1: %elif behind %else"                                 },
        {START "%if full\n%else\n%else\n",                 "t.txt:5:1: %else behind %else"                                 },
        {START "%end\n",                                   "t.txt:3:1: %end without %if or %encode"                        },
        {START "%encode rot13 utf-8\n",
         "t.txt:3:1: %encode wants 7bit, 8bit, base64 or quoted-printable, and a charset"                                  },
        {START "%encode 7bit ebcdic\n",                    "t.txt:3:14: there is no charset \"ebcdic\" here"               },
        {START "%encode 7bit utf-8\n%encode 7bit utf-8\n", "t.txt:4:1: %encode within %encode"                             },
        {START "%encode 7bit utf-8\n%else\n",              "t.txt:4:1: %else without %if"                                  },
        {START "%encode 8bit koi8-r\nда\n日\n",         "t.txt:5:1: this cannot be said in koi8-r"                      },
        {START "%encode 7bit utf-8\n%{word:utf-8:x}\n",
         "t.txt:4:8: this stands in headers, not within %encode"                                                           },
        {START "%if full\n%if full\n%if full\n%if full\n%if full\n%if full\n%if full\n%if "
               "full\n%if full\n",                "t.txt:11:1: blocks are nested too deeply"                      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct dialect dialect;
        struct error err = {0};

        assert_false(dialect_read(&dialect, "t.txt", slice_of(cases[i].text), &arena, &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.text, cases[i].complaint);
        arena_release(&arena);
    }
}

static void
branches_are_taken_as_they_stand(void **state)
{
    static const char text[] =
        START "%if full\nfull\n%if failed\nfailed\n%else\nlate\n%end\n%elif unknown disabled\nwho\n"
              "%else\nother\n%end\n%%if\n";
    static const struct {
        uint32_t conditions;
        const char *letter;
    } cases[] = {
        {IF_FULL | IF_FAILED,    "full\r\nfailed\r\n%if\r\n"},
        {IF_FULL | IF_DELAYED,   "full\r\nlate\r\n%if\r\n"  },
        {IF_UNKNOWN | IF_FAILED, "who\r\n%if\r\n"           },
        {IF_DISABLED,            "who\r\n%if\r\n"           },
        {0,                      "other\r\n%if\r\n"         },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct dialect_values values = {.conditions = cases[i].conditions};
        struct arena arena = {0};
        struct text out = {0};
        struct dialect dialect;
        struct error err;

        assert_true(dialect_read(&dialect, "a/t.txt", slice_of(text), &arena, &err));
        assert_slice(dialect.name, "t");
        dialect_render(&dialect, &values, &out);
        assert_string_equal(text_string(&out), cases[i].letter);
        text_release(&out);
        arena_release(&arena);
    }
}

static void
a_style_is_a_name_or_any_that_knows_the_action(void **state)
{
    const struct dialect *const *found;
    struct letters l;

    prepare(&l);
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("rfc3464"), DSN_FAILED, &found, &l.arena),
        1);
    assert_null(found[0]);
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("qmail"), DSN_FAILED, &found, &l.arena),
        1);
    assert_slice(found[0]->name, "qmail");
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("qmail"), DSN_DELAYED, &found, &l.arena),
        0);
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("arf"), DSN_FAILED, &found, &l.arena), 0);
    assert_int_equal(dialects_find(&l.dialects, DIALECT_AUTO_REPLY, SLICE("challenge"), DSN_NONE,
                         &found, &l.arena),
        1);
    assert_in_range(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("any"), DSN_FAILED, &found, &l.arena), 50,
        100);
    assert_in_range(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("any"), DSN_DELAYED, &found, &l.arena), 8,
        30);
    assert_in_range(
        dialects_find(&l.dialects, DIALECT_AUTO_REPLY, SLICE("any"), DSN_NONE, &found, &l.arena),
        10, 30);
    for (size_t i = 0; i <
         dialects_find(&l.dialects, DIALECT_COMPLAINT, SLICE("any"), DSN_NONE, &found, &l.arena);
         i++)
        assert_false(slice_equals(found[i]->name, SLICE("not-spam")));
    assert_string_equal(
        dialects_nearest(&l.dialects, DIALECT_BOUNCE, SLICE("qmial"), &l.arena), "qmail");
    assert_null(dialects_nearest(&l.dialects, DIALECT_BOUNCE, SLICE("something-else"), &l.arena));
    release(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_in_a_template_is_told_with_its_place),
        cmocka_unit_test(branches_are_taken_as_they_stand),
        cmocka_unit_test(a_style_is_a_name_or_any_that_knows_the_action),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
