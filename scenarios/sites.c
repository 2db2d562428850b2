/* sites.c - which ISP an address belongs to, by its domain. */
#include "scenarios/sites.h"

static struct slice
lower(char *buffer, struct slice domain)
{
    for (size_t i = 0; i < domain.length; i++)
        buffer[i] = char_lower(domain.at[i]);
    return (struct slice){buffer, domain.length};
}

void
sites_init(struct sites *sites, const struct isp_config *isps, size_t isps_count)
{
    char buffer[SITES_DOMAIN_MAX];

    *sites = (struct sites){.isps_count = isps_count};
    for (size_t i = 0; i < isps_count; i++)
        for (size_t d = 0; d < isps[i].domains_count; d++) {
            struct slice domain = isps[i].domains[d];
            bool is_new;

            if (domain.length > SITES_DOMAIN_MAX)
                continue;
            map_put(&sites->domains, lower(buffer, domain), &is_new);
            if (!is_new)
                continue;
            sites->isps = mem_grow(
                sites->isps, &sites->isps_capacity, sites->domains.count, sizeof *sites->isps);
            sites->isps[sites->domains.count - 1] = i;
        }
}

void
sites_release(struct sites *sites)
{
    map_release(&sites->domains);
    mem_free(sites->isps);
    *sites = (struct sites){0};
}

size_t
sites_find(struct sites *sites, struct slice address)
{
    const char *at = address.length > 0 ? memrchr(address.at, '@', address.length) : NULL;
    struct slice domain;
    char buffer[SITES_DOMAIN_MAX];
    uint32_t number;

    if (at == NULL)
        return sites->isps_count;
    domain = slice_from(address, (size_t)(at - address.at) + 1);
    if (domain.length == 0 || domain.length > SITES_DOMAIN_MAX)
        return sites->isps_count;
    if (domain.length == sites->last_length &&
        memcmp(domain.at, sites->last_domain, domain.length) == 0)
        return sites->last_isp;
    memcpy(sites->last_domain, domain.at, domain.length);
    sites->last_length = domain.length;
    sites->last_isp = map_find(&sites->domains, lower(buffer, domain), &number)
        ? sites->isps[number]
        : sites->isps_count;
    return sites->last_isp;
}
