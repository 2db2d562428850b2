/* unit.h - quantities as people write them: durations, rates, percents, sizes, instants.
 *
 * Numbers are read from raw text, never through YAML's implicit types, and kept exact: time in
 * whole microseconds, everything that may be a fraction as a ratio of integers. The edge (reading,
 * printing) is the only place where a unit is converted.
 *
 * Errors     unit_parse_* answer false and put one sentence into `err` (ERROR_CONFIG), with what was
 *            expected and a suggestion where there is an obvious one ("did you mean 10/min?"). */
#ifndef MTALAB_UNIT_H
#define MTALAB_UNIT_H

#include "base/error.h"
#include "base/text.h"

enum { US_PER_MS = 1000, US_PER_S = 1000000 };
#define US_PER_MIN  (INT64_C(60) * US_PER_S)
#define US_PER_HOUR (INT64_C(3600) * US_PER_S)
#define US_PER_DAY  (INT64_C(86400) * US_PER_S)

/* An exact fraction. `den` > 0; always in lowest terms. Arithmetic is exact in 128 bits inside and
 * asserts that the result fits: quantities here are counts and microseconds, far from the edge. */
struct ratio {
    int64_t num, den;
};

struct ratio ratio_of(int64_t num, int64_t den); /* den != 0 */
struct ratio ratio_add(struct ratio a, struct ratio b);
struct ratio ratio_subtract(struct ratio a, struct ratio b);
struct ratio ratio_multiply(struct ratio a, struct ratio b);
struct ratio ratio_divide(struct ratio a, struct ratio b); /* b != 0 */
int ratio_compare(struct ratio a, struct ratio b);         /* <0, 0, >0 */
int64_t ratio_round(struct ratio a);                       /* half away from zero */

/* "90s", "5d2h", "1500ms", "1.5h", "250us", "0s": unit us ms s m min h d w, each number with one. */
bool unit_parse_duration(struct slice text, int64_t *us, struct error *err);
/* "60/min", "500/h", "2.5/s", "1/d": per microsecond, exact. */
bool unit_parse_rate(struct slice text, struct ratio *per_us, struct error *err);
/* The same, with the unit it was written in: a minute of "60/min". */
bool unit_parse_rate_in(
    struct slice text, struct ratio *per_us, int64_t *unit_us, struct error *err);
/* "85%", "0.5 %": as a fraction of one. */
bool unit_parse_percent(struct slice text, struct ratio *share, struct error *err);
/* "10MB", "64KiB", "512": bytes (kB, MB, GB decimal; KiB, MiB, GiB binary). */
bool unit_parse_size(struct slice text, uint64_t *bytes, struct error *err);
/* "700", "1_000_000", "10000": a count, decimal only. */
bool unit_parse_count(struct slice text, uint64_t *count, struct error *err);
/* "12", "0.25", "-3": a plain number, exact. */
bool unit_parse_number(struct slice text, struct ratio *number, struct error *err);
/* RFC 3339 "2026-01-05T08:00:00Z" or with offset: microseconds since 1970-01-01T00:00:00Z. */
bool unit_parse_time(struct slice text, int64_t *wall_us, struct error *err);

/* Shortest exact form that reads well: "0s", "40ms", "1h20m", "3d12h", "1.5s". */
void unit_format_duration(struct text *out, int64_t us);
/* Clock form for tables: "1h00m30s", "0.040s", "3d12h00m00s". */
void unit_format_clock(struct text *out, int64_t us);
void unit_format_rate(struct text *out, struct ratio per_us); /* "60/min" */
/* At most `decimals` places, half away from zero, trailing zeros kept: "85.0". */
void unit_format_decimal(struct text *out, struct ratio number, int decimals);
void unit_format_percent(struct text *out, struct ratio share, int decimals); /* "85.0%" */
void unit_format_count(struct text *out, uint64_t count);                     /* "1,000,000" */
void unit_format_time(struct text *out, int64_t wall_us); /* RFC 3339 UTC, ms only if not zero */
void unit_format_rfc5322_date(
    struct text *out, int64_t wall_us); /* "Mon, 05 Jan 2026 08:00:00 +0000" */

#endif
