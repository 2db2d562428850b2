/* test_quarantine.c - how many errors an address may have, and how long they are remembered. */
#include "tests/unit.h"

#include "base/unit.h"
#include "scenarios/quarantine.h"

#define KIM SLICE("kim@isp.example")

static const struct verdict busy = {CLASS_SOFT_BOUNCE, REASON_UNREACHABLE, TYPE_SOFT};
static const struct verdict full = {CLASS_MAILBOX_FULL, REASON_MAILBOX_FULL, TYPE_SOFT};
static const struct verdict unknown = {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD};

static bool
fail_at(struct quarantine *q, struct verdict verdict, bool is_final, int64_t at_us)
{
    return quarantine_on_error(q,
        &(struct address_error){
            .address = KIM, .at_us = at_us, .verdict = verdict, .is_final = is_final});
}

static unsigned
errors_count(const struct quarantine *q)
{
    uint32_t number;

    return map_find(&q->addresses, KIM, &number) ? q->entries[number].errors_count : 0;
}

/* Who complained stays out for that, and the delivery that had quarantined him keeps its count. */
static void
a_complaint_outweighs_a_quarantine(void **state)
{
    struct quarantine q;

    quarantine_init(&q, 5);
    assert_true(fail_at(&q, unknown, true, 0));
    assert_true(quarantine_denylist(&q, KIM, 3));
    assert_false(quarantine_denylist(&q, KIM, 3));
    assert_int_equal(quarantine_exclusion(&q, KIM), REASON_DENYLISTED);
    assert_int_equal(q.quarantined_count, 0);
    assert_int_equal(q.denylisted_count, 1);
    assert_int_equal(quarantine_recount(&q, 0), 1);
    assert_int_equal(quarantine_recount(&q, 3), 0);
    assert_true(quarantine_denylist(&q, SLICE("lou@isp.example"), 3));
    assert_int_equal(quarantine_recount(&q, 3), 0); /* nobody quarantined her */
    quarantine_release(&q);
}

static void
the_sixth_significant_error_quarantines(void **state)
{
    struct quarantine q;

    quarantine_init(&q, 5);
    for (int day = 0; day < 5; day++)
        assert_false(fail_at(&q, busy, false, day * US_PER_DAY));
    assert_int_equal(quarantine_status(&q, KIM, 5 * US_PER_DAY), QUARANTINE_WITH_ERRORS);
    assert_true(fail_at(&q, busy, false, 5 * US_PER_DAY));
    assert_false(fail_at(&q, busy, false, 6 * US_PER_DAY)); /* once is enough */
    assert_int_equal(quarantine_exclusion(&q, KIM), REASON_QUARANTINED);
    assert_int_equal(q.quarantined_count, 1);
    quarantine_release(&q);
}

static void
errors_within_a_day_of_the_last_that_counted_do_not_count(void **state)
{
    static const struct {
        int64_t at_us[6];
        size_t count;
        unsigned expected;
    } cases[] = {
        {{0, US_PER_DAY - 1},                                       2, 1},
        {{0, US_PER_DAY},                                           2, 2},
        {{0, 20 * US_PER_HOUR, 28 * US_PER_HOUR},                   3, 2},
        {{0, 20 * US_PER_HOUR, 40 * US_PER_HOUR, 47 * US_PER_HOUR}, 4, 2}, /* 0 and 40 h */
        {{0, 33 * US_PER_HOUR, 57 * US_PER_HOUR, 81 * US_PER_HOUR}, 4, 4},
        {{US_PER_DAY, 0},                                           2, 1}, /* an older one, told late */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct quarantine q;

        quarantine_init(&q, 5);
        for (size_t j = 0; j < cases[i].count; j++)
            fail_at(&q, busy, false, cases[i].at_us[j]);
        print_message("  case %zu\n", i);
        assert_int_equal(errors_count(&q), cases[i].expected);
        quarantine_release(&q);
    }
}

static void
one_delivery_of_84_hours_raises_the_counter_by_four(void **state)
{
    static const int minutes[] = {0, 20, 60, 140, 300, 620, 1260, 1980, 2700, 3420, 4140, 4860};
    struct quarantine q;

    quarantine_init(&q, 5);
    for (size_t i = 0; i < COUNT_OF(minutes); i++)
        assert_false(fail_at(&q, full, false, minutes[i] * US_PER_MIN));
    assert_int_equal(errors_count(&q), 4);
    quarantine_release(&q);
}

static void
what_an_error_weighs_goes_by_type_class_and_finality(void **state)
{
    static const struct {
        const char *name;
        struct verdict verdict;
        bool is_final;
        bool is_quarantined;
        unsigned errors_count;
    } cases[] = {
        {"hard failure",              {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD},   true,  true,  0},
        {"450 user unknown",          {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD},   false,
         false,                                                                                                  1},
        {"552 full",                  {CLASS_MAILBOX_FULL, REASON_MAILBOX_FULL, TYPE_SOFT},        true,  false, 1},
        {"452 full",                  {CLASS_MAILBOX_FULL, REASON_MAILBOX_FULL, TYPE_SOFT},        false, false, 1},
        {"mail block",                {CLASS_MAIL_BLOCK, REASON_REFUSED, TYPE_IGNORED},            true,  false, 0},
        {"spam block, called hard",   {CLASS_SPAM_BLOCK, REASON_REFUSED, TYPE_HARD},               true,  false, 0},
        {"spam content, called soft", {CLASS_SPAM_CONTENT, REASON_REFUSED, TYPE_SOFT},             false, false,
         0                                                                                                        },
        {"ignored",                   {CLASS_TRANSIENT_FAILURE, REASON_UNREACHABLE, TYPE_IGNORED}, true,  false, 0},
        {"no type",                   {CLASS_UNDETERMINED, REASON_NOT_DEFINED, TYPE_NONE},         true,  false, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct quarantine q;

        print_message("  %s\n", cases[i].name);
        quarantine_init(&q, 5);
        assert_int_equal(
            fail_at(&q, cases[i].verdict, cases[i].is_final, 0), cases[i].is_quarantined);
        assert_int_equal(errors_count(&q), cases[i].errors_count);
        quarantine_release(&q);
    }
}

static void
errors_are_forgotten_after_ten_days_or_thirty_for_a_full_mailbox(void **state)
{
    static const struct {
        const struct verdict *last;
        int64_t days;
        unsigned expected; /* with one more error then */
    } cases[] = {
        {&busy, 9,  3},
        {&busy, 10, 1},
        {&full, 10, 3},
        {&full, 29, 3},
        {&full, 30, 1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct quarantine q;
        int64_t then_us = (1 + cases[i].days) * US_PER_DAY;

        quarantine_init(&q, 5);
        fail_at(&q, busy, false, 0);
        fail_at(&q, *cases[i].last, false, US_PER_DAY);
        assert_int_equal(quarantine_status(&q, KIM, then_us),
            cases[i].expected == 1 ? QUARANTINE_VALID : QUARANTINE_WITH_ERRORS);
        fail_at(&q, busy, false, then_us);
        assert_int_equal(errors_count(&q), cases[i].expected);
        quarantine_release(&q);
    }
}

/* Errors that do not count still keep the memory of those that did. */
static void
ten_days_run_from_the_last_error(void **state)
{
    struct quarantine q;

    quarantine_init(&q, 5);
    fail_at(&q, busy, false, 0);
    fail_at(&q, busy, false, 23 * US_PER_HOUR);
    fail_at(&q, busy, false, 10 * US_PER_DAY + 22 * US_PER_HOUR);
    assert_int_equal(errors_count(&q), 2);
    quarantine_release(&q);
}

static void
a_delivery_frees_errors_but_not_from_quarantine(void **state)
{
    struct quarantine q;

    quarantine_init(&q, 5);
    fail_at(&q, busy, false, 0);
    quarantine_on_delivered(&q, KIM);
    assert_int_equal(quarantine_status(&q, KIM, 0), QUARANTINE_VALID);
    assert_int_equal(errors_count(&q), 0);
    fail_at(&q, busy, false, 1); /* the next one counts at once */
    assert_int_equal(errors_count(&q), 1);
    assert_true(fail_at(&q, unknown, true, 2));
    quarantine_on_delivered(&q, KIM);
    assert_int_equal(quarantine_exclusion(&q, KIM), REASON_QUARANTINED);
    assert_int_equal(quarantine_status(&q, KIM, 400 * US_PER_DAY), QUARANTINE_QUARANTINED);
    quarantine_on_delivered(&q, SLICE("nobody@isp.example"));
    quarantine_release(&q);
}

static void
the_key_is_case_sensitive(void **state)
{
    struct quarantine q;

    quarantine_init(&q, 5);
    assert_true(fail_at(&q, unknown, true, 0));
    assert_int_equal(quarantine_exclusion(&q, SLICE("Kim@isp.example")), REASON_NONE);
    assert_int_equal(quarantine_exclusion(&q, SLICE("kim@ISP.example")), REASON_NONE);
    quarantine_release(&q);
}

static void
a_complaint_denylists_whoever_was_there_before(void **state)
{
    struct quarantine q;

    quarantine_init(&q, 5);
    fail_at(&q, unknown, true, 0);
    assert_true(quarantine_denylist(&q, KIM, 0));
    assert_false(quarantine_denylist(&q, KIM, 0));
    assert_false(fail_at(&q, unknown, true, 0));
    assert_int_equal(quarantine_exclusion(&q, KIM), REASON_DENYLISTED);
    assert_int_equal(q.quarantined_count, 0);
    assert_int_equal(q.denylisted_count, 1);
    quarantine_release(&q);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complaint_outweighs_a_quarantine),
        cmocka_unit_test(the_sixth_significant_error_quarantines),
        cmocka_unit_test(errors_within_a_day_of_the_last_that_counted_do_not_count),
        cmocka_unit_test(one_delivery_of_84_hours_raises_the_counter_by_four),
        cmocka_unit_test(what_an_error_weighs_goes_by_type_class_and_finality),
        cmocka_unit_test(errors_are_forgotten_after_ten_days_or_thirty_for_a_full_mailbox),
        cmocka_unit_test(ten_days_run_from_the_last_error),
        cmocka_unit_test(a_delivery_frees_errors_but_not_from_quarantine),
        cmocka_unit_test(the_key_is_case_sensitive),
        cmocka_unit_test(a_complaint_denylists_whoever_was_there_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
