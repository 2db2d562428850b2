/* control.c - a running program takes orders. */
#include "base/control.h"

#include "base/diag.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/unit.h"

#define IDLE_TIMEOUT_US (300 * (int64_t)US_PER_S)

struct session {
    struct control *control;
    struct session *next, *previous;
    struct stream *stream;
    struct timer timer;
};

struct control {
    struct loop *loop;
    const struct control_command *commands;
    void *arg;
    struct session *first;
    size_t sessions_count;
    struct text answer, head;
};

struct control *
control_new(struct loop *loop, const struct control_command *commands, void *arg)
{
    struct control *control = mem_alloc_zeroed(sizeof *control);

    control->loop = loop;
    control->commands = commands;
    control->arg = arg;
    return control;
}

static void
session_free(struct session *session)
{
    struct control *control = session->control;

    *(session->previous != NULL ? &session->previous->next : &control->first) = session->next;
    if (session->next != NULL)
        session->next->previous = session->previous;
    control->sessions_count--;
    timer_cancel(control->loop, &session->timer);
    stream_close(&session->stream);
    mem_free(session);
}

void
control_free(struct control **control)
{
    struct control *c = *control;

    if (c == NULL)
        return;
    while (c->first != NULL)
        session_free(c->first);
    text_release(&c->answer);
    text_release(&c->head);
    mem_free(c);
    *control = NULL;
}

/* --- commands -------------------------------------------------------------------------------- */

static void
add_command_json(struct json *json, const struct control_command *command)
{
    json_open(json, '{');
    json_key(json, "command");
    json_text(json, slice_of(command->name));
    json_key(json, "usage");
    json_text(json, slice_of(command->usage));
    json_key(json, "doc");
    json_text(json, slice_of(command->doc));
    json_close(json, '}');
}

static void
help(const struct control *control, bool wants_json, struct text *answer)
{
    struct json json = json_begin(answer, 0);
    size_t width = 0;

    if (wants_json) {
        json_open(&json, '[');
        for (const struct control_command *c = control->commands; c->name != NULL; c++)
            add_command_json(&json, c);
        json_close(&json, ']');
        return;
    }
    for (const struct control_command *c = control->commands; c->name != NULL; c++) {
        size_t length = strlen(c->name) + 1 + strlen(c->usage);

        width = length > width ? length : width;
    }
    for (const struct control_command *c = control->commands; c->name != NULL; c++)
        text_printf(
            answer, "%s %-*s  %s\n", c->name, (int)(width - strlen(c->name) - 1), c->usage, c->doc);
}

static bool
refuse_command(const struct control *control, struct slice name, struct text *answer)
{
    const char *names[CONTROL_WORDS_MAX], *nearest;
    size_t count = 0;

    for (const struct control_command *c = control->commands; c->name != NULL; c++)
        if (count < COUNT_OF(names))
            names[count++] = c->name;
    nearest = nearest_word(name, names, count);
    text_printf(answer, "no command \"%.*s\"", SLICE_ARGS(name));
    if (nearest != NULL)
        text_printf(answer, "; did you mean \"%s\"?", nearest);
    else
        text_add_string(answer, "; \"help\" lists them");
    return false;
}

static bool
obey(struct control *control, struct slice name, const struct control_request *request)
{
    if (slice_equals(name, SLICE("help")) && request->words_count == 0) {
        help(control, request->wants_json, &control->answer);
        return true;
    }
    for (const struct control_command *c = control->commands; c->name != NULL; c++) {
        if (!slice_equals(slice_of(c->name), name))
            continue;
        if (request->words_count >= c->words_min && request->words_count <= c->words_max)
            return c->fn(control->arg, request, &control->answer);
        text_printf(&control->answer, "usage: %s %s", c->name, c->usage);
        return false;
    }
    return refuse_command(control, name, &control->answer);
}

/* A sentence becomes a line, or an object of JSON. */
static void
finish_refusal(struct text *answer, bool wants_json)
{
    struct text sentence = *answer;
    struct json json;

    if (!wants_json)
        return;
    *answer = (struct text){0};
    json = json_begin(answer, 0);
    json_open(&json, '{');
    json_key(&json, "error");
    json_text(&json, text_slice(&sentence));
    json_close(&json, '}');
    text_release(&sentence);
}

static void
send_answer(struct session *session, bool is_done)
{
    struct control *control = session->control;
    struct text *answer = &control->answer;

    if (answer->length > 0 && answer->bytes[answer->length - 1] != '\n')
        text_add_char(answer, '\n');
    text_clear(&control->head);
    text_printf(&control->head, "%s %zu\n", is_done ? "ok" : "no", answer->length);
    stream_write(session->stream, control->head.bytes, control->head.length);
    if (answer->length > 0)
        stream_write(session->stream, answer->bytes, answer->length);
}

static void
take_line(struct session *session, struct slice line)
{
    struct control *control = session->control;
    struct slice words[CONTROL_WORDS_MAX], word;
    struct control_request request = {.words = words + 1};
    size_t count = 0;
    bool is_done;

    for (line = slice_trim(line); line.length > 0 && count < COUNT_OF(words);
         line = slice_trim(line)) {
        slice_cut(line, ' ', &word, &line);
        if (slice_equals(word, SLICE("--json")))
            request.wants_json = true;
        else
            words[count++] = word;
    }
    text_clear(&control->answer);
    if (count == 0)
        return;
    request.words_count = count - 1;
    if (line.length > 0) {
        text_add_string(&control->answer, "too many words");
        is_done = false;
    } else {
        is_done = obey(control, words[0], &request);
    }
    if (!is_done)
        finish_refusal(&control->answer, request.wants_json);
    send_answer(session, is_done);
}

/* --- events ---------------------------------------------------------------------------------- */

static void
on_idle(void *arg)
{
    session_free(arg);
}

/* Who asks and does not listen is not asked for more. */
static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct session *session = arg;
    struct control *control = session->control;
    size_t consumed = 0;
    struct slice line, rest;

    timer_arm(control->loop, &session->timer, loop_now_us(control->loop) + IDLE_TIMEOUT_US, on_idle,
        session);
    while (slice_cut(slice_from(bytes, consumed), '\n', &line, &rest)) {
        if (stream_unsent(session->stream) > STREAM_HIGH_WATER) {
            stream_pause(session->stream);
            return consumed;
        }
        take_line(session, line);
        consumed = bytes.length - rest.length;
    }
    if (bytes.length - consumed <= CONTROL_LINE_MAX)
        return consumed;
    text_clear(&control->answer);
    text_add_string(&control->answer, "this line has no end");
    send_answer(session, false);
    session_free(session);
    return bytes.length;
}

static void
on_drained(void *arg)
{
    struct session *session = arg;

    stream_resume(session->stream);
}

/* Called as on_end once everything before it was consumed, so a half-closing client is answered. */
static void
on_end(void *arg)
{
    session_free(arg);
}

static void
on_broken(void *arg, enum trouble trouble)
{
    session_free(arg);
}

void
control_accept(void *arg, struct stream *stream)
{
    static const struct stream_events events = {on_bytes, on_drained, on_end, on_broken};
    struct control *control = arg;
    struct session *session;

    if (control->sessions_count == CONTROL_SESSIONS_MAX) {
        const struct slice full = SLICE("no 18\ntoo many sessions\n");

        stream_write(stream, full.at, full.length);
        stream_close(&stream);
        return;
    }
    session = mem_alloc_zeroed(sizeof *session);
    session->control = control;
    session->stream = stream;
    session->next = control->first;
    if (control->first != NULL)
        control->first->previous = session;
    control->first = session;
    control->sessions_count++;
    stream_set_events(stream, &events, session);
    timer_arm(control->loop, &session->timer, loop_now_us(control->loop) + IDLE_TIMEOUT_US, on_idle,
        session);
}
