/* mailbox.h - what came back and waits to be read: the inbound mailbox and its clock.
 *
 * Campaign's inMail polls a mailbox every 300 s, so a returned bounce becomes visible minutes later, at
 * an instant of the poll's grid (multiples of its interval from the start on). An empty mailbox is not
 * polled. At a poll all that waits is told to EFS, in the order in which it came, with the instants at
 * which it came.
 *
 * What waits lies in the store, as what was promised with a 250 does; it leaves the store when EFS has
 * it.
 *
 * Units      *_us are microseconds of loop time; records keep the wall clock.
 * Ownership  what is put is copied; the setup is borrowed.
 * Errors     none: what the store refuses is told by mailbox_settle()'s caller. */
#ifndef MTALAB_MAILBOX_H
#define MTALAB_MAILBOX_H

#include "base/journal.h"
#include "base/store.h"
#include "mta/efs.h"
#include "mta/replays.h"

enum { MAILBOX_MAX = 1000000 }; /* what waits; who brings more is told to come back */

struct mailbox_setup {
    struct loop *loop;
    struct store *store;
    struct journal *journal;
    struct efs *efs;
    struct replays *replays; /* is told what could not be kept */
    int64_t poll_us;         /* 0: there is no waiting */
};

struct returned { /* about one recipient */
    int64_t at_us;
    enum efs_kind kind;
    struct verdict verdict;
    uint16_t code; /* of the reply it quotes; 0: none */
    uint32_t enhanced;
    struct slice sender, rcpt; /* the envelope it is about */
    struct slice text, rule, host, message_id;
    uint64_t fingerprint;
};

struct mailbox;

struct mailbox *mailbox_new(const struct mailbox_setup *setup);
void mailbox_free(struct mailbox **mailbox);
/* What an earlier process promised; once, before anything is put. */
void mailbox_recover(struct mailbox *mailbox);

bool mailbox_is_full(const struct mailbox *mailbox);
/* A number that grows. It waits for mailbox_settle() before it waits for the poll. */
uint64_t mailbox_put(struct mailbox *mailbox, const struct returned *returned);
/* So many from this number on are durable, or were refused by the store and are forgotten. */
void mailbox_settle(struct mailbox *mailbox, uint64_t first, uint64_t count, bool is_durable);
/* Now, whatever the clock says. */
void mailbox_tell(struct mailbox *mailbox);
uint64_t mailbox_waiting(const struct mailbox *mailbox);

#endif
