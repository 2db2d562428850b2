/* stream_connect_net.c - what connecting comes to in the network of the kernel. */
#include "base/stream_fd_net.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/socket_net.h"
#include "base/unit.h"

enum { RETRY_MS = 100 };

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

void
network_net_cancel(struct connecting *base)
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
    socket_set_no_delay(c->fd);
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

    if (!socket_unix_address(c->filename, &to))
        return ENAMETOOLONG;
    c->fd = socket_unix();
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
    } else if (is_shortage_errno(number)) {
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

struct connecting *
network_net_connect(struct network *base, const struct net_address *from,
    const struct net_address *to, int64_t timeout_us, connected_fn *fn, void *arg)
{
    struct net_connecting *c = make_connecting((struct net_network *)base, timeout_us, fn, arg);

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
    struct net_connecting *c = make_connecting((struct net_network *)base, timeout_us, fn, arg);

    c->filename = mem_copy_string(filename);
    start(c);
    return &c->base;
}

void
network_net_stop_connecting(struct net_network *network)
{
    while (network->connecting != NULL)
        free_connecting(network->connecting);
}
