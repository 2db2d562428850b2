/* classify_mail.c - mails in, rows out. */
#include "mta/classify_mail.h"

#include "mta/classify.h"

enum { CLASSIFY_PHRASE_MAX = 160 }; /* bytes of a phrase that are shown */

void
classify_mail_header(bool is_explained, struct text *out)
{
    text_add_string(
        out, "file\tkind\trecipient\tstatus\tsmtp_code\tclass\tadobe_reason\tadobe_type\trule");
    text_add_string(out, is_explained ? "\tstate\tphrase\trunner_up\n" : "\n");
}

static void
add_verdict(struct text *out, const struct inmail_verdict *answer)
{
    const struct bounce bounce = {.verdict = answer->verdict, .rule = answer->rule};

    if (answer->verdict.class != CLASS_NONE) {
        classify_add_verdict(out, &bounce);
    } else if (answer->rule.length == 0) {
        text_add_string(out, "-\t\t\t");
    } else { /* a complaint */
        text_printf(out, "-\t%s\t%s\t", reason_name((enum failure_reason)answer->verdict.reason),
            type_name((enum failure_type)answer->verdict.type));
        classify_add_cell(out, answer->rule);
    }
}

/* What matched, or where nothing did, what was looked at. */
static void
add_reasons(
    struct text *out, const struct inmail_verdict *answer, const struct inmail_explanation *why)
{
    struct slice phrase = why->phrase.length > 0 ? why->phrase : why->looked_at;

    if (phrase.length > CLASSIFY_PHRASE_MAX)
        phrase.length = CLASSIFY_PHRASE_MAX;
    text_printf(out, "\t%s\t", inmail_state_name(answer->state));
    classify_add_cell(out, phrase);
    text_add_char(out, '\t');
    classify_add_cell(out, why->runner_up);
}

static void
add_row(const struct inmail_rules *rules, const char *filename, const struct report *report,
    size_t number, bool is_explained, struct text *out)
{
    struct report_recipient nobody = {
        .address = {"", 0}
    };
    const struct report_recipient *recipient =
        number < report->recipients_count ? &report->recipients[number] : &nobody;
    struct inmail_explanation why;
    struct inmail_verdict answer = is_explained ? inmail_explain(rules, report, number, &why)
                                                : inmail_qualify(rules, report, number);

    classify_add_cell(out, slice_of(filename));
    text_printf(out, "\t%s\t", report_kind_name(report_kind_for(report, number)));
    classify_add_cell(out, recipient->address);
    text_add_char(out, '\t');
    enhanced_format(out, recipient->code);
    text_add_char(out, '\t');
    if (recipient->smtp_code != 0)
        text_add_u64(out, recipient->smtp_code);
    text_add_char(out, '\t');
    add_verdict(out, &answer);
    if (is_explained)
        add_reasons(out, &answer, &why);
    text_add_char(out, '\n');
}

const char *
classify_mail(const struct inmail_rules *rules, const char *filename, struct slice content,
    bool is_explained, struct text *out)
{
    enum report_trouble trouble;
    struct report report;

    report_read(content, &report);
    trouble = report.trouble;
    for (size_t i = 0; i < report.recipients_count; i++)
        add_row(rules, filename, &report, i, is_explained, out);
    if (report.recipients_count == 0)
        add_row(rules, filename, &report, 0, is_explained, out);
    report_release(&report);
    return report_trouble_text(trouble);
}
