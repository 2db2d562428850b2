/* stream_net.c - the network of the kernel: who listens where, and what connecting comes to. */
#include "base/stream_net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

enum { BACKLOG = 4096, ACCEPTS_AT_ONCE_MAX = 64, RETRY_MS = 100 };

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

struct net_connecting {
    struct connecting base;
    struct net_network *network;
    struct net_connecting *next, *previous;
    struct event event;
    struct timer news, timeout;
    bool is_watched;
    int fd; /* -1: none yet */
    enum trouble trouble;
    struct net_address from, to;
    char *filename; /* instead of `to`, or NULL */
    connected_fn *fn;
    void *arg;
};

static struct net_network *
network_of(struct network *network)
{
    return (struct net_network *)network;
}

/* Ours to cure by waiting, and nobody else's fault. */
static bool
is_shortage(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static void
set_no_delay(int fd)
{
    int yes = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
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

        if (is_shortage(errno))
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
    set_no_delay(fd);
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

static bool
unix_address(const char *filename, struct sockaddr_un *address)
{
    size_t length = strlen(filename);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length == 0 || length >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, filename, length);
    return true;
}

static int
unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

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
    fd = unix_socket();
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
    int fd = unix_socket();

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

    if (!unix_address(filename, &address)) {
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

/* ---- connecting ---- */

static void
let_go(struct net_connecting *c)
{
    if (c->is_watched)
        event_del(&c->event);
    c->is_watched = false;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* The descriptor, if there is one, is closed too. */
static void
free_connecting(struct net_connecting *c)
{
    let_go(c);
    timer_cancel(c->network->loop, &c->news);
    timer_cancel(c->network->loop, &c->timeout);
    if (c->next != NULL)
        c->next->previous = c->previous;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        c->network->connecting = c->next;
    mem_free(c->filename);
    mem_free(c);
}

static void
cancel_connecting(struct connecting *base)
{
    free_connecting((struct net_connecting *)base);
}

/* On one machine a socket that is given the port it asks for is connected to itself. */
static bool
is_talking_to_itself(const struct net_connecting *c, const struct net_address *local)
{
    return c->filename == NULL && net_address_equals(local, &c->to);
}

static struct stream *
make_stream(struct net_connecting *c)
{
    struct net_address local = socket_local(c->fd);
    int fd = c->fd;

    if (is_talking_to_itself(c, &local)) {
        c->trouble = TROUBLE_REFUSED;
        return NULL;
    }
    if (c->is_watched)
        event_del(&c->event);
    c->is_watched = false;
    c->fd = -1;
    return stream_fd_new(c->network, fd, &local, &c->to);
}

static void
on_settled(void *arg)
{
    struct net_connecting *c = arg;
    struct stream *stream = c->trouble == TROUBLE_NONE ? make_stream(c) : NULL;
    enum trouble trouble = c->trouble;
    connected_fn *fn = c->fn;
    void *fn_arg = c->arg;

    free_connecting(c);
    fn(fn_arg, stream, trouble);
}

/* To be told from the loop. */
static void
settle(struct net_connecting *c, enum trouble trouble)
{
    c->trouble = trouble;
    loop_post(c->network->loop, &c->news, on_settled, c);
}

static void
on_answer(void *arg)
{
    struct net_connecting *c = arg;
    int number = 0;
    socklen_t length = sizeof number;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0)
        number = errno;
    c->trouble = number == 0 ? TROUBLE_NONE : trouble_of_errno(number);
    on_settled(c);
}

static void
notice_answer(evutil_socket_t fd, short what, void *arg)
{
    struct net_connecting *c = arg;

    loop_net_notice(c->network->loop, &c->news, on_answer, c);
}

static void
on_timeout(void *arg)
{
    struct net_connecting *c = arg;

    let_go(c);
    timer_cancel(c->network->loop, &c->news);
    c->trouble = TROUBLE_TIMED_OUT;
    on_settled(c);
}

/* Bound without a port, so that the kernel may use one port towards many peers. 0 or an errno. */
static int
bind_source(struct net_connecting *c)
{
    struct sockaddr_storage from;
    socklen_t length;
    int yes = 1;

    if (c->from.family == 0)
        return 0;
    length = socket_address(&c->from, &from);
    if (c->from.port == 0)
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    else
        setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return bind(c->fd, (struct sockaddr *)&from, length) == 0 ? 0 : errno;
}

/* 0: connected; EINPROGRESS: the answer is awaited; ENOBUFS stands for all that waiting cures. */
static int
start_tcp(struct net_connecting *c)
{
    struct sockaddr_storage to;
    socklen_t length = socket_address(&c->to, &to);
    int number;

    c->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return errno;
    set_no_delay(c->fd);
    number = bind_source(c);
    if (number != 0)
        return number;
    if (connect(c->fd, (struct sockaddr *)&to, length) == 0)
        return 0;
    return errno == EADDRNOTAVAIL ? ENOBUFS : errno; /* all ports are taken */
}

static int
start_unix(struct net_connecting *c)
{
    struct sockaddr_un to;

    if (!unix_address(c->filename, &to))
        return ENAMETOOLONG;
    c->fd = unix_socket();
    if (c->fd < 0)
        return errno;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0)
        return 0;
    return errno == EAGAIN ? ENOBUFS : errno; /* more wait there than it listens to */
}

static void
start(void *arg)
{
    struct net_connecting *c = arg;
    struct loop *loop = c->network->loop;
    int number = c->filename != NULL ? start_unix(c) : start_tcp(c);

    if (number == EINPROGRESS) {
        event_assign(&c->event, c->network->events, c->fd, EV_WRITE, notice_answer, c);
        event_add(&c->event, NULL);
        c->is_watched = true;
    } else if (number == 0) {
        settle(c, TROUBLE_NONE);
    } else if (is_shortage(number)) {
        let_go(c);
        timer_arm(loop, &c->news, loop_now_us(loop) + RETRY_MS * INT64_C(1000), start, c);
    } else {
        let_go(c);
        settle(c, trouble_of_errno(number));
    }
}

static struct net_connecting *
make_connecting(struct net_network *network, int64_t timeout_us, connected_fn *fn, void *arg)
{
    struct net_connecting *c = mem_alloc_zeroed(sizeof *c);

    assert(timeout_us >= 0);
    c->base.door = network->base.door;
    c->network = network;
    c->fd = -1;
    c->fn = fn;
    c->arg = arg;
    c->next = network->connecting;
    if (c->next != NULL)
        c->next->previous = c;
    network->connecting = c;
    timer_arm(network->loop, &c->timeout, loop_now_us(network->loop) + timeout_us, on_timeout, c);
    return c;
}

static bool
may_go(const struct net_connecting *c)
{
    if (c->from.family != 0 && c->from.family != c->to.family)
        return false;
    if (c->network->options.allow_any)
        return true;
    return net_address_is_loopback(&c->to) &&
        (c->from.family == 0 || net_address_is_loopback(&c->from));
}

static struct connecting *
connect_to(struct network *base, const struct net_address *from, const struct net_address *to,
    int64_t timeout_us, connected_fn *fn, void *arg)
{
    struct net_connecting *c = make_connecting(network_of(base), timeout_us, fn, arg);

    c->from = *from;
    c->to = *to;
    if (may_go(c))
        start(c);
    else
        settle(c, TROUBLE_UNREACHABLE);
    return &c->base;
}

struct connecting *
network_net_connect_unix(
    struct network *base, const char *filename, int64_t timeout_us, connected_fn *fn, void *arg)
{
    struct net_connecting *c = make_connecting(network_of(base), timeout_us, fn, arg);

    c->filename = mem_copy_string(filename);
    start(c);
    return &c->base;
}

/* ---- the network as a whole ---- */

static void
free_network(struct network *base)
{
    struct net_network *network = network_of(base);

    while (network->connecting != NULL)
        free_connecting(network->connecting);
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
    .connect = connect_to,
    .connecting_cancel = cancel_connecting,
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
