/* claim.c - everything a run can be judged by, as one list. */
#include "reports/claim.h"

#include "base/unit.h"

enum { SKIPPED_EXIT_CODE = 77 };

static const char *const row_names[RESULT_KPI_ROWS] = {"kpi-row-1-relayed", "kpi-row-2-hard-bounce",
    "kpi-row-3-soft-bounce", "kpi-row-4-retry-succeeds", "kpi-row-5-validity-ends"};

size_t
claims_group(const struct result *results, size_t count)
{
    size_t same = 1;

    assert(count > 0);
    while (same < count && slice_equals(results[same].filename, results[0].filename) &&
        slice_equals(results[same].name, results[0].name))
        same++;
    return same;
}

void
claims_release(struct claims *claims)
{
    arena_release(&claims->arena);
    mem_free(claims->items);
    *claims = (struct claims){0};
}

void
claim_check_headline(struct text *out, const struct result_check *check)
{
    switch (check->status) {
    case CHECK_HELD:
        text_add_slice(out, check->summary);
        return;
    case CHECK_FAILED:
        if (check->observed.length > 0)
            text_printf(out, "%.*s", SLICE_ARGS(check->observed));
        if (check->observed.length > 0 && check->expected.length > 0)
            text_add_string(out, ", ");
        if (check->expected.length > 0)
            text_printf(out, "expected %.*s", SLICE_ARGS(check->expected));
        return;
    case CHECK_UNDECIDED:
        text_add_string(out, "undecided: the run ended before its deadline");
        return;
    case CHECK_VACUOUS:
        text_add_string(out, "never applied, so it shows nothing");
        return;
    }
}

static void
add_counted(struct text *out, bool *is_first, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    text_add_string(out, *is_first ? "" : ", ");
    unit_format_count(out, count);
    text_printf(out, " %s", what);
    *is_first = false;
}

/* What a foreign MTA believes nobody knows, only what was accepted. */
static void
foreign_headline(struct text *out, const struct result *result)
{
    unit_format_count(out, result->ledger_accepted);
    text_printf(out, " accepted by the ISPs, none doubled; %.*s keeps no ledger to compare with",
        SLICE_ARGS(result->sut));
}

void
claim_ledgers_headline(struct text *out, const struct result *result)
{
    bool is_first = true;

    if (result->sut.length > 0 && result_ledgers_agree(result)) {
        foreign_headline(out, result);
        return;
    }
    add_counted(out, &is_first, result->ledger_lost, "lost");
    add_counted(out, &is_first, result->ledger_doubled, "doubled");
    add_counted(out, &is_first, result->ledger_misqualified, "misqualified");
    add_counted(out, &is_first, result->ledger_strays, "that nobody sent");
    if (is_first) {
        unit_format_count(out, result->ledger_accepted);
        text_add_string(out, " accepted by the ISPs, ");
        unit_format_count(out, result->ledger_delivered);
        text_add_string(out, " sent; none lost, doubled or misqualified");
        is_first = false;
    }
    add_counted(out, &is_first, result->ledger_unanswered, "whose answer was lost");
    add_counted(out, &is_first, result->ledger_returned, "came back");
    add_counted(out, &is_first, result->ledger_open, "still open");
}

bool
claim_returned_headline(struct text *out, const struct result *result)
{
    const struct result_returned *returned = &result->returned;
    uint64_t refused =
        returned->refused_forged + returned->refused_late + returned->refused_misaddressed;
    bool is_first = true;

    if (returned->taken + refused == 0)
        return false;
    add_counted(out, &is_first, returned->taken, "taken");
    add_counted(out, &is_first, returned->bounces, "bounced rows");
    add_counted(out, &is_first, returned->complaints, "complaints");
    add_counted(out, &is_first, returned->unsubscriptions, "unsubscriptions");
    add_counted(out, &is_first, returned->notes, "noted");
    add_counted(out, &is_first, returned->duplicates, "duplicates");
    add_counted(out, &is_first, returned->unmatched + returned->unknown, "about nobody");
    add_counted(out, &is_first, returned->settled, "about rows that had failed");
    add_counted(out, &is_first, returned->late + returned->refused_late, "too late");
    add_counted(out, &is_first, returned->refused_forged, "forged");
    add_counted(out, &is_first, returned->refused_misaddressed, "misaddressed");
    add_counted(out, &is_first, returned->waiting, "waiting for the poll");
    return true;
}

static void
add_line(struct text *out, const char *key, struct slice value)
{
    if (value.length > 0)
        text_printf(out, "%-10s%.*s\n", key, SLICE_ARGS(value));
}

static void
check_story(struct text *out, const struct result_check *check)
{
    struct text at = {0};

    if (check->at_us >= 0)
        unit_format_clock(&at, check->at_us);
    add_line(out, "check", check->check);
    add_line(out, "expected", check->expected);
    add_line(out, "observed", check->observed);
    add_line(out, "at", text_slice(&at));
    add_line(out, "detail", check->detail);
    text_release(&at);
}

/* "scenarios/x.yaml:12:3" where that is known. */
static void
add_place(struct text *out, const struct claim *claim)
{
    if (claim->filename.length == 0)
        return;
    text_printf(out, "%-10s%.*s", "where", SLICE_ARGS(claim->filename));
    if (claim->line > 0)
        text_printf(out, ":%d", claim->line);
    if (claim->line > 0 && claim->column > 0)
        text_printf(out, ":%d", claim->column);
    text_add_char(out, '\n');
}

static struct slice
keep(struct claims *claims, const struct text *text)
{
    return (struct slice){
        arena_copy(&claims->arena, text_string(text), text->length), text->length};
}

static bool
is_bad(const struct claim *claim)
{
    return claim->status == CLAIM_FAILED || claim->status == CLAIM_BROKEN;
}

/* Gives a failed claim its story and a claim of one seed among several its name, and lists it. */
static void
add_claim(struct claims *claims, struct claim claim, const struct text *headline, bool is_one_of)
{
    struct text text = {0};

    claim.headline = keep(claims, headline);
    if (is_one_of && is_bad(&claim)) {
        text_printf(&text, "%.*s (seed %llu)", SLICE_ARGS(claim.name),
            (unsigned long long)claim.result->seed);
        claim.name = keep(claims, &text);
        text_clear(&text);
    }
    if (is_bad(&claim)) {
        struct slice replay = claim.check != NULL ? claim.check->replay : (struct slice){0};

        text_printf(&text, "%.*s\n", SLICE_ARGS(claim.headline));
        if (claim.check != NULL)
            check_story(&text, claim.check);
        add_place(&text, &claim);
        add_line(&text, "replay", replay.length > 0 ? replay : claim.result->replay);
        claim.story = keep(claims, &text);
    }
    text_release(&text);
    claims->items =
        mem_grow(claims->items, &claims->capacity, claims->count + 1, sizeof *claims->items);
    claims->items[claims->count++] = claim;
}

static struct claim
claim_of_check(const struct result *result, const struct result_check *check, struct text *headline)
{
    claim_check_headline(headline, check);
    return (struct claim){.kind = CLAIM_CHECK,
        .status = check->is_good ? CLAIM_HELD : CLAIM_FAILED,
        .check = check,
        .name = check->id,
        .filename = check->filename.length > 0 ? check->filename : result->filename,
        .line = check->line,
        .column = check->column};
}

static struct claim
claim_of_kpi_row(const struct result *result, size_t i, struct text *headline)
{
    const struct result_kpi_row *row = &result->kpi_rows[i];
    struct claim claim = {.kind = CLAIM_KPI_ROW,
        .status = row->violations > 0 ? CLAIM_FAILED
            : row->events > 0         ? CLAIM_HELD
                                      : CLAIM_SKIPPED,
        .name = slice_of(row_names[i]),
        .filename = result->filename};

    if (claim.status == CLAIM_SKIPPED)
        text_add_string(headline, "did not happen");
    else if (claim.status == CLAIM_HELD)
        text_add_slice(headline, row->figures);
    else {
        text_printf(headline, "%s: ", row->step);
        unit_format_count(headline, row->violations);
        text_add_string(headline, " of ");
        unit_format_count(headline, row->events);
        text_printf(
            headline, " broke the row (success %s; log: %s)", row->success_rule, row->status_rule);
        if (row->first_violation.length > 0)
            text_printf(headline, "; first: %.*s", SLICE_ARGS(row->first_violation));
    }
    return claim;
}

static struct claim
claim_of_ledgers(const struct result *result, struct text *headline)
{
    bool is_good = result_ledgers_agree(result);

    claim_ledgers_headline(headline, result);
    if (!is_good && result->ledger_example.length > 0)
        text_printf(headline, "; first: %.*s", SLICE_ARGS(result->ledger_example));
    return (struct claim){.kind = CLAIM_LEDGERS,
        .status = is_good ? CLAIM_HELD : CLAIM_FAILED,
        .name = SLICE("ledgers-agree"),
        .filename = result->filename};
}

static struct claim
claim_of_recount(const struct result *result, struct text *headline)
{
    uint64_t differences = result->recount_differences;

    if (differences == 0)
        text_add_string(headline, "a full recount of the delivery log equals the counters");
    else {
        unit_format_count(headline, differences);
        text_printf(headline, " counter%s from a full recount of the delivery log",
            differences == 1 ? " differs" : "s differ");
    }
    return (struct claim){.kind = CLAIM_RECOUNT,
        .status = differences == 0 ? CLAIM_HELD : CLAIM_FAILED,
        .name = SLICE("recount-equals-counters"),
        .filename = result->filename};
}

static struct claim
claim_of_run(const struct result *result, struct text *headline)
{
    if (result->trouble.length > 0)
        text_add_slice(headline, result->trouble);
    else
        text_printf(headline, "ended with exit code %d", result->exit_code);
    return (struct claim){.kind = CLAIM_RUN,
        .status = result->exit_code == SKIPPED_EXIT_CODE ? CLAIM_SKIPPED : CLAIM_BROKEN,
        .name = SLICE("run"),
        .filename = result->filename};
}

/* Number i of the claims of one run; false when that run has no such claim. The numbers are the
 * same in every run of a scenario: first all checks, then the fixed ones. */
static bool
claim_at(const struct result *result, size_t checks_count, size_t i, struct claim *claim,
    struct text *headline)
{
    bool has_run = result->events_count > 0;

    text_clear(headline);
    if (i == 0 && (result->trouble.length > 0 || result->exit_code > 1))
        *claim = claim_of_run(result, headline);
    else if (i >= 1 && i < 1 + result->checks_count)
        *claim = claim_of_check(result, &result->checks[i - 1], headline);
    else if (i == 1 + checks_count && has_run)
        *claim = claim_of_ledgers(result, headline);
    else if (i == 2 + checks_count && has_run)
        *claim = claim_of_recount(result, headline);
    else if (i >= 3 + checks_count && result->kpi_rows[i - 3 - checks_count].step != NULL)
        *claim = claim_of_kpi_row(result, i - 3 - checks_count, headline);
    else
        return false;
    claim->result = result;
    return true;
}

void
claims_collect(struct claims *claims, const struct result *results, size_t count)
{
    struct text headline = {0};
    size_t checks_count = 0;

    for (size_t seed = 0; seed < count; seed++)
        if (results[seed].checks_count > checks_count)
            checks_count = results[seed].checks_count;
    for (size_t i = 0; i < 3 + checks_count + RESULT_KPI_ROWS; i++) {
        struct claim good = {0}, claim;

        for (size_t seed = 0; seed < count; seed++) {
            if (!claim_at(&results[seed], checks_count, i, &claim, &headline))
                continue;
            if (is_bad(&claim))
                add_claim(claims, claim, &headline, count > 1);
            else if (good.result == NULL || good.status == CLAIM_SKIPPED)
                good = claim;
        }
        if (good.result == NULL)
            continue;
        claim_at(good.result, checks_count, i, &good, &headline);
        add_claim(claims, good, &headline, count > 1);
    }
    text_release(&headline);
}
