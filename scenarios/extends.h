/* extends.h - a scenario with the profiles it extends, merged into one tree.
 *
 * Profiles are merged left to right and the file itself last: maps deep, everything else replaced.
 * `key+:` appends to a list; `key-:` removes items by id (or keys of a map by name). Every value
 * keeps the place where it was written.
 *
 * Bounds     so many files, so deep, so many values in all.
 * Ownership  everything belongs to the arena, which should be that of the diagnostics.
 * Errors     diagnostics. */
#ifndef MTALAB_EXTENDS_H
#define MTALAB_EXTENDS_H

#include "smtp/section.h"

enum { EXTENDS_DEPTH_MAX = 8, EXTENDS_FILES_MAX = 64 };

struct extends {
    struct arena *arena;
    struct diagnostics *diagnostics;
    bool is_alone; /* no file may be read (fuzzing) */
    struct extended_file files[EXTENDS_FILES_MAX];
    size_t files_count;
};

/* `file` is a parsed file. NULL: there were errors. */
const struct conf_node *extends_merge(
    struct extends *extends, const char *filename, const struct conf_node *file);

#endif
