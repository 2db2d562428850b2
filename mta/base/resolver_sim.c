/* resolver_sim.c - DNS in virtual time: zones from the scenario, after a delay, or a failure. */
#include "base/resolver_sim.h"

#include "base/map.h"
#include "base/unit.h"

enum { NAME_BYTES_MAX = 255 };

/* What one name has. */
struct records {
    struct dns_mx *mx;
    size_t mx_count, mx_capacity;
    struct net_address *addresses;
    size_t addresses_count, addresses_capacity;
    struct slice *texts;
    size_t texts_count, texts_capacity;
};

struct sim_resolver {
    struct resolver base;
    struct loop *loop;
    int64_t delay_us;
    struct map zones;
    enum dns_status *failures; /* by number of the zone; DNS_OK: none */
    size_t failures_capacity;
    struct map names;
    struct records *records; /* by number of the name */
    size_t records_capacity;
    struct arena arena;
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

/* ---- names ---- */

/* Lower case, without a final dot; "." becomes "". False if no name is that long. */
static bool
normalise(struct slice name, char buffer[NAME_BYTES_MAX], struct slice *normal)
{
    if (name.length > 0 && name.at[name.length - 1] == '.')
        name.length--;
    if (name.length > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.length; i++)
        buffer[i] = char_lower(name.at[i]);
    *normal = (struct slice){buffer, name.length};
    return true;
}

static struct slice
parent_of(struct slice name)
{
    struct slice label, rest;

    slice_cut(name, '.', &label, &rest);
    return rest;
}

/* The longest zone that the name ends with. */
static bool
find_zone(const struct sim_resolver *resolver, struct slice name, uint32_t *zone)
{
    while (!map_find(&resolver->zones, name, zone)) {
        if (name.length == 0)
            return false;
        name = parent_of(name);
    }
    return true;
}

static struct records *
records_of(struct sim_resolver *resolver, struct slice name)
{
    bool is_new;
    uint32_t number = map_put(&resolver->names, name, &is_new);

    if (is_new) {
        resolver->records = mem_grow(resolver->records, &resolver->records_capacity, number + 1,
            sizeof resolver->records[0]);
        resolver->records[number] = (struct records){0};
    }
    return &resolver->records[number];
}

/* The names between a name and its zone come to exist with it (RFC 8020). */
static struct records *
make_records(struct resolver *base, struct slice name)
{
    struct sim_resolver *resolver = sim_of(base);
    char buffer[NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_name = normalise(name, buffer, &normal);
    uint32_t zone;

    assert(is_name);
    for (struct slice above = normal; !map_find(&resolver->zones, above, &zone);) {
        assert(above.length > 0); /* the zone must have been added */
        above = parent_of(above);
        records_of(resolver, above);
    }
    return records_of(resolver, normal);
}

static struct slice
keep(struct sim_resolver *resolver, struct slice s)
{
    return (struct slice){arena_copy(&resolver->arena, s.at, s.length), s.length};
}

/* ---- zones ---- */

void
resolver_sim_add_zone(struct resolver *base, struct slice zone)
{
    struct sim_resolver *resolver = sim_of(base);
    char buffer[NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_new, is_name = normalise(zone, buffer, &normal);
    uint32_t number;

    assert(is_name);
    number = map_put(&resolver->zones, normal, &is_new);
    if (!is_new)
        return;
    resolver->failures = mem_grow(
        resolver->failures, &resolver->failures_capacity, number + 1, sizeof resolver->failures[0]);
    resolver->failures[number] = DNS_OK;
    records_of(resolver, normal);
}

void
resolver_sim_add_mx(
    struct resolver *resolver, struct slice name, uint16_t preference, struct slice host)
{
    struct records *records = make_records(resolver, name);
    char buffer[NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_name = normalise(host, buffer, &normal);

    assert(is_name);
    records->mx =
        mem_grow(records->mx, &records->mx_capacity, records->mx_count + 1, sizeof records->mx[0]);
    records->mx[records->mx_count++] = (struct dns_mx){preference, keep(sim_of(resolver), normal)};
}

void
resolver_sim_add_address(
    struct resolver *resolver, struct slice name, const struct net_address *address)
{
    struct records *records = make_records(resolver, name);

    records->addresses = mem_grow(records->addresses, &records->addresses_capacity,
        records->addresses_count + 1, sizeof records->addresses[0]);
    records->addresses[records->addresses_count] = *address;
    records->addresses[records->addresses_count++].port = 0;
}

void
resolver_sim_add_txt(struct resolver *resolver, struct slice name, struct slice text)
{
    struct records *records = make_records(resolver, name);

    records->texts = mem_grow(records->texts, &records->texts_capacity, records->texts_count + 1,
        sizeof records->texts[0]);
    records->texts[records->texts_count++] = keep(sim_of(resolver), text);
}

void
resolver_sim_fail_zone(struct resolver *base, struct slice zone, enum dns_status status)
{
    struct sim_resolver *resolver = sim_of(base);
    char buffer[NAME_BYTES_MAX];
    struct slice normal = {0};
    uint32_t number = 0;
    bool is_zone = normalise(zone, buffer, &normal) && map_find(&resolver->zones, normal, &number);

    assert(is_zone);
    resolver->failures[number] = status;
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
fill_answer(struct dns_answer *answer, const struct records *records, enum dns_type type)
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
    const struct sim_resolver *resolver = query->resolver;
    struct slice name = {query->name, query->name_length};
    struct dns_answer answer = {.status = query->failure};
    uint32_t zone, number;

    if (query->failure != DNS_OK)
        return answer;
    answer.ttl_us = (int64_t)RESOLVER_SIM_TTL_S * US_PER_S;
    if (!find_zone(resolver, name, &zone) || !map_find(&resolver->names, name, &number))
        answer.status = DNS_NO_NAME;
    else
        fill_answer(&answer, &resolver->records[number], query->type);
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

static enum dns_status
failure_of(const struct sim_resolver *resolver, struct slice name)
{
    uint32_t zone;

    return find_zone(resolver, name, &zone) ? resolver->failures[zone] : DNS_OK;
}

/* A name too long to exist is asked as what it is: not there. */
static struct query *
ask(struct resolver *base, struct slice name, enum dns_type type, answer_fn *fn, void *arg)
{
    struct sim_resolver *resolver = sim_of(base);
    char buffer[NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_name = normalise(name, buffer, &normal);
    struct sim_query *query = mem_alloc_zeroed(sizeof *query + normal.length);
    int64_t delay_us = resolver->delay_us;

    query->base.door = base->door;
    query->resolver = resolver;
    query->fn = fn;
    query->arg = arg;
    query->type = type;
    query->failure = is_name ? failure_of(resolver, normal) : DNS_NO_NAME;
    query->name_length = (uint8_t)normal.length;
    if (normal.length > 0)
        memcpy(query->name, normal.at, normal.length);
    query->next = resolver->queries;
    if (query->next != NULL)
        query->next->previous = query;
    resolver->queries = query;
    if (query->failure == DNS_TIMED_OUT)
        delay_us = (int64_t)RESOLVER_SIM_TIMEOUT_S * US_PER_S;
    timer_arm(resolver->loop, &query->timer, loop_now_us(resolver->loop) + delay_us, on_answer_due,
        query);
    return &query->base;
}

static void
free_resolver(struct resolver *base)
{
    struct sim_resolver *resolver = sim_of(base);

    while (resolver->queries != NULL)
        free_query(resolver->queries);
    for (uint32_t i = 0; i < resolver->names.count; i++) {
        mem_free(resolver->records[i].mx);
        mem_free(resolver->records[i].addresses);
        mem_free(resolver->records[i].texts);
    }
    mem_free(resolver->records);
    mem_free(resolver->failures);
    map_release(&resolver->zones);
    map_release(&resolver->names);
    arena_release(&resolver->arena);
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
    return &resolver->base;
}
