/* stream_net.h - the network of the kernel: TCP over IPv4 and IPv6, and sockets in the file system.
 *
 * As base/stream.h says, and besides:
 *
 * Bytes      what is written in one instant goes out with one system call, at the end of it; until
 *            then it counts as unsent, so on_drained follows every write sooner or later. A
 *            stream holds memory for bytes only while there are any. At most STREAM_HIGH_WATER of
 *            them are read ahead of a reader that leaves them; the rest stays in the kernel.
 * Closing    what a closed stream has not sent is tried for five minutes. If bytes of the peer's are
 *            waiting they are read and dropped for a few seconds: otherwise the kernel would send a
 *            reset, and with it take back our last words.
 * A cut      is noticed while there is anything to read, and by a paused reader too; after the peer's
 *            end only by the next write.
 * Limits     out of descriptors or ports, listeners rest until one of our streams closes or a second
 *            is over, and connects wait within their timeout. What is open goes on.
 *            How many descriptors there are is the process's affair: network_net_raise_limit().
 * Addresses  only those of the loopback, see base/socket_net.h: any other is an error to listen at
 *            and unreachable to connect to. */
#ifndef MTALAB_STREAM_NET_H
#define MTALAB_STREAM_NET_H

#include "base/loop.h"
#include "base/stream.h"

struct network_net_options {
    bool allow_any; /* only in a network namespace of our own */
    int backlog;    /* connections the kernel makes for us before we accept them; 0: 4096 */
};

/* The loop is one of base/loop_net.h and must outlive the network. NULL options: all zero.
 * network_free() closes what is open, without a callback. */
struct network *network_net_new(struct loop *loop, const struct network_net_options *options);

/* For a program to call as it starts: the soft limit of open descriptors, often 1,024 for the sake of
 * select(), which is not used here, goes up to the hard one. Answers how many may be open now. */
uint64_t network_net_raise_limit(void);

/* A socket in the file system, of mode 0600. One that is there and at which nobody listens is
 * replaced; anything else of that name is an error. It goes with the listener. Streams from it have
 * addresses of family 0. */
struct listener *network_net_listen_unix(
    struct network *network, const char *filename, accept_fn *fn, void *arg, struct error *err);

/* Unreachable: there is no such socket. Refused: nobody listens there. */
struct connecting *network_net_connect_unix(
    struct network *network, const char *filename, int64_t timeout_us, connected_fn *fn, void *arg);

#endif
