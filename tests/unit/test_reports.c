/* test_reports.c - what reports say about a run, and how they say it. */
#include "tests/unit.h"

#include "base/unit.h"
#include "reports/claim.h"
#include "reports/github.h"
#include "reports/json_result.h"
#include "reports/kpi.h"
#include "reports/series.h"
#include "reports/tap.h"
#include "reports/text.h"
#include "tests/unit/results.h"

static const struct report_style utf8 = {.is_utf8 = true};
static const struct report_style ascii = {0};
static const struct report_style colour = {.is_utf8 = true, .has_colour = true};

/* Not a strong check of JSON, but a slip in the commas or brackets shows. */
static void
assert_balanced(struct slice json)
{
    int depth = 0;
    bool is_string = false;

    for (size_t i = 0; i < json.length; i++) {
        char c = json.at[i];

        if (is_string && c == '\\')
            i++;
        else if (c == '"')
            is_string = !is_string;
        else if (!is_string)
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        assert_true(depth >= 0);
    }
    assert_int_equal(depth, 0);
    assert_false(is_string);
}

/* Lines no wider than that; no control characters but line ends; no spaces at their ends. */
static void
assert_tidy(struct slice text, size_t width_max)
{
    for (struct slice line; text.length > 0;) {
        slice_cut(text, '\n', &line, &text);
        assert_true(report_width(line) <= width_max);
        if (line.length > 0)
            assert_int_not_equal(line.at[line.length - 1], ' ');
        for (size_t i = 0; i < line.length; i++)
            assert_true((unsigned char)line.at[i] >= 0x20);
    }
}

static void
a_good_run_reads_well(void **state)
{
    struct result result = good_result();
    struct text out = {0};

    assert_true(result_is_good(&result));
    text_report(&out, &result, &utf8);
    assert_tidy(text_slice(&out), 110);
    assert_golden(text_slice(&out), "tests/golden/report_good.txt");
    text_release(&out);
    result_release(&result);
}

static void
a_bad_run_says_what_failed_and_how_to_replay_it(void **state)
{
    struct result result = bad_result(7);
    struct text out = {0};

    assert_false(result_is_good(&result));
    text_report(&out, &result, &utf8);
    assert_tidy(text_slice(&out), 110);
    assert_golden(text_slice(&out), "tests/golden/report_bad.txt");
    assert_true(slice_ends_with_nocase(text_slice(&out), SLICE("--only row4-retry-wins\n")));
    text_release(&out);
    result_release(&result);
}

static void
without_utf8_everything_is_ascii(void **state)
{
    struct result result = bad_result(7);
    struct text out = {0};

    text_report(&out, &result, &ascii);
    assert_tidy(text_slice(&out), 110);
    text_report_brief(&out, &result, &ascii);
    for (size_t i = 0; i < out.length; i++)
        assert_true((unsigned char)out.bytes[i] < 0x80);
    assert_golden(text_slice(&out), "tests/golden/report_ascii.txt");
    text_release(&out);
    result_release(&result);
}

static void
colour_adds_nothing_but_colour(void **state)
{
    struct result result = bad_result(7);
    struct text plain = {0}, painted = {0}, washed = {0};

    text_report(&plain, &result, &utf8);
    text_report(&painted, &result, &colour);
    for (size_t i = 0; i < painted.length; i++) {
        if (painted.bytes[i] != '\033') {
            text_add_char(&washed, painted.bytes[i]);
            continue;
        }
        while (painted.bytes[i] != 'm')
            i++;
    }
    assert_true(painted.length > plain.length);
    assert_slice(text_slice(&washed), text_string(&plain));
    text_release(&plain);
    text_release(&painted);
    text_release(&washed);
    result_release(&result);
}

static void
a_brief_report_is_one_line_unless_something_failed(void **state)
{
    struct result good = good_result(), bad = bad_result(7);
    struct result invalid = broken_result(3, "the scenario is not valid");
    struct result skipped = broken_result(77, "needs postfix >= 3.5");
    struct text out = {0};

    text_report_brief(&out, &good, &utf8);
    text_report_brief(&out, &invalid, &utf8);
    text_report_brief(&out, &skipped, &utf8);
    text_report_brief(&out, &bad, &utf8);
    assert_golden(text_slice(&out), "tests/golden/report_brief.txt");
    text_release(&out);
    result_release(&good);
    result_release(&bad);
}

static void
success_is_empty_before_feedback_and_a_dash_without_recipients(void **state)
{
    static const struct {
        struct result_kpi kpi;
        const char *utf8, *ascii;
    } cases[] = {
        {{.to_deliver = 10},                                       "",      ""     },
        {{.to_deliver = 10, .has_feedback = true},                 "0.0%",  "0.0%" },
        {{.to_deliver = 8, .sent = 7, .has_feedback = true},       "87.5%", "87.5%"},
        {{.to_deliver = 3, .sent = 2, .has_feedback = true},       "66.7%", "66.7%"},
        {{.to_deliver = 0},                                        "–",   "-"    },
        {{.to_deliver = 0, .has_feedback = true, .excluded = 100}, "–",   "-"    },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&out);
        result_format_success(&out, &cases[i].kpi, true);
        assert_string_equal(text_string(&out), cases[i].utf8);
        text_clear(&out);
        result_format_success(&out, &cases[i].kpi, false);
        assert_string_equal(text_string(&out), cases[i].ascii);
    }
    text_release(&out);
}

static void
the_kpi_table_fits_a_hundred_columns(void **state)
{
    struct result result = bad_result(7);
    struct text out = {0};

    kpi_report(&out, &result, &ascii);
    assert_tidy(text_slice(&out), 100);
    text_clear(&out);
    kpi_report(&out, &result, &utf8);
    assert_tidy(text_slice(&out), 100);
    assert_golden(text_slice(&out), "tests/golden/report_kpi.txt");
    text_release(&out);
    result_release(&result);
}

static void
cells_are_wrapped_and_cleaned(void **state)
{
    static const struct table_column columns[] = {
        {false, 6},
        {true,  0}
    };
    static const struct {
        const char *cell, *expected;
    } cases[] = {
        {"ab",                "  h   n\n  ab  1\n"                      },
        {"one two 3",         "  h      n\n  one    1\n  two 3\n"       },
        {"abcdefgh",          "  h       n\n  abcdef  1\n  gh\n"        },
        {"\033[2J\tx",        "  h       n\n   [2J x  1\n"              },
        {"\xFFz\xC3",         "  h    n\n  ?z?  1\n"                    },
        {"öäüöäü öä", "  h       n\n  öäüöäü  1\n  öä\n"},
        {"",                  "  h  n\n     1\n"                        },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table table = table_begin(columns, COUNT_OF(columns), &utf8);
        struct text out = {0};

        print_message("  %s\n", cases[i].expected);
        table_add_string(&table, TONE_PLAIN, "h");
        table_add_string(&table, TONE_PLAIN, "n");
        table_add_string(&table, TONE_PLAIN, cases[i].cell);
        table_add_count(&table, TONE_PLAIN, 1);
        table_print(&table, FRAME_NONE, 2, &out);
        assert_string_equal(text_string(&out), cases[i].expected);
        text_release(&out);
        table_release(&table);
    }
}

static void
json_is_complete_and_the_same_whatever_time_it_took(void **state)
{
    struct result result = bad_result(UINT64_MAX);
    struct text out = {0}, again = {0};

    json_report(&out, &result);
    result.wall_us = 99 * (int64_t)US_PER_S;
    json_report(&again, &result);
    assert_slice(text_slice(&again), text_string(&out));
    assert_balanced(text_slice(&out));
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("\"seed\": 18446744073709551615")));
    assert_golden(text_slice(&out), "tests/golden/report.json");
    text_release(&out);
    text_release(&again);
    result_release(&result);
}

static void
a_run_that_never_began_is_json_too(void **state)
{
    struct result result = broken_result(4, "Postfix \"did\" not start");
    struct text out = {0};

    json_report(&out, &result);
    assert_balanced(text_slice(&out));
    text_release(&out);
}

static void
a_series_ends_with_the_run(void **state)
{
    struct result result = good_result();
    struct text out = {0};

    series_report(&out, &result);
    assert_golden(text_slice(&out), "tests/golden/report_series.tsv");
    text_release(&out);
    result_release(&result);
}

static void
claims_of_many_seeds_stand_once_unless_they_failed(void **state)
{
    struct result results[] = {good_result(), bad_result(8), bad_result(9)};
    struct claims claims = {0};
    size_t failed = 0;

    for (size_t i = 0; i < COUNT_OF(results); i++)
        for (size_t k = 0; k < results[i].checks_count; k++)
            results[i].checks[k].line = 10;
    assert_int_equal(claims_group(results, COUNT_OF(results)), 3);
    claims_collect(&claims, results, COUNT_OF(results));
    /* two checks, ledgers, recount, five rows; the four that failed under both bad seeds besides */
    assert_int_equal(claims.count, 2 + 2 + RESULT_KPI_ROWS + 4 * 2);
    for (size_t i = 0; i < claims.count; i++) {
        failed += claims.items[i].status == CLAIM_FAILED;
        for (size_t k = 0; k < i; k++)
            assert_false(slice_equals(claims.items[i].name, claims.items[k].name));
        if (claims.items[i].status == CLAIM_FAILED) {
            assert_true(slice_contains_nocase(claims.items[i].name, SLICE("(seed ")));
            assert_true(slice_contains_nocase(claims.items[i].story, SLICE("\nreplay    mtalab ")));
        }
    }
    assert_int_equal(failed, 8);
    claims_release(&claims);
    for (size_t i = 0; i < COUNT_OF(results); i++)
        result_release(&results[i]);
}

static void
tap_survives_whatever_a_stranger_said(void **state)
{
    struct result results[] = {good_result(), bad_result(8), broken_result(3, "not # valid"),
        broken_result(77, "needs postfix >= 3.5")};
    struct text out = {0};

    results[1].name = SLICE("other # one");
    results[3].name = SLICE("third");
    tap_report(&out, results, COUNT_OF(results));
    assert_golden(text_slice(&out), "tests/golden/report.tap");
    text_release(&out);
    result_release(&results[0]);
    result_release(&results[1]);
}

static void
github_gets_ten_errors_at_most(void **state)
{
    struct result results[6];
    struct text out = {0};
    size_t lines = 0;

    for (size_t i = 0; i < COUNT_OF(results); i++)
        results[i] = bad_result(i);
    github_report(&out, results, 1);
    assert_golden(text_slice(&out), "tests/golden/report_github.txt");
    text_clear(&out);
    github_report(&out, results, COUNT_OF(results));
    for (size_t i = 0; i < out.length; i++)
        lines += out.bytes[i] == '\n';
    assert_int_equal(lines, GITHUB_ERRORS_MAX);
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("::15 more failed")));
    for (size_t i = 0; i < COUNT_OF(results); i++)
        result_release(&results[i]);
    text_release(&out);
}

static void
the_github_summary_escapes_markup(void **state)
{
    struct result results[] = {good_result(), bad_result(8)};
    struct text out = {0};

    results[1].name = SLICE("<script> | `x`");
    github_summary(&out, results, COUNT_OF(results));
    assert_golden(text_slice(&out), "tests/golden/report_summary.md");
    text_release(&out);
    result_release(&results[0]);
    result_release(&results[1]);
}

static void
mail_that_came_back_has_a_line_if_there_was_any(void **state)
{
    struct result result = {0};
    struct text out = {0};

    assert_false(claim_returned_headline(&out, &result));
    assert_int_equal(out.length, 0);
    result.returned = (struct result_returned){.taken = 1203,
        .bounces = 1200,
        .late = 1,
        .refused_late = 2,
        .unmatched = 1,
        .unknown = 1,
        .refused_forged = 7};
    assert_true(claim_returned_headline(&out, &result));
    assert_string_equal(
        text_string(&out), "1,203 taken, 1,200 bounced rows, 2 about nobody, 3 too late, 7 forged");
    text_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_that_came_back_has_a_line_if_there_was_any),
        cmocka_unit_test(a_good_run_reads_well),
        cmocka_unit_test(a_bad_run_says_what_failed_and_how_to_replay_it),
        cmocka_unit_test(without_utf8_everything_is_ascii),
        cmocka_unit_test(colour_adds_nothing_but_colour),
        cmocka_unit_test(a_brief_report_is_one_line_unless_something_failed),
        cmocka_unit_test(success_is_empty_before_feedback_and_a_dash_without_recipients),
        cmocka_unit_test(the_kpi_table_fits_a_hundred_columns),
        cmocka_unit_test(cells_are_wrapped_and_cleaned),
        cmocka_unit_test(json_is_complete_and_the_same_whatever_time_it_took),
        cmocka_unit_test(a_run_that_never_began_is_json_too),
        cmocka_unit_test(a_series_ends_with_the_run),
        cmocka_unit_test(claims_of_many_seeds_stand_once_unless_they_failed),
        cmocka_unit_test(tap_survives_whatever_a_stranger_said),
        cmocka_unit_test(github_gets_ten_errors_at_most),
        cmocka_unit_test(the_github_summary_escapes_markup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
