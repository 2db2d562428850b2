/* policy_reputation.c - what a provider thinks of a sender, on a scale of days.
 *
 * A score of 0 to 100 points, kept in millionths. Spam traps cost points each; complaints and unknown
 * users cost points for each percent of the day's recipients, so one complaint about ten messages is
 * worse than one about ten thousand; a day with far more mail than the days before costs points when
 * it is seen to be one, and again each time the volume doubles. A day without such a mark gives points
 * back. Below its thresholds the score turns replies and scales limits.
 *
 * What a share costs is not written down before the day is over. Until then it is computed afresh at
 * each look from what the day was like so far, so it does not depend on how much mail there was, and
 * who begins badly and goes on well has his points back in the evening. A few recipients say little
 * about a list: a percent is of `share_of_min` at least, and of as many as a usual day has. Complaints
 * come hours later, so theirs is also of the day before, where that had more mail.
 *
 * Days are counted from a sender's first message. They pass when somebody looks. */
#include "fakeisp/policy.h"
#include "fakeisp/sender.h"

__extension__ typedef unsigned __int128 uint128; /* a share of a count */

enum {
    POINT = 1000000,
    SCORE_MAX = 100 * POINT,
    PERCENT = 100,
    MEAN_DAYS = 7,
    IDLE_DAYS_MAX = 200
};

struct band {
    struct ready_reply reply;
    uint32_t name;
};

struct reputation {
    const struct isp_reputation *config;
    struct band *bands;
    struct rng rng; /* whom a share of refusals hits */
    struct senders standings;
    uint32_t name, stages;
    struct isp_marks marks; /* of all senders, from the start of the run */
};

/* ---- what today's shares cost ---- */

static uint64_t
greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* In millionths of a point; never more than there are. */
static int64_t
cost_of(uint32_t points_per_percent, uint64_t bad, uint64_t of)
{
    uint128 cost = (uint128)points_per_percent * POINT * PERCENT * bad / (of > 0 ? of : 1);

    return cost < SCORE_MAX ? (int64_t)cost : SCORE_MAX;
}

static int64_t
cost_of_today(const struct isp_reputation *config, const struct isp_record *standing)
{
    uint64_t least = greater(config->share_of_min, standing->mean);
    uint64_t taken = greater(standing->accepted, standing->yesterday);

    return cost_of(config->unknown_points, standing->unknown, greater(standing->asked, least)) +
        cost_of(config->complaint_points, standing->complaints, greater(taken, least));
}

static int64_t
score_now(const struct isp_reputation *config, const struct isp_record *standing)
{
    int64_t cost = cost_of_today(config, standing);

    return cost < standing->score ? standing->score - cost : 0;
}

/* ---- days ---- */

static uint64_t
jump_after(const struct isp_reputation *config, uint64_t mean)
{
    return greater(mean * config->jump_times, config->jump_from);
}

static void
end_day(const struct isp_reputation *config, struct isp_record *standing)
{
    bool is_marked = standing->is_marked || cost_of_today(config, standing) > 0;

    standing->score = is_marked ? score_now(config, standing)
                                : standing->score + (int64_t)config->recover * POINT;
    if (standing->score > SCORE_MAX)
        standing->score = SCORE_MAX;
    standing->mean = (standing->mean * (MEAN_DAYS - 1) + standing->accepted) / MEAN_DAYS;
    standing->yesterday = standing->accepted;
    standing->is_marked = false;
    standing->asked = standing->unknown = standing->accepted = standing->complaints = 0;
    standing->jump_at = jump_after(config, standing->mean);
    standing->day_from_us += US_PER_DAY;
}

static void
settle(const struct isp_reputation *config, struct isp_record *standing, int64_t now_us)
{
    int64_t days;

    if (!standing->is_known) {
        *standing = (struct isp_record){.is_known = true,
            .score = (int64_t)config->start * POINT,
            .day_from_us = now_us,
            .jump_at = jump_after(config, 0)};
        return;
    }
    days = (now_us - standing->day_from_us) / US_PER_DAY;
    if (days > IDLE_DAYS_MAX) /* by then all is forgotten and forgiven */
        standing->day_from_us += (days - IDLE_DAYS_MAX) * US_PER_DAY;
    while (now_us - standing->day_from_us >= US_PER_DAY)
        end_day(config, standing);
}

struct day { /* for the look whether somebody is idle */
    const struct isp_reputation *config;
    int64_t now_us;
};

static bool
standing_is_idle(void *value, void *arg)
{
    struct isp_record *standing = value;
    const struct day *day = arg;

    settle(day->config, standing, day->now_us);
    return standing->score == (int64_t)day->config->start * POINT && standing->mean == 0 &&
        standing->asked == 0 && standing->accepted == 0 && standing->complaints == 0 &&
        !standing->is_marked;
}

static void
standing_release(void *value)
{
}

static struct isp_record *
standing_of(struct reputation *reputation, const struct isp_sender *sender, int64_t now_us)
{
    struct day day = {reputation->config, now_us};
    const struct senders_care care = {standing_is_idle, standing_release, &day};
    struct sender_key key = sender_key(reputation->config->per, sender);
    struct isp_record *standing = senders_at(&reputation->standings, &key, &care);

    settle(reputation->config, standing, now_us);
    return standing;
}

/* ---- marks ---- */

static void
mark(struct isp_record *standing, uint64_t points_in_millionths)
{
    if (points_in_millionths == 0)
        return;
    standing->is_marked = true;
    standing->score = points_in_millionths < (uint64_t)standing->score
        ? standing->score - (int64_t)points_in_millionths
        : 0;
}

/* Before we know who signed, nobody is meant where signers are judged. */
static bool
is_meant(const struct reputation *reputation, const struct isp_sender *sender)
{
    return reputation->config->is_on &&
        !((reputation->config->per & LIMIT_PER_DKIM_DOMAIN) && sender->dkim_domain.length == 0);
}

void
reputation_note_rcpt(struct reputation *reputation, const struct isp_sender *sender,
    bool is_unknown, bool is_trap, int64_t now_us)
{
    struct isp_record *standing;

    if (!is_meant(reputation, sender))
        return;
    reputation->marks.asked++;
    reputation->marks.unknown += is_unknown;
    reputation->marks.traps += is_trap;
    standing = standing_of(reputation, sender, now_us);
    standing->asked++;
    standing->unknown += is_unknown;
    if (is_trap)
        mark(standing, (uint64_t)reputation->config->trap_points * POINT);
}

void
reputation_note_accepted(struct reputation *reputation, const struct isp_sender *sender,
    uint64_t recipients, int64_t now_us)
{
    struct isp_record *standing;

    if (!is_meant(reputation, sender))
        return;
    reputation->marks.accepted += recipients;
    standing = standing_of(reputation, sender, now_us);
    standing->accepted += recipients;
    while (reputation->config->jump_points > 0 && standing->accepted > standing->jump_at) {
        mark(standing, (uint64_t)reputation->config->jump_points * POINT);
        standing->jump_at = standing->jump_at > 0 ? standing->jump_at * 2 : 1;
    }
}

void
reputation_note_complaint(
    struct reputation *reputation, const struct isp_sender *sender, int64_t now_us)
{
    if (!is_meant(reputation, sender))
        return;
    reputation->marks.complaints++;
    standing_of(reputation, sender, now_us)->complaints++;
}

/* ---- consequences ---- */

/* The lowest threshold that the score is below; SIZE_MAX: none. */
static size_t
band_of(const struct isp_reputation *config, const struct isp_record *standing)
{
    int64_t score = score_now(config, standing);
    size_t lowest = SIZE_MAX;

    for (size_t i = 0; i < config->bands_count; i++)
        if (score < (int64_t)config->bands[i].below * POINT &&
            (lowest == SIZE_MAX || config->bands[i].below < config->bands[lowest].below))
            lowest = i;
    return lowest;
}

static bool
is_known_at(const struct reputation *reputation, enum smtp_stage stage)
{
    uint32_t per = reputation->config->per;

    return !((per & LIMIT_PER_DKIM_DOMAIN) && stage < STAGE_DOT) &&
        !((per & LIMIT_PER_SENDER_DOMAIN) && stage < STAGE_MAIL);
}

struct answer
reputation_ask(struct reputation *reputation, struct question *question)
{
    const struct isp_reputation *config = reputation->config;
    struct isp_sender sender;
    const struct isp_band *band;
    size_t i;

    if (!config->is_on || !is_known_at(reputation, question->stage))
        return (struct answer){0};
    sender = question_sender(question);
    i = band_of(config, standing_of(reputation, &sender, question->now_us));
    if (i == SIZE_MAX)
        return (struct answer){0};
    band = &config->bands[i];
    question->scale_ppm = band->scale_ppm;
    if (!band->reply.is_set || band->stage != question->stage ||
        (band->share_ppm < PPM && !rng_odds(&reputation->rng, band->share_ppm)))
        return (struct answer){0};
    return (struct answer){.kind = band->is_closing ? ANSWER_CLOSE : ANSWER_REPLY,
        .reply = &reputation->bands[i].reply,
        .rule = reputation->bands[i].name,
        .limit = reputation->name,
        .cause = limit_cause(band->cause, &reputation->bands[i].reply)};
}

uint32_t
reputation_stages(const struct reputation *reputation)
{
    return reputation->stages;
}

static struct isp_standing
standing_of_record(
    const struct isp_reputation *config, const struct isp_record *record, int64_t now_us)
{
    struct isp_standing told = {.scale_ppm = PPM};
    struct isp_record today = *record;
    size_t i;

    settle(config, &today, now_us);
    told.score_millionths = (uint32_t)score_now(config, &today);
    told.changes_at_us = today.day_from_us + US_PER_DAY;
    i = band_of(config, &today);
    if (i == SIZE_MAX)
        return told;
    told.scale_ppm = config->bands[i].scale_ppm;
    told.refused_ppm = config->bands[i].reply.is_set ? config->bands[i].share_ppm : 0;
    return told;
}

struct isp_standing
reputation_standing(struct reputation *reputation, const struct isp_sender *sender, int64_t now_us)
{
    const struct isp_reputation *config = reputation->config;
    struct isp_standing told = {.score_millionths = SCORE_MAX, .scale_ppm = PPM};
    const struct isp_record stranger = {0}, *found;
    struct sender_key key;

    told.changes_at_us = INT64_MAX;
    if (!is_meant(reputation, sender))
        return told;
    key = sender_key(config->per, sender);
    found = senders_find(&reputation->standings, &key);
    if (found != NULL)
        return standing_of_record(config, found, now_us);
    told = standing_of_record(config, &stranger, now_us);
    told.changes_at_us = INT64_MAX;
    return told;
}

/* ---- who is not there ---- */

struct isp_marks
reputation_marks(const struct reputation *reputation)
{
    return reputation->marks;
}

void
isp_record_add(const struct isp_config *config, struct isp_record *record,
    const struct isp_marks *more, int64_t now_us)
{
    const struct isp_reputation *reputation = &config->reputation;

    settle(reputation, record, now_us);
    record->asked += more->asked;
    record->unknown += more->unknown;
    record->accepted += more->accepted;
    record->complaints += more->complaints;
    mark(record, more->traps * reputation->trap_points * POINT);
}

struct isp_standing
isp_record_standing(
    const struct isp_config *config, const struct isp_record *record, int64_t now_us)
{
    return standing_of_record(&config->reputation, record, now_us);
}

/* ---- coming and going ---- */

struct reputation *
reputation_new(const struct isp_config *config, const struct policy_doors *doors)
{
    struct reputation *reputation = mem_alloc_zeroed(sizeof *reputation);
    const struct isp_reputation *from = &config->reputation;

    reputation->config = from;
    reputation->standings.size = sizeof(struct isp_record);
    if (!from->is_on)
        return reputation;
    reputation->name = journal_name(doors->journal, SLICE("reputation"));
    reputation->rng = rng_child(doors->rng, "reputation");
    reputation->bands =
        arena_alloc_zeroed(doors->arena, (from->bands_count + 1) * sizeof reputation->bands[0]);
    for (size_t i = 0; i < from->bands_count; i++) {
        const struct isp_band *band = &from->bands[i];

        reputation->bands[i].name = journal_name(doors->journal, band->id);
        if (!band->reply.is_set)
            continue;
        assert(band->stage != STAGE_NONE);
        reputation->bands[i].reply =
            ready_reply_of(&band->reply.reply, doors->arena, doors->journal);
        reputation->stages |= 1U << band->stage;
    }
    return reputation;
}

void
reputation_free(struct reputation **reputation)
{
    const struct senders_care care = {NULL, standing_release, NULL};

    if (*reputation == NULL)
        return;
    senders_release(&(*reputation)->standings, &care);
    mem_free(*reputation);
    *reputation = NULL;
}
