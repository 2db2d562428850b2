/* report_said.c - what was said about each recipient: the field, or the reply that the text quotes, or the
 * text. */
#include "smtp/report_parts.h"

enum { DIAGNOSTIC_MAX = 1024 };

static bool
has_letters(struct slice s)
{
    for (size_t i = 0; i + 1 < s.length; i++)
        if ((char_is_letter(s.at[i]) && char_is_letter(s.at[i + 1])) ||
            (unsigned char)s.at[i] >= 0x80)
            return true;
    return false;
}

/* What the reply says is closer than a status that says "other", or that the sender gave up (X.4.7). */
static bool
is_vague(struct enhanced_code status)
{
    return status.class == 0 || status.detail == 0 || (status.subject == 4 && status.detail == 7);
}

static struct slice
first_paragraph(struct slice words)
{
    const char *end = words.length > 0 ? memmem(words.at, words.length, "\n\n", 2) : NULL;

    if (end != NULL)
        words.length = (size_t)(end - words.at);
    if (words.length > DIAGNOSTIC_MAX)
        words.length = DIAGNOSTIC_MAX;
    return slice_trim(words);
}

/* Sendmail's field has the first line only of a reply of several; the text for people has all. */
static void
complete_quote(
    struct report *report, struct report_recipient *recipient, const struct report_quote *quote)
{
    struct slice said = recipient->diagnostic, text = report->text;
    const char *found;
    struct text copied = {0};

    if (quote->at != 0 || said.length < 5 || said.at[3] != '-' || text.length == 0)
        return;
    if (memmem(said.at + 3, said.length - 3, said.at, 3) != NULL)
        return; /* the code comes again: it has the other lines */
    while ((found = memmem(text.at, text.length, said.at, said.length)) != NULL) {
        text_clear(&copied);
        report_copy_quote(text, (size_t)(found - text.at), &copied);
        if (copied.length > said.length + 4 &&
            memcmp(copied.bytes + said.length + 1, said.at, 3) == 0) {
            recipient->diagnostic = report_keep(report, text_slice(&copied));
            break;
        }
        text = slice_from(text, (size_t)(found - text.at) + said.length);
        if (text.length == 0)
            break;
    }
    text_release(&copied);
}

/* The diagnostic of the fields where it says something; else the reply that the words quote; else the
 * words. */
static void
find_diagnostic(struct report *report, struct report_recipient *recipient)
{
    struct report_quote quote;
    struct text copied = {0};
    bool is_told = has_letters(recipient->diagnostic);
    struct slice said = is_told ? recipient->diagnostic : recipient->words;
    bool is_quoted = report_find_quote(said, 0, &quote);

    if (is_quoted && !is_told) {
        report_copy_quote(said, quote.at, &copied);
        recipient->diagnostic = report_keep(report, text_slice(&copied));
    } else if (is_quoted) {
        complete_quote(report, recipient, &quote);
    } else if (!is_told && report->recipients_count == 1 &&
        report_find_quote(report->text, 0, &quote)) {
        is_quoted = true;
        report_copy_quote(report->text, quote.at, &copied);
        recipient->diagnostic = report_keep(report, text_slice(&copied));
    } else if (!is_told) {
        recipient->diagnostic =
            report->is_dsn ? (struct slice){"", 0} : first_paragraph(recipient->words);
    } else {
        is_quoted = report_find_quote(recipient->words, 0, &quote) && !quote.has_own_enhanced;
    }
    text_release(&copied);
    if (is_quoted) {
        recipient->smtp_code = quote.code;
        if (quote.enhanced.class != 0 && is_vague(recipient->code))
            recipient->code = quote.enhanced;
    }
    if (recipient->code.class == 0)
        report_find_enhanced(recipient->diagnostic, &recipient->code);
}

void
report_find_diagnostics(struct report *report)
{
    report_find_words(report, report->text);
    for (size_t i = 0; i < report->recipients_count; i++)
        find_diagnostic(report, &report->recipients[i]);
}
