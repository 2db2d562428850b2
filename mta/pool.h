/* pool.h - source IPs that send together, each its share: a binding group, as Momentum calls it, or
 * the IP affinity of Campaign.
 *
 * Who goes next is found by smooth weighted round robin: weights 5, 5 and 1 give 5, 5 and 1 turns of
 * every eleven, as evenly spread as they can be, and without dice. A member that may not go gives its
 * turn away, and the others share by their own weights (5 and 1: five of every six) until it may
 * again; it has nothing to make good then.
 *
 * Ownership  a pool is borrowed and stays while its turns are taken; pool_turns_init/_release. */
#ifndef MTALAB_POOL_H
#define MTALAB_POOL_H

#include "base/text.h"

struct pool_member {
    uint32_t source; /* index in mta_config.source_ips */
    uint32_t weight; /* at least 1 */
};
#define POOL_WEIGHT_MAX 1000000

struct pool {
    struct slice name; /* empty: that of rules which name none */
    const struct pool_member *members;
    size_t members_count; /* at least one */
};

struct pool_turns {
    const struct pool *pool;
    int64_t *credits; /* by member; what it has waited for, less what it got */
};

void pool_turns_init(struct pool_turns *turns, const struct pool *pool);
void pool_turns_release(struct pool_turns *turns);

/* Whether this member may go now. Asked of each member once, in their order. */
typedef bool pool_may_fn(void *arg, size_t member);

/* The member whose turn it is among those that may; SIZE_MAX: none may, and nothing has changed. */
size_t pool_turns_take(struct pool_turns *turns, pool_may_fn *may, void *arg);

#endif
