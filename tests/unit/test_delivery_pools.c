/* test_delivery_pools.c - our IPs at a site: shares, suspensions, restarts, and other rules on the way. */
#include "tests/unit/delivery_world.h"

#include "mta/delivery_orders.h"
#include "smtp/event.h"

enum { SOURCES_COUNT = 3 };
static const uint32_t weights[SOURCES_COUNT] = {5, 5, 1};

struct street {
    struct world w;
    struct net_address ips[SOURCES_COUNT];
    struct pool_member members[SOURCES_COUNT];
    struct pool pool;
    size_t connects[SOURCES_COUNT];
};
static struct street street;

static void
on_entry(void *arg, struct slice entry)
{
    struct street *s = arg;
    struct slice sender, rcpt, ip;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind != EVENT_CONNECT)
        return;
    ip = journal_name_text(s->w.journal, event.source_ip);
    s->connects[ip.at[ip.length - 1] - '1']++;
}

/* Sessions carry one message each, so that weights show in messages. */
static struct world *
start_pool(void)
{
    struct world *w = &street.w;

    memset(&street, 0, sizeof street);
    world_prepare(w, 7);
    for (uint32_t i = 0; i < SOURCES_COUNT; i++) {
        street.ips[i] = w->source;
        street.ips[i].bytes[3] = (uint8_t)(1 + i); /* 198.51.100.1, … */
        street.members[i] = (struct pool_member){.source = i, .weight = weights[i]};
    }
    street.pool = (struct pool){SLICE("news"), street.members, SOURCES_COUNT};
    w->config.source_ips = street.ips;
    w->config.source_ips_count = SOURCES_COUNT;
    w->rule.pool = &street.pool;
    w->rule.connections = 1;
    w->rule.messages_per_connection = 1;
    journal_observe(w->journal, on_entry, &street);
    world_open(w);
    return w;
}

/* Sends, and looks who sent. */
static void
expect_shares(struct world *w, size_t count, size_t first, size_t second, size_t third)
{
    memset(street.connects, 0, sizeof street.connects);
    submit(w, count);
    run_until(w, loop_now_us(w->loop) + US_PER_HOUR);
    check_books(w);
    assert_int_equal(street.connects[0], first);
    assert_int_equal(street.connects[1], second);
    assert_int_equal(street.connects[2], third);
}

static void
who_is_suspended_leaves_its_share_to_the_others(void **state)
{
    static const char *const names[] = {"198.51.100.1", "mx1.isp.test/198.51.100.1"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct world *w = start_pool();

        print_message("  %s\n", names[i]);
        expect_shares(w, 110, 50, 50, 10);
        assert_true(delivery_hold(w->delivery, slice_of(names[i]), INT64_MAX));
        expect_shares(w, 60, 0, 50, 10);
        assert_true(delivery_hold(w->delivery, slice_of(names[i]), 0));
        expect_shares(w, 110, 50, 50, 10);
        world_stop(w);
    }
}

static void
an_ip_may_be_suspended_before_there_is_a_site_and_for_a_while(void **state)
{
    struct world *w = start_pool();

    assert_true(delivery_hold(w->delivery, SLICE("mx1.isp.test/198.51.100.2"), US_PER_HOUR / 2));
    submit(w, 60);
    run_until(w, US_PER_HOUR / 2 - 1);
    assert_int_equal(street.connects[0], 50);
    assert_int_equal(street.connects[1], 0);
    run_until(w, US_PER_HOUR);
    expect_shares(w, 110, 50, 50, 10);
    world_stop(w);
}

static void
another_site_is_not_concerned(void **state)
{
    struct world *w = start_pool();

    assert_true(delivery_hold(w->delivery, SLICE("mx1.else.test/198.51.100.1"), INT64_MAX));
    expect_shares(w, 11, 5, 5, 1);
    world_stop(w);
}

static void
where_all_are_suspended_mail_waits(void **state)
{
    struct world *w = start_pool();

    for (size_t i = 0; i < SOURCES_COUNT; i++) {
        char name[] = "198.51.100.0";

        name[sizeof name - 2] = (char)('1' + i);
        assert_true(delivery_hold(w->delivery, slice_of(name), INT64_MAX));
    }
    submit(w, 3);
    run_until(w, US_PER_DAY);
    assert_int_equal(w->servers[0].taken_count, 0);
    assert_true(delivery_hold(w->delivery, SLICE("198.51.100.3"), 0));
    run_until(w, US_PER_DAY + US_PER_MIN);
    assert_int_equal(w->servers[0].taken_count, 3);
    assert_int_equal(street.connects[2], 3);
    check_books(w);
    world_stop(w);
}

static void
only_our_own_ips_are_found(void **state)
{
    struct world *w = start_pool();
    uint32_t source;

    assert_true(delivery_find_source(w->delivery, SLICE("198.51.100.3"), &source));
    assert_int_equal(source, 2);
    assert_false(delivery_find_source(w->delivery, SLICE("198.51.100.4"), &source));
    assert_false(delivery_find_source(w->delivery, SLICE("mx1.isp.test"), &source));
    world_stop(w);
}

/* --- the next process ------------------------------------------------------------------------ */

static void
on_found(void *arg, struct spool_place place)
{
    struct world *w = arg;

    delivery_recover(w->delivery, place);
}

static void
restart(struct world *w)
{
    delivery_free(&w->delivery);
    efs_free(&w->efs);
    spool_free(&w->spool);
    w->spool = spool_new(w->loop, w->store);
    w->efs = efs_new(w->loop, 100, US_PER_S, take_events, w);
    w->delivery = delivery_new(&w->config, &w->doors, w->spool, NULL, w->efs);
    delivery_recover_state(w->delivery);
    spool_recover(w->spool, on_found, w);
}

static void
a_restart_keeps_suspensions_and_their_ends(void **state)
{
    static const char *const names[] = {
        "isp.test", "mx1.isp.test", "198.51.100.1", "mx1.isp.test/198.51.100.1"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct world *w = start_pool();
        bool is_of_ip = i >= 2;

        print_message("  %s\n", names[i]);
        assert_true(delivery_hold(w->delivery, SLICE("other.test"), US_PER_MIN));
        assert_true(delivery_hold(w->delivery, slice_of(names[i]), 1));
        assert_true(delivery_hold(w->delivery, slice_of(names[i]), US_PER_HOUR)); /* replaces it */
        run_until(w, 2 * US_PER_MIN);
        submit(w, 6);
        restart(w);
        run_until(w, US_PER_HOUR - 1);
        assert_int_equal(w->servers[0].taken_count, is_of_ip ? 6 : 0);
        assert_int_equal(street.connects[0], 0);
        run_until(w, US_PER_HOUR + US_PER_MIN);
        assert_int_equal(w->servers[0].taken_count, 6);
        restart(w); /* it is over, also for the next process */
        assert_false(delivery_hold(w->delivery, slice_of(names[i]), 0));
        assert_false(delivery_hold(w->delivery, SLICE("other.test"), 0));
        world_stop(w);
    }
}

/* A new IP must not begin its day twice. */
static void
a_restart_and_a_reload_keep_what_was_sent_today(void **state)
{
    static const uint64_t days[] = {10, 20};
    struct warmup_plan plan = {.days = days, .days_count = 2, .has_start = true};
    struct mx_scope scope = {
        .is_of_source = true, .source = 2, .values = {.warmup = &plan, .given = OPTION_WARMUP}
    };
    struct mx_scope again;
    struct mx_rule other;
    struct world *w = start_pool();
    int64_t wall_us = loop_wall_us(w->loop);

    w->config.scopes = &scope;
    w->config.scopes_count = 1;
    plan.start_wall_us = wall_us - wall_us % US_PER_DAY;
    submit(w, 66); /* a share of six for the new one */
    run_until(w, US_PER_HOUR);
    assert_int_equal(street.connects[2], 6);
    restart(w);
    submit(w, 110);
    run_until(w, 2 * US_PER_HOUR);
    assert_int_equal(street.connects[2], 10);
    again = scope;
    other = w->rule;
    other.connections = 2;
    w->config.scopes = &again;
    w->config.mx_rules = &other;
    delivery_reload(w->delivery);
    submit(w, 110);
    run_until(w, 3 * US_PER_HOUR);
    assert_int_equal(street.connects[2], 10);
    run_until(w, US_PER_DAY);
    restart(w);
    submit(w, 330);
    run_until(w, US_PER_DAY + US_PER_HOUR);
    assert_int_equal(street.connects[2], 30);
    world_stop(w);
}

/* --- other rules ----------------------------------------------------------------------------- */

static size_t
sites_in_use(const struct world *w)
{
    size_t count = 0;

    for (size_t i = 0; i < delivery_sites_count(w->delivery); i++)
        count += site_state(delivery_site(w->delivery, i)).counts->delivered > 0;
    return count;
}

static void
rules_that_say_the_same_change_nothing(void **state)
{
    struct world *w = start_pool();
    struct mx_rule again = w->rule;

    expect_shares(w, 4, 2, 2, 0);
    w->config.mx_rules = &again; /* elsewhere, as after a reload */
    delivery_reload(w->delivery);
    expect_shares(w, 7, 3, 3, 1); /* the round that was begun is ended: it is the same site */
    assert_int_equal(delivery_sites_count(w->delivery), 1);
    world_stop(w);
}

static void
who_waits_goes_on_under_the_new_rule_and_open_sessions_end_under_the_old(void **state)
{
    struct world *w = start_pool();
    struct mx_rule faster = w->rule;
    size_t taken;

    faster.connections = 7;
    faster.messages_per_connection = 100;
    submit(w, 500);
    run_until(w, US_PER_S);
    taken = w->servers[0].taken_count;
    assert_true(taken > 0 && taken < 50);
    assert_int_equal(w->servers[0].open_max, 1);
    w->config.mx_rules = &faster;
    delivery_reload(w->delivery);
    run_until(w, US_PER_MIN);
    check_books(w);
    assert_int_equal(w->servers[0].taken_count, 500);
    assert_true(w->servers[0].open_max >= 7 && w->servers[0].open_max <= 8); /* one of the old */
    assert_int_equal(sites_in_use(w), 2);
    assert_int_equal(totals_of(w).deferrals, 0);
    world_stop(w);
}

/* The same site and its controller, and another thought about the same reply. */
static void
what_to_do_about_replies_is_read_again(void **state)
{
    static struct world w;
    const struct automation_table own = {"own.tsv",
        SLICE("id\thost\ttype\ttext\ttrigger\taction\tfor\texample\n"
              "odd\tmx?.isp.test\t-\tquite odd\tfirst\tsuspend\t1h\t-\n")};

    world_prepare(&w, 7);
    w.rule.controller = CONTROLLER_KUMO;
    w.rule.settings.message_rate = ratio_of(1, US_PER_S);
    w.servers[0].rows[0] = (struct script_row){"MAIL", "550 5.6.0 quite odd\r\n", 0};
    world_open(&w);
    submit(&w, 10);
    run_until(&w, US_PER_MIN);
    assert_int_equal(totals_of(&w).attempts, 10);
    w.config.automation.of[AUTOMATION_KUMO] = own;
    delivery_reload(w.delivery);
    submit(&w, 10);
    run_until(&w, US_PER_HOUR);
    assert_int_equal(totals_of(&w).attempts, 11);
    w.config.automation.of[AUTOMATION_KUMO] = (struct automation_table){0};
    delivery_reload(w.delivery);
    run_until(&w, 2 * US_PER_HOUR); /* what was suspended is so until its hour is over */
    assert_int_equal(totals_of(&w).attempts, 20);
    assert_int_equal(delivery_sites_count(w.delivery), 1);
    world_stop(&w);
}

static void
the_throttle_of_a_scope_goes_on_counting_over_a_reload(void **state)
{
    struct world *w = start_pool();
    struct mx_scope scope = {
        .values = {.messages_per_hour = 5, .given = OPTION_MESSAGES_PER_HOUR}
    };
    struct mx_scope again = scope;
    struct mx_rule other = w->rule;

    w->config.scopes = &scope;
    w->config.scopes_count = 1;
    submit(w, 12);
    run_until(w, US_PER_MIN);
    assert_int_equal(w->servers[0].taken_count, 5);
    other.connections = 2; /* another site, … */
    w->config.mx_rules = &other;
    w->config.scopes = &again; /* … under the same scope */
    delivery_reload(w->delivery);
    run_until(w, US_PER_HOUR - 1);
    assert_int_equal(w->servers[0].taken_count, 5);
    run_until(w, 2 * US_PER_HOUR - 1);
    assert_int_equal(w->servers[0].taken_count, 10);
    world_stop(w);
}

static void
a_suspension_holds_under_the_new_rule_too(void **state)
{
    static const char *const names[] = {"isp.test", "mx1.isp.test"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct world *w = start_pool();
        struct mx_rule other = w->rule;

        submit(w, 1);
        run_until(w, US_PER_MIN);
        assert_true(delivery_hold(w->delivery, slice_of(names[i]), US_PER_HOUR));
        submit(w, 3);
        other.connections = 2;
        w->config.mx_rules = &other;
        delivery_reload(w->delivery);
        run_until(w, US_PER_HOUR - 1);
        assert_int_equal(w->servers[0].taken_count, 1);
        run_until(w, US_PER_HOUR + US_PER_MIN);
        assert_int_equal(w->servers[0].taken_count, 4);
        check_books(w);
        world_stop(w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_suspended_leaves_its_share_to_the_others),
        cmocka_unit_test(an_ip_may_be_suspended_before_there_is_a_site_and_for_a_while),
        cmocka_unit_test(another_site_is_not_concerned),
        cmocka_unit_test(where_all_are_suspended_mail_waits),
        cmocka_unit_test(only_our_own_ips_are_found),
        cmocka_unit_test(a_restart_keeps_suspensions_and_their_ends),
        cmocka_unit_test(a_restart_and_a_reload_keep_what_was_sent_today),
        cmocka_unit_test(rules_that_say_the_same_change_nothing),
        cmocka_unit_test(what_to_do_about_replies_is_read_again),
        cmocka_unit_test(who_waits_goes_on_under_the_new_rule_and_open_sessions_end_under_the_old),
        cmocka_unit_test(the_throttle_of_a_scope_goes_on_counting_over_a_reload),
        cmocka_unit_test(a_suspension_holds_under_the_new_rule_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
