/* test_delivery_log.c - what becomes of a row, whatever is told about it. */
#include "tests/unit.h"

#include "base/rng.h"
#include "base/unit.h"
#include "scenarios/delivery_log.h"

static const struct verdict unknown = {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD};
static const struct verdict full = {CLASS_MAILBOX_FULL, REASON_MAILBOX_FULL, TYPE_SOFT};
static const struct verdict blocked = {CLASS_SPAM_BLOCK, REASON_REFUSED, TYPE_IGNORED};
static const struct verdict timed_out = {CLASS_TIMEOUT, REASON_UNREACHABLE, TYPE_IGNORED};
static const struct verdict complained = {CLASS_NONE, REASON_DENYLISTED, TYPE_HARD};
static const struct verdict absent = {CLASS_AUTO_REPLY, REASON_UNREACHABLE, TYPE_IGNORED};
static const struct verdict doubled = {CLASS_NONE, REASON_DOUBLE, TYPE_IGNORED};

struct fixture {
    struct counters counters, total;
    struct delivery_log log;
};

static void
begin(struct fixture *f, uint64_t rows)
{
    *f = (struct fixture){0};
    delivery_log_init(&f->log, &f->counters, &f->total);
    delivery_log_grow(&f->log, rows);
}

static bool
tell(struct fixture *f, enum log_news news, struct verdict verdict, uint32_t attempt)
{
    return delivery_log_apply(&f->log, 0,
        &(struct log_change){
            .news = news, .verdict = verdict, .attempt = attempt, .at_us = INT64_C(1) << 44});
}

static void
assert_counters_equal_recount(const struct fixture *f)
{
    struct kpi kpi = {0};

    delivery_log_recount(&f->log, &kpi);
    assert_memory_equal(&kpi, &f->counters.kpi, sizeof kpi);
    assert_memory_equal(&kpi, &f->total.kpi, sizeof kpi);
}

struct news {
    enum log_news news;
    const struct verdict *verdict;
};

/* The table of transitions: what was told, in order, and what
 * stands in the log afterwards. */
static void
every_history_ends_where_the_documentation_says(void **state)
{
    static const struct {
        const char *name;
        struct news history[5];
        struct row row;
        uint64_t success, bounces_errors;
    } cases[] = {
        {"excluded",                                              {{NEWS_EXCLUDED, &doubled}},                                             {ROW_IGNORED, REASON_DOUBLE, TYPE_IGNORED},       0, 0},
        {"prepared",                                              {{0}},                                                                   {ROW_PENDING, REASON_NONE, TYPE_NONE},            0, 0},
        {"relayed",                                               {{NEWS_RELAYED, &full}},                                                 {ROW_TAKEN_INTO_ACCOUNT, REASON_NONE, TYPE_NONE}, 0,
         0                                                                                                                                                                                       },
        {"delivered",                                             {{NEWS_RELAYED, &full}, {NEWS_DELIVERED, &full}},
         {ROW_SENT, REASON_NONE, TYPE_NONE},                                                                                                                                                 1, 0},
        {"hard",                                                  {{NEWS_RELAYED, &full}, {NEWS_HARD, &unknown}},
         {ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD},                                                                                                                                       0, 1},
        {"first soft",                                            {{NEWS_RELAYED, &full}, {NEWS_SOFT, &full}},
         {ROW_TAKEN_INTO_ACCOUNT, REASON_MAILBOX_FULL, TYPE_SOFT},                                                                                                                           0, 1},
        {"further soft: the last one wins",
         {{NEWS_RELAYED, &full}, {NEWS_SOFT, &full}, {NEWS_SOFT, &blocked}},
         {ROW_TAKEN_INTO_ACCOUNT, REASON_REFUSED, TYPE_IGNORED},                                                                                                                             0, 1},
        {"retry delivered",                                       {{NEWS_RELAYED, &full}, {NEWS_SOFT, &full}, {NEWS_DELIVERED, &full}},
         {ROW_SENT, REASON_NONE, TYPE_NONE},                                                                                                                                                 1, 0},
        {"retry answered with a permanent error",
         {{NEWS_RELAYED, &full}, {NEWS_SOFT, &full}, {NEWS_HARD, &unknown}},
         {ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD},                                                                                                                                       0, 1},
        {"validity over after soft bounces",
         {{NEWS_RELAYED, &full}, {NEWS_SOFT, &full}, {NEWS_EXPIRED, &timed_out}},
         {ROW_FAILED, REASON_UNREACHABLE, TYPE_IGNORED},                                                                                                                                     0, 1},
        {"validity over without any",                             {{NEWS_RELAYED, &full}, {NEWS_EXPIRED, &timed_out}},
         {ROW_FAILED, REASON_UNREACHABLE, TYPE_IGNORED},                                                                                                                                     0, 1},
        {"cancelled, or its deadline passed",                     {{NEWS_CANCELLED, &full}},
         {ROW_CANCELLED, REASON_NONE, TYPE_NONE},                                                                                                                                            0, 0},
        {"stopped once taken: no change",                         {{NEWS_RELAYED, &full}, {NEWS_CANCELLED, &full}},
         {ROW_TAKEN_INTO_ACCOUNT, REASON_NONE, TYPE_NONE},                                                                                                                                   0, 0},
        {"refused by the MTA",                                    {{NEWS_REFUSED, &blocked}},
         {ROW_FAILED, REASON_REFUSED, TYPE_IGNORED},                                                                                                                                         0, 1},
        {"late delivery after failure: the first final one wins",
         {{NEWS_RELAYED, &full}, {NEWS_HARD, &unknown}, {NEWS_DELIVERED, &full}},
         {ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD},                                                                                                                                       0, 1},
        {"late soft after delivery",
         {{NEWS_RELAYED, &full}, {NEWS_DELIVERED, &full}, {NEWS_SOFT, &full}},
         {ROW_SENT, REASON_NONE, TYPE_NONE},                                                                                                                                                 1, 0},
        {"returned later",
         {{NEWS_RELAYED, &full}, {NEWS_DELIVERED, &full}, {NEWS_RETURNED, &unknown}},
         {ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD},                                                                                                                                       0, 1},
        {"returned later, softly",
         {{NEWS_RELAYED, &full}, {NEWS_DELIVERED, &full}, {NEWS_RETURNED, &full}},
         {ROW_FAILED, REASON_MAILBOX_FULL, TYPE_SOFT},                                                                                                                                       0, 1},
        {"returned before its delivery was told",
         {{NEWS_RELAYED, &full}, {NEWS_RETURNED, &unknown}, {NEWS_DELIVERED, &full}},
         {ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD},                                                                                                                                       0, 1},
        {"complaint",
         {{NEWS_RELAYED, &full}, {NEWS_DELIVERED, &full}, {NEWS_RETURNED, &complained}},
         {ROW_FAILED, REASON_DENYLISTED, TYPE_HARD},                                                                                                                                         0, 1},
        {"out of office",                                         {{NEWS_RELAYED, &full}, {NEWS_DELIVERED, &full}, {NEWS_NOTED, &absent}},
         {ROW_SENT, REASON_UNREACHABLE, TYPE_IGNORED},                                                                                                                                       1, 0},
        {"out of office before its delivery was told",
         {{NEWS_RELAYED, &full}, {NEWS_SOFT, &full}, {NEWS_NOTED, &absent},
                {NEWS_DELIVERED, &full}},
         {ROW_SENT, REASON_UNREACHABLE, TYPE_IGNORED},                                                                                                                                       1, 0},
        {"returned after it failed",
         {{NEWS_RELAYED, &full}, {NEWS_HARD, &blocked}, {NEWS_RETURNED, &unknown}},
         {ROW_FAILED, REASON_REFUSED, TYPE_IGNORED},                                                                                                                                         0, 1},
        {"returned without having been relayed",                  {{NEWS_RETURNED, &unknown}},
         {ROW_PENDING, REASON_NONE, TYPE_NONE},                                                                                                                                              0, 0},
        {"feedback before it was relayed",                        {{NEWS_SOFT, &full}},
         {ROW_PENDING, REASON_NONE, TYPE_NONE},                                                                                                                                              0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct row row;

        print_message("  %s\n", cases[i].name);
        begin(&f, 1);
        for (uint32_t j = 0; cases[i].history[j].verdict != NULL; j++)
            tell(&f, cases[i].history[j].news, *cases[i].history[j].verdict, j);
        row = delivery_log_row(&f.log, 0);
        assert_int_equal(row.status, cases[i].row.status);
        assert_int_equal(row.reason, cases[i].row.reason);
        assert_int_equal(row.type, cases[i].row.type);
        assert_int_equal(f.counters.kpi.sent, cases[i].success);
        assert_int_equal(f.counters.kpi.bounces_errors, cases[i].bounces_errors);
        assert_counters_equal_recount(&f);
        delivery_log_release(&f.log);
    }
}

static void
no_news_leaves_a_final_status(void **state)
{
    static const enum log_news ends[][2] = {
        {NEWS_RELAYED,   NEWS_RETURNED },
        {NEWS_RELAYED,   NEWS_HARD     },
        {NEWS_RELAYED,   NEWS_EXPIRED  },
        {NEWS_REFUSED,   NEWS_REFUSED  },
        {NEWS_EXCLUDED,  NEWS_EXCLUDED },
        {NEWS_CANCELLED, NEWS_CANCELLED},
    };

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct fixture f;
        struct counters before;

        begin(&f, 1);
        tell(&f, ends[i][0], blocked, 1);
        tell(&f, ends[i][1], blocked, 1);
        before = f.counters;
        for (unsigned news = 0; news < NEWS_COUNT; news++)
            assert_false(tell(&f, (enum log_news)news, full, 9));
        assert_memory_equal(&before, &f.counters, sizeof before);
        delivery_log_release(&f.log);
    }
}

/* A row that was sent is left for mail that came back, and for nothing else. */
static void
sent_is_left_by_mail_alone(void **state)
{
    for (unsigned news = 0; news < NEWS_COUNT; news++) {
        struct fixture f;

        begin(&f, 1);
        tell(&f, NEWS_RELAYED, full, 0);
        tell(&f, NEWS_DELIVERED, full, 1);
        assert_int_equal(
            tell(&f, (enum log_news)news, unknown, 9), news == NEWS_RETURNED || news == NEWS_NOTED);
        assert_int_equal(
            delivery_log_row(&f.log, 0).status, news == NEWS_RETURNED ? ROW_FAILED : ROW_SENT);
        assert_counters_equal_recount(&f);
        delivery_log_release(&f.log);
    }
}

/* Feedback comes in any order: whatever it is, the row ends in the same state. */
static void
the_order_of_the_news_does_not_matter(void **state)
{
    static const struct {
        enum log_news news;
        const struct verdict *verdict;
        uint32_t attempt;
    } told[] = {
        {NEWS_SOFT,      &full,    1},
        {NEWS_SOFT,      &blocked, 2},
        {NEWS_DELIVERED, &full,    3},
        {NEWS_RETURNED,  &unknown, 0},
    };
    static const enum log_news by_mail[] = {NEWS_RETURNED, NEWS_NOTED};

    for (size_t mail = 0; mail < COUNT_OF(by_mail); mail++)
        for (unsigned order = 0; order < 256; order++) {
            bool is_told[COUNT_OF(told)] = {false};
            struct fixture f;
            struct row row;

            begin(&f, 1);
            tell(&f, NEWS_RELAYED, full, 0);
            for (size_t i = 0; i < 2 * COUNT_OF(told); i++) { /* all of them come at last */
                size_t which = i < COUNT_OF(told) ? order >> 2 * i & 3 : i - COUNT_OF(told);

                if (is_told[which])
                    continue;
                is_told[which] = true;
                tell(&f, told[which].news == NEWS_RETURNED ? by_mail[mail] : told[which].news,
                    *told[which].verdict, told[which].attempt);
            }
            row = delivery_log_row(&f.log, 0);
            assert_int_equal(row.status, by_mail[mail] == NEWS_RETURNED ? ROW_FAILED : ROW_SENT);
            assert_int_equal(row.reason, REASON_USER_UNKNOWN);
            assert_int_equal(f.counters.kpi.bounces_errors, by_mail[mail] == NEWS_RETURNED);
            assert_counters_equal_recount(&f);
            delivery_log_release(&f.log);
        }
}

static void
the_instant_of_delivery_is_kept_where_somebody_asks(void **state)
{
    static const struct {
        int64_t at_us, sent_us;
    } cases[] = {
        {0,                    0                          },
        {1,                    US_PER_S                   },
        {US_PER_S,             US_PER_S                   },
        {100 * US_PER_DAY + 1, 100 * US_PER_DAY + US_PER_S},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f = {0};
        struct log_change change = {.news = NEWS_RELAYED};

        delivery_log_init(&f.log, &f.counters, &f.total);
        delivery_log_keep_sent(&f.log);
        delivery_log_grow(&f.log, 2);
        delivery_log_apply(&f.log, 1, &change);
        assert_int_equal(delivery_log_sent_us(&f.log, 1), -1);
        change = (struct log_change){.news = NEWS_DELIVERED, .at_us = cases[i].at_us};
        delivery_log_apply(&f.log, 1, &change);
        assert_int_equal(delivery_log_sent_us(&f.log, 1), cases[i].sent_us);
        assert_int_equal(delivery_log_sent_us(&f.log, 0), -1);
        delivery_log_release(&f.log);
    }
}

/* Whatever is told, in whatever order: the counters are what a recount says. */
static void
counters_equal_a_recount_after_any_history(void **state)
{
    static const struct verdict *const verdicts[] = {
        &unknown, &full, &blocked, &timed_out, &complained, &absent};
    struct rng rng = rng_from_seed(11);

    for (int run = 0; run < 300; run++) {
        struct fixture f;

        begin(&f, 5);
        for (int i = 0; i < 40; i++) {
            const struct log_change change = {.news = (enum log_news)rng_below(&rng, NEWS_COUNT),
                .verdict = *verdicts[rng_below(&rng, COUNT_OF(verdicts))],
                .attempt = (uint32_t)rng_below(&rng, 300)};

            delivery_log_apply(&f.log, rng_below(&rng, 5), &change);
        }
        assert_counters_equal_recount(&f);
        delivery_log_release(&f.log);
    }
}

static void
the_last_try_has_the_word_in_whatever_order_it_is_told(void **state)
{
    struct fixture f;

    begin(&f, 1);
    tell(&f, NEWS_RELAYED, full, 0);
    assert_true(tell(&f, NEWS_SOFT, full, 3));
    assert_true(tell(&f, NEWS_SOFT, blocked, 2));
    assert_int_equal(delivery_log_row(&f.log, 0).reason, REASON_MAILBOX_FULL);
    assert_true(tell(&f, NEWS_SOFT, blocked, 4));
    assert_int_equal(delivery_log_row(&f.log, 0).reason, REASON_REFUSED);
    assert_counters_equal_recount(&f);
    delivery_log_release(&f.log);
}

static void
the_instant_of_relay_is_exact_after_half_a_year(void **state)
{
    struct fixture f;

    begin(&f, 2);
    assert_int_equal(delivery_log_relayed_us(&f.log, 0), -1);
    tell(&f, NEWS_RELAYED, full, 0);
    assert_int_equal(delivery_log_relayed_us(&f.log, 0), INT64_C(1) << 44);
    assert_int_equal(delivery_log_relayed_us(&f.log, 1), -1);
    delivery_log_release(&f.log);
}

static void
a_failure_without_a_reason_is_not_defined(void **state)
{
    static const struct verdict none = {CLASS_NONE, REASON_NONE, TYPE_NONE};
    static const struct verdict absurd = {77, 19, 200};
    const struct verdict *verdicts[] = {&none, &absurd};

    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        struct fixture f;

        begin(&f, 1);
        tell(&f, NEWS_RELAYED, full, 0);
        tell(&f, NEWS_HARD, *verdicts[i], UINT32_MAX);
        assert_int_equal(delivery_log_row(&f.log, 0).reason, REASON_NOT_DEFINED);
        assert_int_equal(delivery_log_row(&f.log, 0).type, TYPE_NONE);
        assert_counters_equal_recount(&f);
        delivery_log_release(&f.log);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_ends_where_the_documentation_says),
        cmocka_unit_test(no_news_leaves_a_final_status),
        cmocka_unit_test(sent_is_left_by_mail_alone),
        cmocka_unit_test(the_order_of_the_news_does_not_matter),
        cmocka_unit_test(the_instant_of_delivery_is_kept_where_somebody_asks),
        cmocka_unit_test(counters_equal_a_recount_after_any_history),
        cmocka_unit_test(the_last_try_has_the_word_in_whatever_order_it_is_told),
        cmocka_unit_test(the_instant_of_relay_is_exact_after_half_a_year),
        cmocka_unit_test(a_failure_without_a_reason_is_not_defined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
