/* ledger.h - what one side says became of each envelope, kept so that two sides can be compared.
 *
 * An entry is a fingerprint of return path and recipient (60 bits; two of a million collide with a
 * chance of one in two million) and how often responsibility was taken. The ISP fills its ledger
 * from bytes it saw; the comparison walks the other side's book and asks this one.
 *
 * Ownership  the caller's. A zeroed struct ledger is valid and empty. */
#ifndef MTALAB_LEDGER_H
#define MTALAB_LEDGER_H

#include <stdbool.h>

#include "base/text.h"

enum { LEDGER_TIMES_MAX = 15 };

struct ledger {
    uint64_t *entries; /* open addressing; fingerprint and times; 0: free */
    size_t slots, count;
    uint64_t doubled_count; /* taken more than once */
};

void ledger_release(struct ledger *ledger);
void ledger_add(struct ledger *ledger, struct slice sender, struct slice rcpt);
/* LEDGER_TIMES_MAX: so often, or more. */
uint32_t ledger_times(const struct ledger *ledger, struct slice sender, struct slice rcpt);

#endif
