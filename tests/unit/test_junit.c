/* test_junit.c - JUnit XML that no reply of a stranger can break. tests/junit_test.sh validates the
 * golden file that is compared here. */
#include "tests/unit.h"

#include "base/unit.h"
#include "reports/junit.h"
#include "tests/unit/results.h"

static void
text_is_escaped_and_what_xml_cannot_say_is_left_out(void **state)
{
    static const struct {
        struct slice text;
        const char *expected;
    } cases[] = {
        {{"", 0},                         ""                                    },
        {{"a<b>&\"'", 7},                 "a&lt;b&gt;&amp;&quot;&apos;"         },
        {{"]]>", 3},                      "]]&gt;"                              },
        {{"a\0b\x01\x1F\x7F", 6},         "ab"                                  },
        {{"tab\tline\ncr\r", 12},         "tab\tline\ncr"                       },
        {{"\xC3\xA4\xE2\x82\xAC", 5},     "ä€"                               },
        {{"\xFF\xC3(", 3},                "\xEF\xBF\xBD\xEF\xBF\xBD("           },
        {{"\xC0\xAF", 2},                 "\xEF\xBF\xBD\xEF\xBF\xBD"            },
        {{"\xED\xA0\x80", 3},             "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {{"\xEF\xBF\xBE\xEF\xBF\xBF", 6}, ""                                    },
        {{"\xF0\x9F\x93\xA7", 4},         "\xF0\x9F\x93\xA7"                    },
        {{"\xE2\x82", 2},                 "\xEF\xBF\xBD\xEF\xBF\xBD"            },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&out);
        junit_escape(&out, cases[i].text);
        assert_string_equal(text_string(&out), cases[i].expected);
    }
    text_release(&out);
}

static void
every_kind_of_run_has_its_place(void **state)
{
    struct result results[] = {good_result(), bad_result(8), broken_result(4, "it <did> not start"),
        broken_result(77, "needs postfix >= 3.5"), bad_result(1)};
    struct text out = {0};

    results[3].filename = SLICE("scenarios/other.yaml");
    results[4].filename = SLICE("scenarios/third.yaml");
    results[4].name = SLICE("\"third\" & last");
    junit_report(&out, results, COUNT_OF(results));
    assert_golden(text_slice(&out), "tests/golden/report_junit.xml");
    text_release(&out);
    for (size_t i = 0; i < COUNT_OF(results); i++)
        result_release(&results[i]);
}

static void
no_runs_are_a_file_too(void **state)
{
    struct text out = {0};

    junit_report(&out, NULL, 0);
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("tests=\"0\"")));
    text_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_and_what_xml_cannot_say_is_left_out),
        cmocka_unit_test(every_kind_of_run_has_its_place),
        cmocka_unit_test(no_runs_are_a_file_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
