/* report_quote.c - SMTP replies that are quoted in a text: "host mx.isp.test said: 550 5.1.1 …". */
#include "smtp/report_parts.h"

/* Does what stands before a number say that a reply follows? A number at the start of a line does. */
static bool
announces_reply(struct slice text, size_t at)
{
    static const char *const words[] = {"said", "error", "code", "response", "reply", "with",
        "returned", "reason", "status", "message", "failure", "smtp", "server"};
    size_t end = at, start;

    while (end > 0 && (text.at[end - 1] == ' ' || text.at[end - 1] == '\t'))
        end--;
    if (end == 0 || char_in(":;(<#\"'>,=[-\n\r|*", text.at[end - 1]))
        return true;
    for (start = end; start > 0 && char_is_letter(text.at[start - 1]);)
        start--;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (slice_equals_nocase((struct slice){text.at + start, end - start}, slice_of(words[i])))
            return true;
    return false;
}

static bool
is_code_at(struct slice text, size_t at)
{
    char before = at > 0 ? text.at[at - 1] : ' ';
    char after = at + 3 < text.length ? text.at[at + 3] : ' ';

    return (text.at[at] == '4' || text.at[at] == '5') && char_is_digit(text.at[at + 1]) &&
        text.at[at + 1] <= '7' && char_is_digit(text.at[at + 2]) && !char_is_digit(before) &&
        !char_is_letter(before) && before != '.' && before != '-' && before != '/' &&
        before != '@' && (char_is_blank(after) || char_in("-:;,#<\")]", after));
}

static bool
take_number(struct slice text, size_t *at, unsigned *number)
{
    size_t start = *at;

    *number = 0;
    while (*at < text.length && char_is_digit(text.at[*at]) && *at - start < 4)
        *number = *number * 10 + (unsigned)(text.at[(*at)++] - '0');
    return *at > start && *at - start < 4;
}

/* "5.1.1" at `at`, and nothing of a number behind it. */
static bool
enhanced_at(struct slice text, size_t at, struct enhanced_code *code, size_t *end)
{
    unsigned class, subject, detail;
    char before = at > 0 ? text.at[at - 1] : ' ';

    if (char_is_digit(before) || char_is_letter(before) || before == '.' || before == '@' ||
        !take_number(text, &at, &class) || at >= text.length || text.at[at++] != '.' ||
        !take_number(text, &at, &subject) || at >= text.length || text.at[at++] != '.' ||
        !take_number(text, &at, &detail))
        return false;
    if ((class != 2 && class != 4 && class != 5) || subject > 9)
        return false;
    if (at < text.length &&
        (char_is_digit(text.at[at]) || char_is_letter(text.at[at]) || text.at[at] == '@' ||
            (text.at[at] == '.' && at + 1 < text.length && char_is_digit(text.at[at + 1]))))
        return false;
    *code = (struct enhanced_code){(uint8_t) class, (uint16_t)subject, (uint16_t)detail};
    *end = at;
    return true;
}

bool
report_find_enhanced(struct slice text, struct enhanced_code *code)
{
    size_t end;

    for (size_t at = 0; at + 5 <= text.length; at++)
        if ((text.at[at] == '4' || text.at[at] == '5') && text.at[at + 1] == '.' &&
            enhanced_at(text, at, code, &end) && code->class != 2)
            return true;
    return false;
}

static void
read_enhanced(struct slice text, struct report_quote *quote)
{
    size_t at = quote->at + 3, end;
    struct slice rest;

    while (at < text.length && char_in(" -:#(<\t", text.at[at]))
        at++;
    quote->has_own_enhanced = enhanced_at(text, at, &quote->enhanced, &end);
    if (quote->has_own_enhanced)
        return;
    quote->enhanced = (struct enhanced_code){0};
    rest = slice_from(text, quote->at + 3);
    for (size_t i = 0; i + 6 < rest.length && i < 400; i++)
        if (rest.at[i] == '#' && enhanced_at(rest, i + 1, &quote->enhanced, &end))
            return;
}

/* "5.1.1 <kim@isp.test>... user unknown" at the start of a line: a reply without its code. */
static bool
is_bare_enhanced(struct slice text, size_t at, struct report_quote *quote)
{
    size_t end;

    if (at > 0 && text.at[at - 1] != '\n')
        return false;
    *quote = (struct report_quote){.at = at, .has_own_enhanced = true};
    return enhanced_at(text, at, &quote->enhanced, &end) && end < text.length &&
        text.at[end] == ' ';
}

bool
report_find_quote(struct slice text, size_t start, struct report_quote *quote)
{
    for (size_t at = start; at + 3 <= text.length; at++) {
        if (text.at[at] != '4' && text.at[at] != '5')
            continue;
        if (is_bare_enhanced(text, at, quote))
            return true;
        if (!is_code_at(text, at))
            continue;
        *quote = (struct report_quote){.at = at,
            .code = (uint16_t)((text.at[at] - '0') * 100 + (text.at[at + 1] - '0') * 10 +
                (text.at[at + 2] - '0'))};
        read_enhanced(text, quote);
        if (quote->has_own_enhanced || announces_reply(text, at))
            return true;
    }
    return false;
}

/* Marks in front of a line of a dialogue, as transcripts have them. */
static struct slice
without_marks(struct slice line)
{
    static const char *const marks[] = {"<<<", "Received >>>", "Out:", "Received:", "|", "=>"};

    line = slice_trim(line);
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (slice_starts_with(line, slice_of(marks[i])))
            return slice_trim(slice_from(line, strlen(marks[i])));
    return line;
}

/* The other side of the dialogue, or the reporter's own words again. */
static bool
ends_quote(struct slice line)
{
    static const char *const starts[] = {">>>", "Sent <<<", "In:", "Giving up", "I'm not going to",
        "---", "***", "===", "...", "Connected to", "Your message", "This is a permanent",
        "Learn more", "For further", "Please contact", "QUIT", "Original message"};

    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (slice_starts_with(line, slice_of(starts[i])))
            return true;
    return line.length == 0;
}

void
report_copy_quote(struct slice text, size_t at, struct text *out)
{
    struct slice rest = slice_from(text, at), line;
    bool is_first = true, has_more = true;

    while (has_more && out->length < REPORT_WORDS_MAX) {
        has_more = slice_cut(rest, '\n', &line, &rest);
        line = without_marks(line);
        if (!is_first && ends_quote(line))
            break;
        if (!is_first)
            text_add_char(out, '\n');
        text_add_slice(out, line);
        is_first = false;
    }
    if (out->length > REPORT_WORDS_MAX)
        out->length = REPORT_WORDS_MAX;
}
