/* test_limit_rungs.c - shares, stages, and what becomes of who keeps knocking. */
#include "tests/unit/isp_world.h"

#include "fakeisp/policy.h"

#define HELLO "EHLO client.test\r\n"
#define MAIL  "MAIL FROM:<a@x.test>\r\n"
#define RCPT  "RCPT TO:<b@isp.test>\r\n"
#define GONE  "RCPT TO:<gone@isp.test>\r\n"
#define SEND  MAIL RCPT "DATA\r\nSubject: x\r\n\r\n.\r\n"

/* clang-format off */
#define REPLY(code, class, text) {true, {code, {class, 7, 0}, {text, sizeof(text) - 1}}}
/* clang-format on */

static struct isp_limit
limit_of(enum limit_count count, uint64_t max, int64_t window_us)
{
    return (struct isp_limit){.id = SLICE("pace"),
        .count = count,
        .per = LIMIT_PER_SOURCE_IP,
        .max = max,
        .window = WINDOW_SLIDING,
        .window_us = window_us,
        .over = REPLY(421, 4, "too fast")};
}

static void
open_with(struct isp_world *w, const struct isp_limit *limit, const struct isp_mailbox *mailbox)
{
    isp_prepare(w);
    w->config.limits = limit;
    w->config.limits_count = 1;
    w->config.mailboxes = mailbox;
    w->config.mailboxes_count = mailbox != NULL;
    isp_open(w);
    peer_connect(w, 0);
    peer_say(w, 0, HELLO);
}

static int
door_says(struct isp_world *w, size_t peer)
{
    peer_connect(w, peer);
    return w->peers[peer].heard.length < 3 ? 0 : atoi(text_string(&w->peers[peer].heard));
}

/* ---- where it answers ---- */

static void
a_limit_may_answer_later_than_usual(void **state)
{
    static const struct {
        enum smtp_stage stage;
        const char *codes;
    } cases[] = {
        {STAGE_NONE, "250 250 354 250 421 503 503 "},
        {STAGE_MAIL, "250 250 354 250 421 503 503 "},
        {STAGE_RCPT, "250 250 354 250 250 421 554 "},
        {STAGE_DATA, "250 250 354 250 250 250 421 "},
        {STAGE_DOT,  "250 250 354 250 250 250 354 "},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_limit limit = limit_of(LIMIT_MESSAGES, 1, US_PER_HOUR);
        struct isp_world w;

        limit.stage = cases[i].stage;
        open_with(&w, &limit, NULL);
        print_message("  %s\n", stage_name(cases[i].stage));
        assert_string_equal(peer_codes(&w, 0, SEND MAIL RCPT "DATA\r\n"), cases[i].codes);
        if (cases[i].stage == STAGE_DOT)
            assert_string_equal(peer_codes(&w, 0, ".\r\n"), "421 ");
        isp_stop(&w);
    }
}

/* Whoever used up his messages is not let in; who is in is told at MAIL. */
static void
a_limit_may_answer_earlier_than_it_counts(void **state)
{
    static const enum smtp_stage stages[] = {STAGE_CONNECT, STAGE_BANNER};

    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        struct isp_limit limit = limit_of(LIMIT_MESSAGES, 1, US_PER_HOUR);
        struct isp_world w;

        limit.stage = stages[i];
        open_with(&w, &limit, NULL);
        assert_string_equal(peer_codes(&w, 0, SEND MAIL), "250 250 354 250 421 ");
        assert_int_equal(door_says(&w, 1), 421);
        assert_true(w.peers[1].is_ended);
        isp_run(&w, US_PER_HOUR);
        assert_int_equal(door_says(&w, 1), 220);
        isp_stop(&w);
    }
}

static void
over_the_limit_a_session_may_be_cut_or_never_answered(void **state)
{
    struct isp_limit limit = limit_of(LIMIT_CONNECTIONS, 1, US_PER_HOUR);
    struct isp_world w;

    limit.then = THEN_RESET;
    open_with(&w, &limit, NULL);
    assert_int_equal(door_says(&w, 1), 0);
    assert_true(w.peers[1].is_broken);
    isp_stop(&w);

    limit.then = THEN_SILENT;
    open_with(&w, &limit, NULL);
    assert_int_equal(door_says(&w, 1), 0);
    isp_pass(&w, US_PER_MIN);
    assert_false(w.peers[1].is_broken || w.peers[1].is_ended);
    assert_string_equal(peer_say(&w, 1, HELLO), "");
    assert_int_equal(isp_sessions_open(w.isp, 0), 1);
    isp_stop(&w);
}

/* ---- shares ---- */

static const struct isp_mailbox gone = {
    .to = {"gone", 4},
      .is = MAILBOX_UNKNOWN, .share_ppm = PPM
};

static void
too_large_a_share_of_unknown_users_stops_everybody(void **state)
{
    struct isp_limit limit = limit_of(LIMIT_UNKNOWN_USERS, 0, US_PER_HOUR);
    struct isp_world w;

    limit.share = ratio_of(1, 4);
    limit.share_of_min = 4;
    open_with(&w, &limit, &gone);
    /* one of one, of two, of three: too few to judge; one of four is a quarter and no more */
    assert_string_equal(peer_codes(&w, 0, MAIL GONE RCPT RCPT RCPT), "250 550 250 250 250 ");
    assert_string_equal(peer_codes(&w, 0, GONE RCPT GONE), "421 421 421 "); /* two of five */
    isp_pass(&w, US_PER_HOUR - 1);
    peer_connect(&w, 0);
    assert_string_equal(peer_codes(&w, 0, HELLO MAIL RCPT), "250 250 421 ");
    isp_pass(&w, 1);
    assert_string_equal(peer_codes(&w, 0, RCPT GONE), "250 550 ");
    isp_turn(w.isp, KNOB_LIMIT_SHARE, 0, 500000);
    assert_int_equal(isp_knob(w.isp, KNOB_LIMIT_SHARE, 0), 500000);
    assert_string_equal(peer_codes(&w, 0, RCPT GONE GONE RCPT), "250 550 421 421 ");
    isp_stop(&w);
}

static void
unknown_users_may_shut_the_door_before_they_are_named(void **state)
{
    struct isp_limit limit = limit_of(LIMIT_UNKNOWN_USERS, 2, US_PER_HOUR);
    struct isp_world w;

    limit.stage = STAGE_MAIL;
    open_with(&w, &limit, &gone);
    assert_string_equal(peer_codes(&w, 0, MAIL GONE RCPT GONE RCPT "RSET\r\n" MAIL),
        "250 550 250 550 250 250 421 ");
    isp_stop(&w);
}

static void
recipients_may_be_of_so_many_domains_only(void **state)
{
    static const struct slice domains[] = {
        {"one.test",   8 },
        {"two.test",   8 },
        {"three.test", 10}
    };
    struct isp_limit limit = limit_of(LIMIT_DOMAINS_PER_TRANSACTION, 2, 0);
    struct isp_world w;

    limit.window = WINDOW_NONE;
    isp_prepare(&w);
    w.config.domains = domains;
    w.config.domains_count = COUNT_OF(domains);
    w.config.limits = &limit;
    w.config.limits_count = 1;
    isp_open(&w);
    peer_connect(&w, 0);
    assert_string_equal(
        peer_codes(&w, 0,
            HELLO MAIL "RCPT TO:<a@one.test>\r\nRCPT TO:<b@ONE.test>\r\nRCPT TO:<a@two.test>\r\n"
                       "RCPT TO:<a@three.test>\r\nRCPT TO:<c@one.test>\r\n"),
        "250 250 250 250 250 421 250 ");
    isp_stop(&w);
}

/* From its first MAIL until it ends, whatever it says later, and not before. */
static void
a_session_takes_a_place_of_its_senders_domain(void **state)
{
    struct isp_limit limit = limit_of(LIMIT_CONNECTIONS_OPEN, 2, 0);
    struct isp_world w;

    limit.window = WINDOW_NONE;
    limit.per = LIMIT_PER_SENDER_DOMAIN;
    limit.then = THEN_KEEP;
    open_with(&w, &limit, NULL);
    for (size_t i = 1; i < 4; i++)
        peer_connect_from(&w, i, "203.0.113.9");
    assert_string_equal(peer_codes(&w, 0, MAIL "RSET\r\n" MAIL "RSET\r\n"), "250 250 250 250 ");
    assert_string_equal(peer_codes(&w, 0, "MAIL FROM:<a@y.test>\r\nRSET\r\n"), "250 250 ");
    assert_string_equal(peer_codes(&w, 1, HELLO MAIL), "250 250 ");
    assert_string_equal(peer_codes(&w, 2, HELLO MAIL MAIL), "250 421 421 ");
    assert_string_equal(
        peer_codes(&w, 2, "MAIL FROM:<a@Y.test>\r\n"), "250 "); /* others have places */
    assert_string_equal(peer_codes(&w, 3, HELLO MAIL), "250 421 ");
    peer_say(&w, 2, "QUIT\r\n");
    assert_string_equal(peer_codes(&w, 3, MAIL), "421 ");
    peer_say(&w, 0, "QUIT\r\n");
    assert_string_equal(peer_codes(&w, 3, MAIL), "250 ");
    peer_say(&w, 1, "QUIT\r\n");
    peer_say(&w, 3, "QUIT\r\n");
    for (size_t i = 0; i < 3; i++) { /* all places have come back, and no more than there were */
        peer_connect(&w, i);
        assert_string_equal(peer_codes(&w, i, HELLO MAIL), i < 2 ? "250 250 " : "250 421 ");
    }
    isp_stop(&w);
}

/* RFC 9422: what is told is what is enforced, also when it changes. */
static void
limits_are_told_as_they_are_enforced(void **state)
{
    static const struct {
        enum limit_count count;
        uint64_t max;
    } cases[] = {
        {LIMIT_MESSAGES_PER_CONNECTION,    20},
        {LIMIT_MESSAGES_PER_CONNECTION,    5 },
        {LIMIT_RECIPIENTS_PER_TRANSACTION, 3 },
        {LIMIT_DOMAINS_PER_TRANSACTION,    1 },
    };
    struct isp_limit limits[COUNT_OF(cases)];
    struct isp_world w;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        limits[i] = limit_of(cases[i].count, cases[i].max, 0);
        limits[i].window = WINDOW_NONE;
    }
    isp_prepare(&w);
    w.host.is_telling_limits = true;
    isp_open(&w);
    peer_connect(&w, 0);
    assert_non_null(strstr(peer_say(&w, 0, HELLO), "250 LIMITS RCPTMAX=1000\r\n"));
    isp_stop(&w);

    isp_prepare(&w);
    w.host.is_telling_limits = true;
    w.config.limits = limits;
    w.config.limits_count = COUNT_OF(limits);
    isp_open(&w);
    peer_connect(&w, 0);
    assert_non_null(
        strstr(peer_say(&w, 0, HELLO), "250 LIMITS MAILMAX=5 RCPTMAX=3 RCPTDOMAINMAX=1\r\n"));
    assert_string_equal(peer_codes(&w, 0, MAIL RCPT RCPT RCPT RCPT), "250 250 250 250 421 ");
    isp_turn(w.isp, KNOB_LIMIT_MAX, 1, 7);
    isp_turn(w.isp, KNOB_LIMIT_MAX, 2, 0); /* an outage is no limit to be told */
    assert_non_null(strstr(peer_say(&w, 0, HELLO), "250 LIMITS MAILMAX=7 RCPTDOMAINMAX=1\r\n"));
    isp_stop(&w);

    isp_prepare(&w);
    w.config.limits = limits;
    w.config.limits_count = COUNT_OF(limits);
    isp_open(&w);
    peer_connect(&w, 0);
    assert_null(strstr(peer_say(&w, 0, HELLO), "LIMITS"));
    isp_stop(&w);
}

/* ---- rungs ---- */

static const struct isp_rung rungs[] = {
    {.id = {"penalised", 9},
     .after = 3,
     .within_us = US_PER_MIN,
     .over = REPLY(451,                4, "penalised"),
     .hold_us = 10 * US_PER_MIN,
     .scale_ppm = PPM / 2},
    { .id = {"blocked", 7},
     .after = 3,
     .within_us = US_PER_HOUR,
     .over = REPLY(550, 5,                  "blocked"),
     .then = THEN_CLOSE,
     .stage = STAGE_CONNECT,
     .hold_us = US_PER_HOUR,
     .scale_ppm = PPM / 4},
};

static struct isp_limit
laddered(void)
{
    struct isp_limit limit = limit_of(LIMIT_MESSAGES, 4, US_PER_MIN);

    limit.rungs = rungs;
    limit.rungs_count = COUNT_OF(rungs);
    limit.decay_us = US_PER_DAY;
    return limit;
}

static const char *
try_mail(struct isp_world *w, int64_t at_us)
{
    isp_run(w, at_us);
    if (w->peers[0].is_ended) { /* idle for too long */
        peer_connect(w, 0);
        peer_say(w, 0, HELLO);
    }
    peer_say(w, 0, "RSET\r\n");
    return peer_codes(w, 0, MAIL);
}

static size_t
hits(const struct isp_world *w, enum event_outcome outcome)
{
    size_t count = 0;

    for (size_t i = 0; i < w->events_count && i < EVENTS_MAX; i++)
        count += w->events[i].kind == EVENT_LIMIT_HIT && w->events[i].outcome == outcome;
    return count;
}

static void
who_hammers_climbs(void **state)
{
    const struct isp_limit limit = laddered();
    struct isp_world w;

    open_with(&w, &limit, NULL);
    for (int i = 0; i < 4; i++)
        assert_string_equal(try_mail(&w, 0), "250 ");
    assert_string_equal(try_mail(&w, 0), "421 ");
    assert_string_equal(try_mail(&w, 1), "421 ");
    assert_int_equal(hits(&w, OUTCOME_NONE), 2);
    assert_string_equal(try_mail(&w, 2), "451 "); /* the third in a minute: penalised */
    assert_int_equal(hits(&w, OUTCOME_ESCALATED), 1);
    assert_non_null(strstr(text_string(&w.story), "limit.hit mail 451 penalised a@x.test>\n"));
    assert_string_equal(try_mail(&w, 10 * US_PER_MIN + 1), "451 "); /* still shut, and for longer */
    assert_int_equal(hits(&w, OUTCOME_HELD), 1);
    /* Then half of four are let through, … */
    assert_string_equal(try_mail(&w, 20 * US_PER_MIN + 1), "250 ");
    assert_string_equal(try_mail(&w, 20 * US_PER_MIN + 1), "250 ");
    assert_string_equal(try_mail(&w, 20 * US_PER_MIN + 1), "451 ");
    assert_int_equal(hits(&w, OUTCOME_SHUT), 1);
    /* … and the third refusal in an hour is one too many: blocked, from the banner on. */
    assert_string_equal(try_mail(&w, 20 * US_PER_MIN + 2), "550 ");
    assert_true(w.peers[0].is_ended);
    assert_int_equal(hits(&w, OUTCOME_ESCALATED), 2);
    assert_int_equal(door_says(&w, 0), 550);
    isp_run(&w, 3 * US_PER_HOUR);
    assert_int_equal(door_says(&w, 0), 220);
    peer_say(&w, 0, HELLO);
    assert_string_equal(try_mail(&w, 3 * US_PER_HOUR), "250 "); /* a quarter of four */
    assert_string_equal(try_mail(&w, 3 * US_PER_HOUR), "550 ");
    isp_stop(&w);
}

/* A day without a refusal is a rung; it begins when the hold is over. */
static void
rungs_decay_one_by_one(void **state)
{
    static const struct {
        int64_t rest_us;
        const char *codes; /* of up to five messages */
    } cases[] = {
        {US_PER_HOUR,                  "250 550 "            }, /* and the session is over */
        {US_PER_HOUR + US_PER_DAY - 1, "250 550 "            },
        {US_PER_HOUR + US_PER_DAY,     "250 250 451 451 550 "},
        {US_PER_HOUR + 2 * US_PER_DAY, "250 250 250 250 421 "},
        {US_PER_HOUR + 9 * US_PER_DAY, "250 250 250 250 421 "},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct isp_limit limit = laddered();
        struct text codes = {0};
        struct isp_world w;

        open_with(&w, &limit, NULL);
        for (int j = 0; j < 10; j++) /* four pass, and the sixth refusal blocks */
            try_mail(&w, j);
        assert_int_equal(hits(&w, OUTCOME_ESCALATED), 2);
        print_message("  after %d min\n", (int)(cases[i].rest_us / US_PER_MIN));
        isp_run(&w, 9 + cases[i].rest_us);
        peer_connect(&w, 0);
        peer_say(&w, 0, HELLO);
        for (int j = 0; j < 5 && !w.peers[0].is_ended; j++)
            text_add_string(&codes, try_mail(&w, loop_now_us(w.loop)));
        assert_string_equal(text_string(&codes), cases[i].codes);
        text_release(&codes);
        isp_stop(&w);
    }
}

/* Refusals that come slowly are no hammering. */
static void
a_probe_now_and_then_is_forgiven(void **state)
{
    struct isp_limit limit = laddered();
    struct isp_world w;

    limit.max = 0;
    open_with(&w, &limit, NULL);
    for (int i = 0; i < 20; i++)
        assert_string_equal(try_mail(&w, i * (US_PER_MIN / 2)), "421 ");
    assert_int_equal(hits(&w, OUTCOME_ESCALATED), 0);
    isp_stop(&w);
}

static struct answer
ask(struct policies *policies, uint32_t source, int64_t now_us)
{
    struct envelope envelope = {0};
    struct visit visit = {.source.family = 4};
    struct question question = {
        .stage = STAGE_MAIL, .visit = &visit, .envelope = &envelope, .now_us = now_us};

    memcpy(visit.source.bytes, &source, sizeof source);
    return policies_ask(policies, &question);
}

/* A look whether the door is open may find it shut; who keeps knocking until it is shut for as long as
 * it gets has made it worse, once per hold. */
static void
knocking_makes_a_hold_as_long_as_it_gets(void **state)
{
    static const struct {
        int64_t at_s;
        enum event_outcome outcome;
    } cases[] = {
        {0,   OUTCOME_SHUT    }, /* 10 s */
        {9,   OUTCOME_HELD    }, /* 40 s, which is the longest: but it was a look */
        {48,  OUTCOME_HARDENED},
        {87,  OUTCOME_HELD    }, /* until 127 */
        {127, OUTCOME_SHUT    },
        {130, OUTCOME_HELD    },
        {171, OUTCOME_SHUT    },
        {172, OUTCOME_HELD    },
        {173, OUTCOME_HARDENED},
    };
    struct isp_limit limit = limit_of(LIMIT_MESSAGES, 0, US_PER_S);
    struct isp_config config = {.limits = &limit, .limits_count = 1};
    struct journal *journal = journal_new();
    struct rng rng = rng_from_seed(1);
    struct policies *policies;

    limit.hold_us = 10 * US_PER_S;
    limit.hold_factor = ratio_of(4, 1);
    limit.hold_us_max = 40 * US_PER_S;
    policies = policies_new(&config, journal, &rng, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  at %d s\n", (int)cases[i].at_s);
        assert_int_equal(ask(policies, 1, cases[i].at_s * US_PER_S).outcome, cases[i].outcome);
    }
    policies_free(&policies);
    journal_free(&journal);
}

/* Who knocks within a second does not know yet that the door is shut; who does later knows. */
static void
what_was_on_its_way_when_the_door_was_shut_is_no_knock(void **state)
{
    static const struct {
        int64_t knock_us, open_us; /* one knock, and the first instant at which the door is open */
    } cases[] = {
        {1,            10 * (int64_t)US_PER_S           },
        {US_PER_S - 1, 10 * (int64_t)US_PER_S           },
        {US_PER_S,     (1 + 40) * (int64_t)US_PER_S     },
        {US_PER_S + 1, (1 + 40) * (int64_t)US_PER_S + 1 },
        {9999999,      (10 + 40) * (int64_t)US_PER_S - 1},
    };
    struct isp_limit limit = limit_of(LIMIT_MESSAGES, 0, US_PER_S);
    struct isp_config config = {.limits = &limit, .limits_count = 1};

    limit.hold_us = 10 * US_PER_S;
    limit.hold_factor = ratio_of(4, 1);
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct journal *journal = journal_new();
        struct rng rng = rng_from_seed(1);
        struct policies *policies = policies_new(&config, journal, &rng, 0);
        int64_t open_us = cases[i / 2].open_us;
        bool is_over = i % 2 == 1;

        print_message("  knock at %d us, again at %d us\n", (int)cases[i / 2].knock_us,
            (int)(is_over ? open_us : open_us - 1));
        assert_int_equal(ask(policies, 1, 0).outcome, OUTCOME_SHUT);
        assert_int_equal(ask(policies, 1, cases[i / 2].knock_us).outcome, OUTCOME_HELD);
        assert_int_equal(ask(policies, 1, is_over ? open_us : open_us - 1).outcome,
            is_over ? OUTCOME_SHUT : OUTCOME_HELD);
        policies_free(&policies);
        journal_free(&journal);
    }
}

/* A network of strangers does not grow the memory for ever; who is on a rung is remembered. */
static void
idle_senders_are_forgotten_and_others_are_not(void **state)
{
    const struct isp_limit limit = laddered();
    const struct isp_config config = {.limits = &limit, .limits_count = 1};
    struct journal *journal = journal_new();
    struct rng rng = rng_from_seed(1);
    struct policies *policies = policies_new(&config, journal, &rng, 0);
    uint32_t others = (1U << 20) + 100;

    for (int i = 0; i < 7; i++)
        ask(policies, 0, 0);
    for (uint32_t i = 1; i < others; i++)
        assert_int_equal(ask(policies, i, 100 * (int64_t)i).kind, ANSWER_NONE);
    assert_int_equal(ask(policies, 0, 100 * (int64_t)others).outcome, OUTCOME_HELD);
    policies_free(&policies);
    journal_free(&journal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_may_answer_later_than_usual),
        cmocka_unit_test(a_limit_may_answer_earlier_than_it_counts),
        cmocka_unit_test(over_the_limit_a_session_may_be_cut_or_never_answered),
        cmocka_unit_test(too_large_a_share_of_unknown_users_stops_everybody),
        cmocka_unit_test(unknown_users_may_shut_the_door_before_they_are_named),
        cmocka_unit_test(recipients_may_be_of_so_many_domains_only),
        cmocka_unit_test(a_session_takes_a_place_of_its_senders_domain),
        cmocka_unit_test(limits_are_told_as_they_are_enforced),
        cmocka_unit_test(who_hammers_climbs),
        cmocka_unit_test(rungs_decay_one_by_one),
        cmocka_unit_test(a_probe_now_and_then_is_forgiven),
        cmocka_unit_test(knocking_makes_a_hold_as_long_as_it_gets),
        cmocka_unit_test(what_was_on_its_way_when_the_door_was_shut_is_no_knock),
        cmocka_unit_test(idle_senders_are_forgotten_and_others_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
