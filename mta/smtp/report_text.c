/* report_text.c - the text for people: whom it speaks of, and what it says about each.
 *
 * Every mail system has its own words, but all build alike: an opening, then the addresses, each with a
 * line or a paragraph about it, then the message that came back. So an address is judged by where it
 * stands: alone at the start of a line, it is a recipient; in a sentence, it depends on the words before
 * it; behind "contact", it is none. The best places that the text has are taken, all of them. */
#include "smtp/report_parts.h"

#include "smtp/report_words.h"

enum {
    LINES_MAX = 600,
    FOUND_MAX = 1000, /* addresses looked at */
    SINGLE_WORD_MAX = 64,
    CONTEXT_MAX = 200,
};

enum place { /* where an address stands, worst first */
    PLACE_NONE,
    PLACE_ANYWHERE,
    PLACE_DIALOGUE, /* RCPT TO:<kim@isp.test> */
    PLACE_SENTENCE, /* "error delivering your mail to <kim@isp.test>" */
    PLACE_LINE,     /* "<kim@isp.test>: no such user" */
    PLACE_FIELD,    /* "Final-Recipient: rfc822; kim@isp.test" */
};

/* What stands before an address in its line; the first row that is found there decides. */
static const struct context {
    const char *words; /* lower case */
    enum place place;
} contexts[] = {
    {"final-recipient",    PLACE_FIELD   },
    {"original-recipient", PLACE_NONE    },
    {"mail from",          PLACE_NONE    },
    {"from:",              PLACE_NONE    },
    {"sender",             PLACE_NONE    },
    {"contact",            PLACE_NONE    },
    {"reply",              PLACE_NONE    },
    {"return-path",        PLACE_NONE    },
    {"mailto",             PLACE_NONE    },
    {"write to",           PLACE_NONE    },
    {"mail to post",       PLACE_NONE    },
    {"forward this",       PLACE_NONE    },
    {"assistance",         PLACE_NONE    },
    {"helpdesk",           PLACE_NONE    },
    {"hello",              PLACE_NONE    },
    {"dear",               PLACE_NONE    },
    {"bonjour",            PLACE_NONE    },
    {"sorry ",             PLACE_NONE    },
    {"generated from",     PLACE_NONE    },
    {"expanded from",      PLACE_NONE    },
    {"message-id:",        PLACE_NONE    },
    {" id:",               PLACE_NONE    },
    {"envelope-from",      PLACE_NONE    },
    {"mail from",          PLACE_NONE    },
    {"message from",       PLACE_NONE    },
    {"visit",              PLACE_NONE    },
    {"http",               PLACE_NONE    },
    {"rcpt to",            PLACE_DIALOGUE},
    {"deliver",            PLACE_SENTENCE},
    {"recipient",          PLACE_SENTENCE},
    {"reach",              PLACE_SENTENCE},
    {"mailbox",            PLACE_SENTENCE},
    {"account",            PLACE_SENTENCE},
    {"unknown",            PLACE_SENTENCE},
    {"user",               PLACE_SENTENCE},
    {"address",            PLACE_SENTENCE},
    {"allowed size",       PLACE_SENTENCE},
    {"rejected",           PLACE_SENTENCE},
    {"returned",           PLACE_SENTENCE},
    {"mail for",           PLACE_SENTENCE},
    {"message for",        PLACE_SENTENCE},
    {"sent to",            PLACE_SENTENCE},
    {"send",               PLACE_SENTENCE},
};

struct found {
    struct slice address;
    enum place place;
    size_t line, end; /* in which line, and where it ends there */
};

struct lines {
    struct slice at[LINES_MAX];
    size_t count;
};

static void
split_lines(struct slice text, struct lines *lines)
{
    bool has_more = text.length > 0;

    for (lines->count = 0; has_more && lines->count < LINES_MAX; lines->count++) {
        struct slice *line = &lines->at[lines->count];

        has_more = slice_cut(text, '\n', line, &text);
        while (line->length > 0 && line->at[line->length - 1] == '\r')
            line->length--;
    }
}

/* --- where the returned message begins --------------------------------------------------------- */

static const char *const first_fields[] = {"Received: ", "Return-Path: <", "Return-path: <",
    "DKIM-Signature: ", "Delivered-To: ", "MIME-Version: ", "Message-ID: <", "Message-Id: <",
    "X-Original-To: ", "ARC-Seal: ", "X-Google-Smtp-Source: ", "X-Received: ", "X-Envelope-"};

static bool
begins_header(struct slice line)
{
    for (size_t i = 0; i < COUNT_OF(first_fields); i++)
        if (slice_starts_with(line, slice_of(first_fields[i])))
            return true;
    return slice_starts_with(line, SLICE("From ")) &&
        memmem(line.at, line.length, " 20", 3) != NULL &&
        memmem(line.at, line.length, ":", 1) != NULL;
}

size_t
report_text_end(struct slice text, size_t *original_at)
{
    struct slice rest = text, line;
    bool has_more = text.length > 0, has_text = false;

    while (has_more) {
        size_t at = (size_t)(rest.at - text.at);

        has_more = slice_cut(rest, '\n', &line, &rest);
        if (line.length > 0 && words_begin_original(line) &&
            (has_text || slice_contains_nocase(line, SLICE("forwarded message")))) {
            *original_at = (size_t)(rest.at - text.at);
            return at;
        }
        if (line.length > 0 && has_text && begins_header(line))
            return *original_at = at;
        has_text |= slice_trim(line).length > 0;
    }
    return *original_at = text.length;
}

/* --- places ------------------------------------------------------------------------------------ */

/* Nothing but what decorates a line: bullets, brackets, quotes, numbers. */
static bool
is_decoration(struct slice s)
{
    size_t foreign = 0;

    for (size_t i = 0; i < s.length; i++)
        if ((unsigned char)s.at[i] >= 0x80)
            foreign++;
        else if (!char_is_blank(s.at[i]) && !char_in("<>\"'*-=([.#|", s.at[i]))
            return false;
    return s.length < 24 && foreign <= 3; /* one bullet */
}

/* "To: kim@isp.test", "Recipient: …": a label, and nothing else before the address. */
static bool
is_label(struct slice before)
{
    static const char *const labels[] = {"to", "recipient", "recipients", "recipient address",
        "failed recipient", "failed recipients", "failed address", "e-mail address",
        "email address", "address", "intended recipient", "user", "mailbox", "rcpt",
        "recipient(s)"};

    before = slice_trim(before);
    while (before.length > 0 && char_in("<\"'([ \t", before.at[before.length - 1]))
        before.length--;
    if (before.length < 2 || before.at[before.length - 1] != ':')
        return false;
    before.length--;
    before = slice_trim(before);
    for (size_t i = 0; i < COUNT_OF(labels); i++)
        if (slice_equals_nocase(before, slice_of(labels[i])))
            return true;
    return false;
}

/* "554 5.1.1 <kim@isp.test>... no such user", "550 kim@isp.test" */
static bool
is_reply_code(struct slice before)
{
    struct slice word, rest;

    before = slice_trim(before);
    slice_cut(before, ' ', &word, &rest);
    if (word.length != 3 || (word.at[0] != '4' && word.at[0] != '5') ||
        !char_is_digit(word.at[1]) || !char_is_digit(word.at[2]))
        return false;
    for (size_t i = 0; i < rest.length; i++)
        if (!char_is_digit(rest.at[i]) && !char_in(" .<\"", rest.at[i]))
            return false;
    return true;
}

/* "A message sent by", "Sender:", and the address in the next line. */
static bool
names_sender(struct slice line)
{
    static const char *const ends[] = {
        "sent by", "from:", "sender:", "from", "reply to", "contact"};

    line = slice_trim(line);
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (slice_ends_with_nocase(line, slice_of(ends[i])))
            return true;
    return false;
}

static enum place
place_of(struct slice before, struct slice after, struct slice previous_line)
{
    while (after.length > 0 && char_in(">\"')]", after.at[0]))
        after = slice_from(after, 1);
    if (is_decoration(before)) {
        if (names_sender(previous_line))
            return PLACE_NONE;
        after = slice_trim(after);
        if (after.length == 0 || char_in(":;,.(-", after.at[0]) ||
            slice_starts_with(after, SLICE("on ")) || slice_starts_with(after, SLICE("[")))
            return PLACE_LINE;
        return PLACE_SENTENCE;
    }
    for (size_t i = 0; i < COUNT_OF(contexts); i++)
        if (slice_contains_nocase(before, slice_of(contexts[i].words)))
            return contexts[i].place;
    if (is_reply_code(before))
        return PLACE_SENTENCE;
    if (is_label(before))
        return slice_starts_with_nocase(slice_trim(before), SLICE("to")) ? PLACE_ANYWHERE
                                                                         : PLACE_SENTENCE;
    /* A sentence that was wrapped, "your message to\nkim@isp.test was rejected" */
    return slice_contains_nocase(previous_line, SLICE("deliver")) ? PLACE_SENTENCE : PLACE_ANYWHERE;
}

/* Of what stands before it, no more than this is looked at. */
static struct slice
last_bytes(struct slice s)
{
    return s.length > CONTEXT_MAX ? slice_from(s, s.length - CONTEXT_MAX) : s;
}

static size_t
find_all(const struct lines *lines, struct found found[FOUND_MAX])
{
    struct slice previous = {"", 0};
    size_t count = 0;

    for (size_t i = 0; i < lines->count; i++) {
        struct slice line = lines->at[i], address;
        size_t at = 0, end;

        while (count < FOUND_MAX && report_find_address(slice_from(line, at), &address, &end)) {
            struct slice before = {line.at, (size_t)(address.at - line.at)};

            at += end;
            found[count++] = (struct found){.address = address,
                .place = place_of(last_bytes(before), slice_from(line, at), last_bytes(previous)),
                .line = i,
                .end = at};
        }
        if (slice_trim(line).length > 0)
            previous = line;
    }
    return count;
}

/* --- whom the text speaks of ------------------------------------------------------------------- */

/* Who wrote the message, or gets the report: its sender, unless the text speaks of nobody else. */
static bool
is_sender(const struct report *report, struct slice senders, struct slice address)
{
    return slice_equals_nocase(address, report->return_path) ||
        slice_contains_nocase(report->from, address) || slice_contains_nocase(senders, address);
}

void
report_add_failed(struct report *report, struct slice list)
{
    struct slice address;
    size_t end;

    while (report_find_address(list, &address, &end)) {
        struct report_recipient *recipient =
            report_add_recipient(report, report_keep(report, address));

        if (recipient != NULL && recipient->action == DSN_NONE)
            recipient->action = DSN_FAILED;
        list = slice_from(list, end);
    }
}

/* Does the last line with something in it, before line i, end in a colon? */
static bool
is_behind_colon(const struct lines *lines, size_t i)
{
    struct slice line = {"", 0};

    while (i > 0 && line.length == 0)
        line = slice_trim(lines->at[--i]);
    return line.length > 0 && line.at[line.length - 1] == ':';
}

/* AOL's "kim" alone in an indented line: the domain is the reporter's. */
static void
find_local_part(struct report *report, const struct lines *lines)
{
    struct slice from;
    size_t end;

    if (!report_find_address(report->from, &from, &end))
        return;
    for (size_t i = 1; i < lines->count; i++) {
        struct slice word = slice_trim(lines->at[i]), domain, local;
        struct text address = {0};
        bool is_word =
            word.length > 0 && word.length <= SINGLE_WORD_MAX && char_is_blank(lines->at[i].at[0]);

        for (size_t j = 0; j < word.length && is_word; j++)
            is_word = report_is_local_char(word.at[j]) && (unsigned char)word.at[j] < 0x80;
        if (!is_word || !is_behind_colon(lines, i))
            continue;
        slice_cut(from, '@', &local, &domain);
        text_printf(&address, "%.*s@%.*s", SLICE_ARGS(word), SLICE_ARGS(domain));
        report_add_failed(report, text_slice(&address));
        text_release(&address);
        return;
    }
}

static void
add_best(struct report *report, const struct found *found, size_t count, struct slice failed_field)
{
    enum place best = PLACE_NONE;

    for (size_t i = 0; i < count; i++)
        if (found[i].place > best)
            best = found[i].place;
    if (best < PLACE_LINE && failed_field.length > 0) {
        report_add_failed(report, failed_field);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (found[i].place == best && best >= PLACE_DIALOGUE)
            report_add_failed(report, found[i].address);
}

bool
report_find_recipients(
    struct report *report, struct slice text, struct slice failed_field, struct slice senders)
{
    struct found *found = mem_alloc(FOUND_MAX * sizeof(found[0]));
    struct lines *lines = mem_alloc(sizeof(*lines));
    size_t count, others_count = 0;

    split_lines(text, lines);
    count = find_all(lines, found);
    for (size_t i = 0; i < count; i++) { /* the senders to the end */
        struct found f = found[i];

        if (is_sender(report, senders, f.address))
            continue;
        memmove(
            &found[others_count + 1], &found[others_count], (i - others_count) * sizeof(found[0]));
        found[others_count++] = f;
    }
    add_best(report, found, others_count, failed_field);
    if (report->recipients_count == 0)
        find_local_part(report, lines);
    if (report->recipients_count == 0)
        add_best(report, found + others_count, count - others_count, (struct slice){"", 0});
    if (count == 1 && report->recipients_count == 0 && found[0].place == PLACE_ANYWHERE)
        report_add_failed(report, found[0].address);
    mem_free(lines);
    mem_free(found);
    return report->recipients_count > 0;
}

/* --- what it says about each ------------------------------------------------------------------- */

enum { NOBODY = UINT16_MAX };

/* Which of the known recipients each line begins with: there the paragraph of another one ends. */
static void
find_beginnings(const struct report *report, const struct lines *lines, const struct found *found,
    size_t count, uint16_t beginnings[LINES_MAX])
{
    for (size_t i = 0; i < LINES_MAX; i++)
        beginnings[i] = NOBODY;
    for (size_t i = 0; i < count; i++) {
        const struct found *f = &found[i];
        struct slice line = lines->at[f->line];

        if (!is_decoration((struct slice){line.at, (size_t)(f->address.at - line.at)}))
            continue;
        for (size_t j = 0; j < report->recipients_count && beginnings[f->line] == NOBODY; j++)
            if (slice_equals_nocase(report->recipients[j].address, f->address) ||
                slice_equals_nocase(report->recipients[j].original, f->address))
                beginnings[f->line] = (uint16_t)j;
    }
}

/* Where nothing was said behind the address, what was said before it. */
static void
take_text_above(const struct lines *lines, size_t line, struct text *out)
{
    for (size_t i = 0; i < line && out->length < REPORT_WORDS_MAX; i++) {
        text_add_slice(out, slice_trim(lines->at[i]));
        text_add_char(out, '\n');
    }
}

/* From behind the address to the end of its paragraph, in a sentence from its start on; an empty one is
 * followed by what is meant. */
static void
take_paragraph(const struct lines *lines, const struct found *found, const uint16_t *beginnings,
    size_t recipient, struct text *out)
{
    struct slice rest = slice_from(lines->at[found->line], found->end);
    size_t i = found->line;
    bool has_words, is_advice = false;

    if (found->place <= PLACE_SENTENCE)
        rest = lines->at[found->line];
    while (rest.length > 0 && (char_is_blank(rest.at[0]) || char_in(">\"':;,.()-", rest.at[0])))
        rest = slice_from(rest, 1);
    text_add_slice(out, rest);
    has_words = slice_trim(slice_from(lines->at[found->line], found->end)).length > 3;
    while (++i < lines->count && out->length < REPORT_WORDS_MAX) {
        struct slice line = slice_trim(lines->at[i]);

        if (line.length == 0 && has_words)
            break;
        if (beginnings[i] != NOBODY && beginnings[i] != recipient)
            break;
        is_advice =
            line.length > 0 && (is_advice || slice_starts_with_nocase(line, SLICE("please ")));
        if (line.length == 0 || is_advice)
            continue;
        if (out->length > 0)
            text_add_char(out, '\n');
        text_add_slice(out, line);
        has_words |= line.length > 3 && line.at[line.length - 1] != ':';
    }
    if (!has_words)
        take_text_above(lines, found->line, out);
}

/* A dialogue: ">>> RCPT TO:<kim@isp.test>", then "<<< 550 no"; or a line with both. */
static void
take_dialogue(const struct lines *lines, const struct found *found, struct text *out)
{
    size_t i = found->line;
    struct report_quote quote;

    if (report_find_quote(lines->at[i], 0, &quote)) {
        text_add_slice(out, slice_from(lines->at[i], quote.at));
        return;
    }
    while (++i < lines->count && i < found->line + 4)
        if (report_find_quote(lines->at[i], 0, &quote)) {
            struct slice from = {lines->at[i].at,
                (size_t)(lines->at[lines->count - 1].at + lines->at[lines->count - 1].length -
                    lines->at[i].at)};
            report_copy_quote(from, quote.at, out);
            return;
        }
}

static bool
is_about(const struct report_recipient *recipient, const struct found *found)
{
    return found->place != PLACE_NONE &&
        (slice_equals_nocase(found->address, recipient->address) ||
            (recipient->original.length > 0 &&
                slice_equals_nocase(found->address, recipient->original)));
}

/* The paragraph first, then what other lines say of the same address. */
static void
take_words(const struct report *report, size_t number, struct slice text, const struct lines *lines,
    const struct found *found, size_t count, const uint16_t *beginnings, struct text *out)
{
    const struct report_recipient *recipient = &report->recipients[number];
    const struct found *best = NULL;

    for (size_t i = 0; i < count; i++)
        if (is_about(recipient, &found[i]) && (best == NULL || found[i].place > best->place))
            best = &found[i];
    if (best != NULL && best->place != PLACE_DIALOGUE)
        take_paragraph(lines, best, beginnings, number, out);
    for (size_t i = 0; i < count && out->length < REPORT_WORDS_MAX; i++)
        if (is_about(recipient, &found[i]) && &found[i] != best && found[i].place < PLACE_LINE) {
            text_add_string(out, "\n\n");
            take_dialogue(lines, &found[i], out);
        }
    if (best == NULL && report->recipients_count == 1)
        text_add_slice(out, text);
    if (out->length > REPORT_WORDS_MAX)
        out->length = REPORT_WORDS_MAX;
}

void
report_find_words(struct report *report, struct slice text)
{
    struct found *found = mem_alloc(FOUND_MAX * sizeof(found[0]));
    struct lines *lines = mem_alloc(sizeof(*lines));
    uint16_t beginnings[LINES_MAX];
    struct text words = {0};
    size_t count;

    split_lines(text, lines);
    count = find_all(lines, found);
    find_beginnings(report, lines, found, count, beginnings);
    for (size_t i = 0; i < report->recipients_count; i++) {
        text_clear(&words);
        take_words(report, i, text, lines, found, count, beginnings, &words);
        report->recipients[i].words = report_keep(report, slice_trim(text_slice(&words)));
    }
    text_release(&words);
    mem_free(lines);
    mem_free(found);
}
