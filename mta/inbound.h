/* inbound.h - where mail comes back to: an SMTP server for the return paths of what was sent.
 *
 * Return paths of other domains, and (where they are signed) those that nobody with the key made or
 * that are too old are refused with 550 5.7.1 and counted. All other mail is taken: who returns mail
 * has nobody to return that to.
 *
 * What came is read at once (smtp/report.h), qualified (mta/inmail.h), matched with the message it is
 * about (mta/correlate.h) and told to the journal as dsn.received, or fbl.received for a complaint: one
 * event per recipient it speaks of, with return path, recipient, kind, status and verdict; `outcome`
 * says when it changes nothing, because it has come before or is about no message of ours. What does
 * change something waits in the mailbox (mta/mailbox.h) for the next poll and goes to EFS:
 *
 *   failed, challenge      EFS_RETURNED, but EFS_NOTED where the rule says Ignore
 *   delayed, auto_reply    EFS_NOTED
 *   complaint              EFS_COMPLAINT
 *   unsubscription         EFS_UNSUBSCRIBED
 *   delivered and the rest nothing
 *
 * What cut the reading of a mail short (MIME bombs, floods of fields, loops: smtp/report.h), or was
 * refused for its size, is dsn.trouble besides: one event per mail, with the address it came to.
 *
 * The 250 comes when it is durable. Of one mail, however many addresses it came to, no more is heard
 * than of one report (REPORT_RECIPIENTS_MAX).
 *
 * Ownership  what is handed in is borrowed. Without `efs` the journal alone is told, and no store is
 *            needed.
 * Errors     inbound_new() fails when it cannot listen. */
#ifndef MTALAB_INBOUND_H
#define MTALAB_INBOUND_H

#include "mta/mta.h"

enum { INBOUND_TEXT_MAX = 512 }; /* bytes of a diagnostic, or of a host's name, that are kept */

struct inbound;

struct inbound *inbound_new(const struct mta_config *config, const struct mta_doors *doors,
    struct efs *efs, struct error *err);
void inbound_free(struct inbound **inbound);

/* As mta_reload(); NULL inmail rules: those built in. */
void inbound_reload(struct inbound *inbound, const struct bounce_rules *bounce_rules,
    const struct inmail_rules *inmail_rules);
/* Nobody new is let in; who is here may finish. What waits is told to EFS. */
void inbound_stop(struct inbound *inbound);
void inbound_poll(struct inbound *inbound); /* now, whatever the clock says */

/* Somebody complains: who got it, and from which of our IPs, where the complaint says so (else length
 * 0). Called once for each, when it comes. */
typedef void inbound_complaint_fn(void *arg, struct slice rcpt, struct slice source_ip);
void inbound_tell_complaints(struct inbound *inbound, inbound_complaint_fn *fn, void *arg);

struct mta_returns inbound_totals(const struct inbound *inbound);

#endif
