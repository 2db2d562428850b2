/* mta.c - the whole MTA: its parts, put together. */
#include "mta/mta.h"

#include "base/mem.h"
#include "mta/delivery.h"
#include "mta/inbound.h"
#include "mta/inject.h"
#include "mta/spool.h"
#include "smtp/event.h"

struct mta {
    struct mta_doors doors;
    struct spool *spool;
    struct dkim_signer *signer; /* NULL: nothing is signed */
    struct efs *efs;
    struct delivery *delivery;
    struct inject *inject;
    struct inbound *inbound; /* NULL: no mail is taken back */
    struct text sender, rcpt;
};

struct mta_config
mta_config_default(void)
{
    return (struct mta_config){
        .hostname = SLICE("mta.campaign.example"),
        .retry = {.first_us = 20 * US_PER_MIN,
                  .factor = {.num = 2, .den = 1},
                  .cap_us = 12 * US_PER_HOUR},
        .validity_us = MTA_VALIDITY_US_MAX,
        .port = 25,
        .efs_batch = 10000,
        .efs_every_us = 30 * (int64_t)US_PER_S,
        .size_max = 50 * 1024 * 1024,
        .inmail = {.poll_us = 5 * US_PER_MIN,                           .window_us = 7 * US_PER_DAY   },
    };
}

static void
tell_received(struct mta *mta, struct spool_place place)
{
    struct event event = {
        .at_us = loop_now_us(mta->doors.loop), .kind = EVENT_RECEIVED, .row = place.message};

    text_clear(&mta->sender);
    text_clear(&mta->rcpt);
    spool_sender(mta->spool, place.message, &mta->sender);
    spool_recipient(mta->spool, place, &mta->rcpt);
    event_write(mta->doors.journal, &event, text_slice(&mta->sender), text_slice(&mta->rcpt));
}

static void
on_injected(void *arg, struct spool_place place)
{
    struct mta *mta = arg;

    if (mta->doors.tells_all)
        tell_received(mta, place);
    delivery_add(mta->delivery, place);
}

static void
on_complaint(void *arg, struct slice rcpt, struct slice source_ip)
{
    struct mta *mta = arg;

    delivery_complain(mta->delivery, rcpt, source_ip);
}

static void
on_recovered(void *arg, struct spool_place place)
{
    struct mta *mta = arg;

    delivery_recover(mta->delivery, place);
}

struct mta *
mta_new(const struct mta_config *config, const struct mta_doors *doors, efs_consumer_fn *consumer,
    void *consumer_arg, struct error *err)
{
    struct mta *mta = mem_alloc_zeroed(sizeof *mta);

    mta->doors = *doors;
    mta->spool = spool_new(doors->loop, doors->store);
    mta->efs =
        efs_new(doors->loop, config->efs_batch, config->efs_every_us, consumer, consumer_arg);
    if (config->dkim.level != DKIM_LEVEL_OFF)
        mta->signer = dkim_signer_new(&config->dkim);
    mta->delivery = delivery_new(config, &mta->doors, mta->spool, mta->signer, mta->efs);
    mta->inject = inject_new(config, &mta->doors, mta->spool, mta->signer, on_injected, mta, err);
    if (mta->inject != NULL && config->inbound.family != 0)
        mta->inbound = inbound_new(config, &mta->doors, mta->efs, err);
    if (mta->inject == NULL || (config->inbound.family != 0 && mta->inbound == NULL)) {
        mta_free(&mta);
        return NULL;
    }
    if (mta->inbound != NULL)
        inbound_tell_complaints(mta->inbound, on_complaint, mta);
    delivery_recover_state(mta->delivery);
    spool_recover(mta->spool, on_recovered, mta);
    return mta;
}

void
mta_free(struct mta **mta)
{
    struct mta *m = *mta;

    if (m == NULL)
        return;
    inbound_free(&m->inbound);
    inject_free(&m->inject);
    delivery_free(&m->delivery);
    efs_free(&m->efs);
    dkim_signer_free(&m->signer);
    spool_free(&m->spool);
    text_release(&m->sender);
    text_release(&m->rcpt);
    mem_free(m);
    *mta = NULL;
}

void
mta_reload(struct mta *mta, const struct bounce_rules *bounce_rules,
    const struct inmail_rules *inmail_rules)
{
    mta->doors.bounce_rules = bounce_rules;
    mta->doors.inmail_rules = inmail_rules;
    if (mta->inbound != NULL)
        inbound_reload(mta->inbound, bounce_rules, inmail_rules);
    delivery_reload(mta->delivery);
}

void
mta_stop(struct mta *mta)
{
    inject_stop(mta->inject);
    if (mta->inbound != NULL)
        inbound_stop(mta->inbound);
    delivery_stop(mta->delivery);
}

bool
mta_is_idle(const struct mta *mta)
{
    return delivery_connections_open(mta->delivery) == 0 && efs_waiting(mta->efs) == 0;
}

struct delivery *
mta_delivery(struct mta *mta)
{
    return mta->delivery;
}

struct spool *
mta_spool(struct mta *mta)
{
    return mta->spool;
}

struct efs *
mta_efs(struct mta *mta)
{
    return mta->efs;
}

struct mta_totals
mta_totals(const struct mta *mta)
{
    struct mta_totals totals = {.messages_taken = inject_messages_count(mta->inject),
        .recipients_taken = inject_recipients_count(mta->inject),
        .queue_bytes = delivery_queue_bytes(mta->delivery)};

    if (mta->inbound != NULL)
        totals.returns = inbound_totals(mta->inbound);
    delivery_totals(mta->delivery, &totals);
    return totals;
}
