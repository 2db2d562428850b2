/* test_mailbox.c - what came back waits for the poll, survives a crash, and counts once. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/mailbox.c" /* its timer is looked at */

#define POLL_US (5 * US_PER_MIN)

struct world {
    struct loop *loop;
    struct rng rng;
    struct store *store;
    struct journal *journal;
    struct efs *efs;
    struct replays *replays;
    struct mailbox *mailbox;
    struct text told; /* "300.0 returned b+1@us kim@isp user-unknown 2.0\n" */
};

static bool
take(void *arg, const struct efs_event *events, size_t count)
{
    struct world *w = arg;

    for (size_t i = 0; i < count; i++)
        text_printf(&w->told, "%d:%d:%.*s>%.*s:%.*s:%.*s:%u:%u@%d ",
            (int)(loop_now_us(w->loop) / US_PER_S), (int)events[i].kind,
            SLICE_ARGS(events[i].sender), SLICE_ARGS(events[i].rcpt),
            SLICE_ARGS(journal_name_text(w->journal, events[i].rule)),
            SLICE_ARGS(journal_name_text(w->journal, events[i].text)), events[i].verdict.class,
            events[i].code, (int)(events[i].at_us / US_PER_S));
    return true;
}

static void
open_mailbox(struct world *w, int64_t poll_us)
{
    const struct mailbox_setup setup = {.loop = w->loop,
        .store = w->store,
        .journal = w->journal,
        .efs = w->efs,
        .replays = w->replays,
        .poll_us = poll_us};

    w->mailbox = mailbox_new(&setup);
    mailbox_recover(w->mailbox);
}

static void
begin(struct world *w, int64_t poll_us)
{
    *w = (struct world){.rng = rng_from_seed(1)};
    w->loop = loop_sim_new(INT64_C(1767600000) * US_PER_S);
    w->store = store_sim_new(w->loop, US_PER_MS, &w->rng);
    w->journal = journal_new();
    w->efs = efs_new(w->loop, 1, US_PER_S, take, w);
    w->replays = replays_new(US_PER_DAY);
    open_mailbox(w, poll_us);
}

static void
end(struct world *w)
{
    mailbox_free(&w->mailbox);
    replays_free(&w->replays);
    efs_free(&w->efs);
    store_free(&w->store);
    journal_free(&w->journal);
    loop_free(&w->loop);
    text_release(&w->told);
}

static void
run_until(struct world *w, int64_t until_us)
{
    struct error err;

    if (!loop_run(w->loop, until_us, &err))
        fail_msg("%s", err.text);
}

static uint64_t
put(struct world *w, const char *rcpt)
{
    const struct returned returned = {
        .at_us = loop_now_us(w->loop),
        .kind = EFS_RETURNED,
        .verdict = {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD},
        .code = 550,
        .sender = SLICE("b+1@us.test"),
        .rcpt = slice_of(rcpt),
        .text = SLICE("550 nobody"),
        .rule = SLICE("unknown"),
        .fingerprint = (uint64_t)rcpt[0]
    };

    assert_true(replays_put(w->replays, returned.fingerprint, returned.at_us));
    return mailbox_put(w->mailbox, &returned);
}

static void
mail_is_told_at_the_next_poll_with_the_instant_at_which_it_came(void **state)
{
    struct world w;

    begin(&w, POLL_US);
    run_until(&w, 100 * US_PER_S);
    mailbox_settle(w.mailbox, put(&w, "kim@isp.test"), 1, true);
    run_until(&w, 299 * US_PER_S);
    assert_int_equal(w.told.length, 0);
    assert_int_equal(mailbox_waiting(w.mailbox), 1);
    mailbox_settle(w.mailbox, put(&w, "lou@isp.test"), 1, true);
    run_until(&w, 300 * US_PER_S);
    assert_string_equal(text_string(&w.told),
        "300:4:b+1@us.test>kim@isp.test:unknown:550 nobody:10:550@100 "
        "300:4:b+1@us.test>lou@isp.test:unknown:550 nobody:10:550@299 ");
    assert_int_equal(mailbox_waiting(w.mailbox), 0);
    assert_int_equal(store_sim_bytes(w.store), 0);
    /* At the instant of a poll it waits for the next one. */
    mailbox_settle(w.mailbox, put(&w, "max@isp.test"), 1, true);
    text_clear(&w.told);
    run_until(&w, 599 * US_PER_S);
    assert_int_equal(w.told.length, 0);
    run_until(&w, 600 * US_PER_S);
    assert_int_not_equal(w.told.length, 0);
    end(&w);
}

/* A run in which nothing comes back any more is not woken for it. */
static void
an_empty_mailbox_has_no_clock(void **state)
{
    struct world w;

    begin(&w, POLL_US);
    mailbox_settle(w.mailbox, put(&w, "kim@isp.test"), 1, true);
    run_until(&w, US_PER_HOUR);
    assert_false(timer_is_armed(&w.mailbox->poll));
    end(&w);
}

static void
without_a_clock_there_is_no_waiting(void **state)
{
    struct world w;

    begin(&w, 0);
    run_until(&w, 7 * US_PER_S);
    mailbox_settle(w.mailbox, put(&w, "kim@isp.test"), 1, true);
    run_until(&w, 7 * US_PER_S);
    assert_int_equal(strncmp(text_string(&w.told), "7:4:", 4), 0);
    end(&w);
}

static void
what_the_store_refused_may_come_again(void **state)
{
    struct world w;
    uint64_t first;

    begin(&w, POLL_US);
    first = put(&w, "kim@isp.test");
    put(&w, "lou@isp.test");
    mailbox_settle(w.mailbox, put(&w, "max@isp.test"), 1, true);
    mailbox_settle(w.mailbox, first, 2, false);
    assert_int_equal(mailbox_waiting(w.mailbox), 1);
    assert_true(replays_put(w.replays, 'k', 0));
    assert_false(replays_put(w.replays, 'm', 0));
    run_until(&w, POLL_US);
    assert_string_equal(
        text_string(&w.told), "300:4:b+1@us.test>max@isp.test:unknown:550 nobody:10:550@0 ");
    end(&w);
}

/* The poll does not tell what may still be refused. */
static void
what_is_not_durable_yet_waits_for_the_poll_after(void **state)
{
    struct world w;
    uint64_t number;

    begin(&w, POLL_US);
    number = put(&w, "kim@isp.test");
    mailbox_settle(w.mailbox, put(&w, "lou@isp.test"), 1, true);
    run_until(&w, POLL_US);
    assert_null(strstr(text_string(&w.told), "kim"));
    mailbox_settle(w.mailbox, number, 1, true);
    run_until(&w, 2 * POLL_US);
    assert_non_null(strstr(text_string(&w.told), "600:4:b+1@us.test>kim@isp.test"));
    end(&w);
}

static void
on_synced(void *arg, bool is_durable)
{
    assert_true(is_durable);
}

static void
what_was_durable_survives_a_crash_and_counts_once(void **state)
{
    struct world w;

    begin(&w, POLL_US);
    put(&w, "kim@isp.test");
    store_sync(w.store, on_synced, NULL);
    run_until(&w, US_PER_S);
    put(&w, "lou@isp.test"); /* not covered by any sync */
    mailbox_free(&w.mailbox);
    replays_free(&w.replays);
    store_sim_crash(w.store);
    w.replays = replays_new(US_PER_DAY);
    open_mailbox(&w, POLL_US);
    assert_false(replays_put(w.replays, 'k', loop_now_us(w.loop)));
    assert_true(replays_put(w.replays, 'l', loop_now_us(w.loop)));
    run_until(&w, POLL_US);
    assert_string_equal(
        text_string(&w.told), "300:4:b+1@us.test>kim@isp.test:unknown:550 nobody:10:550@0 ");
    end(&w);
}

static void
a_replay_is_known_for_a_window(void **state)
{
    struct replays *replays = replays_new(US_PER_DAY);

    for (uint64_t i = 10; i < 1000; i++)
        assert_true(replays_put(replays, i, 0));
    for (uint64_t i = 10; i < 1000; i++)
        assert_false(replays_put(replays, i, US_PER_DAY - 1));
    assert_true(replays_put(replays, 5000, US_PER_DAY)); /* the other generation begins */
    assert_false(replays_put(replays, 70, US_PER_DAY));
    assert_true(replays_put(replays, 70, 2 * US_PER_DAY));
    assert_true(replays_put(replays, 80, 5 * US_PER_DAY));
    assert_true(replays_put(replays, 70, 5 * US_PER_DAY));
    replays_forget(replays, 70);
    replays_forget(replays, 70);
    assert_true(replays_put(replays, 70, 5 * US_PER_DAY));
    replays_free(&replays);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_is_told_at_the_next_poll_with_the_instant_at_which_it_came),
        cmocka_unit_test(an_empty_mailbox_has_no_clock),
        cmocka_unit_test(without_a_clock_there_is_no_waiting),
        cmocka_unit_test(what_the_store_refused_may_come_again),
        cmocka_unit_test(what_is_not_durable_yet_waits_for_the_poll_after),
        cmocka_unit_test(what_was_durable_survives_a_crash_and_counts_once),
        cmocka_unit_test(a_replay_is_known_for_a_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
