/* test_reputation.c - scores that move over days, and new senders that warm up. */
#include "tests/unit/isp_visit.h"

static const struct isp_band bands[] = {
    {.id = {"slow", 4},  .below = 50, .share_ppm = PPM, .scale_ppm = PPM / 2},
    { .id = {"bad", 3},
     .below = 20,
     .reply = REPLY(421, 4,                                                   "bad reputation"),
     .share_ppm = PPM,
     .stage = STAGE_MAIL,
     .scale_ppm = PPM / 10},
};

static struct isp_reputation
reputation(void)
{
    return (struct isp_reputation){.is_on = true,
        .per = LIMIT_PER_SOURCE_IP,
        .start = 60,
        .recover = 5,
        .trap_points = 10,
        .complaint_points = 20,
        .unknown_points = 2,
        .share_of_min = 100,
        .jump_points = 10,
        .jump_times = 4,
        .jump_from = 20,
        .bands = bands,
        .bands_count = COUNT_OF(bands)};
}

static struct isp_warming
warming(void)
{
    return (struct isp_warming){
        .is_on = true,
        .per = LIMIT_PER_SOURCE_IP,
        .first = 2,
        .full = 8,
        .grow = {2, 1   },
        .shrink = {1, 2   },
        .complaint_share = {3, 1000},
        .unknown_share = {1, 20  },
        .share_of_min = 1,
        .over = REPLY(421, 4, "too new"),
        .stage = STAGE_MAIL,
        .forget_us = 30 * US_PER_DAY
    };
}

static uint32_t
score(struct isp_world *w)
{
    const struct isp_sender sender = stranger();

    return isp_standing_now(w->isp, &sender).score_millionths;
}

/* ---- reputation ---- */

/* Somebody who is not there, and who sends as much of the same, is thought of alike. */
static void
what_would_be_thought_of_others_is_known(void **state)
{
    struct isp_record record = {0};
    struct isp_marks seen;
    struct isp_standing standing;
    struct isp_world w;

    prepare(&w);
    w.config.reputation = reputation();
    w.config.reputation.jump_points = 0;
    isp_open(&w);
    for (int i = 0; i < 4; i++) /* the last of four of each */
        say(&w, 0, MAIL RCPT RCPT RCPT "RCPT TO:<gone@isp.test>\r\n");
    say(&w, 0, MAIL "RCPT TO:<trap@isp.test>\r\n");
    seen = isp_marks_now(w.isp);
    assert_int_equal(seen.asked, 17);
    assert_int_equal(seen.unknown, 4);
    assert_int_equal(seen.traps, 1);
    isp_record_add(&w.config, &record, &seen, 0);
    standing = isp_record_standing(&w.config, &record, 0);
    assert_int_equal(standing.score_millionths, score(&w));
    assert_int_equal(standing.score_millionths, (60 - 4 * 2 - 10) * 1000000);
    assert_int_equal(standing.scale_ppm, PPM / 2);
    assert_int_equal(standing.refused_ppm, 0);
    isp_record_add(&w.config, &record, &(struct isp_marks){.traps = 3}, US_PER_DAY - 1);
    standing = isp_record_standing(&w.config, &record, US_PER_DAY - 1);
    assert_int_equal(standing.score_millionths, 12 * 1000000);
    assert_int_equal(standing.refused_ppm, PPM);
    standing =
        isp_record_standing(&w.config, &record, 3 * US_PER_DAY); /* two days without a mark */
    assert_int_equal(standing.score_millionths, 22 * 1000000);
    isp_stop(&w);
}

static const struct isp_config *
thinker(void)
{
    static struct isp_config config;

    config = (struct isp_config){.reputation = reputation()};
    config.reputation.start = 100;
    config.reputation.unknown_points = 5;
    return &config;
}

static int
points(const struct isp_record *record, int64_t now_us)
{
    return (int)isp_record_standing(thinker(), record, now_us).score_millionths;
}

/* However many there were, and in however many parts they came. */
static void
a_percent_costs_its_points_whatever_the_volume(void **state)
{
    static const struct {
        struct isp_marks day;
        int score_thousandths;
    } cases[] = {
        {{.asked = 100, .unknown = 2},                                           90000 },
        {{.asked = 1000, .unknown = 20},                                         90000 },
        {{.asked = 60000, .unknown = 1200},                                      90000 },
        {{.asked = 500000000, .unknown = 10000000},                              90000 },
        {{.asked = 60000, .unknown = 600},                                       95000 },
        {{.asked = 60000, .unknown = 9600},                                      20000 },
        {{.asked = 60000, .unknown = 60000},                                     0     },
        {{.asked = 60000, .accepted = 60000, .complaints = 60},                  98000 },
        {{.asked = 60000, .unknown = 600, .accepted = 50000, .complaints = 500}, 75000 },
        {{.asked = 10, .unknown = 1},                                            95000 }, /* a hundred at least */
        {{.accepted = 10, .complaints = 1},                                      80000 },
        {{.asked = 60000, .accepted = 60000},                                    100000},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (uint64_t parts = 1; parts <= 10; parts += 9) {
            const struct isp_marks *day = &cases[i].day;
            struct isp_record record = {0};

            print_message("  %d of %d\n", (int)(day->unknown + day->complaints),
                (int)(day->asked + day->accepted));
            for (uint64_t part = 0; part < parts; part++) {
                const struct isp_marks more = {
                    .asked = day->asked * (part + 1) / parts - day->asked * part / parts,
                    .unknown = day->unknown * (part + 1) / parts - day->unknown * part / parts,
                    .accepted = day->accepted * (part + 1) / parts - day->accepted * part / parts,
                    .complaints =
                        day->complaints * (part + 1) / parts - day->complaints * part / parts};

                isp_record_add(thinker(), &record, &more, (int64_t)part * US_PER_HOUR);
            }
            assert_int_equal(points(&record, US_PER_DAY - 1), cases[i].score_thousandths * 1000);
            assert_int_equal(points(&record, US_PER_DAY + US_PER_HOUR),
                cases[i].score_thousandths * 1000); /* it lasts; and 100 are all there are */
        }
}

/* Five of the first twenty are no quarter of a list; and when it was not, they are made up for. */
static void
a_bad_beginning_is_made_up_for(void **state)
{
    struct isp_record record = {0};

    for (int i = 1; i <= 5; i++) { /* nobody costs more than if he were one of a hundred */
        isp_record_add(thinker(), &record, &(struct isp_marks){.asked = 4, .unknown = 1}, 0);
        assert_int_equal(points(&record, 0), (100 - 5 * i) * 1000000);
    }
    isp_record_add(thinker(), &record, &(struct isp_marks){.asked = 480}, US_PER_HOUR);
    assert_int_equal(points(&record, US_PER_HOUR), 95 * 1000000);
    isp_record_add(thinker(), &record, &(struct isp_marks){.asked = 49500}, US_PER_DAY - 1);
    assert_int_equal(points(&record, US_PER_DAY - 1), 99950000);
    assert_int_equal(points(&record, US_PER_DAY), 99950000);
    assert_int_equal(points(&record, 2 * US_PER_DAY), 100 * 1000000);
}

/* Each bad day costs what it was worth, each clean one heals, and no day begins with a leap. */
static void
days_add_up_and_clean_ones_heal(void **state)
{
    static const int scores[] = {90, 80, 70, 75, 80, 70, 75, 80, 85};
    static const bool is_clean[] = {false, false, false, true, true, false, true, true, true};
    struct isp_record record = {0};

    for (int day = 0; day < (int)COUNT_OF(scores); day++) {
        int64_t from_us = day * US_PER_DAY;
        const struct isp_marks mail = {
            .asked = 5000, .accepted = 4900, .unknown = is_clean[day] ? 0 : 100};

        isp_record_add(thinker(), &record, &mail, from_us + US_PER_HOUR);
        assert_int_equal(points(&record, from_us + US_PER_HOUR),
            (is_clean[day] ? scores[day - 1] : scores[day]) * 1000000);
        assert_int_equal(
            points(&record, from_us + US_PER_DAY + US_PER_HOUR), scores[day] * 1000000);
    }
}

/* Who usually sends much is not judged by the first hundred of a day; nor by complaints about
 * yesterday's mail as if there had been none. */
static void
a_usual_day_and_yesterday_count(void **state)
{
    const struct isp_marks large = {.asked = 4900, .accepted = 4900};
    struct isp_record record = {0}, other;

    isp_record_add(thinker(), &record, &large, 0); /* the mean is 700 then, and 600 */
    other = record;
    isp_record_add(thinker(), &record, &(struct isp_marks){.asked = 100, .unknown = 7}, US_PER_DAY);
    assert_int_equal(points(&record, US_PER_DAY), 95 * 1000000); /* a percent of a usual day */
    isp_record_add(thinker(), &other, &(struct isp_marks){.complaints = 49}, US_PER_DAY);
    assert_int_equal(points(&other, US_PER_DAY), 80 * 1000000); /* one of yesterday */
    isp_record_add(thinker(), &other, &(struct isp_marks){.complaints = 6}, 2 * US_PER_DAY);
    assert_int_equal(points(&other, 2 * US_PER_DAY), 60 * 1000000);
}

static void
a_recipient_alone_says_what_it_would_cost(void **state)
{
    static const struct {
        const char *rcpt;
        uint64_t unknown, traps;
    } cases[] = {
        {"gone@isp.test",   1, 0},
        {"trap@isp.test",   0, 1},
        {"b@isp.test",      0, 0},
        {"gone@other.test", 0, 0}, /* relaying is denied, whoever it is */
    };
    struct isp_world w;

    prepare(&w);
    w.config.reputation = reputation();
    isp_open(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_marks marks = isp_marks_of(w.isp, slice_of(cases[i].rcpt));

        print_message("  %s\n", cases[i].rcpt);
        assert_int_equal(marks.asked, 1);
        assert_int_equal(marks.unknown, cases[i].unknown);
        assert_int_equal(marks.traps, cases[i].traps);
    }
    assert_int_equal(isp_marks_now(w.isp).asked, 0);
    assert_int_equal(isp_totals(w.isp).traps_hit, 0);
    isp_stop(&w);
}

static void
marks_cost_points_and_days_give_them_back(void **state)
{
    const struct isp_sender sender = stranger();
    struct isp_world w;

    prepare(&w);
    w.config.reputation = reputation();
    isp_open(&w);
    assert_int_equal(score(&w), 60 * 1000000);
    say(&w, 0, MAIL "RCPT TO:<trap@isp.test>\r\n");
    assert_int_equal(score(&w), 50 * 1000000);
    say(&w, 0, MAIL "RCPT TO:<gone@isp.test>\r\n"); /* one of a hundred at least: a percent */
    assert_int_equal(score(&w), 48 * 1000000);
    say(&w, 0, SEND);
    isp_note_complaint(w.isp, &sender);
    assert_int_equal(score(&w), 28 * 1000000);
    isp_run(&w, US_PER_DAY - 1);
    assert_int_equal(score(&w), 28 * 1000000);
    isp_run(&w, US_PER_DAY); /* the first day was marked */
    assert_int_equal(score(&w), 28 * 1000000);
    isp_run(&w, 2 * US_PER_DAY);
    assert_int_equal(score(&w), 33 * 1000000);
    isp_run(&w, 300 * US_PER_DAY);
    assert_int_equal(score(&w), 100 * 1000000);
    isp_stop(&w);
}

static void
a_jump_in_volume_costs_and_again_when_it_doubles(void **state)
{
    struct isp_world w;
    int sent = 0;

    prepare(&w);
    w.config.reputation = reputation();
    isp_open(&w);
    while (sent < 20) {
        say(&w, 0, SEND);
        sent++;
    }
    assert_int_equal(score(&w), 60 * 1000000);
    say(&w, 0, SEND); /* the 21st */
    assert_int_equal(score(&w), 50 * 1000000);
    while (++sent < 40)
        say(&w, 0, SEND);
    assert_int_equal(score(&w), 50 * 1000000);
    say(&w, 0, SEND); /* the 41st */
    assert_int_equal(score(&w), 40 * 1000000);
    /* The mean is 41 / 7 = 5 now, and four times that is not more than 20. */
    for (int i = 0; i < 20; i++)
        say(&w, US_PER_DAY, SEND);
    assert_int_equal(score(&w), 40 * 1000000);
    say(&w, US_PER_DAY, SEND);
    assert_int_equal(score(&w), 30 * 1000000);
    isp_stop(&w);
}

static void
a_low_score_scales_limits_and_turns_replies(void **state)
{
    static const struct {
        int traps;
        const char *codes; /* of six messages in a session */
        uint64_t room;
    } cases[] = {
        {0, "250 250 250 250 421 421 ", 4},
        {1, "250 250 250 250 421 421 ", 4}, /* 50 is not below 50 */
        {2, "250 250 421 421 421 421 ", 2},
        {4, "250 250 421 421 421 421 ", 2}, /* 20 */
        {5, "421 421 421 421 421 421 ", 0},
    };
    const struct isp_limit limit = {
        .id = {"hourly", 6},
        .count = LIMIT_MESSAGES,
        .per = LIMIT_PER_SOURCE_IP,
        .max = 4,
        .window = WINDOW_SLIDING,
        .window_us = US_PER_HOUR,
        .over = REPLY(421, 4, "too fast")
    };
    const struct isp_sender sender = stranger();
    const struct isp_message message = {1, 0, 0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text codes = {0};
        struct isp_permission may;
        struct isp_world w;

        prepare(&w);
        w.config.reputation = reputation();
        w.config.limits = &limit;
        w.config.limits_count = 1;
        isp_open(&w);
        print_message("  %d traps\n", cases[i].traps);
        say(&w, 0, MAIL);
        for (int j = 0; j < cases[i].traps; j++)
            peer_say(&w, 0, "RCPT TO:<trap@isp.test>\r\n");
        isp_run(&w, US_PER_HOUR);
        may = isp_permission_now(w.isp, &sender, &message);
        assert_int_equal(may.room, cases[i].room);
        assert_int_equal(may.is_refused, cases[i].room == 0);
        assert_int_equal(ratio_compare(may.rate, ratio_of((int64_t)cases[i].room, US_PER_HOUR)), 0);
        peer_connect(&w, 0);
        peer_say(&w, 0, HELLO);
        for (int j = 0; j < 6; j++) {
            text_add_string(&codes, peer_codes(&w, 0, MAIL));
            peer_say(&w, 0, "RSET\r\n");
        }
        assert_string_equal(text_string(&codes), cases[i].codes);
        text_release(&codes);
        isp_stop(&w);
    }
}

/* A share of refusals is a share: of many messages, not of none and not of all. */
static void
a_band_may_refuse_a_share(void **state)
{
    static const struct isp_band half[] = {
        {.id = {"half", 4},
         .below = 100,
         .reply = REPLY(451, 4, "try later"),
         .share_ppm = PPM / 2,
         .stage = STAGE_MAIL,
         .scale_ppm = PPM}
    };
    struct isp_world w;
    int refused = 0;

    prepare(&w);
    w.config.reputation = reputation();
    w.config.reputation.bands = half;
    w.config.reputation.bands_count = 1;
    isp_open(&w);
    peer_connect(&w, 0);
    peer_say(&w, 0, HELLO);
    for (int i = 0; i < 200; i++) {
        refused += strcmp(peer_codes(&w, 0, MAIL), "451 ") == 0;
        peer_say(&w, 0, "RSET\r\n");
        isp_pass(&w, 1);
    }
    assert_in_range(refused, 70, 130);
    assert_non_null(strstr(text_string(&w.story), "limit.hit mail 451 half a@x.test>\n"));
    isp_stop(&w);
}

/* ---- warming ---- */

static void
clean_days_double_and_dirty_ones_halve(void **state)
{
    static const struct {
        int day;
        bool is_dirty;
        int allowed;
    } cases[] = {
        {0,  false, 2},
        {1,  false, 4},
        {2,  true,  8}, /* it is warm: no limit, as far as this goes */
        {3,  false, 4},
        {3,  false, 0}, /* the same day */
        {4,  true,  8},
        {5,  true,  4},
        {6,  true,  2},
        {7,  true,  1},
        {8,  false, 1},
        {20, false, 2}, /* idle days are neither */
        {21, false, 4},
        {60, false, 2}, /* forgotten */
    };
    const struct isp_sender sender = stranger();
    struct isp_world w;

    prepare(&w);
    w.config.warming = warming();
    isp_open(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t at_us = cases[i].day * US_PER_DAY + (int64_t)i * US_PER_MIN;
        struct isp_warmth warmth;
        int through = 0;

        isp_run(&w, at_us);
        warmth = isp_warmth_now(w.isp, &sender);
        print_message("  day %d: %d\n", cases[i].day, (int)warmth.left);
        while (through < 8 && strcmp(say(&w, at_us, SEND), "250 250 354 250 ") == 0)
            through++;
        assert_int_equal(through, cases[i].allowed);
        if (!warmth.is_warm)
            assert_int_equal(warmth.left, cases[i].allowed);
        if (cases[i].is_dirty)
            isp_note_complaint(w.isp, &sender);
    }
    isp_stop(&w);
}

static void
who_was_never_seen_waits_at_the_door(void **state)
{
    const struct isp_sender sender = stranger();
    const struct isp_message message = {1, 0, 0};
    struct isp_world w;

    prepare(&w);
    w.config.warming = warming();
    w.config.warming.unseen = (struct isp_reply)REPLY(554, 5, "unknown address");
    w.config.warming.unseen_us = 4 * US_PER_HOUR;
    isp_open(&w);
    isp_run(&w, US_PER_DAY);
    assert_true(isp_permission_now(w.isp, &sender, &message).is_refused);
    assert_string_equal(say(&w, US_PER_DAY, SEND), "554 ");
    assert_string_equal(say(&w, US_PER_DAY + 4 * US_PER_HOUR - 1, SEND), "554 ");
    assert_true(
        isp_permission_now(w.isp, &sender, &message).changes_at_us == US_PER_DAY + 4 * US_PER_HOUR);
    assert_string_equal(say(&w, US_PER_DAY + 4 * US_PER_HOUR, SEND), "250 250 354 250 ");
    assert_false(isp_permission_now(w.isp, &sender, &message).is_refused);
    assert_int_equal(isp_permission_now(w.isp, &sender, &message).room, 1);
    assert_int_equal(
        ratio_compare(isp_permission_now(w.isp, &sender, &message).rate, ratio_of(2, US_PER_DAY)),
        0);
    assert_non_null(strstr(text_string(&w.story), "limit.hit connect 554 unseen >\n"));
    isp_stop(&w);
}

/* What a limit refuses does not use up the day's allowance. */
static void
what_is_refused_is_not_used_up(void **state)
{
    const struct isp_limit limit = {
        .id = {"hourly", 6},
        .count = LIMIT_MESSAGES,
        .per = LIMIT_PER_SOURCE_IP,
        .max = 1,
        .window = WINDOW_SLIDING,
        .window_us = US_PER_HOUR,
        .over = REPLY(421, 4, "too fast")
    };
    struct isp_world w;

    prepare(&w);
    w.config.warming = warming();
    w.config.limits = &limit;
    w.config.limits_count = 1;
    isp_open(&w);
    assert_string_equal(say(&w, 0, MAIL "RSET\r\n" MAIL MAIL), "250 250 421 421 ");
    assert_string_equal(say(&w, US_PER_HOUR, MAIL), "250 ");
    assert_string_equal(say(&w, 2 * US_PER_HOUR, MAIL), "421 ");
    assert_int_equal(isp_totals(w.isp).limit_hits, 3);
    isp_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_be_thought_of_others_is_known),
        cmocka_unit_test(a_percent_costs_its_points_whatever_the_volume),
        cmocka_unit_test(a_bad_beginning_is_made_up_for),
        cmocka_unit_test(days_add_up_and_clean_ones_heal),
        cmocka_unit_test(a_usual_day_and_yesterday_count),
        cmocka_unit_test(a_recipient_alone_says_what_it_would_cost),
        cmocka_unit_test(marks_cost_points_and_days_give_them_back),
        cmocka_unit_test(a_jump_in_volume_costs_and_again_when_it_doubles),
        cmocka_unit_test(a_low_score_scales_limits_and_turns_replies),
        cmocka_unit_test(a_band_may_refuse_a_share),
        cmocka_unit_test(clean_days_double_and_dirty_ones_halve),
        cmocka_unit_test(who_was_never_seen_waits_at_the_door),
        cmocka_unit_test(what_is_refused_is_not_used_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
