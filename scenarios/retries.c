/* retries.c - messages that the MTA did not take yet, in the order in which they are due again. */
#include "scenarios/retries.h"

#include "base/mem.h"

void
retries_release(struct retries *retries)
{
    mem_free(retries->heap);
    *retries = (struct retries){0};
}

static bool
is_before(const struct retry *a, const struct retry *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
swap(struct retries *retries, size_t a, size_t b)
{
    struct retry kept = retries->heap[a];

    retries->heap[a] = retries->heap[b];
    retries->heap[b] = kept;
}

static void
sift_up(struct retries *retries, size_t i)
{
    for (; i > 0 && is_before(&retries->heap[i], &retries->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(retries, i, (i - 1) / 2);
}

static void
sift_down(struct retries *retries, size_t i)
{
    for (;;) {
        size_t first = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < retries->count; child++)
            if (is_before(&retries->heap[child], &retries->heap[first]))
                first = child;
        if (first == i)
            return;
        swap(retries, i, first);
        i = first;
    }
}

void
retries_put(struct retries *retries, const struct retry *retry)
{
    retries->heap =
        mem_grow(retries->heap, &retries->capacity, retries->count + 1, sizeof retries->heap[0]);
    retries->heap[retries->count] = *retry;
    retries->heap[retries->count].order = retries->next_order++;
    sift_up(retries, retries->count++);
}

bool
retries_take(struct retries *retries, int64_t now_us, struct retry *retry)
{
    if (retries_next_us(retries) > now_us)
        return false;
    *retry = retries->heap[0];
    retries->heap[0] = retries->heap[--retries->count];
    sift_down(retries, 0);
    return true;
}

int64_t
retries_next_us(const struct retries *retries)
{
    return retries->count > 0 ? retries->heap[0].at_us : INT64_MAX;
}

uint64_t
retries_count_due(const struct retries *retries, int64_t now_us)
{
    uint64_t count = 0;

    if (retries_next_us(retries) > now_us)
        return 0;
    for (size_t i = 0; i < retries->count; i++)
        count += retries->heap[i].at_us <= now_us;
    return count;
}

void
retries_hasten(struct retries *retries, uint32_t delivery, int64_t now_us)
{
    for (size_t i = 0; i < retries->count; i++)
        if (retries->heap[i].delivery == delivery && retries->heap[i].at_us > now_us)
            retries->heap[i].at_us = now_us;
    for (size_t i = retries->count / 2; i > 0; i--)
        sift_down(retries, i - 1);
}
