/* command.h - what a client says: verbs, paths and parameters (RFC 5321 4.1, RFC 1869 parameters).
 *
 * Errors     a line that is not a proper command is data for the server to answer: command_parse()
 *            says what is wrong as the reply code RFC 5321 4.2.4 asks for. */
#ifndef MTALAB_COMMAND_H
#define MTALAB_COMMAND_H

#include "smtp/address.h"

enum verb {
    VERB_UNKNOWN,
    VERB_HELO,
    VERB_EHLO,
    VERB_STARTTLS,
    VERB_AUTH,
    VERB_MAIL,
    VERB_RCPT,
    VERB_DATA,
    VERB_RSET,
    VERB_NOOP,
    VERB_QUIT,
    VERB_VRFY,
    VERB_EXPN,
    VERB_HELP,
};

enum {
    COMMAND_LINE_MAX = 2048, /* with CRLF; RFC 5321 4.5.3.1.4 says 512, extensions add to it */
    COMMAND_PARAMETERS_MAX = 10,
};

struct command_parameter {
    struct slice keyword; /* SIZE, BODY, … ; compare without case */
    struct slice value;   /* empty without '=' */
};

struct command {
    enum verb verb;
    struct slice argument;       /* all but MAIL and RCPT: what stands behind the verb, trimmed */
    struct mail_address address; /* MAIL and RCPT */
    /* of the known parameters: */
    uint64_t size; /* SIZE=; 0: not given */
    bool is_8bit;  /* BODY=8BITMIME */
    bool is_utf8;  /* SMTPUTF8 */
    int64_t by_s;  /* BY=seconds;R or ;N (RFC 2852): give up after so long; 0: not given */
    size_t parameters_count;
    struct command_parameter parameters[COMMAND_PARAMETERS_MAX]; /* so many of them are set */
};

/* `line` without its CRLF. 0 when fine, otherwise 500 (unknown verb), 501 (syntax of the argument)
 * or 555 (parameter not known, RFC 5321 4.1.1.11); *why then has a few words. Known are SIZE, BODY,
 * SMTPUTF8, AUTH and BY of MAIL, none of RCPT. */
int command_parse(struct slice line, struct command *command, const char **why);

const char *verb_name(enum verb verb); /* "MAIL" */

/* Those that do not are harmless one by one, and a way to hold a session for ever. */
bool verb_moves_on(enum verb verb);

/* The next line of a stream: *line is without its CRLF, the answer is how many bytes it used.
 * 0: no whole line yet. A bare LF or CR does not end a line (RFC 5321 2.3.8): *is_malformed says
 * that the line holds one, or a NUL, or is longer than `length_max` with its CRLF.
 *
 * Of a line too long whose end has not come yet, all but `length_max` bytes are used up at once; then
 * line->at is NULL and there is nothing to answer before its CRLF. So the reader must be able to keep
 * `length_max` bytes and one more. */
size_t line_next(struct slice bytes, size_t length_max, struct slice *line, bool *is_malformed);

#endif
