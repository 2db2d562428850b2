/* test_wish.c - addresses that say what shall happen to them. */
#include "tests/unit.h"

#include "base/unit.h"
#include "fakeisp/wish.c"

static void
words_are_read_as_a_person_means_them(void **state)
{
    const struct {
        const char *address;
        struct wish wish;
    } cases[] = {
        {"550_5.1.1@x.test",
         {.kind = WISH_REPLY, .stage = STAGE_RCPT, .code = 550, .enhanced = {5, 1, 1}}   },
        {"550@x.test",
         {.kind = WISH_REPLY, .stage = STAGE_RCPT, .code = 550, .enhanced = {5, 0, 0}}   },
        {"451_4.7.1+kim@x.test",
         {.kind = WISH_REPLY, .stage = STAGE_RCPT, .code = 451, .enhanced = {4, 7, 1}}   },
        {"data_552_5.3.4@x.test",
         {.kind = WISH_REPLY, .stage = STAGE_DATA, .code = 552, .enhanced = {5, 3, 4}}   },
        {"dot_421@x.test",
         {.kind = WISH_REPLY, .stage = STAGE_DOT, .code = 421, .enhanced = {4, 0, 0}}    },
        {"Close@x.test",                  {.kind = WISH_CLOSE, .stage = STAGE_RCPT}      },
        {"dot_close@x.test",              {.kind = WISH_CLOSE, .stage = STAGE_DOT}       },
        {"reset@x.test",                  {.kind = WISH_RESET, .stage = STAGE_RCPT}      },
        {"silent@x.test",                 {.kind = WISH_SILENCE, .stage = STAGE_RCPT}    },
        {"delay_5s@x.test",               {.stage = STAGE_RCPT, .delay_us = 5 * US_PER_S}},
        {"delay_5s_dot_451_4.3.0@x.test",
         {.kind = WISH_REPLY,
                .stage = STAGE_DOT,
                .code = 451,
                .enhanced = {4, 3, 0},
                .delay_us = 5 * US_PER_S}                                                },
        {"drip_1s_550@x.test",
         {.kind = WISH_REPLY,
                .stage = STAGE_RCPT,
                .code = 550,
                .enhanced = {5, 0, 0},
                .drip_us = US_PER_S}                                                     },
        {"times_3_full@x.test",
         {.kind = WISH_REPLY,
                .stage = STAGE_RCPT,
                .code = 452,
                .enhanced = {4, 2, 2},
                .times = 3}                                                              },
        {"greylist@x.test",
         {.kind = WISH_REPLY,
                .stage = STAGE_RCPT,
                .code = 451,
                .enhanced = {4, 7, 1},
                .young_us = 5 * US_PER_MIN}                                              },
        {"greylist_15m@x.test",
         {.kind = WISH_REPLY,
                .stage = STAGE_RCPT,
                .code = 451,
                .enhanced = {4, 7, 1},
                .young_us = 15 * US_PER_MIN}                                             },
        {"dsn_20m_5.2.2@x.test",
         {.stage = STAGE_RCPT,
                .report = DSN_FAILED,
                .report_after_us = 20 * US_PER_MIN,
                .report_code = {5, 2, 2}}                                                },
        {"dsn_5.2.2_20m@x.test",
         {.stage = STAGE_RCPT,
                .report = DSN_FAILED,
                .report_after_us = 20 * US_PER_MIN,
                .report_code = {5, 2, 2}}                                                },
        {"dsn@x.test",
         {.stage = STAGE_RCPT,
                .report = DSN_FAILED,
                .report_after_us = 10 * US_PER_S,
                .report_code = {5, 1, 1}}                                                },
        {"greylist_1m_dsn_2h@x.test",
         {.kind = WISH_REPLY,
                .stage = STAGE_RCPT,
                .code = 451,
                .enhanced = {4, 7, 1},
                .young_us = US_PER_MIN,
                .report = DSN_FAILED,
                .report_after_us = 2 * US_PER_HOUR,
                .report_code = {5, 1, 1}}                                                },
        {"delayed_1h@x.test",
         {.stage = STAGE_RCPT,
                .report = DSN_DELAYED,
                .report_after_us = US_PER_HOUR,
                .report_code = {4, 4, 1}}                                                },
        {"help@x.test",                   {.kind = WISH_HELP, .stage = STAGE_RCPT}       },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wish wish;

        print_message("  %s\n", cases[i].address);
        assert_true(wish_read(slice_of(cases[i].address), &wish));
        assert_int_equal(wish.kind, cases[i].wish.kind);
        assert_int_equal(wish.stage, cases[i].wish.stage);
        assert_int_equal(wish.code, cases[i].wish.code);
        assert_int_equal(enhanced_pack(wish.enhanced), enhanced_pack(cases[i].wish.enhanced));
        assert_int_equal(wish.delay_us, cases[i].wish.delay_us);
        assert_int_equal(wish.drip_us, cases[i].wish.drip_us);
        assert_int_equal(wish.young_us, cases[i].wish.young_us);
        assert_int_equal(wish.times, cases[i].wish.times);
        assert_int_equal(wish.report, cases[i].wish.report);
        assert_int_equal(wish.report_after_us, cases[i].wish.report_after_us);
        assert_int_equal(enhanced_pack(wish.report_code), enhanced_pack(cases[i].wish.report_code));
    }
}

static void
an_address_may_name_a_dialect(void **state)
{
    static const struct {
        const char *address, *style;
        enum isp_return_kind back;
        enum dsn_kind report;
        int64_t after_us;
    } cases[] = {
        {"dsn_qmail@x.test",               "qmail",         RETURN_REPORT,     DSN_FAILED,  10 * US_PER_S  },
        {"dsn_20m_qmail_5.2.2@x.test",     "qmail",         RETURN_REPORT,     DSN_FAILED,  20 * US_PER_MIN},
        {"dsn_5.2.2_microsoft-365@x.test", "microsoft-365", RETURN_REPORT,     DSN_FAILED,
         10 * US_PER_S                                                                                     },
        {"dsn_1und1_1m@x.test",            "1und1",         RETURN_REPORT,     DSN_FAILED,  US_PER_MIN     },
        {"delayed_exim_1h@x.test",         "exim",          RETURN_REPORT,     DSN_DELAYED, US_PER_HOUR    },
        {"dsn_any@x.test",                 "any",           RETURN_REPORT,     DSN_FAILED,  10 * US_PER_S  },
        {"dsn_1m_greylist_2m@x.test",      "",              RETURN_REPORT,     DSN_FAILED,  US_PER_MIN     },
        {"reply@x.test",                   "english",       RETURN_AUTO_REPLY, DSN_OTHER,   10 * US_PER_S  },
        {"reply_1m_challenge@x.test",      "challenge",     RETURN_AUTO_REPLY, DSN_OTHER,   US_PER_MIN     },
        {"complaint_2h@x.test",            "arf",           RETURN_COMPLAINT,  DSN_OTHER,   2 * US_PER_HOUR},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wish wish;

        print_message("  %s\n", cases[i].address);
        assert_true(wish_read(slice_of(cases[i].address), &wish));
        assert_slice(wish.style, cases[i].style);
        assert_int_equal(wish.back, cases[i].back);
        assert_int_equal(wish.report, cases[i].report);
        assert_int_equal(wish.report_after_us, cases[i].after_us);
    }
}

static void
what_means_nothing_wishes_nothing(void **state)
{
    static const char *const addresses[] = {"kim@x.test", "@x.test", "", "5500@x.test",
        "550_4.1.1@x.test", "354@x.test", "199@x.test", "600@x.test", "data@x.test", "delay@x.test",
        "delay_5y@x.test", "delay_2h@x.test", "times_0_550@x.test", "times_3@x.test",
        "dsn_qmail_exim@x.test", "dsn_999@x.test", "kim_550@x.test", "dsn_8d@x.test",
        "550_5.1.1_kim@x.test"};

    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct wish wish;

        print_message("  %s\n", addresses[i]);
        assert_false(wish_read(slice_of(addresses[i]), &wish));
        assert_int_equal(wish.kind, WISH_NOTHING);
        assert_int_equal(wish.report, DSN_NONE);
    }
}

/* What the help shows is what the reader takes: each example means something. */
static void
every_example_of_the_help_can_be_read(void **state)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct wish wish;

        print_message("  %s\n", words[i].usage);
        assert_true(wish_read(slice_of(words[i].usage), &wish));
    }
}

static void
the_help_fits_into_a_reply(void **state)
{
    struct smtp_reply reply =
                          {
                              .code = 550, .enhanced = {5, 7, 0}
    },
                      heard;
    struct text text = {0}, wire = {0}, scratch = {0};
    size_t used;

    wish_help(&text);
    reply.text = text_slice(&text);
    reply_write(&wire, &reply);
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &heard, &used), REPLY_COMPLETE);
    assert_slice(heard.text, text_string(&text));
    text_release(&text);
    text_release(&wire);
    text_release(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_read_as_a_person_means_them),
        cmocka_unit_test(an_address_may_name_a_dialect),
        cmocka_unit_test(what_means_nothing_wishes_nothing),
        cmocka_unit_test(every_example_of_the_help_can_be_read),
        cmocka_unit_test(the_help_fits_into_a_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
