/* ledger.c - what one side says became of each envelope, kept so that two sides can be compared.
 *
 * An entry is one word, the fingerprint above and the times below, so that each costs one visit to
 * memory: there are many of them, in no order that a cache could guess. */
#include "fakeisp/ledger.h"

#include "base/mem.h"

enum { SLOTS_MIN = 64, TIMES_BITS = 4 };
static_assert(LEDGER_TIMES_MAX == (1 << TIMES_BITS) - 1, "as many as the bits can count");

void
ledger_release(struct ledger *ledger)
{
    mem_free(ledger->entries);
    *ledger = (struct ledger){0};
}

/* With no times as yet. */
static uint64_t
entry_of(struct slice sender, struct slice rcpt)
{
    return slice_hash(rcpt, slice_hash(sender, 0)) & ~(uint64_t)LEDGER_TIMES_MAX;
}

static uint32_t
times_in(uint64_t entry)
{
    return (uint32_t)(entry & LEDGER_TIMES_MAX);
}

/* The slot that holds the fingerprint, or the free one where it belongs. An entry in the table was
 * taken at least once, so it is never 0. */
static size_t
find_slot(const struct ledger *ledger, uint64_t entry)
{
    size_t mask = ledger->slots - 1;
    size_t slot = (entry >> TIMES_BITS) & mask;

    while (ledger->entries[slot] != 0 && (ledger->entries[slot] ^ entry) >> TIMES_BITS != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static void
double_slots(struct ledger *ledger)
{
    struct ledger old = *ledger;

    ledger->slots = old.slots > 0 ? old.slots * 2 : SLOTS_MIN;
    ledger->entries = mem_alloc_zeroed(ledger->slots * sizeof ledger->entries[0]);
    for (size_t i = 0; i < old.slots; i++)
        if (old.entries[i] != 0)
            ledger->entries[find_slot(ledger, old.entries[i])] = old.entries[i];
    mem_free(old.entries);
}

void
ledger_add(struct ledger *ledger, struct slice sender, struct slice rcpt)
{
    uint64_t entry = entry_of(sender, rcpt);
    uint64_t *kept;

    if (ledger->count >= ledger->slots / 10 * 7)
        double_slots(ledger);
    kept = &ledger->entries[find_slot(ledger, entry)];
    if (*kept == 0) {
        *kept = entry;
        ledger->count++;
    }
    if (times_in(*kept) == 1)
        ledger->doubled_count++;
    if (times_in(*kept) < LEDGER_TIMES_MAX)
        ++*kept;
}

uint32_t
ledger_times(const struct ledger *ledger, struct slice sender, struct slice rcpt)
{
    if (ledger->slots == 0)
        return 0;
    return times_in(ledger->entries[find_slot(ledger, entry_of(sender, rcpt))]);
}
