/* loader_mta.c - the MTA of a scenario. */
#include "base/map.h"
#include "scenarios/loader.h"

enum { SUBMISSION_PORT = 25 };

static struct slice
address_bytes(const struct net_address *address)
{
    return (struct slice){(const char *)address->bytes, address->family == 4 ? 4 : 16};
}

/* Two programs cannot listen at one address, and a path needs two ends. */
static void
check_addresses(struct loader *loader, const struct section *mta)
{
    const struct scenario *scenario = parts_of(loader)->scenario;
    struct map hosts = {0};
    uint32_t ignored;

    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t j = 0; j < scenario->isps[i].hosts_count; j++)
            for (size_t k = 0; k < scenario->isps[i].hosts[j].addresses_count; k++)
                map_put(&hosts, address_bytes(&scenario->isps[i].hosts[j].addresses[k]), NULL);
    if (map_find(&hosts, address_bytes(&scenario->mta.listen), &ignored))
        diagnose(loader->diagnostics, section_mark(mta, "listen"), NULL,
            "the MTA listens at the address of a provider's host");
    for (size_t i = 0; i < scenario->mta.source_ips_count; i++)
        if (map_find(&hosts, address_bytes(&scenario->mta.source_ips[i]), &ignored))
            diagnose(loader->diagnostics, section_mark(mta, "source_ips"), NULL,
                "source IP %zu is the address of a provider's host", i + 1);
    map_release(&hosts);
}

static void
load_source_ips(struct loader *loader, const struct section *mta, struct mta_config *config)
{
    size_t count = section_count(mta, "source_ips");
    struct net_address *addresses =
        arena_alloc_zeroed(loader->arena, (count + 1) * sizeof *addresses);
    struct map seen = {0};
    bool is_new;

    for (size_t i = 0; i < count; i++) {
        addresses[i] = section_item_scalar(mta, "source_ips", i).address;
        addresses[i].port = 0;
        map_put(&seen, address_bytes(&addresses[i]), &is_new);
        if (!is_new)
            diagnose(loader->diagnostics, section_item_mark(mta, "source_ips", i), NULL,
                "this source IP is given twice");
    }
    map_release(&seen);
    if (count == 0 && section_has(mta, "source_ips"))
        diagnose(loader->diagnostics, section_mark(mta, "source_ips"), NULL,
            "at least one source IP is needed");
    if (count == 0)
        net_address_parse(SLICE("198.51.100.25"), &addresses[count++]);
    config->source_ips = addresses;
    config->source_ips_count = count;
}

static void
set_count(const struct section *section, const char *key, uint32_t *count)
{
    if (section_has(section, key))
        *count = (uint32_t)section_whole(section, key);
}

static void
load_mx_rules(struct loader *loader, const struct section *mta, struct mta_config *config)
{
    size_t count = section_count(mta, "mx");
    struct mx_rule *rules = arena_alloc(loader->arena, count * sizeof *rules + 1);

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(mta, "mx", i);

        rules[i] = mx_rule_default;
        rules[i].host = section_text(&item, "host");
        rules[i].domain = section_text(&item, "domain");
        rules[i].controller = (enum controller_kind)section_whole(&item, "controller");
        set_count(&item, "connections", &rules[i].connections);
        set_count(&item, "messages_per_connection", &rules[i].messages_per_connection);
        set_count(&item, "recipients_per_transaction", &rules[i].recipients_per_transaction);
        if (section_has(&item, "messages_per_hour"))
            rules[i].messages_per_hour = (uint64_t)section_whole(&item, "messages_per_hour");
        if (rules[i].host.length == 0 && rules[i].domain.length == 0 && i + 1 < count)
            diagnose_warning(loader->diagnostics, section_item_mark(mta, "mx", i), NULL,
                "this rule takes every host: those below it never act");
    }
    config->mx_rules = rules;
    config->mx_rules_count = count;
}

void
load_mta(struct loader *loader, const struct section *root)
{
    struct section mta = section_nested(root, "mta");
    struct section retry = section_nested(&mta, "retry"), efs = section_nested(&mta, "efs");
    struct mta_config *config = &parts_of(loader)->scenario->mta;

    *config = mta_config_default();
    config->hostname = section_text(&mta, "hostname");
    config->listen = section_scalar(&mta, "listen").address;
    config->listen.port = SUBMISSION_PORT;
    config->retry.first_us = section_whole(&retry, "first");
    config->retry.factor = section_ratio(&retry, "factor");
    config->retry.cap_us = section_whole(&retry, "cap");
    config->retry.jitter_ppm = section_ppm(&retry, "jitter");
    config->validity_us = section_whole(&mta, "validity");
    if (config->validity_us > MTA_VALIDITY_US_MAX)
        config->validity_us = MTA_VALIDITY_US_MAX;
    config->efs_batch = (uint32_t)section_whole(&efs, "batch");
    config->efs_every_us = section_whole(&efs, "every");
    if (section_has(&mta, "size_max"))
        config->size_max = (uint64_t)section_whole(&mta, "size_max");
    load_source_ips(loader, &mta, config);
    load_mx_rules(loader, &mta, config);
    check_addresses(loader, &mta);
}
