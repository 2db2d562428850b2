/* callers.h - who rings at the providers' doors, open or shut: the `connect` events of a foreign MTA.
 *
 * Our own MTA tells which connections it tried. Of a foreign one the packets tell: a host that
 * refuses never sees who was there, but the wire does (base/capture_net.h). One event per connection
 * that was asked for, when the answer comes: ok, refused, or timed out where none came in a minute
 * of the wall clock (the kernel asks again meanwhile, and that does not count).
 *
 * Ownership  everything is borrowed and outlives the callers. */
#ifndef MTALAB_CALLERS_H
#define MTALAB_CALLERS_H

#include "base/journal.h"
#include "base/loop.h"
#include "base/segment.h"
#include "scenarios/scenario.h"

enum { CALLERS_WAITING_MAX = 4096 }; /* the oldest is told as timed out beyond */

struct callers;

/* patience_us is loop time. */
struct callers *callers_new(struct loop *loop, struct journal *journal,
    const struct scenario *scenario, int64_t patience_us);
void callers_free(struct callers **callers);

/* segment_fn of base/capture_net.h. */
void callers_on_segment(void *callers, const struct segment *segment);

#endif
