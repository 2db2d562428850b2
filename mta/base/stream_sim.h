/* stream_sim.h - a network in virtual time: latency, bandwidth, refusal, silence, cut at a byte.
 *
 * Each direction of a connection is a queue of segments on their way. A segment written at t arrives
 * at t + latency (one way) after the bytes before it have passed the bandwidth. Segments of one
 * instant travel as one. At most STREAM_HIGH_WATER bytes are on their way or unread: the rest
 * waits as unsent with the writer.
 *
 * What the network does is set per host address (of the listening side) and may change while
 * connections are open. Connecting costs one round trip. */
#ifndef MTALAB_STREAM_SIM_H
#define MTALAB_STREAM_SIM_H

#include "base/loop.h"
#include "base/rng.h"
#include "base/stream.h"

enum net_fault {
    NET_FAULT_NONE,
    NET_FAULT_REFUSE, /* SYN answered by RST */
    NET_FAULT_SILENT, /* nothing comes back: connects time out, open connections stall */
    NET_FAULT_RESET,  /* connections are made, and reset once the client has sent a byte */
};

enum net_cut { /* how the bytes of a segment are offered to the reader */
    NET_CUT_WHOLE,
    NET_CUT_RANDOM, /* in pieces of 1 .. 64 bytes, drawn from the network's rng */
    NET_CUT_ONE_BYTE,
};

struct net_link {
    int64_t latency_us;   /* one way */
    uint64_t bytes_per_s; /* 0: no limit */
    enum net_fault fault;
    enum net_cut cut;
    uint64_t reset_after_bytes; /* 0: never; else the connection is reset once so many bytes have
                                   * arrived at the host that listens, the last of them included */
    uint64_t reset_after_reply_bytes; /* the same for the bytes that go back */
};

/* network_free() also ends what is still open there, without a callback; the loop must outlive it.
 * `rng` is copied. */
struct network *network_sim_new(struct loop *loop, const struct rng *rng);

/* Applies to connections made from now on, and its latency, bandwidth and fault to open ones too.
 * What silence held back arrives one latency after it is over, as if it had been sent again.
 * The link's address is that of the listening host, its port does not matter. An address without a
 * link has no latency; one at which nobody listens refuses, unless nothing listens on its host at
 * all: then it is unreachable. */
void network_sim_set_link(
    struct network *network, const struct net_address *host, const struct net_link *link);
struct net_link network_sim_link(struct network *network, const struct net_address *host);

/* Resets every open connection to this host; its end there learns it now, the other after the
 * latency. No fault does so by itself: who wants "refuse" to cut what is open calls this too. */
void network_sim_reset_open(struct network *network, const struct net_address *host);

uint64_t network_sim_bytes(const struct network *network); /* delivered so far, both ways */

#endif
