/* bench_bounce.c - what it costs to qualify a refusal, from the reply's line to its class, no memo in
 * between. Floor 4 us each (250,000 a second), goal 1 us. */
#include "tests/bench/bench.h"

#include "mta/bounce_memo.h"

/* What receivers say, with the names and numbers that make each one new. */
static const char *const replies[] = {
    "451 4.4.1 connection refused",
    "550 5.1.1 <kim@bigmail.test>: Recipient address rejected: User unknown in virtual mailbox "
    "table",
    "552 5.2.2 The mailbox kim@bigmail.test has exceeded its storage quota, please try again later",
    "421 4.7.28 our system has seen an unusual rate of mail from 198.19.0.7, come back later",
    "554 5.7.1 Service unavailable; client host [198.19.0.7] blocked using dnsbl.test",
    "550 5.7.1 The message was refused by our content filter as likely spam (score 12.4, id "
    "7f3a99)",
    "450 4.2.0 <kim@bigmail.test>: Recipient address rejected: Greylisted, come back in 300 "
    "seconds",
    "554 5.7.1 <kim@bigmail.test>: Relay access denied",
    "550 5.7.26 unauthenticated mail from news.test is not accepted due to the domain's DMARC "
    "policy",
    "550 5.2.1 the account kim@bigmail.test was disabled on 2026-11-30",
    "552 5.3.4 message size 31457280 exceeds the limit of 26214400 bytes",
    "554 nothing in here is known to any rule, so that all of them are tried in vain: 7f3a99",
};

struct work {
    const struct bounce_rules *rules;
    struct bounce_memo *memo;
    size_t first, count; /* of the replies, in turn */
};

static struct refusal
refusal_of(const char *reply)
{
    struct refusal refusal = {.stage = STAGE_RCPT};

    reply_find(slice_of(reply), &refusal.reply);
    return refusal;
}

static uint64_t
qualify(void *arg, uint64_t times)
{
    const struct work *work = arg;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        const struct refusal refusal = refusal_of(replies[work->first + i % work->count]);
        sum += bounce_qualify(work->rules, &refusal).verdict.class;
    }
    return sum;
}

static uint64_t
remember(void *arg, uint64_t times)
{
    const struct work *work = arg;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        const struct refusal refusal = refusal_of(replies[work->first + i % work->count]);
        sum += bounce_memo_qualify(work->memo, &refusal).verdict.class;
    }
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
    struct bounce_rules *rules = bounce_rules_new();
    struct work work = {.rules = rules, .memo = bounce_memo_new(rules), .count = COUNT_OF(replies)};
    double ns = bench_ns(qualify, &work, 100000);

    printf("%.0f replies per CPU-second, uncached (floor 250000, goal 1000000)\n", 1e9 / ns);
    bench_print("all in turn", qualify, &work, 100000);
    bench_print("    from the memo", remember, &work, 1000000);
    work.count = 1;
    for (; work.first < COUNT_OF(replies); work.first++)
        bench_print(replies[work.first], qualify, &work, 20000);
    bench_print("reading the built-in rules", read_built_in, NULL, 20);
    bounce_memo_free(&work.memo);
    bounce_rules_free(&rules);
    return 0;
}
