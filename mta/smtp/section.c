/* section.c - one map of a checked file, read by the names of its keys. */
#include "smtp/section.h"

#include "base/rng.h"

static const struct schema_key *
key_of(const struct section *section, const char *key)
{
    const struct schema_key *found = schema_find(section->keys, slice_of(key));

    assert(found != NULL);
    return found;
}

const struct conf_node *
section_node(const struct section *section, const char *key)
{
    assert(key_of(section, key) != NULL);
    return section->map != NULL ? conf_find(section->map, key) : NULL;
}

bool
section_has(const struct section *section, const char *key)
{
    return section_node(section, key) != NULL;
}

struct mark
section_mark(const struct section *section, const char *key)
{
    const struct conf_node *node = section_node(section, key);

    if (node != NULL)
        return node->mark;
    return section->map != NULL ? section->map->mark
                                : (struct mark){.filename = section->loader->filename};
}

static struct scalar
read_checked(const struct section *section, const struct schema_key *key, struct slice text)
{
    struct loader *loader = section->loader;
    struct scalar scalar;
    struct error err;
    const char *hint;
    bool is_good = scalar_read(key, text, &loader->params, loader->arena, &scalar, &err, &hint);

    assert(is_good);
    return scalar;
}

struct scalar
section_scalar(const struct section *section, const char *name)
{
    const struct schema_key *key = key_of(section, name);
    const struct conf_node *node = section_node(section, name);

    if (node != NULL)
        return read_checked(section, key, node->text);
    if (key->initial != NULL)
        return read_checked(section, key, slice_of(key->initial));
    return (struct scalar){
        .text = SLICE(""), .quantity.value = {0, 1}
    };
}

int64_t
section_whole(const struct section *section, const char *key)
{
    return section_scalar(section, key).whole;
}

struct ratio
section_ratio(const struct section *section, const char *key)
{
    return section_scalar(section, key).quantity.value;
}

uint32_t
section_ppm(const struct section *section, const char *key)
{
    struct ratio share = section_ratio(section, key);

    return (uint32_t)ratio_round(ratio_multiply(share, ratio_of(PPM, 1)));
}

struct slice
section_text(const struct section *section, const char *key)
{
    return keep_slice(section->loader, section_scalar(section, key).text);
}

/* "mx1:" with nothing behind it is a map without keys. */
static const struct conf_node *
map_or_none(const struct conf_node *node)
{
    return node != NULL && node->is_absent ? NULL : node;
}

struct section
section_nested(const struct section *section, const char *name)
{
    const struct schema_key *key = key_of(section, name);

    assert(key->type == SCHEMA_MAP && (key->flags & (KEY_LIST | KEY_NAMED)) == 0);
    return (struct section){section->loader, key->nested, map_or_none(section_node(section, name))};
}

size_t
section_count(const struct section *section, const char *key)
{
    const struct conf_node *node = section_node(section, key);

    if (node == NULL)
        return 0;
    return node->kind == CONF_SCALAR ? 1 : node->count;
}

const struct conf_node *
section_item_node(const struct section *section, const char *key, size_t i)
{
    const struct conf_node *node = section_node(section, key);

    assert(i < section_count(section, key));
    if (node->kind == CONF_SCALAR)
        return node;
    return node->kind == CONF_LIST ? node->items[i] : node->pairs[i].value;
}

struct section
section_item(const struct section *section, const char *name, size_t i)
{
    const struct schema_key *key = key_of(section, name);

    assert(key->type == SCHEMA_MAP);
    return (struct section){
        section->loader, key->nested, map_or_none(section_item_node(section, name, i))};
}

struct scalar
section_item_scalar(const struct section *section, const char *name, size_t i)
{
    return read_checked(section, key_of(section, name), section_item_node(section, name, i)->text);
}

struct slice
section_item_name(const struct section *section, const char *key, size_t i)
{
    const struct conf_node *node = section_node(section, key);

    assert(node != NULL && node->kind == CONF_MAP && i < node->count);
    return keep_slice(section->loader, node->pairs[i].key);
}

struct mark
section_item_mark(const struct section *section, const char *key, size_t i)
{
    const struct conf_node *node = section_node(section, key);

    return node->kind == CONF_MAP ? node->pairs[i].key_mark
                                  : section_item_node(section, key, i)->mark;
}

struct slice
keep_slice(struct loader *loader, struct slice slice)
{
    if (slice.length == 0)
        return SLICE("");
    return (struct slice){arena_copy(loader->arena, slice.at, slice.length), slice.length};
}

struct slice
keep_lower(struct loader *loader, struct slice slice)
{
    char *copy = arena_copy(loader->arena, slice.length > 0 ? slice.at : "", slice.length);

    for (size_t i = 0; i < slice.length; i++)
        copy[i] = char_lower(copy[i]);
    return (struct slice){copy, slice.length};
}
