/* report_kind.h - what a mail that came back is: decided by all that was found in it. */
#ifndef MTALAB_REPORT_KIND_H
#define MTALAB_REPORT_KIND_H

#include "smtp/report_mime.h"

struct report_evidence { /* beside what the report holds already */
    const struct mime_header *header;
    struct slice report_type;
    bool has_original; /* a message was returned with it */
    bool is_complaint; /* the returned message has marks that only complaints have */
};

enum report_kind report_find_kind(
    const struct report *report, const struct report_evidence *evidence);

/* "Fwd: Undelivered Mail": somebody may have forwarded one. */
bool report_subject_is_of_bounce(const struct report *report);

#endif
