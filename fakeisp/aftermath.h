/* aftermath.h - what a provider sends back after it said 250: reports of delivery in the dialects of
 * the field, automatic replies, complaints.
 *
 * Each recipient has its own, at its own instant; a report goes to the return path of the message, a
 * complaint to the address that the sender has for them. The null sender is never answered (RFC 5321
 * 4.5.5), so a bounce does not bounce. A letter that cannot be handed over is counted, and that is
 * all.
 *
 * Each letter that is sent is an event dsn.sent: with its action as `kind` (or auto_reply, challenge,
 * complaint), the true cause as `class` (60 and 100 for replies and challenges, none for complaints)
 * and its dialect as `rule`: "qmail", "auto_reply/german", "complaint/arf".
 *
 * Ownership  config and doors are borrowed and outlive it. What is accepted is copied. */
#ifndef MTALAB_AFTERMATH_H
#define MTALAB_AFTERMATH_H

#include "fakeisp/isp.h"
#include "fakeisp/policy.h"

enum {
    AFTERMATH_HEADER_MAX = 2048,    /* bytes of the message's header that go back */
    AFTERMATH_PLANNED_MAX = 1000000 /* letters to come; more are not sent, and counted */
};

struct aftermath;

struct aftermath *aftermath_new(const struct isp_config *config, const struct isp_doors *doors);
void aftermath_free(struct aftermath **aftermath);
/* Told of each complaint when it is sent, once, with whose mail it is about. */
typedef void aftermath_complaint_fn(void *arg, const struct isp_sender *sender);
void aftermath_on_complaint(struct aftermath *aftermath, aftermath_complaint_fn *fn, void *arg);
bool aftermath_wants_header(const struct aftermath *aftermath);
/* `header` with its line ends in CRLF, dots doubled. */
void aftermath_on_accepted(struct aftermath *aftermath, const struct visit *visit,
    const struct envelope *envelope, const struct isp_sender *who, struct slice header);
struct isp_reports aftermath_totals(const struct aftermath *aftermath);

#endif
