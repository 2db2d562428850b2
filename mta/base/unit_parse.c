/* unit_parse.c - quantities as people write them.
 *
 * A number is read as value / 10^places and only then meets its unit, in 128 bits, so that nothing
 * is ever rounded: what is not a whole number of microseconds or bytes is refused. */
#include "base/unit.h"

#include <stdio.h>

__extension__ typedef __int128 wide;

enum { PLACES_MAX = 18 };

struct number {
    int64_t value;
    int places; /* decimal places of `value` */
};

static bool
refuse(struct error *err, struct slice text, const char *expected, const char *hint)
{
    struct slice shown = {text.at, text.length < 60 ? text.length : 60};

    error_set(err, ERROR_CONFIG, "expected %s, found \"%.*s\"%s%s%s", expected, SLICE_ARGS(shown),
        hint != NULL ? " (did you mean " : "", hint != NULL ? hint : "", hint != NULL ? "?)" : "");
    return false;
}

static bool
starts_with_digit(struct slice s)
{
    return s.length > 0 && char_is_digit(s.at[0]);
}

/* Digits, with single underscores between them if they please: 1_000_000. */
static bool
read_digits(struct slice *rest, struct number *number, bool is_fraction)
{
    if (!starts_with_digit(*rest))
        return false;
    for (;;) {
        int digit;

        if (rest->length >= 2 && rest->at[0] == '_' && char_is_digit(rest->at[1]))
            *rest = slice_from(*rest, 1);
        if (!starts_with_digit(*rest))
            return true;
        digit = rest->at[0] - '0';
        if (number->value > (INT64_MAX - digit) / 10 || number->places >= PLACES_MAX)
            return false;
        number->value = number->value * 10 + digit;
        number->places += is_fraction;
        *rest = slice_from(*rest, 1);
    }
}

/* "12", "0.25", "1_000"; no sign. */
static bool
read_number(struct slice *rest, struct number *number)
{
    *number = (struct number){0};
    if (!read_digits(rest, number, false))
        return false;
    if (rest->length > 0 && rest->at[0] == '.') {
        *rest = slice_from(*rest, 1);
        return read_digits(rest, number, true);
    }
    return true;
}

/* A run of letters (and % signs): what may be a unit. */
static struct slice
read_word(struct slice *rest)
{
    size_t length = 0;

    while (length < rest->length && (char_is_letter(rest->at[length]) || rest->at[length] == '%'))
        length++;
    *rest = slice_from(*rest, length);
    return (struct slice){rest->at - length, length};
}

static void
skip_spaces(struct slice *rest)
{
    while (rest->length > 0 && rest->at[0] == ' ')
        *rest = slice_from(*rest, 1);
}

static wide
power_of_10(int places)
{
    wide power = 1;

    for (int i = 0; i < places; i++)
        power *= 10;
    return power;
}

/* number * num / den, exactly; false when it does not fit. */
static bool
scale(struct number number, int64_t num, int64_t den, struct ratio *result)
{
    wide n = (wide)number.value * num, d = power_of_10(number.places) * den;
    wide a = n, b = d;

    while (b != 0) {
        wide rest = a % b;

        a = b;
        b = rest;
    }
    if (n / a > INT64_MAX || d / a > INT64_MAX)
        return false;
    *result = (struct ratio){(int64_t)(n / a), (int64_t)(d / a)};
    return true;
}

/* ---- durations ---- */

static const struct time_unit {
    const char *name;
    int64_t us;
} time_units[] = {
    {"w",   7 * US_PER_DAY},
    {"d",   US_PER_DAY    },
    {"h",   US_PER_HOUR   },
    {"min", US_PER_MIN    },
    {"m",   US_PER_MIN    },
    {"s",   US_PER_S      },
    {"ms",  US_PER_MS     },
    {"us",  1             },
};

static const struct time_unit *
find_time_unit(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(time_units); i++)
        if (slice_equals(name, slice_of(time_units[i].name)))
            return &time_units[i];
    return NULL;
}

static const char duration_expected[] = "a duration such as 90s, 1h20m or 5d2h";

static bool
refuse_duration(struct slice text, struct error *err)
{
    struct slice rest = text;
    struct number number;
    char hint[48];

    if (text.length > 40 || !read_number(&rest, &number))
        return refuse(err, text, duration_expected, NULL);
    if (rest.length == 0 || slice_equals_nocase(rest, SLICE("s"))) {
        snprintf(hint, sizeof hint, "%.*ss", (int)(text.length - rest.length), text.at);
        return refuse(err, text, duration_expected, hint);
    }
    return refuse(err, text, duration_expected, NULL);
}

bool
unit_parse_duration(struct slice text, int64_t *us, struct error *err)
{
    struct slice rest = text;
    int64_t sum = 0, before_us = INT64_MAX;

    do {
        struct number number;
        const struct time_unit *unit;
        struct ratio part;

        if (!read_number(&rest, &number))
            return refuse_duration(text, err);
        unit = find_time_unit(read_word(&rest));
        if (unit == NULL)
            return refuse_duration(text, err);
        if (unit->us >= before_us)
            return refuse(
                err, text, "the units of a duration from large to small, each once", NULL);
        before_us = unit->us;
        if (!scale(number, unit->us, 1, &part) || part.num > INT64_MAX - sum)
            return refuse(err, text, "a duration below 292,000 years", NULL);
        if (part.den != 1)
            return refuse(err, text, "a whole number of microseconds", NULL);
        sum += part.num;
    } while (rest.length > 0);
    *us = sum;
    return true;
}

/* ---- rates, percents, sizes, counts, numbers ---- */

static const char rate_expected[] = "a rate such as 60/min, 500/h or 2.5/s";

/* "10m" and "10" were meant to be rates. */
static bool
refuse_rate(struct slice text, struct error *err)
{
    struct slice rest = text, digits, unit;
    struct number number;
    char hint[48];

    if (text.length > 40 || !read_number(&rest, &number))
        return refuse(err, text, rate_expected, NULL);
    digits = (struct slice){text.at, text.length - rest.length};
    unit = read_word(&rest);
    if (rest.length > 0 || (unit.length > 0 && find_time_unit(unit) == NULL))
        return refuse(err, text, rate_expected, NULL);
    if (unit.length == 0 || slice_equals(unit, SLICE("m")))
        unit = SLICE("min");
    snprintf(hint, sizeof hint, "%.*s/%.*s", SLICE_ARGS(digits), SLICE_ARGS(unit));
    return refuse(err, text, rate_expected, hint);
}

bool
unit_parse_rate_in(struct slice text, struct ratio *per_us, int64_t *unit_us, struct error *err)
{
    struct slice rest = text;
    struct number number;
    const struct time_unit *unit;

    if (!read_number(&rest, &number) || rest.length == 0 || rest.at[0] != '/')
        return refuse_rate(text, err);
    rest = slice_from(rest, 1);
    unit = find_time_unit(read_word(&rest));
    if (unit == NULL || rest.length > 0)
        return refuse(err, text, rate_expected, NULL);
    if (!scale(number, 1, unit->us, per_us))
        return refuse(err, text, "a rate with fewer digits", NULL);
    *unit_us = unit->us;
    return true;
}

bool
unit_parse_rate(struct slice text, struct ratio *per_us, struct error *err)
{
    int64_t unit_us;

    return unit_parse_rate_in(text, per_us, &unit_us, err);
}

static const char percent_expected[] = "a percentage such as 85% or 0.5%";

static bool
refuse_percent(struct slice text, struct error *err)
{
    struct slice rest = text;
    struct number number;
    struct ratio share;
    struct text hint = {0};

    if (!read_number(&rest, &number) || rest.length > 0 || text.length > 12)
        return refuse(err, text, percent_expected, NULL);
    if (!scale(number, number.value > 0 && power_of_10(number.places) > number.value ? 100 : 1, 1,
            &share))
        return refuse(err, text, percent_expected, NULL);
    unit_format_decimal(&hint, share, 6); /* at most 12 digits came in */
    while (hint.bytes[hint.length - 1] == '0')
        hint.bytes[--hint.length] = '\0';
    if (hint.bytes[hint.length - 1] == '.')
        hint.bytes[--hint.length] = '\0';
    text_add_char(&hint, '%');
    refuse(err, text, percent_expected, text_string(&hint));
    text_release(&hint);
    return false;
}

bool
unit_parse_percent(struct slice text, struct ratio *share, struct error *err)
{
    struct slice rest = text;
    struct number number;

    if (!read_number(&rest, &number))
        return refuse(err, text, percent_expected, NULL);
    skip_spaces(&rest);
    if (!slice_equals(rest, SLICE("%")))
        return refuse_percent(text, err);
    if (!scale(number, 1, 100, share))
        return refuse(err, text, "a percentage with fewer digits", NULL);
    return true;
}

static const struct size_unit {
    const char *name, *slip; /* what else people write for it */
    int64_t bytes;
} size_units[] = {
    {"",    NULL, 1                 },
    {"B",   NULL, 1                 },
    {"kB",  "k",  1000              },
    {"MB",  "m",  1000000           },
    {"GB",  "g",  1000000000        },
    {"KiB", "ki", 1024              },
    {"MiB", "mi", 1024 * 1024       },
    {"GiB", "gi", 1024 * 1024 * 1024},
};

static const char size_expected[] = "a size such as 512, 64KiB or 10MB";

static bool
refuse_size(struct slice text, struct slice number, struct slice unit, struct error *err)
{
    char hint[64];

    for (size_t i = 0; i < COUNT_OF(size_units); i++) {
        const struct size_unit *u = &size_units[i];

        if (u->slip == NULL || number.length > 40)
            continue;
        if (slice_equals_nocase(unit, slice_of(u->name)) ||
            slice_equals_nocase(unit, slice_of(u->slip))) {
            snprintf(hint, sizeof hint, "%.*s%s", SLICE_ARGS(number), u->name);
            return refuse(err, text, size_expected, hint);
        }
    }
    return refuse(err, text, size_expected, NULL);
}

bool
unit_parse_size(struct slice text, uint64_t *bytes, struct error *err)
{
    struct slice rest = text, digits;
    struct number number;
    struct ratio size;

    if (!read_number(&rest, &number))
        return refuse(err, text, size_expected, NULL);
    digits = (struct slice){text.at, text.length - rest.length};
    skip_spaces(&rest);
    for (size_t i = 0; i < COUNT_OF(size_units); i++) {
        if (!slice_equals(rest, slice_of(size_units[i].name)))
            continue;
        if (!scale(number, size_units[i].bytes, 1, &size))
            return refuse(err, text, "a size below 8 EiB", NULL);
        if (size.den != 1)
            return refuse(err, text, "a whole number of bytes", NULL);
        *bytes = (uint64_t)size.num;
        return true;
    }
    return refuse_size(text, digits, rest, err);
}

bool
unit_parse_count(struct slice text, uint64_t *count, struct error *err)
{
    static const char expected[] = "a count such as 700 or 1_000_000";
    struct slice rest = text;
    struct number number = {0};

    if (!read_digits(&rest, &number, false) || rest.length > 0)
        return refuse(err, text, expected, NULL);
    *count = (uint64_t)number.value;
    return true;
}

bool
unit_parse_number(struct slice text, struct ratio *number, struct error *err)
{
    static const char expected[] = "a number such as 12, 0.25 or -3";
    struct slice rest = text;
    struct number unsigned_number;
    bool is_negative = text.length > 0 && text.at[0] == '-';

    if (is_negative)
        rest = slice_from(rest, 1);
    if (!read_number(&rest, &unsigned_number) || rest.length > 0)
        return refuse(err, text, expected, NULL);
    if (!scale(unsigned_number, 1, 1, number))
        return refuse(err, text, "a number with fewer digits", NULL);
    if (is_negative)
        number->num = -number->num;
    return true;
}

/* ---- instants ---- */

static bool
read_two_digits(struct slice *rest, int from, int to, int *value)
{
    if (rest->length < 2 || !char_is_digit(rest->at[0]) || !char_is_digit(rest->at[1]))
        return false;
    *value = (rest->at[0] - '0') * 10 + (rest->at[1] - '0');
    *rest = slice_from(*rest, 2);
    return *value >= from && *value <= to;
}

static bool
read_char(struct slice *rest, char wanted)
{
    if (rest->length == 0 || (rest->at[0] != wanted && rest->at[0] != char_lower(wanted)))
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap);
}

/* Days from 1 March of year 0, as in unit.c. */
static int64_t
days_since_1970(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool
read_date(struct slice *rest, int64_t *us)
{
    int century, year, month, day;

    if (!read_two_digits(rest, 0, 99, &century) || !read_two_digits(rest, 0, 99, &year) ||
        !read_char(rest, '-') || !read_two_digits(rest, 1, 12, &month) || !read_char(rest, '-'))
        return false;
    year += century * 100;
    if (year == 0)
        return false;
    if (!read_two_digits(rest, 1, days_in_month(year, month), &day))
        return false;
    *us = days_since_1970(year, month, day) * US_PER_DAY;
    return true;
}

static bool
read_fraction(struct slice *rest, int64_t *us)
{
    int64_t digit_us = 100000;

    if (!read_char(rest, '.'))
        return true;
    if (!starts_with_digit(*rest))
        return false;
    for (; starts_with_digit(*rest); *rest = slice_from(*rest, 1)) {
        if (digit_us == 0 && rest->at[0] != '0')
            return false; /* finer than a microsecond */
        *us += (rest->at[0] - '0') * digit_us;
        digit_us /= 10;
    }
    return true;
}

static bool
read_clock(struct slice *rest, int64_t *us)
{
    int hour, minute, second;

    if (!read_two_digits(rest, 0, 23, &hour) || !read_char(rest, ':') ||
        !read_two_digits(rest, 0, 59, &minute) || !read_char(rest, ':') ||
        !read_two_digits(rest, 0, 59, &second))
        return false;
    *us += hour * US_PER_HOUR + minute * US_PER_MIN + second * (int64_t)US_PER_S;
    return read_fraction(rest, us);
}

static bool
read_offset(struct slice *rest, int64_t *us)
{
    bool is_east = rest->length > 0 && rest->at[0] == '+';
    int hour, minute;
    int64_t offset_us;

    if (read_char(rest, 'Z'))
        return true;
    if (!is_east && (rest->length == 0 || rest->at[0] != '-'))
        return false;
    *rest = slice_from(*rest, 1);
    if (!read_two_digits(rest, 0, 23, &hour) || !read_char(rest, ':') ||
        !read_two_digits(rest, 0, 59, &minute))
        return false;
    offset_us = hour * US_PER_HOUR + minute * US_PER_MIN;
    *us += is_east ? -offset_us : offset_us;
    return true;
}

bool
unit_parse_time(struct slice text, int64_t *wall_us, struct error *err)
{
    static const char expected[] = "a time such as 2026-01-05T08:00:00Z";
    struct slice rest = text;
    int64_t us;
    char hint[40];

    if (!read_date(&rest, &us))
        return refuse(err, text, expected, NULL);
    if (rest.length == 0) {
        snprintf(hint, sizeof hint, "%.*sT00:00:00Z", SLICE_ARGS(text));
        return refuse(err, text, expected, hint);
    }
    if (!read_char(&rest, 'T') || !read_clock(&rest, &us))
        return refuse(err, text, expected, NULL);
    if (rest.length == 0 && text.length < 30) {
        snprintf(hint, sizeof hint, "%.*sZ", SLICE_ARGS(text));
        return refuse(err, text, expected, hint);
    }
    if (!read_offset(&rest, &us) || rest.length > 0)
        return refuse(err, text, expected, NULL);
    *wall_us = us;
    return true;
}
