/* scenario_show.c - the merged document, each value with the place where it was written. */
#include "base/json.h"
#include "scenarios/loader.h"
#include "scenarios/params.h"

enum { INDENT = 2, COMMENT_COLUMN = 50 };

struct showing {
    struct text *out;
    const struct params *params;
    size_t line_start;
};

/* Would YAML read the text, written as it is, as this very text? Rather quoted once too often. */
static bool
is_plain(struct slice text)
{
    if (text.length == 0 || strchr("-?:,[]{}#&*!|>'\"%@` ", text.at[0]) != NULL ||
        text.at[text.length - 1] == ' ' || text.at[text.length - 1] == ':')
        return false;
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.at[i] < ' ' || strchr(",[]{}", text.at[i]) != NULL ||
            (text.at[i] == ':' && text.at[i + 1] == ' ') ||
            (text.at[i] == '#' && text.at[i - 1] == ' '))
            return false;
    return true;
}

static void
show_scalar(struct showing *s, struct slice text)
{
    if (is_plain(text))
        text_add_slice(s->out, text);
    else
        json_string(s->out, text); /* a quoted text of JSON is one of YAML too */
}

static void
end_line(struct showing *s, struct mark mark)
{
    size_t width = s->out->length - s->line_start;

    if (mark.line > 0 || mark.column == -1) {
        text_add_repeated(s->out, ' ', width < COMMENT_COLUMN ? COMMENT_COLUMN - width : 1);
        text_printf(s->out, "# from %s", mark.filename);
        if (mark.line > 0)
            text_printf(s->out, ":%d", mark.line);
    }
    text_add_char(s->out, '\n');
    s->line_start = s->out->length;
}

static void show_node(struct showing *s, const struct conf_node *node, struct mark key_mark,
    size_t depth, bool is_item);

static void
show_pair(struct showing *s, const struct conf_pair *pair, size_t depth, bool is_on_line)
{
    if (!is_on_line)
        text_add_repeated(s->out, ' ', depth * INDENT);
    show_scalar(s, pair->key);
    text_add_char(s->out, ':');
    show_node(s, pair->value, pair->key_mark, depth, false);
}

/* What follows "key:" or "-": on the same line, or indented below. Depth is that of the tree, at
 * most CONF_DEPTH_MAX. */
static void
show_node(struct showing *s, const struct conf_node *node, struct mark key_mark, size_t depth,
    bool is_item)
{
    if (node->kind == CONF_SCALAR || node->count == 0) {
        if (node->kind != CONF_SCALAR || !node->is_absent)
            text_add_char(s->out, ' ');
        if (node->kind != CONF_SCALAR)
            text_add_string(s->out, node->kind == CONF_LIST ? "[]" : "{}");
        else if (!node->is_absent)
            show_scalar(s, node->text);
        end_line(s, node->mark);
        return;
    }
    if (is_item && node->kind == CONF_MAP)
        text_add_char(s->out, ' ');
    else
        end_line(s, key_mark);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == CONF_MAP) {
            show_pair(s, &node->pairs[i], depth + 1, is_item && i == 0);
            continue;
        }
        text_add_repeated(s->out, ' ', (depth + 1) * INDENT);
        text_add_char(s->out, '-');
        show_node(s, node->items[i], node->items[i]->mark, depth + 1, true);
    }
}

/* What --set says stands for the default. */
static struct conf_node
replace_param(struct showing *s, const struct conf_pair *pair, struct arena *arena)
{
    struct conf_node node = *pair->value, *value = arena_alloc_zeroed(arena, sizeof *value);
    struct conf_pair *pairs = arena_alloc(arena, node.count * sizeof *pairs);
    struct error ignored;
    const struct param *param = params_find(s->params, pair->key, &ignored);

    memcpy(pairs, node.pairs, node.count * sizeof *pairs);
    *value = (struct conf_node){
        .kind = CONF_SCALAR, .text = param->value.text, .mark = param->value.mark};
    if (value->mark.line == 0)
        value->mark.column = -1; /* of no file, but worth a comment */
    for (size_t i = 0; i < node.count; i++)
        if (slice_equals(pairs[i].key, SLICE("default")))
            pairs[i].value = value;
    node.pairs = pairs;
    return node;
}

static void
show_params(struct showing *s, const struct conf_pair *params, struct arena *arena)
{
    struct conf_node all = *params->value;
    struct conf_pair *pairs = arena_alloc(arena, all.count * sizeof *pairs + 1);

    for (size_t i = 0; i < all.count; i++) {
        struct conf_node *node = arena_alloc(arena, sizeof *node);

        *node = replace_param(s, &all.pairs[i], arena);
        pairs[i] = all.pairs[i];
        pairs[i].value = node;
    }
    all.pairs = pairs;
    show_pair(s, &(struct conf_pair){params->key, params->key_mark, &all}, 0, false);
}

bool
scenario_show(const char *filename, const struct setting *settings, size_t settings_count,
    struct text *out, struct diagnostics *diagnostics, struct error *err)
{
    struct arena arena = {0};
    struct scenario scenario = {.filename = filename};
    struct scenario_parts parts;
    struct loader loader = loader_of_scenario(&parts, filename, &arena, diagnostics);
    struct showing showing = {.out = out, .params = &loader.params, .line_start = out->length};
    const struct conf_node *tree = conf_load(filename, &diagnostics->arena, diagnostics, err);
    bool is_good;

    parts.scenario = &scenario;
    if (tree != NULL)
        tree = loader_merge(&loader, tree);
    is_good = tree != NULL && params_load(&loader, tree, settings, settings_count) &&
        section_check(&loader, schema_scenario, tree, "");
    for (size_t i = 0; is_good && i < tree->count; i++) {
        if (slice_equals(tree->pairs[i].key, SLICE("extends")))
            continue;
        if (slice_equals(tree->pairs[i].key, SLICE("params")))
            show_params(&showing, &tree->pairs[i], &arena);
        else
            show_pair(&showing, &tree->pairs[i], 0, false);
    }
    arena_release(&arena);
    return is_good;
}
