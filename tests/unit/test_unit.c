/* test_unit.c - quantities as people write them. */
#include "tests/unit.h"

#include "base/rng.h"
#include "base/unit.h"

static void
durations_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"0s",                    0                               },
        {"90s",                   90 * INT64_C(1000000)           },
        {"5d2h",                  5 * US_PER_DAY + 2 * US_PER_HOUR},
        {"1500ms",                1500000                         },
        {"1.5h",                  90 * US_PER_MIN                 },
        {"250us",                 250                             },
        {"2w",                    14 * US_PER_DAY                 },
        {"3min",                  3 * US_PER_MIN                  },
        {"1h20m3s4ms5us",         4803004005                      },
        {"1_000s",                1000 * INT64_C(1000000)         },
        {"0.000001s",             1                               },
        {"0.1s",                  100000                          },
        {"9223372036854775807us", INT64_MAX                       },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t us = -1;
        struct error err;

        print_message("  %s\n", cases[i].text);
        assert_true(unit_parse_duration(slice_of(cases[i].text), &us, &err));
        assert_int_equal(us, cases[i].us);
    }
}

/* What is expected to stand in the sentence; NULL in place of `hint`: no suggestion. */
struct refusal {
    const char *text, *part, *hint;
};

static void
check_refusal(const struct refusal *refusal, bool is_good, const struct error *err)
{
    print_message("  \"%s\": %s\n", refusal->text, is_good ? "taken" : err->text);
    assert_false(is_good);
    assert_int_equal(err->kind, ERROR_CONFIG);
    assert_non_null(strstr(err->text, refusal->part));
    if (refusal->hint != NULL)
        assert_non_null(strstr(err->text, refusal->hint));
    else
        assert_null(strstr(err->text, "did you mean"));
}

static void
what_is_no_duration_is_refused_with_a_hint(void **state)
{
    static const struct refusal cases[] = {
        {"",                      "a duration such as",           NULL                },
        {"90",                    "found \"90\"",                 "did you mean 90s?" },
        {"1.5",                   "a duration such as",           "did you mean 1.5s?"},
        {"90S",                   "a duration such as",           "did you mean 90s?" },
        {"s",                     "a duration such as",           NULL                },
        {"-5s",                   "a duration such as",           NULL                },
        {"5 s",                   "a duration such as",           NULL                },
        {"5x",                    "a duration such as",           NULL                },
        {"60/min",                "a duration such as",           NULL                },
        {"2h5d",                  "from large to small",          NULL                },
        {"1h1h",                  "from large to small",          NULL                },
        {"1m2min",                "from large to small",          NULL                },
        {"0.5us",                 "whole number of microseconds", NULL                },
        {"1.s",                   "a duration such as",           NULL                },
        {".5s",                   "a duration such as",           NULL                },
        {"1__0s",                 "a duration such as",           NULL                },
        {"1_s",                   "a duration such as",           NULL                },
        {"9223372036854775808us", "a duration",                   NULL                },
        {"99999999w",             "292,000 years",                NULL                },
        {"12:30",                 "a duration such as",           NULL                },
        {"0x1F",                  "a duration such as",           NULL                },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t us;
        struct error err;
        bool is_good = unit_parse_duration(slice_of(cases[i].text), &us, &err);
        check_refusal(&cases[i], is_good, &err);
    }
}

static void
rates_are_exact_fractions(void **state)
{
    static const struct {
        const char *text;
        int64_t num, den;
    } cases[] = {
        {"60/min",      1,       1000000             },
        {"60/m",        1,       1000000             },
        {"500/h",       500,     INT64_C(3600000000) },
        {"2.5/s",       25,      10000000            },
        {"1/d",         1,       INT64_C(86400000000)},
        {"0/h",         0,       1                   },
        {"1_000_000/h", 1000000, INT64_C(3600000000) },
    };
    static const struct refusal refused[] = {
        {"10m",                    "a rate such as", "did you mean 10/min?"},
        {"10",                     "a rate such as", "did you mean 10/min?"},
        {"10h",                    "a rate such as", "did you mean 10/h?"  },
        {"10/",                    "a rate such as", NULL                  },
        {"/min",                   "a rate such as", NULL                  },
        {"10/fortnight",           "a rate such as", NULL                  },
        {"10/min/h",               "a rate such as", NULL                  },
        {"-1/h",                   "a rate such as", NULL                  },
        {"0.000000000000000001/w", "fewer digits",   NULL                  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ratio rate, expected = ratio_of(cases[i].num, cases[i].den);
        struct error err;

        print_message("  %s\n", cases[i].text);
        assert_true(unit_parse_rate(slice_of(cases[i].text), &rate, &err));
        assert_int_equal(ratio_compare(rate, expected), 0);
        assert_int_equal(rate.den, expected.den); /* in lowest terms */
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct ratio rate;
        struct error err;

        check_refusal(&refused[i], unit_parse_rate(slice_of(refused[i].text), &rate, &err), &err);
    }
}

static void
percents_are_shares_of_one(void **state)
{
    static const struct refusal refused[] = {
        {"85",         "a percentage such as", "did you mean 85%?" },
        {"0.85",       "a percentage such as", "did you mean 85%?" },
        {"0",          "a percentage such as", "did you mean 0%?"  },
        {"100",        "a percentage such as", "did you mean 100%?"},
        {"%",          "a percentage such as", NULL                },
        {"85%%",       "a percentage such as", NULL                },
        {"85 percent", "a percentage such as", NULL                },
    };
    struct ratio share;
    struct error err;

    assert_true(unit_parse_percent(SLICE("85%"), &share, &err));
    assert_int_equal(ratio_compare(share, ratio_of(85, 100)), 0);
    assert_true(unit_parse_percent(SLICE("0.5 %"), &share, &err));
    assert_int_equal(ratio_compare(share, ratio_of(5, 1000)), 0);
    assert_true(unit_parse_percent(SLICE("150%"), &share, &err));
    assert_int_equal(ratio_compare(share, ratio_of(3, 2)), 0);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        check_refusal(
            &refused[i], unit_parse_percent(slice_of(refused[i].text), &share, &err), &err);
}

static void
sizes_are_whole_bytes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"512",    512        },
        {"512B",   512        },
        {"10MB",   10000000   },
        {"64KiB",  65536      },
        {"1.5kB",  1500       },
        {"2 GiB",  2147483648u},
        {"1GB",    1000000000u},
        {"0.5MiB", 524288     },
        {"0",      0          },
    };
    static const struct refusal refused[] = {
        {"10mb",          "a size such as",          "did you mean 10MB?" },
        {"10M",           "a size such as",          "did you mean 10MB?" },
        {"64k",           "a size such as",          "did you mean 64kB?" },
        {"64kib",         "a size such as",          "did you mean 64KiB?"},
        {"1.5",           "a whole number of bytes", NULL                 },
        {"10 apples",     "a size such as",          NULL                 },
        {"-1",            "a size such as",          NULL                 },
        {"99999999999GB", "below 8 EiB",             NULL                 },
    };
    uint64_t bytes;
    struct error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].text);
        assert_true(unit_parse_size(slice_of(cases[i].text), &bytes, &err));
        assert_int_equal(bytes, cases[i].bytes);
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        check_refusal(&refused[i], unit_parse_size(slice_of(refused[i].text), &bytes, &err), &err);
}

static void
counts_and_numbers_are_decimal(void **state)
{
    static const struct refusal refused[] = {
        {"",                     "a count", NULL},
        {"1e6",                  "a count", NULL},
        {"0x1F",                 "a count", NULL},
        {"1.0",                  "a count", NULL},
        {"+5",                   "a count", NULL},
        {"_5",                   "a count", NULL},
        {"1,000",                "a count", NULL},
        {"99999999999999999999", "a count", NULL},
    };
    uint64_t count;
    struct ratio number;
    struct error err;

    assert_true(unit_parse_count(SLICE("700"), &count, &err));
    assert_int_equal(count, 700);
    assert_true(unit_parse_count(SLICE("1_000_000"), &count, &err));
    assert_int_equal(count, 1000000);
    assert_true(unit_parse_count(SLICE("010"), &count, &err));
    assert_int_equal(count, 10); /* never octal */
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        check_refusal(&refused[i], unit_parse_count(slice_of(refused[i].text), &count, &err), &err);
    assert_true(unit_parse_number(SLICE("-3"), &number, &err));
    assert_int_equal(ratio_compare(number, ratio_of(-3, 1)), 0);
    assert_true(unit_parse_number(SLICE("4.10"), &number, &err));
    assert_int_equal(ratio_compare(number, ratio_of(41, 10)), 0);
    assert_false(unit_parse_number(SLICE("--3"), &number, &err));
    assert_false(unit_parse_number(SLICE("-"), &number, &err));
    assert_false(unit_parse_number(SLICE("inf"), &number, &err));
}

static void
instants_follow_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z",        0                          },
        {"2026-01-05T08:00:00Z",        INT64_C(1767600000000000)  },
        {"2026-01-05T09:30:00+01:30",   INT64_C(1767600000000000)  },
        {"2026-01-05t03:00:00-05:00",   INT64_C(1767600000000000)  },
        {"2024-02-29T23:59:59.25Z",     INT64_C(1709251199250000)  },
        {"2000-03-01T00:00:00.000001Z", INT64_C(951868800000001)   },
        {"1969-12-31T23:59:59.999999Z", -1                         },
        {"9999-12-31T23:59:59Z",        INT64_C(253402300799000000)},
    };
    static const struct refusal refused[] = {
        {"2026-01-05",                   "a time such as", "did you mean 2026-01-05T00:00:00Z?"},
        {"2026-01-05T08:00:00",          "a time such as", "did you mean 2026-01-05T08:00:00Z?"},
        {"2026-02-29T00:00:00Z",         "a time such as", NULL                                },
        {"2100-02-29T00:00:00Z",         "a time such as", NULL                                },
        {"2026-13-01T00:00:00Z",         "a time such as", NULL                                },
        {"2026-01-05T24:00:00Z",         "a time such as", NULL                                },
        {"2026-01-05T08:60:00Z",         "a time such as", NULL                                },
        {"2026-01-05 08:00:00Z",         "a time such as", NULL                                },
        {"2026-01-05T08:00:00.Z",        "a time such as", NULL                                },
        {"2026-01-05T08:00:00.0000001Z", "a time such as", NULL                                },
        {"2026-01-05T08:00:00Zulu",      "a time such as", NULL                                },
        {"26-01-05T08:00:00Z",           "a time such as", NULL                                },
        {"0000-01-01T00:00:00Z",         "a time such as", NULL                                },
        {"tomorrow",                     "a time such as", NULL                                },
    };
    int64_t us;
    struct error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].text);
        assert_true(unit_parse_time(slice_of(cases[i].text), &us, &err));
        assert_int_equal(us, cases[i].us);
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        check_refusal(&refused[i], unit_parse_time(slice_of(refused[i].text), &us, &err), &err);
}

static void
quantities_are_written_for_people(void **state)
{
    static const struct {
        int64_t us;
        const char *duration, *clock;
    } cases[] = {
        {0,            "0s",      "0s"          },
        {40000,        "40ms",    "0.040s"      },
        {250,          "250us",   "0.000250s"   },
        {1500,         "1.5ms",   "0.001500s"   },
        {1500000,      "1.5s",    "1.500s"      },
        {4800000000,   "1h20m",   "1h20m00s"    },
        {3630000000,   "1h30s",   "1h00m30s"    },
        {302400000000, "3d12h",   "3d12h00m00s" },
        {61250000,     "1m1.25s", "1m01.250s"   },
        {3600040000,   "1h0.04s", "1h00m00.040s"},
        {-90000000,    "-1m30s",  "-1m30s"      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = {0};

        unit_format_duration(&out, cases[i].us);
        assert_string_equal(text_string(&out), cases[i].duration);
        text_clear(&out);
        unit_format_clock(&out, cases[i].us);
        assert_string_equal(text_string(&out), cases[i].clock);
        text_release(&out);
    }
}

static void
rates_decimals_and_counts_are_written(void **state)
{
    static const struct {
        const char *rate, *written;
    } rates[] = {
        {"60/min", "60/min" },
        {"1/s",    "60/min" },
        {"500/h",  "500/h"  },
        {"500/s",  "500/s"  },
        {"1/d",    "1/d"    },
        {"2.5/s",  "150/min"},
        {"0.3/d",  "0.30/d" },
        {"0/h",    "0/min"  },
    };
    static const struct {
        int64_t num, den;
        int decimals;
        const char *written;
    } decimals[] = {
        {85,  1,    1, "85.0" },
        {1,   2,    0, "1"    },
        {-1,  2,    0, "-1"   },
        {1,   3,    3, "0.333"},
        {2,   3,    3, "0.667"},
        {-1,  3,    1, "-0.3" },
        {1,   1000, 2, "0.00" },
        {5,   1000, 2, "0.01" },
        {999, 1000, 1, "1.0"  },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct ratio rate;
        struct error err;

        text_clear(&out);
        assert_true(unit_parse_rate(slice_of(rates[i].rate), &rate, &err));
        unit_format_rate(&out, rate);
        assert_string_equal(text_string(&out), rates[i].written);
    }
    for (size_t i = 0; i < COUNT_OF(decimals); i++) {
        text_clear(&out);
        unit_format_decimal(&out, ratio_of(decimals[i].num, decimals[i].den), decimals[i].decimals);
        assert_string_equal(text_string(&out), decimals[i].written);
    }
    text_clear(&out);
    unit_format_percent(&out, ratio_of(17, 20), 1);
    text_add_char(&out, ' ');
    unit_format_count(&out, 0);
    text_add_char(&out, ' ');
    unit_format_count(&out, 999);
    text_add_char(&out, ' ');
    unit_format_count(&out, 1000000);
    text_add_char(&out, ' ');
    unit_format_count(&out, UINT64_MAX);
    assert_string_equal(text_string(&out), "85.0% 0 999 1,000,000 18,446,744,073,709,551,615");
    text_release(&out);
}

static void
instants_are_written_in_both_dialects(void **state)
{
    static const struct {
        int64_t us;
        const char *rfc3339, *rfc5322;
    } cases[] = {
        {INT64_C(1767600000000000), "2026-01-05T08:00:00Z",        "Mon, 05 Jan 2026 08:00:00 +0000"},
        {INT64_C(1709251199250000), "2024-02-29T23:59:59.250Z",    "Thu, 29 Feb 2024 23:59:59 +0000"},
        {-1,                        "1969-12-31T23:59:59.999999Z", "Wed, 31 Dec 1969 23:59:59 +0000"},
        {0,                         "1970-01-01T00:00:00Z",        "Thu, 01 Jan 1970 00:00:00 +0000"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = {0};

        unit_format_time(&out, cases[i].us);
        assert_string_equal(text_string(&out), cases[i].rfc3339);
        text_clear(&out);
        unit_format_rfc5322_date(&out, cases[i].us);
        assert_string_equal(text_string(&out), cases[i].rfc5322);
        text_release(&out);
    }
}

static void
what_is_written_is_read_back(void **state)
{
    struct rng rng = rng_from_seed(3);

    for (int i = 0; i < 20000; i++) {
        int64_t us = (int64_t)(rng_u64(&rng) >> 13 >> rng_below(&rng, 50)), back;
        struct text out = {0};
        struct error err;

        unit_format_duration(&out, us);
        assert_true(unit_parse_duration(text_slice(&out), &back, &err));
        assert_int_equal(back, us);
        text_clear(&out);
        us %= INT64_C(253402300800000000);
        unit_format_time(&out, us);
        assert_true(unit_parse_time(text_slice(&out), &back, &err));
        assert_int_equal(back, us);
        text_release(&out);
    }
}

static void
fractions_are_exact(void **state)
{
    struct ratio third = ratio_of(2, 6), minus = ratio_of(3, -4);

    assert_int_equal(third.num, 1);
    assert_int_equal(third.den, 3);
    assert_int_equal(minus.num, -3);
    assert_int_equal(minus.den, 4);
    assert_int_equal(ratio_of(0, -7).den, 1);
    assert_int_equal(ratio_compare(ratio_add(third, third), ratio_of(2, 3)), 0);
    assert_int_equal(ratio_compare(ratio_subtract(third, third), ratio_of(0, 1)), 0);
    assert_int_equal(ratio_compare(ratio_multiply(third, minus), ratio_of(-1, 4)), 0);
    assert_int_equal(ratio_compare(ratio_divide(third, minus), ratio_of(-4, 9)), 0);
    assert_true(ratio_compare(minus, third) < 0);
    assert_true(ratio_compare(third, minus) > 0);
    assert_int_equal(ratio_round(ratio_of(5, 2)), 3);
    assert_int_equal(ratio_round(ratio_of(-5, 2)), -3);
    assert_int_equal(ratio_round(ratio_of(7, 3)), 2);
    assert_int_equal(ratio_compare(ratio_of(INT64_MAX, 2), ratio_of(INT64_MAX - 1, 2)), 1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_exactly),
        cmocka_unit_test(what_is_no_duration_is_refused_with_a_hint),
        cmocka_unit_test(rates_are_exact_fractions),
        cmocka_unit_test(percents_are_shares_of_one),
        cmocka_unit_test(sizes_are_whole_bytes),
        cmocka_unit_test(counts_and_numbers_are_decimal),
        cmocka_unit_test(instants_follow_rfc_3339),
        cmocka_unit_test(quantities_are_written_for_people),
        cmocka_unit_test(rates_decimals_and_counts_are_written),
        cmocka_unit_test(instants_are_written_in_both_dialects),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(fractions_are_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
