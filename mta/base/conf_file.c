/* conf_file.c - a file of configuration as bytes: the one place that touches the disk for it.
 *
 * A pipe has no size to ask for beforehand, so the bounds are checked while reading: a line without
 * end is refused once it is too long, whatever follows. */
#include "base/conf.h"

#include <errno.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 64 * 1024 };

struct reading {
    const struct conf_bounds *bounds;
    struct text bytes;
    size_t line_start;
    int line;
};

/* False: a line is too long. Looks at what was added behind `from`. */
static bool
count_lines(struct reading *r, size_t from)
{
    const char *at = r->bytes.bytes;
    const char *newline;

    while (from < r->bytes.length) {
        newline = memchr(at + from, '\n', r->bytes.length - from);
        from = newline != NULL ? (size_t)(newline - at) : r->bytes.length;
        if (from - r->line_start > r->bounds->line_bytes_max)
            return false;
        if (newline != NULL) {
            r->line_start = ++from;
            r->line++;
        }
    }
    return true;
}

static enum conf_read_status
read_bytes(FILE *file, struct reading *r, struct mark *mark, struct error *err)
{
    char block[BLOCK_BYTES];
    size_t got;

    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        text_add(&r->bytes, block, got);
        if (!count_lines(r, r->bytes.length - got)) {
            mark->line = r->line;
            mark->column = mark->length = 1;
            error_set(
                err, ERROR_CONFIG, "this line is longer than %zu bytes", r->bounds->line_bytes_max);
            return CONF_TOO_LARGE;
        }
        if (r->bytes.length > r->bounds->file_bytes_max) {
            error_set(
                err, ERROR_CONFIG, "the file is larger than %zu bytes", r->bounds->file_bytes_max);
            return CONF_TOO_LARGE;
        }
    }
    if (!ferror(file))
        return CONF_READ;
    error_set(err, ERROR_WORLD, "%s", strerror(errno));
    return CONF_UNREADABLE;
}

static enum conf_read_status
read_open_file(FILE *file, const struct conf_bounds *bounds, struct arena *arena,
    struct slice *text, struct mark *mark, struct error *err)
{
    struct reading r = {.bounds = bounds, .line = 1};
    enum conf_read_status status;
    struct stat about;

    if (fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode)) {
        error_set(err, ERROR_NOT_FOUND, "it is a directory");
        return CONF_UNREADABLE;
    }
    status = read_bytes(file, &r, mark, err);
    if (status == CONF_READ) {
        text->at = arena_copy(arena, text_string(&r.bytes), r.bytes.length);
        text->length = r.bytes.length;
    }
    text_release(&r.bytes);
    return status;
}

enum conf_read_status
conf_read_file(const char *filename, const struct conf_bounds *bounds, struct arena *arena,
    struct slice *text, struct mark *mark, struct error *err)
{
    FILE *file = fopen(filename, "rb");
    bool is_missing = errno == ENOENT || errno == ENOTDIR;
    enum conf_read_status status;

    *mark = (struct mark){.filename = filename};
    if (file == NULL) {
        error_set(err, is_missing ? ERROR_NOT_FOUND : ERROR_WORLD, "%s", strerror(errno));
        return is_missing ? CONF_NOT_FOUND : CONF_UNREADABLE;
    }
    status = read_open_file(file, bounds, arena, text, mark, err);
    fclose(file);
    return status;
}

const char *
filename_beside(struct arena *arena, const char *from, struct slice name)
{
    const char *slash = strrchr(from, '/');
    struct text whole = {0};
    const char *filename;

    if (slash != NULL && (name.length == 0 || name.at[0] != '/'))
        text_add(&whole, from, (size_t)(slash - from) + 1);
    text_add_slice(&whole, name);
    filename = arena_copy(arena, text_string(&whole), whole.length);
    text_release(&whole);
    return filename;
}

const struct conf_node *
conf_load(
    const char *filename, struct arena *arena, struct diagnostics *diagnostics, struct error *err)
{
    static const struct conf_bounds bounds = {CONF_FILE_BYTES_MAX, CONF_LINE_BYTES_MAX};
    struct error why;
    struct slice text;
    struct mark mark;

    err->kind = ERROR_NONE;
    filename = arena_copy(arena, filename, strlen(filename));
    switch (conf_read_file(filename, &bounds, arena, &text, &mark, &why)) {
    case CONF_READ:
        return conf_parse(filename, text, arena, diagnostics);
    case CONF_NOT_FOUND:
    case CONF_UNREADABLE:
        error_set(err, ERROR_NOT_FOUND, "cannot read %s: %s", filename, why.text);
        return NULL;
    case CONF_TOO_LARGE:
        diagnose(diagnostics, mark, NULL, "%s", why.text);
        return NULL;
    }
    return NULL;
}
