/* ledger.c - what one side says became of each envelope, kept so that two sides can be compared. */
#include "fakeisp/ledger.h"

#include "base/mem.h"

enum { SLOTS_MIN = 64 };

void
ledger_release(struct ledger *ledger)
{
    mem_free(ledger->fingerprints);
    mem_free(ledger->times);
    *ledger = (struct ledger){0};
}

static uint64_t
fingerprint_of(struct slice sender, struct slice rcpt)
{
    uint64_t fingerprint = slice_hash(rcpt, slice_hash(sender, 0));

    return fingerprint != 0 ? fingerprint : 1; /* 0 marks a free slot */
}

/* The slot that holds the fingerprint, or the free one where it belongs. */
static size_t
find_slot(const struct ledger *ledger, uint64_t fingerprint)
{
    size_t mask = ledger->slots - 1;
    size_t slot = fingerprint & mask;

    while (ledger->fingerprints[slot] != 0 && ledger->fingerprints[slot] != fingerprint)
        slot = (slot + 1) & mask;
    return slot;
}

static void
double_slots(struct ledger *ledger)
{
    struct ledger old = *ledger;

    ledger->slots = old.slots > 0 ? old.slots * 2 : SLOTS_MIN;
    ledger->fingerprints = mem_alloc_zeroed(ledger->slots * sizeof ledger->fingerprints[0]);
    ledger->times = mem_alloc_zeroed(ledger->slots * sizeof ledger->times[0]);
    for (size_t i = 0; i < old.slots; i++) {
        size_t slot;

        if (old.fingerprints[i] == 0)
            continue;
        slot = find_slot(ledger, old.fingerprints[i]);
        ledger->fingerprints[slot] = old.fingerprints[i];
        ledger->times[slot] = old.times[i];
    }
    mem_free(old.fingerprints);
    mem_free(old.times);
}

void
ledger_add(struct ledger *ledger, struct slice sender, struct slice rcpt)
{
    uint64_t fingerprint = fingerprint_of(sender, rcpt);
    size_t slot;

    if (ledger->count >= ledger->slots / 10 * 7)
        double_slots(ledger);
    slot = find_slot(ledger, fingerprint);
    if (ledger->fingerprints[slot] == 0) {
        ledger->fingerprints[slot] = fingerprint;
        ledger->count++;
    }
    if (ledger->times[slot] == 1)
        ledger->doubled_count++;
    if (ledger->times[slot] < UINT8_MAX)
        ledger->times[slot]++;
}

uint32_t
ledger_times(const struct ledger *ledger, struct slice sender, struct slice rcpt)
{
    if (ledger->slots == 0)
        return 0;
    return ledger->times[find_slot(ledger, fingerprint_of(sender, rcpt))];
}
