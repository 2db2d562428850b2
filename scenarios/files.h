/* files.h - the scenario files that a person means by files and directories.
 *
 * A directory stands for every *.yaml below it, in the order of their names.
 *
 * Ownership  names belong to the list.
 * Errors     ERROR_NOT_FOUND for what is not there, and for a directory without a scenario. */
#ifndef MTALAB_FILES_H
#define MTALAB_FILES_H

#include "base/error.h"
#include "base/mem.h"

struct files {
    struct arena arena;
    const char **names;
    bool *is_from_directory; /* then a profile among them is passed over */
    size_t count, capacity, flags_capacity;
};

bool files_add(struct files *files, const char *name, struct error *err);
void files_release(struct files *files);

/* Makes the directory and those above it. */
bool make_directory(const char *name, struct error *err);

#endif
