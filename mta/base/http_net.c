/* http_net.c - a few pages over HTTP/1.1. */
#include "base/http_net.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/util.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/socket_net.h"

enum { HEAD_BYTES_MAX = 8192, BODY_BYTES_MAX = 8192, TIMEOUT_S = 30, BACKLOG = 16 };

struct http {
    struct evhttp *server;
    const struct http_page *pages;
    void *arg;
};

static const struct http_page *
find_page(const struct http *http, struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

    for (const struct http_page *page = http->pages; path != NULL && page->path != NULL; page++)
        if (strcmp(page->path, path) == 0)
            return page;
    return NULL;
}

static void
on_request(struct evhttp_request *request, void *arg)
{
    const struct http *http = arg;
    const struct http_page *page = find_page(http, request);
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    struct text body = {0};
    bool is_fine;

    if (page == NULL) {
        evhttp_send_error(request, HTTP_NOTFOUND, NULL);
        return;
    }
    is_fine = page->fn(http->arg, &body);
    evhttp_add_header(
        evhttp_request_get_output_headers(request), "Content-Type", page->content_type);
    evbuffer_add(out, text_string(&body), body.length);
    if (is_fine)
        evhttp_send_reply(request, HTTP_OK, "OK", NULL);
    else
        evhttp_send_reply(request, HTTP_SERVUNAVAIL, "Service Unavailable", NULL);
    text_release(&body);
}

static int
listen_at(const struct net_address *at, struct error *err)
{
    int fd = socket_bound_to(at, SOCK_STREAM, false, err);

    if (fd >= 0 && listen(fd, BACKLOG) != 0) {
        error_set(err, ERROR_WORLD, "listening for HTTP: %s", strerrordesc_np(errno));
        evutil_closesocket(fd);
        return -1;
    }
    return fd;
}

struct http *
http_net_new(struct loop *loop, const struct net_address *at, const struct http_page *pages,
    void *arg, struct error *err)
{
    int fd = listen_at(at, err);
    struct http *http;

    if (fd < 0)
        return NULL;
    http = mem_alloc_zeroed(sizeof *http);
    http->pages = pages;
    http->arg = arg;
    http->server = evhttp_new(loop_net_base(loop));
    if (http->server == NULL || evhttp_accept_socket(http->server, fd) != 0) {
        error_set(err, ERROR_WORLD, "listening for HTTP: no memory");
        evutil_closesocket(fd);
        http_net_free(&http);
        return NULL;
    }
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(http->server, HEAD_BYTES_MAX);
    evhttp_set_max_body_size(http->server, BODY_BYTES_MAX);
    evhttp_set_timeout(http->server, TIMEOUT_S);
    evhttp_set_gencb(http->server, on_request, http);
    return http;
}

void
http_net_free(struct http **http)
{
    if (*http == NULL)
        return;
    if ((*http)->server != NULL)
        evhttp_free((*http)->server);
    mem_free(*http);
    *http = NULL;
}
