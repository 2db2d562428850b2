/* test_controller_oracle.c - the controller that is told the truth is never refused. */
#include "tests/unit.h"

#include "mta/controller.h"

static struct mx_rule
oracle_rule(void)
{
    struct mx_rule rule = mx_rule_default;

    rule.controller = CONTROLLER_ORACLE;
    rule.connections = 1000;
    return rule;
}

static void
on_change(void *arg, int64_t now_us, const struct controller_change *change)
{
}

static bool
tell_truth(void *arg, struct slice host, struct site_truth *truth)
{
    const struct site_truth *known = arg;

    *truth = *known;
    return true;
}

/* Three a while, ten milliseconds away: three that have not got there leave no room, … */
static void
what_is_on_its_way_takes_up_room(void **state)
{
    const struct mx_rule rule = oracle_rule();
    struct site_truth truth = {.way_us = 10 * US_PER_MS,
        .room = 3,
        .eases_at_us = 2 * US_PER_MIN,
        .connections = 5,
        .messages_per_connection = 7,
        .recipients_per_transaction = 9};
    struct controller *oracle = controller_new(&rule, 0, on_change, NULL);

    controller_ask(oracle, tell_truth, &truth, SLICE("mx.test"));
    for (int64_t now_us = 0; now_us < 3 * US_PER_MS; now_us += US_PER_MS) {
        assert_true(controller_ready_at_us(oracle, now_us) <= now_us);
        controller_take(oracle, now_us);
    }
    assert_int_equal(controller_messages_per_connection(oracle), 7);
    assert_int_equal(controller_recipients_per_transaction(oracle), 9);
    assert_true(controller_ready_at_us(oracle, 3 * US_PER_MS) > 3 * US_PER_MS);
    truth.room =
        0; /* … and when they have, none is left. The next shall get there when there is. */
    assert_true(
        controller_ready_at_us(oracle, 20 * US_PER_MS) == 2 * US_PER_MIN - 10 * (int64_t)US_PER_MS);
    controller_free(&oracle);
}

/* Half of all messages are refused by chance and count nowhere: so there are two tries for each. */
static void
who_is_refused_by_chance_tries_more(void **state)
{
    const struct mx_rule rule = oracle_rule();
    struct site_truth truth = {
        .has_pace = true,
        .pace = {10, US_PER_S},
        .refused_ppm = PPM / 2,
        .room = 10,
        .eases_at_us = INT64_MAX,
        .connections = 5,
        .messages_per_connection = 7,
        .recipients_per_transaction = 9
    };
    struct controller *oracle = controller_new(&rule, 0, on_change, NULL);
    int64_t now_us = US_PER_S, takes = 0;

    controller_ask(oracle, tell_truth, &truth, SLICE("mx.test"));
    for (; now_us < 3 * US_PER_S; takes++) {
        int64_t ready_us = controller_ready_at_us(oracle, now_us);

        now_us = ready_us > now_us ? ready_us : now_us;
        controller_take(oracle, now_us);
    }
    assert_in_range(takes, 40, 42);
    controller_free(&oracle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_on_its_way_takes_up_room),
        cmocka_unit_test(who_is_refused_by_chance_tries_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
