/* isp_world.h - one provider on a simulated network, and clients that say what a script says. */
#ifndef MTALAB_TESTS_ISP_WORLD_H
#define MTALAB_TESTS_ISP_WORLD_H

#include "tests/unit.h"

#include "base/resolver_sim.h"
#include "base/stream_sim.h"
#include "base/unit.h"
#include "fakeisp/isp.h"
#include "smtp/event.h"

enum { PEERS_MAX = 8, EVENTS_MAX = 256 };

struct peer { /* a client */
    struct isp_world *world;
    struct stream *stream;
    struct connecting *connecting;
    struct text heard;
    bool is_ended, is_broken;
    bool is_deaf; /* reads nothing */
    int64_t heard_at_us;
    int pieces_count; /* times that something was heard */
};

struct isp_world {
    struct loop *loop;
    struct rng rng;
    struct network *network;
    struct resolver *resolver; /* NULL: a test that wants one makes it */
    struct journal *journal;
    struct isp *isp;
    struct tls *tls; /* from before isp_open(); NULL: not offered */
    struct isp_config config;
    struct isp_host host;
    struct slice domain;
    struct net_address address;
    struct peer peers[PEERS_MAX];
    struct event events[EVENTS_MAX];
    size_t events_count;
    struct text story; /* one line per event */
    struct error err;
    bool tells_attempts;
};

static inline size_t
peer_on_bytes(void *arg, struct slice bytes)
{
    struct peer *peer = arg;

    peer->pieces_count++;
    peer->heard_at_us = loop_now_us(peer->world->loop);
    text_add_slice(&peer->heard, bytes);
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
    struct peer *peer = arg;

    peer->is_broken = true;
}

static const struct stream_events peer_events = {
    .on_bytes = peer_on_bytes, .on_end = peer_on_end, .on_broken = peer_on_broken};

static inline void
peer_on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    struct peer *peer = arg;

    peer->connecting = NULL;
    peer->stream = stream;
    assert_non_null(stream);
    stream_set_events(stream, &peer_events, peer);
    if (peer->is_deaf)
        stream_pause(stream);
}

static inline void
take_note(void *arg, struct slice entry)
{
    struct isp_world *w = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (w->events_count < EVENTS_MAX)
        w->events[w->events_count] = event;
    w->events_count++;
    text_printf(&w->story, "%s %s %u %.*s %.*s>%.*s\n", event_kind_name(event.kind),
        stage_name(event.stage), (unsigned)event.code,
        SLICE_ARGS(journal_name_text(w->journal, event.rule)), SLICE_ARGS(sender),
        SLICE_ARGS(rcpt));
}

static inline size_t
events_of(const struct isp_world *w, enum event_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < w->events_count && i < EVENTS_MAX; i++)
        count += w->events[i].kind == kind;
    return count;
}

/* A provider that accepts everything for isp.test; a test changes w->config before isp_open(). */
static inline void
isp_prepare(struct isp_world *w)
{
    *w = (struct isp_world){.rng = rng_from_seed(7), .domain = SLICE("isp.test")};
    w->loop = loop_sim_new(0);
    w->network = network_sim_new(w->loop, &w->rng);
    w->journal = journal_new();
    journal_observe(w->journal, take_note, w);
    assert_true(net_address_parse(SLICE("192.0.2.25"), &w->address));
    w->address.port = 25;
    w->host = (struct isp_host){.name = SLICE("mx1"),
        .fqdn = SLICE("mx1.isp.test"),
        .addresses = &w->address,
        .addresses_count = 1};
    w->config = (struct isp_config){.name = SLICE("isp"),
        .domains = &w->domain,
        .domains_count = 1,
        .hosts = &w->host,
        .hosts_count = 1,
        .size_max = 100000,
        .recipients_max = 1000};
}

static inline void
isp_open(struct isp_world *w)
{
    struct isp_doors doors = {.loop = w->loop,
        .network = w->network,
        .journal = w->journal,
        .rng = &w->rng,
        .resolver = w->resolver,
        .tls = w->tls,
        .tells_attempts = w->tells_attempts};

    w->isp = isp_new(&w->config, &doors, &w->err);
    assert_non_null(w->isp);
}

static inline void
isp_start(struct isp_world *w)
{
    isp_prepare(w);
    isp_open(w);
}

static inline void
isp_run(struct isp_world *w, int64_t until_us)
{
    if (!loop_run(w->loop, until_us, &w->err))
        fail_msg("%s", w->err.text);
}

static inline void
isp_pass(struct isp_world *w, int64_t us)
{
    isp_run(w, loop_now_us(w->loop) + us);
}

static inline void
peer_connect_from(struct isp_world *w, size_t number, const char *source)
{
    struct peer *peer = &w->peers[number];
    struct net_address from = {0};

    assert_true(net_address_parse(slice_of(source), &from));
    if (peer->stream != NULL)
        stream_close(&peer->stream);
    text_clear(&peer->heard);
    peer->world = w;
    peer->is_ended = peer->is_broken = false;
    peer->pieces_count = 0;
    peer->connecting =
        network_connect(w->network, &from, &w->address, 30 * US_PER_S, peer_on_connected, peer);
    isp_pass(w, 0);
}

static inline void
peer_connect(struct isp_world *w, size_t number)
{
    peer_connect_from(w, number, "198.51.100.1");
}

/* What comes back within this instant; the text lives until the next call. */
static inline const char *
peer_say_bytes(struct isp_world *w, size_t number, const char *bytes, size_t length)
{
    struct peer *peer = &w->peers[number];

    text_clear(&peer->heard);
    assert_non_null(peer->stream);
    stream_write(peer->stream, bytes, length);
    isp_pass(w, 0);
    return text_string(&peer->heard);
}

static inline const char *
peer_say(struct isp_world *w, size_t number, const char *bytes)
{
    return peer_say_bytes(w, number, bytes, strlen(bytes));
}

/* The codes of replies, each by its last line: "250 550 354 ". */
static inline const char *
codes_of(const char *replies)
{
    static char codes[4096];
    size_t length = 0;

    for (const char *line = replies; *line != '\0' && length + 5 < sizeof codes;) {
        const char *end = strstr(line, "\r\n");

        assert_non_null(end);
        if (line[3] == ' ') {
            memcpy(codes + length, line, 4);
            length += 4;
        }
        line = end + 2;
    }
    codes[length] = '\0';
    return codes;
}

static inline const char *
peer_codes(struct isp_world *w, size_t number, const char *bytes)
{
    return codes_of(peer_say(w, number, bytes));
}

static inline void
isp_stop(struct isp_world *w)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &w->peers[i];

        if (peer->stream != NULL)
            stream_close(&peer->stream);
        if (peer->connecting != NULL)
            connecting_cancel(&peer->connecting);
        text_release(&peer->heard);
    }
    isp_free(&w->isp);
    if (w->resolver != NULL)
        resolver_free(&w->resolver);
    network_free(&w->network);
    journal_free(&w->journal);
    loop_free(&w->loop);
    text_release(&w->story);
}

#endif
