/* momentum_log.h - lines as Momentum's logs have them: fields in a fixed order, split by '@'.
 *
 * '@', '\' and control characters are written as \xHH; in the reply, which is free text and the last of
 * its line, '@' stands as it is. */
#ifndef MTALAB_MOMENTUM_LOG_H
#define MTALAB_MOMENTUM_LOG_H

#include "base/text.h"
#include "smtp/stage.h"

struct momentum_record {
    char type;       /* R received, D delivered, T transient, P permanent, B bounce, M heartbeat,
                      * F complaint */
    int64_t wall_us; /* of what happened */
    struct slice message_id, connection_id;
    struct slice rcpt, sender; /* addresses */
    struct slice binding;      /* our IP */
    struct slice remote;       /* the host we spoke with */
    uint64_t size;
    uint32_t retries; /* 0: the first try */
    int64_t queue_us; /* since reception */
    enum smtp_stage stage;
    bool is_expired;
    uint8_t class;
    struct slice reply;         /* of a complaint: who tells of it */
    struct slice feedback_type; /* of a complaint: "abuse" */
};

/* A line each, with its newline; false: there is no such line for this type. */
bool momentum_main_line(struct text *out, const struct momentum_record *record);
bool momentum_bounce_line(struct text *out, const struct momentum_record *record);
bool momentum_complaint_line(struct text *out, const struct momentum_record *record);

#endif
