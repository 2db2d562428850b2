/* route.c - which hosts take mail for a domain. */
#include "mta/route.h"

#include <inttypes.h>

#include "base/mem.h"
#include "mta/shaping.h"

enum {
    FAILURE_KEPT_S = 30, /* a failed look-up is not repeated for every recipient in line */
};

/* One name being looked up, or its hosts' addresses. */
struct lookup {
    struct domain *domain;
    size_t host; /* index; the MX query itself: SIZE_MAX */
    struct query *query;
};

struct candidate { /* an MX host while its address is looked up */
    struct slice name;
    uint32_t preference;
    struct net_address *addresses;
    size_t addresses_count;
    enum dns_status status;
};

struct domain {
    struct route *route;
    uint32_t number;
    struct slice name;
    bool is_asking;
    int64_t valid_until_us;
    struct route_answer answer;
    struct arena arena; /* of one resolution */
    struct candidate *candidates;
    size_t candidates_count;
    struct lookup *lookups; /* [0] MX, then one per candidate */
    size_t lookups_open;
    int64_t ttl_us;
};

struct route {
    const struct mta_config *config;
    struct loop *loop;
    struct resolver *resolver;
    struct journal *journal;
    route_fn *fn;
    void *arg;
    struct arena arena;
    struct domain **domains; /* by the caller's number; NULL: never asked for */
    size_t domains_count, domains_capacity;
    struct map site_keys, option_keys;
    struct route_site **sites;
    size_t sites_capacity;
};

/* What we say where no server could: the codes are those of RFC 3463. */
#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }
static const struct smtp_reply reply_null_mx = {
    .code = 550, .enhanced = {5, 4, 4},
         .text = TEXT("null MX: the domain takes no mail")
};
static const struct smtp_reply reply_no_domain = {
    .code = 554,
    .enhanced = {5, 4, 4},
    .text = TEXT("domain lookup failed: domain does not exist")
};
static const struct smtp_reply reply_no_hosts = {
    .code = 454, .enhanced = {4, 4, 4},
         .text = TEXT("DNS failure: domain has neither MX nor A")
};
static const struct smtp_reply reply_servfail = {
    .code = 451, .enhanced = {4, 4, 3},
         .text = TEXT("DNS failure: SERVFAIL")
};
static const struct smtp_reply reply_dns_silent = {
    .code = 451, .enhanced = {4, 4, 3},
         .text = TEXT("no answer from DNS")
};

struct route *
route_new(const struct mta_config *config, struct loop *loop, struct resolver *resolver,
    struct journal *journal, route_fn *fn, void *arg)
{
    struct route *route = mem_alloc_zeroed(sizeof *route);

    route->config = config;
    route->loop = loop;
    route->resolver = resolver;
    route->journal = journal;
    route->fn = fn;
    route->arg = arg;
    return route;
}

static void
cancel_lookups(struct domain *domain)
{
    for (size_t i = 0; domain->lookups != NULL && i <= domain->candidates_count; i++)
        if (domain->lookups[i].query != NULL)
            query_cancel(&domain->lookups[i].query);
}

void
route_free(struct route **route)
{
    struct route *r = *route;

    if (r == NULL)
        return;
    for (size_t i = 0; i < r->domains_count; i++) {
        if (r->domains[i] == NULL)
            continue;
        cancel_lookups(r->domains[i]);
        arena_release(&r->domains[i]->arena);
        mem_free(r->domains[i]);
    }
    mem_free(r->domains);
    mem_free(r->sites);
    map_release(&r->site_keys);
    map_release(&r->option_keys);
    arena_release(&r->arena);
    mem_free(r);
    *route = NULL;
}

static void
settle(struct domain *domain, struct route_answer answer, int64_t kept_us)
{
    struct route *route = domain->route;

    domain->answer = answer;
    domain->is_asking = false;
    if (kept_us < US_PER_S) /* a TTL of 0 must not make us ask while we read the answer */
        kept_us = US_PER_S;
    domain->valid_until_us = loop_now_us(route->loop) + kept_us;
    arena_release(&domain->arena);
    domain->lookups = NULL;
    domain->candidates = NULL;
    domain->candidates_count = 0;
    route->fn(route->arg, domain->number);
}

static void
settle_failed(struct domain *domain, enum route_status status, const struct smtp_reply *reply)
{
    settle(domain, (struct route_answer){.status = status, .reply = *reply},
        (int64_t)FAILURE_KEPT_S * US_PER_S);
}

static void
settle_status(struct domain *domain, enum dns_status status)
{
    switch (status) {
    case DNS_NO_NAME:
        settle_failed(domain, ROUTE_FAIL, &reply_no_domain);
        return;
    case DNS_SERVFAIL:
        settle_failed(domain, ROUTE_DEFER, &reply_servfail);
        return;
    case DNS_TIMED_OUT:
        settle_failed(domain, ROUTE_DEFER, &reply_dns_silent);
        return;
    case DNS_OK:
    case DNS_NO_DATA:
        settle_failed(domain, ROUTE_DEFER, &reply_no_hosts);
        return;
    }
}

/* --- sites ----------------------------------------------------------------------------------- */

/* What a rule or a scope says, without where it lies: those that say the same before and after a reload
 * are the same, and so is their site, with all that it has learnt. */
static uint32_t
number_of_options(struct route *route, struct slice place, const struct mx_rule *rule,
    const struct pool *pool, uint32_t source)
{
    struct mx_rule values = *rule;
    struct text key = {0};
    uint32_t number;

    values.host = values.domain = SLICE("");
    values.pool = NULL;
    values.warmup = NULL;
    text_printf(&key, "%.*s %.*s %.*s %" PRIu32 " ", SLICE_ARGS(place), SLICE_ARGS(rule->host),
        SLICE_ARGS(rule->domain), source);
    for (size_t i = 0; pool != NULL && i < pool->members_count; i++)
        text_printf(
            &key, "%" PRIu32 "x%" PRIu32 " ", pool->members[i].source, pool->members[i].weight);
    text_add(&key, (const char *)&values, sizeof values);
    if (rule->warmup != NULL)
        warmup_plan_key(rule->warmup, &key);
    number = map_put(&route->option_keys, text_slice(&key), NULL);
    text_release(&key);
    return number;
}

/* They stay with the site, which every domain shares that they fit alike. */
static void
keep_scopes(struct route *route, struct route_site *site, struct slice domain)
{
    const struct mta_config *config = route->config;
    const struct mx_scope **scopes =
        arena_alloc(&route->arena, config->scopes_count * sizeof *scopes + 1);

    for (size_t i = 0; i < config->scopes_count; i++)
        if (mx_scope_fits(&config->scopes[i], domain))
            scopes[site->scopes_count++] = &config->scopes[i];
    site->scopes = scopes;
}

static struct route_site *
site_for(struct route *route, struct domain *domain, const struct mx_rule *rule)
{
    struct text key = {0};
    uint32_t rank = 0, number;
    bool is_new;

    text_printf(&key, "%" PRIu32, number_of_options(route, SLICE("rule"), rule, rule->pool, 0));
    for (size_t i = 0; i < route->config->scopes_count; i++) {
        const struct mx_scope *scope = &route->config->scopes[i];

        if (mx_scope_fits(scope, domain->name))
            text_printf(&key, "+%" PRIu32,
                number_of_options(route, scope->domain, &scope->values, scope->pool,
                    scope->is_of_source ? scope->source : MX_NO_SOURCE));
    }
    for (size_t i = 0; i < domain->candidates_count; i++) {
        const struct candidate *c = &domain->candidates[i];

        if (i > 0 && c->preference != domain->candidates[i - 1].preference)
            rank++;
        text_printf(&key, " %" PRIu32 ":%.*s", rank, SLICE_ARGS(c->name));
    }
    number = map_put(&route->site_keys, text_slice(&key), &is_new);
    text_release(&key);
    if (is_new) {
        struct route_site *site = arena_alloc_zeroed(&route->arena, sizeof *site);

        site->number = number;
        site->rule = rule;
        keep_scopes(route, site, domain->name);
        route->sites = mem_grow(
            route->sites, &route->sites_capacity, (size_t)number + 1, sizeof(struct route_site *));
        route->sites[number] = site;
    }
    return route->sites[number];
}

static bool
same_addresses(const struct route_host *host, const struct candidate *candidate)
{
    if (host->addresses_count != candidate->addresses_count)
        return false;
    for (size_t i = 0; i < host->addresses_count; i++)
        if (!net_address_same_host(&host->addresses[i], &candidate->addresses[i]))
            return false;
    return true;
}

/* Hosts are laid out anew only when something about them changed, so that pointers to them stay. */
static bool
hosts_changed(const struct route_site *site, const struct domain *domain)
{
    size_t alive = 0;

    for (size_t i = 0; i < domain->candidates_count; i++) {
        const struct candidate *c = &domain->candidates[i];

        if (c->addresses_count == 0)
            continue;
        if (alive >= site->hosts_count || !slice_equals(site->hosts[alive].name, c->name) ||
            !same_addresses(&site->hosts[alive], c))
            return true;
        alive++;
    }
    return alive != site->hosts_count;
}

static void
lay_out_hosts(struct route *route, struct route_site *site, const struct domain *domain)
{
    struct route_host *hosts =
        arena_alloc_zeroed(&route->arena, domain->candidates_count * sizeof *hosts);
    size_t alive = 0;

    for (size_t i = 0; i < domain->candidates_count; i++) {
        const struct candidate *c = &domain->candidates[i];
        struct net_address *addresses;

        if (c->addresses_count == 0)
            continue;
        addresses = arena_alloc(&route->arena, c->addresses_count * sizeof *addresses);
        memcpy(addresses, c->addresses, c->addresses_count * sizeof *addresses);
        hosts[alive++] = (struct route_host){
            .name = {arena_copy(&route->arena, c->name.at, c->name.length), c->name.length},
            .preference = c->preference,
            .addresses = addresses,
            .addresses_count = c->addresses_count,
            .journal_name = journal_name(route->journal, c->name)
        };
    }
    site->hosts = hosts;
    site->hosts_count = alive;
}

static void
all_addresses_known(struct domain *domain)
{
    struct route *route = domain->route;
    struct slice *names = arena_alloc(&domain->arena, domain->candidates_count * sizeof *names);
    enum dns_status worst = DNS_NO_DATA;
    struct route_site *site;
    bool has_address = false;

    for (size_t i = 0; i < domain->candidates_count; i++) {
        const struct candidate *c = &domain->candidates[i];

        names[i] = c->name;
        if (c->addresses_count > 0)
            has_address = true;
        else if (c->status == DNS_SERVFAIL || c->status == DNS_TIMED_OUT)
            worst = c->status;
    }
    if (!has_address) {
        settle_status(domain, worst);
        return;
    }
    site = site_for(
        route, domain, mx_rule_for(route->config, domain->name, names, domain->candidates_count));
    if (hosts_changed(site, domain))
        lay_out_hosts(route, site, domain);
    settle(domain, (struct route_answer){.status = ROUTE_SITE, .site = site}, domain->ttl_us);
}

/* --- look-ups -------------------------------------------------------------------------------- */

static void
on_addresses(void *arg, const struct dns_answer *answer)
{
    struct lookup *lookup = arg;
    struct domain *domain = lookup->domain;
    struct candidate *candidate = &domain->candidates[lookup->host];

    lookup->query = NULL;
    candidate->status = answer->status;
    if (answer->status == DNS_OK) {
        size_t bytes = answer->addresses_count * sizeof *candidate->addresses;

        candidate->addresses = arena_alloc(&domain->arena, bytes);
        memcpy(candidate->addresses, answer->addresses, bytes);
        candidate->addresses_count = answer->addresses_count;
        for (size_t i = 0; i < candidate->addresses_count; i++)
            candidate->addresses[i].port = domain->route->config->port;
        if (answer->ttl_us < domain->ttl_us)
            domain->ttl_us = answer->ttl_us;
    }
    if (--domain->lookups_open == 0)
        all_addresses_known(domain);
}

static void
sort_candidates(struct candidate *candidates, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct candidate moving = candidates[i];
        size_t at = i;

        while (at > 0 &&
            (candidates[at - 1].preference > moving.preference ||
                (candidates[at - 1].preference == moving.preference &&
                    slice_compare(candidates[at - 1].name, moving.name) > 0))) {
            candidates[at] = candidates[at - 1];
            at--;
        }
        candidates[at] = moving;
    }
}

static void
look_up_hosts(struct domain *domain)
{
    struct route *route = domain->route;

    sort_candidates(domain->candidates, domain->candidates_count);
    domain->lookups =
        arena_alloc_zeroed(&domain->arena, (domain->candidates_count + 1) * sizeof(struct lookup));
    domain->lookups_open = domain->candidates_count;
    for (size_t i = 0; i < domain->candidates_count; i++) {
        struct lookup *lookup = &domain->lookups[i + 1];

        *lookup = (struct lookup){.domain = domain, .host = i};
        lookup->query = resolver_query(
            route->resolver, domain->candidates[i].name, DNS_ADDRESS, on_addresses, lookup);
    }
}

static void
set_candidates(struct domain *domain, const struct dns_mx *mx, size_t count)
{
    domain->candidates = arena_alloc_zeroed(&domain->arena, count * sizeof(struct candidate));
    domain->candidates_count = count;
    for (size_t i = 0; i < count; i++)
        domain->candidates[i] = (struct candidate){
            .name = {arena_copy(&domain->arena, mx[i].host.at, mx[i].host.length),
                     mx[i].host.length},
            .preference = mx[i].preference
        };
}

static void
on_mx(void *arg, const struct dns_answer *answer)
{
    struct lookup *lookup = arg;
    struct domain *domain = lookup->domain;

    lookup->query = NULL;
    domain->ttl_us = answer->ttl_us;
    if (answer->status == DNS_NO_DATA) {
        const struct dns_mx implicit = {.preference = 0, .host = domain->name};

        domain->ttl_us = INT64_C(300) * US_PER_S;
        set_candidates(domain, &implicit, 1); /* RFC 5321 5.1: the domain itself */
        look_up_hosts(domain);
        return;
    }
    if (answer->status != DNS_OK) {
        settle_status(domain, answer->status);
        return;
    }
    if (answer->mx_count == 1 && answer->mx[0].host.length == 0) {
        settle_failed(domain, ROUTE_FAIL, &reply_null_mx);
        return;
    }
    set_candidates(domain, answer->mx, answer->mx_count);
    look_up_hosts(domain);
}

static void
ask(struct domain *domain)
{
    struct route *route = domain->route;

    domain->is_asking = true;
    domain->lookups = arena_alloc_zeroed(&domain->arena, sizeof(struct lookup));
    domain->lookups[0] = (struct lookup){.domain = domain, .host = SIZE_MAX};
    domain->lookups[0].query =
        resolver_query(route->resolver, domain->name, DNS_MX, on_mx, &domain->lookups[0]);
}

static struct domain *
domain_for(struct route *route, uint32_t number, struct slice name)
{
    struct domain *domain;

    while (route->domains_count <= number) {
        route->domains = mem_grow(route->domains, &route->domains_capacity,
            route->domains_count + 1, sizeof(struct domain *));
        route->domains[route->domains_count++] = NULL;
    }
    if (route->domains[number] != NULL)
        return route->domains[number];
    domain = mem_alloc_zeroed(sizeof *domain);
    domain->route = route;
    domain->number = number;
    domain->name = (struct slice){arena_copy(&route->arena, name.at, name.length), name.length};
    domain->valid_until_us = INT64_MIN;
    route->domains[number] = domain;
    return domain;
}

struct route_answer
route_find(struct route *route, uint32_t number, struct slice name)
{
    struct domain *domain = domain_for(route, number, name);

    if (!domain->is_asking && loop_now_us(route->loop) >= domain->valid_until_us)
        ask(domain);
    if (domain->is_asking)
        return (struct route_answer){.status = ROUTE_PENDING};
    return domain->answer;
}

void
route_reload(struct route *route)
{
    for (size_t i = 0; i < route->domains_count; i++)
        if (route->domains[i] != NULL)
            route->domains[i]->valid_until_us = INT64_MIN;
}
