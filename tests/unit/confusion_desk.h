/* confusion_desk.h - events of two providers as a test writes them, and what the matrix makes of them. */
#ifndef MTALAB_TESTS_CONFUSION_DESK_H
#define MTALAB_TESTS_CONFUSION_DESK_H

#include "tests/unit.h"

#include "base/rng.h"
#include "scenarios/confusion.h"
#include "smtp/event.h"

static const struct isp_config isps[] = {{.name = {"alpha", 5}}, {.name = {"beta", 4}}};
static const struct scenario scenario = {.isps = isps, .isps_count = COUNT_OF(isps)};

struct desk {
    struct journal *journal;
    struct confusion *confusion;
    int64_t now_us;
};

static inline void
on_entry(void *arg, struct slice entry)
{
    confusion_take(arg, entry);
}

static inline struct desk
desk_new(void)
{
    struct desk desk = {.journal = journal_new(), .now_us = 1};

    desk.confusion = confusion_new(&scenario, desk.journal);
    journal_observe(desk.journal, on_entry, desk.confusion);
    return desk;
}

static inline void
desk_free(struct desk *desk)
{
    confusion_free(&desk->confusion);
    journal_free(&desk->journal);
}

/* Words, so that each code has its own. */
static inline void
put_words(struct desk *desk, struct event *event, uint16_t code)
{
    char text[16];

    snprintf(text, sizeof text, "words %u", (unsigned)code);
    event->code = code;
    event->text = journal_name(desk->journal, slice_of(text));
    event->host = journal_name(desk->journal, SLICE("mx1"));
}

static inline void
write_event(struct desk *desk, struct event *event, const char *sender, const char *rcpt)
{
    event->at_us = desk->now_us;
    event_write(desk->journal, event, slice_of(sender), slice_of(rcpt));
}

/* class -1: the provider does not know. */
static inline void
refuse_at(struct desk *desk, const char *isp, enum smtp_stage stage, const char *sender,
    const char *rcpt, uint16_t code, int class)
{
    struct event event = {.kind = EVENT_REFUSED,
        .stage = (uint8_t)stage,
        .isp = journal_name(desk->journal, slice_of(isp)),
        .has_verdict = class >= 0,
        .class = class >= 0 ? (uint8_t) class : 0};

    put_words(desk, &event, code);
    write_event(desk, &event, sender, rcpt);
}

static inline void
refuse(struct desk *desk, const char *sender, const char *rcpt, uint16_t code, int class)
{
    refuse_at(desk, "alpha", STAGE_RCPT, sender, rcpt, code, class);
}

static inline void
judge_at(struct desk *desk, enum smtp_stage stage, const char *sender, const char *rcpt,
    uint16_t code, uint8_t class)
{
    struct event event = {
        .kind = EVENT_ATTEMPT, .stage = (uint8_t)stage, .has_verdict = code >= 400, .class = class};

    put_words(desk, &event, code);
    write_event(desk, &event, sender, rcpt);
}

static inline void
judge(struct desk *desk, const char *sender, const char *rcpt, uint16_t code, uint8_t class)
{
    judge_at(desk, STAGE_RCPT, sender, rcpt, code, class);
}

static inline void
send_back(struct desk *desk, const char *sender, const char *rcpt, enum dsn_kind kind, int class)
{
    struct event event = {.kind = EVENT_DSN_SENT,
        .dsn_kind = (uint8_t)kind,
        .isp = journal_name(desk->journal, SLICE("beta")),
        .rule = journal_name(desk->journal, SLICE("qmail")),
        .has_verdict = class >= 0,
        .class = class >= 0 ? (uint8_t) class : 0};

    write_event(desk, &event, sender, rcpt);
}

static inline void
receive_as(struct desk *desk, const char *sender, const char *rcpt, struct event event)
{
    event.kind = event.dsn_kind == DSN_COMPLAINT ? EVENT_FBL_RECEIVED : EVENT_DSN_RECEIVED;
    write_event(desk, &event, sender, rcpt);
}

static inline void
receive(struct desk *desk, const char *sender, const char *rcpt, int class)
{
    receive_as(desk, sender, rcpt,
        (struct event){.dsn_kind = DSN_FAILED,
            .has_verdict = class >= 0,
            .class = class >= 0 ? (uint8_t) class : 0});
}

static inline struct confusion_counts
counts_of(struct desk *desk, int isp, const char *dialect)
{
    const struct confusion_filter filter = {.isp = isp, .dialect = slice_of(dialect)};
    struct confusion_counts counts;

    confusion_count(desk->confusion, &filter, desk->now_us, &counts);
    return counts;
}

static inline struct confusion_counts
all_counts(struct desk *desk)
{
    return counts_of(desk, -1, "");
}

static inline struct confusion_rest
rest_of(struct desk *desk)
{
    return confusion_rest(desk->confusion, desk->now_us);
}

static inline void
assert_tally(const struct confusion_counts *counts, int class, uint64_t hits, uint64_t truths,
    uint64_t verdicts)
{
    assert_int_equal(counts->of[class].hits, hits);
    assert_int_equal(counts->of[class].truths, truths);
    assert_int_equal(counts->of[class].verdicts, verdicts);
}

#endif
