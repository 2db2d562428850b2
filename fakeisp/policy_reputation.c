/* policy_reputation.c - what a provider thinks of a sender, on a scale of days.
 *
 * A score of 0 to 100 points, kept in millionths. Spam traps cost points each; complaints and unknown
 * users cost points for each percent of the day's recipients, so one complaint about ten messages is
 * worse than one about ten thousand; a day with far more mail than the days before costs points when
 * it is seen to be one, and again each time the volume doubles. A day without such a mark gives points
 * back. Below its thresholds the score turns replies and scales limits.
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

/* ---- days ---- */

static uint64_t
jump_after(const struct isp_reputation *config, uint64_t mean)
{
    uint64_t usual = mean * config->jump_times;

    return usual > config->jump_from ? usual : config->jump_from;
}

static void
end_day(const struct isp_reputation *config, struct isp_record *standing)
{
    if (!standing->is_marked)
        standing->score += (int64_t)config->recover * POINT;
    if (standing->score > SCORE_MAX)
        standing->score = SCORE_MAX;
    standing->mean = (standing->mean * (MEAN_DAYS - 1) + standing->accepted) / MEAN_DAYS;
    standing->is_marked = false;
    standing->recipients = standing->accepted = 0;
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
        standing->accepted == 0 && !standing->is_marked;
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

/* One of them among so many is this part of a percent; never more than all of it. */
static void
mark_share(
    struct isp_record *standing, const struct isp_reputation *config, uint32_t points, uint64_t of)
{
    if (of < standing->mean)
        of = standing->mean;
    if (of < config->share_of_min)
        of = config->share_of_min;
    mark(standing, (uint64_t)points * POINT * PERCENT / (of > 0 ? of : 1));
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
    standing->recipients++;
    if (is_unknown)
        mark_share(
            standing, reputation->config, reputation->config->unknown_points, standing->recipients);
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
    struct isp_record *standing;

    if (!is_meant(reputation, sender))
        return;
    reputation->marks.complaints++;
    standing = standing_of(reputation, sender, now_us);
    mark_share(
        standing, reputation->config, reputation->config->complaint_points, standing->accepted);
}

/* ---- consequences ---- */

/* The lowest threshold that the score is below; SIZE_MAX: none. */
static size_t
band_of(const struct isp_reputation *config, const struct isp_record *standing)
{
    size_t lowest = SIZE_MAX;

    for (size_t i = 0; i < config->bands_count; i++)
        if (standing->score < (int64_t)config->bands[i].below * POINT &&
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
    told.score_millionths = (uint32_t)today.score;
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

/* Those that cost points are spread evenly among the others. */
static void
imagine_shares(struct isp_record *record, const struct isp_reputation *config, uint64_t *counter,
    uint64_t all, uint64_t bad, uint32_t points)
{
    uint64_t before = *counter;

    for (uint64_t i = 1; i <= bad; i++) {
        *counter = before + (uint64_t)((uint128)all * i / bad);
        mark_share(record, config, points, *counter);
    }
    *counter = before + all;
}

void
isp_record_add(const struct isp_config *config, struct isp_record *record,
    const struct isp_marks *more, int64_t now_us)
{
    const struct isp_reputation *reputation = &config->reputation;

    settle(reputation, record, now_us);
    imagine_shares(record, reputation, &record->recipients, more->asked, more->unknown,
        reputation->unknown_points);
    imagine_shares(record, reputation, &record->accepted, more->accepted, more->complaints,
        reputation->complaint_points);
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
