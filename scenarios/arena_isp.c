/* arena_isp.c - providers drawn by lot. */
#include "scenarios/arena_isp.h"

#include "base/rng.h"
#include "base/unit.h"

enum {
    PER_HOUR_MIN = 180,      /* 0.05/s; 300/s is 6,000 times as much: … */
    OCTAVES_MILLI = 12551,   /* … so many doublings */
    MESSAGES_WANTED = 60000, /* let through in a run, if it then lasts … */
    RUN_MIN_S = 600,         /* … from so long … */
    RUN_MAX_S = 3 * 3600,    /* … to so long */
};

/* Each as its operator would begin who knows nothing of the provider. */
static const struct {
    const char *name, *rule;
} controllers[] = {
    {"oracle",   "controller: oracle"                             },
    {"tle",      "controller: tle"                                },
    {"aimd",     "controller: aimd, floor: 6/min, connections: 50"},
    {"momentum", "controller: momentum"                           },
    {"kumo",     "controller: kumo"                               },
    {"postfix",  "controller: postfix"                            },
    {"static",   "controller: static"                             },
};

const char *
arena_controller(size_t i)
{
    return i < COUNT_OF(controllers) ? controllers[i].name : NULL;
}

const char *
arena_rule(struct slice controller)
{
    for (size_t i = 0; i < COUNT_OF(controllers); i++)
        if (slice_equals(controller, slice_of(controllers[i].name)))
            return controllers[i].rule;
    return NULL;
}

/* --- lots ------------------------------------------------------------------------------------ */

/* x doubled so many thousandths of an octave: a straight line between tenths of an octave, whose
 * error is below a thousandth. */
static uint64_t
doubled(uint64_t x, uint64_t octaves_milli)
{
    static const uint64_t tenths_ppm[] = {1000000, 1071773, 1148698, 1231144, 1319508, 1414214,
        1515717, 1624505, 1741101, 1866066, 2000000};
    uint64_t whole = octaves_milli / 1000, tenth = octaves_milli % 1000 / 100;
    uint64_t part = octaves_milli % 100;
    uint64_t ppm = tenths_ppm[tenth] + (tenths_ppm[tenth + 1] - tenths_ppm[tenth]) * part / 100;

    return (x << whole) * ppm / 1000000;
}

static struct rng
stream(uint64_t seed, const char *name)
{
    struct rng root = rng_from_seed(seed), arena = rng_child(&root, "arena");

    return rng_child(&arena, name);
}

static bool
is_drawn(uint64_t seed, const char *name, uint32_t percent)
{
    struct rng rng = stream(seed, name);

    return rng_odds(&rng, percent * 10000);
}

/* Between low and high, each doubling as likely as the next. */
static uint64_t
draw_between(uint64_t seed, const char *name, uint64_t low, uint64_t octaves_milli)
{
    struct rng rng = stream(seed, name);

    rng_below(&rng, 2); /* the first number may have said whether */
    return doubled(low, rng_below(&rng, octaves_milli));
}

static const char *
draw_word(uint64_t seed, const char *name, const char *const *words, size_t count)
{
    struct rng rng = stream(seed, name);

    return words[rng_below(&rng, count)];
}

/* --- what the provider is like --------------------------------------------------------------- */

static void
add_rate(uint64_t seed, uint64_t per_hour, struct text *out)
{
    static const char *const windows[] = {"sliding", "bucket", "fixed"};
    static const char *const replies[] = {"421 4.7.28 sending rate exceeded",
        "451 4.7.1 too many messages, slow down", "450 4.7.0 message rate limit exceeded",
        "421 4.7.0 too much mail in a short time", "452 4.3.2 too many messages from your IP"};
    const char *window = draw_word(seed, "window", windows, COUNT_OF(windows));
    const char *reply = draw_word(seed, "reply", replies, COUNT_OF(replies));
    bool is_by_second = per_hour >= 36000 && is_drawn(seed, "by-second", 50);
    uint64_t parts = is_by_second ? 3600 : 60;

    text_printf(out, "      - id: rate\n        count: messages\n        max: %llu\n",
        (unsigned long long)(per_hour / parts));
    text_printf(out, "        window: %s %s\n        over: %s\n", window,
        is_by_second ? "1s" : "1m", reply);
    if (is_drawn(seed, "close", 30))
        text_add_string(out, "        then: close\n");
    if (is_drawn(seed, "escalation", 20))
        text_add_string(out,
            "        penalty:\n"
            "          hold: 1m\n"
            "          factor: 1.5\n"
            "          max: 30m\n"
            "          decay: 1h\n"
            "          rungs:\n"
            "            - {id: penalised, after: 100, within: 10m, reply: 451 4.7.1 slow down, "
            "hold: 15m, max: 50%}\n"
            "            - {id: blocked, after: 200, within: 2h, reply: 421 4.7.0 blocked for "
            "now, then: close, stage: connect, hold: 1h}\n");
    else if (is_drawn(seed, "penalty", 20))
        text_add_string(out, "        penalty: {hold: 2m, factor: 2, max: 1h}\n");
}

static void
add_limits(uint64_t seed, uint64_t per_hour, struct text *out)
{
    text_add_string(out, "    limits:\n");
    add_rate(seed, per_hour, out);
    if (is_drawn(seed, "connections", 50))
        text_printf(out,
            "      - {id: open, count: connections_open, max: %llu, over: 421 4.7.0 too many "
            "concurrent connections}\n",
            (unsigned long long)draw_between(seed, "connections", 1, 5000));
    if (is_drawn(seed, "session", 30))
        text_printf(out,
            "      - {id: session, count: messages_per_connection, max: %llu, over: 421 4.7.0 too "
            "many messages in this connection, then: close}\n",
            (unsigned long long)draw_between(seed, "session", 2, 6000));
    if (is_drawn(seed, "quota", 20))
        text_printf(out,
            "      - {id: quota, count: messages, max: %llu, window: fixed 1h, over: 452 4.7.0 "
            "hourly quota exceeded}\n",
            (unsigned long long)(per_hour * draw_between(seed, "quota", 30, 1400) / 100));
}

static void
add_trouble(uint64_t seed, uint64_t per_hour, int64_t seconds, struct text *out)
{
    if (is_drawn(seed, "noise", 30))
        text_printf(out,
            "    rules:\n      - {id: noise, stage: rcpt, share: %llu%%, times: 1000000000, "
            "attempt: 1, reply: 451 4.3.0 temporary failure}\n",
            (unsigned long long)draw_between(seed, "noise", 1, 1585));
    if (is_drawn(seed, "step", 25))
        text_printf(out,
            "    timeline:\n      - {at: %llds, for: %llds, label: step, set: {limits.rate.max: "
            "%llu}}\n",
            (long long)(seconds / 3), (long long)(seconds / 3),
            (unsigned long long)(per_hour / 60 / draw_between(seed, "step", 2, 2000) + 1));
    if (is_drawn(seed, "reputation", 15))
        text_add_string(out,
            "    reputation: {start: 100, jump: 0, unknown: 5, bands: [{id: poor, below: 85, "
            "limits: 60%}, {id: bad, below: 40, reply: 451 4.7.1 bad reputation, share: 50%}]}\n"
            "    mailboxes: [{to: \"*\", is: unknown, share: 2%}]\n");
}

static int64_t
length_s(uint64_t per_hour)
{
    int64_t seconds = (int64_t)(UINT64_C(3600) * MESSAGES_WANTED / per_hour);

    return seconds < RUN_MIN_S ? RUN_MIN_S : seconds > RUN_MAX_S ? RUN_MAX_S : seconds;
}

void
arena_compose(uint64_t seed, const char *rule, struct text *out)
{
    uint64_t per_hour = draw_between(seed, "limit", PER_HOUR_MIN, OCTAVES_MILLI);
    int64_t seconds = length_s(per_hour);
    uint64_t messages = per_hour * (uint64_t)seconds / 3600 * 5 / 4 + 100;

    text_printf(out,
        "mtalab: 1\n"
        "name: arena-%llu\n"
        "title: A provider drawn by lot\n"
        "run: {until: %llds, seed: %llu}\n"
        "isps:\n"
        "  isp:\n"
        "    serves: [isp.test]\n"
        "    hosts: {mx1: {rtt: %llums}}\n",
        (unsigned long long)seed, (long long)seconds, (unsigned long long)seed,
        (unsigned long long)draw_between(seed, "rtt", 5, 4300));
    add_limits(seed, per_hour, out);
    add_trouble(seed, per_hour, seconds, out);
    text_printf(out,
        "mta:\n"
        "  mx: [{domain: isp.test, %s}]\n"
        "deliveries:\n"
        "  mail: {at: 0s, to: [{pattern: \"u%%07d@isp.test\", count: %llu}]}\n"
        "expect:\n"
        "  - {id: measured, at: end, check: regret(isp) >= 0%%}\n",
        rule, (unsigned long long)messages);
}
