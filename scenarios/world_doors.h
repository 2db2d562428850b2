/* world_doors.h - the doors that a scenario is played behind: all simulated, or all real.
 *
 *            virtual                       real
 * loop       jumps from event to event     real time, times `speed`
 * network    simulated hosts and links     the kernel's TCP, each address of the scenario one of
 *                                          127.0.0.0/8 (base/stream_lab.h)
 * resolver   the scenario's zones          the same zones, asked over UDP from a name server
 * store      memory                        files without a name
 *
 * Ownership  the scenario is borrowed. Who lives behind them is gone before world_doors_free().
 * Errors     world_doors_new: ERROR_WORLD, what the system refused. */
#ifndef MTALAB_WORLD_DOORS_H
#define MTALAB_WORLD_DOORS_H

#include "scenarios/scenario.h"

struct world_doors {
    struct loop *loop;
    struct network *network;
    struct resolver *resolver;
    struct store *store; /* NULL in a namespace: the foreign MTA has its own */
    /* Its own: */
    bool is_real;
    struct zones *zones;
    struct dns_server *dns_server; /* NULL in virtual time */
};

struct world_doors_options {
    bool is_real;
    bool
        is_in_namespace; /* real: addresses and ports are as in the scenario, DNS on 127.0.0.1:53 */
    int64_t start_wall_us; /* real: 0: the scenario's */
    uint32_t speed; /* real: seconds of the scenario per second of the wall clock; at least 1 */
    const struct rng *rng;
};

struct world_doors *world_doors_new(
    const struct scenario *scenario, const struct world_doors_options *options, struct error *err);
void world_doors_free(struct world_doors **doors);

/* What a host's line is like. Round trips are played in virtual time only. */
void world_doors_set_rtt(struct world_doors *doors, const struct net_address *host, int64_t rtt_us);
void world_doors_set_fault(
    struct world_doors *doors, const struct net_address *host, enum net_fault fault);
void world_doors_reset_open(struct world_doors *doors, const struct net_address *host);
/* Of the zone that this domain is in. */
void world_doors_fail_dns(struct world_doors *doors, struct slice domain, enum dns_status status);

#endif
