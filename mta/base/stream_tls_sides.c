/* stream_tls_sides.c - who speaks TLS: what the TLS of one world shares, servers, and clients with what
 * they remember of their peers. */
#include "base/stream_tls_engine.h"

#include "base/mem.h"
#include "base/unit.h"

const char *
tls_failure_phrase(enum tls_failure failure)
{
    static const char *const phrases[] = {
        [TLS_FINE] = "no failure",
        [TLS_FAILED_CUT] = "connection cut",
        [TLS_FAILED_ALERT] = "alert from the peer",
        [TLS_FAILED_EXPIRED] = "certificate expired",
        [TLS_FAILED_WRONG_NAME] = "certificate for another name",
        [TLS_FAILED_SELF_SIGNED] = "certificate self-signed",
        [TLS_FAILED_UNKNOWN_CA] = "certificate of an unknown authority",
        [TLS_FAILED_CERTIFICATE] = "certificate not valid",
        [TLS_FAILED_OLD_PROTOCOL] = "protocol too old",
        [TLS_FAILED_NONSENSE] = "the peer does not speak TLS",
    };
    static_assert(COUNT_OF(phrases) == TLS_FAILURES_COUNT, "a phrase for every failure");

    assert(failure < TLS_FAILURES_COUNT);
    return phrases[failure];
}

struct tls *
tls_new(const struct tls_config *config)
{
    struct tls *tls = mem_alloc_zeroed(sizeof *tls);

    assert(config->level != TLS_OFF);
    tls->loop = config->loop;
    tls->rng = config->rng;
    tls->door = config->level == TLS_REAL ? &tls_real_door : &tls_modelled_door;
    tls->library = tls->door->library_new(tls);
    return tls;
}

void
tls_free(struct tls **tls)
{
    if (*tls == NULL)
        return;
    (*tls)->door->library_free((*tls)->library);
    mem_free(*tls);
    *tls = NULL;
}

struct tls_server *
tls_server_new(
    struct tls *tls, struct slice host_name, enum tls_certificate certificate, enum tls_fault fault)
{
    struct tls_server *server = mem_alloc_zeroed(sizeof *server);
    char *name = mem_alloc(host_name.length + 1);

    memcpy(name, host_name.at, host_name.length);
    name[host_name.length] = '\0';
    server->tls = tls;
    server->host_name = (struct slice){name, host_name.length};
    server->number = ++tls->servers_count;
    server->certificate = certificate;
    server->fault = fault;
    server->side = tls->door->server_new(server);
    return server;
}

void
tls_server_free(struct tls_server **server)
{
    if (*server == NULL)
        return;
    (*server)->tls->door->server_free((*server)->side);
    mem_free((char *)(uintptr_t)(*server)->host_name.at);
    mem_free(*server);
    *server = NULL;
}

struct tls_client *
tls_client_new(struct tls *tls)
{
    struct tls_client *client = mem_alloc_zeroed(sizeof *client);

    client->tls = tls;
    client->side = tls->door->client_new(client);
    return client;
}

void
tls_client_free(struct tls_client **client)
{
    struct tls_client *c = *client;

    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->peers.count; i++) {
        tls_remember(c->memories[i], NULL, 0);
        mem_free(c->memories[i]);
    }
    mem_free(c->memories);
    map_release(&c->peers);
    c->tls->door->client_free(c->side);
    mem_free(c);
    *client = NULL;
}

void
tls_remember(struct tls_memory *memory, void *session, int64_t now_us)
{
    assert(memory != NULL);
    if (memory->session != NULL)
        memory->door->session_free(memory->session);
    memory->session = session;
    memory->session_at_us = now_us;
}

static void
forget_old(struct tls_memory *memory, int64_t now_us)
{
    if (memory->session != NULL &&
        now_us - memory->session_at_us >= TLS_RESUME_S * (int64_t)US_PER_S)
        tls_remember(memory, NULL, 0);
}

struct tls_memory *
tls_memory_of(struct tls_client *client, const struct tls_peer *peer)
{
    struct text key = {0};
    uint32_t number;
    bool is_new = false, is_known;

    text_add_char(&key, peer->is_verified ? 'v' : 'u');
    text_add_slice(&key, peer->host_name);
    is_known = map_find(&client->peers, text_slice(&key), &number);
    if (!is_known && client->peers.count < TLS_PEERS_MAX)
        number = map_put(&client->peers, text_slice(&key), &is_new);
    text_release(&key);
    if (!is_known && !is_new)
        return NULL;
    if (is_new) {
        client->memories = mem_grow(client->memories, &client->memories_capacity,
            client->peers.count, sizeof client->memories[0]);
        client->memories[number] = mem_alloc_zeroed(sizeof *client->memories[number]);
        client->memories[number]->door = client->tls->door;
    }
    forget_old(client->memories[number], loop_now_us(client->tls->loop));
    return client->memories[number];
}
