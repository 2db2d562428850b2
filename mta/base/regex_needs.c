/* regex_needs.c - an expression is read part by part.
 *
 * A part is exact while it can only match one of a few strings: then it is joined to its neighbours,
 * so that "gr[ea]y[- ]?list" becomes "graylist", "gray list", … Where that ends, the strings so far
 * become a condition. Of a choice, every branch has to give one, or there is none. */
#include "base/regex_needs.h"

#include <string.h>

enum {
    EXACT_STRINGS_MAX = 32,  /* that a part may be, and still be joined */
    CHOICE_STRINGS_MAX = 96, /* that one condition may name */
    STRING_BYTES_MAX = 24,
    CLASS_BYTES_MAX = 4, /* of a [class] that is taken for a choice */
    DEPTH_MAX = 32,
};

struct strings {
    struct slice *at;
    size_t count;
};

struct part {
    bool is_exact;
    struct strings exact; /* "" as well: what may be empty */
    struct regex_needs needs;
};

struct parser {
    struct arena *arena;
    struct slice rest;
    unsigned depth;
    bool is_lost; /* something was not understood: nothing is known of the whole */
};

static struct part parse_choice(struct parser *parser);

/* ---- parts ---- */

static struct strings
strings_new(struct parser *parser, size_t room)
{
    return (struct strings){.at = arena_alloc(parser->arena, (room + 1) * sizeof(struct slice))};
}

static struct part
exact_part(struct parser *parser, struct slice string)
{
    struct part part = {.is_exact = true, .exact = strings_new(parser, 1)};

    part.exact.at[part.exact.count++] = string;
    return part;
}

static struct part
empty_part(struct parser *parser)
{
    return exact_part(parser, (struct slice){"", 0});
}

static struct part
byte_part(struct parser *parser, char c)
{
    char lower = char_lower(c);

    return exact_part(parser, (struct slice){arena_copy(parser->arena, &lower, 1), 1});
}

static size_t
shortest(const struct strings *strings)
{
    size_t length = SIZE_MAX;

    for (size_t i = 0; i < strings->count; i++)
        if (strings->at[i].length < length)
            length = strings->at[i].length;
    return length;
}

static size_t
need_worth(const struct regex_need *need)
{
    const struct strings strings = {need->words, need->count};
    size_t length = shortest(&strings);

    return length * 1000 - (need->count < 1000 ? need->count : 999);
}

static bool
says(struct slice s, struct slice part, bool is_front)
{
    for (size_t i = 0; i + part.length <= s.length && (i == 0 || !is_front); i++)
        if (s.at[i] == part.at[0] && memcmp(s.at + i, part.at, part.length) == 0)
            return true;
    return false;
}

/* A word that holds another one of them says nothing new; nor does, of those in front, one that
 * begins with another. */
static struct regex_need
need_of(struct parser *parser, const struct strings *strings, bool is_front)
{
    struct regex_need need = {
        .words = arena_alloc(parser->arena, (strings->count + 1) * sizeof(struct slice))};

    for (size_t i = 0; i < strings->count; i++) {
        bool is_new = true;

        for (size_t j = 0; j < strings->count && is_new; j++)
            is_new = i == j || !says(strings->at[i], strings->at[j], is_front) ||
                (strings->at[i].length == strings->at[j].length && i < j);
        if (is_new)
            need.words[need.count++] = strings->at[i];
    }
    return need;
}

static void
keep_need(struct regex_needs *needs, const struct regex_need *need)
{
    size_t at = needs->count;

    while (at > 0 && need_worth(need) > need_worth(&needs->needs[at - 1]))
        at--;
    if (at == REGEX_NEEDS_MAX)
        return;
    if (needs->count < REGEX_NEEDS_MAX)
        needs->count++;
    memmove(
        &needs->needs[at + 1], &needs->needs[at], (needs->count - at - 1) * sizeof needs->needs[0]);
    needs->needs[at] = *need;
}

static void
keep_strings(struct parser *parser, struct regex_needs *needs, const struct strings *strings)
{
    struct regex_need need;

    if (strings->count == 0 || shortest(strings) < NEED_WORD_BYTES_MIN)
        return;
    if (needs->count == REGEX_NEEDS_MAX &&
        shortest(strings) * 1000 <= need_worth(&needs->needs[REGEX_NEEDS_MAX - 1]))
        return;
    need = need_of(parser, strings, false);
    keep_need(needs, &need);
}

static void
set_front(struct parser *parser, struct regex_needs *needs, const struct strings *strings)
{
    if (strings->count > 0 && shortest(strings) >= FRONT_WORD_BYTES_MIN)
        needs->front = need_of(parser, strings, true);
}

/* ---- joining ---- */

static bool
is_joinable(const struct strings *a, const struct strings *b)
{
    size_t longest_a = 0, longest_b = 0;

    for (size_t i = 0; i < a->count; i++)
        longest_a = a->at[i].length > longest_a ? a->at[i].length : longest_a;
    for (size_t i = 0; i < b->count; i++)
        longest_b = b->at[i].length > longest_b ? b->at[i].length : longest_b;
    return a->count * b->count <= EXACT_STRINGS_MAX && longest_a + longest_b <= STRING_BYTES_MAX;
}

static struct strings
join(struct parser *parser, const struct strings *a, const struct strings *b)
{
    struct strings joined = strings_new(parser, a->count * b->count);

    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++) {
            size_t length = a->at[i].length + b->at[j].length;
            char *bytes = arena_alloc(parser->arena, length + 1);

            if (a->at[i].length > 0)
                memcpy(bytes, a->at[i].at, a->at[i].length);
            if (b->at[j].length > 0)
                memcpy(bytes + a->at[i].length, b->at[j].at, b->at[j].length);
            joined.at[joined.count++] = (struct slice){bytes, length};
        }
    return joined;
}

/* Any of the strings of any of the parts. */
static struct part
any_of(struct parser *parser, const struct part *parts, size_t count)
{
    struct part part = {.is_exact = true};
    size_t room = 0;

    for (size_t i = 0; i < count; i++)
        room += parts[i].exact.count;
    part.exact = strings_new(parser, room);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < parts[i].exact.count; j++)
            part.exact.at[part.exact.count++] = parts[i].exact.at[j];
    return part;
}

/* ---- what one byte of the expression begins ---- */

static bool
take(struct parser *parser, const char *front)
{
    if (!slice_starts_with(parser->rest, slice_of(front)))
        return false;
    parser->rest = slice_from(parser->rest, strlen(front));
    return true;
}

static char
take_byte(struct parser *parser)
{
    char c = parser->rest.length > 0 ? parser->rest.at[0] : '\0';

    parser->is_lost |= parser->rest.length == 0;
    parser->rest = slice_from(parser->rest, parser->rest.length > 0);
    return c;
}

static int
hex_digit(char c)
{
    c = char_lower(c);
    return char_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct part
parse_hex(struct parser *parser)
{
    int high = hex_digit(take_byte(parser)), low = hex_digit(take_byte(parser));

    if (high < 0 || low < 0) {
        parser->is_lost = true;
        return (struct part){0};
    }
    return byte_part(parser, (char)(high * 16 + low));
}

static struct part
parse_escape(struct parser *parser)
{
    static const char names[] = "ntrfea", bytes[] = "\n\t\r\f\x1b\a";
    char c = take_byte(parser);
    const char *name = c != '\0' ? strchr(names, c) : NULL;

    if (name != NULL)
        return byte_part(parser, bytes[name - names]);
    if (c != '\0' && strchr("bBAzZG", c) != NULL)
        return empty_part(parser);
    if (c != '\0' && strchr("dDwWsShHvVRN", c) != NULL)
        return (struct part){0};
    if (c == 'x')
        return parse_hex(parser);
    if (char_is_letter(c) || char_is_digit(c)) {
        parser->is_lost = true;
        return (struct part){0};
    }
    return byte_part(parser, c);
}

/* A few plain bytes are a choice between them; anything else may be any byte. */
static struct part
parse_class(struct parser *parser)
{
    bool is_plain = !take(parser, "^"), is_first = true;
    struct part part = {.is_exact = true, .exact = strings_new(parser, CLASS_BYTES_MAX)};
    char c;

    while ((c = take_byte(parser)) != ']' || is_first) {
        if (parser->is_lost)
            return (struct part){0};
        is_first = false;
        if (c == '[' && parser->rest.length > 0 && strchr(":.=", parser->rest.at[0]) != NULL) {
            parser->is_lost = true; /* [:alpha:] and the like */
            return (struct part){0};
        }
        if (c == '\\') {
            is_plain = false;
            take_byte(parser);
            continue;
        }
        if (c == '-' && part.exact.count > 0 && parser->rest.length > 0 &&
            parser->rest.at[0] != ']')
            is_plain = false; /* a range */
        if (part.exact.count == CLASS_BYTES_MAX)
            is_plain = false;
        if (is_plain)
            part.exact.at[part.exact.count++] = byte_part(parser, c).exact.at[0];
    }
    return is_plain ? part : (struct part){0};
}

static struct part
parse_group(struct parser *parser)
{
    bool is_look =
        take(parser, "?=") || take(parser, "?!") || take(parser, "?<=") || take(parser, "?<!");
    struct part part;

    if (!is_look && !take(parser, "?:") && !take(parser, "?>") && parser->rest.length > 0 &&
        (parser->rest.at[0] == '?' || parser->rest.at[0] == '*'))
        parser->is_lost = true;
    part = parse_choice(parser);
    parser->is_lost |= !take(parser, ")");
    return is_look ? empty_part(parser) : part;
}

/* Plain bytes up to what is none; how often a byte comes is said right behind it, and then it is left
 * to stand alone. */
static struct part
parse_plain(struct parser *parser, struct slice from)
{
    static const char special[] = "()[]{}|\\^$.*+?";
    char lower[STRING_BYTES_MAX];
    size_t length = 1;

    while (length < from.length && length < STRING_BYTES_MAX && from.at[length] != '\0' &&
        strchr(special, from.at[length]) == NULL)
        length++;
    if (length > 1 && length < from.length && from.at[length] != '\0' &&
        strchr("*+?{", from.at[length]) != NULL)
        length--;
    for (size_t i = 0; i < length; i++)
        lower[i] = char_lower(from.at[i]);
    parser->rest = slice_from(from, length);
    return exact_part(parser, (struct slice){arena_copy(parser->arena, lower, length), length});
}

static struct part
parse_atom(struct parser *parser)
{
    struct slice from = parser->rest;
    char c = take_byte(parser);

    switch (c) {
    case '(':
        return parse_group(parser);
    case '[':
        return parse_class(parser);
    case '\\':
        return parse_escape(parser);
    case '^':
    case '$':
        return empty_part(parser);
    case '.':
        return (struct part){0};
    case '*':
    case '+':
    case '?':
        parser->is_lost = true;
        return (struct part){0};
    default:
        return parse_plain(parser, from);
    }
}

/* ---- how often ---- */

/* "{2,5}", and nothing that some versions of PCRE2 read in another way. False: the brace is a byte like
 * any other. */
static bool
take_braces(struct parser *parser, bool *may_be_none, bool *is_one)
{
    struct slice inside, rest;

    if (parser->rest.length == 0 || parser->rest.at[0] != '{' ||
        !slice_cut(slice_from(parser->rest, 1), '}', &inside, &rest) || inside.length == 0)
        return false;
    for (size_t i = 0; i < inside.length; i++)
        if (!char_is_digit(inside.at[i]) && inside.at[i] != ',' && inside.at[i] != ' ')
            return false;
    parser->is_lost |= !char_is_digit(inside.at[0]);
    *may_be_none = inside.at[0] == '0';
    *is_one = slice_equals(inside, SLICE("1"));
    parser->rest = rest;
    return true;
}

struct times {
    bool may_be_none, may_be_more;
};

static struct times
parse_times(struct parser *parser)
{
    struct times times = {0};
    bool is_one;

    if (take(parser, "?"))
        times.may_be_none = true;
    else if (take(parser, "*"))
        times = (struct times){true, true};
    else if (take(parser, "+"))
        times.may_be_more = true;
    else if (take_braces(parser, &times.may_be_none, &is_one))
        times.may_be_more = !is_one;
    else
        return times;
    if (!take(parser, "?")) /* lazy and possessive ones match no other texts */
        (void)take(parser, "+");
    return times;
}

/* ---- sequences and choices ---- */

struct sequence {
    struct strings run; /* exact so far */
    bool is_exact;      /* it was from the start */
    struct regex_needs needs;
};

/* With the first run begins what the sequence matches. */
static void
break_run(struct parser *parser, struct sequence *sequence)
{
    if (sequence->is_exact)
        set_front(parser, &sequence->needs, &sequence->run);
    keep_strings(parser, &sequence->needs, &sequence->run);
    sequence->run = empty_part(parser).exact;
    sequence->is_exact = false;
}

static void
append_exact(struct parser *parser, struct sequence *sequence, const struct strings *exact)
{
    if (is_joinable(&sequence->run, exact)) {
        sequence->run = join(parser, &sequence->run, exact);
        return;
    }
    break_run(parser, sequence);
    sequence->run = *exact;
}

static void
append(struct parser *parser, struct sequence *sequence, struct part part, struct times times)
{
    if (part.is_exact && times.may_be_none && !times.may_be_more) {
        const struct part parts[] = {empty_part(parser), part};

        part = any_of(parser, parts, COUNT_OF(parts));
        times.may_be_none = false;
    }
    if (part.is_exact && !times.may_be_none)
        append_exact(parser, sequence, &part.exact);
    if (!part.is_exact && !times.may_be_none) {
        bool is_first =
            sequence->is_exact && sequence->run.count == 1 && sequence->run.at[0].length == 0;

        break_run(parser, sequence);
        if (is_first)
            sequence->needs.front = part.needs.front;
        for (size_t i = 0; i < part.needs.count; i++)
            keep_need(&sequence->needs, &part.needs.needs[i]);
    }
    if (times.may_be_none || times.may_be_more)
        break_run(parser, sequence);
}

static struct part
parse_sequence(struct parser *parser)
{
    struct sequence sequence = {.run = empty_part(parser).exact, .is_exact = true};

    while (!parser->is_lost && parser->rest.length > 0 && parser->rest.at[0] != '|' &&
        parser->rest.at[0] != ')') {
        struct part part = parse_atom(parser);

        append(parser, &sequence, part, parse_times(parser));
    }
    if (sequence.is_exact)
        return (struct part){.is_exact = true, .exact = sequence.run};
    break_run(parser, &sequence);
    return (struct part){.needs = sequence.needs};
}

/* The best condition of each branch, or its front, all in one; none where a branch has none. */
static struct strings
of_branches(struct parser *parser, const struct part *branches, size_t count, bool is_front)
{
    struct strings strings = strings_new(parser, CHOICE_STRINGS_MAX);

    for (size_t i = 0; i < count; i++) {
        const struct part *branch = &branches[i];
        const struct regex_need *need = is_front ? &branch->needs.front : &branch->needs.needs[0];
        struct strings words = branch->exact;

        if (!branch->is_exact)
            words = (struct strings){need->words, need->count};
        if (words.count == 0 || strings.count + words.count > CHOICE_STRINGS_MAX)
            return (struct strings){0};
        for (size_t j = 0; j < words.count; j++)
            strings.at[strings.count++] = words.at[j];
    }
    return strings;
}

static struct part
branches_part(struct parser *parser, const struct part *branches, size_t count)
{
    struct strings words = of_branches(parser, branches, count, false);
    struct strings fronts = of_branches(parser, branches, count, true);
    struct part part = {0};

    keep_strings(parser, &part.needs, &words);
    set_front(parser, &part.needs, &fronts);
    return part;
}

static struct part
parse_choice(struct parser *parser)
{
    struct part branches[CHOICE_STRINGS_MAX];
    size_t count = 0, exact_count = 0;
    bool are_exact = true;

    if (++parser->depth > DEPTH_MAX)
        parser->is_lost = true;
    do {
        struct part part = parse_sequence(parser);

        if (count == CHOICE_STRINGS_MAX)
            parser->is_lost = true;
        else
            branches[count++] = part;
        are_exact = are_exact && part.is_exact;
        exact_count += part.exact.count;
    } while (!parser->is_lost && take(parser, "|"));
    parser->depth--;
    if (parser->is_lost)
        return (struct part){0};
    if (count == 1)
        return branches[0];
    if (!are_exact || exact_count > CHOICE_STRINGS_MAX)
        return branches_part(parser, branches, count);
    return any_of(parser, branches, count);
}

void
regex_needs_read(struct arena *arena, struct slice expression, struct regex_needs *needs)
{
    struct parser parser = {.arena = arena, .rest = expression};
    struct part whole = parse_choice(&parser);

    *needs = (struct regex_needs){0};
    if (parser.is_lost || parser.rest.length > 0)
        return;
    *needs = whole.needs;
    if (whole.is_exact) {
        keep_strings(&parser, needs, &whole.exact);
        set_front(&parser, needs, &whole.exact);
    }
}
