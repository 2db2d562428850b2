/* dialect.c - the dialects that are built in, and which of them a style means. */
#include "fakeisp/dialect.h"

#include "base/diag.h"
#include "base/embedded.h"

static const struct slice directory = {"fakeisp/dialects/", 17};

bool
dialects_read_all(struct dialects *dialects, struct arena *arena, struct error *err)
{
    struct dialect *list;
    size_t count = 0;

    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++)
        count += slice_starts_with(slice_of(file->filename), directory);
    list = arena_alloc_zeroed(arena, count * sizeof *list + 1);
    *dialects = (struct dialects){list, 0};
    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++) {
        struct slice text = {(const char *)file->bytes, file->length};

        if (slice_starts_with(slice_of(file->filename), directory) &&
            !dialect_read(&list[dialects->count++], file->filename, text, arena, err))
            return false;
    }
    return true;
}

bool
dialect_serves_as(const struct dialect *dialect, enum dialect_kind kind)
{
    return dialect->kind == kind ||
        (kind == DIALECT_AUTO_REPLY && dialect->kind == DIALECT_CHALLENGE) ||
        (kind == DIALECT_COMPLAINT && dialect->kind == DIALECT_FEEDBACK);
}

static bool
is_meant(const struct dialect *dialect, enum dialect_kind kind, struct slice style)
{
    if (slice_equals(style, SLICE("any")))
        return dialect->kind == kind;
    return dialect_serves_as(dialect, kind) && slice_equals(style, dialect->name);
}

size_t
dialects_find(const struct dialects *dialects, enum dialect_kind kind, struct slice style,
    enum dsn_kind action, const struct dialect *const **found, struct arena *arena)
{
    const struct dialect **list = arena_alloc(arena, (dialects->count + 1) * sizeof(*list));
    size_t count = 0;

    if (kind == DIALECT_BOUNCE &&
        (slice_equals(style, SLICE("any")) || slice_equals(style, SLICE("rfc3464"))))
        list[count++] = NULL;
    for (size_t i = 0; i < dialects->count; i++) {
        const struct dialect *dialect = &dialects->list[i];

        if (is_meant(dialect, kind, style) &&
            (action == DSN_NONE || dialect->actions & 1U << action))
            list[count++] = dialect;
    }
    *found = list;
    return count;
}

const char *
dialects_nearest(const struct dialects *dialects, enum dialect_kind kind, struct slice style,
    struct arena *arena)
{
    const char **names = arena_alloc(arena, (dialects->count + 2) * sizeof(*names));
    size_t count = 0;

    names[count++] = "any";
    names[count++] = kind == DIALECT_BOUNCE ? "rfc3464" : "any";
    for (size_t i = 0; i < dialects->count; i++)
        if (dialect_serves_as(&dialects->list[i], kind))
            names[count++] =
                arena_copy(arena, dialects->list[i].name.at, dialects->list[i].name.length);
    return nearest_word(style, names, count);
}
