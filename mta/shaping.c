/* shaping.c - what the operator allows: which MX rule, and which scopes, hold. */
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

bool
mx_scope_fits(const struct mx_scope *scope, struct slice domain)
{
    return scope->domain.length == 0 || slice_glob_nocase(scope->domain, domain);
}

/* --- precedence ------------------------------------------------------------------------------ */

enum { RANK_UNSAID = -1, RANK_EVERYTHING = 0, RANK_RULE = 2 };

static int
rank_of(const struct mx_scope *scope)
{
    static const int ranks[2][2][2] = {
  /* [domain][source][pool], from wide to narrow */
        {{RANK_EVERYTHING, 6}, {8, 10} },
        {{4, 12},              {14, 16}},
    };
    bool has_domain = scope->domain.length > 0;
    bool is_exact = has_domain && memchr(scope->domain.at, '*', scope->domain.length) == NULL &&
        memchr(scope->domain.at, '?', scope->domain.length) == NULL;

    return ranks[has_domain][scope->is_of_source][scope->pool != NULL] + is_exact;
}

static void
take_option(struct mx_terms *terms, enum mx_option option, const struct mx_scope *scope)
{
    const struct mx_rule *from = &scope->values;
    struct mx_rule *to = &terms->rule;

    switch (option) {
    case OPTION_CONNECTIONS:
        to->connections = from->connections;
        terms->connections_of = scope;
        return;
    case OPTION_MESSAGES_PER_CONNECTION:
        to->messages_per_connection = from->messages_per_connection;
        return;
    case OPTION_RECIPIENTS_PER_TRANSACTION:
        to->recipients_per_transaction = from->recipients_per_transaction;
        return;
    case OPTION_MESSAGES_PER_HOUR:
        to->messages_per_hour = from->messages_per_hour;
        to->shape = from->shape;
        terms->hour_of = scope;
        return;
    case OPTION_PATH:
        to->path_connections = from->path_connections;
        to->path_messages_per_hour = from->path_messages_per_hour;
        return;
    case OPTION_TLS:
        to->tls = from->tls;
        return;
    case OPTION_TLS_VERIFY:
        to->is_tls_verified = from->is_tls_verified;
        return;
    case OPTION_TIMEOUTS:
        to->timeouts = from->timeouts;
        return;
    case OPTION_WARMUP:
        to->warmup = from->warmup;
        return;
    }
}

struct mx_terms
mx_terms_resolve(const struct mx_rule *rule, const struct mx_scope *const *scopes,
    size_t scopes_count, const struct pool *pool, uint32_t source)
{
    struct mx_terms terms = {.rule = *rule};

    for (unsigned option = OPTION_CONNECTIONS; option <= OPTION_WARMUP; option <<= 1) {
        const struct mx_scope *winner = NULL;
        int rank = (rule->given & option) != 0 ? RANK_RULE : RANK_UNSAID;

        for (size_t i = 0; i < scopes_count; i++) {
            const struct mx_scope *scope = scopes[i];

            if ((scope->values.given & option) == 0 ||
                (scope->pool != NULL && scope->pool != pool) ||
                (scope->is_of_source && scope->source != source) || rank_of(scope) <= rank)
                continue;
            rank = rank_of(scope);
            winner = scope;
        }
        if (winner != NULL)
            take_option(&terms, (enum mx_option)option, winner);
    }
    return terms;
}
