/* stream.h - bytes both ways, with an end, an edge and a price: the door to TCP and to its stand-in.
 *
 * A stream is one end of a connection. Bytes that arrive are offered to `on_bytes`; what it leaves is
 * offered again, in front of the next ones. What is written and not yet taken by the network counts
 * as unsent: a polite writer stops at STREAM_HIGH_WATER and goes on in `on_drained`.
 *
 * Callbacks  run from the loop, never inside a call of this header. After stream_close() or
 *            stream_abort() none comes any more; both may be called from inside a callback.
 *            After `on_broken` none comes either, and the owner still has to close.
 * Ownership  whoever received the stream (from `on_accept` or `on_connected`) closes it.
 * Errors     what the network did is an enum trouble, never dressed up as a reply. */
#ifndef MTALAB_STREAM_H
#define MTALAB_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct net_address {
    uint8_t family; /* 4, 6; 0: any (let the network choose) */
    uint8_t bytes[16];
    uint16_t port;
};

bool net_address_parse(
    struct slice text, struct net_address *address); /* no port; "192.0.2.1", "2001:db8::1" */
void net_address_format(struct text *out, const struct net_address *address); /* without the port */
bool net_address_equals(
    const struct net_address *a, const struct net_address *b); /* with the port */
bool net_address_same_host(const struct net_address *a, const struct net_address *b);

enum trouble {
    TROUBLE_NONE,
    TROUBLE_REFUSED,     /* nobody listens there: RST to our SYN */
    TROUBLE_UNREACHABLE, /* no route, or no such host */
    TROUBLE_TIMED_OUT,   /* no answer to the SYN in time */
    TROUBLE_RESET,       /* cut while open */
};

const char *trouble_name(enum trouble trouble); /* "refused", "unreachable", … */

enum { STREAM_HIGH_WATER = 65536 };

struct stream;

struct stream_events {
    size_t (*on_bytes)(void *arg, struct slice bytes); /* answers how many are consumed */
    void (*on_drained)(void *arg);                     /* unsent fell to 0; may be NULL */
    void (*on_end)(void *arg);                         /* the peer will send no more */
    void (*on_broken)(void *arg, enum trouble trouble);
};

/* To be called in the callback that hands over the stream, and again whenever the reader changes:
 * what waits unconsumed is then offered to the new one. `events` is not copied. */
void stream_set_events(struct stream *stream, const struct stream_events *events, void *arg);
void stream_write(struct stream *stream, const char *bytes, size_t length); /* copied */
size_t stream_unsent(const struct stream *stream);
void stream_pause(struct stream *stream);  /* no on_bytes until resumed: backpressure to the peer */
void stream_resume(struct stream *stream); /* what waits is offered again, from the loop */
void stream_shut(struct stream *stream);   /* half-close: what is unsent still goes, then the end */
void stream_close(struct stream **stream); /* as stream_shut, and we listen no more; NULLs */
void stream_abort(struct stream **stream); /* reset: what is unsent is lost; NULLs */
const struct net_address *stream_local(const struct stream *stream);
const struct net_address *stream_peer(const struct stream *stream);

/* The place where streams come from. */
struct network;
struct listener;
struct connecting;

typedef void accept_fn(void *arg, struct stream *stream);
/* `stream` is NULL if and only if there was trouble. */
typedef void connected_fn(void *arg, struct stream *stream, enum trouble trouble);

/* At port 0 the network chooses one that is free. */
struct listener *network_listen(struct network *network, const struct net_address *at,
    accept_fn *fn, void *arg, struct error *err);
struct net_address listener_local(const struct listener *listener); /* with the port it got */
void listener_close(struct listener **listener);                    /* open streams stay */

/* Our side is bound to `from` (its port 0: any). `fn` is called exactly once unless cancelled. */
struct connecting *network_connect(struct network *network, const struct net_address *from,
    const struct net_address *to, int64_t timeout_us, connected_fn *fn, void *arg);
void connecting_cancel(struct connecting **connecting);

void network_free(struct network **network);

/* What an implementation says when it cannot listen; answers false. */
#define NETWORK_TAKEN "somebody does already"
bool network_cannot_listen(const struct net_address *at, const char *why, struct error *err);

/* What an implementation provides. Its objects begin with these. */
struct stream {
    const struct stream_door *door;
};
struct network {
    const struct network_door *door;
};
struct listener {
    const struct network_door *door;
};
struct connecting {
    const struct network_door *door;
};

struct stream_door {
    bool is_simulated; /* its bytes never leave this process */
    void (*set_events)(struct stream *stream, const struct stream_events *events, void *arg);
    void (*write)(struct stream *stream, const char *bytes, size_t length);
    size_t (*unsent)(const struct stream *stream);
    void (*pause)(struct stream *stream);
    void (*resume)(struct stream *stream);
    void (*shut)(struct stream *stream);
    void (*close)(struct stream *stream);
    void (*abort)(struct stream *stream);
    const struct net_address *(*local)(const struct stream *stream);
    const struct net_address *(*peer)(const struct stream *stream);
};

struct network_door {
    struct listener *(*listen)(struct network *network, const struct net_address *at, accept_fn *fn,
        void *arg, struct error *err);
    struct net_address (*listener_local)(const struct listener *listener);
    void (*listener_close)(struct listener *listener);
    struct connecting *(*connect)(struct network *network, const struct net_address *from,
        const struct net_address *to, int64_t timeout_us, connected_fn *fn, void *arg);
    void (*connecting_cancel)(struct connecting *connecting);
    void (*free)(struct network *network);
};

#endif
