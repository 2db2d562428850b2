/* score_parts.h - what the files of the score share; for score*.c only.
 *
 *   score.c          one event after the other
 *   score_limits.c   what limits there are, as the one who knows them meets them
 *   score_measure.c  what is computed from the counters, and what came of it as a result */
#ifndef MTALAB_SCORE_PARTS_H
#define MTALAB_SCORE_PARTS_H

#include "base/map.h"
#include "scenarios/capacity.h"
#include "scenarios/evidence.h"
#include "scenarios/score.h"

enum {
    SCORE_SESSIONS = 1 << 12, /* remembered at once, by their number; 2^n */
    SCORE_BINS = 1 << 10,     /* of the plot; 2^n */
    SCORE_AGE_STEPS = 64,     /* per doubling: ages are off by 2 % at most */
    SCORE_AGES = 64 * SCORE_AGE_STEPS,
    SCORE_WHILE_MIN = 20,  /* recipients */
    SCORE_ASKED_MIN = 100, /* the same, before a share of them says much of the list */
};
#define SCORE_WHILE_US US_PER_MIN
#define SCORE_LOOK_US  (10 * US_PER_S) /* so often somebody looks at what reputation leaves */
#define SCORE_BIN_US   US_PER_S

struct seen_session {
    uint32_t number;
    uint32_t messages;
    int64_t opened_us, last_us;
};

/* The mail he has, as it came: which of it costs reputation, as the mailboxes are. */
struct listed {      /* a recipient */
    uint64_t number; /* from 0 */
    struct isp_marks marks;
};
struct mailing {
    uint64_t count;
    struct listed *bad;
    size_t bad_count, room;
    size_t met;             /* of the bad ones: he has sent to them */
    struct isp_marks marks; /* that they left */
};

struct while_now { /* the one that began last */
    int64_t from_us;
    amount drawn, level;
    uint64_t accepted, tried;
};

struct score_bin {
    uint64_t accepted, rejected;
    int64_t level; /* billionths of a recipient */
};

struct scored_isp {
    const struct isp_config *config;
    struct isp *isp; /* NULL: there is none to ask */
    bool is_scored;
    struct capacity capacity;
    struct mailing mailing;
    struct isp_record record;  /* what reputation would know of him who knows the limits, … */
    struct isp_marks imagined; /* … after so much mail, … */
    uint64_t senders;          /* … from so many addresses alike */
    uint32_t scale_ppm;        /* so it leaves him so much, … */
    int64_t looked_us;         /* … when somebody looked last */
    size_t *limits;            /* of the config, by number in the capacity */
    uint64_t *counters;
    uint64_t recipients_each; /* message, at most */
    uint64_t accepted, refused, rejected, penalties, escalations, wrongly_failed;
    int64_t waiting_from_us; /* -1: no mail yet */
    int64_t reached_90_us;   /* from there on; -1: not yet */
    int64_t overshoot_ppm;
    struct while_now now;
    uint32_t last_session; /* that had a message accepted, … */
    int64_t last_us;       /* … at this instant */
    struct seen_session *sessions;
    uint32_t *ages; /* of what was accepted, from relayed */
    uint64_t ages_count;
    struct score_bin *bins;
    int64_t bin_us;    /* how long each is */
    int64_t binned_us; /* the limit is in them up to here */
};

struct score {
    struct evidence evidence;
    struct scored_isp *isps;
    size_t isps_count;
    struct map refused_rows;
    uint8_t *causes; /* the last true one, by number in the map; high bit: it waits for itself */
    size_t causes_capacity;
};

void score_advance(struct scored_isp *isp, int64_t now_us);
void score_add_limits(struct score *score, struct scored_isp *isp);
void score_set_limits(
    struct scored_isp *isp); /* the time line, or reputation, may have moved them */
void score_note_mail(struct scored_isp *isp, struct slice rcpt); /* that he has, too */
/* What has been sent costs him his reputation. */
void score_spend_reputation(struct scored_isp *isp, int64_t now_us);
int64_t score_age_us(const struct scored_isp *isp, uint64_t percent); /* -1: none */

#endif
