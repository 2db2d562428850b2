/* test_inject.c - the door for new messages, as byte scripts. */
#include "tests/unit/inject_world.h"

/* --- dialogues ------------------------------------------------------------------------------- */

#define TEN(x) x x x x x x x x x x

/* Columns as wide as the longest script would show none of them. */
/* clang-format off */
static const struct script {
    const char *name, *says, *codes;
    size_t taken_count;
    bool is_ended;
} scripts[] = {
    {"a message", HELLO ENVELOPE MESSAGE, "250 250 250 354 250 ", 1, false},
    {"and QUIT behind it", HELLO ENVELOPE MESSAGE "QUIT\r\n", "250 250 250 354 250 221 ", 1, true},
    {"HELO does as well", "HELO us.test\r\n" ENVELOPE MESSAGE, "250 250 250 354 250 ", 1, false},
    {"two messages", HELLO ENVELOPE MESSAGE ENVELOPE MESSAGE,
     "250 250 250 354 250 250 250 354 250 ", 2, false},
    {"the null sender", HELLO "MAIL FROM:<>\r\nRCPT TO:<kim@isp.test>\r\n" MESSAGE,
     "250 250 250 354 250 ", 1, false},
    {"empty content", HELLO ENVELOPE "DATA\r\n.\r\n", "250 250 250 354 250 ", 1, false},
    {"nothing behind QUIT is heard", "QUIT\r\n" HELLO, "221 ", 0, true},

    {"MAIL before EHLO", "MAIL FROM:<b@us.test>\r\n", "503 ", 0, false},
    {"RCPT before MAIL", HELLO "RCPT TO:<kim@isp.test>\r\n", "250 503 ", 0, false},
    {"DATA before MAIL", HELLO "DATA\r\n", "250 503 ", 0, false},
    {"DATA before RCPT", HELLO "MAIL FROM:<b@us.test>\r\nDATA\r\n", "250 250 554 ", 0, false},
    {"MAIL within MAIL", HELLO ENVELOPE "MAIL FROM:<c@us.test>\r\n" MESSAGE,
     "250 250 250 503 354 250 ", 1, false},
    {"RSET forgets", HELLO ENVELOPE "RSET\r\nDATA\r\n", "250 250 250 250 503 ", 0, false},
    {"RSET before EHLO is no EHLO", "RSET\r\nMAIL FROM:<b@us.test>\r\n", "250 503 ", 0, false},
    {"EHLO forgets", HELLO ENVELOPE HELLO "DATA\r\n", "250 250 250 250 503 ", 0, false},
    {"after a message all is forgotten", HELLO ENVELOPE MESSAGE "DATA\r\n",
     "250 250 250 354 250 503 ", 1, false},
    {"the others", "NOOP\r\nNOOP x\r\nVRFY kim\r\nHELP\r\n", "250 250 252 214 ", 0, false},
    {"what is not offered", HELLO "EXPN x\r\nSTARTTLS\r\nAUTH PLAIN x\r\n",
     "250 502 502 502 ", 0, false},
    {"what is no command", "HELLO\r\n\r\nXYZZY 1 2\r\n", "500 500 500 ", 0, false},
    {"EHLO without a name", "EHLO\r\n", "501 ", 0, false},
    {"arguments", HELLO "MAIL b@us.test\r\nMAIL FROM:<b@us.test\r\nMAIL FROM:<b@us.test> X=1\r\n"
     "MAIL FROM:<b@us.test>\r\nRCPT TO:<@>\r\nRCPT TO:<kim@isp.test> X\r\nDATA x\r\n",
     "250 501 501 555 250 501 555 501 ", 0, false},
    {"nobody to send to", HELLO "MAIL FROM:<b@us.test>\r\nRCPT TO:<>\r\nRCPT TO:<postmaster>\r\n",
     "250 250 501 550 ", 0, false},
    {"lower case", "ehlo us.test\r\nmail from:<b@us.test>\r\nrcpt to:<kim@isp.test>\r\n"
     "data\r\n.\r\n", "250 250 250 354 250 ", 1, false},

    {"a bare LF is no end of line", "NOOP\nNOOP\r\nNOOP\r\n", "500 250 ", 0, false},
    {"nor is a bare CR", "NOOP\rNOOP\r\nNOOP\r\n", "500 250 ", 0, false},
    {"a bare LF in the content", HELLO ENVELOPE "DATA\r\nx\ny\r\n.\r\nNOOP\r\n",
     "250 250 250 354 554 250 ", 0, false},
    {"no smuggling by LF dot LF",
     HELLO ENVELOPE "DATA\r\nx\n.\n" ENVELOPE "DATA\r\ny\r\n.\r\nNOOP\r\n",
     "250 250 250 354 554 250 ", 0, false},
    {"no smuggling by LF dot CRLF",
     HELLO ENVELOPE "DATA\r\nx\n.\r\n" ENVELOPE "DATA\r\ny\r\n.\r\nNOOP\r\n",
     "250 250 250 354 554 250 ", 0, false},
    {"announced too large", HELLO "MAIL FROM:<b@us.test> SIZE=2001\r\nMAIL FROM:<b@us.test> SIZE=2000\r\n",
     "250 552 250 ", 0, false},
    {"too many errors", TEN("X\r\n") TEN("X\r\n") "NOOP\r\n",
     TEN("500 ") TEN("500 ") "421 ", 0, true},
};
/* clang-format on */

static void
every_script_has_its_codes(void **state)
{
    struct text codes = {0};

    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        static struct world w;

        print_message("  %s\n", scripts[i].name);
        world_start(&w);
        assert_string_equal(codes_in(say(&w, scripts[i].says), &codes), scripts[i].codes);
        assert_int_equal(w.places_count, scripts[i].taken_count);
        assert_int_equal(inject_messages_count(w.inject), scripts[i].taken_count);
        assert_int_equal(w.peer.is_ended, scripts[i].is_ended);
        world_stop(&w);
    }
    text_release(&codes);
}

static void
the_cut_of_the_network_does_not_matter(void **state)
{
    static const enum net_cut cuts[] = {NET_CUT_ONE_BYTE, NET_CUT_RANDOM};
    struct text codes = {0};

    for (size_t i = 0; i < COUNT_OF(scripts); i++)
        for (size_t j = 0; j < COUNT_OF(cuts); j++) {
            static struct world w;

            world_start(&w);
            stream_close(&w.peer.stream);
            network_sim_set_link(w.network, &w.config.listen, &(struct net_link){.cut = cuts[j]});
            peer_connect(&w);
            assert_string_equal(codes_in(say(&w, scripts[i].says), &codes), scripts[i].codes);
            assert_int_equal(w.places_count, scripts[i].taken_count);
            world_stop(&w);
        }
    text_release(&codes);
}

static void
words_are_as_promised(void **state)
{
    static struct world w;

    world_start(&w);
    assert_string_equal(text_string(&w.peer.heard), "220 mta.test ESMTP mtalab\r\n");
    assert_string_equal(say(&w, HELLO),
        "250-mta.test\r\n250-PIPELINING\r\n250-SIZE 2000\r\n250-8BITMIME\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250 DELIVERBY\r\n");
    assert_string_equal(
        say(&w, "RCPT TO:<kim@isp.test>\r\n"), "503 5.5.1 bad sequence of commands\r\n");
    world_stop(&w);
}

/* --- what is taken --------------------------------------------------------------------------- */

static void
assert_message(struct world *w, struct spool_place place, const char *sender, const char *rcpt,
    const char *content)
{
    struct text text = {0};

    spool_sender(w->spool, place.message, &text);
    assert_slice(text_slice(&text), sender);
    text_clear(&text);
    spool_recipient(w->spool, place, &text);
    assert_slice(text_slice(&text), rcpt);
    text_clear(&text);
    spool_content(w->spool, place.message, &text);
    assert_slice(text_slice(&text), content);
    text_release(&text);
}

static void
what_was_said_is_what_is_spooled(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w,
        HELLO "MAIL FROM:<b+k@us.test>\r\nRCPT TO:<Kim@ISP.test>\r\nRCPT TO:<\"a b\"@x.test>\r\n"
              "DATA\r\nSubject: hi\r\n\r\n..dot\r\n.\r\n");
    assert_int_equal(w.places_count, 2);
    assert_int_equal(inject_recipients_count(w.inject), 2);
    assert_message(&w, w.places[0], "b+k@us.test", "Kim@isp.test", "Subject: hi\r\n\r\n..dot\r\n");
    assert_message(
        &w, w.places[1], "b+k@us.test", "\"a b\"@x.test", "Subject: hi\r\n\r\n..dot\r\n");
    say(&w, "MAIL FROM:<>\r\nRCPT TO:<kim@isp.test>\r\nDATA\r\n.\r\n");
    assert_message(&w, w.places[2], "", "kim@isp.test", "");
    world_stop(&w);
}

static void
eight_bits_are_seen(void **state)
{
    static const struct {
        const char *parameter, *content;
        bool is_8bit;
    } cases[] = {
        {"",               "abc",      false},
        {" BODY=7BIT",     "abc",      false},
        {" BODY=8BITMIME", "abc",      true }, /* as announced */
        {"",               "\xc3\xa4", true }, /* as it is */
        {" BODY=8BITMIME", "\xc3\xa4", true },
    };
    static struct world w;
    struct text words = {0};

    world_start(&w);
    say(&w, HELLO);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&words);
        text_printf(&words, "MAIL FROM:<>%s\r\nRCPT TO:<kim@isp.test>\r\nDATA\r\n%s\r\n.\r\n",
            cases[i].parameter, cases[i].content);
        say(&w, text_string(&words));
        assert_int_equal(w.places_count, i + 1);
        assert_int_equal(spool_envelope(w.spool, w.places[i].message).is_8bit, cases[i].is_8bit);
    }
    text_release(&words);
    world_stop(&w);
}

static void
deliverby_is_the_validity_up_to_the_most_there_is(void **state)
{
    static const struct {
        const char *parameter;
        int64_t validity_us;
    } cases[] = {
        {"",              12 * US_PER_HOUR   },
        {" BY=60;R",      60 * US_PER_S      },
        {" BY=3600;N",    US_PER_HOUR        },
        {" BY=302400;R",  MTA_VALIDITY_US_MAX},
        {" BY=302401;R",  MTA_VALIDITY_US_MAX},
        {" BY=9999999;R", MTA_VALIDITY_US_MAX},
    };
    static struct world w;
    struct text words = {0};

    world_start(&w);
    w.config.validity_us = 12 * US_PER_HOUR;
    say(&w, HELLO);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].parameter);
        text_clear(&words);
        text_printf(&words, "MAIL FROM:<>%s\r\nRCPT TO:<kim@isp.test>\r\nDATA\r\n.\r\n",
            cases[i].parameter);
        say(&w, text_string(&words));
        assert_int_equal(w.places_count, i + 1);
        assert_int_equal(
            spool_envelope(w.spool, w.places[i].message).validity_us, cases[i].validity_us);
    }
    text_release(&words);
    world_stop(&w);
}

static void
as_many_recipients_as_a_message_holds(void **state)
{
    static struct world w;
    struct text codes = {0}, words = {0};

    world_start(&w);
    say(&w, HELLO "MAIL FROM:<b@us.test>\r\n");
    for (int i = 0; i < SPOOL_RECIPIENTS_MAX; i++)
        text_printf(&words, "RCPT TO:<user%d@isp.test>\r\n", i);
    codes_in(say(&w, text_string(&words)), &codes);
    assert_int_equal(codes.length, 4 * SPOOL_RECIPIENTS_MAX);
    assert_null(strstr(text_string(&codes), "452"));
    assert_string_equal(
        codes_in(say(&w, "RCPT TO:<more@isp.test>\r\n" MESSAGE), &codes), "452 354 250 ");
    assert_int_equal(w.places_count, SPOOL_RECIPIENTS_MAX);
    assert_message(&w, w.places[SPOOL_RECIPIENTS_MAX - 1], "b@us.test", "user499@isp.test",
        "Subject: hi\r\n\r\nhello\r\n");
    text_release(&words);
    text_release(&codes);
    world_stop(&w);
}

static void
content_may_be_as_large_as_stated_and_no_larger(void **state)
{
    static const struct {
        size_t bytes; /* in wire form */
        const char *codes;
    } cases[] = {
        {SIZE_MAX_BYTES - 1,   "250 "},
        {SIZE_MAX_BYTES,       "250 "},
        {SIZE_MAX_BYTES + 1,   "552 "},
        {100 * SIZE_MAX_BYTES, "552 "},
    };
    struct text codes = {0}, words = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        world_start(&w);
        say(&w, HELLO ENVELOPE "DATA\r\n");
        text_clear(&words);
        text_add_repeated(&words, 'x', cases[i].bytes - 2);
        text_add_string(&words, "\r\n.\r\n");
        assert_string_equal(
            codes_in(say_bytes(&w, words.bytes, words.length), &codes), cases[i].codes);
        assert_string_equal(
            codes_in(say(&w, ENVELOPE MESSAGE), &codes), "250 250 354 250 "); /* and all is well */
        world_stop(&w);
    }
    text_release(&words);
    text_release(&codes);
}

static void
an_endless_line_is_answered_once(void **state)
{
    static const size_t lengths[] = {2046, 2047, 2048, 2049, 4096, 10000, 100000, 1000000};
    struct text codes = {0}, words = {0};

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        static struct world w;

        print_message("  %zu bytes\n", lengths[i]);
        world_start(&w);
        say(&w, HELLO);
        text_clear(&words);
        text_add_string(&words, "NOOP ");
        text_add_repeated(&words, 'x', lengths[i] - 5);
        assert_string_equal(say_bytes(&w, words.bytes, words.length), ""); /* not before its end */
        assert_string_equal(codes_in(say(&w, "\r\nNOOP\r\n"), &codes),
            lengths[i] <= 2046 ? "250 250 " : "500 250 ");
        world_stop(&w);
    }
    text_release(&words);
    text_release(&codes);
}

static void
a_nul_is_refused_wherever_it_stands(void **state)
{
    static const char in_command[] = "NOOP \0\r\nNOOP\r\n", in_content[] = "a\0b\r\n.\r\nNOOP\r\n";
    static struct world w;
    struct text codes = {0};

    world_start(&w);
    assert_string_equal(
        codes_in(say_bytes(&w, in_command, sizeof in_command - 1), &codes), "500 250 ");
    say(&w, HELLO ENVELOPE "DATA\r\n");
    assert_string_equal(
        codes_in(say_bytes(&w, in_content, sizeof in_content - 1), &codes), "554 250 ");
    assert_int_equal(w.places_count, 0);
    text_release(&codes);
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_script_has_its_codes),
        cmocka_unit_test(the_cut_of_the_network_does_not_matter),
        cmocka_unit_test(words_are_as_promised),
        cmocka_unit_test(what_was_said_is_what_is_spooled),
        cmocka_unit_test(eight_bits_are_seen),
        cmocka_unit_test(deliverby_is_the_validity_up_to_the_most_there_is),
        cmocka_unit_test(as_many_recipients_as_a_message_holds),
        cmocka_unit_test(content_may_be_as_large_as_stated_and_no_larger),
        cmocka_unit_test(an_endless_line_is_answered_once),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
