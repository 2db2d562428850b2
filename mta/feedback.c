/* feedback.c - the sender's side of EFS for a program. */
#include "mta/feedback.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/output_file.h"
#include "base/unit.h"
#include "smtp/reply.h"
#include "smtp/stage.h"

struct feedback {
    struct loop *loop;
    const struct journal *journal;
    struct output *output;
    int64_t ids_from;
    struct error trouble;
    struct text time;
};

struct feedback *
feedback_new(
    struct loop *loop, const struct journal *journal, const char *filename, struct error *err)
{
    struct feedback *feedback = mem_alloc_zeroed(sizeof *feedback);

    feedback->loop = loop;
    feedback->journal = journal;
    feedback->ids_from = loop_wall_us(loop);
    feedback->output = output_open(filename, err);
    if (feedback->output == NULL)
        feedback_free(&feedback);
    return feedback;
}

void
feedback_free(struct feedback **feedback)
{
    struct feedback *f = *feedback;

    if (f == NULL)
        return;
    output_close(&f->output);
    text_release(&f->time);
    mem_free(f);
    *feedback = NULL;
}

static void
add_reply(struct json *json, const struct feedback *feedback, const struct efs_event *event)
{
    struct text enhanced = {0};

    json_text_if_any(json, "stage", slice_of(stage_name((enum smtp_stage)event->stage)));
    if (event->code != 0) {
        json_key(json, "code");
        json_int(json, event->code);
    }
    enhanced_format(&enhanced, enhanced_unpack(event->enhanced));
    json_text_if_any(json, "enhanced", text_slice(&enhanced));
    text_release(&enhanced);
    json_text_if_any(json, "text", journal_name_text(feedback->journal, event->text));
    json_text_if_any(json, "host", journal_name_text(feedback->journal, event->host));
}

static void
add_verdict(struct json *json, const struct feedback *feedback, const struct efs_event *event)
{
    if (event->kind == EFS_DELIVERED)
        return;
    json_key(json, "class");
    json_int(json, event->verdict.class);
    json_text_if_any(json, "reason", slice_of(reason_id(event->verdict.reason)));
    json_text_if_any(json, "type", slice_of(type_id(event->verdict.type)));
    json_text_if_any(json, "rule", journal_name_text(feedback->journal, event->rule));
}

static void
add_event(struct feedback *feedback, const struct efs_event *event)
{
    static const char *const kinds[] = {
        [EFS_DELIVERED] = "delivered",
        [EFS_SOFT] = "soft",
        [EFS_HARD] = "hard",
        [EFS_EXPIRED] = "expired",
        [EFS_RETURNED] = "returned",
        [EFS_COMPLAINT] = "complaint",
        [EFS_UNSUBSCRIBED] = "unsubscribed",
        [EFS_NOTED] = "noted",
    };
    struct json json = json_begin(output_text(feedback->output), 0);
    int64_t now_us = loop_now_us(feedback->loop);

    text_clear(&feedback->time);
    unit_format_time(&feedback->time, loop_wall_us(feedback->loop) - now_us + event->at_us);
    json_open(&json, '{');
    json_key(&json, "id");
    json_int(&json, feedback->ids_from + (int64_t)event->id);
    json_text_if_any(&json, "ts", text_slice(&feedback->time));
    json_text_if_any(&json, "kind", slice_of(kinds[event->kind]));
    json_text_if_any(&json, "sender", event->sender);
    json_text_if_any(&json, "rcpt", event->rcpt);
    json_text_if_any(&json, "message_id", journal_name_text(feedback->journal, event->message_id));
    json_key(&json, "attempt");
    json_int(&json, event->attempt);
    add_reply(&json, feedback, event);
    add_verdict(&json, feedback, event);
    json_close(&json, '}');
    text_add_char(output_text(feedback->output), '\n');
}

bool
feedback_take(void *arg, const struct efs_event *events, size_t count)
{
    struct feedback *feedback = arg;
    struct text *waiting = output_text(feedback->output);

    feedback->trouble = (struct error){0};
    /* Lines of a batch that was refused, and that is offered again now, go first. */
    if (!output_flush(feedback->output, &feedback->trouble))
        return false;
    for (size_t i = 0; i < count; i++)
        add_event(feedback, &events[i]);
    if (output_flush(feedback->output, &feedback->trouble))
        return output_sync(feedback->output, &feedback->trouble);
    while (waiting->length > 0 && waiting->bytes[waiting->length - 1] == '\n') {
        size_t line = waiting->length - 1;

        while (line > 0 && waiting->bytes[line - 1] != '\n')
            line--;
        if (line == 0)
            break; /* begun already: it is finished first */
        output_take_back(feedback->output, waiting->length - line);
    }
    return false;
}

bool
feedback_reopen(struct feedback *feedback, struct error *err)
{
    return output_reopen(feedback->output, err);
}

bool
feedback_trouble(const struct feedback *feedback, struct error *err)
{
    *err = feedback->trouble;
    return feedback->trouble.kind == ERROR_NONE;
}
