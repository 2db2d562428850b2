/* test_aftermath_styles.c - in which dialect, when, how often and to whom mail comes back. */
#include "tests/unit/aftermath_world.h"

#include "fakeisp/dialect.h"
#include "smtp/report.h"

#define LETTER                                                                            \
    "DATA\r\nMessage-ID: <m1@campaign.example>\r\nFrom: News <news@campaign.example>\r\n" \
    "Subject: x\r\n\r\nhello\r\n.\r\n"

enum { RETURNS_MAX = 4 };

struct styled {
    struct back b;
    struct arena arena;
    struct dialects dialects;
    struct isp_return returns[RETURNS_MAX];
};

static void
prepare_styled(struct styled *s)
{
    struct error err;

    s->arena = (struct arena){0};
    prepare(&s->b);
    if (!dialects_read_all(&s->dialects, &s->arena, &err))
        fail_msg("%s", err.text);
    s->b.w.config.returns = s->returns;
    s->b.w.config.returns_count = 1;
    s->b.w.config.dialects = &s->dialects;
    s->returns[0] = failure_after(US_PER_MIN);
}

static void
choose(struct styled *s, struct isp_return *what, enum dialect_kind kind, const char *style)
{
    what->dialects_count = dialects_find(&s->dialects, kind, slice_of(style),
        kind == DIALECT_BOUNCE ? what->action : DSN_NONE, &what->dialects, &s->arena);
    assert_true(what->dialects_count > 0);
}

static void
stop_styled(struct styled *s)
{
    stop(&s->b);
    arena_release(&s->arena);
}

static void
send_to(struct styled *s, int count)
{
    peer_say(&s->b.w, 0, HELLO MAIL);
    for (int i = 0; i < count; i++) {
        char line[64];

        snprintf(line, sizeof line, "RCPT TO:<u%d@isp.test>\r\n", i);
        peer_say(&s->b.w, 0, line);
    }
    peer_say(&s->b.w, 0, LETTER);
}

/* How many letters in which dialect, as the journal has it. */
static size_t
dialects_seen(const struct isp_world *w, size_t *letters_count)
{
    uint32_t seen[EVENTS_MAX];
    size_t count = 0;

    *letters_count = 0;
    for (size_t i = 0; i < w->events_count && i < EVENTS_MAX; i++) {
        bool is_new = w->events[i].kind == EVENT_DSN_SENT;

        *letters_count += is_new;
        for (size_t j = 0; j < count; j++)
            is_new &= seen[j] != w->events[i].rule;
        if (is_new)
            seen[count++] = w->events[i].rule;
    }
    return count;
}

static const struct event *
nth_sent(const struct isp_world *w, size_t n)
{
    for (size_t i = 0; i < w->events_count && i < EVENTS_MAX; i++)
        if (w->events[i].kind == EVENT_DSN_SENT && n-- == 0)
            return &w->events[i];
    fail_msg("so many were not sent");
    return NULL;
}

static void
any_style_is_drawn_per_recipient_and_from_the_seed(void **state)
{
    struct text stories[2] = {{0}, {0}};

    for (int i = 0; i < 2; i++) {
        struct styled s;
        size_t letters_count;

        prepare_styled(&s);
        choose(&s, &s.returns[0], DIALECT_BOUNCE, "any");
        open(&s.b);
        send_to(&s, 100);
        isp_pass(&s.b.w, US_PER_DAY);
        assert_in_range(dialects_seen(&s.b.w, &letters_count), 30, 60);
        assert_int_equal(letters_count, 100);
        assert_int_equal(s.b.server.taken_count, 100);
        text_add_slice(&stories[i], text_slice(&s.b.w.story));
        text_add_slice(&stories[i], text_slice(&s.b.server.content));
        stop_styled(&s);
    }
    assert_true(slice_equals(text_slice(&stories[0]), text_slice(&stories[1])));
    text_release(&stories[0]);
    text_release(&stories[1]);
}

static void
a_range_of_time_is_drawn_per_recipient(void **state)
{
    int64_t first_us = INT64_MAX, last_us = 0;
    struct styled s;

    prepare_styled(&s);
    s.returns[0].after_us = US_PER_HOUR;
    s.returns[0].after_us_max = 3 * US_PER_HOUR;
    open(&s.b);
    send_to(&s, 50);
    isp_pass(&s.b.w, US_PER_DAY);
    for (size_t i = 0; i < 50; i++) {
        int64_t at_us = nth_sent(&s.b.w, i)->at_us;

        first_us = at_us < first_us ? at_us : first_us;
        last_us = at_us > last_us ? at_us : last_us;
    }
    assert_in_range(first_us, US_PER_HOUR, US_PER_HOUR + 20 * US_PER_MIN);
    assert_in_range(last_us, 3 * US_PER_HOUR - 20 * US_PER_MIN, 3 * US_PER_HOUR + US_PER_MIN);
    stop_styled(&s);
}

/* Two letters of one entry are about the same recipients, whatever comes between. */
static void
an_entry_has_one_share(void **state)
{
    uint64_t recipients[2] = {0};
    struct styled s;

    prepare_styled(&s);
    s.returns[0].share_ppm = PPM / 2;
    s.returns[1] = s.returns[0];
    s.returns[1].action = DSN_DELAYED;
    s.returns[1].code.class = 4;
    s.returns[1].after_us = US_PER_S;
    s.b.w.config.returns_count = 2;
    open(&s.b);
    send_to(&s, 60);
    isp_pass(&s.b.w, US_PER_DAY);
    for (size_t i = 0; i < s.b.w.events_count; i++)
        if (s.b.w.events[i].kind == EVENT_DSN_SENT)
            recipients[s.b.w.events[i].dsn_kind == DSN_FAILED]++;
    assert_in_range(recipients[0], 15, 45);
    assert_int_equal(recipients[0], recipients[1]);
    stop_styled(&s);
}

static void
the_same_report_comes_as_often_as_it_is_told(void **state)
{
    struct report report;
    struct text first = {0};
    struct styled s;

    prepare_styled(&s);
    s.returns[0].copies = 3;
    s.returns[0].copies_every_us = US_PER_HOUR;
    choose(&s, &s.returns[0], DIALECT_BOUNCE, "postfix");
    open(&s.b);
    send_to(&s, 1);
    isp_pass(&s.b.w, US_PER_MIN + US_PER_S);
    assert_int_equal(s.b.server.taken_count, 1);
    text_add_slice(&first, text_slice(&s.b.server.content));
    isp_pass(&s.b.w, US_PER_DAY);
    assert_int_equal(s.b.server.taken_count, 3);
    assert_int_equal(isp_totals(s.b.w.isp).reports.sent, 3);
    assert_int_equal(nth_sent(&s.b.w, 2)->at_us - nth_sent(&s.b.w, 0)->at_us, 2 * US_PER_HOUR);
    assert_true(slice_ends_with_nocase(text_slice(&s.b.server.content), text_slice(&first)));
    report_read(text_slice(&first), &report);
    assert_slice(report.recipients[0].address, "u0@isp.test");
    report_release(&report);
    text_release(&first);
    stop_styled(&s);
}

static void
a_letter_is_sent_where_its_kind_and_path_say(void **state)
{
    static const struct {
        enum isp_return_kind kind;
        enum dialect_kind dialect;
        const char *style;
        enum isp_return_path path;
        const char *mail, *rcpt, *rule;
        enum bounce_class class;
    } cases[] = {
        {RETURN_REPORT,     DIALECT_BOUNCE,     "qmail",     RETURN_TO_FORGED, "<>",
         "<b+spring-10@campaign.example>",                                                                                 "qmail",                CLASS_MAILBOX_FULL      },
        {RETURN_REPORT,     DIALECT_BOUNCE,     "exim",      RETURN_TO_FROM,   "<>",            "<news@campaign.example>",
         "exim",                                                                                                                                   CLASS_MAILBOX_FULL      },
        {RETURN_AUTO_REPLY, DIALECT_AUTO_REPLY, "german",    RETURN_TO_SENDER, "<>",
         "<b+spring-1z@campaign.example>",                                                                                 "auto_reply/german",    CLASS_AUTO_REPLY        },
        {RETURN_AUTO_REPLY, DIALECT_AUTO_REPLY, "unmarked",  RETURN_TO_SENDER, "<u0@isp.test>",
         "<b+spring-1z@campaign.example>",                                                                                 "auto_reply/unmarked",  CLASS_AUTO_REPLY        },
        {RETURN_AUTO_REPLY, DIALECT_AUTO_REPLY, "challenge", RETURN_TO_SENDER, "<u0@isp.test>",
         "<b+spring-1z@campaign.example>",                                                                                 "auto_reply/challenge", CLASS_CHALLENGE_RESPONSE},
        {RETURN_COMPLAINT,  DIALECT_COMPLAINT,  "arf",       RETURN_TO_SENDER, "<>",
         "<fbl@campaign.example>",                                                                                         "complaint/arf",        CLASS_NONE              },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text heard = {0};
        struct styled s;

        print_message("  %s\n", cases[i].rule);
        prepare_styled(&s);
        s.returns[0].kind = cases[i].kind;
        s.returns[0].path = cases[i].path;
        if (cases[i].kind != RETURN_REPORT)
            s.returns[0].action = DSN_OTHER;
        choose(&s, &s.returns[0], cases[i].dialect, cases[i].style);
        open(&s.b);
        send_to(&s, 1);
        isp_pass(&s.b.w, US_PER_HOUR);
        assert_int_equal(s.b.server.taken_count, 1);
        text_printf(&heard, "MAIL FROM:%s;\nRCPT TO:%s;", cases[i].mail, cases[i].rcpt);
        assert_non_null(strstr(text_string(&s.b.server.heard), text_string(&heard)));
        assert_slice(journal_name_text(s.b.w.journal, nth_sent(&s.b.w, 0)->rule), cases[i].rule);
        assert_int_equal(nth_sent(&s.b.w, 0)->class, cases[i].class);
        assert_int_equal(nth_sent(&s.b.w, 0)->has_verdict, cases[i].class != CLASS_NONE);
        text_release(&heard);
        stop_styled(&s);
    }
}

/* RFC 3834 2: who answers a null sender makes loops. */
static void
nobody_answers_the_null_sender(void **state)
{
    struct styled s;

    prepare_styled(&s);
    s.b.w.config.returns_count = 2;
    s.returns[0].kind = RETURN_AUTO_REPLY;
    choose(&s, &s.returns[0], DIALECT_AUTO_REPLY, "english");
    s.returns[1] = s.returns[0];
    s.returns[1].kind = RETURN_COMPLAINT;
    choose(&s, &s.returns[1], DIALECT_COMPLAINT, "arf");
    open(&s.b);
    peer_say(&s.b.w, 0, HELLO "MAIL FROM:<>\r\nRCPT TO:<kim@isp.test>\r\n" LETTER);
    isp_pass(&s.b.w, US_PER_DAY);
    assert_int_equal(s.b.server.sessions_count, 0);
    assert_int_equal(isp_totals(s.b.w.isp).reports.kept_back, 2);
    stop_styled(&s);
}

static void
a_complaint_without_an_address_is_counted(void **state)
{
    struct styled s;

    prepare_styled(&s);
    s.returns[0].kind = RETURN_COMPLAINT;
    choose(&s, &s.returns[0], DIALECT_COMPLAINT, "arf");
    open(&s.b);
    peer_say(&s.b.w, 0, HELLO MAIL "RCPT TO:<kim@isp.test>\r\n" CONTENT);
    isp_pass(&s.b.w, US_PER_DAY);
    assert_int_equal(s.b.server.sessions_count, 0);
    assert_int_equal(isp_totals(s.b.w.isp).reports.unsent, 1);
    stop_styled(&s);
}

/* An alias leads somewhere else, and only there is it known that nobody lives there. */
static void
a_forwarded_recipient_is_named_by_its_last_address(void **state)
{
    static const char *const styles[] = {"rfc3464", "postfix", "exchange-2016"};

    for (size_t i = 0; i < COUNT_OF(styles); i++) {
        struct report report;
        struct styled s;

        prepare_styled(&s);
        s.returns[0].forwarded_to = SLICE("old@elsewhere.test");
        choose(&s, &s.returns[0], DIALECT_BOUNCE, styles[i]);
        open(&s.b);
        send_to(&s, 1);
        isp_pass(&s.b.w, US_PER_HOUR);
        report_read(text_slice(&s.b.server.content), &report);
        assert_slice(report.recipients[0].address, "old@elsewhere.test");
        assert_slice(report.recipients[0].original, "u0@isp.test");
        report_release(&report);
        stop_styled(&s);
    }
}

static void
an_address_chooses_its_dialect(void **state)
{
    static const struct {
        const char *rcpt, *rule;
        bool comes;
    } cases[] = {
        {"dsn_1m_qmail@x.test",        "qmail",             true },
        {"delayed_1m_sendmail@x.test", "sendmail",          true },
        {"delayed_1m_qmail@x.test",    "",                  false}, /* it does not report delays */
        {"dsn_1m_nonsense@x.test",     "",                  false},
        {"dsn_1m@x.test",              "rfc3464",           true },
        {"reply_1m_french@x.test",     "auto_reply/french", true },
        {"complaint_1m_jmrp@x.test",   "complaint/jmrp",    true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[128];
        struct styled s;

        print_message("  %s\n", cases[i].rcpt);
        prepare_styled(&s);
        s.b.w.config.returns_count = 0;
        s.b.w.config.is_by_address = true;
        open(&s.b);
        snprintf(line, sizeof line, "RCPT TO:<%s>\r\n", cases[i].rcpt);
        peer_say(&s.b.w, 0, HELLO MAIL);
        peer_say(&s.b.w, 0, line);
        peer_say(&s.b.w, 0, LETTER);
        isp_pass(&s.b.w, US_PER_HOUR);
        assert_int_equal(s.b.server.taken_count, cases[i].comes);
        if (cases[i].comes)
            assert_slice(
                journal_name_text(s.b.w.journal, nth_sent(&s.b.w, 0)->rule), cases[i].rule);
        stop_styled(&s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_style_is_drawn_per_recipient_and_from_the_seed),
        cmocka_unit_test(a_range_of_time_is_drawn_per_recipient),
        cmocka_unit_test(an_entry_has_one_share),
        cmocka_unit_test(the_same_report_comes_as_often_as_it_is_told),
        cmocka_unit_test(a_letter_is_sent_where_its_kind_and_path_say),
        cmocka_unit_test(nobody_answers_the_null_sender),
        cmocka_unit_test(a_complaint_without_an_address_is_counted),
        cmocka_unit_test(a_forwarded_recipient_is_named_by_its_last_address),
        cmocka_unit_test(an_address_chooses_its_dialect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
