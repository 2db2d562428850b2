/* ledger.h - what one side says became of each envelope, kept so that two sides can be compared.
 *
 * An entry is a fingerprint of return path and recipient (64 bits; two of a million collide with a
 * chance of one in forty million) and how often responsibility was taken. The ISP fills its ledger
 * from bytes it saw; the comparison walks the other side's book and asks this one.
 *
 * Ownership  the caller's. A zeroed struct ledger is valid and empty. */
#ifndef MTALAB_LEDGER_H
#define MTALAB_LEDGER_H

#include <stdbool.h>

#include "base/text.h"

struct ledger {
    uint64_t *fingerprints; /* open addressing; 0: free */
    uint8_t *times;         /* 255: at least so often */
    size_t slots, count;
    uint64_t doubled_count; /* taken more than once */
};

void ledger_release(struct ledger *ledger);
void ledger_add(struct ledger *ledger, struct slice sender, struct slice rcpt);
uint32_t ledger_times(const struct ledger *ledger, struct slice sender, struct slice rcpt);

#endif
