/* arena_isp.h - providers drawn by lot: a limit somewhere between 3 a minute and 300 a second, and
 * perhaps connections, messages per connection, a quota, noise, a step, a penalty, a ladder, reputation.
 *
 * A run is three hours of the provider's time, with a quarter more mail than it then lets through.
 * The same seed and controller give the same scenario, in the language of all others. Chance comes from
 * named streams, so that one more kind of trouble moves none of the others. */
#ifndef MTALAB_ARENA_ISP_H
#define MTALAB_ARENA_ISP_H

#include "base/text.h"

/* What stands in an MX rule for this controller: "controller: aimd, floor: 6/min". NULL: nobody in the
 * arena, of whatever cast, has this name. */
const char *arena_rule(struct slice controller);
/* Who plays: all controllers, or tle as it is and with one part of it taken away or changed. */
enum arena_cast { ARENA_CONTROLLERS, ARENA_ABLATIONS };
const char *arena_controller(enum arena_cast cast, size_t i); /* NULL: that was the last */

/* The scenario of this seed. */
void arena_compose(uint64_t seed, const char *rule, struct text *out);
/* What was drawn, in a few words: "20/s sliding, connections 5, noise 3%; rtt 20ms". */
void arena_describe(uint64_t seed, struct text *out);

#endif
