/* test_shaping.c - how much a destination site may get right now. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "mta/controller_parts.h"
#include "mta/shaping.h"

enum { RULES_COUNT = 5 };

static void
the_first_rule_that_fits_is_taken(void **state)
{
    const struct mx_rule rules[RULES_COUNT] = {
        {.host = SLICE("*.bigmail.test"), .domain = SLICE("vip.test"), .connections = 1},
        {.host = SLICE("*.bigmail.test"),                               .connections = 2                           },
        {.domain = SLICE("*.org.test"),                               .connections = 3  },
        {.domain = SLICE("a?.test"),                               .connections = 4                              },
        {.host = SLICE("MX1.OTHER.test"),                               .connections = 5},
    };
    const struct mta_config config = {.mx_rules = rules, .mx_rules_count = RULES_COUNT};
    static const struct {
        const char *domain, *hosts[3];
        uint32_t connections;
    } cases[] = {
        {"vip.test",   {"mx1.bigmail.test"},                  1 },
        {"VIP.Test",   {"MX1.BigMail.test"},                  1 },
        {"vip.test",   {"mx1.else.test"},                     20},
        {"news.test",  {"mx1.bigmail.test"},                  2 },
        {"news.test",  {"mx1.else.test", "mx9.bigmail.test"}, 2 }, /* any host of the site */
        {"x.org.test", {"mx1.bigmail.test"},                  2 }, /* first match wins */
        {"x.org.test", {"mx1.else.test"},                     3 },
        {"org.test",   {"mx1.else.test"},                     20},
        {"ab.test",    {"mx1.else.test"},                     4 },
        {"abc.test",   {"mx1.else.test"},                     20},
        {"abc.test",   {"bigmail.test"},                      20},
        {"abc.test",   {"mx1.other.test"},                    5 },
        {"abc.test",   {NULL},                                20}, /* no host at all */
        {"ab.test",    {NULL},                                4 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice hosts[3];
        size_t count = 0;

        while (count < 3 && cases[i].hosts[count] != NULL) {
            hosts[count] = slice_of(cases[i].hosts[count]);
            count++;
        }
        print_message("  %s at %s\n", cases[i].domain, count > 0 ? cases[i].hosts[0] : "-");
        assert_int_equal(mx_rule_for(&config, slice_of(cases[i].domain), hosts, count)->connections,
            cases[i].connections);
    }
}

static void
without_rules_there_is_the_default(void **state)
{
    const struct mta_config config = mta_config_default();
    const struct slice host = SLICE("mx.isp.test");

    assert_ptr_equal(mx_rule_for(&config, SLICE("isp.test"), &host, 1), &mx_rule_default);
}

static void
one_connection_for_each_twenty_up_to_the_rule(void **state)
{
    static const struct {
        uint32_t waiting_count, wanted;
    } cases[] = {
        {0,          0},
        {1,          1},
        {20,         1},
        {21,         2},
        {40,         2},
        {41,         3},
        {100,        5},
        {101,        5},
        {UINT32_MAX, 5},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(controller_worth(cases[i].waiting_count, 5), cases[i].wanted);
}

static void
no_limit_is_no_limit(void **state)
{
    struct shaper shaper;
    int64_t retry_at_us = -1;

    shaper_init(&shaper, &mx_rule_default);
    for (int i = 0; i < 100000; i++)
        assert_true(shaper_take_message(&shaper, 0, &retry_at_us));
    assert_int_equal(retry_at_us, -1);
    assert_null(shaper.hour.ring); /* and costs no memory */
    shaper_release(&shaper);
}

/* In the hour that ends now, the present instant included and that of an hour ago not. */
static uint64_t
sent_within_the_hour(const int64_t *sent_at_us, size_t count, int64_t now_us)
{
    uint64_t sent = 0;

    for (size_t i = 0; i < count; i++)
        sent += sent_at_us[i] > now_us - US_PER_HOUR;
    return sent;
}

static void
the_hour_slides_as_if_every_message_were_remembered(void **state)
{
    enum { ASKED_COUNT = 3000 };
    static int64_t sent_at_us[ASKED_COUNT];

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_from_seed(seed);
        struct mx_rule rule = mx_rule_default;
        struct shaper shaper;
        size_t sent_count = 0;
        int64_t now_us = 0;

        rule.messages_per_hour = 1 + rng_below(&rng, 60);
        shaper_init(&shaper, &rule);
        for (int i = 0; i < ASKED_COUNT; i++) {
            bool may =
                sent_within_the_hour(sent_at_us, sent_count, now_us) < rule.messages_per_hour;
            int64_t retry_at_us = -1;

            assert_int_equal(shaper_take_message(&shaper, now_us, &retry_at_us), may);
            if (may) {
                sent_at_us[sent_count++] = now_us;
            } else {
                uint64_t then = sent_within_the_hour(sent_at_us, sent_count, retry_at_us);
                uint64_t before = sent_within_the_hour(sent_at_us, sent_count, retry_at_us - 1);

                assert_true(retry_at_us > now_us); /* the first instant that can succeed */
                assert_true(then < rule.messages_per_hour);
                assert_true(before >= rule.messages_per_hour);
                if (rng_below(&rng, 2) == 0) {
                    now_us = retry_at_us;
                    continue;
                }
            }
            if (rng_below(&rng, 3) > 0)
                now_us += (int64_t)rng_below(&rng, 5 * (uint64_t)US_PER_MIN);
        }
        shaper_release(&shaper);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_for_each_twenty_up_to_the_rule),
        cmocka_unit_test(the_first_rule_that_fits_is_taken),
        cmocka_unit_test(without_rules_there_is_the_default),
        cmocka_unit_test(no_limit_is_no_limit),
        cmocka_unit_test(the_hour_slides_as_if_every_message_were_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
