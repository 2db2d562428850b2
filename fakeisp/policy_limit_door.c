/* policy_limit_door.c - what becomes of a sender who is told no and knocks again.
 *
 * A refusal shuts the door for a while if the config wants it; each knock meanwhile shuts it for
 * longer. Above the limit's own reply there may be rungs: so many refusals in so long, whether the
 * door was shut or not, bring the next one, with a reply, a stage and a hold of its own. Being left in
 * peace brings the sender down again, a rung per decay time, which begins when the hold is over. */
#include "fakeisp/policy_limit.h"

#define HOLD_US_MAX   (400 * US_PER_DAY) /* where the config sets no end to a penalty */
#define DOOR_GRACE_US US_PER_S /* what was on its way when the door was shut is no knock */

bool
door_is_shut(const struct door *door, int64_t now_us)
{
    return now_us < door->shut_until_us;
}

static const struct isp_rung *
rung_of(const struct door *door, const struct isp_limit *config)
{
    assert(door->rung <= config->rungs_count);
    return door->rung > 0 ? &config->rungs[door->rung - 1] : NULL;
}

uint32_t
door_scale_ppm(const struct door *door, const struct isp_limit *config)
{
    const struct isp_rung *rung = rung_of(door, config);

    return rung != NULL ? rung->scale_ppm : PPM;
}

void
door_settle(struct door *door, const struct isp_limit *config, int64_t now_us)
{
    int64_t steps;

    if (door->rung == 0 || config->decay_us == 0 || now_us < door->quiet_from_us)
        return;
    steps = (now_us - door->quiet_from_us) / config->decay_us;
    if (steps == 0)
        return;
    door->rung = steps < door->rung ? door->rung - (uint32_t)steps : 0;
    door->quiet_from_us += steps * config->decay_us;
    tally_release(&door->strikes);
}

static int64_t
longest_hold(const struct isp_limit *config)
{
    return config->hold_us_max > 0 ? config->hold_us_max : HOLD_US_MAX;
}

static int64_t
longer_hold(const struct isp_limit *config, int64_t hold_us)
{
    int64_t most_us = longest_hold(config);
    struct ratio longer = {hold_us, 1};

    if (config->hold_factor.den > 0)
        longer = ratio_multiply(longer, config->hold_factor);
    if (ratio_compare(longer, ratio_of(most_us, 1)) >= 0)
        return most_us;
    return ratio_round(longer);
}

static void
shut(struct door *door, int64_t hold_us, int64_t now_us)
{
    door->hold_us = hold_us;
    if (now_us + hold_us > door->shut_until_us)
        door->shut_until_us = now_us + hold_us;
}

/* One more refusal; true: it was the one too many. */
static bool
strike(struct door *door, const struct isp_limit *config, int64_t now_us)
{
    struct window window = {.kind = WINDOW_SLIDING};

    if (door->rung == config->rungs_count)
        return false;
    window.length_us = config->rungs[door->rung].within_us;
    window.max = config->rungs[door->rung].after;
    tally_take(&door->strikes, &window, now_us, 1);
    return tally_room(&door->strikes, &window, now_us) == 0;
}

/* One knock is a look whether the door is open; from the second on it is hammering. True: that has
 * just made the hold as long as it gets. */
static bool
harden(struct door *door, const struct isp_limit *config, int64_t first_us, int64_t now_us)
{
    int64_t before_us = door->hold_us, most_us = longest_hold(config);
    bool was_hammered = door->knocks > 1;

    shut(door, longer_hold(config, before_us), now_us);
    if (door->knocks < UINT32_MAX)
        door->knocks++;
    return door->knocks > 1 && door->hold_us >= most_us && most_us > first_us &&
        (before_us < most_us || !was_hammered);
}

/* A knock at a shut door keeps it shut for longer than the one before; one that finds it open shuts
 * it for the shortest time of its rung. Who knocks while the first refusal is on its way to him does
 * not know yet that it is shut. */
enum event_outcome
door_knock(struct door *door, const struct isp_limit *config, int64_t now_us)
{
    bool was_shut = door_is_shut(door, now_us);
    bool can_know = now_us >= door->told_us + DOOR_GRACE_US;
    enum event_outcome outcome = was_shut ? OUTCOME_HELD : OUTCOME_NONE;
    int64_t hold_us;

    if (strike(door, config, now_us)) {
        tally_release(&door->strikes);
        door->rung++;
        was_shut = false;
        outcome = OUTCOME_ESCALATED;
    }
    hold_us = door->rung > 0 ? rung_of(door, config)->hold_us : config->hold_us;
    if (was_shut && door->hold_us > 0) {
        if (can_know && harden(door, config, hold_us, now_us))
            outcome = OUTCOME_HARDENED;
    } else if (hold_us > 0) {
        door->told_us = now_us;
        shut(door, hold_us, now_us);
        door->knocks = 0;
        if (outcome == OUTCOME_NONE)
            outcome = OUTCOME_SHUT;
    }
    door->quiet_from_us = door->shut_until_us > now_us ? door->shut_until_us : now_us;
    return outcome;
}
