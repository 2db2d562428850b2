/* test_plot.c - plots are drawn, are the same every time, and no name or program leads them astray. */
#include "tests/unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unit.h"
#include "reports/plot.h"
#include "reports/plot_axis.h"
#include "reports/plot_confusion.h"
#include "reports/plot_kpi.h"
#include "reports/program.h"
#include "tests/unit/results.h"

/* --- programs --- */

static void
a_program_is_told_by_its_end(void **state)
{
    static const struct {
        const char *script;
        enum program_status status;
        const char *words;
    } cases[] = {
        {"exit 0",                                         PROGRAM_DONE,   ""                      },
        {"echo warning >&2; exit 0",                       PROGRAM_DONE,   ""                      },
        {"echo out; exit 3",                               PROGRAM_FAILED, "exit code 3"           },
        {"printf 'no\\nsuch\\033[2Jthing\\n' >&2; exit 1", PROGRAM_FAILED, "1: no such [2Jthing"   },
        {"kill -9 $$",                                     PROGRAM_FAILED, "signal 9"              },
        {"yes >&2",                                        PROGRAM_FAILED, "complained without end"},
        {"exec sleep 60",                                  PROGRAM_FAILED, "stopped after 0.300 s" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const arguments[] = {"sh", "-c", cases[i].script, NULL};
        struct error err = {0};

        print_message("  %s\n", cases[i].script);
        assert_int_equal(program_run(arguments, "/", 300, &err), cases[i].status);
        if (cases[i].status != PROGRAM_DONE)
            assert_non_null(strstr(err.text, cases[i].words));
    }
}

static void
a_program_that_is_not_there_is_missing(void **state)
{
    static const char *const arguments[] = {"mtalab-no-such-program", NULL};
    struct error err = {0};

    assert_int_equal(program_run(arguments, "/", 1000, &err), PROGRAM_MISSING);
    assert_non_null(strstr(err.text, "mtalab-no-such-program"));
}

static void
what_a_program_says_on_either_output_can_be_had(void **state)
{
    static const char *const arguments[] = {"sh", "-c", "echo one; echo two >&2; exit 3", NULL};
    struct text heard = {0};
    struct error err = {0};

    assert_int_equal(program_ask(arguments, "/", 10000, &heard, &err), PROGRAM_FAILED);
    assert_slice(text_slice(&heard), "one\ntwo\n");
    text_release(&heard);
}

/* --- what is drawn --- */

static void
ids_are_known_planned_or_unknown(void **state)
{
    struct text ids = {0};

    assert_int_equal(plot_support(SLICE("kpi")), PLOT_SUPPORTED);
    assert_int_equal(plot_support(SLICE("queue")), PLOT_PLANNED);
    assert_int_equal(plot_support(SLICE("kpis")), PLOT_UNKNOWN);
    assert_int_equal(plot_support(SLICE("")), PLOT_UNKNOWN);
    plot_ids(&ids, PLOT_SUPPORTED);
    assert_string_equal(text_string(&ids), "kpi, throughput-vs-limit, confusion");
    text_release(&ids);
}

static void
table_and_script_read_well(void **state)
{
    struct result result = good_result();
    struct text out = {0};

    plot_kpi_data(&out, &result);
    assert_golden(text_slice(&out), "tests/golden/plot_kpi.tsv");
    text_clear(&out);
    plot_kpi_script(&out, &result);
    assert_golden(text_slice(&out), "tests/golden/plot_kpi.gp");
    add_confusion(&result);
    text_clear(&out);
    plot_confusion_data(&out, &result);
    assert_golden(text_slice(&out), "tests/golden/plot_confusion.tsv");
    text_clear(&out);
    plot_confusion_script(&out, &result);
    assert_golden(text_slice(&out), "tests/golden/plot_confusion.gp");
    text_release(&out);
    result_release(&result);
}

static void
strings_cannot_leave_their_quotes(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain",          "'plain'"          },
        {"it's",           "'it’s'"         },
        {"'; !rm -rf x\n", "'’; !rm -rf x '"},
        {"",               "''"               },
        {"\"a\\",          "'\"a\\'"          },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&out);
        plot_add_string(&out, slice_of(cases[i].text));
        assert_string_equal(text_string(&out), cases[i].expected);
    }
    text_release(&out);
}

static void
ticks_are_round_and_few(void **state)
{
    static const struct {
        uint64_t max;
        const char *expected;
    } cases[] = {
        {1,       "set ytics ('0' 0, '1' 1)\n"                            },
        {5,       "set ytics ('0' 0, '1' 1, '2' 2, '3' 3, '4' 4, '5' 5)\n"},
        {9,       "set ytics ('0' 0, '2' 2, '4' 4, '6' 6, '8' 8)\n"       },
        {1000000,
         "set ytics ('0' 0, '200,000' 200000, '400,000' 400000, '600,000' 600000, "
            "'800,000' 800000, '1,000,000' 1000000)\n"                    },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&out);
        plot_add_count_ticks(&out, cases[i].max);
        assert_string_equal(text_string(&out), cases[i].expected);
    }
    for (int64_t span_us = 1; span_us < 400 * US_PER_DAY; span_us = span_us * 3 + 1)
        for (int is_early = 0; is_early < 2; is_early++) {
            size_t ticks = 0;

            text_clear(&out);
            plot_add_time_ticks(&out, span_us, is_early, true);
            for (size_t i = 0; i < out.length; i++)
                ticks += out.bytes[i] == 'x' && out.bytes[i + 1] == '(';
            assert_in_range(ticks, 1, 18);
        }
    text_release(&out);
}

/* --- gnuplot --- */

struct folder {
    char name[64];
};

static struct folder
make_folder(void)
{
    struct folder folder = {"/tmp/mtalab-test-plot-XXXXXX"};

    assert_non_null(mkdtemp(folder.name));
    return folder;
}

static void
remove_folder(const struct folder *folder)
{
    DIR *directory = opendir(folder->name);
    char path[512];

    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder->name, entry->d_name);
        unlink(path);
    }
    closedir(directory);
    assert_int_equal(rmdir(folder->name), 0);
}

static void
read_whole(const struct folder *folder, const char *name, struct text *out)
{
    char path[128], block[4096];
    FILE *file;

    text_clear(out);
    snprintf(path, sizeof path, "%s/%s", folder->name, name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is not there", path);
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        text_add(out, block, got);
    fclose(file);
}

static void
skip_without_gnuplot(void)
{
    static const char *const arguments[] = {"gnuplot", "--version", NULL};
    struct error err = {0};

    if (program_run(arguments, "/", 10000, &err) == PROGRAM_MISSING) {
        print_message("  skipped: no gnuplot here\n");
        skip();
    }
}

static void
the_same_result_gives_the_same_picture(void **state)
{
    static const char *const names[] = {"kpi.tsv", "kpi.gp", "kpi.svg", "kpi.png", "confusion.tsv",
        "confusion.gp", "confusion.svg", "confusion.png"};
    struct result result = good_result();
    struct folder first = make_folder(), second = make_folder();
    struct text a = {0}, b = {0};
    struct error err = {0};

    skip_without_gnuplot();
    add_confusion(&result);
    if (plot_write(&result, SLICE("kpi"), first.name, NULL, &err) != PLOT_DONE ||
        plot_write(&result, SLICE("confusion"), first.name, NULL, &err) != PLOT_DONE)
        fail_msg("%s", err.text);
    assert_int_equal(plot_write(&result, SLICE("kpi"), second.name, NULL, &err), PLOT_DONE);
    assert_int_equal(plot_write(&result, SLICE("confusion"), second.name, NULL, &err), PLOT_DONE);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        read_whole(&first, names[i], &a);
        read_whole(&second, names[i], &b);
        assert_true(a.length > 100);
        assert_true(slice_equals(text_slice(&a), text_slice(&b)));
    }
    read_whole(&first, "kpi.svg", &a);
    assert_true(slice_contains_nocase(text_slice(&a), SLICE("efs-five-rows")));
    assert_false(slice_contains_nocase(text_slice(&a), SLICE("<script")));
    text_release(&a);
    text_release(&b);
    remove_folder(&first);
    remove_folder(&second);
    result_release(&result);
}

static void
a_terminal_gets_a_plot_too(void **state)
{
    struct result result = good_result();
    struct folder folder = make_folder();
    struct error err = {0};
    struct text out = {0};

    skip_without_gnuplot();
    if (plot_text(&result, SLICE("kpi"), folder.name, (struct plot_size){.columns = 80, .rows = 24},
            NULL, &out, &err) != PLOT_DONE)
        fail_msg("%s", err.text);
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("success")));
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("100%")));
    assert_false(slice_contains_nocase(text_slice(&out), SLICE("\033")));
    add_confusion(&result);
    text_clear(&out);
    if (plot_text(&result, SLICE("confusion"), folder.name,
            (struct plot_size){.columns = 80, .rows = 24}, NULL, &out, &err) != PLOT_DONE)
        fail_msg("%s", err.text);
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("2,990")));
    assert_true(slice_contains_nocase(text_slice(&out), SLICE("true cause")));
    text_release(&out);
    remove_folder(&folder);
    result_release(&result);
}

static void
strange_names_and_empty_runs_are_drawn(void **state)
{
    struct result results[] = {good_result(), broken_result(4, "nothing happened"), good_result()};
    struct folder folder = make_folder();
    struct error err = {0};
    struct text svg = {0};
    char path[128];

    skip_without_gnuplot();
    results[0].name = SLICE("it's `touch hacked` $(touch hacked) <b> & {/*2 x}_y^z }} { @home \\n");
    results[0].labels[0].text = SLICE("'; system('touch hacked'); print '");
    results[1].kpi_rows[0].step = NULL;
    add_confusion(&results[0]);
    results[2].points_count = 1;
    results[2].virtual_us = 0;
    for (size_t i = 0; i < COUNT_OF(results); i++)
        if (plot_write(&results[i], SLICE("kpi"), folder.name, NULL, &err) != PLOT_DONE ||
            plot_write(&results[i], SLICE("confusion"), folder.name, NULL, &err) != PLOT_DONE)
            fail_msg("%zu: %s", i, err.text);
    snprintf(path, sizeof path, "%s/hacked", folder.name);
    assert_int_not_equal(access(path, F_OK), 0);
    remove_folder(&folder);
    text_release(&svg);
    result_release(&results[0]);
    result_release(&results[2]);
}

static void
without_gnuplot_table_and_script_are_left(void **state)
{
    static const struct plot_options options = {.gnuplot = "mtalab-no-gnuplot"};
    struct result result = good_result();
    struct folder folder = make_folder();
    struct error err = {0};
    struct text out = {0};

    assert_int_equal(
        plot_write(&result, SLICE("kpi"), folder.name, &options, &err), PLOT_NO_GNUPLOT);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "gnuplot is not installed"));
    read_whole(&folder, "kpi.tsv", &out);
    read_whole(&folder, "kpi.gp", &out);
    assert_true(out.length > 0);
    text_release(&out);
    remove_folder(&folder);
    result_release(&result);
}

static void
a_folder_that_is_not_there_is_an_error(void **state)
{
    struct result result = good_result();
    struct error err = {0};

    assert_int_equal(plot_write(&result, SLICE("kpi"), "/no/such/folder", NULL, &err), PLOT_FAILED);
    assert_int_equal(err.kind, ERROR_WORLD);
    result_release(&result);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_program_says_on_either_output_can_be_had),
        cmocka_unit_test(a_program_is_told_by_its_end),
        cmocka_unit_test(a_program_that_is_not_there_is_missing),
        cmocka_unit_test(ids_are_known_planned_or_unknown),
        cmocka_unit_test(table_and_script_read_well),
        cmocka_unit_test(strings_cannot_leave_their_quotes),
        cmocka_unit_test(ticks_are_round_and_few),
        cmocka_unit_test(the_same_result_gives_the_same_picture),
        cmocka_unit_test(a_terminal_gets_a_plot_too),
        cmocka_unit_test(strange_names_and_empty_runs_are_drawn),
        cmocka_unit_test(without_gnuplot_table_and_script_are_left),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
