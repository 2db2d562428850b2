/* quarantine.h - addresses that are not to be written to, and those on the way there.
 *
 * Only addresses with errors have an entry. A hard failure quarantines at once. Soft errors are
 * counted, each only if it comes 24 h or more after the last one that counted; beyond the limit the
 * address is quarantined. A delivery, or ten days without an error (thirty when the last one was a
 * full mailbox), makes it forget what it counted. Nobody leaves quarantine by himself.
 *
 * What is Ignored, and what speaks of the sender rather than of the address (classes 50 to 52: mail
 * and spam blocks), never counts.
 *
 * The key is the address, byte by byte: A@x and a@x are two.
 *
 * Units      *_us are instants of the replies, not of the batches that told of them. */
#ifndef MTALAB_QUARANTINE_H
#define MTALAB_QUARANTINE_H

#include "base/map.h"
#include "smtp/verdict.h"

enum quarantine_status {
    QUARANTINE_VALID,
    QUARANTINE_WITH_ERRORS,
    QUARANTINE_QUARANTINED,
    QUARANTINE_DENYLISTED, /* by a complaint */
};

struct quarantine_entry {
    int64_t counted_us; /* the last error that counted */
    int64_t error_us;   /* the last error */
    uint32_t delivery;  /* that brought it here */
    uint32_t errors_count : 24;
    uint32_t status : 4;          /* enum quarantine_status */
    uint32_t was_quarantined : 1; /* by `delivery`, be it denylisted by now */
    uint32_t is_mailbox_full : 1; /* the last error was */
};

struct quarantine {
    uint32_t soft_limit; /* so many errors are borne */
    struct map addresses;
    struct quarantine_entry *entries; /* by number of the address */
    size_t entries_capacity;
    uint64_t quarantined_count, denylisted_count;
};

void quarantine_init(struct quarantine *quarantine, uint32_t soft_limit);
void quarantine_release(struct quarantine *quarantine);

struct address_error {
    struct slice address;
    int64_t at_us;
    struct verdict verdict;
    bool is_final; /* the message was given up; otherwise it will be tried again */
    uint32_t delivery;
};

/* True: this error quarantined the address. */
bool quarantine_on_error(struct quarantine *quarantine, const struct address_error *error);
void quarantine_on_delivered(struct quarantine *quarantine, struct slice address);
/* Whoever complained, or wants no more, is not written to again. True: it was not yet denylisted. */
bool quarantine_denylist(struct quarantine *quarantine, struct slice address, uint32_t delivery);

/* At this instant: an entry that has served its time is valid again. */
enum quarantine_status quarantine_status(
    const struct quarantine *quarantine, struct slice address, int64_t now_us);
/* Does analysis leave it out? REASON_NONE: no. */
enum failure_reason quarantine_exclusion(const struct quarantine *quarantine, struct slice address);
bool quarantine_is_empty(const struct quarantine *quarantine); /* nobody is left out */
/* How many were quarantined by this delivery: counted anew, entry by entry. */
uint64_t quarantine_recount(const struct quarantine *quarantine, uint32_t delivery);

#endif
