/* policy_limit.h - limits with memory, for the files that share them: policy_limit.c asks and counts,
 * policy_limit_door.c shuts the door and climbs the rungs, policy_limit_truth.c tells judges what is
 * allowed. */
#ifndef MTALAB_POLICY_LIMIT_H
#define MTALAB_POLICY_LIMIT_H

#include "fakeisp/policy.h"
#include "fakeisp/sender.h"
#include "fakeisp/window.h"

/* A door with a penalty: shut for who is over the limit, for longer while he keeps knocking. */
struct door {
    int64_t shut_until_us; /* 0: it was never shut */
    int64_t told_us;       /* the first one who was told that it is shut now */
    int64_t hold_us;       /* how long the last knock shut it */
    uint32_t knocks;       /* since it was shut; saturates */
    int64_t quiet_from_us; /* nobody was refused from here on: decay counts from it */
    uint32_t rung;         /* 0: the limit's own */
    struct tally strikes;  /* refusals, towards the next rung */
};

bool door_is_shut(const struct door *door, int64_t now_us);
/* Quiet times take rungs away. */
void door_settle(struct door *door, const struct isp_limit *config, int64_t now_us);
/* Somebody was refused; how that is to be told: held, hardened, shut, escalated, or none of these. */
enum event_outcome door_knock(struct door *door, const struct isp_limit *config, int64_t now_us);
uint32_t door_scale_ppm(const struct door *door, const struct isp_limit *config);

struct counter { /* of one sender */
    struct tally tally;
    struct tally all; /* of how many, where the limit is a share */
    struct door door;
};

struct limit {
    const struct isp_limit *config;
    uint32_t name;
    struct ready_reply over;
    struct ready_reply *rung_overs; /* one per rung */
    uint32_t *rung_names;
    struct window window;    /* as it is now */
    struct ratio share;      /* the same */
    enum smtp_stage counted; /* the stage at which it counts */
    uint32_t stages;         /* bits: where it may answer */
    struct senders counters;
    struct counter *asked; /* of this question, between asking and counting */
};

struct limits {
    struct limit *limits;
    size_t count;
    bool wants_rcpts, wants_accepted;
    bool wants_domain; /* of the first MAIL of a session */
    uint32_t stages;   /* bits: where any limit has something to say */
};

struct counter *limit_counter(struct limit *limit, const struct isp_sender *sender, int64_t now_us);
enum smtp_stage limit_counted_at(const struct isp_limit *config);
/* The window for a sender whose limit is so much of the usual one. Never less than one, unless the
 * usual one is nothing. */
struct window limit_window(const struct limit *limit, uint64_t scale_ppm);
bool limit_is_share(const struct limit *limit);
bool limit_has_tally(enum limit_count count); /* else the session itself is the measure */
/* Its share of bad ones is over the limit. */
bool limit_share_is_over(struct limit *limit, struct counter *counter, int64_t now_us);

#endif
