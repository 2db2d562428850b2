/* classify_mail.h - `mta classify --dsn`: what mail that came back means, for people and scripts.
 *
 * One row of tab-separated values per recipient under a header line, one with an empty recipient for mail
 * that speaks of nobody.
 *
 * Ownership  what is handed in is only looked at; rows are added to `out`.
 * Errors     none: every mail has a row. */
#ifndef MTALAB_CLASSIFY_MAIL_H
#define MTALAB_CLASSIFY_MAIL_H

#include "mta/inmail.h"

/* "file kind recipient status smtp_code class adobe_reason adobe_type rule" and, with the reasons,
 * "state phrase runner_up". Fields that are not known are empty; a class that there is none of is "-". */
void classify_mail_header(bool is_explained, struct text *out);
/* `filename` as given; `content` is the mail. What cut the reading short, in a line without its end; "" if
 * nothing did. */
const char *classify_mail(const struct inmail_rules *rules, const char *filename,
    struct slice content, bool is_explained, struct text *out);

#endif
