/* test_requirement.c - what must be on a machine for a scenario to run there. */
#include "tests/unit.h"

#include "scenarios/requirement.h"

static void
a_requirement_is_a_name_and_perhaps_a_version(void **state)
{
    static const struct {
        const char *text, *name;
        enum version_compare compare;
        const char *version;
    } cases[] = {
        {"postfix >= 3.5",     "postfix",     VERSION_AT_LEAST, "3.5"   },
        {"postfix>=3.5",       "postfix",     VERSION_AT_LEAST, "3.5"   },
        {" exim <  4.96.1  ",  "exim",        VERSION_BELOW,    "4.96.1"},
        {"opensmtpd == 6.8.0", "opensmtpd",   VERSION_EXACTLY,  "6.8.0" },
        {"gnuplot <= 5",       "gnuplot",     VERSION_AT_MOST,  "5"     },
        {"gnuplot > 5",        "gnuplot",     VERSION_ABOVE,    "5"     },
        {"libfaketime",        "libfaketime", VERSION_ANY,      ""      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct requirement requirement;
        struct error err = {0};

        print_message("  %s\n", cases[i].text);
        assert_true(requirement_parse(slice_of(cases[i].text), &requirement, &err));
        assert_slice(requirement.name, cases[i].name);
        assert_int_equal(requirement.compare, cases[i].compare);
        assert_slice(requirement.version, cases[i].version);
    }
}

static void
anything_else_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"",                "a requirement begins with a name"                         },
        {">= 3.5",          "a requirement begins with a name"                         },
        {"postfix 3.5",     "a name, or a name and a version, as in \"postfix >= 3.5\""},
        {"postfix = 3.5",   "a name, or a name and a version, as in \"postfix >= 3.5\""},
        {"postfix >=",      "\"\" is no version, such as 3.5"                          },
        {"postfix >= new",  "\"new\" is no version, such as 3.5"                       },
        {"postfix >= 3.5.", "\"3.5.\" is no version, such as 3.5"                      },
        {"postfix >= 3.5p", "\"3.5p\" is no version, such as 3.5"                      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct requirement requirement;
        struct error err = {0};

        print_message("  %s\n", cases[i].text);
        assert_false(requirement_parse(slice_of(cases[i].text), &requirement, &err));
        assert_string_equal(err.text, cases[i].why);
    }
}

static void
versions_are_compared_number_by_number(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        {"3.5",           "3.5",                    0 },
        {"3.10",          "3.9",                    1 },
        {"3.5",           "3.5.1",                  -1},
        {"3.5.0",         "3.5",                    0 },
        {"3.05",          "3.5",                    0 },
        {"4",             "3.99",                   1 },
        {"6.8.0p2",       "6.8.0",                  0 },
        {"4.96-rc1",      "4.96",                   0 },
        {"10.20.30.40.1", "10.20.30.40",            1 },
        {"3.0",           "3.18446744073709551617", -1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int order = version_compare(slice_of(cases[i].a), slice_of(cases[i].b));
        int reverse = version_compare(slice_of(cases[i].b), slice_of(cases[i].a));

        print_message("  %s %s\n", cases[i].a, cases[i].b);
        assert_int_equal((order > 0) - (order < 0), cases[i].order);
        assert_int_equal((reverse > 0) - (reverse < 0), -cases[i].order);
    }
}

static void
each_comparison_draws_the_line_where_it_says(void **state)
{
    static const struct {
        const char *requirement;
        bool below, same, above; /* 3.4, 3.5 and 3.6 */
    } cases[] = {
        {"x >= 3.5", false, true,  true },
        {"x > 3.5",  false, false, true },
        {"x == 3.5", false, true,  false},
        {"x <= 3.5", true,  true,  false},
        {"x < 3.5",  true,  false, false},
        {"x",        true,  true,  true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct requirement requirement;
        struct error err;

        print_message("  %s\n", cases[i].requirement);
        assert_true(requirement_parse(slice_of(cases[i].requirement), &requirement, &err));
        assert_int_equal(requirement_is_met_by(&requirement, SLICE("3.4")), cases[i].below);
        assert_int_equal(requirement_is_met_by(&requirement, SLICE("3.5")), cases[i].same);
        assert_int_equal(requirement_is_met_by(&requirement, SLICE("3.6")), cases[i].above);
    }
}

static void
a_version_is_found_in_what_programs_say_of_themselves(void **state)
{
    static const struct {
        const char *text, *version;
    } cases[] = {
        {"3.7.11\n",                                "3.7.11"},
        {"faketime: Version 0.9.10\nFor usage …", "0.9.10"},
        {"gnuplot 5.4 patchlevel 4",                "5.4"   },
        {"Exim version 4.96 #2 built 13-Jul-2024",  "4.96"  },
        {"version: OpenSMTPD 6.8.0p2",              "6.8.0" },
        {"2 files and no more. 3 words",            NULL    },
        {"",                                        NULL    },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice version;
        bool is_found = version_find(slice_of(cases[i].text), &version);

        assert_int_equal(is_found, cases[i].version != NULL);
        if (is_found)
            assert_slice(version, cases[i].version);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_requirement_is_a_name_and_perhaps_a_version),
        cmocka_unit_test(anything_else_is_refused_with_a_reason),
        cmocka_unit_test(versions_are_compared_number_by_number),
        cmocka_unit_test(each_comparison_draws_the_line_where_it_says),
        cmocka_unit_test(a_version_is_found_in_what_programs_say_of_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
