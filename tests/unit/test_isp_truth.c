/* test_isp_truth.c - what a provider would let through, asked instead of tried. */
#include "tests/unit/isp_visit.h"

static const struct isp_limit everything[] = {
    {.id = {"pace", 4},
     .count = LIMIT_MESSAGES,
     .per = LIMIT_PER_SOURCE_IP,
     .max = 20,
     .window = WINDOW_BUCKET,
     .window_us = US_PER_S,
     .burst = 100,
     .over = REPLY(421, 4, "too fast")},
    {.id = {"recipients", 10},
     .count = LIMIT_RECIPIENTS,
     .per = LIMIT_PER_SITE,
     .max = 3600,
     .window = WINDOW_SLIDING,
     .window_us = US_PER_HOUR,
     .over = REPLY(452, 4, "too many"),
     .hold_us = 10 * US_PER_MIN,
     .hold_factor = {1, 1},
     .hold_us_max = US_PER_HOUR},
    {.id = {"open", 4},
     .count = LIMIT_CONNECTIONS_OPEN,
     .per = LIMIT_PER_HOST,
     .max = 5,
     .over = REPLY(421, 4, "too many")   },
    {.id = {"each", 4},
     .count = LIMIT_MESSAGES_PER_CONNECTION,
     .per = LIMIT_PER_SOURCE_IP,
     .max = 10,
     .over = REPLY(421,                     4,                       "enough")       },
    {.id = {"visits", 6},
     .count = LIMIT_CONNECTIONS,
     .per = LIMIT_PER_SOURCE_IP,
     .max = 60,
     .window = WINDOW_SLIDING,
     .window_us = US_PER_MIN,
     .over = REPLY(421,        4,          "too often")   },
};

static void
the_strictest_limit_is_the_true_one(void **state)
{
    const struct isp_sender sender = stranger();
    struct isp_permission may;
    struct isp_world w;

    prepare(&w);
    w.config.limits = everything;
    w.config.limits_count = COUNT_OF(everything);
    isp_open(&w);
    may = isp_permission_now(w.isp, &sender, &(struct isp_message){1, 0, 0});
    assert_false(may.is_refused);
    assert_int_equal(ratio_compare(may.rate, ratio_of(1, US_PER_S)), 0); /* 3600/h */
    assert_int_equal(may.room, 100);
    assert_int_equal(may.connections_open_max, 5);
    assert_int_equal(may.messages_per_connection_max, 10);
    assert_int_equal(may.recipients_per_transaction_max, 1000);
    may = isp_permission_now(w.isp, &sender, &(struct isp_message){50, 0, 0});
    assert_int_equal(ratio_compare(may.rate, ratio_of(1, 50 * US_PER_S)), 0);
    assert_int_equal(may.room, 72);
    isp_turn(w.isp, KNOB_LIMIT_MAX, 1, 360000); /* now ten in each of 60 connections a minute */
    may = isp_permission_now(w.isp, &sender, &(struct isp_message){1, 0, 0});
    assert_int_equal(ratio_compare(may.rate, ratio_of(10, US_PER_S)), 0);
    isp_turn(w.isp, KNOB_LIMIT_MAX, 3, 1000);
    may = isp_permission_now(w.isp, &sender, &(struct isp_message){1, 0, 0});
    assert_int_equal(ratio_compare(may.rate, ratio_of(20, US_PER_S)), 0);
    isp_stop(&w);
}

static void
a_shut_door_is_a_rate_of_nothing_until_it_opens(void **state)
{
    const struct isp_sender sender = stranger();
    const struct isp_senders us = {&sender.source, 1, SLICE("x.test"), SLICE("")};
    struct isp_limit_state limit;
    struct isp_permission may;
    struct isp_world w;
    int64_t changes_at_us;

    prepare(&w);
    w.config.limits = everything;
    w.config.limits_count = COUNT_OF(everything);
    isp_open(&w);
    isp_turn(w.isp, KNOB_LIMIT_MAX, 1, 1);
    assert_string_equal(say(&w, US_PER_S, MAIL RCPT RCPT), "250 250 452 ");
    limit = isp_limit_now(w.isp, 1, &sender);
    assert_true(limit.is_shut);
    assert_int_equal(limit.room, 0);
    assert_true(limit.shut_until_us == US_PER_S + 10 * US_PER_MIN);
    assert_int_equal(isp_limit_rate_now(w.isp, 1, &us, &changes_at_us).num, 0);
    assert_true(changes_at_us == US_PER_S + 10 * US_PER_MIN);
    may = isp_permission_now(w.isp, &sender, &(struct isp_message){1, 0, 0});
    assert_true(may.is_refused);
    assert_int_equal(may.rate.num, 0);
    assert_int_equal(may.room, 0);
    assert_true(may.eases_at_us >= US_PER_S + 10 * US_PER_MIN);
    isp_run(&w, changes_at_us);
    assert_int_equal(
        ratio_compare(isp_limit_rate_now(w.isp, 1, &us, &changes_at_us), ratio_of(1, US_PER_HOUR)),
        0);
    assert_true(changes_at_us == INT64_MAX);
    isp_stop(&w);
}

static void
who_has_more_addresses_has_more_of_what_is_counted_for_each(void **state)
{
    static const struct {
        uint32_t per;
        int64_t times;
    } cases[] = {
        {LIMIT_PER_SOURCE_IP,                  3},
        {LIMIT_PER_IP_24,                      2},
        {LIMIT_PER_SITE,                       1},
        {LIMIT_PER_SENDER_DOMAIN,              1},
        {LIMIT_PER_HOST,                       2},
        {LIMIT_PER_HOST | LIMIT_PER_SOURCE_IP, 6},
    };
    struct net_address sources[3];
    const struct isp_senders us = {sources, 3, SLICE("x.test"), SLICE("")};

    assert_true(net_address_parse(SLICE("198.51.100.1"), &sources[0]));
    assert_true(net_address_parse(SLICE("198.51.100.2"), &sources[1]));
    assert_true(net_address_parse(SLICE("203.0.113.1"), &sources[2]));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_limit limit = everything[0];
        struct net_address second;
        struct isp_host hosts[2];
        struct isp_world w;
        int64_t changes_at_us;

        prepare(&w);
        assert_true(net_address_parse(SLICE("192.0.2.26"), &second));
        second.port = 25;
        hosts[0] = hosts[1] = w.host;
        hosts[1].addresses = &second;
        w.config.hosts = hosts;
        w.config.hosts_count = 2;
        limit.per = cases[i].per;
        w.config.limits = &limit;
        w.config.limits_count = 1;
        isp_open(&w);
        assert_int_equal(ratio_compare(isp_limit_rate_now(w.isp, 0, &us, &changes_at_us),
                             ratio_of(20 * cases[i].times, US_PER_S)),
            0);
        isp_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strictest_limit_is_the_true_one),
        cmocka_unit_test(a_shut_door_is_a_rate_of_nothing_until_it_opens),
        cmocka_unit_test(who_has_more_addresses_has_more_of_what_is_counted_for_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
