/* kpi.h - the counters of a delivery log, kept while rows change, and counted anew to prove them.
 *
 * Whoever changes a row takes its old state out and puts its new state in (kpi_count with -1, +1).
 * kpi_recount() comes to the same figures by another way: it asks each formula of each state. */
#ifndef MTALAB_KPI_H
#define MTALAB_KPI_H

#include "scenarios/campaign.h"

enum { KPI_REASONS = 12, KPI_STATUSES = ROW_CANCELLED + 1, KPI_TYPES = TYPE_IGNORED + 1 };

struct counters {
    struct kpi kpi;
    uint64_t rows_with[KPI_STATUSES][KPI_REASONS][KPI_TYPES];
};

/* Reasons in a row, 0 .. KPI_REASONS - 1, and back. A reason that no row can have is "not defined". */
uint8_t kpi_reason_number(uint8_t reason);
enum failure_reason kpi_reason(uint8_t number);

/* `rows` rows more (or less, when negative) are in this state. is_bad: their latest news is bad. */
void kpi_count(struct counters *counters, const struct row *row, bool is_bad, int64_t rows);
uint64_t kpi_rows_with(const struct counters *counters, const struct row *row);

/* Adds to a recount: so many rows are in this state. */
void kpi_recount(struct kpi *kpi, const struct row *row, bool is_bad, uint64_t rows);
void kpi_add(struct kpi *sum, const struct kpi *kpi);

#endif
