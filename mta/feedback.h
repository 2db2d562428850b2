/* feedback.h - the sender's side of EFS for a program: each event a line of JSON in a file or pipe.
 *
 * A batch is taken once the kernel has all of it, and not in part: a reader that is slow or a full
 * disk makes EFS offer the batch again. What was half written into a pipe is offered again too, so
 * whoever reads drops ids that it has seen.
 *
 * Ids count on from the wall clock's microseconds at the start, so that the next process repeats
 * none. */
#ifndef MTALAB_FEEDBACK_H
#define MTALAB_FEEDBACK_H

#include "base/journal.h"
#include "base/loop.h"
#include "mta/efs.h"

struct feedback;

struct feedback *feedback_new(
    struct loop *loop, const struct journal *journal, const char *filename, struct error *err);
void feedback_free(struct feedback **feedback);
bool feedback_take(
    void *feedback, const struct efs_event *events, size_t count); /* efs_consumer_fn */
bool feedback_reopen(struct feedback *feedback, struct error *err) MUST_USE;
bool feedback_trouble(const struct feedback *feedback, struct error *err); /* as log_trouble() */

#endif
