/* test_tle_wall.c - typed limit estimation where nothing gets through: walls, doors, leaks, noise. */
#include "tests/unit/tle_model.h"

#include "mta/controller_tle.h"

struct stage {
    struct mx_rule rule;
    struct story story;
    struct controller *controller;
    struct tle *tle;
    struct model model;
    int64_t now_us;
};

static void
stage_open(struct stage *stage, struct model model)
{
    *stage = (struct stage){.rule = rule_of(CONTROLLER_TLE), .model = model};
    stage->model.rng = rng_from_seed(1);
    stage->controller = controller_new(&stage->rule, 0, on_change, &stage->story);
    stage->tle = (struct tle *)stage->controller;
}

static void
stage_close(struct stage *stage)
{
    controller_free(&stage->controller);
    model_release(&stage->model);
    text_release(&stage->story.last);
}

/* Plays for so long. What was accepted and refused is counted anew. */
static void
stage_play(struct stage *stage, int64_t for_us)
{
    int64_t until_us = stage->now_us + for_us;

    stage->model.accepted = stage->model.refused = 0;
    play(stage->controller, &stage->model, stage->now_us, until_us);
    stage->now_us = until_us;
}

/* In thousandths. */
static int64_t
share_used(const struct stage *stage, int64_t for_us)
{
    return (int64_t)(stage->model.accepted * 1000 / stage->model.max) * stage->model.window_us /
        for_us;
}

static void
print_stage(const struct stage *stage, int64_t for_us)
{
    print_message("  kind %d, %d in %d s, door %d s: %d thousandths, %d refused\n",
        (int)stage->model.kind, (int)stage->model.max, (int)(stage->model.window_us / US_PER_S),
        (int)(stage->model.door_us / US_PER_S), (int)share_used(stage, for_us),
        (int)stage->model.refused);
}

/* ---- doors ---- */

static enum tle_door
door_of(const struct stage *stage)
{
    return tle_theories_door(&stage->tle->theories);
}

/* Shut for two minutes, and for twice as long with each knock: it is met once or twice, and the limit
 * before it is kept to. */
static void
a_door_is_told_from_the_limit_before_it(void **state)
{
    static const struct model cases[] = {
        {.kind = TLE_SLIDING, .window_us = US_PER_S,   .max = 20,  .door_us = 2 * US_PER_MIN},
        {.kind = TLE_FIXED,   .window_us = US_PER_S,   .max = 20,  .door_us = 2 * US_PER_MIN},
        {.kind = TLE_BUCKET,  .window_us = US_PER_S,   .max = 20,  .door_us = 2 * US_PER_MIN},
        {.kind = TLE_SLIDING, .window_us = US_PER_MIN, .max = 300, .door_us = 2 * US_PER_MIN},
        {.kind = TLE_FIXED,   .window_us = US_PER_MIN, .max = 300, .door_us = 2 * US_PER_MIN},
        {.kind = TLE_BUCKET,  .window_us = US_PER_MIN, .max = 300, .door_us = 2 * US_PER_MIN},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;

        stage_open(&stage, cases[i]);
        stage_play(&stage, 30 * US_PER_MIN);
        print_stage(&stage, 30 * US_PER_MIN);
        assert_int_equal(door_of(&stage), TLE_DOOR);
        assert_true(stage.model.refused <= 8);
        stage_play(&stage, 30 * US_PER_MIN);
        print_stage(&stage, 30 * US_PER_MIN);
        assert_true(share_used(&stage, 30 * US_PER_MIN) >= 900);
        assert_true(stage.model.refused <= 2);
        stage_close(&stage);
    }
}

static void
a_window_of_a_minute_is_no_door(void **state)
{
    for (int kind = 0; kind < TLE_KINDS; kind++) {
        struct stage stage;

        stage_open(&stage, (struct model){.kind = kind, .window_us = US_PER_MIN, .max = 300});
        stage_play(&stage, 20 * US_PER_MIN);
        print_stage(&stage, 20 * US_PER_MIN);
        assert_int_not_equal(door_of(&stage), TLE_DOOR);
        assert_true(share_used(&stage, 20 * US_PER_MIN) >= 900);
        stage_close(&stage);
    }
}

static void
a_site_that_is_open_again_at_once_has_no_door(void **state)
{
    for (int kind = 0; kind < TLE_KINDS; kind++) {
        struct stage stage;

        stage_open(&stage, (struct model){.kind = kind, .window_us = US_PER_S, .max = 20});
        stage_play(&stage, 5 * US_PER_MIN);
        print_stage(&stage, 5 * US_PER_MIN);
        assert_true(stage.tle->theories.has_no_door);
        assert_true(stage.tle->price_us < 10 * (int64_t)US_PER_S);
        assert_true(share_used(&stage, 5 * US_PER_MIN) >= 700);
        stage_close(&stage);
    }
}

/* ---- a limit that moves ---- */

/* How many minutes pass until so much of the limit is used for two of them; at most half an hour. */
static int
minutes_until(struct stage *stage, int64_t share, uint64_t *refused)
{
    int minutes = 0;

    *refused = 0;
    do {
        stage_play(stage, 2 * US_PER_MIN);
        *refused += stage->model.refused;
        minutes += 2;
    } while (share_used(stage, 2 * US_PER_MIN) < share && minutes < 30);
    return minutes;
}

static void
a_limit_is_followed_down_and_back_up_within_minutes(void **state)
{
    static const struct model cases[] = {
        {.kind = TLE_SLIDING, .window_us = US_PER_S,   .max = 40 },
        {.kind = TLE_FIXED,   .window_us = US_PER_S,   .max = 40 },
        {.kind = TLE_BUCKET,  .window_us = US_PER_S,   .max = 40 },
        {.kind = TLE_SLIDING, .window_us = US_PER_MIN, .max = 600},
        {.kind = TLE_FIXED,   .window_us = US_PER_MIN, .max = 600},
        {.kind = TLE_BUCKET,  .window_us = US_PER_MIN, .max = 600},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t refused_down, refused_up;
        struct stage stage;
        int down, up;

        stage_open(&stage, cases[i]);
        stage_play(&stage, 30 * US_PER_MIN);
        stage.model.max /= 5;
        down = minutes_until(&stage, 850, &refused_down);
        stage_play(&stage, 20 * US_PER_MIN);
        stage.model.max *= 5;
        up = minutes_until(&stage, 850, &refused_up);
        print_message("  kind %d, %d in %d s: %d min and %d refused, %d min and %d refused\n",
            (int)cases[i].kind, (int)cases[i].max, (int)(cases[i].window_us / US_PER_S), down,
            (int)refused_down, up, (int)refused_up);
        assert_true(down <= 24 && refused_down <= 30);
        assert_true(up <= 24 && refused_up <= 80);
        stage_close(&stage);
    }
}

/* ---- what no pace explains ---- */

/* At the first walls it may be a block of all; then what gets through is used. */
static void
a_block_that_lets_half_through_is_a_leak(void **state)
{
    for (int i = 0; i < 6; i++) {
        struct stage stage;

        stage_open(&stage,
            (struct model){.kind = i % TLE_KINDS,
                .window_us = i < 3 ? US_PER_S : US_PER_MIN,
                .max = i < 3 ? 20 : 600});
        stage_play(&stage, US_PER_MIN);
        stage.model.unlucky_ppm = PPM / 2;
        stage.model.unlucky_says = REPLY_BLOCK;
        while (!stage.tle->is_leaky && stage.now_us < US_PER_HOUR)
            stage_play(&stage, US_PER_MIN);
        assert_true(stage.tle->is_leaky);
        stage_play(&stage, 30 * US_PER_MIN);
        print_stage(&stage, 30 * US_PER_MIN);
        assert_true(share_used(&stage, 30 * US_PER_MIN) >= 500);
        stage_close(&stage);
    }
}

/* One that lets nothing through is none, and is not hammered at. */
static void
a_block_of_all_is_no_leak(void **state)
{
    struct stage stage;

    stage_open(&stage, (struct model){.kind = TLE_SLIDING, .window_us = US_PER_S, .max = 40});
    stage_play(&stage, US_PER_MIN);
    stage.model.unlucky_ppm = PPM;
    stage.model.unlucky_says = REPLY_BLOCK;
    stage_play(&stage, 3 * US_PER_HOUR);
    print_stage(&stage, 3 * US_PER_HOUR);
    assert_int_equal(stage.model.accepted, 0);
    assert_true(stage.model.refused <= 20);
    stage.model.unlucky_ppm = 0;
    stage_play(&stage, US_PER_HOUR);
    stage_play(&stage, 10 * US_PER_MIN);
    print_stage(&stage, 10 * US_PER_MIN);
    assert_false(stage.tle->is_leaky);
    assert_true(share_used(&stage, 10 * US_PER_MIN) >= 900);
    stage_close(&stage);
}

static void
refusals_that_no_pace_explains_are_noise(void **state)
{
    static const uint32_t cases_ppm[] = {20000, 40000, 60000};

    for (size_t i = 0; i < COUNT_OF(cases_ppm); i++) {
        struct stage stage;

        stage_open(&stage,
            (struct model){.kind = TLE_SLIDING,
                .window_us = US_PER_S,
                .max = 40,
                .unlucky_ppm = cases_ppm[i],
                .unlucky_says = REPLY_RATE});
        stage_play(&stage, 15 * US_PER_MIN);
        print_stage(&stage, 15 * US_PER_MIN);
        assert_true(stage.tle->is_noise_sure);
        assert_in_range(stage.tle->floor_ppm, cases_ppm[i] / 4, cases_ppm[i] * 2);
        assert_true(share_used(&stage, 15 * US_PER_MIN) >= 100);
        stage_close(&stage);
    }
}

/* Trimmed, in peace again, and refused as often: less has not helped. */
static void
as_many_refusals_at_a_slower_pace_are_noise(void **state)
{
    struct signal signal = {.kind = SIGNAL_ANSWERED, .now_us = US_PER_MIN};
    struct stage stage;
    struct tle *t;

    stage_open(&stage, (struct model){0});
    t = stage.tle;
    for (size_t i = 0; i < TLE_THEORIES; i++)
        t->theories.all[i] = (struct tle_theory){.wrong = i > 0};
    t->theories.all[0].low = t->theories.all[0].high = 10 * TLE_MILLI;
    t->theories.has_no_door = t->was_refused = true;
    t->phase = TLE_CRUISE;
    t->pacer.pace = 10 * PACE_PER_S;
    t->trim_messages = 100;
    t->trim_refused = 3;
    tle_trim(t, &signal);
    assert_int_equal(t->phase, TLE_WALL);
    t->theories.all[0].low = t->theories.all[0].high = 9 * TLE_MILLI;
    t->is_looked_at = t->is_first_noted = true;
    signal.now_us += US_PER_S;
    tle_leave_wall(t, &signal);
    assert_int_equal(t->phase, TLE_CRUISE);
    assert_true(t->pacer.pace < 9 * PACE_PER_S);
    t->trim_messages = 100;
    t->trim_refused = 3;
    tle_trim(t, &signal);
    assert_int_equal(t->phase, TLE_CRUISE);
    assert_int_equal(t->pacer.pace, 10 * PACE_PER_S);
    assert_int_equal(t->floor_ppm, 30000);
    assert_true(t->is_noise_sure);
    stage_close(&stage);
}

/* One wall after the other, each at a slower pace and none of them for long: back to the pace before the
 * first of them. */
static void
walls_that_follow_each_other_at_any_pace_are_a_slide(void **state)
{
    struct signal signal = {.kind = SIGNAL_ACCEPTED, .now_us = US_PER_MIN};
    struct stage stage;
    struct tle *t;

    stage_open(&stage, (struct model){0});
    t = stage.tle;
    for (int i = 0; i < 5; i++) {
        assert_false(tle_is_slide(t));
        t->pacer.pace = (40 - 4 * i) * PACE_PER_S;
        tle_note_slide(t);
        t->slide_refused += 2;
        t->slide_total += 40;
    }
    assert_true(tle_is_slide(t));
    t->wall_knocks = 1; /* it was shut */
    assert_false(tle_is_slide(t));
    t->wall_knocks = 0;
    t->slide_refused = 25; /* of 200: too many to be noise */
    assert_false(tle_is_slide(t));
    t->slide_refused = 10;
    for (size_t i = 0; i < TLE_THEORIES; i++)
        t->theories.all[i].wrong_at_door = 1;
    assert_false(tle_is_slide(t)); /* behind a door it is shut for long each time */
    t->theories = (struct tle_theories){0};
    tle_end_slide(t, &signal);
    assert_int_equal(t->pacer.pace, 40 * PACE_PER_S);
    assert_int_equal(t->floor_ppm, 50000);
    assert_true(t->is_noise_sure);
    assert_false(tle_is_slide(t));
    stage_close(&stage);
}

/* The second of them may have met another window of the clock. */
static void
of_refusals_that_follow_each_other_the_first_is_looked_at(void **state)
{
    static const int64_t refused_s[] = {58, 61};
    struct stage stage;

    stage_open(&stage, (struct model){0});
    stage.tle->was_refused = true;
    stage.tle->phase = TLE_CRUISE;
    for (int i = 0; i < 10; i++)
        tell(stage.controller, SIGNAL_ACCEPTED, REPLY_UNTYPED, (5 * i + 5) * (int64_t)US_PER_S, 1);
    for (size_t i = 0; i < COUNT_OF(refused_s); i++) {
        assert_int_equal(stage.tle->phase, TLE_CRUISE);
        tell(stage.controller, SIGNAL_ANSWERED, REPLY_RATE, refused_s[i] * US_PER_S, 1);
    }
    assert_int_equal(stage.tle->phase, TLE_WALL);
    tle_look_back(stage.tle);
    assert_int_equal(stage.tle->first.began_us, refused_s[0] * US_PER_S);
    stage_close(&stage);
}

/* A step that had too few sessions was slower than its pace, and says nothing about that. */
static void
a_pace_that_was_not_kept_contradicts_nobody(void **state)
{
    struct stage stage;
    struct tle *t;

    stage_open(&stage, (struct model){0});
    t = stage.tle;
    for (size_t i = 0; i < TLE_THEORIES; i++)
        t->theories.all[i] =
            (struct tle_theory){.low = 30 * TLE_MILLI, .high = 30 * TLE_MILLI, .wrong = i > 0};
    t->was_refused = t->is_probing = true;
    t->pacer.pace = 35 * PACE_PER_S;
    t->step_accepted = 60;
    tle_on_clean_step(t, 2 * (int64_t)US_PER_S);
    assert_int_equal(t->theories.all[0].high, 30 * TLE_MILLI);
    t->pacer.pace = 35 * PACE_PER_S;
    t->step_began_us = 2 * (int64_t)US_PER_S;
    t->step_accepted = 70;
    tle_on_clean_step(t, 4 * (int64_t)US_PER_S);
    assert_int_equal(t->theories.all[0].high, 0);
    stage_close(&stage);
}

/* An hour at a fifth: it is not given up, nor asked for all the time. */
static void
a_limit_that_was_low_for_an_hour_is_taken_up_again(void **state)
{
    for (int kind = 0; kind < TLE_KINDS; kind++) {
        uint64_t refused_up;
        struct stage stage;
        int up;

        stage_open(&stage, (struct model){.kind = kind, .window_us = US_PER_MIN, .max = 600});
        stage_play(&stage, 30 * US_PER_MIN);
        stage.model.max /= 5;
        stage_play(&stage, US_PER_HOUR);
        print_stage(&stage, US_PER_HOUR);
        assert_true(stage.model.refused * 1000 <= stage.model.accepted * 15);
        stage.model.max *= 5;
        up = minutes_until(&stage, 850, &refused_up);
        print_message("  kind %d: up after %d min\n", kind, up);
        assert_true(up <= 14);
        stage_close(&stage);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walls_that_follow_each_other_at_any_pace_are_a_slide),
        cmocka_unit_test(a_door_is_told_from_the_limit_before_it),
        cmocka_unit_test(a_window_of_a_minute_is_no_door),
        cmocka_unit_test(a_site_that_is_open_again_at_once_has_no_door),
        cmocka_unit_test(a_limit_is_followed_down_and_back_up_within_minutes),
        cmocka_unit_test(a_block_that_lets_half_through_is_a_leak),
        cmocka_unit_test(a_block_of_all_is_no_leak),
        cmocka_unit_test(refusals_that_no_pace_explains_are_noise),
        cmocka_unit_test(as_many_refusals_at_a_slower_pace_are_noise),
        cmocka_unit_test(of_refusals_that_follow_each_other_the_first_is_looked_at),
        cmocka_unit_test(a_pace_that_was_not_kept_contradicts_nobody),
        cmocka_unit_test(a_limit_that_was_low_for_an_hour_is_taken_up_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
