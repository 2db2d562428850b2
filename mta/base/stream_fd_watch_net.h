/* stream_fd_watch_net.h - what a stream on a descriptor holds, and what its descriptor is watched for;
 * for stream_fd_net.c, which moves the bytes.
 *
 * Nothing here calls an owner. */
#ifndef MTALAB_STREAM_FD_WATCH_NET_H
#define MTALAB_STREAM_FD_WATCH_NET_H

#include "base/stream_fd_net.h"

enum { /* what is to be done, or told */
    DUE_READ = 1,
    DUE_OFFER = 2,
    DUE_FLUSH = 4,
    DUE_END = 8,
    DUE_BROKEN = 16,
    DUE_DRAINED = 32,
};

/* Does what is due, from the loop. */
void stream_fd_on_news(void *arg);
void stream_fd_note(struct net_stream *stream, uint8_t due); /* and see to it that it is done */

bool stream_fd_wants_input(const struct net_stream *stream);
void stream_fd_watch_input(struct net_stream *stream, bool is_edge);
void stream_fd_watch_if_wanted(struct net_stream *stream);
void stream_fd_unwatch_input(struct net_stream *stream);
void stream_fd_watch_output(struct net_stream *stream);
void stream_fd_unwatch_output(struct net_stream *stream);

/* Buffers are borrowed while there are bytes. */
struct text network_net_borrow_buffer(struct net_network *network);
void network_net_take_back_buffer(struct net_network *network, struct text *buffer);
void stream_fd_drop_outbox(struct net_stream *stream);

/* Nothing comes or goes any more; the owner will hear of it, after what is still to be offered. */
void stream_fd_break(struct net_stream *stream, enum trouble trouble);

#endif
