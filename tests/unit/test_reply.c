/* test_reply.c - replies as servers really send them, and as scenarios write them. */
#include "tests/unit.h"

#include "smtp/reply.h"

static const struct {
    const char *wire;
    uint16_t code;
    const char *enhanced, *text;
} replies[] = {
    {"250 OK\r\n",                           250, "",          "OK"                 },
    {"250\r\n",                              250, "",          ""                   },
    {"250 \r\n",                             250, "",          ""                   },
    {"250ok\r\n",                            250, "",          "ok"                 },
    {"250\tok\r\n",                          250, "",          "ok"                 },
    {"250 ok\n",                             250, "",          "ok"                 },
    {"250 ok \t\r\r\n",                      250, "",          "ok"                 },
    {"250-\r\n250 \r\n",                     250, "",          "\n"                 },
    {"550 5.1.1 <a@b.test>: unknown\r\n",    550, "5.1.1",     "<a@b.test>: unknown"},
    {"550 5.1.1\r\n",                        550, "5.1.1",     ""                   },
    {"550 5.7.1: no\r\n",                    550, "5.7.1",     ": no"               },
    {"550 5.7.1,no\r\n",                     550, "5.7.1",     ",no"                },
    {"552 4.2.2 full\r\n",                   552, "4.2.2",     "full"               },
    {"421 4.7.28 slow down\r\n",             421, "4.7.28",    "slow down"          },
    {"599 5.999.999 x\r\n",                  599, "5.999.999", "x"                  },
    {"550 5.1.1.1 is listed\r\n",            550, "",          "5.1.1.1 is listed"  },
    {"550 3.1.1 x\r\n",                      550, "",          "3.1.1 x"            },
    {"550 5.01.1 x\r\n",                     550, "",          "5.01.1 x"           },
    {"550 5.1000.1 x\r\n",                   550, "",          "5.1000.1 x"         },
    {"550 5.1. x\r\n",                       550, "",          "5.1. x"             },
    {"551-5.7.1 one\r\n551 5.7.1 two\r\n",   551, "5.7.1",     "one\ntwo"           },
    {"551-one\r\n551 5.7.1 two\r\n",         551, "5.7.1",     "one\ntwo"           },
    {"551-5.7.1 one\r\n551 two\r\n",         551, "5.7.1",     "one\ntwo"           },
    {"551-5.7.1 one\r\n551 5.7.2 two\r\n",   551, "5.7.1",     "one\n5.7.2 two"     },
    {"250-one\r\n550 two\r\n",               550, "",          "one\ntwo"           },
    {"250-a\r\n250-\r\n250- b\r\n250 c\r\n", 250, "",          "a\n\n b\nc"         },
};

static void
replies_of_real_servers_are_understood(void **state)
{
    struct text scratch = {0}, enhanced = {0};
    struct smtp_reply reply;
    size_t used;

    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        print_message("  %s", replies[i].wire);
        assert_int_equal(
            reply_read(slice_of(replies[i].wire), &scratch, &reply, &used), REPLY_COMPLETE);
        assert_int_equal(reply.code, replies[i].code);
        assert_int_equal(used, strlen(replies[i].wire));
        assert_slice(reply.text, replies[i].text);
        text_clear(&enhanced);
        enhanced_format(&enhanced, reply.enhanced);
        assert_slice(text_slice(&enhanced), replies[i].enhanced);
    }
    text_release(&scratch);
    text_release(&enhanced);
}

static void
a_reply_is_incomplete_until_its_last_byte(void **state)
{
    struct text scratch = {0};
    struct smtp_reply reply;
    size_t used;

    for (size_t i = 0; i < COUNT_OF(replies); i++)
        for (size_t length = 0; length < strlen(replies[i].wire); length++) {
            struct slice part = {replies[i].wire, length};

            assert_int_equal(reply_read(part, &scratch, &reply, &used), REPLY_INCOMPLETE);
        }
    text_release(&scratch);
}

static void
what_is_no_reply_is_malformed(void **state)
{
    static const char *const cases[] = {"hello\r\n", "\r\n", "25\r\n", "2500 x\r\n", "199 x\r\n",
        "600 x\r\n", "000\r\n", " 250 x\r\n", "250-x\r\nHELP\r\n", "250-x\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\n", "-250 x\r\n", "2a0 x\r\n"};
    struct text scratch = {0};
    struct smtp_reply reply;
    size_t used;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s", cases[i]);
        assert_int_equal(reply_read(slice_of(cases[i]), &scratch, &reply, &used), REPLY_MALFORMED);
    }
    text_release(&scratch);
}

static void
only_the_first_reply_is_taken(void **state)
{
    struct slice bytes = SLICE("250-a\r\n250 b\r\n354 go\r\n");
    struct text scratch = {0};
    struct smtp_reply reply;
    size_t used;

    assert_int_equal(reply_read(bytes, &scratch, &reply, &used), REPLY_COMPLETE);
    assert_slice(reply.text, "a\nb");
    bytes = slice_from(bytes, used);
    assert_int_equal(reply_read(bytes, &scratch, &reply, &used), REPLY_COMPLETE);
    assert_int_equal(reply.code, 354);
    assert_true(reply.text.at == bytes.at + 4); /* one line is not copied */
    assert_int_equal(scratch.length, 0);
    text_release(&scratch);
}

static void
endless_replies_have_a_bound(void **state)
{
    struct text wire = {0}, scratch = {0};
    struct smtp_reply reply;
    size_t used;

    text_add_string(&wire, "250 ");
    text_add_repeated(&wire, 'x', REPLY_LINE_MAX - 4);
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &reply, &used), REPLY_INCOMPLETE);
    text_add_char(&wire, 'x');
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &reply, &used), REPLY_MALFORMED);

    text_clear(&wire);
    for (int i = 0; i < REPLY_LINES_MAX - 1; i++)
        text_add_string(&wire, "250-x\r\n");
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &reply, &used), REPLY_INCOMPLETE);
    text_add_string(&wire, "250 x\r\n");
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &reply, &used), REPLY_COMPLETE);
    assert_int_equal(reply.text.length, 2 * REPLY_LINES_MAX - 1);
    wire.bytes[wire.length - 4] = '-';
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &reply, &used), REPLY_MALFORMED);
    text_release(&wire);
    text_release(&scratch);
}

static void
long_text_is_cut_but_the_reply_ends_where_it_ends(void **state)
{
    struct text wire = {0}, scratch = {0};
    struct smtp_reply reply;
    size_t used;

    for (int i = 0; i < 20; i++) {
        text_add_string(&wire, i < 19 ? "250-" : "250 ");
        text_add_repeated(&wire, 'x', 1000);
        text_add_string(&wire, "\r\n");
    }
    assert_int_equal(reply_read(text_slice(&wire), &scratch, &reply, &used), REPLY_COMPLETE);
    assert_int_equal(used, wire.length);
    assert_int_equal(reply.text.length, REPLY_TEXT_MAX);
    text_release(&wire);
    text_release(&scratch);
}

static void
scenarios_write_replies_as_people_do(void **state)
{
    static const struct {
        const char *text;
        uint16_t code;
        const char *shown, *wire;
    } cases[] = {
        {"550 5.1.1 no mailbox of that name", 550, "550 5.1.1 no mailbox of that name",
         "550 5.1.1 no mailbox of that name\r\n"                                                                    },
        {"421 4.7.28 sending too fast",       421, "421 4.7.28 sending too fast",
         "421 4.7.28 sending too fast\r\n"                                                                          },
        {"250 ok",                            250, "250 ok",                            "250 ok\r\n"                },
        {"250",                               250, "250",                               "250 \r\n"                  },
        {"550 5.1.1",                         550, "550 5.1.1",                         "550 5.1.1\r\n"             },
        {"  354   go ahead ",                 354, "354 go ahead",                      "354 go ahead\r\n"          },
        {"550 5.7.1   why\nwhere\n",          550, "550 5.7.1 why where",
         "550-5.7.1 why\r\n550 5.7.1 where\r\n"                                                                     },
        {"550 a\n\nb",                        550, "550 a  b",                          "550-a\r\n550-\r\n550 b\r\n"},
        {"550 4 tries are enough",            550, "550 4 tries are enough",            "550 4 tries are enough\r\n"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text shown = {0}, wire = {0};
        struct smtp_reply reply;
        const char *why;

        print_message("  %s\n", cases[i].text);
        assert_true(reply_parse(slice_of(cases[i].text), &reply, &why));
        assert_int_equal(reply.code, cases[i].code);
        reply_format(&shown, &reply);
        assert_slice(text_slice(&shown), cases[i].shown);
        reply_write(&wire, &reply);
        assert_slice(text_slice(&wire), cases[i].wire);
        text_release(&shown);
        text_release(&wire);
    }
}

static void
slips_in_a_scenario_are_named(void **state)
{
    static const char *const no_code = "a reply starts with a code of three digits, such as 550";
    static const char *const no_space =
        "the code of a reply has three digits and a space behind it";
    static const char *const range = "codes of replies go from 200 to 599";
    static const char *const class =
        "the enhanced status code must start with the first digit of the code";
    static const struct {
        const char *text;
        const char *const *why;
    } cases[] = {
        {"no code here", &no_code },
        {"99 x",         &no_code },
        {"",             &no_code },
        {"5.1.1 x",      &no_code },
        {"5501 x",       &no_space},
        {"550-x",        &no_space},
        {"550x",         &no_space},
        {"199 x",        &range   },
        {"600 x",        &range   },
        {"000",          &range   },
        {"550 4.1.1 x",  &class   },
        {"250 5.0.0 x",  &class   },
        {"354 2.0.0 go", &class   },
        {"451 5.1.1",    &class   },
    };
    struct smtp_reply reply;
    const char *why;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].text);
        assert_false(reply_parse(slice_of(cases[i].text), &reply, &why));
        assert_string_equal(why, *cases[i].why);
    }
    assert_false(reply_parse(SLICE("550 a\rb"), &reply, &why));
    assert_false(reply_parse(SLICE("550 a\0b"), &reply, &why));
}

static void
no_text_can_break_its_line(void **state)
{
    struct smtp_reply reply = {.code = 550, .text = SLICE("a\r.\0b\rc")};
    struct text wire = {0};

    reply_write(&wire, &reply);
    assert_slice(text_slice(&wire), "550 a . b c\r\n");
    text_release(&wire);
}

static void
enhanced_codes_fit_one_number(void **state)
{
    for (unsigned class = 2; class <= 5; class ++)
        for (unsigned subject = 0; subject <= 999; subject += 37)
            for (unsigned detail = 0; detail <= 999; detail += 37) {
                struct enhanced_code code = {(uint8_t) class, (uint16_t)subject, (uint16_t)detail};
                struct enhanced_code back = enhanced_unpack(enhanced_pack(code));

                assert_int_equal(back.class, class);
                assert_int_equal(back.subject, subject);
                assert_int_equal(back.detail, detail);
            }
    assert_int_equal(enhanced_pack((struct enhanced_code){0}), 0);
}

static void
any_bytes_are_a_reply(void **state)
{
    static const struct {
        const char *bytes;
        unsigned code;
        const char *enhanced, *text;
    } cases[] = {
        {"550 5.1.1 no such user",     550, "5.1.1", "no such user"          },
        {"550-5.1.1 no such user",     550, "5.1.1", "no such user"          },
        {" 550 550 5.1.1: no\r\n",     550, "5.1.1", ": no"                  },
        {"450 550 later",              450, "",      "550 later"             },
        {"550 #5.1.0 Address no more", 550, "5.1.0", "#5.1.0 Address no more"},
        {"550 nobody here (#5.1.1)",   550, "5.1.1", "nobody here (#5.1.1)"  },
        {"550 4.2.1 codes disagree",   550, "4.2.1", "codes disagree"        },
        {"5.2.2 full",                 0,   "5.2.2", "full"                  },
        {"2009-11-30 failed",          0,   "",      "2009-11-30 failed"     },
        {"650 is no code",             0,   "",      "650 is no code"        },
        {"554",                        554, "",      ""                      },
        {" \t\r\n",                    0,   "",      ""                      },
        {"# and #",                    0,   "",      "# and #"               },
        {"#",                          0,   "",      "#"                     },
    };
    struct text enhanced = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct smtp_reply reply;

        reply_find(slice_of(cases[i].bytes), &reply);
        text_clear(&enhanced);
        enhanced_format(&enhanced, reply.enhanced);
        assert_int_equal(reply.code, cases[i].code);
        assert_string_equal(text_string(&enhanced), cases[i].enhanced);
        assert_slice(reply.text, cases[i].text);
    }
    reply_find((struct slice){NULL, 0}, &(struct smtp_reply){0});
    text_release(&enhanced);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_real_servers_are_understood),
        cmocka_unit_test(a_reply_is_incomplete_until_its_last_byte),
        cmocka_unit_test(what_is_no_reply_is_malformed),
        cmocka_unit_test(only_the_first_reply_is_taken),
        cmocka_unit_test(endless_replies_have_a_bound),
        cmocka_unit_test(long_text_is_cut_but_the_reply_ends_where_it_ends),
        cmocka_unit_test(scenarios_write_replies_as_people_do),
        cmocka_unit_test(slips_in_a_scenario_are_named),
        cmocka_unit_test(no_text_can_break_its_line),
        cmocka_unit_test(enhanced_codes_fit_one_number),
        cmocka_unit_test(any_bytes_are_a_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
