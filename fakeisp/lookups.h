/* lookups.h - what DNS has answered to a provider, for as long as it may be kept.
 *
 * The libraries that judge SPF, DKIM and DMARC ask for a record and want it at once. So a judgement
 * is made from what is known; what it finds missing is asked for, and it is made again when the
 * answers are here (fakeisp/policy_auth.c).
 *
 * Callbacks  from the loop, never inside lookups_ask().
 * Ownership  loop and resolver are borrowed. A wish list is its owner's; wishes_release() takes back
 *            what is under way. An answer is valid until the loop goes on.
 * Errors     typed, in the answer; a failure is kept LOOKUP_S_MIN, as is what may be kept for less:
 *            otherwise nothing would ever be known at the same time. */
#ifndef MTALAB_LOOKUPS_H
#define MTALAB_LOOKUPS_H

#include "base/resolver.h"

enum { LOOKUP_S_MIN = 60, LOOKUPS_MAX = 4096 /* then all are forgotten */ };

struct lookups;
struct wish;

struct wishes { /* zeroed: none */
    struct lookups *lookups;
    struct wish **wishes;
    size_t count, capacity, open_count;
    timer_fn *fn;
    void *arg;
};

struct lookups *lookups_new(struct loop *loop, struct resolver *resolver);
void lookups_free(struct lookups **lookups);

/* NULL: not known; then it is on the wish list. */
const struct dns_answer *lookups_find(
    struct lookups *lookups, struct slice name, enum dns_type type, struct wishes *wishes);

/* Asks for all that is wished (at least one); `fn` is called once all answers are here. */
void wishes_ask(struct wishes *wishes, timer_fn *fn, void *arg);
void wishes_release(struct wishes *wishes);

#endif
