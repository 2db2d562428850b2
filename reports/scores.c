/* scores.c - how well hidden limits were used, for people and as JSON. */
#include "reports/scores.h"

#include "base/unit.h"

enum { PPM_PER_ONE = 1000000 };

/* --- for people ------------------------------------------------------------------------------ */

static void
add_dash(struct table *table)
{
    table_add_string(table, TONE_PLAIN, table->style.is_utf8 ? "–" : "-");
}

static void
add_share(struct table *table, enum tone tone, int64_t ppm)
{
    struct text share = {0};

    if (ppm < 0) {
        add_dash(table);
        return;
    }
    unit_format_percent(&share, ratio_of(ppm, PPM_PER_ONE), 1);
    table_add(table, tone, text_slice(&share));
    text_release(&share);
}

/* Two or three digits are enough. */
static void
add_time(struct table *table, int64_t us)
{
    int64_t unit_us = us >= US_PER_HOUR ? US_PER_MIN
        : us >= US_PER_MIN              ? US_PER_S
        : us >= US_PER_S                ? 100 * US_PER_MS
                                        : US_PER_MS;
    struct text time = {0};

    if (us < 0) {
        add_dash(table);
        return;
    }
    unit_format_duration(&time, (us + unit_us / 2) / unit_us * unit_us);
    table_add(table, TONE_PLAIN, text_slice(&time));
    text_release(&time);
}

static void
add_score(struct table *table, const struct result_score *score)
{
    table_add(table, TONE_STRONG, score->name);
    table_add_count(table, TONE_PLAIN, score->accepted);
    table_add_count(table, TONE_PLAIN, (uint64_t)((score->possible_millionths + 500000) / 1000000));
    add_share(table, TONE_STRONG, score->utilisation_ppm);
    add_share(table, TONE_PLAIN, score->lost_ppm);
    add_share(table, TONE_PLAIN, score->rejected_ppm);
    add_share(table, TONE_STRONG, score->regret_ppm);
    add_share(table, TONE_PLAIN,
        score->accepted > 0 ? (int64_t)(score->rejected * PPM_PER_ONE / score->accepted) : -1);
    add_time(table, score->time_to_90_us);
    add_share(table, TONE_PLAIN, score->overshoot_ppm);
    table_add_count(table, TONE_PLAIN, score->penalties);
    table_add_count(table, score->escalations > 0 ? TONE_BAD : TONE_PLAIN, score->escalations);
    add_time(table, score->age_p50_us);
    add_time(table, score->age_p99_us);
}

static void
add_sentences(struct text *out, const struct result *result)
{
    if (result->scores_count > 1 && result->fairness_ppm >= 0) {
        text_add_string(out, "  fairness over these (Jain's index): ");
        unit_format_decimal(out, ratio_of(result->fairness_ppm, PPM_PER_ONE), 3);
        text_add_char(out, '\n');
    }
    if (result->wrongly_failed > 0) {
        text_add_string(out, "  living addresses given up for no fault of their own: ");
        unit_format_count(out, result->wrongly_failed);
        text_add_char(out, '\n');
    }
}

void
scores_report(struct text *out, const struct result *result, const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 24},
        {true,  0 },
        {true,  9 },
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
    static const char *const heads[] = {"limits", "accepted", "possible", "used", "lost",
        "rejected", "regret", "per send", "to 90 %", "overshoot", "penalties", "escalations",
        "p50 age", "p99 age"};
    struct table table;

    if (result->scores_count == 0) {
        add_sentences(out, result);
        return;
    }
    table = table_begin(columns, COUNT_OF(columns), style);
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        table_add_string(&table, TONE_FAINT, heads[i]);
    for (size_t i = 0; i < result->scores_count; i++)
        add_score(&table, &result->scores[i]);
    text_add_char(out, '\n');
    table_print(&table, FRAME_NONE, 2, out);
    table_release(&table);
    add_sentences(out, result);
}

/* --- as JSON --------------------------------------------------------------------------------- */

static void
put_number(struct json *json, const char *key, int64_t number)
{
    json_key(json, key);
    json_int(json, number);
}

/* A share that there is not is null. */
static void
put_known(struct json *json, const char *key, int64_t number)
{
    json_key(json, key);
    if (number < 0)
        json_null(json);
    else
        json_int(json, number);
}

static void
put_bins(struct json *json, const struct result *result, const struct result_score *score)
{
    static const char *const columns[] = {"accepted", "rejected", "limit_millionths"};

    put_number(json, "bin_us", score->bin_us);
    json_key(json, "bins_columns");
    json_open(json, '[');
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        json_text(json, slice_of(columns[i]));
    json_close(json, ']');
    json_key(json, "bins");
    json_open(json, '[');
    for (uint64_t i = 0; i < score->bins_count; i++) {
        const struct result_score_bin *bin = &result->score_bins[score->bins_from + i];

        json_open(json, '[');
        json_int(json, (int64_t)bin->accepted);
        json_int(json, (int64_t)bin->rejected);
        json_int(json, bin->limit_millionths);
        json_close(json, ']');
    }
    json_close(json, ']');
}

static void
put_score(struct json *json, const struct result *result, const struct result_score *score)
{
    json_open(json, '{');
    json_key(json, "isp");
    json_text(json, score->name);
    put_number(json, "accepted", (int64_t)score->accepted);
    put_number(json, "possible_millionths", score->possible_millionths);
    put_number(json, "rejected", (int64_t)score->rejected);
    put_number(json, "refused", (int64_t)score->refused);
    put_number(json, "penalties", (int64_t)score->penalties);
    put_number(json, "escalations", (int64_t)score->escalations);
    put_number(json, "wrongly_failed", (int64_t)score->wrongly_failed);
    put_known(json, "utilisation_ppm", score->utilisation_ppm);
    put_known(json, "lost_ppm", score->lost_ppm);
    put_known(json, "rejected_ppm", score->rejected_ppm);
    put_known(json, "regret_ppm", score->regret_ppm);
    put_known(json, "overshoot_ppm", score->overshoot_ppm);
    put_known(json, "time_to_90_us", score->time_to_90_us);
    put_known(json, "age_p50_us", score->age_p50_us);
    put_known(json, "age_p99_us", score->age_p99_us);
    put_bins(json, result, score);
    json_close(json, '}');
}

void
scores_to_json(struct json *json, const struct result *result)
{
    if (result->scores_count == 0)
        return;
    json_key(json, "limits");
    json_open(json, '{');
    put_number(json, "wrongly_failed", (int64_t)result->wrongly_failed);
    put_known(json, "fairness_ppm", result->fairness_ppm);
    json_key(json, "isps");
    json_open(json, '[');
    for (size_t i = 0; i < result->scores_count; i++)
        put_score(json, result, &result->scores[i]);
    json_close(json, ']');
    json_close(json, '}');
}
