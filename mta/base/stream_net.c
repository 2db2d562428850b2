/* stream_net.c - the network of the kernel: who listens where. */
#include "base/stream_net.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/socket_net.h"
#include "base/stream_fd_net.h"
#include "base/unit.h"

enum { BACKLOG = 4096, ACCEPTS_AT_ONCE_MAX = 64 };

struct net_listener {
    struct listener base;
    struct net_network *network;
    struct net_listener *next, *previous;
    struct event event;
    struct timer news; /* somebody knocks, or the rest is over */
    bool is_resting;
    bool *is_gone; /* of the accepting that is going on */
    int fd;
    struct net_address local;
    accept_fn *fn;
    void *arg;
    char *filename; /* of a socket in the file system, or NULL */
    ino_t inode;
};

static struct net_network *
network_of(struct network *network)
{
    return (struct net_network *)network;
}

/* ---- accepting ---- */

static void on_knock(void *arg);

static void
notice_knock(evutil_socket_t fd, short what, void *arg)
{
    struct net_listener *listener = arg;

    loop_net_notice(listener->network->loop, &listener->news, on_knock, listener);
}

/* A connection that cannot be accepted keeps knocking: it is not listened to for a while. */
static void
rest(struct net_listener *listener)
{
    struct loop *loop = listener->network->loop;

    event_del(&listener->event);
    listener->is_resting = true;
    listener->network->resting_count++;
    timer_arm(loop, &listener->news, loop_now_us(loop) + US_PER_S, on_knock, listener);
}

static void
end_rest(struct net_listener *listener)
{
    if (!listener->is_resting)
        return;
    event_add(&listener->event, NULL);
    listener->is_resting = false;
    listener->network->resting_count--;
}

static bool
is_wildcard(const struct net_address *address)
{
    static const uint8_t zeroes[16];

    return memcmp(address->bytes, zeroes, sizeof zeroes) == 0;
}

/* False: there is none left, or no descriptor for it. */
static bool
accept_one(struct net_listener *listener)
{
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    struct net_address peer, local = listener->local;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        bool goes_on = errno == ECONNABORTED || errno == EINTR;

        if (is_shortage_errno(errno))
            rest(listener);
        return goes_on;
    }
    if (local.family != 0 && is_wildcard(&local))
        local = socket_local(fd);
    peer = net_address_of_socket(&from);
    listener->fn(listener->arg, stream_fd_new(listener->network, fd, &local, &peer));
    return true;
}

static void
on_knock(void *arg)
{
    struct net_listener *listener = arg;
    bool is_gone = false;

    end_rest(listener);
    listener->is_gone = &is_gone;
    for (int i = 0; i < ACCEPTS_AT_ONCE_MAX; i++) {
        bool goes_on = accept_one(listener);

        if (is_gone)
            return;
        if (!goes_on)
            break;
    }
    listener->is_gone = NULL;
}

/* ---- listening ---- */

static struct net_listener *
make_listener(struct net_network *network, int fd, accept_fn *fn, void *arg)
{
    struct net_listener *listener = mem_alloc_zeroed(sizeof *listener);

    listener->base.door = network->base.door;
    listener->network = network;
    listener->fd = fd;
    listener->fn = fn;
    listener->arg = arg;
    event_assign(
        &listener->event, network->events, fd, EV_READ | EV_PERSIST, notice_knock, listener);
    event_add(&listener->event, NULL);
    listener->next = network->listeners;
    if (listener->next != NULL)
        listener->next->previous = listener;
    network->listeners = listener;
    return listener;
}

static int
backlog_of(const struct net_network *network)
{
    return network->options.backlog > 0 ? network->options.backlog : BACKLOG;
}

/* Accepted connections inherit that they do not wait for more to send. */
static struct listener *
listen_at(
    struct network *base, const struct net_address *at, accept_fn *fn, void *arg, struct error *err)
{
    struct net_network *network = network_of(base);
    int fd = socket_bound_to(at, SOCK_STREAM, network->options.allow_any, err);
    struct net_listener *listener;

    if (fd < 0)
        return NULL;
    socket_set_no_delay(fd);
    if (listen(fd, backlog_of(network)) < 0) {
        error_set(
            err, ERROR_WORLD, "cannot listen at port %u: %s", (unsigned)at->port, strerror(errno));
        close(fd);
        return NULL;
    }
    listener = make_listener(network, fd, fn, arg);
    listener->local = socket_local(fd);
    return &listener->base;
}

/* The file is ours to remove only while it is the one that we made. */
static void
remove_socket_file(struct net_listener *listener)
{
    struct stat now;

    if (lstat(listener->filename, &now) == 0 && now.st_ino == listener->inode)
        unlink(listener->filename);
    mem_free(listener->filename);
}

static void
close_listener(struct listener *base)
{
    struct net_listener *listener = (struct net_listener *)base;

    end_rest(listener);
    event_del(&listener->event);
    timer_cancel(listener->network->loop, &listener->news);
    if (listener->filename != NULL)
        remove_socket_file(listener);
    close(listener->fd);
    if (listener->next != NULL)
        listener->next->previous = listener->previous;
    if (listener->previous != NULL)
        listener->previous->next = listener->next;
    else
        listener->network->listeners = listener->next;
    if (listener->is_gone != NULL)
        *listener->is_gone = true;
    mem_free(listener);
}

static struct net_address
listener_address(const struct listener *base)
{
    return ((const struct net_listener *)base)->local;
}

void
network_net_on_closed(struct net_network *network)
{
    if (network->resting_count == 0)
        return;
    for (struct net_listener *l = network->listeners; l != NULL; l = l->next)
        if (l->is_resting)
            loop_post(network->loop, &l->news, on_knock, l);
}

/* ---- sockets in the file system ---- */

/* A socket that refuses was left behind by a program that is gone. */
static bool
clear_the_place(const struct sockaddr_un *address, struct error *err)
{
    const char *filename = address->sun_path;
    struct stat there;
    int fd, result, number;

    if (lstat(filename, &there) < 0)
        return errno == ENOENT ||
            error_set(err, ERROR_WORLD, "cannot listen at %s: %s", filename, strerror(errno));
    if (!S_ISSOCK(there.st_mode))
        return error_set(
            err, ERROR_WORLD, "cannot listen at %s: there is a file that is no socket", filename);
    fd = socket_unix();
    result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof *address);
    number = errno;
    if (fd >= 0)
        close(fd);
    if (result == 0 || number != ECONNREFUSED)
        return error_set(err, ERROR_WORLD, "cannot listen at %s: %s", filename,
            result == 0 || number == EAGAIN ? "somebody does already" : strerror(number));
    return unlink(filename) == 0 || errno == ENOENT ||
        error_set(err, ERROR_WORLD, "cannot remove %s: %s", filename, strerror(errno));
}

/* The mode of the descriptor becomes that of the file, which so never has another one. */
static int
bind_unix(const struct sockaddr_un *address, int backlog, struct error *err)
{
    int fd = socket_unix();

    if (fd >= 0 && fchmod(fd, 0600) == 0 &&
        bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
        listen(fd, backlog) == 0)
        return fd;
    error_set(err, ERROR_WORLD, "cannot listen at %s: %s", address->sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

struct listener *
network_net_listen_unix(
    struct network *base, const char *filename, accept_fn *fn, void *arg, struct error *err)
{
    struct net_network *network = network_of(base);
    struct sockaddr_un address;
    struct net_listener *listener;
    struct stat made;
    int fd;

    if (!socket_unix_address(filename, &address)) {
        error_set(err, ERROR_WORLD, "cannot listen at '%s': the name has to have 1 to %zu bytes",
            filename, sizeof address.sun_path - 1);
        return NULL;
    }
    if (!clear_the_place(&address, err))
        return NULL;
    fd = bind_unix(&address, backlog_of(network), err);
    if (fd < 0)
        return NULL;
    listener = make_listener(network, fd, fn, arg);
    listener->filename = mem_copy_string(filename);
    listener->inode = lstat(filename, &made) == 0 ? made.st_ino : 0;
    return &listener->base;
}

/* ---- the network as a whole ---- */

static void
free_network(struct network *base)
{
    struct net_network *network = network_of(base);

    network_net_stop_connecting(network);
    while (network->listeners != NULL)
        close_listener(&network->listeners->base);
    while (network->streams != NULL)
        stream_fd_free(network->streams);
    while (network->spare_buffers_count > 0)
        text_release(&network->spare_buffers[--network->spare_buffers_count]);
    mem_free(network);
}

uint64_t
network_net_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

static const struct network_door net_door = {
    .listen = listen_at,
    .listener_local = listener_address,
    .listener_close = close_listener,
    .connect = network_net_connect,
    .connecting_cancel = network_net_cancel,
    .free = free_network,
};

struct network *
network_net_new(struct loop *loop, const struct network_net_options *options)
{
    struct net_network *network = mem_alloc_zeroed(sizeof *network);

    network->base.door = &net_door;
    network->loop = loop;
    network->events = loop_net_base(loop);
    if (options != NULL)
        network->options = *options;
    return &network->base;
}
