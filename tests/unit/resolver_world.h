/* resolver_world.h - one resolver in either of two worlds: simulated, or c-ares that asks our name
 * server over the loopback. Whatever holds for resolvers is tested in both. */
#ifndef MTALAB_TESTS_UNIT_RESOLVER_WORLD_H
#define MTALAB_TESTS_UNIT_RESOLVER_WORLD_H

#include "tests/unit.h"

#include "base/loop_net.h"
#include "base/resolver_net.h"
#include "base/resolver_sim.h"
#include "base/stream_net.h"
#include "base/unit.h"
#include "fakeisp/dns_server.h"

enum { DELAY_US = 2000, BOUND_S = 60, TIMEOUT_MS = 200 };

struct world {
    bool is_net;
    struct loop *loop;
    struct zones *zones;
    struct resolver *resolver;
    struct network *network; /* with is_net only */
    struct dns_server *server;
    int expected_count; /* answers until run() ends */
};

/* Who asks one question, and what it was told. */
struct asker {
    struct world *world;
    int answers_count;
    int64_t at_us;
    enum dns_status status;
    int64_t ttl_us;
    struct text seen; /* the records, one after the other */
};

static inline struct net_address
address_of(const char *text, uint16_t port)
{
    struct net_address address;

    assert_true(net_address_parse(slice_of(text), &address));
    address.port = port;
    return address;
}

static inline void
fill_zones(struct zones *zones)
{
    struct net_address v4 = address_of("192.0.2.1", 25), v6 = address_of("2001:db8::1", 0);

    zones_add_zone(zones, SLICE("BigMail.test."));
    zones_add_zone(zones, SLICE("sub.bigmail.test"));
    zones_add_zone(zones, SLICE("null.test"));
    zones_add_mx(zones, SLICE("bigmail.test"), 20, SLICE("MX2.BigMail.test."));
    zones_add_mx(zones, SLICE("bigmail.test."), 10, SLICE("mx1.bigmail.test"));
    zones_add_address(zones, SLICE("mx1.bigmail.test"), &v4);
    zones_add_address(zones, SLICE("mx1.bigmail.test"), &v6);
    zones_add_txt(zones, SLICE("k1._domainkey.bigmail.test"), SLICE("v=DKIM1; p=AbC"));
    zones_add_mx(zones, SLICE("sub.bigmail.test"), 5, SLICE("mx1.bigmail.test"));
    zones_add_mx(zones, SLICE("null.test"), 0, SLICE("."));
}

static inline struct resolver *
new_net_resolver(struct loop *loop, const struct net_address *server, unsigned tries)
{
    struct resolver_net_options options = {.servers = {*server}, .servers_count = 1};
    struct error err;
    struct resolver *resolver;

    options.timeout_us = TIMEOUT_MS * US_PER_MS;
    options.tries = tries;
    resolver = resolver_net_new(loop, &options, &err);
    assert_non_null(resolver);
    return resolver;
}

static inline struct world
world_new(bool is_net, uint32_t speed)
{
    struct world world = {.is_net = is_net};
    struct net_address any = address_of("127.0.0.1", 0);
    struct error err;

    if (!is_net) {
        world.loop = loop_sim_new(0);
        world.resolver = resolver_sim_new(world.loop, DELAY_US);
        world.zones = resolver_sim_zones(world.resolver);
    } else {
        world.loop = loop_net_new(0, speed, &err);
        assert_non_null(world.loop);
        world.zones = zones_new();
        world.network = network_net_new(world.loop, NULL);
        world.server = dns_server_new(world.loop, world.network, world.zones, &any, false, &err);
        assert_non_null(world.server);
        world.resolver = new_net_resolver(world.loop, dns_server_address(world.server), 2);
    }
    fill_zones(world.zones);
    return world;
}

static inline void
world_free(struct world *world)
{
    resolver_free(&world->resolver);
    if (world->is_net) {
        dns_server_free(&world->server);
        network_free(&world->network);
        zones_free(&world->zones);
    }
    loop_free(&world->loop);
}

/* Until so many answers have come. */
static inline void
run_for(struct world *world, int answers_count)
{
    struct error err;

    world->expected_count = answers_count;
    assert_true(loop_run(world->loop, loop_now_us(world->loop) + BOUND_S * US_PER_S, &err));
    assert_int_equal(world->expected_count, 0);
}

/* What is still on its way has time to come. */
static inline void
run_ms(struct world *world, int64_t ms)
{
    struct error err;

    assert_true(loop_run(world->loop, loop_now_us(world->loop) + ms * US_PER_MS, &err));
}

static inline void
on_answer(void *arg, const struct dns_answer *answer)
{
    struct asker *asker = arg;
    struct world *world = asker->world;

    asker->answers_count++;
    asker->at_us = loop_now_us(world->loop);
    asker->status = answer->status;
    asker->ttl_us = answer->ttl_us;
    text_clear(&asker->seen);
    for (size_t i = 0; i < answer->mx_count; i++)
        text_printf(
            &asker->seen, "%d %.*s;", answer->mx[i].preference, SLICE_ARGS(answer->mx[i].host));
    for (size_t i = 0; i < answer->addresses_count; i++) {
        assert_int_equal(answer->addresses[i].port, 0);
        net_address_format(&asker->seen, &answer->addresses[i]);
        text_add_char(&asker->seen, ';');
    }
    for (size_t i = 0; i < answer->texts_count; i++)
        text_printf(&asker->seen, "%.*s;", SLICE_ARGS(answer->texts[i]));
    if (world->expected_count > 0 && --world->expected_count == 0)
        loop_stop(world->loop);
}

static inline struct query *
ask(struct asker *asker, const char *name, enum dns_type type)
{
    return resolver_query(asker->world->resolver, slice_of(name), type, on_answer, asker);
}

static inline void
ask_and_run(struct asker *asker, const char *name, enum dns_type type)
{
    int before = asker->answers_count;

    ask(asker, name, type);
    assert_int_equal(asker->answers_count, before); /* never inside the call */
    run_for(asker->world, 1);
    assert_int_equal(asker->answers_count, before + 1);
}

#endif
