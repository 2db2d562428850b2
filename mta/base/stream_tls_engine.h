/* stream_tls_engine.h - what turns plain bytes into those of the wire and back: the inside of
 * stream_tls.c, which moves bytes and tells the owner, and of stream_tls_sides.c, which keeps servers
 * and clients; for stream_tls*.c only.
 *
 * An engine never touches a stream: it is given bytes and adds to texts. stream_tls_real.c does it
 * with OpenSSL, stream_tls_modelled.c without arithmetic. */
#ifndef MTALAB_STREAM_TLS_ENGINE_H
#define MTALAB_STREAM_TLS_ENGINE_H

#include "base/map.h"
#include "base/stream_tls.h"

enum tls_state { TLS_SHAKING, TLS_OPEN, TLS_ENDED /* close_notify came */, TLS_FAILED };

struct tls_engine { /* engines begin with it */
    const struct tls_engine_door *door;
    enum tls_state state;
    struct tls_result result;
};

/* What an engine does. `wire` is for the peer, `plain` for the owner; both are added to. */
struct tls_engine_door {
    void (*start)(struct tls_engine *engine, struct text *wire); /* the client speaks first */
    void (*take)(
        struct tls_engine *engine, struct slice bytes, struct text *wire, struct text *plain);
    void (*seal)(struct tls_engine *engine, struct slice plain, struct text *wire); /* open only */
    void (*say_closed)(struct tls_engine *engine, struct text *wire);               /* the same */
    void (*free)(struct tls_engine *engine);
};

/* What a level provides. */
struct tls_memory;
struct tls_level_door {
    void *(*library_new)(struct tls *tls);
    void (*library_free)(void *library);
    void *(*server_new)(struct tls_server *server);
    void (*server_free)(void *side);
    void *(*client_new)(struct tls_client *client);
    void (*client_free)(void *side);
    void (*session_free)(void *session);
    struct tls_engine *(*accept)(struct tls_server *server);
    struct tls_engine *(*connect)(
        struct tls_client *client, const struct tls_peer *peer, struct tls_memory *memory);
};
extern const struct tls_level_door tls_real_door, tls_modelled_door;

struct tls {
    struct loop *loop;
    const struct rng *rng; /* NULL: the library's own randomness */
    const struct tls_level_door *door;
    void *library;
    uint32_t servers_count;
};

struct tls_server {
    struct tls *tls;
    struct slice host_name; /* ours */
    uint32_t number;        /* from 1 */
    enum tls_certificate certificate;
    enum tls_fault fault;
    uint64_t connections_count;
    void *side;
};

/* What a client remembers of a peer. Verified and unverified sessions are kept apart: a resumed one
 * shows no certificate. */
struct tls_memory {
    const struct tls_level_door *door;
    void *session; /* NULL: none */
    int64_t session_at_us;
};

struct tls_client {
    struct tls *tls;
    struct map peers;
    struct tls_memory **memories; /* by number in `peers` */
    size_t memories_capacity;
    uint64_t connections_count;
    void *side;
};

/* NULL: too many are known already, nothing is kept of this one. What is too old is forgotten. */
struct tls_memory *tls_memory_of(struct tls_client *client, const struct tls_peer *peer);
/* Takes the session. */
void tls_remember(struct tls_memory *memory, void *session, int64_t now_us);

#endif
