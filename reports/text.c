/* text.c - the summary at the end of a run, for people at a terminal. */
#include "reports/text.h"

#include "base/unit.h"
#include "reports/claim.h"
#include "reports/kpi.h"
#include "reports/scores.h"
#include "reports/verdicts.h"

enum { SKIPPED_EXIT_CODE = 77 };

static void
add_clean(struct text *out, enum tone tone, struct slice s, const struct report_style *style)
{
    struct text clean = {0};

    report_clean(&clean, s, style->is_utf8);
    report_paint(out, tone, text_slice(&clean), style);
    text_release(&clean);
}

/* "0.04 s (x8,640,000)": the only place where real time is told. */
static void
add_speed(struct text *out, const struct result *result, const struct report_style *style)
{
    if (result->wall_us <= 0)
        return;
    text_add_string(out, " in ");
    unit_format_decimal(out, ratio_of(result->wall_us, US_PER_S), 2);
    text_printf(out, " s (%s", style->is_utf8 ? "×" : "x");
    unit_format_count(
        out, (uint64_t)((result->virtual_us + result->wall_us / 2) / result->wall_us));
    text_add_char(out, ')');
}

static void
add_header(struct text *out, const struct result *result, const struct report_style *style)
{
    add_clean(out, TONE_STRONG, result->name, style);
    text_printf(out, "   seed %llu   ", (unsigned long long)result->seed);
    unit_format_duration(out, result->virtual_us);
    text_add_string(out, result->is_real ? " on real sockets" : " virtual");
    if (result->sut.length > 0)
        text_printf(out, " with %.*s", SLICE_ARGS(result->sut));
    add_speed(out, result, style);
    text_add_string(out, "   ");
    unit_format_count(out, result->events_count);
    text_printf(out, " events   trace %08llx\n", (unsigned long long)(result->journal_hash >> 32));
    if (result->title.length > 0) {
        add_clean(out, TONE_FAINT, result->title, style);
        text_add_char(out, '\n');
    }
}

static void
add_heads(struct table *table, const char *const *heads)
{
    for (size_t i = 0; i < table->columns_count; i++)
        table_add_string(table, TONE_FAINT, heads[i]);
}

static void
print_section(struct table *table, struct text *out)
{
    text_add_char(out, '\n');
    table_print(table, FRAME_NONE, 2, out);
    table_release(table);
}

static void
add_delivery(
    struct table *table, struct slice name, struct slice state, const struct result_kpi *kpi)
{
    struct text success = {0};

    result_format_success(&success, kpi, table->style.is_utf8);
    table_add(table, TONE_STRONG, name);
    table_add(table, TONE_PLAIN, state);
    table_add_count(table, TONE_PLAIN, kpi->to_deliver);
    table_add_count(table, TONE_PLAIN, kpi->excluded);
    table_add_count(table, TONE_PLAIN, kpi->sent);
    table_add_count(table, TONE_PLAIN, kpi->failed);
    table_add_count(table, TONE_PLAIN, kpi->taken);
    table_add_count(table, TONE_PLAIN, kpi->bounces_errors);
    table_add(table, TONE_STRONG, text_slice(&success));
    text_release(&success);
}

static void
add_deliveries(struct text *out, const struct result *result, const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 24},
        {false, 0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  9 },
        {true,  0 }
    };
    static const char *const heads[] = {"delivery", "state", "to deliver", "excluded", "sent",
        "failed", "waiting", "bounces + errors", "success"};
    struct table table = table_begin(columns, COUNT_OF(columns), style);

    add_heads(&table, heads);
    for (size_t i = 0; i < result->deliveries_count; i++) {
        const struct result_delivery *delivery = &result->deliveries[i];

        add_delivery(&table, delivery->name, delivery->state, &delivery->kpi);
    }
    if (result->deliveries_count > 1)
        add_delivery(&table, SLICE("all"), SLICE(""), &result->kpi);
    print_section(&table, out);
}

/* Two or three digits are enough for an age: hours do not want seconds. */
static int64_t
round_age_us(int64_t age_us)
{
    int64_t unit_us = age_us >= US_PER_HOUR ? US_PER_MIN
        : age_us >= US_PER_MIN              ? US_PER_S
        : age_us >= US_PER_S                ? 100 * US_PER_MS
                                            : US_PER_MS;

    return (age_us + unit_us / 2) / unit_us * unit_us;
}

static void
add_age(struct table *table, int64_t age_us)
{
    struct text age = {0};

    if (age_us >= 0)
        unit_format_duration(&age, round_age_us(age_us));
    else
        text_add_string(&age, table->style.is_utf8 ? "–" : "-");
    table_add(table, TONE_PLAIN, text_slice(&age));
    text_release(&age);
}

/* Before the first feedback an ISP's success is as little known as a delivery's. */
static void
add_isp(struct table *table, const struct result_isp *isp)
{
    struct result_kpi kpi = {.to_deliver = isp->to_deliver,
        .sent = isp->delivered,
        .has_feedback = isp->delivered + isp->failed + isp->soft_bounces > 0};

    table_add(table, TONE_STRONG, isp->name);
    table_add_count(table, TONE_PLAIN, isp->relayed);
    table_add_count(table, TONE_PLAIN, isp->delivered);
    table_add_count(table, TONE_PLAIN, isp->soft_bounces);
    table_add_count(table, TONE_PLAIN, isp->hard_bounces);
    table_add_count(table, TONE_PLAIN, isp->expired);
    table_add_count(table, TONE_PLAIN, isp->waiting);
    struct text success = {0};
    result_format_success(&success, &kpi, table->style.is_utf8);
    table_add(table, TONE_STRONG, text_slice(&success));
    text_release(&success);
    add_age(table, isp->age_p50_us);
    add_age(table, isp->age_p95_us);
    table_add_count(table, TONE_PLAIN, isp->connections);
    table_add_count(table, TONE_PLAIN, isp->limit_hits);
}

static void
add_isps(struct text *out, const struct result *result, const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 24},
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 },
        {true,  0 }
    };
    static const char *const heads[] = {"ISP", "relayed", "ok", "soft", "hard", "expired",
        "waiting", "success", "p50 age", "p95 age", "conns", "limits"};
    struct table table = table_begin(columns, COUNT_OF(columns), style);

    add_heads(&table, heads);
    for (size_t i = 0; i < result->isps_count; i++)
        add_isp(&table, &result->isps[i]);
    print_section(&table, out);
}

static void
add_reason(struct table *table, const struct result_reason *reason)
{
    struct text class = {0};

    if (reason->class > 0) /* a complaint has none */
        text_printf(&class, "%d %.*s", reason->class, SLICE_ARGS(reason->class_name));
    else
        text_add_string(&class, "–");
    table_add(table, TONE_PLAIN, reason->reason);
    table_add(table, TONE_PLAIN, reason->type);
    table_add(table, TONE_PLAIN, text_slice(&class));
    table_add_count(table, TONE_PLAIN, reason->failed);
    table_add_count(table, TONE_PLAIN, reason->soft_events);
    table_add(table, TONE_FAINT, reason->example);
    text_release(&class);
}

static void
add_reasons(struct text *out, const struct result *result, const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 0 },
        {false, 0 },
        {false, 0 },
        {true,  0 },
        {true,  0 },
        {false, 44}
    };
    static const char *const heads[] = {"reason", "type", "class", "failed", "soft", "for example"};
    struct table table = table_begin(columns, COUNT_OF(columns), style);

    add_heads(&table, heads);
    for (size_t i = 0; i < result->reasons_count; i++)
        add_reason(&table, &result->reasons[i]);
    print_section(&table, out);
}

static void
add_symbol(struct text *out, bool is_good, const struct report_style *style)
{
    const char *symbol = style->is_utf8 ? (is_good ? "✓" : "✗") : (is_good ? "ok  " : "FAIL");

    report_paint(out, is_good ? TONE_GOOD : TONE_BAD, slice_of(symbol), style);
}

/* A run whose requirements are missing is neither good nor bad. */
static void
add_run_symbol(struct text *out, const struct result *result, const struct report_style *style)
{
    if (result->exit_code == SKIPPED_EXIT_CODE)
        text_add_string(out, style->is_utf8 ? "–" : "skip");
    else
        add_symbol(out, result_is_good(result), style);
}

static void
add_faint_line(
    struct text *out, const char *key, struct slice value, const struct report_style *style)
{
    if (value.length == 0)
        return;
    text_printf(out, "      %s", key);
    add_clean(out, TONE_PLAIN, value, style);
    text_add_char(out, '\n');
}

/* What failed, in the words of the scenario, and where that is written. */
static void
add_failed_check(
    struct text *out, const struct result_check *check, const struct report_style *style)
{
    struct text at = {0}, place = {0};

    if (check->at_us >= 0)
        unit_format_clock(&at, check->at_us);
    if (check->filename.length > 0)
        text_printf(&place, "%.*s:%d", SLICE_ARGS(check->filename), check->line);
    add_faint_line(out, "check: ", check->check, style);
    add_faint_line(out, "at ", text_slice(&at), style);
    add_faint_line(out, "", check->detail, style);
    add_faint_line(out, "", text_slice(&place), style);
    text_release(&at);
    text_release(&place);
}

static void
add_check(struct text *out, const struct result_check *check, size_t id_width,
    const struct report_style *style)
{
    struct text headline = {0};

    text_add_string(out, "  ");
    add_symbol(out, check->is_good, style);
    text_add_char(out, ' ');
    add_clean(out, TONE_STRONG, check->id, style);
    text_add_repeated(out, ' ', id_width - report_width(check->id) + 2);
    claim_check_headline(&headline, check);
    add_clean(out, TONE_PLAIN, text_slice(&headline), style);
    text_add_char(out, '\n');
    if (!check->is_good)
        add_failed_check(out, check, style);
    text_release(&headline);
}

static void
add_checks(struct text *out, const struct result *result, bool is_failed_only,
    const struct report_style *style)
{
    size_t id_width = 0;

    for (size_t i = 0; i < result->checks_count; i++) {
        size_t width = report_width(result->checks[i].id);

        id_width = width > id_width ? width : id_width;
    }
    for (size_t i = 0; i < result->checks_count; i++)
        if (!is_failed_only || !result->checks[i].is_good)
            add_check(out, &result->checks[i], id_width, style);
}

static void
add_books(struct text *out, const struct result *result, const struct report_style *style)
{
    bool is_good = result_ledgers_agree(result);
    struct text line = {0};

    text_add_string(out, "  ");
    add_symbol(out, is_good, style);
    text_add_string(out, " ledgers: ");
    claim_ledgers_headline(&line, result);
    if (!is_good && result->ledger_example.length > 0)
        text_printf(&line, "; first: %.*s", SLICE_ARGS(result->ledger_example));
    add_clean(out, TONE_PLAIN, text_slice(&line), style);
    text_clear(&line);
    if (claim_returned_headline(&line, result)) {
        text_add_string(out, "\n    returned: ");
        add_clean(out, TONE_PLAIN, text_slice(&line), style);
    }
    text_add_string(out, "\n  ");
    add_symbol(out, result->recount_differences == 0, style);
    text_add_string(out, " recount: ");
    if (result->recount_differences == 0)
        text_add_string(out, "equals the counters");
    else
        unit_format_count(out, result->recount_differences);
    text_add_string(out, result->recount_differences == 0 ? "\n" : " counters differ\n");
    text_release(&line);
}

static size_t
failed_checks_count(const struct result *result)
{
    size_t failed = 0;

    for (size_t i = 0; i < result->checks_count; i++)
        failed += !result->checks[i].is_good;
    return failed;
}

static size_t
broken_rows_count(const struct result *result)
{
    size_t broken = 0;

    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        broken += result->kpi_rows[i].violations > 0;
    return broken;
}

/* "1 of 7 expectations failed; 2 of 5 KPI rows broken." */
static void
add_verdict(struct text *out, const struct result *result)
{
    size_t failed = failed_checks_count(result), broken = broken_rows_count(result);

    if (result->exit_code == SKIPPED_EXIT_CODE) {
        text_add_string(out, "skipped");
        return;
    }
    if (result->events_count == 0 && result->trouble.length > 0) {
        text_add_string(out, "did not run");
        return;
    }
    if (failed > 0)
        text_printf(out, "%zu of %zu expectation%s failed", failed, result->checks_count,
            result->checks_count == 1 ? "" : "s");
    else if (result->checks_count == 1)
        text_add_string(out, "the only expectation held");
    else if (result->checks_count > 0)
        text_printf(out, "all %zu expectations held", result->checks_count);
    else
        text_add_string(out, "no expectations");
    if (broken > 0)
        text_printf(out, "; %zu of %d KPI rows broken", broken, RESULT_KPI_ROWS);
    if (!result_ledgers_agree(result))
        text_add_string(out, "; the ledgers disagree");
    if (result->recount_differences > 0)
        text_add_string(out, "; the counters are wrong");
}

static void
add_replay(struct text *out, const struct result *result, const struct report_style *style)
{
    struct slice replay = result->replay;

    for (size_t i = 0; i < result->checks_count; i++)
        if (!result->checks[i].is_good && result->checks[i].replay.length > 0) {
            replay = result->checks[i].replay;
            break;
        }
    if (result_is_good(result) || result->exit_code == SKIPPED_EXIT_CODE || replay.length == 0)
        return;
    text_add_string(out, "replay: ");
    add_clean(out, TONE_PLAIN, replay, style);
    text_add_char(out, '\n');
}

static void
add_trouble(struct text *out, const struct result *result, const struct report_style *style)
{
    text_add_string(out, "  ");
    add_run_symbol(out, result, style);
    text_add_char(out, ' ');
    add_clean(out, TONE_PLAIN, result->trouble, style);
    text_add_char(out, '\n');
}

void
text_report(struct text *out, const struct result *result, const struct report_style *style)
{
    add_header(out, result, style);
    if (result->trouble.length > 0) {
        text_add_char(out, '\n');
        add_trouble(out, result, style);
    }
    if (result->events_count > 0) {
        text_add_char(out, '\n');
        kpi_report(out, result, style);
    }
    if (result->deliveries_count > 0)
        add_deliveries(out, result, style);
    if (result->isps_count > 0)
        add_isps(out, result, style);
    if (result->reasons_count > 0)
        add_reasons(out, result, style);
    scores_report(out, result, style);
    verdicts_report(out, result, style);
    text_add_char(out, '\n');
    add_checks(out, result, false, style);
    if (result->events_count > 0)
        add_books(out, result, style);
    text_add_char(out, '\n');
    add_verdict(out, result);
    text_add_string(out, ".\n");
    add_replay(out, result, style);
}

void
text_report_brief(struct text *out, const struct result *result, const struct report_style *style)
{
    bool is_good = result_is_good(result);

    add_run_symbol(out, result, style);
    text_add_char(out, ' ');
    add_clean(out, TONE_STRONG, result->name, style);
    text_printf(out, "   seed %llu   ", (unsigned long long)result->seed);
    unit_format_duration(out, result->virtual_us);
    add_speed(out, result, style);
    text_add_string(out, "   ");
    add_verdict(out, result);
    text_add_char(out, '\n');
    if (is_good)
        return;
    if (result->trouble.length > 0)
        add_trouble(out, result, style);
    add_checks(out, result, true, style);
    kpi_report_broken(out, result, style);
    if (!result_ledgers_agree(result) || result->recount_differences > 0)
        add_books(out, result, style);
    if (result->exit_code != SKIPPED_EXIT_CODE)
        text_add_string(out, "  ");
    add_replay(out, result, style);
}
