/* bench.h - how long something takes: CPU time per operation, best of several rounds.
 *
 * Machines differ and have noisy neighbours, so a figure stands beside that of a fixed piece of work
 * from the same process: compare the ratio between machines and days, not the nanoseconds. */
#ifndef MTALAB_BENCH_H
#define MTALAB_BENCH_H

#include <stdio.h>
#include <time.h>

#include "base/text.h"

enum { BENCH_ROUNDS = 5 };

/* Does the work `times` times; the sum keeps the compiler from leaving it out. */
typedef uint64_t bench_fn(void *arg, uint64_t times);

static inline double
bench_ns(bench_fn *fn, void *arg, uint64_t times)
{
    double best = 0;

    for (int round = 0; round < BENCH_ROUNDS; round++) {
        struct timespec from, to;
        double ns;
        volatile uint64_t sum;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        sum = fn(arg, times);
        (void)sum;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
        if (round == 0 || ns < best)
            best = ns;
    }
    return best / (double)times;
}

static inline uint64_t
bench_unit_of_work(void *arg, uint64_t times)
{
    char bytes[64] = {0};
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        memcpy(bytes, &i, sizeof(i));
        sum += slice_hash((struct slice){bytes, sizeof(bytes)}, sum);
    }
    return sum;
}

/* "name  123 ns  4.5 units": a unit is the hash of 64 bytes. */
static inline void
bench_print(const char *name, bench_fn *fn, void *arg, uint64_t times)
{
    double unit_ns = bench_ns(bench_unit_of_work, NULL, 1000000);
    double ns = bench_ns(fn, arg, times);

    printf("%-40.40s %10.1f ns %8.1f units\n", name, ns, ns / unit_ns);
}

#endif
