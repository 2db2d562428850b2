/* delivery_world.h - a delivery against two hosts that follow scripts, and what EFS says of it.
 *
 * For test_delivery.c and test_delivery_shape.c. */
#ifndef MTALAB_TESTS_DELIVERY_WORLD_H
#define MTALAB_TESTS_DELIVERY_WORLD_H

#include "tests/unit/smtp_script.h"

#include "base/resolver_sim.h"
#include "base/unit.h"
#include "mta/delivery.h"
#include "mta/shaping.h"

enum { HOSTS_COUNT = 2, RCPTS_MAX = 1200, LATENCY_US = 10000 };

struct rcpt { /* what EFS said of it */
    int soft_count, final_count;
    enum efs_kind final;
    int64_t final_at_us;
    uint32_t attempt; /* of the last event */
    uint16_t code;
};

struct world {
    struct loop *loop;
    struct network *network;
    struct resolver *resolver;
    struct store *store;
    struct spool *spool;
    struct journal *journal;
    struct bounce_rules *bounce_rules;
    struct efs *efs;
    struct delivery *delivery;
    struct rng rng;
    struct mta_config config;
    struct mta_doors doors;
    struct mx_rule rule;
    struct net_address source, addresses[HOSTS_COUNT];
    struct script_server
        servers[HOSTS_COUNT]; /* mx1 at 10, mx2 at 20, for isp.test and other.test */
    struct rcpt rcpts[RCPTS_MAX];
    size_t rcpts_count;
    struct error err;
};

/* --- the world ------------------------------------------------------------------------------- */

static inline bool
take_events(void *arg, const struct efs_event *events, size_t count)
{
    struct world *w = arg;

    for (size_t i = 0; i < count; i++) {
        const struct efs_event *e = &events[i];
        unsigned number = RCPTS_MAX;
        struct rcpt *rcpt;

        assert_int_equal(sscanf(e->rcpt.at, "u%u@", &number), 1);
        assert_true(number < w->rcpts_count);
        rcpt = &w->rcpts[number];
        assert_int_equal(rcpt->final_count, 0); /* nothing follows the end */
        assert_true(e->attempt >= rcpt->attempt);
        rcpt->attempt = e->attempt;
        rcpt->code = e->code;
        if (e->kind == EFS_SOFT) {
            rcpt->soft_count++;
            continue;
        }
        rcpt->final_count++;
        rcpt->final = e->kind;
        rcpt->final_at_us = e->at_us;
    }
    return true;
}

static inline void
add_dns(struct world *w)
{
    static const char *const domains[] = {"isp.test", "other.test"};

    for (size_t i = 0; i < COUNT_OF(domains); i++) {
        resolver_sim_add_zone(w->resolver, slice_of(domains[i]));
        resolver_sim_add_mx(w->resolver, slice_of(domains[i]), 10, SLICE("mx1.isp.test"));
        resolver_sim_add_mx(w->resolver, slice_of(domains[i]), 20, SLICE("mx2.isp.test"));
    }
    resolver_sim_add_address(w->resolver, SLICE("mx1.isp.test"), &w->addresses[0]);
    resolver_sim_add_address(w->resolver, SLICE("mx2.isp.test"), &w->addresses[1]);
}

/* A test may change w->rule, w->config and the servers' rows before it opens. */
static inline void
world_prepare(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->rng = rng_from_seed(seed);
    w->loop = loop_sim_new(0);
    w->network = network_sim_new(w->loop, &w->rng);
    w->resolver = resolver_sim_new(w->loop, US_PER_MS);
    w->store = store_sim_new(w->loop, US_PER_MS, &w->rng);
    w->spool = spool_new(w->loop, w->store);
    w->journal = journal_new();
    w->bounce_rules = bounce_rules_new();
    w->config = mta_config_default();
    assert_true(net_address_parse(SLICE("198.51.100.1"), &w->source));
    assert_true(net_address_parse(SLICE("192.0.2.1"), &w->addresses[0]));
    assert_true(net_address_parse(SLICE("192.0.2.2"), &w->addresses[1]));
    w->config.source_ips = &w->source;
    w->config.source_ips_count = 1;
    w->rule = mx_rule_default;
    w->config.mx_rules = &w->rule;
    w->config.mx_rules_count = 1;
    add_dns(w);
    for (size_t i = 0; i < HOSTS_COUNT; i++) {
        w->addresses[i].port = 25;
        network_sim_set_link(
            w->network, &w->addresses[i], &(struct net_link){.latency_us = LATENCY_US});
    }
}

static inline void
world_open(struct world *w)
{
    w->doors = (struct mta_doors){.loop = w->loop,
        .network = w->network,
        .resolver = w->resolver,
        .store = w->store,
        .journal = w->journal,
        .bounce_rules = w->bounce_rules,
        .rng = &w->rng};
    w->efs = efs_new(w->loop, 100, US_PER_S, take_events, w);
    w->delivery = delivery_new(&w->config, &w->doors, w->spool, NULL, w->efs);
    for (size_t i = 0; i < HOSTS_COUNT; i++)
        script_listen(&w->servers[i], w->loop, w->network, &w->addresses[i]);
}

static inline void
world_start(struct world *w)
{
    world_prepare(w, 7);
    world_open(w);
}

static inline void
world_stop(struct world *w)
{
    delivery_free(&w->delivery);
    efs_free(&w->efs);
    for (size_t i = 0; i < HOSTS_COUNT; i++)
        script_stop(&w->servers[i]);
    spool_free(&w->spool);
    store_free(&w->store);
    resolver_free(&w->resolver);
    network_free(&w->network);
    bounce_rules_free(&w->bounce_rules);
    journal_free(&w->journal);
    loop_free(&w->loop);
}

static inline void
set_fault(struct world *w, size_t host, enum net_fault fault)
{
    network_sim_set_link(w->network, &w->addresses[host],
        &(struct net_link){.latency_us = LATENCY_US, .fault = fault});
}

static inline void
run_until(struct world *w, int64_t until_us)
{
    if (!loop_run(w->loop, until_us, &w->err))
        fail_msg("%s", w->err.text);
}

/* One message to so many recipients, numbered through. */
static inline void
submit_to(struct world *w, const char *domain, size_t count)
{
    struct mail_address rcpts[16];
    struct spool_place places[16];
    char locals[16][16];

    assert_true(count <= COUNT_OF(rcpts) && w->rcpts_count + count <= RCPTS_MAX);
    for (size_t i = 0; i < count; i++) {
        snprintf(locals[i], sizeof locals[i], "u%zu", w->rcpts_count++);
        rcpts[i] = (struct mail_address){.local = slice_of(locals[i]), .domain = slice_of(domain)};
    }
    spool_add(w->spool,
        &(struct spool_submission){
            .sender = {.local = SLICE("b"), .domain = SLICE("us.test")},
            .recipients = rcpts,
            .recipients_count = count,
            .content = SLICE("hello\r\n"),
            .validity_us = w->config.validity_us
    },
        places);
    for (size_t i = 0; i < count; i++)
        delivery_add(w->delivery, places[i]);
}

static inline void
submit(struct world *w, size_t messages_count)
{
    while (messages_count-- > 0)
        submit_to(w, "isp.test", 1);
}

static inline struct mta_totals
totals_of(const struct world *w)
{
    struct mta_totals totals = {0};

    delivery_totals(w->delivery, &totals);
    return totals;
}

/* Everybody has come to an end, once, and the books agree. */
static inline void
check_books(const struct world *w)
{
    struct mta_totals totals = totals_of(w);
    uint64_t delivered = 0, failed = 0, expired = 0, soft = 0;

    for (size_t i = 0; i < w->rcpts_count; i++) {
        const struct rcpt *rcpt = &w->rcpts[i];

        assert_int_equal(rcpt->final_count, 1);
        delivered += rcpt->final == EFS_DELIVERED;
        failed += rcpt->final == EFS_HARD;
        expired += rcpt->final == EFS_EXPIRED;
        soft += (uint64_t)rcpt->soft_count;
    }
    assert_int_equal(totals.delivered, delivered);
    assert_int_equal(totals.failed, failed);
    assert_int_equal(totals.expired, expired);
    assert_int_equal(totals.deferrals, soft);
    assert_int_equal(totals.attempts, delivered + failed + soft);
    assert_int_equal(totals.recipients_waiting, 0);
    assert_true(spool_templates_count(w->spool) <= 1);
}

#endif
