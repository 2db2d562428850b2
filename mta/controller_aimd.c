/* controller_aimd.c - additive caution, multiplicative alarm: the pace grows with each clean minute and
 * is cut when the site says that it is too much.
 *
 * It starts at `floor` and doubles after each clean minute until the first throttle reply; from then
 * on a throttle reply keeps `cut` of the pace, at most once a minute, and a clean minute adds `grow`. A
 * minute is clean when something was accepted in it and nothing throttled. */
#include "mta/controller_parts.h"

struct aimd {
    struct controller base;
    struct pacer pacer;
    int64_t floor; /* a pace */
    int64_t minute_ends_us, cut_again_at_us;
    bool was_throttled;         /* ever */
    bool is_throttled, is_used; /* in this minute */
};

static void
set_pace(struct aimd *a, int64_t pace, const struct change_note *note)
{
    if (pace < a->floor)
        pace = a->floor;
    controller_tell_pace(&a->base, note, a->pacer.pace, pace);
    pacer_set(&a->pacer, pace, note->now_us);
}

static int64_t
grown(const struct aimd *a)
{
    struct ratio grow = a->base.rule->settings.grow;

    if (!a->was_throttled)
        return pace_scale(a->pacer.pace, 2, 1);
    return pace_scale(a->pacer.pace, grow.den + grow.num, grow.den);
}

static void
advance(struct controller *c, int64_t now_us)
{
    struct aimd *a = (struct aimd *)c;

    while (a->minute_ends_us <= now_us) {
        if (a->is_used && !a->is_throttled)
            set_pace(a, grown(a),
                &(struct change_note){.what = "pace",
                    .because = "clean minute",
                    .now_us = now_us,
                    .next_probe_us = a->minute_ends_us + US_PER_MIN});
        a->is_used = a->is_throttled = false;
        a->minute_ends_us += US_PER_MIN;
        if (a->minute_ends_us <= now_us) /* nothing happened in the minutes between */
            a->minute_ends_us += (now_us - a->minute_ends_us) / US_PER_MIN * US_PER_MIN;
    }
}

static void
on_signal(struct controller *c, const struct signal *s)
{
    struct aimd *a = (struct aimd *)c;
    struct ratio cut = c->rule->settings.cut;

    if (s->kind == SIGNAL_ACCEPTED)
        a->is_used = true;
    if (!reply_is_of_site(&s->type))
        return;
    a->was_throttled = a->is_throttled = true;
    if (s->now_us < a->cut_again_at_us)
        return;
    a->cut_again_at_us = s->now_us + US_PER_MIN;
    set_pace(a, pace_scale(a->pacer.pace, cut.num, cut.den),
        &(struct change_note){
            .what = "pace", .because = "throttled", .now_us = s->now_us, .evidence = s});
}

static void
init(struct controller *c, int64_t now_us)
{
    struct aimd *a = (struct aimd *)c;
    struct ratio floor = c->rule->settings.floor;

    a->floor = pace_of(floor.num, floor.den);
    a->pacer.pace = a->floor;
    a->pacer.next_ns = now_us * 1000;
    a->minute_ends_us = now_us + US_PER_MIN;
}

static uint32_t
connections(struct controller *c, uint32_t waiting, int64_t now_us)
{
    return controller_worth(waiting, c->rule->connections);
}

static int64_t
ready_at_us(struct controller *c, int64_t now_us)
{
    return pacer_ready_at_us(&((struct aimd *)c)->pacer);
}

static void
take(struct controller *c, int64_t now_us)
{
    pacer_take(&((struct aimd *)c)->pacer, now_us);
}

static void
describe(const struct controller *c, int64_t now_us, struct text *out)
{
    text_add_string(out, " ");
    pace_format(out, ((const struct aimd *)c)->pacer.pace);
}

const struct controller_ops controller_aimd = {
    .name = "aimd",
    .size = sizeof(struct aimd),
    .nature = {.is_typed = true},
    .init = init,
    .signal = on_signal,
    .advance = advance,
    .connections = connections,
    .ready_at_us = ready_at_us,
    .take = take,
    .describe = describe,
};
