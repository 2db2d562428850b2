/* report_words.h - the words by which returned mail is known, in the languages it is written in.
 *
 * The tables are in report_words.c. A phrase is looked for at the start of words, in text that was folded
 * first: lower case, every run of blanks one space. */
#ifndef MTALAB_REPORT_WORDS_H
#define MTALAB_REPORT_WORDS_H

#include "base/text.h"

enum word_sign {        /* bits */
    SIGN_FAILURE = 1,   /* "could not be delivered" */
    SIGN_DELAY = 2,     /* "has not yet been delivered" */
    SIGN_SUCCESS = 4,   /* "was successfully delivered" */
    SIGN_CHALLENGE = 8, /* "click the link below to be added" */
    SIGN_AWAY = 16,     /* "out of the office" */
    SIGN_FINAL = 32,    /* "this is a permanent error" */
    SIGN_AUTO = 64,     /* "this is an automatic reply" */
};

/* Lower case (ASCII), one space for every run of blanks, none in front. */
void words_fold(struct slice text, struct text *out);

/* Which signs the folded text has. */
unsigned words_signs(struct slice folded);
/* A Subject may be shorter, and means more: "failure notice", "automatic reply: …". */
unsigned words_subject_signs(struct slice folded);
/* Who writes in the name of a mail system: "mailer-daemon@…", "Mail Delivery Subsystem". */
bool words_is_daemon(struct slice folded);
/* Behind this line stands the returned message, or its header. */
bool words_begin_original(struct slice line);

#endif
