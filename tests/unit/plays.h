/* plays.h - a claim, a script of events, and the verdict that must come of them. */
#ifndef MTALAB_TESTS_PLAYS_H
#define MTALAB_TESTS_PLAYS_H

#include "tests/unit/judging.h"

#define M US_PER_MIN
#define H US_PER_HOUR

typedef void script_fn(struct stage *stage);

struct play {
    const char *title;
    struct claim claim;
    script_fn *script;
    int64_t until_us; /* 0: the scenario's 12 h */
    enum expect_verdict verdict;
    const char *expected, *observed; /* of a failure; the summary of what held in `observed` */
};

static void
perform(const struct play *play)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct expect_result result;

    print_message("  %s\n", play->title);
    stage_init(stage, 4, 2);
    stage_claim(stage, &play->claim);
    stage_open(stage);
    play->script(stage);
    stage_run(stage, play->until_us > 0 ? play->until_us : 12 * H);
    result = judge_result(stage->judge, 0);
    if (result.verdict != play->verdict)
        fail_msg("verdict %d instead of %d: expected %.*s, observed %.*s", (int)result.verdict,
            (int)play->verdict, SLICE_ARGS(result.expected), SLICE_ARGS(result.observed));
    if (play->expected != NULL)
        assert_slice(result.expected, play->expected);
    if (play->observed != NULL)
        assert_slice(
            result.verdict == EXPECT_HELD ? result.summary : result.observed, play->observed);
    assert_int_equal(expect_result_is_good(&result),
        play->verdict == EXPECT_HELD ||
            (play->verdict == EXPECT_UNDECIDED && play->claim.may_end_open));
    stage_release(stage);
    free(stage);
}

static void
perform_all(const struct play *plays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        perform(&plays[i]);
}

#endif
