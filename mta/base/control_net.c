/* control_net.c - asks a running program through its control socket, and waits for the answer. */
#include "base/control_net.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unit.h"

enum { ANSWER_BYTES_MAX = 256 * 1024 * 1024 };

static bool
system_error(struct error *err, const char *filename, const char *what)
{
    return error_set(err, ERROR_WORLD, "%s: %s: %s", filename, what, strerrordesc_np(errno));
}

static bool
connect_to(int fd, const char *filename, int64_t timeout_us, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {timeout_us / US_PER_S, timeout_us % US_PER_S};

    if (strlen(filename) >= sizeof address.sun_path)
        return error_set(err, ERROR_USAGE, "%s: a control socket's name has at most %zu bytes",
            filename, sizeof address.sun_path - 1);
    strcpy(address.sun_path, filename);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        return system_error(err, filename, "setting a time limit");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return system_error(err, filename, "is the program running? connecting");
    return true;
}

static bool
send_all(int fd, const char *filename, struct slice bytes, struct error *err)
{
    while (bytes.length > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return system_error(err, filename, "asking");
        bytes = slice_from(bytes, (size_t)sent);
    }
    return true;
}

/* Half closed, the other side answers and leaves: the end of the connection is the end. */
static bool
receive_all(int fd, const char *filename, struct text *all, struct error *err)
{
    char block[65536];
    ssize_t got;

    do {
        got = recv(fd, block, sizeof block, 0);
        if (got > 0)
            text_add(all, block, (size_t)got);
        if (all->length > ANSWER_BYTES_MAX)
            return error_set(err, ERROR_WORLD, "%s: the answer has no end", filename);
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0 || system_error(err, filename, "waiting for the answer");
}

static bool
take_answer(
    const char *filename, struct slice all, bool *is_done, struct text *answer, struct error *err)
{
    struct slice head, body, word, length;
    uint64_t bytes;

    if (!slice_cut(all, '\n', &head, &body) || !slice_cut(head, ' ', &word, &length) ||
        !slice_to_u64(length, &bytes) || bytes != body.length)
        return error_set(err, ERROR_WORLD, "%s: the answer was cut short", filename);
    *is_done = slice_equals(word, SLICE("ok"));
    text_add_slice(answer, body);
    return true;
}

bool
control_net_ask(const char *filename, struct slice line, int64_t timeout_us, bool *is_done,
    struct text *answer, struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct text all = {0};
    bool is_good;

    if (fd < 0)
        return system_error(err, filename, "opening a socket");
    text_add_slice(&all, line);
    text_add_char(&all, '\n');
    is_good =
        connect_to(fd, filename, timeout_us, err) && send_all(fd, filename, text_slice(&all), err);
    text_clear(&all);
    if (is_good && shutdown(fd, SHUT_WR) != 0)
        is_good = system_error(err, filename, "asking");
    is_good = is_good && receive_all(fd, filename, &all, err) &&
        take_answer(filename, text_slice(&all), is_done, answer, err);
    text_release(&all);
    close(fd);
    return is_good;
}
