/* http_net.h - a few pages over HTTP/1.1, for programs that watch us (libevent's evhttp).
 *
 * Only GET and HEAD of the given paths are answered; another path is 404, another method 405. A
 * request's head and body are bounded, and so is the time a client may take.
 *
 * Callbacks  a page's function runs from libevent, between two turns of the loop: it may look, but
 *            must not arm timers or change anything.
 * Errors     http_net_new: it cannot listen. Only addresses of the loopback, as base/stream_net.h. */
#ifndef MTALAB_HTTP_NET_H
#define MTALAB_HTTP_NET_H

#include "base/loop.h"
#include "base/stream.h"

/* Appends the page's body. False: with status 503, because something is wrong. */
typedef bool http_page_fn(void *arg, struct text *body);

struct http_page {
    const char *path;
    const char *content_type;
    http_page_fn *fn;
};

struct http;

/* The table ends with a row without path. */
struct http *http_net_new(struct loop *loop, const struct net_address *at,
    const struct http_page *pages, void *arg, struct error *err);
void http_net_free(struct http **http);

#endif
