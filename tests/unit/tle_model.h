/* tle_model.h - a site in the hands of a test: what it lets through, and what it answers otherwise.
 *
 * There is always mail for it, and an answer comes at once. */
#ifndef MTALAB_TESTS_TLE_MODEL_H
#define MTALAB_TESTS_TLE_MODEL_H

#include "tests/unit/controller_story.h"

#include "base/moments.h"
#include "base/rng.h"
#include "mta/tle_theory.h"

struct model {
    enum tle_kind
        kind; /* so many in any window, in each window of the clock, a bucket per window */
    int64_t window_us;
    uint64_t max;
    enum reply_subject says; /* what a refusal speaks of; 0: of the rate */
    int64_t shut_until_us;   /* nothing gets through before */
    /* A refusal shuts the door for so long, each knock meanwhile for twice as long as the one before; 0:
     * there is no door. */
    int64_t door_us;
    uint32_t unlucky_ppm; /* refused in these words, whatever the limit says; 0: nobody */
    enum reply_subject unlucky_says;
    struct rng rng;

    struct moments taken; /* of a sliding window */
    uint64_t used;        /* of a fixed one */
    int64_t bucket;       /* messages x window_us that are missing in it */
    int64_t hold_us, last_us;
    uint64_t accepted, refused;
};

static inline void
model_release(struct model *model)
{
    moments_release(&model->taken);
}

static inline bool
model_has_room(struct model *model, int64_t now_us)
{
    int64_t last_us = model->last_us, flown = (now_us - last_us) * (int64_t)model->max;

    model->last_us = now_us;
    switch (model->kind) {
    case TLE_SLIDING:
    case TLE_KINDS:
        break;
    case TLE_FIXED:
        if (now_us / model->window_us != last_us / model->window_us)
            model->used = 0;
        return model->used < model->max;
    case TLE_BUCKET:
        model->bucket = flown < model->bucket ? model->bucket - flown : 0;
        return model->bucket + model->window_us <= model->window_us * (int64_t)model->max;
    }
    while (moments_oldest(&model->taken) != NULL &&
        moments_oldest(&model->taken)->at_us + model->window_us <= now_us)
        moments_drop_oldest(&model->taken);
    return model->taken.count < model->max;
}

static inline void
model_knock(struct model *model, int64_t now_us)
{
    model->refused++;
    if (model->door_us == 0)
        return;
    model->hold_us = now_us < model->shut_until_us ? 2 * model->hold_us : model->door_us;
    model->shut_until_us = now_us + model->hold_us;
}

/* REPLY_UNTYPED: it is taken. */
static inline enum reply_subject
model_offer(struct model *model, int64_t now_us)
{
    bool has_room = model_has_room(model, now_us);

    if (now_us < model->shut_until_us || !has_room) {
        model_knock(model, now_us);
        return model->says != REPLY_UNTYPED ? model->says : REPLY_RATE;
    }
    if (model->unlucky_ppm > 0 && rng_odds(&model->rng, model->unlucky_ppm)) {
        model->refused++;
        return model->unlucky_says;
    }
    if (model->kind == TLE_SLIDING)
        moments_add(&model->taken, now_us, 1);
    model->used++;
    model->bucket += model->window_us;
    model->accepted++;
    return REPLY_UNTYPED;
}

static inline int64_t
play(struct controller *controller, struct model *model, int64_t from_us, int64_t until_us)
{
    int64_t now_us = from_us;

    while ((now_us = controller_ready_at_us(controller, now_us) > now_us
                   ? controller_ready_at_us(controller, now_us)
                   : now_us) < until_us) {
        enum reply_subject subject;

        controller_take(controller, now_us);
        subject = model_offer(model, now_us);
        tell(controller, subject == REPLY_UNTYPED ? SIGNAL_ACCEPTED : SIGNAL_ANSWERED, subject,
            now_us, 1);
        now_us += 100; /* two messages never start at the same instant here */
    }
    return now_us;
}

#endif
