/* analysis.c - who of a delivery's recipients is left out, and why. */
#include "scenarios/analysis.h"

void
analyst_init(struct analyst *analyst, const struct delivery_config *delivery,
    const struct quarantine *quarantine)
{
    *analyst = (struct analyst){.delivery = delivery,
        .quarantine = quarantine,
        .has_doubles = recipients_may_repeat(delivery)};
}

void
analyst_release(struct analyst *analyst)
{
    mem_free(analyst->fingerprints);
    text_release(&analyst->address);
    *analyst = (struct analyst){0};
}

static size_t
find_slot(const struct analyst *analyst, uint64_t fingerprint)
{
    size_t slot = fingerprint & (analyst->slots_count - 1);

    while (analyst->fingerprints[slot] != 0 && analyst->fingerprints[slot] != fingerprint)
        slot = (slot + 1) & (analyst->slots_count - 1);
    return slot;
}

static void
double_slots(struct analyst *analyst)
{
    uint64_t *old = analyst->fingerprints;
    size_t old_count = analyst->slots_count;

    analyst->slots_count = old_count > 0 ? old_count * 2 : 1024;
    analyst->fingerprints = mem_alloc_zeroed(analyst->slots_count * sizeof old[0]);
    for (size_t i = 0; i < old_count; i++)
        if (old[i] != 0)
            analyst->fingerprints[find_slot(analyst, old[i])] = old[i];
    mem_free(old);
}

static bool
has_come_before(struct analyst *analyst, struct slice address)
{
    uint64_t fingerprint = slice_hash(address, 0);
    size_t slot;

    if (fingerprint == 0) /* means a free slot */
        fingerprint = 1;
    if (analyst->fingerprints_count >= analyst->slots_count / 4 * 3)
        double_slots(analyst);
    slot = find_slot(analyst, fingerprint);
    if (analyst->fingerprints[slot] != 0)
        return true;
    analyst->fingerprints[slot] = fingerprint;
    analyst->fingerprints_count++;
    return false;
}

bool
analyst_is_needed(const struct analyst *analyst)
{
    return analyst->has_doubles || !quarantine_is_empty(analyst->quarantine);
}

enum failure_reason
analyst_judge(struct analyst *analyst, uint64_t row)
{
    enum failure_reason reason;

    if (!analyst_is_needed(analyst))
        return REASON_NONE;
    text_clear(&analyst->address);
    recipients_address(analyst->delivery, row, &analyst->address);
    reason = quarantine_exclusion(analyst->quarantine, text_slice(&analyst->address));
    if (reason != REASON_NONE)
        return reason;
    if (analyst->has_doubles && has_come_before(analyst, text_slice(&analyst->address)))
        return REASON_DOUBLE;
    return REASON_NONE;
}

static void
count_site(struct analysis_report *report, struct slice domain)
{
    bool is_new;
    uint32_t number = map_put(&report->domains, domain, &is_new);

    report->sites = mem_grow(
        report->sites, &report->sites_capacity, report->domains.count, sizeof report->sites[0]);
    if (is_new)
        report->sites[number] = (struct analysis_site){.domain = map_key(&report->domains, number)};
    report->sites[number].recipients++;
}

static void
count_row(struct analysis_report *report, enum failure_reason reason, struct slice address)
{
    struct analysis *analysis = &report->analysis;

    analysis->total++;
    switch (reason) {
    case REASON_QUARANTINED:
        analysis->quarantined++;
        break;
    case REASON_DENYLISTED:
        analysis->denylisted++;
        break;
    case REASON_DOUBLE:
        analysis->doubles++;
        break;
    default: /* analysis knows no other reason to leave somebody out */
        analysis->to_deliver++;
        count_site(report, recipient_domain(address));
        break;
    }
}

void
analysis_run(struct analysis_report *report, const struct delivery_config *delivery,
    const struct quarantine *quarantine)
{
    struct analyst analyst;
    struct text address = {0};
    uint64_t count = recipients_count(delivery);

    analysis_release(report);
    analyst_init(&analyst, delivery, quarantine);
    for (uint64_t row = 0; row < count; row++) {
        text_clear(&address);
        recipients_address(delivery, row, &address);
        count_row(report, analyst_judge(&analyst, row), text_slice(&address));
    }
    report->analysis.sites = report->sites;
    report->analysis.sites_count = report->domains.count;
    text_release(&address);
    analyst_release(&analyst);
}

void
analysis_release(struct analysis_report *report)
{
    map_release(&report->domains);
    mem_free(report->sites);
    *report = (struct analysis_report){0};
}
