/* files.c - the scenario files that a person means by files and directories. */
#include "scenarios/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { DIRECTORIES_MAX = 1000 };

static void
add_name(struct files *files, const char *name, bool is_from_directory)
{
    files->names = mem_grow(files->names, &files->capacity, files->count + 1, sizeof(const char *));
    files->is_from_directory =
        mem_grow(files->is_from_directory, &files->flags_capacity, files->count + 1, sizeof(bool));
    files->names[files->count] = arena_copy(&files->arena, name, strlen(name));
    files->is_from_directory[files->count++] = is_from_directory;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Everything in it but what begins with a dot, sorted. */
static const char **
read_directory(struct files *files, const char *name, size_t *count, struct error *err)
{
    DIR *directory = opendir(name);
    const char **names = NULL;
    size_t capacity = 0;
    struct dirent *entry;

    *count = 0;
    if (directory == NULL) {
        error_set(err, ERROR_NOT_FOUND, "%s: %s", name, strerror(errno));
        return NULL;
    }
    while ((entry = readdir(directory)) != NULL) {
        struct text path = {0};

        if (entry->d_name[0] == '.')
            continue;
        text_printf(&path, "%s/%s", name, entry->d_name);
        names = mem_grow(names, &capacity, *count + 1, sizeof(const char *));
        names[(*count)++] = arena_copy(&files->arena, path.bytes, path.length);
        text_release(&path);
    }
    closedir(directory);
    if (names == NULL)
        names = mem_alloc(sizeof(const char *));
    qsort(names, *count, sizeof(const char *), compare_names);
    return names;
}

static bool
is_directory(const char *name)
{
    struct stat status;

    return stat(name, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Directories found on the way are read after the files beside them. */
static bool
add_directory(struct files *files, const char *name, struct error *err)
{
    const char *open[DIRECTORIES_MAX];
    size_t open_count = 0;

    open[open_count++] = name;
    while (open_count > 0) {
        size_t count, first_open;
        const char **names = read_directory(files, open[--open_count], &count, err);

        if (names == NULL)
            return false;
        first_open = open_count;
        for (size_t i = 0; i < count; i++) {
            if (!is_directory(names[i])) {
                if (slice_ends_with_nocase(slice_of(names[i]), SLICE(".yaml")))
                    add_name(files, names[i], true); /* also what cannot be read: that is told */
            } else if (open_count < DIRECTORIES_MAX) {
                open[open_count++] = names[i];
            } else {
                mem_free(names);
                return error_set(err, ERROR_WORLD, "%s: more than %d directories wait in there",
                    name, DIRECTORIES_MAX);
            }
        }
        for (size_t i = first_open, j = open_count; i + 1 < j; i++) { /* first name on top */
            const char *last = open[--j];

            open[j] = open[i];
            open[i] = last;
        }
        mem_free(names);
    }
    return true;
}

bool
files_add(struct files *files, const char *name, struct error *err)
{
    size_t count_before = files->count;

    if (!is_directory(name)) {
        if (access(name, F_OK) != 0)
            return error_set(err, ERROR_NOT_FOUND, "%s: %s", name, strerror(errno));
        add_name(files, name, false);
        return true;
    }
    if (!add_directory(files, name, err))
        return false;
    return files->count > count_before ||
        error_set(err, ERROR_NOT_FOUND, "%s: no scenario (*.yaml) is in there", name);
}

void
files_release(struct files *files)
{
    mem_free(files->names);
    mem_free(files->is_from_directory);
    arena_release(&files->arena);
    *files = (struct files){0};
}

bool
make_directory(const char *name, struct error *err)
{
    struct text path = {0};
    bool is_made = true;

    for (const char *at = name; is_made && *at != '\0'; at++) {
        text_add_char(&path, *at);
        if ((at[1] == '/' || at[1] == '\0') && mkdir(path.bytes, 0777) != 0 && errno != EEXIST)
            is_made = error_set(err, ERROR_WORLD, "%s: %s", path.bytes, strerror(errno));
    }
    text_release(&path);
    return is_made;
}
