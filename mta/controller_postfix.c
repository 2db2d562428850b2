/* controller_postfix.c - concurrency feedback, as Postfix's queue manager has it.
 *
 * A destination has a window of deliveries at once, here connections of one message each. A delivery
 * adds g(N) to it, a session that failed before its message takes f(N) from it; both are 1, 1/N or
 * 1/sqrt(N) of the window N. Up-steps happen at the end of a run of 1/g successes, down-steps at the
 * start of a run of 1/f failures. Pseudo-cohorts of failures, 1/N each, declare a destination dead;
 * after a while it starts anew. What the site says to a message gives no feedback at all.
 *
 * The comparison is that of the algorithm as it was published: with the half-step that later code adds
 * for rounding, a first failure at feedback 1 would take two from the window. */
#include "mta/controller_parts.h"

#define ONE INT64_C(1000000) /* a step of the window */

struct postfix {
    struct controller base;
    uint32_t window;                   /* 0: dead, until held_until_us */
    int64_t success, failure, cohorts; /* of ONE */
};

static int64_t
square_root(int64_t n)
{
    int64_t root = 0;

    for (int64_t bit = INT64_C(1) << 30; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= n)
            root += bit;
    return root;
}

static int64_t
feedback(const struct postfix *p)
{
    switch (p->base.rule->settings.feedback) {
    case FEEDBACK_CONSTANT:
        return ONE;
    case FEEDBACK_INVERSE:
        return (ONE + p->window - 1) / p->window; /* N of them are not less than one */
    case FEEDBACK_INVERSE_SQRT:
        return ONE * 1000 / square_root(p->window * INT64_C(1000000));
    }
    return ONE;
}

static void
tell_window(struct postfix *p, uint32_t before, const char *because, const struct signal *s)
{
    controller_tell_count(&p->base,
        &(struct change_note){
            .what = "connections", .because = because, .now_us = s->now_us, .evidence = s},
        before, p->window);
}

static void
on_success(struct postfix *p, const struct signal *s)
{
    uint32_t before = p->window, limit = p->base.rule->connections;

    p->cohorts = 0;
    if (p->window >= limit || p->window >= s->connections_open + p->base.rule->settings.initial)
        return;
    p->success += feedback(p);
    while (p->success >= ONE) {
        p->window++;
        p->success -= ONE;
        p->failure = 0;
    }
    if (p->window > limit)
        p->window = limit;
    tell_window(p, before, "success", s);
}

static void
on_failure(struct postfix *p, const struct signal *s)
{
    uint32_t before = p->window;

    p->success = 0;
    p->cohorts += ONE / p->window;
    if (p->cohorts >= p->base.rule->settings.cohorts * ONE) {
        p->window = 0;
        p->failure = p->cohorts = 0;
        controller_hold(&p->base,
            &(struct change_note){
                .what = "hold", .because = "dead", .now_us = s->now_us, .evidence = s},
            s->now_us + p->base.rule->settings.dead_for_us);
        return;
    }
    p->failure -= feedback(p);
    while (p->failure < 0) {
        if (p->window > 1)
            p->window--;
        p->failure += ONE;
    }
    tell_window(p, before, "failure", s);
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct postfix *p = (struct postfix *)c;

    if (p->window == 0)
        return;
    if (s->kind == SIGNAL_TURNED_AWAY)
        on_failure(p, s);
    else if (s->kind == SIGNAL_ACCEPTED)
        on_success(p, s);
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct postfix *p = (struct postfix *)c;

    if (p->window == 0 && c->held_until_us <= now_us)
        p->window = c->rule->settings.initial;
}

static void
init(struct controller *c, int64_t now_us)
{
    c->messages_per_connection = 1;
}

static uint32_t
connections(struct controller *c, uint32_t waiting, int64_t now_us)
{
    const struct postfix *p = (const struct postfix *)c;

    return waiting < p->window ? waiting : p->window;
}

static void
describe(const struct controller *c, int64_t now_us, struct text *out)
{
    text_printf(out, " window %u", (unsigned)((const struct postfix *)c)->window);
}

const struct controller_ops controller_postfix = {
    .name = "postfix",
    .size = sizeof(struct postfix),
    .nature = {.is_typed = true, .is_one_for_one = true},
    .init = init,
    .signal = on_signal,
    .advance = advance,
    .connections = connections,
    .describe = describe,
};
