/* params.c - the parameters of a scenario: declared under `params`, overridden by --set. */
#include "scenarios/params.h"

static const struct word scales[] = {
    {"linear", 0, NULL},
    {"log",    1, NULL},
    {NULL,     0, NULL},
};

/* clang-format off */
static const struct schema_key schema_sweep[] = {
    {"from", SCHEMA_EXPRESSION, KEY_REQUIRED, .doc = "The first value."},
    {"to", SCHEMA_EXPRESSION, KEY_REQUIRED, .doc = "The last value."},
    {"steps", SCHEMA_COUNT, .min = "2", .max = "10000", .doc = "How many, the ends included."},
    {"samples", SCHEMA_COUNT, .min = "1", .max = "10000", .doc = "How many values, drawn between."},
    {"scale", SCHEMA_WORD, .initial = "linear", .words = scales, .doc = "How they are spaced."},
    {0},
};
/* clang-format on */

/* A parameter's text as its type; a parameter cannot refer to another one. */
static bool
check_value(struct loader *loader, const struct param *param, struct source source,
    struct quantity *quantity)
{
    static const struct params none = {0};
    struct schema_key key = {0};
    const struct schema_key *types = schema_find(schema_scenario, SLICE("params"))->nested;
    struct scalar scalar;
    struct error err = {0};
    const char *hint;

    for (const struct word *word = schema_find(types, SLICE("type"))->words; word->name; word++)
        if (slice_equals(slice_of(word->name), param->type))
            key.type = (enum schema_type)word->value;
    if (!scalar_read(&key, source.text, &none, loader->arena, &scalar, &err, &hint))
        return diagnose(loader->diagnostics, source.mark, hint, "parameter %.*s: %s",
            SLICE_ARGS(param->name), err.text);
    if (quantity != NULL)
        *quantity = scalar.quantity;
    return true;
}

static struct source
source_of(const struct conf_node *node)
{
    return (struct source){node->text, node->mark};
}

static void
check_sweep(struct loader *loader, const struct param *param, const struct conf_node *sweep)
{
    const struct conf_node *ends[2];

    if (sweep->kind == CONF_MAP) {
        if (!section_check(loader, schema_sweep, sweep, "sweep"))
            return;
        ends[0] = conf_find(sweep, "from");
        ends[1] = conf_find(sweep, "to");
        for (size_t i = 0; i < 2; i++)
            check_value(loader, param, source_of(ends[i]), NULL);
        if ((conf_find(sweep, "steps") == NULL) == (conf_find(sweep, "samples") == NULL))
            diagnose(loader->diagnostics, sweep->mark, NULL, "a sweep has either steps or samples");
        return;
    }
    if (sweep->kind != CONF_LIST || sweep->count == 0) {
        diagnose(loader->diagnostics, sweep->mark, NULL,
            "sweep is a list of values, or {from, to, steps}");
        return;
    }
    for (size_t i = 0; i < sweep->count; i++) {
        if (sweep->items[i]->kind != CONF_SCALAR)
            diagnose(loader->diagnostics, sweep->items[i]->mark, NULL, "a value is expected here");
        else
            check_value(loader, param, source_of(sweep->items[i]), NULL);
    }
}

static void
load_param(struct loader *loader, const struct conf_pair *pair, struct param *param,
    struct quantity *value)
{
    const struct conf_node *about = conf_find(pair->value, "about");
    const struct conf_node *sweep = conf_find(pair->value, "sweep");
    const struct conf_node *initial = conf_find(pair->value, "default");

    if (param_name_at(pair->key).length != pair->key.length)
        diagnose(loader->diagnostics, pair->key_mark, NULL,
            "the name of a parameter has letters, digits and '_', and begins with no digit");
    param->name = keep_slice(loader, pair->key);
    param->type = keep_slice(loader, conf_find(pair->value, "type")->text);
    param->about = about != NULL ? keep_slice(loader, about->text) : SLICE("");
    param->value.text = keep_slice(loader, slice_trim(initial->text));
    param->value.mark = keep_mark(loader, initial->mark);
    check_value(loader, param, source_of(initial), value);
    if (sweep != NULL)
        check_sweep(loader, param, sweep);
}

static void
apply_setting(struct loader *loader, const struct setting *setting, struct param *list,
    struct quantity *values)
{
    struct mark mark = {.filename = "--set"};
    struct error err;
    const struct param *found = params_find(&loader->params, setting->name, &err);
    size_t i;

    if (found == NULL) {
        diagnose(loader->diagnostics, mark, NULL, "%s", err.text);
        return;
    }
    i = (size_t)(found - loader->params.list);
    list[i].value.text = keep_slice(loader, slice_trim(setting->value));
    list[i].value.mark = mark;
    check_value(loader, &list[i], list[i].value, &values[i]);
}

bool
params_load(struct loader *loader, const struct conf_node *root, const struct setting *settings,
    size_t settings_count)
{
    const struct conf_pair *declared = conf_find_pair(root, SLICE("params"));
    const struct schema_key keys[] = {*schema_find(schema_scenario, SLICE("params")), {0}};
    size_t count = 0, errors_before = loader->diagnostics->errors_count;
    struct quantity *values;
    struct param *list;

    if (declared != NULL) {
        struct conf_node only = {
            .kind = CONF_MAP, .mark = root->mark, .pairs = declared, .count = 1};

        if (!section_check(loader, keys, &only, ""))
            return false;
        count = declared->value->count;
    }
    list = arena_alloc_zeroed(loader->arena, count * sizeof *list + 1);
    values = arena_alloc_zeroed(loader->arena, count * sizeof *values + 1);
    loader->params = (struct params){list, values, 0};
    for (size_t i = 0; i < count; i++)
        load_param(loader, &declared->value->pairs[i], &list[i], &values[i]);
    loader->params.count = count;
    for (size_t i = 0; i < settings_count; i++)
        apply_setting(loader, &settings[i], list, values);
    return loader->diagnostics->errors_count == errors_before;
}
