/* test_delivery_orders.c - suspend, try now, give up, and look, in virtual time. */
#include "tests/unit/delivery_world.h"

#include "mta/delivery_orders.h"

static void
start_deferring(struct world *w, int times)
{
    world_prepare(w, 7);
    w->servers[0].rows[0] = (struct script_row){"RCPT", "451 4.2.1 not now\r\n", times};
    world_open(w);
}

/* --- suspend --------------------------------------------------------------------------------- */

static void
what_is_suspended_waits_and_goes_on(void **state)
{
    static const char *const names[] = {"isp.test", "mx1.isp.test"}; /* a domain, a site */

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        static struct world w;

        print_message("  %s\n", names[i]);
        world_start(&w);
        assert_true(delivery_hold(w.delivery, slice_of(names[i]), INT64_MAX)); /* in advance */
        submit(&w, 3);
        run_until(&w, US_PER_HOUR);
        assert_int_equal(w.servers[0].taken_count, 0);
        assert_int_equal(totals_of(&w).recipients_waiting, 3);
        assert_true(delivery_hold(w.delivery, slice_of(names[i]), 0));
        assert_int_equal(w.servers[0].sessions_count, 0); /* from the loop, not from the call */
        run_until(&w, US_PER_HOUR + US_PER_MIN);
        check_books(&w);
        assert_int_equal(w.servers[0].taken_count, 3);
        assert_false(delivery_hold(w.delivery, slice_of(names[i]), 0)); /* it is not suspended */
        world_stop(&w);
    }
}

struct diary_of_holds {
    struct journal *journal;
    struct text told;
};

static void
note_hold(void *arg, struct slice entry)
{
    struct diary_of_holds *diary = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind != EVENT_MX_CHANGED)
        return;
    assert_slice(journal_name_text(diary->journal, event.rule), "operator");
    text_printf(&diary->told, "%.*s %.*s| %.*s;",
        SLICE_ARGS(journal_name_text(diary->journal, event.host)),
        SLICE_ARGS(journal_name_text(diary->journal, event.source_ip)),
        SLICE_ARGS(journal_name_text(diary->journal, event.text)));
}

/* Who, for how long, and whether it ended by itself. */
static void
suspensions_are_journaled(void **state)
{
    static struct world w;
    struct diary_of_holds diary = {0};

    world_start(&w);
    diary.journal = w.journal;
    journal_observe(w.journal, note_hold, &diary);
    delivery_hold(w.delivery, SLICE("mx1.isp.test"), US_PER_HOUR);
    delivery_hold(w.delivery, SLICE("198.51.100.1"), INT64_MAX);
    delivery_hold(w.delivery, SLICE("mx1.isp.test/198.51.100.1"), INT64_MAX);
    run_until(&w, US_PER_HOUR);
    delivery_hold(w.delivery, SLICE("198.51.100.1"), 0);
    run_until(&w, US_PER_HOUR + 1);
    assert_string_equal(text_string(&diary.told),
        "mx1.isp.test | suspended: mx1.isp.test for 1h;"
        " 198.51.100.1| suspended: 198.51.100.1;"
        "mx1.isp.test 198.51.100.1| suspended: mx1.isp.test/198.51.100.1;"
        "mx1.isp.test | suspension is over: mx1.isp.test;"
        " 198.51.100.1| resumed: 198.51.100.1;");
    text_release(&diary.told);
    world_stop(&w);
}

static void
a_suspension_may_have_an_end(void **state)
{
    static const char *const names[] = {"isp.test", "mx1.isp.test"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        static struct world w;

        world_start(&w);
        submit(&w, 1);
        run_until(&w, US_PER_MIN);
        assert_int_equal(w.servers[0].taken_count, 1);
        assert_true(delivery_hold(w.delivery, slice_of(names[i]), US_PER_HOUR));
        submit(&w, 1);
        run_until(&w, US_PER_HOUR - 1);
        assert_int_equal(w.servers[0].taken_count, 1);
        run_until(&w, US_PER_HOUR + US_PER_MIN);
        assert_int_equal(w.servers[0].taken_count, 2);
        check_books(&w);
        world_stop(&w);
    }
}

/* The neighbour at the same site goes on; who stands in line already is called back. */
static void
a_domain_is_suspended_alone(void **state)
{
    static struct world w;

    world_prepare(&w, 7);
    w.rule.messages_per_hour = 1;
    world_open(&w);
    submit_to(&w, "isp.test", 1);
    for (int i = 0; i < 3; i++)
        submit_to(&w, "isp.test", 1);
    submit_to(&w, "other.test", 1);
    run_until(&w, US_PER_MIN);
    assert_int_equal(w.servers[0].taken_count, 1);
    assert_true(delivery_hold(w.delivery, SLICE("isp.test"), INT64_MAX));
    run_until(&w, US_PER_HOUR + US_PER_MIN);
    assert_int_equal(w.servers[0].taken_count, 2);
    assert_int_equal(w.rcpts[4].final, EFS_DELIVERED);
    assert_int_equal(w.rcpts[4].final_count, 1);
    run_until(&w, 10 * US_PER_HOUR);
    assert_int_equal(w.servers[0].taken_count, 2);
    assert_true(delivery_hold(w.delivery, SLICE("isp.test"), 0));
    run_until(&w, 20 * US_PER_HOUR);
    check_books(&w);
    world_stop(&w);
}

static void
validity_goes_on_meanwhile(void **state)
{
    static const char *const names[] = {"isp.test", "mx1.isp.test"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        static struct world w;

        world_start(&w);
        submit(&w, 1);
        run_until(&w, US_PER_MIN);
        assert_true(delivery_hold(w.delivery, slice_of(names[i]), INT64_MAX));
        submit(&w, 1);
        run_until(&w, 85 * US_PER_HOUR);
        check_books(&w);
        assert_int_equal(w.rcpts[1].final, EFS_EXPIRED);
        assert_int_equal(w.rcpts[1].final_at_us, US_PER_MIN + 84 * US_PER_HOUR);
        world_stop(&w);
    }
}

/* A session that is open leaves once it is idle: a suspended site hears nothing of us. */
static void
sessions_of_a_suspended_site_leave(void **state)
{
    static struct world w;

    world_start(&w);
    submit(&w, 1);
    run_until(&w, US_PER_S);
    assert_int_equal(w.servers[0].open_count, 1);
    assert_true(delivery_hold(w.delivery, SLICE("mx1.isp.test"), INT64_MAX));
    run_until(&w, 2 * US_PER_S);
    assert_int_equal(w.servers[0].open_count, 0);
    world_stop(&w);
}

/* --- try now --------------------------------------------------------------------------------- */

static void
flush_tries_now(void **state)
{
    static const char *const names[] = {"", "isp.test", "mx1.isp.test"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        static struct world w;

        print_message("  %s\n", names[i]);
        start_deferring(&w, 2);
        submit(&w, 2);
        run_until(&w, US_PER_MIN);
        assert_int_equal(totals_of(&w).deferrals, 2);
        assert_int_equal(delivery_flush(w.delivery, slice_of(names[i])), 2);
        assert_int_equal(w.servers[0].taken_count, 0);
        run_until(&w, 2 * US_PER_MIN);
        check_books(&w);
        assert_int_equal(w.servers[0].taken_count, 2);
        assert_int_equal(w.rcpts[0].attempt, 2);
        world_stop(&w);
    }
}

static void
flush_leaves_others_to_their_instant(void **state)
{
    static struct world w;

    start_deferring(&w, 2);
    submit_to(&w, "isp.test", 1);
    submit_to(&w, "other.test", 1);
    run_until(&w, US_PER_MIN);
    assert_int_equal(totals_of(&w).deferrals, 2);
    assert_int_equal(delivery_flush(w.delivery, SLICE("other.test")), 1);
    assert_int_equal(delivery_flush(w.delivery, SLICE("nowhere.test")), 0);
    run_until(&w, 2 * US_PER_MIN);
    assert_int_equal(w.rcpts[0].final_count, 0);
    assert_int_equal(w.rcpts[1].final_count, 1);
    run_until(&w, US_PER_HOUR);
    check_books(&w);
    assert_in_range(w.rcpts[0].final_at_us, 20 * US_PER_MIN, 20 * US_PER_MIN + US_PER_S);
    world_stop(&w);
}

/* --- give up --------------------------------------------------------------------------------- */

static void
bounce_fails_who_waits_and_tells_it(void **state)
{
    static struct world w;

    start_deferring(&w, 2);
    submit(&w, 2);
    run_until(&w, US_PER_MIN);
    assert_true(delivery_hold(w.delivery, SLICE("isp.test"), INT64_MAX));
    submit(&w, 1);
    submit_to(&w, "other.test", 1);
    run_until(&w, 2 * US_PER_MIN);
    assert_int_equal(delivery_give_up(w.delivery, SLICE("u0@ISP.test"), SLICE("gone")), 1);
    assert_int_equal(delivery_give_up(w.delivery, SLICE("u0@isp.test"), SLICE("gone")), 0);
    assert_int_equal(delivery_give_up(w.delivery, SLICE("isp.test"), SLICE("gone")), 2);
    run_until(&w, US_PER_HOUR);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(w.rcpts[i].final_count, 1);
        assert_int_equal(w.rcpts[i].final, EFS_HARD);
        assert_int_equal(w.rcpts[i].code, 554);
    }
    assert_int_equal(w.rcpts[0].attempt, 1);
    assert_int_equal(w.rcpts[2].attempt, 0); /* it never had a try */
    assert_int_equal(w.rcpts[3].final, EFS_DELIVERED);
    assert_int_equal(totals_of(&w).failed, 3);
    assert_int_equal(totals_of(&w).recipients_waiting, 0);
    world_stop(&w);
}

/* --- look ------------------------------------------------------------------------------------ */

static void
note_domain(void *arg, const struct delivery_domain_state *state)
{
    struct text *seen = arg;

    text_printf(seen, "%.*s@%.*s %d/%d/%d%s;", SLICE_ARGS(state->domain), SLICE_ARGS(state->site),
        (int)state->waiting, (int)state->in_flight, (int)state->deferred,
        state->held_until_us > 0 ? " held" : "");
}

static void
note_recipient(void *arg, const struct delivery_recipient_state *state)
{
    text_printf(arg, "%.*s %u %d;", SLICE_ARGS(state->recipient), state->attempts,
        (int)(state->due_us / US_PER_MIN));
}

static void
the_queue_can_be_looked_at(void **state)
{
    static struct world w;
    struct text seen = {0};

    start_deferring(&w, 2);
    submit(&w, 2);
    run_until(&w, US_PER_MIN);
    assert_true(delivery_hold(w.delivery, SLICE("other.test"), INT64_MAX));
    submit_to(&w, "other.test", 1);
    run_until(&w, 2 * US_PER_MIN);
    delivery_list_domains(w.delivery, note_domain, &seen);
    assert_string_equal(text_string(&seen), "isp.test@mx1.isp.test 0/0/2;other.test@ 1/0/0 held;");
    text_clear(&seen);
    assert_int_equal(
        delivery_list_recipients(w.delivery, SLICE("isp.test"), 1, note_recipient, &seen), 2);
    assert_string_equal(text_string(&seen), "u0@isp.test 1 20;");
    assert_int_equal(delivery_sites_count(w.delivery), 1);
    assert_int_equal(site_state(delivery_site(w.delivery, 0)).counts->deferred, 2);
    text_release(&seen);
    world_stop(&w);
}

/* --- the next process ------------------------------------------------------------------------ */

static void
on_found(void *arg, struct spool_place place)
{
    struct world *w = arg;

    delivery_recover(w->delivery, place);
}

static void
ignore_sync(void *arg, bool is_durable)
{
}

/* A world whose process is gone and comes back after `pause_us`. */
static void
restart(struct world *w, int64_t pause_us)
{
    int64_t wall_us = loop_wall_us(w->loop);

    delivery_free(&w->delivery);
    efs_free(&w->efs);
    spool_free(&w->spool);
    run_until(w, loop_now_us(w->loop) + pause_us);
    assert_int_equal(loop_wall_us(w->loop), wall_us + pause_us);
    w->spool = spool_new(w->loop, w->store);
    w->efs = efs_new(w->loop, 100, US_PER_S, take_events, w);
    w->delivery = delivery_new(&w->config, &w->doors, w->spool, NULL, w->efs);
    spool_recover(w->spool, on_found, w);
}

static void
a_restart_keeps_tries_and_their_instants(void **state)
{
    static struct world w;

    start_deferring(&w, 2);
    submit(&w, 1);
    run_until(&w, 30 * US_PER_MIN); /* tries at 0 and 20 minutes: the third is due at an hour */
    assert_int_equal(w.rcpts[0].soft_count, 2);
    spool_sync(w.spool, ignore_sync, NULL);
    run_until(&w, 31 * US_PER_MIN);
    restart(&w, US_PER_MIN);
    run_until(&w, US_PER_HOUR - US_PER_S);
    assert_int_equal(w.rcpts[0].final_count, 0);
    run_until(&w, US_PER_HOUR + US_PER_MIN);
    assert_int_equal(w.rcpts[0].final, EFS_DELIVERED);
    assert_int_equal(w.rcpts[0].attempt, 3);
    world_stop(&w);
}

static void
a_restart_keeps_the_end_of_validity(void **state)
{
    static struct world w;

    start_deferring(&w, 0);
    submit(&w, 1);
    run_until(&w, US_PER_HOUR);
    spool_sync(w.spool, ignore_sync, NULL);
    run_until(&w, 2 * US_PER_HOUR);
    restart(&w, US_PER_HOUR);
    run_until(&w, 85 * US_PER_HOUR);
    assert_int_equal(w.rcpts[0].final, EFS_EXPIRED);
    assert_int_equal(w.rcpts[0].final_at_us, 84 * US_PER_HOUR);
    world_stop(&w);
}

static void
what_expired_while_nobody_was_there_is_told_at_once(void **state)
{
    static struct world w;

    start_deferring(&w, 0);
    submit(&w, 1);
    run_until(&w, US_PER_HOUR);
    spool_sync(w.spool, ignore_sync, NULL);
    run_until(&w, 2 * US_PER_HOUR);
    restart(&w, 100 * US_PER_HOUR);
    run_until(&w, 103 * US_PER_HOUR);
    assert_int_equal(w.rcpts[0].final, EFS_EXPIRED);
    assert_int_equal(w.rcpts[0].final_at_us, 102 * US_PER_HOUR);
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_suspended_waits_and_goes_on),
        cmocka_unit_test(suspensions_are_journaled),
        cmocka_unit_test(a_suspension_may_have_an_end),
        cmocka_unit_test(a_domain_is_suspended_alone),
        cmocka_unit_test(validity_goes_on_meanwhile),
        cmocka_unit_test(sessions_of_a_suspended_site_leave),
        cmocka_unit_test(flush_tries_now),
        cmocka_unit_test(flush_leaves_others_to_their_instant),
        cmocka_unit_test(bounce_fails_who_waits_and_tells_it),
        cmocka_unit_test(the_queue_can_be_looked_at),
        cmocka_unit_test(a_restart_keeps_tries_and_their_instants),
        cmocka_unit_test(a_restart_keeps_the_end_of_validity),
        cmocka_unit_test(what_expired_while_nobody_was_there_is_told_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
