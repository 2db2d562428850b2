/* test_event.c - what goes into the journal comes out of it, and can be read as JSON. */
#include "tests/unit.h"

#include "smtp/event.h"

static void
keep_entry(void *arg, struct slice entry)
{
    struct text *kept = arg;

    text_clear(kept);
    text_add_slice(kept, entry);
}

struct fixture {
    struct journal *journal;
    struct text entry; /* the last one */
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    fixture.journal = journal_new();
    journal_observe(fixture.journal, keep_entry, &fixture.entry);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    journal_free(&fixture->journal);
    text_release(&fixture->entry);
    return 0;
}

static void
an_event_is_read_as_it_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct event written = {.at_us = 7, .kind = EVENT_ATTEMPT, .code = 550, .attempt = 3}, read;
    struct slice sender, rcpt;

    event_write(fixture->journal, &written, SLICE("kim@a.test"), SLICE("lee@isp.test"));
    assert_int_equal(fixture->entry.length, 64 + 10 + 12);
    event_read(text_slice(&fixture->entry), &read, &sender, &rcpt);
    assert_memory_equal(&read, &written, sizeof(read));
    assert_slice(sender, "kim@a.test");
    assert_slice(rcpt, "lee@isp.test");
}

static void
an_event_may_be_about_no_mail(void **state)
{
    struct fixture *fixture = *state;
    struct event written = {.at_us = 7, .kind = EVENT_TIMELINE}, read;
    struct slice sender, rcpt;

    event_write(fixture->journal, &written, SLICE(""), (struct slice){0});
    assert_int_equal(fixture->entry.length, 64);
    event_read(text_slice(&fixture->entry), &read, &sender, &rcpt);
    assert_slice(sender, "");
    assert_slice(rcpt, "");
}

static void
what_is_longer_than_an_address_is_cut(void **state)
{
    struct fixture *fixture = *state;
    struct event event = {.at_us = 7, .kind = EVENT_REFUSED};
    struct slice sender, rcpt;
    struct text longer = {0};

    text_add_repeated(&longer, 'x', EVENT_ADDRESS_MAX + 1);
    event_write(fixture->journal, &event, text_slice(&longer), text_slice(&longer));
    event_read(text_slice(&fixture->entry), &event, &sender, &rcpt);
    assert_int_equal(sender.length, EVENT_ADDRESS_MAX);
    assert_int_equal(rcpt.length, EVENT_ADDRESS_MAX);
    text_release(&longer);
}

static void
assert_json(struct fixture *fixture, struct event *event, const char *rcpt, const char *expected)
{
    struct text json = {0};

    event_write(
        fixture->journal, event, rcpt[0] != '\0' ? SLICE("kim@a.test") : SLICE(""), slice_of(rcpt));
    event_to_json(&json, fixture->journal, text_slice(&fixture->entry));
    assert_slice(text_slice(&json), expected);
    text_release(&json);
}

static void
a_full_event_has_its_keys_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct journal *journal = fixture->journal;
    struct event event = {.at_us = 1200000000,
        .kind = EVENT_BOUNCE_HARD,
        .stage = STAGE_RCPT,
        .class = CLASS_INVALID_RECIPIENT,
        .reason = REASON_USER_UNKNOWN,
        .type = TYPE_HARD,
        .outcome = OUTCOME_FAILED,
        .dsn_kind = DSN_FAILED,
        .has_verdict = 1,
        .code = 550,
        .attempt = 2,
        .enhanced = enhanced_pack((struct enhanced_code){5, 1, 1}),
        .delivery = journal_name(journal, SLICE("news")),
        .row = 0,
        .isp = journal_name(journal, SLICE("bigmail")),
        .host = journal_name(journal, SLICE("mx1")),
        .source_ip = journal_name(journal, SLICE("10.0.0.1")),
        .session = 9,
        .text = journal_name(journal, SLICE("no \"such\" user")),
        .rule = journal_name(journal, SLICE("unknown")),
        .limit = journal_name(journal, SLICE("hourly"))};

    assert_json(fixture, &event, "lee@isp.test",
        "{\"at_us\":1200000000,\"event\":\"bounce.hard\",\"delivery\":\"news\",\"row\":0,"
        "\"sender\":\"kim@a.test\",\"rcpt\":\"lee@isp.test\",\"isp\":\"bigmail\",\"host\":\"mx1\","
        "\"source_ip\":\"10.0.0.1\",\"session\":9,\"attempt\":2,\"stage\":\"rcpt\",\"code\":550,"
        "\"enhanced\":\"5.1.1\",\"text\":\"no \\\"such\\\" user\",\"class\":10,"
        "\"reason\":\"user_unknown\",\"type\":\"hard\",\"kind\":\"failed\",\"outcome\":\"failed\","
        "\"rule\":\"unknown\",\"limit\":\"hourly\"}");
}

static void
absent_fields_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    struct event tick = {.at_us = 0, .kind = EVENT_TIMELINE, .outcome = OUTCOME_OPENED};
    struct event whole = {.at_us = 1,
        .kind = EVENT_DELIVERY,
        .row = 5,
        .delivery = journal_name(fixture->journal, SLICE("news"))};
    struct event fine = {
        .at_us = 2, .kind = EVENT_DELIVERED, .reason = REASON_NONE, .has_verdict = 1};

    assert_json(fixture, &tick, "", "{\"at_us\":0,\"event\":\"timeline\",\"outcome\":\"opened\"}");
    assert_json(fixture, &whole, "", "{\"at_us\":1,\"event\":\"delivery\",\"delivery\":\"news\"}");
    assert_json(fixture, &fine, "x@y.test",
        "{\"at_us\":2,\"event\":\"delivered\",\"sender\":\"kim@a.test\",\"rcpt\":\"x@y.test\","
        "\"class\":0,\"reason\":\"none\",\"type\":\"none\"}");
}

static void
names_lead_back_to_what_they_name(void **state)
{
    enum event_kind kind;

    for (int i = EVENT_SUBMITTED; i < EVENT_KINDS_COUNT; i++) {
        assert_true(event_kind_from_name(slice_of(event_kind_name((enum event_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(event_kind_from_name(SLICE(""), &kind));
    assert_false(event_kind_from_name(SLICE("bounce"), &kind));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_may_be_about_no_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_longer_than_an_address_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_event_has_its_keys_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_fields_are_left_out, set_up, tear_down),
        cmocka_unit_test(names_lead_back_to_what_they_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
