/* inmail.c - asks the Inbound-email rules, and where they are silent, the bounce rules. */
#include "mta/inmail.h"

#include "mta/inmail_rules.h"

static bool
has_verdict(const struct report *report)
{
    return report->kind != REPORT_NOTBOUNCE && report->kind != REPORT_SUCCESS;
}

/* As a reply to a recipient: a report of failure without a code is a 5xx, one of delay a 4xx. */
static struct refusal
refusal_of(const struct report *report, const struct report_recipient *recipient, struct slice text)
{
    bool is_delay =
        report->kind == REPORT_DELAY || (recipient != NULL && recipient->action == DSN_DELAYED);
    struct refusal refusal = {.stage = STAGE_RCPT, .reply = {.code = is_delay ? 450 : 550}};

    if (recipient != NULL) {
        refusal.reply.enhanced = recipient->code;
        if (recipient->smtp_code != 0)
            refusal.reply.code = recipient->smtp_code;
        else if (recipient->code.class == 4 || recipient->code.class == 5)
            refusal.reply.code = (uint16_t)(recipient->code.class * 100 + 50);
    }
    refusal.reply.text = text;
    return refusal;
}

struct inmail_verdict
inmail_explain(const struct inmail_rules *rules, const struct report *report, size_t recipient,
    struct inmail_explanation *why)
{
    const struct report_recipient *told =
        recipient < report->recipients_count ? &report->recipients[recipient] : NULL;
    struct inmail_content content = {.kind = report->kind};
    struct inmail_verdict answer = {.state = INMAIL_KEEP};
    size_t winner;

    *why = (struct inmail_explanation){0};
    if (!has_verdict(report))
        return answer;
    content.where[INMAIL_SUBJECT] = report->subject;
    content.where[INMAIL_FROM] = report->from;
    content.where[INMAIL_TEXT] = report->text;
    if (told != NULL) {
        content.status = told->code;
        content.where[INMAIL_SAID] = told->diagnostic;
    }
    winner = inmail_find_rule(rules, &content, 0, &why->phrase);
    if (winner < rules->rules_count) {
        answer.verdict = rules->rules[winner].verdict;
        answer.rule = rules->rules[winner].id;
        answer.state = rules->rules[winner].state;
    } else {
        struct refusal refusal = refusal_of(report, told, content.where[INMAIL_SAID]);
        struct bounce bounce = bounce_qualify(rules->bounces, &refusal);

        answer.verdict = bounce.verdict;
        answer.rule = bounce.rule;
    }
    return answer;
}

struct inmail_verdict
inmail_qualify(const struct inmail_rules *rules, const struct report *report, size_t recipient)
{
    struct inmail_explanation why;

    return inmail_explain(rules, report, recipient, &why);
}
