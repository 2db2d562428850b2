/* capture_net.c - hears which TCP connections are asked for, granted and refused. */
#include "base/capture_net.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"

enum {
    PACKET_BYTES = 256, /* of each: more than its headers */
    PACKETS_AT_ONCE_MAX = 256,
    BUFFER_BYTES = 4 << 20,
};

struct capture {
    struct loop *loop;
    struct event event;
    struct timer news;
    segment_fn *fn;
    void *arg;
    uint64_t lost_count;
    int fd;
};

/* On the loopback interface every packet comes by twice, on its way out and on its way in. */
static bool
read_one(struct capture *capture)
{
    char packet[PACKET_BYTES];
    struct sockaddr_ll from = {0};
    socklen_t from_length = sizeof from;
    ssize_t length =
        recvfrom(capture->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &from_length);
    struct segment segment;

    if (length < 0)
        return false;
    if (from.sll_pkttype != PACKET_OUTGOING &&
        segment_read((struct slice){packet, (size_t)length}, &segment))
        capture->fn(capture->arg, &segment);
    return true;
}

static void
on_packets(void *arg)
{
    struct capture *capture = arg;

    for (int i = 0; i < PACKETS_AT_ONCE_MAX && read_one(capture); i++)
        continue;
}

static void
notice_packets(evutil_socket_t fd, short what, void *arg)
{
    struct capture *capture = arg;

    loop_net_notice(capture->loop, &capture->news, on_packets, capture);
}

/* What the kernel gives us: TCP with SYN or RST, of either version, headers as in base/segment.h.
 * Offsets count from the IP header, since the socket leaves out that of the link. */
static bool
filter(int fd)
{
    enum { SYN_OR_RST = SEGMENT_SYN | SEGMENT_RST };
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x60, 5, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 7),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
        BPF_STMT(BPF_JMP | BPF_JA, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), /* version 6 */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40 + 13),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN_OR_RST, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, PACKET_BYTES),
    };
    const struct sock_fprog program = {.len = COUNT_OF(steps), .filter = steps};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/* Made deaf (protocol 0) and only then given ears, so that no packet comes by unfiltered. */
static int
open_socket(void)
{
    const struct sockaddr_ll at = {.sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex("lo")};
    const int bytes = BUFFER_BYTES;
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); /* a smaller one will do too */
    if (filter(fd) && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

struct capture *
capture_net_new(struct loop *loop, segment_fn *fn, void *arg, struct error *err)
{
    struct capture *capture;
    int fd = open_socket();

    if (fd < 0) {
        error_set(err, ERROR_WORLD, "no packet socket: %s", strerror(errno));
        return NULL;
    }
    capture = mem_alloc_zeroed(sizeof *capture);
    capture->loop = loop;
    capture->fd = fd;
    capture->fn = fn;
    capture->arg = arg;
    event_assign(
        &capture->event, loop_net_base(loop), fd, EV_READ | EV_PERSIST, notice_packets, capture);
    event_add(&capture->event, NULL);
    return capture;
}

void
capture_free(struct capture **capture)
{
    if (*capture == NULL)
        return;
    event_del(&(*capture)->event);
    timer_cancel((*capture)->loop, &(*capture)->news);
    close((*capture)->fd);
    mem_free(*capture);
    *capture = NULL;
}

uint64_t
capture_lost_count(struct capture *capture)
{
    struct tpacket_stats stats = {0};
    socklen_t length = sizeof stats;

    if (getsockopt(capture->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0)
        capture->lost_count += stats.tp_drops; /* the kernel begins anew with each question */
    return capture->lost_count;
}
