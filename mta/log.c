/* log.c - what happens, written down as it happens. */
#include "mta/log.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/output_file.h"
#include "base/unit.h"
#include "mta/momentum_log.h"
#include "smtp/event.h"

#define HEARTBEAT_US US_PER_MIN

enum { EVENTS, MAINLOG, BOUNCELOG, FBLLOG, OUTPUTS_COUNT };

struct log {
    struct loop *loop;
    struct journal *journal;
    struct spool *spool;
    struct output *outputs[OUTPUTS_COUNT]; /* NULL: not wanted */
    struct timer flush_timer, heartbeat_timer;
    struct error trouble; /* of the last flush */
    struct text id, scratch;
};

static void on_heartbeat(void *arg);
static void on_event(void *arg, struct slice entry);

struct log *
log_new(
    struct loop *loop, struct journal *journal, const struct log_files *files, struct error *err)
{
    const char *const names[] = {files->events, files->mainlog, files->bouncelog, files->fbllog};
    struct log *log = mem_alloc_zeroed(sizeof *log);

    log->loop = loop;
    log->journal = journal;
    for (size_t i = 0; i < OUTPUTS_COUNT; i++) {
        if (names[i] == NULL || (log->outputs[i] = output_open(names[i], err)) != NULL)
            continue;
        log_free(&log);
        return NULL;
    }
    journal_observe(journal, on_event, log);
    if (log->outputs[MAINLOG] != NULL || log->outputs[BOUNCELOG] != NULL)
        on_heartbeat(log);
    return log;
}

void
log_free(struct log **log)
{
    struct log *l = *log;

    if (l == NULL)
        return;
    timer_cancel(l->loop, &l->flush_timer);
    timer_cancel(l->loop, &l->heartbeat_timer);
    for (size_t i = 0; i < OUTPUTS_COUNT; i++)
        output_close(&l->outputs[i]);
    text_release(&l->id);
    text_release(&l->scratch);
    mem_free(l);
    *log = NULL;
}

void
log_use_spool(struct log *log, struct spool *spool)
{
    log->spool = spool;
}

static int64_t
wall_us(const struct log *log, int64_t at_us)
{
    return loop_wall_us(log->loop) - loop_now_us(log->loop) + at_us;
}

/* --- writing --------------------------------------------------------------------------------- */

static void
on_flush(void *arg)
{
    struct log *log = arg;

    log->trouble = (struct error){0};
    for (size_t i = 0; i < OUTPUTS_COUNT; i++)
        if (log->outputs[i] != NULL && !output_flush(log->outputs[i], &log->trouble))
            timer_arm(
                log->loop, &log->flush_timer, loop_now_us(log->loop) + US_PER_S, on_flush, log);
}

/* All lines of an instant leave together. */
static void
flush_soon(struct log *log)
{
    if (!timer_is_armed(&log->flush_timer))
        loop_post(log->loop, &log->flush_timer, on_flush, log);
}

bool
log_trouble(const struct log *log, struct error *err)
{
    *err = log->trouble;
    return log->trouble.kind == ERROR_NONE;
}

uint64_t
log_dropped(const struct log *log)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < OUTPUTS_COUNT; i++)
        bytes += log->outputs[i] != NULL ? output_dropped(log->outputs[i]) : 0;
    return bytes;
}

bool
log_reopen(struct log *log, struct error *err)
{
    bool is_good = true;

    for (size_t i = 0; i < OUTPUTS_COUNT; i++)
        if (log->outputs[i] != NULL && !output_reopen(log->outputs[i], err))
            is_good = false;
    flush_soon(log);
    return is_good;
}

/* Months have days of their own in the log's clock: RFC 3339, to the microsecond. */
static void
add_time(struct text *out, int64_t us)
{
    unit_format_time(out, us - us % US_PER_S);
    out->length--; /* the Z comes behind the fraction */
    text_printf(out, ".%06dZ", (int)(us % US_PER_S));
}

void
log_note(struct log *log, struct slice text)
{
    struct output *output = log->outputs[EVENTS];
    struct json json;

    if (output == NULL)
        return;
    json = json_begin(output_text(output), 0);
    text_clear(&log->scratch);
    add_time(&log->scratch, loop_wall_us(log->loop));
    json_open(&json, '{');
    json_key(&json, "ts");
    json_text(&json, text_slice(&log->scratch));
    json_key(&json, "event");
    json_text(&json, SLICE("note"));
    json_key(&json, "text");
    json_text(&json, text);
    json_close(&json, '}');
    text_add_char(output_text(output), '\n');
    flush_soon(log);
}

/* --- events ---------------------------------------------------------------------------------- */

void
log_message_id(struct text *out, struct loop *loop, struct spool *spool, spool_message message)
{
    int64_t arrival_us = spool_envelope(spool, message).arrival_us;
    int64_t arrival_ms = (loop_wall_us(loop) - loop_now_us(loop) + arrival_us) / US_PER_MS;

    text_printf(out, "%02X/%02X-%05u-%08X", message & 0xff, message >> 8 & 0xff, message % 100000,
        (unsigned)(uint32_t)arrival_ms);
}

/* What the main log calls it; 0: it has no line there. */
static char
type_of(const struct event *event)
{
    if (event->kind == EVENT_RECEIVED)
        return 'R';
    if (event->kind == EVENT_EXPIRED)
        return 'P';
    if (event->kind != EVENT_ATTEMPT)
        return 0;
    return event->outcome == OUTCOME_DELIVERED ? 'D'
        : event->outcome == OUTCOME_DEFERRED   ? 'T'
                                               : 'P';
}

/* The code and the enhanced status code stand in front of the reply's text, as on the wire. */
static void
add_reply(struct text *out, const struct log *log, const struct event *event)
{
    size_t before;

    text_printf(out, "%u ", event->code);
    before = out->length;
    enhanced_format(out, enhanced_unpack(event->enhanced));
    if (out->length > before)
        text_add_char(out, ' ');
    text_add_slice(out, journal_name_text(log->journal, event->text));
}

static void
write_momentum(struct log *log, const struct event *event, struct slice sender, struct slice rcpt)
{
    char number[16];
    struct momentum_record record = {.type = type_of(event),
        .wall_us = wall_us(log, event->at_us),
        .message_id = text_slice(&log->id),
        .rcpt = rcpt,
        .sender = sender,
        .binding = journal_name_text(log->journal, event->source_ip),
        .remote = journal_name_text(log->journal, event->host),
        .retries = event->attempt > 0 ? event->attempt - 1u : 0,
        .stage = (enum smtp_stage)event->stage,
        .is_expired = event->kind == EVENT_EXPIRED,
        .class = event->class};

    if (record.type == 0)
        return;
    snprintf(number, sizeof number, "%" PRIu32, event->session);
    record.connection_id = slice_of(number);
    if (log->spool != NULL && event->row != 0) {
        record.size = spool_size(log->spool, event->row);
        record.queue_us = event->at_us - spool_envelope(log->spool, event->row).arrival_us;
    }
    text_clear(&log->scratch);
    add_reply(&log->scratch, log, event);
    record.reply = text_slice(&log->scratch);
    if (log->outputs[MAINLOG] != NULL)
        momentum_main_line(output_text(log->outputs[MAINLOG]), &record);
    record.type = record.type == 'P' ? 'B' : record.type;
    if (log->outputs[BOUNCELOG] != NULL)
        momentum_bounce_line(output_text(log->outputs[BOUNCELOG]), &record);
}

/* A report that is a duplicate, or about nobody, has changed nothing: it is told in the events alone. */
static void
write_returned(struct log *log, const struct event *event, struct slice sender, struct slice rcpt)
{
    struct momentum_record record = {.type = event->kind == EVENT_FBL_RECEIVED ? 'F' : 'B',
        .wall_us = wall_us(log, event->at_us),
        .rcpt = rcpt,
        .sender = sender,
        .remote = journal_name_text(log->journal, event->host),
        .stage = STAGE_OUT_OF_BAND,
        .class = event->class,
        .feedback_type = SLICE("abuse"),
        .reply = journal_name_text(log->journal, event->text)};

    if (event->outcome != OUTCOME_NONE)
        return;
    if (record.type == 'F' && log->outputs[FBLLOG] != NULL)
        momentum_complaint_line(output_text(log->outputs[FBLLOG]), &record);
    if (record.type == 'B' && log->outputs[BOUNCELOG] != NULL &&
        (event->dsn_kind == DSN_FAILED || event->dsn_kind == DSN_CHALLENGE ||
            event->dsn_kind == DSN_AUTO_REPLY || event->dsn_kind == DSN_UNSUBSCRIPTION))
        momentum_bounce_line(output_text(log->outputs[BOUNCELOG]), &record);
}

/* The event's own object, with what it cannot know in front. */
static void
write_json(struct log *log, const struct event *event, struct slice entry)
{
    struct text *out = output_text(log->outputs[EVENTS]);

    text_add_string(out, "{\"ts\":\"");
    add_time(out, wall_us(log, event->at_us));
    text_add_string(out, "\",");
    if (log->id.length > 0)
        text_printf(out, "\"id\":\"%s\",", log->id.bytes);
    text_clear(&log->scratch);
    event_to_json(&log->scratch, log->journal, entry);
    text_add_slice(out, slice_from(text_slice(&log->scratch), 1));
    text_add_char(out, '\n');
}

/* A deferral is told by its attempt already. */
static void
on_event(void *arg, struct slice entry)
{
    struct log *log = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind == EVENT_DEFERRED)
        return;
    text_clear(&log->id);
    if (log->spool != NULL && event.row != 0)
        log_message_id(&log->id, log->loop, log->spool, event.row);
    if (log->outputs[EVENTS] != NULL)
        write_json(log, &event, entry);
    if (event.kind == EVENT_DSN_RECEIVED || event.kind == EVENT_FBL_RECEIVED)
        write_returned(log, &event, sender, rcpt);
    else
        write_momentum(log, &event, sender, rcpt);
    flush_soon(log);
}

static void
on_heartbeat(void *arg)
{
    struct log *log = arg;
    const struct momentum_record beat = {.type = 'M', .wall_us = loop_wall_us(log->loop)};

    if (log->outputs[MAINLOG] != NULL)
        momentum_main_line(output_text(log->outputs[MAINLOG]), &beat);
    if (log->outputs[BOUNCELOG] != NULL)
        momentum_bounce_line(output_text(log->outputs[BOUNCELOG]), &beat);
    flush_soon(log);
    timer_arm(
        log->loop, &log->heartbeat_timer, loop_now_us(log->loop) + HEARTBEAT_US, on_heartbeat, log);
}
