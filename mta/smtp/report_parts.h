/* report_parts.h - between the files of the report reader: what each of them finds.
 *
 * report_read.c puts it together; report_status.c reads fields, report_json.c notifications,
 * report_text.c the text for people, report_quote.c the replies that are quoted in either, report_said.c
 * finds what was said about whom. */
#ifndef MTALAB_REPORT_PARTS_H
#define MTALAB_REPORT_PARTS_H

#include "smtp/report_mime.h"

enum { REPORT_WORDS_MAX = 2048 }; /* bytes kept of what is said about one recipient */

static inline bool
char_in(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* --- report_read.c --- */

/* A copy of `s` that lives with the report. */
struct slice report_keep(struct report *report, struct slice s);
/* A new recipient, or NULL when there are too many; one that is there already is given again. */
struct report_recipient *report_add_recipient(struct report *report, struct slice address);

/* --- report_status.c --- */

/* The fields of a message/delivery-status. */
void report_read_status(struct report *report, struct slice fields);
/* Those of a message/feedback-report. */
void report_read_feedback(struct report *report, struct slice fields);
/* Without "rfc822;" and the like, brackets, blanks. */
struct slice report_bare_address(struct slice value);
/* Could a mail have been sent there? A file, a program or a bare name is no address. */
bool report_is_address(struct slice value);
bool report_action_from_name(struct slice name, enum dsn_kind *action);

/* --- report_json.c --- */

/* A notification of Amazon SES, bare or inside one of SNS. False: `text` is none. */
bool report_read_json(struct report *report, struct slice text);

/* --- report_text.c --- */

/* Where the text for people ends, and where the returned message, or its header, begins behind it; both
 * text.length: nowhere. */
size_t report_text_end(struct slice text, size_t *original_at);
/* Adds the recipients that the text, or an X-Failed-Recipients field, speaks of; those in `senders` only
 * if there is nobody else. False: it speaks of nobody. */
bool report_find_recipients(
    struct report *report, struct slice text, struct slice failed_field, struct slice senders);
/* Adds every address in it. */
void report_add_failed(struct report *report, struct slice list);
/* What the text says about each of the recipients that are known. */
void report_find_words(struct report *report, struct slice text);

/* --- report_address.c --- */

/* The first address in it: "Kim <kim@isp.test>" */
bool report_find_address(struct slice text, struct slice *address, size_t *end);
bool report_is_local_char(char c); /* without quotes */

/* --- report_said.c --- */

/* Fills diagnostic, words and codes of the recipients that are known. */
void report_find_diagnostics(struct report *report);

/* --- report_quote.c --- */

struct report_quote {
    size_t at;                     /* where the code begins */
    uint16_t code;                 /* 0: it is quoted without */
    struct enhanced_code enhanced; /* right behind the code, or in brackets somewhere in the text */
    bool has_own_enhanced;         /* right behind the code */
};

/* The first SMTP reply of 4xx or 5xx that is quoted in the text, from `start` on. */
bool report_find_quote(struct slice text, size_t start, struct report_quote *quote);
/* The first enhanced status code in the text that no version or address number looks like. */
bool report_find_enhanced(struct slice text, struct enhanced_code *code);
/* The reply that begins at `at`, without marks like "<<<", lines joined; up to an empty line. */
void report_copy_quote(struct slice text, size_t at, struct text *out);

#endif
