/* diag.c - what is wrong with somebody's file: several diagnostics per run, each with its place. */
#include "base/diag.h"

#include <stdarg.h>

enum {
    WINDOW_BYTES = 100, /* of a line; what is longer is cut around the caret */
    WINDOW_BEFORE = 60, /* of these, in front of the caret */
    WORD_BYTES_MAX = 64,
};

struct diag_file {
    const char *filename;
    struct slice text;
};

void
diagnostics_release(struct diagnostics *diagnostics)
{
    mem_free(diagnostics->list);
    mem_free(diagnostics->files);
    arena_release(&diagnostics->arena);
    *diagnostics = (struct diagnostics){0};
}

void
diagnostics_add_file(struct diagnostics *diagnostics, const char *filename, struct slice text)
{
    struct diagnostics *d = diagnostics;

    d->files = mem_grow(d->files, &d->files_capacity, d->files_count + 1, sizeof d->files[0]);
    d->files[d->files_count++] = (struct diag_file){filename, text};
}

/* ---- taking down ---- */

static const char *
keep_string(struct diagnostics *diagnostics, struct slice s)
{
    return arena_copy(&diagnostics->arena, s.at, s.length);
}

static void add(struct diagnostics *diagnostics, enum diag_severity severity, struct mark mark,
    const char *hint, const char *format, va_list args) PRINTF_LIKE(5, 0);

/* A note belongs to what stands before it, and goes where that goes. */
static void
add(struct diagnostics *diagnostics, enum diag_severity severity, struct mark mark,
    const char *hint, const char *format, va_list args)
{
    struct diagnostics *d = diagnostics;
    struct text text = {0};

    d->errors_count += severity == DIAG_ERROR;
    if (severity != DIAG_NOTE && d->count >= DIAG_MAX)
        d->dropped_count++;
    if (d->dropped_count > 0)
        return;
    text_vprintf(&text, format, args);
    d->list = mem_grow(d->list, &d->capacity, d->count + 1, sizeof d->list[0]);
    d->list[d->count++] = (struct diagnostic){
        .severity = severity,
        .mark = mark,
        .text = keep_string(d, text_slice(&text)),
        .hint = hint != NULL ? keep_string(d, slice_of(hint)) : NULL,
    };
    text_release(&text);
}

bool
diagnose(
    struct diagnostics *diagnostics, struct mark mark, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diagnostics, DIAG_ERROR, mark, hint, format, args);
    va_end(args);
    return false;
}

void
diagnose_warning(
    struct diagnostics *diagnostics, struct mark mark, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diagnostics, DIAG_WARNING, mark, hint, format, args);
    va_end(args);
}

void
diagnose_note(struct diagnostics *diagnostics, struct mark mark, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diagnostics, DIAG_NOTE, mark, NULL, format, args);
    va_end(args);
}

/* ---- slips of the pen ---- */

static struct slice
lowered(struct slice s, char buffer[WORD_BYTES_MAX])
{
    for (size_t i = 0; i < s.length; i++)
        buffer[i] = char_lower(s.at[i]);
    return (struct slice){buffer, s.length};
}

/* One edit for every three letters is a slip; more is another word. Case costs nothing. */
const char *
nearest_word(struct slice written, const char *const *words, size_t count)
{
    char buffer[WORD_BYTES_MAX], word_buffer[WORD_BYTES_MAX];
    const char *nearest = NULL;
    size_t least = SIZE_MAX;

    if (written.length == 0 || written.length > WORD_BYTES_MAX)
        return NULL;
    written = lowered(written, buffer);
    for (size_t i = 0; i < count; i++) {
        struct slice word = slice_of(words[i]);
        size_t longer = word.length > written.length ? word.length : written.length;
        size_t distance;

        if (word.length > WORD_BYTES_MAX)
            continue;
        distance = text_distance(written, lowered(word, word_buffer));
        if (distance <= longer / 3 && distance < least) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

/* ---- showing ---- */

struct palette {
    const char *place, *error, *warning, *note, *caret, *off;
};

static const struct palette plain = {"", "", "", "", "", ""};
static const struct palette coloured = {
    "\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[1;32m", "\033[0m"};

static bool
find_line(const struct diagnostics *diagnostics, const struct mark *mark, struct slice *line)
{
    struct slice rest = {0};
    bool is_found = false;

    for (size_t i = 0; i < diagnostics->files_count && !is_found && mark->filename != NULL; i++) {
        is_found = strcmp(diagnostics->files[i].filename, mark->filename) == 0;
        rest = diagnostics->files[i].text;
    }
    if (!is_found || mark->line < 1 || rest.length == 0)
        return false;
    for (int i = 1; i < mark->line; i++)
        if (!slice_cut(rest, '\n', line, &rest))
            return false;
    slice_cut(rest, '\n', line, &rest);
    if (line->length > 0 && line->at[line->length - 1] == '\r')
        line->length--;
    return true;
}

static bool
is_continuation_byte(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The part of the line that is shown: [from, to), with whole characters at both ends. */
static void
choose_window(struct slice line, size_t caret, size_t *from, size_t *to)
{
    *from = 0;
    *to = line.length;
    if (line.length <= WINDOW_BYTES)
        return;
    if (caret > WINDOW_BEFORE)
        *from = caret - WINDOW_BEFORE;
    if (*from > line.length - WINDOW_BYTES)
        *from = line.length - WINDOW_BYTES;
    *to = *from + WINDOW_BYTES;
    while (*from > 0 && is_continuation_byte(line.at[*from]))
        (*from)--;
    while (*to < line.length && is_continuation_byte(line.at[*to]))
        (*to)++;
}

/* Control characters would move the cursor, so each is shown as one place: tabs as a space. */
static void
show_bytes(struct text *out, struct slice s)
{
    for (size_t i = 0; i < s.length; i++) {
        unsigned char c = (unsigned char)s.at[i];

        text_add_char(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : s.at[i]);
    }
}

static size_t
places_of(struct slice s)
{
    size_t places = 0;

    for (size_t i = 0; i < s.length; i++)
        places += !is_continuation_byte(s.at[i]);
    return places;
}

static void
show_caret(struct text *out, const struct palette *palette, struct slice before,
    struct slice underlined, const char *hint, bool is_cut)
{
    size_t places = places_of(underlined);

    text_printf(out, "      | %s", is_cut ? "..." : "");
    text_add_repeated(out, ' ', places_of(before));
    text_printf(out, "%s^", palette->caret);
    text_add_repeated(out, '~', places > 1 ? places - 1 : 0);
    text_printf(out, "%s%s%s\n", palette->off, hint != NULL ? " " : "", hint != NULL ? hint : "");
}

static void
show_line(struct text *out, const struct palette *palette, const struct diagnostic *diagnostic,
    struct slice line)
{
    const struct mark *mark = &diagnostic->mark;
    size_t caret = mark->column > 0 ? (size_t)mark->column - 1 : 0;
    size_t from, to, end;

    if (caret > line.length)
        caret = line.length; /* at the end of the line something is missing */
    choose_window(line, caret, &from, &to);
    text_printf(out, "%5d | %s", mark->line, from > 0 ? "..." : "");
    show_bytes(out, (struct slice){line.at + from, to - from});
    text_printf(out, "%s\n", to < line.length ? "..." : "");
    if (mark->column < 1)
        return;
    end = caret + (mark->length > 1 ? (size_t)mark->length : 1);
    if (end > to)
        end = to;
    if (end < caret)
        end = caret;
    show_caret(out, palette, (struct slice){line.at + from, caret - from},
        (struct slice){line.at + caret, end - caret}, diagnostic->hint, from > 0);
}

static void
show_head(struct text *out, const struct palette *palette, const struct diagnostic *diagnostic,
    bool is_hint_inline)
{
    static const char *const names[] = {"error", "warning", "note"};
    const char *const colours[] = {palette->error, palette->warning, palette->note};
    const struct mark *mark = &diagnostic->mark;

    text_add_string(out, palette->place);
    if (mark->filename != NULL)
        text_add_string(out, mark->filename);
    if (mark->filename != NULL && mark->line > 0)
        text_printf(out, ":%d", mark->line);
    if (mark->filename != NULL && mark->line > 0 && mark->column > 0)
        text_printf(out, ":%d", mark->column);
    text_printf(out, "%s%s%s%s: %s%s", mark->filename != NULL ? ": " : "",
        colours[diagnostic->severity], names[diagnostic->severity], palette->off, palette->place,
        diagnostic->text);
    text_add_string(out, palette->off);
    if (is_hint_inline && diagnostic->hint != NULL)
        text_printf(out, " (%s)", diagnostic->hint);
    text_add_char(out, '\n');
}

void
diagnostics_render(const struct diagnostics *diagnostics, struct text *out, bool in_colour)
{
    const struct palette *palette = in_colour ? &coloured : &plain;

    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *diagnostic = &diagnostics->list[i];
        struct slice line = {0};
        bool has_line = find_line(diagnostics, &diagnostic->mark, &line);

        show_head(out, palette, diagnostic, !has_line || diagnostic->mark.column < 1);
        if (has_line)
            show_line(out, palette, diagnostic, line);
    }
    if (diagnostics->dropped_count > 0)
        text_printf(out, "and %zu more\n", diagnostics->dropped_count);
}
