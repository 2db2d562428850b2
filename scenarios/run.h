/* run.h - one scenario file, one seed: read, played, judged, written down.
 *
 * Ownership  run_scenario() fills a struct run that the caller releases.
 * Errors     are part of the outcome: exit_code and result.trouble. */
#ifndef MTALAB_RUN_H
#define MTALAB_RUN_H

#include <signal.h>

#include "reports/result.h"
#include "scenarios/options.h"

enum exit_code {
    EXIT_HELD = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INVALID = 3,
    EXIT_BROKEN = 4,
    EXIT_TOO_SLOW = 5,
    EXIT_DISAGREE = 6,
    EXIT_SKIPPED = 77,
    EXIT_INTERRUPTED = 130,
};

struct run {
    struct result result;
    struct text diagnostics; /* rendered, for stderr */
    struct text analysis;    /* --dry-run */
    enum exit_code exit_code;
    bool is_profile; /* a file without `expect`: nothing was run */
};

struct run_request {
    const struct options *options;
    const char *filename;
    const uint64_t *seed;  /* NULL: the scenario's */
    const char *directory; /* of its results; NULL: none */
    bool in_colour;        /* diagnostics */
    bool is_in_namespace;  /* this process is the first of one, made for a foreign MTA */
};

void run_scenario(const struct run_request *request, struct run *run);
/* The outcome of one that could not even begin. */
void run_refuse(const struct run_request *request, const struct error *err, struct run *run);
void run_release(struct run *run);

/* What stands where several runs went differently. */
enum exit_code exit_code_worse(enum exit_code a, enum exit_code b);

/* Set by a signal: runs end at the next instant and are judged as far as they came. */
extern volatile sig_atomic_t run_is_interrupted;

#endif
