/* test_isp.c - a provider with opinions: rules, mailboxes, and what it writes down. */
#include "tests/unit/isp_world.h"

#define HELLO   "EHLO client.test\r\n"
#define MAIL    "MAIL FROM:<a@x.test>\r\n"
#define RCPT    "RCPT TO:<b@isp.test>\r\n"
#define CONTENT "Subject: Cheap\r\n  Watches\r\nTo: b\r\n\r\nhello\r\n.\r\n"

static const struct isp_reply no = {
    true, {554, {5, 7, 1}, {"no", 2}}
};
static const struct isp_reply later = {
    true, {451, {4, 7, 1}, {"later", 5}}
};
static const struct isp_reply yes = {
    true, {250, {2, 0, 0}, {"well", 4}}
};

static void
open_with_rules(struct isp_world *w, const struct isp_rule *rules, size_t count)
{
    isp_prepare(w);
    w->config.rules = rules;
    w->config.rules_count = count;
    isp_open(w);
    peer_connect(w, 0);
}

static struct isp_rule
rule_at(enum smtp_stage stage, enum isp_action action)
{
    struct isp_rule rule = {
        .id = SLICE("the-rule"), .stage = stage, .share_ppm = PPM, .action = action};

    if (action == ACTION_REPLY || action == ACTION_CLOSE)
        rule.reply = no;
    return rule;
}

static void
what_it_accepts_stands_in_journal_ledger_and_totals(void **state)
{
    struct isp_totals totals;
    struct isp_world w;

    isp_start(&w);
    peer_connect(&w, 0);
    peer_say(&w, 0, HELLO MAIL RCPT "RCPT TO:<c@isp.test>\r\nDATA\r\n" CONTENT "QUIT\r\n");
    assert_string_equal(text_string(&w.story),
        "session  0  >\n"
        "accepted dot 250  a@x.test>b@isp.test\n"
        "accepted dot 250  a@x.test>c@isp.test\n"
        "session  0  >\n");
    assert_int_equal(w.events[0].outcome, OUTCOME_OPENED);
    assert_int_equal(w.events[3].outcome, OUTCOME_CLOSED);
    assert_int_equal(w.events[1].session, 1);
    assert_slice(journal_name_text(w.journal, w.events[1].isp), "isp");
    assert_slice(journal_name_text(w.journal, w.events[1].host), "mx1.isp.test");
    assert_slice(journal_name_text(w.journal, w.events[1].source_ip), "198.51.100.1");
    assert_int_equal(ledger_times(isp_ledger(w.isp), SLICE("a@x.test"), SLICE("c@isp.test")), 1);
    totals = isp_totals(w.isp);
    assert_int_equal(totals.connections, 1);
    assert_int_equal(totals.messages_accepted, 1);
    assert_int_equal(totals.recipients_accepted, 2);
    assert_int_equal(totals.bytes_accepted, sizeof CONTENT - 1 - 3);
    isp_stop(&w);
}

/* Where a rule may speak, what the client hears, and whether it is still connected. */
static void
a_rule_speaks_at_its_stage(void **state)
{
    static const struct {
        enum smtp_stage stage;
        enum isp_action action;
        const char *codes;
        bool is_ended, is_broken;
    } cases[] = {
        {STAGE_CONNECT, ACTION_REPLY,  "554 503 221 ",                 true,  false},
        {STAGE_BANNER,  ACTION_REPLY,  "554 503 221 ",                 true,  false},
        {STAGE_BANNER,  ACTION_CLOSE,  "554 ",                         true,  false},
        {STAGE_CONNECT, ACTION_RESET,  "",                             false, true },
        {STAGE_BANNER,  ACTION_SILENT, "",                             false, false},
        {STAGE_EHLO,    ACTION_REPLY,  "220 554 503 503 503 ",         false, false},
        {STAGE_MAIL,    ACTION_REPLY,  "220 250 554 503 503 ",         false, false},
        {STAGE_MAIL,    ACTION_CLOSE,  "220 250 554 ",                 true,  false},
        {STAGE_RCPT,    ACTION_REPLY,  "220 250 250 554 554 ",         false, false},
        {STAGE_RCPT,    ACTION_RESET,  "",                             false, true },
        {STAGE_RCPT,    ACTION_SILENT, "220 250 250 ",                 false, false},
        {STAGE_DATA,    ACTION_REPLY,  "220 250 250 250 554 ",         false, false},
        {STAGE_DATA,    ACTION_CLOSE,  "220 250 250 250 554 ",         true,  false},
        {STAGE_BODY,    ACTION_REPLY,  "220 250 250 250 354 554 221 ", true,  false},
        {STAGE_BODY,    ACTION_CLOSE,  "220 250 250 250 354 554 ",     true,  false},
        {STAGE_BODY,    ACTION_RESET,  "220 250 250 250 354 ",         false, true },
        {STAGE_DOT,     ACTION_REPLY,  "220 250 250 250 354 554 221 ", true,  false},
        {STAGE_DOT,     ACTION_CLOSE,  "220 250 250 250 354 554 ",     true,  false},
        {STAGE_DOT,     ACTION_SILENT, "220 250 250 250 354 ",         false, false},
        {STAGE_QUIT,    ACTION_REPLY,  "220 250 250 250 354 250 554 ", false, false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct isp_rule rule = rule_at(cases[i].stage, cases[i].action);
        struct text heard = {0};
        struct isp_world w;

        print_message("  row %d: %s\n", (int)i, stage_name(cases[i].stage));
        open_with_rules(&w, &rule, 1);
        text_add_slice(&heard, text_slice(&w.peers[0].heard));
        if (heard.length > 0 && heard.bytes[0] == '5' && !w.peers[0].is_ended)
            text_add_string(&heard, peer_say(&w, 0, HELLO "QUIT\r\n"));
        else if (!w.peers[0].is_ended && !w.peers[0].is_broken)
            text_add_string(&heard, peer_say(&w, 0, HELLO MAIL RCPT "DATA\r\n"));
        if (strstr(text_string(&heard), "354 ") != NULL)
            text_add_string(&heard, peer_say(&w, 0, CONTENT "QUIT\r\n"));
        if (cases[i].codes[0] != '\0')
            assert_string_equal(codes_of(text_string(&heard)), cases[i].codes);
        assert_int_equal(w.peers[0].is_ended, cases[i].is_ended);
        assert_int_equal(w.peers[0].is_broken, cases[i].is_broken);
        text_release(&heard);
        isp_stop(&w);
    }
}

static void
conditions_of_a_rule_must_all_hold(void **state)
{
    static const struct {
        const char *to, *from, *rcpt;
        bool is_meant;
    } cases[] = {
        {"",            "",         "RCPT TO:<b@isp.test>\r\n",  true },
        {"b",           "",         "RCPT TO:<b@isp.test>\r\n",  true },
        {"b*@isp.test", "*@x.test", "RCPT TO:<bb@isp.test>\r\n", true },
        {"B",           "",         "RCPT TO:<b@isp.test>\r\n",  false},
        {"b",           "<>",       "RCPT TO:<b@isp.test>\r\n",  false},
        {"c",           "a",        "RCPT TO:<b@isp.test>\r\n",  false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_rule rule = rule_at(STAGE_RCPT, ACTION_REPLY);
        struct isp_world w;

        rule.to = slice_of(cases[i].to);
        rule.from = slice_of(cases[i].from);
        open_with_rules(&w, &rule, 1);
        peer_say(&w, 0, HELLO MAIL);
        assert_string_equal(peer_codes(&w, 0, cases[i].rcpt), cases[i].is_meant ? "554 " : "250 ");
        isp_stop(&w);
    }
}

static void
a_rule_may_look_at_the_header(void **state)
{
    static const struct {
        const char *header;
        bool is_meant;
    } cases[] = {
        {"Subject: cheap watches", false}, /* unfolded it has three spaces */
        {"subject: cheap*WATCHES", true },
        {"Subject: cheap",         false},
        {"To: b",                  true },
        {"From: *",                false},
        {"hello: *",               false},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct isp_rule rule = rule_at(i % 2 == 0 ? STAGE_DOT : STAGE_BODY, ACTION_REPLY);
        struct isp_world w;

        rule.header = slice_of(cases[i / 2].header);
        print_message("  %s\n", cases[i / 2].header);
        open_with_rules(&w, &rule, 1);
        peer_say(&w, 0, HELLO MAIL RCPT "DATA\r\n");
        assert_string_equal(peer_codes(&w, 0, CONTENT), cases[i / 2].is_meant ? "554 " : "250 ");
        assert_int_equal(events_of(&w, EVENT_REFUSED), cases[i / 2].is_meant);
        isp_stop(&w);
    }
}

static void
attempts_and_age_are_those_of_the_recipient(void **state)
{
    static const struct isp_condition young = {CONDITION_AGE, IS_LESS, 45 * INT64_C(60000000)};
    struct isp_rule rules[] = {
        rule_at(STAGE_RCPT, ACTION_REPLY), rule_at(STAGE_RCPT, ACTION_REPLY)};
    struct isp_world w;

    rules[0].to = SLICE("twice");
    rules[0].attempt_min = 2;
    rules[0].attempt_max = 2;
    rules[1].to = SLICE("young*");
    rules[1].conditions = &young;
    rules[1].conditions_count = 1;
    rules[1].reply = later;
    open_with_rules(&w, rules, 2);
    peer_say(&w, 0, HELLO MAIL);
    assert_string_equal(peer_codes(&w, 0,
                            "RCPT TO:<twice@isp.test>\r\nRCPT TO:<twice@ISP.test>\r\n"
                            "RCPT TO:<twice@isp.test>\r\nRCPT TO:<young@isp.test>\r\n"),
        "250 554 250 451 ");
    peer_say(&w, 0, "QUIT\r\n");
    isp_run(&w, 45 * US_PER_MIN - 1);
    peer_connect(&w, 0);
    peer_say(&w, 0, HELLO MAIL);
    assert_string_equal(
        peer_codes(&w, 0, "RCPT TO:<young@isp.test>\r\nRCPT TO:<young-2@isp.test>\r\n"),
        "451 451 ");
    isp_pass(&w, 1);
    assert_string_equal(
        peer_codes(&w, 0, "RCPT TO:<young@isp.test>\r\nRCPT TO:<young-2@isp.test>\r\n"),
        "250 451 ");
    isp_stop(&w);
}

static size_t
count_refused_of(struct isp_world *w, int recipients, char *first)
{
    size_t refused = 0;

    for (int i = 0; i < recipients; i++) {
        char line[64];
        bool is_refused;

        snprintf(line, sizeof line, "RCPT TO:<u%d@isp.test>\r\n", i);
        is_refused = peer_codes(w, 0, line)[0] == '5';
        refused += is_refused;
        if (first != NULL)
            first[i] = is_refused;
    }
    return refused;
}

/* For a judge of an MTA that keeps no journal. Otherwise the MTA tells of its attempts itself. */
static void
every_rcpt_is_told_if_asked_for(void **state)
{
    struct isp_rule rule = rule_at(STAGE_RCPT, ACTION_REPLY);
    struct isp_world w;

    rule.to = SLICE("no");
    rule.reply.reply.code = 450;
    for (int is_asked = 0; is_asked < 2; is_asked++) {
        isp_prepare(&w);
        w.config.rules = &rule;
        w.config.rules_count = 1;
        w.tells_attempts = is_asked != 0;
        isp_open(&w);
        peer_connect(&w, 0);
        peer_say(&w, 0, "EHLO x.test\r\nMAIL FROM:<a@x.test>\r\n");
        for (int i = 0; i < 2; i++)
            peer_say(&w, 0, "RCPT TO:<no@isp.test>\r\nRCPT TO:<yes@isp.test>\r\n");
        assert_int_equal(events_of(&w, EVENT_ATTEMPT), is_asked ? 4 : 0);
        assert_int_equal(events_of(&w, EVENT_DEFERRED), is_asked ? 2 : 0);
        assert_int_equal(events_of(&w, EVENT_REFUSED), 2);
        for (size_t i = 0, seen = 0; i < w.events_count; i++) {
            static const struct {
                uint16_t attempt, code;
                enum event_outcome outcome;
            } expected[] = {
                {1, 450, OUTCOME_DEFERRED},
                {1, 0,   OUTCOME_NONE    },
                {2, 450, OUTCOME_DEFERRED},
                {2, 0,   OUTCOME_NONE    },
            };

            if (w.events[i].kind != EVENT_ATTEMPT)
                continue;
            assert_int_equal(w.events[i].attempt, expected[seen].attempt);
            assert_int_equal(w.events[i].code, expected[seen].code);
            assert_int_equal(w.events[i].outcome, expected[seen].outcome);
            seen++;
        }
        isp_stop(&w);
    }
}

static void
a_share_is_drawn_per_recipient_and_stays(void **state)
{
    enum { MANY = 1000 };
    struct isp_rule rule = rule_at(STAGE_RCPT, ACTION_REPLY);
    char first[MANY], again[MANY], more[MANY];
    struct isp_world w;
    size_t refused;

    rule.share_ppm = 100000;
    open_with_rules(&w, &rule, 1);
    peer_say(&w, 0, HELLO MAIL);
    refused = count_refused_of(&w, MANY, first);
    assert_in_range(refused, 70, 130);
    assert_int_equal(count_refused_of(&w, 0, NULL), 0);
    peer_say(&w, 0, "RSET\r\n" MAIL);
    count_refused_of(&w, MANY, again);
    assert_memory_equal(first, again, MANY);
    isp_turn(w.isp, KNOB_RULE_SHARE, 0, 300000);
    assert_int_equal(isp_knob(w.isp, KNOB_RULE_SHARE, 0), 300000);
    peer_say(&w, 0, "RSET\r\n" MAIL);
    count_refused_of(&w, MANY, more);
    for (int i = 0; i < MANY; i++)
        assert_true(more[i] >= first[i]); /* a larger share has the same ones and others */
    isp_stop(&w);
}

static void
a_rule_speaks_so_many_times_and_a_250_wins(void **state)
{
    struct isp_rule rules[] = {
        rule_at(STAGE_RCPT, ACTION_REPLY), rule_at(STAGE_RCPT, ACTION_REPLY)};
    struct isp_world w;

    rules[0].times = 2;
    rules[1].to = SLICE("*@foreign.test");
    rules[1].reply = yes;
    open_with_rules(&w, rules, 2);
    peer_say(&w, 0, HELLO MAIL);
    assert_string_equal(peer_codes(&w, 0, RCPT RCPT RCPT), "554 554 250 ");
    assert_string_equal(peer_say(&w, 0, "RCPT TO:<x@foreign.test>\r\n"), "250 2.0.0 well\r\n");
    isp_stop(&w);
}

/* Pipelined input waits meanwhile, and the replies keep their order. */
static void
a_delay_holds_up_everything_behind_it(void **state)
{
    struct isp_rule rules[] = {rule_at(STAGE_RCPT, ACTION_DELAY), rule_at(STAGE_RCPT, ACTION_DELAY),
        rule_at(STAGE_RCPT, ACTION_REPLY)};
    struct isp_world w;

    rules[0].delay_us = US_PER_S;
    rules[1].delay_us = 2 * US_PER_S;
    rules[2].delay_us = 3 * US_PER_S;
    rules[2].to = SLICE("c");
    open_with_rules(&w, rules, 3);
    peer_say(&w, 0, HELLO);
    assert_string_equal(peer_codes(&w, 0, MAIL RCPT "RCPT TO:<c@isp.test>\r\nNOOP\r\n"), "250 ");
    isp_pass(&w, 3 * US_PER_S - 1);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "250 ");
    isp_pass(&w, 1);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "250 250 ");
    isp_pass(&w, 6 * US_PER_S - 1);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "250 250 ");
    isp_pass(&w, 1);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "250 250 554 250 ");
    isp_stop(&w);
}

static void
a_tarpit_drips_its_reply(void **state)
{
    struct isp_rule rule = rule_at(STAGE_RCPT, ACTION_REPLY);
    struct isp_world w;

    rule.drip_us = US_PER_S;
    open_with_rules(&w, &rule, 1);
    peer_say(&w, 0, HELLO MAIL);
    assert_string_equal(peer_say(&w, 0, RCPT "NOOP\r\n"), "5");
    isp_pass(&w, 4 * US_PER_S);
    assert_string_equal(text_string(&w.peers[0].heard), "554 5");
    isp_pass(&w, 9 * US_PER_S);
    assert_string_equal(text_string(&w.peers[0].heard), "554 5.7.1 no\r\n250 2.0.0 ok\r\n");
    isp_stop(&w);
}

/* With the world's own patience, not with the peer's. */
static void
a_long_delay_is_not_idling(void **state)
{
    struct isp_rule rule = rule_at(STAGE_BANNER, ACTION_DELAY);
    struct isp_world w;

    rule.delay_us = US_PER_HOUR;
    open_with_rules(&w, &rule, 1);
    assert_string_equal(text_string(&w.peers[0].heard), "");
    isp_pass(&w, US_PER_HOUR);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "220 ");
    assert_string_equal(peer_codes(&w, 0, HELLO), "250 ");
    isp_stop(&w);
}

static void
a_silent_session_is_left_after_ten_minutes(void **state)
{
    struct isp_rule rule = rule_at(STAGE_MAIL, ACTION_SILENT);
    struct isp_world w;

    open_with_rules(&w, &rule, 1);
    peer_say(&w, 0, HELLO);
    for (int i = 0; i < 9; i++) {
        assert_string_equal(peer_say(&w, 0, MAIL "QUIT\r\n"), "");
        isp_pass(&w, US_PER_MIN);
    }
    assert_int_equal(isp_sessions_open(w.isp, 0), 1);
    isp_pass(&w, US_PER_MIN);
    assert_int_equal(isp_sessions_open(w.isp, 0), 0);
    assert_true(w.peers[0].is_ended);
    isp_stop(&w);
}

static void
mailboxes_have_a_hidden_truth(void **state)
{
    static const struct isp_mailbox mailboxes[] = {
        {.to = {"full-*", 6},                             .is = MAILBOX_FULL, .share_ppm = PPM,      .for_us = 60000000},
        {.to = {"gone-*", 6},                                               .is = MAILBOX_UNKNOWN,                                               .share_ppm = PPM},
        {.to = {"off-*", 5},                                               .is = MAILBOX_DISABLED,                                                .share_ppm = PPM},
        {.to = {"trap-*", 6},                                               .is = MAILBOX_TRAP,                                               .share_ppm = PPM   },
        {.to = {"own-*", 5},
         .is = MAILBOX_UNKNOWN,
         .share_ppm = PPM,
         .reply = {true, {551, {5, 1, 6}, {"moved", 5}}}},
        {.to = {"*-1", 3}, .is = MAILBOX_DISABLED,                   .share_ppm = PPM                        },
    };
    static const struct {
        const char *rcpt, *reply, *reply_later;
    } cases[] = {
        {"full-1", "452 4.2.2 mailbox full\r\n",            "250 2.1.5 recipient ok\r\n"    },
        {"gone-1", "550 5.1.1 no mailbox of that name\r\n",
         "550 5.1.1 no mailbox of that name\r\n"                                            },
        {"off-1",  "550 5.2.1 mailbox disabled\r\n",        "550 5.2.1 mailbox disabled\r\n"},
        {"trap-1", "250 2.1.5 ok\r\n",                      "250 2.1.5 ok\r\n"              },
        {"own-1",  "551 5.1.6 moved\r\n",                   "551 5.1.6 moved\r\n"           },
        {"x-1",    "550 5.2.1 mailbox disabled\r\n",        "550 5.2.1 mailbox disabled\r\n"},
        {"x",      "250 2.1.5 recipient ok\r\n",            "250 2.1.5 recipient ok\r\n"    },
    };
    struct isp_world w;

    isp_prepare(&w);
    w.config.mailboxes = mailboxes;
    w.config.mailboxes_count = COUNT_OF(mailboxes);
    isp_open(&w);
    peer_connect(&w, 0);
    peer_say(&w, 0, HELLO MAIL);
    for (int is_later = 0; is_later <= 1; is_later++) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            char line[64];

            snprintf(line, sizeof line, "RCPT TO:<%s@isp.test>\r\n", cases[i].rcpt);
            assert_string_equal(
                peer_say(&w, 0, line), is_later ? cases[i].reply_later : cases[i].reply);
        }
        isp_run(&w, US_PER_MIN);
    }
    assert_int_equal(isp_totals(w.isp).traps_hit, 2);
    assert_non_null(
        strstr(text_string(&w.story), "refused rcpt 550 mailbox a@x.test>gone-1@isp.test\n"));
    isp_stop(&w);
}

static void
who_listens_where_somebody_does_already_is_told(void **state)
{
    struct isp_world w;
    struct isp_doors doors;
    struct isp_host hosts[2];

    isp_start(&w);
    doors = (struct isp_doors){
        .loop = w.loop, .network = w.network, .journal = w.journal, .rng = &w.rng};
    hosts[0] = hosts[1] = w.host;
    w.config.hosts = hosts;
    w.config.hosts_count = 2;
    assert_null(isp_new(&w.config, &doors, &w.err));
    assert_int_equal(w.err.kind, ERROR_WORLD);
    w.config.hosts = &w.host; /* what the open one has borrowed stays as it was */
    w.config.hosts_count = 1;
    isp_stop(&w);
}

static void
the_same_seed_tells_the_same_story(void **state)
{
    uint64_t hashes[2];

    for (int i = 0; i < 2; i++) {
        struct isp_rule rules[] = {
            rule_at(STAGE_RCPT, ACTION_REPLY), rule_at(STAGE_MAIL, ACTION_REPLY)};
        struct isp_world w;

        rules[0].share_ppm = rules[1].share_ppm = 300000;
        open_with_rules(&w, rules, 2);
        peer_say(&w, 0, HELLO);
        for (int j = 0; j < 50; j++)
            peer_say(&w, 0, MAIL RCPT "RCPT TO:<c@isp.test>\r\nRSET\r\n");
        hashes[i] = journal_hash(w.journal);
        isp_stop(&w);
    }
    assert_true(hashes[0] == hashes[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_accepts_stands_in_journal_ledger_and_totals),
        cmocka_unit_test(a_rule_speaks_at_its_stage),
        cmocka_unit_test(conditions_of_a_rule_must_all_hold),
        cmocka_unit_test(a_rule_may_look_at_the_header),
        cmocka_unit_test(attempts_and_age_are_those_of_the_recipient),
        cmocka_unit_test(every_rcpt_is_told_if_asked_for),
        cmocka_unit_test(a_share_is_drawn_per_recipient_and_stays),
        cmocka_unit_test(a_rule_speaks_so_many_times_and_a_250_wins),
        cmocka_unit_test(a_delay_holds_up_everything_behind_it),
        cmocka_unit_test(a_tarpit_drips_its_reply),
        cmocka_unit_test(a_long_delay_is_not_idling),
        cmocka_unit_test(a_silent_session_is_left_after_ten_minutes),
        cmocka_unit_test(mailboxes_have_a_hidden_truth),
        cmocka_unit_test(who_listens_where_somebody_does_already_is_told),
        cmocka_unit_test(the_same_seed_tells_the_same_story),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
