/* mem.h - memory that is never refused, and arenas that are freed at once.
 *
 * Errors     none: running out of memory ends the program with one line on stderr, as in Postfix.
 * Ownership  mem_* like malloc; what comes from an arena lives until arena_release(). */
#ifndef MTALAB_MEM_H
#define MTALAB_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

void *mem_alloc(size_t bytes);
void *mem_alloc_zeroed(size_t bytes);
void *mem_resize(void *memory, size_t bytes);
char *mem_copy_string(const char *text);
void mem_free(void *memory);

/* Makes room for `needed` items in a growing array: returns `items` or its successor and raises
 * *capacity (by half or more). Usage: v = mem_grow(v, &v_capacity, v_count + 1, sizeof *v); */
void *mem_grow(void *items, size_t *capacity, size_t needed, size_t item_bytes);

/* A bump allocator. A zeroed struct arena is valid and empty. */
struct arena_block;
struct arena {
    struct arena_block *blocks;
    char *next;
    size_t left_bytes;
    size_t total_bytes; /* taken from the system so far */
};

void *arena_alloc(struct arena *arena, size_t bytes);        /* aligned to 8, not zeroed */
void *arena_alloc_zeroed(struct arena *arena, size_t bytes); /* aligned to 8 */
char *arena_copy(struct arena *arena, const char *bytes, size_t length); /* adds a NUL; packed */
void arena_release(struct arena *arena);

/* For libraries that are told where memory comes from: a struct arena, or NULL for mem_*. */
void *arena_or_mem_alloc(void *arena, size_t bytes);
void arena_or_mem_free(void *arena, void *memory);

#endif
