/* test_command.c - commands, their parameters, and the lines they come in. */
#include "tests/unit.h"

#include "smtp/command.h"

/* A slice that a static table may hold. */
#define BYTES(literal)                  \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }

static void
commands_have_a_verb_and_an_argument(void **state)
{
    static const struct {
        const char *line;
        enum verb verb;
        const char *argument;
    } cases[] = {
        {"EHLO mta.test",       VERB_EHLO,     "mta.test"      },
        {"helo  mta.test ",     VERB_HELO,     "mta.test"      },
        {"ehlo [192.0.2.1]",    VERB_EHLO,     "[192.0.2.1]"   },
        {"StartTLS",            VERB_STARTTLS, ""              },
        {"AUTH PLAIN AGEAYg==", VERB_AUTH,     "PLAIN AGEAYg=="},
        {"DATA",                VERB_DATA,     ""              },
        {"data ",               VERB_DATA,     ""              },
        {"RSET",                VERB_RSET,     ""              },
        {"NOOP",                VERB_NOOP,     ""              },
        {"NOOP what so ever",   VERB_NOOP,     "what so ever"  },
        {"QUIT",                VERB_QUIT,     ""              },
        {"VRFY kim",            VERB_VRFY,     "kim"           },
        {"EXPN list",           VERB_EXPN,     "list"          },
        {"HELP",                VERB_HELP,     ""              },
        {"HELP MAIL",           VERB_HELP,     "MAIL"          },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct command command;
        const char *why;

        print_message("  %s\n", cases[i].line);
        assert_int_equal(command_parse(slice_of(cases[i].line), &command, &why), 0);
        assert_int_equal(command.verb, cases[i].verb);
        assert_slice(command.argument, cases[i].argument);
    }
}

static void
mail_and_rcpt_have_an_address(void **state)
{
    static const struct {
        const char *line, *local, *domain;
    } cases[] = {
        {"MAIL FROM:<kim@isp.test>",         "kim",        "isp.test"},
        {"mail from:<kim@isp.test>",         "kim",        "isp.test"},
        {"MAIL FROM: <kim@isp.test>",        "kim",        "isp.test"},
        {"MAIL  FROM:  <kim@isp.test>  ",    "kim",        "isp.test"},
        {"MAIL FROM:<>",                     "",           ""        },
        {"RCPT TO:<kim@isp.test>",           "kim",        "isp.test"},
        {"RCPT TO: <kim@isp.test>",          "kim",        "isp.test"},
        {"RCPT TO:<@foo.test:kim@isp.test>", "kim",        "isp.test"},
        {"RCPT TO:<Postmaster>",             "Postmaster", ""        },
        {"RCPT TO:<\"a> b\"@isp.test>",      "\"a> b\"",   "isp.test"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct command command;
        const char *why;

        print_message("  %s\n", cases[i].line);
        assert_int_equal(command_parse(slice_of(cases[i].line), &command, &why), 0);
        assert_slice(command.address.local, cases[i].local);
        assert_slice(command.address.domain, cases[i].domain);
        assert_int_equal(command.parameters_count, 0);
    }
}

static void
known_parameters_are_read(void **state)
{
    static const struct {
        const char *parameters;
        uint64_t size;
        int64_t by_s;
        bool is_8bit, is_utf8;
        size_t count;
    } cases[] = {
        {"",                                       0,     0,         false, false, 0},
        {" SIZE=12345",                            12345, 0,         false, false, 1},
        {" size=0",                                0,     0,         false, false, 1},
        {"  BODY=8BITMIME  SIZE=7 ",               7,     0,         true,  false, 2},
        {" BODY=7bit",                             0,     0,         false, false, 1},
        {" SMTPUTF8 BODY=8bitmime",                0,     0,         true,  true,  2},
        {" AUTH=<>",                               0,     0,         false, false, 1},
        {" AUTH=kim@isp.test",                     0,     0,         false, false, 1},
        {" BY=3600;R",                             0,     3600,      false, false, 1},
        {" BY=1;n",                                0,     1,         false, false, 1},
        {" by=+120;RT",                            0,     120,       false, false, 1},
        {" BY=999999999;NT",                       0,     999999999, false, false, 1},
        {" BY=302400;R SIZE=1 BODY=7BIT SMTPUTF8", 1,     302400,    false, true,  4},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[120];
        struct command command;
        const char *why;

        snprintf(line, sizeof(line), "MAIL FROM:<kim@isp.test>%s", cases[i].parameters);
        print_message("  %s\n", line);
        assert_int_equal(command_parse(slice_of(line), &command, &why), 0);
        assert_int_equal(command.size, cases[i].size);
        assert_int_equal(command.by_s, cases[i].by_s);
        assert_int_equal(command.is_8bit, cases[i].is_8bit);
        assert_int_equal(command.is_utf8, cases[i].is_utf8);
        assert_int_equal(command.parameters_count, cases[i].count);
    }
}

static void
wrong_commands_get_the_code_they_deserve(void **state)
{
    static const struct {
        const char *line;
        int code;
        const char *why;
    } cases[] = {
        {"",                                               500, "command not recognized"                     },
        {"  ",                                             500, "command not recognized"                     },
        {"FOO",                                            500, "command not recognized"                     },
        {"MAI FROM:<a@b.test>",                            500, "command not recognized"                     },
        {"MAILFROM:<a@b.test>",                            500, "command not recognized"                     },
        {"GET / HTTP/1.1",                                 500, "command not recognized"                     },
        {"EHLO",                                           501, "an argument is missing"                     },
        {"HELO ",                                          501, "an argument is missing"                     },
        {"AUTH",                                           501, "an argument is missing"                     },
        {"VRFY",                                           501, "an argument is missing"                     },
        {"DATA now",                                       501, "this command takes no argument"             },
        {"QUIT now",                                       501, "this command takes no argument"             },
        {"RSET x",                                         501, "this command takes no argument"             },
        {"STARTTLS x",                                     501, "this command takes no argument"             },
        {"MAIL",                                           501, "FROM:<address> is missing"                  },
        {"MAIL TO:<a@b.test>",                             501, "FROM:<address> is missing"                  },
        {"RCPT FROM:<a@b.test>",                           501, "TO:<address> is missing"                    },
        {"MAIL FROM <a@b.test>",                           501, "FROM:<address> is missing"                  },
        {"MAIL FROM:a@b.test",                             501, "an address stands in < and >"               },
        {"MAIL FROM:",                                     501, "an address stands in < and >"               },
        {"MAIL FROM:<a@b.test",                            501, "an address stands in < and >"               },
        {"MAIL FROM:<postmaster>",                         501, "the domain is missing"                      },
        {"RCPT TO:<>",                                     501, "nobody can be reached at <>"                },
        {"RCPT TO:<a b@b.test>",                           501, "not a valid local part"                     },
        {"MAIL FROM:<a@b.test>SIZE=1",                     501, "a space is missing behind the address"      },
        {"MAIL FROM:<a@b.test> SIZE=x",                    501, "SIZE needs a number of bytes"               },
        {"MAIL FROM:<a@b.test> SIZE",                      501, "SIZE needs a number of bytes"               },
        {"MAIL FROM:<a@b.test> SIZE=",                     501, "not a valid parameter"                      },
        {"MAIL FROM:<a@b.test> SIZE=1=2",                  501, "not a valid parameter"                      },
        {"MAIL FROM:<a@b.test> =1",                        501, "not a valid parameter"                      },
        {"MAIL FROM:<a@b.test> -A=1",                      501, "not a valid parameter"                      },
        {"MAIL FROM:<a@b.test> A\tB",                      501, "not a valid parameter"                      },
        {"MAIL FROM:<a@b.test> SIZE=1 size=2",             501, "a parameter stands there twice"             },
        {"MAIL FROM:<a@b.test> SIZE=99999999999999999999", 501, "SIZE needs a number of bytes"               },
        {"MAIL FROM:<a@b.test> BODY=BINARYMIME",           501, "BODY is 7BIT or 8BITMIME"                   },
        {"MAIL FROM:<a@b.test> SMTPUTF8=1",                501, "SMTPUTF8 takes no value"                    },
        {"MAIL FROM:<a@b.test> AUTH",                      501, "AUTH needs a mailbox or <>"                 },
        {"MAIL FROM:<a@b.test> BY=60",                     501, "BY needs seconds and a mode, such as 3600;R"},
        {"MAIL FROM:<a@b.test> BY=0;R",                    501, "the time of BY is 1 to 999999999 seconds"   },
        {"MAIL FROM:<a@b.test> BY=-60;N",                  501, "the time of BY is 1 to 999999999 seconds"   },
        {"MAIL FROM:<a@b.test> BY=1000000000;R",           501, "the time of BY is 1 to 999999999 seconds"   },
        {"MAIL FROM:<a@b.test> BY=;R",                     501, "the time of BY is 1 to 999999999 seconds"   },
        {"MAIL FROM:<a@b.test> BY=60;",                    501, "the mode of BY is R or N, with or without T"},
        {"MAIL FROM:<a@b.test> BY=60;T",                   501, "the mode of BY is R or N, with or without T"},
        {"MAIL FROM:<a@b.test> BY=60;RN",                  501, "the mode of BY is R or N, with or without T"},
        {"MAIL FROM:<a@b.test> BY=60;RTT",                 501, "the mode of BY is R or N, with or without T"},
        {"MAIL FROM:<a@b.test> RET=HDRS",                  555, "a parameter is not known"                   },
        {"MAIL FROM:<a@b.test> X SIZE=9",                  555, "a parameter is not known"                   },
        {"MAIL FROM:<a@b.test> X SIZE=x",                  501, "SIZE needs a number of bytes"               },
        {"RCPT TO:<a@b.test> NOTIFY=NEVER",                555, "a parameter is not known"                   },
        {"RCPT TO:<a@b.test> SIZE=9",                      555, "a parameter is not known"                   },
        {"MAIL FROM:<a@b.test> A B C D E F G H I J K",     501, "too many parameters"                        },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct command command;
        const char *why = NULL;

        print_message("  %s\n", cases[i].line);
        assert_int_equal(command_parse(slice_of(cases[i].line), &command, &why), cases[i].code);
        assert_string_equal(why, cases[i].why);
    }
}

static void
every_verb_has_a_name(void **state)
{
    assert_string_equal(verb_name(VERB_UNKNOWN), "");
    for (int verb = VERB_HELO; verb <= VERB_HELP; verb++) {
        struct command command;
        const char *why;

        command_parse(slice_of(verb_name((enum verb)verb)), &command, &why);
        assert_int_equal(command.verb, verb);
    }
}

static void
lines_end_in_crlf_and_nothing_else(void **state)
{
    static const struct {
        struct slice bytes;
        size_t used;
        const char *line; /* NULL: no line */
        bool is_malformed;
    } cases[] = {
        {BYTES(""),                     0,  NULL,          false},
        {BYTES("QUIT"),                 0,  NULL,          false},
        {BYTES("QUIT\r"),               0,  NULL,          false},
        {BYTES("QUIT\n"),               0,  NULL,          false},
        {BYTES("QUIT\r\n"),             6,  "QUIT",        false},
        {BYTES("\r\n"),                 2,  "",            false},
        {BYTES("QUIT\r\nRSET\r\n"),     6,  "QUIT",        false},
        {BYTES("QUIT\nRSET\r\n"),       11, "QUIT\nRSET",  true },
        {BYTES("QUIT\rRSET\r\n"),       11, "QUIT\rRSET",  true },
        {BYTES("QUIT\r\r\n"),           7,  "QUIT\r",      true },
        {BYTES("\n\r\n"),               3,  "\n",          true },
        {BYTES("12345678\r\n"),         10, "12345678",    false},
        {BYTES("1234567890\r\n"),       12, "1234567890",  false},
        {BYTES("12345678901\r\n"),      13, "12345678901", true },
        {BYTES("123456789012"),         0,  NULL,          false},
        {BYTES("1234567890123"),        1,  NULL,          true },
        {BYTES("12345678901234567890"), 8,  NULL,          true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice line;
        bool is_malformed;

        print_message("  %.*s\n", SLICE_ARGS(cases[i].bytes));
        assert_int_equal(line_next(cases[i].bytes, 12, &line, &is_malformed), cases[i].used);
        assert_int_equal(is_malformed, cases[i].is_malformed);
        if (cases[i].line != NULL)
            assert_slice(line, cases[i].line);
        else
            assert_null(line.at);
    }
    {
        struct slice line;
        bool is_malformed;

        assert_int_equal(line_next(SLICE("QU\0IT\r\n"), 12, &line, &is_malformed), 7);
        assert_true(is_malformed);
    }
}

/* What follows an endless line in the same line must never be taken for a command. */
static void
the_tail_of_an_endless_line_is_no_command(void **state)
{
    struct text stream = {0}, buffer = {0};
    int lines = 0, malformed = 0;

    text_add_repeated(&stream, 'x', 5000);
    text_add_string(&stream, "RSET\r\nQUIT\r\n");
    for (size_t i = 0; i < stream.length; i++) {
        struct slice line;
        bool is_malformed;
        size_t used;

        text_add_char(&buffer, stream.bytes[i]);
        assert_true(buffer.length <= COMMAND_LINE_MAX + 1);
        used = line_next(text_slice(&buffer), COMMAND_LINE_MAX, &line, &is_malformed);
        if (used > 0 && line.at != NULL) {
            lines++;
            malformed += is_malformed;
        }
        memmove(buffer.bytes, buffer.bytes + used, buffer.length - used);
        buffer.length -= used;
    }
    assert_int_equal(lines, 2);
    assert_int_equal(malformed, 1);
    text_release(&stream);
    text_release(&buffer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_have_a_verb_and_an_argument),
        cmocka_unit_test(mail_and_rcpt_have_an_address),
        cmocka_unit_test(known_parameters_are_read),
        cmocka_unit_test(wrong_commands_get_the_code_they_deserve),
        cmocka_unit_test(every_verb_has_a_name),
        cmocka_unit_test(lines_end_in_crlf_and_nothing_else),
        cmocka_unit_test(the_tail_of_an_endless_line_is_no_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
