/* run_apart.h - one run in a process of its own, which hands its outcome back through a pipe: many at
 * once, and one that dies takes nobody with it.
 *
 * Ownership  the caller owns `struct run_apart`; after run_apart_start() it must be heard to its end.
 * Errors     a process that died is an outcome: EXIT_BROKEN. */
#ifndef MTALAB_RUN_APART_H
#define MTALAB_RUN_APART_H

#include <sys/types.h>

#include "scenarios/run.h"

struct run_apart {
    pid_t pid;
    int pipe; /* to be polled for reading; -1: no process */
    struct text parcel;
};

/* False: there is no process or no pipe to be had. */
bool run_apart_start(struct run_apart *apart, const struct run_request *request);
/* Takes what is there to be read. True: that was all, and *run is filled. */
bool run_apart_hear(
    struct run_apart *apart, const struct run_request *request, struct run *run) MUST_USE;

#endif
