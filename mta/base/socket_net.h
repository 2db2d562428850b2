/* socket_net.h - addresses as the kernel wants them, which of them may be used, and what its errors
 * mean; for *_net.c.
 *
 * A simulation that sends mail to the world by mistake cannot be taken back. So whatever speaks to
 * the network keeps to the loopback addresses, unless its maker says that the whole network is its
 * own: a program that runs in a network namespace made for it, where every address is a stand-in. */
#ifndef MTALAB_SOCKET_NET_H
#define MTALAB_SOCKET_NET_H

#include <sys/socket.h>

#include "base/stream.h"

/* Answers the length; family 4 or 6. */
socklen_t socket_address(const struct net_address *address, struct sockaddr_storage *out);
/* Family 0 where it is neither IPv4 nor IPv6. */
struct net_address net_address_of_socket(const struct sockaddr_storage *from);

bool net_address_is_loopback(const struct net_address *address); /* 127.0.0.0/8, ::1 */

/* A descriptor that neither blocks nor survives an exec, bound to `at` (a port of 0: any); -1 and an
 * error in one sentence, which names the address. `type` is SOCK_STREAM or SOCK_DGRAM. */
int socket_bound_to(const struct net_address *at, int type, bool allow_any, struct error *err);

struct net_address socket_local(int fd);
void socket_set_no_delay(int fd); /* TCP waits for no more to send */

/* In the file system: a descriptor of the same kind, or -1 and errno. */
int socket_unix(void);
struct sockaddr_un;
/* False: a name that is empty or too long. */
bool socket_unix_address(const char *filename, struct sockaddr_un *address);

enum trouble trouble_of_errno(int number);
bool is_shortage_errno(int number); /* ours to cure by waiting, and nobody else's fault */

#endif
