/* kpi.c - the counters of a delivery log.
 *
 * Success is `sent` over `to_deliver`; ratios are made where they are shown. Hard and soft bounces
 * go by the reason alone, as the delivery statistics of Campaign do: the type plays no part. */
#include "scenarios/kpi.h"

/* The reasons that a row can have, in a row. Read the other way, what is not among them is the first. */
/* clang-format off */
#define REASONS(row) \
    row(0, REASON_NOT_DEFINED) \
    row(1, REASON_USER_UNKNOWN) \
    row(2, REASON_INVALID_DOMAIN) \
    row(3, REASON_UNREACHABLE) \
    row(4, REASON_ACCOUNT_DISABLED) \
    row(5, REASON_MAILBOX_FULL) \
    row(6, REASON_NOT_CONNECTED) \
    row(7, REASON_DENYLISTED) \
    row(8, REASON_QUARANTINED) \
    row(9, REASON_DOUBLE) \
    row(10, REASON_REFUSED) \
    row(11, REASON_NONE)

#define REASON_OF_NUMBER(number, reason) [number] = reason,
#define NUMBER_OF_REASON(number, reason) [reason] = number,
static const uint8_t reasons[] = {REASONS(REASON_OF_NUMBER)};
static const uint8_t numbers[256] = {REASONS(NUMBER_OF_REASON)};
/* clang-format on */
static_assert(COUNT_OF(reasons) == KPI_REASONS, "a number for each of them");

uint8_t
kpi_reason_number(uint8_t reason)
{
    return numbers[reason];
}

enum failure_reason
kpi_reason(uint8_t number)
{
    assert(number < KPI_REASONS);
    return (enum failure_reason)reasons[number];
}

static bool
is_soft_bounce_reason(enum failure_reason reason)
{
    switch (reason) {
    case REASON_INVALID_DOMAIN:
    case REASON_UNREACHABLE:
    case REASON_ACCOUNT_DISABLED:
    case REASON_MAILBOX_FULL:
    case REASON_NOT_CONNECTED:
    case REASON_REFUSED:
        return true;
    case REASON_NOT_DEFINED:
    case REASON_USER_UNKNOWN:
    case REASON_DENYLISTED:
    case REASON_QUARANTINED:
    case REASON_DOUBLE:
    case REASON_NONE:
        return false;
    }
    return false;
}

static void
count_failed(struct kpi *kpi, const struct row *row, uint64_t rows)
{
    kpi->failed += rows;
    kpi->processed += rows;
    if (row->reason < COUNT_OF(kpi->failed_by_reason))
        kpi->failed_by_reason[row->reason] += rows;
    kpi->failed_by_type[row->type] += rows;
    if (row->reason == REASON_USER_UNKNOWN)
        kpi->hard_bounces += rows;
    if (row->reason == REASON_DENYLISTED)
        kpi->complaints += rows;
    if (is_soft_bounce_reason(row->reason))
        kpi->soft_bounces += rows;
}

/* Unsigned arithmetic wraps, so taking out is adding what is 2^64 less. */
static void
count_status(struct kpi *kpi, const struct row *row, uint64_t rows)
{
    switch (row->status) {
    case ROW_PENDING:
        kpi->pending += rows;
        break;
    case ROW_TAKEN_INTO_ACCOUNT:
        kpi->taken += rows;
        kpi->processed += rows;
        break;
    case ROW_SENT:
        kpi->sent += rows;
        kpi->processed += rows;
        break;
    case ROW_FAILED:
        count_failed(kpi, row, rows);
        break;
    case ROW_IGNORED:
        kpi->ignored += rows;
        kpi->excluded += rows;
        kpi->to_deliver -= rows;
        break;
    case ROW_CANCELLED:
        kpi->cancelled += rows;
        break;
    }
}

void
kpi_count(struct counters *counters, const struct row *row, bool is_bad, int64_t rows)
{
    struct kpi *kpi = &counters->kpi;
    uint64_t count = (uint64_t)rows;

    kpi->total_target += count;
    kpi->to_deliver += count;
    count_status(kpi, row, count);
    if (is_bad && row->status != ROW_SENT)
        kpi->bounces_errors += count;
    counters->rows_with[row->status][kpi_reason_number((uint8_t)row->reason)][row->type] += count;
}

uint64_t
kpi_rows_with(const struct counters *counters, const struct row *row)
{
    return counters->rows_with[row->status][kpi_reason_number((uint8_t)row->reason)][row->type];
}

/* The formulas, each for itself, as the documentation has them. */
typedef bool formula_fn(const struct row *row, bool is_bad);

static bool
of_total(const struct row *row, bool is_bad)
{
    return true;
}

static bool
of_to_deliver(const struct row *row, bool is_bad)
{
    return row->status != ROW_IGNORED;
}

static bool
of_ignored(const struct row *row, bool is_bad)
{
    return row->status == ROW_IGNORED;
}

static bool
of_taken(const struct row *row, bool is_bad)
{
    return row->status == ROW_TAKEN_INTO_ACCOUNT;
}

static bool
of_sent(const struct row *row, bool is_bad)
{
    return row->status == ROW_SENT;
}

static bool
of_failed(const struct row *row, bool is_bad)
{
    return row->status == ROW_FAILED;
}

static bool
of_cancelled(const struct row *row, bool is_bad)
{
    return row->status == ROW_CANCELLED;
}

static bool
of_pending(const struct row *row, bool is_bad)
{
    return row->status == ROW_PENDING;
}

static bool
of_bounces_errors(const struct row *row, bool is_bad)
{
    return is_bad && row->status != ROW_SENT;
}

static bool
of_hard_bounces(const struct row *row, bool is_bad)
{
    return of_failed(row, is_bad) && row->reason == REASON_USER_UNKNOWN;
}

static bool
of_soft_bounces(const struct row *row, bool is_bad)
{
    static const uint8_t soft[] = {2, 3, 4, 5, 6, 20};

    return of_failed(row, is_bad) && memchr(soft, (int)row->reason, sizeof soft) != NULL;
}

static bool
of_complaints(const struct row *row, bool is_bad)
{
    return of_failed(row, is_bad) && row->reason == REASON_DENYLISTED;
}

static bool
of_processed(const struct row *row, bool is_bad)
{
    return of_sent(row, is_bad) || of_failed(row, is_bad) || of_taken(row, is_bad);
}

static const struct formula {
    size_t offset;
    formula_fn *holds;
} formulas[] = {
    {offsetof(struct kpi, total_target),   of_total         },
    {offsetof(struct kpi, to_deliver),     of_to_deliver    },
    {offsetof(struct kpi, excluded),       of_ignored       },
    {offsetof(struct kpi, taken),          of_taken         },
    {offsetof(struct kpi, sent),           of_sent          },
    {offsetof(struct kpi, failed),         of_failed        },
    {offsetof(struct kpi, cancelled),      of_cancelled     },
    {offsetof(struct kpi, pending),        of_pending       },
    {offsetof(struct kpi, ignored),        of_ignored       },
    {offsetof(struct kpi, bounces_errors), of_bounces_errors},
    {offsetof(struct kpi, hard_bounces),   of_hard_bounces  },
    {offsetof(struct kpi, soft_bounces),   of_soft_bounces  },
    {offsetof(struct kpi, complaints),     of_complaints    },
    {offsetof(struct kpi, processed),      of_processed     },
};

void
kpi_recount(struct kpi *kpi, const struct row *row, bool is_bad, uint64_t rows)
{
    for (size_t i = 0; i < COUNT_OF(formulas); i++)
        if (formulas[i].holds(row, is_bad))
            *(uint64_t *)((char *)kpi + formulas[i].offset) += rows;
    if (!of_failed(row, is_bad))
        return;
    if (row->reason < COUNT_OF(kpi->failed_by_reason))
        kpi->failed_by_reason[row->reason] += rows;
    kpi->failed_by_type[row->type] += rows;
}

void
kpi_add(struct kpi *sum, const struct kpi *kpi)
{
    const uint64_t *from = (const uint64_t *)kpi;
    uint64_t *to = (uint64_t *)sum;

    static_assert(sizeof *kpi % sizeof *from == 0, "a struct kpi is counters and nothing else");
    for (size_t i = 0; i < sizeof *kpi / sizeof *from; i++)
        to[i] += from[i];
}
