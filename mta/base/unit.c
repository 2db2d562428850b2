/* unit.c - exact fractions, and quantities written for people. */
#include "base/unit.h"

#include <inttypes.h>
#include <stdio.h>

__extension__ typedef __int128 wide;

/* ---- fractions ---- */

/* Neither is negative. Once both fit into 64 bits, as they mostly do from the start, they are divided
 * in 64 bits, which costs a tenth. */
static wide
greatest_divisor(wide a, wide b)
{
    uint64_t small_a, small_b;

    while (b != 0 && (a > UINT64_MAX || b > UINT64_MAX)) {
        wide rest = a % b;

        a = b;
        b = rest;
    }
    if (b == 0)
        return a;
    small_a = (uint64_t)a;
    small_b = (uint64_t)b;
    while (small_b != 0) {
        uint64_t rest = small_a % small_b;

        small_a = small_b;
        small_b = rest;
    }
    return (wide)small_a;
}

/* `den` is not 0. A quantity that does not fit is a bug: counts and microseconds are far from it. */
static struct ratio
reduce(wide num, wide den)
{
    wide divisor;

    if (den < 0) {
        num = -num;
        den = -den;
    }
    divisor = greatest_divisor(num < 0 ? -num : num, den);
    num /= divisor;
    den /= divisor;
    assert(num <= INT64_MAX);
    assert(num >= INT64_MIN);
    assert(den <= INT64_MAX);
    return (struct ratio){(int64_t)num, (int64_t)den};
}

struct ratio
ratio_of(int64_t num, int64_t den)
{
    assert(den != 0);
    return reduce(num, den);
}

struct ratio
ratio_add(struct ratio a, struct ratio b)
{
    return reduce((wide)a.num * b.den + (wide)b.num * a.den, (wide)a.den * b.den);
}

struct ratio
ratio_subtract(struct ratio a, struct ratio b)
{
    return reduce((wide)a.num * b.den - (wide)b.num * a.den, (wide)a.den * b.den);
}

struct ratio
ratio_multiply(struct ratio a, struct ratio b)
{
    return reduce((wide)a.num * b.num, (wide)a.den * b.den);
}

struct ratio
ratio_divide(struct ratio a, struct ratio b)
{
    assert(b.num != 0);
    return reduce((wide)a.num * b.den, (wide)a.den * b.num);
}

int
ratio_compare(struct ratio a, struct ratio b)
{
    wide left = (wide)a.num * b.den, right = (wide)b.num * a.den;

    return left < right ? -1 : left > right;
}

/* Half away from zero. */
static wide
divide_rounded(wide num, wide den)
{
    wide half = num < 0 ? -(den / 2) : den / 2;

    return (num + half) / den;
}

int64_t
ratio_round(struct ratio a)
{
    return (int64_t)divide_rounded(a.num, a.den);
}

/* ---- numbers ---- */

/* value / 10^places, with a point if there are places. */
static void
add_decimal(struct text *out, uint64_t value, int places)
{
    uint64_t scale = 1;

    for (int i = 0; i < places; i++)
        scale *= 10;
    text_printf(out, "%" PRIu64, value / scale);
    if (places > 0)
        text_printf(out, ".%0*" PRIu64, places, value % scale);
}

/* The same without trailing zeros. */
static void
add_short_decimal(struct text *out, uint64_t value, int places)
{
    for (; places > 0 && value % 10 == 0; places--)
        value /= 10;
    add_decimal(out, value, places);
}

void
unit_format_decimal(struct text *out, struct ratio number, int decimals)
{
    wide scaled = number.num, rounded;

    assert(decimals >= 0);
    assert(decimals <= 9);
    for (int i = 0; i < decimals; i++)
        scaled *= 10;
    rounded = divide_rounded(scaled, number.den);
    if (rounded < 0) {
        text_add_char(out, '-');
        rounded = -rounded;
    }
    assert(rounded <= (wide)UINT64_MAX);
    add_decimal(out, (uint64_t)rounded, decimals);
}

void
unit_format_percent(struct text *out, struct ratio share, int decimals)
{
    unit_format_decimal(out, ratio_multiply(share, ratio_of(100, 1)), decimals);
    text_add_char(out, '%');
}

void
unit_format_count(struct text *out, uint64_t count)
{
    char digits[21];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text_add_char(out, ',');
        text_add_char(out, digits[i]);
    }
}

/* ---- durations and rates ---- */

static uint64_t
add_sign(struct text *out, int64_t us)
{
    if (us >= 0)
        return (uint64_t)us;
    text_add_char(out, '-');
    return -(uint64_t)us;
}

static const struct {
    uint64_t us;
    const char *name;
} long_units[] = {
    {86400 * UINT64_C(1000000), "d"},
    {3600 * UINT64_C(1000000),  "h"},
    {60 * UINT64_C(1000000),    "m"},
};

void
unit_format_duration(struct text *out, int64_t us)
{
    uint64_t left = add_sign(out, us);
    bool is_empty = true;

    for (size_t i = 0; i < COUNT_OF(long_units); i++) {
        if (left < long_units[i].us)
            continue;
        text_printf(out, "%" PRIu64 "%s", left / long_units[i].us, long_units[i].name);
        left %= long_units[i].us;
        is_empty = false;
    }
    if (left == 0 && !is_empty)
        return;
    if (left > 0 && left < US_PER_MS && is_empty) {
        text_printf(out, "%" PRIu64 "us", left);
    } else if (left > 0 && left < US_PER_S && is_empty) {
        add_short_decimal(out, left, 3);
        text_add_string(out, "ms");
    } else {
        add_short_decimal(out, left, 6);
        text_add_char(out, 's');
    }
}

void
unit_format_clock(struct text *out, int64_t us)
{
    uint64_t left = add_sign(out, us);
    bool is_empty = true;

    for (size_t i = 0; i < COUNT_OF(long_units); i++) {
        if (left < long_units[i].us && is_empty)
            continue;
        text_printf(out, is_empty ? "%" PRIu64 "%s" : "%02" PRIu64 "%s", left / long_units[i].us,
            long_units[i].name);
        left %= long_units[i].us;
        is_empty = false;
    }
    text_printf(out, is_empty ? "%" PRIu64 : "%02" PRIu64, left / US_PER_S);
    left %= US_PER_S;
    if (left % US_PER_MS != 0)
        text_printf(out, ".%06" PRIu64, left);
    else if (left != 0)
        text_printf(out, ".%03" PRIu64, left / US_PER_MS);
    text_add_char(out, 's');
}

/* The first unit that makes it a whole number; people think in minutes and hours first. */
void
unit_format_rate(struct text *out, struct ratio per_us)
{
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {
        {INT64_C(60000000),    "min"},
        {INT64_C(3600000000),  "h"  },
        {INT64_C(86400000000), "d"  },
    };
    struct ratio per_s = ratio_multiply(per_us, ratio_of(US_PER_S, 1));
    bool is_rare;

    if (per_s.den == 1 && per_s.num >= 100) {
        text_printf(out, "%" PRId64 "/s", per_s.num);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct ratio rate = ratio_multiply(per_us, ratio_of(units[i].us, 1));

        if (rate.den == 1) {
            text_printf(out, "%" PRId64 "/%s", rate.num, units[i].name);
            return;
        }
    }
    is_rare = ratio_compare(per_us, ratio_of(1, US_PER_HOUR)) < 0;
    unit_format_decimal(
        out, ratio_multiply(per_us, ratio_of(is_rare ? US_PER_DAY : US_PER_HOUR, 1)), 2);
    text_add_string(out, is_rare ? "/d" : "/h");
}

/* ---- instants ---- */

struct calendar {
    int64_t year;
    int month, day, weekday; /* 1..12, 1..31, 0: Sunday */
    int hour, minute, second;
    int microsecond;
};

/* Days are counted from 1 March of year 0, so that the leap day is the last one of its year: the
 * months from March on then begin at (153 m + 2) / 5. */
static void
fill_date(struct calendar *calendar, int64_t days_since_1970)
{
    int64_t days = days_since_1970 + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day + 2) / 153; /* from March */

    calendar->day = (int)(day - (153 * month + 2) / 5 + 1);
    calendar->month = (int)(month < 10 ? month + 3 : month - 9);
    calendar->year = year + era * 400 + (calendar->month <= 2);
    calendar->weekday = (int)(((days_since_1970 + 4) % 7 + 7) % 7);
}

static struct calendar
calendar_of(int64_t wall_us)
{
    struct calendar calendar;
    int64_t days = wall_us / US_PER_DAY, left = wall_us % US_PER_DAY;

    if (left < 0) {
        left += US_PER_DAY;
        days--;
    }
    fill_date(&calendar, days);
    calendar.hour = (int)(left / US_PER_HOUR);
    calendar.minute = (int)(left / US_PER_MIN % 60);
    calendar.second = (int)(left / US_PER_S % 60);
    calendar.microsecond = (int)(left % US_PER_S);
    return calendar;
}

void
unit_format_time(struct text *out, int64_t wall_us)
{
    struct calendar c = calendar_of(wall_us);

    text_printf(out, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour,
        c.minute, c.second);
    if (c.microsecond % US_PER_MS != 0)
        text_printf(out, ".%06d", c.microsecond);
    else if (c.microsecond != 0)
        text_printf(out, ".%03d", c.microsecond / US_PER_MS);
    text_add_char(out, 'Z');
}

void
unit_format_rfc5322_date(struct text *out, int64_t wall_us)
{
    static const char weekdays[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct calendar c = calendar_of(wall_us);

    text_printf(out, "%s, %02d %s %04" PRId64 " %02d:%02d:%02d +0000", weekdays[c.weekday], c.day,
        months[c.month - 1], c.year, c.hour, c.minute, c.second);
}
