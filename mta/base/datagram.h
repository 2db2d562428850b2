/* datagram.h - single messages by UDP: the door for who answers DNS.
 *
 * There is no simulated one: in virtual time zones are asked by base/resolver.h and nobody sends
 * packets. As with base/stream_net.h only loopback addresses are used, unless `allow_any`.
 *
 * Callbacks  run from the loop. The datagram may be freed in one.
 * Errors     UDP promises nothing: what cannot be sent now is lost, as it could be on its way. */
#ifndef MTALAB_DATAGRAM_H
#define MTALAB_DATAGRAM_H

#include "base/loop.h"
#include "base/stream.h"

struct datagram;

/* An empty message is a message. `bytes` is valid during the call. */
typedef void datagram_fn(void *arg, const struct net_address *from, struct slice bytes);

/* The loop is one of base/loop_net.h and outlives the datagram. At port 0 the kernel chooses one. */
struct datagram *datagram_net_new(struct loop *loop, const struct net_address *at, bool allow_any,
    datagram_fn *fn, void *arg, struct error *err);
void datagram_free(struct datagram **datagram);

struct net_address datagram_local(const struct datagram *datagram);
bool datagram_send(struct datagram *datagram, const struct net_address *to, struct slice bytes);

#endif
