/* stream.c - the door to TCP and to its stand-in: addresses, and calls passed on to who implements. */
#include "base/stream.h"

#include <arpa/inet.h>

bool
net_address_parse(struct slice text, struct net_address *address)
{
    char string[INET6_ADDRSTRLEN];
    struct net_address parsed = {0};

    if (text.length == 0 || text.length >= sizeof string)
        return false;
    if (memchr(text.at, '\0', text.length) != NULL)
        return false;
    memcpy(string, text.at, text.length);
    string[text.length] = '\0';
    if (inet_pton(AF_INET, string, parsed.bytes) == 1)
        parsed.family = 4;
    else if (inet_pton(AF_INET6, string, parsed.bytes) == 1)
        parsed.family = 6;
    else
        return false;
    *address = parsed;
    return true;
}

void
net_address_format(struct text *out, const struct net_address *address)
{
    char string[INET6_ADDRSTRLEN];

    if (address->family == 0) {
        text_add_string(out, "any");
        return;
    }
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, string, sizeof string);
    text_add_string(out, string);
}

bool
net_address_same_host(const struct net_address *a, const struct net_address *b)
{
    size_t length = a->family == 4 ? 4 : a->family == 6 ? 16 : 0;

    return a->family == b->family && memcmp(a->bytes, b->bytes, length) == 0;
}

bool
net_address_equals(const struct net_address *a, const struct net_address *b)
{
    return a->port == b->port && net_address_same_host(a, b);
}

const char *
trouble_name(enum trouble trouble)
{
    static const char *const names[] = {
        [TROUBLE_NONE] = "none",
        [TROUBLE_REFUSED] = "refused",
        [TROUBLE_UNREACHABLE] = "unreachable",
        [TROUBLE_TIMED_OUT] = "timed_out",
        [TROUBLE_RESET] = "reset",
    };

    assert(trouble < COUNT_OF(names));
    return names[trouble];
}

void
stream_set_events(struct stream *stream, const struct stream_events *events, void *arg)
{
    stream->door->set_events(stream, events, arg);
}

void
stream_write(struct stream *stream, const char *bytes, size_t length)
{
    stream->door->write(stream, bytes, length);
}

size_t
stream_unsent(const struct stream *stream)
{
    return stream->door->unsent(stream);
}

void
stream_pause(struct stream *stream)
{
    stream->door->pause(stream);
}

void
stream_resume(struct stream *stream)
{
    stream->door->resume(stream);
}

void
stream_shut(struct stream *stream)
{
    stream->door->shut(stream);
}

void
stream_close(struct stream **stream)
{
    struct stream *closed = *stream;

    *stream = NULL;
    if (closed != NULL)
        closed->door->close(closed);
}

void
stream_abort(struct stream **stream)
{
    struct stream *aborted = *stream;

    *stream = NULL;
    if (aborted != NULL)
        aborted->door->abort(aborted);
}

const struct net_address *
stream_local(const struct stream *stream)
{
    return stream->door->local(stream);
}

const struct net_address *
stream_peer(const struct stream *stream)
{
    return stream->door->peer(stream);
}

struct listener *
network_listen(struct network *network, const struct net_address *at, accept_fn *fn, void *arg,
    struct error *err)
{
    return network->door->listen(network, at, fn, arg, err);
}

bool
network_cannot_listen(const struct net_address *at, const char *why, struct error *err)
{
    struct text text = {0};

    net_address_format(&text, at);
    error_set(err, ERROR_WORLD, "cannot listen at %s port %u: %s", text_string(&text),
        (unsigned)at->port, why);
    text_release(&text);
    return false;
}

struct net_address
listener_local(const struct listener *listener)
{
    return listener->door->listener_local(listener);
}

void
listener_close(struct listener **listener)
{
    struct listener *closed = *listener;

    *listener = NULL;
    if (closed != NULL)
        closed->door->listener_close(closed);
}

struct connecting *
network_connect(struct network *network, const struct net_address *from,
    const struct net_address *to, int64_t timeout_us, connected_fn *fn, void *arg)
{
    return network->door->connect(network, from, to, timeout_us, fn, arg);
}

void
connecting_cancel(struct connecting **connecting)
{
    struct connecting *cancelled = *connecting;

    *connecting = NULL;
    if (cancelled != NULL)
        cancelled->door->connecting_cancel(cancelled);
}

void
network_free(struct network **network)
{
    struct network *freed = *network;

    *network = NULL;
    if (freed != NULL)
        freed->door->free(freed);
}
