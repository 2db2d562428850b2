/* inject_world.h - the door for new messages, and a client that says what a script says.
 *
 * For test_inject.c and test_inject_durable.c. */
#ifndef MTALAB_TESTS_INJECT_WORLD_H
#define MTALAB_TESTS_INJECT_WORLD_H

#include "tests/unit.h"

#include "base/mem.h"
#include "base/stream_sim.h"
#include "base/unit.h"
#include "mta/inject.h"

enum { SYNC_US = 5000, SIZE_MAX_BYTES = 2000, PLACES_MAX = 4000 };

struct peer {
    struct world *world;
    struct stream *stream;
    struct connecting *connecting;
    struct text heard;
    bool is_ended;
    int64_t heard_at_us;
};

struct world {
    struct loop *loop;
    struct network *network;
    struct store *store;
    struct spool *spool;
    struct journal *journal;
    struct mta_config config;
    struct mta_doors doors;
    struct inject *inject;
    struct rng rng;
    struct peer peer;
    struct spool_place places[PLACES_MAX];
    size_t places_count;
    int64_t told_at_us;
    struct error err;
};

/* --- the world ------------------------------------------------------------------------------- */

static inline void
on_injected(void *arg, struct spool_place place)
{
    struct world *w = arg;

    assert_true(w->places_count < PLACES_MAX);
    w->places[w->places_count++] = place;
    w->told_at_us = loop_now_us(w->loop);
}

static inline size_t
peer_on_bytes(void *arg, struct slice bytes)
{
    struct peer *peer = arg;

    text_add_slice(&peer->heard, bytes);
    peer->heard_at_us = loop_now_us(peer->world->loop);
    return bytes.length;
}

static inline void
peer_on_end(void *arg)
{
    struct peer *peer = arg;

    peer->is_ended = true;
}

static inline void
peer_on_broken(void *arg, enum trouble trouble)
{
    fail_msg("the connection broke");
}

static inline void
peer_on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = peer_on_bytes, .on_end = peer_on_end, .on_broken = peer_on_broken};
    struct peer *peer = arg;

    assert_non_null(stream);
    peer->connecting = NULL;
    peer->stream = stream;
    stream_set_events(stream, &events, peer);
}

static inline void
pass(struct world *w, int64_t us)
{
    if (!loop_run(w->loop, loop_now_us(w->loop) + us, &w->err))
        fail_msg("%s", w->err.text);
}

static inline void
peer_connect(struct world *w)
{
    static const struct net_address any;

    w->peer.world = w;
    w->peer.is_ended = false;
    text_clear(&w->peer.heard);
    w->peer.connecting =
        network_connect(w->network, &any, &w->config.listen, US_PER_S, peer_on_connected, &w->peer);
    pass(w, 0);
    assert_non_null(w->peer.stream);
}

static inline void
open_door(struct world *w)
{
    w->spool = spool_new(w->loop, w->store);
    w->inject = inject_new(&w->config, &w->doors, w->spool, NULL, on_injected, w, &w->err);
    assert_non_null(w->inject);
}

static inline void
world_start(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->rng = rng_from_seed(7);
    w->loop = loop_sim_new(0);
    w->network = network_sim_new(w->loop, &w->rng);
    w->store = store_sim_new(w->loop, SYNC_US, &w->rng);
    w->journal = journal_new();
    w->config = mta_config_default();
    w->config.hostname = SLICE("mta.test");
    w->config.size_max = SIZE_MAX_BYTES;
    assert_true(net_address_parse(SLICE("192.0.2.1"), &w->config.listen));
    w->config.listen.port = 587;
    w->doors = (struct mta_doors){.loop = w->loop,
        .network = w->network,
        .store = w->store,
        .journal = w->journal,
        .rng = &w->rng};
    open_door(w);
    peer_connect(w);
}

static inline void
world_stop(struct world *w)
{
    if (w->peer.stream != NULL)
        stream_close(&w->peer.stream);
    text_release(&w->peer.heard);
    inject_free(&w->inject);
    spool_free(&w->spool);
    store_free(&w->store);
    network_free(&w->network);
    journal_free(&w->journal);
    loop_free(&w->loop);
}

/* What comes back before more than a sync could take; lives until the next call. */
static inline const char *
say_bytes(struct world *w, const char *bytes, size_t length)
{
    text_clear(&w->peer.heard);
    stream_write(w->peer.stream, bytes, length);
    pass(w, 3 * SYNC_US);
    return text_string(&w->peer.heard);
}

static inline const char *
say(struct world *w, const char *bytes)
{
    return say_bytes(w, bytes, strlen(bytes));
}

/* The codes of replies, each by its last line: "250 550 354 ". */
static inline const char *
codes_in(const char *replies, struct text *codes)
{
    text_clear(codes);
    for (const char *line = replies; *line != '\0';) {
        const char *end = strstr(line, "\r\n");

        assert_non_null(end);
        if (line[3] == ' ')
            text_add(codes, line, 4);
        line = end + 2;
    }
    return text_string(codes);
}

#define HELLO    "EHLO us.test\r\n"
#define ENVELOPE "MAIL FROM:<b@us.test>\r\nRCPT TO:<kim@isp.test>\r\n"
#define MESSAGE  "DATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\n"

#endif
