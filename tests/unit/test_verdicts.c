/* test_verdicts.c - the confusion matrix reads well, and rounds nobody's mistakes away. */
#include "tests/unit.h"

#include "reports/json_result.h"
#include "reports/result_pack.h"
#include "reports/text.h"
#include "reports/verdicts.h"
#include "tests/unit/results.h"

static const struct report_style utf8 = {.is_utf8 = true};
static const struct report_style ascii = {0};

static void
the_matrix_reads_well(void **state)
{
    struct result result = good_result();
    struct text out = {0};

    add_confusion(&result);
    verdicts_report(&out, &result, &utf8);
    text_add_string(&out, "\n--- ASCII\n");
    verdicts_report(&out, &result, &ascii);
    assert_golden(text_slice(&out), "tests/golden/report_verdicts.txt");
    text_release(&out);
    result_release(&result);
}

static void
nothing_is_said_about_nothing(void **state)
{
    struct result result = good_result();
    struct text out = {0};

    result.confusion.unspoken = 12; /* connections failed, and that is no matter of words */
    verdicts_report(&out, &result, &utf8);
    assert_int_equal(out.length, 0);
    result_release(&result);
}

static void
shares_are_rounded_without_hiding_what_is_missing(void **state)
{
    static const struct {
        uint64_t part, whole;
        const char *expected;
    } cases[] = {
        {0,         0,          ""           },
        {0,         7,          "0.0%"       },
        {2,         3,          "66.7%"      },
        {7,         7,          "100.0%"     },
        {1999,      2000,       "99.95%"     },
        {999999,    1000000,    "99.9999%"   },
        {999999999, 1000000000, "99.9999999%"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = {0};

        verdicts_format_share(&out, cases[i].part, cases[i].whole);
        assert_string_equal(text_string(&out), cases[i].expected);
        text_release(&out);
    }
}

/* As many classes as there are: the rarest share a column, and the table stays one. */
static void
many_classes_fit_into_a_table(void **state)
{
    enum { CLASSES = 21 };
    struct result_confusion_cell cells[2 * CLASSES];
    struct result_confusion_class classes[CLASSES];
    struct result result = {0};

    for (size_t count = 1; count <= CLASSES; count++) {
        struct text out = {0};

        for (size_t i = 0; i < count; i++) {
            int class = (int)i + 1;

            cells[2 * i] = (struct result_confusion_cell){class, 0, 1};
            cells[2 * i + 1] = (struct result_confusion_cell){class, class, 1000 + 7 * i % 5};
            classes[i] = (struct result_confusion_class){
                class, SLICE("Class"), 1000 + 7 * i % 5, 1001 + 7 * i % 5, 1000 + 7 * i % 5};
        }
        result.confusion = (struct result_confusion){.cells = cells,
            .cells_count = 2 * count,
            .classes = classes,
            .classes_count = count,
            .agreed = 1,
            .all = 2,
            .macro_f1_ppb = 500000000};
        verdicts_report(&out, &result, &utf8);
        assert_int_equal(strstr(text_string(&out), "  other  ") != NULL, count > 15);
        assert_non_null(strstr(text_string(&out), "  none  "));
        text_release(&out);
    }
}

/* Fifty dialects, two of them badly understood. */
static void
dialects_without_mistakes_share_a_line(void **state)
{
    struct result_confusion_dialect dialects[50];
    struct result result = good_result();
    struct text out = {0};

    add_confusion(&result);
    for (size_t i = 0; i < COUNT_OF(dialects); i++)
        dialects[i] =
            (struct result_confusion_dialect){i % 25 == 7 ? SLICE("bad") : SLICE("good"), 10, 10};
    dialects[7].agreed = dialects[32].agreed = 0;
    result.confusion.dialects = dialects;
    result.confusion.dialects_count = COUNT_OF(dialects);
    verdicts_report(&out, &result, &utf8);
    assert_non_null(strstr(text_string(&out),
        "  bad               10      0       0.0%\n"
        "  bad               10      0       0.0%\n"
        "  48 others        480    480     100.0%\n"));
    assert_null(strstr(text_string(&out), "good"));
    text_release(&out);
    result_release(&result);
}

static void
json_and_the_packed_result_have_every_number(void **state)
{
    static const char *const pieces[] = {"\"qualified\": 3962", "\"agreed\": 3947",
        "\"macro_f1_percent\": 74.322", "\"cause\": 22", "\"recall_percent\": null",
        "\"precision_percent\": 99.933", "\"dialect\": \"<exim> & co\"", "\"unspoken\": 1004"};
    struct result result = good_result(), unpacked;
    struct text packed = {0}, direct = {0}, out = {0};

    add_confusion(&result);
    result_pack(&packed, &result);
    json_report(&direct, &result);
    assert_true(result_unpack(&unpacked, text_slice(&packed)));
    result_release(&result);
    json_report(&out, &unpacked);
    assert_true(slice_equals(text_slice(&out), text_slice(&direct)));
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        print_message("  %s\n", pieces[i]);
        assert_non_null(strstr(text_string(&out), pieces[i]));
    }
    result_release(&unpacked);
    text_release(&packed);
    text_release(&direct);
    text_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_matrix_reads_well),
        cmocka_unit_test(nothing_is_said_about_nothing),
        cmocka_unit_test(shares_are_rounded_without_hiding_what_is_missing),
        cmocka_unit_test(many_classes_fit_into_a_table),
        cmocka_unit_test(dialects_without_mistakes_share_a_line),
        cmocka_unit_test(json_and_the_packed_result_have_every_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
