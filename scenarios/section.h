/* section.h - one map of a checked scenario, read by the names of its keys.
 *
 * What is not written has the default of the schema. A section only exists of a tree that
 * section_check() found good, so reading cannot fail: a key that the schema does not know, or that
 * is read as another type than it has, is a bug of ours. */
#ifndef MTALAB_SECTION_H
#define MTALAB_SECTION_H

#include "base/conf.h"
#include "scenarios/extends.h"
#include "scenarios/scalar.h"

/* What every reader of a part of a scenario is given. */
struct loader {
    struct arena *arena; /* the scenario's: lives as long as it */
    struct diagnostics *diagnostics;
    struct params params;
    struct extends extends;
    const char *filename; /* outlives the diagnostics */
    struct scenario *scenario;
    struct isp_host **hosts;    /* of each ISP, while they get their addresses */
    struct slice **mailbox_ids; /* of each ISP, one per mailbox; may be empty */
};

struct section {
    struct loader *loader;
    const struct schema_key *keys;
    const struct conf_node *map; /* NULL: not written, all defaults */
};

/* Every key and value against the schema; all that is wrong becomes a diagnostic. False: something
 * was. `path` is what the map is called in them; "" for the scenario. */
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

/* Copies that live as long as the scenario. */
struct slice keep_slice(struct loader *loader, struct slice slice);
struct slice keep_lower(struct loader *loader, struct slice slice);
struct mark keep_mark(struct loader *loader, struct mark mark);

#endif
