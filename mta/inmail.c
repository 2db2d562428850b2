/* inmail.c - asks the Inbound-email rules, and where they say so, the bounce rules. */
#include "mta/inmail.h"

#include "mta/inmail_mask.h"
#include "mta/inmail_rules.h"

/* --- the bounce rules -------------------------------------------------------------------------- */

/* What they are asked: the codes of this recipient, under a text. */
static struct refusal
refusal_of(const struct report_recipient *recipient, struct slice text)
{
    struct refusal refusal = {.stage = STAGE_NONE};
    struct smtp_reply *reply = &refusal.reply;

    reply_find(text, reply);
    if (reply->enhanced.class == 0)
        reply->enhanced = recipient->code;
    if (reply->code == 0)
        reply->code = recipient->smtp_code;
    if (reply->code == 0 && (reply->enhanced.class == 4 || reply->enhanced.class == 5))
        reply->code = (uint16_t)(reply->enhanced.class * 100 + 50);
    return refusal;
}

/* Blocks, delays and failures without a cause: what codes say when they say nothing. */
static bool is_vague(enum bounce_class class)
{
    return class == CLASS_UNDETERMINED || class == CLASS_GENERIC_BOUNCE ||
        class == CLASS_MAIL_BLOCK || class == CLASS_SOFT_BOUNCE ||
        class == CLASS_TRANSIENT_FAILURE || class == CLASS_TIMEOUT;
}

/* Is there more in the answer than in the codes? */
static bool
is_telling(
    const struct inmail_rules *rules, const struct refusal *asked, const struct bounce *answer)
{
    struct refusal without_text = *asked;
    struct bounce other;

    if (answer->verdict.class == CLASS_UNDETERMINED ||
        answer->verdict.class == CLASS_GENERIC_BOUNCE)
        return false;
    without_text.reply.text = (struct slice){"", 0};
    other = bounce_qualify(rules->bounces, &without_text);
    return !slice_equals(other.rule, answer->rule);
}

static bool
ask_about(const struct inmail_rules *rules, const struct report_recipient *recipient,
    struct slice text, struct bounce *answer)
{
    struct refusal refusal;

    static const struct report_recipient nobody = {
        .address = {"", 0}
    };

    if (text.length == 0)
        return false;
    refusal = refusal_of(recipient != NULL ? recipient : &nobody, text);
    *answer = bounce_qualify(rules->bounces, &refusal);
    return is_telling(rules, &refusal, answer);
}

/* The codes alone; nobody to be blamed is a class of its own. */
static struct bounce
ask_codes(const struct inmail_rules *rules, enum report_kind kind,
    const struct report_recipient *recipient)
{
    struct refusal refusal;

    if (recipient == NULL)
        return bounce_of_class(rules->bounces, CLASS_GENERIC_BOUNCE_NO_RCPT);
    refusal = refusal_of(recipient, recipient->diagnostic);
    if (refusal.reply.code == 0 && kind == REPORT_DELAY)
        refusal.reply.code = 450;
    return bounce_qualify(rules->bounces, &refusal);
}

/* --- one after the other ----------------------------------------------------------------------- */

enum { SAID_COUNT = 2 };

struct judging {
    const struct inmail_rules *rules;
    const struct report_recipient *recipient; /* NULL: nobody */
    struct inmail_search search;
    /* Diagnostic and words: as they stand in the report, and as the rules see them. */
    struct slice said[SAID_COUNT];
    struct text masked[SAID_COUNT];
    size_t next;   /* rule to ask */
    bool is_reply; /* the last answer came from the bounce rules, about a text */
};

static void
begin(struct judging *judging, const struct inmail_rules *rules, const struct report *report,
    size_t recipient)
{
    struct inmail_search *search = &judging->search;

    judging->rules = rules;
    judging->recipient = NULL;
    judging->next = 0;
    judging->is_reply = false;
    inmail_search_begin(search, report_kind_for(report, recipient));
    search->where[INMAIL_SUBJECT] = report->subject;
    search->where[INMAIL_FROM] = report->from;
    search->where[INMAIL_TEXT] = report->text;
    judging->said[0] = judging->said[1] = report->text;
    if (recipient < report->recipients_count) {
        judging->recipient = &report->recipients[recipient];
        search->status = judging->recipient->code;
        judging->said[0] = judging->recipient->diagnostic;
        judging->said[1] = judging->recipient->words;
    }
    for (size_t i = 0; i < SAID_COUNT; i++) {
        judging->masked[i] = (struct text){0};
        inmail_mask(judging->said[i], &judging->masked[i]);
    }
    search->where[INMAIL_DIAGNOSTIC] = text_slice(&judging->masked[0]);
    search->where[INMAIL_WORDS] = text_slice(&judging->masked[1]);
}

static void
end(struct judging *judging)
{
    for (size_t i = 0; i < SAID_COUNT; i++)
        text_release(&judging->masked[i]);
}

/* Where the masked piece stands in the report. */
static struct slice
in_report(const struct judging *judging, struct slice piece)
{
    for (size_t i = 0; i < SAID_COUNT; i++) {
        const struct text *masked = &judging->masked[i];

        if (piece.length > 0 && piece.at >= masked->bytes &&
            piece.at + piece.length <= masked->bytes + masked->length)
            return (struct slice){judging->said[i].at + (piece.at - masked->bytes), piece.length};
    }
    return piece;
}

/* The next rule that takes it. False: it was the last resort, the codes. */
static bool
ask_next(struct judging *judging, struct inmail_verdict *answer, struct slice *looked_at,
    struct slice *phrase)
{
    const struct inmail_rules *rules = judging->rules;
    struct inmail_search *search = &judging->search;
    struct bounce bounce;
    size_t found;

    while ((found = inmail_find_rule(rules, search, judging->next, phrase)) < rules->rules_count) {
        const struct inmail_rule *rule = &rules->rules[found];

        judging->next = found + 1;
        judging->is_reply = rule->is_reply && rule->where != INMAIL_ANYWHERE;
        *looked_at = search->where[rule->where];
        *answer = (struct inmail_verdict){rule->verdict, rule->id, rule->state};
        if (!rule->is_reply)
            return true;
        if (rule->where == INMAIL_ANYWHERE) {
            bounce = ask_codes(rules, search->kind, judging->recipient);
            if (judging->recipient == NULL || is_vague((enum bounce_class)bounce.verdict.class))
                continue;
        } else if (!ask_about(rules, judging->recipient, *looked_at, &bounce)) {
            continue;
        }
        answer->verdict = bounce.verdict;
        answer->rule = bounce.rule;
        return true;
    }
    judging->is_reply = false;
    bounce = ask_codes(rules, search->kind, judging->recipient);
    *answer = (struct inmail_verdict){bounce.verdict, bounce.rule,
        bounce.verdict.class == CLASS_UNDETERMINED ? INMAIL_TO_QUALIFY : INMAIL_KEEP};
    *looked_at = search->where[INMAIL_DIAGNOSTIC];
    return false;
}

static bool
has_verdict(const struct report *report, enum report_kind kind)
{
    return kind != REPORT_NOTBOUNCE && kind != REPORT_SUCCESS &&
        (kind != REPORT_FBL || report_complains(report));
}

struct inmail_verdict
inmail_qualify(const struct inmail_rules *rules, const struct report *report, size_t recipient)
{
    struct inmail_verdict answer = {
        .rule = {"", 0},
          .state = INMAIL_IGNORE
    };
    struct judging judging;
    struct slice looked_at = {"", 0}, phrase;

    begin(&judging, rules, report, recipient);
    if (has_verdict(report, judging.search.kind))
        ask_next(&judging, &answer, &looked_at, &phrase);
    end(&judging);
    return answer;
}

/* The bounce rules know what they found, and what they would have said otherwise. */
static void
explain_reply(const struct judging *judging, struct inmail_explanation *why)
{
    static const struct report_recipient nobody = {
        .address = {"", 0}
    };
    const struct refusal refusal =
        refusal_of(judging->recipient != NULL ? judging->recipient : &nobody, why->looked_at);

    bounce_explain(judging->rules->bounces, &refusal, &why->reply);
    why->phrase = why->reply.phrase;
    why->runner_up = why->reply.runner_up.rule;
}

struct inmail_verdict
inmail_explain(const struct inmail_rules *rules, const struct report *report, size_t recipient,
    struct inmail_explanation *why)
{
    struct inmail_verdict answer =
                              {
                                  .rule = {"", 0},
                                    .state = INMAIL_IGNORE
    },
                          other;
    struct judging judging;
    struct slice looked_at = {"", 0}, phrase;
    bool is_last, is_failure;

    *why = (struct inmail_explanation){
        .looked_at = {"", 0},
          .phrase = {"", 0},
          .runner_up = {"", 0}
    };
    begin(&judging, rules, report, recipient);
    if (!has_verdict(report, judging.search.kind)) {
        end(&judging);
        return answer;
    }
    is_failure = judging.search.kind == REPORT_BOUNCE || judging.search.kind == REPORT_DELAY;
    is_last = !ask_next(&judging, &answer, &why->looked_at, &why->phrase);
    if (judging.is_reply)
        explain_reply(&judging, why);
    while (!is_last && why->runner_up.length == 0) {
        is_last = !ask_next(&judging, &other, &looked_at, &phrase);
        if (!slice_equals(other.rule, answer.rule) && (!is_last || is_failure))
            why->runner_up = other.rule;
    }
    why->looked_at = in_report(&judging, why->looked_at);
    why->phrase = in_report(&judging, why->phrase);
    end(&judging);
    return answer;
}
