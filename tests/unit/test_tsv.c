/* test_tsv.c - tables as text, and where they say a row is wrong. */
#include "tests/unit.h"

#include "base/tsv.h"

static void
rows_are_cut_into_cells(void **state)
{
    struct tsv tsv;
    struct tsv_row row;
    struct error err = {0};

    assert_true(tsv_open(
        &tsv, "t.tsv", SLICE("# why\n\nid\ttext\na\tone # two\r\n#\tno\nb\t"), "id\ttext", &err));
    assert_int_equal(tsv_next(&tsv, &row, &err), TSV_ROW);
    assert_int_equal(row.line, 4);
    assert_slice(row.cells[0], "a");
    assert_slice(row.cells[1], "one # two");
    assert_int_equal(tsv_next(&tsv, &row, &err), TSV_ROW);
    assert_slice(row.cells[0], "b");
    assert_slice(row.cells[1], "");
    assert_int_equal(tsv_next(&tsv, &row, &err), TSV_END);
    assert_int_equal(tsv_next(&tsv, &row, &err), TSV_END);
}

static void
a_wrong_table_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"",                         "t.tsv:1:1: no row names the columns"            },
        {"# nothing\n",              "t.tsv:1:1: no row names the columns"            },
        {"id\tword\n",               "t.tsv:1:1: the columns are not \"id\ttext\""    },
        {"id\ttext\na\n",            "t.tsv:2:2: a row has 2 cells, this one 1"       },
        {"id\ttext\n\na\tb\tc\n",    "t.tsv:3:4: a row has 2 cells, this one has more"},
        {"id\ttext\n\t\t\t\t\t\t\n", "t.tsv:2:2: a row has 2 cells, this one has more"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tsv tsv;
        struct tsv_row row;
        struct error err = {0};
        bool is_open = tsv_open(&tsv, "t.tsv", slice_of(cases[i].text), "id\ttext", &err);
        print_message("  %s\n", cases[i].error);
        if (is_open)
            assert_int_equal(tsv_next(&tsv, &row, &err), TSV_BAD);
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.text, cases[i].error);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_cut_into_cells),
        cmocka_unit_test(a_wrong_table_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
