/* progress.h - how far a run is, on stderr: one line that is drawn over on a terminal, a plain line
 * every ten seconds elsewhere. */
#ifndef MTALAB_PROGRESS_H
#define MTALAB_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "scenarios/options.h"

struct progress {
    struct slice name;
    int64_t until_us;
    int64_t wall_start_us, wall_shown_us;
    bool is_terminal, is_shown, is_off;
};

void progress_init(struct progress *progress, const struct options *options, struct slice name,
    int64_t until_us, int64_t wall_us);
void progress_show(struct progress *progress, int64_t now_us, int64_t wall_us);
void progress_clear(struct progress *progress); /* takes the line away */

#endif
