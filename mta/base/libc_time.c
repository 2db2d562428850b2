/* libc_time.c - the C library's clock, as the libraries see it: the world's. */
#include "base/libc_time.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/unit.h"

static const struct loop *followed;

const struct loop *
libc_time_follow(const struct loop *loop)
{
    const struct loop *before = followed;

    followed = loop;
    return before;
}

/* Straight from the kernel: a look-up of the function that ours hides would need dlsym(), which may
 * itself ask for the time. */
int
clock_gettime(clockid_t clock, struct timespec *at)
{
    int64_t wall_us;

    if (followed == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return (int)syscall(SYS_clock_gettime, clock, at);
    wall_us = loop_wall_us(followed);
    at->tv_sec = (time_t)(wall_us / US_PER_S);
    at->tv_nsec = (long)(wall_us % US_PER_S) * 1000;
    return 0;
}

time_t
time(time_t *at)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL)
        *at = now.tv_sec;
    return now.tv_sec;
}

int
gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
