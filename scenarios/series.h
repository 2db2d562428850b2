/* series.h - counts, rates and windows over the events of a run.
 *
 * A series is fed with every event of its kind and asked for its value. A sliding window of length D
 * covers (now - D, now]: what happened at t leaves it at t + D, before the events of that instant.
 * Before its first full window a series has no value. The equal instants of a window are one entry, so
 * that a window costs what its distinct instants cost; a window of more than SERIES_WINDOW_MAX of
 * them gives up and has no value from then on (series_has_overflowed).
 *
 * Ownership  a series plan belongs to the expressions' parts; a series to the judge. */
#ifndef MTALAB_SERIES_H
#define MTALAB_SERIES_H

#include "base/moments.h"
#include "scenarios/confusion.h"
#include "scenarios/evidence.h"
#include "scenarios/score.h"
#include "scenarios/value.h"

enum series_kind {
    SERIES_COUNT,     /* count(E, …): a number */
    SERIES_RATE,      /* rate(E, …, over=D) */
    SERIES_GAP,       /* gap(E, …, same=FIELD): has a value only at such an event */
    SERIES_TRIED,     /* tried(HOST, within=D): a condition */
    SERIES_OPEN,      /* open_connections(isp=…): has a value once there was a session */
    SERIES_LIMIT,     /* limit(ISP, ID, over=D); over 0: now; all our addresses together */
    SERIES_CONFUSION, /* precision(CLASS) and its like: of what was qualified since the (re)start */
    SERIES_SCORE,     /* utilisation(ISP) and its like: the same */
};

struct series_plan {
    enum series_kind kind;
    enum event_kind event;
    const struct field_match *matches; /* all must hold */
    size_t matches_count;
    int64_t window_us;
    bool has_same;
    enum event_field same;
    int isp; /* open, confusion, score: -1 for all; limit */
    size_t limit;
    bool is_moving; /* limit: changes without a time line, by penalties or reputation */
    enum confusion_measure measure;
    enum score_measure score;
    enum bounce_class class;
    struct slice dialect; /* a glob; empty: all */
    size_t owner;         /* the expectation whose `after` and `during` restart it */
};

enum { SERIES_WINDOW_MAX = 1 << 22 };

struct step { /* of a limit: from at_us on it was this */
    int64_t at_us;
    struct ratio rate;
};

struct series {
    const struct series_plan *plan;
    uint64_t count;  /* events since the (re)start; rate: in the window */
    int64_t last_us; /* of such an event; -1: none */
    bool has_fired;

    struct moments window;
    int64_t left_us; /* the last instant at which something left; -1: never */
    bool has_overflowed;

    struct map gap_keys;
    int64_t *gap_last_us; /* per key */
    size_t gap_capacity;
    int64_t gap_us;      /* of the event gap_number */
    uint64_t gap_number; /* 0: none */

    struct confusion_counts *before; /* what had been qualified at the restart; NULL: nothing */

    struct score_counts score_before; /* at the restart, if there was one */
    bool has_score_before;

    struct step *steps; /* what the limit was, oldest first */
    size_t steps_count, steps_capacity;
    int64_t changes_at_us; /* when the limit is next known to change; INT64_MAX: not known */
};

void series_init(struct series *series, const struct series_plan *plan, struct evidence *evidence);
void series_release(struct series *series);

/* The kinds of events it wants to be fed with (bit per kind). */
uint32_t series_kinds(const struct series_plan *plan);
/* Does its value change with time alone? */
bool series_is_timed(const struct series_plan *plan);

void series_take(struct series *series, struct evidence *evidence); /* the event at hand */
/* Counts begin anew; windows slide on. */
void series_restart(struct series *series, const struct evidence *evidence);
/* What is older than the window leaves it. */
void series_advance(struct series *series, int64_t now_us);
/* The next instant after `now_us` at which its value changes by time alone; INT64_MAX: none. */
int64_t series_next_change_us(const struct series *series, int64_t now_us);

struct value series_value(struct series *series, struct evidence *evidence);

#endif
