/* report_json.c - notifications of Amazon SES: JSON, often as a string inside JSON of SNS.
 *
 * Not a reader of JSON: it looks for the keys that it knows, in a text whose escapes were undone. The
 * keys are Amazon's: docs.aws.amazon.com/ses/latest/dg/notification-contents.html */
#include "smtp/report_parts.h"

/* Undone as often as JSON may stand inside JSON here. */
static void
undo_escapes(struct slice s, struct text *out)
{
    for (size_t i = 0; i < s.length; i++) {
        char c = s.at[i];

        if (c == '\\' && i + 1 < s.length) {
            while (s.at[i] == '\\' && i + 1 < s.length)
                i++;
            c = s.at[i];
            if (c == 'n' || c == 'r' || c == 't')
                c = ' ';
        }
        text_add_char(out, c);
    }
}

/* Where the value of the key begins. */
static bool
find_key(struct slice json, const char *key, size_t *value_at)
{
    struct text quoted = {0};
    const char *found;
    size_t at;

    text_printf(&quoted, "\"%s\"", key);
    found = json.length > 0 ? memmem(json.at, json.length, quoted.bytes, quoted.length) : NULL;
    at = found != NULL ? (size_t)(found - json.at) + quoted.length : 0;
    text_release(&quoted);
    while (found != NULL && at < json.length && (char_is_blank(json.at[at]) || json.at[at] == ':'))
        at++;
    *value_at = at;
    return found != NULL && at < json.length;
}

/* The string at the start. Quotes inside were escaped once more, so one ends it only before what may
 * follow a value. */
static struct slice
string_at(struct slice json)
{
    size_t stop, after;

    if (json.length == 0 || json.at[0] != '"')
        return (struct slice){"", 0};
    for (stop = 1; stop < json.length; stop++) {
        if (json.at[stop] != '"')
            continue;
        after = stop + 1;
        while (after < json.length && char_is_blank(json.at[after]))
            after++;
        if (after == json.length || strchr(",}]", json.at[after]) != NULL)
            break;
    }
    return (struct slice){json.at + 1, stop - 1};
}

static struct slice
string_of(struct slice json, const char *key)
{
    size_t at;

    return find_key(json, key, &at) ? string_at(slice_from(json, at)) : (struct slice){"", 0};
}

static struct slice
without_type(struct slice value)
{
    struct slice type, rest;

    return slice_cut(value, ';', &type, &rest) && type.length < 10 ? slice_trim(rest) : value;
}

/* One object of bouncedRecipients and its like. */
static void
read_told(struct report *report, struct slice object, enum dsn_kind usual)
{
    struct slice address = string_of(object, "emailAddress");
    struct report_recipient *recipient = NULL;

    if (address.length > 0)
        recipient = report_add_recipient(report, report_keep(report, report_bare_address(address)));
    if (recipient == NULL)
        return;
    if (!report_action_from_name(string_of(object, "action"), &recipient->action))
        recipient->action = usual;
    report_find_enhanced(string_of(object, "status"), &recipient->code);
    recipient->diagnostic = report_keep(report, without_type(string_of(object, "diagnosticCode")));
}

static void
read_objects(struct report *report, struct slice list, enum dsn_kind usual)
{
    struct slice object, rest;

    while (slice_cut(list, '}', &object, &list)) {
        read_told(report, object, usual);
        if (!slice_cut(list, '{', &rest, &list))
            return;
    }
}

static void
read_strings(struct report *report, struct slice list, enum dsn_kind action)
{
    struct slice address;
    size_t end;

    while (report_find_address(list, &address, &end)) {
        struct report_recipient *recipient =
            report_add_recipient(report, report_keep(report, address));

        if (recipient == NULL)
            return;
        recipient->action = action;
        list = slice_from(list, end);
    }
}

static struct slice
list_of(struct slice json, const char *key)
{
    struct slice list, rest;
    size_t at;

    if (!find_key(json, key, &at))
        return (struct slice){"", 0};
    slice_cut(slice_from(json, at), ']', &list, &rest);
    return list;
}

/* The Message-ID of the field has brackets, which tells it from Amazon's own. */
static struct slice
message_id_of(struct slice json)
{
    struct slice id = {"", 0};
    size_t at;

    while (find_key(json, "messageId", &at)) {
        json = slice_from(json, at);
        id = string_at(json);
        if (id.length > 0 && id.at[0] == '<')
            break;
    }
    return report_bare_address(id);
}

static const struct notification {
    const char *name, *list;
    bool has_objects;
    enum report_kind kind;
    enum dsn_kind action;
} notifications[] = {
    {"Bounce",        "bouncedRecipients",    true,  REPORT_BOUNCE,  DSN_FAILED   },
    {"Reject",        "destination",          false, REPORT_BOUNCE,  DSN_FAILED   },
    {"DeliveryDelay", "delayedRecipients",    true,  REPORT_DELAY,   DSN_DELAYED  },
    {"Complaint",     "complainedRecipients", true,  REPORT_FBL,     DSN_OTHER    },
    {"Delivery",      "recipients",           false, REPORT_SUCCESS, DSN_DELIVERED},
};

static void
read_notification(struct report *report, struct slice json, const struct notification *notification)
{
    struct slice list = list_of(json, notification->list);

    report->kind = notification->kind;
    if (notification->has_objects)
        read_objects(report, list, notification->action);
    else
        read_strings(report, list, notification->action);
    for (size_t i = 0; i < report->recipients_count; i++)
        if (notification->kind == REPORT_SUCCESS)
            report->recipients[i].diagnostic = report_keep(report, string_of(json, "smtpResponse"));
    report->host = report_keep(report, without_type(string_of(json, "reportingMTA")));
    report->return_path = report_keep(report, string_of(json, "source"));
    report->message_id = report_keep(report, message_id_of(json));
    report->original_subject = report_keep(report, string_of(json, "subject"));
    report->feedback.type = report_keep(report, string_of(json, "complaintFeedbackType"));
    report->feedback.user_agent = report_keep(report, string_of(json, "userAgent"));
}

bool
report_read_json(struct report *report, struct slice text)
{
    const struct notification *found = NULL;
    struct text plain = {0};
    struct slice name;

    text = slice_trim(text);
    if (text.length == 0 || text.at[0] != '{')
        return false;
    undo_escapes(text, &plain);
    name = string_of(text_slice(&plain), "notificationType");
    if (name.length == 0)
        name = string_of(text_slice(&plain), "eventType");
    for (size_t i = 0; i < COUNT_OF(notifications); i++)
        if (slice_equals_nocase(name, slice_of(notifications[i].name)))
            found = &notifications[i];
    if (found != NULL)
        read_notification(report, text_slice(&plain), found);
    text_release(&plain);
    return found != NULL;
}
