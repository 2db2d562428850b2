/* pool.c - source IPs that send together, each its share. */
#include "mta/pool.h"

#include "base/mem.h"

void
pool_turns_init(struct pool_turns *turns, const struct pool *pool)
{
    assert(pool->members_count > 0);
    *turns = (struct pool_turns){
        .pool = pool, .credits = mem_alloc_zeroed(pool->members_count * sizeof *turns->credits)};
}

void
pool_turns_release(struct pool_turns *turns)
{
    mem_free(turns->credits);
    *turns = (struct pool_turns){0};
}

/* Only who may go earns, and whoever goes pays what all of them earned: their sum stays what it was,
 * and that of a member which sits out does not move. */
size_t
pool_turns_take(struct pool_turns *turns, pool_may_fn *may, void *arg)
{
    const struct pool *pool = turns->pool;
    size_t best = SIZE_MAX;
    int64_t earned = 0;

    for (size_t i = 0; i < pool->members_count; i++) {
        if (!may(arg, i))
            continue;
        turns->credits[i] += pool->members[i].weight;
        earned += pool->members[i].weight;
        if (best == SIZE_MAX || turns->credits[i] > turns->credits[best])
            best = i;
    }
    if (best != SIZE_MAX)
        turns->credits[best] -= earned;
    return best;
}
