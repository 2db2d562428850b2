/* test_pool.c - source IPs that send together, each its share. */
#include "tests/unit.h"

#include "mta/pool.h"

enum { MEMBERS_MAX = 4 };

static bool
is_in(void *arg, size_t member)
{
    const bool *may = arg;

    return may[member];
}

struct fixture {
    struct pool_member members[MEMBERS_MAX];
    struct pool pool;
    struct pool_turns turns;
    bool may[MEMBERS_MAX];
    size_t counts[MEMBERS_MAX];
};

static void
begin(struct fixture *f, const uint32_t *weights, size_t count)
{
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < count; i++) {
        f->members[i] = (struct pool_member){.source = (uint32_t)i, .weight = weights[i]};
        f->may[i] = true;
    }
    f->pool = (struct pool){.members = f->members, .members_count = count};
    pool_turns_init(&f->turns, &f->pool);
}

static void
take(struct fixture *f, size_t times)
{
    memset(f->counts, 0, sizeof f->counts);
    for (size_t i = 0; i < times; i++) {
        size_t member = pool_turns_take(&f->turns, is_in, f->may);

        assert_true(member < f->pool.members_count);
        assert_true(f->may[member]);
        f->counts[member]++;
    }
}

static void
every_round_gives_each_its_weight(void **state)
{
    static const struct {
        uint32_t weights[MEMBERS_MAX];
        size_t count;
    } cases[] = {
        {{1},                1},
        {{1, 1, 1},          3},
        {{5, 5, 1},          3},
        {{1, 2, 3, 4},       4},
        {{1000000, 1, 1, 1}, 4},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t round = 0;
        struct fixture f;

        begin(&f, cases[i].weights, cases[i].count);
        for (size_t j = 0; j < cases[i].count; j++)
            round += cases[i].weights[j];
        for (int rounds = 0; rounds < (round > 1000 ? 1 : 10); rounds++) {
            take(&f, round);
            for (size_t j = 0; j < cases[i].count; j++)
                assert_int_equal(f.counts[j], cases[i].weights[j]);
        }
        pool_turns_release(&f.turns);
    }
}

static void
turns_are_spread_and_not_in_blocks(void **state)
{
    static const size_t expected[] = {0, 1, 0, 1, 2, 0, 1, 0, 1, 0, 1};
    struct fixture f;

    begin(&f, (const uint32_t[]){5, 5, 1}, 3);
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(pool_turns_take(&f.turns, is_in, f.may), expected[i]);
    pool_turns_release(&f.turns);
}

/* 5/5/1 is 45/45/10 %, and 83/17 % without one of the fives. */
static void
who_may_not_go_leaves_its_share_to_the_others_by_their_weights(void **state)
{
    struct fixture f;

    begin(&f, (const uint32_t[]){5, 5, 1}, 3);
    take(&f, 1100);
    assert_int_equal(f.counts[0], 500);
    f.may[0] = false;
    take(&f, 600);
    assert_int_equal(f.counts[0], 0);
    assert_int_equal(f.counts[1], 500);
    assert_int_equal(f.counts[2], 100);
    f.may[0] = true; /* and makes nothing good */
    take(&f, 1100);
    assert_int_equal(f.counts[0], 500);
    assert_int_equal(f.counts[1], 500);
    assert_int_equal(f.counts[2], 100);
    pool_turns_release(&f.turns);
}

static void
where_none_may_go_nothing_changes(void **state)
{
    struct fixture f;

    begin(&f, (const uint32_t[]){2, 1}, 2);
    take(&f, 1);
    f.may[0] = f.may[1] = false;
    for (int i = 0; i < 10; i++)
        assert_true(pool_turns_take(&f.turns, is_in, f.may) == SIZE_MAX);
    f.may[0] = f.may[1] = true;
    take(&f, 2);
    assert_int_equal(f.counts[0], 1);
    assert_int_equal(f.counts[1], 1);
    pool_turns_release(&f.turns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_gives_each_its_weight),
        cmocka_unit_test(turns_are_spread_and_not_in_blocks),
        cmocka_unit_test(who_may_not_go_leaves_its_share_to_the_others_by_their_weights),
        cmocka_unit_test(where_none_may_go_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
