/* conditions.c - what a rule's `while` may say: age(first_attempt) < 45m and attempt >= 2. */
#include "scenarios/loader.h"

enum { CONDITIONS_MAX = 16 };

static bool
take(struct slice *rest, struct slice word)
{
    if (!slice_starts_with(*rest, word))
        return false;
    *rest = slice_trim(slice_from(*rest, word.length));
    return true;
}

static bool
take_subject(struct slice *rest, struct isp_condition *condition)
{
    struct slice at = *rest;

    condition->what = CONDITION_AGE;
    if (take(&at, SLICE("age")) && take(&at, SLICE("(")) && take(&at, SLICE("first_attempt")) &&
        take(&at, SLICE(")"))) {
        *rest = at;
        return true;
    }
    condition->what = CONDITION_ATTEMPT;
    return take(rest, SLICE("attempt"));
}

static bool
take_comparison(struct slice *rest, struct isp_condition *condition)
{
    static const struct {
        const char *sign;
        unsigned compare;
    } signs[] = {
        {"==", IS_EQUAL    },
        {"!=", IS_NOT_EQUAL},
        {"<=", IS_AT_MOST  },
        {">=", IS_AT_LEAST },
        {"<",  IS_LESS     },
        {">",  IS_GREATER  },
    };

    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (take(rest, slice_of(signs[i].sign))) {
            condition->compare = signs[i].compare;
            return true;
        }
    return false;
}

/* What stands before the next "and", a word of its own. */
static struct slice
take_value(struct slice *rest)
{
    struct slice value = *rest;

    for (size_t i = 0; i + 5 <= rest->length; i++)
        if (memcmp(rest->at + i, " and ", 5) == 0) {
            value.length = i;
            *rest = slice_trim(slice_from(*rest, i + 5));
            return slice_trim(value);
        }
    *rest = slice_from(*rest, rest->length);
    return slice_trim(value);
}

static bool
read_value(
    struct loader *loader, struct slice text, struct isp_condition *condition, struct error *err)
{
    struct schema_key key = {
        .type = condition->what == CONDITION_AGE ? SCHEMA_DURATION : SCHEMA_COUNT};
    struct scalar scalar;
    const char *hint;

    if (text.length == 0)
        return error_set(err, ERROR_CONFIG, "a value to compare with is missing");
    if (!scalar_read(&key, text, &loader->params, loader->arena, &scalar, err, &hint))
        return false;
    condition->value = scalar.whole;
    return true;
}

bool
conditions_parse(struct loader *loader, struct slice text, const struct isp_condition **conditions,
    size_t *count, struct error *err)
{
    struct isp_condition *list = arena_alloc_zeroed(loader->arena, CONDITIONS_MAX * sizeof *list);
    struct slice rest = slice_trim(text);

    *conditions = list;
    for (*count = 0; *count == 0 || rest.length > 0; ++*count) {
        if (*count == CONDITIONS_MAX)
            return error_set(err, ERROR_CONFIG, "at most %d comparisons", CONDITIONS_MAX);
        if (!take_subject(&rest, &list[*count]))
            return error_set(
                err, ERROR_CONFIG, "\"%.*s\" is not understood here", SLICE_ARGS(rest));
        if (!take_comparison(&rest, &list[*count]))
            return error_set(err, ERROR_CONFIG, "a comparison is missing");
        if (!read_value(loader, take_value(&rest), &list[*count], err))
            return false;
    }
    return true;
}
