/* mta.c - the whole MTA: its parts, put together. */
#include "mta/mta.h"

#include "base/mem.h"
#include "mta/delivery.h"
#include "mta/inject.h"
#include "mta/spool.h"

struct mta {
    struct mta_doors doors;
    struct spool *spool;
    struct efs *efs;
    struct delivery *delivery;
    struct inject *inject;
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
        .efs_batch = 10000,
        .efs_every_us = 30 * (int64_t)US_PER_S,
        .size_max = 50 * 1024 * 1024,
    };
}

static void
on_injected(void *arg, struct spool_place place)
{
    struct mta *mta = arg;

    delivery_add(mta->delivery, place);
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
    mta->delivery = delivery_new(config, &mta->doors, mta->spool, mta->efs);
    mta->inject = inject_new(config, &mta->doors, mta->spool, on_injected, mta, err);
    if (mta->inject == NULL) {
        mta_free(&mta);
        return NULL;
    }
    spool_recover(mta->spool, on_recovered, mta);
    return mta;
}

void
mta_free(struct mta **mta)
{
    struct mta *m = *mta;

    if (m == NULL)
        return;
    inject_free(&m->inject);
    delivery_free(&m->delivery);
    efs_free(&m->efs);
    spool_free(&m->spool);
    mem_free(m);
    *mta = NULL;
}

struct mta_totals
mta_totals(const struct mta *mta)
{
    struct mta_totals totals = {.messages_taken = inject_messages_count(mta->inject),
        .recipients_taken = inject_recipients_count(mta->inject),
        .queue_bytes = delivery_queue_bytes(mta->delivery)};

    delivery_totals(mta->delivery, &totals);
    return totals;
}
