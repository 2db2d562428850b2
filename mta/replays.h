/* replays.h - what has come back already: the same report of the same recipient counts once, however
 * often somebody hands it in.
 *
 * Kept are fingerprints of 8 bytes, in two generations of at most REPLAYS_MAX: one is filled for a
 * window's length, the one before it is only asked. So what came is known for at least a window, unless
 * more than REPLAYS_MAX others come within it.
 *
 * Units      *_us are microseconds of loop time. */
#ifndef MTALAB_REPLAYS_H
#define MTALAB_REPLAYS_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLAYS_MAX = 1 << 20 };

struct replays;

struct replays *replays_new(int64_t window_us);
void replays_free(struct replays **replays);
/* True: it is new, and has come from now on. */
bool replays_put(struct replays *replays, uint64_t fingerprint, int64_t now_us);
/* It could not be kept after all, and may come again. */
void replays_forget(struct replays *replays, uint64_t fingerprint);

#endif
