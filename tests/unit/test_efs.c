/* test_efs.c - batches of what became of each recipient: by count, by time, at least once. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/unit.h"
#include "mta/efs.h"

enum { BATCH = 10, EVERY_US = 1000, EVENTS_MAX = 5000 };

struct consumer {
    struct loop *loop;
    struct efs *efs;
    struct rng rng;
    uint32_t refuse_ppm;  /* of the batches */
    int refuse_count;     /* so many of the next ones */
    uint64_t taken_count; /* events; they come in order, so it is the last id as well */
    uint64_t offers_count, batches_count;
    size_t batch_count; /* of the last batch taken */
    int64_t offered_at_us, taken_at_us[EVENTS_MAX];
    struct error err;
};

/* An event says its own number wherever it can. */
static void
check_event(const struct efs_event *event, uint64_t id)
{
    char sender[32], rcpt[64];

    snprintf(sender, sizeof sender, "b+%llu@us.test", (unsigned long long)id);
    snprintf(rcpt, sizeof rcpt, "user%0*llu@isp.test", (int)(id % 30), (unsigned long long)id);
    assert_int_equal(event->id, id);
    assert_slice(event->sender, id % 7 == 0 ? "" : sender);
    assert_slice(event->rcpt, rcpt);
    assert_int_equal(event->attempt, id);
    assert_int_equal(event->kind, id % 4);
}

static bool
take(void *arg, const struct efs_event *events, size_t count)
{
    struct consumer *c = arg;

    assert_in_range(count, 1, BATCH);
    c->offers_count++;
    c->offered_at_us = loop_now_us(c->loop);
    for (size_t i = 0; i < count; i++)
        check_event(&events[i], c->taken_count + 1 + i);
    if (c->refuse_count > 0 || rng_odds(&c->rng, c->refuse_ppm)) {
        c->refuse_count -= c->refuse_count > 0;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        c->taken_at_us[c->taken_count++] = loop_now_us(c->loop);
    c->batch_count = count;
    c->batches_count++;
    return true;
}

static void
consumer_start(struct consumer *c, uint64_t seed)
{
    *c = (struct consumer){.loop = loop_sim_new(0), .rng = rng_from_seed(seed)};
    c->efs = efs_new(c->loop, BATCH, EVERY_US, take, c);
}

static void
consumer_stop(struct consumer *c)
{
    efs_free(&c->efs);
    assert_null(c->efs);
    loop_free(&c->loop);
}

static void
add(struct consumer *c, uint64_t id)
{
    char sender[32], rcpt[64];

    snprintf(sender, sizeof sender, "b+%llu@us.test", (unsigned long long)id);
    snprintf(rcpt, sizeof rcpt, "user%0*llu@isp.test", (int)(id % 30), (unsigned long long)id);
    efs_add(c->efs,
        &(struct efs_event){.at_us = loop_now_us(c->loop),
            .kind = (enum efs_kind)(id % 4),
            .sender = slice_of(id % 7 == 0 ? "" : sender),
            .rcpt = slice_of(rcpt),
            .attempt = (uint32_t)id});
    memset(sender, 'x', sizeof sender); /* it has copied */
    memset(rcpt, 'x', sizeof rcpt);
}

static void
pass(struct consumer *c, int64_t us)
{
    assert_true(loop_run(c->loop, loop_now_us(c->loop) + us, &c->err));
}

static void
a_batch_goes_when_it_is_full(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    for (uint64_t id = 1; id <= BATCH; id++) {
        add(&c, id);
        assert_int_equal(c.offers_count, 0); /* never inside the call */
    }
    pass(&c, 0);
    assert_int_equal(c.taken_count, BATCH);
    assert_int_equal(efs_waiting(c.efs), 0);
    consumer_stop(&c);
}

static void
what_is_not_full_goes_in_time(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    add(&c, 1);
    pass(&c, EVERY_US - 1);
    add(&c, 2);
    assert_int_equal(efs_waiting(c.efs), 2);
    assert_int_equal(c.offers_count, 0);
    pass(&c, 1); /* time runs from the first of them */
    assert_int_equal(c.taken_count, 2);
    pass(&c, 100 * EVERY_US);
    assert_int_equal(c.offers_count, 1); /* nothing is told without news */
    add(&c, 3);
    pass(&c, EVERY_US - 1);
    assert_int_equal(c.taken_count, 2);
    pass(&c, 1);
    assert_int_equal(c.taken_count, 3);
    consumer_stop(&c);
}

static void
more_than_a_batch_is_several(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    for (uint64_t id = 1; id <= 3 * BATCH + 4; id++)
        add(&c, id);
    pass(&c, 0);
    assert_int_equal(c.batches_count, 3);
    assert_int_equal(efs_waiting(c.efs), 4); /* the rest has its own time */
    pass(&c, EVERY_US - 1);
    assert_int_equal(efs_waiting(c.efs), 4);
    pass(&c, 1);
    assert_int_equal(c.taken_count, 3 * BATCH + 4);
    assert_int_equal(c.batch_count, 4);
    consumer_stop(&c);
}

static void
a_refused_batch_is_offered_again_after_a_rest(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    c.refuse_count = 3;
    for (uint64_t id = 1; id <= BATCH; id++)
        add(&c, id);
    pass(&c, 0);
    assert_int_equal(c.offers_count, 1);
    for (uint64_t offers = 2; offers <= 4; offers++) {
        for (uint64_t id = 0; id < BATCH; id++) /* news in plenty do not make it impatient */
            add(&c, (offers - 1) * BATCH + 1 + id);
        pass(&c, EVERY_US - 1);
        assert_int_equal(c.offers_count, offers - 1);
        assert_int_equal(c.taken_count, 0);
        pass(&c, 1);
        assert_true(c.offers_count >= offers);
    }
    assert_int_equal(c.taken_count, 4 * BATCH); /* and then all at once, in order */
    assert_int_equal(efs_waiting(c.efs), 0);
    consumer_stop(&c);
}

static void
a_refused_rest_is_filled_up(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    c.refuse_count = 1;
    add(&c, 1);
    pass(&c, EVERY_US);
    assert_int_equal(c.offers_count, 1);
    for (uint64_t id = 2; id <= BATCH + 1; id++)
        add(&c, id);
    pass(&c, EVERY_US);
    assert_int_equal(c.offers_count, 3);
    assert_int_equal(c.taken_count, BATCH + 1);
    consumer_stop(&c);
}

/* Whatever the consumer does: each event at least once, in order, and in time if it was taken at
 * once. */
static void
nothing_is_lost_and_nothing_overtakes(void **state)
{
    static struct consumer c;
    static int64_t added_at_us[EVENTS_MAX];

    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint64_t added_count = 0;

        consumer_start(&c, seed);
        c.refuse_ppm = seed % 3 == 0 ? 0 : (uint32_t)rng_below(&c.rng, 900000);
        while (added_count < EVENTS_MAX) {
            added_at_us[added_count] = loop_now_us(c.loop);
            add(&c, ++added_count);
            assert_int_equal(efs_waiting(c.efs), added_count - c.taken_count);
            if (rng_below(&c.rng, 8) == 0)
                pass(&c, (int64_t)rng_below(&c.rng, EVERY_US));
        }
        pass(&c, EVENTS_MAX * (int64_t)EVERY_US);
        assert_int_equal(c.taken_count, EVENTS_MAX);
        assert_int_equal(efs_waiting(c.efs), 0);
        for (size_t i = 0; c.refuse_ppm == 0 && i < EVENTS_MAX; i++)
            assert_true(c.taken_at_us[i] - added_at_us[i] <= EVERY_US);
        consumer_stop(&c);
    }
}

static void
it_may_go_with_events_in_it(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    for (uint64_t id = 1; id <= 2 * BATCH + 3; id++)
        add(&c, id);
    consumer_stop(&c);
}

/* For who cannot wait for a batch to be full or due. */
static void
all_can_be_told_at_once(void **state)
{
    static struct consumer c;

    consumer_start(&c, 1);
    efs_tell_all(c.efs); /* nothing is to be told */
    for (uint64_t id = 1; id <= 2 * BATCH + 3; id++)
        add(&c, id);
    efs_tell_all(c.efs);
    assert_int_equal(c.taken_count, 2 * BATCH + 3);
    assert_int_equal(efs_waiting(c.efs), 0);
    c.refuse_count = 1;
    add(&c, 2 * BATCH + 4);
    efs_tell_all(c.efs);
    assert_int_equal(c.offers_count, 4);
    efs_tell_all(c.efs); /* it wants a rest */
    assert_int_equal(c.offers_count, 4);
    if (!loop_run(c.loop, EVERY_US, &c.err))
        fail_msg("%s", c.err.text);
    assert_int_equal(c.taken_count, 2 * BATCH + 4);
    consumer_stop(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_goes_when_it_is_full),
        cmocka_unit_test(what_is_not_full_goes_in_time),
        cmocka_unit_test(more_than_a_batch_is_several),
        cmocka_unit_test(a_refused_batch_is_offered_again_after_a_rest),
        cmocka_unit_test(a_refused_rest_is_filled_up),
        cmocka_unit_test(nothing_is_lost_and_nothing_overtakes),
        cmocka_unit_test(it_may_go_with_events_in_it),
        cmocka_unit_test(all_can_be_told_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
