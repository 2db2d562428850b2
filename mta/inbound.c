/* inbound.c - where mail comes back to. */
#include "mta/inbound.h"

#include "base/mem.h"
#include "mta/reception.h"
#include "smtp/event.h"
#include "smtp/message.h"
#include "smtp/report.h"

struct inbound {
    const struct mta_config *config;
    struct mta_doors doors;
    struct reception *reception;
    uint64_t reports_count, others_count;
};

static const char *
on_mail(void *arg, void *note, const struct command *command)
{
    return NULL;
}

/* RFC 5321 4.5.1: <postmaster> is always somebody. */
static const char *
on_rcpt(void *arg, void *note, const struct mail_address *address)
{
    const struct inbound *inbound = arg;

    if (address->domain.length == 0)
        return NULL;
    for (size_t i = 0; i < inbound->config->return_domains_count; i++)
        if (slice_equals_nocase(address->domain, inbound->config->return_domains[i]))
            return NULL;
    return "550 5.7.1 relaying denied: only return paths are taken here";
}

static uint32_t
name_of(struct inbound *inbound, struct slice text)
{
    if (text.length > INBOUND_TEXT_MAX)
        text.length = INBOUND_TEXT_MAX;
    return text.length > 0 ? journal_name(inbound->doors.journal, text) : 0;
}

static void
tell(struct inbound *inbound, struct slice return_path, const struct report *report,
    const struct report_recipient *recipient)
{
    struct event event = {.at_us = loop_now_us(inbound->doors.loop),
        .kind = EVENT_DSN_RECEIVED,
        .dsn_kind = DSN_OTHER,
        .host = name_of(inbound, report->host)};
    struct slice rcpt = {0};

    if (recipient != NULL) {
        rcpt = recipient->original.length > 0 ? recipient->original : recipient->address;
        event.dsn_kind = (uint8_t)recipient->action;
        event.enhanced = enhanced_pack(recipient->code);
        event.text = name_of(inbound, recipient->diagnostic);
    }
    event_write(inbound->doors.journal, &event, return_path, rcpt);
}

/* One event per recipient of the report; one in all for what speaks of nobody. */
static void
take_report(struct inbound *inbound, struct slice return_path, const struct report *report)
{
    if (report->recipients_count == 0) {
        inbound->others_count++;
        tell(inbound, return_path, report, NULL);
        return;
    }
    inbound->reports_count++;
    for (size_t i = 0; i < report->recipients_count; i++)
        tell(inbound, return_path, report, &report->recipients[i]);
}

static void
on_message(void *arg, void *note, struct guest *guest, const struct reception_mail *mail)
{
    struct inbound *inbound = arg;
    struct text content = {0}, return_path = {0};
    struct report report;

    dot_unstuff(&content, mail->content);
    report_read(text_slice(&content), &report);
    for (size_t i = 0; i < mail->recipients_count; i++) {
        text_clear(&return_path);
        address_format(&return_path, &mail->recipients[i]);
        take_report(inbound, text_slice(&return_path), &report);
    }
    report_release(&report);
    text_release(&content);
    text_release(&return_path);
    guest_answer(guest, "250 2.0.0 ok, taken");
}

static const struct house returns_house = {
    .on_mail = on_mail,
    .on_rcpt = on_rcpt,
    .on_message = on_message,
};

struct inbound *
inbound_new(const struct mta_config *config, const struct mta_doors *doors, struct error *err)
{
    struct inbound *inbound = mem_alloc_zeroed(sizeof *inbound);
    const struct reception_setup setup = {.loop = doors->loop,
        .network = doors->network,
        .hostname = config->hostname,
        .listen = config->inbound,
        .size_max = config->size_max,
        .tls = doors->tls_server,
        .house = &returns_house,
        .house_arg = inbound};

    inbound->config = config;
    inbound->doors = *doors;
    inbound->reception = reception_new(&setup, err);
    if (inbound->reception == NULL) {
        error_prefix(err, "the MTA's listener for returned mail");
        inbound_free(&inbound);
    }
    return inbound;
}

void
inbound_free(struct inbound **inbound)
{
    if (*inbound == NULL)
        return;
    reception_free(&(*inbound)->reception);
    mem_free(*inbound);
    *inbound = NULL;
}

void
inbound_stop(struct inbound *inbound)
{
    reception_stop(inbound->reception);
}

uint64_t
inbound_reports_count(const struct inbound *inbound)
{
    return inbound->reports_count;
}

uint64_t
inbound_others_count(const struct inbound *inbound)
{
    return inbound->others_count;
}
