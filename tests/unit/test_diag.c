/* test_diag.c - how a reader is told what is wrong with a file. */
#include "tests/unit.h"

#include "base/diag.h"

static const char filename[] = "scenarios/bigmail.yaml";

static void
assert_rendered(struct diagnostics *d, const char *text, const char *expected)
{
    struct text out = {0};

    if (text != NULL)
        diagnostics_add_file(d, filename, slice_of(text));
    diagnostics_render(d, &out, false);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
    diagnostics_release(d);
}

static void
the_place_is_shown_with_a_caret_and_a_hint(void **state)
{
    struct diagnostics d = {0};

    assert_false(diagnose(&d, (struct mark){filename, 3, 5, 5}, "did you mean \"window\"?",
        "unknown key \"%s\" in %s", "windw", "limits.rate"));
    diagnose_note(&d, (struct mark){filename, 1, 1, 6}, "limits was opened here");
    assert_int_equal(d.errors_count, 1);
    assert_rendered(&d, "limits:\n  rate:\n    windw: sliding 60s\n",
        "scenarios/bigmail.yaml:3:5: error: unknown key \"windw\" in limits.rate\n"
        "    3 |     windw: sliding 60s\n"
        "      |     ^~~~~ did you mean \"window\"?\n"
        "scenarios/bigmail.yaml:1:1: note: limits was opened here\n"
        "    1 | limits:\n"
        "      | ^~~~~~\n");
}

static void
every_place_can_be_shown(void **state)
{
    static const struct {
        const char *name, *text;
        struct mark mark;
        const char *expected;
    } cases[] = {
        {"the file as a whole",         "a\n",                 {filename, 0, 0, 0},
         "scenarios/bigmail.yaml: error: wrong (hint)\n"                                                   },
        {"no file at all",              NULL,                  {NULL, 0, 0, 0},     "error: wrong (hint)\n"},
        {"a file nobody added",         NULL,                  {filename, 1, 2, 1},
         "scenarios/bigmail.yaml:1:2: error: wrong (hint)\n"                                               },
        {"a line without a column",     "a\nb\n",              {filename, 2, 0, 0},
         "scenarios/bigmail.yaml:2: error: wrong (hint)\n    2 | b\n"                                      },
        {"the end of a line",           "ab\r\n",              {filename, 1, 3, 1},
         "scenarios/bigmail.yaml:1:3: error: wrong\n    1 | ab\n      |   ^ hint\n"                        },
        {"the end of the file",         "ab",                  {filename, 1, 2, 9},
         "scenarios/bigmail.yaml:1:2: error: wrong\n    1 | ab\n      |  ^ hint\n"                         },
        {"a line that is not there",    "ab",                  {filename, 9, 1, 1},
         "scenarios/bigmail.yaml:9:1: error: wrong (hint)\n"                                               },
        {"an empty file",               "",                    {filename, 1, 1, 1},
         "scenarios/bigmail.yaml:1:1: error: wrong (hint)\n"                                               },
        {"behind a tab",                "\tab: c",             {filename, 1, 2, 2},
         "scenarios/bigmail.yaml:1:2: error: wrong\n    1 |  ab: c\n      |  ^~ hint\n"                    },
        {"behind letters of two bytes", "\xc3\xa4\xc3\xb6: x", {filename, 1, 7, 1},
         "scenarios/bigmail.yaml:1:7: error: wrong\n    1 | \xc3\xa4\xc3\xb6: x\n"
            "      |     ^ hint\n"                                                                         },
        {"beside a bell",               "\a: x",               {filename, 1, 1, 1},
         "scenarios/bigmail.yaml:1:1: error: wrong\n    1 | ?: x\n      | ^ hint\n"                        },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics d = {0};

        print_message("  %s\n", cases[i].name);
        diagnose(&d, cases[i].mark, "hint", "wrong");
        assert_rendered(&d, cases[i].text, cases[i].expected);
    }
}

static void
a_long_line_is_a_window_around_the_caret(void **state)
{
    for (int column = 1; column <= 400; column += 13) {
        struct diagnostics d = {0};
        struct text line = {0}, out = {0};
        struct slice head, shown, caret, rest;

        text_add_repeated(&line, '.', 400);
        line.bytes[column - 1] = 'X';
        diagnostics_add_file(&d, filename, text_slice(&line));
        diagnose(&d, (struct mark){filename, 1, column, 1}, NULL, "wrong");
        diagnostics_render(&d, &out, false);
        slice_cut(text_slice(&out), '\n', &head, &rest);
        slice_cut(rest, '\n', &shown, &rest);
        slice_cut(rest, '\n', &caret, &rest);
        assert_true(shown.length < 120);
        assert_int_equal(shown.at[caret.length - 1], 'X'); /* the caret stands below it */
        assert_int_equal(caret.at[caret.length - 1], '^');
        text_release(&line);
        text_release(&out);
        diagnostics_release(&d);
    }
}

static void
only_the_first_are_kept_but_all_are_counted(void **state)
{
    struct diagnostics d = {0};
    struct text out = {0};

    for (int i = 0; i < DIAG_MAX + 7; i++) {
        if (i % 2 == 0)
            diagnose(&d, (struct mark){0}, NULL, "wrong %d", i);
        else
            diagnose_warning(&d, (struct mark){0}, NULL, "odd %d", i);
        diagnose_note(&d, (struct mark){0}, "because");
    }
    assert_int_equal(d.count, DIAG_MAX); /* half of them notes */
    assert_int_equal(d.errors_count, DIAG_MAX / 2 + 4);
    diagnostics_render(&d, &out, false);
    assert_true(slice_ends_with_nocase(text_slice(&out), SLICE("note: because\nand 32 more\n")));
    text_release(&out);
    diagnostics_release(&d);
}

static void
colour_only_where_it_is_asked_for(void **state)
{
    struct diagnostics d = {0};
    struct text out = {0};

    diagnose_warning(&d, (struct mark){filename, 1, 1, 1}, NULL, "odd");
    diagnostics_render(&d, &out, false);
    assert_null(strchr(text_string(&out), '\033'));
    text_clear(&out);
    diagnostics_render(&d, &out, true);
    assert_non_null(strstr(text_string(&out), "\033[1;35mwarning\033[0m"));
    text_release(&out);
    diagnostics_release(&d);
}

static void
a_slip_is_recognised_another_word_is_not(void **state)
{
    static const char *const words[] = {
        "window", "max", "per", "messages", "messages_per_hour", "tle"};
    static const struct {
        const char *written, *nearest;
    } cases[] = {
        {"windw",             "window"           },
        {"widnow",            "window"           },
        {"WINDOW",            "window"           },
        {"Max",               "max"              },
        {"mx",                "max"              },
        {"mesages",           "messages"         },
        {"pre",               "per"              },
        {"tls",               "tle"              },
        {"x",                 NULL               },
        {"door",              NULL               },
        {"",                  NULL               },
        {"minimum",           NULL               },
        {"messages_pro_hour", "messages_per_hour"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *nearest = nearest_word(slice_of(cases[i].written), words, COUNT_OF(words));

        print_message("  %s\n", cases[i].written);
        if (cases[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest != NULL ? nearest : "(none)", cases[i].nearest);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_place_is_shown_with_a_caret_and_a_hint),
        cmocka_unit_test(every_place_can_be_shown),
        cmocka_unit_test(a_long_line_is_a_window_around_the_caret),
        cmocka_unit_test(only_the_first_are_kept_but_all_are_counted),
        cmocka_unit_test(colour_only_where_it_is_asked_for),
        cmocka_unit_test(a_slip_is_recognised_another_word_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
