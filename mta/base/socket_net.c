/* socket_net.c - addresses as the kernel wants them, which of them may be used, and what its errors
 * mean. */
#include "base/socket_net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

socklen_t
socket_address(const struct net_address *address, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};

    assert(address->family == 4 || address->family == 6);
    if (address->family == 4) {
        memcpy(&v4.sin_addr, address->bytes, sizeof v4.sin_addr);
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    memcpy(&v6.sin6_addr, address->bytes, sizeof v6.sin6_addr);
    memcpy(out, &v6, sizeof v6);
    return sizeof v6;
}

struct net_address
net_address_of_socket(const struct sockaddr_storage *from)
{
    struct net_address address = {0};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from->ss_family == AF_INET) {
        memcpy(&v4, from, sizeof v4);
        address.family = 4;
        address.port = ntohs(v4.sin_port);
        memcpy(address.bytes, &v4.sin_addr, sizeof v4.sin_addr);
    } else if (from->ss_family == AF_INET6) {
        memcpy(&v6, from, sizeof v6);
        address.family = 6;
        address.port = ntohs(v6.sin6_port);
        memcpy(address.bytes, &v6.sin6_addr, sizeof v6.sin6_addr);
    }
    return address;
}

bool
net_address_is_loopback(const struct net_address *address)
{
    static const uint8_t one[16] = {[15] = 1};

    if (address->family == 6)
        return memcmp(address->bytes, one, sizeof one) == 0;
    return address->family == 4 && address->bytes[0] == 127;
}

struct net_address
socket_local(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t length = sizeof at;

    if (getsockname(fd, (struct sockaddr *)&at, &length) < 0)
        return (struct net_address){0};
    return net_address_of_socket(&at);
}

int
socket_bound_to(const struct net_address *at, int type, bool allow_any, struct error *err)
{
    struct sockaddr_storage address;
    socklen_t length = socket_address(at, &address);
    int fd, yes = 1;

    if (!allow_any && !net_address_is_loopback(at)) {
        network_cannot_listen(at, "not a loopback address", err);
        return -1;
    }
    fd = socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        network_cannot_listen(at, strerror(errno), err);
        return -1;
    }
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (at->family == 6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, length) < 0) {
        network_cannot_listen(at, errno == EADDRINUSE ? NETWORK_TAKEN : strerror(errno), err);
        close(fd);
        return -1;
    }
    return fd;
}

void
socket_set_no_delay(int fd)
{
    int yes = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

bool
socket_unix_address(const char *filename, struct sockaddr_un *address)
{
    size_t length = strlen(filename);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length == 0 || length >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, filename, length);
    return true;
}

int
socket_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

enum trouble
trouble_of_errno(int number)
{
    switch (number) {
    case ECONNREFUSED:
        return TROUBLE_REFUSED;
    case ETIMEDOUT:
        return TROUBLE_TIMED_OUT;
    case ECONNRESET:
    case EPIPE:
        return TROUBLE_RESET;
    default:
        return TROUBLE_UNREACHABLE;
    }
}

bool
is_shortage_errno(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}
