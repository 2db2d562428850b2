/* report_write.c - a delivery status notification, put together. */
#include "smtp/report.h"

#include "base/unit.h"

/* What the people who get it read first, RFC 6522 3 (a). */
static const struct phrasing {
    enum dsn_kind action;
    const char *subject, *opening;
} phrasings[] = {
    {DSN_FAILED,    "Undelivered Mail Returned to Sender",
     "Your message could not be delivered to the recipients below."                                               },
    {DSN_DELAYED,   "Delayed Mail (still being tried)",
     "Your message has not been delivered yet; you need not send it again."                                       },
    {DSN_DELIVERED, "Successful Mail Delivery Report",     "Your message was delivered."                          },
    {DSN_RELAYED,   "Mail Relayed",                        "Your message went on to a host that sends no reports."},
    {DSN_EXPANDED,  "Mail Expanded",                       "Your message went to a list."                         },
};

static const struct phrasing *
phrasing_of(enum dsn_kind action)
{
    for (size_t i = 0; i < COUNT_OF(phrasings); i++)
        if (phrasings[i].action == action)
            return &phrasings[i];
    return &phrasings[0];
}

/* A line of a field: nothing that ends it, and ASCII only (RFC 3464 2.1.1). */
static void
add_plain(struct text *out, struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        text_add_char(out, s.at[i] == '\n' ? ' ' : s.at[i] >= ' ' && s.at[i] < 127 ? s.at[i] : '?');
}

static void
add_field(struct text *out, const char *name, const char *type, struct slice value)
{
    if (value.length == 0)
        return;
    text_printf(out, "%s: %s", name, type);
    add_plain(out, value);
    text_add(out, "\r\n", 2);
}

/* The returned header is the sender's to choose, so the boundary must not be met there. */
static void
choose_boundary(struct text *boundary, const struct report_letter *letter)
{
    text_add_string(boundary, "report-");
    add_plain(boundary, letter->id);
    while (boundary->length < 60 && letter->returned_header.length > 0 &&
        memmem(letter->returned_header.at, letter->returned_header.length, boundary->bytes,
            boundary->length) != NULL)
        text_add_char(boundary, 'x');
}

static void
write_header(struct text *out, const struct report_letter *letter, struct slice boundary)
{
    add_field(out, "From", "Mail Delivery System <", letter->from);
    out->length -= 2; /* behind the address comes its bracket */
    text_add_string(out, ">\r\n");
    add_field(out, "To", "", letter->to);
    text_printf(out, "Subject: %s\r\nDate: ", phrasing_of(letter->recipients[0].action)->subject);
    unit_format_rfc5322_date(out, letter->wall_us);
    text_add_string(out, "\r\nMessage-ID: <");
    add_plain(out, letter->id);
    text_add_char(out, '@');
    add_plain(out, letter->host);
    text_add_string(out, ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    text_printf(out,
        "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%.*s\"\r\n",
        SLICE_ARGS(boundary));
}

static void
begin_part(struct text *out, struct slice boundary, const char *type)
{
    text_printf(out, "\r\n--%.*s\r\nContent-Type: %s\r\n\r\n", SLICE_ARGS(boundary), type);
}

static void
write_for_people(struct text *out, const struct report_letter *letter)
{
    text_add_string(out, "This is the mail system at ");
    add_plain(out, letter->host);
    text_printf(out, ".\r\n\r\n%s\r\n\r\n", phrasing_of(letter->recipients[0].action)->opening);
    for (size_t i = 0; i < letter->recipients_count; i++) {
        text_add_string(out, "  ");
        add_plain(out, letter->recipients[i].address);
        text_add_string(out, ": ");
        add_plain(out, letter->recipients[i].diagnostic);
        text_add_string(out, "\r\n");
    }
}

static void
write_recipient(struct text *out, const struct report_recipient *recipient)
{
    bool has_original = recipient->original.length > 0;
    struct text status = {0};

    enhanced_format(&status, recipient->code);
    text_add_string(out, "\r\n");
    add_field(out, "Original-Recipient", "rfc822;",
        has_original ? recipient->original : recipient->address);
    add_field(out, "Final-Recipient", "rfc822;", recipient->address);
    add_field(out, "Action", "", slice_of(dsn_kind_name(recipient->action)));
    add_field(out, "Status", "", text_slice(&status));
    add_field(out, "Diagnostic-Code", "smtp; ", recipient->diagnostic);
    text_release(&status);
}

void
report_write(struct text *out, const struct report_letter *letter)
{
    struct text boundary = {0};

    assert(letter->recipients_count > 0);
    choose_boundary(&boundary, letter);
    write_header(out, letter, text_slice(&boundary));
    begin_part(out, text_slice(&boundary), "text/plain; charset=us-ascii");
    write_for_people(out, letter);
    begin_part(out, text_slice(&boundary), "message/delivery-status");
    add_field(out, "Reporting-MTA", "dns; ", letter->host);
    for (size_t i = 0; i < letter->recipients_count; i++)
        write_recipient(out, &letter->recipients[i]);
    if (letter->returned_header.length > 0) {
        begin_part(out, text_slice(&boundary), "text/rfc822-headers");
        text_add_slice(out, letter->returned_header);
    }
    text_printf(out, "\r\n--%s--\r\n", text_string(&boundary));
    text_release(&boundary);
}
