/* bounce_memo.c - one place per hash; who comes later takes it over, so the memo never grows. */
#include "mta/bounce_memo.h"

#include "base/mem.h"

enum {
    SLOTS_COUNT = 512,
    TEXT_MAX = 224, /* longer ones are not remembered */
};

struct slot {
    uint64_t key; /* stage and codes; 0: free */
    uint32_t length;
    struct bounce bounce;
    char text[TEXT_MAX];
};

struct bounce_memo {
    const struct bounce_rules *rules;
    struct slot slots[SLOTS_COUNT];
};

/* All that rules look at besides the text. Never 0, for a reply has a code. */
static uint64_t
key_of(const struct refusal *refusal)
{
    return (uint64_t)refusal->stage << 48 | (uint64_t)refusal->reply.code << 32 |
        enhanced_pack(refusal->reply.enhanced);
}

struct bounce_memo *
bounce_memo_new(const struct bounce_rules *rules)
{
    struct bounce_memo *memo = mem_alloc_zeroed(sizeof(*memo));

    memo->rules = rules;
    return memo;
}

void
bounce_memo_free(struct bounce_memo **memo)
{
    mem_free(*memo);
    *memo = NULL;
}

struct bounce
bounce_memo_qualify(struct bounce_memo *memo, const struct refusal *refusal)
{
    struct slice text = refusal->reply.text;
    uint64_t key = key_of(refusal);
    struct slot *slot;

    if (text.length > TEXT_MAX || refusal->reply.code == 0 || bounce_rules_ask_domains(memo->rules))
        return bounce_qualify(memo->rules, refusal);
    slot = &memo->slots[slice_hash(text, key) % SLOTS_COUNT];
    if (slot->key != key || !slice_equals(text, (struct slice){slot->text, slot->length})) {
        slot->bounce = bounce_qualify(memo->rules, refusal);
        slot->key = key;
        slot->length = (uint32_t)text.length;
        if (text.length > 0)
            memcpy(slot->text, text.at, text.length);
    }
    return slot->bounce;
}
