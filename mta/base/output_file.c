/* output_file.c - a file or pipe to which lines are appended. */
#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct output {
    char *filename;
    int fd;
    struct text waiting;
    uint64_t dropped_bytes;
};

/* A pipe is opened for reading too: it is then there before its reader is, and outlives it. */
static int
open_for_lines(const char *filename)
{
    struct stat status;
    bool is_pipe = stat(filename, &status) == 0 && S_ISFIFO(status.st_mode);

    return open(filename,
        (is_pipe ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        0640);
}

static bool
system_error(const struct output *output, const char *what, struct error *err)
{
    return error_set(err, ERROR_WORLD, "%s %s: %s", what, output->filename, strerrordesc_np(errno));
}

struct output *
output_open(const char *filename, struct error *err)
{
    struct output *output = mem_alloc_zeroed(sizeof *output);

    output->filename = mem_copy_string(filename);
    output->fd = open_for_lines(filename);
    if (output->fd >= 0)
        return output;
    system_error(output, "opening", err);
    mem_free(output->filename);
    mem_free(output);
    return NULL;
}

void
output_close(struct output **output)
{
    struct output *o = *output;
    struct error ignored;
    bool is_done;

    if (o == NULL)
        return;
    is_done = output_flush(o, &ignored);
    (void)is_done; /* nobody is left to be told */
    close(o->fd);
    text_release(&o->waiting);
    mem_free(o->filename);
    mem_free(o);
    *output = NULL;
}

struct text *
output_text(struct output *output)
{
    return &output->waiting;
}

static void
forget_front(struct output *output, size_t length)
{
    struct text *waiting = &output->waiting;

    memmove(waiting->bytes, waiting->bytes + length, waiting->length - length);
    waiting->length -= length;
    waiting->bytes[waiting->length] = '\0';
}

/* The newest go: what is older is nearer to being read, and its first line may be half written. */
static void
drop_excess(struct output *output)
{
    struct text *waiting = &output->waiting;
    size_t keep = waiting->length;

    if (keep <= OUTPUT_WAITING_MAX)
        return;
    for (keep = OUTPUT_WAITING_MAX; keep > 0 && waiting->bytes[keep - 1] != '\n';)
        keep--;
    output->dropped_bytes += waiting->length - keep;
    waiting->length = keep;
}

bool
output_flush(struct output *output, struct error *err)
{
    struct text *waiting = &output->waiting;
    size_t written = 0;
    ssize_t took = 0;

    while (written < waiting->length) {
        took = write(output->fd, waiting->bytes + written, waiting->length - written);
        if (took >= 0)
            written += (size_t)took;
        else if (errno != EINTR)
            break;
    }
    if (took < 0 && errno != EAGAIN)
        system_error(output, "writing to", err);
    else if (took < 0)
        error_set(err, ERROR_WORLD, "writing to %s: nobody takes it", output->filename);
    if (written > 0)
        forget_front(output, written);
    drop_excess(output);
    return waiting->length == 0;
}

bool
output_sync(struct output *output, struct error *err)
{
    if (fdatasync(output->fd) == 0 || errno == EINVAL ||
        errno == EROFS) /* a pipe cannot, and need not */
        return true;
    return system_error(output, "syncing", err);
}

void
output_take_back(struct output *output, size_t length)
{
    assert(length <= output->waiting.length);
    output->waiting.length -= length;
    if (output->waiting.bytes != NULL)
        output->waiting.bytes[output->waiting.length] = '\0';
}

bool
output_reopen(struct output *output, struct error *err)
{
    int fd = open_for_lines(output->filename);
    struct error ignored;
    bool is_done;

    if (fd < 0)
        return system_error(output, "opening", err);
    is_done = output_flush(output, &ignored);
    (void)is_done; /* the rest goes to the new file */
    close(output->fd);
    output->fd = fd;
    return true;
}

uint64_t
output_dropped(const struct output *output)
{
    return output->dropped_bytes;
}
