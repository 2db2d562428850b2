/* delivery_log.c - what became of each recipient of a delivery.
 *
 * Feedback about a row that is still pending means that the MTA has it although its 250 got lost:
 * who hears it applies NEWS_RELAYED first. So the column of pending rows has no feedback in it. */
#include "scenarios/delivery_log.h"

#include "base/mem.h"
#include "base/unit.h"

#define RELAYED_BITS 45 /* 2^45 us are 407 days */

enum {
    ATTEMPT_MAX = 254,     /* a later one counts as this one */
    ATTEMPT_BY_MAIL = 255, /* the reason was told by mail: no try takes it away */
};

struct log_entry {
    uint64_t status : 3, type : 2, reason : 4; /* the reason as numbered by kpi.h */
    uint64_t is_bad : 1;
    uint64_t is_in_flight : 1;
    uint64_t attempt : 8;            /* that the reason comes from */
    uint64_t relayed : RELAYED_BITS; /* instant + 1; 0: not */
};
static_assert(sizeof(struct log_entry) == 8, "a million rows are 8 MB");

void
delivery_log_init(struct delivery_log *log, struct counters *counters, struct counters *total)
{
    *log = (struct delivery_log){.counters = counters, .total = total};
}

void
delivery_log_release(struct delivery_log *log)
{
    mem_free(log->entries);
    mem_free(log->sent);
    *log = (struct delivery_log){0};
}

static void
count(struct delivery_log *log, const struct row *row, bool is_bad, int64_t rows)
{
    kpi_count(log->counters, row, is_bad, rows);
    kpi_count(log->total, row, is_bad, rows);
}

static unsigned
reason_bits(uint8_t reason)
{
    static_assert(KPI_REASONS <= 16, "four bits hold them");
    return kpi_reason_number(reason);
}

void
delivery_log_keep_sent(struct delivery_log *log)
{
    assert(log->count == 0);
    log->keeps_sent = true;
}

void
delivery_log_grow(struct delivery_log *log, uint64_t rows)
{
    static const struct row fresh = {ROW_PENDING, REASON_NONE, TYPE_NONE};
    const struct log_entry entry = {
        .status = ROW_PENDING, .type = TYPE_NONE, .reason = reason_bits(REASON_NONE) & 15u};

    log->entries =
        mem_grow(log->entries, &log->capacity, log->count + rows, sizeof log->entries[0]);
    for (uint64_t i = 0; i < rows; i++)
        log->entries[log->count + i] = entry;
    if (log->keeps_sent) {
        log->sent =
            mem_grow(log->sent, &log->sent_capacity, log->count + rows, sizeof log->sent[0]);
        memset(log->sent + log->count, 0, rows * sizeof log->sent[0]);
    }
    log->count += rows;
    count(log, &fresh, false, (int64_t)rows);
}

struct row
delivery_log_row(const struct delivery_log *log, uint64_t row)
{
    const struct log_entry *entry = log->entries + row;

    assert(row < log->count);
    return (struct row){(enum row_status)entry->status, kpi_reason((uint8_t)entry->reason),
        (enum failure_type)entry->type};
}

/* There are few states, and many rows in each. */
void
delivery_log_recount(const struct delivery_log *log, struct kpi *kpi)
{
    uint64_t rows[2][KPI_STATUSES][KPI_REASONS][KPI_TYPES] = {0};

    for (uint64_t i = 0; i < log->count; i++) {
        const struct log_entry *entry = &log->entries[i];

        rows[entry->is_bad][entry->status][entry->reason][entry->type]++;
    }
    for (unsigned bad = 0; bad < 2; bad++)
        for (unsigned status = 0; status < KPI_STATUSES; status++)
            for (uint8_t reason = 0; reason < KPI_REASONS; reason++)
                for (unsigned type = 0; type < KPI_TYPES; type++) {
                    const struct row row = {
                        (enum row_status)status, kpi_reason(reason), (enum failure_type)type};

                    kpi_recount(kpi, &row, bad, rows[bad][status][reason][type]);
                }
}

int64_t
delivery_log_relayed_us(const struct delivery_log *log, uint64_t row)
{
    assert(row < log->count);
    return (int64_t)log->entries[row].relayed - 1;
}

int64_t
delivery_log_sent_us(const struct delivery_log *log, uint64_t row)
{
    assert(row < log->count);
    return log->keeps_sent && log->sent[row] > 0 ? (int64_t)(log->sent[row] - 1) * US_PER_S : -1;
}

/* Kept is the second plus 1, so that 0 says "not". */
static void
keep_sent(struct delivery_log *log, uint64_t row, int64_t at_us)
{
    int64_t second = (at_us + US_PER_S - 1) / US_PER_S;

    if (log->keeps_sent)
        log->sent[row] = (uint32_t)(second + 1);
}

bool
delivery_log_is_in_flight(const struct delivery_log *log, uint64_t row)
{
    assert(row < log->count);
    return log->entries[row].is_in_flight;
}

void
delivery_log_set_in_flight(struct delivery_log *log, uint64_t row, bool is_in_flight)
{
    assert(row < log->count);
    log->entries[row].is_in_flight = is_in_flight;
}

enum change_of_reason {
    KEEP,  /* reason and type stay */
    CLEAR, /* there is none any more */
    TAKE,  /* the verdict's */
};

enum latest_news { GOOD, BAD, AS_BEFORE };

/* Row: where it stands and what is told. What has no row here changes nothing: final statuses stay,
 * and nobody is relayed twice. */
static const struct transition {
    enum row_status from;
    enum log_news news;
    enum row_status to;
    enum change_of_reason reason;
    enum latest_news latest;
} transitions[] = {
    {ROW_PENDING,            NEWS_EXCLUDED,  ROW_IGNORED,            TAKE,  GOOD     },
    {ROW_PENDING,            NEWS_RELAYED,   ROW_TAKEN_INTO_ACCOUNT, KEEP,  GOOD     },
    {ROW_PENDING,            NEWS_REFUSED,   ROW_FAILED,             TAKE,  BAD      },
    {ROW_PENDING,            NEWS_CANCELLED, ROW_CANCELLED,          KEEP,  GOOD     },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_DELIVERED, ROW_SENT,               CLEAR, GOOD     },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_SOFT,      ROW_TAKEN_INTO_ACCOUNT, TAKE,  BAD      },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_HARD,      ROW_FAILED,             TAKE,  BAD      },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_EXPIRED,   ROW_FAILED,             TAKE,  BAD      },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_RETURNED,  ROW_FAILED,             TAKE,  BAD      },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_NOTED,     ROW_TAKEN_INTO_ACCOUNT, TAKE,  AS_BEFORE},
    {ROW_SENT,               NEWS_RETURNED,  ROW_FAILED,             TAKE,  BAD      },
    {ROW_SENT,               NEWS_NOTED,     ROW_SENT,               TAKE,  GOOD     },
};

static const struct transition *
find_transition(enum row_status from, enum log_news news)
{
    for (size_t i = 0; i < COUNT_OF(transitions); i++)
        if (transitions[i].from == from && transitions[i].news == news)
            return &transitions[i];
    return NULL;
}

static void
change_reason(struct log_entry *entry, enum change_of_reason how, struct verdict verdict)
{
    unsigned type = verdict.type <= TYPE_IGNORED ? verdict.type : TYPE_NONE;

    switch (how) {
    case KEEP:
        break;
    case CLEAR:
        entry->reason = reason_bits(REASON_NONE) & 15u;
        entry->type = TYPE_NONE;
        break;
    case TAKE: /* a failure has a reason, be it that nobody knows it */
        entry->reason =
            reason_bits(verdict.reason == REASON_NONE ? REASON_NOT_DEFINED : verdict.reason) & 15u;
        entry->type = type & 3u;
        break;
    }
}

static void
change_entry(
    struct log_entry *entry, const struct transition *transition, const struct log_change *change)
{
    bool is_by_mail = transition->news == NEWS_RETURNED || transition->news == NEWS_NOTED;
    uint8_t attempt = (uint8_t)(change->attempt < ATTEMPT_MAX ? change->attempt : ATTEMPT_MAX);

    if (is_by_mail)
        attempt = ATTEMPT_BY_MAIL;
    if (transition->news == NEWS_RELAYED) {
        assert(change->at_us >= 0);
        entry->relayed = ((uint64_t)change->at_us + 1) & ((UINT64_C(1) << RELAYED_BITS) - 1);
    }
    entry->status = transition->to & 7;
    if (transition->latest != AS_BEFORE)
        entry->is_bad = transition->latest == BAD;
    if (transition->news == NEWS_SOFT && attempt < entry->attempt)
        return; /* an earlier try, told late */
    if (transition->news == NEWS_DELIVERED && entry->attempt == ATTEMPT_BY_MAIL)
        return;
    change_reason(entry, transition->reason, change->verdict);
    entry->attempt = attempt;
}

bool
delivery_log_apply(struct delivery_log *log, uint64_t row, const struct log_change *change)
{
    struct row before = delivery_log_row(log, row), after;
    struct log_entry *entry = &log->entries[row]; /* the row was checked a line before */
    const struct transition *transition = find_transition(before.status, change->news);

    if (transition == NULL)
        return false;
    count(log, &before, entry->is_bad, -1);
    change_entry(entry, transition, change);
    if (change->news == NEWS_DELIVERED)
        keep_sent(log, row, change->at_us);
    after = delivery_log_row(log, row);
    count(log, &after, entry->is_bad, 1);
    return true;
}
