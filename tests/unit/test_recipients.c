/* test_recipients.c - whom a delivery is for, when, and under which return path. */
#include "tests/unit.h"

#include "base/unit.h"
#include "scenarios/analysis.h"
#include "scenarios/return_path.h"
#include "scenarios/schedule.h"

static const struct slice listed[] = {
    {"kim@a.example", 13},
    {"lee@b.example", 13},
    {"kim@a.example", 13},
    {"Kim@a.example", 13}
};

#define PATTERN(head, digits, tail, n)                                               \
    {                                                                                \
        .before = {"" head, sizeof(head) - 1}, .after = {"" tail, sizeof(tail) - 1}, \
        .width = (digits), .count = (n)                                              \
    }

static void
rows_have_their_addresses(void **state)
{
    static const struct recipients_config to[] = {
        PATTERN("ok-", 4, "@rows.example", 2),
        {.addresses = listed, .addresses_count = COUNT_OF(listed)},
        PATTERN("u", 0, "@x", 0),
    };
    static const struct delivery_config delivery = {.to = to, .to_count = COUNT_OF(to)};
    static const struct {
        uint64_t row;
        const char *address;
    } cases[] = {
        {0,                         "ok-0001@rows.example"},
        {1,                         "ok-0002@rows.example"},
        {3,                         "lee@b.example"       },
        {6,                         "u1@x"                },
        {5 + UINT64_C(12345678901), "u12345678901@x"      },
    };

    assert_int_equal(recipients_count(&delivery), 6);
    assert_true(recipients_are_endless(&delivery));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text address = {0};

        recipients_address(&delivery, cases[i].row, &address);
        assert_slice(text_slice(&address), cases[i].address);
        text_release(&address);
    }
}

static void
patterns_that_cannot_meet_need_no_search_for_doubles(void **state)
{
    static const struct {
        struct recipients_config to[2];
        size_t count;
        bool may_repeat;
    } cases[] = {
        {{PATTERN("a", 3, "@x", 9)},                            1, false},
        {{PATTERN("a", 3, "@x", 9), PATTERN("b", 3, "@x", 9)},  2, false},
        {{PATTERN("a", 3, "@x", 9), PATTERN("a", 3, "@y", 9)},  2, false},
        {{PATTERN("a", 3, "@x", 9), PATTERN("a", 0, "@x", 9)},  2, true },
        {{PATTERN("a", 0, "@x", 9), PATTERN("a1", 0, "@x", 9)}, 2, true }, /* a11 */
        {{PATTERN("", 0, "1@x", 9), PATTERN("", 0, "@x", 99)},  2, true },
        {{{.addresses = listed, .addresses_count = 2}},         1, true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct delivery_config delivery = {.to = cases[i].to, .to_count = cases[i].count};

        print_message("  case %zu\n", i);
        assert_int_equal(recipients_may_repeat(&delivery), cases[i].may_repeat);
    }
}

static void
an_address_parts_at_its_last_at(void **state)
{
    assert_slice(recipient_local(SLICE("\"a@b\"@c.example")), "\"a@b\"");
    assert_slice(recipient_domain(SLICE("\"a@b\"@c.example")), "c.example");
    assert_slice(recipient_local(SLICE("postmaster")), "postmaster");
    assert_slice(recipient_domain(SLICE("postmaster")), "");
}

static void
analysis_leaves_out_the_quarantined_and_the_second_of_two(void **state)
{
    static const struct recipients_config to[] = {
        {.addresses = listed, .addresses_count = COUNT_OF(listed)},
        PATTERN("u", 0, "@b.example", 3),
    };
    static const struct delivery_config delivery = {.to = to, .to_count = COUNT_OF(to)};
    struct analysis_report report = {0};
    struct quarantine quarantine;

    quarantine_init(&quarantine, 5);
    analysis_run(&report, &delivery, &quarantine);
    assert_int_equal(report.analysis.total, 7);
    assert_int_equal(report.analysis.to_deliver, 6);
    assert_int_equal(report.analysis.doubles, 1);
    assert_int_equal(report.analysis.sites_count, 2);
    assert_slice(report.analysis.sites[0].domain, "a.example");
    assert_int_equal(report.analysis.sites[0].recipients, 2);
    assert_slice(report.analysis.sites[1].domain, "b.example");
    assert_int_equal(report.analysis.sites[1].recipients, 4);
    quarantine_denylist(&quarantine, SLICE("u2@b.example"), 0);
    quarantine_on_error(&quarantine,
        &(struct address_error){
            .address = SLICE("kim@a.example"),
            .verdict = {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD},
            .is_final = true
    });
    analysis_run(&report, &delivery, &quarantine);
    assert_int_equal(report.analysis.quarantined, 2); /* both of them, and no double */
    assert_int_equal(report.analysis.doubles, 0);
    assert_int_equal(report.analysis.denylisted, 1);
    assert_int_equal(report.analysis.to_deliver, 4);
    analysis_release(&report);
    quarantine_release(&quarantine);
}

static void
return_paths_say_which_row_they_are_about(void **state)
{
    static const struct {
        size_t delivery;
        uint64_t row;
        const char *path;
    } cases[] = {
        {0, 71, "b+spring-1z@campaign.example"       },
        {0, 0,  "b+spring-0@campaign.example"        },
        {1, 35, "b+spring-2-z@campaign.example"      },
        {2, 36, "b+news=5Fletter-10@campaign.example"},
        {3, 5,  "b+=N3-5@campaign.example"           },
    };
    struct return_paths paths;

    return_paths_init(&paths, SLICE("campaign.example"), NULL);
    return_paths_add(&paths, SLICE("spring"));
    return_paths_add(&paths, SLICE("spring-2"));
    return_paths_add(&paths, SLICE("news_letter"));
    return_paths_add(
        &paths, SLICE("a-name-that-would-not-fit-into-sixty-four-bytes-of-local-part"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text path = {0};
        size_t delivery;
        uint64_t row;

        return_path_write(&paths, cases[i].delivery, cases[i].row, 20454, &path);
        assert_slice(text_slice(&path), cases[i].path);
        assert_true(return_path_read(&paths, text_slice(&path), &delivery, &row));
        assert_int_equal(delivery, cases[i].delivery);
        assert_int_equal(row, cases[i].row);
        text_release(&path);
    }
    return_paths_release(&paths);
}

static void
other_return_paths_are_none_of_ours(void **state)
{
    static const char *const cases[] = {"", "b+spring-1z", "b+spring-1z@other.example",
        "b+spring-@campaign.example", "b+spring@campaign.example", "b+-1@campaign.example",
        "b+@campaign.example", "b@campaign.example", "x+spring-1@campaign.example",
        "b+autumn-1@campaign.example", "b+spring-01@campaign.example",
        "b+spring-1Z@campaign.example", "b+spring-1_@campaign.example",
        "b+spring-1234567890123@campaign.example", "@campaign.example"};
    struct return_paths paths;

    return_paths_init(&paths, SLICE("campaign.example"), NULL);
    return_paths_add(&paths, SLICE("spring"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t delivery;
        uint64_t row;

        print_message("  %s\n", cases[i]);
        assert_false(return_path_read(&paths, slice_of(cases[i]), &delivery, &row));
    }
    return_paths_release(&paths);
}

static void
spread_messages_are_due_at_exact_shares(void **state)
{
    static const struct delivery_config delivery = {.at_us = 100, .spread_us = 10};
    static const int64_t expected[] = {100, 103, 106};
    struct rng rng = rng_from_seed(1);
    struct schedule schedule = schedule_of(&delivery, 3, &rng);

    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(schedule.next_us, expected[i]);
        schedule_advance(&schedule);
    }
    assert_int_equal(schedule.next_us, INT64_MAX);
    assert_int_equal(schedule_of(&delivery, 0, &rng).next_us, INT64_MAX);
}

static void
ten_million_over_four_weeks_do_not_overflow(void **state)
{
    static const struct delivery_config delivery = {.spread_us = 28 * US_PER_DAY};
    struct rng rng = rng_from_seed(1);
    struct schedule schedule = schedule_of(&delivery, 10000000, &rng);

    schedule.number = 9999998;
    schedule_advance(&schedule);
    assert_int_equal(schedule.next_us, INT64_C(2419199758080));
}

static void
even_arrivals_start_at_the_start_and_none_comes_at_the_end(void **state)
{
    static const struct delivery_config delivery = {
        .arrivals = ARRIVALS_EVEN,
        .arrivals_rate = {3, 10},
        .arrivals_from_us = 5,
        .arrivals_to_us = 25
    };
    static const int64_t expected[] = {5, 8, 11, 15, 18, 21};
    struct rng rng = rng_from_seed(1);
    struct schedule schedule = schedule_of(&delivery, UINT64_MAX, &rng);

    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(schedule.next_us, expected[i]);
        schedule_advance(&schedule);
    }
    assert_int_equal(schedule.next_us, INT64_MAX);
}

static void
poisson_arrivals_hold_their_rate_and_repeat(void **state)
{
    static const struct delivery_config delivery = {
        .name = {"n", 1   },
        .arrivals = ARRIVALS_POISSON,
        .arrivals_rate = {7,   1000}, /* 7,000 a second */
        .arrivals_to_us = 100 * US_PER_S
    };
    struct rng rng = rng_from_seed(1);
    struct schedule schedule = schedule_of(&delivery, UINT64_MAX, &rng);
    struct schedule again = schedule_of(&delivery, UINT64_MAX, &rng);
    uint64_t count = 0;

    while (schedule.next_us != INT64_MAX) {
        assert_int_equal(schedule.next_us, again.next_us);
        schedule_advance(&schedule);
        schedule_advance(&again);
        count++;
    }
    assert_in_range(count, 700000 - 3000, 700000 + 3000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_have_their_addresses),
        cmocka_unit_test(patterns_that_cannot_meet_need_no_search_for_doubles),
        cmocka_unit_test(an_address_parts_at_its_last_at),
        cmocka_unit_test(analysis_leaves_out_the_quarantined_and_the_second_of_two),
        cmocka_unit_test(return_paths_say_which_row_they_are_about),
        cmocka_unit_test(other_return_paths_are_none_of_ours),
        cmocka_unit_test(spread_messages_are_due_at_exact_shares),
        cmocka_unit_test(ten_million_over_four_weeks_do_not_overflow),
        cmocka_unit_test(even_arrivals_start_at_the_start_and_none_comes_at_the_end),
        cmocka_unit_test(poisson_arrivals_hold_their_rate_and_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
