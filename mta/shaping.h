/* shaping.h - what the operator allows a destination site: connections, messages on each of them,
 * messages per hour. Whatever a controller finds out (mta/controller.h) stays within.
 *
 * The shaper never sleeps and never reads a clock: callers pass now_us.
 *
 * Units      *_us are microseconds of loop time.
 * Ownership  storage is the caller's: shaper_init/shaper_release. The rule is borrowed. */
#ifndef MTALAB_SHAPING_H
#define MTALAB_SHAPING_H

#include "base/moments.h"
#include "mta/mta.h"

struct shaper {
    const struct mx_rule *rule;
    uint32_t connections_open;
    struct moments hour; /* what was sent in the sliding hour */
    uint64_t hour_messages;
};

/* The first rule that fits; NULL host or domain never fits a glob that is given. */
const struct mx_rule *mx_rule_for(const struct mta_config *config, struct slice domain,
    const struct slice *hosts, size_t hosts_count);

void shaper_init(struct shaper *shaper, const struct mx_rule *rule);
void shaper_release(struct shaper *shaper);

/* Takes the right to send one message now. When refused nothing is taken, and *retry_at_us is the
 * first instant at which asking again can succeed. */
bool shaper_take_message(struct shaper *shaper, int64_t now_us, int64_t *retry_at_us);

#endif
