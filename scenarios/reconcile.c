/* reconcile.c - the two ledgers of a run, compared row by row. */
#include "scenarios/reconcile.h"

struct walk {
    const struct reconcile_books *books;
    struct result_isp *by_isp;
    struct result *result;
    struct text sender, rcpt; /* of the row at hand */
    uint64_t matched;         /* accepted envelopes that are about a row */
};

/* How often this envelope was accepted. The ISP of its domain is asked first and usually is the only
 * one to know; what another one took besides shows as a stray. */
static uint32_t
times_accepted(struct walk *walk, size_t isp)
{
    const struct reconcile_books *books = walk->books;
    struct slice sender = text_slice(&walk->sender), rcpt = text_slice(&walk->rcpt);
    size_t count = books->sites->isps_count;
    uint32_t times = 0;

    if (isp < count)
        times = ledger_times(isp_ledger(books->isps[isp]), sender, rcpt);
    for (size_t i = 0; i < count && times == 0; i++)
        if (isp_ledger(books->isps[i])->count > 0)
            times = ledger_times(isp_ledger(books->isps[i]), sender, rcpt);
    walk->matched += times > 0;
    return times;
}

static void
note_example(struct walk *walk, const char *what, const struct row *row, uint32_t times)
{
    struct result *result = walk->result;
    struct text text = {0};

    if (result->ledger_example.length > 0)
        return;
    text_printf(&text, "%s %s: the log says \"%s\", accepted %u times", text_string(&walk->rcpt),
        what, row_status_name(row->status), (unsigned)times);
    result->ledger_example =
        (struct slice){arena_copy(&result->arena, text_string(&text), text.length), text.length};
    text_release(&text);
}

/* is_unanswered: an answer to its final dot was lost. Then the MTA had to try again (RFC 1047), and
 * could not know that it had been heard. has_come_back: its provider says so too, so it failed rightly
 * although it had been accepted; a row that failed by a return that nobody sent is misqualified. */
static void
compare(struct walk *walk, const struct row *row, uint32_t times, bool is_unanswered,
    bool has_come_back)
{
    struct result *result = walk->result;
    bool is_waiting = row->status == ROW_TAKEN_INTO_ACCOUNT || row->status == ROW_PENDING;

    if (row->status == ROW_SENT)
        result->ledger_delivered++;
    if (row->status == ROW_SENT && times == 0) {
        result->ledger_lost++;
        note_example(walk, "was lost", row, times);
    }
    if (is_waiting && times > 0)
        result->ledger_open++;
    if (times == 0 || (times == 1 && (row->status == ROW_SENT || is_waiting)))
        return;
    if (times == 1 && has_come_back) {
        result->ledger_returned++;
        return;
    }
    if (is_unanswered)
        result->ledger_unanswered++;
    else if (times > 1) {
        result->ledger_doubled++;
        note_example(walk, "was doubled", row, times);
    } else {
        result->ledger_misqualified++;
        note_example(walk, "was misqualified", row, times);
    }
}

static void
count_row(struct result_isp *isp, const struct row *row, bool is_relayed)
{
    isp->to_deliver += row->status != ROW_IGNORED;
    isp->relayed += is_relayed;
    isp->delivered += row->status == ROW_SENT;
    isp->failed += row->status == ROW_FAILED;
    isp->waiting += row->status == ROW_TAKEN_INTO_ACCOUNT;
}

/* Two rows of one message may have the same address; the second one, left out as a double, is not
 * what was accepted. */
static bool
is_envelope_of(struct walk *walk, size_t delivery, uint64_t number)
{
    size_t found_delivery;
    uint64_t found;

    return campaign_find_row(walk->books->campaign, text_slice(&walk->sender),
               text_slice(&walk->rcpt), &found_delivery, &found) &&
        found_delivery == delivery && found == number;
}

static void
walk_row(struct walk *walk, size_t delivery, uint64_t number)
{
    const struct campaign *campaign = walk->books->campaign;
    struct row row = campaign_row(campaign, delivery, number);
    size_t isp;

    text_clear(&walk->sender);
    text_clear(&walk->rcpt);
    campaign_return_path(campaign, delivery, number, &walk->sender);
    campaign_row_address(campaign, delivery, number, &walk->rcpt);
    isp = sites_find(walk->books->sites, text_slice(&walk->rcpt));
    count_row(&walk->by_isp[isp], &row, campaign_row_relayed_us(campaign, delivery, number) >= 0);
    if (row.status != ROW_IGNORED || is_envelope_of(walk, delivery, number))
        compare(walk, &row, times_accepted(walk, isp),
            bits_has(&walk->books->unanswered[delivery], number),
            bits_has(&walk->books->sent_back[delivery], number) &&
                bits_has(&walk->books->returned[delivery], number));
}

void
reconcile(const struct reconcile_books *books, struct result_isp *by_isp, struct result *result)
{
    struct walk walk = {.books = books, .by_isp = by_isp, .result = result};

    for (size_t d = 0; d < books->deliveries_count; d++) {
        uint64_t rows = campaign_rows_count(books->campaign, d);

        for (uint64_t i = 0; i < rows; i++)
            walk_row(&walk, d, i);
    }
    for (size_t i = 0; i < books->sites->isps_count; i++)
        result->ledger_accepted += isp_ledger(books->isps[i])->count;
    if (result->ledger_accepted > walk.matched)
        result->ledger_strays = result->ledger_accepted - walk.matched;
    text_release(&walk.sender);
    text_release(&walk.rcpt);
}
