/* results.h - results for the tests of the reports: one run in which everything went well, and one in
 * which everything went wrong and strangers put what they like into their texts. */
#ifndef MTALAB_TESTS_RESULTS_H
#define MTALAB_TESTS_RESULTS_H

#include "reports/kpi.h"
#include "reports/result.h"

#include "base/unit.h"

static inline void
add_points(struct result *result)
{
    static const struct result_point points[] = {
        {0,                      1000, 0,    0,   0,   1000, 0  },
        {10 * US_PER_MS,         1000, 1000, 0,   0,   0,    0  },
        {30 * (int64_t)US_PER_S, 1000, 200,  700, 100, 0,    200},
        {US_PER_HOUR + US_PER_S, 1000, 50,   850, 100, 0,    50 },
        {84 * US_PER_HOUR,       1000, 0,    850, 150, 0,    0  },
    };
    static const struct result_label labels[] = {
        {2 * US_PER_HOUR, 3 * US_PER_HOUR, {"mx1 down", 8}     },
        {2 * US_PER_DAY,  3 * US_PER_DAY,  {"it's `quiet`", 12}},
    };

    result->points_count = COUNT_OF(points);
    result->points = arena_alloc(&result->arena, sizeof points);
    memcpy(result->points, points, sizeof points);
    result->labels_count = COUNT_OF(labels);
    result->labels = arena_alloc(&result->arena, sizeof labels);
    memcpy(result->labels, labels, sizeof labels);
}

static inline void
add_kpi_rows(struct result *result)
{
    static const struct {
        uint64_t events;
        struct slice figures;
    } rows[RESULT_KPI_ROWS] = {
        {1000, {"1,000 relayed", 13}         },
        {100,  {"100 failed", 10}            },
        {900,  {"900 soft, 200 rows", 18}    },
        {150,  {"150 sent, +15.0 points", 22}},
        {50,   {"50 expired", 10}            },
    };

    kpi_rows_init(result->kpi_rows);
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++) {
        result->kpi_rows[i].events = rows[i].events;
        result->kpi_rows[i].figures = rows[i].figures;
    }
}

static inline void
add_deliveries(struct result *result)
{
    result->kpi = (struct result_kpi){.to_deliver = 1000,
        .sent = 850,
        .failed = 150,
        .bounces_errors = 150,
        .hard_bounces = 100,
        .processed = 1000,
        .quarantined = 100,
        .has_feedback = true};
    result->deliveries_count = 1;
    result->deliveries = arena_alloc_zeroed(&result->arena, sizeof *result->deliveries);
    result->deliveries[0] = (struct result_delivery){.name = SLICE("spring"),
        .state = SLICE("relayed"),
        .kpi = result->kpi,
        .total_target = 1000};
}

static inline void
add_isps_and_reasons(struct result *result)
{
    result->isps_count = 1;
    result->isps = arena_alloc_zeroed(&result->arena, sizeof *result->isps);
    result->isps[0] = (struct result_isp){.name = SLICE("rows"),
        .to_deliver = 1000,
        .relayed = 1000,
        .delivered = 850,
        .failed = 150,
        .soft_bounces = 900,
        .hard_bounces = 100,
        .expired = 50,
        .attempts = 1900,
        .deferrals = 900,
        .connections = 46,
        .age_p50_us = 1895800,
        .age_p95_us = 3606530600,
        .age_max_us = 3606530600};
    result->reasons_count = 2;
    result->reasons = arena_alloc_zeroed(&result->arena, 2 * sizeof *result->reasons);
    result->reasons[0] = (struct result_reason){.reason = SLICE("User unknown"),
        .type = SLICE("Hard"),
        .class = 10,
        .class_name = SLICE("Invalid Recipient"),
        .failed = 100,
        .example = SLICE("550 5.1.1 no mailbox of that name")};
    result->reasons[1] = (struct result_reason){.reason = SLICE("Mailbox full"),
        .type = SLICE("Soft"),
        .class = 22,
        .class_name = SLICE("Mailbox Full"),
        .failed = 50,
        .soft_events = 900,
        .example =
            SLICE("452 4.2.2 \033[31mquota\r\n of \xE2\x82\xAC 5 is \xFF used up, and so on, "
                  "for longer than a line")};
}

/* What was refused, and what it was taken for; one dialect of returned mail is understood badly. */
static inline void
add_confusion(struct result *result)
{
    static const struct result_confusion_cell cells[] = {
        {0,  10, 2   },
        {10, 0,  1   },
        {10, 10, 2990},
        {10, 40, 9   },
        {22, 22, 57  },
        {22, 70, 3   },
        {70, 70, 900 },
    };
    static const struct result_confusion_class classes[] = {
        {10, {"Invalid Recipient", 17}, 2990, 3000, 2992},
        {22, {"Mailbox Full", 12},      57,   60,   57  },
        {40, {"Generic Bounce", 14},    0,    0,    9   },
        {70, {"Transient Failure", 17}, 900,  900,  903 },
    };
    static const struct result_confusion_dialect dialects[] = {
        {{"reply", 5},        3947, 3950},
        {{"<exim> & co", 11}, 0,    12  },
    };
    struct result_confusion *confusion = &result->confusion;

    *confusion = (struct result_confusion){.agreed = 3947,
        .all = 3962,
        .macro_f1_ppb = 743218911,
        .open = 1,
        .unheard = 2,
        .at_door = 3,
        .unspoken = 1004};
    confusion->cells_count = COUNT_OF(cells);
    confusion->cells = arena_alloc(&result->arena, sizeof cells);
    memcpy(confusion->cells, cells, sizeof cells);
    confusion->classes_count = COUNT_OF(classes);
    confusion->classes = arena_alloc(&result->arena, sizeof classes);
    memcpy(confusion->classes, classes, sizeof classes);
    confusion->dialects_count = COUNT_OF(dialects);
    confusion->dialects = arena_alloc(&result->arena, sizeof dialects);
    memcpy(confusion->dialects, dialects, sizeof dialects);
}

static inline struct result
good_result(void)
{
    struct result result = {.name = SLICE("efs-five-rows"),
        .title = SLICE("Success % through the five feedback steps"),
        .filename = SLICE("scenarios/efs/five-rows.yaml"),
        .seed = 7,
        .start_wall_us = INT64_C(1767600000) * US_PER_S,
        .virtual_us = 4 * US_PER_DAY,
        .wall_us = 40 * US_PER_MS,
        .events_count = 41210,
        .journal_hash = UINT64_C(0x9f3c12e001020304),
        .replay = SLICE("mtalab run scenarios/efs/five-rows.yaml --seed 7"),
        .ledger_accepted = 850,
        .ledger_delivered = 850};

    result.checks_count = 2;
    result.checks = arena_alloc_zeroed(&result.arena, 2 * sizeof *result.checks);
    result.checks[0] = (struct result_check){.id = SLICE("row1-relayed"),
        .status = CHECK_HELD,
        .is_good = true,
        .filename = result.filename,
        .line = 52,
        .column = 5,
        .summary = SLICE("at 0s"),
        .at_us = 0};
    result.checks[1] = (struct result_check){.id = SLICE("row4-retry-wins"),
        .status = CHECK_HELD,
        .is_good = true,
        .filename = result.filename,
        .line = 62,
        .column = 5,
        .summary = SLICE("fired 150x"),
        .at_us = US_PER_HOUR};
    add_kpi_rows(&result);
    add_deliveries(&result);
    add_isps_and_reasons(&result);
    add_points(&result);
    return result;
}

/* Every kind of failure at once, with texts that try to break out of every format. */
static inline struct result
bad_result(uint64_t seed)
{
    struct result result = good_result();

    result.seed = seed;
    result.checks[1].status = CHECK_FAILED;
    result.checks[1].is_good = false;
    result.checks[1].check = SLICE("count(log.status == \"sent\") <= 9 && a > b");
    result.checks[1].expected = SLICE("fired 151 times");
    result.checks[1].observed = SLICE("fired 150 times");
    result.checks[1].detail = SLICE("reply: 550 ]]>\x01 'no' # 100 %\r\n::error::mine\n...\n| x |");
    result.checks[1].replay =
        SLICE("mtalab run scenarios/efs/five-rows.yaml --seed 7 --only row4-retry-wins");
    result.kpi_rows[KPI_ROW_SOFT].violations = 3;
    result.kpi_rows[KPI_ROW_SOFT].figures = SLICE("3 of 900 wrong");
    result.kpi_rows[KPI_ROW_SOFT].first_violation =
        SLICE("later-017@rows.example at 1h00m00s: the log says \"Failed\"");
    result.kpi_rows[KPI_ROW_VALIDITY_ENDS].events = 0;
    result.kpi_rows[KPI_ROW_VALIDITY_ENDS].figures = SLICE("");
    result.ledger_lost = 1;
    result.ledger_doubled = 2;
    result.ledger_unanswered = 4;
    result.ledger_example = SLICE("ok-0001@rows.example was lost");
    result.recount_differences = 1;
    return result;
}

/* A run that never began. */
static inline struct result
broken_result(int exit_code, const char *trouble)
{
    return (struct result){.name = SLICE("interop"),
        .filename = SLICE("scenarios/interop.yaml"),
        .seed = 1,
        .exit_code = exit_code,
        .trouble = slice_of(trouble),
        .replay = SLICE("mtalab run scenarios/interop.yaml --seed 1")};
}

#endif
