/* embedded.c - looks up a file that was built into the program. */
#include "base/embedded.h"

bool
embedded_find(struct slice filename, struct slice *content)
{
    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++)
        if (slice_equals(filename, slice_of(file->filename))) {
            *content = (struct slice){(const char *)file->bytes, file->length};
            return true;
        }
    return false;
}
