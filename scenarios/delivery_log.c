/* delivery_log.c - what became of each recipient of a delivery.
 *
 * Feedback about a row that is still pending means that the MTA has it although its 250 got lost:
 * who hears it applies NEWS_RELAYED first. So the column of pending rows has no feedback in it. */
#include "scenarios/delivery_log.h"

#include "base/mem.h"

#define RELAYED_BITS 45 /* 2^45 us are 407 days */

enum { ATTEMPT_MAX = 255 }; /* a later one counts as this one */

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
delivery_log_grow(struct delivery_log *log, uint64_t rows)
{
    static const struct row fresh = {ROW_PENDING, REASON_NONE, TYPE_NONE};
    const struct log_entry entry = {
        .status = ROW_PENDING, .type = TYPE_NONE, .reason = reason_bits(REASON_NONE) & 15u};

    log->entries =
        mem_grow(log->entries, &log->capacity, log->count + rows, sizeof log->entries[0]);
    for (uint64_t i = 0; i < rows; i++)
        log->entries[log->count + i] = entry;
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

/* Row: where it stands and what is told. What has no row here changes nothing: final statuses stay,
 * and nobody is relayed twice. */
static const struct transition {
    enum row_status from;
    enum log_news news;
    enum row_status to;
    enum change_of_reason reason;
    bool is_bad;
} transitions[] = {
    {ROW_PENDING,            NEWS_EXCLUDED,  ROW_IGNORED,            TAKE,  false},
    {ROW_PENDING,            NEWS_RELAYED,   ROW_TAKEN_INTO_ACCOUNT, KEEP,  false},
    {ROW_PENDING,            NEWS_REFUSED,   ROW_FAILED,             TAKE,  true },
    {ROW_PENDING,            NEWS_CANCELLED, ROW_CANCELLED,          KEEP,  false},
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_DELIVERED, ROW_SENT,               CLEAR, false},
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_SOFT,      ROW_TAKEN_INTO_ACCOUNT, TAKE,  true },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_HARD,      ROW_FAILED,             TAKE,  true },
    {ROW_TAKEN_INTO_ACCOUNT, NEWS_EXPIRED,   ROW_FAILED,             TAKE,  true },
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
    uint8_t attempt = (uint8_t)(change->attempt < ATTEMPT_MAX ? change->attempt : ATTEMPT_MAX);

    if (transition->news == NEWS_RELAYED) {
        assert(change->at_us >= 0);
        entry->relayed = ((uint64_t)change->at_us + 1) & ((UINT64_C(1) << RELAYED_BITS) - 1);
    }
    entry->status = transition->to & 7;
    entry->is_bad = transition->is_bad;
    if (transition->news == NEWS_SOFT && attempt < entry->attempt)
        return; /* an earlier try, told late */
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
    after = delivery_log_row(log, row);
    count(log, &after, entry->is_bad, 1);
    return true;
}
