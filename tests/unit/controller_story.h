/* controller_story.h - a controller in the hands of a test: a rule for it, signals, and what it told. */
#ifndef MTALAB_TESTS_CONTROLLER_STORY_H
#define MTALAB_TESTS_CONTROLLER_STORY_H

#include "tests/unit.h"

#include "mta/controller.h"

static inline struct mx_rule
rule_of(enum controller_kind kind)
{
    struct mx_rule rule = mx_rule_default;

    rule.controller = kind;
    rule.connections = 1000;
    rule.settings = (struct controller_settings){
        .floor = ratio_of(5, US_PER_MIN),
        .cut = ratio_of(1, 2),
        .grow = ratio_of(1, 10),
        .initial = 5,
        .cohorts = 1,
        .dead_for_us = 300 * (int64_t)US_PER_S,
        .suspend_for_us = 4 * US_PER_HOUR,
        .down_every_us = US_PER_MIN,
        .up_every_us = US_PER_HOUR,
        .sweep_every_us = US_PER_HOUR,
        .sweep_attempts = 2000,
        .sweep_low_ppm = 30000,
        .sweep_high_ppm = 100000,
        .fbl_deliveries = 20000,
        .fbl_low_ppm = 2000,
        .fbl_high_ppm = 5000,
        .message_rate = ratio_of(100, US_PER_S),
        .probe_ppm = 4000,
    };
    return rule;
}

struct story { /* what a controller told */
    uint64_t changes;
    struct text last;
};

static inline void
on_change(void *arg, int64_t now_us, const struct controller_change *change)
{
    struct story *story = arg;

    story->changes++;
    text_clear(&story->last);
    text_printf(&story->last, "%s %.*s -> %.*s, %s", change->what, SLICE_ARGS(change->from),
        SLICE_ARGS(change->to), change->because);
}

static inline void
tell(struct controller *controller, enum signal_kind kind, enum reply_subject subject,
    int64_t now_us, uint32_t count)
{
    static const struct smtp_reply no = {
        .code = 451, .text = {"no", 2}
    };

    controller_signal(controller,
        &(struct signal){.kind = kind,
            .now_us = now_us,
            .stage = STAGE_MAIL,
            .reply = kind == SIGNAL_ANSWERED || kind == SIGNAL_TURNED_AWAY ? &no : NULL,
            .type = {.subject = subject},
            .connections_open = count,
            .connections_ready = count,
            .session_messages = count});
}

static inline void
assert_describes(const struct controller *controller, int64_t now_us, const char *words)
{
    struct text out = {0};

    controller_describe(controller, now_us, &out);
    if (strstr(text_string(&out), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text_string(&out), words);
    text_release(&out);
}

#endif
