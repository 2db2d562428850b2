/* stream_fd_net.h - one end of a connection on a descriptor, and the network it belongs to.
 *
 * For stream_net.c, which listens, stream_connect_net.c, which connects, and stream_fd*_net.c, which
 * move bytes. */
#ifndef MTALAB_STREAM_FD_NET_H
#define MTALAB_STREAM_FD_NET_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/stream_net.h"

enum { SPARE_BUFFERS_MAX = 256 };

struct net_stream {
    struct stream base;
    struct net_network *network;
    struct net_stream *next, *previous;
    const struct stream_events *events; /* NULL: not handed over yet */
    void *arg;
    struct event read_event;
    struct event *write_event; /* NULL until the kernel has refused to take more */
    struct timer news;
    struct timer patience; /* of the kernel's with a stream that has no owner any more */
    struct text inbox;     /* read and left by the reader */
    struct text outbox;
    size_t outbox_start; /* sent before it */
    bool *is_gone;       /* of the callback that is running */
    int fd;
    uint8_t due;
    uint8_t trouble; /* enum trouble */
    bool is_watched; /* read_event is added */
    bool is_edge;    /* as an edge: input waits in the kernel and is not wanted */
    bool is_blocked; /* write_event is added */
    bool is_paused;
    bool is_shut;      /* by its owner: writes no more */
    bool is_closed;    /* by its owner: has none any more */
    bool is_lingering; /* closed, all sent: waits for the peer's end */
    bool is_at_end;    /* the peer's end has been read */
    bool is_mute;      /* nothing can be sent any more, but what has come is still read */
    bool is_broken;
    struct net_address local, peer;
};

struct net_network {
    struct network base;
    struct loop *loop;
    struct event_base *events;
    struct network_net_options options;
    struct net_stream *streams;
    struct net_listener *listeners;
    uint32_t resting_count; /* of the listeners */
    struct net_connecting *connecting;
    struct text spare_buffers[SPARE_BUFFERS_MAX];
    size_t spare_buffers_count;
    char scratch[STREAM_HIGH_WATER]; /* what one callback is shown */
};

struct stream *stream_fd_new(struct net_network *network, int fd, const struct net_address *local,
    const struct net_address *peer);
void stream_fd_free(struct net_stream *stream); /* closes, without a callback */

/* A descriptor has become free. */
void network_net_on_closed(struct net_network *network);

/* Of the door. */
struct connecting *network_net_connect(struct network *network, const struct net_address *from,
    const struct net_address *to, int64_t timeout_us, connected_fn *fn, void *arg);
void network_net_cancel(struct connecting *connecting);
void network_net_stop_connecting(struct net_network *network); /* all, without a callback */

#endif
