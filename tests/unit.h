/* unit.h - what every unit test includes: cmocka behind its door, and texts kept as golden files.
 *
 * A program per file, each with its own main(). It is linked with the library, so a test may include
 * the .c it tests to reach what is static: the linker then has no reason to take that object too. */
#ifndef MTALAB_TESTS_UNIT_H
#define MTALAB_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/text.h"

/* Fails with both texts in sight. */
static inline void
assert_slice(struct slice actual, const char *expected)
{
    if (!slice_equals(actual, slice_of(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", SLICE_ARGS(actual), expected);
}

/* The text must equal the file, e.g. "tests/golden/summary.txt". `make golden` writes it anew, and
 * the difference is then read in the diff. */
static inline void
assert_golden(struct slice actual, const char *filename)
{
    const char *wish = getenv("MTALAB_GOLDEN");
    struct text expected = {0};
    char block[4096];
    FILE *file;

    if (wish != NULL && strcmp(wish, "write") == 0) {
        file = fopen(filename, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(actual.at, 1, actual.length, file), actual.length);
        assert_int_equal(fclose(file), 0);
        return;
    }
    file = fopen(filename, "rb");
    if (file == NULL)
        fail_msg("%s is not there; `make golden` writes it", filename);
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
        text_add(&expected, block, got);
    fclose(file);
    if (!slice_equals(actual, text_slice(&expected)))
        fail_msg("%s differs (`make golden` accepts it); now it is:\n%.*s", filename,
            SLICE_ARGS(actual));
    text_release(&expected);
}

#endif
