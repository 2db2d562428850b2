/* fuzz_returned.c - whatever comes back is read and qualified, within its bounds, twice alike. */
#include "mta/classify_mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_recipient(const struct inmail_rules *rules, const struct report *report, size_t i)
{
    struct inmail_explanation why;
    struct inmail_verdict answer = inmail_qualify(rules, report, i);
    struct inmail_verdict explained = inmail_explain(rules, report, i, &why);

    assert(report->recipients[i].address.length > 0);
    assert(answer.verdict.class == explained.verdict.class);
    assert(slice_equals(answer.rule, explained.rule));
    assert(answer.verdict.class == CLASS_NONE || class_is_known(answer.verdict.class));
    assert(why.runner_up.length == 0 || !slice_equals(why.runner_up, answer.rule));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bounce_rules *bounces;
    static struct inmail_rules *rules;
    struct slice content = {(const char *)data, size};
    struct text row = {0};
    struct report report;

    if (rules == NULL) {
        bounces = bounce_rules_new();
        rules = inmail_rules_new(bounces);
    }
    report_read(content, &report);
    assert((size_t)report.kind < REPORT_KINDS_COUNT);
    assert(report.kind != REPORT_NOTBOUNCE || report.recipients_count == 0);
    assert(!report.is_dsn || report.recipients_count > 0);
    assert(report.text.length <= REPORT_TEXT_MAX);
    assert(report.recipients_count <= REPORT_RECIPIENTS_MAX);
    for (size_t i = 0; i < report.recipients_count; i++)
        check_recipient(rules, &report, i);
    report_release(&report);
    classify_mail(rules, "x", content, true, &row);
    assert(row.length > 0 && row.bytes[row.length - 1] == '\n');
    text_release(&row);
    return 0;
}
