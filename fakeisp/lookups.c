/* lookups.c - what DNS has answered to a provider, for as long as it may be kept. */
#include "fakeisp/lookups.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/unit.h"

struct known {
    struct arena arena; /* of the answer */
    struct dns_answer answer;
    int64_t until_us;
    bool is_known;
};

struct lookups {
    struct loop *loop;
    struct resolver *resolver;
    struct map names; /* type, then name in lower case; its number is the index below */
    struct known *known;
    size_t known_capacity;
    struct text key;
};

struct wish {
    struct wishes *list;
    enum dns_type type;
    struct text name;
    struct query *query; /* NULL: answered, or not asked yet */
};

struct lookups *
lookups_new(struct loop *loop, struct resolver *resolver)
{
    struct lookups *lookups = mem_alloc_zeroed(sizeof *lookups);

    lookups->loop = loop;
    lookups->resolver = resolver;
    return lookups;
}

static void
forget_all(struct lookups *lookups)
{
    for (uint32_t i = 0; i < lookups->names.count; i++)
        arena_release(&lookups->known[i].arena);
    map_release(&lookups->names);
    lookups->names = (struct map){0};
}

void
lookups_free(struct lookups **lookups)
{
    if (*lookups == NULL)
        return;
    forget_all(*lookups);
    mem_free((*lookups)->known);
    text_release(&(*lookups)->key);
    mem_free(*lookups);
    *lookups = NULL;
}

static struct slice
key_of(struct lookups *lookups, struct slice name, enum dns_type type)
{
    text_clear(&lookups->key);
    text_add_char(&lookups->key, (char)('0' + (int)type));
    for (size_t i = 0; i < name.length; i++)
        text_add_char(&lookups->key, char_lower(name.at[i]));
    return text_slice(&lookups->key);
}

/* ---- what is missing ---- */

static void
wish_for(struct wishes *wishes, struct lookups *lookups, struct slice name, enum dns_type type)
{
    struct wish *wish;

    for (size_t i = 0; i < wishes->count; i++)
        if (wishes->wishes[i]->type == type &&
            slice_equals_nocase(text_slice(&wishes->wishes[i]->name), name))
            return;
    wish = mem_alloc_zeroed(sizeof *wish);
    wish->list = wishes;
    wish->type = type;
    text_add_slice(&wish->name, name);
    wishes->lookups = lookups;
    wishes->wishes =
        mem_grow(wishes->wishes, &wishes->capacity, wishes->count + 1, sizeof(struct wish *));
    wishes->wishes[wishes->count++] = wish;
}

const struct dns_answer *
lookups_find(struct lookups *lookups, struct slice name, enum dns_type type, struct wishes *wishes)
{
    const struct known *known;
    uint32_t number;

    if (map_find(&lookups->names, key_of(lookups, name, type), &number)) {
        known = &lookups->known[number];
        if (known->is_known && loop_now_us(lookups->loop) < known->until_us)
            return &known->answer;
    }
    wish_for(wishes, lookups, name, type);
    return NULL;
}

/* ---- answers ---- */

static void
keep(struct known *known, const struct dns_answer *answer)
{
    struct arena *arena = &known->arena;
    struct dns_mx *mx;
    struct slice *texts;

    arena_release(arena);
    known->answer = *answer;
    mx = arena_alloc(arena, answer->mx_count * sizeof *mx + 1);
    for (size_t i = 0; i < answer->mx_count; i++) {
        struct slice host = answer->mx[i].host;

        mx[i] = answer->mx[i];
        mx[i].host.at = arena_copy(arena, host.at, host.length);
    }
    texts = arena_alloc(arena, answer->texts_count * sizeof *texts + 1);
    for (size_t i = 0; i < answer->texts_count; i++)
        texts[i] = (struct slice){arena_copy(arena, answer->texts[i].at, answer->texts[i].length),
            answer->texts[i].length};
    known->answer.mx = mx;
    known->answer.texts = texts;
    if (answer->addresses_count > 0) {
        size_t bytes = answer->addresses_count * sizeof *answer->addresses;

        known->answer.addresses = memcpy(arena_alloc(arena, bytes), answer->addresses, bytes);
    }
}

static void
remember(struct lookups *lookups, const struct wish *wish, const struct dns_answer *answer)
{
    bool is_kept_longer =
        answer->status == DNS_OK && answer->ttl_us > LOOKUP_S_MIN * (int64_t)US_PER_S;
    struct known *known;
    uint32_t number;
    bool is_new;

    if (lookups->names.count >= LOOKUPS_MAX)
        forget_all(lookups);
    number =
        map_put(&lookups->names, key_of(lookups, text_slice(&wish->name), wish->type), &is_new);
    if (is_new) {
        lookups->known =
            mem_grow(lookups->known, &lookups->known_capacity, number + 1, sizeof *known);
        lookups->known[number] = (struct known){0};
    }
    known = &lookups->known[number];
    keep(known, answer);
    known->is_known = true;
    known->until_us = loop_now_us(lookups->loop) +
        (is_kept_longer ? answer->ttl_us : LOOKUP_S_MIN * (int64_t)US_PER_S);
}

static void
wish_on_answer(void *arg, const struct dns_answer *answer)
{
    struct wish *wish = arg;
    struct wishes *wishes = wish->list;

    wish->query = NULL;
    remember(wishes->lookups, wish, answer);
    assert(wishes->open_count > 0);
    if (--wishes->open_count > 0)
        return;
    wishes_release(wishes);
    wishes->fn(wishes->arg);
}

void
wishes_ask(struct wishes *wishes, timer_fn *fn, void *arg)
{
    assert(wishes->count > 0);
    assert(wishes->open_count == 0);
    wishes->fn = fn;
    wishes->arg = arg;
    wishes->open_count = wishes->count;
    for (size_t i = 0; i < wishes->count; i++)
        wishes->wishes[i]->query =
            resolver_query(wishes->lookups->resolver, text_slice(&wishes->wishes[i]->name),
                wishes->wishes[i]->type, wish_on_answer, wishes->wishes[i]);
}

void
wishes_release(struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++) {
        query_cancel(&wishes->wishes[i]->query);
        text_release(&wishes->wishes[i]->name);
        mem_free(wishes->wishes[i]);
    }
    mem_free(wishes->wishes);
    wishes->wishes = NULL;
    wishes->count = wishes->capacity = wishes->open_count = 0;
}
