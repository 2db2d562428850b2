/* controller_tle.h - what typed limit estimation remembers; for controller_tle.c and its tests. */
#ifndef MTALAB_CONTROLLER_TLE_H
#define MTALAB_CONTROLLER_TLE_H

#include "mta/controller_parts.h"
#include "mta/tle_count.h"

enum tle_phase {
    TLE_SEARCH, /* this pace is being tried */
    TLE_SETTLE, /* back at a pace that should be good: is it? */
    TLE_CRUISE, /* found; in peace until the budget allows to probe */
    TLE_WALL,   /* nothing gets through but a canary */
};

struct tle {
    struct controller base;
    enum tle_phase phase;
    struct pacer pacer;
    int64_t good, bad;     /* paces; bad 0: not known */
    int64_t settled;       /* where it cruised last */
    int64_t step_percent;  /* of the next step up where `bad` is not known */
    int64_t step_began_us; /* messages begun before are of another pace */
    uint32_t step_accepted, step_refused;
    int64_t sum;             /* cumulative: how likely it is that we are too fast */
    uint32_t straight;       /* refusals since the last acceptance */
    uint32_t search_refused; /* what the search has cost so far */
    uint32_t budget_ppm, agreements;
    int64_t probe_at_us;
    uint32_t trim_messages, trim_refused, trim_share_ppm, floor_ppm;
    int64_t trim_pace;
    uint32_t doubt; /* refusals that say nothing against acceptances */

    bool is_wall_short, is_blocked, is_canary_out;
    int64_t wall_began_us, wall_wait_us, canary_us;
    int64_t cycle_began_us;
    int64_t cycle_accepted; /* since the last opening of a wall */

    struct tle_count sessions, per_session, recipients;
    uint32_t cut_after;
    int64_t transaction_us, opening_us; /* means */
};

#endif
