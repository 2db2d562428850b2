/* test_ledger.c - the ISP's memories: what it accepted, and whom it has seen. */
#include "tests/unit.h"

#include "base/unit.h"
#include "fakeisp/ledger.h"
#include "fakeisp/pattern.h"
#include "fakeisp/seen.h"

static void
an_empty_ledger_knows_nobody(void **state)
{
    struct ledger ledger = {0};

    assert_int_equal(ledger_times(&ledger, SLICE("a@x.test"), SLICE("b@y.test")), 0);
    ledger_release(&ledger);
}

static void
sender_and_recipient_both_matter(void **state)
{
    struct ledger ledger = {0};

    ledger_add(&ledger, SLICE("a@x.test"), SLICE("b@y.test"));
    ledger_add(&ledger, SLICE(""), SLICE("b@y.test"));
    assert_int_equal(ledger_times(&ledger, SLICE("a@x.test"), SLICE("b@y.test")), 1);
    assert_int_equal(ledger_times(&ledger, SLICE(""), SLICE("b@y.test")), 1);
    assert_int_equal(ledger_times(&ledger, SLICE("b@y.test"), SLICE("a@x.test")), 0);
    assert_int_equal(ledger_times(&ledger, SLICE("a@x.test"), SLICE("B@y.test")), 0);
    assert_int_equal(ledger.count, 2);
    assert_int_equal(ledger.doubled_count, 0);
    ledger_release(&ledger);
}

static void
what_came_twice_is_counted_once_as_doubled(void **state)
{
    struct ledger ledger = {0};

    for (int i = 0; i < 300; i++)
        ledger_add(&ledger, SLICE("a@x.test"), SLICE("b@y.test"));
    assert_int_equal(ledger_times(&ledger, SLICE("a@x.test"), SLICE("b@y.test")), LEDGER_TIMES_MAX);
    assert_int_equal(ledger.doubled_count, 1);
    assert_int_equal(ledger.count, 1);
    ledger_release(&ledger);
}

static struct slice
numbered(char *buffer, size_t size, int number)
{
    return (struct slice){buffer, (size_t)snprintf(buffer, size, "u%d@y.test", number)};
}

static void
a_hundred_thousand_are_all_found_again(void **state)
{
    enum { MANY = 100000 };
    struct ledger ledger = {0};
    char rcpt[32];

    for (int i = 0; i < MANY; i++)
        ledger_add(&ledger, SLICE("a@x.test"), numbered(rcpt, sizeof rcpt, i));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(
            ledger_times(&ledger, SLICE("a@x.test"), numbered(rcpt, sizeof rcpt, i)), 1);
    assert_int_equal(
        ledger_times(&ledger, SLICE("a@x.test"), numbered(rcpt, sizeof rcpt, MANY)), 0);
    assert_int_equal(ledger.count, MANY);
    assert_true(ledger.count * 10 <= ledger.slots * 7);
    ledger_release(&ledger);
}

static void
a_memory_counts_and_keeps_the_first_instant(void **state)
{
    struct seen seen = {0};
    struct sighting sighting = {0};

    assert_false(seen_find(&seen, 5, &sighting));
    for (uint64_t i = 0; i < 1000; i++)
        seen_note(&seen, i, (int64_t)i);
    for (uint64_t i = 2; i < 1000; i++) {
        assert_true(seen_find(&seen, i, &sighting));
        assert_int_equal(sighting.first_us, i);
        assert_int_equal(sighting.times, 1);
        sighting = seen_note(&seen, i, 100 * US_PER_DAY);
        assert_int_equal(sighting.first_us, i);
        assert_int_equal(sighting.times, 2);
    }
    for (int i = 0; i < 70000; i++)
        sighting = seen_note(&seen, 7, US_PER_DAY);
    assert_int_equal(sighting.times, 65535);
    assert_int_equal(sighting.first_us, 7);
    seen_release(&seen);
}

static void
a_memory_that_forgets_does_not_grow(void **state)
{
    struct seen seen = {.forget_us = 1000};

    for (int64_t i = 0; i < 1000000; i++)
        seen_note(&seen, (uint64_t)i + 10, i);
    assert_true(seen.slots_count <= 4096);
    assert_int_equal(seen_note(&seen, 5, 2000000).times, 1);
    assert_int_equal(seen_note(&seen, 5, 2000999).times, 2);
    assert_int_equal(seen_note(&seen, 5, 2001999).times, 1); /* to the microsecond */
    seen_release(&seen);
}

static void
the_domains_case_is_no_difference(void **state)
{
    uint64_t print = address_fingerprint(SLICE("Kim@isp.test"), 0);

    assert_true(print == address_fingerprint(SLICE("Kim@ISP.Test"), 0));
    assert_true(print != address_fingerprint(SLICE("kim@isp.test"), 0));
    assert_true(print != address_fingerprint(SLICE("Kim@isp.test"), 1));
    assert_true(address_fingerprint(SLICE("a"), 0) != address_fingerprint(SLICE("@a"), 0));
}

static void
patterns_match_as_scenarios_mean_them(void **state)
{
    static const struct {
        const char *pattern, *address;
        bool is_match;
    } cases[] = {
        {"",           "a@isp.test",     true },
        {"*",          "",               true },
        {"gone-*",     "gone-1@x.test",  true },
        {"gone-*",     "Gone-1@x.test",  false},
        {"gone-*",     "agone-1@x.test", false},
        {"gone",       "gone@x.test",    true },
        {"*@ISP.test", "a@isp.TEST",     true },
        {"*@isp.test", "a@isp.test.x",   false},
        {"a?@*.test",  "ab@isp.test",    true },
        {"a?@*.test",  "a@isp.test",     false},
        {"<>",         "",               true },
        {"<>",         "a@x.test",       false},
        {"a*",         "",               false},
        {"*b",         "\"a@b\"@x.test", false},
        {"*b\"",       "\"a@b\"@x.test", true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pattern pattern = pattern_of(slice_of(cases[i].pattern));

        print_message("  \"%s\" \"%s\"\n", cases[i].pattern, cases[i].address);
        assert_int_equal(pattern_matches(&pattern, slice_of(cases[i].address)), cases[i].is_match);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ledger_knows_nobody),
        cmocka_unit_test(sender_and_recipient_both_matter),
        cmocka_unit_test(what_came_twice_is_counted_once_as_doubled),
        cmocka_unit_test(a_hundred_thousand_are_all_found_again),
        cmocka_unit_test(a_memory_counts_and_keeps_the_first_instant),
        cmocka_unit_test(a_memory_that_forgets_does_not_grow),
        cmocka_unit_test(the_domains_case_is_no_difference),
        cmocka_unit_test(patterns_match_as_scenarios_mean_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
