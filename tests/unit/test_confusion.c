/* test_confusion.c - the MTA's verdicts meet the providers' causes, once each, and nothing is lost. */
#include "tests/unit.h"

#include "base/rng.h"
#include "scenarios/confusion.h"
#include "smtp/event.h"

static const struct isp_config isps[] = {{.name = {"alpha", 5}}, {.name = {"beta", 4}}};
static const struct scenario scenario = {.isps = isps, .isps_count = COUNT_OF(isps)};

struct desk {
    struct journal *journal;
    struct confusion *confusion;
    int64_t now_us;
};

static void
on_entry(void *arg, struct slice entry)
{
    confusion_take(arg, entry);
}

static struct desk
desk_new(void)
{
    struct desk desk = {.journal = journal_new(), .now_us = 1};

    desk.confusion = confusion_new(&scenario, desk.journal);
    journal_observe(desk.journal, on_entry, desk.confusion);
    return desk;
}

static void
desk_free(struct desk *desk)
{
    confusion_free(&desk->confusion);
    journal_free(&desk->journal);
}

/* Words, so that each code has its own. */
static void
put_words(struct desk *desk, struct event *event, uint16_t code)
{
    char text[16];

    snprintf(text, sizeof text, "words %u", (unsigned)code);
    event->code = code;
    event->text = journal_name(desk->journal, slice_of(text));
    event->host = journal_name(desk->journal, SLICE("mx1"));
}

static void
write_event(struct desk *desk, struct event *event, const char *sender, const char *rcpt)
{
    event->at_us = desk->now_us;
    event_write(desk->journal, event, slice_of(sender), slice_of(rcpt));
}

/* class -1: the provider does not know. */
static void
refuse_at(struct desk *desk, const char *isp, enum smtp_stage stage, const char *sender,
    const char *rcpt, uint16_t code, int class)
{
    struct event event = {.kind = EVENT_REFUSED,
        .stage = (uint8_t)stage,
        .isp = journal_name(desk->journal, slice_of(isp)),
        .has_verdict = class >= 0,
        .class = class >= 0 ? (uint8_t) class : 0};

    put_words(desk, &event, code);
    write_event(desk, &event, sender, rcpt);
}

static void
refuse(struct desk *desk, const char *sender, const char *rcpt, uint16_t code, int class)
{
    refuse_at(desk, "alpha", STAGE_RCPT, sender, rcpt, code, class);
}

static void
judge_at(struct desk *desk, enum smtp_stage stage, const char *sender, const char *rcpt,
    uint16_t code, uint8_t class)
{
    struct event event = {
        .kind = EVENT_ATTEMPT, .stage = (uint8_t)stage, .has_verdict = code >= 400, .class = class};

    put_words(desk, &event, code);
    write_event(desk, &event, sender, rcpt);
}

static void
judge(struct desk *desk, const char *sender, const char *rcpt, uint16_t code, uint8_t class)
{
    judge_at(desk, STAGE_RCPT, sender, rcpt, code, class);
}

static void
send_back(struct desk *desk, const char *sender, const char *rcpt, enum dsn_kind kind, int class)
{
    struct event event = {.kind = EVENT_DSN_SENT,
        .dsn_kind = (uint8_t)kind,
        .isp = journal_name(desk->journal, SLICE("beta")),
        .rule = journal_name(desk->journal, SLICE("qmail")),
        .has_verdict = class >= 0,
        .class = class >= 0 ? (uint8_t) class : 0};

    write_event(desk, &event, sender, rcpt);
}

static void
receive_as(struct desk *desk, const char *sender, const char *rcpt, struct event event)
{
    event.kind = event.dsn_kind == DSN_COMPLAINT ? EVENT_FBL_RECEIVED : EVENT_DSN_RECEIVED;
    write_event(desk, &event, sender, rcpt);
}

static void
receive(struct desk *desk, const char *sender, const char *rcpt, int class)
{
    receive_as(desk, sender, rcpt,
        (struct event){.dsn_kind = DSN_FAILED,
            .has_verdict = class >= 0,
            .class = class >= 0 ? (uint8_t) class : 0});
}

static struct confusion_counts
counts_of(struct desk *desk, int isp, const char *dialect)
{
    const struct confusion_filter filter = {.isp = isp, .dialect = slice_of(dialect)};
    struct confusion_counts counts;

    confusion_count(desk->confusion, &filter, desk->now_us, &counts);
    return counts;
}

static struct confusion_counts
all_counts(struct desk *desk)
{
    return counts_of(desk, -1, "");
}

static struct confusion_rest
rest_of(struct desk *desk)
{
    return confusion_rest(desk->confusion, desk->now_us);
}

static void
assert_tally(const struct confusion_counts *counts, int class, uint64_t hits, uint64_t truths,
    uint64_t verdicts)
{
    assert_int_equal(counts->of[class].hits, hits);
    assert_int_equal(counts->of[class].truths, truths);
    assert_int_equal(counts->of[class].verdicts, verdicts);
}

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

/* --- counters --- */

static void
measures_are_exact(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;
    struct ratio ratio;
    static const struct {
        int cause, verdict, times;
    } pairs[] = {
        {10, 10, 6},
        {10, 22, 1},
        {22, 22, 2},
        {22, 40, 1},
        {50, 10, 1}
    };
    static const struct {
        enum confusion_measure measure;
        int class;
        int64_t num, den; /* den 0: of nothing */
    } cases[] = {
        {MEASURE_PRECISION, 10, 6,                     7                  },
        {MEASURE_RECALL,    10, 6,                     7                  },
        {MEASURE_PRECISION, 22, 2,                     3                  },
        {MEASURE_RECALL,    22, 2,                     3                  },
        {MEASURE_F1,        22, 2,                     3                  },
        {MEASURE_PRECISION, 40, 0,                     1                  },
        {MEASURE_RECALL,    40, 0,                     0                  },
        {MEASURE_F1,        40, 0,                     1                  },
        {MEASURE_PRECISION, 50, 0,                     0                  },
        {MEASURE_RECALL,    50, 0,                     1                  },
        {MEASURE_F1,        51, 0,                     0                  },
        {MEASURE_AGREEMENT, 0,  8,                     11                 },
        {MEASURE_MACRO_F1,  0,  857142857 + 666666667, INT64_C(4000000000)},
    };

    counts = all_counts(&desk);
    for (int measure = MEASURE_PRECISION; measure <= MEASURE_AGREEMENT; measure++)
        assert_false(confusion_measure(&counts, (enum confusion_measure)measure, 10, &ratio));
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        for (int k = 0; k < pairs[i].times; k++) {
            refuse(&desk, "s@y", "a@x", 550, pairs[i].cause);
            judge(&desk, "s@y", "a@x", 550, (uint8_t)pairs[i].verdict);
        }
    counts = all_counts(&desk);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  case %zu\n", i);
        assert_int_equal(
            confusion_measure(&counts, cases[i].measure, (enum bounce_class)cases[i].class, &ratio),
            cases[i].den > 0);
        if (cases[i].den > 0)
            assert_int_equal(ratio_compare(ratio, ratio_of(cases[i].num, cases[i].den)), 0);
    }
    desk_free(&desk);
}

static void
filters_choose_providers_and_dialects(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts before, counts;

    refuse_at(&desk, "alpha", STAGE_RCPT, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 550, 10);
    refuse_at(&desk, "beta", STAGE_RCPT, "s@y", "b@x", 550, 10);
    judge(&desk, "s@y", "b@x", 550, 22);
    before = all_counts(&desk);
    send_back(&desk, "s@y", "b@x", DSN_FAILED, 50);
    receive(&desk, "s@y", "b@x", 50);
    assert_int_equal(counts_of(&desk, 0, "").all, 1);
    assert_int_equal(counts_of(&desk, 1, "").all, 2);
    assert_int_equal(counts_of(&desk, 1, "reply").agreed, 0);
    assert_int_equal(counts_of(&desk, -1, "reply").all, 2);
    assert_int_equal(counts_of(&desk, -1, "qm*").agreed, 1);
    assert_int_equal(counts_of(&desk, 0, "qmail").all, 0);
    counts = all_counts(&desk);
    confusion_subtract(&counts, &before);
    assert_int_equal(counts.all, 1);
    assert_tally(&counts, 50, 1, 1, 1);
    assert_tally(&counts, 10, 0, 0, 0);
    desk_free(&desk);
}

static void
too_many_at_once_give_up_the_oldest(void **state)
{
    enum { MORE = 1000 };
    struct desk desk = desk_new();
    struct confusion_counts counts;

    for (int i = 0; i < CONFUSION_OPEN_MAX + MORE; i++) {
        char sender[32];

        snprintf(sender, sizeof sender, "s%d@y", i);
        refuse(&desk, sender, "a@x", 550, 10);
        desk.now_us++;
    }
    assert_int_equal(rest_of(&desk).given_up, MORE);
    assert_int_equal(rest_of(&desk).open, CONFUSION_OPEN_MAX);
    judge(&desk, "s0@y", "a@x", 550, 10);
    judge(&desk, "s1000@y", "a@x", 550, 10);
    counts = all_counts(&desk);
    assert_tally(&counts, 10, 1, 1, 1);
    assert_int_equal(rest_of(&desk).unspoken, 1);
    desk_free(&desk);
}

/* Whatever comes in whatever order: every cause and every verdict ends in exactly one place. */
static void
nothing_is_dropped_silently(void **state)
{
    static const int classes[] = {-1, 10, 22, 50, 70};
    struct rng rng = rng_from_seed(11);

    for (int round = 0; round < 30; round++) {
        struct desk desk = desk_new();
        uint64_t causes = 0, verdicts = 0, missed;
        struct confusion_counts counts;
        struct confusion_rest rest;

        for (int i = 0; i < 3000; i++) {
            char rcpt[8], sender[8];
            int class = classes[rng_below(&rng, COUNT_OF(classes))];
            uint16_t code = rng_below(&rng, 4) == 0 ? 450 : 550;

            snprintf(sender, sizeof sender, "s%d@y", (int)rng_below(&rng, 4));
            snprintf(rcpt, sizeof rcpt, "r%d@x", (int)rng_below(&rng, 5));
            desk.now_us += (int64_t)rng_below(&rng, CONFUSION_WAIT_US / 20);
            switch (rng_below(&rng, 4)) {
            case 0:
                refuse(&desk, sender, rcpt, code, class > 0 ? class : 1);
                causes++;
                break;
            case 1:
                judge(&desk, sender, rcpt, code, class > 0 ? (uint8_t) class : 1);
                verdicts++;
                break;
            case 2:
                send_back(&desk, sender, rcpt, DSN_FAILED, class > 0 ? class : 1);
                causes++;
                break;
            case 3:
                receive(&desk, sender, rcpt, class > 0 ? class : 1);
                verdicts++;
                break;
            }
        }
        counts = all_counts(&desk);
        rest = rest_of(&desk);
        missed = counts.of[CLASS_NONE].verdicts;
        assert_int_equal(causes, counts.all + rest.unheard + rest.open);
        assert_int_equal(verdicts, counts.all - missed + rest.unspoken);
        assert_int_equal(rest.given_up + rest.unlabelled + rest.at_door, 0);
        desk_free(&desk);
    }
}

static void
the_result_has_it_all(void **state)
{
    struct desk desk = desk_new();
    struct result result = {0};
    const struct result_confusion *out = &result.confusion;

    refuse_at(&desk, "beta", STAGE_RCPT, "s@y", "a@x", 550, 22);
    judge(&desk, "s@y", "a@x", 550, 10);
    send_back(&desk, "s@y", "b@x", DSN_FAILED, 10);
    receive(&desk, "s@y", "b@x", 10);
    refuse(&desk, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 550, 10);
    refuse(&desk, "s@y", "a@x", 550, 10);
    result.virtual_us = desk.now_us;
    confusion_fill(desk.confusion, &result);
    assert_int_equal(out->cells_count, 2);
    assert_int_equal(out->cells[0].cause, 10);
    assert_int_equal(out->cells[0].count, 2);
    assert_int_equal(out->cells[1].cause, 22);
    assert_int_equal(out->cells[1].verdict, 10);
    assert_int_equal(out->classes_count, 2);
    assert_slice(out->classes[1].name, "Mailbox Full");
    assert_int_equal(out->classes[0].verdicts, 3);
    assert_int_equal(out->dialects_count, 2);
    assert_slice(out->dialects[0].name, "reply");
    assert_int_equal(out->dialects[0].agreed, 1);
    assert_slice(out->dialects[1].name, "qmail");
    assert_int_equal(out->all, 3);
    assert_int_equal(out->open, 1);
    assert_int_equal(out->macro_f1_ppb, 400000000);
    result_release(&result);
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
        cmocka_unit_test(measures_are_exact),
        cmocka_unit_test(filters_choose_providers_and_dialects),
        cmocka_unit_test(too_many_at_once_give_up_the_oldest),
        cmocka_unit_test(nothing_is_dropped_silently),
        cmocka_unit_test(the_result_has_it_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
