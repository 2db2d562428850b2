/* test_report.c - reports of delivery: written as RFC 3464 has it, read whoever wrote them. */
#include "tests/unit.h"

#include "smtp/report.h"

static struct report_letter
letter_of(const struct report_recipient *recipients, size_t count)
{
    return (struct report_letter){.from = SLICE("mailer-daemon@mx1.isp.test"),
        .to = SLICE("b+spring-1z@campaign.example"),
        .host = SLICE("mx1.isp.test"),
        .id = SLICE("dsn-7"),
        .wall_us = INT64_C(1767600000000000),
        .recipients = recipients,
        .recipients_count = count,
        .returned_header =
            SLICE("From: a@campaign.example\r\nMessage-ID: <m1@campaign.example>\r\n")};
}

static void
what_is_written_is_read_back(void **state)
{
    const struct report_recipient recipients[] = {
        {.address = SLICE("kim@isp.test"),
         .action = DSN_FAILED,
         .code = {5, 2, 2},
         .diagnostic = SLICE("552 5.2.2 mailbox full")},
        { .address = SLICE("lou@isp.test"),
         .original = SLICE("louise@isp.test"),
         .action = DSN_DELAYED,
         .code = {4, 4, 1},
         .diagnostic = SLICE("")},
    };
    struct report_letter letter = letter_of(recipients, 2);
    struct text wire = {0};
    struct report report;

    report_write(&wire, &letter);
    report_read(text_slice(&wire), &report);
    assert_true(report.is_dsn);
    assert_int_equal(report.recipients_count, 2);
    assert_slice(report.host, "mx1.isp.test");
    assert_slice(report.message_id, "m1@campaign.example");
    assert_slice(report.recipients[0].address, "kim@isp.test");
    assert_slice(report.recipients[0].original, "kim@isp.test");
    assert_slice(report.recipients[0].diagnostic, "552 5.2.2 mailbox full");
    assert_int_equal(enhanced_pack(report.recipients[0].code), 5002002);
    assert_int_equal(report.recipients[0].action, DSN_FAILED);
    assert_slice(report.recipients[1].original, "louise@isp.test");
    assert_int_equal(report.recipients[1].action, DSN_DELAYED);
    report_release(&report);
    text_release(&wire);
}

static void
a_field_cannot_be_broken_out_of(void **state)
{
    const struct report_recipient recipient = {
        .address = SLICE("kim\r\nAction: delivered@isp.test"),
        .action = DSN_FAILED,
        .code = {5, 1,                                  1},
        .diagnostic = {"550 two\nlines\r\n\r\nand a group", 28},
    };
    struct report_letter letter = letter_of(&recipient, 1);
    struct text wire = {0};
    struct report report;

    report_write(&wire, &letter);
    report_read(text_slice(&wire), &report);
    assert_int_equal(report.recipients_count, 1);
    assert_int_equal(report.recipients[0].action, DSN_FAILED);
    assert_slice(report.recipients[0].address, "kim? Action: delivered@isp.test");
    report_release(&report);
    text_release(&wire);
}

static void
a_returned_header_cannot_end_the_report(void **state)
{
    const struct report_recipient recipient = {
        .address = SLICE("kim@isp.test"), .action = DSN_FAILED, .code = {5, 1, 1}
    };
    struct report_letter letter = letter_of(&recipient, 1);
    struct text wire = {0};
    struct report report;

    letter.returned_header = SLICE("Subject: x\r\n--report-dsn-7--\r\nMessage-ID: <m2@x.test>\r\n");
    report_write(&wire, &letter);
    report_read(text_slice(&wire), &report);
    assert_int_equal(report.recipients_count, 1);
    assert_slice(report.message_id, "m2@x.test");
    report_release(&report);
    text_release(&wire);
}

/* As other programs write them: the field groups are what RFC 3464 promises, the rest varies. */
static const char postfix_like[] = "From: MAILER-DAEMON@relay.test (Mail Delivery System)\n"
                                   "Subject: Undelivered Mail Returned to Sender\n"
                                   "MIME-Version: 1.0\n"
                                   "Content-Type: multipart/report; report-type=delivery-status;\n"
                                   "\tboundary=\"9B095B5ADSN=_01D1/relay.test\"\n"
                                   "\n"
                                   "This is a MIME-encapsulated message.\n"
                                   "\n"
                                   "--9B095B5ADSN=_01D1/relay.test\n"
                                   "Content-Description: Notification\n"
                                   "\n"
                                   "<kim@isp.test>: host mx.isp.test said: 550 5.1.1 no such user\n"
                                   "\n"
                                   "--9B095B5ADSN=_01D1/relay.test\n"
                                   "Content-Description: Delivery report\n"
                                   "Content-Type: message/delivery-status\n"
                                   "\n"
                                   "Reporting-MTA: dns; relay.test\n"
                                   "X-Queue-ID: 4F1\n"
                                   "\n"
                                   "Final-Recipient: rfc822; kim@isp.test\n"
                                   "Action: Failed\n"
                                   "Status: 5.1.1 (no such user)\n"
                                   "Diagnostic-Code: smtp; 550 5.1.1\n"
                                   "    no such user\n"
                                   "\n"
                                   "--9B095B5ADSN=_01D1/relay.test\n"
                                   "Content-Type: message/rfc822\n"
                                   "\n"
                                   "Message-ID: <orig@campaign.example>\n"
                                   "Subject: hello\n"
                                   "\n"
                                   "text\n"
                                   "--9B095B5ADSN=_01D1/relay.test--\n";

static const char base64_status[] =
    "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\n"
    "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "UmVwb3J0aW5nLU1UQTogZG5zOyBoLnRlc3QKCkZpbmFsLVJlY2lwaWVudDogcmZjODIyOzxraW1A\r\n"
    "aXNwLnRlc3Q+CkFjdGlvbjogZGVsYXllZApTdGF0dXM6IDQuMi4yCg==\r\n--b--\r\n";

static const char opensmtpd_like[] =
    "From: Mailer Daemon <MAILER-DAEMON@mx.test>\r\n"
    "Content-Type: multipart/mixed;boundary=\"17/mx.test\"\r\n\r\n--17/mx.test\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n\r\nsorry\r\n--17/mx.test\r\n"
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
    "Final-Recipient: rfc822; kim@isp.test\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n"
    "--17/mx.test\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m3@x.test>\r\n\r\n"
    "--17/mx.test--\r\n";

static void
reports_of_other_programs_are_read(void **state)
{
    static const struct {
        struct slice content;
        const char *host, *message_id, *diagnostic;
        enum dsn_kind action;
        uint32_t code;
    } cases[] = {
        {{postfix_like, sizeof postfix_like - 1},     "relay.test", "orig@campaign.example",
         "550 5.1.1 no such user",                                                               DSN_FAILED,  5001001},
        {{base64_status, sizeof base64_status - 1},   "h.test",     "",                      "", DSN_DELAYED, 4002002},
        {{opensmtpd_like, sizeof opensmtpd_like - 1}, "mx.test",    "m3@x.test",             "", DSN_FAILED,
         5000000                                                                                                     },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct report report;

        report_read(cases[i].content, &report);
        assert_true(report.is_dsn);
        assert_int_equal(report.recipients_count, 1);
        assert_slice(report.host, cases[i].host);
        assert_slice(report.message_id, cases[i].message_id);
        assert_slice(report.recipients[0].address, "kim@isp.test");
        assert_slice(report.recipients[0].diagnostic, cases[i].diagnostic);
        assert_int_equal(report.recipients[0].action, cases[i].action);
        assert_int_equal(enhanced_pack(report.recipients[0].code), cases[i].code);
        report_release(&report);
    }
}

static void
what_is_no_report_is_said_to_be_none(void **state)
{
    static const char *const others[] = {
        "",
        "\r\n",
        "Subject: out of office\r\n\r\nback on Monday\r\n",
        "Content-Type: multipart/report; boundary=x\r\n\r\nno part at all\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n--b--\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m@x.test>\r\n--b--\r\n",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\n"
        "spam\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: "
        "abuse\r\n--b--\r\n",
    };

    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct report report;

        print_message("  %.40s\n", others[i]);
        report_read(slice_of(others[i]), &report);
        assert_false(report.is_dsn);
        assert_int_equal(report.recipients_count, 0);
        assert_slice(report.message_id, "");
        report_release(&report);
    }
}

static void
feedback_is_a_complaint_unless_it_says_otherwise(void **state)
{
    static const struct {
        const char *type;
        bool is_complaint;
    } cases[] = {
        {"abuse",        true },
        {"fraud",        true },
        {"",             true },
        {"not-spam",     false},
        {"Not-Spam",     false},
        {"auth-failure", false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text content = {0};
        struct report report;

        text_printf(&content,
            "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n"
            "\r\nhello\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n"
            "Feedback-Type: %s\r\nOriginal-Rcpt-To: kim@isp.test\r\n--b--\r\n",
            cases[i].type);
        report_read(text_slice(&content), &report);
        assert_int_equal(report.kind, REPORT_FBL);
        assert_int_equal(report_complains(&report), cases[i].is_complaint);
        report_release(&report);
        text_release(&content);
    }
}

static void
more_recipients_than_anybody_needs_are_cut(void **state)
{
    struct text content = {0};
    struct report report;

    text_add_string(&content,
        "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; h.test\r\n\r\n");
    for (int i = 0; i < REPORT_RECIPIENTS_MAX + 5; i++)
        text_printf(&content, "Final-Recipient: rfc822;u%d@isp.test\r\nAction: failed\r\n\r\n", i);
    text_add_string(&content, "--b--\r\n");
    report_read(text_slice(&content), &report);
    assert_int_equal(report.recipients_count, REPORT_RECIPIENTS_MAX);
    report_release(&report);
    text_release(&content);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_field_cannot_be_broken_out_of),
        cmocka_unit_test(a_returned_header_cannot_end_the_report),
        cmocka_unit_test(reports_of_other_programs_are_read),
        cmocka_unit_test(what_is_no_report_is_said_to_be_none),
        cmocka_unit_test(feedback_is_a_complaint_unless_it_says_otherwise),
        cmocka_unit_test(more_recipients_than_anybody_needs_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
