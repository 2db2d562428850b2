/* section_check.c - a whole file against the schema: every key known, every value of its type.
 *
 * The walk follows the schema, so it is as deep as that and no deeper. */
#include "smtp/section.h"

enum { KEYS_MAX = 64 };

static const struct conf_node no_keys = {.kind = CONF_MAP};

struct check {
    struct loader *loader;
    struct text path; /* "isps.bigmail.limits.rate" */
};

static void check_map(struct check *check, const struct schema_key *keys,
    const struct conf_node *map, struct mark mark);

static size_t
enter(struct check *check, struct slice name)
{
    size_t before = check->path.length;

    if (before > 0)
        text_add_char(&check->path, '.');
    text_add_slice(&check->path, name);
    return before;
}

static void
leave(struct check *check, size_t before)
{
    check->path.length = before;
    if (check->path.bytes != NULL)
        check->path.bytes[before] = '\0';
}

static const char *
path_of(const struct check *check)
{
    return check->path.length > 0 ? check->path.bytes : check->loader->noun;
}

static const struct extended_file *
find_extended(const struct loader *loader, const char *filename)
{
    for (size_t i = 0; i < loader->extended_count; i++)
        if (loader->extended[i].mark.line > 0 &&
            strcmp(loader->extended[i].filename, filename) == 0)
            return &loader->extended[i];
    return NULL;
}

/* Where a value comes from, if not from the file the user named. */
static void
note_extension(struct check *check, struct mark mark)
{
    const struct extended_file *file = find_extended(check->loader, mark.filename);

    if (file != NULL)
        diagnose_note(
            check->loader->diagnostics, file->mark, "%s is extended here", file->filename);
}

static void
note_opening(struct check *check, const struct conf_node *map, struct mark key_mark)
{
    const struct conf_node *opened = map->base != NULL ? map->base : map;

    if (opened->mark.line == key_mark.line || check->path.length == 0 || opened->mark.column == 0)
        return;
    if (find_extended(check->loader, opened->mark.filename) != NULL &&
        strcmp(opened->mark.filename, key_mark.filename) != 0)
        diagnose_note(check->loader->diagnostics, opened->mark,
            "%s was opened here (extended by %s)", path_of(check), key_mark.filename);
    else
        diagnose_note(
            check->loader->diagnostics, opened->mark, "%s was opened here", path_of(check));
}

static void
refuse_unknown_key(struct check *check, const struct schema_key *keys, const struct conf_node *map,
    const struct conf_pair *pair)
{
    const char *names[KEYS_MAX], *nearest;
    struct text hint = {0};
    size_t count = 0;

    for (; keys->name != NULL && count < KEYS_MAX; keys++)
        names[count++] = keys->name;
    nearest = nearest_word(pair->key, names, count);
    if (nearest != NULL)
        text_printf(&hint, "did you mean \"%s\"?", nearest);
    else if (map->is_flow && pair->value->is_absent)
        text_add_string(&hint, "a text that holds a comma needs quotes in {...}");
    diagnose(check->loader->diagnostics, pair->key_mark, hint.bytes, "unknown key \"%.*s\" in %s",
        SLICE_ARGS(pair->key), path_of(check));
    note_opening(check, map, pair->key_mark);
    note_extension(check, pair->key_mark);
    text_release(&hint);
}

static void
check_scalar(struct check *check, const struct schema_key *key, const struct conf_node *node)
{
    struct loader *loader = check->loader;
    struct scalar scalar;
    struct error err = {0};
    const char *hint;

    if (node->kind != CONF_SCALAR)
        diagnose(loader->diagnostics, node->mark, NULL, "%s must be %s, not a %s", path_of(check),
            schema_type_phrase(key->type), node->kind == CONF_LIST ? "list" : "map");
    else if (node->is_absent)
        diagnose(loader->diagnostics, node->mark, NULL, "%s has no value; it must be %s",
            path_of(check), schema_type_phrase(key->type));
    else if (!scalar_read(key, node->text, &loader->params, loader->arena, &scalar, &err, &hint))
        diagnose(loader->diagnostics, node->mark, hint, "%s: %s", path_of(check), err.text);
    else if (scalar.word != NULL && scalar.word->unsupported != NULL)
        diagnose(loader->diagnostics, node->mark, NULL, "%s: %s is not supported yet: %s",
            path_of(check), scalar.word->name, scalar.word->unsupported);
    else
        return;
    note_extension(check, node->mark);
}

static void
check_one(struct check *check, const struct schema_key *key, const struct conf_node *node,
    struct mark mark)
{
    if (key->type == SCHEMA_ANYTHING)
        return;
    if (key->type != SCHEMA_MAP)
        check_scalar(check, key, node);
    else if (node->kind == CONF_MAP || node->is_absent)
        check_map(check, key->nested, node->is_absent ? &no_keys : node, mark);
    else
        diagnose(check->loader->diagnostics, node->mark, NULL, "%s must be a map, not a %s",
            path_of(check), node->kind == CONF_LIST ? "list" : "text");
}

/* An item is called by its id, where it has one, or by its number. */
static size_t
enter_item(struct check *check, const struct conf_node *item, size_t i)
{
    const struct conf_node *id = item->kind == CONF_MAP ? conf_find(item, "id") : NULL;
    size_t before = check->path.length;

    if (id != NULL && id->kind == CONF_SCALAR && id->text.length > 0)
        return enter(check, id->text);
    text_printf(&check->path, "[%zu]", i + 1);
    return before;
}

/* A comma in parentheses still splits a flow list: then one item opens what another one closes. */
static bool
has_split_expression(const struct conf_node *list, const struct conf_node **item)
{
    for (size_t i = 0; i < list->count; i++) {
        int open = 0;

        *item = list->items[i];
        if ((*item)->kind != CONF_SCALAR)
            continue;
        for (size_t at = 0; at < (*item)->text.length; at++)
            open += (*item)->text.at[at] == '(' ? 1 : (*item)->text.at[at] == ')' ? -1 : 0;
        if (open != 0)
            return list->is_flow;
    }
    return false;
}

static void
check_list(struct check *check, const struct schema_key *key, const struct conf_node *node,
    struct mark mark)
{
    const struct conf_node *item;
    size_t before;

    if (node->kind != CONF_LIST && (key->flags & KEY_ONE_OR_LIST) != 0 && node->kind != CONF_MAP) {
        check_one(check, key, node, mark);
        return;
    }
    if (node->kind != CONF_LIST) {
        diagnose(check->loader->diagnostics, node->mark, NULL, "%s must be a list: [...]",
            path_of(check));
        return;
    }
    if (key->type == SCHEMA_EXPRESSION && has_split_expression(node, &item)) {
        diagnose(check->loader->diagnostics, item->mark, "put each check on its own - line",
            "unbalanced parenthesis: a comma inside [...] ends an item, also within (...)");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        before = enter_item(check, node->items[i], i);
        check_one(check, key, node->items[i], node->items[i]->mark);
        leave(check, before);
    }
}

static void
check_list_or_one(struct check *check, const struct schema_key *key, const struct conf_node *node,
    struct mark mark)
{
    if ((key->flags & (KEY_LIST | KEY_ONE_OR_LIST)) != 0)
        check_list(check, key, node, mark);
    else
        check_one(check, key, node, mark);
}

static void
check_name(struct check *check, const struct schema_key *key, const struct conf_pair *pair)
{
    static const struct schema_key as_id = {.type = SCHEMA_ID};
    static const struct schema_key as_domain = {.type = SCHEMA_DOMAIN};
    bool is_zone = key->type != SCHEMA_MAP, is_host = strcmp(key->name, "hosts") == 0;
    struct scalar ignored;
    struct error err;
    const char *hint;

    if (is_host && memchr(pair->key.at, '.', pair->key.length) != NULL)
        is_zone = true; /* a host may be called by its whole name */
    if (memchr(pair->key.at, '$', pair->key.length) != NULL ||
        !scalar_read(is_zone ? &as_domain : &as_id, pair->key, &check->loader->params,
            check->loader->arena, &ignored, &err, &hint))
        diagnose(check->loader->diagnostics, pair->key_mark, NULL, "\"%.*s\" in %s is not %s",
            SLICE_ARGS(pair->key), path_of(check),
            schema_type_phrase(is_zone ? SCHEMA_DOMAIN : SCHEMA_ID));
}

static void
check_key(struct check *check, const struct schema_key *key, const struct conf_pair *pair)
{
    const struct conf_node *node = pair->value;
    size_t before = enter(check, slice_of(key->name)), named_before;

    if (key->unsupported != NULL) {
        diagnose(check->loader->diagnostics, pair->key_mark, NULL, "%s is not supported yet: %s",
            path_of(check), key->unsupported);
        note_extension(check, pair->key_mark);
    } else if ((key->flags & KEY_NAMED) == 0) {
        check_list_or_one(check, key, node, pair->key_mark);
    } else if (node->kind != CONF_MAP) {
        diagnose(check->loader->diagnostics, node->mark, NULL, "%s must be a map of names",
            path_of(check));
    } else {
        for (size_t i = 0; i < node->count; i++) {
            check_name(check, key, &node->pairs[i]);
            named_before = enter(check, node->pairs[i].key);
            check_list_or_one(check, key, node->pairs[i].value, node->pairs[i].key_mark);
            leave(check, named_before);
        }
    }
    leave(check, before);
}

/* A value that this version cannot honour often stands beside keys that only go with it: one
 * diagnostic says enough. */
static bool
has_unsupported(const struct schema_key *keys, const struct conf_node *map, size_t *at)
{
    const struct schema_key *key;

    for (size_t i = 0; i < map->count; i++) {
        *at = i;
        key = schema_find(keys, map->pairs[i].key);
        if (key == NULL || key->words == NULL || map->pairs[i].value->kind != CONF_SCALAR)
            continue;
        for (const struct word *word = key->words; word->name != NULL; word++)
            if (word->unsupported != NULL &&
                slice_equals(slice_of(word->name), map->pairs[i].value->text))
                return true;
    }
    return false;
}

static void
check_map(struct check *check, const struct schema_key *keys, const struct conf_node *map,
    struct mark mark)
{
    const struct schema_key *key;
    size_t at;

    if (has_unsupported(keys, map, &at)) {
        check_key(check, schema_find(keys, map->pairs[at].key), &map->pairs[at]);
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        key = schema_find(keys, map->pairs[i].key);
        if (key != NULL)
            check_key(check, key, &map->pairs[i]);
        else
            refuse_unknown_key(check, keys, map, &map->pairs[i]);
    }
    for (key = keys; key->name != NULL; key++)
        if ((key->flags & KEY_REQUIRED) != 0 && conf_find_pair(map, slice_of(key->name)) == NULL)
            diagnose(check->loader->diagnostics, map->mark.column != 0 ? map->mark : mark, NULL,
                "\"%s\" is missing in %s", key->name, path_of(check));
}

bool
section_check(struct loader *loader, const struct schema_key *keys, const struct conf_node *map,
    const char *path)
{
    struct check check = {.loader = loader};
    size_t errors_before = loader->diagnostics->errors_count;

    text_add_string(&check.path, path);
    check_map(&check, keys, map, map->mark);
    text_release(&check.path);
    return loader->diagnostics->errors_count == errors_before;
}
