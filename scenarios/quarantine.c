/* quarantine.c - addresses that are not to be written to, and those on the way there. */
#include "scenarios/quarantine.h"

#include "base/unit.h"

#define SIGNIFICANT_US  (24 * US_PER_HOUR)
#define FORGET_US       (10 * US_PER_DAY)
#define MAILBOX_FULL_US (30 * US_PER_DAY)

void
quarantine_init(struct quarantine *quarantine, uint32_t soft_limit)
{
    *quarantine = (struct quarantine){.soft_limit = soft_limit};
}

void
quarantine_release(struct quarantine *quarantine)
{
    map_release(&quarantine->addresses);
    mem_free(quarantine->entries);
    *quarantine = (struct quarantine){0};
}

static struct quarantine_entry *
find_entry(const struct quarantine *quarantine, struct slice address)
{
    uint32_t number;

    if (!map_find(&quarantine->addresses, address, &number))
        return NULL;
    return &quarantine->entries[number];
}

static struct quarantine_entry *
make_entry(struct quarantine *quarantine, struct slice address)
{
    bool is_new;
    uint32_t number = map_put(&quarantine->addresses, address, &is_new);

    quarantine->entries = mem_grow(quarantine->entries, &quarantine->entries_capacity,
        quarantine->addresses.count, sizeof quarantine->entries[0]);
    if (is_new)
        quarantine->entries[number] = (struct quarantine_entry){0};
    return &quarantine->entries[number];
}

/* Its errors are so long ago that they are forgotten. */
static bool
is_released(const struct quarantine_entry *entry, int64_t now_us)
{
    return now_us - entry->error_us >= (entry->is_mailbox_full ? MAILBOX_FULL_US : FORGET_US);
}

enum weight { NO_WEIGHT, ONE_TICK, AT_ONCE };

/* What an error says about the address. A transient reply of a hard class is a tick like any other:
 * only giving up shows that it was meant. The end of validity is class 24, whose type is Ignored. */
static enum weight
weigh(const struct address_error *error)
{
    switch (error->verdict.class) {
    case CLASS_MAIL_BLOCK:
    case CLASS_SPAM_BLOCK:
    case CLASS_SPAM_CONTENT:
        return NO_WEIGHT;
    }
    switch ((enum failure_type)error->verdict.type) {
    case TYPE_HARD:
        return error->is_final ? AT_ONCE : ONE_TICK;
    case TYPE_SOFT:
        return ONE_TICK;
    case TYPE_NONE:
    case TYPE_IGNORED:
        return NO_WEIGHT;
    }
    return NO_WEIGHT;
}

static bool
lock_up(struct quarantine *quarantine, struct quarantine_entry *entry, uint32_t delivery)
{
    entry->status = QUARANTINE_QUARANTINED;
    entry->was_quarantined = true;
    entry->delivery = delivery;
    quarantine->quarantined_count++;
    return true;
}

static bool
tick(struct quarantine *quarantine, struct quarantine_entry *entry,
    const struct address_error *error)
{
    bool is_first = entry->status == QUARANTINE_VALID || is_released(entry, error->at_us);

    if (is_first)
        *entry = (struct quarantine_entry){.status = QUARANTINE_WITH_ERRORS};
    if (is_first || error->at_us >= entry->error_us) { /* not an older one, told late */
        entry->error_us = error->at_us;
        entry->is_mailbox_full = error->verdict.reason == REASON_MAILBOX_FULL;
    }
    if (!is_first && error->at_us - entry->counted_us < SIGNIFICANT_US)
        return false;
    entry->counted_us = error->at_us;
    entry->errors_count = (entry->errors_count + 1) & 0xffffff;
    if (entry->errors_count <= quarantine->soft_limit)
        return false;
    return lock_up(quarantine, entry, error->delivery);
}

bool
quarantine_on_error(struct quarantine *quarantine, const struct address_error *error)
{
    enum weight weight = weigh(error);
    struct quarantine_entry *entry;

    if (weight == NO_WEIGHT)
        return false;
    entry = make_entry(quarantine, error->address);
    if (entry->status == QUARANTINE_QUARANTINED || entry->status == QUARANTINE_DENYLISTED)
        return false;
    if (weight == AT_ONCE)
        return lock_up(quarantine, entry, error->delivery);
    return tick(quarantine, entry, error);
}

void
quarantine_on_delivered(struct quarantine *quarantine, struct slice address)
{
    struct quarantine_entry *entry = find_entry(quarantine, address);

    if (entry != NULL && entry->status == QUARANTINE_WITH_ERRORS)
        *entry = (struct quarantine_entry){0};
}

bool
quarantine_denylist(struct quarantine *quarantine, struct slice address, uint32_t delivery)
{
    struct quarantine_entry *entry = make_entry(quarantine, address);

    if (entry->status == QUARANTINE_DENYLISTED)
        return false;
    if (entry->status == QUARANTINE_QUARANTINED)
        quarantine->quarantined_count--;
    entry->status = QUARANTINE_DENYLISTED;
    if (!entry->was_quarantined)
        entry->delivery = delivery;
    quarantine->denylisted_count++;
    return true;
}

enum quarantine_status
quarantine_status(const struct quarantine *quarantine, struct slice address, int64_t now_us)
{
    const struct quarantine_entry *entry = find_entry(quarantine, address);

    if (entry == NULL)
        return QUARANTINE_VALID;
    if (entry->status == QUARANTINE_WITH_ERRORS && is_released(entry, now_us))
        return QUARANTINE_VALID;
    return (enum quarantine_status)entry->status;
}

enum failure_reason
quarantine_exclusion(const struct quarantine *quarantine, struct slice address)
{
    const struct quarantine_entry *entry = find_entry(quarantine, address);

    if (entry == NULL)
        return REASON_NONE;
    switch ((enum quarantine_status)entry->status) {
    case QUARANTINE_QUARANTINED:
        return REASON_QUARANTINED;
    case QUARANTINE_DENYLISTED:
        return REASON_DENYLISTED;
    case QUARANTINE_VALID:
    case QUARANTINE_WITH_ERRORS:
        return REASON_NONE;
    }
    return REASON_NONE;
}

bool
quarantine_is_empty(const struct quarantine *quarantine)
{
    return quarantine->quarantined_count + quarantine->denylisted_count == 0;
}

uint64_t
quarantine_recount(const struct quarantine *quarantine, uint32_t delivery)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < quarantine->addresses.count; i++)
        count +=
            quarantine->entries[i].was_quarantined && quarantine->entries[i].delivery == delivery;
    return count;
}
