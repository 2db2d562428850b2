/* audit_parts.h - what the files of the audit share; for audit*.c only.
 *
 *   audit.c       one event after the other
 *   audit_fill.c  what came of it, as a result */
#ifndef MTALAB_AUDIT_PARTS_H
#define MTALAB_AUDIT_PARTS_H

#include "scenarios/ages.h"
#include "scenarios/audit.h"
#include "scenarios/bits.h"
#include "scenarios/curve.h"
#include "scenarios/sites.h"
#include "smtp/event.h"

struct audited_delivery {
    uint32_t name;             /* of the journal; 0: not seen yet */
    bool may_grow;             /* rows come into being as they arrive */
    uint64_t to_deliver, sent; /* after the last event of this delivery */
    struct bits soft;          /* rows that had soft news */
    struct bits unanswered;    /* rows of which an answer to the final dot was lost */
    struct bits sent_back; /* rows whose provider sent the message back after all, or a complaint */
    struct bits returned;  /* rows that failed by returned mail */
};

struct audited_row { /* of the KPI table */
    uint64_t events, violations;
    struct text first_violation;
};

struct audited_isp {
    uint64_t soft, hard, expired, attempts, deferrals;
    struct ages *ages;
};

struct audited_reason {
    uint8_t class, reason, type;
    bool is_by_mail; /* then its text has the code in it */
    uint16_t code;   /* of the reply that was seen first */
    uint32_t enhanced, text;
    uint64_t failed, soft;
};

struct audit {
    const struct scenario *scenario;
    struct journal *journal;
    const struct campaign *campaign;
    struct audited_delivery *deliveries;
    size_t last_delivery; /* events of one delivery often follow each other */
    struct audited_row rows[RESULT_KPI_ROWS];
    uint64_t soft_rows; /* distinct */
    struct sites sites;
    struct audited_isp *isps; /* one more than the scenario has, for recipients of none of them */
    struct audited_reason *reasons;
    size_t reasons_count, reasons_capacity;
    struct curve curve;
};

#endif
