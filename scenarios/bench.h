/* bench.h - the test bench for a foreign MTA: what stands around it in its network namespace, in place
 * of what our own MTA would tell about itself.
 *
 * - The packets on the wire tell which connections it tried (callers.h).
 * - Mail that it or a provider returns comes to the MX of the campaign's domain, is journaled
 *   (dsn.received), and what the foreign MTA says there of a recipient is the campaign's feedback:
 *   failed, or expired where the last word was a 4.x.x or x.4.7, or delivered. What a provider sends
 *   back is a return or a complaint, as from our own MTA, but told at once.
 * - When its process ends, so does the run.
 *
 * Ownership  everything is borrowed and outlives the bench.
 * Errors     see each function. */
#ifndef MTALAB_BENCH_H
#define MTALAB_BENCH_H

#include "mta/mta.h"
#include "scenarios/campaign.h"
#include "scenarios/scenario.h"
#include "scenarios/sut.h"

/* Before anything listens: the addresses of the providers and of our listener are ours here. */
bool bench_add_addresses(const struct scenario *scenario, struct error *err) MUST_USE;
/* Where the foreign MTA stands among them. */
struct sut_setup bench_sut_setup(const struct scenario *scenario);

struct bench;
struct bench_doors {
    struct mta_doors mta; /* for the listener that takes returned mail */
    struct campaign *campaign;
    const struct scenario *scenario;
    struct sut *sut;
};

/* The loop is one of base/loop_net.h; it is stopped when the foreign MTA has died. */
struct bench *bench_new(const struct bench_doors *doors, struct error *err) MUST_USE;
void bench_free(struct bench **bench);

/* After the run. False: the foreign MTA ended, or packets were missed; *err says which. */
bool bench_is_fine(struct bench *bench, struct error *err);

#endif
