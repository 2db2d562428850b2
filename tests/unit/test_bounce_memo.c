/* test_bounce_memo.c - a memo answers as its rules do, however often and in whatever order. */
#include "tests/unit.h"

#include "base/rng.h"
#include "mta/bounce_memo.h"

static void
a_memo_answers_as_its_rules(void **state)
{
    static const char *const texts[] = {
        "", "user unknown", "mailbox full", "no", "greylisted", "user unknown\0!", "blocked"};
    struct bounce_rules *rules = bounce_rules_new();
    struct bounce_memo *memo = bounce_memo_new(rules);
    struct rng rng = rng_from_seed(7);
    char text[300];

    for (int round = 0; round < 5000; round++) {
        const char *words = texts[rng_below(&rng, COUNT_OF(texts))];
        struct refusal refusal = {.stage = rng_below(&rng, 2) == 0 ? STAGE_RCPT : STAGE_DOT};
        struct bounce expected, actual;
        /* Some hundred texts for as many slots, and some that are too long. */
        snprintf(text, sizeof(text), "%0*d %s", rng_odds(&rng, PPM / 20) ? 230 : 1,
            (int)rng_below(&rng, 300), words);
        refusal.reply.code = rng_below(&rng, 2) == 0 ? 450 : 550;
        refusal.reply.text = slice_of(text);
        if (rng_below(&rng, 2) == 0)
            refusal.reply.enhanced = (struct enhanced_code){
                .class = (uint8_t)(refusal.reply.code / 100), .subject = 2, .detail = 2};
        expected = bounce_qualify(rules, &refusal);
        actual = bounce_memo_qualify(memo, &refusal);
        assert_ptr_equal(actual.rule.at, expected.rule.at);
        assert_memory_equal(&actual.verdict, &expected.verdict, sizeof(actual.verdict));
    }
    bounce_memo_free(&memo);
    assert_null(memo);
    bounce_rules_free(&rules);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_memo_answers_as_its_rules)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
