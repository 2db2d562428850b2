/* ares_net.c - c-ares in our loop: its sockets, and its patience. */
#include "base/ares_net.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <sys/time.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/socket_net.h"
#include "base/unit.h"

enum { UDP_BYTES_MAX = 1232, BUFFER_BYTES = 1 << 20, CLASS_IN = 1 };

/* A socket of c-ares. */
struct watch {
    struct watch *next;
    struct ares_net *ares;
    struct event *event;
    struct timer timer;
    ares_socket_t fd;
    short ready;
};

struct ares_net {
    struct loop *loop;
    ares_channel channel;
    struct watch *watches;
    struct event *patience; /* of libevent, whose time is real at any speed of the loop */
    struct timer on_patience;
    struct timeval timeout;
    timer_fn *on_worked;
    void *arg;
};

/* ---- sockets and time ---- */

static void on_out_of_patience(void *arg);

static void
notice_patience(evutil_socket_t fd, short what, void *arg)
{
    struct ares_net *ares = arg;

    loop_net_notice(ares->loop, &ares->on_patience, on_out_of_patience, ares);
}

static void
let_ares_work(struct ares_net *ares, ares_socket_t readable, ares_socket_t writable)
{
    ares_process_fd(ares->channel, readable, writable);
    ares->on_worked(ares->arg);
}

static void
on_out_of_patience(void *arg)
{
    let_ares_work(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* The watch may be gone when c-ares has done its work. */
static void
on_ready(void *arg)
{
    struct watch *watch = arg;
    short ready = watch->ready;

    watch->ready = 0;
    let_ares_work(watch->ares, ready & EV_READ ? watch->fd : ARES_SOCKET_BAD,
        ready & EV_WRITE ? watch->fd : ARES_SOCKET_BAD);
}

static void
notice_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;

    watch->ready |= what;
    loop_net_notice(watch->ares->loop, &watch->timer, on_ready, watch);
}

static void
unwatch(struct watch **at)
{
    struct watch *watch = *at;

    *at = watch->next;
    timer_cancel(watch->ares->loop, &watch->timer);
    event_free(watch->event);
    mem_free(watch);
}

static struct watch **
watch_of(struct ares_net *ares, ares_socket_t fd)
{
    struct watch **at = &ares->watches;

    while (*at != NULL && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

/* From inside c-ares: what it wants to know about a socket; neither: the socket is being closed. */
static void
on_socket_wanted(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct ares_net *ares = arg;
    struct watch **at = watch_of(ares, fd), *watch;
    short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);

    if (*at != NULL)
        unwatch(at);
    if (!readable && !writable)
        return;
    watch = mem_alloc_zeroed(sizeof *watch);
    watch->ares = ares;
    watch->fd = fd;
    watch->event = event_new(loop_net_base(ares->loop), fd, what, notice_ready, watch);
    assert(watch->event != NULL);
    event_add(watch->event, NULL);
    watch->next = ares->watches;
    ares->watches = watch;
}

/* ares_timeout() walks over all questions, so it is asked once per wait; one that comes meanwhile waits
 * for `timeout` at least. */
void
ares_net_keep_patience(struct ares_net *ares, bool is_in_flight)
{
    struct timeval wait;

    if (!is_in_flight) {
        event_del(ares->patience);
        return;
    }
    if (evtimer_pending(ares->patience, NULL) || timer_is_armed(&ares->on_patience))
        return;
    wait = *ares_timeout(ares->channel, &ares->timeout, &wait);
    wait.tv_usec += (suseconds_t)US_PER_MS; /* it counts in whole milliseconds */
    wait.tv_sec += wait.tv_usec / US_PER_S;
    wait.tv_usec %= US_PER_S;
    event_add(ares->patience, &wait);
}

void
ares_net_ask(struct ares_net *ares, const char *name, int type, ares_callback fn, void *arg)
{
    ares_query(ares->channel, name, CLASS_IN, type, fn, arg);
}

/* ---- coming and going ---- */

/* c-ares reads no file when nothing is left open. */
static int
open_channel(struct ares_net *ares, const struct resolver_net_options *options)
{
    struct ares_options wanted = {.flags = ARES_FLAG_EDNS};
    char lookups[] = "b"; /* DNS only */
    char *resolv_conf = NULL;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
        ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | ARES_OPT_EDNSPSZ |
        ARES_OPT_SOCK_STATE_CB | ARES_OPT_SOCK_RCVBUF | ARES_OPT_NOROTATE;
    int status;

    wanted.timeout = (int)(options->timeout_us / US_PER_MS);
    wanted.tries = (int)options->tries;
    wanted.ednspsz = UDP_BYTES_MAX;
    wanted.lookups = lookups;
    wanted.socket_receive_buffer_size = BUFFER_BYTES; /* as far as it is allowed */
    wanted.sock_state_cb = on_socket_wanted;
    wanted.sock_state_cb_data = ares;
    if (options->resolv_conf != NULL) {
        resolv_conf = mem_copy_string(options->resolv_conf);
        wanted.resolvconf_path = resolv_conf;
        mask |= ARES_OPT_RESOLVCONF;
    } else {
        mask |= ARES_OPT_SERVERS; /* none yet */
    }
    status = ares_init_options(&ares->channel, &wanted, mask);
    mem_free(resolv_conf);
    return status;
}

static struct net_address
address_of(const struct ares_addr_port_node *node)
{
    struct net_address address = {.family = node->family == AF_INET ? 4 : 6};

    memcpy(address.bytes, &node->addr, address.family == 4 ? 4 : 16);
    return address;
}

/* Those of the file too. */
static bool
check_servers(const struct ares_net *ares, bool allow_any, struct error *err)
{
    struct ares_addr_port_node *nodes = NULL;
    struct text outside = {0};
    int count = 0;

    if (ares_get_servers_ports(ares->channel, &nodes) != ARES_SUCCESS)
        return error_set(err, ERROR_WORLD, "DNS: no name server");
    for (const struct ares_addr_port_node *node = nodes; node != NULL; node = node->next) {
        struct net_address address = address_of(node);

        count++;
        if (!allow_any && !net_address_is_loopback(&address) && outside.length == 0)
            net_address_format(&outside, &address);
    }
    ares_free_data(nodes);
    if (count > RESOLVER_NET_SERVERS_MAX)
        error_set(err, ERROR_CONFIG, "%d name servers; %d at most are asked", count,
            RESOLVER_NET_SERVERS_MAX);
    else if (outside.length > 0)
        error_set(
            err, ERROR_CONFIG, "name server %s is not a loopback address", text_string(&outside));
    else
        return true;
    text_release(&outside);
    return false;
}

static int
set_servers(struct ares_net *ares, const struct resolver_net_options *options)
{
    struct ares_addr_port_node nodes[RESOLVER_NET_SERVERS_MAX] = {0};

    if (options->servers_count == 0)
        return ARES_SUCCESS;
    for (size_t i = 0; i < options->servers_count; i++) {
        const struct net_address *server = &options->servers[i];

        assert(server->family == 4 || server->family == 6);
        nodes[i].family = server->family == 4 ? AF_INET : AF_INET6;
        memcpy(&nodes[i].addr, server->bytes, server->family == 4 ? 4 : 16);
        nodes[i].udp_port = nodes[i].tcp_port = server->port; /* 0: as usual, 53 */
        nodes[i].next = i + 1 < options->servers_count ? &nodes[i + 1] : NULL;
    }
    return ares_set_servers_ports(ares->channel, nodes);
}

void
ares_net_free(struct ares_net **freed)
{
    struct ares_net *ares = *freed;

    *freed = NULL;
    if (ares == NULL)
        return;
    if (ares->channel != NULL)
        ares_destroy(ares->channel);
    while (ares->watches != NULL)
        unwatch(&ares->watches);
    timer_cancel(ares->loop, &ares->on_patience);
    event_free(ares->patience);
    mem_free(ares);
}

struct ares_net *
ares_net_new(struct loop *loop, const struct resolver_net_options *options, timer_fn *on_worked,
    void *arg, struct error *err)
{
    struct ares_net *ares = mem_alloc_zeroed(sizeof *ares);
    int status;

    ares->loop = loop;
    ares->on_worked = on_worked;
    ares->arg = arg;
    ares->timeout.tv_sec = (time_t)(options->timeout_us / US_PER_S);
    ares->timeout.tv_usec = (suseconds_t)(options->timeout_us % US_PER_S);
    ares->patience = evtimer_new(loop_net_base(loop), notice_patience, ares);
    assert(ares->patience != NULL);
    status = open_channel(ares, options);
    if (status == ARES_SUCCESS)
        status = set_servers(ares, options);
    if (status != ARES_SUCCESS)
        error_set(err, ERROR_WORLD, "DNS: %s", ares_strerror(status));
    else if (check_servers(ares, options->allow_any, err))
        return ares;
    ares_net_free(&ares);
    return NULL;
}
