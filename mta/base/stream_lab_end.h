/* stream_lab_end.h - one end of a connection of a scenario, played on the kernel's network; and the
 * network it belongs to.
 *
 * For stream_lab.c, which knows the addresses, listens and connects, and stream_lab_end.c, which
 * passes bytes on and plays the faults of the host that accepted the connection. */
#ifndef MTALAB_STREAM_LAB_END_H
#define MTALAB_STREAM_LAB_END_H

#include "base/map.h"
#include "base/stream_lab.h"

struct lab_host {               /* one address of the scenario, with or without listeners */
    struct net_address address; /* port 0 */
    struct net_address inner;   /* port 0 */
    enum net_fault fault;
    struct lab_listener *listeners; /* of this host */
};

struct lab_network {
    struct network base;
    struct loop *loop;
    struct network *inner;
    bool is_mapped;
    struct map addresses;    /* of the scenario: family and bytes */
    struct map inner_bytes;  /* the same numbers */
    struct lab_host **hosts; /* by number; they stay where they are */
    size_t hosts_capacity;
    struct lab_connecting *connecting;
    struct lab_stream *streams;
};

struct lab_stream {
    struct stream base;
    struct lab_stream *next, *previous; /* of the network */
    struct lab_network *network;
    struct lab_host *host; /* that accepted it; NULL: the connecting end */
    struct stream *inner;  /* NULL: it is broken, and the owner will hear of it */
    struct net_address local, peer;
    const struct stream_events *events;
    void *arg;
    struct text held; /* written while the host is silent */
    struct timer news;
    bool is_paused; /* by the owner */
    bool is_shut;   /* while the host was silent: the end follows what is held */
};

/* Without addresses and an owner yet, linked into its network. */
struct lab_stream *lab_stream_new(struct lab_network *network, struct stream *inner);

bool lab_stream_is_silent(const struct lab_stream *stream);
/* Its host has fallen silent, or speaks again. */
void lab_stream_follow_silence(struct lab_stream *stream);
/* Its owner will hear of it. */
void lab_stream_reset(struct lab_stream *stream);

#endif
