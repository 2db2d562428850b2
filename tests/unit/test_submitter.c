/* test_submitter.c - whatever the MTA does, a message is relayed, refused or offered again. */
#include "tests/unit/campaign_world.h"

static void
the_conversation_is_pipelined_where_that_is_offered(void **state)
{
    static const struct recipients_config to[] = {TO(2)};
    static const struct delivery_config spring = {
        SPRING, .to = to, .validity_us = 90 * INT64_C(1000000)};
    struct world *w = begin(&spring, 1);
    const char *content;

    run_until(w, US_PER_MIN);
    content = text_string(&w->mta.content);
    assert_string_equal(text_string(&w->mta.dialogue),
        "EHLO campaign.example\n"
        "MAIL FROM:<b+spring-0@campaign.example> SIZE=1479 BY=90;R\n"
        "RCPT TO:<ok-0001@rows.example>\nDATA\n.\n"
        "MAIL FROM:<b+spring-1@campaign.example> SIZE=1479 BY=90;R\n"
        "RCPT TO:<ok-0002@rows.example>\nDATA\n.\n"
        "QUIT\n");
    assert_int_equal(w->mta.content.length, 1479);
    assert_int_equal(strlen(strstr(content, "\r\n\r\n") + 4), 1200 + strlen("ok-0002"));
    assert_non_null(strstr(content,
        "From: news@campaign.example\r\nTo: <ok-0002@rows.example>\r\n"
        "Subject: spring\r\nDate: Mon, 05 Jan 2026 08:00:00 +0000\r\n"
        "Message-ID: <spring-1@campaign.example>\r\n"));
    assert_non_null(strstr(content, "\r\n\r\nHello ok-0002,\r\n"));
    assert_null(strstr(content, "\r\n."));
    /* Greeting, EHLO, the first envelope, then one round trip per message. */
    assert_int_equal(w->mta.taken[1].at_us - w->mta.taken[0].at_us, 2 * US_PER_MS);
    end(w);
}

static void
every_way_to_offer_extensions_will_do(void **state)
{
    static const struct recipients_config to[] = {TO(30)};
    static const struct delivery_config spring = {
        SPRING, .to = to, .validity_us = 90 * INT64_C(1000000)};
    static const struct {
        const char *extensions;
        bool has_deliverby;
    } cases[] = {
        {"250 mta.example\r\n",                                 false},
        {"250-mta.example\r\n250 pipelining\r\n",               false},
        {"250-mta.example\r\n250-DELIVERBY 60\r\n250 HELP\r\n", true },
        {"502 5.5.1 what is EHLO?\r\n",                         false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world *w = begin(&spring, 1);

        print_message("  %s", cases[i].extensions);
        w->mta.extensions = cases[i].extensions;
        run_until(w, US_PER_MIN);
        assert_int_equal(campaign_kpi(w->campaign, 0).taken, 30);
        assert_int_equal(w->mta.taken_count, 30);
        assert_int_equal(
            strstr(text_string(&w->mta.dialogue), " BY=90;R") != NULL, cases[i].has_deliverby);
        assert_int_equal(strstr(text_string(&w->states), "DELIVERBY") == NULL,
            cases[i].has_deliverby); /* said once, not 30 times */
        assert_int_equal(w->events[EVENT_DELIVERY], 3 + !cases[i].has_deliverby);
        end(w);
    }
}

/* One recipient's fate, under each misbehaviour of the MTA, with and without pipelining. */
static void
what_the_mta_answers_decides_the_row(void **state)
{
    static const struct recipients_config to[] = {TO(3)};
    static const struct delivery_config spring = {SPRING, .to = to};
    static const struct {
        const char *name;
        struct line_script script;
        enum row_status status;   /* of the first row */
        int64_t relayed_after_us; /* about */
        size_t taken_count;
    } cases[] = {
        {"550 to RCPT",               {"RCPT TO:<ok-0001", 0, "550 5.7.1 no\r\n"},            ROW_FAILED,             0,              2},
        {"552 to MAIL",               {"MAIL FROM:<b+spring-0@", 0, "552 5.3.4 too big\r\n"}, ROW_FAILED,             0,              2},
        {"554 to DATA, once",         {"DATA", 1, "554 5.3.0 no\r\n"},                        ROW_FAILED,             0,              2},
        {"554 to the dot, once",      {".", 1, "554 5.6.0 no\r\n"},                           ROW_FAILED,             0,              2},
        {"451 to MAIL, once",         {"MAIL FROM:<b+spring-0@", 1, "451 4.3.0 later\r\n"},
         ROW_TAKEN_INTO_ACCOUNT,                                                                                      US_PER_MIN,     3},
        {"451 to RCPT, twice",        {"RCPT TO:<ok-0001", 2, "451 4.3.0 later\r\n"},
         ROW_TAKEN_INTO_ACCOUNT,                                                                                      3 * US_PER_MIN, 3},
        {"451 to DATA, once",         {"DATA", 1, "451 4.3.0 later\r\n"},                     ROW_TAKEN_INTO_ACCOUNT,
         US_PER_MIN,                                                                                                                  3},
        {"452 to the dot, thrice",    {".", 3, "452 4.3.1 full\r\n"},                         ROW_TAKEN_INTO_ACCOUNT,
         US_PER_MIN,                                                                                                                  3},
        {"hangs up at the dot, once", {".", 1, NULL},                                         ROW_TAKEN_INTO_ACCOUNT, US_PER_MIN,     3},
        {"421 at MAIL, once",         {"MAIL", 1, "421 4.3.2 closing\r\n"},                   ROW_TAKEN_INTO_ACCOUNT,
         US_PER_MIN,                                                                                                                  3},
        {"nonsense at RCPT, once",    {"RCPT", 1, "hello?\r\n"},                              ROW_TAKEN_INTO_ACCOUNT, US_PER_MIN,
         3                                                                                                                             },
        {"354 to RCPT, once",         {"RCPT", 1, "354 what?\r\n"},                           ROW_TAKEN_INTO_ACCOUNT, US_PER_MIN,     3},
        {"no EHLO today, once",       {"EHLO", 1, "451 4.3.0 later\r\n"},                     ROW_TAKEN_INTO_ACCOUNT,
         US_PER_MIN,                                                                                                                  3},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct world *w = begin(&spring, 1);
        int64_t expected_us = cases[i / 2].relayed_after_us, relayed_us;

        print_message("  %s\n", cases[i / 2].name);
        w->mta.script = &cases[i / 2].script;
        w->mta.script_count = 1;
        if (i % 2 == 1)
            w->mta.extensions = "250 mta.example\r\n";
        run_until(w, US_PER_HOUR);
        assert_int_equal(campaign_row(w->campaign, 0, 0).status, cases[i / 2].status);
        assert_int_equal(campaign_delivery_state(w->campaign, 0), DELIVERY_RELAYED);
        assert_int_equal(w->mta.taken_count, cases[i / 2].taken_count);
        relayed_us = campaign_row_relayed_us(w->campaign, 0, 0);
        if (cases[i / 2].status == ROW_FAILED) {
            assert_int_equal(relayed_us, -1);
            assert_int_equal(campaign_row(w->campaign, 0, 0).reason, REASON_REFUSED);
            assert_int_equal(w->events[EVENT_BOUNCE_HARD], 1);
            assert_int_equal(campaign_quarantine_count(w->campaign), 0);
        } else {
            assert_in_range(relayed_us, expected_us, expected_us + US_PER_S);
        }
        end(w);
    }
}

static void
an_mta_that_is_away_is_tried_again_with_patience(void **state)
{
    static const struct recipients_config to[] = {TO(100)};
    static const struct delivery_config spring = {SPRING, .to = to};
    struct world *w = begin(&spring, 1);

    listener_close(&w->mta.listener);
    run_until(w, 2 * US_PER_MIN);
    assert_int_equal(campaign_kpi(w->campaign, 0).pending, 100);
    listen_again(w);
    run_until(w, US_PER_HOUR); /* after 1, 3 and 7 minutes */
    assert_int_equal(campaign_kpi(w->campaign, 0).taken, 100);
    assert_in_range(
        campaign_relayed_at_us(w->campaign, 0), 3 * US_PER_MIN, 3 * US_PER_MIN + US_PER_S);
    end(w);
}

static void
a_connection_cut_anywhere_loses_nobody(void **state)
{
    static const struct recipients_config to[] = {TO(60)};
    static const struct delivery_config spring = {SPRING, .to = to};
    struct net_address mta = address("192.0.2.1", 25);

    for (uint64_t cut = 1; cut < 4000; cut += 37) {
        struct world *w = begin(&spring, 1);
        struct net_link link = {.latency_us = US_PER_MS, .cut = NET_CUT_RANDOM};

        link.reset_after_bytes = cut % 2 == 0 ? cut : 0;
        link.reset_after_reply_bytes = cut % 2 == 0 ? 0 : cut / 8;
        network_sim_set_link(w->network, &mta, &link);
        run_until(w, US_PER_S);
        link.reset_after_bytes = link.reset_after_reply_bytes = 0;
        network_sim_set_link(w->network, &mta, &link);
        run_until(w, US_PER_HOUR);
        assert_int_equal(campaign_kpi(w->campaign, 0).taken, 60);
        assert_true(w->mta.taken_count >= 60); /* at least once */
        assert_recount(w);
        end(w);
    }
}

static void
a_burst_opens_twenty_sessions_and_a_trickle_one(void **state)
{
    static const struct recipients_config to[] = {TO(3000)};
    static const struct delivery_config burst = {SPRING, .to = to};
    static const struct delivery_config trickle = {
        SPRING, .to = to, .spread_us = 3600 * INT64_C(1000000)};
    struct world *w = begin(&burst, 1);

    run_until(w, US_PER_MIN);
    assert_int_equal(w->mta.taken_count, 3000);
    assert_int_equal(w->mta.sessions_open_max, 20);
    end(w);
    w = begin(&trickle, 1);
    run_until(w, US_PER_HOUR);
    assert_int_equal(w->mta.taken_count, 3000);
    assert_int_equal(w->mta.sessions_count, 1);
    assert_in_range(w->mta.taken[1500].at_us, US_PER_HOUR / 2, US_PER_HOUR / 2 + US_PER_S);
    end(w);
}

static void
several_recipients_share_message_and_return_path(void **state)
{
    static const struct recipients_config to[] = {TO(7)};
    static const struct delivery_config spring = {
        .name = {"spring", 6},
          .recipients_per_message = 3, .to = to, .to_count = 1
    };
    static const struct line_script script[] = {
        {"RCPT TO:<ok-0005", 1, "451 4.3.0 later\r\n"},
        {"RCPT TO:<ok-0006", 0, "550 5.1.1 no\r\n"   },
    };

    for (int i = 0; i < 2; i++) {
        struct world *w = begin(&spring, 1);

        w->mta.script = script;
        w->mta.script_count = 2;
        if (i == 1)
            w->mta.extensions = "250 mta.example\r\n";
        run_until(w, US_PER_MIN);
        assert_int_equal(w->mta.taken_count, 6); /* the fifth followed at once */
        for (size_t j = 0; j < 3; j++)
            assert_string_equal(w->mta.taken[j].sender, "b+spring-0@campaign.example");
        assert_null(strstr(text_string(&w->mta.content), "ok-0"));
        assert_int_equal(campaign_kpi(w->campaign, 0).failed, 1);
        feed(w, 4, EFS_DELIVERED, 1, (struct verdict){0});
        assert_int_equal(campaign_row(w->campaign, 0, 4).status, ROW_SENT);
        assert_int_equal(campaign_row(w->campaign, 0, 3).status, ROW_TAKEN_INTO_ACCOUNT);
        end(w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_conversation_is_pipelined_where_that_is_offered),
        cmocka_unit_test(every_way_to_offer_extensions_will_do),
        cmocka_unit_test(what_the_mta_answers_decides_the_row),
        cmocka_unit_test(an_mta_that_is_away_is_tried_again_with_patience),
        cmocka_unit_test(a_connection_cut_anywhere_loses_nobody),
        cmocka_unit_test(a_burst_opens_twenty_sessions_and_a_trickle_one),
        cmocka_unit_test(several_recipients_share_message_and_return_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
