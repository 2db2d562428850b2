/* dry_run.c - the analysis of every delivery before anything is sent. */
#include "scenarios/dry_run.h"

#include "base/map.h"
#include "scenarios/world.h"

struct site_count {
    uint64_t recipients;
    struct text domains;
};

struct site_counts {
    struct map names; /* "mx1.bigmail.example, mx2.bigmail.example" */
    struct site_count *items;
    size_t capacity;
};

static bool
has_record(const struct scenario *scenario, struct slice domain, enum dns_type type)
{
    for (size_t i = 0; i < scenario->records_count; i++)
        if (scenario->records[i].type == type &&
            slice_equals_nocase(scenario->records[i].name, domain))
            return true;
    return false;
}

/* The next MX of the domain behind (preference, number); false: that was the last. */
static bool
next_mx(const struct scenario *scenario, struct slice domain, size_t *number, bool is_first)
{
    const struct zone_record *records = scenario->records;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < scenario->records_count; i++) {
        if (records[i].type != DNS_MX || !slice_equals_nocase(records[i].name, domain))
            continue;
        if (!is_first &&
            (records[i].preference < records[*number].preference ||
                (records[i].preference == records[*number].preference && i <= *number)))
            continue;
        if (best == SIZE_MAX || records[i].preference < records[best].preference)
            best = i;
    }
    *number = best;
    return best != SIZE_MAX;
}

/* Domains that share an MX set are one site. */
static void
name_site(const struct scenario *scenario, struct slice domain, struct text *out)
{
    size_t number = 0;

    if (!has_record(scenario, domain, DNS_MX)) {
        text_add_string(
            out, has_record(scenario, domain, DNS_ADDRESS) ? "the domain itself" : "nobody");
        return;
    }
    for (bool is_first = true; next_mx(scenario, domain, &number, is_first); is_first = false) {
        struct slice host = scenario->records[number].host;

        if (!is_first)
            text_add_string(out, ", ");
        if (host.length == 0)
            text_add_string(out, "nobody (null MX)");
        text_add_slice(out, host);
    }
}

static void
count_site(
    struct site_counts *counts, const struct scenario *scenario, const struct analysis_site *site)
{
    struct text name = {0};
    struct site_count *count;
    uint32_t number;
    bool is_new;

    name_site(scenario, site->domain, &name);
    number = map_put(&counts->names, text_slice(&name), &is_new);
    text_release(&name);
    counts->items =
        mem_grow(counts->items, &counts->capacity, (size_t)number + 1, sizeof *counts->items);
    count = &counts->items[number];
    if (is_new)
        *count = (struct site_count){0};
    else
        text_add_string(&count->domains, ", ");
    count->recipients += site->recipients;
    text_add_slice(&count->domains, site->domain);
}

static void
tell_sites(const struct scenario *scenario, const struct analysis *analysis, struct text *out)
{
    struct site_counts counts = {0};

    for (size_t i = 0; i < analysis->sites_count; i++)
        count_site(&counts, scenario, &analysis->sites[i]);
    for (uint32_t i = 0; i < counts.names.count; i++) {
        struct text number = {0};

        unit_format_count(&number, counts.items[i].recipients);
        text_printf(out, "  %12s  to %.*s  (%s)\n", text_string(&number),
            SLICE_ARGS(map_key(&counts.names, i)), text_string(&counts.items[i].domains));
        text_release(&number);
        text_release(&counts.items[i].domains);
    }
    mem_free(counts.items);
    map_release(&counts.names);
}

static void
tell_excluded(uint64_t count, const char *why, struct text *out)
{
    struct text number = {0};

    if (count == 0)
        return;
    unit_format_count(&number, count);
    text_printf(out, "  %12s  left out: %s\n", text_string(&number), why);
    text_release(&number);
}

static void
tell_delivery(const struct scenario *scenario, const struct delivery_config *delivery,
    const struct analysis *analysis, struct text *out)
{
    text_printf(out, "%.*s, at ", SLICE_ARGS(delivery->name));
    unit_format_duration(
        out, delivery->arrivals == ARRIVALS_NONE ? delivery->at_us : delivery->arrivals_from_us);
    text_add_string(out, ": ");
    unit_format_count(out, analysis->to_deliver);
    text_add_string(out, " of ");
    unit_format_count(out, analysis->total);
    text_add_string(out, " to deliver\n");
    tell_sites(scenario, analysis, out);
    tell_excluded(analysis->doubles, "double", out);
    tell_excluded(analysis->quarantined, "in quarantine", out);
    tell_excluded(analysis->denylisted, "on the denylist", out);
}

bool
dry_run(const struct scenario *scenario, struct text *out, struct error *err)
{
    const struct world_options options = {.seed = scenario->seed};
    struct scenario silent = *scenario; /* nothing happens, so nothing is expected */
    struct diagnostics none = {0};
    struct expect_plan *plan;
    struct world *world;

    silent.expectations_count = 0;
    plan = expect_compile(&silent, &none);
    world = world_new(&silent, plan, &options, err);
    for (size_t i = 0; world != NULL && i < scenario->campaign.deliveries_count; i++)
        tell_delivery(scenario, &scenario->campaign.deliveries[i],
            campaign_analyse(world_campaign(world), i), out);
    world_free(&world);
    expect_plan_free(&plan);
    diagnostics_release(&none);
    return none.errors_count == 0 && err->kind == ERROR_NONE;
}
