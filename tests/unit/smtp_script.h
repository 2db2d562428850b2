/* smtp_script.h - an SMTP server that says what a script says, and writes down what it heard.
 *
 * For smtp_client_world.h and delivery_world.h. */
#ifndef MTALAB_TESTS_SMTP_SCRIPT_H
#define MTALAB_TESTS_SMTP_SCRIPT_H

#include "tests/unit.h"

#include "base/mem.h"
#include "base/stream_sim.h"
#include "base/stream_tls.h"

/* What a reply may be besides words to send as they are. */
#define SAYS_NOTHING NULL
#define HANGS_UP     "hangs up"
#define RESETS       "resets"
#define THEN_CLOSES  "\x04" /* at the end of the words */

struct script_row {
    const char *line; /* how the command begins; "" is the connection, "." the end of content */
    const char *reply;
    int times; /* so often, then as the rows below say; 0: always */
};

enum { SCRIPT_ROWS_MAX = 8 };

struct script_server {
    struct loop *loop;
    struct listener *listener;
    struct tls_server *tls; /* NULL: a 220 to STARTTLS is all that comes of it */
    struct script_session *sessions;
    struct script_row rows[SCRIPT_ROWS_MAX]; /* the first that fits; NULL ends them */
    size_t rows_count;
    int used[SCRIPT_ROWS_MAX];
    struct text heard;   /* each command and a ';'; what came in one piece begins on a new line */
    struct text content; /* of all messages that were taken */
    int64_t heard_at_us;
    size_t sessions_count, open_count, open_max, taken_count;
};

struct script_session {
    struct script_server *server;
    struct script_session *next;
    struct stream *stream;
    bool is_in_content;
    size_t rcpts_count;
};

static inline const char *
script_reply(struct script_server *server, struct slice line)
{
    static const struct script_row usual[] = {
        {"",     "220 mx.test ESMTP\r\n",                                                 0},
        {"EHLO", "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n", 0},
        {"HELO", "250 mx.test\r\n",                                                       0},
        {"MAIL", "250 ok\r\n",                                                            0},
        {"RCPT", "250 ok\r\n",                                                            0},
        {"DATA", "354 go on\r\n",                                                         0},
        {".",    "250 taken\r\n",                                                         0},
        {"RSET", "250 ok\r\n",                                                            0},
        {"QUIT", "221 bye\r\n" THEN_CLOSES,                                               0},
    };

    for (size_t i = 0; i < server->rows_count; i++) {
        const struct script_row *row = &server->rows[i];

        if (line.length == 0
                ? row->line[0] != '\0'
                : row->line[0] == '\0' || !slice_starts_with(line, slice_of(row->line)))
            continue;
        if (row->times == 0 || server->used[i]++ < row->times)
            return row->reply;
    }
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        if (line.length == 0 || (i > 0 && slice_starts_with(line, slice_of(usual[i].line))))
            return usual[i].reply;
    return "500 what?\r\n";
}

static inline void
script_session_end(struct script_session *s)
{
    struct script_session **link = &s->server->sessions;

    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    s->server->open_count--;
    if (s->stream != NULL)
        stream_close(&s->stream);
    mem_free(s);
}

/* False: the session is over. */
static inline bool
script_say(struct script_session *s, const char *reply)
{
    size_t length;

    if (reply == SAYS_NOTHING)
        return true;
    if (strcmp(reply, RESETS) == 0)
        stream_abort(&s->stream);
    if (strcmp(reply, RESETS) == 0 || strcmp(reply, HANGS_UP) == 0) {
        script_session_end(s);
        return false;
    }
    length = strlen(reply);
    if (length > 0 && reply[length - 1] == THEN_CLOSES[0]) {
        stream_write(s->stream, reply, length - 1);
        script_session_end(s);
        return false;
    }
    stream_write(s->stream, reply, length);
    return true;
}

static inline void
script_note(struct script_session *s, struct slice line, const char *reply)
{
    bool is_good = reply != NULL && (reply[0] == '2' || reply[0] == '3');

    text_add_slice(&s->server->heard, line);
    text_add_char(&s->server->heard, ';');
    if (slice_starts_with(line, SLICE("MAIL")))
        s->rcpts_count = 0;
    if (slice_starts_with(line, SLICE("RCPT")))
        s->rcpts_count += is_good;
    if (slice_starts_with(line, SLICE("DATA")))
        s->is_in_content = is_good;
}

static inline void
script_on_tls(void *arg, const struct tls_result *result)
{
    if (result->failure != TLS_FINE)
        script_session_end(arg);
}

static const struct stream_events script_events;

static inline size_t
script_on_bytes(void *arg, struct slice bytes)
{
    struct script_session *s = arg;
    struct script_server *server = s->server;
    size_t used = 0;

    server->heard_at_us = loop_now_us(server->loop);
    text_add_char(&server->heard, '\n');
    while (used < bytes.length) {
        struct slice rest = slice_from(bytes, used);
        const char *end = memmem(rest.at, rest.length, "\r\n", 2);
        const char *reply;
        struct slice line;

        if (end == NULL)
            break;
        line = (struct slice){rest.at, (size_t)(end - rest.at)};
        used += line.length + 2;
        if (s->is_in_content && !slice_equals(line, SLICE("."))) {
            text_add(&server->content, line.at, line.length + 2);
            continue;
        }
        reply = script_reply(server, line);
        if (s->is_in_content) {
            s->is_in_content = false;
            text_add_string(&server->heard, ".;");
            if (s->rcpts_count > 0 && reply != NULL && reply[0] == '2')
                server->taken_count += s->rcpts_count;
        } else
            script_note(s, line, reply);
        if (!script_say(s, reply))
            return bytes.length;
        if (server->tls != NULL && slice_equals(line, SLICE("STARTTLS")) && reply != NULL &&
            reply[0] == '2') {
            s->stream = stream_tls_accept(server->tls, s->stream, script_on_tls, s);
            stream_set_events(s->stream, &script_events, s);
            return used;
        }
    }
    if (server->heard.length > 0 && server->heard.bytes[server->heard.length - 1] == '\n')
        server->heard.length--; /* nothing whole came */
    return used;
}

static inline void
script_on_end(void *arg)
{
    script_session_end(arg);
}

static inline void
script_on_broken(void *arg, enum trouble trouble)
{
    script_session_end(arg);
}

static const struct stream_events script_events = {
    .on_bytes = script_on_bytes, .on_end = script_on_end, .on_broken = script_on_broken};

static inline void
script_on_accept(void *arg, struct stream *stream)
{
    struct script_server *server = arg;
    struct script_session *s = mem_alloc_zeroed(sizeof *s);

    s->server = server;
    s->stream = stream;
    s->next = server->sessions;
    server->sessions = s;
    server->sessions_count++;
    if (++server->open_count > server->open_max)
        server->open_max = server->open_count;
    stream_set_events(stream, &script_events, s);
    script_say(s, script_reply(server, SLICE("")));
}

/* `server` may have rows already. */
static inline void
script_listen(struct script_server *server, struct loop *loop, struct network *network,
    const struct net_address *address)
{
    struct error err;

    server->loop = loop;
    while (server->rows_count < SCRIPT_ROWS_MAX && server->rows[server->rows_count].line != NULL)
        server->rows_count++;
    server->listener = network_listen(network, address, script_on_accept, server, &err);
    assert_non_null(server->listener);
}

static inline void
script_stop(struct script_server *server)
{
    while (server->sessions != NULL)
        script_session_end(server->sessions);
    if (server->listener != NULL)
        listener_close(&server->listener);
    text_release(&server->heard);
    text_release(&server->content);
}

#endif
