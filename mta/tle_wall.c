/* tle_wall.c - what to do where nothing gets through any more.
 *
 * After a refusal that is more than noise nothing is sent but one message now and then, to see whether
 * it is over: as soon as the theories (mta/tle_theory.h) say. If none of them explains that it is not,
 * a refusal here shuts a door for a while, and each knock meanwhile for longer: twice as long is what
 * many do. Waits that doubled too would never catch up with that; these grow faster, and how long the
 * door stays shut for who does not knock is remembered from one wall to the next. A quota is another
 * thing: its window ends when it ends, knocking costs nothing, and the waits stay short.
 *
 * At a site with such a door the first refusal stops everything, and more is tried only when it is
 * worth the price (mta/tle_pace.c). */
#include "mta/controller_tle.h"

enum {
    WALL_FACTOR = 2,
    BLOCK_FACTOR = 3,
    BLOCK_KNOCKS = 3,       /* a block that lets some through is seen by then */
    KNOCK_FACTOR_FIRST = 4, /* a hold that grows twofold with each knock is overtaken soon */
    KNOCK_FACTOR = 6,
    KNOCK_FACTOR_LATE = 2,
    KNOCKS_PATIENT = 10,
    HALF = 500,          /* of a thousand */
    LEAK_MESSAGES = 50,  /* who blocks again before so many lets some through */
    LEAK_KNOCKS = 8,     /* who refuses so many does so no more */
    LONE_MESSAGES = 200, /* a single refusal after so many is alone */
    PILE = 6,            /* refused in succession */
};
#define KNOCK_LATE       (20 * US_PER_MIN)
#define MINUTE_OVER      (62 * (int64_t)US_PER_S)
#define DOOR_OR_WINDOW   (95 * (int64_t)US_PER_S) /* a minute that a knock has prolonged */
#define TELLING_US       (5 * (int64_t)US_PER_S) /* a knock after so long tells whether there is a door */
#define SHORT_US         (10 * (int64_t)US_PER_S) /* who opens so soon has no door */
#define WALL_MAX         (65 * US_PER_MIN)        /* many holds end after an hour */
#define WALL_PATIENT_MAX (4 * US_PER_HOUR)
#define HINT_MAX         (4 * US_PER_HOUR)
#define WALL_QUOTA_MAX   (5 * US_PER_MIN)
#define WALL_BLOCK_MAX   (30 * US_PER_MIN)

/* --- waiting --------------------------------------------------------------------------------- */

static void
hold(struct tle *t, int64_t for_us, const char *because, const struct signal *s)
{
    int64_t until_us = s->now_us + for_us;

    t->is_canary_out = false;
    t->held_us = for_us;
    controller_hold(&t->base,
        &(struct change_note){.what = "hold",
            .because = because,
            .now_us = s->now_us,
            .next_probe_us = until_us,
            .evidence = s},
        until_us);
}

/* What was long enough. Half of that may be as well, and is tried where walls come often: if they do,
 * though we are careful, they are none. */
static int64_t
door_wait_us(const struct tle *t, int64_t now_us)
{
    int64_t expected_us = t->hold_high_us > 0 ? t->hold_high_us : TLE_WALL_FIRST;
    bool is_often = now_us - t->opened_us < 8 * expected_us;

    return is_often && expected_us / 3 > t->hold_low_us ? expected_us / 2 : expected_us;
}

static int64_t
longest_wait_us(const struct tle *t, const struct signal *s)
{
    if (t->is_quota && s->now_us - t->wall_began_us < US_PER_HOUR)
        return WALL_QUOTA_MAX;
    if (t->wall_knocks >= KNOCKS_PATIENT)
        return WALL_PATIENT_MAX;
    return t->is_blocked ? WALL_BLOCK_MAX : WALL_MAX;
}

/* Until a window has passed, as far as one explains this; where nobody knows yet whether there is a
 * door, until any would have, and longer. */
static int64_t
window_wait_us(const struct tle *t, int64_t now_us)
{
    int64_t open_us = tle_theories_open_us(&t->theories, &t->history, HALF, now_us);
    int64_t wait_us = (open_us - now_us) * 3 / 2;

    if (tle_theories_door(&t->theories) != TLE_NO_DOOR)
        return DOOR_OR_WINDOW;
    return wait_us < TELLING_US && !t->theories.has_no_door ? TELLING_US : wait_us;
}

/* A block may let some through: a few knocks will tell. */
static int64_t
slow_factor(const struct tle *t)
{
    if (t->is_quota)
        return WALL_FACTOR;
    return t->wall_knocks <= BLOCK_KNOCKS ? 1 : BLOCK_FACTOR;
}

static int64_t
next_wait_us(const struct tle *t, const struct signal *s)
{
    int64_t before_us = t->held_us, wait_us, longest_us = longest_wait_us(t, s);
    bool has_door = tle_theories_door(&t->theories) == TLE_DOOR;

    if (t->is_open || (t->is_blocked && t->is_leaky))
        wait_us = before_us * WALL_FACTOR;
    else if (t->is_quota || t->is_blocked)
        wait_us = before_us < TLE_WALL_FIRST ? TLE_WALL_FIRST : before_us * slow_factor(t);
    else if (!has_door)
        wait_us = window_wait_us(t, s->now_us);
    else if (t->wall_knocks == 1 && t->hold_high_us > before_us)
        wait_us = 2 * t->hold_high_us;
    else if (before_us < DOOR_OR_WINDOW / 2)
        wait_us = DOOR_OR_WINDOW;
    else if (t->wall_knocks == 1)
        wait_us = before_us * KNOCK_FACTOR_FIRST;
    else
        wait_us = before_us * (before_us < KNOCK_LATE ? KNOCK_FACTOR : KNOCK_FACTOR_LATE);
    if (wait_us < before_us * (t->wall_knocks > 1 ? 2 : 1))
        wait_us = before_us * (t->wall_knocks > 1 ? 2 : 1);
    if (s->type.hold_us > wait_us)
        wait_us = s->type.hold_us < HINT_MAX ? s->type.hold_us : HINT_MAX;
    return wait_us < longest_us || s->type.hold_us > 0 ? wait_us : longest_us;
}

/* --- the wall -------------------------------------------------------------------------------- */

/* What began before has been answered by now, and is still remembered: what did the first one find? */
void
tle_look_back(struct tle *t)
{
    if (t->is_looked_at)
        return;
    t->first = (struct tle_refusal){.is_quota = t->is_quota};
    tle_refusal_look(&t->first, &t->theories, &t->history, t->refused_began_us);
    t->is_looked_at = true;
}

/* It is sure that it was no noise. */
static void
note_first_refusal(struct tle *t)
{
    tle_look_back(t);
    if (!t->is_first_noted && !t->is_blocked)
        tle_theories_refused(&t->theories, &t->first);
    t->is_first_noted = true;
}

static void
learn_hold_low(struct tle *t)
{
    if (t->wall_knocks != 1)
        return;
    t->hold_low_us = t->held_us;
    if (t->hold_high_us > 0 && t->hold_high_us <= t->held_us)
        t->hold_high_us = 0;
}

/* A canary died. */
void
tle_stay_at_wall(struct tle *t, const char *because, const struct signal *s)
{
    struct tle_refusal knock = {.is_knock = true, .is_quota = t->is_quota};

    t->wall_knocks++;
    t->asked = 0;
    note_first_refusal(t);
    tle_refusal_look(&knock, &t->theories, &t->history, s->now_us - s->took_us);
    if (!t->is_blocked && s->type.subject != REPLY_BLOCK)
        tle_theories_refused(&t->theories, &knock);
    learn_hold_low(t);
    hold(t, next_wait_us(t, s), because, s);
}

void
tle_ask_again(struct tle *t, const struct signal *s)
{
    int64_t waited_us = t->held_us;

    t->asked++;
    hold(t, TLE_WALL_SHORT, "asks another", s);
    t->held_us = waited_us;
}

/* What began after it was refused has passed: whatever it is, it does not shut out all. */
void
tle_pass_by(struct tle *t, int64_t now_us)
{
    int64_t soon_us = t->wall_began_us + TLE_WALL_SHORT;

    t->theories.has_no_door = t->is_open = true;
    if (t->base.held_until_us > soon_us)
        t->base.held_until_us = soon_us > now_us ? soon_us : now_us;
}

/* At the first wall, and with so many refused in succession, this is no bucket, which would have let some
 * through: a knock would come too early. */
void
tle_pile_up(struct tle *t, const struct signal *s)
{
    if (t->price_us == 0 && !t->is_open && t->wall_knocks == 0 && t->straight == PILE)
        hold(t, MINUTE_OVER, "all refused", s);
}

void
tle_hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s)
{
    tle_take_care(t, s->now_us);
    tle_note_slide(t);
    t->wall_began_us = s->now_us;
    t->refused_began_us = t->straight > 0 ? t->straight_us : s->now_us - s->took_us;
    t->wall_knocks = t->asked = 0;
    t->is_looked_at = t->is_first_noted = t->is_open = t->is_too_often = false;
    t->phase_before = t->phase;
    t->phase = TLE_WALL;
    t->is_blocked = s->type.subject == REPLY_BLOCK;
    t->is_quota = s->type.subject == REPLY_QUOTA;
    if (tle_theories_door(&t->theories) == TLE_DOOR && !t->is_quota)
        first_us = door_wait_us(t, s->now_us);
    if (s->type.hold_us > first_us)
        first_us = s->type.hold_us < HINT_MAX ? s->type.hold_us : HINT_MAX;
    hold(t, first_us, because, s);
}

/* Long enough for a window of a second, and for the next message at a slow pace; where a minute or more
 * was needed before, and nothing has shown that less will do, so long. */
int64_t
tle_short_wait_us(const struct tle *t, int64_t now_us)
{
    int64_t interval_us = pace_interval_ns(t->pacer.pace) / 1000;

    if (!t->was_refused)
        return t->pacer.pace >= 10 * PACE_PER_S ? 2 * TLE_WALL_SHORT : TLE_WALL_FIRST;
    if (t->price_us > SHORT_US && !t->theories.has_no_door)
        return tle_theories_door(&t->theories) == TLE_NO_DOOR ? window_wait_us(t, now_us)
                                                              : MINUTE_OVER;
    return interval_us < TLE_WALL_SHORT    ? TLE_WALL_SHORT
        : interval_us < TLE_WALL_FIRST / 2 ? interval_us
                                           : TLE_WALL_FIRST / 2;
}

/* --- open again ------------------------------------------------------------------------------ */

static void
learn_door(struct tle *t, int64_t now_us)
{
    bool is_at_once;

    t->price_us = now_us - t->wall_began_us;
    is_at_once = t->wall_knocks == 0 && t->price_us <= SHORT_US;
    if (is_at_once && (t->was_open_at_once || tle_theories_door(&t->theories) != TLE_DOOR)) {
        t->theories.has_no_door = true;
        t->hold_low_us = t->hold_high_us = 0;
    } else if (tle_theories_door(&t->theories) == TLE_DOOR && !t->is_quota) {
        t->hold_high_us = t->held_us;
        if (t->hold_low_us >= t->hold_high_us)
            t->hold_low_us = 0;
    }
    t->was_open_at_once = is_at_once;
}

/* Once is nothing: it may have been noise, where no limit is known that was near. */
static bool
is_lone(struct tle *t)
{
    tle_look_back(t);
    return t->wall_knocks == 0 && t->straight <= 1 && t->step_refused <= 1 && !t->is_too_often &&
        !t->is_blocked && !t->is_quota && t->since_lone >= LONE_MESSAGES &&
        !tle_theories_expect(&t->theories, &t->first);
}

/* Blocked again and again, with something let through between: it is not all that is blocked, and
 * neither waiting nor a slower pace will change that. */
static void
note_leak(struct tle *t)
{
    t->is_leaky = (t->is_leaky && t->wall_knocks < LEAK_KNOCKS) || t->is_open ||
        t->since_block < LEAK_MESSAGES;
    t->since_block = 0;
}

void
tle_leave_wall(struct tle *t, const struct signal *s)
{
    bool is_lone_refusal;

    if (t->is_blocked)
        note_leak(t);
    is_lone_refusal = is_lone(t) || (t->is_blocked && t->is_leaky);
    t->straight = 0;
    t->since_lone = is_lone_refusal ? 0 : t->since_lone;
    t->opened_us = s->now_us;
    if (is_lone_refusal) {
        t->is_blocked = false;
        t->phase = t->phase_before;
        tle_set_pace(t, t->pacer.pace, "not shut", s->now_us, s);
        return;
    }
    if (tle_is_slide(t)) {
        tle_end_slide(t, s);
        return;
    }
    note_first_refusal(t);
    learn_door(t, s->now_us);
    tle_resume(t, t->wall_knocks > 0 ? "open again" : "throttled", s->now_us, s);
    t->is_blocked = false;
}
