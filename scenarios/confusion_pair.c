/* confusion_pair.c - which verdict is about which cause: one event after the other.
 *
 * Causes that wait stand in buckets by whose they are, and in one list by age: the first finds the
 * one that a verdict is about, the second the one that has waited too long. */
#include "scenarios/confusion_parts.h"

#include "fakeisp/seen.h"

/* --- the causes that wait --- */

/* Never 0, which says "several". */
static uint64_t
fingerprint(struct slice address)
{
    return address_fingerprint(address, 0) | 1;
}

static uint64_t
words_fingerprint(const struct event *event)
{
    const uint32_t words[] = {event->host, event->enhanced, event->text, event->code};

    return slice_hash((struct slice){(const char *)words, sizeof words}, 0) | 1;
}

static struct open_cause *
at(struct confusion *confusion, uint32_t number)
{
    assert(number > 0);
    return &confusion->open[number - 1];
}

static struct bucket *
bucket_of(struct confusion *confusion, uint64_t owner)
{
    return &confusion->buckets[(owner >> 16) % CONFUSION_BUCKETS];
}

static void
link_newest(struct confusion *confusion, uint32_t number)
{
    struct open_cause *cause = at(confusion, number);
    struct bucket *bucket = bucket_of(confusion, cause->owner);

    cause->older = confusion->newest;
    cause->newer = 0;
    *(cause->older != 0 ? &at(confusion, cause->older)->newer : &confusion->oldest) = number;
    confusion->newest = number;
    cause->before = bucket->last;
    cause->after = 0;
    *(cause->before != 0 ? &at(confusion, cause->before)->after : &bucket->first) = number;
    bucket->last = number;
}

static void
unlink(struct confusion *confusion, uint32_t number)
{
    struct open_cause *cause = at(confusion, number);
    struct bucket *bucket = bucket_of(confusion, cause->owner);

    *(cause->older != 0 ? &at(confusion, cause->older)->newer : &confusion->oldest) = cause->newer;
    *(cause->newer != 0 ? &at(confusion, cause->newer)->older : &confusion->newest) = cause->older;
    *(cause->before != 0 ? &at(confusion, cause->before)->after : &bucket->first) = cause->after;
    *(cause->after != 0 ? &at(confusion, cause->after)->before : &bucket->last) = cause->before;
}

static void
drop(struct confusion *confusion, uint32_t number)
{
    unlink(confusion, number);
    at(confusion, number)->after = confusion->free;
    confusion->free = number;
    confusion->open_count--;
}

static void
put(struct confusion *confusion, const struct open_cause *cause)
{
    uint32_t number;

    if (confusion->buckets == NULL)
        confusion->buckets = mem_alloc_zeroed(CONFUSION_BUCKETS * sizeof confusion->buckets[0]);
    if (confusion->open_count == CONFUSION_OPEN_MAX) {
        confusion->rest.given_up += !at(confusion, confusion->oldest)->is_settled;
        drop(confusion, confusion->oldest);
    }
    if (confusion->free == 0) { /* then none of the array is free */
        confusion->open = mem_grow(confusion->open, &confusion->open_capacity,
            confusion->open_count + 1, sizeof confusion->open[0]);
        number = (uint32_t)confusion->open_count + 1;
    } else {
        number = confusion->free;
        confusion->free = at(confusion, number)->after;
    }
    *at(confusion, number) = *cause;
    link_newest(confusion, number);
    confusion->open_count++;
}

/* The oldest of them; 0: none. */
static uint32_t
find(struct confusion *confusion, enum cause_kind kind, uint64_t owner, uint64_t rcpt)
{
    uint32_t number = 0;

    if (confusion->open_count > 0)
        number = bucket_of(confusion, owner)->first;
    while (number != 0) {
        const struct open_cause *cause = at(confusion, number);

        if (cause->kind == kind && cause->owner == owner && cause->rcpt == rcpt)
            break;
        number = cause->after;
    }
    return number;
}

/* --- what becomes of them --- */

/* Mail that never came in is no matter of qualifying it, unlike an answer in the session. */
static void
miss(struct confusion *confusion, const struct open_cause *cause)
{
    if (cause->is_settled)
        return;
    if (cause->kind == CAUSE_DOOR)
        confusion->rest.at_door++;
    else if (cause->kind == CAUSE_REPORT)
        confusion->rest.unheard++;
    else
        confusion_add(confusion, cause, CLASS_NONE);
}

void
confusion_expire(struct confusion *confusion, int64_t now_us)
{
    while (confusion->oldest != 0 &&
        at(confusion, confusion->oldest)->at_us + CONFUSION_WAIT_US <= now_us) {
        miss(confusion, at(confusion, confusion->oldest));
        drop(confusion, confusion->oldest);
    }
}

/* The same was asked again, so the answer before has had its chance. */
static void
supersede(struct confusion *confusion, const struct open_cause *by)
{
    uint32_t number = find(confusion, by->kind, by->owner, by->rcpt);

    if (number == 0)
        return;
    if (!at(confusion, number)->is_settled)
        ++*(by->kind == CAUSE_DOOR ? &confusion->rest.at_door : &confusion->rest.unheard);
    drop(confusion, number);
}

static uint16_t
isp_of(struct confusion *confusion, uint32_t name)
{
    const struct scenario *scenario = confusion->scenario;
    struct slice text;

    if (name == confusion->last_name)
        return confusion->last_isp;
    text = journal_name_text(confusion->journal, name);
    confusion->last_name = name;
    confusion->last_isp = (uint16_t)scenario->isps_count;
    for (size_t i = 0; i < scenario->isps_count; i++)
        if (slice_equals(scenario->isps[i].name, text))
            confusion->last_isp = (uint16_t)i;
    return confusion->last_isp;
}

static struct open_cause
cause_of(struct confusion *confusion, const struct event *event)
{
    return (struct open_cause){.at_us = event->at_us,
        .enhanced = event->enhanced,
        .code = event->code,
        .isp = isp_of(confusion, event->isp),
        .class = event->has_verdict ? event->class : CLASS_NONE,
        .is_known = event->has_verdict};
}

/* --- one event --- */

/* What was said is heard as it was said, or it was something else that the try ended with. */
static bool
is_heard_in(const struct open_cause *cause, const struct event *event)
{
    return cause->code == event->code && cause->enhanced == event->enhanced;
}

static void
on_refused(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt)
{
    struct open_cause cause = cause_of(confusion, event);

    if (event->code == 0)
        return; /* nothing was said */
    cause.kind = rcpt.length > 0 ? CAUSE_RCPT : sender.length > 0 ? CAUSE_MAIL : CAUSE_DOOR;
    cause.owner = cause.kind == CAUSE_DOOR ? words_fingerprint(event) : fingerprint(sender);
    cause.rcpt = cause.kind == CAUSE_RCPT ? fingerprint(rcpt) : 0;
    confusion_expire(confusion, event->at_us);
    supersede(confusion, &cause);
    put(confusion, &cause);
}

/* From RCPT on a limit's answer is told as refused besides, recipient by recipient. */
static void
on_limit_hit(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt)
{
    if (event->stage <= STAGE_MAIL)
        on_refused(confusion, event, sender, rcpt);
}

/* What was said about this recipient; else about the transaction, or at the door. */
static uint32_t
find_answer(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt)
{
    uint32_t number = find(confusion, CAUSE_RCPT, fingerprint(sender), fingerprint(rcpt));

    if (number != 0 && is_heard_in(at(confusion, number), event))
        return number;
    if (number != 0) {
        confusion->rest.unheard++;
        drop(confusion, number);
    }
    if (event->stage > STAGE_MAIL)
        return 0;
    number = find(confusion, CAUSE_MAIL, fingerprint(sender), 0);
    if (number != 0 && is_heard_in(at(confusion, number), event))
        return number;
    return find(confusion, CAUSE_DOOR, words_fingerprint(event), 0);
}

static void
on_attempt(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt)
{
    struct open_cause *cause;
    uint32_t number;

    if (!event->has_verdict)
        return;
    confusion_expire(confusion, event->at_us);
    number = find_answer(confusion, event, sender, rcpt);
    if (number == 0) {
        confusion->rest.unspoken++;
        return;
    }
    cause = at(confusion, number);
    confusion_add(confusion, cause, event->class);
    cause->is_settled = true;
    if (cause->kind == CAUSE_RCPT)
        drop(confusion, number);
}

static uint16_t
dialect_of(struct confusion *confusion, uint32_t name)
{
    struct slice text = journal_name_text(confusion->journal, name);

    return (uint16_t)map_put(&confusion->dialects, text, NULL);
}

/* Mail that arrived, will yet, or is complained of has not been refused. */
static bool
is_no_refusal(const struct event *event)
{
    return event->dsn_kind == DSN_DELAYED || event->dsn_kind == DSN_DELIVERED ||
        event->dsn_kind == DSN_RELAYED || event->dsn_kind == DSN_EXPANDED ||
        event->dsn_kind == DSN_COMPLAINT || event->kind == EVENT_FBL_RECEIVED;
}

static void
on_dsn_sent(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt)
{
    struct open_cause cause = cause_of(confusion, event);

    cause.kind = CAUSE_REPORT;
    cause.owner = fingerprint(sender);
    cause.rcpt = fingerprint(rcpt);
    cause.dialect = dialect_of(confusion, event->rule);
    if (is_no_refusal(event) || (!cause.is_known && event->dsn_kind != DSN_FAILED)) {
        cause.is_known = cause.is_settled = true;
        cause.class = CLASS_NONE;
    }
    confusion_expire(confusion, event->at_us);
    put(confusion, &cause);
}

/* The oldest for that recipient. Who names nobody means the oldest of the return path, and who names
 * somebody else the only one. */
static uint32_t
find_report(struct confusion *confusion, struct slice sender, struct slice rcpt)
{
    uint64_t owner = fingerprint(sender);
    uint32_t exact = find(confusion, CAUSE_REPORT, owner, fingerprint(rcpt));
    uint32_t oldest = 0, count = 0;

    if (exact != 0 || confusion->open_count == 0)
        return exact;
    for (uint32_t number = bucket_of(confusion, owner)->first; number != 0;
         number = at(confusion, number)->after) {
        const struct open_cause *cause = at(confusion, number);

        if (cause->kind != CAUSE_REPORT || cause->owner != owner)
            continue;
        oldest = oldest != 0 ? oldest : number;
        count++;
    }
    return rcpt.length == 0 || count == 1 ? oldest : 0;
}

static uint8_t
verdict_in(const struct event *event)
{
    return event->has_verdict && !is_no_refusal(event) ? event->class : CLASS_NONE;
}

/* A copy of what has come before changes nothing, and is not judged again. */
static void
on_dsn_received(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt)
{
    uint8_t verdict = verdict_in(event);
    uint32_t number;

    confusion_expire(confusion, event->at_us);
    number = find_report(confusion, sender, rcpt);
    if (event->outcome == OUTCOME_DUPLICATE)
        confusion->rest.copies++;
    else if (number != 0)
        confusion_add(confusion, at(confusion, number), verdict);
    else
        confusion->rest.unspoken += verdict != CLASS_NONE;
    if (number != 0)
        drop(confusion, number);
}

typedef void event_fn(
    struct confusion *confusion, const struct event *event, struct slice sender, struct slice rcpt);

static event_fn *const handlers[EVENT_KINDS_COUNT] = {
    [EVENT_REFUSED] = on_refused,
    [EVENT_LIMIT_HIT] = on_limit_hit,
    [EVENT_ATTEMPT] = on_attempt,
    [EVENT_DSN_SENT] = on_dsn_sent,
    [EVENT_DSN_RECEIVED] = on_dsn_received,
    [EVENT_FBL_RECEIVED] = on_dsn_received,
};

void
confusion_take(struct confusion *confusion, struct slice entry)
{
    struct slice sender, rcpt;
    struct event event;
    uint8_t kind;

    memcpy(&kind, entry.at + offsetof(struct event, kind), 1);
    if (kind >= EVENT_KINDS_COUNT || handlers[kind] == NULL)
        return;
    event_read(entry, &event, &sender, &rcpt);
    handlers[kind](confusion, &event, sender, rcpt);
}
