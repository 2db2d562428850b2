/* fuzz_report.c - whatever comes back is read without harm, and what it says can be said again. */
#include "smtp/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct report *report)
{
    struct report_letter letter = {.from = SLICE("mailer-daemon@mx.test"),
        .to = SLICE("b@campaign.example"),
        .host = SLICE("mx.test"),
        .id = SLICE("1"),
        .recipients = report->recipients,
        .recipients_count = report->recipients_count};
    struct text wire = {0};
    struct report again;

    report_write(&wire, &letter);
    report_read(text_slice(&wire), &again);
    assert(again.recipients_count <= report->recipients_count); /* "<>" is an address to nobody */
    assert(again.is_dsn == (again.recipients_count > 0));
    report_release(&again);
    text_release(&wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report report;

    report_read((struct slice){(const char *)data, size}, &report);
    assert(!report.is_dsn || report.recipients_count > 0);
    for (size_t i = 0; i < report.recipients_count; i++)
        assert(report.recipients[i].address.length > 0);
    if (report.is_dsn)
        check_again(&report);
    report_release(&report);
    return 0;
}
