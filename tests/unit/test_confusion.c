/* test_confusion.c - the MTA's verdicts meet the providers' causes, once each, and nothing is lost. */
#include "tests/unit/confusion_desk.h"

/* --- in the session --- */

static void
verdicts_find_their_refusal_in_any_order(void **state)
{
    static const char *const rcpts[] = {"a@x", "b@x", "c@x"};
    static const int orders[][3] = {
        {0, 1, 2},
        {0, 2, 1},
        {1, 0, 2},
        {1, 2, 0},
        {2, 0, 1},
        {2, 1, 0}
    };
    static const int causes[] = {10, 22, 50};

    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct desk desk = desk_new();
        struct confusion_counts counts;

        for (int k = 0; k < 3; k++)
            refuse(&desk, "s@y", rcpts[k], 550, causes[k]);
        for (int k = 0; k < 3; k++)
            judge(&desk, "s@y", rcpts[orders[i][k]], 550,
                orders[i][k] == 1 ? 40 : (uint8_t)causes[orders[i][k]]);
        counts = all_counts(&desk);
        assert_int_equal(counts.all, 3);
        assert_int_equal(counts.agreed, 2);
        assert_tally(&counts, 10, 1, 1, 1);
        assert_tally(&counts, 22, 0, 1, 0);
        assert_tally(&counts, 40, 0, 0, 1);
        assert_int_equal(rest_of(&desk).open, 0);
        desk_free(&desk);
    }
}

static void
every_try_counts_once(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;

    for (int i = 0; i < 12; i++) {
        refuse(&desk, "s@y", "a@x", 452, 22);
        judge(&desk, "s@y", "a@x", 452, 22);
        desk.now_us += US_PER_MIN;
    }
    judge(&desk, "s@y", "a@x", 250, 0);
    counts = all_counts(&desk);
    assert_tally(&counts, 22, 12, 12, 12);
    assert_int_equal(counts.all, 12);
    assert_int_equal(rest_of(&desk).unspoken, 0);
    desk_free(&desk);
}

static void
a_second_verdict_on_one_refusal_is_nobodys(void **state)
{
    struct desk desk = desk_new();

    refuse(&desk, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 550, 10);
    judge(&desk, "t@y", "a@x", 550, 10); /* another message */
    judge(&desk, "s@y", "b@x", 550, 10);
    assert_int_equal(all_counts(&desk).all, 1);
    assert_int_equal(rest_of(&desk).unspoken, 3);
    desk_free(&desk);
}

static void
what_was_not_heard_is_no_mistake(void **state)
{
    struct desk desk = desk_new();

    refuse(&desk, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 451, 20); /* "connection reset" */
    assert_int_equal(rest_of(&desk).unheard, 1);
    assert_int_equal(rest_of(&desk).unspoken, 1);
    refuse(&desk, "s@y", "a@x", 550, 10);
    refuse(&desk, "s@y", "a@x", 550, 10); /* it came again without having told anything */
    assert_int_equal(rest_of(&desk).unheard, 2);
    judge(&desk, "s@y", "a@x", 550, 10);
    assert_int_equal(all_counts(&desk).all, 1);
    desk_free(&desk);
}

static void
a_cause_waits_for_an_hour_and_is_missed_then(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;

    refuse(&desk, "s@y", "a@x", 550, 10);
    desk.now_us += CONFUSION_WAIT_US - 1;
    assert_int_equal(all_counts(&desk).all, 0);
    assert_int_equal(rest_of(&desk).open, 1);
    desk.now_us++;
    counts = all_counts(&desk);
    assert_tally(&counts, 10, 0, 1, 0);
    assert_tally(&counts, CLASS_NONE, 0, 0, 1);
    assert_int_equal(rest_of(&desk).open, 0);
    judge(&desk, "s@y", "a@x", 550, 10);
    assert_int_equal(all_counts(&desk).all, 1);
    assert_int_equal(rest_of(&desk).unspoken, 1);
    desk_free(&desk);
}

static void
an_answer_to_mail_is_heard_by_all_of_the_transaction(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;

    refuse_at(&desk, "alpha", STAGE_MAIL, "s@y", "", 451, 70);
    judge_at(&desk, STAGE_MAIL, "s@y", "a@x", 451, 70);
    judge_at(&desk, STAGE_MAIL, "s@y", "b@x", 451, 50);
    judge_at(&desk, STAGE_MAIL, "t@y", "a@x", 451, 70);
    judge_at(&desk, STAGE_MAIL, "s@y", "c@x", 552, 23); /* too large, by our own reckoning */
    counts = all_counts(&desk);
    assert_tally(&counts, 70, 1, 2, 1);
    assert_int_equal(rest_of(&desk).unspoken, 2);
    assert_int_equal(rest_of(&desk).open, 0);
    refuse_at(&desk, "alpha", STAGE_MAIL, "s@y", "", 451, 70);
    assert_int_equal(rest_of(&desk).unheard, 0); /* the one before was heard */
    assert_int_equal(rest_of(&desk).open, 1);
    desk.now_us += CONFUSION_WAIT_US;
    assert_int_equal(all_counts(&desk).of[CLASS_NONE].verdicts, 1);
    desk_free(&desk);
}

static void
words_at_the_door_are_heard_by_whoever_waits(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;

    for (int i = 0; i < 3; i++)
        refuse_at(&desk, "alpha", STAGE_CONNECT, "", "", 421, 70);
    judge_at(&desk, STAGE_BANNER, "s@y", "a@x", 421, 70);
    judge_at(&desk, STAGE_BANNER, "t@y", "b@x", 421, 20);
    judge_at(&desk, STAGE_BANNER, "t@y", "c@x", 554, 50);
    judge(&desk, "t@y", "d@x", 421, 70); /* at RCPT nobody speaks of the door */
    counts = all_counts(&desk);
    assert_tally(&counts, 70, 1, 2, 1);
    assert_int_equal(rest_of(&desk).at_door, 2);
    assert_int_equal(rest_of(&desk).unspoken, 2);
    refuse_at(&desk, "alpha", STAGE_BANNER, "", "", 421, 70);
    desk.now_us += CONFUSION_WAIT_US;
    assert_int_equal(rest_of(&desk).at_door, 3);
    assert_int_equal(all_counts(&desk).all, 2);
    desk_free(&desk);
}

/* At RCPT and at the dot the same no is told once more, as refused. */
static void
a_limit_is_one_refusal(void **state)
{
    static const struct {
        enum smtp_stage stage;
        const char *sender, *rcpt;
        bool is_counted;
    } cases[] = {
        {STAGE_MAIL, "s@y", "",    true },
        {STAGE_RCPT, "s@y", "a@x", false},
        {STAGE_DOT,  "s@y", "",    false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct desk desk = desk_new();
        struct event event = {.kind = EVENT_LIMIT_HIT,
            .stage = (uint8_t)cases[i].stage,
            .has_verdict = true,
            .class = 70};

        put_words(&desk, &event, 450);
        write_event(&desk, &event, cases[i].sender, cases[i].rcpt);
        assert_int_equal(rest_of(&desk).open, cases[i].is_counted);
        event.code = 0; /* dropped without a word */
        write_event(&desk, &event, cases[i].sender, cases[i].rcpt);
        assert_int_equal(rest_of(&desk).open, cases[i].is_counted);
        desk_free(&desk);
    }
}

static void
who_does_not_know_the_cause_judges_nobody(void **state)
{
    struct desk desk = desk_new();

    refuse(&desk, "s@y", "a@x", 550, -1);
    judge(&desk, "s@y", "a@x", 550, 10);
    assert_int_equal(all_counts(&desk).all, 0);
    assert_int_equal(rest_of(&desk).unlabelled, 1);
    assert_int_equal(rest_of(&desk).unspoken, 0);
    desk_free(&desk);
}

/* --- sent back --- */

static void
a_report_is_found_by_its_envelope(void **state)
{
    static const struct {
        const char *rcpt;
        int verdict; /* on the report that comes back; -1: none */
        int hits, missed;
        uint64_t open, unspoken;
    } cases[] = {
        {"b@x", 22, 1, 0, 1, 0},
        {"b@X", 22, 1, 0, 1, 0}, /* the case of a domain does not matter */
        {"b@x", -1, 0, 1, 1, 0}, /* not understood */
        {"",    10, 1, 0, 1, 0}, /* of nobody: the older one */
        {"c@x", 10, 0, 0, 2, 1}, /* of somebody else: which of the two? */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct desk desk = desk_new();
        struct confusion_counts counts;

        print_message("  case %zu\n", i);
        send_back(&desk, "s@y", "a@x", DSN_FAILED, 10);
        send_back(&desk, "s@y", "b@x", DSN_FAILED, 22);
        receive(&desk, "s@y", cases[i].rcpt, cases[i].verdict);
        counts = all_counts(&desk);
        assert_int_equal(counts.agreed, cases[i].hits);
        assert_int_equal(counts.of[CLASS_NONE].verdicts, cases[i].missed);
        assert_int_equal(rest_of(&desk).open, cases[i].open);
        assert_int_equal(rest_of(&desk).unspoken, cases[i].unspoken);
        desk_free(&desk);
    }
}

/* One message, one report: who else could be meant? */
static void
the_only_report_is_meant_whoever_it_names(void **state)
{
    struct desk desk = desk_new();

    send_back(&desk, "s@y", "a@x", DSN_FAILED, 10);
    receive(&desk, "s@y", "alias@elsewhere", 10);
    receive(&desk, "s@y", "a@x", 10); /* a duplicate */
    assert_int_equal(all_counts(&desk).agreed, 1);
    assert_int_equal(rest_of(&desk).unspoken, 1);
    desk_free(&desk);
}

static void
mail_that_never_comes_in_is_nobodys_mistake(void **state)
{
    struct desk desk = desk_new();

    send_back(&desk, "s@y", "a@x", DSN_FAILED, 10);
    send_back(&desk, "s@y", "b@x", DSN_DELIVERED, -1);
    assert_int_equal(rest_of(&desk).open, 1);
    desk.now_us += CONFUSION_WAIT_US;
    assert_int_equal(all_counts(&desk).all, 0);
    assert_int_equal(rest_of(&desk).unheard, 1);
    assert_int_equal(rest_of(&desk).open, 0);
    desk_free(&desk);
}

/* The kind is part of the verdict. */
static void
what_is_no_refusal_is_not_to_be_taken_for_one(void **state)
{
    static const struct {
        enum dsn_kind sent, received;
        int cause, verdict;
        uint64_t all, agreed, false_alarms, missed;
    } cases[] = {
        {DSN_DELAYED,    DSN_DELAYED,    24, 70, 0, 0, 0, 0},
        {DSN_DELAYED,    DSN_DELAYED,    24, -1, 0, 0, 0, 0},
        {DSN_DELAYED,    DSN_FAILED,     24, 24, 1, 0, 1, 0},
        {DSN_FAILED,     DSN_DELAYED,    24, 24, 1, 0, 0, 1},
        {DSN_DELIVERED,  DSN_DELIVERED,  -1, -1, 0, 0, 0, 0},
        {DSN_DELIVERED,  DSN_FAILED,     -1, 10, 1, 0, 1, 0},
        {DSN_COMPLAINT,  DSN_COMPLAINT,  -1, 51, 0, 0, 0, 0},
        {DSN_COMPLAINT,  DSN_FAILED,     -1, 51, 1, 0, 1, 0},
        {DSN_AUTO_REPLY, DSN_AUTO_REPLY, 60, 60, 1, 1, 0, 0},
        {DSN_AUTO_REPLY, DSN_FAILED,     60, 10, 1, 0, 0, 0},
        {DSN_AUTO_REPLY, DSN_OTHER,      60, -1, 1, 0, 0, 1},
        {DSN_FAILED,     DSN_FAILED,     22, 0,  1, 0, 0, 1}, /* a type, and no class */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct desk desk = desk_new();
        struct confusion_counts counts;

        print_message("  case %zu\n", i);
        send_back(&desk, "s@y", "a@x", cases[i].sent, cases[i].cause);
        receive_as(&desk, "s@y", "a@x",
            (struct event){.dsn_kind = (uint8_t)cases[i].received,
                .has_verdict = cases[i].verdict >= 0,
                .class = cases[i].verdict >= 0 ? (uint8_t)cases[i].verdict : 0});
        counts = all_counts(&desk);
        assert_int_equal(counts.all, cases[i].all);
        assert_int_equal(counts.agreed, cases[i].agreed);
        assert_int_equal(counts.of[CLASS_NONE].truths, cases[i].false_alarms);
        assert_int_equal(counts.of[CLASS_NONE].verdicts, cases[i].missed);
        assert_int_equal(rest_of(&desk).open + rest_of(&desk).unspoken, 0);
        desk_free(&desk);
    }
}

static void
a_copy_is_not_judged_again(void **state)
{
    struct desk desk = desk_new();
    const struct event copy = {
        .dsn_kind = DSN_FAILED, .outcome = OUTCOME_DUPLICATE, .has_verdict = true, .class = 10};

    send_back(&desk, "s@y", "a@x", DSN_FAILED, 10);
    receive(&desk, "s@y", "a@x", 10);
    send_back(&desk, "s@y", "a@x", DSN_FAILED, 10);
    receive_as(&desk, "s@y", "a@x", copy);
    receive_as(&desk, "s@y", "a@x", copy); /* nobody has sent that one */
    assert_int_equal(all_counts(&desk).all, 1);
    assert_int_equal(rest_of(&desk).copies, 2);
    assert_int_equal(rest_of(&desk).open, 0);
    desk_free(&desk);
}

static void
what_is_no_refusal_spoils_the_precision_of_its_verdict_only(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;
    struct ratio ratio;

    send_back(&desk, "s@y", "a@x", DSN_DELIVERED, -1);
    receive(&desk, "s@y", "a@x", -1);
    assert_int_equal(all_counts(&desk).all, 0);
    send_back(&desk, "s@y", "a@x", DSN_DELIVERED, -1);
    receive(&desk, "s@y", "a@x", 10);
    send_back(&desk, "s@y", "a@x", DSN_FAILED, 10);
    receive(&desk, "s@y", "a@x", 10);
    counts = all_counts(&desk);
    assert_true(confusion_measure(&counts, MEASURE_PRECISION, 10, &ratio));
    assert_int_equal(ratio_compare(ratio, ratio_of(1, 2)), 0);
    assert_true(confusion_measure(&counts, MEASURE_RECALL, 10, &ratio));
    assert_int_equal(ratio_compare(ratio, ratio_of(1, 1)), 0);
    desk_free(&desk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_find_their_refusal_in_any_order),
        cmocka_unit_test(every_try_counts_once),
        cmocka_unit_test(a_second_verdict_on_one_refusal_is_nobodys),
        cmocka_unit_test(what_was_not_heard_is_no_mistake),
        cmocka_unit_test(a_cause_waits_for_an_hour_and_is_missed_then),
        cmocka_unit_test(an_answer_to_mail_is_heard_by_all_of_the_transaction),
        cmocka_unit_test(words_at_the_door_are_heard_by_whoever_waits),
        cmocka_unit_test(a_limit_is_one_refusal),
        cmocka_unit_test(who_does_not_know_the_cause_judges_nobody),
        cmocka_unit_test(a_report_is_found_by_its_envelope),
        cmocka_unit_test(the_only_report_is_meant_whoever_it_names),
        cmocka_unit_test(mail_that_never_comes_in_is_nobodys_mistake),
        cmocka_unit_test(what_is_no_refusal_is_not_to_be_taken_for_one),
        cmocka_unit_test(a_copy_is_not_judged_again),
        cmocka_unit_test(what_is_no_refusal_spoils_the_precision_of_its_verdict_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
