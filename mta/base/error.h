/* error.h - a failure of the world (disk, DNS, the syntax of a file), told in one sentence.
 *
 * A function that can fail returns bool and takes `struct error *` last. What a peer said is data,
 * not an error; a bug of ours is an assert. An error is a plain value: nothing to free. */
#ifndef MTALAB_ERROR_H
#define MTALAB_ERROR_H

#include <stdbool.h>

#include "base/check.h"

enum error_kind {
    ERROR_NONE,
    ERROR_USAGE,     /* the command line: exit 2 */
    ERROR_NOT_FOUND, /* a file that is not there: exit 2 */
    ERROR_CONFIG,    /* the content of a file: exit 3 */
    ERROR_WORLD,     /* disk, network, another program: exit 4 */
};

struct error {
    enum error_kind kind;
    char text[480]; /* one sentence, no newline; longer ones are cut */
};

/* Fills `err` and always returns false, so that a failing branch is one line. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts context in front on the way up: "loading ISP bigmail: ...". Returns false too. */
bool error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
