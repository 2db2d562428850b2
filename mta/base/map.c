/* map.c - a set of byte strings, numbered in the order they came. */
#include "base/map.h"

void
map_release(struct map *map)
{
    arena_release(&map->arena);
    mem_free(map->keys);
    mem_free(map->slots);
    *map = (struct map){0};
}

/* The slot that holds `key`, or the free one where it belongs. */
static uint32_t
find_slot(const struct map *map, struct slice key)
{
    uint32_t mask = map->slots_count - 1;
    uint32_t slot = (uint32_t)slice_hash(key, 0) & mask;

    while (map->slots[slot] != 0 && !slice_equals(map->keys[map->slots[slot] - 1], key))
        slot = (slot + 1) & mask;
    return slot;
}

static void
double_slots(struct map *map)
{
    mem_free(map->slots);
    map->slots_count = map->slots_count > 0 ? map->slots_count * 2 : 16;
    map->slots = mem_alloc_zeroed(map->slots_count * sizeof map->slots[0]);
    for (uint32_t i = 0; i < map->count; i++)
        map->slots[find_slot(map, map->keys[i])] = i + 1;
}

uint32_t
map_put(struct map *map, struct slice key, bool *is_new)
{
    uint32_t slot;

    if (map->count >= map->slots_count / 4 * 3)
        double_slots(map);
    slot = find_slot(map, key);
    if (is_new != NULL)
        *is_new = map->slots[slot] == 0;
    if (map->slots[slot] != 0)
        return map->slots[slot] - 1;
    map->keys = mem_grow(map->keys, &map->keys_capacity, map->count + 1, sizeof map->keys[0]);
    map->keys[map->count].at = arena_copy(&map->arena, key.at, key.length);
    map->keys[map->count].length = key.length;
    map->slots[slot] = ++map->count;
    return map->count - 1;
}

bool
map_find(const struct map *map, struct slice key, uint32_t *number)
{
    uint32_t slot;

    if (map->slots_count == 0)
        return false;
    slot = find_slot(map, key);
    if (map->slots[slot] == 0)
        return false;
    *number = map->slots[slot] - 1;
    return true;
}
