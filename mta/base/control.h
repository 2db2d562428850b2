/* control.h - a running program takes orders: a line of words in, an answer of text or JSON out.
 *
 * A line is one command; several may follow each other on one connection. The answer is "ok LENGTH"
 * or "no LENGTH", a newline, and so many bytes, which end in a newline themselves if there are any.
 * The word --json anywhere in the line asks for JSON. `help` lists the table of commands.
 *
 *   queue --json            ok 3\n[]\n
 *   suspend nowhere.test    no 29\nno mail for nowhere.test now\n
 *
 * Whose connections they are is decided by whoever listens: hand control_accept() and the control to
 * network_listen() or to network_net_listen_unix().
 *
 * Callbacks  a command's function runs from the loop, and must not free the control.
 * Ownership  the table and `arg` are borrowed. Connections are the control's.
 * Errors     what cannot be done is an answer. */
#ifndef MTALAB_CONTROL_H
#define MTALAB_CONTROL_H

#include "base/loop.h"
#include "base/stream.h"

enum { CONTROL_WORDS_MAX = 64, CONTROL_LINE_MAX = 4096, CONTROL_SESSIONS_MAX = 64 };

struct control_request {
    const struct slice *words; /* behind the command's name, without --json */
    size_t words_count;
    bool wants_json;
};

/* Appends the answer, in JSON if it is wanted. False: it was not done, and the answer says why in one
 * sentence (which becomes {"error": …} by itself). */
typedef bool control_fn(void *arg, const struct control_request *request, struct text *answer);

struct control_command {
    const char *name;
    uint8_t words_min, words_max; /* behind the name */
    const char *usage;            /* "SITE|DOMAIN [for DURATION]"; "" for none */
    const char *doc;
    control_fn *fn;
};

struct control;

/* The table ends with a row without name. */
struct control *control_new(struct loop *loop, const struct control_command *commands, void *arg);
void control_free(struct control **control);               /* what was answered still leaves */
void control_accept(void *control, struct stream *stream); /* an accept_fn */

#endif
