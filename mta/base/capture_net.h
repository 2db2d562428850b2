/* capture_net.h - hears which TCP connections are asked for, granted and refused on the loopback
 * interface: also those that no program of ours ever sees, because nobody listens.
 *
 * A packet socket, which takes rights that one has in a network namespace of one's own
 * (base/namespace_net.h). The kernel sorts out what carries neither SYN nor RST.
 *
 * Callbacks  run from the loop, in the order of the packets. The capture must not be freed in one.
 * Errors     the kernel gave no such socket. */
#ifndef MTALAB_CAPTURE_NET_H
#define MTALAB_CAPTURE_NET_H

#include "base/loop.h"
#include "base/segment.h"

struct capture;

typedef void segment_fn(void *arg, const struct segment *segment);

/* The loop is one of base/loop_net.h and outlives the capture. */
struct capture *capture_net_new(
    struct loop *loop, segment_fn *fn, void *arg, struct error *err) MUST_USE;
void capture_free(struct capture **capture);

/* What the kernel had no room for: so many were not heard. */
uint64_t capture_lost_count(struct capture *capture);

#endif
