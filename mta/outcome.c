/* outcome.c - what an answer means for its recipient. */
#include "mta/outcome.h"

#include <stdio.h>

#include "base/mem.h"
#include "mta/bounce_memo.h"
#include "smtp/event.h"

struct outcome_desk {
    const struct mta_config *config;
    const struct mta_doors *doors;
    struct spool *spool;
    struct queue *queue;
    struct efs *efs;
    struct text sender, rcpt;
    struct bounce_memo *memo;
    struct mta_totals totals;
};

struct outcome_desk *
outcome_desk_new(const struct mta_config *config, const struct mta_doors *doors,
    struct spool *spool, struct queue *queue, struct efs *efs)
{
    struct outcome_desk *desk = mem_alloc_zeroed(sizeof *desk);

    desk->config = config;
    desk->doors = doors;
    desk->spool = spool;
    desk->queue = queue;
    desk->efs = efs;
    desk->memo = bounce_memo_new(doors->bounce_rules);
    return desk;
}

void
outcome_desk_free(struct outcome_desk **desk)
{
    struct outcome_desk *d = *desk;

    if (d == NULL)
        return;
    text_release(&d->sender);
    text_release(&d->rcpt);
    bounce_memo_free(&d->memo);
    mem_free(d);
    *desk = NULL;
}

void
outcome_desk_reload(struct outcome_desk *desk)
{
    bounce_memo_free(&desk->memo);
    desk->memo = bounce_memo_new(desk->doors->bounce_rules);
}

static void
read_envelope(struct outcome_desk *desk, struct spool_place place)
{
    text_clear(&desk->sender);
    text_clear(&desk->rcpt);
    spool_sender(desk->spool, place.message, &desk->sender);
    spool_recipient(desk->spool, place, &desk->rcpt);
}

static void
tell_efs(struct outcome_desk *desk, const struct event *event, enum efs_kind kind)
{
    const struct efs_event efs_event = {
        .at_us = event->at_us,
        .kind = kind,
        .sender = text_slice(&desk->sender),
        .rcpt = text_slice(&desk->rcpt),
        .attempt = event->attempt,
        .code = event->code,
        .stage = event->stage,
        .verdict = {event->class, event->reason, event->type},
        .enhanced = event->enhanced,
        .text = event->text,
        .rule = event->rule,
        .host = event->host
    };

    efs_add(desk->efs, &efs_event);
}

static void
write_event(struct outcome_desk *desk, struct event *event, enum event_kind kind)
{
    event->kind = (uint8_t)kind;
    event_write(desk->doors->journal, event, text_slice(&desk->sender), text_slice(&desk->rcpt));
}

static void
settle(struct outcome_desk *desk, queue_node node)
{
    spool_settle(desk->spool, queue_place(desk->queue, node));
    queue_remove(desk->queue, node);
}

static struct event
event_of(struct outcome_desk *desk, queue_node node, uint32_t attempt,
    const struct outcome_answer *answer)
{
    return (struct event){.at_us = loop_now_us(desk->doors->loop),
        .stage = (uint8_t)answer->stage,
        .reason = REASON_NONE,
        .code = answer->reply->code,
        .attempt = (uint16_t)(attempt > UINT16_MAX ? UINT16_MAX : attempt),
        .enhanced = enhanced_pack(answer->reply->enhanced),
        .row = queue_place(desk->queue, node).message,
        .host = answer->host,
        .source_ip = answer->source_ip,
        .session = answer->session,
        .text = journal_text(desk->doors->journal, answer->reply->text)};
}

static void
delivered(struct outcome_desk *desk, queue_node node, struct event *event)
{
    event->outcome = OUTCOME_DELIVERED;
    desk->totals.delivered++;
    write_event(desk, event, EVENT_ATTEMPT);
    tell_efs(desk, event, EFS_DELIVERED);
    settle(desk, node);
}

static void
failed(struct outcome_desk *desk, queue_node node, struct event *event)
{
    event->outcome = OUTCOME_FAILED;
    desk->totals.failed++;
    write_event(desk, event, EVENT_ATTEMPT);
    tell_efs(desk, event, EFS_HARD);
    settle(desk, node);
}

static int64_t
next_try_us(struct outcome_desk *desk, uint32_t attempt)
{
    const struct retry_schedule *schedule = &desk->config->retry;
    struct rng rng = *desk->doors->rng;

    if (schedule->jitter_ppm > 0) {
        struct rng retries = rng_child(desk->doors->rng, "retry");
        struct rng recipient = rng_child_slice(&retries, text_slice(&desk->rcpt));
        char number[16];

        snprintf(number, sizeof number, "%u", (unsigned)attempt);
        rng = rng_child(&recipient, number);
    }
    return loop_now_us(desk->doors->loop) + retry_delay_us(schedule, attempt, &rng);
}

/* A try that began before the end of validity and came back after it is the last one. */
static void
deferred(struct outcome_desk *desk, queue_node node, struct event *event, int64_t retry_us)
{
    struct spool_tries tries = {.count = queue_attempts(desk->queue, node)};

    event->outcome = OUTCOME_DEFERRED;
    desk->totals.deferrals++;
    write_event(desk, event, EVENT_ATTEMPT);
    write_event(desk, event, EVENT_DEFERRED);
    tell_efs(desk, event, EFS_SOFT);
    if (queue_expires_us(desk->queue, node) <= event->at_us) {
        outcome_expire(desk, node);
        queue_remove(desk->queue, node);
        return;
    }
    tries.due_us = retry_us > 0 ? event->at_us + retry_us : next_try_us(desk, tries.count);
    spool_defer(desk->spool, queue_place(desk->queue, node), &tries);
    queue_defer(desk->queue, node, tries.due_us);
}

static void
qualify(struct outcome_desk *desk, queue_node node, const struct outcome_answer *answer,
    struct event *event)
{
    uint32_t domain = spool_domain(desk->spool, queue_place(desk->queue, node));
    const struct refusal refusal = {.stage = answer->stage,
        .reply = *answer->reply,
        .domain = spool_domain_name(desk->spool, domain)};
    struct bounce bounce = bounce_memo_qualify(desk->memo, &refusal);

    if (bounce.code != 0) {
        event->code = bounce.code;
        event->enhanced = enhanced_pack(bounce.enhanced);
    }

    event->has_verdict = true;
    event->class = bounce.verdict.class;
    event->reason = bounce.verdict.reason;
    event->type = bounce.verdict.type;
    event->rule = journal_name(desk->doors->journal, bounce.rule);
}

enum bounce_class
outcome_tell(struct outcome_desk *desk, queue_node node, const struct outcome_answer *answer)
{
    struct event event = event_of(desk, node, queue_count_attempt(desk->queue, node), answer);

    read_envelope(desk, queue_place(desk->queue, node));
    desk->totals.attempts++;
    if (event.code < 300) {
        delivered(desk, node, &event);
        return CLASS_NONE;
    }
    qualify(desk, node, answer, &event);
    if (event.code < 500 || answer->is_spared)
        deferred(desk, node, &event, answer->retry_us);
    else
        failed(desk, node, &event);
    return (enum bounce_class)event.class;
}

bool
outcome_put_off(struct outcome_desk *desk, queue_node node, const struct outcome_answer *answer)
{
    struct event event = event_of(desk, node, queue_attempts(desk->queue, node) + 1, answer);

    read_envelope(desk, queue_place(desk->queue, node));
    qualify(desk, node, answer, &event);
    event.outcome = OUTCOME_DEFERRED;
    desk->totals.attempts++;
    desk->totals.deferrals++;
    write_event(desk, &event, EVENT_ATTEMPT);
    write_event(desk, &event, EVENT_DEFERRED);
    if (queue_expires_us(desk->queue, node) > event.at_us)
        return true;
    outcome_expire(desk, node);
    queue_remove(desk->queue, node);
    return false;
}

/* What we say ourselves, at no stage of a session and after so many tries. */
static struct event
event_of_ours(struct outcome_desk *desk, queue_node node, enum bounce_class class,
    const struct smtp_reply *words)
{
    struct bounce bounce = bounce_of_class(desk->doors->bounce_rules, class);
    uint32_t attempts = queue_attempts(desk->queue, node);

    return (struct event){.at_us = loop_now_us(desk->doors->loop),
        .has_verdict = true,
        .class = bounce.verdict.class,
        .reason = bounce.verdict.reason,
        .type = bounce.verdict.type,
        .code = words->code,
        .enhanced = enhanced_pack(words->enhanced),
        .row = queue_place(desk->queue, node).message,
        .attempt = (uint16_t)(attempts > UINT16_MAX ? UINT16_MAX : attempts),
        .text = journal_text(desk->doors->journal, words->text),
        .rule = journal_name(desk->doors->journal, bounce.rule)};
}

void
outcome_fail(struct outcome_desk *desk, queue_node node, struct slice reason)
{
    const struct smtp_reply words = {
        .code = 554, .enhanced = {5, 7, 0},
             .text = reason
    };
    struct event event = event_of_ours(desk, node, CLASS_ADMIN_FAILURE, &words);

    read_envelope(desk, queue_place(desk->queue, node));
    failed(desk, node, &event);
}

void
outcome_expire(struct outcome_desk *desk, queue_node node)
{
    static const struct smtp_reply words = {
        .code = 554, .enhanced = {5, 4,                        7},
             .text = {"validity period is over", 23}
    };
    struct spool_place place = queue_place(desk->queue, node);
    struct event event = event_of_ours(desk, node, CLASS_TIMEOUT, &words);

    read_envelope(desk, place);
    desk->totals.expired++;
    if (desk->doors->tells_all)
        write_event(desk, &event, EVENT_EXPIRED);
    tell_efs(desk, &event, EFS_EXPIRED);
    spool_settle(desk->spool, place);
}

void
outcome_totals(const struct outcome_desk *desk, struct mta_totals *totals)
{
    totals->attempts = desk->totals.attempts;
    totals->deferrals = desk->totals.deferrals;
    totals->delivered = desk->totals.delivered;
    totals->failed = desk->totals.failed;
    totals->expired = desk->totals.expired;
}
