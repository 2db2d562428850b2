/* delivery.c - from the queue to the sites. */
#include "mta/delivery_parts.h"

#include "base/mem.h"
#include "mta/controller.h"
#include "mta/delivery_orders.h"

static struct site *
site_for(struct delivery *delivery, const struct route_site *route)
{
    while (delivery->sites_count <= route->number) {
        delivery->sites = mem_grow(delivery->sites, &delivery->sites_capacity,
            delivery->sites_count + 1, sizeof(struct site *));
        delivery->sites[delivery->sites_count++] = NULL;
    }
    if (delivery->sites[route->number] == NULL) {
        struct site *site = site_new(&delivery->context, route);
        int64_t held_until_us =
            delivery->is_stopping ? INT64_MAX : delivery_held_until_us(delivery, site_name(site));

        if (held_until_us > 0)
            site_hold(site, held_until_us);
        delivery_hold_bindings(delivery, site);
        delivery->sites[route->number] = site;
    }
    return delivery->sites[route->number];
}

struct domain_desk *
delivery_domain(struct delivery *delivery, uint32_t domain)
{
    while (delivery->domains_count <= domain) {
        uint32_t number = (uint32_t)delivery->domains_count;

        delivery->domains = mem_grow(delivery->domains, &delivery->domains_capacity,
            delivery->domains_count + 1, sizeof *delivery->domains);
        delivery->domains[delivery->domains_count++] =
            (struct domain_desk){.held_until_us = delivery_held_until_us(
                                     delivery, spool_domain_name(delivery->context.spool, number))};
    }
    return &delivery->domains[domain];
}

void
delivery_direct(struct delivery *delivery, queue_node node)
{
    const struct site_context *context = &delivery->context;
    uint32_t domain = spool_domain(context->spool, queue_place(context->queue, node));
    struct domain_desk *desk = delivery_domain(delivery, domain);
    struct route_answer answer;
    struct site *site;

    if (desk->held_until_us > loop_now_us(context->doors->loop)) {
        line_push(context->queue, &desk->waiting, node);
        return;
    }
    answer = route_find(delivery->route, domain, spool_domain_name(context->spool, domain));
    switch (answer.status) {
    case ROUTE_PENDING:
        line_push(context->queue, &desk->waiting, node);
        return;
    case ROUTE_SITE:
        site = site_for(delivery, answer.site);
        if (delivery->has_reloaded && desk->site != NULL && desk->site != site)
            site_retire(delivery->sites[site_state(desk->site).route->number]);
        desk->site = site;
        site_add(site, node);
        return;
    case ROUTE_DEFER:
    case ROUTE_FAIL:
        outcome_tell(context->desk, node,
            &(struct outcome_answer){.stage = STAGE_CONNECT, .reply = &answer.reply});
        return;
    }
}

void
delivery_direct_waiting(struct delivery *delivery, uint32_t domain)
{
    struct line line = delivery->domains[domain].waiting;
    queue_node node;

    delivery->domains[domain].waiting = (struct line){0};
    while ((node = line_pop(delivery->context.queue, &line)) != 0)
        delivery_direct(delivery, node);
}

static void
on_route(void *arg, uint32_t domain)
{
    struct delivery *delivery = arg;

    if (domain < delivery->domains_count)
        delivery_direct_waiting(delivery, domain);
}

static void
on_due(void *arg, queue_node node)
{
    delivery_direct(arg, node);
}

static void
on_expired(void *arg, queue_node node)
{
    struct delivery *delivery = arg;

    outcome_expire(delivery->context.desk, node);
}

static uint32_t *
name_sources(const struct mta_config *config, struct journal *journal)
{
    uint32_t *names = mem_alloc(config->source_ips_count * sizeof *names);
    struct text ip = {0};

    for (size_t i = 0; i < config->source_ips_count; i++) {
        text_clear(&ip);
        net_address_format(&ip, &config->source_ips[i]);
        names[i] = journal_name(journal, text_slice(&ip));
    }
    text_release(&ip);
    return names;
}

/* Those of rules that name no pool. */
static void
add_own_ips(struct delivery *delivery)
{
    const struct mta_config *config = delivery->context.config;
    size_t count = config->own_ips_count > 0 ? config->own_ips_count : config->source_ips_count;

    delivery->own_members = mem_alloc(count * sizeof *delivery->own_members);
    for (size_t i = 0; i < count; i++)
        delivery->own_members[i] = (struct pool_member){.source = (uint32_t)i, .weight = 1};
    delivery->context.own_ips =
        (struct pool){.name = SLICE(""), .members = delivery->own_members, .members_count = count};
}

/* Most rules are static, and these never ask. */
static void
read_reply_types(struct delivery *delivery)
{
    const struct mta_config *config = delivery->context.config;

    for (size_t i = 0; i < config->mx_rules_count && delivery->reply_types == NULL; i++)
        if (controller_nature(&config->mx_rules[i]).is_typed || config->mx_rules[i].spares)
            delivery->reply_types = reply_types_new();
    delivery->context.reply_types = delivery->reply_types;
}

/* What the config names has been read before, without an error. */
static void
read_automation(struct delivery *delivery)
{
    struct automation *old = delivery->automation;
    struct error err;

    if (delivery->reply_types == NULL)
        return;
    delivery->automation = automation_read(&delivery->context.config->automation, &err);
    assert(delivery->automation != NULL);
    delivery->context.automation = delivery->automation;
    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL)
            site_automate(delivery->sites[i]);
    automation_free(&old);
}

struct delivery *
delivery_new(const struct mta_config *config, const struct mta_doors *doors, struct spool *spool,
    struct dkim_signer *signer, struct efs *efs)
{
    static const struct queue_events queue_events = {.on_due = on_due, .on_expired = on_expired};
    struct delivery *delivery = mem_alloc_zeroed(sizeof *delivery);
    struct queue *queue = queue_new(doors->loop, spool, &queue_events, delivery);

    assert(config->source_ips_count > 0);
    delivery->context = (struct site_context){.config = config,
        .doors = doors,
        .spool = spool,
        .signer = signer,
        .queue = queue,
        .desk = outcome_desk_new(config, doors, spool, queue, efs),
        .source_names = name_sources(config, doors->journal),
        .tls = doors->tls};
    delivery->context.sources_held_until_us =
        mem_alloc_zeroed(config->source_ips_count * sizeof(int64_t));
    add_own_ips(delivery);
    read_reply_types(delivery);
    read_automation(delivery);
    delivery->route =
        route_new(config, doors->loop, doors->resolver, doors->journal, on_route, delivery);
    return delivery;
}

void
delivery_free(struct delivery **delivery)
{
    struct delivery *d = *delivery;

    if (d == NULL)
        return;
    for (size_t i = 0; i < d->sites_count; i++)
        site_free(&d->sites[i]);
    mem_free(d->sites);
    mem_free(d->domains);
    for (uint32_t i = 0; i < d->hold_names.count; i++) {
        timer_cancel(d->context.doors->loop, &d->holds[i]->timer);
        mem_free(d->holds[i]);
    }
    mem_free(d->holds);
    map_release(&d->hold_names);
    timer_cancel(d->context.doors->loop, &d->flush_timer);
    mem_free(d->context.source_names);
    mem_free(d->context.sources_held_until_us);
    site_context_free_counts(&d->context);
    mem_free(d->own_members);
    text_release(&d->context.scratch);
    route_free(&d->route);
    outcome_desk_free(&d->context.desk);
    reply_types_free(&d->reply_types);
    automation_free(&d->automation);
    queue_free(&d->context.queue);
    mem_free(d);
    *delivery = NULL;
}

void
delivery_add(struct delivery *delivery, struct spool_place place)
{
    delivery_direct(delivery, queue_add(delivery->context.queue, place));
}

void
delivery_recover(struct delivery *delivery, struct spool_place place)
{
    const struct site_context *context = &delivery->context;
    struct spool_tries tries = spool_tries(context->spool, place);
    queue_node node = queue_add(context->queue, place);

    queue_set_attempts(context->queue, node, tries.count);
    if (tries.count > 0 && tries.due_us > loop_now_us(context->doors->loop))
        queue_defer(context->queue, node, tries.due_us);
    else
        delivery_direct(delivery, node);
}

static bool
is_anybody(void *arg, queue_node node)
{
    return true;
}

/* Who stands in line finds the way to a site anew: to the one it was, or to one under other rules. What
 * is in flight ends under the rules that it began with. */
void
delivery_reload(struct delivery *delivery)
{
    struct line line = {0};
    queue_node node;

    outcome_desk_reload(delivery->context.desk);
    read_reply_types(delivery);
    read_automation(delivery);
    route_reload(delivery->route);
    delivery->has_reloaded = true;
    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL)
            site_withdraw(delivery->sites[i], is_anybody, NULL, &line);
    while ((node = line_pop(delivery->context.queue, &line)) != 0)
        delivery_direct(delivery, node);
}

/* Where the mail to that domain went last. */
void
delivery_complain(struct delivery *delivery, struct slice rcpt, struct slice source_ip)
{
    const char *at = rcpt.length > 0 ? memrchr(rcpt.at, '@', rcpt.length) : NULL;
    struct text lower = {0};
    uint32_t number, source;
    const struct site *site;

    if (at == NULL)
        return;
    for (const char *c = at + 1; c < rcpt.at + rcpt.length; c++)
        text_add_char(&lower, char_lower(*c));
    if (spool_find_domain(delivery->context.spool, text_slice(&lower), &number) &&
        (site = delivery_domain(delivery, number)->site) != NULL) {
        if (!delivery_find_source(delivery, source_ip, &source))
            source = UINT32_MAX;
        site_complain(delivery->sites[site_state(site).route->number], source);
    }
    text_release(&lower);
}

void
delivery_stop(struct delivery *delivery)
{
    delivery->is_stopping = true;
    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL)
            site_hold(delivery->sites[i], INT64_MAX);
}

uint32_t
delivery_connections_open(const struct delivery *delivery)
{
    uint32_t count = 0;

    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL)
            count += site_state(delivery->sites[i]).connections_open;
    return count;
}

void
delivery_totals(const struct delivery *delivery, struct mta_totals *totals)
{
    outcome_totals(delivery->context.desk, totals);
    totals->connections = delivery->context.connections_count;
    totals->recipients_waiting = queue_count(delivery->context.queue);
}

uint64_t
delivery_queue_bytes(const struct delivery *delivery)
{
    return queue_bytes(delivery->context.queue);
}
