/* test_loop.c - what time it is, and what happens when. */
#include "tests/unit/loop_diary.h"

#include "base/loop.h"
#include "base/mem.h"
#include "base/rng.h"

static void
equal_instants_fire_in_the_order_of_arming(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct diary diary = {.loop = loop};
    struct alarm alarms[6] = {0};
    static const int64_t at_us[] = {70000, 5, 70000, 0, 70000, 5};
    static const int expected[] = {3, 1, 5, 0, 2, 4};

    for (int i = 0; i < 6; i++) {
        alarms[i].diary = &diary;
        alarms[i].number = i;
        timer_arm(loop, &alarms[i].timer, at_us[i], write_down, &alarms[i]);
    }
    run(loop, INT64_MAX);
    assert_int_equal(diary.count, 6);
    assert_memory_equal(diary.notes, expected, sizeof expected);
    assert_int_equal(loop_now_us(loop), 70000);
    assert_int_equal(loop_callbacks_count(loop), 6);
    loop_free(&loop);
    assert_null(loop);
}

/* Armed early for a far instant, and late for the same one when it is near: the wheel has moved. */
static void
arming_order_survives_the_way_down_the_wheel(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct diary diary = {.loop = loop};
    struct alarm alarms[8] = {0};
    static const int64_t armed_at_us[] = {0, 1, 200, 300, 65000, 70000, 16777215, 16777999};

    for (int i = 0; i < 8; i++) {
        alarms[i].diary = &diary;
        alarms[i].number = i;
        run(loop, armed_at_us[i]);
        timer_arm(loop, &alarms[i].timer, 16778000, write_down, &alarms[i]);
    }
    run(loop, INT64_MAX);
    assert_int_equal(diary.count, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(diary.notes[i], i);
    loop_free(&loop);
}

static void
cancelled_timers_do_not_fire_and_moved_ones_fire_once(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct diary diary = {.loop = loop};
    struct alarm a = {.diary = &diary, .number = 1}, b = {.diary = &diary, .number = 2};

    timer_cancel(loop, &a.timer); /* idle ones are left alone */
    timer_arm(loop, &a.timer, 10, write_down, &a);
    timer_arm(loop, &b.timer, 10, write_down, &b);
    timer_arm(loop, &a.timer, 10, write_down, &a); /* counts as armed now: after b */
    run(loop, 20);
    assert_int_equal(diary.count, 2);
    assert_int_equal(diary.notes[0], 2);
    assert_int_equal(diary.notes[1], 1);
    timer_arm(loop, &a.timer, 30, write_down, &a);
    assert_true(timer_is_armed(&a.timer));
    timer_cancel(loop, &a.timer);
    assert_false(timer_is_armed(&a.timer));
    run(loop, 100);
    assert_int_equal(diary.count, 2);
    loop_free(&loop);
}

static void
time_stands_where_the_run_was_told_to_end(void **state)
{
    struct loop *loop = loop_sim_new(INT64_C(1767600000000000));
    struct diary diary = {.loop = loop};
    struct alarm a = {.diary = &diary, .number = 1};

    timer_arm(loop, &a.timer, 1001, write_down, &a);
    run(loop, 1000);
    assert_int_equal(diary.count, 0);
    assert_int_equal(loop_now_us(loop), 1000);
    timer_arm(loop, &a.timer, 1000, write_down, &a);
    run(loop, 1000);
    assert_int_equal(diary.count, 1);
    timer_arm(loop, &a.timer, -5, write_down, &a); /* the past means now */
    run(loop, 5000);
    assert_int_equal(diary.count, 2);
    assert_int_equal(diary.at_us[1], 1000);
    assert_int_equal(loop_now_us(loop), 5000);
    assert_int_equal(loop_wall_us(loop), INT64_C(1767600000005000));
    run(loop, INT64_MAX); /* nothing is armed: time has nowhere to go */
    assert_int_equal(loop_now_us(loop), 5000);
    run(loop, 10); /* the past again */
    assert_int_equal(loop_now_us(loop), 5000);
    loop_free(&loop);
}

struct poster {
    struct loop *loop;
    struct timer timer;
    struct alarm *alarm;
    int left;
};

static void
post_again(void *arg)
{
    struct poster *poster = arg;

    if (poster->left-- > 0)
        loop_post(poster->loop, &poster->timer, post_again, poster);
}

static void
post_then_write_down(void *arg)
{
    struct poster *poster = arg;

    loop_post(poster->loop, &poster->alarm->timer, write_down, poster->alarm);
}

static void
a_post_fires_in_this_instant_after_what_was_due(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct diary diary = {.loop = loop};
    struct alarm posted = {.diary = &diary, .number = 2}, due = {.diary = &diary, .number = 1};
    struct poster poster = {.loop = loop, .alarm = &posted};

    timer_arm(loop, &poster.timer, 50, post_then_write_down, &poster);
    timer_arm(loop, &due.timer, 50, write_down, &due);
    run(loop, INT64_MAX);
    assert_int_equal(diary.count, 2);
    assert_int_equal(diary.notes[0], 1);
    assert_int_equal(diary.notes[1], 2);
    assert_int_equal(diary.at_us[1], 50);
    loop_free(&loop);
}

static void
a_livelock_is_reported_with_its_instant(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct poster poster = {.loop = loop, .left = INT32_MAX};
    struct error err = {0};

    timer_arm(loop, &poster.timer, 1500000, post_again, &poster);
    assert_false(loop_run(loop, INT64_MAX, &err));
    assert_int_equal(err.kind, ERROR_WORLD);
    assert_non_null(strstr(err.text, "livelock"));
    assert_non_null(strstr(err.text, "1.500000s"));
    loop_free(&loop);
}

static void
many_callbacks_are_no_livelock_while_time_moves(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct poster poster = {.loop = loop};

    for (int i = 0; i < 3; i++) {
        poster.left = 900000;
        timer_arm(loop, &poster.timer, i, post_again, &poster);
        run(loop, i);
    }
    loop_free(&loop);
}

struct hook {
    struct loop *loop;
    int calls;
    int64_t at_us[NOTES_MAX];
    struct alarm *to_post; /* at the first call */
};

static void
on_over(void *arg)
{
    struct hook *hook = arg;

    assert_true(hook->calls < NOTES_MAX);
    hook->at_us[hook->calls++] = loop_now_us(hook->loop);
    if (hook->calls == 1 && hook->to_post != NULL)
        loop_post(hook->loop, &hook->to_post->timer, write_down, hook->to_post);
}

static void
the_end_of_an_instant_is_told_before_time_moves(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct diary diary = {.loop = loop};
    struct alarm a[3] = {
        {.diary = &diary, .number = 1},
        {.diary = &diary, .number = 2},
        {.diary = &diary, .number = 3}
    };
    struct hook hook = {.loop = loop, .to_post = &a[2]};
    static const int64_t expected[] = {7, 7, 900};

    loop_on_instant_over(loop, on_over, &hook);
    timer_arm(loop, &a[0].timer, 7, write_down, &a[0]);
    timer_arm(loop, &a[1].timer, 900, write_down, &a[1]);
    run(loop, 5000); /* where nothing runs nothing is over */
    assert_int_equal(hook.calls, 3);
    assert_memory_equal(hook.at_us, expected, sizeof expected);
    assert_int_equal(diary.notes[1], 3); /* what the hook armed ran in the same instant */
    loop_on_instant_over(loop, NULL, NULL);
    timer_arm(loop, &a[0].timer, 6000, write_down, &a[0]);
    run(loop, INT64_MAX);
    assert_int_equal(hook.calls, 3);
    loop_free(&loop);
}

static void
stop(void *arg)
{
    loop_stop(arg);
}

static void
a_stopped_run_goes_on_where_it_was(void **state)
{
    struct loop *loop = loop_sim_new(0);
    struct diary diary = {.loop = loop};
    struct alarm a = {.diary = &diary, .number = 1};
    struct timer stopper = {0};
    struct hook hook = {.loop = loop};

    loop_on_instant_over(loop, on_over, &hook);
    timer_arm(loop, &stopper, 10, stop, loop);
    timer_arm(loop, &a.timer, 10, write_down, &a);
    run(loop, 100);
    assert_int_equal(diary.count, 0);
    assert_int_equal(hook.calls, 0); /* its instant is not over */
    assert_int_equal(loop_now_us(loop), 10);
    run(loop, 100);
    assert_int_equal(diary.count, 1);
    assert_int_equal(hook.calls, 1);
    assert_int_equal(loop_now_us(loop), 100);
    loop_free(&loop);
}

/* ---- against a model: a plain array, searched for the least (instant, number of arming) ---- */

enum { MODEL_TIMERS = 300 };

struct model_arg {
    struct model *model;
    int number;
};

struct model {
    struct loop *loop;
    struct rng rng;
    struct timer timers[MODEL_TIMERS];
    struct model_arg args[MODEL_TIMERS];
    int64_t at_us[MODEL_TIMERS];
    uint64_t armed_as[MODEL_TIMERS]; /* 0: idle */
    uint64_t armed_count;
    uint64_t fired_count;
};

static int
model_next(const struct model *model)
{
    int best = -1;

    for (int i = 0; i < MODEL_TIMERS; i++) {
        if (model->armed_as[i] == 0)
            continue;
        if (best < 0 || model->at_us[i] < model->at_us[best] ||
            (model->at_us[i] == model->at_us[best] && model->armed_as[i] < model->armed_as[best]))
            best = i;
    }
    return best;
}

static int64_t
random_instant(struct model *model)
{
    unsigned bits = (unsigned)rng_below(&model->rng, 44);
    int64_t gap_us = (int64_t)rng_below(&model->rng, (UINT64_C(1) << bits) + 1);
    int64_t at_us = loop_now_us(model->loop) + gap_us;

    /* Coarse instants meet often, which is what the order is about. */
    return rng_odds(&model->rng, PPM / 2) ? at_us & ~INT64_C(1023) : at_us;
}

static void model_fire(void *arg);

static void
model_shake(struct model *model)
{
    int i = (int)rng_below(&model->rng, MODEL_TIMERS);

    if (rng_odds(&model->rng, PPM / 5)) {
        timer_cancel(model->loop, &model->timers[i]);
        model->armed_as[i] = 0;
        return;
    }
    model->at_us[i] = random_instant(model);
    timer_arm(model->loop, &model->timers[i], model->at_us[i], model_fire, &model->args[i]);
    if (model->at_us[i] < loop_now_us(model->loop))
        model->at_us[i] = loop_now_us(model->loop);
    model->armed_as[i] = ++model->armed_count;
}

static void
model_fire(void *arg)
{
    const struct model_arg *fired = arg;
    struct model *model = fired->model;

    assert_int_equal(fired->number, model_next(model));
    assert_int_equal(loop_now_us(model->loop), model->at_us[fired->number]);
    model->armed_as[fired->number] = 0;
    model->fired_count++;
    if (model->fired_count < 20000)
        for (uint64_t i = rng_below(&model->rng, 4); i > 0; i--)
            model_shake(model);
}

static void
random_timers_fire_as_in_a_sorted_list(void **state)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct model *model = mem_alloc_zeroed(sizeof *model);
        int next;

        print_message("  seed %d\n", (int)seed);
        model->loop = loop_sim_new(0);
        model->rng = rng_from_seed(seed);
        for (int i = 0; i < MODEL_TIMERS; i++) {
            model->args[i].model = model;
            model->args[i].number = i;
            model_shake(model);
        }
        while ((next = model_next(model)) >= 0) {
            int64_t until_us = random_instant(model);

            run(model->loop, until_us > loop_now_us(model->loop) ? until_us : INT64_MAX);
            if (model->fired_count < 20000)
                model_shake(model);
            next = model_next(model);
            assert_true(next < 0 || model->at_us[next] >= loop_now_us(model->loop));
        }
        assert_true(model->fired_count > 1000);
        loop_free(&model->loop);
        mem_free(model);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_instants_fire_in_the_order_of_arming),
        cmocka_unit_test(arming_order_survives_the_way_down_the_wheel),
        cmocka_unit_test(cancelled_timers_do_not_fire_and_moved_ones_fire_once),
        cmocka_unit_test(time_stands_where_the_run_was_told_to_end),
        cmocka_unit_test(a_post_fires_in_this_instant_after_what_was_due),
        cmocka_unit_test(a_livelock_is_reported_with_its_instant),
        cmocka_unit_test(many_callbacks_are_no_livelock_while_time_moves),
        cmocka_unit_test(the_end_of_an_instant_is_told_before_time_moves),
        cmocka_unit_test(a_stopped_run_goes_on_where_it_was),
        cmocka_unit_test(random_timers_fire_as_in_a_sorted_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
