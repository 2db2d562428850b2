/* aftermath.h - what a provider sends back after it said 250: reports of delivery (RFC 3464).
 *
 * Each recipient has its own, at its own instant, to the return path of the message. The null sender
 * is never answered (RFC 5321 4.5.5), so a bounce does not bounce. A report that cannot be handed over
 * is counted, and that is all.
 *
 * Ownership  config and doors are borrowed and outlive it. What is accepted is copied. */
#ifndef MTALAB_AFTERMATH_H
#define MTALAB_AFTERMATH_H

#include "fakeisp/isp.h"
#include "fakeisp/policy.h"

enum {
    AFTERMATH_HEADER_MAX = 2048,    /* bytes of the message's header that go back */
    AFTERMATH_PLANNED_MAX = 1000000 /* reports to come; more are not sent, and counted */
};

struct aftermath;

struct aftermath *aftermath_new(const struct isp_config *config, const struct isp_doors *doors);
void aftermath_free(struct aftermath **aftermath);
bool aftermath_wants_header(const struct aftermath *aftermath);
/* `header` with its line ends in CRLF, dots doubled. */
void aftermath_on_accepted(struct aftermath *aftermath, const struct visit *visit,
    const struct envelope *envelope, struct slice header);
struct isp_reports aftermath_totals(const struct aftermath *aftermath);

#endif
