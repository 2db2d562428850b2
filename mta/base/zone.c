/* zone.c - zones of DNS as data. */
#include "base/zone.h"

#include "base/map.h"

struct zones {
    struct map zone_names;
    struct zone *list; /* by number of the zone */
    size_t list_capacity;
    struct map names;
    struct zone_records *records; /* by number of the name */
    size_t records_capacity;
    struct arena arena;
};

struct zones *
zones_new(void)
{
    return mem_alloc_zeroed(sizeof(struct zones));
}

void
zones_free(struct zones **freed)
{
    struct zones *zones = *freed;

    *freed = NULL;
    if (zones == NULL)
        return;
    for (uint32_t i = 0; i < zones->names.count; i++) {
        mem_free(zones->records[i].mx);
        mem_free(zones->records[i].addresses);
        mem_free(zones->records[i].texts);
    }
    mem_free(zones->records);
    mem_free(zones->list);
    map_release(&zones->zone_names);
    map_release(&zones->names);
    arena_release(&zones->arena);
    mem_free(zones);
}

/* ---- names ---- */

bool
zone_normalise(struct slice name, char buffer[ZONE_NAME_BYTES_MAX], struct slice *normal)
{
    if (name.length > 0 && name.at[name.length - 1] == '.')
        name.length--;
    if (name.length > ZONE_NAME_BYTES_MAX)
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

const struct zone *
zones_find_zone(const struct zones *zones, struct slice name)
{
    uint32_t number;

    while (!map_find(&zones->zone_names, name, &number)) {
        if (name.length == 0)
            return NULL;
        name = parent_of(name);
    }
    return &zones->list[number];
}

const struct zone_records *
zones_find_records(const struct zones *zones, struct slice name)
{
    uint32_t number;

    return map_find(&zones->names, name, &number) ? &zones->records[number] : NULL;
}

static struct zone_records *
make_name(struct zones *zones, struct slice name)
{
    bool is_new;
    uint32_t number = map_put(&zones->names, name, &is_new);

    if (is_new) {
        zones->records = mem_grow(
            zones->records, &zones->records_capacity, number + 1, sizeof zones->records[0]);
        zones->records[number] = (struct zone_records){0};
    }
    return &zones->records[number];
}

static struct zone_records *
make_records(struct zones *zones, struct slice name)
{
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_name = zone_normalise(name, buffer, &normal);
    uint32_t zone;

    assert(is_name);
    for (struct slice above = normal; !map_find(&zones->zone_names, above, &zone);) {
        assert(above.length > 0); /* the zone must have been added */
        above = parent_of(above);
        make_name(zones, above);
    }
    return make_name(zones, normal);
}

static struct slice
keep(struct zones *zones, struct slice s)
{
    return (struct slice){arena_copy(&zones->arena, s.at, s.length), s.length};
}

/* ---- zones and records ---- */

void
zones_add_zone(struct zones *zones, struct slice zone)
{
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_new, is_name = zone_normalise(zone, buffer, &normal);
    uint32_t number;

    assert(is_name);
    number = map_put(&zones->zone_names, normal, &is_new);
    if (!is_new)
        return;
    zones->list = mem_grow(zones->list, &zones->list_capacity, number + 1, sizeof zones->list[0]);
    zones->list[number] = (struct zone){.name = map_key(&zones->zone_names, number)};
    make_name(zones, normal);
}

void
zones_add_mx(struct zones *zones, struct slice name, uint16_t preference, struct slice host)
{
    struct zone_records *records = make_records(zones, name);
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice normal = {0};
    bool is_name = zone_normalise(host, buffer, &normal);

    assert(is_name);
    records->mx =
        mem_grow(records->mx, &records->mx_capacity, records->mx_count + 1, sizeof records->mx[0]);
    records->mx[records->mx_count++] = (struct dns_mx){preference, keep(zones, normal)};
}

void
zones_add_address(struct zones *zones, struct slice name, const struct net_address *address)
{
    struct zone_records *records = make_records(zones, name);

    records->addresses = mem_grow(records->addresses, &records->addresses_capacity,
        records->addresses_count + 1, sizeof records->addresses[0]);
    records->addresses[records->addresses_count] = *address;
    records->addresses[records->addresses_count++].port = 0;
}

void
zones_add_txt(struct zones *zones, struct slice name, struct slice text)
{
    struct zone_records *records = make_records(zones, name);

    records->texts = mem_grow(records->texts, &records->texts_capacity, records->texts_count + 1,
        sizeof records->texts[0]);
    records->texts[records->texts_count++] = keep(zones, text);
}

static struct zone *
zone_called(struct zones *zones, struct slice name)
{
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice normal = {0};
    uint32_t number = 0;
    bool is_zone =
        zone_normalise(name, buffer, &normal) && map_find(&zones->zone_names, normal, &number);

    assert(is_zone);
    return &zones->list[number];
}

void
zones_fail_zone(struct zones *zones, struct slice zone, enum dns_status status)
{
    zone_called(zones, zone)->failure = status;
}

void
zones_fail_zone_of(struct zones *zones, struct slice name, enum dns_status status)
{
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice normal;
    const struct zone *zone =
        zone_normalise(name, buffer, &normal) ? zones_find_zone(zones, normal) : NULL;

    if (zone != NULL)
        zone_called(zones, zone->name)->failure = status;
}

void
zones_delay_zone(struct zones *zones, struct slice zone, int64_t delay_us)
{
    assert(delay_us >= 0);
    zone_called(zones, zone)->delay_us = delay_us;
}
