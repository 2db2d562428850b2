/* test_report_hostile.c - mail that was made to hurt: bounded time, bounded memory, one line for the log. */
#include "tests/unit.h"

#include <time.h>

#include "base/mem.h"
#include "smtp/report.h"

enum { SECONDS_MAX = 2, ARENA_MAX = 4 * 1048576 };

/* Reads it, under a bound of time and memory; the caller releases the report. */
static void
read_hostile(struct slice content, struct report *report)
{
    struct timespec from, to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    report_read(content, report);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    assert_true(to.tv_sec - from.tv_sec < SECONDS_MAX);
    assert_true(report->arena.total_bytes < ARENA_MAX);
    assert_true(report->text.length <= REPORT_TEXT_MAX);
    assert_true(report->recipients_count <= REPORT_RECIPIENTS_MAX);
}

static void
expect_trouble(struct text *mail, enum report_trouble trouble)
{
    struct report report;

    read_hostile(text_slice(mail), &report);
    assert_int_equal(report.trouble, trouble);
    assert_true((report_trouble_text(report.trouble)[0] != '\0') == (trouble != REPORT_FINE));
    report_release(&report);
    text_release(mail);
}

static void
parts_in_parts_end_somewhere(void **state)
{
    struct text mail = {0};

    text_add_string(&mail, "Subject: bomb\nContent-Type: multipart/mixed; boundary=b0\n\n");
    for (int i = 0; i < 10000; i++)
        text_printf(&mail, "--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n", i, i + 1);
    expect_trouble(&mail, REPORT_TOO_DEEP);
}

/* The same boundary everywhere: the innermost is meant. */
static void
one_boundary_for_all_levels_is_one_level_at_a_time(void **state)
{
    struct text mail = {0};

    text_add_string(&mail, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 10000; i++)
        text_add_string(&mail, "--b\nContent-Type: multipart/mixed; boundary=b\n\n");
    expect_trouble(&mail, REPORT_TOO_DEEP);
}

static void
parts_beside_parts_end_somewhere(void **state)
{
    struct text mail = {0};

    text_add_string(&mail, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 10000; i++)
        text_add_string(&mail, "--b\n\nx\n");
    expect_trouble(&mail, REPORT_TOO_MANY_PARTS);
}

static void
messages_in_messages_are_not_followed(void **state)
{
    struct text mail = {0};

    for (int i = 0; i < 10000; i++)
        text_add_string(&mail,
            "From: MAILER-DAEMON\nSubject: failure notice\n"
            "Content-Type: message/rfc822\n\n");
    expect_trouble(&mail, REPORT_FINE);
}

static void
a_bounce_of_a_bounce_of_a_bounce_is_followed_for_a_while(void **state)
{
    struct text mail = {0};

    for (int i = 0; i < 2000; i++)
        text_add_string(&mail,
            "From: MAILER-DAEMON@isp.test\nSubject: Undelivered Mail Returned to Sender\n\n"
            "Your message could not be delivered.\n\n--- Original message follows ---\n\n");
    expect_trouble(&mail, REPORT_FINE);
}

static void
a_body_of_100_mb_is_cut(void **state)
{
    struct text mail = {0};

    text_add_string(&mail,
        "From: mailer-daemon@isp.test\nSubject: failure notice\n\n<kim@isp.test>:\n"
        "550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\n");
    text_add_repeated(&mail, 'x', 100 * 1048576);
    expect_trouble(&mail, REPORT_TOO_LARGE);
}

static void
what_comes_before_the_cut_is_read(void **state)
{
    struct text mail = {0};
    struct report report;

    text_add_string(&mail,
        "From: mailer-daemon@isp.test\nSubject: failure notice\n\n<kim@isp.test>:\n"
        "550 5.1.1 no such user\n\n");
    text_add_repeated(&mail, '\n', 2 * REPORT_BYTES_MAX);
    read_hostile(text_slice(&mail), &report);
    assert_int_equal(report.kind, REPORT_BOUNCE);
    assert_slice(report.recipients[0].address, "kim@isp.test");
    report_release(&report);
    text_release(&mail);
}

static void
a_flood_of_fields_is_cut(void **state)
{
    struct text mail = {0};

    for (int i = 0; i < 100000; i++)
        text_printf(&mail, "X-%d: y\n", i);
    expect_trouble(&mail, REPORT_TOO_MANY_FIELDS);
}

static void
a_field_of_a_megabyte_is_a_field(void **state)
{
    static const char *const names[] = {
        "Subject", "From", "To", "Content-Type", "X-Failed-Recipients"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct text mail = {0};

        text_printf(&mail, "%s: ", names[i]);
        for (int j = 0; j < 80000; j++)
            text_add_string(&mail, "=?utf-8?q?a@b?=\n ");
        expect_trouble(&mail, mail.length > REPORT_BYTES_MAX ? REPORT_TOO_LARGE : REPORT_FINE);
    }
}

static void
a_loop_is_told(void **state)
{
    struct text mail = {0};

    for (int i = 0; i < 60; i++)
        text_printf(&mail, "Received: from a by b id %d\n", i);
    text_add_string(
        &mail, "From: mailer-daemon@isp.test\nSubject: failure notice\n\n<kim@isp.test>:\n");
    expect_trouble(&mail, REPORT_LOOP);
}

static void
a_crowd_of_recipients_is_cut(void **state)
{
    struct text mail = {0}, status = {0};

    text_add_string(&mail,
        "From: mailer-daemon@isp.test\nSubject: failure notice\n"
        "X-Failed-Recipients: ");
    for (int i = 0; i < 5000; i++)
        text_printf(&mail, "u%d@isp.test,\n ", i);
    text_add_string(&mail, "\n\nYour message could not be delivered.\n");
    expect_trouble(&mail, REPORT_TOO_MANY_RECIPIENTS);

    text_add_string(&status, "Content-Type: multipart/report; boundary=b\n\n--b\n\n");
    for (int i = 0; i < 5000; i++)
        text_printf(&status, "<u%d@isp.test>\n", i);
    text_add_string(
        &status, "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n");
    for (int i = 0; i < 5000; i++)
        text_printf(&status, "Final-Recipient: rfc822; u%d@isp.test\nAction: failed\n\n", i);
    text_add_string(&status, "--b--\n");
    expect_trouble(&status, REPORT_TOO_MANY_RECIPIENTS);
}

/* Texts that make a careless search start again at every byte. */
static void
repetition_costs_no_more_than_reading(void **state)
{
    static const char *const pieces[] = {"<", "&lt", "<!--", "<style>", "@", "a@", "a@b ",
        "<a@b>:\n", "\"", "5", "550 ", "550-5.1.1 ", "5.1.1 ", "=?", "=?utf-8?b?", "--", "--b",
        "\n--b\n ", "{\"", "{\"notificationType\":\"Bounce\",\"emailAddress\":\"", "\\",
        "could not be delivered ", "\x1b$B", "Final-Recipient: x\n\n", ";a=", "a:\n", ": ", "\r",
        "\0x", "=\n", "> "};
    static const char *const headers[] = {
        "Content-Type: text/plain\n\n",
        "Content-Type: text/html\n\n",
        "Content-Type: text/plain; charset=iso-2022-jp\n\n",
        "Content-Type: text/html; charset=utf-16\nContent-Transfer-Encoding: base64\n\n",
        "Content-Transfer-Encoding: quoted-printable\n\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
        "message/delivery-status\n\n",
        "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: "
        "message/feedback-report\n\n",
        "Subject: ",
        "Content-Type: multipart/mixed; boundary=",
    };

    for (size_t i = 0; i < COUNT_OF(headers); i++)
        for (size_t j = 0; j < COUNT_OF(pieces); j++) {
            struct text mail = {0};
            struct report report;

            text_printf(
                &mail, "From: mailer-daemon@isp.test\nSubject: failure notice\n%s", headers[i]);
            while (mail.length < 300000)
                text_add_string(&mail, pieces[j][0] != '\0' ? pieces[j] : "x");
            print_message("  %zu %zu\n", i, j);
            read_hostile(text_slice(&mail), &report);
            report_release(&report);
            text_release(&mail);
        }
}

static void
broken_encodings_are_read_as_far_as_they_go(void **state)
{
    static const char *const mails[] = {
        "Content-Transfer-Encoding: base64\n\n!!!!====AAAA%%%",
        "Content-Transfer-Encoding: base64\n\n",
        "Content-Transfer-Encoding: quoted-printable\n\n=\n=4=G=GG=3D=",
        "Content-Type: text/plain; charset=no-such-charset\n\n\xff\xfe\xfd",
        "Content-Type: text/plain; charset=\"\"\n\n\xc3\x28",
        "Content-Type: text/plain; charset=utf-16le\n\nx",
        "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B\x30",
        "Content-Type: text/plain; charset=gb2312\n\n\x81",
        "Content-Type: multipart/report; boundary=\"\n\n--\n",
        "Content-Type: multipart/report; boundary=\"\"\n\n--\n\nx\n----\n",
        "Content-Type: multipart/mixed; boundary\n\n",
        "Content-Type: /\n\n",
        "Content-Type:\n\n",
        "Subject: =?utf-8?b?=?=\n\n",
        "Subject: =?nonsense?x?y?=\n\n",
        ":\n:\n\n:",
        "\n\n\n",
        "\r\r\r",
        "From",
        "From ",
    };

    for (size_t i = 0; i < COUNT_OF(mails); i++) {
        struct report report;

        print_message("  %zu\n", i);
        read_hostile(slice_of(mails[i]), &report);
        assert_int_equal(report.kind, REPORT_NOTBOUNCE);
        report_release(&report);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_in_parts_end_somewhere),
        cmocka_unit_test(one_boundary_for_all_levels_is_one_level_at_a_time),
        cmocka_unit_test(parts_beside_parts_end_somewhere),
        cmocka_unit_test(messages_in_messages_are_not_followed),
        cmocka_unit_test(a_bounce_of_a_bounce_of_a_bounce_is_followed_for_a_while),
        cmocka_unit_test(a_body_of_100_mb_is_cut),
        cmocka_unit_test(what_comes_before_the_cut_is_read),
        cmocka_unit_test(a_flood_of_fields_is_cut),
        cmocka_unit_test(a_field_of_a_megabyte_is_a_field),
        cmocka_unit_test(a_loop_is_told),
        cmocka_unit_test(a_crowd_of_recipients_is_cut),
        cmocka_unit_test(repetition_costs_no_more_than_reading),
        cmocka_unit_test(broken_encodings_are_read_as_far_as_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
