/* shaping.c - what the operator allows a destination site. */
#include "mta/shaping.h"

const struct mx_rule mx_rule_default = {
    .tls = TLS_POLICY_IF_AVAILABLE,
    .controller = CONTROLLER_STATIC,
    .connections = 20,
    .messages_per_connection = 100,
    .recipients_per_transaction = 100,
};

static bool
rule_fits(
    const struct mx_rule *rule, struct slice domain, const struct slice *hosts, size_t hosts_count)
{
    if (rule->domain.length > 0 && !slice_glob_nocase(rule->domain, domain))
        return false;
    if (rule->host.length == 0)
        return true;
    for (size_t i = 0; i < hosts_count; i++)
        if (slice_glob_nocase(rule->host, hosts[i]))
            return true;
    return false;
}

const struct mx_rule *
mx_rule_for(const struct mta_config *config, struct slice domain, const struct slice *hosts,
    size_t hosts_count)
{
    for (size_t i = 0; i < config->mx_rules_count; i++)
        if (rule_fits(&config->mx_rules[i], domain, hosts, hosts_count))
            return &config->mx_rules[i];
    return &mx_rule_default;
}

void
shaper_init(struct shaper *shaper, const struct mx_rule *rule)
{
    assert(rule->connections > 0);
    assert(rule->messages_per_connection > 0);
    assert(rule->recipients_per_transaction > 0);
    *shaper = (struct shaper){.rule = rule};
}

void
shaper_release(struct shaper *shaper)
{
    moments_release(&shaper->hour);
    *shaper = (struct shaper){0};
}

static void
forget_older(struct shaper *shaper, int64_t now_us)
{
    const struct moment *oldest;

    while (
        (oldest = moments_oldest(&shaper->hour)) != NULL && oldest->at_us + US_PER_HOUR <= now_us) {
        shaper->hour_messages -= oldest->amount;
        moments_drop_oldest(&shaper->hour);
    }
}

bool
shaper_take_message(struct shaper *shaper, int64_t now_us, int64_t *retry_at_us)
{
    if (shaper->rule->messages_per_hour == 0)
        return true;
    forget_older(shaper, now_us);
    if (shaper->hour_messages >= shaper->rule->messages_per_hour) {
        *retry_at_us = moments_oldest(&shaper->hour)->at_us + US_PER_HOUR;
        return false;
    }
    moments_add(&shaper->hour, now_us, 1);
    shaper->hour_messages++;
    return true;
}
