/* curve.c - the KPI over time, kept in bounded memory. */
#include "scenarios/curve.h"

enum {
    POINTS_ROOM = 2 * RESULT_POINTS_MAX,
    STEPS = 800,   /* so many points may stay because they moved */
    SLICES = 500,  /* and so many because of equal slices of time */
    PARTS_BITS = 4 /* slices per doubling of the time, from a millisecond on: some 500 in 50 days */
};

static uint64_t
distance(const struct result_point *a, const struct result_point *b)
{
    const uint64_t from[] = {
        a->to_deliver, a->taken, a->sent, a->failed, a->pending, a->soft_waiting};
    const uint64_t to[] = {
        b->to_deliver, b->taken, b->sent, b->failed, b->pending, b->soft_waiting};
    uint64_t sum = 0;

    for (size_t i = 0; i < COUNT_OF(from); i++)
        sum += from[i] < to[i] ? to[i] - from[i] : from[i] - to[i];
    return sum;
}

/* Numbers the slices of time that grow with it. */
static uint64_t
growing_slice(int64_t at_us)
{
    uint64_t at = (uint64_t)at_us >> 10;
    unsigned top;

    if (at >> PARTS_BITS == 0)
        return at;
    top = 63 - (unsigned)__builtin_clzll(at);
    return ((uint64_t)top << PARTS_BITS) + (at >> (top - PARTS_BITS)) % (1 << PARTS_BITS);
}

/* Raises what counts as far to what this stretch of points calls for. */
static void
widen(struct curve *curve)
{
    uint64_t way = 0;

    for (size_t i = 1; i < curve->count; i++)
        way += distance(&curve->points[i - 1], &curve->points[i]);
    if (curve->step == 0)
        curve->step = 1;
    while (curve->step < way / STEPS)
        curve->step *= 2;
    if (curve->slice_us == 0)
        curve->slice_us = 1;
    while (curve->points[curve->count - 1].at_us / curve->slice_us > SLICES)
        curve->slice_us *= 2;
}

static void
thin(struct curve *curve)
{
    size_t kept = 1;

    for (size_t i = 1; i < curve->count; i++) {
        const struct result_point *last = &curve->points[kept - 1], *point = &curve->points[i];

        if (i + 1 == curve->count || distance(last, point) >= curve->step ||
            last->at_us / curve->slice_us != point->at_us / curve->slice_us ||
            growing_slice(last->at_us) != growing_slice(point->at_us))
            curve->points[kept++] = *point;
    }
    curve->count = kept;
}

static void
thin_to_fit(struct curve *curve)
{
    while (curve->count > RESULT_POINTS_MAX) {
        widen(curve);
        thin(curve);
        if (curve->count > RESULT_POINTS_MAX)
            curve->step *= 2;
    }
}

static void
flush(struct curve *curve)
{
    if (!curve->has_now)
        return;
    curve->has_now = false;
    if (curve->count > 0 && distance(&curve->points[curve->count - 1], &curve->now) == 0)
        return;
    if (curve->count == POINTS_ROOM)
        thin_to_fit(curve);
    curve->points =
        mem_grow(curve->points, &curve->capacity, curve->count + 1, sizeof *curve->points);
    curve->points[curve->count++] = curve->now;
}

void
curve_set(struct curve *curve, const struct result_point *now)
{
    if (curve->has_now && curve->now.at_us != now->at_us)
        flush(curve);
    curve->now = *now;
    curve->has_now = true;
}

const struct result_point *
curve_finish(struct curve *curve, size_t *count)
{
    flush(curve);
    thin_to_fit(curve);
    *count = curve->count;
    return curve->points;
}

void
curve_release(struct curve *curve)
{
    mem_free(curve->points);
    *curve = (struct curve){0};
}
