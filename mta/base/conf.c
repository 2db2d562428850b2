/* conf.c - a YAML file as a tree of maps, lists and raw scalars, each with its place in the file.
 *
 * libfyaml scans and says what it saw, event by event; the tree, its bounds and every sentence the
 * user reads are ours. Nothing here recurses: open maps and lists lie on a stack of fixed depth. */
#include "base/conf.h"

#include <libfyaml.h>

#include "base/map.h"

struct anchor {
    const struct conf_node *node; /* NULL: not complete yet */
};

struct frame { /* an open map or list */
    struct conf_node *node;
    size_t anchor; /* SIZE_MAX: none */
    uint32_t weight;
    uint8_t height;
    const struct conf_node **items; /* of a map: the values */
    struct conf_pair *keys;
    size_t count, items_capacity, keys_capacity;
    bool has_key; /* keys[count] is known, its value is not */
    struct map seen;
};

struct builder {
    const char *filename;
    struct slice text;
    struct arena *arena;
    struct diagnostics *diagnostics;
    size_t *lines; /* where each begins */
    size_t lines_count, lines_capacity;
    struct frame frames[CONF_DEPTH_MAX];
    size_t depth;
    struct map anchor_names;
    struct anchor *anchors;
    size_t anchors_capacity;
    const struct conf_node *root;
    size_t documents_count;
};

/* Marks. */

static void
find_lines(struct builder *b)
{
    const char *end = b->text.at + b->text.length;

    for (const char *at = b->text.at; at != NULL;) {
        b->lines = mem_grow(b->lines, &b->lines_capacity, b->lines_count + 1, sizeof b->lines[0]);
        b->lines[b->lines_count++] = (size_t)(at - b->text.at);
        at = memchr(at, '\n', (size_t)(end - at));
        if (at != NULL)
            at++;
    }
}

static struct mark
mark_at(const struct builder *b, size_t start, size_t end)
{
    size_t low = 0, high = b->lines_count, line_end;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        *(b->lines[middle] <= start ? &low : &high) = middle;
    }
    line_end = high < b->lines_count ? b->lines[high] - 1 : b->text.length;
    if (end > line_end)
        end = line_end;
    return (struct mark){.filename = b->filename,
        .line = (int)low + 1,
        .column = (int)(start - b->lines[low]) + 1,
        .length = end > start ? (int)(end - start) : 1};
}

/* libfyaml counts columns in characters, and from one line beyond the last at the end. */
static struct mark
mark_of_column(const struct builder *b, int line, int column)
{
    size_t at, left;

    if (line < 1 || (size_t)line > b->lines_count)
        return mark_at(b, b->text.length, b->text.length);
    at = b->lines[line - 1];
    for (left = column > 1 ? (size_t)column - 1 : 0; left > 0 && at < b->text.length; left--)
        do
            at++;
        while (at < b->text.length && ((unsigned char)b->text.at[at] & 0xc0) == 0x80);
    return mark_at(b, at, at);
}

static struct mark
mark_of_event(const struct builder *b, struct fy_event *event)
{
    const struct fy_mark *start = fy_event_start_mark(event), *end = fy_event_end_mark(event);
    size_t from;

    if (start == NULL || end == NULL)
        return (struct mark){.filename = b->filename};
    from = start->input_pos < b->text.length ? start->input_pos : b->text.length;
    /* The text of a block scalar is said to begin with its indentation. */
    while (event->type == FYET_SCALAR && from < end->input_pos && b->text.at[from] == ' ')
        from++;
    return mark_at(b, from, end->input_pos);
}

/* Nodes. */

static bool
is_in_map(const struct builder *b)
{
    return b->depth > 0 && b->frames[b->depth - 1].node->kind == CONF_MAP;
}

static bool
awaits_key(const struct builder *b)
{
    return is_in_map(b) && !b->frames[b->depth - 1].has_key;
}

static bool
take_key(struct builder *b, const struct conf_node *node, struct mark mark)
{
    struct frame *frame = &b->frames[b->depth - 1];
    uint32_t number;
    bool is_new;

    if (node->kind != CONF_SCALAR)
        return diagnose(b->diagnostics, mark, NULL, "a key must be a word, not a list or a map");
    if (node->text.length == 0)
        return diagnose(b->diagnostics, mark, NULL, "a key is missing in front of the colon");
    frame->keys =
        mem_grow(frame->keys, &frame->keys_capacity, frame->count + 1, sizeof frame->keys[0]);
    frame->keys[frame->count] = (struct conf_pair){node->text, mark, NULL};
    frame->has_key = true;
    number = map_put(&frame->seen, node->text, &is_new);
    if (is_new)
        return true;
    diagnose(b->diagnostics, mark, NULL, "\"%.*s\" is given twice", SLICE_ARGS(node->text));
    diagnose_note(b->diagnostics, frame->keys[number].key_mark, "it was first given here");
    return false;
}

static bool
take_value(struct builder *b, const struct conf_node *node, struct mark mark)
{
    struct frame *frame = &b->frames[b->depth - 1];

    frame->items =
        mem_grow(frame->items, &frame->items_capacity, frame->count + 1, sizeof frame->items[0]);
    frame->items[frame->count++] = node;
    frame->has_key = false;
    frame->weight += node->weight;
    if (frame->height < node->height)
        frame->height = node->height;
    /* Weights stay below twice the bound, so the sum cannot overflow. */
    if (frame->weight >= CONF_NODES_MAX)
        return diagnose(b->diagnostics, mark, NULL,
            "this makes more than %d values, aliases counted as written out", CONF_NODES_MAX);
    if (b->depth + node->height > CONF_DEPTH_MAX)
        return diagnose(b->diagnostics, mark, NULL, "lists and maps are nested more than %d deep",
            CONF_DEPTH_MAX);
    return true;
}

/* A node is complete: it is a key, a value, an item or the document. */
static bool
take_node(struct builder *b, const struct conf_node *node, struct mark mark)
{
    if (b->depth == 0) {
        b->root = node;
        return true;
    }
    return awaits_key(b) ? take_key(b, node, mark) : take_value(b, node, mark);
}

static size_t
open_anchor(struct builder *b, struct fy_event *event)
{
    struct fy_token *token = fy_event_get_anchor_token(event);
    size_t length, number;
    const char *name;

    if (token == NULL)
        return SIZE_MAX;
    name = fy_token_get_text(token, &length);
    number = map_put(&b->anchor_names, (struct slice){name, length}, NULL);
    b->anchors = mem_grow(b->anchors, &b->anchors_capacity, number + 1, sizeof b->anchors[0]);
    b->anchors[number].node = NULL;
    return number;
}

static void
close_anchor(struct builder *b, size_t number, const struct conf_node *node)
{
    if (number != SIZE_MAX)
        b->anchors[number].node = node;
}

static struct conf_node *
new_node(struct builder *b, enum conf_kind kind, struct fy_event *event)
{
    struct conf_node *node = arena_alloc_zeroed(b->arena, sizeof *node);

    node->kind = kind;
    node->weight = node->height = 1;
    node->mark = mark_of_event(b, event);
    return node;
}

/* An absent value has no place of its own: errors about it point at its key. */
static void
read_scalar(struct builder *b, struct conf_node *node, struct fy_event *event)
{
    struct fy_token *token = event->scalar.value;
    enum fy_scalar_style style = fy_token_scalar_style(token);
    size_t length = 0;
    const char *text = fy_token_get_text(token, &length);

    node->is_quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    node->is_absent = length == 0 && style == FYSS_PLAIN;
    node->text.at = arena_copy(b->arena, text != NULL ? text : "", length);
    node->text.length = length;
    if (node->mark.column != 0)
        return;
    if (is_in_map(b) && !awaits_key(b))
        node->mark = b->frames[b->depth - 1].keys[b->frames[b->depth - 1].count].key_mark;
    else if (b->depth > 0)
        node->mark = b->frames[b->depth - 1].node->mark;
}

static bool
on_scalar(struct builder *b, struct fy_event *event)
{
    struct conf_node *node = new_node(b, CONF_SCALAR, event);

    read_scalar(b, node, event);
    close_anchor(b, open_anchor(b, event), node);
    return take_node(b, node, node->mark);
}

static bool
on_alias(struct builder *b, struct fy_event *event)
{
    struct mark mark = mark_of_event(b, event);
    size_t length;
    const char *text = fy_token_get_text(event->alias.anchor, &length);
    struct slice name = {text, length};
    uint32_t number;

    if (mark.column > 1) { /* the star belongs to it */
        mark.column--;
        mark.length++;
    }
    if (!map_find(&b->anchor_names, name, &number))
        return diagnose(b->diagnostics, mark, "a text that begins with * needs quotes",
            "there is no anchor &%.*s for the alias *%.*s", SLICE_ARGS(name), SLICE_ARGS(name));
    if (b->anchors[number].node == NULL)
        return diagnose(b->diagnostics, mark, NULL, "*%.*s stands inside itself", SLICE_ARGS(name));
    return take_node(b, b->anchors[number].node, mark);
}

static bool
on_open(struct builder *b, enum conf_kind kind, struct fy_event *event)
{
    struct conf_node *node = new_node(b, kind, event);
    struct frame *frame;

    node->is_flow = fy_event_get_node_style(event) == FYNS_FLOW;
    if (awaits_key(b))
        return take_key(b, node, node->mark);
    if (b->depth == CONF_DEPTH_MAX)
        return diagnose(b->diagnostics, node->mark, NULL,
            "lists and maps are nested more than %d deep", CONF_DEPTH_MAX);
    frame = &b->frames[b->depth++];
    *frame = (struct frame){.node = node, .weight = 1, .anchor = open_anchor(b, event)};
    return true;
}

static void
release_frame(struct frame *frame)
{
    map_release(&frame->seen);
    mem_free(frame->items);
    mem_free(frame->keys);
}

/* What one map under `<<` adds: keys that are not there yet. They keep their places. */
static bool
merge_map(struct builder *b, struct frame *frame, const struct conf_node *map, struct mark mark)
{
    if (map->kind != CONF_MAP)
        return diagnose(b->diagnostics, mark, NULL, "<< takes a map, or a list of maps");
    for (size_t i = 0; i < map->count; i++) {
        bool is_new;

        map_put(&frame->seen, map->pairs[i].key, &is_new);
        if (!is_new)
            continue;
        frame->keys =
            mem_grow(frame->keys, &frame->keys_capacity, frame->count + 1, sizeof frame->keys[0]);
        frame->keys[frame->count] = map->pairs[i];
        if (!take_value(b, map->pairs[i].value, mark))
            return false;
    }
    return true;
}

static bool
merge_value(struct builder *b, struct frame *frame, const struct conf_node *value, struct mark mark)
{
    if (value->kind != CONF_LIST)
        return merge_map(b, frame, value, mark);
    for (size_t i = 0; i < value->count; i++)
        if (!merge_map(b, frame, value->items[i], mark))
            return false;
    return true;
}

static bool
merge_keys(struct builder *b, struct frame *frame)
{
    for (size_t i = 0; frame->node->kind == CONF_MAP && i < frame->count; i++) {
        const struct conf_node *value = frame->items[i];
        struct mark mark = frame->keys[i].key_mark;

        if (!slice_equals(frame->keys[i].key, SLICE("<<")))
            continue;
        frame->count--; /* the key itself is spent */
        memmove(&frame->keys[i], &frame->keys[i + 1], (frame->count - i) * sizeof frame->keys[0]);
        memmove(
            &frame->items[i], &frame->items[i + 1], (frame->count - i) * sizeof frame->items[0]);
        return merge_value(b, frame, value, mark);
    }
    return true;
}

static void
fill_node(struct builder *b, struct conf_node *node, const struct frame *frame)
{
    struct conf_pair *pairs;

    node->count = frame->count;
    node->weight = frame->weight;
    node->height = (uint8_t)(frame->height + 1);
    if (node->count == 0)
        return;
    if (node->kind == CONF_LIST) {
        size_t bytes = node->count * sizeof frame->items[0];

        node->items = memcpy(arena_alloc(b->arena, bytes), frame->items, bytes);
        return;
    }
    pairs = arena_alloc(b->arena, node->count * sizeof *pairs);
    for (size_t i = 0; i < node->count; i++) {
        pairs[i] = frame->keys[i];
        pairs[i].value = frame->items[i];
    }
    node->pairs = pairs;
}

static bool
on_close(struct builder *b)
{
    struct frame *frame = &b->frames[b->depth - 1];
    struct conf_node *node = frame->node;
    bool is_good;

    assert(b->depth > 0);
    is_good = merge_keys(b, frame);
    fill_node(b, node, frame);
    close_anchor(b, frame->anchor, node);
    release_frame(frame);
    b->depth--;
    return is_good && take_node(b, node, node->mark);
}

static bool
on_document(struct builder *b, struct fy_event *event)
{
    if (b->documents_count++ == 0)
        return true;
    return diagnose(b->diagnostics, mark_of_event(b, event), NULL,
        "a second document begins here; one file is one document");
}

static bool
on_event(struct builder *b, struct fy_event *event)
{
    struct fy_token *tag = NULL;

    if (event->type == FYET_SCALAR || event->type == FYET_MAPPING_START ||
        event->type == FYET_SEQUENCE_START)
        tag = fy_event_get_tag_token(event);
    if (tag != NULL)
        return diagnose(b->diagnostics,
            mark_at(b, fy_token_start_mark(tag)->input_pos, fy_token_end_mark(tag)->input_pos),
            "a text that begins with ! needs quotes", "tags are not used here");
    switch (event->type) {
    case FYET_SCALAR:
        return on_scalar(b, event);
    case FYET_ALIAS:
        return on_alias(b, event);
    case FYET_MAPPING_START:
        return on_open(b, CONF_MAP, event);
    case FYET_SEQUENCE_START:
        return on_open(b, CONF_LIST, event);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return on_close(b);
    case FYET_DOCUMENT_START:
        return on_document(b, event);
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        return true;
    }
    return true;
}

/* libfyaml's sentences name the symptom; the cause is usually one of these. */
static const char *
hint_for(struct slice message)
{
    static const struct {
        const char *part, *hint;
    } hints[] = {
        {"nested block mapping",        "a text that holds \": \" needs quotes" },
        {"cannot start with",           "a text that begins so needs quotes"    },
        {"invalid multiline plain key", "is the indentation right?"             },
        {"anchor",                      "a text that begins with & needs quotes"},
        {"tab character",               "indent with spaces"                    },
    };

    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (slice_contains_nocase(message, slice_of(hints[i].part)))
            return hints[i].hint;
    return NULL;
}

/* ${name} ends a plain text at its brace. */
static bool
is_behind_dollar(const struct builder *b, struct mark mark)
{
    size_t at = b->lines[mark.line - 1] + (size_t)mark.column - 1;

    return mark.column > 1 && at < b->text.length && b->text.at[at] == '{' &&
        b->text.at[at - 1] == '$';
}

static void
tell_syntax_error(struct builder *b, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator);
    struct mark mark;

    if (error == NULL || error->msg == NULL) {
        mark = mark_at(b, b->text.length, b->text.length);
        diagnose(b->diagnostics, mark, NULL, "this is not YAML");
        return;
    }
    mark = mark_of_column(b, error->line, error->column);
    diagnose(b->diagnostics, mark,
        is_behind_dollar(b, mark) ? "a parameter is written $name, without braces"
                                  : hint_for(slice_of(error->msg)),
        "%s", error->msg);
}

static void
ignore_output(struct fy_diag *diag, void *user, const char *bytes, size_t length)
{
}

static void
build(struct builder *b)
{
    struct fy_diag_cfg diag_config;
    struct fy_parse_cfg config = {
        .flags = FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};
    struct fy_parser *parser;
    struct fy_event *event;
    bool is_good = true;

    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = ignore_output;
    config.diag = fy_diag_create(&diag_config);
    fy_diag_set_collect_errors(config.diag, true);
    parser = fy_parser_create(&config);
    fy_parser_set_string(parser, b->text.at, b->text.length);
    while (is_good && (event = fy_parser_parse(parser)) != NULL) {
        is_good = on_event(b, event);
        fy_parser_event_free(parser, event);
    }
    if (is_good && fy_parser_get_stream_error(parser))
        tell_syntax_error(b, config.diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(config.diag);
}

static void
release_builder(struct builder *b)
{
    while (b->depth > 0)
        release_frame(&b->frames[--b->depth]);
    mem_free(b->lines);
    mem_free(b->anchors);
    map_release(&b->anchor_names);
}

const struct conf_node *
conf_parse(
    const char *filename, struct slice text, struct arena *arena, struct diagnostics *diagnostics)
{
    static const struct conf_bounds bounds = {CONF_FILE_BYTES_MAX, CONF_LINE_BYTES_MAX};
    struct builder b = {
        .filename = filename, .text = text, .arena = arena, .diagnostics = diagnostics};
    size_t errors_before = diagnostics->errors_count;

    if (slice_starts_with(b.text, SLICE("\xef\xbb\xbf"))) /* a byte order mark says nothing here */
        b.text = slice_from(b.text, 3);
    diagnostics_add_file(diagnostics, filename, b.text);
    find_lines(&b);
    if (conf_check_text(filename, b.text, &bounds, diagnostics))
        build(&b);
    if (diagnostics->errors_count == errors_before && (b.root == NULL || b.root->is_absent))
        diagnose(diagnostics, (struct mark){.filename = filename}, NULL, "the file is empty");
    release_builder(&b);
    return diagnostics->errors_count == errors_before ? b.root : NULL;
}

const struct conf_pair *
conf_find_pair(const struct conf_node *map, struct slice key)
{
    assert(map->kind == CONF_MAP);
    for (size_t i = 0; i < map->count; i++)
        if (slice_equals(map->pairs[i].key, key))
            return &map->pairs[i];
    return NULL;
}

const struct conf_node *
conf_find(const struct conf_node *map, const char *key)
{
    const struct conf_pair *pair = conf_find_pair(map, slice_of(key));

    return pair != NULL ? pair->value : NULL;
}
