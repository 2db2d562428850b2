/* control_net.h - asks a running program through its control socket, and waits for the answer.
 *
 * For programs that do nothing else meanwhile: `mta ctl`, `fakeisp ctl`.
 *
 * Errors     ERROR_WORLD when nobody listens there, hangs up, or takes longer than `timeout_us`. */
#ifndef MTALAB_CONTROL_NET_H
#define MTALAB_CONTROL_NET_H

#include "base/error.h"
#include "base/text.h"

/* `line` without its end. What came back is appended to `answer`; *is_done says whether the program
 * did what it was asked. */
bool control_net_ask(const char *filename, struct slice line, int64_t timeout_us, bool *is_done,
    struct text *answer, struct error *err) MUST_USE;

#endif
