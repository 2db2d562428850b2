/* arena_isp.c - providers drawn by lot. */
#include "scenarios/arena_isp.h"

#include "base/rng.h"
#include "base/unit.h"

enum {
    PER_HOUR_MIN = 180,    /* 0.05/s; 300/s is 6,000 times as much: … */
    OCTAVES_MILLI = 12551, /* … so many doublings */
    RUN_S = 3 * 3600,      /* long enough for a hold and a step to be got over */
};

enum { ALL = 1 << ARENA_CONTROLLERS, PART = 1 << ARENA_ABLATIONS, BOTH = ALL | PART };

/* Each as its operator would begin who knows nothing of the provider. */
static const struct {
    unsigned casts; /* bit by cast */
    const char *name, *rule;
} controllers[] = {
    {ALL,  "oracle",          "controller: oracle"                             },
    {BOTH, "tle",             "controller: tle"                                },
    {ALL,  "aimd",            "controller: aimd, floor: 6/min, connections: 50"},
    {ALL,  "momentum",        "controller: momentum"                           },
    {ALL,  "kumo",            "controller: kumo"                               },
    {ALL,  "postfix",         "controller: postfix"                            },
    {ALL,  "static",          "controller: static"                             },
    {PART, "tle typing 90%",  "controller: tle, typing_accuracy: 90%"          },
    {PART, "tle typing 75%",  "controller: tle, typing_accuracy: 75%"          },
    {PART, "tle typing 50%",  "controller: tle, typing_accuracy: 50%"          },
    {PART, "tle budget 0.1%", "controller: tle, probe_budget: 0.1%"            },
    {PART, "tle budget 0.4%", "controller: tle, probe_budget: 0.4%"            }, /* its default */
    {PART, "tle budget 2%",   "controller: tle, probe_budget: 2%"              },
    {PART, "tle no quota",    "controller: tle, quota_learner: no"             },
    {PART, "tle coupled",     "controller: tle, decoupled: no"                 },
};

const char *
arena_controller(enum arena_cast cast, size_t i)
{
    for (size_t row = 0; row < COUNT_OF(controllers); row++)
        if ((controllers[row].casts >> cast & 1) != 0 && i-- == 0)
            return controllers[row].name;
    return NULL;
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

struct lot { /* 0: it has none of that */
    uint64_t per_hour, messages, rtt_ms;
    const char *window, *reply;
    uint64_t max; /* per second or minute */
    bool is_by_second, is_closing, has_rungs, has_penalty;
    uint64_t connections, per_connection, quota, noise_percent, step_max;
    uint64_t unknown_permille; /* of the list */
};

static void
draw_rate(uint64_t seed, struct lot *lot)
{
    static const char *const windows[] = {"sliding", "bucket", "fixed"};
    static const char *const replies[] = {"421 4.7.28 sending rate exceeded",
        "451 4.7.1 too many messages, slow down", "450 4.7.0 message rate limit exceeded",
        "421 4.7.0 too much mail in a short time", "452 4.3.2 too many messages from your IP"};

    lot->window = draw_word(seed, "window", windows, COUNT_OF(windows));
    lot->reply = draw_word(seed, "reply", replies, COUNT_OF(replies));
    lot->is_by_second = lot->per_hour >= 36000 && is_drawn(seed, "by-second", 50);
    lot->max = lot->per_hour / (lot->is_by_second ? 3600 : 60);
    lot->is_closing = is_drawn(seed, "close", 30);
    lot->has_rungs = is_drawn(seed, "escalation", 20);
    lot->has_penalty = !lot->has_rungs && is_drawn(seed, "penalty", 20);
}

static struct lot
draw(uint64_t seed)
{
    struct lot lot = {.per_hour = draw_between(seed, "limit", PER_HOUR_MIN, OCTAVES_MILLI),
        .rtt_ms = draw_between(seed, "rtt", 5, 4300)};

    lot.messages = lot.per_hour * RUN_S / 3600 * 5 / 4 + 100;
    draw_rate(seed, &lot);
    if (is_drawn(seed, "connections", 50))
        lot.connections = draw_between(seed, "connections", 1, 5000);
    if (is_drawn(seed, "session", 30))
        lot.per_connection = draw_between(seed, "session", 2, 6000);
    if (is_drawn(seed, "quota", 20))
        lot.quota = lot.per_hour * draw_between(seed, "quota", 30, 1400) / 100;
    if (is_drawn(seed, "noise", 30))
        lot.noise_percent = draw_between(seed, "noise", 1, 1585);
    if (is_drawn(seed, "step", 25))
        lot.step_max = lot.max / draw_between(seed, "step", 2, 2000) + 1;
    if (is_drawn(seed, "reputation", 15))
        lot.unknown_permille = draw_between(seed, "reputation", 10, 4000);
    return lot;
}

/* --- in the language of scenarios ------------------------------------------------------------ */

static void
add_rate(const struct lot *lot, struct text *out)
{
    text_printf(out, "      - id: rate\n        count: messages\n        max: %llu\n",
        (unsigned long long)lot->max);
    text_printf(out, "        window: %s %s\n        over: %s\n", lot->window,
        lot->is_by_second ? "1s" : "1m", lot->reply);
    if (lot->is_closing)
        text_add_string(out, "        then: close\n");
    if (lot->has_rungs)
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
    if (lot->has_penalty)
        text_add_string(out, "        penalty: {hold: 2m, factor: 2, max: 1h}\n");
}

static void
add_limits(const struct lot *lot, struct text *out)
{
    text_add_string(out, "    limits:\n");
    add_rate(lot, out);
    if (lot->connections > 0)
        text_printf(out,
            "      - {id: open, count: connections_open, max: %llu, over: 421 4.7.0 too many "
            "concurrent connections}\n",
            (unsigned long long)lot->connections);
    if (lot->per_connection > 0)
        text_printf(out,
            "      - {id: session, count: messages_per_connection, max: %llu, over: 421 4.7.0 too "
            "many messages in this connection, then: close}\n",
            (unsigned long long)lot->per_connection);
    if (lot->quota > 0)
        text_printf(out,
            "      - {id: quota, count: messages, max: %llu, window: fixed 1h, over: 452 4.7.0 "
            "hourly quota exceeded}\n",
            (unsigned long long)lot->quota);
}

static void
add_trouble(const struct lot *lot, struct text *out)
{
    if (lot->noise_percent > 0)
        text_printf(out,
            "    rules:\n      - {id: noise, stage: rcpt, share: %llu%%, times: 1000000000, "
            "attempt: 1, reply: 451 4.3.0 temporary failure}\n",
            (unsigned long long)lot->noise_percent);
    if (lot->step_max > 0)
        text_printf(out,
            "    timeline:\n      - {at: %us, for: %us, label: step, set: {limits.rate.max: "
            "%llu}}\n",
            RUN_S / 3, RUN_S / 3, (unsigned long long)lot->step_max);
    if (lot->unknown_permille > 0) /* below 3 % it is good, above 12 % bad */
        text_printf(out,
            "    reputation: {start: 100, jump: 0, unknown: 5, at_least: 500, bands: [{id: poor, "
            "below: 85, limits: 60%%}, {id: bad, below: 40, limits: 60%%, reply: 451 4.7.1 bad "
            "reputation, share: 50%%}]}\n"
            "    mailboxes: [{to: \"*\", is: unknown, share: %llu.%llu%%}]\n",
            (unsigned long long)(lot->unknown_permille / 10),
            (unsigned long long)(lot->unknown_permille % 10));
}

void
arena_compose(uint64_t seed, const char *rule, struct text *out)
{
    struct lot lot = draw(seed);

    text_printf(out,
        "mtalab: 1\n"
        "name: arena-%llu\n"
        "title: A provider drawn by lot\n"
        "run: {until: %us, seed: %llu}\n"
        "isps:\n"
        "  isp:\n"
        "    serves: [isp.test]\n"
        "    hosts: {mx1: {rtt: %llums}}\n",
        (unsigned long long)seed, RUN_S, (unsigned long long)seed, (unsigned long long)lot.rtt_ms);
    add_limits(&lot, out);
    add_trouble(&lot, out);
    text_printf(out,
        "mta:\n"
        "  mx: [{domain: isp.test, %s}]\n"
        "deliveries:\n"
        "  mail: {at: 0s, to: [{pattern: \"u%%07d@isp.test\", count: %llu}]}\n"
        "expect:\n"
        "  - {id: measured, at: end, check: regret(isp) >= 0%%}\n",
        rule, (unsigned long long)lot.messages);
}

/* --- for people ------------------------------------------------------------------------------ */

static void
add_trait(struct text *out, const char *what, uint64_t number)
{
    if (number > 0)
        text_printf(out, ", %s %llu", what, (unsigned long long)number);
}

void
arena_describe(uint64_t seed, struct text *out)
{
    struct lot lot = draw(seed);

    text_printf(
        out, "%llu/%s %s", (unsigned long long)lot.max, lot.is_by_second ? "s" : "min", lot.window);
    add_trait(out, "connections", lot.connections);
    add_trait(out, "per session", lot.per_connection);
    add_trait(out, "hour", lot.quota);
    text_add_string(out, lot.is_closing ? ", closes" : "");
    text_add_string(out, lot.has_rungs ? ", ladder" : lot.has_penalty ? ", penalty" : "");
    if (lot.noise_percent > 0)
        text_printf(out, ", noise %llu%%", (unsigned long long)lot.noise_percent);
    if (lot.step_max > 0)
        text_printf(out, ", step %llu/%s", (unsigned long long)lot.step_max,
            lot.is_by_second ? "s" : "min");
    if (lot.unknown_permille > 0)
        text_printf(out, ", reputation with %llu.%llu%% unknown",
            (unsigned long long)(lot.unknown_permille / 10),
            (unsigned long long)(lot.unknown_permille % 10));
    text_printf(out, "; rtt %llums", (unsigned long long)lot.rtt_ms);
}
