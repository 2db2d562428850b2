/* stage.c - the places in an SMTP session at which somebody may say no. */
#include "smtp/stage.h"

static const char *const names[] = {
    [STAGE_NONE] = "",
    [STAGE_CONNECT] = "connect",
    [STAGE_BANNER] = "banner",
    [STAGE_EHLO] = "ehlo",
    [STAGE_STARTTLS] = "starttls",
    [STAGE_AUTH] = "auth",
    [STAGE_MAIL] = "mail",
    [STAGE_RCPT] = "rcpt",
    [STAGE_DATA] = "data",
    [STAGE_BODY] = "body",
    [STAGE_DOT] = "dot",
    [STAGE_RSET] = "rset",
    [STAGE_QUIT] = "quit",
    [STAGE_OUT_OF_BAND] = "out_of_band",
};
static_assert(COUNT_OF(names) == STAGES_COUNT, "every stage has a name");

const char *
stage_name(enum smtp_stage stage)
{
    assert(stage < STAGES_COUNT);
    return names[stage];
}

bool
stage_from_name(struct slice name, enum smtp_stage *stage)
{
    for (size_t i = STAGE_NONE + 1; i < COUNT_OF(names); i++) {
        if (slice_equals(name, slice_of(names[i]))) {
            *stage = (enum smtp_stage)i;
            return true;
        }
    }
    return false;
}
