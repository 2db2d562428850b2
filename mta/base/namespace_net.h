/* namespace_net.h - a small world of our own: a network without a way out, processes that end
 * together, and mounts that are gone with them.
 *
 * In it every address is free to be used, port 25 of any too, since nothing can leave. Whoever wants
 * one enters with namespace_unshare() and forks: the child is the first process of the new world, and
 * when it ends the kernel ends all others in there. Its first step is namespace_settle().
 *
 * Errors  the kernel said no, which a container or a user without the rights for it must expect. */
#ifndef MTALAB_NAMESPACE_NET_H
#define MTALAB_NAMESPACE_NET_H

#include "base/stream.h"

/* Can it be had at all? Tried in a process that ends with the answer. */
bool namespace_is_allowed(struct error *err) MUST_USE;

/* Done in the first process of a small world, which ends with it; what it adds to `said` comes back,
 * and so does the error where it answers false. NULL does nothing. */
typedef bool namespace_errand(void *arg, struct text *said, struct error *err);
bool namespace_run(
    namespace_errand *errand, void *arg, struct text *said, struct error *err) MUST_USE;

/* Network, mounts, host name and IPC of this process are its own from now on; its children get
 * process numbers of their own. Only for a process that was made for that: there is no way back. */
bool namespace_unshare(struct error *err) MUST_USE;

/* In the first process of the new world: mounts that nobody outside sees, /proc of its own, the
 * loopback interface up, and this host name. */
bool namespace_settle(const char *hostname, struct error *err) MUST_USE;

/* The interface gets one more address, just this one and no net around it. */
bool namespace_add_address(const struct net_address *address, struct error *err) MUST_USE;

/* An empty directory in memory, of so many bytes at most, over one that exists. */
bool namespace_mount_memory(const char *directory, uint64_t bytes_max, struct error *err) MUST_USE;
/* From now on `filename` reads as `other`. */
bool namespace_replace_file(const char *filename, const char *other, struct error *err) MUST_USE;
/* From now on what is in `other` is in `directory` too, and hides what had the same name there. None of
 * it can be written to. */
bool namespace_lay_over(const char *directory, const char *other, struct error *err) MUST_USE;

#endif
