/* loader_dns.c - the zones of a scenario, those written and those that go without saying, and with
 * them the names and addresses of the providers' hosts. */
#include "base/map.h"
#include "scenarios/loader.h"

enum { HOSTS_MAX = 1000, SMTP_PORT = 25, NAME_LENGTH_MAX = 253 };

#define OUTSIDE "this name is not inside the zone"

struct zones {
    struct loader *loader;
    struct map names; /* of zones, lower case */
    struct zone_record *records;
    size_t count, capacity;
    struct map addressed; /* names that have an address */
    struct map taken;     /* addresses, as bytes */
    uint32_t next_automatic;
    struct slice zone; /* being read */
    struct mark mark;
};

static bool
refuse_line(struct zones *z, const char *why)
{
    return diagnose(z->loader->diagnostics, z->mark,
        "known are MX 10 HOST, A HOST ADDRESS, AAAA HOST ADDRESS and TXT [NAME] TEXT", "%s", why);
}

static struct slice
next_token(struct slice *rest)
{
    struct slice token = slice_trim(*rest);
    size_t length = 0;

    while (length < token.length && token.at[length] != ' ' && token.at[length] != '\t')
        length++;
    *rest = slice_trim(slice_from(token, length));
    token.length = length;
    return token;
}

/* As a zone says it: relative, "@" for the zone itself, absolute with a final dot. Lower case. */
static struct slice
absolute_name(struct zones *z, struct slice name)
{
    struct text whole = {0};
    struct slice kept;

    if (slice_equals(name, SLICE("@")) || name.length == 0)
        return z->zone;
    if (name.at[name.length - 1] == '.')
        return keep_lower(z->loader, (struct slice){name.at, name.length - 1});
    text_add_slice(&whole, name);
    text_add_char(&whole, '.');
    text_add_slice(&whole, z->zone);
    kept = keep_lower(z->loader, text_slice(&whole));
    text_release(&whole);
    return kept;
}

static bool
is_inside(struct slice name, struct slice zone)
{
    return slice_ends_with_nocase(name, zone) &&
        (name.length == zone.length || name.at[name.length - zone.length - 1] == '.');
}

static bool
add_record(struct zones *z, const struct zone_record *record)
{
    assert(is_inside(record->name, z->zone));
    z->records = mem_grow(z->records, &z->capacity, z->count + 1, sizeof z->records[0]);
    z->records[z->count++] = *record;
    return true;
}

static struct slice
address_bytes(const struct net_address *address)
{
    return (struct slice){(const char *)address->bytes, address->family == 4 ? 4 : 16};
}

static void
add_address(struct zones *z, struct slice name, const struct net_address *address)
{
    map_put(&z->addressed, name, NULL);
    map_put(&z->taken, address_bytes(address), NULL);
    add_record(z, &(struct zone_record){.name = name, .type = DNS_ADDRESS, .address = *address});
}

/* "MX 10 mx1", or with a name: "MX sub 10 mx1". */
static bool
read_mx(struct zones *z, struct slice rest)
{
    struct zone_record record = {.type = DNS_MX, .name = z->zone};
    struct slice token = next_token(&rest);
    uint64_t preference;

    if (!slice_to_u64(token, &preference)) {
        record.name = absolute_name(z, token);
        token = next_token(&rest);
    }
    if (!domain_is_valid(record.name))
        return refuse_line(z, "this is not a name");
    if (!is_inside(record.name, z->zone))
        return refuse_line(z, OUTSIDE);
    if (!slice_to_u64(token, &preference) || preference > UINT16_MAX)
        return refuse_line(z, "an MX has a preference from 0 to 65535");
    record.preference = (uint16_t)preference;
    token = next_token(&rest);
    if (token.length == 0 || rest.length > 0)
        return refuse_line(z, "an MX has a preference and one host");
    record.host = absolute_name(z, token); /* "." becomes the empty name of a null MX */
    if (record.host.length > 0 && !domain_is_valid(record.host))
        return refuse_line(z, "this host is not a name");
    return add_record(z, &record);
}

static bool
read_address(struct zones *z, struct slice rest, uint8_t family)
{
    struct slice name = next_token(&rest), text = next_token(&rest);
    struct net_address address;

    if (text.length == 0) { /* "A 192.0.2.1" is the zone's own */
        text = name;
        name = SLICE("@");
    }
    name = absolute_name(z, name);
    if (rest.length > 0 || !net_address_parse(text, &address) || address.family != family)
        return refuse_line(z,
            family == 4 ? "an A record has a name and an IPv4 address"
                        : "an AAAA record has a name and an IPv6 address");
    if (!domain_is_valid(name))
        return refuse_line(z, "this is not a name");
    if (!is_inside(name, z->zone))
        return refuse_line(z, OUTSIDE);
    address.port = 0;
    add_address(z, name, &address);
    return true;
}

static bool
read_txt(struct zones *z, struct slice rest)
{
    struct zone_record record = {.type = DNS_TXT, .name = z->zone};
    struct slice name, text;

    if (slice_cut(rest, '"', &name, &text)) {
        record.name = absolute_name(z, slice_trim(name));
        if (text.length == 0 || text.at[text.length - 1] != '"')
            return refuse_line(z, "a quote is not closed");
        rest = (struct slice){text.at, text.length - 1};
    } else if (slice_starts_with(rest, SLICE("@ "))) {
        rest = slice_trim(slice_from(rest, 2));
    }
    if (rest.length == 0)
        return refuse_line(z, "a TXT record has a text");
    if (!is_inside(record.name, z->zone) || record.name.length > NAME_LENGTH_MAX)
        return refuse_line(z, OUTSIDE);
    record.text = keep_slice(z->loader, rest);
    return add_record(z, &record);
}

static bool
read_line(struct zones *z, struct slice line)
{
    struct slice type = next_token(&line);

    if (slice_equals_nocase(type, SLICE("MX")))
        return read_mx(z, line);
    if (slice_equals_nocase(type, SLICE("A")))
        return read_address(z, line, 4);
    if (slice_equals_nocase(type, SLICE("AAAA")))
        return read_address(z, line, 6);
    if (slice_equals_nocase(type, SLICE("TXT")))
        return read_txt(z, line);
    return refuse_line(z, "this type of record is not known");
}

static void
read_zones(struct zones *z, const struct section *root)
{
    const struct conf_node *dns = section_node(root, "dns"), *lines;
    bool is_new;

    for (size_t i = 0; dns != NULL && i < dns->count; i++) {
        z->zone = keep_lower(z->loader, dns->pairs[i].key);
        map_put(&z->names, z->zone, &is_new);
        if (!is_new)
            diagnose(z->loader->diagnostics, dns->pairs[i].key_mark, NULL,
                "the zone %.*s is given twice", SLICE_ARGS(z->zone));
        lines = dns->pairs[i].value;
        for (size_t j = 0; j < lines->count; j++) {
            struct schema_key key = {.type = SCHEMA_TEXT};
            struct scalar line;
            struct error err;
            const char *hint;

            z->mark = lines->items[j]->mark;
            if (scalar_read(&key, lines->items[j]->text, &z->loader->params, z->loader->arena,
                    &line, &err, &hint))
                read_line(z, line.text);
        }
    }
}

/* A host that nobody can find is a slip more often than a test. */
static void
warn_of_hosts_without_address(struct zones *z, const struct section *root)
{
    uint32_t ignored;

    for (size_t i = 0; i < z->count; i++)
        if (z->records[i].type == DNS_MX && z->records[i].host.length > 0 &&
            !map_find(&z->addressed, z->records[i].host, &ignored))
            diagnose_warning(z->loader->diagnostics, section_mark(root, "dns"), NULL,
                "%.*s has an MX %.*s without address", SLICE_ARGS(z->records[i].name),
                SLICE_ARGS(z->records[i].host));
}

/* Addresses of hosts. */

struct found { /* of one host */
    struct net_address *addresses;
    size_t count, capacity;
    struct slice fqdn;
};

static void
find_addresses(const struct zones *z, struct slice name, struct found *found)
{
    uint32_t ignored;

    if (!map_find(&z->addressed, name, &ignored))
        return;
    if (found->fqdn.length == 0)
        found->fqdn = name;
    for (size_t i = 0; i < z->count; i++) {
        const struct zone_record *record = &z->records[i];
        bool is_known = record->type != DNS_ADDRESS || !slice_equals(record->name, name);

        for (size_t j = 0; !is_known && j < found->count; j++)
            is_known = net_address_same_host(&found->addresses[j], &record->address);
        if (is_known)
            continue;
        found->addresses = mem_grow(
            found->addresses, &found->capacity, found->count + 1, sizeof found->addresses[0]);
        found->addresses[found->count++] = record->address;
    }
}

/* "mx1" is relative to a zone; a host may also be called by its whole name. */
static struct slice
host_name(struct zones *z, struct slice host, struct slice zone)
{
    if (memchr(host.at, '.', host.length) != NULL)
        return keep_lower(z->loader, host);
    z->zone = zone;
    return absolute_name(z, host);
}

/* mx1 of a provider is mx1.ZONE in its zones, and any exchanger of its domains called mx1. */
static void
find_host(struct zones *z, const struct isp_config *isp, struct slice host, struct found *found)
{
    uint32_t ignored;

    for (size_t i = 0; i < isp->domains_count; i++) {
        if (map_find(&z->names, isp->domains[i], &ignored))
            find_addresses(z, host_name(z, host, isp->domains[i]), found);
    }
    for (size_t i = 0; i < z->count && found->count == 0; i++) {
        const struct zone_record *record = &z->records[i];
        struct slice label, rest;

        if (record->type != DNS_MX || !slice_cut(record->host, '.', &label, &rest) ||
            !slice_equals_nocase(label, host))
            continue;
        for (size_t j = 0; j < isp->domains_count; j++)
            if (slice_equals(record->name, isp->domains[j]))
                find_addresses(z, record->host, found);
    }
}

/* 192.0.2.x, then 203.0.113.x, then 198.18.0.0/16: nobody's, by RFC 5737 and RFC 2544. What the
 * sender's side takes by default (198.51.100.x, 198.19.x.x) is left out. */
static bool
next_automatic(struct zones *z, struct net_address *address)
{
    uint32_t n, low, ignored;

    do {
        n = z->next_automatic++;
        low = n < 512 ? n % 256 : (n - 512) % 65536;
        *address = (struct net_address){.family = 4};
        if (n < 256)
            memcpy(address->bytes, (uint8_t[]){192, 0, 2, (uint8_t)low}, 4);
        else if (n < 512)
            memcpy(address->bytes, (uint8_t[]){203, 0, 113, (uint8_t)low}, 4);
        else
            memcpy(address->bytes, (uint8_t[]){198, 18, (uint8_t)(low >> 8), (uint8_t)low}, 4);
    } while (low % 256 == 0 || low % 256 == 255 ||
        map_find(&z->taken, address_bytes(address), &ignored));
    return n < 512 + 65536;
}

static bool
find_domain_without_zone(struct zones *z, const struct isp_config *isp, struct slice host,
    struct slice *domain, struct slice *fqdn)
{
    uint32_t ignored;

    for (size_t i = 0; i < isp->domains_count; i++) {
        *domain = isp->domains[i];
        *fqdn = host_name(z, host, *domain);
        if (!map_find(&z->names, *domain, &ignored) && is_inside(*fqdn, *domain))
            return true;
    }
    return false;
}

/* A host that no zone names. */
static void
make_address(struct zones *z, const struct isp_config *isp, const struct isp_host *host,
    struct found *found, struct mark mark)
{
    struct net_address address;
    struct slice domain, fqdn;

    if (!find_domain_without_zone(z, isp, host->name, &domain, &fqdn)) {
        for (size_t i = 0; i < isp->domains_count && isp->hosts_count == 1; i++)
            find_addresses(z, isp->domains[i], found); /* no MX: the domain's own address */
        if (found->count == 0)
            diagnose(z->loader->diagnostics, mark, "add a line such as A mx1 192.0.2.10",
                "host %.*s of isps.%.*s has no address in the zones of its domains",
                SLICE_ARGS(host->name), SLICE_ARGS(isp->name));
        return;
    }
    z->zone = domain;
    if (!domain_is_valid(fqdn)) {
        diagnose(z->loader->diagnostics, mark, NULL, "%.*s, a host, is not a name that DNS takes",
            SLICE_ARGS(fqdn));
        return;
    }
    if (!next_automatic(z, &address)) {
        diagnose(
            z->loader->diagnostics, mark, NULL, "there are more hosts than addresses for them");
        return;
    }
    add_address(z, fqdn, &address);
    find_addresses(z, fqdn, found);
}

static void
settle_host(struct zones *z, const struct isp_config *isp, struct isp_host *host,
    struct map *owners, struct mark mark)
{
    struct found found = {0};
    struct net_address *addresses;
    bool is_new;

    find_host(z, isp, host->name, &found);
    if (found.count == 0)
        make_address(z, isp, host, &found, mark);
    addresses = arena_alloc(z->loader->arena, found.count * sizeof *addresses + 1);
    for (size_t i = 0; i < found.count; i++) {
        addresses[i] = found.addresses[i];
        addresses[i].port = SMTP_PORT;
        map_put(owners, address_bytes(&addresses[i]), &is_new);
        if (!is_new)
            diagnose(z->loader->diagnostics, mark, NULL,
                "host %.*s of isps.%.*s has the address of another host", SLICE_ARGS(host->name),
                SLICE_ARGS(isp->name));
    }
    host->fqdn = found.fqdn;
    host->addresses = addresses;
    host->addresses_count = found.count;
    mem_free(found.addresses);
}

/* Zones that go without saying. */
static void
add_missing_zones(struct zones *z, const struct isp_config *isp)
{
    bool is_new;

    for (size_t i = 0; i < isp->domains_count; i++) {
        map_put(&z->names, isp->domains[i], &is_new);
        z->zone = isp->domains[i];
        for (size_t j = 0; is_new && j < isp->hosts_count; j++)
            add_record(z,
                &(struct zone_record){.type = DNS_MX,
                    .name = isp->domains[i],
                    .preference = (uint16_t)(10 * (j + 1)),
                    .host = isp->hosts[j].fqdn});
    }
}

/* What the sender's side has asked for is not given away. */
static void
reserve_addresses_of_mta(struct zones *z, const struct section *root)
{
    struct section mta = section_nested(root, "mta");
    struct net_address address = section_scalar(&mta, "listen").address;

    map_put(&z->taken, address_bytes(&address), NULL);
    for (size_t i = 0; i < section_count(&mta, "source_ips"); i++) {
        address = section_item_scalar(&mta, "source_ips", i).address;
        map_put(&z->taken, address_bytes(&address), NULL);
    }
    for (size_t i = 0; i < section_count(&mta, "pools"); i++) {
        struct section pool = section_item(&mta, "pools", i);

        for (size_t j = 0; j < section_count(&pool, "ips"); j++) {
            struct section ip = section_item(&pool, "ips", j);

            address = section_scalar(&ip, "ip").address;
            map_put(&z->taken, address_bytes(&address), NULL);
        }
    }
}

static void
settle_isps(struct zones *z, const struct section *root)
{
    struct scenario *scenario = parts_of(z->loader)->scenario;
    struct map owners = {0};

    for (size_t i = 0; i < scenario->isps_count; i++) {
        const struct isp_config *isp = &scenario->isps[i];

        if (isp->hosts_count > HOSTS_MAX) {
            diagnose(z->loader->diagnostics, section_item_mark(root, "isps", i), NULL,
                "isps.%.*s has more than %d hosts", SLICE_ARGS(isp->name), HOSTS_MAX);
            continue;
        }
        for (size_t j = 0; j < isp->hosts_count; j++)
            settle_host(z, isp, &parts_of(z->loader)->hosts[i][j], &owners,
                section_item_mark(root, "isps", i));
        add_missing_zones(z, isp);
    }
    map_release(&owners);
}

/* Return paths lead to the MTA's inbound listener, unless a zone says otherwise. */
static void
add_zone_of_returns(struct zones *z, const struct section *root)
{
    struct section campaign = section_nested(root, "campaign"), mta = section_nested(root, "mta");
    struct net_address address = section_scalar(&mta, "inbound").address;
    struct mail_address from;
    const char *why;
    bool is_new;

    if (!mail_comes_back(parts_of(z->loader)->scenario) ||
        !address_parse(section_text(&campaign, "from"), &from, &why) ||
        !domain_is_valid(from.domain))
        return;
    z->zone = keep_lower(z->loader, from.domain);
    map_put(&z->names, z->zone, &is_new);
    if (!is_new)
        return;
    address.port = 0;
    add_address(z, absolute_name(z, SLICE("returns")), &address);
    add_record(z,
        &(struct zone_record){.type = DNS_MX,
            .name = z->zone,
            .preference = 10,
            .host = absolute_name(z, SLICE("returns"))});
}

static void
keep_zones(struct zones *z)
{
    struct scenario *scenario = parts_of(z->loader)->scenario;
    struct slice *names = arena_alloc(z->loader->arena, z->names.count * sizeof *names + 1);
    struct zone_record *records = arena_alloc(z->loader->arena, z->count * sizeof *records + 1);

    for (uint32_t i = 0; i < z->names.count; i++)
        names[i] = keep_slice(z->loader, map_key(&z->names, i));
    if (z->count > 0)
        memcpy(records, z->records, z->count * sizeof *records);
    scenario->zones = names;
    scenario->zones_count = z->names.count;
    scenario->records = records;
    scenario->records_count = z->count;
}

void
load_dns(struct loader *loader, const struct section *root)
{
    struct zones z = {.loader = loader};

    read_zones(&z, root);
    warn_of_hosts_without_address(&z, root);
    reserve_addresses_of_mta(&z, root);
    settle_isps(&z, root);
    add_zone_of_returns(&z, root);
    keep_zones(&z);
    mem_free(z.records);
    map_release(&z.names);
    map_release(&z.addressed);
    map_release(&z.taken);
}
