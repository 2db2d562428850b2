/* test_delivery_shape.c - how much and how often: connections, transactions, hours, validity. */
#include "tests/unit/delivery_world.h"

/* --- shape ----------------------------------------------------------------------------------- */

static void
never_more_connections_than_the_rule_says(void **state)
{
    static const uint32_t connections[] = {1, 2, 7, 20};

    for (size_t i = 0; i < COUNT_OF(connections); i++) {
        static struct world w;

        world_prepare(&w, 7);
        w.rule.connections = connections[i];
        world_open(&w);
        submit(&w, 1000);
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        assert_int_equal(w.servers[0].open_max, connections[i]);
        world_stop(&w);
    }
}

static void
a_session_ends_after_as_many_messages_as_the_rule_says(void **state)
{
    static const struct {
        uint32_t per_connection;
        size_t messages_count, sessions_count;
    } cases[] = {
        {1,   10,  10},
        {3,   10,  4 },
        {10,  10,  1 },
        {100, 250, 3 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        world_prepare(&w, 7);
        w.rule.connections = 1;
        w.rule.messages_per_connection = cases[i].per_connection;
        world_open(&w);
        submit(&w, cases[i].messages_count);
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        assert_int_equal(w.servers[0].sessions_count, cases[i].sessions_count);
        assert_int_equal(totals_of(&w).connections, cases[i].sessions_count);
        world_stop(&w);
    }
}

static void
recipients_of_one_message_share_transactions(void **state)
{
    static const struct {
        uint32_t per_transaction;
        size_t transactions_count;
    } cases[] = {
        {1,   8},
        {3,   3},
        {8,   1},
        {100, 1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;
        size_t mails_count = 0;

        world_prepare(&w, 7);
        w.rule.recipients_per_transaction = cases[i].per_transaction;
        world_open(&w);
        submit_to(&w, "isp.test", 8);
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        for (const char *at = text_string(&w.servers[0].heard); (at = strstr(at, "MAIL")) != NULL;
             at++)
            mails_count++;
        assert_int_equal(mails_count, cases[i].transactions_count);
        world_stop(&w);
    }
}

static void
messages_never_share_a_transaction(void **state)
{
    static struct world w;

    world_start(&w);
    submit_to(&w, "isp.test", 2);
    submit_to(&w, "other.test", 2); /* the same site */
    run_until(&w, US_PER_HOUR);
    check_books(&w);
    assert_slice(text_slice(&w.servers[0].heard),
        "\nEHLO mta.campaign.example;"
        "\nMAIL FROM:<b@us.test> SIZE=7;RCPT TO:<u0@isp.test>;RCPT TO:<u1@isp.test>;DATA;\n.;"
        "\nMAIL FROM:<b@us.test> SIZE=7;RCPT TO:<u2@other.test>;RCPT TO:<u3@other.test>;DATA;\n.;"
        "\nQUIT;");
    world_stop(&w);
}

static void
a_full_hour_holds_the_rest_back(void **state)
{
    static struct world w;

    world_prepare(&w, 7);
    w.rule.messages_per_hour = 10;
    world_open(&w);
    submit(&w, 35);
    for (size_t hours = 1; hours <= 4; hours++) {
        run_until(&w, (int64_t)hours * US_PER_HOUR - 1);
        assert_int_equal(w.servers[0].taken_count, hours < 4 ? 10 * hours : 35);
    }
    check_books(&w);
    assert_int_equal(totals_of(&w).deferrals, 0); /* to wait is no try */
    world_stop(&w);
}

/* Told that there are enough connections, we go on with those we have. */
static void
a_host_that_wants_fewer_connections_gets_them(void **state)
{
    static struct world w;

    world_start(&w);
    submit(&w, 20); /* one connection */
    run_until(&w, 10 * LATENCY_US);
    for (size_t i = 0; i < HOSTS_COUNT; i++) {
        w.servers[i].rows[0] = (struct script_row){"", "421 4.7.0 too many\r\n" THEN_CLOSES, 0};
        w.servers[i].rows_count = 1;
    }
    submit(&w, 300);
    run_until(&w, 10 * US_PER_MIN);
    assert_int_equal(w.servers[0].taken_count, 100); /* all that one session may carry */
    assert_int_equal(totals_of(&w).deferrals, 220);  /* no session was left then */
    for (size_t i = 0; i < HOSTS_COUNT; i++)
        w.servers[i].rows_count = 0;
    run_until(&w, US_PER_HOUR);
    check_books(&w);
    assert_int_equal(totals_of(&w).delivered, 320);
    world_stop(&w);
}

/* --- time ------------------------------------------------------------------------------------ */

/* Whoever is put off for ever is tried as often as Momentum would, and given up on the dot. */
static void
a_message_expires_on_the_dot(void **state)
{
    static struct world w;

    world_prepare(&w, 7);
    w.servers[0].rows[0] = (struct script_row){"RCPT", "450 4.2.0 later\r\n", 0};
    world_open(&w);
    submit(&w, 3);
    run_until(&w, 84 * US_PER_HOUR - 1);
    assert_int_equal(totals_of(&w).recipients_waiting, 3);
    assert_int_equal(totals_of(&w).attempts, 3 * 12);
    run_until(&w, 85 * US_PER_HOUR);
    check_books(&w);
    for (size_t i = 0; i < w.rcpts_count; i++) {
        assert_int_equal(w.rcpts[i].final, EFS_EXPIRED);
        assert_int_equal(w.rcpts[i].final_at_us, 84 * US_PER_HOUR);
        assert_int_equal(w.rcpts[i].soft_count, 12);
    }
    world_stop(&w);
}

static void
a_try_that_outlives_the_message_still_counts(void **state)
{
    static const struct {
        const char *reply;
        enum efs_kind final;
        int soft_count;
    } cases[] = {
        {"250 taken\r\n", EFS_DELIVERED, 0},
        {"450 later\r\n", EFS_EXPIRED,   1},
        {"550 never\r\n", EFS_HARD,      0},
        {HANGS_UP,        EFS_EXPIRED,   1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        world_prepare(&w, 7);
        w.config.validity_us = 7 * LATENCY_US; /* over when DATA is answered */
        w.servers[0].rows[0] = (struct script_row){".", cases[i].reply, 0};
        world_open(&w);
        submit(&w, 1);
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        assert_int_equal(w.rcpts[0].final, cases[i].final);
        assert_int_equal(w.rcpts[0].soft_count, cases[i].soft_count);
        world_stop(&w);
    }
}

static void
it_may_go_at_any_instant(void **state)
{
    for (int64_t at_us = 0; at_us < 40 * LATENCY_US; at_us += LATENCY_US / 2) {
        static struct world w;

        world_start(&w);
        submit(&w, 200);
        run_until(&w, at_us);
        delivery_free(&w.delivery);
        run_until(&w, at_us + US_PER_MIN);
        world_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_connections_than_the_rule_says),
        cmocka_unit_test(a_session_ends_after_as_many_messages_as_the_rule_says),
        cmocka_unit_test(recipients_of_one_message_share_transactions),
        cmocka_unit_test(messages_never_share_a_transaction),
        cmocka_unit_test(a_full_hour_holds_the_rest_back),
        cmocka_unit_test(a_host_that_wants_fewer_connections_gets_them),
        cmocka_unit_test(a_message_expires_on_the_dot),
        cmocka_unit_test(a_try_that_outlives_the_message_still_counts),
        cmocka_unit_test(it_may_go_at_any_instant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
