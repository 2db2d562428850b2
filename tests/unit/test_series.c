/* test_series.c - counts, windows and gaps, fed one event at a time. */
#include "tests/unit/judging.h"

#include "scenarios/series.h"

#define M US_PER_MIN

struct feed {
    struct stage stage;
    struct evidence evidence;
    struct sighting seen;
    struct series series;
};

static struct feed *
feed_new(const struct series_plan *plan)
{
    struct feed *feed = calloc(1, sizeof *feed);

    stage_init(&feed->stage, 3, 0);
    evidence_init(
        &feed->evidence, &feed->stage.scenario, feed->stage.journal, &feed->stage.campaign, 4);
    feed->evidence.isps = feed->stage.isps_list;
    series_init(&feed->series, plan, &feed->evidence);
    return feed;
}

static void
feed_free(struct feed *feed)
{
    series_release(&feed->series);
    evidence_release(&feed->evidence);
    stage_release(&feed->stage);
    free(feed);
}

static void
take(struct feed *feed, int64_t at_us, const char *rcpt, const char *host)
{
    feed->evidence.now_us = at_us;
    feed->seen = (struct sighting){.number = ++feed->evidence.entry_number,
        .rcpt = slice_of(rcpt),
        .delivery = DELIVERY_ALL,
        .isp = -1};
    feed->seen.event.at_us = at_us;
    feed->seen.event.host = host != NULL ? journal_name(feed->stage.journal, slice_of(host)) : 0;
    feed->evidence.seen = &feed->seen;
    series_take(&feed->series, &feed->evidence);
}

static struct value
value_at(struct feed *feed, int64_t at_us)
{
    feed->evidence.now_us = at_us;
    feed->evidence.seen = NULL;
    return series_value(&feed->series, &feed->evidence);
}

static void
a_window_is_open_at_its_old_end(void **state)
{
    static const struct series_plan plan = {
        .kind = SERIES_RATE, .event = EVENT_ACCEPTED, .window_us = 5 * M};
    static const struct {
        int64_t at_us;
        int count; /* in the window; -1: no value */
        int64_t next_us;
    } cases[] = {
        {3 * M,     -1, 5 * M    },
        {5 * M - 1, -1, 5 * M    },
        {5 * M,     3,  6 * M    },
        {6 * M - 1, 3,  6 * M    },
        {6 * M,     1,  8 * M    },
        {8 * M - 1, 1,  8 * M    },
        {8 * M,     0,  INT64_MAX},
        {1000 * M,  0,  INT64_MAX},
    };
    struct feed *feed = feed_new(&plan);

    take(feed, 1 * M, "", NULL);
    take(feed, 1 * M, "", NULL);
    take(feed, 3 * M, "", NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct value value = value_at(feed, cases[i].at_us);

        assert_int_equal(value.is_known, cases[i].count >= 0);
        if (value.is_known)
            assert_int_equal(ratio_compare(value.number, ratio_of(cases[i].count, 5 * M)), 0);
        assert_int_equal(series_next_change_us(&feed->series, cases[i].at_us), cases[i].next_us);
    }
    feed_free(feed);
}

/* The ring of a window grows while it has wrapped round, and must keep its order. */
static void
a_window_agrees_with_counting_by_hand(void **state)
{
    static const struct series_plan plan = {
        .kind = SERIES_RATE, .event = EVENT_ACCEPTED, .window_us = 997};
    enum { EVENTS = 5000 };
    static int64_t at_us[EVENTS];
    struct feed *feed = feed_new(&plan);
    struct rng rng = rng_from_seed(7);
    int64_t now_us = 1000;

    for (int i = 0; i < EVENTS; i++) {
        int64_t expected = 0;

        now_us += (int64_t)rng_below(&rng, i < EVENTS / 2 ? 20 : 3);
        at_us[i] = now_us;
        take(feed, now_us, "", NULL);
        for (int j = i; j >= 0 && at_us[j] > now_us - 997; j--)
            expected++;
        assert_int_equal(ratio_compare(value_at(feed, now_us).number, ratio_of(expected, 997)), 0);
    }
    feed_free(feed);
}

static void
a_gap_is_known_at_its_event_only(void **state)
{
    static const struct series_plan plan = {
        .kind = SERIES_GAP, .event = EVENT_ATTEMPT, .has_same = true, .same = FIELD_RCPT};
    struct feed *feed = feed_new(&plan);

    take(feed, 1 * M, "a@x", NULL);
    assert_false(series_value(&feed->series, &feed->evidence).is_known);
    take(feed, 2 * M, "b@x", NULL);
    assert_false(series_value(&feed->series, &feed->evidence).is_known);
    take(feed, 5 * M, "a@x", NULL);
    assert_int_equal(series_value(&feed->series, &feed->evidence).number.num, 4 * M);
    assert_false(value_at(feed, 5 * M).is_known);
    take(feed, 6 * M, "b@x", NULL);
    assert_int_equal(series_value(&feed->series, &feed->evidence).number.num, 4 * M);
    feed_free(feed);
}

static void
filters_narrow_what_is_counted(void **state)
{
    static const struct field_match host = {
        .field = FIELD_HOST, .pattern = {"mx1", 3},
             .memory = 0
    };
    static const struct field_match rcpt = {
        .field = FIELD_RCPT, .pattern = {"ok-*", 4},
             .is_local_part = true
    };
    const struct field_match both[] = {host, rcpt};
    const struct series_plan plan = {
        .kind = SERIES_COUNT, .event = EVENT_ATTEMPT, .matches = both, .matches_count = 2};
    struct feed *feed = feed_new(&plan);

    take(feed, 1, "ok-1@x", "mx1");
    take(feed, 2, "ok-2@x", "MX1.rows.example");
    take(feed, 3, "ok-2@x", "mx10");
    take(feed, 4, "no-2@x", "mx1");
    take(feed, 5, "x-ok-@x", "mx1");
    take(feed, 6, "OK-2@x", "mx1");
    take(feed, 7, "", "mx1");
    assert_int_equal(value_at(feed, 7).number.num, 2);
    series_restart(&feed->series, &feed->evidence);
    assert_int_equal(value_at(feed, 7).number.num, 0);
    feed_free(feed);
}

static void
trying_a_host_is_forgotten_in_time(void **state)
{
    static const struct series_plan plan = {
        .kind = SERIES_TRIED, .event = EVENT_CONNECT, .window_us = 5 * M};
    struct feed *feed = feed_new(&plan);

    assert_false(value_at(feed, 0).truth);
    take(feed, 1 * M, "", "mx1");
    take(feed, 2 * M, "", "mx1");
    assert_int_equal(series_next_change_us(&feed->series, 2 * M), 7 * M);
    assert_true(value_at(feed, 7 * M - 1).truth);
    assert_false(value_at(feed, 7 * M).truth);
    feed_free(feed);
}

static void
the_mean_of_a_limit_weighs_by_time(void **state)
{
    static const struct series_plan plan = {
        .kind = SERIES_LIMIT, .event = EVENT_TIMELINE, .isp = 0, .limit = 0, .window_us = 10 * M};
    struct feed *feed = feed_new(&plan);

    feed->stage.isps[0].limit_max = 100;
    take(feed, 20 * M, "", NULL);
    assert_false(value_at(feed, 9 * M).is_known);
    assert_int_equal(ratio_compare(value_at(feed, 20 * M).number, ratio_of(200, M)), 0);
    assert_int_equal(ratio_compare(value_at(feed, 25 * M).number, ratio_of(150, M)), 0);
    assert_int_equal(series_next_change_us(&feed->series, 25 * M), 30 * M);
    assert_int_equal(ratio_compare(value_at(feed, 30 * M).number, ratio_of(100, M)), 0);
    assert_int_equal(series_next_change_us(&feed->series, 30 * M), INT64_MAX);
    feed_free(feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_open_at_its_old_end),
        cmocka_unit_test(a_window_agrees_with_counting_by_hand),
        cmocka_unit_test(a_gap_is_known_at_its_event_only),
        cmocka_unit_test(filters_narrow_what_is_counted),
        cmocka_unit_test(trying_a_host_is_forgotten_in_time),
        cmocka_unit_test(the_mean_of_a_limit_weighs_by_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
