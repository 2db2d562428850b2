/* test_smtp_client_time.c - one SMTP session as its client: how long it waits, and for what. */
#include "tests/unit/smtp_client_world.h"

/* --- time ------------------------------------------------------------------------------------ */

static void
silence_is_borne_as_long_as_the_rfc_says(void **state)
{
    static const struct {
        const char *line, *story, *words;
        int seconds;
        bool is_plain;
    } cases[] = {
        {"",     "closed timed out banner 451",               "timed out waiting for the banner",        300,    false},
        {"EHLO", "closed timed out ehlo 451",                 "timed out waiting for the reply to EHLO", 300,
         false                                                                                                        },
        {"HELO", "closed timed out ehlo 451",                 "timed out waiting for the reply to HELO", 300,    true },
        {"MAIL", "1 lost mail 451;closed timed out mail 451",
         "timed out waiting for the reply to MAIL",                                                      300,    true },
        {"RCPT", "1 lost rcpt 451;closed timed out rcpt 451",
         "timed out waiting for the reply to RCPT",                                                      300,    true },
        {"DATA", "1 lost data 451;closed timed out data 451",
         "timed out waiting for the reply to DATA",                                                      120,    true },
        {".",    "1 lost dot 451;closed timed out dot 451",
         "timed out waiting for the reply to the final dot",                                             600,    false},
        {"QUIT", "1 accepted dot 250;closed",                 "",                                        5 + 20, false}, /* idle before */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play play = {.letters = {ONE}, .rows = {{cases[i].line, SAYS_NOTHING, 0}}};
        static struct world w;

        print_message("  silent at \"%s\"\n", cases[i].line);
        if (cases[i].is_plain)
            play.rows[1] = (struct script_row){"EHLO", "500 what?\r\n", 0};
        perform(&w, &play);
        assert_slice(text_slice(&w.story), cases[i].story);
        assert_slice(text_slice(&w.words), cases[i].words);
        assert_int_equal(w.closed_at_us, cases[i].seconds * (int64_t)US_PER_S);
        world_stop(&w);
    }
}

static void
silence_is_borne_as_long_as_the_rule_says(void **state)
{
    static const struct {
        const char *line;
        int seconds;
        bool is_plain;
    } cases[] = {
        {"",     2,      false},
        {"EHLO", 3,      false},
        {"MAIL", 3,      true },
        {"RCPT", 3,      true },
        {"DATA", 4,      true },
        {".",    700,    false},
        {"QUIT", 5 + 20, false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play play = {.letters = {ONE}, .rows = {{cases[i].line, SAYS_NOTHING, 0}}};
        static struct world w;

        print_message("  silent at \"%s\"\n", cases[i].line);
        if (cases[i].is_plain)
            play.rows[1] = (struct script_row){"EHLO", "500 what?\r\n", 0};
        world_prepare(&w, &play);
        w.timeouts = (struct mx_timeouts){.banner_us = 2 * US_PER_S,
            .command_us = 3 * US_PER_S,
            .data_us = 4 * US_PER_S,
            .dot_us = 700 * (int64_t)US_PER_S};
        start_client(&w, 0);
        finish(&w);
        assert_int_equal(w.closed_at_us, cases[i].seconds * (int64_t)US_PER_S);
        world_stop(&w);
    }
}

static void
silence_after_a_pipelined_group_counts_from_the_group(void **state)
{
    static const struct play play = {
        .letters = {TWO                       },
        .rows = { {"MAIL", SAYS_NOTHING, 0}, {"RCPT", SAYS_NOTHING, 0}, {"DATA", SAYS_NOTHING, 0}}
    };
    static struct world w;

    perform(&w, &play);
    assert_slice(text_slice(&w.story), "1 lost mail 451;2 lost mail 451;closed timed out mail 451");
    assert_int_equal(w.closed_at_us, 300 * (int64_t)US_PER_S);
    world_stop(&w);
}

static void
a_silent_rset_is_borne_as_well(void **state)
{
    static const struct play play = {
        .letters = {ONE,                       ONE                      },
          .rows = {{"DATA", "451 no\r\n", 0}, {"RSET", SAYS_NOTHING, 0}}
    };
    static struct world w;

    perform(&w, &play);
    assert_slice(text_slice(&w.story), "1 reply data 451;closed timed out rset 451");
    assert_int_equal(w.closed_at_us, 300 * (int64_t)US_PER_S);
    world_stop(&w);
}

static void
every_connect_that_fails_is_told(void **state)
{
    static const struct {
        enum net_fault fault;
        bool is_deaf; /* nobody listens */
        enum trouble trouble;
        const char *words;
        int seconds;
    } cases[] = {
        {NET_FAULT_REFUSE, false, TROUBLE_REFUSED,     "connection refused",   0 },
        {NET_FAULT_SILENT, false, TROUBLE_TIMED_OUT,   "connection timed out", 30},
        {NET_FAULT_NONE,   true,  TROUBLE_UNREACHABLE, "no route to host",     0 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static const struct play play = {.letters = {ONE}};
        static struct world w;

        print_message("  %s\n", cases[i].words);
        world_prepare(&w, &play);
        if (cases[i].fault != NET_FAULT_NONE)
            network_sim_set_link(
                w.network, &w.address, &(struct net_link){.fault = cases[i].fault});
        if (cases[i].is_deaf)
            listener_close(&w.server.listener);
        start_client(&w, 0);
        finish(&w);
        assert_slice(text_slice(&w.story), "closed no connection connect 451");
        assert_slice(text_slice(&w.words), cases[i].words);
        assert_int_equal(w.trouble, cases[i].trouble);
        assert_int_equal(w.closed_at_us, cases[i].seconds * (int64_t)US_PER_S);
        assert_int_equal(w.letters_next, 0); /* nobody's time was wasted */
        world_stop(&w);
    }
}

/* --- large content --------------------------------------------------------------------------- */

enum { LARGE_BYTES = 900000 };

static void
prepare_large(struct world *w, char **content, uint64_t bytes_per_s)
{
    static const struct play play = {.letters = {ONE}};

    *content = mem_alloc(LARGE_BYTES + 1);
    memset(*content, 'x', LARGE_BYTES);
    for (size_t end = 100; end <= LARGE_BYTES; end += 100)
        memcpy(*content + end - 2, "\r\n", 2);
    (*content)[LARGE_BYTES] = '\0';
    world_prepare(w, &play);
    w->letters[0].content = *content;
    network_sim_set_link(w->network, &w->address, &(struct net_link){.bytes_per_s = bytes_per_s});
    start_client(w, 0);
}

/* The wait for the answer to the dot begins when the dot is out (RFC 5321 4.5.3.2.6). */
static void
a_slow_line_is_no_silence(void **state)
{
    static struct world w;
    char *content;

    prepare_large(&w, &content, 1000);
    finish(&w);
    assert_slice(text_slice(&w.story), "1 accepted dot 250;closed");
    assert_true(w.server.heard_at_us > 880 * (int64_t)US_PER_S);
    world_stop(&w);
    mem_free(content);
}

static void
a_line_that_stalls_within_the_content_is_given_up(void **state)
{
    static struct world w;
    char *content;
    int64_t stalled_at_us = 400 * (int64_t)US_PER_S;

    prepare_large(&w, &content, 1000);
    run_until(&w, stalled_at_us);
    network_sim_set_link(
        w.network, &w.address, &(struct net_link){.bytes_per_s = 1000, .fault = NET_FAULT_SILENT});
    finish(&w);
    assert_slice(text_slice(&w.story), "1 lost dot 451;closed timed out dot 451");
    assert_in_range(w.closed_at_us, stalled_at_us + 170 * (int64_t)US_PER_S,
        stalled_at_us + 365 * (int64_t)US_PER_S);
    world_stop(&w);
    mem_free(content);
}

/* --- idle clients ---------------------------------------------------------------------------- */

static void
an_idle_client_waits_for_work_a_while(void **state)
{
    static const struct play play = {
        .letters = {ONE, ONE, ONE}
    };
    static struct world w;

    world_prepare(&w, &play);
    w.letters_count = 1;
    start_client(&w, 0);
    run_until(&w, 4 * (int64_t)US_PER_S);
    assert_int_equal(w.idle_count, 1);
    assert_true(smtp_client_is_ready(w.client));
    w.letters_count = 2;
    smtp_client_wake(w.client); /* `next` is asked at once */
    assert_int_equal(w.letters_next, 2);
    assert_false(smtp_client_is_idle(w.client));
    w.letters_count = 3;
    smtp_client_wake(w.client); /* a busy one does not mind */
    assert_int_equal(w.letters_next, 2);
    run_until(&w, 8 * (int64_t)US_PER_S);
    assert_int_equal(w.closed_count, 0); /* the while begins anew */
    assert_int_equal(w.letters_next, 3);
    finish(&w);
    assert_int_equal(w.closed_at_us, 9 * (int64_t)US_PER_S);
    assert_int_equal(w.server.sessions_count, 1);
    assert_slice(
        text_slice(&w.story), "1 accepted dot 250;2 accepted dot 250;3 accepted dot 250;closed");
    world_stop(&w);
}

static void
a_client_that_is_told_leaves_when_it_is_idle(void **state)
{
    static const struct play play = {
        .letters = {ONE, ONE}
    };
    static struct world w;

    world_prepare(&w, &play);
    start_client(&w, 0);
    smtp_client_leave(w.client); /* it has not even connected */
    finish(&w);
    assert_slice(text_slice(&w.server.heard), HELLO BYE);
    world_stop(&w);

    world_prepare(&w, &play);
    start_client(&w, 0);
    run_until(&w, US_PER_S);
    assert_true(smtp_client_is_idle(w.client));
    smtp_client_leave(w.client);
    assert_int_equal(w.closed_count, 0); /* never inside the call */
    finish(&w);
    assert_int_equal(w.closed_at_us, US_PER_S);
    world_stop(&w);
}

static void
an_idle_client_takes_leave_as_it_comes(void **state)
{
    static const struct {
        const char *words, *story;
    } cases[] = {
        {"421 4.4.2 idle for too long\r\n", "1 accepted dot 250;closed"              },
        {HANGS_UP,                          "1 accepted dot 250;closed"              },
        {RESETS,                            "1 accepted dot 250;closed"              },
        {"250 one too many\r\n",            "1 accepted dot 250;closed nonsense  451"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static const struct play play = {.letters = {ONE}};
        static struct world w;

        print_message("  %s\n", cases[i].words);
        world_prepare(&w, &play);
        start_client(&w, 0);
        run_until(&w, US_PER_S);
        assert_true(smtp_client_is_idle(w.client));
        script_say(w.server.sessions, cases[i].words);
        finish(&w);
        assert_slice(text_slice(&w.story), cases[i].story);
        assert_int_equal(w.closed_at_us, US_PER_S);
        world_stop(&w);
    }
}

/* At any instant its owner may drop it; nobody is told anything then. */
static void
a_client_can_be_freed_at_any_instant(void **state)
{
    static const struct play play = {
        .letters = {TWO, ONE}
    };

    for (int64_t at_us = 0; at_us < 6 * (int64_t)US_PER_S; at_us += 5 * US_PER_MS) {
        static struct world w;
        size_t told;

        if (at_us > 300 * US_PER_MS && at_us < 5 * (int64_t)US_PER_S - 20 * US_PER_MS)
            continue;
        world_prepare(&w, &play);
        network_sim_set_link(
            w.network, &w.address, &(struct net_link){.latency_us = 10 * US_PER_MS});
        start_client(&w, 0);
        run_until(&w, at_us);
        told = w.story.length;
        smtp_client_free(&w.client);
        run_until(&w, US_PER_HOUR);
        assert_int_equal(w.story.length, told);
        assert_int_equal(w.server.open_count, 0);
        world_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_borne_as_long_as_the_rfc_says),
        cmocka_unit_test(silence_is_borne_as_long_as_the_rule_says),
        cmocka_unit_test(silence_after_a_pipelined_group_counts_from_the_group),
        cmocka_unit_test(a_silent_rset_is_borne_as_well),
        cmocka_unit_test(every_connect_that_fails_is_told),
        cmocka_unit_test(a_slow_line_is_no_silence),
        cmocka_unit_test(a_line_that_stalls_within_the_content_is_given_up),
        cmocka_unit_test(an_idle_client_waits_for_work_a_while),
        cmocka_unit_test(a_client_that_is_told_leaves_when_it_is_idle),
        cmocka_unit_test(an_idle_client_takes_leave_as_it_comes),
        cmocka_unit_test(a_client_can_be_freed_at_any_instant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
