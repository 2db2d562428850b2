/* test_limit.c - limits with memory: windows against a plain model, then what a sender sees. */
#include "tests/unit/isp_world.h"

#include "fakeisp/window.h"

#define HELLO "EHLO client.test\r\n"
#define MAIL  "MAIL FROM:<a@x.test>\r\n"
#define RCPT  "RCPT TO:<b@isp.test>\r\n"

/* ---- windows ---- */

__extension__ typedef __int128 int128;

enum { TRIES_MAX = 4000 };

struct history { /* everything that was let through, never forgotten: slow and hard to get wrong */
    int64_t at_us[TRIES_MAX];
    uint64_t amount[TRIES_MAX];
    size_t count;
};

static uint64_t
sum_since(const struct history *history, int64_t from_us)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < history->count; i++)
        if (history->at_us[i] >= from_us)
            sum += history->amount[i];
    return sum;
}

static bool
model_has_room(
    const struct history *history, const struct window *window, int64_t now_us, uint64_t amount)
{
    int64_t from_us = window->kind == WINDOW_SLIDING
        ? now_us - window->length_us + 1
        : now_us - (now_us + window->clock_us) % window->length_us;

    return sum_since(history, from_us) + amount <= window->max;
}

static void
windows_agree_with_a_plain_model(void **state)
{
    static const struct window windows[] = {
        {WINDOW_SLIDING, 1000,  1,   0, 0               },
        {WINDOW_SLIDING, 1000,  7,   0, 0               },
        {WINDOW_SLIDING, 50,    100, 0, 0               },
        {WINDOW_SLIDING, 1,     3,   0, 0               },
        {WINDOW_FIXED,   1000,  1,   0, 0               },
        {WINDOW_FIXED,   777,   10,  0, 0               },
        {WINDOW_FIXED,   1,     2,   0, 0               },
        {WINDOW_CLOCK,   1000,  3,   0, 0               },
        {WINDOW_CLOCK,   1000,  3,   0, 1767600000000777},
        {WINDOW_CLOCK,   50,    9,   0, 49              },
        {WINDOW_SLIDING, 30000, 0,   0, 0               },
    };
    static struct history history;

    for (size_t i = 0; i < COUNT_OF(windows); i++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            struct rng rng = rng_from_seed(seed);
            struct tally tally = {0};
            int64_t now_us = 0;

            history.count = 0;
            for (int try = 0; try < TRIES_MAX; try++) {
                uint64_t amount = 1 + rng_below(&rng, seed + 1);
                bool has_room = tally_has_room(&tally, &windows[i], now_us, amount);

                assert_int_equal(has_room, model_has_room(&history, &windows[i], now_us, amount));
                if (has_room) {
                    tally_take(&tally, &windows[i], now_us, amount);
                    history.at_us[history.count] = now_us;
                    history.amount[history.count++] = amount;
                }
                now_us += (int64_t)rng_below(&rng, seed % 2 == 0 ? 30 : 900);
            }
            tally_release(&tally);
        }
}

/* Whole hours of the wall clock; and a window that opens with the first that is let through. */
static void
a_row_of_windows_stands_where_it_should(void **state)
{
    static const struct window clock = {WINDOW_CLOCK, 3600, 1, 0, 1700};
    static const struct window first = {WINDOW_FIRST, 3600, 1, 0, 0};
    static const struct window fixed = {WINDOW_FIXED, 3600, 1, 0, 1700};
    static const struct {
        int64_t at_us;
        bool clock, first, fixed;
    } cases[] = {
        {100,   true,  true,  true },
        {1899,  false, false, false},
        {1900,  true,  false, false},
        {3599,  false, false, false},
        {3600,  false, false, true },
        {3699,  false, false, false},
        {3700,  false, true,  false},
        {5500,  true,  false, false},
        {7299,  false, false, true },
        {7300,  false, true,  false},
        {20000, true,  true,  true },
    };
    struct tally tallies[3] = {0};
    const struct window *windows[] = {&clock, &first, &fixed};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const bool expected[] = {cases[i].clock, cases[i].first, cases[i].fixed};

        print_message("  at %d\n", (int)cases[i].at_us);
        for (size_t j = 0; j < COUNT_OF(windows); j++) {
            bool has_room = tally_has_room(&tallies[j], windows[j], cases[i].at_us, 1);

            assert_int_equal(has_room, expected[j]);
            if (has_room)
                tally_take(&tallies[j], windows[j], cases[i].at_us, 1);
        }
    }
}

/* In no stretch of time does more pass than a full bucket and what drips in meanwhile. */
static void
a_bucket_never_lets_more_through_than_burst_and_rate(void **state)
{
    static const struct window windows[] = {
        {WINDOW_BUCKET, US_PER_S, 20,  100, 0},
        {WINDOW_BUCKET, US_PER_S, 20,  1,   0},
        {WINDOW_BUCKET, 7,        1,   3,   0},
        {WINDOW_BUCKET, 999983,   101, 13,  0},
    };
    static struct history history;

    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        const struct window *window = &windows[i];
        struct rng rng = rng_from_seed(i);
        struct tally tally = {0};
        int64_t now_us = 0;

        history.count = 0;
        while (history.count < TRIES_MAX / 4) {
            if (tally_has_room(&tally, window, now_us, 1)) {
                tally_take(&tally, window, now_us, 1);
                history.at_us[history.count++] = now_us;
            } else {
                now_us += 1 + (int64_t)rng_below(&rng, (uint64_t)window->length_us / 3);
            }
        }
        for (size_t from = 0; from < history.count; from++)
            for (size_t to = from; to < history.count; to++) {
                int64_t us = history.at_us[to] - history.at_us[from];
                int128 beyond = (int128)(to - from + 1) - (int128)window->burst;

                assert_true(beyond * window->length_us <= (int128)window->max * us);
            }
        tally_release(&tally);
    }
}

/* The instant that is named is the first with room: one microsecond before there is none. */
static void
a_tally_knows_when_it_eases(void **state)
{
    static const struct window windows[] = {
        {WINDOW_SLIDING, 1000, 3,  0,   0  },
        {WINDOW_FIXED,   1000, 3,  0,   0  },
        {WINDOW_CLOCK,   1000, 3,  0,   777},
        {WINDOW_FIRST,   1000, 3,  0,   0  },
        {WINDOW_BUCKET,  1000, 3,  0,   0  },
        {WINDOW_BUCKET,  1000, 13, 200, 0  },
    };

    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        struct tally tally = {0};
        int64_t now_us = 100, next_us;

        assert_true(tally_eases_at_us(&tally, &windows[i], now_us) == INT64_MAX);
        for (int round = 0; round < 20; round++) {
            while (tally_has_room(&tally, &windows[i], now_us, 1))
                tally_take(&tally, &windows[i], now_us, 1);
            next_us = tally_eases_at_us(&tally, &windows[i], now_us);
            assert_true(next_us > now_us);
            assert_false(tally_has_room(&tally, &windows[i], next_us - 1, 1));
            assert_true(tally_has_room(&tally, &windows[i], next_us, 1));
            now_us = next_us;
        }
        tally_release(&tally);
    }
}

/* Memory has a bound, and what passes too. */
static void
a_crowded_window_stays_small_and_strict(void **state)
{
    const struct window window = {WINDOW_SLIDING, US_PER_HOUR, 300000, 0, 0};
    struct tally tally = {0};
    uint64_t through = 0;

    for (int64_t now_us = 0; now_us < 3 * US_PER_HOUR; now_us += 7000)
        if (tally_has_room(&tally, &window, now_us, 1)) {
            tally_take(&tally, &window, now_us, 1);
            through++;
        }
    assert_in_range(through, 880000, 900000); /* at most three windows full */
    assert_in_range(tally.moments.count, 1, 3 * TALLY_MOMENTS_MAX);
    tally_release(&tally);
}

/* A bucket that is never full never wastes a drop: what it lets through is exact to one. */
static void
a_bucket_lets_through_its_rate_and_one_burst(void **state)
{
    static const struct window windows[] = {
        {WINDOW_BUCKET, 1000,       7,          0, 0},
        {WINDOW_BUCKET, 999983,     13,         0, 0},
        {WINDOW_BUCKET, US_PER_DAY, 1000000007, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        const struct window *window = &windows[i];
        struct rng rng = rng_from_seed(i);
        struct tally tally = {0};
        uint64_t through = 0, amount = window->max / 1000 + 1;
        int64_t now_us = 0;
        int128 most;

        for (int try = 0; try < TRIES_MAX; try++) {
            while (tally_has_room(&tally, window, now_us, amount)) {
                tally_take(&tally, window, now_us, amount);
                through += amount;
            }
            /* at most max + max * now / length, and less than one amount of it unused */
            most = (int128)window->max * (window->length_us + now_us);
            assert_true((int128)through * window->length_us <= most);
            assert_true((int128)(through + amount) * window->length_us > most);
            now_us += (int64_t)rng_below(&rng, (uint64_t)window->length_us / 10);
        }
        assert_false(tally_has_room(&tally, window, now_us, window->max + 1));
        assert_true(tally_has_room(&tally, window, now_us + window->length_us, window->max));
        tally_release(&tally);
    }
}

/* ---- what a sender sees ---- */

static struct isp_limit
limit_of(enum limit_count count, uint64_t max)
{
    return (struct isp_limit){
        .id = SLICE("the-limit"),
        .count = count,
        .per = LIMIT_PER_SOURCE_IP,
        .max = max,
        .over = {true, {421, {4, 7, 28}, SLICE("too fast")}}
    };
}

static struct isp_limit
hourly(enum limit_count count, uint64_t max)
{
    struct isp_limit limit = limit_of(count, max);

    limit.window = WINDOW_SLIDING;
    limit.window_us = US_PER_HOUR;
    return limit;
}

static void
open_with(struct isp_world *w, const struct isp_limit *limits, size_t count)
{
    isp_prepare(w);
    w->config.limits = limits;
    w->config.limits_count = count;
    isp_open(w);
    peer_connect(w, 0);
}

static void
greet(struct isp_world *w, size_t number)
{
    assert_string_equal(peer_codes(w, number, HELLO), "250 ");
}

static void
messages_are_counted_at_mail_and_come_back_after_the_window(void **state)
{
    const struct isp_limit limit = hourly(LIMIT_MESSAGES, 2);
    struct isp_world w;

    open_with(&w, &limit, 1);
    greet(&w, 0);
    assert_string_equal(
        peer_codes(&w, 0, MAIL "RSET\r\n" MAIL "RSET\r\n" MAIL), "250 250 250 250 421 ");
    assert_int_equal(events_of(&w, EVENT_LIMIT_HIT), 1);
    assert_non_null(strstr(text_string(&w.story), "limit.hit mail 421 the-limit a@x.test>\n"));
    for (int i = 0; i < 59; i++) {
        isp_pass(&w, US_PER_MIN);
        assert_string_equal(peer_codes(&w, 0, MAIL), "421 ");
    }
    isp_pass(&w, US_PER_MIN - 1);
    assert_string_equal(peer_codes(&w, 0, MAIL), "421 ");
    isp_pass(&w, 1);
    assert_string_equal(peer_codes(&w, 0, MAIL), "250 ");
    assert_int_equal(isp_totals(w.isp).limit_hits, 61);
    isp_stop(&w);
}

static void
each_source_has_a_counter_of_its_own(void **state)
{
    static const struct {
        uint32_t per;
        const char *others, *in_network, *other_sender;
    } cases[] = {
        {LIMIT_PER_SOURCE_IP,                           "250 ", "250 ", "421 "},
        {LIMIT_PER_IP_24,                               "250 ", "421 ", "421 "},
        {LIMIT_PER_SENDER_DOMAIN,                       "421 ", "421 ", "250 "},
        {LIMIT_PER_HOST,                                "421 ", "421 ", "421 "},
        {LIMIT_PER_SITE,                                "421 ", "421 ", "421 "},
        {LIMIT_PER_SOURCE_IP | LIMIT_PER_SENDER_DOMAIN, "250 ", "250 ", "250 "},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_limit limit = hourly(LIMIT_MESSAGES, 1);
        struct isp_world w;

        limit.per = cases[i].per;
        open_with(&w, &limit, 1);
        peer_connect_from(&w, 1, "203.0.113.9");
        peer_connect_from(&w, 2, "198.51.100.77");
        for (size_t peer = 0; peer < 3; peer++)
            greet(&w, peer);
        assert_string_equal(peer_codes(&w, 0, MAIL "RSET\r\n"), "250 250 ");
        assert_string_equal(peer_codes(&w, 0, "MAIL FROM:<b@X.test>\r\n"), "421 ");
        assert_string_equal(peer_codes(&w, 1, MAIL), cases[i].others);
        assert_string_equal(peer_codes(&w, 2, MAIL), cases[i].in_network);
        assert_string_equal(peer_codes(&w, 0, "MAIL FROM:<a@y.test>\r\n"), cases[i].other_sender);
        isp_stop(&w);
    }
}

static void
recipients_and_bytes_are_counted_at_their_stage(void **state)
{
    struct isp_limit limits[] = {hourly(LIMIT_RECIPIENTS, 2), hourly(LIMIT_BYTES, 10)};
    struct isp_world w;

    limits[1].over.reply = (struct smtp_reply){
        452, {4, 3, 1},
         SLICE("too much")
    };
    open_with(&w, limits, 2);
    greet(&w, 0);
    assert_string_equal(peer_codes(&w, 0, MAIL RCPT "DATA\r\n12345678\r\n.\r\n"),
        "250 250 354 250 "); /* 10 bytes with the line end */
    assert_string_equal(
        peer_codes(&w, 0, MAIL RCPT RCPT "DATA\r\n\r\n.\r\n"), "250 250 421 354 452 ");
    assert_int_equal(events_of(&w, EVENT_LIMIT_HIT), 2);
    assert_int_equal(events_of(&w, EVENT_REFUSED), 2);
    assert_int_equal(isp_totals(w.isp).recipients_refused_4xx, 2);
    isp_stop(&w);
}

static void
what_a_session_or_transaction_may_hold_needs_no_window(void **state)
{
    struct isp_limit limits[] = {
        limit_of(LIMIT_MESSAGES_PER_CONNECTION, 2), limit_of(LIMIT_RECIPIENTS_PER_TRANSACTION, 1)};
    struct isp_world w;

    limits[0].then = THEN_CLOSE;
    open_with(&w, limits, 2);
    greet(&w, 0);
    assert_string_equal(peer_codes(&w, 0, MAIL RCPT RCPT "RSET\r\n" MAIL RCPT "RSET\r\n" MAIL RCPT),
        "250 250 421 250 250 250 250 421 ");
    assert_true(w.peers[0].is_ended);
    peer_connect(&w, 0);
    greet(&w, 0);
    assert_string_equal(peer_codes(&w, 0, MAIL), "250 ");
    isp_stop(&w);
}

static void
connections_open_are_given_back(void **state)
{
    const struct isp_limit limit = limit_of(LIMIT_CONNECTIONS_OPEN, 2);
    struct isp_world w;

    open_with(&w, &limit, 1);
    peer_connect(&w, 1);
    peer_connect(&w, 2);
    assert_string_equal(text_string(&w.peers[2].heard), "421 4.7.28 too fast\r\n");
    assert_true(w.peers[2].is_ended);
    assert_int_equal(isp_sessions_open(w.isp, 0), 2);
    assert_int_equal(events_of(&w, EVENT_SESSION), 2);
    peer_connect_from(&w, 3, "203.0.113.9");
    assert_string_equal(codes_of(text_string(&w.peers[3].heard)), "220 ");
    peer_say(&w, 1, "QUIT\r\n");
    peer_connect(&w, 2);
    assert_string_equal(codes_of(text_string(&w.peers[2].heard)), "220 ");
    assert_int_equal(isp_sessions_open(w.isp, 0), 3);
    isp_stop(&w);
}

static void
then_says_what_becomes_of_the_session(void **state)
{
    static const struct {
        enum limit_then then;
        const char *codes;
        bool is_ended;
    } cases[] = {
        {THEN_KEEP,  "421 250 ", false},
        {THEN_CLOSE, "421 ",     true },
        {THEN_DROP,  "",         true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_limit limit = hourly(LIMIT_MESSAGES, 0);
        struct isp_world w;

        limit.then = cases[i].then;
        open_with(&w, &limit, 1);
        greet(&w, 0);
        assert_string_equal(peer_codes(&w, 0, MAIL "NOOP\r\n"), cases[i].codes);
        assert_int_equal(w.peers[0].is_ended, cases[i].is_ended);
        assert_int_equal(isp_sessions_open(w.isp, 0), !cases[i].is_ended);
        isp_stop(&w);
    }
}

/* The first that is over answers, and what passes one and not the other counts for neither. */
static void
several_limits_count_together_or_not_at_all(void **state)
{
    struct isp_limit limits[] = {hourly(LIMIT_MESSAGES, 4), hourly(LIMIT_MESSAGES, 1)};
    struct isp_world w;

    limits[1].window_us = US_PER_MIN;
    limits[1].over.reply.code = 450;
    open_with(&w, limits, 2);
    greet(&w, 0);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(
            peer_codes(&w, 0, MAIL "RSET\r\n" MAIL "RSET\r\n" MAIL), "250 250 450 250 450 ");
        isp_pass(&w, US_PER_MIN);
    }
    assert_string_equal(peer_codes(&w, 0, MAIL "RSET\r\n" MAIL), "250 250 421 ");
    isp_stop(&w);
}

static void
a_penalty_grows_while_the_sender_keeps_hammering(void **state)
{
    static const struct {
        int64_t at_s;
        const char *codes;
    } cases[] = {
        {0,   "250 "},
        {1,   "421 "}, /* shut for 10 s, until 11 */
        {2,   "421 "}, /* 20 s, until 22 */
        {21,  "421 "}, /* 40 s, until 61 */
        {60,  "421 "}, /* 50 s at most, until 110 */
        {109, "421 "}, /* until 159 */
        {159, "250 "},
        {160, "421 "}, /* 10 s again, until 170 */
        {170, "250 "},
    };
    struct isp_limit limit = hourly(LIMIT_MESSAGES, 1);
    struct isp_world w;

    limit.window_us = 2 * US_PER_S;
    limit.hold_us = 10 * US_PER_S;
    limit.hold_factor = ratio_of(2, 1);
    limit.hold_us_max = 50 * US_PER_S;
    open_with(&w, &limit, 1);
    greet(&w, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        isp_run(&w, cases[i].at_s * US_PER_S);
        print_message("  at %d s\n", (int)cases[i].at_s);
        assert_string_equal(peer_codes(&w, 0, MAIL), cases[i].codes);
        peer_say(&w, 0, "RSET\r\n");
    }
    isp_stop(&w);
}

static void
unknown_users_are_counted_whoever_says_so(void **state)
{
    static const struct isp_mailbox nobody = {
        .to = {"no-*", 4},
          .is = MAILBOX_UNKNOWN, .share_ppm = PPM
    };
    static const struct isp_rule gone = {
        .id = {"gone",   4                            },
        .stage = STAGE_RCPT,
        .to = {"gone-*", 6                            },
        .share_ppm = PPM,
        .reply = {true,     {550, {5, 1, 1}, {"gone", 4}}}
    };
    struct isp_limit limit = hourly(LIMIT_UNKNOWN_USERS, 2);
    struct isp_world w;

    for (int is_punishing = 0; is_punishing <= 1; is_punishing++) {
        isp_prepare(&w);
        limit.hold_us = is_punishing ? US_PER_MIN : 0;
        w.config.limits = &limit;
        w.config.limits_count = 1;
        w.config.mailboxes = &nobody;
        w.config.mailboxes_count = 1;
        w.config.rules = &gone;
        w.config.rules_count = 1;
        isp_open(&w);
        peer_connect(&w, 0);
        assert_string_equal(peer_codes(&w, 0,
                                HELLO MAIL RCPT "RCPT TO:<no-1@isp.test>\r\n" RCPT
                                                "RCPT TO:<gone-1@isp.test>\r\n" RCPT
                                                "RCPT TO:<no-2@isp.test>\r\n" RCPT),
            is_punishing ? "250 250 250 550 250 550 250 421 421 "
                         : "250 250 250 550 250 550 250 421 250 ");
        isp_stop(&w);
    }
}

static void
a_limit_can_be_turned_while_it_runs(void **state)
{
    static const enum limit_window windows[] = {WINDOW_SLIDING, WINDOW_FIXED, WINDOW_BUCKET};

    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        struct isp_limit limit = hourly(LIMIT_MESSAGES, 1);
        struct isp_world w;

        limit.window = windows[i];
        open_with(&w, &limit, 1);
        greet(&w, 0);
        assert_string_equal(peer_codes(&w, 0, MAIL "RSET\r\n" MAIL), "250 250 421 ");
        isp_turn(w.isp, KNOB_LIMIT_MAX, 0, 3);
        assert_int_equal(isp_knob(w.isp, KNOB_LIMIT_MAX, 0), 3);
        if (windows[i] != WINDOW_BUCKET)
            assert_string_equal(
                peer_codes(&w, 0, MAIL "RSET\r\n" MAIL "RSET\r\n" MAIL), "250 250 250 250 421 ");
        isp_turn(w.isp, KNOB_LIMIT_MAX, 0, 0);
        isp_turn(w.isp, KNOB_LIMIT_WINDOW, 0, US_PER_MIN);
        assert_int_equal(isp_knob(w.isp, KNOB_LIMIT_WINDOW, 0), US_PER_MIN);
        isp_pass(&w, US_PER_MIN);
        assert_string_equal(peer_codes(&w, 0, MAIL), "421 ");
        isp_turn(w.isp, KNOB_LIMIT_MAX, 0, 1);
        if (windows[i] == WINDOW_BUCKET)
            isp_pass(&w, US_PER_MIN); /* at a rate of nothing, nothing has dripped in */
        assert_string_equal(peer_codes(&w, 0, MAIL), "250 ");
        isp_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_agree_with_a_plain_model),
        cmocka_unit_test(a_row_of_windows_stands_where_it_should),
        cmocka_unit_test(a_bucket_lets_through_its_rate_and_one_burst),
        cmocka_unit_test(a_bucket_never_lets_more_through_than_burst_and_rate),
        cmocka_unit_test(a_tally_knows_when_it_eases),
        cmocka_unit_test(a_crowded_window_stays_small_and_strict),
        cmocka_unit_test(messages_are_counted_at_mail_and_come_back_after_the_window),
        cmocka_unit_test(each_source_has_a_counter_of_its_own),
        cmocka_unit_test(recipients_and_bytes_are_counted_at_their_stage),
        cmocka_unit_test(what_a_session_or_transaction_may_hold_needs_no_window),
        cmocka_unit_test(connections_open_are_given_back),
        cmocka_unit_test(then_says_what_becomes_of_the_session),
        cmocka_unit_test(several_limits_count_together_or_not_at_all),
        cmocka_unit_test(a_penalty_grows_while_the_sender_keeps_hammering),
        cmocka_unit_test(unknown_users_are_counted_whoever_says_so),
        cmocka_unit_test(a_limit_can_be_turned_while_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
