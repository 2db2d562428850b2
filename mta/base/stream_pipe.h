/* stream_pipe.h - one simulated connection: two ends, and what is on its way between them.
 *
 * For stream_sim.c, which makes connections and knows the hosts, stream_pipe.c, which moves the
 * bytes and tells the owners, and stream_wire.c, where bytes are on their way.
 *
 * What travels to an end belongs to that end: segments on their way, the inbox of what has arrived
 * and is not consumed, the window that counts both. What does not fit into the window stays in the
 * backlog of who wrote it. An idle connection owns no buffer at all. */
#ifndef MTALAB_STREAM_PIPE_H
#define MTALAB_STREAM_PIPE_H

#include "base/map.h"
#include "base/mem.h"
#include "base/stream_sim.h"

/* Buffers come in sizes 512, 1024, … 65536, which is the largest that a window can fill. */
enum { SEGMENT_SIZES = 8, SEGMENT_BYTES_MIN = 512 };
static_assert(SEGMENT_BYTES_MIN << (SEGMENT_SIZES - 1) == STREAM_HIGH_WATER, "a window fits");

enum segment_mark {
    MARK_NONE,
    MARK_END,   /* after these bytes nothing comes any more */
    MARK_RESET, /* no bytes: the connection is cut */
};

struct segment {
    struct segment *next, *previous;
    int64_t written_at_us;
    int64_t line_from_us; /* from when on it occupies the line */
    int64_t arrives_at_us;
    uint32_t length;
    uint8_t size; /* capacity is SEGMENT_BYTES_MIN << size */
    uint8_t mark; /* enum segment_mark */
    char bytes[];
};

/* Written, and still without room in the window. */
struct backlog {
    struct text text;
    size_t start;
};

enum { /* what an end is still to be told */
    DUE_OFFER = 1,
    DUE_END = 2,
    DUE_BROKEN = 4,
    DUE_DRAINED = 8,
};

struct end {
    struct stream base;
    struct connection *connection;
    const struct stream_events *events; /* NULL: not handed over yet, everything waits */
    void *arg;
    struct timer arrival; /* of `first`; not armed while silence holds it */
    struct timer news;
    struct segment *first, *last;
    struct segment *inbox; /* arrived, in one piece */
    uint32_t inbox_start;  /* consumed before it */
    uint32_t inbox_shown;  /* offered before it: less than `length` where pieces are cut */
    uint32_t window_bytes; /* on their way or unread */
    uint8_t due;
    bool is_server;
    bool is_paused;
    bool is_shut;   /* by its owner: writes no more */
    bool is_closed; /* by its owner: has none any more */
    bool is_broken; /* neither sends nor receives any more */
    struct backlog *backlog;
    int64_t line_free_at_us;
    uint64_t arrived_bytes;
    uint64_t reset_after_bytes; /* 0: never */
};

struct connection {
    struct end ends[2]; /* client, server */
    struct connection *next, *previous;
    struct sim_network *network;
    struct sim_host *host;
    uint32_t listener; /* number in the network's `addresses` */
    bool is_accepted;
    enum net_cut cut;
    struct net_address addresses[2];
};

struct sim_host {
    struct net_link link;
    bool has_link;
    uint32_t listeners_count;
    struct connection *first, *last; /* open, in the order they were made */
};

struct sim_network {
    struct network base;
    struct loop *loop;
    struct rng rng;
    struct map host_addresses;
    struct sim_host **hosts; /* by number of the address; they stay where they are */
    size_t hosts_capacity;
    struct map addresses;            /* with port: where somebody listened */
    struct sim_listener **listeners; /* by number of the address; NULL: closed */
    size_t listeners_capacity;
    struct sim_connecting *connecting;
    struct connection *current; /* a callback of it is running: it must not go away */
    struct connection *spare_connections;
    struct segment *spare_segments[SEGMENT_SIZES];
    uint16_t next_port;
    uint64_t bytes_delivered;
};

/* The wire to an end (stream_wire.c). What is sent in one instant travels as one segment. */
void wire_send(struct end *to, const char *bytes, size_t length); /* there is room for it */
void wire_send_mark(struct end *to, enum segment_mark mark);
void wire_drop(struct end *to); /* all that is on its way */
void wire_give_back(struct sim_network *network, struct segment *segment);
void inbox_add(struct end *end, struct segment *segment); /* which it takes over */
void inbox_drop(struct end *end);
void end_on_arrival(void *arg); /* fired by the wire, with the end */

/* Both ends without an owner yet, linked into its host. The addresses are set by the caller. */
struct connection *connection_new(struct sim_network *network, struct sim_host *host);
void connection_free(struct connection *connection);

/* As if the host of this end had lost its memory: its owner learns it now, the other one after the
 * latency. */
void connection_reset_at(struct end *end);

/* Silence is over: what it held arrives after one latency. */
void connection_resume(struct connection *connection);

/* Around a callback that is given one of its ends. */
void connection_enter(struct connection *connection);
void connection_leave(struct connection *connection);

#endif
