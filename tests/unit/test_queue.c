/* test_queue.c - the order in which recipients wait, against a model that keeps plain lists. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/queue.h"

enum { LINES_COUNT = 3, NODES_MAX = 20000, LINE_MAX = 4096 };

enum model_state { ABSENT, IN_FLIGHT, IN_LINE, DEFERRED };

struct model_node { /* by number of the node, which comes again once it is free */
    enum model_state state;
    struct spool_place place;
    int64_t expires_us, due_us;
    uint32_t deferral; /* number; equal instants come due in this order */
    uint32_t attempts, losses;
};

struct world {
    struct loop *loop;
    struct store *store;
    struct spool *spool;
    struct queue *queue;
    struct rng rng;
    struct model_node nodes[NODES_MAX];
    queue_node nodes_end; /* above the highest number seen */
    struct line lines[LINES_COUNT];
    queue_node model_lines[LINES_COUNT][LINE_MAX];
    size_t line_counts[LINES_COUNT];
    uint32_t deferrals_count, alive_count, due_told, expired_told;
    int64_t defer_again_us; /* 0: who comes due stays in flight */
    struct error err;
};

/* --- the model ------------------------------------------------------------------------------- */

static void
take_out_of_line(struct world *w, queue_node node)
{
    for (size_t i = 0; i < LINES_COUNT; i++)
        for (size_t j = 0; j < w->line_counts[i]; j++)
            if (w->model_lines[i][j] == node) {
                memmove(&w->model_lines[i][j], &w->model_lines[i][j + 1],
                    (--w->line_counts[i] - j) * sizeof(queue_node));
                return;
            }
    fail_msg("node %u is in no line", (unsigned)node);
}

static void
defer(struct world *w, queue_node node, int64_t due_us)
{
    struct model_node *m = &w->nodes[node];

    m->state = DEFERRED;
    m->due_us = due_us < m->expires_us ? due_us : INT64_MAX;
    m->deferral = w->deferrals_count++;
    queue_defer(w->queue, node, due_us);
}

static void
on_due(void *arg, queue_node node)
{
    struct world *w = arg;
    struct model_node *m = &w->nodes[node];

    w->due_told++;
    assert_int_equal(m->state, DEFERRED);
    assert_int_equal(m->due_us, loop_now_us(w->loop));
    assert_true(m->due_us < m->expires_us);
    for (queue_node other = 1; other < w->nodes_end; other++)
        if (w->nodes[other].state == DEFERRED && w->nodes[other].due_us == m->due_us)
            assert_true(w->nodes[other].deferral >= m->deferral);
    m->state = IN_FLIGHT;
    if (w->defer_again_us > 0)
        defer(w, node, loop_now_us(w->loop) + w->defer_again_us);
}

static void
on_expired(void *arg, queue_node node)
{
    struct world *w = arg;
    struct model_node *m = &w->nodes[node];

    w->expired_told++;
    assert_true(m->state == IN_LINE || m->state == DEFERRED);
    assert_int_equal(m->expires_us, loop_now_us(w->loop));
    assert_int_equal(queue_place(w->queue, node).message, m->place.message);
    if (m->state == IN_LINE)
        take_out_of_line(w, node);
    m->state = ABSENT;
    w->alive_count--;
    spool_settle(w->spool, m->place);
}

static void
world_start(struct world *w, uint64_t seed)
{
    static const struct queue_events events = {.on_due = on_due, .on_expired = on_expired};

    memset(w, 0, sizeof *w);
    w->rng = rng_from_seed(seed);
    w->loop = loop_sim_new(0);
    w->store = store_sim_new(w->loop, 0, &w->rng);
    w->spool = spool_new(w->loop, w->store);
    w->queue = queue_new(w->loop, w->spool, &events, w);
    w->nodes_end = 1;
}

static void
world_stop(struct world *w)
{
    queue_free(&w->queue);
    spool_free(&w->spool);
    store_free(&w->store);
    loop_free(&w->loop);
}

static struct spool_place
add_to_spool(struct world *w, int64_t validity_us)
{
    const struct mail_address rcpt = {.local = SLICE("kim"), .domain = SLICE("isp.test")};
    struct spool_place place;

    spool_add(w->spool,
        &(struct spool_submission){.recipients = &rcpt,
            .recipients_count = 1,
            .content = SLICE("hello"),
            .validity_us = validity_us},
        &place);
    return place;
}

static queue_node
add(struct world *w, int64_t validity_us)
{
    struct spool_place place = add_to_spool(w, validity_us);
    queue_node node = queue_add(w->queue, place);

    assert_in_range(node, 1, NODES_MAX - 1);
    assert_int_equal(w->nodes[node].state, ABSENT);
    w->nodes[node] = (struct model_node){
        .state = IN_FLIGHT, .place = place, .expires_us = loop_now_us(w->loop) + validity_us};
    if (node >= w->nodes_end)
        w->nodes_end = node + 1;
    w->alive_count++;
    return node;
}

static void
finish(struct world *w, queue_node node)
{
    assert_int_equal(w->nodes[node].state, IN_FLIGHT);
    spool_settle(w->spool, w->nodes[node].place);
    queue_remove(w->queue, node);
    w->nodes[node].state = ABSENT;
    w->alive_count--;
}

static void
push(struct world *w, size_t line, queue_node node, bool in_front)
{
    queue_node *model = w->model_lines[line];
    size_t count = w->line_counts[line]++;

    assert_true(count < LINE_MAX);
    if (in_front) {
        memmove(model + 1, model, count * sizeof *model);
        model[0] = node;
        line_push_front(w->queue, &w->lines[line], node);
    } else {
        model[count] = node;
        line_push(w->queue, &w->lines[line], node);
    }
    w->nodes[node].state = IN_LINE;
}

static queue_node
pop(struct world *w, size_t line)
{
    queue_node first = line_first(w->queue, &w->lines[line]);
    queue_node node = line_pop(w->queue, &w->lines[line]);

    assert_int_equal(first, node);
    assert_int_equal(node, w->line_counts[line] > 0 ? w->model_lines[line][0] : 0);
    if (node == 0)
        return 0;
    take_out_of_line(w, node);
    w->nodes[node].state = IN_FLIGHT;
    return node;
}

static void
pass(struct world *w, int64_t us)
{
    int64_t now_us = loop_now_us(w->loop) + us;

    assert_true(loop_run(w->loop, now_us, &w->err));
    for (queue_node node = 1; node < w->nodes_end; node++) {
        const struct model_node *m = &w->nodes[node];

        if (m->state == IN_LINE || m->state == DEFERRED)
            assert_true(m->expires_us > now_us);
        if (m->state == DEFERRED)
            assert_true(m->due_us > now_us);
    }
    assert_int_equal(queue_count(w->queue), w->alive_count);
}

/* --- claims ---------------------------------------------------------------------------------- */

static void
play_with(struct world *w, queue_node node)
{
    bool is_late = w->nodes[node].expires_us <= loop_now_us(w->loop);

    if (is_late || rng_below(&w->rng, 6) == 0)
        finish(w, node);
    else if (rng_below(&w->rng, 2) == 0)
        push(w, (size_t)rng_below(&w->rng, LINES_COUNT), node, rng_below(&w->rng, 4) == 0);
    else
        defer(w, node, loop_now_us(w->loop) + 1 + (int64_t)rng_below(&w->rng, 60));
}

static void
it_does_what_plain_lists_do(void **state)
{
    static struct world w;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        world_start(&w, seed);
        for (int step = 0; step < 3000; step++) {
            queue_node node;

            switch (rng_below(&w.rng, 8)) {
            case 0:
            case 1:
                add(&w, 20 * (int64_t)(1 + rng_below(&w.rng, 4)));
                break;
            case 2:
            case 3:
                node = pop(&w, (size_t)rng_below(&w.rng, LINES_COUNT));
                if (node != 0 && rng_below(&w.rng, 2) == 0)
                    play_with(&w, node);
                break;
            case 4:
                pass(&w, (int64_t)rng_below(&w.rng, 4));
                break;
            default:
                node = (queue_node)rng_below(&w.rng, w.nodes_end);
                if (w.nodes[node].state == IN_FLIGHT)
                    play_with(&w, node);
            }
        }
        assert_true(w.due_told > 100);
        assert_true(w.expired_told > 100);
        pass(&w, 1000);
        for (queue_node node = 1; node < w.nodes_end; node++)
            if (w.nodes[node].state == IN_FLIGHT)
                finish(&w, node);
        assert_int_equal(queue_count(w.queue), 0);
        for (size_t i = 0; i < LINES_COUNT; i++) {
            assert_int_equal(pop(&w, i), 0);
            assert_int_equal(w.lines[i].count, 0); /* no gap is left */
        }
        world_stop(&w);
    }
}

static void
memory_is_used_again(void **state)
{
    static struct world w;
    uint64_t bytes;

    world_start(&w, 1);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 200; i++) {
            queue_node node = add(&w, 100);

            if (i % 3 == 0)
                push(&w, 0, node, false);
            else if (i % 3 == 1)
                defer(&w, node, loop_now_us(w.loop) + 1000); /* never */
            else
                finish(&w, node);
        }
        pass(&w, 100);
        assert_int_equal(pop(&w, 0), 0); /* passes over the gaps */
        if (round == 0)
            bytes = queue_bytes(w.queue);
    }
    assert_int_equal(queue_bytes(w.queue), bytes);
    assert_int_equal(w.expired_told, 50 * 134);
    world_stop(&w);
}

static void
expiry_is_exact_whatever_the_validity(void **state)
{
    static const int64_t validities_us[] = {1, 7, US_PER_S, 84 * US_PER_HOUR};
    static struct world w;

    world_start(&w, 1);
    for (int i = 0; i < 100; i++) {
        for (size_t j = 0; j < COUNT_OF(validities_us); j++)
            push(&w, 0, add(&w, validities_us[j]), false);
        pass(&w, 3);
    }
    pass(&w, 84 * US_PER_HOUR - 300 - 1);
    assert_int_equal(w.expired_told, 300);
    pass(&w, 1); /* the first of the last ones; on_expired() looks at the clock */
    assert_int_equal(w.expired_told, 301);
    pass(&w, US_PER_S);
    assert_int_equal(w.expired_told, 400);
    world_stop(&w);
}

static void
a_node_in_flight_outlives_its_validity(void **state)
{
    static struct world w;
    queue_node node;

    world_start(&w, 1);
    node = add(&w, 10);
    push(&w, 0, add(&w, 10), false); /* behind it in the list of this validity */
    pass(&w, 10);
    assert_int_equal(w.expired_told, 1);
    assert_int_equal(queue_expires_us(w.queue, node), 10);
    pass(&w, 1000);
    finish(&w, node);
    add(&w, 10); /* the list is not confused */
    pass(&w, 0);
    world_stop(&w);
}

static void
a_deferral_beyond_validity_waits_for_its_end(void **state)
{
    static const struct {
        int64_t due_us;
        uint32_t due_told;
    } cases[] = {
        {99,        1},
        {100,       0}, /* the end comes first */
        {101,       0},
        {INT64_MAX, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        world_start(&w, 1);
        w.defer_again_us = 1000;
        defer(&w, add(&w, 100), cases[i].due_us);
        pass(&w, 99);
        assert_int_equal(w.due_told, cases[i].due_told);
        assert_int_equal(w.expired_told, 0);
        pass(&w, 1);
        assert_int_equal(w.expired_told, 1);
        pass(&w, 10000);
        assert_int_equal(w.due_told, cases[i].due_told);
        world_stop(&w);
    }
}

static void
what_comes_due_may_be_deferred_at_once(void **state)
{
    static struct world w;

    world_start(&w, 1);
    w.defer_again_us = 10;
    for (int i = 0; i < 50; i++)
        defer(&w, add(&w, 10000), 1 + i % 10);
    pass(&w, 1000);
    assert_int_equal(w.due_told, 50 * 100);
    world_stop(&w);
}

static void
tries_and_losses_are_counted(void **state)
{
    static struct world w;
    queue_node node;

    world_start(&w, 1);
    node = add(&w, 1000);
    assert_int_equal(queue_attempts(w.queue, node), 0);
    for (uint32_t attempt = 1; attempt <= 300; attempt++) {
        for (uint32_t loss = 1; loss <= 3; loss++) {
            queue_count_loss(w.queue, node);
            assert_int_equal(queue_losses(w.queue, node), loss);
        }
        assert_int_equal(queue_count_attempt(w.queue, node), attempt);
        assert_int_equal(queue_losses(w.queue, node), 0); /* they are of one try */
    }
    assert_int_equal(queue_attempts(w.queue, node), 300);
    for (int i = 0; i < 1000; i++)
        queue_count_loss(w.queue, node);
    assert_int_equal(queue_losses(w.queue, node), 127); /* as far as it counts */
    assert_int_equal(queue_attempts(w.queue, node), 300);
    finish(&w, node);
    assert_int_equal(queue_attempts(w.queue, add(&w, 1000)), 0); /* the number is used again */
    world_stop(&w);
}

/* After a crash messages come in again, some of them too late. */
static void
what_expired_in_the_meantime_is_told_at_once(void **state)
{
    static struct world w;
    struct spool_place place;
    queue_node node;

    world_start(&w, 1);
    place = add_to_spool(&w, 100);
    pass(&w, 500);
    node = queue_add(w.queue, place);
    w.nodes[node] = (struct model_node){.state = IN_FLIGHT, .place = place, .expires_us = 500};
    w.nodes_end = node + 1;
    w.alive_count++;
    push(&w, 0, node, false);
    pass(&w, 0);
    assert_int_equal(w.expired_told, 1);
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_does_what_plain_lists_do),
        cmocka_unit_test(memory_is_used_again),
        cmocka_unit_test(expiry_is_exact_whatever_the_validity),
        cmocka_unit_test(a_node_in_flight_outlives_its_validity),
        cmocka_unit_test(a_deferral_beyond_validity_waits_for_its_end),
        cmocka_unit_test(what_comes_due_may_be_deferred_at_once),
        cmocka_unit_test(tries_and_losses_are_counted),
        cmocka_unit_test(what_expired_in_the_meantime_is_told_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
