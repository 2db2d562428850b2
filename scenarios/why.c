/* why.c - one recipient's story.
 *
 * Every line says when, who and what. The ISP says what it answered, the MTA what it took that for,
 * the campaign what the news did to the delivery log: three parties, so three lines a try. */
#include "scenarios/why.h"

#include "base/map.h"
#include "base/unit.h"
#include "scenarios/world.h"
#include "smtp/event.h"

enum { LINES_MAX = 5000 }; /* of one story */

struct line {
    int64_t at_us;
    struct slice who, what;
};

struct story {
    struct line *lines;
    size_t count, capacity;
    uint64_t left_out;  /* lines beyond the bound */
    struct event heard; /* what the ISP said last: the MTA's line need not repeat it */
    struct event tried; /* the last try */
    bool has_row;
    size_t delivery;
    uint64_t row;
    enum row_status status;
};

struct inquiry { /* to one world */
    struct arena arena;
    struct world *world;
    struct slice wanted;
    bool (*goes_on)(void);
    struct event *handshakes; /* the last one of each host, by its name */
    size_t handshakes_count, handshakes_capacity;
    struct map recipients;
    struct story stories[WHY_RECIPIENTS_MAX];
    uint64_t left_out; /* recipients beyond the bound */
};

/* --- one line -------------------------------------------------------------------------------- */

static void
add_reply(struct text *out, const struct journal *journal, const struct event *event)
{
    struct slice text = journal_name_text(journal, event->text);

    text_add_char(out, ':');
    if (event->code > 0)
        text_printf(out, " %u", event->code);
    if (event->enhanced != 0) {
        text_add_char(out, ' ');
        enhanced_format(out, enhanced_unpack(event->enhanced));
    }
    text_add_char(out, ' ');
    for (size_t i = 0; i < text.length; i++) /* the lines of a reply in one */
        text_add_char(out, (unsigned char)text.at[i] < ' ' ? ' ' : text.at[i]);
}

static void
add_cause(struct text *out, const struct journal *journal, const struct event *event)
{
    struct slice rule = journal_name_text(journal, event->rule);
    struct slice limit = journal_name_text(journal, event->limit);

    if (limit.length > 0)
        text_printf(out, " (limit %.*s)", SLICE_ARGS(limit));
    else if (rule.length > 0)
        text_printf(out, " (rule %.*s)", SLICE_ARGS(rule));
}

static void
tell_answer(struct text *out, const struct journal *journal, const struct event *event)
{
    text_add_string(out, event->kind == EVENT_ACCEPTED ? "accepts" : "refuses");
    if (event->stage != STAGE_NONE)
        text_printf(out, " at %s", stage_name(event->stage));
    add_reply(out, journal, event);
    add_cause(out, journal, event);
}

static bool
is_same_reply(const struct event *a, const struct event *b)
{
    return a->code == b->code && a->enhanced == b->enhanced && a->text == b->text;
}

/* How the last handshake with the host of a try went, if there was one. */
static void
add_handshake(struct text *out, const struct inquiry *inquiry, const struct event *try)
{
    const struct event *tls;
    struct slice words;

    if (try->host >= inquiry->handshakes_count)
        return;
    tls = &inquiry->handshakes[try->host];
    if (tls->kind != EVENT_TLS)
        return;
    words = journal_name_text(world_journal(inquiry->world), tls->text);
    if (tls->outcome == OUTCOME_OK)
        text_printf(out, " (%.*s)", SLICE_ARGS(words));
    else
        text_printf(out, " (tls %s)", outcome_name(tls->outcome));
}

static void
tell_try(struct text *out, const struct inquiry *inquiry, const struct event *event,
    const struct event *heard)
{
    const struct journal *journal = world_journal(inquiry->world);
    struct slice host = journal_name_text(journal, event->host);

    text_printf(out, "try %u", event->attempt);
    if (host.length > 0)
        text_printf(out, " at %.*s", SLICE_ARGS(host));
    add_handshake(out, inquiry, event);
    text_printf(out, " %s", outcome_name(event->outcome));
    if (!is_same_reply(event, heard))
        add_reply(out, journal, event);
    if (event->has_verdict)
        text_printf(out, "; class %u %s", event->class, class_name(event->class));
    add_cause(out, journal, event);
}

/* What the news did to the row; the campaign already shows it. */
static void
tell_news(struct text *out, const struct inquiry *inquiry, struct story *story, const char *news)
{
    struct row row;

    text_add_string(out, news);
    if (!story->has_row)
        return;
    row = campaign_row(world_campaign(inquiry->world), story->delivery, story->row);
    if (row.status == story->status)
        text_add_string(out, ": status unchanged");
    else
        text_printf(out, ": %s", row_status_name(row.status));
    if (row.reason != REASON_NONE)
        text_printf(out, ", reason %s, %s", reason_name(row.reason), type_name(row.type));
    story->status = row.status;
}

static void
tell_other(struct text *out, const struct journal *journal, const struct event *event)
{
    text_add_string(out, event_kind_name(event->kind));
    if (event->outcome != OUTCOME_NONE)
        text_printf(out, " %s", outcome_name(event->outcome));
    if (event->code > 0 || event->text != 0)
        add_reply(out, journal, event);
    add_cause(out, journal, event);
}

/* "mx1.isp.test: pace 20/s -> 10/s, throttled: sending too fast" */
static void
tell_change(struct text *out, const struct journal *journal, const struct event *event)
{
    text_printf(out, "%.*s: %.*s", SLICE_ARGS(journal_name_text(journal, event->host)),
        SLICE_ARGS(journal_name_text(journal, event->text)));
    add_cause(out, journal, event);
}

/* "sends back a report: failed 5.2.2 552 mailbox full" */
static void
tell_report(
    struct text *out, const struct journal *journal, const struct event *event, const char *verb)
{
    text_printf(out, "%s a report: %s ", verb, dsn_kind_name(event->dsn_kind));
    enhanced_format(out, enhanced_unpack(event->enhanced));
    if (event->text != 0)
        text_printf(out, " %.*s", SLICE_ARGS(journal_name_text(journal, event->text)));
}

/* "takes back a report: failed 5.2.2 552 mailbox full (late: it changes nothing)"; a complaint does,
 * however late: it is about the address. */
static void
tell_return(struct text *out, const struct inquiry *inquiry, const struct story *story,
    const struct event *event)
{
    bool is_late = event->kind == EVENT_DSN_RECEIVED && story->has_row &&
        campaign_is_late(world_campaign(inquiry->world), story->delivery, story->row, event->at_us);

    tell_report(out, world_journal(inquiry->world), event, "takes back");
    if (event->outcome != OUTCOME_NONE || is_late)
        text_printf(out, " (%s: it changes nothing)",
            event->outcome != OUTCOME_NONE ? outcome_name(event->outcome) : "late");
}

/* In Campaign's own words, but for who wrote them. */
static void
tell_returned(
    struct text *out, const struct inquiry *inquiry, struct story *story, const struct event *event)
{
    struct slice rule = journal_name_text(world_journal(inquiry->world), event->rule);

    text_printf(
        out, "Inbound email bounce (rule '%.*s' has matched this bounce)", SLICE_ARGS(rule));
    tell_news(out, inquiry, story, "");
}

/* False: the line would only say again what stands above it. */
static bool
tell(
    struct text *out, const struct inquiry *inquiry, struct story *story, const struct event *event)
{
    const struct journal *journal = world_journal(inquiry->world);
    struct slice delivery = journal_name_text(journal, event->delivery);

    switch ((enum event_kind)event->kind) {
    case EVENT_SUBMITTED:
        text_printf(out, "submits it, delivery %.*s", SLICE_ARGS(delivery));
        return true;
    case EVENT_RELAYED:
        tell_news(out, inquiry, story, "relayed");
        return true;
    case EVENT_ACCEPTED:
    case EVENT_REFUSED:
        tell_answer(out, journal, event);
        story->heard = *event;
        return true;
    case EVENT_ATTEMPT:
        tell_try(out, inquiry, event, &story->heard);
        story->tried = *event;
        return true;
    case EVENT_DEFERRED:
        if (story->tried.attempt == event->attempt && story->tried.at_us == event->at_us)
            return false;
        tell_try(out, inquiry, event, &story->heard);
        return true;
    case EVENT_BOUNCE_SOFT:
        tell_news(out, inquiry, story, "soft bounce");
        return true;
    case EVENT_BOUNCE_HARD:
        if (event->stage == STAGE_OUT_OF_BAND)
            tell_returned(out, inquiry, story, event);
        else
            tell_news(out, inquiry, story, "hard bounce");
        return true;
    case EVENT_DELIVERED:
        tell_news(out, inquiry, story, "delivered");
        return true;
    case EVENT_EXPIRED:
        tell_news(out, inquiry, story, "expired");
        return true;
    case EVENT_QUARANTINE:
        text_add_string(out,
            event->reason == REASON_DENYLISTED ? "denylists the address"
                                               : "puts the address into quarantine");
        return true;
    case EVENT_EXCLUDED:
        text_printf(out, "leaves it out of delivery %.*s: %s", SLICE_ARGS(delivery),
            reason_name(event->reason));
        return true;
    case EVENT_CANCELLED:
        tell_news(out, inquiry, story, "cancelled");
        return true;
    case EVENT_MX_CHANGED:
        tell_change(out, journal, event);
        return true;
    case EVENT_DSN_SENT:
        tell_report(out, journal, event, "sends back");
        return true;
    case EVENT_DSN_RECEIVED:
    case EVENT_FBL_RECEIVED:
        tell_return(out, inquiry, story, event);
        return true;
    case EVENT_CONNECT:
    case EVENT_TLS:
    case EVENT_LIMIT_HIT:
    case EVENT_AUTH:
    case EVENT_SESSION:
    case EVENT_TIMELINE:
    case EVENT_DELIVERY:
    case EVENT_RECEIVED:
    case EVENT_DSN_TROUBLE:
        tell_other(out, journal, event);
        return true;
    case EVENT_KINDS_COUNT:
        break;
    }
    return false;
}

static struct slice
teller_of(const struct journal *journal, const struct event *event)
{
    switch ((enum event_kind)event->kind) {
    case EVENT_ACCEPTED:
    case EVENT_REFUSED:
    case EVENT_LIMIT_HIT:
    case EVENT_SESSION:
    case EVENT_DSN_SENT:
    case EVENT_AUTH:
        return event->isp != 0 ? journal_name_text(journal, event->isp) : SLICE("ISP");
    case EVENT_CONNECT:
    case EVENT_TLS:
    case EVENT_ATTEMPT:
    case EVENT_DEFERRED:
    case EVENT_RECEIVED:
    case EVENT_MX_CHANGED:
    case EVENT_DSN_RECEIVED:
    case EVENT_FBL_RECEIVED:
    case EVENT_DSN_TROUBLE:
        return SLICE("mta");
    case EVENT_SUBMITTED:
    case EVENT_RELAYED:
    case EVENT_BOUNCE_SOFT:
    case EVENT_BOUNCE_HARD:
    case EVENT_DELIVERED:
    case EVENT_EXPIRED:
    case EVENT_QUARANTINE:
    case EVENT_TIMELINE:
    case EVENT_DELIVERY:
    case EVENT_EXCLUDED:
    case EVENT_CANCELLED:
    case EVENT_KINDS_COUNT:
        break;
    }
    return SLICE("campaign");
}

/* --- listening ------------------------------------------------------------------------------- */

static bool
is_wanted(struct slice wanted, struct slice rcpt)
{
    struct slice local = rcpt;

    for (size_t i = rcpt.length; i-- > 0;) {
        if (rcpt.at[i] == '@') {
            local.length = i;
            break;
        }
    }
    return slice_glob(wanted, rcpt) || slice_glob(wanted, local);
}

static struct slice
keep(struct inquiry *inquiry, struct slice s)
{
    return (struct slice){arena_copy(&inquiry->arena, s.at, s.length), s.length};
}

static struct story *
story_of(struct inquiry *inquiry, struct slice sender, struct slice rcpt)
{
    struct story *story;
    uint32_t number;

    if (!map_find(&inquiry->recipients, rcpt, &number)) {
        if (inquiry->recipients.count == WHY_RECIPIENTS_MAX) {
            inquiry->left_out++;
            return NULL;
        }
        number = map_put(&inquiry->recipients, rcpt, NULL);
    }
    story = &inquiry->stories[number];
    if (campaign_find_row(
            world_campaign(inquiry->world), sender, rcpt, &story->delivery, &story->row))
        story->has_row = true;
    return story;
}

static void
note_handshake(struct inquiry *inquiry, const struct event *event)
{
    size_t needed = event->host + 1;

    if (needed > inquiry->handshakes_count) {
        inquiry->handshakes = mem_grow(inquiry->handshakes, &inquiry->handshakes_capacity, needed,
            sizeof inquiry->handshakes[0]);
        memset(inquiry->handshakes + inquiry->handshakes_count, 0,
            (needed - inquiry->handshakes_count) * sizeof inquiry->handshakes[0]);
        inquiry->handshakes_count = needed;
    }
    inquiry->handshakes[event->host] = *event;
}

static void
add_to_story(
    struct inquiry *inquiry, struct story *story, const struct event *event, struct slice what)
{
    struct slice who = teller_of(world_journal(inquiry->world), event);

    if (story->count == LINES_MAX) {
        story->left_out++;
        return;
    }
    story->lines =
        mem_grow(story->lines, &story->capacity, story->count + 1, sizeof story->lines[0]);
    story->lines[story->count++] = (struct line){
        .at_us = event->at_us, .who = keep(inquiry, who), .what = keep(inquiry, what)};
}

/* A controller speaks of a site, and so to everybody whom that site has deferred. */
static void
tell_those_who_wait(struct inquiry *inquiry, const struct event *change)
{
    struct text what = {0};

    tell_change(&what, world_journal(inquiry->world), change);
    for (uint32_t i = 0; i < inquiry->recipients.count; i++) {
        struct story *story = &inquiry->stories[i];

        if (story->tried.host == change->host && story->tried.outcome == OUTCOME_DEFERRED)
            add_to_story(inquiry, story, change, text_slice(&what));
    }
    text_release(&what);
}

static void
listen(void *arg, struct slice entry)
{
    struct inquiry *inquiry = arg;
    struct slice sender, rcpt;
    struct story *story;
    struct event event;
    struct text what = {0};

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind == EVENT_TLS)
        note_handshake(inquiry, &event);
    if (event.kind == EVENT_MX_CHANGED)
        tell_those_who_wait(inquiry, &event);
    if (rcpt.length == 0 || !is_wanted(inquiry->wanted, rcpt))
        return;
    story = story_of(inquiry, sender, rcpt);
    if (story == NULL)
        return;
    if (tell(&what, inquiry, story, &event))
        add_to_story(inquiry, story, &event, text_slice(&what));
    text_release(&what);
}

/* --- telling --------------------------------------------------------------------------------- */

/* All six digits, so that they stand below each other. */
static void
add_clock(struct text *out, int64_t at_us, size_t width)
{
    struct text clock = {0};

    unit_format_clock(&clock, at_us - at_us % US_PER_S);
    clock.length--; /* its "s" */
    text_add_repeated(out, ' ', width > clock.length ? width - clock.length : 0);
    text_add_slice(out, text_slice(&clock));
    text_printf(out, ".%06lds", (long)(at_us % US_PER_S));
    text_release(&clock);
}

static void
add_line(struct text *out, const struct line *line, size_t clock_width, size_t who_width)
{
    text_add_string(out, "  ");
    add_clock(out, line->at_us, clock_width);
    text_printf(
        out, "  %-*.*s  %.*s\n", (int)who_width, SLICE_ARGS(line->who), SLICE_ARGS(line->what));
}

static void
tell_story(const struct inquiry *inquiry, uint32_t number, int64_t end_us, struct text *out)
{
    const struct campaign *campaign = world_campaign(inquiry->world);
    const struct story *story = &inquiry->stories[number];
    struct slice address = map_key(&inquiry->recipients, number);
    struct text last = {0}, clock = {0};
    size_t who_width = strlen("campaign");

    for (size_t i = 0; i < story->count; i++)
        if (story->lines[i].who.length > who_width)
            who_width = story->lines[i].who.length;
    unit_format_clock(&clock, end_us);
    text_printf(out, "%s%.*s\n", number > 0 ? "\n" : "", SLICE_ARGS(address));
    for (size_t i = 0; i < story->count; i++)
        add_line(out, &story->lines[i], clock.length, who_width);
    if (story->left_out > 0)
        text_printf(out, "  ... and %llu lines more\n", (unsigned long long)story->left_out);
    if (story->has_row)
        text_add_string(
            &last, row_status_name(campaign_row(campaign, story->delivery, story->row).status));
    if (campaign_is_quarantined(campaign, address))
        text_printf(&last, "%sthe address is in quarantine", last.length > 0 ? "; " : "");
    if (last.length > 0)
        add_line(out, &(struct line){end_us, SLICE("the end"), text_slice(&last)}, clock.length,
            who_width);
    text_release(&clock);
    text_release(&last);
}

static bool
go_on(void *arg, int64_t now_us)
{
    const struct inquiry *inquiry = arg;

    return inquiry->goes_on == NULL || inquiry->goes_on();
}

static void
inquiry_release(struct inquiry *inquiry)
{
    for (size_t i = 0; i < WHY_RECIPIENTS_MAX; i++)
        mem_free(inquiry->stories[i].lines);
    mem_free(inquiry->handshakes);
    map_release(&inquiry->recipients);
    arena_release(&inquiry->arena);
}

bool
why_tell(const struct scenario *scenario, const struct why_question *question, struct text *out,
    struct error *err)
{
    struct inquiry inquiry = {.wanted = question->recipient, .goes_on = question->goes_on};
    const struct world_options options = {.seed = question->seed,
        .until_us = question->until_us,
        .on_progress = go_on,
        .progress_arg = &inquiry};
    struct diagnostics none = {0};
    struct expect_plan *plan;
    bool was_stopped = false, is_fine = false;

    if (scenario->sut.kind != SUT_NONE)
        return error_set(err, ERROR_USAGE,
            "%s has a foreign MTA, which does not do the same twice: run it with --out and read "
            "the "
            "file that record.events names",
            scenario->filename);
    plan = expect_compile(scenario, &none);
    if (plan == NULL)
        error_set(err, ERROR_CONFIG, "%s: its expectations are not valid; see mtalab check",
            scenario->filename);
    else
        inquiry.world = world_new(scenario, plan, &options, err);
    if (inquiry.world != NULL) {
        journal_observe(world_journal(inquiry.world), listen, &inquiry);
        is_fine = world_run(inquiry.world, &was_stopped, err);
    }
    if (is_fine && inquiry.recipients.count == 0)
        is_fine = error_set(err, ERROR_USAGE, "%s has no recipient like \"%.*s\"",
            scenario->filename, SLICE_ARGS(question->recipient));
    for (uint32_t i = 0; is_fine && i < inquiry.recipients.count; i++)
        tell_story(&inquiry, i, loop_now_us(world_loop(inquiry.world)), out);
    if (is_fine && inquiry.left_out > 0)
        text_add_string(out, "\n... and more recipients: a narrower pattern shows them\n");
    world_free(&inquiry.world);
    expect_plan_free(&plan);
    diagnostics_release(&none);
    inquiry_release(&inquiry);
    return is_fine;
}
