/* datagram_net.c - single messages by UDP. */
#include "base/datagram.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"
#include "base/socket_net.h"

enum { MESSAGES_AT_ONCE_MAX = 64, MESSAGE_BYTES_MAX = 65536 };

struct datagram {
    struct loop *loop;
    struct event event;
    struct timer news;
    datagram_fn *fn;
    void *arg;
    bool *is_gone; /* of the reading that is going on */
    int fd;
    bool allow_any;
    struct net_address local;
    char message[MESSAGE_BYTES_MAX];
};

static bool
receive_one(struct datagram *datagram)
{
    struct sockaddr_storage address = {0};
    socklen_t address_length = sizeof address;
    ssize_t length = recvfrom(datagram->fd, datagram->message, sizeof datagram->message, 0,
        (struct sockaddr *)&address, &address_length);
    struct net_address from;

    if (length < 0)
        return false;
    from = net_address_of_socket(&address);
    datagram->fn(datagram->arg, &from, (struct slice){datagram->message, (size_t)length});
    return true;
}

/* What is left when so many have been read is noticed again in the next iteration. */
static void
on_messages(void *arg)
{
    struct datagram *datagram = arg;
    bool is_gone = false;

    datagram->is_gone = &is_gone;
    for (int i = 0; i < MESSAGES_AT_ONCE_MAX; i++) {
        bool goes_on = receive_one(datagram);

        if (is_gone)
            return;
        if (!goes_on)
            break;
    }
    datagram->is_gone = NULL;
}

static void
notice_messages(evutil_socket_t fd, short what, void *arg)
{
    struct datagram *datagram = arg;

    loop_net_notice(datagram->loop, &datagram->news, on_messages, datagram);
}

struct datagram *
datagram_net_new(struct loop *loop, const struct net_address *at, bool allow_any, datagram_fn *fn,
    void *arg, struct error *err)
{
    struct datagram *datagram;
    int fd = socket_bound_to(at, SOCK_DGRAM, allow_any, err);

    if (fd < 0)
        return NULL;
    datagram = mem_alloc_zeroed(sizeof *datagram);
    datagram->loop = loop;
    datagram->fd = fd;
    datagram->allow_any = allow_any;
    datagram->local = socket_local(fd);
    datagram->fn = fn;
    datagram->arg = arg;
    event_assign(
        &datagram->event, loop_net_base(loop), fd, EV_READ | EV_PERSIST, notice_messages, datagram);
    event_add(&datagram->event, NULL);
    return datagram;
}

void
datagram_free(struct datagram **pointer)
{
    struct datagram *datagram = *pointer;

    *pointer = NULL;
    if (datagram == NULL)
        return;
    event_del(&datagram->event);
    timer_cancel(datagram->loop, &datagram->news);
    close(datagram->fd);
    if (datagram->is_gone != NULL)
        *datagram->is_gone = true;
    mem_free(datagram);
}

struct net_address
datagram_local(const struct datagram *datagram)
{
    return datagram->local;
}

bool
datagram_send(struct datagram *datagram, const struct net_address *to, struct slice bytes)
{
    struct sockaddr_storage address;
    socklen_t length;

    if (to->family != datagram->local.family)
        return false;
    if (!datagram->allow_any && !net_address_is_loopback(to))
        return false;
    length = socket_address(to, &address);
    return sendto(datagram->fd, bytes.at, bytes.length, MSG_NOSIGNAL, (struct sockaddr *)&address,
               length) == (ssize_t)bytes.length;
}
