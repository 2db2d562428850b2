/* map.h - a set of byte strings, numbered in the order they came.
 *
 * The number (0, 1, 2, …) indexes the caller's own array of values, so one map serves as dictionary
 * and as string interner. Iterating means counting, so order never depends on a hash or on ASLR.
 *
 * Ownership  keys are copied. A zeroed struct map is valid and empty.
 * Errors     none. */
#ifndef MTALAB_MAP_H
#define MTALAB_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/text.h"

struct map {
    struct arena arena;
    struct slice *keys;
    size_t keys_capacity;
    uint32_t count;
    uint32_t *slots; /* 0: free; otherwise number + 1 */
    uint32_t slots_count;
};

void map_release(struct map *map);

/* The number of `key`, which is added if it is new. *is_new may be NULL. */
uint32_t map_put(struct map *map, struct slice key, bool *is_new);
bool map_find(const struct map *map, struct slice key, uint32_t *number);

static inline struct slice
map_key(const struct map *map, uint32_t number)
{
    assert(number < map->count);
    return map->keys[number];
}

#endif
