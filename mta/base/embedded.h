/* embedded.h - files of the tree that are built into the program: rules, profiles.
 *
 * So an installed program needs no place for data, and a run depends on nothing but the program and
 * its scenario. The Makefile writes the table (build/<flavour>/embedded.c).
 *
 * Ownership  the bytes are constant and live as long as the program.
 * Errors     none; a file that was not built in is an answer. */
#ifndef MTALAB_EMBEDDED_H
#define MTALAB_EMBEDDED_H

#include <stdbool.h>

#include "base/text.h"

struct embedded_file {
    const char *filename;       /* in the tree: "mta/rules/bounce.tsv" */
    const unsigned char *bytes; /* a NUL follows that does not count */
    size_t length;
};

/* Sorted by name; the last has none. */
extern const struct embedded_file embedded_files[];

bool embedded_find(struct slice filename, struct slice *content);

#endif
