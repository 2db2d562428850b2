/* report_status.c - groups of fields: the delivery status of RFC 3464, the complaint of RFC 5965. */
#include "smtp/report_parts.h"

#include "smtp/message.h"

static const struct action_name {
    const char *name;
    enum dsn_kind action;
} action_names[] = {
    {"failed",        DSN_FAILED   },
    {"failure",       DSN_FAILED   },
    {"delayed",       DSN_DELAYED  },
    {"delivered",     DSN_DELIVERED},
    {"deliverable",   DSN_DELIVERED},
    {"relayed",       DSN_RELAYED  },
    {"expanded",      DSN_EXPANDED },
    {"undeliverable", DSN_FAILED   },
    {"expired",       DSN_FAILED   },
};

/* The value of a field, in one line and on its own memory. */
static struct slice
field(struct report *report, struct slice group, struct slice name)
{
    struct text unfolded = {0};
    struct slice value, kept;

    if (!header_find(group, name, &value))
        return (struct slice){"", 0};
    for (size_t i = 0; i < value.length; i++) /* folds, and the blanks that came with them */
        if (!char_is_blank(value.at[i]))
            text_add_char(&unfolded, value.at[i]);
        else if (unfolded.length > 0 && unfolded.bytes[unfolded.length - 1] != ' ')
            text_add_char(&unfolded, ' ');
    kept = report_keep(report, slice_trim(text_slice(&unfolded)));
    text_release(&unfolded);
    return kept;
}

/* Without "rfc822;" and the like, which not everybody writes; a type is one word. */
static struct slice
typed_field(struct report *report, struct slice group, struct slice name)
{
    struct slice value = field(report, group, name), type, rest;

    if (!slice_cut(value, ';', &type, &rest))
        return value;
    type = slice_trim(type);
    for (size_t i = 0; i < type.length; i++)
        if (!char_is_letter(type.at[i]) && !char_is_digit(type.at[i]) &&
            !char_in("-/.", type.at[i]))
            return value;
    return slice_trim(rest);
}

struct slice
report_bare_address(struct slice value)
{
    value = slice_trim(value);
    while (value.length >= 2 && value.at[0] == '<' && value.at[value.length - 1] == '>')
        value = slice_trim((struct slice){value.at + 1, value.length - 2});
    return value;
}

static struct slice
address_field(struct report *report, struct slice group, struct slice name)
{
    struct slice value = report_bare_address(typed_field(report, group, name)), address;
    size_t end;

    /* "<kim@isp.test> (expanded from alias)", "Kim <kim@isp.test>" */
    if (memchr(value.at, ' ', value.length) != NULL &&
        memchr(value.at, '<', value.length) != NULL && report_find_address(value, &address, &end))
        return address;
    return value;
}

bool
report_is_address(struct slice value)
{
    const char *sign = value.length > 0 ? memchr(value.at, '@', value.length) : NULL;

    return sign != NULL && sign > value.at && sign + 1 < value.at + value.length &&
        value.at[0] != '/' && value.at[0] != '|';
}

bool
report_action_from_name(struct slice name, enum dsn_kind *action)
{
    size_t length = 0;

    while (length < name.length && (char_is_letter(name.at[length])))
        length++;
    name.length = length;
    for (size_t i = 0; i < COUNT_OF(action_names); i++)
        if (slice_equals_nocase(name, slice_of(action_names[i].name))) {
            *action = action_names[i].action;
            return true;
        }
    return false;
}

static void
read_recipient(struct report *report, struct slice group)
{
    struct report_recipient told = {
        .original = address_field(report, group, SLICE("Original-Recipient")),
        .address = address_field(report, group, SLICE("Final-Recipient")),
        .action = DSN_OTHER,
        .diagnostic = typed_field(report, group, SLICE("Diagnostic-Code")),
        .words = {"", 0}
    };
    struct slice status = field(report, group, SLICE("Status"));
    struct report_recipient *recipient;

    if (!report_action_from_name(field(report, group, SLICE("Action")), &told.action) &&
        told.diagnostic.length == 0 && status.length == 0 && told.address.length == 0)
        return;
    report_find_enhanced(status, &told.code);
    if (told.code.class == 0 && status.length > 0 && status.at[0] == '2')
        told.code.class = 2;
    if (!report_is_address(told.address) && told.original.length > 0)
        told.address = told.original;
    if (!report_is_address(told.address) && told.address.length == 0)
        told.address = address_field(report, group, SLICE("X-Actual-Recipient"));
    if (told.address.length == 0)
        return;
    recipient = report_add_recipient(report, told.address);
    if (recipient != NULL)
        *recipient = told;
}

static struct slice
skip_empty_lines(struct slice s)
{
    while (s.length > 0 && char_is_blank(s.at[0]))
        s = slice_from(s, 1);
    return s;
}

/* A group about the message, then one per recipient; an empty line between them (RFC 3464 2.1). */
void
report_read_status(struct report *report, struct slice fields)
{
    bool is_first = report->host.length == 0;

    report->is_dsn = true;
    fields = skip_empty_lines(fields);
    while (fields.length > 0 && report->trouble != REPORT_TOO_MANY_RECIPIENTS) {
        struct slice group = {fields.at, header_length(fields)};

        if (is_first) {
            report->host = typed_field(report, group, SLICE("Reporting-MTA"));
            if (report->return_path.length == 0)
                report->return_path = address_field(report, group, SLICE("X-Postfix-Sender"));
        }
        read_recipient(report, group);
        is_first = false;
        fields = skip_empty_lines(slice_from(fields, group.length));
    }
}

void
report_read_feedback(struct report *report, struct slice fields)
{
    struct report_feedback *feedback = &report->feedback;

    fields = skip_empty_lines(fields);
    feedback->type = field(report, fields, SLICE("Feedback-Type"));
    feedback->user_agent = field(report, fields, SLICE("User-Agent"));
    feedback->mail_from = address_field(report, fields, SLICE("Original-Mail-From"));
    feedback->rcpt = address_field(report, fields, SLICE("Original-Rcpt-To"));
    if (!report_is_address(feedback->rcpt))
        feedback->rcpt = address_field(report, fields, SLICE("Redacted-Address"));
    if (!report_is_address(feedback->rcpt))
        feedback->rcpt = (struct slice){"", 0};
    feedback->source_ip = field(report, fields, SLICE("Source-IP"));
    report->host = typed_field(report, fields, SLICE("Reporting-MTA"));
}
