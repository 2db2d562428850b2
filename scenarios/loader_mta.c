/* loader_mta.c - the MTA of a scenario. */
#include "base/map.h"
#include "mta/config.h"
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
    if (scenario->mta.inbound.family != 0 &&
        map_find(&hosts, address_bytes(&scenario->mta.inbound), &ignored))
        diagnose(loader->diagnostics, section_mark(mta, "inbound"), NULL,
            "returned mail comes in at the address of a provider's host");
    for (size_t i = 0; i < scenario->mta.source_ips_count; i++)
        if (map_find(&hosts, address_bytes(&scenario->mta.source_ips[i]), &ignored))
            diagnose(loader->diagnostics, section_mark(mta, "source_ips"), NULL,
                "source IP %zu is the address of a provider's host", i + 1);
    map_release(&hosts);
}

static void
use_default_source_ip(struct loader *loader, struct mta_config *config)
{
    struct net_address *address = arena_alloc_zeroed(loader->arena, sizeof *address);

    net_address_parse(SLICE("198.51.100.25"), address);
    config->source_ips = address;
    config->source_ips_count = 1;
}

/* For who returns mail; without one there is no listener. */
static void
load_inbound(struct loader *loader, const struct section *root, const struct section *mta)
{
    struct mta_config *config = &parts_of(loader)->scenario->mta;
    struct section campaign = section_nested(root, "campaign");
    struct slice *domain = arena_alloc(loader->arena, sizeof *domain);
    struct mail_address from;
    const char *why;

    if (!mail_comes_back(parts_of(loader)->scenario) ||
        !address_parse(section_text(&campaign, "from"), &from, &why))
        return;
    *domain = from.domain;
    config->inmail.instance = section_text(&campaign, "instance");
    config->return_domains = domain;
    config->return_domains_count = 1;
    config->inbound = section_scalar(mta, "inbound").address;
    config->inbound.port = SUBMISSION_PORT;
    if (net_address_equals(&config->inbound, &config->listen))
        diagnose(loader->diagnostics, section_mark(mta, "inbound"), NULL,
            "campaigns submit at this address; returned mail needs another one");
}

void
load_mta(struct loader *loader, const struct section *root)
{
    struct section mta = section_nested(root, "mta");
    struct mta_config *config = &parts_of(loader)->scenario->mta;

    *config = mta_config_default();
    config->listen = section_scalar(&mta, "listen").address;
    config->listen.port = SUBMISSION_PORT;
    mta_config_read(&mta, config);
    if (!parts_of(loader)->extends.is_alone)
        mta_config_read_automation(&mta, true, config);
    load_inbound(loader, root, &mta);
    if (config->source_ips_count == 0)
        use_default_source_ip(loader, config);
    check_addresses(loader, &mta);
}
