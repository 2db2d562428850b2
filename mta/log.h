/* log.h - what happens, written down as it happens: a line of JSON per event, and Momentum's logs.
 *
 * A line of JSON has the wall clock (`ts`), the message's `id`, and then what smtp/event.h makes of
 * the event. Momentum's main log and bounce log get a heartbeat every minute besides. What came back
 * by mail stands in the bounce log with stage 21, complaints in the fbl log.
 *
 * Ownership  what is handed in is borrowed; the log observes the journal and must be freed after the
 *            last event was told.
 * Errors     a file that cannot be opened. Later troubles of a disk do not stop the mail: lines wait
 *            in memory, up to a bound (base/output_file.h); log_trouble() tells. */
#ifndef MTALAB_LOG_H
#define MTALAB_LOG_H

#include "base/journal.h"
#include "base/loop.h"
#include "mta/spool.h"

struct log_files { /* NULL: not wanted */
    const char *events, *mainlog, *bouncelog, *fbllog;
};

struct log;

struct log *log_new(
    struct loop *loop, struct journal *journal, const struct log_files *files, struct error *err);
void log_free(struct log **log);
/* Events are told with the ids and ages of messages once the log knows the spool. */
void log_use_spool(struct log *log, struct spool *spool);

/* A line about the program itself: {"ts": …, "event": "note", "text": …}. */
void log_note(struct log *log, struct slice text);
bool log_reopen(struct log *log, struct error *err) MUST_USE;
/* False, and why: not all lines are with the kernel. */
bool log_trouble(const struct log *log, struct error *err);
uint64_t log_dropped(const struct log *log); /* bytes that no file took */

/* "1F/00-00031-5A3B9C10": as Momentum writes the number of a message. */
void log_message_id(
    struct text *out, struct loop *loop, struct spool *spool, spool_message message);

#endif
