/* stream_lab.h - a scenario's network played on the kernel's: its addresses, its faults.
 *
 * Stands in front of another network (base/stream_net.h). Each address of the scenario gets one of
 * 127.0.0.0/8 and each listening port a free one, so that many scenarios can be played side by side
 * and none of them reaches anybody; streams tell the scenario's addresses. In a network namespace of
 * its own (`is_mapped` false) addresses and ports are taken as they are.
 *
 * Faults     as those of base/stream_sim.h, seen from the listening host:
 *            refuse: its ports are closed, the kernel answers by RST.
 *            silent: whoever connects through this network waits until its timeout; who comes from
 *            outside is connected and hears nothing; bytes of open connections wait, both ways.
 *            reset: a connection is reset once its client has sent a byte.
 *            Round trips take what this machine's take: latency and bandwidth are not played.
 * Ownership  the inner network is taken over: network_free() frees it too. The loop outlives it. */
#ifndef MTALAB_STREAM_LAB_H
#define MTALAB_STREAM_LAB_H

#include "base/loop.h"
#include "base/stream_sim.h"

struct network *network_lab_new(struct loop *loop, struct network *inner, bool is_mapped);

/* From now on, for new connections and open ones alike. */
void network_lab_set_fault(
    struct network *network, const struct net_address *host, enum net_fault fault);
/* Resets every open connection to this host. */
void network_lab_reset_open(struct network *network, const struct net_address *host);

/* Where the inner network listens for this address and port of the scenario; false: nowhere. */
bool network_lab_find(
    const struct network *network, const struct net_address *listening, struct net_address *inner);

#endif
