/* world.h - the only place that picks a set of doors and puts everybody behind them: one MTA, the
 * ISPs, a campaign, a judge and an auditor, in virtual time or on real sockets (scenarios/world_doors.h).
 *
 * Many worlds fit into one process.
 *
 * Ownership  scenario and plan are borrowed and must outlive the world.
 * Errors     a world that cannot be built or that hangs: ERROR_WORLD. */
#ifndef MTALAB_WORLD_H
#define MTALAB_WORLD_H

#include <stdio.h>

#include "reports/result.h"
#include "scenarios/expect.h"
#include "scenarios/scenario.h"

struct world;

struct world_options {
    uint64_t seed;
    int64_t until_us;
    bool is_real;
    uint32_t speed;  /* real: seconds of the scenario per second of the wall clock; at least 1 */
    struct sut *sut; /* a foreign MTA that runs beside this world in its namespace; NULL: ours */
    int64_t start_wall_us; /* what its clock shows; without one the scenario's start counts */
    FILE *journal_file;    /* NULL: the journal is hashed, not written */
    /* Called now and then, between two instants; false ends the run early. May be NULL. */
    bool (*on_progress)(void *arg, int64_t now_us);
    void *progress_arg;
};

struct world *world_new(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err);
void world_free(struct world **world);

/* Until the end, or until on_progress says no (then *was_stopped). */
bool world_run(struct world *world, bool *was_stopped, struct error *err) MUST_USE;

/* What the run was like; names and texts are copied. */
void world_result(struct world *world, struct result *result);

struct journal *world_journal(struct world *world);
struct campaign *world_campaign(struct world *world);
const struct mta *world_mta(const struct world *world);
struct loop *world_loop(struct world *world);

#endif
