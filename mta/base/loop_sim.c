/* loop_sim.c - virtual time: it jumps to the next instant at which something is due. */
#include "base/loop_door.h"

#include "base/mem.h"

/* Without an end and without a timer time has nowhere to go: it stays where the last one fired. */
static bool
jump(struct loop *loop, int64_t until_us)
{
    if (until_us == INT64_MAX && wheel_is_empty(&loop->wheel))
        return false;
    return wheel_advance(&loop->wheel, until_us);
}

static void
free_loop(struct loop *loop)
{
    mem_free(loop);
}

static const struct loop_door sim_door = {jump, free_loop};

struct loop *
loop_sim_new(int64_t start_wall_us)
{
    struct loop *loop = mem_alloc(sizeof *loop);

    loop_init(loop, &sim_door, start_wall_us);
    return loop;
}
