/* moments.c - how much happened at which instant. */
#include "base/moments.h"

#include "base/mem.h"

enum { CAPACITY_FIRST = 8 };

void
moments_release(struct moments *moments)
{
    mem_free(moments->ring);
    *moments = (struct moments){0};
}

static struct moment *
moment_at(const struct moments *moments, size_t i)
{
    return &moments->ring[(moments->first + i) & (moments->capacity - 1)];
}

static void
grow(struct moments *moments)
{
    size_t capacity = moments->capacity > 0 ? moments->capacity * 2 : CAPACITY_FIRST;
    struct moment *ring = mem_alloc(capacity * sizeof *ring);

    for (size_t i = 0; i < moments->count; i++)
        ring[i] = *moment_at(moments, i);
    mem_free(moments->ring);
    *moments = (struct moments){.ring = ring, .capacity = capacity, .count = moments->count};
}

void
moments_add(struct moments *moments, int64_t at_us, uint64_t amount)
{
    if (moments->count > 0) {
        struct moment *newest = moment_at(moments, moments->count - 1);

        assert(newest->at_us <= at_us);
        if (newest->at_us == at_us) {
            newest->amount += amount;
            return;
        }
    }
    if (moments->count == moments->capacity)
        grow(moments);
    *moment_at(moments, moments->count++) = (struct moment){at_us, amount};
}

const struct moment *
moments_oldest(const struct moments *moments)
{
    return moments->count > 0 ? moment_at(moments, 0) : NULL;
}

const struct moment *
moments_nth(const struct moments *moments, size_t i)
{
    assert(i < moments->count);
    return moment_at(moments, i);
}

const struct moment *
moments_last_but_one(const struct moments *moments)
{
    assert(moments->count >= 2);
    return moment_at(moments, moments->count - 2);
}

void
moments_join_newest(struct moments *moments, int64_t at_us, uint64_t amount)
{
    struct moment *newest;

    assert(moments->count > 0);
    newest = moment_at(moments, moments->count - 1);
    assert(newest->at_us <= at_us);
    newest->at_us = at_us;
    newest->amount += amount;
}

const struct moment *
moments_newest(const struct moments *moments)
{
    return moments->count > 0 ? moment_at(moments, moments->count - 1) : NULL;
}

void
moments_drop_oldest(struct moments *moments)
{
    assert(moments->count > 0);
    moments->first = (moments->first + 1) & (moments->capacity - 1);
    moments->count--;
}
