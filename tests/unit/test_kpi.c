/* test_kpi.c - counters that are kept while rows change equal those counted anew. */
#include "tests/unit/campaign_world.h"

#include "scenarios/kpi.h"

static const uint8_t reasons[] = {0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 20, 255};

static void
each_row_counts_where_its_formula_says(void **state)
{
    static const struct {
        struct row row;
        bool is_bad;
        struct kpi kpi; /* of this row alone; without failed_by_* */
    } cases[] = {
        {{ROW_PENDING, REASON_NONE, TYPE_NONE},                    false,
         {.total_target = 1, .to_deliver = 1, .pending = 1}                                               },
        {{ROW_TAKEN_INTO_ACCOUNT, REASON_NONE, TYPE_NONE},         false,
         {.total_target = 1, .to_deliver = 1, .taken = 1, .processed = 1}                                 },
        {{ROW_TAKEN_INTO_ACCOUNT, REASON_MAILBOX_FULL, TYPE_SOFT}, true,
         {.total_target = 1, .to_deliver = 1, .taken = 1, .processed = 1, .bounces_errors = 1}            },
        {{ROW_SENT, REASON_NONE, TYPE_NONE},                       false,
         {.total_target = 1, .to_deliver = 1, .sent = 1, .processed = 1}                                  },
        {{ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD},             true,
         {.total_target = 1,
                .to_deliver = 1,
                .failed = 1,
                .processed = 1,
                .bounces_errors = 1,
                .hard_bounces = 1}                                                                        },
        {{ROW_FAILED, REASON_REFUSED, TYPE_HARD},                  true,  /* the type plays no part */
            {.total_target = 1,
                .to_deliver = 1,
                .failed = 1,
                .processed = 1,
                .bounces_errors = 1,
                .soft_bounces = 1}},
        {{ROW_FAILED, REASON_NOT_DEFINED, TYPE_SOFT},              true,
         {.total_target = 1, .to_deliver = 1, .failed = 1, .processed = 1, .bounces_errors = 1}           },
        {{ROW_FAILED, REASON_DENYLISTED, TYPE_HARD},               true,
         {.total_target = 1,
                .to_deliver = 1,
                .failed = 1,
                .processed = 1,
                .bounces_errors = 1,
                .complaints = 1}                                                                          },
        {{ROW_IGNORED, REASON_DOUBLE, TYPE_IGNORED},               false,
         {.total_target = 1, .excluded = 1, .ignored = 1}                                                 },
        {{ROW_CANCELLED, REASON_NONE, TYPE_NONE},                  false,
         {.total_target = 1, .to_deliver = 1, .cancelled = 1}                                             },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct counters counters = {0};
        struct kpi recount = {0}, expected = cases[i].kpi;

        print_message("  case %zu\n", i);
        if (cases[i].row.status == ROW_FAILED) {
            expected.failed_by_reason[cases[i].row.reason] = 1;
            expected.failed_by_type[cases[i].row.type] = 1;
        }
        kpi_count(&counters, &cases[i].row, cases[i].is_bad, 1);
        kpi_recount(&recount, &cases[i].row, cases[i].is_bad, 1);
        assert_memory_equal(&counters.kpi, &expected, sizeof expected);
        assert_memory_equal(&recount, &expected, sizeof expected);
    }
}

/* The whole space: every state there can be, put in and taken out again. */
static void
both_ways_of_counting_agree_on_every_state(void **state)
{
    static const struct counters none;

    for (unsigned i = 0; i < 2 * KPI_STATUSES * KPI_REASONS * KPI_TYPES; i++) {
        const struct row row = {(enum row_status)(i / 2 % KPI_STATUSES),
            (enum failure_reason)reasons[i / 2 / KPI_STATUSES % KPI_REASONS],
            (enum failure_type)(i / 2 / KPI_STATUSES / KPI_REASONS)};
        struct counters counters = {0};
        struct kpi recount = {0};

        kpi_count(&counters, &row, i % 2, 1);
        kpi_recount(&recount, &row, i % 2, 1);
        assert_memory_equal(&counters.kpi, &recount, sizeof recount);
        assert_int_equal(kpi_rows_with(&counters, &row), 1);
        kpi_count(&counters, &row, i % 2, -1);
        assert_memory_equal(&counters, &none, sizeof none);
    }
}

static void
numbers_of_reasons_lead_back_to_them(void **state)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        assert_int_equal(kpi_reason(kpi_reason_number(reasons[i])), reasons[i]);
    assert_int_equal(kpi_reason(kpi_reason_number(7)), REASON_NOT_DEFINED);
}

static void
assert_rows_with_adds_up(const struct world *w)
{
    uint64_t sums[KPI_STATUSES] = {0};
    struct kpi kpi = campaign_kpi(w->campaign, DELIVERY_ALL);

    for (unsigned status = 0; status < KPI_STATUSES; status++)
        for (size_t i = 0; i < COUNT_OF(reasons); i++)
            for (unsigned type = 0; type < KPI_TYPES; type++)
                sums[status] +=
                    campaign_rows_with(w->campaign, DELIVERY_ALL, (enum row_status)status,
                        (enum failure_reason)reasons[i], (enum failure_type)type);
    assert_int_equal(sums[ROW_PENDING], kpi.pending);
    assert_int_equal(sums[ROW_TAKEN_INTO_ACCOUNT], kpi.taken);
    assert_int_equal(sums[ROW_SENT], kpi.sent);
    assert_int_equal(sums[ROW_FAILED], kpi.failed);
    assert_int_equal(sums[ROW_IGNORED], kpi.ignored);
    assert_int_equal(sums[ROW_CANCELLED], kpi.cancelled);
}

static void
feed_at_random(struct world *w, struct rng *rng)
{
    const struct verdict verdict = {(uint8_t)(rng_below(rng, 2) * 51),
        reasons[rng_below(rng, COUNT_OF(reasons))], (uint8_t)rng_below(rng, KPI_TYPES)};

    feed(w, rng_below(rng, campaign_rows_count(w->campaign, 0)), (enum efs_kind)rng_below(rng, 4),
        (uint32_t)rng_below(rng, 5), verdict);
}

/* Whatever is told, in whatever order, while messages leave, are put off, refused and cancelled. */
static void
a_recount_equals_the_counters_after_any_history(void **state)
{
    static const struct recipients_config to[] = {TO(60), TO(20)};
    static const struct line_script script[] = {
        {"RCPT TO:<ok-0003", 0, "550 5.1.1 no\r\n"   },
        {"RCPT TO:<ok-0007", 2, "451 4.3.0 later\r\n"},
    };
    static const struct delivery_step steps[] = {
        {50 * US_PER_S, DO_STOP}
    };
    const struct delivery_config deliveries[] = {
        {.name = {"spring", 6},
         .spread_us = US_PER_MIN,
         .recipients_per_message = 1,
         .to = to,
         .to_count = 2,
         .steps = steps,
         .steps_count = 1},
        {.name = {"summer", 6},
         .at_us = 55 * US_PER_S,
         .recipients_per_message = 3,
         .to = to,
         .to_count = 2},
    };

    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world *w = begin(deliveries, 2);
        struct rng rng = rng_from_seed(seed);

        w->mta.script = script;
        w->mta.script_count = 2;
        for (int64_t now_us = 0; now_us < 3 * US_PER_MIN; now_us += US_PER_S / 2) {
            run_until(w, now_us);
            if (campaign_kpi(w->campaign, 0).processed > 0)
                feed_at_random(w, &rng);
            assert_recount(w);
        }
        assert_rows_with_adds_up(w);
        end(w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_counts_where_its_formula_says),
        cmocka_unit_test(both_ways_of_counting_agree_on_every_state),
        cmocka_unit_test(numbers_of_reasons_lead_back_to_them),
        cmocka_unit_test(a_recount_equals_the_counters_after_any_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
