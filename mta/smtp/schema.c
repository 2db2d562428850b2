/* schema.c - the keys of a file, found and told to people. */
#include "smtp/schema.h"

const struct schema_key *
schema_find(const struct schema_key *keys, struct slice name)
{
    for (; keys->name != NULL; keys++)
        if (slice_equals(slice_of(keys->name), name))
            return keys;
    return NULL;
}

const char *
schema_type_phrase(enum schema_type type)
{
    static const char *const phrases[] = {
        [SCHEMA_TEXT] = "a text",
        [SCHEMA_ID] = "a name of letters, digits, '-' and '_'",
        [SCHEMA_GLOB] = "a pattern, such as gone-* or \"*.isp.example\"",
        [SCHEMA_EXPRESSION] = "an expression",
        [SCHEMA_WORD] = "a word",
        [SCHEMA_YES_NO] = "yes or no",
        [SCHEMA_COUNT] = "a count, such as 700",
        [SCHEMA_NUMBER] = "a number, such as 2 or 1.5",
        [SCHEMA_PERCENT] = "a percentage, such as 85%",
        [SCHEMA_DURATION] = "a duration, such as 90s or 5d2h",
        [SCHEMA_RATE] = "a rate, such as 60/min",
        [SCHEMA_SIZE] = "a size, such as 10MB or 64KiB",
        [SCHEMA_TIME] = "an instant, such as 2026-01-05T08:00:00Z",
        [SCHEMA_COUNT_RANGE] = "a range, such as 2..3, 1 or 3..",
        [SCHEMA_DURATION_RANGE] = "a duration or a range of it, such as 10m or 5m..2h",
        [SCHEMA_LIMIT] = "a count, a rate or a share, such as 20, 500/h or 5%",
        [SCHEMA_WINDOW] = "a window, such as sliding 60s, clock 1d or bucket 1s",
        [SCHEMA_REPLY] = "a reply, such as 451 4.2.1 mailbox busy",
        [SCHEMA_IP] = "an IP address",
        [SCHEMA_ENDPOINT] = "an IP address and a port, such as 127.0.0.1:2525 or [::1]:2525",
        [SCHEMA_MAILBOX] = "a mail address, such as kim@isp.example",
        [SCHEMA_DOMAIN] = "a domain, such as isp.example",
        [SCHEMA_FILENAME] = "a filename",
        [SCHEMA_MAP] = "a map",
        [SCHEMA_ANYTHING] = "a value",
    };

    return phrases[type];
}

/* For people. */

static const struct schema_key *
find_path(const struct schema_key *keys, struct slice path)
{
    const struct schema_key *found = NULL;
    bool may_skip = false, is_more = true;
    struct slice part;

    while (is_more) {
        is_more = slice_cut(path, '.', &part, &path);
        found = keys != NULL ? schema_find(keys, part) : NULL;
        if (found == NULL && !may_skip)
            return NULL;
        may_skip = found != NULL && (found->flags & (KEY_NAMED | KEY_LIST)) != 0;
        if (found != NULL)
            keys = found->nested;
    }
    return found;
}

static void
explain_words(const struct schema_key *key, struct text *out)
{
    text_add_string(out, "  one of: ");
    for (const struct word *word = key->words; word->name != NULL; word++)
        text_printf(out, "%s%s%s", word != key->words ? ", " : "", word->name,
            word->unsupported != NULL ? " (not supported yet)" : "");
    text_add_char(out, '\n');
}

static void
explain_shape(const struct schema_key *key, struct text *out)
{
    const char *phrase =
        key->type == SCHEMA_MAP ? "a map with keys" : schema_type_phrase(key->type);

    text_add_string(out, "  ");
    if ((key->flags & KEY_NAMED) != 0)
        text_add_string(out, "by name: ");
    if ((key->flags & KEY_LIST) != 0)
        text_add_string(out, "a list, each item ");
    if ((key->flags & KEY_ONE_OR_LIST) != 0)
        text_add_string(out, "one or a list, each ");
    text_add_string(out, phrase);
    if (key->min != NULL)
        text_printf(out, ", at least %s", key->min);
    if (key->max != NULL)
        text_printf(out, ", at most %s", key->max);
    text_printf(out, "%s\n", (key->flags & KEY_REQUIRED) != 0 ? " (required)" : "");
}

bool
schema_explain(const struct schema_key *keys, struct slice path, struct text *out)
{
    const struct schema_key *key = find_path(keys, path);

    if (key == NULL)
        return false;
    text_printf(out, "%.*s\n  %s\n", SLICE_ARGS(path), key->doc);
    explain_shape(key, out);
    if (key->type == SCHEMA_WORD)
        explain_words(key, out);
    if (key->initial != NULL)
        text_printf(out, "  default: %s\n", key->initial);
    if (key->unsupported != NULL)
        text_printf(out, "  not supported yet: %s\n", key->unsupported);
    for (const struct schema_key *inner = key->nested; inner != NULL && inner->name != NULL;
         inner++)
        text_printf(out, "    %-24s %s\n", inner->name, inner->doc);
    return true;
}
