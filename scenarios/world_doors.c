/* world_doors.c - the doors that a scenario is played behind. */
#include "scenarios/world_doors.h"

#include <errno.h>
#include <stdlib.h>

#include "base/loop_net.h"
#include "base/resolver_net.h"
#include "base/resolver_sim.h"
#include "base/stream_net.h"
#include "base/stream_lab.h"
#include "fakeisp/dns_server.h"

enum {
    SYNC_US = 200 /* what a commit to a good disk takes; many messages share one */,
    DNS_PORT = 53
};

static void
add_zones(struct zones *zones, const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->zones_count; i++)
        zones_add_zone(zones, scenario->zones[i]);
    for (size_t i = 0; i < scenario->records_count; i++) {
        const struct zone_record *record = &scenario->records[i];

        switch (record->type) {
        case DNS_MX:
            zones_add_mx(zones, record->name, record->preference, record->host);
            break;
        case DNS_ADDRESS:
            zones_add_address(zones, record->name, &record->address);
            break;
        case DNS_TXT:
            zones_add_txt(zones, record->name, record->text);
            break;
        }
    }
}

static bool
open_virtual(struct world_doors *doors, const struct scenario *scenario, const struct rng *rng)
{
    const struct rng rng_network = rng_child(rng, "network"), rng_store = rng_child(rng, "store");

    doors->loop = loop_sim_new(scenario->start_wall_us);
    doors->network = network_sim_new(doors->loop, &rng_network);
    doors->store = store_sim_new(doors->loop, SYNC_US, &rng_store);
    doors->resolver = resolver_sim_new(doors->loop, scenario->dns_delay_us);
    doors->zones = resolver_sim_zones(doors->resolver);
    add_zones(doors->zones, scenario);
    return true;
}

/* ---- real ---- */

/* Its files lose their names at once and live as long as the store has them open: however a run ends,
 * nothing stays behind. */
static bool
open_store(struct world_doors *doors, struct error *err)
{
    char name[] = "/tmp/mtalab-store-XXXXXX";

    if (mkdtemp(name) == NULL)
        return error_set(err, ERROR_WORLD, "%s: %s", name, strerrordesc_np(errno));
    doors->store = store_file_new(doors->loop, name, NULL, err);
    store_file_remove(name);
    return doors->store != NULL;
}

/* A scenario knows its own zones only; asked for anything else its world says that there is no such
 * name, and so does a name server that has the root. */
static bool
open_dns(struct world_doors *doors, const struct scenario *scenario, struct network *network,
    bool is_in_namespace, struct error *err)
{
    struct resolver_net_options options = {.servers_count = 1, .timeout_us = US_PER_S, .tries = 2};
    struct net_address at = {0};

    doors->zones = zones_new();
    zones_add_zone(doors->zones, SLICE("."));
    add_zones(doors->zones, scenario);
    net_address_parse(SLICE("127.0.0.1"), &at);
    if (is_in_namespace)
        at.port = DNS_PORT;
    doors->dns_server = dns_server_new(doors->loop, network, doors->zones, &at, false, err);
    if (doors->dns_server == NULL)
        return false;
    options.servers[0] = *dns_server_address(doors->dns_server);
    doors->resolver = resolver_net_new(doors->loop, &options, err);
    return doors->resolver != NULL;
}

static bool
open_real(struct world_doors *doors, const struct scenario *scenario,
    const struct world_doors_options *options, struct error *err)
{
    const struct network_net_options network_options = {.allow_any = options->is_in_namespace};
    int64_t start_wall_us =
        options->start_wall_us > 0 ? options->start_wall_us : scenario->start_wall_us;
    struct network *network;

    doors->loop = loop_net_new(start_wall_us, options->speed, err);
    if (doors->loop == NULL)
        return false;
    network_net_raise_limit();
    network = network_net_new(doors->loop, &network_options);
    doors->network = network_lab_new(doors->loop, network, !options->is_in_namespace);
    return open_dns(doors, scenario, network, options->is_in_namespace, err) &&
        (options->is_in_namespace || open_store(doors, err));
}

struct world_doors *
world_doors_new(
    const struct scenario *scenario, const struct world_doors_options *options, struct error *err)
{
    struct world_doors *doors = mem_alloc_zeroed(sizeof *doors);

    doors->is_real = options->is_real;
    if (options->is_real ? open_real(doors, scenario, options, err)
                         : open_virtual(doors, scenario, options->rng))
        return doors;
    world_doors_free(&doors);
    return NULL;
}

void
world_doors_free(struct world_doors **doors)
{
    struct world_doors *s = *doors;

    if (s == NULL)
        return;
    resolver_free(&s->resolver);
    if (s->is_real) {
        dns_server_free(&s->dns_server);
        zones_free(&s->zones);
    }
    store_free(&s->store);
    network_free(&s->network);
    loop_free(&s->loop);
    mem_free(s);
    *doors = NULL;
}

/* ---- what a time line changes ---- */

void
world_doors_set_rtt(struct world_doors *doors, const struct net_address *host, int64_t rtt_us)
{
    struct net_link link;

    if (doors->is_real)
        return;
    link = network_sim_link(doors->network, host);
    link.latency_us = rtt_us / 2;
    network_sim_set_link(doors->network, host, &link);
}

void
world_doors_set_fault(
    struct world_doors *doors, const struct net_address *host, enum net_fault fault)
{
    struct net_link link;

    if (doors->is_real) {
        network_lab_set_fault(doors->network, host, fault);
        return;
    }
    link = network_sim_link(doors->network, host);
    link.fault = fault;
    network_sim_set_link(doors->network, host, &link);
}

void
world_doors_reset_open(struct world_doors *doors, const struct net_address *host)
{
    if (doors->is_real)
        network_lab_reset_open(doors->network, host);
    else
        network_sim_reset_open(doors->network, host);
}

void
world_doors_fail_dns(struct world_doors *doors, struct slice domain, enum dns_status status)
{
    zones_fail_zone_of(doors->zones, domain, status);
}
