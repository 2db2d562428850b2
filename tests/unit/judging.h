/* judging.h - a stage for the tests of expressions, series and verdicts: a real journal and a real
 * virtual clock, and a campaign and ISPs that do as they are told. Included once per program. */
#ifndef MTALAB_TESTS_JUDGING_H
#define MTALAB_TESTS_JUDGING_H

#include "tests/unit.h"

#include "scenarios/confusion.h"
#include "scenarios/expect.h"
#include "scenarios/expression.h"
#include "smtp/event.h"

enum { STAGE_DELIVERIES = 2, STAGE_ROWS = 200, STAGE_HAPPENINGS = 1000, STAGE_CLAIMS = 8 };

struct campaign {
    struct row rows[STAGE_DELIVERIES][STAGE_ROWS];
    int64_t relayed_us[STAGE_DELIVERIES][STAGE_ROWS];
    uint64_t rows_count[STAGE_DELIVERIES];
    int64_t relayed_at_us[STAGE_DELIVERIES];
};

struct isp {
    uint64_t limit_max;
    uint32_t open;
};

const char *
row_status_id(enum row_status status)
{
    static const char *const ids[] = {
        "pending", "taken_into_account", "sent", "failed", "ignored", "cancelled"};

    return ids[status];
}

uint64_t
campaign_rows_count(const struct campaign *campaign, size_t delivery)
{
    return campaign->rows_count[delivery];
}

struct row
campaign_row(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    return campaign->rows[delivery][row];
}

int64_t
campaign_row_relayed_us(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    return campaign->relayed_us[delivery][row];
}

int64_t
campaign_relayed_at_us(const struct campaign *campaign, size_t delivery)
{
    return campaign->relayed_at_us[delivery];
}

/* The return path of a test says it plainly: "1/17" is row 17 of the second delivery. */
bool
campaign_find_row(const struct campaign *campaign, struct slice sender, struct slice rcpt,
    size_t *delivery, uint64_t *row)
{
    struct slice first, second;
    uint64_t number;

    if (!slice_cut(sender, '/', &first, &second) || !slice_to_u64(first, &number) ||
        !slice_to_u64(second, row))
        return false;
    *delivery = number;
    return number < STAGE_DELIVERIES && *row < campaign->rows_count[number];
}

uint64_t
campaign_rows_with(const struct campaign *campaign, int delivery, enum row_status status,
    enum failure_reason reason, enum failure_type type)
{
    uint64_t count = 0;

    for (int i = 0; i < STAGE_DELIVERIES; i++)
        for (uint64_t j = 0; (delivery < 0 || delivery == i) && j < campaign->rows_count[i]; j++)
            count += campaign->rows[i][j].status == status &&
                campaign->rows[i][j].reason == reason && campaign->rows[i][j].type == type;
    return count;
}

struct kpi
campaign_kpi(const struct campaign *campaign, int delivery)
{
    struct kpi kpi = {0};

    for (int i = 0; i < STAGE_DELIVERIES; i++) {
        if (delivery >= 0 && delivery != i)
            continue;
        kpi.to_deliver += campaign->rows_count[i];
        for (uint64_t j = 0; j < campaign->rows_count[i]; j++) {
            kpi.sent += campaign->rows[i][j].status == ROW_SENT;
            kpi.failed += campaign->rows[i][j].status == ROW_FAILED;
            kpi.taken += campaign->rows[i][j].status == ROW_TAKEN_INTO_ACCOUNT;
        }
    }
    kpi.processed = kpi.sent + kpi.failed + kpi.taken;
    return kpi;
}

const struct kpi *
campaign_kpi_now(const struct campaign *campaign, int delivery)
{
    static struct kpi kpis[STAGE_DELIVERIES + 1];

    kpis[delivery + 1] = campaign_kpi(campaign, delivery);
    return &kpis[delivery + 1];
}

static const struct isp_host rows_hosts[] = {
    {.name = {"mx1", 3}, .fqdn = {"mx1.rows.example", 16}},
    {.name = {"mx2", 3}, .fqdn = {"mx2.rows.example", 16}},
};
static const struct isp_host slow_hosts[] = {
    {.name = {"in", 2}, .fqdn = {"in.slow.example", 15}}
};
static const struct slice rows_domains[] = {
    {"rows.example", 12}
};
static const struct slice slow_domains[] = {
    {"slow.example", 12}
};
static const struct isp_limit rows_limits[] = {
    {.id = {"rate", 4},
     .count = LIMIT_MESSAGES,
     .max = 200,
     .window = WINDOW_SLIDING,
     .window_us = US_PER_MIN},
    {.id = {"open", 4}, .count = LIMIT_CONNECTIONS_OPEN, .max = 5},
};
static const struct isp_config stage_isps[] = {
    {.name = {"rows", 4},
     .domains = rows_domains,
     .domains_count = 1,
     .hosts = rows_hosts,
     .hosts_count = 2,
     .limits = rows_limits,
     .limits_count = 2},
    {.name = {"slow", 4},
     .domains = slow_domains,
     .domains_count = 1,
     .hosts = slow_hosts,
     .hosts_count = 1},
};
static const struct delivery_config stage_deliveries[] = {
    {.name = {"spring", 6}}, {.name = {"summer", 6}}};
static const struct param stage_params[] = {
    {.name = {"hidden", 6}, .type = {"rate", 4},     .value = {.text = {"200/min", 7}}},
    {.name = {"cut", 3},    .type = {"percent", 7},  .value = {.text = {"85%", 3}}    },
    {.name = {"window", 6}, .type = {"duration", 8}, .value = {.text = {"5m", 2}}     },
    {.name = {"who", 3},    .type = {"text", 4},     .value = {.text = {"sent", 4}}   },
};
static const struct change stage_changes[] = {
    {.at_us = 2 * US_PER_HOUR,   .for_us = US_PER_HOUR, .label = {"quiet cut", 9}},
    {.at_us = 5 * US_PER_HOUR,                          .for_us = US_PER_HOUR,                        .label = {"quiet cut", 9}},
    {.at_us = 9 * US_PER_HOUR, .label = {"open end", 8}},
};

struct ratio
isp_limit_rate_now(
    struct isp *isp, size_t index, const struct isp_senders *senders, int64_t *changes_at_us)
{
    *changes_at_us = INT64_MAX;
    return ratio_of((int64_t)isp->limit_max, rows_limits[index].window_us);
}

int64_t
isp_knob(const struct isp *isp, enum isp_knob knob, size_t index)
{
    return knob == KNOB_LIMIT_MAX   ? (index == 0 ? (int64_t)isp->limit_max : 5)
        : knob == KNOB_LIMIT_WINDOW ? rows_limits[index].window_us
                                    : 0;
}

/* Nobody is alive whose name begins with a d. */
bool
isp_is_living(struct isp *isp, struct slice rcpt)
{
    return !slice_starts_with(rcpt, SLICE("d"));
}

/* The providers here have seen nobody yet; those are gone whose name says so. */
struct isp_marks
isp_marks_now(struct isp *isp)
{
    return (struct isp_marks){0};
}

struct isp_marks
isp_marks_of(struct isp *isp, struct slice rcpt)
{
    return (struct isp_marks){.asked = 1, .unknown = slice_starts_with(rcpt, SLICE("gone"))};
}

uint32_t
isp_sessions_open(const struct isp *isp, size_t host)
{
    return host == 0 ? isp->open : 0;
}

struct happening { /* an event to come, and what it does to the row it is about */
    struct stage *stage;
    struct timer timer;
    enum event_kind kind;
    enum event_outcome outcome;
    int delivery; /* -1: none */
    uint64_t row;
    uint16_t attempt;
    const char *host, *rcpt;
    bool is_written_by_mta; /* no delivery in the event: only the envelope says it */
    uint32_t open;          /* session: so many from now on */
    uint64_t limit_max;     /* timeline; 0: unchanged */
};

struct stage {
    struct scenario scenario;
    struct diagnostics diagnostics;
    struct loop *loop;
    struct journal *journal;
    struct campaign campaign;
    struct isp isps[2];
    struct isp *isps_list[2];
    struct expectation_config claims[STAGE_CLAIMS];
    struct source checks[STAGE_CLAIMS][3];
    struct expect_plan *plan;
    struct confusion *confusion;
    struct score *score;
    struct judge *judge;
    struct happening happenings[STAGE_HAPPENINGS];
    size_t happenings_count;
};

static inline void
stage_scenario(struct scenario *scenario)
{
    *scenario = (struct scenario){
        .filename = "stage.yaml",
        .params = stage_params,
        .params_count = COUNT_OF(stage_params),
        .until_us = 12 * US_PER_HOUR,
        .isps = stage_isps,
        .isps_count = COUNT_OF(stage_isps),
        .campaign = {.deliveries = stage_deliveries,
                     .deliveries_count = COUNT_OF(stage_deliveries)},
        .changes = stage_changes,
        .changes_count = COUNT_OF(stage_changes),
    };
}

static inline struct source
stage_source(const char *text)
{
    return (struct source){
        .text = text != NULL ? slice_of(text) : SLICE(""),
        .mark = {.filename = "stage.yaml", .line = 1, .column = 1, .length = 1}
    };
}

static inline void
stage_init(struct stage *stage, uint64_t spring_rows, uint64_t summer_rows)
{
    memset(stage, 0, sizeof *stage);
    stage_scenario(&stage->scenario);
    stage->loop = loop_sim_new(0);
    stage->journal = journal_new();
    stage->confusion = confusion_new(&stage->scenario, stage->journal);
    stage->campaign.rows_count[0] = spring_rows;
    stage->campaign.rows_count[1] = summer_rows;
    for (int i = 0; i < STAGE_DELIVERIES; i++) {
        stage->campaign.relayed_at_us[i] = -1;
        for (int j = 0; j < STAGE_ROWS; j++) {
            stage->campaign.relayed_us[i][j] = -1;
            stage->campaign.rows[i][j].reason = REASON_NONE;
        }
        stage->isps[i].limit_max = 200;
        stage->isps_list[i] = &stage->isps[i];
    }
    stage->score = score_new(&stage->scenario, stage->journal, &stage->campaign, stage->isps_list);
}

/* What a test says about an expectation; see struct expectation_config. */
struct claim {
    enum expectation_form form;
    const char *subject, *check, *second_check;
    const char *where, *fires, *within, *hold, *by, *after, *until, *during;
    bool may_end_open;
};

static inline void
stage_claim(struct stage *stage, const struct claim *claim)
{
    size_t number = stage->scenario.expectations_count++;
    struct expectation_config *config = &stage->claims[number];

    assert(number < STAGE_CLAIMS);
    stage->checks[number][0] = stage_source(claim->check);
    stage->checks[number][1] = stage_source(claim->second_check);
    *config = (struct expectation_config){
        .id = SLICE("claim"),
        .mark = {"stage.yaml", 1, 1, 1},
        .form = claim->form,
        .subject = stage_source(claim->subject),
        .checks = stage->checks[number],
        .checks_count = (claim->check != NULL) + (claim->second_check != NULL),
        .hold = stage_source(claim->hold),
        .by = stage_source(claim->by),
        .where = stage_source(claim->where),
        .fires = stage_source(claim->fires),
        .within = stage_source(claim->within),
        .after = stage_source(claim->after),
        .until = stage_source(claim->until),
        .during = stage_source(claim->during),
        .may_end_open = claim->may_end_open,
    };
    stage->scenario.expectations = stage->claims;
}

static inline void
stage_move_row(struct stage *stage, const struct happening *happening)
{
    struct campaign *campaign = &stage->campaign;
    struct row *row = &campaign->rows[happening->delivery][happening->row];

    switch (happening->kind) {
    case EVENT_RELAYED:
        row->status = ROW_TAKEN_INTO_ACCOUNT;
        campaign->relayed_us[happening->delivery][happening->row] = loop_now_us(stage->loop);
        if (happening->row + 1 == campaign->rows_count[happening->delivery])
            campaign->relayed_at_us[happening->delivery] = loop_now_us(stage->loop);
        break;
    case EVENT_DELIVERED:
        row->status = ROW_SENT;
        break;
    case EVENT_BOUNCE_SOFT:
        row->reason = REASON_MAILBOX_FULL;
        row->type = TYPE_SOFT;
        break;
    case EVENT_BOUNCE_HARD:
        *row = (struct row){ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD};
        break;
    case EVENT_EXPIRED:
        *row = (struct row){ROW_FAILED, REASON_UNREACHABLE, TYPE_IGNORED};
        break;
    default:
        break;
    }
}

static inline uint32_t
name_on_stage(struct stage *stage, const char *text)
{
    return text != NULL ? journal_name(stage->journal, slice_of(text)) : 0;
}

static inline void
stage_happen(void *arg)
{
    struct happening *happening = arg;
    struct stage *stage = happening->stage;
    char sender[32] = "", rcpt[64] = "";
    struct event event = {.outcome = (uint8_t)happening->outcome,
        .at_us = loop_now_us(stage->loop),
        .kind = (uint8_t)happening->kind,
        .attempt = happening->attempt,
        .host = name_on_stage(stage, happening->host)};

    if (happening->delivery >= 0) {
        stage_move_row(stage, happening);
        snprintf(sender, sizeof sender, "%d/%d", happening->delivery, (int)happening->row);
        snprintf(rcpt, sizeof rcpt, "r%d@rows.example", (int)happening->row);
        event.row = (uint32_t)happening->row;
        if (!happening->is_written_by_mta)
            event.delivery =
                journal_name(stage->journal, stage_deliveries[happening->delivery].name);
    }
    if (happening->kind == EVENT_BOUNCE_HARD) {
        event.has_verdict = 1;
        event.class = CLASS_INVALID_RECIPIENT;
        event.reason = REASON_USER_UNKNOWN;
        event.type = TYPE_HARD;
        event.code = 550;
        event.enhanced = 5001001;
        event.stage = STAGE_RCPT;
    }
    if (happening->rcpt != NULL)
        snprintf(rcpt, sizeof rcpt, "%s", happening->rcpt);
    stage->isps[0].open = happening->kind == EVENT_SESSION ? happening->open : stage->isps[0].open;
    if (happening->limit_max > 0)
        stage->isps[0].limit_max = happening->limit_max;
    event_write(stage->journal, &event, slice_of(sender), slice_of(rcpt));
}

/* Arms one event; the caller may add to it. */
static inline struct happening *
stage_at(struct stage *stage, int64_t at_us, enum event_kind kind, int delivery, uint64_t row)
{
    struct happening *happening = &stage->happenings[stage->happenings_count++];

    assert(stage->happenings_count <= STAGE_HAPPENINGS);
    *happening = (struct happening){.stage = stage, .kind = kind, .delivery = delivery, .row = row};
    timer_arm(stage->loop, &happening->timer, at_us, stage_happen, happening);
    return happening;
}

static inline void
stage_instant_over(void *arg)
{
    struct stage *stage = arg;

    judge_instant_over(stage->judge);
}

/* Compiles the claims and takes the judge's seat. */
static inline void
stage_open(struct stage *stage)
{
    const struct judge_doors doors = {.loop = stage->loop,
        .journal = stage->journal,
        .campaign = &stage->campaign,
        .isps = stage->isps_list,
        .confusion = stage->confusion,
        .score = stage->score};

    stage->plan = expect_compile(&stage->scenario, &stage->diagnostics);
    if (stage->plan == NULL)
        fail_msg("%s", stage->diagnostics.list[0].text);
    stage->judge = judge_new(stage->plan, &doors);
    loop_on_instant_over(stage->loop, stage_instant_over, stage);
}

static inline void
stage_run(struct stage *stage, int64_t until_us)
{
    struct error err;

    if (!loop_run(stage->loop, until_us, &err))
        fail_msg("%s", err.text);
    judge_finish(stage->judge);
}

static inline void
stage_release(struct stage *stage)
{
    judge_free(&stage->judge);
    confusion_free(&stage->confusion);
    score_free(&stage->score);
    expect_plan_free(&stage->plan);
    journal_free(&stage->journal);
    loop_free(&stage->loop);
    diagnostics_release(&stage->diagnostics);
}

#endif
