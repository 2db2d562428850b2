/* test_momentum_log.c - lines as Momentum's logs have them. */
#include "tests/unit.h"

#include "mta/momentum_log.h"

static const struct momentum_record usual = {
    .wall_us = INT64_C(1767225600500000),
    .message_id = {"01/00-00001-ABCDEF01",                     20},
    .connection_id = {"7",                                        1 },
    .rcpt = {"\"a@b\"@isp.test",                         14},
    .sender = {"b+1z@us.test",                             12},
    .binding = {"127.0.0.1",                                9 },
    .remote = {"mx1.isp.test",                             12},
    .size = 1200,
    .retries = 2,
    .queue_us = 61250000,
    .stage = STAGE_RCPT,
    .class = 22,
    .reply = {"452 4.2.2 full: write to help@isp.test\\", 39}
};

static void
a_line_has_its_fields_in_order(void **state)
{
    static const struct {
        char type;
        const char *main, *bounce;
    } cases[] = {
        {'R',
         "1767225600@01/00-00001-ABCDEF01@01/00-00001-ABCDEF01@7@R@\"a\\x40b\"@isp.test@b+1z@"
            "us.test@mx1.isp.test@1200@esmtp@default@127.0.0.1\n",                             ""                               },
        {'D',
         "1767225600@01/00-00001-ABCDEF01@01/00-00001-ABCDEF01@7@D@isp.test@1200@default@"
            "127.0.0.1@2@61.250@mx1.isp.test\n",                                               ""                               },
        {'T',
         "1767225600@01/00-00001-ABCDEF01@01/00-00001-ABCDEF01@7@T@isp.test@0@default@"
            "127.0.0.1@5@2@61.250@mx1.isp.test@452 4.2.2 full: write to help@isp.test\\x5C\n", "1767225600@01/00-00001-ABCDEF01@01/00-00001-ABCDEF01@7@T@\"a\\x40b\"@isp.test@b+1z@"
            "us.test@default@127.0.0.1@5@22@1200@mx1.isp.test@452 4.2.2 full: write to "
            "help@isp.test\\x5C\n"},
        {'M', "1767225600@@@@M\n",                                                             "1767225600@@@@M\n"              },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct momentum_record record = usual;
        struct text out = {0};

        print_message("  %c\n", cases[i].type);
        record.type = cases[i].type;
        assert_true(momentum_main_line(&out, &record));
        assert_string_equal(text_string(&out), cases[i].main);
        text_clear(&out);
        assert_int_equal(momentum_bounce_line(&out, &record), cases[i].bounce[0] != '\0');
        assert_string_equal(text_string(&out), cases[i].bounce);
        text_release(&out);
    }
}

/* By mail, later: stage 21 of the bounce log; a complaint has a log of its own. */
static void
what_came_back_has_its_lines(void **state)
{
    struct momentum_record record = usual;
    struct text out = {0};

    record.type = 'B';
    record.stage = STAGE_OUT_OF_BAND;
    record.class = 10;
    assert_true(momentum_bounce_line(&out, &record));
    assert_string_equal(text_string(&out),
        "1767225600@01/00-00001-ABCDEF01@01/00-00001-ABCDEF01@7@B@\"a\\x40b\"@isp.test@b+1z@"
        "us.test@default@127.0.0.1@21@10@1200@mx1.isp.test@452 4.2.2 full: write to "
        "help@isp.test\\x5C\n");
    text_clear(&out);
    record.type = 'F';
    record.feedback_type = SLICE("abuse");
    record.reply = SLICE("a person");
    assert_false(momentum_bounce_line(&out, &record));
    assert_true(momentum_complaint_line(&out, &record));
    assert_string_equal(text_string(&out),
        "1767225600@01/00-00001-ABCDEF01@F@\"a\\x40b\"@isp.test@127.0.0.1@default@abuse@us.test@"
        "a person\n");
    text_release(&out);
}

/* The type decides how many: a reader splits at '@', and only the last field may hold one. */
static void
whatever_stands_in_a_field_a_line_keeps_its_count(void **state)
{
    static const struct {
        char type;
        size_t ats;
    } cases[] = {
        {'R', 13},
        {'D', 11},
        {'T', 13},
        {'P', 13},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct momentum_record record = usual;
        struct text out = {0};
        size_t ats = 0;

        record.type = cases[i].type;
        record.rcpt = SLICE("@@\n\x7f@@\t");
        record.sender = SLICE("@");
        record.binding = record.remote = record.message_id = SLICE("a@\r\nb");
        record.reply = SLICE("no\r\nway");
        assert_true(momentum_main_line(&out, &record));
        for (size_t at = 0; at < out.length; at++)
            ats += out.bytes[at] == '@';
        assert_int_equal(ats, cases[i].ats);
        assert_ptr_equal(strchr(out.bytes, '\n'), out.bytes + out.length - 1);
        text_release(&out);
    }
}

static void
what_took_too_long_is_out_of_band(void **state)
{
    struct momentum_record record = usual;
    struct text out = {0};

    record.type = 'P';
    record.is_expired = true;
    assert_true(momentum_main_line(&out, &record));
    assert_non_null(strstr(out.bytes, "@127.0.0.1@21@2@"));
    text_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_fields_in_order),
        cmocka_unit_test(what_came_back_has_its_lines),
        cmocka_unit_test(whatever_stands_in_a_field_a_line_keeps_its_count),
        cmocka_unit_test(what_took_too_long_is_out_of_band),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
