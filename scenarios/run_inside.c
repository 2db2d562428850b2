/* run_inside.c - one run in a network, mounts and processes of its own. */
#include "scenarios/run_inside.h"

#include <poll.h>
#include <signal.h>

#include "scenarios/run_apart.h"

enum { LISTEN_MS = 200 };

/* A signal may come just before a wait begins, so no wait is for long. */
static bool
has_news(const struct run_apart *apart)
{
    struct pollfd wait = {.fd = apart->pipe, .events = POLLIN};

    return poll(&wait, 1, LISTEN_MS) > 0;
}

void
run_inside(const struct run_request *request, struct run *run)
{
    struct run_request inside = *request;
    struct error err = {.kind = ERROR_WORLD, .text = "no process to run a foreign MTA in"};
    struct run_apart apart;
    bool is_handed_on = false;

    inside.is_in_namespace = true;
    run_release(run);
    if (!run_apart_start(&apart, &inside)) {
        run_refuse(request, &err, run);
        return;
    }
    while (!has_news(&apart) || !run_apart_hear(&apart, &inside, run))
        if (run_is_interrupted && !is_handed_on)
            is_handed_on = kill(apart.pid, run_is_interrupted) == 0;
}
