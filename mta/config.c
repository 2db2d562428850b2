/* config.c - what is set about our MTA, from a checked file. */
#include "mta/config.h"

#include "base/map.h"

static struct slice
address_bytes(const struct net_address *address)
{
    return (struct slice){(const char *)address->bytes, address->family == 4 ? 4 : 16};
}

static void
read_source_ips(const struct section *mta, struct mta_config *config)
{
    struct loader *loader = mta->loader;
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
read_mx_rules(const struct section *mta, struct mta_config *config)
{
    struct loader *loader = mta->loader;
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
        rules[i].tls = (enum tls_policy)section_whole(&item, "tls");
        rules[i].is_tls_verified = section_whole(&item, "tls_verify");
        if (rules[i].is_tls_verified && rules[i].tls == TLS_POLICY_OFF)
            diagnose(loader->diagnostics, section_mark(&item, "tls_verify"), NULL,
                "there is no certificate to verify where tls is off");
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
mta_config_read(const struct section *mta, struct mta_config *config)
{
    struct section retry = section_nested(mta, "retry"), efs = section_nested(mta, "efs");
    struct section inmail = section_nested(mta, "inmail");

    config->hostname = section_text(mta, "hostname");
    config->retry.first_us = section_whole(&retry, "first");
    config->retry.factor = section_ratio(&retry, "factor");
    config->retry.cap_us = section_whole(&retry, "cap");
    config->retry.jitter_ppm = section_ppm(&retry, "jitter");
    config->validity_us = section_whole(mta, "validity");
    if (config->validity_us > MTA_VALIDITY_US_MAX)
        config->validity_us = MTA_VALIDITY_US_MAX;
    config->efs_batch = (uint32_t)section_whole(&efs, "batch");
    config->efs_every_us = section_whole(&efs, "every");
    if (section_has(mta, "size_max"))
        config->size_max = (uint64_t)section_whole(mta, "size_max");
    config->inmail.poll_us = section_whole(&inmail, "poll");
    config->inmail.window_us = section_whole(&inmail, "window");
    read_source_ips(mta, config);
    read_mx_rules(mta, config);
}
