/* score.c - one event after the other: what the sender does, beside what he could have done. */
#include "scenarios/score_parts.h"

#include "base/mem.h"

enum { WAITS_FOR_ITSELF = 0x80, CAUSE_BITS = 0x7f };

/* --- time passes ----------------------------------------------------------------------------- */

static void
double_bins(struct scored_isp *isp)
{
    for (size_t i = 0; i < SCORE_BINS / 2; i++) {
        const struct score_bin *a = &isp->bins[2 * i], *b = &isp->bins[2 * i + 1];

        isp->bins[i] = (struct score_bin){
            a->accepted + b->accepted, a->rejected + b->rejected, a->level + b->level};
    }
    memset(isp->bins + SCORE_BINS / 2, 0, SCORE_BINS / 2 * sizeof isp->bins[0]);
    isp->bin_us *= 2;
}

static struct score_bin *
bin_at(struct scored_isp *isp, int64_t now_us)
{
    while (now_us / isp->bin_us >= SCORE_BINS)
        double_bins(isp);
    return &isp->bins[now_us / isp->bin_us];
}

static void
fill_bins(struct scored_isp *isp, int64_t now_us)
{
    if (now_us > isp->binned_us)
        bin_at(isp, now_us - 1);
    while (isp->binned_us < now_us) {
        int64_t end_us = (isp->binned_us / isp->bin_us + 1) * isp->bin_us;

        if (end_us > now_us)
            end_us = now_us;
        bin_at(isp, isp->binned_us)->level +=
            (int64_t)capacity_long_run(&isp->capacity, end_us - isp->binned_us);
        isp->binned_us = end_us;
    }
}

/* A provider that lets nothing through does not show how long a message takes: then four round trips
 * do. */
static void
guess_gap(struct scored_isp *isp, int64_t now_us)
{
    int64_t rtt_us = isp->config->hosts_count > 0 ? isp->config->hosts[0].rtt_us : 0;

    if (isp->capacity.gap_us == 0 && isp->waiting_from_us >= 0 &&
        now_us - isp->waiting_from_us >= SCORE_WHILE_US)
        isp->capacity.gap_us = rtt_us > 0 ? 4 * rtt_us : US_PER_MS;
}

static bool
has_reputation(const struct scored_isp *isp)
{
    return isp->config->reputation.is_on && isp->isp != NULL;
}

/* A thirtieth more than before moves no reputation by much. */
static amount
portion_of(const struct capacity *capacity)
{
    return (capacity->drawn / (SCORE_WHILE_MIN * CAPACITY_ONE * 30) + 1) * SCORE_WHILE_MIN *
        CAPACITY_ONE;
}

static void
advance(struct scored_isp *isp, int64_t now_us)
{
    struct capacity *capacity = &isp->capacity;

    if (!has_reputation(isp))
        capacity_advance(capacity, now_us);
    else
        while (!capacity_advance_some(capacity, now_us, portion_of(capacity)))
            score_spend_reputation(isp, capacity->now_us);
    fill_bins(isp, now_us);
}

void
score_advance(struct scored_isp *isp, int64_t now_us)
{
    guess_gap(isp, now_us);
    while (has_reputation(isp) && isp->capacity.waiting > 0 &&
        now_us - isp->looked_us > SCORE_LOOK_US) {
        isp->looked_us += SCORE_LOOK_US;
        advance(isp, isp->looked_us);
        score_spend_reputation(isp, isp->looked_us);
    }
    advance(isp, now_us);
    if (has_reputation(isp))
        score_spend_reputation(isp, now_us);
    isp->looked_us = now_us;
}

/* --- a while --------------------------------------------------------------------------------- */

static uint64_t
tried(const struct scored_isp *isp)
{
    return isp->accepted + isp->refused + isp->rejected;
}

static void
judge_while(struct scored_isp *isp, amount drawn, amount level, int64_t now_us)
{
    amount accepted = (amount)(isp->accepted + isp->refused - isp->now.accepted) * CAPACITY_ONE;
    amount tries = (amount)(tried(isp) - isp->now.tried) * CAPACITY_ONE;
    amount over_ppm = drawn > 0 ? (tries - drawn) * PPM / drawn : 0;

    if (over_ppm > isp->overshoot_ppm)
        isp->overshoot_ppm = over_ppm < INT64_MAX ? (int64_t)over_ppm : INT64_MAX;
    if (isp->reached_90_us < 0 && level > 0 && accepted * 10 >= level * 9)
        isp->reached_90_us = now_us - isp->waiting_from_us;
}

static void
maybe_end_while(struct scored_isp *isp, int64_t now_us)
{
    amount drawn = isp->capacity.drawn - isp->now.drawn;
    amount level = isp->capacity.level - isp->now.level;

    if (now_us - isp->now.from_us < SCORE_WHILE_US || drawn < SCORE_WHILE_MIN * CAPACITY_ONE)
        return;
    judge_while(isp, drawn, level, now_us);
    isp->now = (struct while_now){
        now_us, isp->capacity.drawn, isp->capacity.level, isp->accepted + isp->refused, tried(isp)};
}

/* --- rows that were refused ------------------------------------------------------------------ */

static bool
row_number(struct score *score, struct sighting *seen, bool is_wanted, uint32_t *number)
{
    struct row row;
    uint32_t key[2];
    struct slice bytes = {(const char *)key, sizeof key};
    bool is_new = false;

    if (!is_wanted && score->refused_rows.count == 0)
        return false;
    if (!sighting_row(&score->evidence, seen, &row))
        return false;
    key[0] = (uint32_t)seen->delivery;
    key[1] = (uint32_t)seen->row;
    if (!is_wanted)
        return map_find(&score->refused_rows, bytes, number);
    *number = map_put(&score->refused_rows, bytes, &is_new);
    score->causes = mem_grow(
        score->causes, &score->causes_capacity, score->refused_rows.count, sizeof score->causes[0]);
    if (is_new)
        score->causes[*number] = 0;
    return true;
}

static bool
stops_waiting_for_itself(struct score *score, struct sighting *seen)
{
    uint32_t number;

    if (!row_number(score, seen, false, &number) || (score->causes[number] & WAITS_FOR_ITSELF) == 0)
        return false;
    score->causes[number] &= CAUSE_BITS;
    return true;
}

/* --- what happens ---------------------------------------------------------------------------- */

static void
on_relayed(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    int64_t now_us = seen->event.at_us;

    score_advance(isp, now_us);
    if (isp->waiting_from_us < 0) {
        isp->waiting_from_us = now_us;
        isp->now.from_us = now_us;
    }
    if (has_reputation(isp))
        score_note_mail(isp, seen->rcpt);
    capacity_add(&isp->capacity);
}

static void
note_age(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    uint64_t age_us, step = 0;
    int64_t age;

    if (!sighting_age_us(&score->evidence, seen, &age))
        return;
    for (age_us = age > 0 ? (uint64_t)age : 0; age_us >= 2 * SCORE_AGE_STEPS; age_us /= 2)
        step++;
    isp->ages[step * SCORE_AGE_STEPS + age_us]++;
    isp->ages_count++;
}

int64_t
score_age_us(const struct scored_isp *isp, uint64_t percent)
{
    uint64_t wanted = (isp->ages_count * percent + 99) / 100, count = 0;

    for (uint64_t i = 0; i < SCORE_AGES && isp->ages_count > 0; i++) {
        count += isp->ages[i];
        if (count >= wanted)
            return i < 2 * SCORE_AGE_STEPS
                ? (int64_t)i
                : (int64_t)(i % SCORE_AGE_STEPS + SCORE_AGE_STEPS) << (i / SCORE_AGE_STEPS - 1);
    }
    return -1;
}

static struct seen_session *
session_of(struct scored_isp *isp, uint32_t number)
{
    return &isp->sessions[number & (SCORE_SESSIONS - 1)];
}

static void
learn(int64_t *shortest_us, int64_t us)
{
    if (us > 0 && (*shortest_us == 0 || us < *shortest_us))
        *shortest_us = us;
}

/* How long a message takes on a connection; its recipients are taken at one instant. */
static void
note_message(struct scored_isp *isp, const struct event *event)
{
    struct seen_session *session = session_of(isp, event->session);

    if (isp->last_session == event->session && isp->last_us == event->at_us)
        return;
    isp->last_session = event->session;
    isp->last_us = event->at_us;
    if (session->number != event->session)
        return;
    learn(session->messages == 0 ? &isp->capacity.first_us : &isp->capacity.gap_us,
        event->at_us - (session->messages == 0 ? session->opened_us : session->last_us));
    session->messages++;
    session->last_us = event->at_us;
}

static void
on_accepted(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    int64_t now_us = seen->event.at_us;

    note_message(isp, &seen->event);
    score_advance(isp, now_us);
    if (stops_waiting_for_itself(score, seen)) {
        capacity_add(&isp->capacity); /* now he may have it too */
        isp->capacity.waiting--;
    } else {
        capacity_remove(&isp->capacity, true);
    }
    isp->accepted++;
    bin_at(isp, now_us)->accepted++;
    note_age(score, isp, seen);
    maybe_end_while(isp, now_us);
}

static void
on_limit(struct scored_isp *isp, const struct event *event)
{
    score_advance(isp, event->at_us);
    isp->rejected++;
    isp->penalties += event->outcome == OUTCOME_SHUT || event->outcome == OUTCOME_ESCALATED;
    isp->escalations += event->outcome == OUTCOME_ESCALATED || event->outcome == OUTCOME_HARDENED;
    bin_at(isp, event->at_us)->rejected++;
    maybe_end_while(isp, event->at_us);
}

/* For a reason of its own: a try that was spent. */
static void
on_refused(struct scored_isp *isp, int64_t now_us, bool has_waited)
{
    score_advance(isp, now_us);
    isp->refused++;
    if (has_waited)
        capacity_remove(&isp->capacity, true);
    else
        isp->capacity.backlog += CAPACITY_ONE; /* he would have tried again as well */
    maybe_end_while(isp, now_us);
}

/* Does reputation turn a share of all messages away? That hits whoever tries, at any pace, and he who
 * knows it tries on as well. */
static bool
is_by_chance(const struct score *score, const struct scored_isp *isp, const struct event *event)
{
    const struct isp_reputation *reputation = &isp->config->reputation;
    const struct journal *journal = score->evidence.journal;
    struct slice band = journal_name_text(journal, event->rule);

    if (!reputation->is_on ||
        !slice_equals(journal_name_text(journal, event->limit), SLICE("reputation")))
        return false;
    for (size_t i = 0; i < reputation->bands_count; i++)
        if (slice_equals(reputation->bands[i].id, band))
            return reputation->bands[i].share_ppm < PPM;
    return false;
}

static void
note_cause(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    bool is_limit = seen->event.kind == EVENT_LIMIT_HIT;
    bool is_of_limit = is_limit || seen->event.limit != 0; /* refused tells of it once more */
    bool has_waited = true;
    uint32_t number;

    if (seen->rcpt.length > 0 && row_number(score, seen, true, &number)) {
        has_waited = (score->causes[number] & WAITS_FOR_ITSELF) == 0;
        score->causes[number] = (uint8_t)((seen->event.class & CAUSE_BITS) |
            (is_of_limit && has_waited ? 0 : WAITS_FOR_ITSELF));
        if (!is_of_limit && isp->is_scored)
            on_refused(isp, seen->event.at_us, has_waited);
    }
    if (is_limit && isp->is_scored && !is_by_chance(score, isp, &seen->event))
        on_limit(isp, &seen->event);
}

/* The MTA gave it up; or it expired. */
static void
on_given_up(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    score_advance(isp, seen->event.at_us);
    if (!stops_waiting_for_itself(score, seen))
        capacity_remove(&isp->capacity, false);
}

/* Is it about the address or the message itself, as far as the provider says? */
static bool is_own_fault(enum bounce_class class)
{
    return class == CLASS_NONE || class == CLASS_UNDETERMINED || class == CLASS_INVALID_RECIPIENT ||
        class == CLASS_RECIPIENT_REFUSED || class == CLASS_MAILBOX_FULL ||
        class == CLASS_TOO_LARGE || class == CLASS_GENERIC_BOUNCE_NO_RCPT ||
        class == CLASS_GENERIC_BOUNCE || class == CLASS_SPAM_CONTENT ||
        class == CLASS_PROHIBITED_ATTACHMENT || class == CLASS_RELAYING_DENIED;
}

static void
on_hard(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    uint32_t number;

    if (isp->isp == NULL || !isp_is_living(isp->isp, seen->rcpt))
        return;
    if (row_number(score, seen, false, &number) &&
        is_own_fault((enum bounce_class)(score->causes[number] & CAUSE_BITS)))
        return;
    isp->wrongly_failed++;
}

static void
on_session(struct scored_isp *isp, const struct event *event)
{
    if (event->outcome == OUTCOME_OPENED)
        *session_of(isp, event->session) =
            (struct seen_session){.number = event->session, .opened_us = event->at_us};
}

/* --- the time line --------------------------------------------------------------------------- */

static void
on_timeline(struct score *score, int64_t now_us)
{
    for (size_t i = 0; i < score->isps_count; i++) {
        struct scored_isp *isp = &score->isps[i];

        if (!isp->is_scored)
            continue;
        score_advance(isp, now_us);
        score_set_limits(isp);
    }
}

/* --- the doors ------------------------------------------------------------------------------- */

static const uint32_t kinds = UINT32_C(1) << EVENT_RELAYED | UINT32_C(1) << EVENT_ACCEPTED |
    UINT32_C(1) << EVENT_LIMIT_HIT | UINT32_C(1) << EVENT_REFUSED | UINT32_C(1) << EVENT_ATTEMPT |
    UINT32_C(1) << EVENT_EXPIRED | UINT32_C(1) << EVENT_BOUNCE_HARD | UINT32_C(1) << EVENT_SESSION |
    UINT32_C(1) << EVENT_TIMELINE;

static void
take(struct score *score, struct scored_isp *isp, struct sighting *seen)
{
    switch ((enum event_kind)seen->event.kind) {
    case EVENT_RELAYED:
        if (isp->is_scored)
            on_relayed(score, isp, seen);
        return;
    case EVENT_ACCEPTED:
        if (isp->is_scored)
            on_accepted(score, isp, seen);
        return;
    case EVENT_LIMIT_HIT:
    case EVENT_REFUSED:
        note_cause(score, isp, seen);
        return;
    case EVENT_ATTEMPT:
        if (seen->event.outcome == OUTCOME_FAILED && isp->is_scored)
            on_given_up(score, isp, seen);
        return;
    case EVENT_EXPIRED:
        if (isp->is_scored)
            on_given_up(score, isp, seen);
        return;
    case EVENT_BOUNCE_HARD:
        on_hard(score, isp, seen);
        return;
    case EVENT_SESSION:
        if (isp->is_scored)
            on_session(isp, &seen->event);
        return;
    default:
        return;
    }
}

void
score_take(struct score *score, struct slice entry)
{
    struct sighting seen;
    uint8_t kind;
    int isp;

    memcpy(&kind, entry.at + offsetof(struct event, kind), 1);
    if (kind >= EVENT_KINDS_COUNT || (kinds >> kind & 1) == 0)
        return;
    evidence_read(&score->evidence, &seen, entry);
    score->evidence.now_us = seen.event.at_us;
    if (kind == EVENT_TIMELINE) {
        on_timeline(score, seen.event.at_us);
        return;
    }
    isp = sighting_isp(&score->evidence, &seen);
    if (isp >= 0)
        take(score, &score->isps[isp], &seen);
    score->evidence.seen = NULL;
}

static bool
is_worth_scoring(const struct isp_config *isp)
{
    return isp->limits_count > 0 || isp->warming.is_on;
}

bool
score_is_worthwhile(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        if (is_worth_scoring(&scenario->isps[i]))
            return true;
    return false;
}

static void
begin(struct score *score, struct scored_isp *isp)
{
    isp->is_scored = true;
    isp->sessions = mem_alloc_zeroed(SCORE_SESSIONS * sizeof isp->sessions[0]);
    isp->ages = mem_alloc_zeroed(SCORE_AGES * sizeof isp->ages[0]);
    isp->bins = mem_alloc_zeroed(SCORE_BINS * sizeof isp->bins[0]);
    isp->bin_us = SCORE_BIN_US;
    score_add_limits(score, isp);
}

struct score *
score_new(const struct scenario *scenario, const struct journal *journal,
    const struct campaign *campaign, struct isp *const *isps)
{
    struct score *score = mem_alloc_zeroed(sizeof *score);

    evidence_init(&score->evidence, scenario, journal, campaign, 0);
    score->isps_count = scenario->isps_count;
    score->isps = mem_alloc_zeroed((score->isps_count + 1) * sizeof score->isps[0]);
    for (size_t i = 0; i < score->isps_count; i++) {
        struct scored_isp *isp = &score->isps[i];

        *isp = (struct scored_isp){.config = &scenario->isps[i],
            .isp = isps != NULL ? isps[i] : NULL,
            .waiting_from_us = -1,
            .reached_90_us = -1};
        if (is_worth_scoring(isp->config))
            begin(score, isp);
    }
    return score;
}

void
score_free(struct score **score)
{
    if (*score == NULL)
        return;
    for (size_t i = 0; i < (*score)->isps_count; i++) {
        struct scored_isp *isp = &(*score)->isps[i];

        capacity_release(&isp->capacity);
        mem_free(isp->mailing.bad);
        mem_free(isp->limits);
        mem_free(isp->counters);
        mem_free(isp->sessions);
        mem_free(isp->ages);
        mem_free(isp->bins);
    }
    map_release(&(*score)->refused_rows);
    mem_free((*score)->causes);
    mem_free((*score)->isps);
    evidence_release(&(*score)->evidence);
    mem_free(*score);
    *score = NULL;
}
