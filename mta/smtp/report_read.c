/* report_read.c - mail that came back, taken apart: GMime finds the parts, the fields are ours.
 *
 * GMime sets itself up once per process; that is the only state outside a report. */
#include "smtp/report.h"

#include <gmime/gmime.h>

#include "smtp/message.h"

static const struct action_name {
    const char *name;
    enum dsn_kind action;
} action_names[] = {
    {"failed",    DSN_FAILED   },
    {"delayed",   DSN_DELAYED  },
    {"delivered", DSN_DELIVERED},
    {"relayed",   DSN_RELAYED  },
    {"expanded",  DSN_EXPANDED },
};

/* ---- fields ---- */

/* The value of a field, in one line and on its own memory. */
static struct slice
field(struct report *report, struct slice group, struct slice name)
{
    struct text unfolded = {0};
    struct slice value, kept;

    if (!header_find(group, name, &value))
        return (struct slice){"", 0};
    header_unfold(&unfolded, value);
    value = slice_trim(text_slice(&unfolded));
    kept = (struct slice){arena_copy(&report->arena, value.at, value.length), value.length};
    text_release(&unfolded);
    return kept;
}

/* Without "rfc822;" and the like, which not everybody writes. */
static struct slice
typed_field(struct report *report, struct slice group, struct slice name)
{
    struct slice value = field(report, group, name), type, rest;

    return slice_cut(value, ';', &type, &rest) ? slice_trim(rest) : value;
}

/* Some write "<kim@isp.test>". */
static struct slice
without_brackets(struct slice s)
{
    while (s.length >= 2 && s.at[0] == '<' && s.at[s.length - 1] == '>')
        s = slice_trim((struct slice){s.at + 1, s.length - 2});
    return s;
}

static enum dsn_kind
action_of(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(action_names); i++)
        if (slice_equals_nocase(name, slice_of(action_names[i].name)))
            return action_names[i].action;
    return DSN_OTHER;
}

static void
read_recipient(struct report *report, struct slice group)
{
    struct report_recipient recipient = {
        .original = without_brackets(typed_field(report, group, SLICE("Original-Recipient"))),
        .address = without_brackets(typed_field(report, group, SLICE("Final-Recipient"))),
        .action = action_of(field(report, group, SLICE("Action"))),
        .diagnostic = typed_field(report, group, SLICE("Diagnostic-Code"))};
    struct slice status = field(report, group, SLICE("Status")), rest;

    enhanced_parse(status, &recipient.code, &rest);
    if (recipient.address.length == 0)
        recipient.address = recipient.original;
    if (recipient.address.length > 0)
        report->recipients[report->recipients_count++] = recipient;
}

static struct slice
skip_empty_lines(struct slice s)
{
    while (s.length > 0 && (s.at[0] == '\r' || s.at[0] == '\n'))
        s = slice_from(s, 1);
    return s;
}

/* A group about the message, then one per recipient; an empty line between them (RFC 3464 2.1). */
static void
read_groups(struct report *report, struct slice fields)
{
    bool is_first = true;

    report->is_dsn = true;
    report->recipients =
        arena_alloc(&report->arena, REPORT_RECIPIENTS_MAX * sizeof report->recipients[0]);
    fields = skip_empty_lines(fields);
    while (fields.length > 0 && report->recipients_count < REPORT_RECIPIENTS_MAX) {
        struct slice group = {fields.at, header_length(fields)};

        if (is_first)
            report->host = typed_field(report, group, SLICE("Reporting-MTA"));
        read_recipient(report, group);
        is_first = false;
        fields = skip_empty_lines(slice_from(fields, group.length));
    }
}

/* ---- parts ---- */

static bool
is_type(GMimeObject *part, const char *type, const char *subtype)
{
    return g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype);
}

/* With its transfer encoding undone. */
static void
decode(GMimeObject *part, struct text *out)
{
    GMimeStream *stream = g_mime_stream_mem_new();
    GMimeDataWrapper *content = g_mime_part_get_content((GMimePart *)part);
    GByteArray *bytes;

    if (content != NULL)
        g_mime_data_wrapper_write_to_stream(content, stream);
    bytes = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)stream);
    if (bytes->len > 0)
        text_add(out, (const char *)bytes->data, bytes->len);
    g_object_unref(stream);
}

static void
keep_message_id(struct report *report, struct slice id)
{
    id = without_brackets(slice_trim(id));
    report->message_id = (struct slice){arena_copy(&report->arena, id.at, id.length), id.length};
}

/* The message it is about comes whole, or its header alone. */
static void
read_returned(struct report *report, GMimeObject *part)
{
    struct text header = {0};

    if (GMIME_IS_MESSAGE_PART(part)) {
        GMimeMessage *message = g_mime_message_part_get_message((GMimeMessagePart *)part);
        const char *id = message != NULL ? g_mime_message_get_message_id(message) : NULL;

        if (id != NULL)
            keep_message_id(report, slice_of(id));
    } else if (GMIME_IS_PART(part)) {
        decode(part, &header);
        keep_message_id(report, field(report, text_slice(&header), SLICE("Message-ID")));
        text_release(&header);
    }
}

static void
read_status(struct report *report, GMimeObject *part)
{
    struct text fields = {0};

    decode(part, &fields);
    read_groups(report, text_slice(&fields));
    text_release(&fields);
}

static void
read_part(struct report *report, GMimeObject *part)
{
    if (GMIME_IS_PART(part) && !report->is_dsn &&
        (is_type(part, "message", "delivery-status") ||
            is_type(part, "message", "global-delivery-status")))
        read_status(report, part);
    else if (is_type(part, "message", "rfc822") || is_type(part, "text", "rfc822-headers") ||
        is_type(part, "message", "global") || is_type(part, "message", "global-headers"))
        read_returned(report, part);
}

/* OpenSMTPD puts a delivery status into multipart/mixed, where other people's mail is too: there it has
 * to speak of a recipient. */
static void
read_parts(struct report *report, GMimeMessage *message)
{
    GMimeObject *body = g_mime_message_get_mime_part(message);
    GMimeMultipart *multipart = (GMimeMultipart *)body;

    bool is_mixed;

    if (body == NULL || !GMIME_IS_MULTIPART(body))
        return;
    is_mixed = is_type(body, "multipart", "mixed");
    if (!is_mixed && !is_type(body, "multipart", "report"))
        return;
    for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
        read_part(report, g_mime_multipart_get_part(multipart, i));
    if (is_mixed && report->recipients_count == 0)
        report_release(report);
}

/* By the worst that is told. */
static enum report_kind
kind_of(const struct report *report)
{
    enum report_kind kind = REPORT_NOTBOUNCE;

    for (size_t i = 0; i < report->recipients_count; i++) {
        enum dsn_kind action = report->recipients[i].action;
        if (action == DSN_FAILED)
            return REPORT_BOUNCE;
        if (action == DSN_DELAYED)
            kind = REPORT_DELAY;
        else if (action != DSN_OTHER && kind == REPORT_NOTBOUNCE)
            kind = REPORT_SUCCESS;
    }
    return kind;
}

static void
set_up_library(void)
{
    static bool is_set_up;

    if (!is_set_up)
        g_mime_init();
    is_set_up = true;
}

void
report_read(struct slice content, struct report *report)
{
    GMimeStream *stream;
    GMimeParser *parser;
    GMimeMessage *message;

    *report = (struct report){0};
    if (content.length > REPORT_BYTES_MAX)
        content.length = REPORT_BYTES_MAX;
    set_up_library();
    stream =
        g_mime_stream_mem_new_with_buffer(content.length > 0 ? content.at : "", content.length);
    parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_format(parser, GMIME_FORMAT_MESSAGE);
    message = g_mime_parser_construct_message(parser, NULL);
    if (message != NULL) {
        read_parts(report, message);
        report->kind = kind_of(report);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
}

void
report_release(struct report *report)
{
    arena_release(&report->arena);
    *report = (struct report){0};
}
