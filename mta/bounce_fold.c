/* bounce_fold.c - a reply's text as the rules want to read it.
 *
 * Where a line of a reply ended says nothing, nor does a code that is said once more in front of the
 * next line: "not permitted to\n5.7.1 relay" is one phrase. What stands in an address is somebody's
 * name: <spam@virus.test> is neither. */
#include "mta/bounce_parts.h"

struct folding {
    const struct smtp_reply *reply;
    struct slice text;
    size_t next; /* byte of the text */
    char *out;
    size_t length;
    bool is_in_domain; /* behind the '@' of an address */
};

static bool
is_of_address(char c)
{
    return char_is_letter(c) || char_is_digit(c) || (c != '\0' && strchr("._+=-", c) != NULL);
}

/* Letters become x, the rest stays, so that it still looks like an address. */
static char
masked(char c)
{
    return (char)(char_is_letter(c) ? 'x' : c);
}

static void
mask_local_part(struct folding *folding)
{
    for (size_t i = folding->length; i > 0 && is_of_address(folding->out[i - 1]); i--)
        folding->out[i - 1] = masked(folding->out[i - 1]);
}

static bool
take_enhanced(struct slice *s, struct enhanced_code expected)
{
    struct enhanced_code code;
    struct slice rest;

    if (s->length < 5 || s->at[1] != '.' || !enhanced_parse(*s, &code, &rest) ||
        enhanced_pack(code) != enhanced_pack(expected))
        return false;
    *s = rest;
    return true;
}

/* "550 " or "550-" */
static bool
take_number(struct slice *s, unsigned code)
{
    if (s->length < 3 || s->at[0] != (char)('0' + code / 100) ||
        s->at[1] != (char)('0' + code / 10 % 10) || s->at[2] != (char)('0' + code % 10) ||
        (s->length > 3 && s->at[3] != '-' && !char_is_blank(s->at[3])))
        return false;
    *s = slice_from(*s, s->length > 3 ? 4 : 3);
    return true;
}

/* "5.7.1", "550", "550-5.7.1" of this reply, as a word of its own. */
static bool
take_code(struct folding *folding)
{
    struct slice left = slice_from(folding->text, folding->next), rest;
    bool is_taken;

    if (left.length == 0 || !char_is_digit(left.at[0]))
        return false;
    rest = left;
    is_taken = take_enhanced(&rest, folding->reply->enhanced);
    if (!is_taken && take_number(&rest, folding->reply->code))
        is_taken = rest.at[-1] != '-' || take_enhanced(&rest, folding->reply->enhanced);
    if (is_taken)
        folding->next = folding->text.length - rest.length;
    return is_taken;
}

static void
take_blanks(struct folding *folding)
{
    while (folding->next < folding->text.length && char_is_blank(folding->text.at[folding->next]))
        folding->next++;
    while (take_code(folding))
        while (
            folding->next < folding->text.length && char_is_blank(folding->text.at[folding->next]))
            folding->next++;
    if (folding->length > 0 && folding->out[folding->length - 1] != ' ')
        folding->out[folding->length++] = ' ';
}

struct slice
bounce_fold(const struct smtp_reply *reply, char out[BOUNCE_TEXT_MAX])
{
    struct folding folding = {.reply = reply, .text = reply->text, .out = out};

    if (folding.text.length > BOUNCE_TEXT_MAX)
        folding.text.length = BOUNCE_TEXT_MAX;
    take_blanks(&folding);
    while (folding.next < folding.text.length) {
        char c = folding.text.at[folding.next];

        if (char_is_blank(c)) {
            folding.is_in_domain = false;
            take_blanks(&folding);
            continue;
        }
        folding.next++;
        if (c == '@')
            mask_local_part(&folding);
        else if (folding.is_in_domain)
            c = is_of_address(c) ? masked(c) : c;
        folding.is_in_domain = c == '@' || (folding.is_in_domain && is_of_address(c));
        out[folding.length++] = c;
    }
    return slice_trim((struct slice){out, folding.length});
}
