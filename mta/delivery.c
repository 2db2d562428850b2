/* delivery.c - from the queue to the sites. */
#include "mta/delivery.h"

#include "base/mem.h"
#include "mta/outcome.h"
#include "mta/queue.h"
#include "mta/route.h"
#include "mta/site.h"

struct delivery {
    struct site_context context;
    struct route *route;
    struct site **sites; /* by route_site number */
    size_t sites_count, sites_capacity;
    struct line *waiting; /* for a route, by domain */
    size_t waiting_count, waiting_capacity;
};

static struct site *
site_for(struct delivery *delivery, const struct route_site *route)
{
    while (delivery->sites_count <= route->number) {
        delivery->sites = mem_grow(delivery->sites, &delivery->sites_capacity,
            delivery->sites_count + 1, sizeof(struct site *));
        delivery->sites[delivery->sites_count++] = NULL;
    }
    if (delivery->sites[route->number] == NULL)
        delivery->sites[route->number] = site_new(&delivery->context, route);
    return delivery->sites[route->number];
}

static struct line *
waiting_for(struct delivery *delivery, uint32_t domain)
{
    while (delivery->waiting_count <= domain) {
        delivery->waiting = mem_grow(delivery->waiting, &delivery->waiting_capacity,
            delivery->waiting_count + 1, sizeof *delivery->waiting);
        delivery->waiting[delivery->waiting_count++] = (struct line){0};
    }
    return &delivery->waiting[domain];
}

static void
direct(struct delivery *delivery, queue_node node)
{
    const struct site_context *context = &delivery->context;
    uint32_t domain = spool_domain(context->spool, queue_place(context->queue, node));
    struct route_answer answer =
        route_find(delivery->route, domain, spool_domain_name(context->spool, domain));

    switch (answer.status) {
    case ROUTE_PENDING:
        line_push(context->queue, waiting_for(delivery, domain), node);
        return;
    case ROUTE_SITE:
        site_add(site_for(delivery, answer.site), node);
        return;
    case ROUTE_DEFER:
    case ROUTE_FAIL:
        outcome_tell(context->desk, node,
            &(struct outcome_answer){.stage = STAGE_CONNECT, .reply = &answer.reply});
        return;
    }
}

static void
on_route(void *arg, uint32_t domain)
{
    struct delivery *delivery = arg;
    struct line line = {0};
    queue_node node;

    if (domain >= delivery->waiting_count)
        return;
    line = delivery->waiting[domain];
    delivery->waiting[domain] = (struct line){0};
    while ((node = line_pop(delivery->context.queue, &line)) != 0)
        direct(delivery, node);
}

static void
on_due(void *arg, queue_node node)
{
    direct(arg, node);
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

struct delivery *
delivery_new(const struct mta_config *config, const struct mta_doors *doors, struct spool *spool,
    struct efs *efs)
{
    static const struct queue_events queue_events = {.on_due = on_due, .on_expired = on_expired};
    struct delivery *delivery = mem_alloc_zeroed(sizeof *delivery);
    struct queue *queue = queue_new(doors->loop, spool, &queue_events, delivery);

    assert(config->source_ips_count > 0);
    delivery->context = (struct site_context){.config = config,
        .doors = doors,
        .spool = spool,
        .queue = queue,
        .desk = outcome_desk_new(config, doors, spool, queue, efs),
        .source_names = name_sources(config, doors->journal)};
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
    mem_free(d->waiting);
    mem_free(d->context.source_names);
    text_release(&d->context.scratch);
    route_free(&d->route);
    outcome_desk_free(&d->context.desk);
    queue_free(&d->context.queue);
    mem_free(d);
    *delivery = NULL;
}

void
delivery_add(struct delivery *delivery, struct spool_place place)
{
    direct(delivery, queue_add(delivery->context.queue, place));
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
