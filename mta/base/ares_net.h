/* ares_net.h - c-ares in our loop: its sockets, and its patience; for resolver_net.c only.
 *
 * c-ares calls back from inside its own functions, and must not be freed or asked anything there. So
 * it is only ever called from timers of the loop.
 *
 * Ownership  ares_net_free() ends what is in flight: its callbacks run inside this call. */
#ifndef MTALAB_ARES_NET_H
#define MTALAB_ARES_NET_H

#include <ares.h>

#include "base/resolver_net.h"

struct ares_net;

/* `on_worked` runs whenever c-ares has worked by itself, which may have ended questions; it has to
 * call ares_net_keep_patience(). The options are complete. */
struct ares_net *ares_net_new(struct loop *loop, const struct resolver_net_options *options,
    timer_fn *on_worked, void *arg, struct error *err) MUST_USE;
void ares_net_free(struct ares_net **ares);

/* To be called from a timer, and ares_net_keep_patience() after it. `fn` may run at once. */
void ares_net_ask(struct ares_net *ares, const char *name, int type, ares_callback fn, void *arg);

/* While anything is in flight, c-ares has to be told that time passes. */
void ares_net_keep_patience(struct ares_net *ares, bool is_in_flight);

#endif
