/* mem.c - memory that is never refused, and arenas that are freed at once. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    max_align_t bytes[];
};

static NORETURN void
die_of_hunger(size_t bytes)
{
    fprintf(stderr, "mtalab: out of memory (%zu bytes wanted)\n", bytes);
    exit(4);
}

void *
mem_alloc(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);

    if (memory == NULL)
        die_of_hunger(bytes);
    return memory;
}

void *
mem_alloc_zeroed(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);

    if (memory == NULL)
        die_of_hunger(bytes);
    return memory;
}

void *
mem_resize(void *memory, size_t bytes)
{
    void *resized = realloc(memory, bytes > 0 ? bytes : 1);

    if (resized == NULL)
        die_of_hunger(bytes);
    return resized;
}

char *
mem_copy_string(const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(mem_alloc(bytes), text, bytes);
}

void
mem_free(void *memory)
{
    free(memory);
}

void *
mem_grow(void *items, size_t *capacity, size_t needed, size_t item_bytes)
{
    size_t wanted = *capacity + *capacity / 2;

    if (needed <= *capacity)
        return items;
    if (wanted < needed)
        wanted = needed;
    if (wanted < 8)
        wanted = 8;
    assert(wanted <= SIZE_MAX / item_bytes);
    *capacity = wanted;
    return mem_resize(items, wanted * item_bytes);
}

/* Large requests get a block of their own behind the current one, so that its rest is not wasted. */
static void *
arena_take(struct arena *arena, size_t bytes)
{
    struct arena_block *block;
    char *taken;

    if (bytes <= arena->left_bytes) {
        taken = arena->next;
        arena->next += bytes;
        arena->left_bytes -= bytes;
        return taken;
    }
    if (bytes > ARENA_BLOCK_BYTES / 4) {
        block = mem_alloc(sizeof *block + bytes);
        arena->total_bytes += sizeof *block + bytes;
        if (arena->blocks == NULL) {
            block->next = NULL;
            arena->blocks = block;
        } else {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        }
        return block->bytes;
    }
    block = mem_alloc(sizeof *block + ARENA_BLOCK_BYTES);
    arena->total_bytes += sizeof *block + ARENA_BLOCK_BYTES;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->next = (char *)block->bytes + bytes;
    arena->left_bytes = ARENA_BLOCK_BYTES - bytes;
    return block->bytes;
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
    size_t skew = (size_t)((uintptr_t)arena->next & 7);

    if (skew != 0 && arena->left_bytes >= 8 - skew) {
        arena->next += 8 - skew;
        arena->left_bytes -= 8 - skew;
    } else if (skew != 0) {
        arena->left_bytes = 0;
    }
    return arena_take(arena, (bytes + 7) & ~(size_t)7);
}

void *
arena_alloc_zeroed(struct arena *arena, size_t bytes)
{
    return memset(arena_alloc(arena, bytes), 0, bytes);
}

char *
arena_copy(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = arena_take(arena, length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

void
arena_release(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        mem_free(block);
    }
    *arena = (struct arena){0};
}

void *
arena_or_mem_alloc(void *arena, size_t bytes)
{
    return arena != NULL ? arena_alloc(arena, bytes) : mem_alloc(bytes);
}

void
arena_or_mem_free(void *arena, void *memory)
{
    if (arena == NULL)
        mem_free(memory);
}
