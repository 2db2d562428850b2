/* extends.c - a scenario with the profiles it extends, merged into one tree.
 *
 * Trees are never changed: a merged map is a new node with the old values in it. What is inside a
 * list is left alone, so only maps within maps recurse, at most CONF_DEPTH_MAX deep. */
#include "scenarios/extends.h"

#include "base/embedded.h"
#include "base/map.h"

/* Merging. */

struct merging { /* a map that grows */
    struct extends *extends;
    struct map names;
    struct conf_pair *pairs;
    size_t count, capacity;
};

static void
put_pair(struct merging *m, const struct conf_pair *pair)
{
    bool is_new;
    uint32_t i = map_put(&m->names, pair->key, &is_new);

    if (is_new) {
        m->pairs = mem_grow(m->pairs, &m->capacity, i + 1, sizeof m->pairs[0]);
        m->count = i + 1;
    }
    m->pairs[i] = *pair;
}

static const struct conf_node *
find_value(const struct merging *m, struct slice key)
{
    uint32_t i;

    return map_find(&m->names, key, &i) ? m->pairs[i].value : NULL;
}

/* The finished map; keys whose value was taken away are left out. */
static struct conf_node *
close_map(struct merging *m, const struct conf_node *base, const struct conf_node *over)
{
    struct conf_node *node = arena_alloc_zeroed(m->extends->arena, sizeof *node);
    struct conf_pair *pairs = arena_alloc(m->extends->arena, m->count * sizeof *pairs + 1);

    *node = (struct conf_node){.kind = CONF_MAP,
        .is_flow = over->is_flow,
        .mark = over->mark,
        .pairs = pairs,
        .weight = 1,
        .height = 1,
        .base = base};
    for (size_t i = 0; i < m->count; i++) {
        if (m->pairs[i].value == NULL)
            continue;
        pairs[node->count++] = m->pairs[i];
        node->weight += m->pairs[i].value->weight;
        if (node->height <= m->pairs[i].value->height)
            node->height = (uint8_t)(m->pairs[i].value->height + 1);
        if (node->weight > CONF_NODES_MAX) {
            diagnose(m->extends->diagnostics, over->mark, NULL,
                "together with what is extended, this makes more than %d values", CONF_NODES_MAX);
            break;
        }
    }
    map_release(&m->names);
    mem_free(m->pairs);
    return node;
}

static const struct conf_node *
new_list(struct extends *extends, const struct conf_node *over, const struct conf_node **items,
    size_t count)
{
    struct conf_node *list = arena_alloc_zeroed(extends->arena, sizeof *list);

    *list = (struct conf_node){.kind = CONF_LIST,
        .is_flow = over->is_flow,
        .mark = over->mark,
        .items = items,
        .count = count,
        .weight = 1,
        .height = 1};
    for (size_t i = 0; i < count; i++) {
        list->weight += items[i]->weight < CONF_NODES_MAX ? items[i]->weight : CONF_NODES_MAX;
        if (list->height <= items[i]->height)
            list->height = (uint8_t)(items[i]->height + 1);
    }
    return list;
}

static const struct conf_node *
append(struct extends *extends, const struct conf_node *base, const struct conf_pair *pair)
{
    const struct conf_node *over = pair->value, **items;

    if (over->kind != CONF_LIST || (base != NULL && base->kind != CONF_LIST)) {
        diagnose(extends->diagnostics, pair->key_mark, NULL,
            "\"%.*s\" appends a list to a list, and nothing else", SLICE_ARGS(pair->key));
        return base;
    }
    if (base == NULL || base->count == 0)
        return over;
    if (over->count == 0)
        return base;
    if (base->count + over->count > CONF_NODES_MAX) {
        diagnose(extends->diagnostics, pair->key_mark, NULL, "this makes more than %d values",
            CONF_NODES_MAX);
        return base;
    }
    items = arena_alloc(extends->arena, (base->count + over->count) * sizeof *items);
    memcpy(items, base->items, base->count * sizeof *items);
    memcpy(items + base->count, over->items, over->count * sizeof *items);
    return new_list(extends, over, items, base->count + over->count);
}

static struct slice
id_of(const struct conf_node *item)
{
    if (item->kind == CONF_MAP)
        item = conf_find(item, "id");
    return item != NULL && item->kind == CONF_SCALAR ? item->text : SLICE("");
}

static bool
is_listed(const struct conf_node *list, struct slice id)
{
    for (size_t i = 0; i < list->count; i++)
        if (id.length > 0 && slice_equals(list->items[i]->text, id))
            return true;
    return false;
}

static bool
has_id(const struct conf_node *base, struct slice id)
{
    if (base->kind == CONF_MAP)
        return conf_find_pair(base, id) != NULL;
    for (size_t i = 0; i < base->count; i++)
        if (slice_equals(id_of(base->items[i]), id))
            return true;
    return false;
}

static bool
check_removal(struct extends *extends, const struct conf_node *base, const struct conf_pair *pair)
{
    const struct conf_node *list = pair->value;

    if (list->kind != CONF_LIST)
        return diagnose(extends->diagnostics, pair->key_mark, NULL,
            "\"%.*s\" takes a list of ids to remove", SLICE_ARGS(pair->key));
    if (base == NULL || base->kind == CONF_SCALAR)
        return diagnose(extends->diagnostics, pair->key_mark, NULL,
            "\"%.*s\" removes from nothing: no profile gives such a list", SLICE_ARGS(pair->key));
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != CONF_SCALAR || !has_id(base, list->items[i]->text))
            return diagnose(extends->diagnostics, list->items[i]->mark, NULL,
                "there is nothing with the id \"%.*s\" to remove",
                SLICE_ARGS(list->items[i]->text));
    return true;
}

static const struct conf_node *
remove_items(struct extends *extends, const struct conf_node *base, const struct conf_pair *pair)
{
    const struct conf_node *list = pair->value, **items;
    struct merging m = {.extends = extends};
    size_t count = 0;

    if (!check_removal(extends, base, pair))
        return base;
    if (base->kind == CONF_MAP) {
        for (size_t i = 0; i < base->count; i++)
            if (!is_listed(list, base->pairs[i].key))
                put_pair(&m, &base->pairs[i]);
        return close_map(&m, base->base, base);
    }
    items = arena_alloc(extends->arena, (base->count + 1) * sizeof *items);
    for (size_t i = 0; i < base->count; i++)
        if (!is_listed(list, id_of(base->items[i])))
            items[count++] = base->items[i];
    return new_list(extends, base, items, count);
}

static const struct conf_node *merge(
    struct extends *extends, const struct conf_node *base, const struct conf_node *over);

static void
merge_pair(struct merging *m, const struct conf_pair *pair)
{
    struct conf_pair merged = *pair;
    char last = pair->key.at[pair->key.length - 1];
    const struct conf_node *base;

    if (pair->key.length > 1 && (last == '+' || last == '-')) {
        merged.key.length--;
        base = find_value(m, merged.key);
        merged.value =
            last == '+' ? append(m->extends, base, pair) : remove_items(m->extends, base, pair);
    } else {
        base = find_value(m, merged.key);
        if (pair->value->kind == CONF_MAP)
            merged.value = merge(
                m->extends, base != NULL && base->kind == CONF_MAP ? base : NULL, pair->value);
    }
    if (merged.value != NULL)
        put_pair(m, &merged);
}

/* base NULL: `over` alone, its `key+` and `key-` resolved. */
static const struct conf_node *
merge(struct extends *extends, const struct conf_node *base, const struct conf_node *over)
{
    struct merging m = {.extends = extends};

    for (size_t i = 0; base != NULL && i < base->count; i++)
        put_pair(&m, &base->pairs[i]);
    for (size_t i = 0; i < over->count; i++)
        merge_pair(&m, &over->pairs[i]);
    return close_map(&m, base, over);
}

/* Reading what is extended. */

struct chain { /* files that are being extended right now, the scenario first */
    const char *filenames[EXTENDS_DEPTH_MAX + 1];
    size_t count;
};

static bool
is_in_chain(const struct chain *chain, const char *filename)
{
    for (size_t i = 0; i < chain->count; i++)
        if (strcmp(chain->filenames[i], filename) == 0)
            return true;
    return false;
}

static bool
refuse_chain(struct extends *extends, const struct chain *chain, const char *filename,
    struct mark mark, const char *what)
{
    struct text names = {0};

    for (size_t i = 0; i < chain->count; i++)
        text_printf(&names, "%s -> ", chain->filenames[i]);
    diagnose(extends->diagnostics, mark, NULL, "%s: %s%s", what, text_string(&names), filename);
    text_release(&names);
    return false;
}

static bool
check_chain(
    struct extends *extends, const struct chain *chain, const char *filename, struct mark mark)
{
    if (is_in_chain(chain, filename))
        return refuse_chain(extends, chain, filename, mark, "extends goes round in a circle");
    if (chain->count > EXTENDS_DEPTH_MAX)
        return refuse_chain(extends, chain, filename, mark, "extends goes more than 8 deep");
    if (extends->files_count == EXTENDS_FILES_MAX)
        return diagnose(
            extends->diagnostics, mark, NULL, "more than %d files are extended", EXTENDS_FILES_MAX);
    return true;
}

/* Profiles are built into the program: "isp-x.yaml", "profiles/isp-x.yaml" or as in the tree. */
static bool
find_built_in(struct extends *extends, struct slice name, const char **filename, struct slice *text)
{
    static const char *const prefixes[] = {"", "fakeisp/", "fakeisp/profiles/"};
    struct text whole = {0};
    bool is_found = false;

    for (size_t i = 0; !is_found && i < COUNT_OF(prefixes); i++) {
        text_clear(&whole);
        text_add_string(&whole, prefixes[i]);
        text_add_slice(&whole, name);
        is_found = slice_ends_with_nocase(text_slice(&whole), SLICE(".yaml")) &&
            embedded_find(text_slice(&whole), text);
    }
    if (is_found)
        *filename = arena_copy(extends->arena, whole.bytes, whole.length);
    text_release(&whole);
    return is_found;
}

/* The parsed file, or NULL and a diagnostic. */
static const struct conf_node *
load_file(struct extends *extends, struct slice name, const char **filename, struct mark mark)
{
    const struct conf_node *node = NULL;
    struct error err = {0};
    struct slice text;

    if (!extends->is_alone)
        node = conf_load(*filename, extends->arena, extends->diagnostics, &err);
    else
        error_set(&err, ERROR_NOT_FOUND, "cannot read %s", *filename);
    if (err.kind == ERROR_NONE)
        return node;
    if (find_built_in(extends, name, filename, &text))
        return conf_parse(*filename, text, extends->arena, extends->diagnostics);
    diagnose(extends->diagnostics, mark, NULL, "%s", err.text);
    return NULL;
}

static bool
check_version(struct extends *extends, const char *filename, const struct conf_node *file)
{
    struct mark mark = {.filename = filename};

    if (file->kind != CONF_MAP)
        return diagnose(extends->diagnostics, file->mark, NULL, "a scenario is a map of keys");
    if (file->count > 0)
        mark = file->pairs[0].key_mark;
    if (file->count == 0 || !slice_equals(file->pairs[0].key, SLICE("mtalab")))
        return diagnose(
            extends->diagnostics, mark, NULL, "a scenario begins with the key \"mtalab: 1\"");
    file = file->pairs[0].value;
    if (file->kind != CONF_SCALAR || !slice_equals(file->text, SLICE("1")))
        return diagnose(extends->diagnostics, file->mark, NULL,
            "version 1 of the language is known, and no other");
    return true;
}

static const struct conf_node *merge_file(struct extends *extends, struct chain *chain,
    const char *filename, const struct conf_node *file);

static const struct conf_node *
extend_by(struct extends *extends, struct chain *chain, const struct conf_node *base,
    const struct conf_node *item)
{
    const char *filename;
    const struct conf_node *file;

    if (item->kind != CONF_SCALAR || item->text.length == 0) {
        diagnose(extends->diagnostics, item->mark, NULL, "extends takes a list of filenames");
        return base;
    }
    filename = filename_beside(extends->arena, chain->filenames[chain->count - 1], item->text);
    if (!check_chain(extends, chain, filename, item->mark))
        return base;
    file = load_file(extends, item->text, &filename, item->mark);
    if (file == NULL)
        return base;
    extends->files[extends->files_count++] = (struct extended_file){filename, item->mark};
    file = merge_file(extends, chain, filename, file);
    return base == NULL || file == NULL ? file : merge(extends, base, file);
}

/* Depth is that of the chain, hence bounded. */
static const struct conf_node *
merge_file(struct extends *extends, struct chain *chain, const char *filename,
    const struct conf_node *file)
{
    const struct conf_node *base = NULL, *list;

    if (!check_version(extends, filename, file))
        return NULL;
    chain->filenames[chain->count++] = filename;
    list = conf_find(file, "extends");
    if (list != NULL && list->kind == CONF_LIST)
        for (size_t i = 0; i < list->count; i++)
            base = extend_by(extends, chain, base, list->items[i]);
    else if (list != NULL)
        base = extend_by(extends, chain, base, list);
    chain->count--;
    return merge(extends, base, file);
}

const struct conf_node *
extends_merge(struct extends *extends, const char *filename, const struct conf_node *file)
{
    struct chain chain = {0};
    size_t errors_before = extends->diagnostics->errors_count;
    const struct conf_node *merged;

    extends->files[0] = (struct extended_file){.filename = filename};
    extends->files_count = 1;
    merged = merge_file(extends, &chain, filename, file);
    return extends->diagnostics->errors_count == errors_before ? merged : NULL;
}
