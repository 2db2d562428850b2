/* requirement.c - what must be on a machine for a scenario to run there. */
#include "scenarios/requirement.h"

static const struct operator
{
    const char *sign;
    enum version_compare compare;
}
operators[] = {
    {">=", VERSION_AT_LEAST},
    {"<=", VERSION_AT_MOST },
    {"==", VERSION_EXACTLY },
    {">",  VERSION_ABOVE   },
    {"<",  VERSION_BELOW   },
};

static bool
is_digit(struct slice s, size_t i)
{
    return i < s.length && char_is_digit(s.at[i]);
}

/* Digits with dots between them, at the start; 0: none. */
static size_t
version_length(struct slice s)
{
    size_t i = 0;

    while (is_digit(s, i) || (i > 0 && i < s.length && s.at[i] == '.' && is_digit(s, i + 1)))
        i++;
    return i;
}

bool
requirement_parse(struct slice text, struct requirement *requirement, struct error *err)
{
    struct slice rest = slice_trim(text);
    size_t end = 0;

    while (end < rest.length && !char_is_blank(rest.at[end]) && !strchr("<>=", rest.at[end]))
        end++;
    *requirement = (struct requirement){
        .name = {rest.at, end}
    };
    rest = slice_trim(slice_from(rest, end));
    if (end == 0)
        return error_set(err, ERROR_CONFIG, "a requirement begins with a name");
    if (rest.length == 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(operators) && requirement->compare == VERSION_ANY; i++)
        if (slice_starts_with(rest, slice_of(operators[i].sign))) {
            requirement->compare = operators[i].compare;
            rest = slice_trim(slice_from(rest, strlen(operators[i].sign)));
        }
    if (requirement->compare == VERSION_ANY)
        return error_set(err, ERROR_CONFIG,
            "a name, or a name and a version, as in \"%.*s >= 3.5\"",
            SLICE_ARGS(requirement->name));
    requirement->version = rest;
    if (rest.length == 0 || version_length(rest) != rest.length)
        return error_set(
            err, ERROR_CONFIG, "\"%.*s\" is no version, such as 3.5", SLICE_ARGS(rest));
    return true;
}

/* The next number, with its leading zeros gone, so that longer means larger. */
static struct slice
take_number(struct slice *version)
{
    struct slice number = {version->at, 0};

    while (number.length < version->length && char_is_digit(version->at[number.length]))
        number.length++;
    *version = slice_from(*version, number.length);
    if (version->length > 0 && version->at[0] == '.')
        *version = slice_from(*version, 1);
    while (number.length > 0 && number.at[0] == '0')
        number = slice_from(number, 1);
    return number;
}

int
version_compare(struct slice a, struct slice b)
{
    a.length = version_length(a);
    b.length = version_length(b);
    while (a.length > 0 || b.length > 0) {
        struct slice left = take_number(&a), right = take_number(&b);
        int order = left.length != right.length ? (left.length > right.length ? 1 : -1)
                                                : slice_compare(left, right);

        if (order != 0)
            return order;
    }
    return 0;
}

bool
requirement_is_met_by(const struct requirement *requirement, struct slice version)
{
    int order = version_compare(version, requirement->version);

    switch (requirement->compare) {
    case VERSION_ANY:
        return true;
    case VERSION_AT_LEAST:
        return order >= 0;
    case VERSION_ABOVE:
        return order > 0;
    case VERSION_EXACTLY:
        return order == 0;
    case VERSION_AT_MOST:
        return order <= 0;
    case VERSION_BELOW:
        return order < 0;
    }
    return false;
}

bool
version_find(struct slice text, struct slice *version)
{
    for (size_t i = 0; i < text.length; i++) {
        struct slice rest = slice_from(text, i);
        size_t length = version_length(rest);

        if (memchr(rest.at, '.', length) == NULL)
            continue;
        *version = (struct slice){rest.at, length};
        return true;
    }
    return false;
}
