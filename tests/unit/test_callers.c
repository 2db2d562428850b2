/* test_callers.c - who rings at the providers' doors, open or shut. */
#include "tests/unit.h"

#include "base/unit.h"
#include "scenarios/callers.h"
#include "smtp/event.h"

enum { HEARD_MAX = 8, PATIENCE_US = 60 * US_PER_S };

struct street {
    struct loop *loop;
    struct journal *journal;
    struct callers *callers;
    struct event heard[HEARD_MAX];
    size_t heard_count; /* also those beyond the first eight */
};

static struct net_address addresses[] = {
    {.family = 4, .bytes = {198, 51, 100, 1}, .port = 25},
    {.family = 4, .bytes = {198, 51, 100, 2}, .port = 25},
};
static const struct isp_host hosts[] = {
    {.fqdn = {"mx1.slow.example", 16}, .addresses = &addresses[0], .addresses_count = 1},
    {.fqdn = {"mx2.slow.example", 16}, .addresses = &addresses[1], .addresses_count = 1},
};
static const struct isp_config isps[] = {
    {.name = {"slow", 4}, .hosts = hosts, .hosts_count = COUNT_OF(hosts)},
};
static const struct scenario scenario = {.isps = isps, .isps_count = COUNT_OF(isps)};

static void
on_entry(void *arg, struct slice entry)
{
    struct street *street = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (street->heard_count < HEARD_MAX)
        street->heard[street->heard_count] = event;
    street->heard_count++;
}

static int
open_street(void **state)
{
    static struct street street;

    street = (struct street){.loop = loop_sim_new(0), .journal = journal_new()};
    street.callers = callers_new(street.loop, street.journal, &scenario, PATIENCE_US);
    journal_observe(street.journal, on_entry, &street);
    *state = &street;
    return 0;
}

static int
close_street(void **state)
{
    struct street *street = *state;

    callers_free(&street->callers);
    journal_free(&street->journal);
    loop_free(&street->loop);
    return 0;
}

static void
ask(struct street *street, uint16_t from_port, size_t host)
{
    struct segment segment = {
        .from = {.family = 4, .bytes = {198, 51, 100, 25}},
        .to = addresses[host],
        .flags = SEGMENT_SYN
    };

    segment.from.port = from_port;
    callers_on_segment(street->callers, &segment);
}

static void
answer(struct street *street, uint16_t to_port, size_t host, uint8_t flags)
{
    struct segment segment = {
        .from = addresses[host], .to = {.family = 4, .bytes = {198, 51, 100, 25}},
             .flags = flags
    };

    segment.to.port = to_port;
    callers_on_segment(street->callers, &segment);
}

static void
pass_time(struct street *street, int64_t until_us)
{
    struct error err;

    assert_true(loop_run(street->loop, until_us, &err));
}

static void
assert_heard(struct street *street, size_t i, const char *host, enum event_outcome outcome)
{
    const struct event *event = &street->heard[i];

    assert_true(i < street->heard_count);
    assert_int_equal(event->kind, EVENT_CONNECT);
    assert_int_equal(event->outcome, outcome);
    assert_slice(journal_name_text(street->journal, event->host), host);
    assert_slice(journal_name_text(street->journal, event->isp), "slow");
    assert_slice(journal_name_text(street->journal, event->source_ip), "198.51.100.25");
}

static void
a_shut_door_is_told_like_an_open_one(void **state)
{
    struct street *street = *state;

    ask(street, 40000, 0);
    assert_int_equal(street->heard_count, 0);
    answer(street, 40000, 0, SEGMENT_RST | SEGMENT_ACK);
    ask(street, 40001, 1);
    answer(street, 40001, 1, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(street->heard_count, 2);
    assert_heard(street, 0, "mx1.slow.example", OUTCOME_REFUSED);
    assert_heard(street, 1, "mx2.slow.example", OUTCOME_OK);
}

static void
who_is_not_answered_has_asked_once_however_often_the_kernel_repeats(void **state)
{
    struct street *street = *state;

    ask(street, 40000, 0);
    pass_time(street, 20 * US_PER_S);
    ask(street, 40000, 0);
    ask(street, 40001, 0);
    pass_time(street, 59 * US_PER_S);
    assert_int_equal(street->heard_count, 0);
    pass_time(street, 60 * US_PER_S);
    assert_int_equal(street->heard_count, 1);
    assert_heard(street, 0, "mx1.slow.example", OUTCOME_TIMED_OUT);
    pass_time(street, 80 * US_PER_S);
    assert_int_equal(street->heard_count, 2);
}

static void
a_reset_later_on_is_no_news_about_the_door(void **state)
{
    struct street *street = *state;

    ask(street, 40000, 1);
    answer(street, 40000, 1, SEGMENT_SYN | SEGMENT_ACK);
    answer(street, 40000, 1, SEGMENT_RST);
    answer(street, 40001, 1, SEGMENT_RST);
    assert_int_equal(street->heard_count, 1);
}

static void
the_same_port_may_ask_again_after_its_answer(void **state)
{
    struct street *street = *state;

    for (int i = 0; i < 2; i++) {
        ask(street, 40000, 0);
        answer(street, 40000, 0, SEGMENT_RST | SEGMENT_ACK);
    }
    assert_int_equal(street->heard_count, 2);
}

static void
other_peoples_doors_are_nobodys_business(void **state)
{
    struct street *street = *state;
    struct segment segment = {
        .from = {.family = 4, .bytes = {198, 51, 100, 25}, .port = 40000},
        .to = addresses[0],
        .flags = SEGMENT_SYN
    };

    segment.to.port = 26;
    callers_on_segment(street->callers, &segment);
    segment.to = (struct net_address){
        .family = 4, .bytes = {198, 51, 100, 3},
             .port = 25
    };
    callers_on_segment(street->callers, &segment);
    pass_time(street, 120 * US_PER_S);
    assert_int_equal(street->heard_count, 0);
}

static void
more_than_can_wait_are_told_oldest_first(void **state)
{
    struct street *street = *state;

    for (unsigned i = 0; i < CALLERS_WAITING_MAX; i++)
        ask(street, (uint16_t)(10000 + i), 0);
    assert_int_equal(street->heard_count, 0);
    ask(street, 9999, 1);
    assert_int_equal(street->heard_count, 1);
    assert_heard(street, 0, "mx1.slow.example", OUTCOME_TIMED_OUT);
    answer(street, 10000, 0, SEGMENT_RST); /* it has been told of already */
    assert_int_equal(street->heard_count, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_street, close_street)
    static const struct CMUnitTest tests[] = {
        TEST(a_shut_door_is_told_like_an_open_one),
        TEST(who_is_not_answered_has_asked_once_however_often_the_kernel_repeats),
        TEST(a_reset_later_on_is_no_news_about_the_door),
        TEST(the_same_port_may_ask_again_after_its_answer),
        TEST(other_peoples_doors_are_nobodys_business),
        TEST(more_than_can_wait_are_told_oldest_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
