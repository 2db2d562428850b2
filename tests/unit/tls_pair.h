/* tls_pair.h - two ends on a simulated network that speak TLS, and what their handshakes came to. */
#ifndef MTALAB_TESTS_TLS_PAIR_H
#define MTALAB_TESTS_TLS_PAIR_H

#include "tests/unit/stream_pair.h"

#include "base/stream_tls.h"

static const struct tls_level_row {
    const char *name;
    enum tls_level level;
} levels[] = {
    {"modelled", TLS_MODELLED},
    {"real",     TLS_REAL    },
};

struct shaken { /* what one end was told of its handshake */
    struct side *side;
    int done_count;
    int64_t done_at_us;
    struct tls_result result;
    bool closes_when_done;
};

struct pair {
    struct world world;
    struct rng rng;
    struct tls *tls;
    struct tls_server *tls_server;
    struct tls_client *tls_client;
    struct side client, server;
    struct shaken client_done, server_done;
};

#define HOST_NAME SLICE("mx1.bigmail.test")

static inline void
on_done(void *arg, const struct tls_result *result)
{
    struct shaken *shaken = arg;

    assert_int_equal(shaken->done_count++, 0);
    assert_int_equal(shaken->side->offers_count, 0);
    shaken->done_at_us = now_us(shaken->side);
    shaken->result = *result;
    if (shaken->closes_when_done)
        stream_close(&shaken->side->stream);
}

static inline void
pair_open(
    struct pair *pair, enum tls_level level, enum tls_certificate certificate, enum tls_fault fault)
{
    struct tls_config config;

    *pair = (struct pair){.world = world_new(&pair->server), .rng = rng_from_seed(11)};
    config = (struct tls_config){.level = level, .loop = pair->world.loop, .rng = &pair->rng};
    pair->tls = tls_new(&config);
    pair->tls_server = tls_server_new(pair->tls, HOST_NAME, certificate, fault);
    pair->tls_client = tls_client_new(pair->tls);
}

static inline void
pair_forget(struct pair *pair)
{
    if (pair->client.stream != NULL)
        stream_close(&pair->client.stream);
    if (pair->server.stream != NULL)
        stream_close(&pair->server.stream);
    run(&pair->world);
    text_release(&pair->client.heard);
    text_release(&pair->server.heard);
    pair->client = pair->server = (struct side){0};
}

static inline void
pair_close(struct pair *pair)
{
    pair_forget(pair);
    tls_client_free(&pair->tls_client);
    tls_server_free(&pair->tls_server);
    tls_free(&pair->tls);
    world_free(&pair->world, &pair->client, &pair->server);
}

/* Both ends of a connection wrapped; the handshake has begun. */
static inline void
pair_wrap_over(struct pair *pair, bool is_verified)
{
    const struct tls_peer peer = {.host_name = HOST_NAME, .is_verified = is_verified};

    pair->client_done = (struct shaken){
        .side = &pair->client, .closes_when_done = pair->client_done.closes_when_done};
    pair->server_done = (struct shaken){
        .side = &pair->server, .closes_when_done = pair->server_done.closes_when_done};
    pair->server.stream =
        stream_tls_accept(pair->tls_server, pair->server.stream, on_done, &pair->server_done);
    stream_set_events(pair->server.stream, &events, &pair->server);
    pair->client.stream = stream_tls_connect(
        pair->tls_client, pair->client.stream, &peer, on_done, &pair->client_done);
    stream_set_events(pair->client.stream, &events, &pair->client);
}

static inline void
pair_wrap(struct pair *pair, bool is_verified)
{
    join(&pair->world, &pair->client, &pair->server);
    pair_wrap_over(pair, is_verified);
}

static inline void
pair_shake(struct pair *pair, bool is_verified)
{
    pair_wrap(pair, is_verified);
    run(&pair->world);
}

#endif
