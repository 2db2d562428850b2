/* section.h - one map of a checked file, read by the names of its keys.
 *
 * What is not written has the default of the schema. A section only exists of a tree that
 * section_check() found good, so reading cannot fail: a key that the schema does not know, or that
 * is read as another type than it has, is a bug of ours. */
#ifndef MTALAB_SECTION_H
#define MTALAB_SECTION_H

#include "base/conf.h"
#include "smtp/scalar.h"

/* A file that was merged into the one that was loaded. */
struct extended_file {
    const char *filename;
    struct mark mark; /* where it is named; of the file itself: none (line 0) */
};

/* What every reader of a part of a file is given. */
struct loader {
    struct arena *arena; /* of what is made of the file: lives as long as it */
    struct diagnostics *diagnostics;
    struct params params;
    const char *filename; /* outlives the diagnostics */
    const char *noun;     /* what such a file is: "a scenario" */
    const struct extended_file *extended;
    size_t extended_count;
    void *arg; /* the caller's */
};

struct section {
    struct loader *loader;
    const struct schema_key *keys;
    const struct conf_node *map; /* NULL: not written, all defaults */
};

/* Every key and value against the schema; all that is wrong becomes a diagnostic. False: something
 * was. `path` is what the map is called in them; "" for the file. */
bool section_check(struct loader *loader, const struct schema_key *keys,
    const struct conf_node *map, const char *path);

bool section_has(const struct section *section, const char *key);
/* The written value, or NULL. */
const struct conf_node *section_node(const struct section *section, const char *key);
struct mark section_mark(const struct section *section, const char *key); /* or of the map */

/* The value, or else the default; without either a zero of its kind. */
struct scalar section_scalar(const struct section *section, const char *key);
int64_t section_whole(const struct section *section, const char *key); /* counts, us, words, yes */
struct ratio section_ratio(const struct section *section, const char *key);
uint32_t section_ppm(const struct section *section, const char *key);
struct slice section_text(const struct section *section, const char *key); /* in the arena */

struct section section_nested(const struct section *section, const char *key);

/* Lists (one item written without brackets is a list too) and maps of names. */
size_t section_count(const struct section *section, const char *key);
struct section section_item(const struct section *section, const char *key, size_t i);
const struct conf_node *section_item_node(const struct section *section, const char *key, size_t i);
struct scalar section_item_scalar(const struct section *section, const char *key, size_t i);
struct slice section_item_name(const struct section *section, const char *key, size_t i);
struct mark section_item_mark(const struct section *section, const char *key, size_t i);

/* Copies in the arena. */
struct slice keep_slice(struct loader *loader, struct slice slice);
struct slice keep_lower(struct loader *loader, struct slice slice);

#endif
