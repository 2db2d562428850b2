/* program.h - runs another program and does not let it run away: a time limit, and a limit to what
 * it may complain. (A wrong time format once made gnuplot write a gigabyte of warnings.)
 *
 * Its standard input is /dev/null, and so is its output unless somebody asks for it. */
#ifndef MTALAB_PROGRAM_H
#define MTALAB_PROGRAM_H

#include "base/error.h"
#include "base/text.h"

enum program_status {
    PROGRAM_DONE,    /* exit code 0; what it wrote to stderr is ignored */
    PROGRAM_MISSING, /* not installed */
    PROGRAM_FAILED,  /* anything else: err says what, with the first lines of its stderr */
};

enum { PROGRAM_STDERR_BYTES_MAX = 64 * 1024 };

/* `arguments` end with NULL; the first is the name, looked up in PATH unless it has a slash. */
enum program_status program_run(
    const char *const *arguments, const char *directory, int limit_ms, struct error *err);

/* The same, and what it says on either output is added to `heard`, up to the limit. */
enum program_status program_ask(const char *const *arguments, const char *directory, int limit_ms,
    struct text *heard, struct error *err);

#endif
