/* scenario_schema.c - the schema told to others: as JSON Schema for editors, as text for people.
 *
 * Profiles may leave out what a file that extends them gives, and the other way round; so a key is
 * required only where nothing is merged, which is inside lists. */
#include "base/json.h"
#include "base/mem.h"
#include "scenarios/expression.h"
#include "scenarios/scenario.h"
#include "scenarios/schema.h"

/* What a value of a type looks like to an editor. Any scalar may refer to a parameter. */
/* clang-format off */
static const struct {
    const char *name, *types, *pattern;
} definitions[] = {
    [SCHEMA_TEXT] = {"text", "[\"string\",\"number\",\"boolean\"]", NULL},
    [SCHEMA_ID] = {"id", "[\"string\",\"integer\"]", "^[A-Za-z0-9_-]+$|\\$"},
    [SCHEMA_GLOB] = {"glob", "[\"string\",\"number\"]", NULL},
    [SCHEMA_EXPRESSION] = {"expression", "[\"string\",\"number\",\"boolean\"]", NULL},
    [SCHEMA_WORD] = {"word", "\"string\"", NULL},
    [SCHEMA_YES_NO] = {"yes_no", "[\"boolean\",\"string\"]", "^(yes|no|on|off|true|false)$"},
    [SCHEMA_COUNT] = {"count", "[\"integer\",\"string\"]", "^[0-9][0-9_]*$|\\$|[*/+]"},
    [SCHEMA_NUMBER] = {"number", "[\"number\",\"string\"]", NULL},
    [SCHEMA_PERCENT] = {"percent", "\"string\"", "%|\\$"},
    [SCHEMA_DURATION] = {"duration", "\"string\"", "[0-9] *(us|ms|s|m|min|h|d|w)|\\$"},
    [SCHEMA_RATE] = {"rate", "\"string\"", "/|\\$"},
    [SCHEMA_SIZE] = {"size", "[\"integer\",\"string\"]", "^[0-9]|\\$"},
    [SCHEMA_TIME] = {"time", "\"string\"", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"},
    [SCHEMA_COUNT_RANGE] = {"count_range", "[\"number\",\"string\"]", NULL},
    [SCHEMA_DURATION_RANGE] = {"duration_range", "\"string\"", "[0-9] *(us|ms|s|m|min|h|d|w)|\\$"},
    [SCHEMA_LIMIT] = {"limit", "[\"integer\",\"string\"]", "^[0-9]|\\$"},
    [SCHEMA_WINDOW] = {"window", "\"string\"", "^(sliding|fixed|clock|first|bucket) |\\$"},
    [SCHEMA_REPLY] = {"reply", "[\"string\",\"integer\"]", "^[2-5][0-9][0-9]|\\$"},
    [SCHEMA_IP] = {"ip", "\"string\"", "[.:]|\\$"},
    [SCHEMA_ENDPOINT] = {"endpoint", "\"string\"", ":[0-9]+$|\\$"},
    [SCHEMA_MAILBOX] = {"mailbox", "\"string\"", "@|\\$"},
    [SCHEMA_DOMAIN] = {"domain", "\"string\"", NULL},
    [SCHEMA_FILENAME] = {"filename", "\"string\"", NULL},
};
/* clang-format on */

static void
write_definitions(struct json *json)
{
    json_key(json, "definitions");
    json_open(json, '{');
    for (size_t i = 0; i < COUNT_OF(definitions); i++) {
        json_key(json, definitions[i].name);
        json_open(json, '{');
        json_key(json, "title");
        json_text(json, slice_of(schema_type_phrase((enum schema_type)i)));
        json_key(json, "type");
        json_raw(json, definitions[i].types);
        if (definitions[i].pattern != NULL) {
            json_key(json, "pattern");
            json_text(json, slice_of(definitions[i].pattern));
        }
        json_close(json, '}');
    }
    json_close(json, '}');
}

static void write_map(struct json *json, const struct schema_key *keys, bool is_in_list);

static void
write_words(struct json *json, const struct word *words)
{
    json_key(json, "enum");
    json_open(json, '[');
    for (; words->name != NULL; words++)
        json_text(json, slice_of(words->name));
    json_close(json, ']');
}

/* The inside of one value's object. */
static void
write_value(struct json *json, const struct schema_key *key, bool is_in_list)
{
    struct text reference = {0};

    if (key->type == SCHEMA_MAP) {
        write_map(json, key->nested, is_in_list);
    } else if (key->type == SCHEMA_WORD && key->words != NULL) {
        write_words(json, key->words);
    } else if (key->type != SCHEMA_ANYTHING) {
        text_printf(&reference, "#/definitions/%s", definitions[key->type].name);
        json_key(json, "$ref");
        json_text(json, text_slice(&reference));
        text_release(&reference);
    }
}

static void
write_list(struct json *json, const struct schema_key *key)
{
    json_key(json, "type");
    json_text(json, SLICE("array"));
    json_key(json, "items");
    json_open(json, '{');
    write_value(json, key, true);
    json_close(json, '}');
}

static void
write_list_or_value(struct json *json, const struct schema_key *key, bool is_in_list)
{
    if ((key->flags & KEY_LIST) != 0) {
        write_list(json, key);
    } else if ((key->flags & KEY_ONE_OR_LIST) != 0) {
        json_key(json, "anyOf");
        json_open(json, '[');
        json_open(json, '{');
        write_value(json, key, is_in_list);
        json_close(json, '}');
        json_open(json, '{');
        write_list(json, key);
        json_close(json, '}');
        json_close(json, ']');
    } else {
        write_value(json, key, is_in_list);
    }
}

/* draft-07 ignores what stands beside a $ref, so the reference goes into an allOf of its own. */
static void
write_key(struct json *json, const struct schema_key *key, bool is_in_list)
{
    struct text description = {0};

    text_add_string(&description, key->doc);
    if (key->unsupported != NULL)
        text_printf(&description, " Not supported yet: %s.", key->unsupported);
    json_open(json, '{');
    json_key(json, "description");
    json_text(json, text_slice(&description));
    if (key->initial != NULL) {
        json_key(json, "default");
        json_text(json, slice_of(key->initial));
    }
    json_key(json, "allOf");
    json_open(json, '[');
    json_open(json, '{');
    if ((key->flags & KEY_NAMED) != 0) {
        json_key(json, "type");
        json_text(json, SLICE("object"));
        json_key(json, "additionalProperties");
        json_open(json, '{');
        write_list_or_value(json, key, is_in_list);
        json_close(json, '}');
    } else {
        write_list_or_value(json, key, is_in_list);
    }
    json_close(json, '}');
    json_close(json, ']');
    json_close(json, '}');
    text_release(&description);
}

static void
write_required(struct json *json, const struct schema_key *keys)
{
    json_key(json, "required");
    json_open(json, '[');
    for (; keys->name != NULL; keys++)
        if ((keys->flags & KEY_REQUIRED) != 0)
            json_text(json, slice_of(keys->name));
    json_close(json, ']');
}

static void
write_map(struct json *json, const struct schema_key *keys, bool is_in_list)
{
    json_key(json, "type");
    json_raw(json, is_in_list ? "\"object\"" : "[\"object\",\"null\"]");
    json_key(json, "properties");
    json_open(json, '{');
    for (const struct schema_key *key = keys; key->name != NULL; key++) {
        json_key(json, key->name);
        write_key(json, key, is_in_list);
    }
    json_close(json, '}');
    json_key(json, "patternProperties"); /* merging: KEY+ and KEY- */
    json_open(json, '{');
    json_key(json, "[+-]$");
    json_open(json, '{');
    json_key(json, "type");
    json_text(json, SLICE("array"));
    json_close(json, '}');
    json_close(json, '}');
    json_key(json, "additionalProperties");
    json_bool(json, false);
    if (is_in_list)
        write_required(json, keys);
}

void
scenario_schema(struct text *out)
{
    struct json json = json_begin(out, 1);

    json_open(&json, '{');
    json_key(&json, "$schema");
    json_text(&json, SLICE("http://json-schema.org/draft-07/schema#"));
    json_key(&json, "title");
    json_text(&json, SLICE("A scenario of mtalab, version 1"));
    write_definitions(&json);
    write_map(&json, schema_scenario, false);
    json_close(&json, '}');
    text_add_char(out, '\n');
}

bool
scenario_explain(struct slice path, struct text *out)
{
    return schema_explain(schema_scenario, path, out) || expression_explain_function(path, out);
}
