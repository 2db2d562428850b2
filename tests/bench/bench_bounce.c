/* bench_bounce.c - what it costs to qualify a refusal. Floor 4 us, goal 1 us (300 rules). */
#include "tests/bench/bench.h"

#include "mta/bounce_memo.h"

struct work {
    const struct bounce_rules *rules;
    struct bounce_memo *memo;
    struct refusal refusal;
};

static uint64_t
qualify(void *arg, uint64_t times)
{
    const struct work *work = arg;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++)
        sum += bounce_qualify(work->rules, &work->refusal).verdict.class;
    return sum;
}

static uint64_t
remember(void *arg, uint64_t times)
{
    const struct work *work = arg;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++)
        sum += bounce_memo_qualify(work->memo, &work->refusal).verdict.class;
    return sum;
}

static uint64_t
read_built_in(void *arg, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++) {
        struct bounce_rules *rules = bounce_rules_new();
        bounce_rules_free(&rules);
    }
    return times;
}

int
main(void)
{
    static const char *const replies[] = {
        "451 4.4.1 connection refused",
        "550 5.1.1 <kim@bigmail.test>: Recipient address rejected: User unknown",
        "421 4.7.28 our system has seen an unusual rate of mail from your address, come back later",
        "554 nothing in here is known to any rule, so that all of them are tried in vain",
    };
    struct bounce_rules *rules = bounce_rules_new();
    struct bounce_memo *memo = bounce_memo_new(rules);

    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        struct work work = {.rules = rules, .memo = memo, .refusal = {.stage = STAGE_DOT}};
        const char *why;
        if (!reply_parse(slice_of(replies[i]), &work.refusal.reply, &why))
            return 1;
        bench_print(replies[i], qualify, &work, 20000);
        bench_print("    from the memo", remember, &work, 1000000);
    }
    bench_print("reading the built-in rules", read_built_in, NULL, 20);
    bounce_memo_free(&memo);
    bounce_rules_free(&rules);
    return 0;
}
