/* retries.h - messages that the MTA did not take yet, in the order in which they are due again.
 *
 * A binary heap by (instant, order of putting). Its size is bounded by who puts: at RETRIES_MAX nothing
 * new is begun until some of them are settled. */
#ifndef MTALAB_RETRIES_H
#define MTALAB_RETRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RETRIES_MAX = 10000 };

struct retry {
    int64_t at_us;
    uint64_t order; /* filled in by retries_put() */
    uint64_t first_row;
    int64_t deadline_us;
    uint32_t delivery;
    uint32_t deferrals;
};

struct retries {
    struct retry *heap;
    size_t count, capacity;
    uint64_t next_order;
};

void retries_release(struct retries *retries);
void retries_put(struct retries *retries, const struct retry *retry);
/* The first that is due at `now_us` or before; false: none. */
bool retries_take(struct retries *retries, int64_t now_us, struct retry *retry);
int64_t retries_next_us(const struct retries *retries); /* INT64_MAX: there is none */
uint64_t retries_count_due(const struct retries *retries, int64_t now_us);
/* All of this delivery are due now, in their order. */
void retries_hasten(struct retries *retries, uint32_t delivery, int64_t now_us);

#endif
