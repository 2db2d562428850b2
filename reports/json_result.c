/* json_result.c - the whole result as JSON, for other programs. */
#include "reports/json_result.h"

#include "base/json.h"
#include "base/unit.h"
#include "reports/scores.h"

#include <stdio.h>

enum { F1_ONE = 1000000000 };

#define PUT_EACH(json, key, put, items, count) \
    do {                                       \
        json_key(json, key);                   \
        json_open(json, '[');                  \
        for (size_t i = 0; i < (count); i++)   \
            put(json, &(items)[i]);            \
        json_close(json, ']');                 \
    } while (0)

static void
put_text(struct json *json, const char *key, struct slice value)
{
    json_key(json, key);
    json_text(json, value);
}

static void
put_string(struct json *json, const char *key, const char *value)
{
    put_text(json, key, slice_of(value));
}

/* Seeds use all 64 bits, more than a signed integer holds. */
static void
put_count(struct json *json, const char *key, uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    json_key(json, key);
    json_raw(json, digits);
}

/* Negative: there is none. */
static void
put_us(struct json *json, const char *key, int64_t us)
{
    json_key(json, key);
    if (us < 0)
        json_null(json);
    else
        json_int(json, us);
}

/* Of nothing there is none. */
static void
put_percent(struct json *json, const char *key, uint64_t part, uint64_t whole)
{
    struct text percent = {0};

    json_key(json, key);
    if (whole == 0) {
        json_null(json);
        return;
    }
    unit_format_decimal(&percent, ratio_of((int64_t)part * 100, (int64_t)whole), 3);
    json_raw(json, text_string(&percent));
    text_release(&percent);
}

static void
put_kpi(struct json *json, const char *key, const struct result_kpi *kpi)
{
    json_key(json, key);
    json_open(json, '{');
    put_count(json, "to_deliver", kpi->to_deliver);
    put_count(json, "excluded", kpi->excluded);
    put_count(json, "pending", kpi->pending);
    put_count(json, "taken_into_account", kpi->taken);
    put_count(json, "sent", kpi->sent);
    put_count(json, "failed", kpi->failed);
    put_count(json, "cancelled", kpi->cancelled);
    put_count(json, "processed", kpi->processed);
    put_count(json, "bounces_errors", kpi->bounces_errors);
    put_count(json, "hard_bounces", kpi->hard_bounces);
    put_count(json, "soft_bounces", kpi->soft_bounces);
    put_count(json, "complaints", kpi->complaints);
    put_count(json, "quarantined", kpi->quarantined);
    json_key(json, "has_feedback");
    json_bool(json, kpi->has_feedback);
    put_percent(json, "success_percent", kpi->sent, kpi->to_deliver);
    json_close(json, '}');
}

static void
put_check(struct json *json, const struct result_check *check)
{
    static const char *const statuses[] = {
        [CHECK_HELD] = "held",
        [CHECK_FAILED] = "failed",
        [CHECK_UNDECIDED] = "undecided",
        [CHECK_VACUOUS] = "vacuous",
    };

    json_open(json, '{');
    put_text(json, "id", check->id);
    put_string(json, "status", statuses[check->status]);
    json_key(json, "is_good");
    json_bool(json, check->is_good);
    put_text(json, "filename", check->filename);
    put_count(json, "line", (uint64_t)check->line);
    put_count(json, "column", (uint64_t)check->column);
    put_us(json, "at_us", check->at_us);
    put_text(json, "check", check->check);
    put_text(json, "expected", check->expected);
    put_text(json, "observed", check->observed);
    put_text(json, "detail", check->detail);
    put_text(json, "summary", check->summary);
    put_text(json, "replay", check->replay);
    json_close(json, '}');
}

static void
put_kpi_row(struct json *json, const struct result_kpi_row *row)
{
    json_open(json, '{');
    put_string(json, "step", row->step);
    put_string(json, "success", row->success_rule);
    put_string(json, "delivery_log", row->status_rule);
    put_count(json, "events", row->events);
    put_count(json, "violations", row->violations);
    put_text(json, "first_violation", row->first_violation);
    put_text(json, "figures", row->figures);
    json_close(json, '}');
}

static void
put_delivery(struct json *json, const struct result_delivery *delivery)
{
    json_open(json, '{');
    put_text(json, "name", delivery->name);
    put_text(json, "state", delivery->state);
    put_count(json, "total_target", delivery->total_target);
    put_count(json, "excluded_quarantined", delivery->excluded_quarantined);
    put_count(json, "excluded_denylisted", delivery->excluded_denylisted);
    put_count(json, "excluded_doubles", delivery->excluded_doubles);
    put_kpi(json, "kpi", &delivery->kpi);
    json_close(json, '}');
}

static void
put_isp(struct json *json, const struct result_isp *isp)
{
    json_open(json, '{');
    put_text(json, "name", isp->name);
    put_count(json, "to_deliver", isp->to_deliver);
    put_count(json, "relayed", isp->relayed);
    put_count(json, "delivered", isp->delivered);
    put_count(json, "failed", isp->failed);
    put_count(json, "waiting", isp->waiting);
    put_count(json, "soft_bounces", isp->soft_bounces);
    put_count(json, "hard_bounces", isp->hard_bounces);
    put_count(json, "expired", isp->expired);
    put_count(json, "attempts", isp->attempts);
    put_count(json, "deferrals", isp->deferrals);
    put_count(json, "connections", isp->connections);
    put_count(json, "limit_hits", isp->limit_hits);
    put_us(json, "age_p50_us", isp->age_p50_us);
    put_us(json, "age_p95_us", isp->age_p95_us);
    put_us(json, "age_max_us", isp->age_max_us);
    json_close(json, '}');
}

static void
put_reason(struct json *json, const struct result_reason *reason)
{
    json_open(json, '{');
    put_text(json, "reason", reason->reason);
    put_text(json, "type", reason->type);
    put_count(json, "class", (uint64_t)reason->class);
    put_text(json, "class_name", reason->class_name);
    put_count(json, "failed", reason->failed);
    put_count(json, "soft_events", reason->soft_events);
    put_text(json, "example", reason->example);
    json_close(json, '}');
}

static void
put_confusion_cell(struct json *json, const struct result_confusion_cell *cell)
{
    json_open(json, '{');
    put_count(json, "cause", (uint64_t)cell->cause);
    put_count(json, "verdict", (uint64_t)cell->verdict);
    put_count(json, "count", cell->count);
    json_close(json, '}');
}

static void
put_confusion_class(struct json *json, const struct result_confusion_class *class)
{
    json_open(json, '{');
    put_count(json, "class", (uint64_t) class->class);
    put_text(json, "class_name", class->name);
    put_count(json, "hits", class->hits);
    put_count(json, "causes", class->causes);
    put_count(json, "verdicts", class->verdicts);
    put_percent(json, "recall_percent", class->hits, class->causes);
    put_percent(json, "precision_percent", class->hits, class->verdicts);
    json_close(json, '}');
}

static void
put_confusion_dialect(struct json *json, const struct result_confusion_dialect *dialect)
{
    json_open(json, '{');
    put_text(json, "dialect", dialect->name);
    put_count(json, "agreed", dialect->agreed);
    put_count(json, "qualified", dialect->all);
    json_close(json, '}');
}

static void
put_confusion(struct json *json, const struct result_confusion *confusion)
{
    json_key(json, "confusion");
    json_open(json, '{');
    put_count(json, "qualified", confusion->all);
    put_count(json, "agreed", confusion->agreed);
    put_percent(json, "agreement_percent", confusion->agreed, confusion->all);
    put_percent(json, "macro_f1_percent", (uint64_t)confusion->macro_f1_ppb,
        confusion->all > 0 ? F1_ONE : 0);
    PUT_EACH(json, "classes", put_confusion_class, confusion->classes, confusion->classes_count);
    PUT_EACH(json, "cells", put_confusion_cell, confusion->cells, confusion->cells_count);
    PUT_EACH(
        json, "dialects", put_confusion_dialect, confusion->dialects, confusion->dialects_count);
    put_count(json, "open", confusion->open);
    put_count(json, "unheard", confusion->unheard);
    put_count(json, "at_door", confusion->at_door);
    put_count(json, "unspoken", confusion->unspoken);
    put_count(json, "unlabelled", confusion->unlabelled);
    put_count(json, "copies", confusion->copies);
    put_count(json, "given_up", confusion->given_up);
    json_close(json, '}');
}

static void
put_ledgers(struct json *json, const struct result *result)
{
    json_key(json, "ledgers");
    json_open(json, '{');
    put_count(json, "accepted", result->ledger_accepted);
    put_count(json, "sent", result->ledger_delivered);
    put_count(json, "lost", result->ledger_lost);
    put_count(json, "doubled", result->ledger_doubled);
    put_count(json, "misqualified", result->ledger_misqualified);
    put_count(json, "strays", result->ledger_strays);
    put_count(json, "unanswered", result->ledger_unanswered);
    put_count(json, "returned", result->ledger_returned);
    put_count(json, "open", result->ledger_open);
    put_text(json, "example", result->ledger_example);
    put_count(json, "recount_differences", result->recount_differences);
    json_close(json, '}');
}

static void
put_returned(struct json *json, const struct result_returned *returned)
{
    json_key(json, "returned");
    json_open(json, '{');
    put_count(json, "taken", returned->taken);
    put_count(json, "bounces", returned->bounces);
    put_count(json, "complaints", returned->complaints);
    put_count(json, "unsubscriptions", returned->unsubscriptions);
    put_count(json, "notes", returned->notes);
    put_count(json, "late", returned->late);
    put_count(json, "settled", returned->settled);
    put_count(json, "unknown", returned->unknown);
    put_count(json, "duplicates", returned->duplicates);
    put_count(json, "unmatched", returned->unmatched);
    put_count(json, "refused_forged", returned->refused_forged);
    put_count(json, "refused_late", returned->refused_late);
    put_count(json, "refused_misaddressed", returned->refused_misaddressed);
    put_count(json, "waiting", returned->waiting);
    json_close(json, '}');
}

/* A row is an array here, or two thousand of them would fill the file with their keys. */
static void
put_points(struct json *json, const struct result *result)
{
    static const char *const columns[] = {
        "at_us", "to_deliver", "pending", "taken", "soft_waiting", "sent", "failed"};

    json_key(json, "series_columns");
    json_open(json, '[');
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        json_text(json, slice_of(columns[i]));
    json_close(json, ']');
    json_key(json, "series");
    json_open(json, '[');
    for (size_t i = 0; i < result->points_count; i++) {
        const struct result_point *point = &result->points[i];
        char row[192];

        snprintf(row, sizeof row, "[%lld,%llu,%llu,%llu,%llu,%llu,%llu]", (long long)point->at_us,
            (unsigned long long)point->to_deliver, (unsigned long long)point->pending,
            (unsigned long long)point->taken, (unsigned long long)point->soft_waiting,
            (unsigned long long)point->sent, (unsigned long long)point->failed);
        json_raw(json, row);
    }
    json_close(json, ']');
}

static void
put_label(struct json *json, const struct result_label *label)
{
    json_open(json, '{');
    put_us(json, "from_us", label->from_us);
    put_us(json, "to_us", label->to_us);
    put_text(json, "text", label->text);
    json_close(json, '}');
}

static void
put_run(struct json *json, const struct result *result)
{
    struct text start = {0};
    char hash[20];

    unit_format_time(&start, result->start_wall_us);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)result->journal_hash);
    put_text(json, "name", result->name);
    put_text(json, "title", result->title);
    put_text(json, "filename", result->filename);
    if (result->sut.length > 0)
        put_text(json, "sut", result->sut);
    put_count(json, "seed", result->seed);
    put_text(json, "virtual_start", text_slice(&start));
    put_us(json, "virtual_us", result->virtual_us);
    put_count(json, "events", result->events_count);
    put_string(json, "trace", hash);
    json_key(json, "is_good");
    json_bool(json, result_is_good(result));
    put_count(json, "exit_code", (uint64_t)result->exit_code);
    put_text(json, "trouble", result->trouble);
    put_text(json, "replay", result->replay);
    text_release(&start);
}

void
json_report(struct text *out, const struct result *result)
{
    struct json json = json_begin(out, 2);
    bool has_rows = result->kpi_rows[0].step != NULL;

    json_open(&json, '{');
    put_count(&json, "mtalab_result", RESULT_JSON_VERSION);
    put_run(&json, result);
    PUT_EACH(&json, "checks", put_check, result->checks, result->checks_count);
    PUT_EACH(&json, "kpi_rows", put_kpi_row, result->kpi_rows, has_rows ? RESULT_KPI_ROWS : 0);
    put_kpi(&json, "kpi", &result->kpi);
    PUT_EACH(&json, "deliveries", put_delivery, result->deliveries, result->deliveries_count);
    PUT_EACH(&json, "isps", put_isp, result->isps, result->isps_count);
    PUT_EACH(&json, "reasons", put_reason, result->reasons, result->reasons_count);
    put_confusion(&json, &result->confusion);
    scores_to_json(&json, result);
    put_ledgers(&json, result);
    put_returned(&json, &result->returned);
    PUT_EACH(&json, "labels", put_label, result->labels, result->labels_count);
    put_points(&json, result);
    json_close(&json, '}');
    text_add_char(out, '\n');
}
