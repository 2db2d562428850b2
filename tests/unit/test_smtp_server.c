/* test_smtp_server.c - the server's side of SMTP, as byte scripts. */
#include "tests/unit/isp_world.h"

#include "fakeisp/smtp_server.h"

#define HELLO   "EHLO client.test\r\n"
#define MESSAGE "Subject: hi\r\n\r\nhello\r\n.\r\n"

/* Connects, and forgets the banner. */
static void
start_session(struct isp_world *w)
{
    isp_start(w);
    peer_connect(w, 0);
}

static void
the_banner_names_the_host(void **state)
{
    struct isp_world w;

    start_session(&w);
    assert_string_equal(text_string(&w.peers[0].heard), "220 mx1.isp.test ESMTP ready\r\n");
    assert_int_equal(isp_sessions_open(w.isp, 0), 1);
    isp_stop(&w);
}

static void
ehlo_offers_what_the_config_leaves(void **state)
{
    static const struct {
        bool is_without_pipelining, is_without_8bitmime;
        const char *reply;
    } cases[] = {
        {false, false,
         "250-mx1.isp.test\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250-8BITMIME\r\n"
            "250 ENHANCEDSTATUSCODES\r\n"                                                    },
        {true,  false,
         "250-mx1.isp.test\r\n250-SIZE 100000\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"},
        {true,  true,  "250-mx1.isp.test\r\n250-SIZE 100000\r\n250 ENHANCEDSTATUSCODES\r\n"  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_world w;

        isp_prepare(&w);
        w.config.is_without_pipelining = cases[i].is_without_pipelining;
        w.config.is_without_8bitmime = cases[i].is_without_8bitmime;
        isp_open(&w);
        peer_connect(&w, 0);
        assert_string_equal(peer_say(&w, 0, HELLO), cases[i].reply);
        isp_stop(&w);
    }
}

static void
who_knows_helo_only_says_so(void **state)
{
    struct isp_world w;

    isp_prepare(&w);
    w.config.is_without_ehlo = true;
    isp_open(&w);
    peer_connect(&w, 0);
    assert_string_equal(peer_codes(&w, 0, HELLO), "502 ");
    assert_string_equal(peer_say(&w, 0, "HELO client.test\r\n"), "250 mx1.isp.test\r\n");
    isp_stop(&w);
}

/* Each script is one session, the codes are what comes back. */
static const struct script {
    const char *name, *says, *codes;
    bool is_closed;
} scripts[] = {
    {"one message",
     HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n" MESSAGE "QUIT\r\n",
     "250 250 250 354 250 221 ",                                                                                                                                                                        true },
    {"two messages and many recipients",
     HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\nRCPT TO:<c@isp.test>\r\n"
              "DATA\r\n" MESSAGE "MAIL FROM:<>\r\nRCPT TO:<d@isp.test>\r\nDATA\r\n" MESSAGE,
     "250 250 250 250 354 250 250 250 354 250 ",                                                                                                                                                        false},
    {"mail before hello",                "MAIL FROM:<a@x.test>\r\n",                                                "503 ",                                                                             false},
    {"rcpt before mail",                 HELLO "RCPT TO:<b@isp.test>\r\n",                                          "250 503 ",                                                                         false},
    {"data before rcpt",                 HELLO "MAIL FROM:<a@x.test>\r\nDATA\r\n",                                  "250 250 503 ",                                                                     false},
    {"mail within mail",                 HELLO "MAIL FROM:<a@x.test>\r\nMAIL FROM:<a@x.test>\r\n",                  "250 250 503 ",
     false                                                                                                                                                                                                   },
    {"rset forgets the transaction",
     HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\nRSET\r\nDATA\r\n",
     "250 250 250 250 503 ",                                                                                                                                                                            false},
    {"hello forgets it too",             HELLO "MAIL FROM:<a@x.test>\r\n" HELLO "RCPT TO:<b@isp.test>\r\n",
     "250 250 250 503 ",                                                                                                                                                                                false},
    {"rset before hello is no hello",    "RSET\r\nMAIL FROM:<a@x.test>\r\n",                                        "250 503 ",                                                                         false},
    {"the rest",                         "NOOP\r\nNOOP x\r\nVRFY b\r\nEXPN b\r\nHELP\r\nTURN\r\n",
     "250 250 252 502 214 500 ",                                                                                                                                                                        false},
    {"no STARTTLS and no AUTH",          HELLO "STARTTLS\r\nAUTH PLAIN x\r\n",                                      "250 502 502 ",                                                                     false},
    {"wrong arguments",
     HELLO "EHLO\r\nMAIL a@x.test\r\nMAIL FROM:<a@x.test\r\nMAIL FROM:<a@x.test> FOO=1\r\n"
              "MAIL FROM:<a@x.test>\r\nRCPT TO:<>\r\nRCPT TO:<b@isp.test> FOO\r\nDATA x\r\n",                       "250 501 501 501 555 250 501 555 501 ",                                             false},
    {"not offered",                      HELLO "MAIL FROM:<a@x.test> SMTPUTF8\r\nMAIL FROM:<a@x.test> BY=60;R\r\n",
     "250 555 555 ",                                                                                                                                                                                    false},
    {"8 bits are offered",               HELLO "MAIL FROM:<a@x.test> BODY=8BITMIME SIZE=10\r\n",                    "250 250 ",
     false                                                                                                                                                                                                   },
    {"announced too large",              HELLO "MAIL FROM:<a@x.test> SIZE=100001\r\n",                              "250 552 ",                                                                         false},
    {"other people's domain",            HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@other.test>\r\nDATA\r\n",
     "250 250 550 554 ",                                                                                                                                                                                false},
    {"case of the domain",               HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@ISP.Test>\r\n",                  "250 250 250 ",
     false                                                                                                                                                                                                   },
    {"postmaster needs no domain",       HELLO "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n",                          "250 250 250 ",
     false                                                                                                                                                                                                   },
    {"a dot within",                     //
        HELLO "MAIL FROM:<>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n..\r\n.x\r\n.\r\nNOOP\r\n",
     "250 250 250 354 250 250 ",                                                                                                                                                                        false},
    {"empty content",                    HELLO "MAIL FROM:<>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n.\r\n",
     "250 250 250 354 250 ",                                                                                                                                                                            false},
    {"bare LF is no line end",           "NOOP\nNOOP\r\nNOOP\r\n",                                                  "500 250 ",                                                                         false},
    {"bare CR neither",                  "NOOP\rNOOP\r\nNOOP\r\n",                                                  "500 250 ",                                                                         false},
    {"smuggling by LF dot LF",
     HELLO "MAIL FROM:<>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\nx\n.\nMAIL FROM:<e@x.test>\r\n"
              "RCPT TO:<f@isp.test>\r\nDATA\r\ny\r\n.\r\nNOOP\r\n",                                                 "250 250 250 354 550 250 ",                                                         false},
    {"smuggling by LF dot CRLF",
     HELLO "MAIL FROM:<>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\nx\n.\r\nMAIL FROM:<e@x.test>\r\n"
              ".\r\nNOOP\r\n",                                                                                      "250 250 250 354 550 250 ",                                                         false},
    {"twenty errors",
     "A\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\n"
        "A\r\nA\r\nNOOP\r\n",                                                                                       "500 500 500 500 500 500 500 500 500 500 500 500 500 500 500 500 500 500 500 421 ", true },
};

static void
run_scripts(enum net_cut cut)
{
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct net_link link = {.cut = cut};
        struct isp_world w;

        isp_start(&w);
        network_sim_set_link(w.network, &w.address, &link);
        peer_connect(&w, 0);
        print_message("  %s\n", scripts[i].name);
        assert_string_equal(peer_codes(&w, 0, scripts[i].says), scripts[i].codes);
        assert_int_equal(w.peers[0].is_ended, scripts[i].is_closed);
        isp_stop(&w);
    }
}

static void
every_script_gets_its_codes(void **state)
{
    run_scripts(NET_CUT_WHOLE);
}

static void
every_script_gets_them_in_single_bytes_too(void **state)
{
    run_scripts(NET_CUT_ONE_BYTE);
}

static void
a_batch_is_answered_in_one_piece(void **state)
{
    struct isp_world w;

    start_session(&w);
    peer_say(&w, 0, HELLO);
    w.peers[0].pieces_count = 0;
    assert_string_equal(
        peer_codes(&w, 0, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n"),
        "250 250 354 ");
    assert_int_equal(w.peers[0].pieces_count, 1);
    isp_stop(&w);
}

static void
an_endless_line_gets_one_reply(void **state)
{
    static const size_t lengths[] = {2046, 2047, 2048, 2049, 4096, 5000, 60000, 200000};

    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        for (int cut = NET_CUT_WHOLE; cut <= NET_CUT_RANDOM; cut++) {
            struct net_link link = {.cut = (enum net_cut)cut};
            struct text line = {0};
            struct isp_world w;

            text_add_string(&line, "NOOP");
            text_add_repeated(&line, 'x', lengths[i] - 4);
            text_add_string(&line, "\r\nNOOP\r\n");
            isp_start(&w);
            network_sim_set_link(w.network, &w.address, &link);
            peer_connect(&w, 0);
            assert_string_equal(
                codes_of(peer_say_bytes(&w, 0, line.bytes, line.length)), "500 250 ");
            text_release(&line);
            isp_stop(&w);
        }
}

static void
a_long_line_ends_with_crlf_wherever_it_is_cut(void **state)
{
    struct text line = {0};
    struct isp_world w;

    start_session(&w);
    text_add_repeated(&line, 'x', 5000);
    text_add_string(&line, "\n\r");
    assert_string_equal(peer_say_bytes(&w, 0, line.bytes, line.length), "");
    assert_string_equal(peer_codes(&w, 0, "\r"), "");
    assert_string_equal(peer_codes(&w, 0, "\nNOOP\r\n"), "500 250 ");
    text_release(&line);
    isp_stop(&w);
}

static void
a_nul_spoils_a_line_and_a_message(void **state)
{
    static const char line[] = "NO\0OP\r\nNOOP\r\n", content[] = "x\0y\r\n.\r\n";
    struct isp_world w;

    start_session(&w);
    assert_string_equal(codes_of(peer_say_bytes(&w, 0, line, sizeof line - 1)), "500 250 ");
    peer_say(&w, 0, HELLO "MAIL FROM:<>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n");
    assert_string_equal(codes_of(peer_say_bytes(&w, 0, content, sizeof content - 1)), "550 ");
    isp_stop(&w);
}

static void
too_large_a_message_is_refused_at_its_end(void **state)
{
    struct text content = {0};
    struct isp_world w;

    for (int excess = 0; excess <= 1; excess++) {
        start_session(&w);
        peer_say(&w, 0, HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n");
        text_clear(&content);
        text_add_repeated(&content, 'x', (size_t)(100000 - 2 + excess));
        text_add_string(&content, "\r\n.\r\n");
        assert_string_equal(codes_of(peer_say_bytes(&w, 0, content.bytes, content.length)),
            excess ? "552 " : "250 ");
        assert_int_equal(isp_totals(w.isp).recipients_refused_5xx, excess);
        isp_stop(&w);
    }
    text_release(&content);
}

static void
more_recipients_than_allowed_are_put_off(void **state)
{
    struct isp_world w;

    isp_prepare(&w);
    w.config.recipients_max = 2;
    isp_open(&w);
    peer_connect(&w, 0);
    assert_string_equal(peer_codes(&w, 0,
                            HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\n"
                                  "RCPT TO:<c@isp.test>\r\nRCPT TO:<d@isp.test>\r\n"
                                  "DATA\r\n" MESSAGE),
        "250 250 250 250 452 354 250 ");
    assert_int_equal(isp_totals(w.isp).recipients_accepted, 2);
    isp_stop(&w);
}

static void
who_says_nothing_is_told_goodbye_after_five_minutes(void **state)
{
    struct isp_world w;

    start_session(&w);
    peer_say(&w, 0, HELLO);
    isp_pass(&w, 299 * US_PER_S);
    assert_string_equal(peer_codes(&w, 0, "NOOP\r\n"), "250 ");
    text_clear(&w.peers[0].heard);
    isp_pass(&w, 300 * US_PER_S - 1);
    assert_string_equal(text_string(&w.peers[0].heard), "");
    isp_pass(&w, 1);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "421 ");
    assert_true(w.peers[0].is_ended);
    assert_int_equal(isp_sessions_open(w.isp, 0), 0);
    isp_stop(&w);
}

/* A client that writes and never reads must not make us hold its replies without end. */
static void
who_does_not_listen_is_not_heard(void **state)
{
    enum { COMMANDS = 200000 };
    struct text commands = {0};
    struct isp_world w;
    size_t replies = 0;

    isp_start(&w);
    w.peers[0].is_deaf = true;
    peer_connect(&w, 0);
    text_add_string(&commands, "HELO client.test\r\n");
    for (int i = 0; i < COMMANDS / 2; i++)
        text_add_string(&commands, "MAIL FROM:<a@x.test>\r\nRSET\r\n");
    stream_write(w.peers[0].stream, commands.bytes, commands.length);
    isp_pass(&w, US_PER_S);
    assert_true(stream_unsent(w.peers[0].stream) > commands.length / 2);
    stream_resume(w.peers[0].stream);
    isp_pass(&w, US_PER_S);
    for (size_t i = 0; i < w.peers[0].heard.length; i++)
        replies += w.peers[0].heard.bytes[i] == '\n';
    assert_int_equal(replies, COMMANDS + 2);
    text_release(&commands);
    isp_stop(&w);
}

/* Behind a refused MAIL a pipelined batch earns 503s that are nobody's mistake. */
static void
the_rest_of_a_refused_batch_is_no_error(void **state)
{
    struct isp_world w;

    start_session(&w);
    peer_say(&w, 0, HELLO);
    for (int i = 0; i < 2 * SERVER_ERRORS_MAX; i++)
        assert_string_equal(peer_codes(&w, 0,
                                "MAIL FROM:<a@x.test> SIZE=999999\r\nRCPT TO:<b@isp.test>\r\n"
                                "DATA\r\n"),
            "552 503 503 ");
    assert_false(w.peers[0].is_ended);
    isp_stop(&w);
}

static void
a_reset_in_the_middle_ends_the_session(void **state)
{
    struct isp_world w;

    start_session(&w);
    peer_say(&w, 0, HELLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\nabc");
    stream_abort(&w.peers[0].stream);
    isp_pass(&w, 0);
    assert_int_equal(isp_sessions_open(w.isp, 0), 0);
    assert_int_equal(isp_totals(w.isp).messages_accepted, 0);
    isp_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_banner_names_the_host),
        cmocka_unit_test(ehlo_offers_what_the_config_leaves),
        cmocka_unit_test(who_knows_helo_only_says_so),
        cmocka_unit_test(every_script_gets_its_codes),
        cmocka_unit_test(every_script_gets_them_in_single_bytes_too),
        cmocka_unit_test(a_batch_is_answered_in_one_piece),
        cmocka_unit_test(an_endless_line_gets_one_reply),
        cmocka_unit_test(a_long_line_ends_with_crlf_wherever_it_is_cut),
        cmocka_unit_test(a_nul_spoils_a_line_and_a_message),
        cmocka_unit_test(too_large_a_message_is_refused_at_its_end),
        cmocka_unit_test(more_recipients_than_allowed_are_put_off),
        cmocka_unit_test(who_says_nothing_is_told_goodbye_after_five_minutes),
        cmocka_unit_test(who_does_not_listen_is_not_heard),
        cmocka_unit_test(the_rest_of_a_refused_batch_is_no_error),
        cmocka_unit_test(a_reset_in_the_middle_ends_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
