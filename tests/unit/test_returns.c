/* test_returns.c - a campaign that hears of mail that came back. */
#include "tests/unit/campaign_world.h"

static const struct verdict unknown = {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD};
static const struct verdict full = {CLASS_MAILBOX_FULL, REASON_MAILBOX_FULL, TYPE_SOFT};
static const struct verdict blocked = {CLASS_SPAM_BLOCK, REASON_REFUSED, TYPE_IGNORED};
static const struct verdict complained = {CLASS_NONE, REASON_DENYLISTED, TYPE_HARD};
static const struct verdict absent = {CLASS_AUTO_REPLY, REASON_UNREACHABLE, TYPE_IGNORED};
static const struct verdict nothing = {CLASS_NONE, REASON_NONE, TYPE_NONE};

static const struct verp_key key = {
    {1, 2, 3}
};
static const struct recipients_config four[] = {TO(4)};
static const struct delivery_config spring[] = {
    {SPRING,     .to = four},
    { .name = {"again", 5},
     .at_us = 5 * US_PER_DAY,
     .recipients_per_message = 1,
     .to = four,
     .to_count = 1},
};

static struct world *
begin_sent(size_t deliveries)
{
    struct world *w = begin_as(spring, deliveries, &key, 7 * US_PER_DAY);

    run_until(w, US_PER_MIN);
    return w;
}

static struct row
row_of(const struct world *w, uint64_t row)
{
    return campaign_row(w->campaign, 0, row);
}

static void
tell_of(struct world *w, const char *sender, const char *rcpt, enum efs_kind kind,
    struct verdict verdict, int64_t at_us)
{
    struct efs_event event = {.id = ++w->next_id,
        .at_us = at_us,
        .kind = kind,
        .sender = slice_of(sender),
        .rcpt = slice_of(rcpt),
        .verdict = verdict};

    assert_true(campaign_take_feedback(w->campaign, &event, 1));
}

static void
paths_are_signed_and_stay_what_they_were(void **state)
{
    struct world *w = begin_sent(1);
    struct verp_judge *judge = verp_judge_new(&key);
    struct text path = {0};
    struct verp_path read;
    int64_t day, today = verp_day(loop_wall_us(w->loop));

    run_until(w, 3 * US_PER_DAY);
    campaign_return_path(w->campaign, 0, 3, &path);
    assert_string_equal(w->mta.taken[3].sender, text_string(&path));
    assert_int_equal(verp_judge(judge, recipient_local(text_slice(&path)),
                         SLICE("campaign.example"), today + 3, &read, &day),
        VERP_GOOD);
    assert_int_equal(day, today);
    assert_int_equal(read.row, 3);
    assert_non_null(strstr(text_string(&w->mta.content), "Message-ID: <spring-3-"));
    text_release(&path);
    verp_judge_free(&judge);
    end(w);
}

/* The last message of one day and the first of the next have their own. */
static void
each_message_bears_the_day_on_which_it_left(void **state)
{
    static const struct delivery_config slow = {SPRING, .to = four, .spread_us = 4 * US_PER_DAY};
    struct world *w = begin_as(&slow, 1, &key, 7 * US_PER_DAY);
    struct verp_judge *judge = verp_judge_new(&key);
    int64_t first_day = verp_day(loop_wall_us(w->loop));

    run_until(w, 10 * US_PER_DAY);
    assert_int_equal(w->mta.taken_count, 4);
    for (uint64_t row = 0; row < 4; row++) {
        struct text path = {0};
        struct verp_path read;
        int64_t day;

        campaign_return_path(w->campaign, 0, row, &path);
        assert_string_equal(w->mta.taken[row].sender, text_string(&path));
        assert_int_equal(verp_judge(judge, recipient_local(text_slice(&path)),
                             SLICE("campaign.example"), first_day + 10, &read, &day),
            VERP_GOOD);
        assert_int_equal(day, first_day + (int64_t)row);
        text_release(&path);
    }
    verp_judge_free(&judge);
    end(w);
}

static void
a_bounce_days_later_fails_a_row_that_was_sent(void **state)
{
    struct world *w = begin_sent(2);

    for (size_t row = 0; row < 4; row++)
        feed(w, row, EFS_DELIVERED, 1, nothing);
    run_until(w, 2 * US_PER_DAY);
    feed(w, 0, EFS_RETURNED, 0, unknown);
    feed(w, 1, EFS_RETURNED, 0, full);
    feed(w, 2, EFS_RETURNED, 0, blocked);
    assert_int_equal(row_of(w, 0).status, ROW_FAILED);
    assert_int_equal(row_of(w, 1).type, TYPE_SOFT);
    assert_int_equal(row_of(w, 2).status, ROW_FAILED); /* it did not arrive, whatever the type */
    assert_int_equal(row_of(w, 3).status, ROW_SENT);
    assert_int_equal(campaign_kpi(w->campaign, 0).sent, 1);
    assert_int_equal(campaign_kpi(w->campaign, 0).bounces_errors, 3);
    assert_int_equal(campaign_kpi(w->campaign, 0).hard_bounces, 1);
    assert_int_equal(campaign_kpi(w->campaign, 0).soft_bounces, 2);
    assert_int_equal(campaign_kpi(w->campaign, 0).quarantined, 1);
    assert_int_equal(campaign_returns(w->campaign).bounces, 3);
    assert_int_equal(w->events[EVENT_BOUNCE_HARD], 3);
    run_until(w, 6 * US_PER_DAY); /* the next delivery leaves the hard one out, and nobody else */
    assert_int_equal(campaign_kpi(w->campaign, 1).excluded, 1);
    assert_int_equal(campaign_row(w->campaign, 1, 0).reason, REASON_QUARANTINED);
    end(w);
}

static void
a_complaint_denylists_whatever_the_row_is(void **state)
{
    struct world *w = begin_sent(2);

    feed(w, 0, EFS_DELIVERED, 1, nothing);
    feed(w, 1, EFS_HARD, 1, unknown);
    feed(w, 0, EFS_COMPLAINT, 0, complained);
    feed(w, 1, EFS_COMPLAINT, 0, complained);
    feed(w, 2, EFS_COMPLAINT, 0, nothing); /* a rule without a verdict */
    feed(w, 3, EFS_DELIVERED, 1, nothing);
    feed(w, 3, EFS_UNSUBSCRIBED, 0, nothing);
    assert_int_equal(row_of(w, 0).reason, REASON_DENYLISTED);
    assert_int_equal(row_of(w, 1).reason, REASON_USER_UNKNOWN); /* nothing leaves Failed */
    assert_int_equal(row_of(w, 2).reason, REASON_DENYLISTED);
    assert_int_equal(row_of(w, 3).status, ROW_SENT);
    assert_int_equal(campaign_kpi(w->campaign, 0).complaints, 2);
    assert_int_equal(campaign_returns(w->campaign).unsubscriptions, 1);
    run_until(w, 6 * US_PER_DAY);
    assert_int_equal(campaign_kpi(w->campaign, 1).excluded, 4);
    for (uint64_t row = 0; row < 4; row++)
        assert_int_equal(campaign_row(w->campaign, 1, row).reason, REASON_DENYLISTED);
    end(w);
}

static void
an_automatic_answer_is_noted_and_nothing_else(void **state)
{
    struct world *w = begin_sent(1);

    feed(w, 0, EFS_DELIVERED, 1, nothing);
    feed(w, 0, EFS_NOTED, 0, absent);
    assert_int_equal(row_of(w, 0).status, ROW_SENT);
    assert_int_equal(row_of(w, 0).reason, REASON_UNREACHABLE);
    assert_int_equal(campaign_kpi(w->campaign, 0).sent, 1);
    assert_int_equal(campaign_kpi(w->campaign, 0).bounces_errors, 0);
    assert_int_equal(campaign_quarantine_count(w->campaign), 0);
    assert_int_equal(campaign_returns(w->campaign).notes, 1);
    end(w);
}

/* To the second, from the delivery on, by the instant at which the mail came. */
static void
after_the_window_nothing_changes(void **state)
{
    struct world *w = begin_sent(1);
    int64_t sent_us = loop_now_us(w->loop);

    for (size_t row = 0; row < 4; row++)
        feed(w, row, EFS_DELIVERED, 1, nothing);
    for (uint64_t row = 0; row < 4; row++) {
        static const int64_t after_us[] = {
            7 * US_PER_DAY, 7 * US_PER_DAY + 2 * US_PER_S, 8 * US_PER_DAY, 6 * US_PER_DAY};
        struct text path = {0};

        campaign_return_path(w->campaign, 0, row, &path);
        tell_of(w, text_string(&path), "", EFS_RETURNED, unknown, sent_us + after_us[row]);
        text_release(&path);
    }
    assert_int_equal(row_of(w, 0).status, ROW_FAILED);
    assert_int_equal(row_of(w, 1).status, ROW_SENT);
    assert_int_equal(row_of(w, 2).status, ROW_SENT);
    assert_int_equal(row_of(w, 3).status, ROW_FAILED);
    assert_int_equal(campaign_returns(w->campaign).late, 2);
    end(w);
}

static void
what_is_about_none_of_our_rows_is_counted(void **state)
{
    struct world *w = begin_sent(1);
    struct text path = {0}, last = {0};

    feed(w, 0, EFS_DELIVERED, 1, nothing);
    campaign_return_path(w->campaign, 0, 0, &path);
    campaign_return_path(w->campaign, 0, 3, &last);
    last.bytes[9] = '4'; /* b+spring-4: beyond the last row */
    tell_of(w, text_string(&last), "", EFS_RETURNED, unknown, 0);
    tell_of(w, "b+spring-0@campaign.example", "", EFS_RETURNED, unknown, 0); /* unsigned */
    tell_of(w, "someone@else.example", "ok-0001@rows.example", EFS_COMPLAINT, complained, 0);
    path.bytes[path.length - 18] = path.bytes[path.length - 18] == 'a' ? 'b' : 'a';
    tell_of(w, text_string(&path), "ok-0001@rows.example", EFS_RETURNED, unknown, 0);
    assert_int_equal(campaign_returns(w->campaign).unknown, 4);
    assert_int_equal(row_of(w, 0).status, ROW_SENT);
    assert_int_equal(campaign_quarantine_count(w->campaign), 0);
    text_release(&path);
    text_release(&last);
    end(w);
}

/* Forwarded mail comes back for an address that is none of ours. */
static void
the_return_path_knows_the_row_of_a_message_of_one(void **state)
{
    static const struct delivery_config pairs = {
        .name = {"spring", 6},
          .recipients_per_message = 2, .to = four, .to_count = 1
    };

    for (int is_shared = 0; is_shared < 2; is_shared++) {
        struct world *w = begin_as(is_shared ? &pairs : spring, 1, &key, US_PER_DAY);
        struct text path = {0};

        run_until(w, US_PER_MIN);
        campaign_return_path(w->campaign, 0, 2, &path);
        tell_of(w, text_string(&path), "forwarded@other.example", EFS_RETURNED, unknown, 0);
        assert_int_equal(row_of(w, 2).status, is_shared ? ROW_TAKEN_INTO_ACCOUNT : ROW_FAILED);
        assert_int_equal(campaign_returns(w->campaign).unknown, is_shared);
        tell_of(w, text_string(&path), "ok-0004@rows.example", EFS_RETURNED, unknown, 0);
        assert_int_equal(row_of(w, 3).status, is_shared ? ROW_FAILED : ROW_TAKEN_INTO_ACCOUNT);
        text_release(&path);
        end(w);
    }
}

/* Two days of trouble, a delivery, a soft return: told in any order, row, counters and the errors of
 * the address are the same. */
static void
told_before_the_delivery_it_ends_the_same(void **state)
{
    static const enum efs_kind orders[][2] = {
        {EFS_DELIVERED, EFS_RETURNED },
        {EFS_RETURNED,  EFS_DELIVERED},
    };
    struct kpi kpi[2];
    struct quarantine_entry entries[2];

    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct world *w = begin_sent(1);
        uint32_t number;

        feed(w, 0, EFS_SOFT, 1, full);
        run_until(w, 2 * US_PER_DAY);
        feed(w, 0, EFS_SOFT, 2, full);
        for (size_t j = 0; j < 2; j++)
            feed(w, 0, orders[i][j], 3, orders[i][j] == EFS_DELIVERED ? nothing : full);
        assert_int_equal(row_of(w, 0).status, ROW_FAILED);
        assert_int_equal(row_of(w, 0).reason, REASON_MAILBOX_FULL);
        kpi[i] = campaign_kpi(w->campaign, 0);
        assert_true(
            map_find(&w->campaign->quarantine.addresses, SLICE("ok-0001@rows.example"), &number));
        entries[i] = w->campaign->quarantine.entries[number];
        end(w);
    }
    assert_memory_equal(&kpi[0], &kpi[1], sizeof kpi[0]);
    assert_int_equal(entries[0].errors_count, 1); /* the delivery made it forget the others */
    assert_int_equal(entries[1].errors_count, 1);
}

static void
a_return_may_be_faster_than_the_250(void **state)
{
    static const struct line_script script[] = {
        {".", 1, NULL}
    };
    struct world *w = begin_as(spring, 1, &key, US_PER_DAY);

    w->mta.script = script;
    w->mta.script_count = 1;
    run_until(w, 100 * US_PER_MS);
    feed(w, 0, EFS_RETURNED, 0, unknown);
    assert_int_equal(row_of(w, 0).status, ROW_FAILED);
    run_until(w, US_PER_HOUR);
    assert_int_equal(row_of(w, 0).status, ROW_FAILED);
    end(w);
}

/* Any news of any row, in any order, some of it twice: end() compares all counters with a recount. */
static void
counters_survive_whatever_comes_back(void **state)
{
    static const struct verdict *const verdicts[] = {
        &unknown, &full, &blocked, &complained, &absent, &nothing};
    struct rng rng = rng_from_seed(5);

    for (int run = 0; run < 20; run++) {
        struct world *w = begin_sent(2);

        for (int i = 0; i < 60; i++) {
            run_until(w, loop_now_us(w->loop) + (int64_t)rng_below(&rng, US_PER_DAY / 2));
            feed(w, rng_below(&rng, 4),
                rng_below(&rng, 3) == 0 ? EFS_DELIVERED
                                        : (enum efs_kind)rng_below(&rng, EFS_NOTED + 1),
                (uint32_t)rng_below(&rng, 5), *verdicts[rng_below(&rng, COUNT_OF(verdicts))]);
            assert_recount(w);
        }
        end(w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_signed_and_stay_what_they_were),
        cmocka_unit_test(each_message_bears_the_day_on_which_it_left),
        cmocka_unit_test(a_bounce_days_later_fails_a_row_that_was_sent),
        cmocka_unit_test(a_complaint_denylists_whatever_the_row_is),
        cmocka_unit_test(an_automatic_answer_is_noted_and_nothing_else),
        cmocka_unit_test(after_the_window_nothing_changes),
        cmocka_unit_test(what_is_about_none_of_our_rows_is_counted),
        cmocka_unit_test(the_return_path_knows_the_row_of_a_message_of_one),
        cmocka_unit_test(told_before_the_delivery_it_ends_the_same),
        cmocka_unit_test(a_return_may_be_faster_than_the_250),
        cmocka_unit_test(counters_survive_whatever_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
