/* stage.h - the places in an SMTP session at which somebody may say no. */
#ifndef MTALAB_STAGE_H
#define MTALAB_STAGE_H

#include <stdbool.h>

#include "base/text.h"

enum smtp_stage {
    STAGE_NONE,
    STAGE_CONNECT,
    STAGE_BANNER,
    STAGE_EHLO,
    STAGE_STARTTLS,
    STAGE_AUTH,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,
    STAGE_BODY,
    STAGE_DOT,
    STAGE_RSET,
    STAGE_QUIT,
    STAGE_OUT_OF_BAND, /* in no session: by mail, later */
    STAGES_COUNT,
};

const char *stage_name(enum smtp_stage stage); /* "rcpt"; "" for none */
bool stage_from_name(struct slice name, enum smtp_stage *stage);

#endif
