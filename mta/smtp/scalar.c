/* scalar.c - one raw text of a file as a value of its type. */
#include "smtp/scalar.h"

#include "base/diag.h"

enum { ID_MAX = 64, WORDS_MAX = 64 };

struct reading { /* the arguments of scalar_read() */
    const struct schema_key *key;
    const struct params *params;
    struct arena *arena;
    struct scalar *out;
    struct error *err;
    const char **hint;
};

typedef bool reader(struct reading *r, struct slice text);

static bool
is_not_a(struct reading *r, struct slice text)
{
    return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is not %s", SLICE_ARGS(text),
        schema_type_phrase(r->key->type));
}

/* Texts. */

/* Puts the texts of parameters where $NAME stands; $$ is a dollar sign, as is one alone. */
static bool
put_params_in(struct reading *r, struct slice text)
{
    struct text whole = {0};
    const struct param *param;
    struct slice name;

    for (size_t i = 0; i < text.length; i++) {
        name = text.at[i] == '$' ? param_name_at(slice_from(text, i + 1)) : (struct slice){"", 0};
        if (name.length == 0) {
            text_add_char(&whole, text.at[i]);
            if (text.at[i] == '$' && i + 1 < text.length && text.at[i + 1] == '$')
                i++;
            continue;
        }
        param = params_find(r->params, name, r->err);
        if (param == NULL) {
            text_release(&whole);
            return false;
        }
        text_add_slice(&whole, param->value.text);
        i += name.length;
    }
    r->out->text.at = arena_copy(r->arena, text_string(&whole), whole.length);
    r->out->text.length = whole.length;
    text_release(&whole);
    return true;
}

static bool
read_text(struct reading *r, struct slice text)
{
    r->out->text = text;
    return memchr(text.at, '$', text.length) == NULL || put_params_in(r, text);
}

static bool
read_expression(struct reading *r, struct slice text)
{
    r->out->text = text;
    return true;
}

static bool
read_id(struct reading *r, struct slice text)
{
    if (!read_text(r, text))
        return false;
    text = r->out->text;
    for (size_t i = 0; i < text.length; i++)
        if (!char_is_letter(text.at[i]) && !char_is_digit(text.at[i]) && text.at[i] != '-' &&
            text.at[i] != '_')
            return is_not_a(r, text);
    if (text.length > ID_MAX)
        return error_set(r->err, ERROR_CONFIG, "a name has at most %d characters", ID_MAX);
    return text.length > 0 || is_not_a(r, text);
}

static bool
read_word_of(struct reading *r, struct slice text, const struct word *words)
{
    const char *names[WORDS_MAX] = {NULL}, *nearest;
    size_t count = 0;

    for (const struct word *word = words; word->name != NULL; word++) {
        if (slice_equals(slice_of(word->name), text)) {
            r->out->word = word;
            r->out->whole = word->value;
            return true;
        }
        if (count < WORDS_MAX)
            names[count++] = word->name;
    }
    nearest = nearest_word(text, names, count);
    error_set(r->err, ERROR_CONFIG, "\"%.*s\" is none of ", SLICE_ARGS(text));
    for (size_t i = 0; i < count; i++) {
        strncat(r->err->text, i == 0 ? "" : ", ", sizeof r->err->text - strlen(r->err->text) - 1);
        strncat(r->err->text, names[i], sizeof r->err->text - strlen(r->err->text) - 1);
    }
    if (nearest != NULL) {
        struct text hint = {0};

        text_printf(&hint, "did you mean \"%s\"?", nearest);
        *r->hint = arena_copy(r->arena, hint.bytes, hint.length);
        text_release(&hint);
    }
    return false;
}

static bool
read_word(struct reading *r, struct slice text)
{
    return read_text(r, text) && read_word_of(r, r->out->text, r->key->words);
}

static bool
read_yes_no(struct reading *r, struct slice text)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    if (!read_text(r, text))
        return false;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (slice_equals_nocase(slice_of(words[i]), r->out->text)) {
            r->out->whole = i % 2;
            return true;
        }
    return is_not_a(r, text);
}

/* Quantities. */

static bool
evaluate(struct reading *r, struct slice text, enum quantity_kind kind)
{
    struct quantity *q = &r->out->quantity;

    if (!quantity_evaluate(text, r->params, q, r->err))
        return false;
    if (q->kind == kind)
        return true;
    return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is %s, but this must be %s", SLICE_ARGS(text),
        quantity_phrase(q->kind), schema_type_phrase(r->key->type));
}

static bool
take_whole(struct reading *r, struct slice text)
{
    struct ratio value = r->out->quantity.value;

    if (value.num < 0)
        return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is negative", SLICE_ARGS(text));
    if (value.den != 1 && r->out->quantity.kind != QUANTITY_DURATION)
        return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is not a whole number", SLICE_ARGS(text));
    r->out->whole = ratio_round(value);
    return true;
}

static bool
read_count(struct reading *r, struct slice text)
{
    uint64_t count;

    if (quantity_is_expression(text))
        return evaluate(r, text, QUANTITY_NUMBER) && take_whole(r, text);
    if (!unit_parse_count(text, &count, r->err))
        return false;
    if (count > INT64_MAX)
        return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is too large", SLICE_ARGS(text));
    r->out->quantity = (struct quantity){
        QUANTITY_NUMBER, {(int64_t)count, 1},
         0
    };
    r->out->whole = (int64_t)count;
    return true;
}

static bool
read_size(struct reading *r, struct slice text)
{
    uint64_t bytes;

    if (quantity_is_expression(text))
        return evaluate(r, text, QUANTITY_SIZE) && take_whole(r, text);
    if (!unit_parse_size(text, &bytes, r->err))
        return false;
    if (bytes > INT64_MAX)
        return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is too large", SLICE_ARGS(text));
    r->out->quantity = (struct quantity){
        QUANTITY_SIZE, {(int64_t)bytes, 1},
         0
    };
    r->out->whole = (int64_t)bytes;
    return true;
}

static bool
read_duration(struct reading *r, struct slice text)
{
    int64_t us;

    if (quantity_is_expression(text))
        return evaluate(r, text, QUANTITY_DURATION) && take_whole(r, text);
    if (!unit_parse_duration(text, &us, r->err))
        return false;
    r->out->quantity = (struct quantity){
        QUANTITY_DURATION, {us, 1},
         0
    };
    return take_whole(r, text);
}

static bool
read_number(struct reading *r, struct slice text)
{
    r->out->quantity.kind = QUANTITY_NUMBER;
    if (quantity_is_expression(text))
        return evaluate(r, text, QUANTITY_NUMBER);
    return unit_parse_number(text, &r->out->quantity.value, r->err);
}

static bool
read_rate(struct reading *r, struct slice text)
{
    r->out->quantity.kind = QUANTITY_RATE;
    if (!(quantity_is_expression(text) ? evaluate(r, text, QUANTITY_RATE)
                                       : unit_parse_rate_in(text, &r->out->quantity.value,
                                             &r->out->quantity.unit_us, r->err)))
        return false;
    return r->out->quantity.value.num >= 0 ||
        error_set(r->err, ERROR_CONFIG, "\"%.*s\" is negative", SLICE_ARGS(text));
}

static bool
read_percent(struct reading *r, struct slice text)
{
    r->out->quantity.kind = QUANTITY_PERCENT;
    if (!(quantity_is_expression(text) ? evaluate(r, text, QUANTITY_PERCENT)
                                       : unit_parse_percent(text, &r->out->quantity.value, r->err)))
        return false;
    return r->out->quantity.value.num >= 0 ||
        error_set(r->err, ERROR_CONFIG, "\"%.*s\" is negative", SLICE_ARGS(text));
}

static bool
read_limit(struct reading *r, struct slice text)
{
    struct quantity q;
    struct error ignored;

    if (quantity_is_expression(text)) {
        if (!quantity_evaluate(text, r->params, &q, r->err))
            return false;
    } else if (!quantity_parse(text, &q, &ignored)) {
        return is_not_a(r, text);
    }
    if (q.kind == QUANTITY_SIZE) /* a limit of bytes */
        q.kind = QUANTITY_NUMBER;
    r->out->quantity = q;
    if (q.kind == QUANTITY_NUMBER)
        return take_whole(r, text);
    if (q.kind != QUANTITY_RATE && q.kind != QUANTITY_PERCENT)
        return is_not_a(r, text);
    return q.value.num >= 0 || is_not_a(r, text);
}

static bool
read_window(struct reading *r, struct slice text)
{
    struct slice word, rest;

    if (!read_text(r, text))
        return false;
    if (!slice_cut(r->out->text, ' ', &word, &rest))
        return is_not_a(r, text);
    if (!read_word_of(r, word, r->key->words) || !read_duration(r, slice_trim(rest)))
        return false;
    return r->out->whole > 0 || error_set(r->err, ERROR_CONFIG, "a window has a length");
}

static bool
read_bound(struct reading *r, struct slice text, uint64_t *bound)
{
    if (!read_count(r, slice_trim(text)))
        return false;
    *bound = (uint64_t)r->out->whole;
    return true;
}

static bool
read_count_range(struct reading *r, struct slice text)
{
    const char *dots = NULL;
    struct scalar *out = r->out;

    for (size_t i = 0; dots == NULL && i + 1 < text.length; i++)
        if (text.at[i] == '.' && text.at[i + 1] == '.')
            dots = text.at + i;
    if (dots == NULL) {
        if (!read_bound(r, text, &out->min))
            return is_not_a(r, text);
        out->max = out->min;
        return true;
    }
    out->max = UINT64_MAX;
    out->min = 0;
    if (dots > text.at &&
        !read_bound(r, (struct slice){text.at, (size_t)(dots - text.at)}, &out->min))
        return is_not_a(r, text);
    text = slice_from(text, (size_t)(dots - text.at) + 2);
    if (text.length > 0 && !read_bound(r, text, &out->max))
        return is_not_a(r, text);
    return out->min <= out->max ||
        error_set(r->err, ERROR_CONFIG, "this range ends before it begins");
}

static bool check_range(struct reading *r, struct slice text);

/* min and max are microseconds. Of the key's bounds the lower is checked where the range begins, the
 * upper, with those of all types, where it ends. */
static bool
read_duration_range(struct reading *r, struct slice text)
{
    const char *dots = memmem(text.at, text.length, "..", 2);
    struct slice first = text, last = text;
    struct scalar *out = r->out;

    if (dots != NULL) {
        first.length = (size_t)(dots - text.at);
        last = slice_from(text, first.length + 2);
    }
    if (!read_duration(r, slice_trim(first)) || !check_range(r, first))
        return false;
    out->min = (uint64_t)out->whole;
    if (!read_duration(r, slice_trim(last)))
        return false;
    out->max = (uint64_t)out->whole;
    return out->min <= out->max ||
        error_set(r->err, ERROR_CONFIG, "this range ends before it begins");
}

static bool
read_time(struct reading *r, struct slice text)
{
    return read_text(r, text) && unit_parse_time(r->out->text, &r->out->whole, r->err);
}

/* Words of mail. */

static bool
read_reply(struct reading *r, struct slice text)
{
    const char *why = "";

    if (!read_text(r, text))
        return false;
    if (reply_parse(r->out->text, &r->out->reply, &why))
        return true;
    return error_set(r->err, ERROR_CONFIG,
        "\"%.*s\" is not a reply, such as 451 4.2.1 mailbox busy: %s", SLICE_ARGS(r->out->text),
        why);
}

static bool
read_ip(struct reading *r, struct slice text)
{
    if (!read_text(r, text))
        return false;
    return net_address_parse(r->out->text, &r->out->address) || is_not_a(r, text);
}

static bool
read_endpoint(struct reading *r, struct slice text)
{
    struct slice ip, port;
    uint64_t number = 0;
    size_t colon;

    if (!read_text(r, text))
        return false;
    text = r->out->text;
    for (colon = text.length; colon > 0 && text.at[colon - 1] != ':';)
        colon--;
    ip = (struct slice){text.at, colon > 0 ? colon - 1 : 0};
    port = slice_from(text, colon);
    if (ip.length > 2 && ip.at[0] == '[' && ip.at[ip.length - 1] == ']')
        ip = (struct slice){ip.at + 1, ip.length - 2};
    else if (memchr(ip.at, ':', ip.length) != NULL)
        return is_not_a(r, text);
    if (!slice_to_u64(port, &number) || number == 0 || number > UINT16_MAX ||
        !net_address_parse(ip, &r->out->address))
        return is_not_a(r, text);
    r->out->address.port = (uint16_t)number;
    return true;
}

static bool
read_mailbox(struct reading *r, struct slice text)
{
    const char *why = "";

    if (!read_text(r, text))
        return false;
    if (address_parse(r->out->text, &r->out->mailbox, &why))
        return true;
    return error_set(
        r->err, ERROR_CONFIG, "\"%.*s\" is not a mail address: %s", SLICE_ARGS(text), why);
}

static bool
read_domain(struct reading *r, struct slice text)
{
    if (!read_text(r, text))
        return false;
    return domain_is_valid(r->out->text) || is_not_a(r, text);
}

/* Exactness ends somewhere: whoever multiplies these with times and counts has 64 bits. */
static bool
check_fineness(struct reading *r, struct slice text)
{
    static const struct {
        int64_t num_max, den_max;
    } bounds[] = {
        [QUANTITY_NUMBER] = {INT64_MAX,              1000000                  },
        [QUANTITY_DURATION] = {INT64_MAX,              INT64_MAX                }, /* rounded to microseconds */
        [QUANTITY_RATE] = {INT64_C(1000000000000), INT64_C(1000000000000000)},
        [QUANTITY_PERCENT] = {INT64_C(1000000000000), INT64_C(1000000000000)   },
        [QUANTITY_SIZE] = {INT64_MAX,              1                        },
    };
    struct ratio value = r->out->quantity.value;
    enum quantity_kind kind = r->out->quantity.kind;

    return (value.num <= bounds[kind].num_max && value.den <= bounds[kind].den_max) ||
        error_set(r->err, ERROR_CONFIG, "\"%.*s\" has more digits than can be kept exact",
            SLICE_ARGS(text));
}

/* The bounds of a key, which are written as its values are. */
static bool
check_range(struct reading *r, struct slice text)
{
    struct quantity bound;
    struct error ignored;

    if (r->key->min != NULL && quantity_parse(slice_of(r->key->min), &bound, &ignored) &&
        ratio_compare(r->out->quantity.value, bound.value) < 0)
        return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is too small: at least %s is expected",
            SLICE_ARGS(text), r->key->min);
    if (r->key->max != NULL && quantity_parse(slice_of(r->key->max), &bound, &ignored) &&
        ratio_compare(r->out->quantity.value, bound.value) > 0)
        return error_set(r->err, ERROR_CONFIG, "\"%.*s\" is too large: at most %s is expected",
            SLICE_ARGS(text), r->key->max);
    return true;
}

bool
scalar_read(const struct schema_key *key, struct slice text, const struct params *params,
    struct arena *arena, struct scalar *scalar, struct error *err, const char **hint)
{
    static reader *const readers[] = {
        [SCHEMA_TEXT] = read_text,
        [SCHEMA_ID] = read_id,
        [SCHEMA_GLOB] = read_text,
        [SCHEMA_EXPRESSION] = read_expression,
        [SCHEMA_WORD] = read_word,
        [SCHEMA_YES_NO] = read_yes_no,
        [SCHEMA_COUNT] = read_count,
        [SCHEMA_NUMBER] = read_number,
        [SCHEMA_PERCENT] = read_percent,
        [SCHEMA_DURATION] = read_duration,
        [SCHEMA_RATE] = read_rate,
        [SCHEMA_SIZE] = read_size,
        [SCHEMA_TIME] = read_time,
        [SCHEMA_COUNT_RANGE] = read_count_range,
        [SCHEMA_DURATION_RANGE] = read_duration_range,
        [SCHEMA_LIMIT] = read_limit,
        [SCHEMA_WINDOW] = read_window,
        [SCHEMA_REPLY] = read_reply,
        [SCHEMA_IP] = read_ip,
        [SCHEMA_ENDPOINT] = read_endpoint,
        [SCHEMA_MAILBOX] = read_mailbox,
        [SCHEMA_DOMAIN] = read_domain,
        [SCHEMA_FILENAME] = read_text,
    };
    struct reading r = {key, params, arena, scalar, err, hint};

    assert((size_t)key->type < COUNT_OF(readers) && readers[key->type] != NULL);
    *scalar = (struct scalar){
        .text = text, .quantity.value = {0, 1}
    };
    *hint = NULL;
    text = slice_trim(text);
    return readers[key->type](&r, text) && check_fineness(&r, text) && check_range(&r, text);
}
