/* test_columns.c - rows for people and for programs. */
#include "tests/unit.h"

#include "base/columns.h"

static const char *const names[] = {"domain", "waiting", "age"};

static void
people_see_aligned_columns_and_programs_json(void **state)
{
    struct columns columns = columns_begin(names, COUNT_OF(names));
    struct text out = {0};

    columns_text(&columns, SLICE("isp.test"));
    columns_number(&columns, 7);
    columns_both(&columns, SLICE("1m"), 60);
    columns_text(&columns, SLICE("a\"b"));
    columns_number(&columns, 12345678);
    columns_both(&columns, SLICE(""), 0);
    columns_render(&columns, false, &out);
    assert_string_equal(text_string(&out),
        "domain     waiting  age\n"
        "isp.test         7   1m\n"
        "a\"b       12345678     \n");
    text_clear(&out);
    columns_render(&columns, true, &out);
    assert_string_equal(text_string(&out),
        "[{\"domain\":\"isp.test\",\"waiting\":7,\"age\":60},"
        "{\"domain\":\"a\\\"b\",\"waiting\":12345678,\"age\":0}]");
    text_release(&out);
    columns_release(&columns);
}

static void
no_rows_are_a_head_or_an_empty_list(void **state)
{
    struct columns columns = columns_begin(names, COUNT_OF(names));
    struct text out = {0};

    columns_render(&columns, false, &out);
    assert_string_equal(text_string(&out), "domain  waiting  age\n");
    text_clear(&out);
    columns_render(&columns, true, &out);
    assert_string_equal(text_string(&out), "[]");
    text_release(&out);
    columns_release(&columns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_see_aligned_columns_and_programs_json),
        cmocka_unit_test(no_rows_are_a_head_or_an_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
