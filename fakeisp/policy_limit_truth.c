/* policy_limit_truth.c - what the limits come to for one sender at this instant, for who may know. */
#include "fakeisp/policy_limit.h"

static int64_t
sooner(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static void
tell_door(const struct door *door, const struct isp_limit *config, int64_t now_us,
    struct isp_limit_state *state)
{
    state->rung = door->rung;
    state->is_shut = door_is_shut(door, now_us);
    state->shut_until_us = door->shut_until_us;
    if (state->is_shut)
        state->changes_at_us = sooner(state->changes_at_us, door->shut_until_us);
    if (door->rung > 0 && config->decay_us > 0)
        state->changes_at_us = sooner(state->changes_at_us, door->quiet_from_us + config->decay_us);
}

struct isp_limit_state
limits_state(struct limits *limits, size_t index, const struct isp_sender *sender,
    uint64_t scale_ppm, int64_t way_us, int64_t now_us)
{
    struct limit *limit = &limits->limits[index];
    const struct isp_limit *config = limit->config;
    struct isp_limit_state state = {
        .config = config, .changes_at_us = INT64_MAX, .rate = {0, 1}
    };
    struct sender_key key = sender_key(config->per, sender);
    struct counter nobody = {0}, *counter;
    struct window window;

    assert(index < limits->count);
    counter = senders_find(&limit->counters, &key);
    if (counter == NULL)
        counter = &nobody;
    door_settle(&counter->door, config, now_us);
    tell_door(&counter->door, config, now_us, &state);
    if (!isp_limit_is_scaled(config))
        scale_ppm = PPM;
    window = limit_window(limit, scale_ppm * door_scale_ppm(&counter->door, config) / PPM);
    state.max = window.max;
    state.window = config->window;
    state.window_us = window.length_us;
    state.burst = window.burst > 0 ? window.burst : window.max;
    if (limit_is_share(limit)) {
        state.room = limit_share_is_over(limit, counter, now_us) ? 0 : UINT64_MAX;
    } else if (limit_has_tally(config->count)) {
        tally_settle(&counter->tally, &window, now_us);
        state.room = tally_room_at(&counter->tally, &window, now_us + way_us, &state.eases_at_us);
    } else {
        state.room = window.max;
    }
    if (state.is_shut)
        state.room = 0;
    else if (window.length_us > 0 && !limit_is_share(limit))
        state.rate =
            ratio_of((int64_t)(window.max < INT64_MAX ? window.max : INT64_MAX), window.length_us);
    return state;
}
