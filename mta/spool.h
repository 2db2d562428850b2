/* spool.h - what was promised with a 250: messages, kept until each recipient is settled.
 *
 * A campaign says nearly the same to a million people. Content is therefore kept as a template, cut
 * where the envelope stands in it (address of the recipient, its local part, return path and its
 * key, date of arrival), and a message is its envelope plus the number of its template: some 35
 * bytes. What cannot be cut so is a template of its own; nothing is ever lost or guessed, because a
 * template is used only after it has reproduced the message byte by byte.
 *
 * Content is in wire form (smtp/message.h) throughout.
 *
 * A recipient is named by its message and its place in the message's record.
 *
 * Ownership  the store is borrowed. Slices from a view are valid until the next call that changes
 *            the spool.
 * Errors     none of its own; durability is asked for with spool_sync(). */
#ifndef MTALAB_SPOOL_H
#define MTALAB_SPOOL_H

#include "base/loop.h"
#include "base/map.h"
#include "base/store.h"
#include "smtp/address.h"

enum {
    SPOOL_RECIPIENTS_MAX = 500
}; /* of one message; more: submit again (RFC 5321 4.5.3.1.8: >= 100) */

struct spool;
typedef store_handle spool_message;

struct spool_place {
    spool_message message;
    uint16_t at; /* of the recipient, in the message's record */
};

struct spool_envelope {
    int64_t arrival_us;
    int64_t validity_us;
    struct slice sender_prefix, sender_key; /* local part of the return path, in two pieces */
    struct slice sender_domain;             /* all three empty: the null sender */
    bool is_8bit;
};

struct spool_submission {
    struct mail_address sender;
    const struct mail_address *recipients;
    size_t recipients_count;
    struct slice content;
    int64_t validity_us;
    bool is_8bit;
};

struct spool *spool_new(struct loop *loop, struct store *store);
void spool_free(struct spool **spool);

/* Suspensions outlive the process: a record each, replaced by the next and gone with until_us 0.
 * `old` is the record there is, or 0; answers the new one, or 0. Durable after spool_sync(). */
store_handle spool_keep_hold(
    struct spool *spool, struct slice name, int64_t until_us, store_handle old);
/* Those of the last process, before its recipients are recovered. The name is valid during the call;
 * until_us may have passed. */
typedef void spool_hold_fn(void *arg, store_handle hold, struct slice name, int64_t until_us);
void spool_find_holds(struct spool *spool, spool_hold_fn *fn, void *arg);

/* Likewise what was sent on a day of a warm-up plan: a record that is changed in place. `record` 0: there
 * is none yet. Answers the record. */
struct spool_day {
    int64_t start_us; /* of the day */
    uint64_t sent;
};
store_handle spool_keep_day(
    struct spool *spool, struct slice key, const struct spool_day *day, store_handle record);
void spool_forget_day(struct spool *spool, store_handle record);
typedef void spool_day_fn(
    void *arg, store_handle record, struct slice key, const struct spool_day *day);
void spool_find_days(struct spool *spool, spool_day_fn *fn, void *arg);

/* Calls `fn` for every recipient that is not settled, in the order of arrival: after a crash. */
typedef void spool_found_fn(void *arg, struct spool_place place);
void spool_recover(struct spool *spool, spool_found_fn *fn, void *arg);

/* Fills places[recipients_count]. Durable after spool_sync(). */
void spool_add(
    struct spool *spool, const struct spool_submission *submission, struct spool_place *places);
void spool_sync(struct spool *spool, synced_fn *fn, void *arg);
/* What a recipient's next process has to know of its tries so far. */
struct spool_tries {
    uint32_t count; /* 255: so many or more */
    int64_t due_us; /* the next one; kept to 20 ms, rounded up */
};
void spool_defer(struct spool *spool, struct spool_place place, const struct spool_tries *tries);
struct spool_tries spool_tries(struct spool *spool, struct spool_place place);
/* This recipient is settled; with the last one the message goes. */
void spool_settle(struct spool *spool, struct spool_place place);

struct spool_envelope spool_envelope(struct spool *spool, spool_message message);
/* Numbers of domains are given in the order of first sight, and stay. */
uint32_t spool_domain(struct spool *spool, struct spool_place place);
bool spool_find_domain(const struct spool *spool, struct slice name, uint32_t *domain);
uint32_t spool_domains_count(const struct spool *spool);
struct slice spool_domain_name(const struct spool *spool, uint32_t domain); /* lower case */
/* Appended to `out`: the address as it was submitted but for the case of its domain. */
void spool_recipient(struct spool *spool, struct spool_place place, struct text *out);
void spool_sender(struct spool *spool, spool_message message, struct text *out); /* "" for null */

uint64_t spool_size(
    struct spool *spool, spool_message message); /* bytes of content, in wire form */
void spool_content(struct spool *spool, spool_message message, struct text *out); /* appended */

size_t spool_templates_count(const struct spool *spool);

#endif
