/* resolver_sim.c - DNS in virtual time: zones from the scenario, after a delay, or a failure. */
#include "base/resolver_sim.h"

#include "base/mem.h"
#include "base/unit.h"

struct sim_resolver {
    struct resolver base;
    struct loop *loop;
    int64_t delay_us;
    struct zones *zones;
    struct sim_query *queries;
};

struct sim_query {
    struct query base;
    struct sim_query *next, *previous;
    struct sim_resolver *resolver;
    struct timer timer;
    answer_fn *fn;
    void *arg;
    enum dns_type type;
    enum dns_status failure; /* decided when asked; DNS_OK: look it up */
    uint8_t name_length;
    char name[];
};

static struct sim_resolver *
sim_of(struct resolver *resolver)
{
    return (struct sim_resolver *)resolver;
}

/* ---- zones ---- */

struct zones *
resolver_sim_zones(struct resolver *resolver)
{
    return sim_of(resolver)->zones;
}

void
resolver_sim_add_zone(struct resolver *resolver, struct slice zone)
{
    zones_add_zone(sim_of(resolver)->zones, zone);
}

void
resolver_sim_add_mx(
    struct resolver *resolver, struct slice name, uint16_t preference, struct slice host)
{
    zones_add_mx(sim_of(resolver)->zones, name, preference, host);
}

void
resolver_sim_add_address(
    struct resolver *resolver, struct slice name, const struct net_address *address)
{
    zones_add_address(sim_of(resolver)->zones, name, address);
}

void
resolver_sim_add_txt(struct resolver *resolver, struct slice name, struct slice text)
{
    zones_add_txt(sim_of(resolver)->zones, name, text);
}

void
resolver_sim_fail_zone(struct resolver *resolver, struct slice zone, enum dns_status status)
{
    zones_fail_zone(sim_of(resolver)->zones, zone, status);
}

/* ---- questions and answers ---- */

static void
free_query(struct sim_query *query)
{
    timer_cancel(query->resolver->loop, &query->timer);
    if (query->next != NULL)
        query->next->previous = query->previous;
    if (query->previous != NULL)
        query->previous->next = query->next;
    else
        query->resolver->queries = query->next;
    mem_free(query);
}

static void
cancel_query(struct query *query)
{
    free_query((struct sim_query *)query);
}

static void
fill_answer(struct dns_answer *answer, const struct zone_records *records, enum dns_type type)
{
    switch (type) {
    case DNS_MX:
        answer->mx = records->mx;
        answer->mx_count = records->mx_count;
        break;
    case DNS_ADDRESS:
        answer->addresses = records->addresses;
        answer->addresses_count = records->addresses_count;
        break;
    case DNS_TXT:
        answer->texts = records->texts;
        answer->texts_count = records->texts_count;
        break;
    }
    if (answer->mx_count + answer->addresses_count + answer->texts_count == 0)
        answer->status = DNS_NO_DATA;
}

static struct dns_answer
answer_to(const struct sim_query *query)
{
    const struct zones *zones = query->resolver->zones;
    struct slice name = {query->name, query->name_length};
    struct dns_answer answer = {.status = query->failure};
    const struct zone_records *records;

    if (query->failure != DNS_OK)
        return answer;
    answer.ttl_us = (int64_t)ZONE_TTL_S * US_PER_S;
    records = zones_find_zone(zones, name) != NULL ? zones_find_records(zones, name) : NULL;
    if (records == NULL)
        answer.status = DNS_NO_NAME;
    else
        fill_answer(&answer, records, query->type);
    return answer;
}

static void
on_answer_due(void *arg)
{
    struct sim_query *query = arg;
    struct dns_answer answer = answer_to(query);
    answer_fn *fn = query->fn;
    void *fn_arg = query->arg;

    free_query(query);
    fn(fn_arg, &answer);
}

static int64_t
delay_of(const struct sim_query *query, const struct zone *zone)
{
    if (query->failure == DNS_TIMED_OUT)
        return (int64_t)RESOLVER_SIM_TIMEOUT_S * US_PER_S;
    return query->resolver->delay_us + (zone != NULL ? zone->delay_us : 0);
}

/* A name too long to exist is asked as what it is: not there. */
static struct query *
ask(struct resolver *base, struct slice name, enum dns_type type, answer_fn *fn, void *arg)
{
    struct sim_resolver *resolver = sim_of(base);
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_name = zone_normalise(name, buffer, &normal);
    const struct zone *zone = is_name ? zones_find_zone(resolver->zones, normal) : NULL;
    struct sim_query *query = mem_alloc_zeroed(sizeof *query + normal.length);

    query->base.door = base->door;
    query->resolver = resolver;
    query->fn = fn;
    query->arg = arg;
    query->type = type;
    query->failure = !is_name ? DNS_NO_NAME : zone != NULL ? zone->failure : DNS_OK;
    query->name_length = (uint8_t)normal.length;
    if (normal.length > 0)
        memcpy(query->name, normal.at, normal.length);
    query->next = resolver->queries;
    if (query->next != NULL)
        query->next->previous = query;
    resolver->queries = query;
    timer_arm(resolver->loop, &query->timer, loop_now_us(resolver->loop) + delay_of(query, zone),
        on_answer_due, query);
    return &query->base;
}

static void
free_resolver(struct resolver *base)
{
    struct sim_resolver *resolver = sim_of(base);

    while (resolver->queries != NULL)
        free_query(resolver->queries);
    zones_free(&resolver->zones);
    mem_free(resolver);
}

static const struct resolver_door sim_door = {ask, cancel_query, free_resolver};

struct resolver *
resolver_sim_new(struct loop *loop, int64_t delay_us)
{
    struct sim_resolver *resolver = mem_alloc_zeroed(sizeof *resolver);

    assert(delay_us >= 0);
    resolver->base.door = &sim_door;
    resolver->loop = loop;
    resolver->delay_us = delay_us;
    resolver->zones = zones_new();
    return &resolver->base;
}
