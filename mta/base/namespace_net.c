/* namespace_net.c - a small world of our own. */
#include "base/namespace_net.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket_net.h"

enum { LABELS_MAX = 100000, TENTATIVE_MS_MAX = 1000 };

/* What SIOCSIFADDR wants for IPv6; the kernel's own header cannot stand beside netinet/in.h. */
struct interface_address6 {
    struct in6_addr address;
    uint32_t prefix_length;
    int interface;
};

static bool
fail(struct error *err, const char *what, const char *name)
{
    return error_set(
        err, ERROR_WORLD, "%s%s%s: %s", what, *name != '\0' ? " " : "", name, strerror(errno));
}

bool
namespace_unshare(struct error *err)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC) != 0)
        return fail(err, "no namespaces of our own", "");
    return true;
}

/* Control requests go to any socket; the answer is an errno or 0. */
static int
control(int family, unsigned long request, void *argument)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int problem = 0;

    if (fd < 0)
        return errno;
    if (ioctl(fd, request, argument) != 0)
        problem = errno;
    close(fd);
    return problem;
}

static bool
raise_loopback(struct error *err)
{
    struct ifreq request = {.ifr_name = "lo"};

    request.ifr_flags = IFF_UP | IFF_RUNNING;
    errno = control(AF_INET, SIOCSIFFLAGS, &request);
    return errno == 0 || fail(err, "the loopback interface does not come up", "");
}

bool
namespace_settle(const char *hostname, struct error *err)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return fail(err, "mounts cannot be made private", "");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return fail(err, "no /proc of our own", "");
    if (sethostname(hostname, strlen(hostname)) != 0)
        return fail(err, "no host name", hostname);
    return raise_loopback(err);
}

static int
add_address4(const struct net_address *address)
{
    struct sockaddr_in *at;
    struct ifreq request = {0};
    int problem = EMFILE;

    /* An address beside the others has a label of its own; the first that is free is taken. */
    for (unsigned i = 1; i < LABELS_MAX; i++) {
        snprintf(request.ifr_name, sizeof request.ifr_name, "lo:%u", i);
        problem = control(AF_INET, SIOCGIFADDR, &request);
        if (problem == EADDRNOTAVAIL || problem == ENODEV)
            break;
    }
    at = (struct sockaddr_in *)(void *)&request.ifr_addr;
    *at = (struct sockaddr_in){.sin_family = AF_INET};
    memcpy(&at->sin_addr, address->bytes, 4);
    problem = control(AF_INET, SIOCSIFADDR, &request);
    if (problem != 0)
        return problem;
    at->sin_addr.s_addr = INADDR_BROADCAST; /* as a mask: one address */
    return control(AF_INET, SIOCSIFNETMASK, &request);
}

static int
add_address6(const struct net_address *address)
{
    struct interface_address6 request = {
        .prefix_length = 128, .interface = (int)if_nametoindex("lo")};

    memcpy(&request.address, address->bytes, 16);
    return control(AF_INET6, SIOCSIFADDR, &request);
}

/* A new IPv6 address is tentative (RFC 4862 5.4) until the kernel has got round to looking whether it
 * needs to ask anybody, which on this interface it does not. */
static void
await_use(const struct net_address *address)
{
    struct net_address any_port = *address;
    struct error ignored;
    int fd = -1;

    any_port.port = 0;
    for (int i = 0; i < TENTATIVE_MS_MAX && fd < 0; i++) {
        fd = socket_bound_to(&any_port, SOCK_DGRAM, true, &ignored);
        if (fd < 0)
            usleep(1000);
    }
    if (fd >= 0)
        close(fd);
}

bool
namespace_add_address(const struct net_address *address, struct error *err)
{
    struct text name = {0};

    if (net_address_is_loopback(address))
        return true; /* it is there already */
    errno = address->family == 4 ? add_address4(address) : add_address6(address);
    if (errno == 0 || errno == EEXIST) {
        await_use(address);
        return true;
    }
    net_address_format(&name, address);
    fail(err, "the loopback interface does not take the address", text_string(&name));
    text_release(&name);
    return false;
}

bool
namespace_mount_memory(const char *directory, uint64_t bytes_max, struct error *err)
{
    char options[64];

    snprintf(options, sizeof options, "mode=755,size=%llu", (unsigned long long)bytes_max);
    if (mount("mtalab", directory, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
        return fail(err, "no memory can be mounted over", directory);
    return true;
}

bool
namespace_replace_file(const char *filename, const char *other, struct error *err)
{
    if (mount(other, filename, NULL, MS_BIND, NULL) != 0)
        return fail(err, "nothing can be mounted over", filename);
    return true;
}

/* A character that parts two options, or two directories, does not in front of a backslash. */
static void
add_escaped(struct text *out, const char *filename)
{
    for (; *filename != '\0'; filename++) {
        if (strchr("\\:,", *filename) != NULL)
            text_add_char(out, '\\');
        text_add_char(out, *filename);
    }
}

bool
namespace_lay_over(const char *directory, const char *other, struct error *err)
{
    struct text options = {0};
    bool is_mounted;

    text_add_string(&options, "lowerdir=");
    add_escaped(&options, other);
    text_add_char(&options, ':');
    add_escaped(&options, directory);
    is_mounted = mount("mtalab", directory, "overlay", 0, text_string(&options)) == 0;
    if (!is_mounted)
        fail(err, "nothing can be laid over", directory);
    text_release(&options);
    return is_mounted;
}

/* ---- errands ---- */

static void
tell(int pipe, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t written = write(pipe, at, length);

        if (written < 0 && errno != EINTR)
            _exit(1);
        at += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
}

/* The error goes into the pipe, then what was said. */
static NORETURN void
do_errand(int pipe, namespace_errand *errand, void *arg)
{
    struct error err = {0};
    struct text said = {0};

    if (namespace_settle("localhost", &err) && errand != NULL)
        errand(arg, &said, &err);
    tell(pipe, &err, sizeof err);
    tell(pipe, text_slice(&said).at, said.length);
    _exit(0);
}

static NORETURN void
send_somebody(int pipe, namespace_errand *errand, void *arg)
{
    struct error err = {0};
    int status = 0;
    pid_t pid = -1;

    if (namespace_unshare(&err) && (pid = fork()) < 0)
        fail(&err, "no process in a namespace", "");
    if (pid == 0)
        do_errand(pipe, errand, arg);
    if (pid > 0 && (waitpid(pid, &status, 0) < 0 || WIFSIGNALED(status)))
        error_set(&err, ERROR_WORLD, "a process in a namespace died");
    if (err.kind != ERROR_NONE)
        tell(pipe, &err, sizeof err);
    _exit(0);
}

static void
hear(int pipe, struct text *out)
{
    char block[4096];
    ssize_t got;

    while ((got = read(pipe, block, sizeof block)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            text_add(out, block, (size_t)got);
}

static bool
understand(struct slice heard, struct text *said, struct error *err)
{
    struct error told;

    if (heard.length < sizeof told)
        return error_set(err, ERROR_WORLD, "a process in a namespace died");
    memcpy(&told, heard.at, sizeof told);
    text_add_slice(said, slice_from(heard, sizeof told));
    if (told.kind == ERROR_NONE)
        return true;
    told.text[sizeof told.text - 1] = '\0';
    return error_set(err, told.kind, "%s", told.text);
}

bool
namespace_run(namespace_errand *errand, void *arg, struct text *said, struct error *err)
{
    struct text heard = {0};
    bool is_done;
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        return fail(err, "no pipe", "");
    pid = fork();
    if (pid == 0)
        send_somebody(ends[1], errand, arg);
    close(ends[1]);
    if (pid > 0)
        hear(ends[0], &heard);
    close(ends[0]);
    if (pid < 0 || waitpid(pid, NULL, 0) < 0)
        is_done = fail(err, "no process to send into a namespace", "");
    else
        is_done = understand(text_slice(&heard), said, err);
    text_release(&heard);
    return is_done;
}

bool
namespace_is_allowed(struct error *err)
{
    struct text nothing = {0};
    bool is_allowed = namespace_run(NULL, NULL, &nothing, err);

    text_release(&nothing);
    return is_allowed;
}
