/* test_returned.c - mail that came back, in every dialect that we have a sample of. */
#include "tests/unit.h"

#include <dirent.h>

#include "base/mem.h"
#include "mta/inmail.h"

static const char folder[] = "tests/fixtures/returned";

static void
read_file(const char *filename, struct text *content)
{
    char block[65536];
    FILE *file = fopen(filename, "rb");

    if (file == NULL)
        fail_msg("%s is not there", filename);
    text_clear(content);
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
        text_add(content, block, got);
    fclose(file);
}

static void
read_sample(const char *name, struct text *content, struct report *report)
{
    struct text filename = {0};

    text_printf(&filename, "%s/%s.eml", folder, name);
    read_file(text_string(&filename), content);
    report_read(text_slice(content), report);
    text_release(&filename);
}

static int
no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void
add_rows(const struct inmail_rules *rules, const char *name, const struct report *report,
    struct text *rows)
{
    size_t count = report->recipients_count > 0 ? report->recipients_count : 1;

    for (size_t i = 0; i < count; i++) {
        const struct report_recipient *told =
            report->recipients_count > 0 ? &report->recipients[i] : NULL;

        text_printf(rows, "%s\t%s\t%.*s\t", name, report_kind_name(report_kind_for(report, i)),
            told != NULL ? (int)told->address.length : 0, told != NULL ? told->address.at : "");
        if (told != NULL)
            enhanced_format(rows, told->code);
        text_printf(rows, "\t%d\t%d\n", told != NULL ? told->smtp_code : 0,
            inmail_qualify(rules, report, i).verdict.class);
    }
}

/* The golden file is the claim: per mail its kind, its recipients, what was said, and the class. */
static void
every_dialect_is_read_and_qualified(void **state)
{
    struct bounce_rules *bounces = bounce_rules_new();
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct text content = {0}, filename = {0}, rows = {0};
    struct dirent **entries;
    int count = scandir(folder, &entries, no_dots, alphasort);

    assert_true(count > 60);
    text_add_string(&rows, "file\tkind\trecipient\tstatus\tsmtp_code\tclass\n");
    for (int i = 0; i < count; i++) {
        struct report report;

        text_clear(&filename);
        text_printf(&filename, "%s/%s", folder, entries[i]->d_name);
        read_file(text_string(&filename), &content);
        report_read(text_slice(&content), &report);
        add_rows(rules, entries[i]->d_name, &report, &rows);
        report_release(&report);
        free(entries[i]);
    }
    free(entries);
    assert_golden(text_slice(&rows), "tests/golden/returned.tsv");
    text_release(&content);
    text_release(&filename);
    text_release(&rows);
    inmail_rules_free(&rules);
    bounce_rules_free(&bounces);
}

static void
the_message_it_is_about_is_known(void **state)
{
    static const char *const names[] = {"dsn-failed", "dsn-in-mixed", "qmail", "exim",
        "sendmail-old", "postfix-plain", "exchange-55", "office-365", "notes", "google-text", "gmx",
        "courier", "imail", "mfilter", "kddi", "interscan", "mail-ru", "ses-bounce",
        "ses-complaint", "nested-bounce", "vacation", "arf", "jmrp", "surfcontrol", "challenge"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        bool has_none = strcmp(names[i], "surfcontrol") == 0 || strcmp(names[i], "challenge") == 0;
        struct text content = {0};
        struct report report;

        print_message("  %s\n", names[i]);
        read_sample(names[i], &content, &report);
        assert_slice(report.message_id, has_none ? "" : "m17@campaign.test");
        report_release(&report);
        text_release(&content);
    }
}

static void
its_sender_and_subject_are_known(void **state)
{
    static const char *const names[] = {
        "dsn-failed", "qmail", "exim", "kddi", "arf", "ses-bounce", "nested-bounce"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct text content = {0};
        struct report report;

        print_message("  %s\n", names[i]);
        read_sample(names[i], &content, &report);
        assert_slice(report.return_path, "b+spring-17@campaign.test");
        assert_slice(report.original_subject, "Spring has sprung");
        report_release(&report);
        text_release(&content);
    }
}

static void
a_complaint_tells_its_fields(void **state)
{
    struct text content = {0};
    struct report report;

    read_sample("arf", &content, &report);
    assert_slice(report.feedback.type, "abuse");
    assert_slice(report.feedback.user_agent, "ISP feedback/1.0");
    assert_slice(report.feedback.mail_from, "b+spring-17@campaign.test");
    assert_slice(report.feedback.rcpt, "kim@isp.test");
    assert_slice(report.feedback.source_ip, "192.0.2.1");
    assert_slice(report.host, "mx1.isp.test");
    report_release(&report);
    text_release(&content);
}

static void
each_recipient_has_what_was_said_of_it(void **state)
{
    struct text content = {0};
    struct report report;

    read_sample("qmail", &content, &report);
    assert_int_equal(report.recipients_count, 2);
    assert_slice(report.recipients[0].diagnostic, "Sorry, no mailbox here by that name. (#5.1.1)");
    assert_int_equal(enhanced_pack(report.recipients[0].code), 5001001);
    assert_slice(report.recipients[1].diagnostic, "552 5.2.2 Mailbox full");
    assert_int_equal(report.recipients[1].smtp_code, 552);
    report_release(&report);

    read_sample("sendmail-lines", &content, &report);
    assert_slice(report.recipients[0].diagnostic,
        "552-5.7.0 This message was blocked because it carries what we\n"
        "552-5.7.0 do not take: an attachment that is a program.\n"
        "552 5.7.0 Please send it another way.\n"
        "554 5.0.0 Service unavailable");
    report_release(&report);

    read_sample("dsn-several", &content, &report);
    assert_int_equal(report.recipients_count, 3);
    assert_int_equal(report_kind_for(&report, 0), REPORT_BOUNCE);
    assert_int_equal(report_kind_for(&report, 1), REPORT_DELAY);
    assert_int_equal(report_kind_for(&report, 2), REPORT_SUCCESS);
    report_release(&report);
    text_release(&content);
}

static void
the_text_for_people_ends_where_the_returned_message_begins(void **state)
{
    static const char *const names[] = {
        "qmail", "exim", "gmx", "smail", "exchange-2007", "dragonfly"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct text content = {0};
        struct report report;

        print_message("  %s\n", names[i]);
        read_sample(names[i], &content, &report);
        assert_true(report.text.length > 0 && report.text.length < REPORT_TEXT_MAX);
        assert_false(slice_contains_nocase(report.text, SLICE("sprung")));
        assert_false(slice_contains_nocase(report.text, SLICE("Received:")));
        report_release(&report);
        text_release(&content);
    }
}

/* Whatever stands in a mail: cut anywhere, it is read. */
static void
a_mail_that_was_cut_is_read(void **state)
{
    static const char *const names[] = {"office-365", "ses-bounce", "sendmail-lines", "kddi"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct text content = {0};
        struct report report;

        read_sample(names[i], &content, &report);
        report_release(&report);
        for (size_t length = 0; length < content.length; length += 7) {
            char *copy = mem_alloc(length > 0 ? length : 1); /* its end is watched */

            memcpy(copy, content.bytes, length);
            report_read((struct slice){copy, length}, &report);
            report_release(&report);
            mem_free(copy);
        }
        text_release(&content);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_is_read_and_qualified),
        cmocka_unit_test(the_message_it_is_about_is_known),
        cmocka_unit_test(its_sender_and_subject_are_known),
        cmocka_unit_test(a_complaint_tells_its_fields),
        cmocka_unit_test(each_recipient_has_what_was_said_of_it),
        cmocka_unit_test(the_text_for_people_ends_where_the_returned_message_begins),
        cmocka_unit_test(a_mail_that_was_cut_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
