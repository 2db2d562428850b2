/* test_smtp_client.c - one SMTP session as its client: what is said, and what is told. */
#include "tests/unit/smtp_client_world.h"

/* --- dialogues ------------------------------------------------------------------------------- */

#define PLAIN                                    \
    {                                            \
        "EHLO", "250-mx.test\r\n250 SIZE\r\n", 0 \
    } /* no PIPELINING, SIZE without limit */
#define MAIL "MAIL FROM:<b@us.test> SIZE=4;"
#define R1   "RCPT TO:<r1@mx.test>;"
#define R2   "RCPT TO:<r2@mx.test>;"

/* Columns as wide as the longest dialogue would show none of them. */
/* clang-format off */
static const struct dialogue {
    const char *name;
    struct play play;
    const char *heard, *story;
} dialogues[] = {
    {"pipelined: one piece up to DATA", {{ONE}, {{0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"two recipients", {{TWO}, {{0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 accepted dot 250;2 accepted dot 250;closed"},
    {"two messages, the second rides on the answer to the first", {{ONE, ONE}, {{0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;\n" MAIL R2 "DATA;\n.;" BYE,
     "1 accepted dot 250;2 accepted dot 250;closed"},
    {"not pipelined: one piece per command", {{TWO}, {PLAIN}, 0},
     HELLO "\n" MAIL "\n" R1 "\n" R2 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;2 accepted dot 250;closed"},
    {"after the last transaction allowed we QUIT", {{ONE, ONE}, {{0}}, 1},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"nothing to say", {{{0}}, {{0}}, 0}, HELLO BYE, "closed"},

    {"EHLO is not known", {{ONE}, {{"EHLO", "500 what?\r\n", 0}}, 0},
     HELLO "\nHELO us.test;\nMAIL FROM:<b@us.test>;\n" R1 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"EHLO is refused for now", {{ONE}, {{"EHLO", "451 not now\r\n", 0}}, 0},
     HELLO BYE, "closed told ehlo 451"},
    {"HELO is refused as well", {{ONE}, {{"EHLO", "502 no\r\n", 0}, {"HELO", "554 go\r\n", 0}}, 0},
     HELLO "\nHELO us.test;" BYE, "closed told ehlo 554"},
    {"the banner is a refusal", {{ONE}, {{"", "554 5.7.1 no service\r\n", 0}}, 0},
     BYE, "closed told banner 554"},
    {"the banner is a later", {{ONE}, {{"", "421 4.3.2 busy\r\n" THEN_CLOSES, 0}}, 0},
     "", "closed told banner 421"},
    {"a banner in many lines", {{ONE}, {{"", "220-mx.test\r\n220-no spam\r\n220 please\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"too large for this server", {{{"hi\r\n", 2, 1000001, false}, ONE}, {{0}}, 0},
     HELLO "\n" MAIL "RCPT TO:<r3@mx.test>;DATA;\n.;" BYE,
     "1 reply mail 552;2 reply mail 552;3 accepted dot 250;closed"},
    {"as large as allowed", {{{"hi\r\n", 1, 1000000, false}}, {{0}}, 0},
     HELLO "\nMAIL FROM:<b@us.test> SIZE=1000000;" R1 "DATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"SIZE without a number is no limit", {{{"hi\r\n", 1, 1000001, false}}, {PLAIN}, 0},
     HELLO "\nMAIL FROM:<b@us.test> SIZE=1000001;\n" R1 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"8 bits", {{{"hi\r\n", 1, 0, true}}, {{0}}, 0},
     HELLO "\nMAIL FROM:<b@us.test> SIZE=4 BODY=8BITMIME;" R1 "DATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"8 bits, but the server knows 7", {{{"hi\r\n", 1, 0, true}}, {PLAIN}, 0},
     HELLO BYE, "1 reply mail 554;closed"},
    {"keywords in any case, with others around",
     {{ONE}, {{"EHLO", "250-mx.test PIPELINING\r\n250-pipeLining\r\n250-SIZE  4 \r\n250 X\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"LIMITS: no more messages than the server takes in a session",
     {{ONE, ONE}, {{"EHLO", "250-mx.test\r\n250-SIZE\r\n250 LIMITS X=7 RCPTMAX=2 mailmax=1\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\nDATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"LIMITS that are none", {{ONE, ONE},
     {{"EHLO", "250-mx.test\r\n250-SIZE\r\n250-LIMITS\r\n250 LIMITS MAILMAX=0 MAILMAX=1x MAILMAX MAILMAX=0000001 =1\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\nDATA;\n.;\n" MAIL "\n" R2 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;2 accepted dot 250;closed"},

    {"MAIL refused, pipelined",
     {{TWO}, {{"MAIL", "550 no\r\n", 0}, {"RCPT", "503 no\r\n", 0}, {"DATA", "503 no\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\nRSET;" BYE, "1 reply mail 550;2 reply mail 550;closed"},
    {"MAIL refused, not pipelined", {{TWO}, {PLAIN, {"MAIL", "451 no\r\n", 0}}, 0},
     HELLO "\n" MAIL "\nRSET;" BYE, "1 reply mail 451;2 reply mail 451;closed"},
    {"MAIL refused, and the rest is accepted all the same", {{TWO}, {{"MAIL", "550 no\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 reply mail 550;2 reply mail 550;closed"},
    {"mixed recipients, pipelined",
     {{{"hi\r\n", 3, 0, false}}, {{"RCPT TO:<r1", "550 no\r\n", 0}, {"RCPT TO:<r3", "452 full\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "RCPT TO:<r3@mx.test>;DATA;\n.;" BYE,
     "1 reply rcpt 550;3 reply rcpt 452;2 accepted dot 250;closed"},
    {"mixed recipients, not pipelined", {{TWO}, {PLAIN, {"RCPT TO:<r2", "550 no\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\n" R2 "\nDATA;\n.;" BYE,
     "2 reply rcpt 550;1 accepted dot 250;closed"},
    {"nobody accepted, pipelined: DATA is refused too",
     {{TWO}, {{"RCPT", "550 no\r\n", 0}, {"DATA", "554 nobody\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\nRSET;" BYE, "1 reply rcpt 550;2 reply rcpt 550;closed"},
    {"nobody accepted, and 354 all the same: an empty message",
     {{TWO}, {{"RCPT", "550 no\r\n", 0}, {".", "554 nobody\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 reply rcpt 550;2 reply rcpt 550;closed"},
    {"nobody accepted, not pipelined: no DATA", {{TWO}, {PLAIN, {"RCPT", "550 no\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\n" R2 "\nRSET;" BYE,
     "1 reply rcpt 550;2 reply rcpt 550;closed"},
    {"forwarded is accepted", {{TWO}, {{"RCPT", "251 moved\r\n", 1}, {"RCPT", "252 hm\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 accepted dot 250;2 accepted dot 250;closed"},
    {"DATA refused", {{ONE, ONE}, {{"DATA", "451 no\r\n", 1}}, 0},
     HELLO "\n" MAIL R1 "DATA;\nRSET;\n" MAIL R2 "DATA;\n.;" BYE,
     "1 reply data 451;2 accepted dot 250;closed"},
    {"content refused", {{ONE, ONE}, {{".", "554 spam\r\n", 1}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;\n" MAIL R2 "DATA;\n.;" BYE,
     "1 reply dot 554;2 accepted dot 250;closed"},
    {"RSET refused", {{ONE, ONE}, {{"DATA", "451 no\r\n", 0}, {"RSET", "500 no\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\nRSET;" BYE, "1 reply data 451;closed told rset 500"},
    {"QUIT refused", {{ONE}, {{"QUIT", "500 stay\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"421 to EHLO", {{ONE}, {{"EHLO", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO, "closed told ehlo 421"},
    {"421 to HELO", {{ONE}, {{"EHLO", "500 what\r\n", 0}, {"HELO", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\nHELO us.test;", "closed told ehlo 421"},
    {"421 to MAIL", {{TWO}, {{"MAIL", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL, "1 reply mail 421;2 reply mail 421;closed told mail 421"},
    {"421 to the second RCPT", {{TWO}, {{"RCPT TO:<r2", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 R2, "1 reply rcpt 421;2 reply rcpt 421;closed told rcpt 421"},
    {"421 after a refusal", {{TWO},
     {{"RCPT TO:<r1", "550 no\r\n", 0}, {"RCPT TO:<r2", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 R2, "1 reply rcpt 550;2 reply rcpt 421;closed told rcpt 421"},
    {"421 to DATA", {{ONE}, {{"DATA", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 reply data 421;closed told data 421"},
    {"421 to the final dot", {{ONE}, {{".", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 reply dot 421;closed told dot 421"},
    {"421 to RSET", {{ONE}, {{"DATA", "451 no\r\n", 0}, {"RSET", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\nRSET;", "1 reply data 451;closed told rset 421"},
    {"421 to QUIT", {{ONE}, {{"QUIT", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"421 that does not close", {{ONE}, {{"MAIL", "421 bye\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 reply mail 421;closed told mail 421"},

    {"hung up before the banner", {{ONE}, {{"", HANGS_UP, 0}}, 0}, "", "closed hung up banner 451"},
    {"hung up at EHLO", {{ONE}, {{"EHLO", HANGS_UP, 0}}, 0}, HELLO, "closed hung up ehlo 451"},
    {"hung up at MAIL", {{ONE}, {{"MAIL", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL, "1 lost mail 451;closed hung up mail 451"},
    {"hung up at the second RCPT, the first was refused",
     {{TWO}, {{"RCPT TO:<r1", "550 no\r\n", 0}, {"RCPT TO:<r2", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 R2, "1 reply rcpt 550;2 lost rcpt 451;closed hung up rcpt 451"},
    {"hung up at DATA", {{ONE}, {{"DATA", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 lost data 451;closed hung up data 451"},
    {"hung up at the final dot", {{TWO}, {{".", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;",
     "1 lost dot 451;2 lost dot 451;closed hung up dot 451"},
    {"hung up behind the answer", {{ONE}, {{".", "250 taken\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 accepted dot 250;closed"},
    {"hung up at QUIT", {{ONE}, {{"QUIT", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"reset at MAIL", {{ONE}, {{"MAIL", RESETS, 0}}, 0},
     HELLO "\n" MAIL, "1 lost mail 451;closed reset mail 451"},
    {"reset at the final dot", {{ONE}, {{".", RESETS, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 lost dot 451;closed reset dot 451"},
    {"reset at QUIT", {{ONE}, {{"QUIT", RESETS, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"garbage for a banner", {{ONE}, {{"", "HTTP/1.1 400 Bad Request\r\n\r\n", 0}}, 0},
     "", "closed nonsense banner 451"},
    {"garbage at EHLO", {{ONE}, {{"EHLO", "\x16\x03\x01\x02\r\n", 0}}, 0},
     HELLO, "closed nonsense ehlo 451"},
    {"garbage at RCPT", {{TWO}, {{"RCPT TO:<r2", "?\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;", "1 lost rcpt 451;2 lost rcpt 451;closed nonsense rcpt 451"},
    {"a code that is none", {{ONE}, {{"MAIL", "999 ok\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 lost mail 451;closed nonsense mail 451"},
    {"354 to MAIL", {{ONE}, {{"MAIL", "354 go on\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 lost mail 451;closed nonsense mail 451"},
    {"250 to DATA", {{ONE}, {PLAIN, {"DATA", "250 go on\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\nDATA;", "1 lost data 451;closed nonsense data 451"},
    {"354 to the final dot", {{ONE}, {{".", "354 go on\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 lost dot 451;closed nonsense dot 451"},
    {"garbage at QUIT", {{ONE}, {{"QUIT", "?\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed nonsense quit 451"},
    {"replies without text and with bare LF", {{ONE}, {{"MAIL", "250\r\n", 0}, {"RCPT", "250\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"replies in many lines",
     {{TWO}, {{"RCPT TO:<r1", "550-no\r\n550-never\r\n550 no\r\n", 0}, {".", "250-a\r\n250 b\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 reply rcpt 550;2 accepted dot 250;closed"},
};
/* clang-format on */

static void
every_dialogue_goes_as_written(void **state)
{
    for (size_t i = 0; i < COUNT_OF(dialogues); i++) {
        static struct world w;

        print_message("  %s\n", dialogues[i].name);
        perform(&w, &dialogues[i].play);
        assert_slice(text_slice(&w.server.heard), dialogues[i].heard);
        assert_slice(text_slice(&w.story), dialogues[i].story);
        world_stop(&w);
    }
}

/* What is told does not depend on how the network cuts it. */
static void
replies_may_come_in_single_bytes(void **state)
{
    static const enum net_cut cuts[] = {NET_CUT_ONE_BYTE, NET_CUT_RANDOM};

    for (size_t i = 0; i < COUNT_OF(dialogues); i++)
        for (size_t j = 0; j < COUNT_OF(cuts); j++) {
            static struct world w;

            print_message("  %s\n", dialogues[i].name);
            world_prepare(&w, &dialogues[i].play);
            network_sim_set_link(w.network, &w.address,
                &(struct net_link){.latency_us = 10 * US_PER_MS, .cut = cuts[j]});
            start_client(&w, dialogues[i].play.transactions_max);
            finish(&w);
            assert_slice(text_slice(&w.story), dialogues[i].story);
            world_stop(&w);
        }
}

/* Cut at any byte, in any dialogue: everybody has one answer, and nobody is told "accepted" whose
 * message the server did not take. */
static void
a_connection_lost_at_any_byte_is_told_once(void **state)
{
    enum { BYTES_MAX = 400 };

    for (size_t i = 0; i < COUNT_OF(dialogues); i++)
        for (uint64_t bytes = 1; bytes < BYTES_MAX; bytes++) {
            static struct world w;
            int accepted_count = 0;

            for (int is_back = 0; is_back < 2; is_back++) {
                world_prepare(&w, &dialogues[i].play);
                network_sim_set_link(w.network, &w.address,
                    &(struct net_link){.latency_us = 10 * US_PER_MS,
                        .reset_after_bytes = is_back == 0 ? bytes : 0,
                        .reset_after_reply_bytes = is_back == 1 ? bytes : 0});
                start_client(&w, dialogues[i].play.transactions_max);
                finish(&w);
                assert_true((size_t)w.accepted_count <= w.server.taken_count);
                accepted_count += w.accepted_count;
                world_stop(&w);
            }
            if (accepted_count == 0 && bytes > 300)
                break;
        }
}

static void
the_content_goes_as_it_is(void **state)
{
    static const struct play play = {
        .letters = {{"a\r\n..b\r\n\r\n", 1, 0, false}, {"c\r\n", 1, 0, false}}
    };
    static struct world w;

    perform(&w, &play);
    assert_slice(text_slice(&w.server.content), "a\r\n..b\r\n\r\nc\r\n");
    world_stop(&w);
}

static void
nobody_accepted_gets_no_content(void **state)
{
    static const struct play play = {.letters = {TWO}, .rows = {{"RCPT", "550 no\r\n", 0}}};
    static struct world w;

    perform(&w, &play);
    assert_int_equal(w.server.content.length, 0);
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialogue_goes_as_written),
        cmocka_unit_test(replies_may_come_in_single_bytes),
        cmocka_unit_test(a_connection_lost_at_any_byte_is_told_once),
        cmocka_unit_test(the_content_goes_as_it_is),
        cmocka_unit_test(nobody_accepted_gets_no_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
