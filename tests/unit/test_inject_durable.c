/* test_inject_durable.c - the door for new messages: what a 250 is worth, and who leaves when. */
#include "tests/unit/inject_world.h"

/* --- durability ------------------------------------------------------------------------------ */

static void
count_found(void *arg, struct spool_place place)
{
    ++*(size_t *)arg;
}

/* Crashes `after_us` behind the final dot: whoever heard 250 finds the message again. */
static void
what_was_promised_survives_a_crash(void **state)
{
    static const struct {
        int64_t after_us;
        size_t found_count;
    } cases[] = {
        {0,           0},
        {SYNC_US - 1, 0},
        {SYNC_US,     2},
        {SYNC_US + 1, 2},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;
        size_t found_count = 0;

        world_start(&w);
        say(&w,
            HELLO "MAIL FROM:<b@us.test>\r\nRCPT TO:<a@isp.test>\r\nRCPT TO:<b@isp.test>\r\n"
                  "DATA\r\nhello\r\n");
        text_clear(&w.peer.heard);
        stream_write(w.peer.stream, ".\r\n", 3);
        pass(&w, cases[i].after_us);
        assert_int_equal(w.peer.heard.length > 0, cases[i].found_count > 0);
        assert_int_equal(w.places_count, cases[i].found_count);
        inject_free(&w.inject);
        spool_free(&w.spool);
        store_sim_crash(w.store);
        open_door(&w);
        spool_recover(w.spool, count_found, &found_count);
        assert_int_equal(found_count, cases[i].found_count);
        pass(&w, US_PER_S);
        world_stop(&w);
    }
}

/* A disk that is full. */
struct full_disk {
    struct store_door door;
    struct loop *loop;
    struct timer timer;
    synced_fn *fn;
    void *arg;
};
static struct full_disk full_disk;

static void
refuse(void *arg)
{
    full_disk.fn(full_disk.arg, false);
}

static void
refuse_sync(struct store *store, synced_fn *fn, void *arg)
{
    full_disk.fn = fn;
    full_disk.arg = arg;
    loop_post(full_disk.loop, &full_disk.timer, refuse, NULL);
}

static void
what_the_disk_refused_is_not_in_the_spool(void **state)
{
    static struct world w;
    const struct store_door *door;
    size_t found_count = 0;

    world_start(&w);
    door = w.store->door;
    full_disk = (struct full_disk){.door = *door, .loop = w.loop};
    full_disk.door.sync = refuse_sync;
    w.store->door = &full_disk.door;
    say(&w,
        HELLO "MAIL FROM:<b@us.test>\r\nRCPT TO:<a@isp.test>\r\nRCPT TO:<b@isp.test>\r\n"
              "DATA\r\nhello\r\n");
    assert_string_equal(say(&w, ".\r\n"), "452 4.3.1 the spool is full\r\n");
    w.store->door = door;
    assert_int_equal(w.places_count, 0);
    stream_close(&w.peer.stream);
    inject_free(&w.inject);
    spool_free(&w.spool);
    open_door(&w);
    spool_recover(w.spool, count_found, &found_count);
    assert_int_equal(found_count, 0);
    peer_connect(&w);
    assert_non_null(strstr(say(&w, HELLO ENVELOPE MESSAGE), "250 2.0.0 ok, taken"));
    world_stop(&w);
}

/* What is pipelined behind a message waits for the disk as well (RFC 2920 3.2). */
static void
answers_keep_their_order_behind_the_disk(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w, HELLO ENVELOPE);
    text_clear(&w.peer.heard);
    stream_write(w.peer.stream, MESSAGE "NOOP\r\n", sizeof MESSAGE "NOOP\r\n" - 1);
    pass(&w, SYNC_US - 1);
    assert_int_equal(strncmp(text_string(&w.peer.heard), "354 ", 4), 0);
    assert_null(strstr(text_string(&w.peer.heard), "250 "));
    pass(&w, 1);
    assert_non_null(
        strstr(text_string(&w.peer.heard), "\r\n250 2.0.0 ok, taken\r\n250 2.0.0 ok\r\n"));
    world_stop(&w);
}

static void
who_half_closes_behind_the_dot_still_hears(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w, HELLO ENVELOPE);
    text_clear(&w.peer.heard);
    stream_write(w.peer.stream, MESSAGE, sizeof MESSAGE - 1);
    stream_shut(w.peer.stream);
    pass(&w, 3 * SYNC_US);
    assert_non_null(strstr(text_string(&w.peer.heard), "250 2.0.0 ok, taken\r\n"));
    assert_true(w.peer.is_ended);
    assert_int_equal(w.places_count, 1);
    world_stop(&w);
}

static void
who_leaves_before_the_answer_is_taken_all_the_same(void **state)
{
    for (int is_abort = 0; is_abort < 2; is_abort++) {
        static struct world w;

        world_start(&w);
        say(&w, HELLO ENVELOPE);
        stream_write(w.peer.stream, MESSAGE, sizeof MESSAGE - 1);
        pass(&w, SYNC_US / 2);
        if (is_abort)
            stream_abort(&w.peer.stream);
        else
            stream_close(&w.peer.stream);
        pass(&w, 3 * SYNC_US);
        assert_int_equal(w.places_count, 1); /* it is on the disk, and never taken back */
        world_stop(&w);
    }
}

static void
who_leaves_within_the_content_leaves_nothing(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w, HELLO ENVELOPE "DATA\r\nhello\r\n");
    stream_close(&w.peer.stream);
    pass(&w, US_PER_S);
    assert_int_equal(w.places_count, 0);
    assert_int_equal(spool_templates_count(w.spool), 0);
    world_stop(&w);
}

static void
who_says_nothing_for_too_long_is_told_to_go(void **state)
{
    static const struct {
        const char *said;
        bool is_progress; /* half a line is none: who drips one is idle */
    } befores[] = {
        {"",                             false},
        {HELLO,                          true },
        {HELLO ENVELOPE,                 true },
        {HELLO ENVELOPE "DATA\r\nx\r\n", true },
        {"NOO",                          false},
    };

    for (size_t i = 0; i < COUNT_OF(befores); i++) {
        static struct world w;
        int64_t said_at_us;

        world_start(&w);
        pass(&w, 200 * (int64_t)US_PER_S);
        said_at_us = befores[i].is_progress ? loop_now_us(w.loop) : 0;
        if (befores[i].said[0] != '\0')
            say(&w, befores[i].said);
        text_clear(&w.peer.heard);
        pass(&w, 400 * (int64_t)US_PER_S);
        assert_string_equal(text_string(&w.peer.heard), "421 4.4.2 no command for too long\r\n");
        assert_int_equal(w.peer.heard_at_us, said_at_us + 300 * (int64_t)US_PER_S);
        assert_true(w.peer.is_ended);
        world_stop(&w);
    }
}

static void
a_taken_address_is_an_error(void **state)
{
    static struct world w;
    struct inject *second;

    world_start(&w);
    second = inject_new(&w.config, &w.doors, w.spool, NULL, on_injected, &w, &w.err);
    assert_null(second);
    assert_non_null(strstr(w.err.text, "submission listener"));
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_promised_survives_a_crash),
        cmocka_unit_test(what_the_disk_refused_is_not_in_the_spool),
        cmocka_unit_test(answers_keep_their_order_behind_the_disk),
        cmocka_unit_test(who_half_closes_behind_the_dot_still_hears),
        cmocka_unit_test(who_leaves_before_the_answer_is_taken_all_the_same),
        cmocka_unit_test(who_leaves_within_the_content_leaves_nothing),
        cmocka_unit_test(who_says_nothing_for_too_long_is_told_to_go),
        cmocka_unit_test(a_taken_address_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
