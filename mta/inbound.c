/* inbound.c - where mail comes back to. */
#include "mta/inbound.h"

#include "base/mem.h"
#include "mta/correlate.h"
#include "mta/mailbox.h"
#include "mta/reception.h"
#include "smtp/event.h"
#include "smtp/message.h"

struct inbound {
    const struct mta_config *config;
    struct mta_doors doors;
    const struct inmail_rules *rules;
    struct inmail_rules *own_rules; /* NULL: they are the doors' */
    struct reception *reception;
    struct correlator *correlator;
    struct replays *replays;
    struct mailbox *mailbox; /* NULL: the journal alone is told */
    struct mta_returns totals;
    struct correlation correlation;     /* of the mail at hand */
    inbound_complaint_fn *on_complaint; /* NULL: nobody asks */
    void *on_complaint_arg;
};

struct delivery_note { /* a guest's, until its mail is durable */
    struct inbound *inbound;
    struct guest *guest;
    uint64_t first, count; /* numbers of the mailbox */
    size_t heard_count;    /* what it said, for each address it came to */
};

/* ---- who may come in ---- */

static const char *
on_mail(void *arg, void *note, const struct command *command)
{
    return NULL;
}

static const char *
on_rcpt(void *arg, void *note, const struct mail_address *address)
{
    struct inbound *inbound = arg;

    switch (correlator_ask(inbound->correlator, address, loop_wall_us(inbound->doors.loop))) {
    case CORRELATOR_TAKES:
        return NULL;
    case CORRELATOR_ELSEWHERE:
        inbound->totals.misaddressed++;
        return "550 5.7.1 relaying denied: only return paths are taken here";
    case CORRELATOR_FORGED:
        inbound->totals.forged++;
        return "550 5.7.1 this return path was not made here";
    case CORRELATOR_LATE:
        inbound->totals.late++;
        return "550 5.7.1 this return path is too old";
    }
    return NULL;
}

/* ---- what it is ---- */

struct returned_mail {
    struct slice rcpt; /* may be empty */
    enum dsn_kind kind;
    struct inmail_verdict verdict;
    const struct report *report;
    const struct report_recipient *recipient; /* NULL: it speaks of nobody */
};

/* A report speaks of each recipient for itself; what is none has one meaning for all. */
static enum dsn_kind
kind_of(const struct report *report, const struct report_recipient *recipient)
{
    switch (report->kind) {
    case REPORT_BOUNCE:
    case REPORT_DELAY:
    case REPORT_SUCCESS:
        if (recipient != NULL && recipient->action != DSN_NONE && recipient->action != DSN_OTHER)
            return recipient->action;
        return report->kind == REPORT_BOUNCE ? DSN_FAILED
            : report->kind == REPORT_DELAY   ? DSN_DELAYED
                                             : DSN_DELIVERED;
    case REPORT_AUTOREPLY:
        return DSN_AUTO_REPLY;
    case REPORT_CHALLENGE:
        return DSN_CHALLENGE;
    case REPORT_FBL:
        return report_complains(report) ? DSN_COMPLAINT : DSN_OTHER;
    case REPORT_NOTBOUNCE:
    case REPORT_KINDS_COUNT:
        break;
    }
    return DSN_OTHER;
}

static struct slice
rcpt_of(const struct report *report, const struct report_recipient *recipient)
{
    if (recipient != NULL && recipient->original.length > 0)
        return recipient->original;
    if (recipient != NULL)
        return recipient->address;
    return report->feedback.rcpt;
}

static struct returned_mail
qualify(const struct inbound *inbound, const struct report *report, size_t i)
{
    const struct report_recipient *recipient =
        i < report->recipients_count ? &report->recipients[i] : NULL;
    struct returned_mail mail = {.rcpt = rcpt_of(report, recipient),
        .kind = kind_of(report, recipient),
        .verdict = inmail_qualify(inbound->rules, report, i),
        .report = report,
        .recipient = recipient};

    if (inbound->correlation.is_unsubscription || mail.verdict.verdict.class == CLASS_UNSUBSCRIBE)
        mail.kind = DSN_UNSUBSCRIPTION;
    return mail;
}

static void
count(struct mta_returns *totals, enum dsn_kind kind)
{
    uint64_t *const counters[DSN_KINDS_COUNT] = {
        [DSN_FAILED] = &totals->bounces,
        [DSN_DELAYED] = &totals->delays,
        [DSN_DELIVERED] = &totals->successes,
        [DSN_RELAYED] = &totals->successes,
        [DSN_EXPANDED] = &totals->successes,
        [DSN_AUTO_REPLY] = &totals->auto_replies,
        [DSN_CHALLENGE] = &totals->challenges,
        [DSN_COMPLAINT] = &totals->complaints,
        [DSN_UNSUBSCRIPTION] = &totals->unsubscriptions,
    };

    ++*(counters[kind] != NULL ? counters[kind] : &totals->others);
}

/* False: nothing. */
static bool
news_of(const struct returned_mail *mail, enum efs_kind *kind)
{
    switch (mail->kind) {
    case DSN_FAILED:
    case DSN_CHALLENGE:
        *kind = mail->verdict.state == INMAIL_IGNORE ? EFS_NOTED : EFS_RETURNED;
        return true;
    case DSN_DELAYED:
    case DSN_AUTO_REPLY:
        *kind = EFS_NOTED;
        return true;
    case DSN_COMPLAINT:
        *kind = EFS_COMPLAINT;
        return true;
    case DSN_UNSUBSCRIPTION:
        *kind = EFS_UNSUBSCRIBED;
        return true;
    case DSN_NONE:
    case DSN_DELIVERED:
    case DSN_RELAYED:
    case DSN_EXPANDED:
    case DSN_OTHER:
    case DSN_KINDS_COUNT:
        break;
    }
    return false;
}

/* ---- who is told ---- */

static struct slice
cut(struct slice text)
{
    if (text.length > INBOUND_TEXT_MAX)
        text.length = INBOUND_TEXT_MAX;
    return text;
}

static struct slice
diagnostic_of(const struct returned_mail *mail)
{
    if (mail->recipient == NULL)
        return cut(mail->report->subject);
    return cut(mail->recipient->diagnostic.length > 0 ? mail->recipient->diagnostic
                                                      : mail->recipient->words);
}

/* Of a mail as a whole. */
static void
tell_trouble(struct inbound *inbound, enum event_outcome outcome, struct slice came_to,
    struct slice host, const char *why)
{
    struct journal *journal = inbound->doors.journal;
    struct event event = {.at_us = loop_now_us(inbound->doors.loop),
        .kind = EVENT_DSN_TROUBLE,
        .outcome = (uint8_t)outcome,
        .host = journal_name(journal, cut(host)),
        .text = journal_text(journal, slice_of(why))};

    event_write(journal, &event, came_to, SLICE(""));
}

static void
tell_journal(struct inbound *inbound, const struct returned_mail *mail, enum event_outcome outcome)
{
    struct journal *journal = inbound->doors.journal;
    struct verdict verdict = mail->verdict.verdict;
    struct event event = {.at_us = loop_now_us(inbound->doors.loop),
        .kind = mail->kind == DSN_COMPLAINT ? EVENT_FBL_RECEIVED : EVENT_DSN_RECEIVED,
        .dsn_kind = (uint8_t)mail->kind,
        .outcome = (uint8_t)outcome,
        .has_verdict = verdict.class != CLASS_NONE || verdict.type != TYPE_NONE,
        .host = journal_name(journal, cut(mail->report->host)),
        .rule = journal_name(journal, mail->verdict.rule),
        .text = journal_text(journal, diagnostic_of(mail))};

    if (event.has_verdict) {
        event.class = verdict.class;
        event.reason = verdict.reason;
        event.type = verdict.type;
    }
    if (mail->recipient != NULL) {
        event.enhanced = enhanced_pack(mail->recipient->code);
        event.code = mail->recipient->smtp_code;
    }
    event_write(journal, &event, text_slice(&inbound->correlation.return_path), mail->rcpt);
}

/* The same report of the same recipient, be its bytes others. */
static uint64_t
fingerprint_of(const struct inbound *inbound, const struct returned_mail *mail)
{
    uint64_t fingerprint = slice_hash(text_slice(&inbound->correlation.return_path), mail->kind);
    uint32_t status = mail->recipient != NULL ? enhanced_pack(mail->recipient->code) : 0;

    return slice_hash(mail->rcpt, fingerprint ^ status);
}

static struct returned
returned_of(const struct inbound *inbound, const struct returned_mail *mail)
{
    struct returned returned = {.at_us = loop_now_us(inbound->doors.loop),
        .verdict = mail->verdict.verdict,
        .sender = text_slice(&inbound->correlation.return_path),
        .rcpt = mail->rcpt,
        .text = diagnostic_of(mail),
        .rule = mail->verdict.rule,
        .host = cut(mail->report->host),
        .message_id = cut(mail->report->message_id),
        .fingerprint = fingerprint_of(inbound, mail)};

    if (mail->recipient != NULL) {
        returned.enhanced = enhanced_pack(mail->recipient->code);
        returned.code = mail->recipient->smtp_code;
    }
    return returned;
}

/* Without signatures whatever came to a return path may be somebody else's way to know his messages. */
static bool
is_matched(const struct inbound *inbound)
{
    return inbound->correlation.by != CORRELATED_BY_NOTHING || inbound->doors.verp_key == NULL;
}

static void
take(struct inbound *inbound, struct delivery_note *note, const struct returned_mail *mail)
{
    struct returned returned = returned_of(inbound, mail);
    enum event_outcome outcome = OUTCOME_NONE;
    bool is_news = news_of(mail, &returned.kind);
    uint64_t number;

    count(&inbound->totals, mail->kind);
    if (!is_matched(inbound)) {
        outcome = OUTCOME_UNMATCHED;
        inbound->totals.unmatched++;
    } else if (mail->kind != DSN_OTHER &&
        !replays_put(inbound->replays, returned.fingerprint, returned.at_us)) {
        outcome = OUTCOME_DUPLICATE;
        inbound->totals.duplicates++;
    }
    tell_journal(inbound, mail, outcome);
    if (mail->kind == DSN_COMPLAINT && outcome == OUTCOME_NONE && inbound->on_complaint != NULL)
        inbound->on_complaint(
            inbound->on_complaint_arg, mail->rcpt, mail->report->feedback.source_ip);
    if (inbound->mailbox == NULL || !is_news || outcome != OUTCOME_NONE)
        return;
    number = mailbox_put(inbound->mailbox, &returned);
    if (note->count++ == 0)
        note->first = number;
}

static void
take_for(struct inbound *inbound, struct delivery_note *note, const struct mail_address *came_to,
    const struct report *report)
{
    correlate(inbound->correlator, came_to, report, loop_wall_us(inbound->doors.loop),
        &inbound->correlation);
    inbound->totals.forged_quotes += inbound->correlation.is_forged;
    for (size_t i = 0; i < report->recipients_count + (report->recipients_count == 0) &&
         note->heard_count < REPORT_RECIPIENTS_MAX;
         i++) {
        struct returned_mail mail = qualify(inbound, report, i);

        note->heard_count++;
        take(inbound, note, &mail);
    }
}

/* ---- a mail ---- */

static void
on_durable(void *arg, bool is_durable)
{
    struct delivery_note *note = arg;

    mailbox_settle(note->inbound->mailbox, note->first, note->count, is_durable);
    guest_answer(note->guest, is_durable ? "250 2.0.0 ok, taken" : "452 4.3.1 the spool is full");
}

static void
on_too_large(void *arg)
{
    struct inbound *inbound = arg;

    inbound->totals.too_large++;
    tell_trouble(
        inbound, OUTCOME_REFUSED, SLICE(""), SLICE(""), "larger than size_max allows: refused");
}

/* It is told where the first of its addresses leads, for what it says of itself may be anything. */
static void
note_trouble(
    struct inbound *inbound, const struct mail_address *came_to, const struct report *report)
{
    struct text address = {0};

    if (report->trouble == REPORT_FINE)
        return;
    inbound->totals.cut_short++;
    address_format(&address, came_to);
    tell_trouble(inbound, OUTCOME_CUT, text_slice(&address), report->host,
        report_trouble_text(report->trouble));
    text_release(&address);
}

static void
on_message(void *arg, void *arg_note, struct guest *guest, const struct reception_mail *mail)
{
    struct inbound *inbound = arg;
    struct delivery_note *note = arg_note;
    struct text content = {0};
    struct report report;

    if (inbound->mailbox != NULL && mailbox_is_full(inbound->mailbox)) {
        guest_answer(guest, "452 4.3.1 the mailbox is full");
        return;
    }
    *note = (struct delivery_note){.inbound = inbound, .guest = guest};
    dot_unstuff(&content, mail->content);
    report_read(text_slice(&content), &report);
    note_trouble(inbound, &mail->recipients[0], &report);
    for (size_t i = 0; i < mail->recipients_count; i++)
        take_for(inbound, note, &mail->recipients[i], &report);
    report_release(&report);
    text_release(&content);
    if (note->count > 0)
        store_sync(inbound->doors.store, on_durable, note);
    else
        guest_answer(guest, "250 2.0.0 ok, taken");
}

static const struct house returns_house = {
    .note_size = sizeof(struct delivery_note),
    .on_mail = on_mail,
    .on_rcpt = on_rcpt,
    .on_message = on_message,
    .on_too_large = on_too_large,
};

/* ---- life ---- */

void
inbound_reload(struct inbound *inbound, const struct bounce_rules *bounce_rules,
    const struct inmail_rules *inmail_rules)
{
    inmail_rules_free(&inbound->own_rules);
    inbound->doors.bounce_rules = bounce_rules;
    inbound->doors.inmail_rules = inmail_rules;
    if (inmail_rules == NULL)
        inbound->own_rules = inmail_rules_new(bounce_rules);
    inbound->rules = inmail_rules != NULL ? inmail_rules : inbound->own_rules;
}

static void
open_mailbox(struct inbound *inbound, struct efs *efs)
{
    const struct mta_doors *doors = &inbound->doors;
    const struct mailbox_setup setup = {.loop = doors->loop,
        .store = doors->store,
        .journal = doors->journal,
        .efs = efs,
        .replays = inbound->replays,
        .poll_us = inbound->config->inmail.poll_us};

    inbound->mailbox = mailbox_new(&setup);
    mailbox_recover(inbound->mailbox);
}

struct inbound *
inbound_new(const struct mta_config *config, const struct mta_doors *doors, struct efs *efs,
    struct error *err)
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
    const struct correlator_setup ours = {.domains = config->return_domains,
        .domains_count = config->return_domains_count,
        .key = doors->verp_key,
        .instance = config->inmail.instance,
        .is_any_instance = config->inmail.is_any_instance,
        .window_us = config->inmail.window_us};

    inbound->config = config;
    inbound->doors = *doors;
    inbound_reload(inbound, doors->bounce_rules, doors->inmail_rules);
    inbound->correlator = correlator_new(&ours);
    inbound->replays = replays_new(config->inmail.window_us);
    inbound->reception = reception_new(&setup, err);
    if (inbound->reception == NULL) {
        error_prefix(err, "the MTA's listener for returned mail");
        inbound_free(&inbound);
        return NULL;
    }
    if (efs != NULL)
        open_mailbox(inbound, efs);
    return inbound;
}

void
inbound_free(struct inbound **inbound)
{
    struct inbound *i = *inbound;

    if (i == NULL)
        return;
    reception_free(&i->reception);
    mailbox_free(&i->mailbox);
    replays_free(&i->replays);
    correlator_free(&i->correlator);
    correlation_release(&i->correlation);
    inmail_rules_free(&i->own_rules);
    mem_free(i);
    *inbound = NULL;
}

void
inbound_tell_complaints(struct inbound *inbound, inbound_complaint_fn *fn, void *arg)
{
    inbound->on_complaint = fn;
    inbound->on_complaint_arg = arg;
}

void
inbound_poll(struct inbound *inbound)
{
    if (inbound->mailbox != NULL)
        mailbox_tell(inbound->mailbox);
}

void
inbound_stop(struct inbound *inbound)
{
    reception_stop(inbound->reception);
    inbound_poll(inbound);
}

struct mta_returns
inbound_totals(const struct inbound *inbound)
{
    struct mta_returns totals = inbound->totals;

    totals.waiting = inbound->mailbox != NULL ? mailbox_waiting(inbound->mailbox) : 0;
    return totals;
}
