/* test_aftermath.c - what comes back after a 250, and what an address may ask for. */
#include "tests/unit/aftermath_world.h"

#include "fakeisp/mailer.h"
#include "smtp/report.h"

static void
each_recipient_has_its_own_report_at_its_own_instant(void **state)
{
    struct isp_return returns[] = {failure_after(20 * US_PER_MIN), failure_after(US_PER_MIN)};
    struct isp_reports reports;
    struct report report;
    struct back b;

    prepare(&b);
    returns[0].to = SLICE("kim");
    returns[1].to = SLICE("lou");
    b.w.config.returns = returns;
    b.w.config.returns_count = 2;
    open(&b);
    peer_say(&b.w, 0,
        HELLO MAIL "RCPT TO:<kim@isp.test>\r\nRCPT TO:<lou@isp.test>\r\nRCPT "
                   "TO:<max@isp.test>\r\n" CONTENT);
    isp_pass(&b.w, US_PER_MIN - 1);
    assert_int_equal(b.server.taken_count, 0);
    isp_pass(&b.w, US_PER_S);
    assert_int_equal(b.server.taken_count, 1);
    assert_string_equal(text_string(&b.server.heard),
        "\nEHLO mx1.isp.test;\nMAIL FROM:<>;\nRCPT "
        "TO:<b+spring-1z@campaign.example>;\nDATA;\n.;\nQUIT;");
    report_read(text_slice(&b.server.content), &report);
    assert_int_equal(report.recipients_count, 1);
    assert_slice(report.recipients[0].address, "lou@isp.test");
    assert_slice(report.recipients[0].diagnostic, "552 5.2.2 mailbox full");
    assert_slice(report.message_id, "m1@campaign.example");
    report_release(&report);
    isp_pass(&b.w, 20 * US_PER_MIN);
    assert_int_equal(b.server.taken_count, 2);
    reports = isp_totals(b.w.isp).reports;
    assert_int_equal(reports.sent, 2);
    assert_int_equal(reports.taken, 2);
    assert_int_equal(reports.unsent, 0);
    assert_non_null(strstr(text_string(&b.w.story),
        "dsn.sent  0 rfc3464 b+spring-1z@campaign.example>lou@isp.test\n"));
    assert_non_null(strstr(text_string(&b.w.story),
        "dsn.sent  0 rfc3464 b+spring-1z@campaign.example>kim@isp.test\n"));
    stop(&b);
}

static void
a_bounce_is_never_bounced(void **state)
{
    struct isp_return returns[] = {failure_after(0)};
    struct back b;

    prepare(&b);
    b.w.config.returns = returns;
    b.w.config.returns_count = 1;
    open(&b);
    peer_say(&b.w, 0, HELLO "MAIL FROM:<>\r\nRCPT TO:<kim@isp.test>\r\n" CONTENT);
    isp_pass(&b.w, US_PER_DAY);
    assert_int_equal(b.server.sessions_count, 0);
    assert_int_equal(isp_totals(b.w.isp).reports.sent, 0);
    assert_int_equal(isp_totals(b.w.isp).reports.kept_back, 1);
    stop(&b);
}

static void
a_report_is_tried_again_and_not_for_ever(void **state)
{
    static const struct {
        struct script_row row;
        size_t sessions, taken;
    } cases[] = {
        {{"RCPT", "451 later\r\n", 2},        1 + 2,            1},
        {{"MAIL", "450 never now\r\n", 0},    MAILER_TRIES_MAX, 0},
        {{"RCPT", "550 5.1.1 nobody\r\n", 0}, 1,                0},
        {{"DATA", HANGS_UP, 1},               2,                1},
        {{".", RESETS, 1},                    2,                1},
        {{"", "554 no mail here\r\n", 0},     1,                0},
        {{"", "nonsense\r\n", 1},             2,                1},
        {{"EHLO", "502 what?\r\n", 0},        1,                1},
        {{"RCPT", SAYS_NOTHING, 1},           2,                1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_return returns[] = {failure_after(0)};
        struct isp_reports reports;
        struct back b;

        print_message("  %s %s\n", cases[i].row.line,
            cases[i].row.reply != NULL ? cases[i].row.reply : "nothing");
        prepare(&b);
        b.server.rows[0] = cases[i].row;
        b.w.config.returns = returns;
        b.w.config.returns_count = 1;
        open(&b);
        peer_say(&b.w, 0, HELLO MAIL "RCPT TO:<kim@isp.test>\r\n" CONTENT);
        isp_pass(&b.w, 2 * US_PER_DAY);
        assert_int_equal(b.server.sessions_count, cases[i].sessions);
        assert_int_equal(b.server.taken_count, cases[i].taken);
        reports = isp_totals(b.w.isp).reports;
        assert_int_equal(reports.sent, 1);
        assert_int_equal(reports.taken, cases[i].taken);
        assert_int_equal(reports.taken + reports.unsent, 1);
        stop(&b);
    }
}

static void
a_domain_nobody_knows_is_given_up_at_once(void **state)
{
    struct isp_return returns[] = {failure_after(0)};
    struct back b;

    prepare(&b);
    b.w.config.returns = returns;
    b.w.config.returns_count = 1;
    open(&b);
    peer_say(&b.w, 0, HELLO "MAIL FROM:<a@nowhere.test>\r\nRCPT TO:<kim@isp.test>\r\n" CONTENT);
    isp_pass(&b.w, US_PER_MIN);
    assert_int_equal(isp_totals(b.w.isp).reports.unsent, 1);
    stop(&b);
}

static void
more_reports_than_sessions_wait_for_their_turn(void **state)
{
    struct isp_return returns[] = {failure_after(US_PER_S)};
    struct back b;

    prepare(&b);
    b.w.config.returns = returns;
    b.w.config.returns_count = 1;
    b.server.rows[0] = (struct script_row){"RCPT", SAYS_NOTHING, 10}; /* these hold their place */
    open(&b);
    peer_say(&b.w, 0, HELLO MAIL);
    for (int i = 0; i < 3 * MAILER_SESSIONS_MAX; i++) {
        char line[64];

        snprintf(line, sizeof line, "RCPT TO:<u%d@isp.test>\r\n", i);
        peer_say(&b.w, 0, line);
    }
    peer_say(&b.w, 0, CONTENT);
    isp_pass(&b.w, US_PER_HOUR);
    assert_int_equal(b.server.taken_count, 3 * MAILER_SESSIONS_MAX);
    assert_true(b.server.open_max <= MAILER_SESSIONS_MAX);
    stop(&b);
}

static void
a_share_of_the_recipients_has_its_mail_returned(void **state)
{
    struct isp_return returns[] = {failure_after(US_PER_S)};
    uint64_t sent;
    struct back b;

    prepare(&b);
    returns[0].share_ppm = PPM / 4;
    b.w.config.returns = returns;
    b.w.config.returns_count = 1;
    open(&b);
    peer_say(&b.w, 0, HELLO MAIL);
    for (int i = 0; i < 400; i++) {
        char line[64];

        snprintf(line, sizeof line, "RCPT TO:<u%d@isp.test>\r\n", i);
        peer_say(&b.w, 0, line);
    }
    peer_say(&b.w, 0, CONTENT);
    isp_pass(&b.w, US_PER_HOUR);
    sent = isp_totals(b.w.isp).reports.sent;
    assert_in_range(sent, 70, 130);
    assert_int_equal(b.server.taken_count, sent);
    stop(&b);
}

/* ---- addresses that say what happens ---- */

static void
an_address_gets_the_answer_it_asks_for(void **state)
{
    static const struct {
        const char *local, *at_rcpt, *later; /* later: DATA and content */
    } cases[] = {
        {"kim",            "250 ", "354 250 "},
        {"550_5.1.1",      "550 ", "554 "    },
        {"451",            "451 ", "554 "    },
        {"full",           "452 ", "554 "    },
        {"data_552_5.3.4", "250 ", "552 "    },
        {"dot_451_4.3.0",  "250 ", "354 451 "},
        {"dot_421",        "250 ", "354 421 "},
        {"help",           "550 ", "554 "    },
        {"accept",         "250 ", "354 250 "},
        {"250_2.1.5",      "250 ", "354 250 "},
    };
    struct back b;

    start_by_address(&b);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[128];

        print_message("  %s\n", cases[i].local);
        snprintf(line, sizeof line, "RCPT TO:<%s@anything.test>\r\n", cases[i].local);
        peer_connect(&b.w, 0);
        peer_say(&b.w, 0, HELLO MAIL);
        assert_string_equal(peer_codes(&b.w, 0, line), cases[i].at_rcpt);
        assert_int_equal(
            strncmp(peer_codes(&b.w, 0, CONTENT), cases[i].later, strlen(cases[i].later)), 0);
    }
    stop(&b);
}

static void
an_address_ends_the_session_as_it_asks(void **state)
{
    struct back b;

    start_by_address(&b);
    peer_say(&b.w, 0, HELLO MAIL);
    assert_string_equal(peer_say(&b.w, 0, "RCPT TO:<close@x.test>\r\n"), "");
    assert_true(b.w.peers[0].is_ended);
    peer_connect(&b.w, 0);
    peer_say(&b.w, 0, HELLO MAIL "RCPT TO:<reset@x.test>\r\n");
    assert_true(b.w.peers[0].is_broken);
    peer_connect(&b.w, 0);
    peer_say(&b.w, 0, HELLO MAIL);
    assert_string_equal(peer_codes(&b.w, 0, "RCPT TO:<421_4.3.2@x.test>\r\n"), "421 ");
    assert_true(b.w.peers[0].is_ended);
    peer_connect(&b.w, 0);
    peer_say(&b.w, 0, HELLO MAIL);
    assert_string_equal(peer_say(&b.w, 0, "RCPT TO:<silent@x.test>\r\nNOOP\r\n"), "");
    assert_false(b.w.peers[0].is_ended);
    stop(&b);
}

static void
an_address_is_greylisted_for_as_long_as_it_says(void **state)
{
    static const char rcpt[] = "RCPT TO:<greylist_15m@x.test>\r\n";
    struct back b;

    start_by_address(&b);
    peer_say(&b.w, 0, HELLO MAIL);
    assert_string_equal(peer_codes(&b.w, 0, rcpt), "451 ");
    isp_pass(&b.w, 4 * US_PER_MIN);
    assert_string_equal(peer_codes(&b.w, 0, rcpt), "451 ");
    peer_connect(&b.w, 1);
    isp_pass(&b.w, 11 * US_PER_MIN);
    peer_connect(&b.w, 0);
    peer_say(&b.w, 0, HELLO MAIL);
    assert_string_equal(peer_codes(&b.w, 0, rcpt), "250 ");
    assert_string_equal(peer_codes(&b.w, 0, "RCPT TO:<times_2_450@x.test>\r\n"), "450 ");
    assert_string_equal(peer_codes(&b.w, 0, "RCPT TO:<times_2_450@x.test>\r\n"), "450 ");
    assert_string_equal(peer_codes(&b.w, 0, "RCPT TO:<times_2_450@x.test>\r\n"), "250 ");
    stop(&b);
}

static void
an_address_waits_and_then_goes_on(void **state)
{
    struct back b;

    start_by_address(&b);
    peer_say(&b.w, 0, HELLO MAIL);
    assert_string_equal(peer_say(&b.w, 0, "RCPT TO:<delay_5s@x.test>\r\n"), "");
    isp_pass(&b.w, 5 * US_PER_S - 1);
    assert_int_equal(b.w.peers[0].heard.length, 0);
    isp_pass(&b.w, 1);
    assert_string_equal(codes_of(text_string(&b.w.peers[0].heard)), "250 ");
    stop(&b);
}

static void
an_address_has_a_bounce_come_back(void **state)
{
    struct report report;
    struct back b;

    start_by_address(&b);
    peer_say(&b.w, 0, HELLO MAIL "RCPT TO:<dsn_20m_5.2.2@anything.test>\r\n" CONTENT);
    isp_pass(&b.w, 20 * US_PER_MIN - 1);
    assert_int_equal(b.server.taken_count, 0);
    isp_pass(&b.w, US_PER_S);
    assert_int_equal(b.server.taken_count, 1);
    report_read(text_slice(&b.server.content), &report);
    assert_slice(report.recipients[0].address, "dsn_20m_5.2.2@anything.test");
    assert_int_equal(enhanced_pack(report.recipients[0].code), 5002002);
    report_release(&report);
    stop(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recipient_has_its_own_report_at_its_own_instant),
        cmocka_unit_test(a_bounce_is_never_bounced),
        cmocka_unit_test(a_report_is_tried_again_and_not_for_ever),
        cmocka_unit_test(a_domain_nobody_knows_is_given_up_at_once),
        cmocka_unit_test(more_reports_than_sessions_wait_for_their_turn),
        cmocka_unit_test(a_share_of_the_recipients_has_its_mail_returned),
        cmocka_unit_test(an_address_gets_the_answer_it_asks_for),
        cmocka_unit_test(an_address_ends_the_session_as_it_asks),
        cmocka_unit_test(an_address_is_greylisted_for_as_long_as_it_says),
        cmocka_unit_test(an_address_waits_and_then_goes_on),
        cmocka_unit_test(an_address_has_a_bounce_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
