/* test_inbound.c - mail that comes back is taken, read and told. */
#include "tests/unit/isp_world.h"

#include "mta/inbound.h"

#define HELLO       "EHLO mx1.isp.test\r\n"
#define NULL_SENDER "MAIL FROM:<>\r\n"
#define RETURN_PATH "RCPT TO:<b+spring-1z@campaign.example>\r\n"
#define REPORT                                                                                     \
    "DATA\r\nSubject: sorry\r\nContent-Type: multipart/report; "                                   \
    "boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n"                                                       \
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx1.isp.test\r\n\r\n" \
    "Final-Recipient: rfc822; kim@isp.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"                 \
    "Diagnostic-Code: smtp; 550 nobody\r\n\r\n"                                                    \
    "Original-Recipient: rfc822; lou@isp.test\r\nFinal-Recipient: rfc822; l@other.test\r\n"        \
    "Action: delayed\r\nStatus: 4.4.1\r\n\r\n--b--\r\n.\r\n"

struct returns {
    struct isp_world w;
    struct mta_config config;
    struct mta_doors doors;
    struct slice domain;
    struct inbound *inbound;
};

static void
start(struct returns *r)
{
    *r = (struct returns){.domain = SLICE("campaign.example")};
    isp_prepare(&r->w);
    r->config = mta_config_default();
    r->config.inbound = r->w.address;
    r->config.return_domains = &r->domain;
    r->config.return_domains_count = 1;
    r->config.size_max = 100000;
    r->doors = (struct mta_doors){
        .loop = r->w.loop, .network = r->w.network, .journal = r->w.journal, .rng = &r->w.rng};
    r->inbound = inbound_new(&r->config, &r->doors, &r->w.err);
    assert_non_null(r->inbound);
    peer_connect(&r->w, 0);
}

static void
stop(struct returns *r)
{
    inbound_free(&r->inbound);
    isp_stop(&r->w);
}

static void
a_report_is_told_recipient_by_recipient(void **state)
{
    const struct event *events;
    struct returns r;

    start(&r);
    assert_string_equal(
        peer_codes(&r.w, 0, HELLO NULL_SENDER RETURN_PATH REPORT), "250 250 250 354 250 ");
    assert_string_equal(text_string(&r.w.story),
        "dsn.received  0  b+spring-1z@campaign.example>kim@isp.test\n"
        "dsn.received  0  b+spring-1z@campaign.example>lou@isp.test\n");
    events = r.w.events;
    assert_int_equal(events[0].dsn_kind, DSN_FAILED);
    assert_int_equal(events[0].enhanced, 5001001);
    assert_slice(journal_name_text(r.w.journal, events[0].text), "550 nobody");
    assert_slice(journal_name_text(r.w.journal, events[0].host), "mx1.isp.test");
    assert_int_equal(events[1].dsn_kind, DSN_DELAYED);
    assert_int_equal(events[1].enhanced, 4004001);
    assert_int_equal(inbound_reports_count(r.inbound), 1);
    stop(&r);
}

static void
what_is_no_report_is_taken_and_counted(void **state)
{
    struct returns r;

    start(&r);
    assert_string_equal(peer_codes(&r.w, 0,
                            HELLO "MAIL FROM:<kim@isp.test>\r\n" RETURN_PATH
                                  "DATA\r\nSubject: out of office\r\n\r\nlater\r\n.\r\n"),
        "250 250 250 354 250 ");
    assert_string_equal(
        text_string(&r.w.story), "dsn.received  0  b+spring-1z@campaign.example>\n");
    assert_int_equal(r.w.events[0].dsn_kind, DSN_OTHER);
    assert_int_equal(inbound_others_count(r.inbound), 1);
    assert_int_equal(inbound_reports_count(r.inbound), 0);
    stop(&r);
}

static void
only_return_paths_and_the_postmaster_are_known(void **state)
{
    struct returns r;

    start(&r);
    peer_say(&r.w, 0, HELLO NULL_SENDER);
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<kim@isp.test>\r\n"), "550 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<>\r\n"), "501 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<b@sub.campaign.example>\r\n"), "550 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<postmaster>\r\n"), "250 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<B+X-1@Campaign.EXAMPLE>\r\n"), "250 ");
    stop(&r);
}

static void
what_submission_offers_is_not_offered_here(void **state)
{
    struct returns r;

    start(&r);
    assert_null(strstr(peer_say(&r.w, 0, HELLO), "DELIVERBY"));
    assert_string_equal(peer_codes(&r.w, 0, "MAIL FROM:<> BY=60;R\r\n"), "555 ");
    stop(&r);
}

static void
one_message_may_come_back_after_the_other(void **state)
{
    struct returns r;

    start(&r);
    peer_say(&r.w, 0, HELLO);
    for (int i = 0; i < 30; i++)
        assert_string_equal(
            peer_codes(&r.w, 0, NULL_SENDER RETURN_PATH REPORT), "250 250 354 250 ");
    assert_int_equal(inbound_reports_count(r.inbound), 30);
    stop(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_told_recipient_by_recipient),
        cmocka_unit_test(what_is_no_report_is_taken_and_counted),
        cmocka_unit_test(only_return_paths_and_the_postmaster_are_known),
        cmocka_unit_test(what_submission_offers_is_not_offered_here),
        cmocka_unit_test(one_message_may_come_back_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
