/* inject.c - the door for new messages: what the reception lets in goes to the spool. */
#include "mta/inject.h"

#include "base/mem.h"
#include "mta/reception.h"

static_assert(
    (int)RECEPTION_RECIPIENTS_MAX == (int)SPOOL_RECIPIENTS_MAX, "what comes in can be kept");

struct inject {
    const struct mta_config *config;
    struct spool *spool;
    struct dkim_signer *signer; /* NULL: nothing is signed */
    inject_fn *fn;
    void *arg;
    struct reception *reception;
    uint64_t messages_count, recipients_count;
};

struct submission { /* a guest's, on its way */
    struct inject *inject;
    struct guest *guest;
    int64_t validity_us;
    size_t places_count;
    struct spool_place places[SPOOL_RECIPIENTS_MAX];
};

static const char *
on_mail(void *arg, void *note, const struct command *command)
{
    const struct inject *inject = arg;
    struct submission *submission = note;
    int64_t asked_us = command->by_s * US_PER_S;

    submission->validity_us = command->by_s > 0 ? asked_us : inject->config->validity_us;
    if (submission->validity_us > MTA_VALIDITY_US_MAX)
        submission->validity_us = MTA_VALIDITY_US_MAX;
    return NULL;
}

static const char *
on_rcpt(void *arg, void *note, const struct mail_address *address)
{
    if (address_is_null(address) || address->domain.length == 0)
        return "550 5.1.3 an address with a domain, please";
    return NULL;
}

/* The store keeps what it could not write, and writes it with the next sync: the next process would
 * deliver what the client was told to bring again. */
static void
take_back(const struct submission *submission)
{
    for (size_t i = 0; i < submission->places_count; i++)
        spool_settle(submission->inject->spool, submission->places[i]);
}

static void
on_durable(void *arg, bool is_durable)
{
    struct submission *submission = arg;
    struct inject *inject = submission->inject;

    if (is_durable) {
        inject->messages_count++;
        inject->recipients_count += submission->places_count;
        for (size_t i = 0; i < submission->places_count; i++)
            inject->fn(inject->arg, submission->places[i]);
    } else {
        take_back(submission);
    }
    guest_answer(
        submission->guest, is_durable ? "250 2.0.0 ok, taken" : "452 4.3.1 the spool is full");
}

/* What cannot be signed is told to who can mend it, and not found out at night. NULL: it can. */
static const char *
why_unsignable(const struct inject *inject, struct slice content)
{
    if (inject->signer == NULL)
        return NULL;
    switch (dkim_signer_judge(inject->signer, content)) {
    case DKIM_SIGNABLE:
        return NULL;
    case DKIM_WITHOUT_KEY:
        return inject->config->dkim.is_refused_without_key
            ? "550 5.7.1 no DKIM key for the domain of From"
            : NULL;
    case DKIM_MALFORMED:
        return "554 5.6.0 the header cannot be signed: a line of it is no field";
    }
    return NULL;
}

static void
on_message(void *arg, void *note, struct guest *guest, const struct reception_mail *mail)
{
    struct inject *inject = arg;
    struct submission *submission = note;
    const struct spool_submission spooled = {.sender = mail->sender,
        .recipients = mail->recipients,
        .recipients_count = mail->recipients_count,
        .content = mail->content,
        .validity_us = submission->validity_us,
        .is_8bit = mail->is_8bit};
    const char *why = why_unsignable(inject, mail->content);

    if (why != NULL) {
        guest_answer(guest, why);
        return;
    }
    submission->inject = inject;
    submission->guest = guest;
    submission->places_count = mail->recipients_count;
    spool_add(inject->spool, &spooled, submission->places);
    spool_sync(inject->spool, on_durable, submission);
}

static const struct house submission_house = {
    .note_size = sizeof(struct submission),
    .does_deliver_by = true,
    .on_mail = on_mail,
    .on_rcpt = on_rcpt,
    .on_message = on_message,
};

struct inject *
inject_new(const struct mta_config *config, const struct mta_doors *doors, struct spool *spool,
    struct dkim_signer *signer, inject_fn *fn, void *arg, struct error *err)
{
    struct inject *inject = mem_alloc_zeroed(sizeof *inject);
    const struct reception_setup setup = {.loop = doors->loop,
        .network = doors->network,
        .hostname = config->hostname,
        .listen = config->listen,
        .size_max = config->size_max,
        .tls = doors->tls_server,
        .house = &submission_house,
        .house_arg = inject};

    inject->config = config;
    inject->spool = spool;
    inject->signer = signer;
    inject->fn = fn;
    inject->arg = arg;
    inject->reception = reception_new(&setup, err);
    if (inject->reception == NULL) {
        error_prefix(err, "the MTA's submission listener");
        inject_free(&inject);
    }
    return inject;
}

void
inject_free(struct inject **inject)
{
    if (*inject == NULL)
        return;
    reception_free(&(*inject)->reception);
    mem_free(*inject);
    *inject = NULL;
}

void
inject_stop(struct inject *inject)
{
    reception_stop(inject->reception);
}

uint64_t
inject_messages_count(const struct inject *inject)
{
    return inject->messages_count;
}

uint64_t
inject_recipients_count(const struct inject *inject)
{
    return inject->recipients_count;
}
