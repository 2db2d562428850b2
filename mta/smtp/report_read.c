/* report_read.c - mail that came back, taken apart and put together as one report.
 *
 * First come the fields that were made for programs: delivery status, feedback report, notification.
 * Where there are none, the text for people is read. What the mail is, is decided last, by all that was
 * found (report_kind.c). */
#include "smtp/report_parts.h"

#include "smtp/report_kind.h"
#include "smtp/report_words.h"

enum {
    DECODE_MAX = 32768,  /* bytes of text that are decoded: the original's header may come late */
    STATUS_MAX = 262144, /* bytes of a delivery status */
    FIELD_BYTES_MAX = 2048,
    RECIPIENTS_FIRST = 8,
    NESTED_MAX = 2, /* a bounce of a bounce of a bounce */
};

/* --- what the files of the reader share -------------------------------------------------------- */

struct slice
report_keep(struct report *report, struct slice s)
{
    if (s.length == 0)
        return (struct slice){"", 0};
    return (struct slice){arena_copy(&report->arena, s.at, s.length), s.length};
}

/* Twice as much whenever it is full: at 0, 8, 16, 32, … */
static void
make_room(struct report *report)
{
    size_t count = report->recipients_count, capacity = count == 0 ? RECIPIENTS_FIRST : count * 2;
    struct report_recipient *more;

    if (count != 0 && (count < RECIPIENTS_FIRST || (count & (count - 1)) != 0))
        return;
    more = arena_alloc(&report->arena, capacity * sizeof(more[0]));
    if (count > 0)
        memcpy(more, report->recipients, count * sizeof(more[0]));
    report->recipients = more;
}

struct report_recipient *
report_add_recipient(struct report *report, struct slice address)
{
    struct report_recipient *recipient;

    for (size_t i = 0; i < report->recipients_count; i++)
        if (slice_equals_nocase(report->recipients[i].address, address))
            return &report->recipients[i];
    if (report->recipients_count == REPORT_RECIPIENTS_MAX) {
        report->trouble = REPORT_TOO_MANY_RECIPIENTS;
        return NULL;
    }
    make_room(report);
    recipient = &report->recipients[report->recipients_count++];
    *recipient = (struct report_recipient){
        .original = {"", 0},
          .address = address, .diagnostic = {"", 0},
          .words = {"", 0}
    };
    return recipient;
}

/* --- parts ------------------------------------------------------------------------------------- */

static bool
is_original(const struct mime_part *part)
{
    static const char *const types[] = {"message/rfc822", "text/rfc822-headers", "message/global",
        "message/global-headers", "message/rfc822-headers", "text/rfc822-header", "message/partial",
        "text/rfc822"};

    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (mime_is(part, types[i]))
            return true;
    return false;
}

/* "message/delivery-status", and what people make of it. */
static bool
is_fields(const struct mime_part *part, struct slice name)
{
    return slice_starts_with_nocase(part->type, SLICE("message/")) &&
        slice_contains_nocase(part->type, name);
}

static bool
is_text(const struct mime_part *part, bool is_html)
{
    bool is_plain = part->type.length == 0 ||
        (slice_starts_with_nocase(part->type, SLICE("text/")) && !mime_is(part, "text/html") &&
            !mime_is(part, "text/css"));

    return !part->is_attachment && (is_html ? mime_is(part, "text/html") : is_plain);
}

static void
read_fields(struct report *report, const struct mime *mime)
{
    struct text scratch = {0};

    for (size_t i = 0; i < mime->parts_count; i++) {
        const struct mime_part *part = &mime->parts[i];

        if (!report->is_dsn && is_fields(part, SLICE("delivery-status")))
            report_read_status(report, mime_decode(part, STATUS_MAX, &scratch));
        else if (is_fields(part, SLICE("feedback-report"))) {
            report_read_feedback(report, mime_decode(part, STATUS_MAX, &scratch));
            report->kind = REPORT_FBL;
        }
    }
    report->is_dsn = report->recipients_count > 0;
    text_release(&scratch);
}

/* The text of the parts before the returned message. */
static void
gather_text(const struct mime *mime, bool is_html, struct text *out)
{
    struct text scratch = {0};

    for (size_t i = 0; i < mime->parts_count && out->length < DECODE_MAX; i++) {
        const struct mime_part *part = &mime->parts[i];
        struct slice text;

        if (is_original(part))
            break;
        if (!is_text(part, is_html) || part->body.length == 0)
            continue;
        text = mime_decode(part, DECODE_MAX - out->length, &scratch);
        if (out->length > 0)
            text_add_char(out, '\n');
        for (size_t j = 0; j < text.length; j++)
            if (text.at[j] != '\r' && text.at[j] != '\0')
                text_add_char(out, text.at[j]);
    }
    text_release(&scratch);
}

/* --- the message it is about ------------------------------------------------------------------- */

/* Of a field that people read, no more is looked at. */
static struct slice
first_bytes(struct slice value)
{
    if (value.length > FIELD_BYTES_MAX)
        value.length = FIELD_BYTES_MAX;
    return value;
}

static struct slice
decoded(struct report *report, struct slice value)
{
    struct text out = {0};
    struct slice kept;

    mime_decode_words(first_bytes(value), &out);
    kept = report_keep(report, slice_trim(text_slice(&out)));
    text_release(&out);
    return kept;
}

static struct slice
first_id(struct slice value)
{
    struct slice head, rest;

    if (!slice_cut(value, '<', &head, &rest) || !slice_cut(rest, '>', &head, &rest))
        return (struct slice){"", 0};
    return slice_trim(head);
}

static struct slice
first_address(struct slice value)
{
    struct slice address;
    size_t end;

    return report_find_address(value, &address, &end) ? address : (struct slice){"", 0};
}

static void
read_original(struct report *report, const struct mime_header *header)
{
    if (report->message_id.length == 0)
        report->message_id = report_keep(report, first_id(header->values[FIELD_MESSAGE_ID]));
    if (report->return_path.length == 0)
        report->return_path = report_keep(report, first_address(header->values[FIELD_RETURN_PATH]));
    if (report->return_path.length == 0)
        report->return_path = report_keep(report, first_address(header->values[FIELD_SENDER_ID]));
    if (report->original_subject.length == 0)
        report->original_subject = decoded(report, header->values[FIELD_SUBJECT]);
}

/* --- all of it --------------------------------------------------------------------------------- */

struct reading {
    struct mime mime;
    struct text text;      /* with what may follow it: the returned message, in plain sight */
    struct slice original; /* the returned message, or its header; may be empty */
    struct mime_header original_header;
    unsigned depth; /* of reports in reports */
};

static void read_at_depth(struct slice content, struct report *report, unsigned depth);

/* Exim: "------ The body of the message is 5384741 characters long; only the first". */
static struct slice
skip_remarks(struct slice original)
{
    struct slice line;

    original = mime_skip_empty_lines(original);
    while (slice_starts_with(original, SLICE("--"))) {
        slice_cut(original, '\n', &line, &original);
        original = mime_skip_empty_lines(original);
    }
    return original;
}

/* A part is the returned message, or the text goes on with it. */
static void
find_original(struct reading *reading, struct report *report)
{
    struct slice text = text_slice(&reading->text);
    size_t original_at, end = report_text_end(text, &original_at);

    reading->original = slice_from(text, original_at);
    for (size_t i = 0; i < reading->mime.parts_count; i++)
        if (is_original(&reading->mime.parts[i])) {
            reading->original = reading->mime.parts[i].body;
            break;
        }
    reading->original = skip_remarks(reading->original);
    mime_header_read(reading->original, &reading->original_header);
    text.length = end < REPORT_TEXT_MAX ? end : REPORT_TEXT_MAX;
    report->text = report_keep(report, slice_trim(text));
}

/* "> From: Mail Delivery Subsystem", as people forward it: the marks are not its own. */
static struct slice
without_quote_marks(struct slice text, struct text *out)
{
    struct slice line, rest = text;
    bool has_more = text.length > 0;

    while (rest.length > 0 && char_is_blank(rest.at[0]))
        rest = slice_from(rest, 1);
    if (rest.length == 0 || rest.at[0] != '>')
        return text;
    while (has_more) {
        has_more = slice_cut(rest, '\n', &line, &rest);
        if (line.length > 0 && line.at[0] == '>')
            line = slice_from(line, line.length > 1 && line.at[1] == ' ' ? 2 : 1);
        text_add_slice(out, line);
        text_add_char(out, '\n');
    }
    return text_slice(out);
}

/* The outer report speaks of nobody: what it is about may be a report itself. */
static bool
adopt_nested(struct reading *reading, struct report *report)
{
    struct report inner;
    struct text unquoted = {0};
    bool is_report;

    if (reading->depth >= NESTED_MAX || reading->original.length == 0)
        return false;
    read_at_depth(without_quote_marks(reading->original, &unquoted), &inner, reading->depth + 1);
    text_release(&unquoted);
    is_report =
        inner.recipients_count > 0 && (inner.kind == REPORT_BOUNCE || inner.kind == REPORT_DELAY);
    for (size_t i = 0; i < inner.recipients_count && is_report; i++) {
        const struct report_recipient *told = &inner.recipients[i];
        struct report_recipient *recipient =
            report_add_recipient(report, report_keep(report, told->address));

        if (recipient == NULL)
            break;
        recipient->original = report_keep(report, told->original);
        recipient->action = told->action;
        recipient->code = told->code;
        recipient->smtp_code = told->smtp_code;
        recipient->diagnostic = report_keep(report, told->diagnostic);
        recipient->words = report_keep(report, told->words);
    }
    if (is_report) {
        report->kind = inner.kind;
        report->message_id = report_keep(report, inner.message_id);
        report->return_path = report_keep(report, inner.return_path);
        report->original_subject = report_keep(report, inner.original_subject);
    }
    report_release(&inner);
    return is_report;
}

static bool
find_told(struct reading *reading, struct report *report)
{
    const struct slice *values = reading->mime.header.values;
    struct text senders = {0};
    bool is_found;

    text_add_slice(&senders, first_bytes(values[FIELD_TO]));
    text_add_char(&senders, ' ');
    text_add_slice(&senders, first_bytes(reading->original_header.values[FIELD_FROM]));
    is_found = report_find_recipients(
        report, report->text, values[FIELD_FAILED_RECIPIENTS], text_slice(&senders));
    text_release(&senders);
    return is_found;
}

static void
find_recipients(struct reading *reading, struct report *report)
{
    struct slice text = report->text;
    const char *fields =
        text.length > 0 ? memmem(text.at, text.length, "Final-Recipient:", 16) : NULL;

    if (fields != NULL) { /* a delivery status in plain text */
        const char *host = memmem(text.at, text.length, "Reporting-MTA:", 14);
        report_read_status(report,
            slice_from(text, (size_t)((host != NULL && host < fields ? host : fields) - text.at)));
        report->is_dsn = report->recipients_count > 0;
    }
    if (report->recipients_count == 0 && !find_told(reading, report) &&
        !adopt_nested(reading, report))
        report_add_failed(report, reading->original_header.values[FIELD_TO]);
}

/* A status may name the file or the program that an address led to. Then the address is told elsewhere. */
static void
mend_address(struct reading *reading, struct report *report)
{
    struct report told = {0};
    const struct slice failed = reading->mime.header.values[FIELD_FAILED_RECIPIENTS];

    if (report->recipients_count != 1 || report_is_address(report->recipients[0].address))
        return;
    told.from = report->from;
    told.return_path = report->return_path;
    told.text = report->text;
    report_add_failed(&told, failed);
    if (told.recipients_count == 0)
        find_told(reading, &told);
    if (told.recipients_count == 0)
        report_add_failed(&told, reading->original_header.values[FIELD_TO]);
    if (told.recipients_count == 1)
        report->recipients[0].address = report_keep(report, told.recipients[0].address);
    report_release(&told);
}

/* Who complains, or who was answered for, is the recipient. */
static void
add_answerer(struct report *report, struct slice address)
{
    struct slice found = first_address(address);
    struct report_recipient *recipient = NULL;

    report->recipients_count = 0;
    if (found.length > 0)
        recipient = report_add_recipient(report, report_keep(report, found));
    if (recipient != NULL)
        recipient->action = DSN_OTHER;
}

static void
read_complaint(struct reading *reading, struct report *report)
{
    struct slice rcpt = report->feedback.rcpt;

    if (rcpt.length == 0)
        rcpt = reading->original_header.values[FIELD_HMXMR_TO];
    if (rcpt.length == 0)
        rcpt = reading->original_header.values[FIELD_TO];
    if (report->return_path.length == 0)
        report->return_path = report->feedback.mail_from;
    add_answerer(report, rcpt);
}

static void
set_kind(struct reading *reading, struct report *report)
{
    const struct report_evidence evidence = {.header = &reading->mime.header,
        .report_type = reading->mime.report_type,
        .has_original = reading->original.length > 0,
        .is_complaint = reading->original_header.values[FIELD_HMXMR_TO].length > 0};

    report->kind = report_find_kind(report, &evidence);
    if (report->kind == REPORT_NOTBOUNCE && report_subject_is_of_bounce(report) &&
        adopt_nested(reading, report))
        return;
    switch (report->kind) {
    case REPORT_BOUNCE:
    case REPORT_DELAY:
        if (report->recipients_count == 0)
            find_recipients(reading, report);
        mend_address(reading, report);
        for (size_t i = 0; i < report->recipients_count; i++)
            if (report->kind == REPORT_DELAY && !report->is_dsn)
                report->recipients[i].action = DSN_DELAYED;
        report_find_diagnostics(report);
        break;
    case REPORT_FBL:
        read_complaint(reading, report);
        break;
    case REPORT_AUTOREPLY:
        add_answerer(report, reading->mime.header.values[FIELD_FROM]);
        break;
    case REPORT_NOTBOUNCE: /* what it may carry, it is not about */
        report->recipients_count = 0;
        report->message_id = report->return_path = report->original_subject = (struct slice){"", 0};
        break;
    case REPORT_SUCCESS:
    case REPORT_CHALLENGE:
    case REPORT_KINDS_COUNT:
        break;
    }
}

static void
read_at_depth(struct slice content, struct report *report, unsigned depth)
{
    struct reading *reading = mem_alloc(sizeof(*reading));
    const struct slice *values = reading->mime.header.values;

    *report = (struct report){
        .from = {"", 0},
          .subject = {"", 0},
          .host = {"", 0}
    };
    reading->depth = depth;
    reading->text = (struct text){0};
    if (content.length > REPORT_BYTES_MAX)
        report->trouble = REPORT_TOO_LARGE;
    mime_read((struct slice){content.at,
                  content.length > REPORT_BYTES_MAX ? REPORT_BYTES_MAX : content.length},
        &reading->mime);
    if (reading->mime.trouble != REPORT_FINE)
        report->trouble = reading->mime.trouble;
    report->hops = reading->mime.header.hops;
    if (report->hops > REPORT_HOPS_MAX)
        report->trouble = REPORT_LOOP;
    report->from = decoded(report, values[FIELD_FROM]);
    report->subject = decoded(report, values[FIELD_SUBJECT]);
    read_fields(report, &reading->mime);
    gather_text(&reading->mime, false, &reading->text);
    if (slice_trim(text_slice(&reading->text)).length == 0) {
        text_clear(&reading->text);
        gather_text(&reading->mime, true, &reading->text);
    }
    if (!report_read_json(report, text_slice(&reading->text))) {
        find_original(reading, report);
        read_original(report, &reading->original_header);
        if (report->message_id.length == 0)
            report->message_id = report_keep(report, first_id(values[FIELD_REFERENCES]));
        set_kind(reading, report);
    } else if (report->kind == REPORT_BOUNCE || report->kind == REPORT_DELAY) {
        report_find_diagnostics(report);
    }
    text_release(&reading->text);
    mem_free(reading);
}

void
report_read(struct slice content, struct report *report)
{
    read_at_depth(content, report, 0);
}

void
report_release(struct report *report)
{
    arena_release(&report->arena);
    *report = (struct report){0};
}
