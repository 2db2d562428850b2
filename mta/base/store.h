/* store.h - what survives a crash: records behind small handles.
 *
 * A record is a run of bytes that never changes its length. What was appended, updated or removed is
 * durable once the callback of a later store_sync() has come: many changes share one sync (group
 * commit). Reading needs no copy: a view points into the store.
 *
 * Ownership  the store copies. A view is valid until the next append, update or remove.
 * Errors     store_sync's callback gets false and an error when the disk refused. */
#ifndef MTALAB_STORE_H
#define MTALAB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/rng.h"
#include "base/text.h"

struct store;
typedef uint32_t store_handle; /* never 0 */

typedef void synced_fn(void *arg, bool is_durable);
typedef void scan_fn(void *arg, store_handle handle, struct slice record);

store_handle store_append(struct store *store, struct slice record);
struct slice store_view(struct store *store, store_handle handle);
void store_update(struct store *store, store_handle handle, size_t offset, struct slice bytes);
void store_remove(struct store *store, store_handle handle);
void store_sync(struct store *store, synced_fn *fn, void *arg); /* called from the loop, once */
/* In the order of appending. `fn` may change the store; it is not shown what it appends. */
void store_scan(struct store *store, scan_fn *fn, void *arg);
void store_free(struct store **store);

/* What an implementation provides. Its object begins with this. */
struct store {
    const struct store_door *door;
};

struct store_door {
    store_handle (*append)(struct store *store, struct slice record);
    struct slice (*view)(struct store *store, store_handle handle);
    void (*update)(struct store *store, store_handle handle, size_t offset, struct slice bytes);
    void (*remove)(struct store *store, store_handle handle);
    void (*sync)(struct store *store, synced_fn *fn, void *arg);
    void (*scan)(struct store *store, scan_fn *fn, void *arg);
    void (*free)(struct store *store);
};

/* On disk: one directory, which one process at a time may have open. Every sync asked within
 * `window_us`, or `syncs_max` of them, share one commit, which holds up the loop for as long as the
 * disk takes. A commit covers everything changed before it runs; what none covers is gone after a
 * crash. store_free() commits once more, without a callback.
 *
 * Handles are those of this process: after a restart store_scan() tells them, and most are the same
 * as before, but that is not promised. A view is valid until the loop goes on, at most.
 *
 * When the disk refuses, the syncs get false, store_file_trouble() says why, and nothing else
 * changes: what they were to cover stays in the store and is tried again by the next sync. Where the
 * store can go on in no way (its own file cannot be read any more) the program ends with one line on
 * stderr, as it does when memory is refused.
 *
 * Errors of store_file_new: not a store of ours, cut short, damaged in its structure, open already,
 * or what the system says. Bits that rot within a record are not noticed. */
struct store_file_options {
    int64_t window_us;  /* 0: the end of the instant */
    uint32_t syncs_max; /* 0: no limit */
    /* Called from the loop right before a commit, for what must be told before the store forgets it;
     * must not change the store. NULL: nothing is. */
    timer_fn *before_commit;
    void *before_commit_arg;
};

/* The directory is made if it is not there (not its parents). NULL options: 2 ms, 1000. */
struct store *store_file_new(struct loop *loop, const char *directory,
    const struct store_file_options *options, struct error *err) MUST_USE;
/* Takes away what store_file_new() made, the directory with it if nothing else is there. Who has it open
 * goes on with files that nobody else can find. */
void store_file_remove(const char *directory);
const char *store_file_trouble(const struct store *store); /* the latest; "" if there was none */
uint64_t store_file_commits(const struct store *store);    /* so far */

/* In memory, with the semantics of a disk: a sync takes its latency and covers what was changed
 * before it was asked. store_sim_crash() undoes what no finished sync covers and cancels the pending
 * ones; of the first unsynced append, by the luck of `rng`, a torn front part may remain, which a
 * scan skips as one does whose checksum fails.
 *
 * Like a kernel that writes back by itself the store syncs on its own once STORE_SIM_UNSYNCED_MAX
 * changes wait: what it remembers in order to undo is bounded. */
enum { STORE_SIM_UNSYNCED_MAX = 65536 };

struct store *store_sim_new(struct loop *loop, int64_t sync_latency_us, const struct rng *rng);
void store_sim_crash(struct store *store);
uint64_t store_sim_bytes(const struct store *store); /* of live records, heads included */

#endif
