/* report_kind.c - bounce, delay, automatic answer, challenge, complaint, or none of these.
 *
 * Fields made for programs decide where there are any: a delivery status by its actions, a feedback report
 * by being one. Else the signs are weighed: who writes, to whom it says it must not be answered, what the
 * subject and the text say. Mail from people and lists may quote any of these words, so a bounce has to
 * come from a mail system, or from nobody. */
#include "smtp/report_kind.h"

#include "smtp/report_parts.h"
#include "smtp/report_words.h"

struct signs {
    unsigned text, subject; /* enum word_sign */
    bool is_from_daemon;
    bool is_from_nobody;   /* the null sender */
    bool is_auto_replied;  /* RFC 3834 5: answers somebody */
    bool is_auto;          /* any mark of a program */
    bool is_answer_marked; /* X-Autoreply and the like */
    bool is_list;
    bool has_quote; /* the text quotes an SMTP reply */
};

static unsigned
signs_of(struct slice text, unsigned (*find)(struct slice), struct text *folded)
{
    text_clear(folded);
    words_fold(text, folded);
    return folded->length > 0 ? find(text_slice(folded)) : 0;
}

static bool
daemon_writes(struct slice value, struct text *folded)
{
    text_clear(folded);
    words_fold(value, folded);
    return words_is_daemon(text_slice(folded));
}

static bool
is_null_path(struct slice path)
{
    return slice_equals(path, SLICE("<>")) || slice_equals(path, SLICE("< >"));
}

static void
gather_signs(
    const struct report *report, const struct report_evidence *evidence, struct signs *signs)
{
    const struct slice *values = evidence->header->values;
    struct slice precedence = values[FIELD_PRECEDENCE], submitted = values[FIELD_AUTO_SUBMITTED];
    struct report_quote quote;
    struct text folded = {0};

    *signs = (struct signs){.text = signs_of(report->text, words_signs, &folded),
        .subject = signs_of(report->subject, words_subject_signs, &folded),
        .is_from_daemon = daemon_writes(report->from, &folded) ||
            daemon_writes(values[FIELD_RETURN_PATH], &folded),
        .is_from_nobody =
            is_null_path(values[FIELD_RETURN_PATH]) || is_null_path(values[FIELD_FROM]),
        .is_auto_replied = slice_starts_with_nocase(submitted, SLICE("auto-replied")),
        .is_auto = submitted.length > 0 && !slice_starts_with_nocase(submitted, SLICE("no")),
        .is_answer_marked = values[FIELD_AUTO_REPLY].length > 0 ||
            values[FIELD_INBOX_RULES].length > 0 ||
            slice_starts_with_nocase(precedence, SLICE("auto")),
        .is_list = values[FIELD_LIST].length > 0,
        .has_quote = report_find_quote(report->text, 0, &quote)};
    text_release(&folded);
}

static enum report_kind
kind_of_action(const struct report_recipient *recipient)
{
    switch (recipient->action) {
    case DSN_FAILED:
        return REPORT_BOUNCE;
    case DSN_DELAYED:
        return REPORT_DELAY;
    case DSN_DELIVERED:
    case DSN_RELAYED:
    case DSN_EXPANDED:
        return REPORT_SUCCESS;
    case DSN_NONE:
    case DSN_AUTO_REPLY: /* no report says so of a recipient */
    case DSN_CHALLENGE:
    case DSN_COMPLAINT:
    case DSN_UNSUBSCRIPTION:
    case DSN_OTHER:
    case DSN_KINDS_COUNT:
        break;
    }
    if (recipient->code.class == 4)
        return REPORT_DELAY;
    return recipient->code.class == 2 ? REPORT_SUCCESS : REPORT_BOUNCE;
}

/* By the worst that is told. */
static enum report_kind
kind_of_status(const struct report *report)
{
    enum report_kind worst = REPORT_SUCCESS;

    for (size_t i = 0; i < report->recipients_count; i++) {
        enum report_kind kind = kind_of_action(&report->recipients[i]);
        if (kind < worst)
            worst = kind;
    }
    return worst;
}

static bool
is_challenge(const struct report_evidence *evidence, const struct signs *signs)
{
    bool is_marked = evidence->header->values[FIELD_CHALLENGE].length > 0 ||
        (signs->subject & SIGN_CHALLENGE) != 0;

    if (signs->has_quote || signs->is_list)
        return false;
    return (signs->text & SIGN_CHALLENGE) != 0 &&
        (is_marked || signs->is_from_nobody || signs->is_auto || signs->is_answer_marked ||
            slice_starts_with_nocase(evidence->header->values[FIELD_SUBJECT], SLICE("Re:")) ||
            evidence->report_type.length > 0);
}

static bool
is_bounce(const struct report_evidence *evidence, const struct signs *signs)
{
    bool is_marked = evidence->header->values[FIELD_FAILED_RECIPIENTS].length > 0 ||
        slice_equals_nocase(evidence->report_type, SLICE("delivery-status"));
    unsigned bad = SIGN_FAILURE | SIGN_DELAY;
    int weight = 0;

    weight += signs->is_from_daemon ? 2 : 0;
    weight += signs->is_from_nobody ? 1 : 0;
    weight += is_marked ? 3 : 0;
    weight += (signs->subject & bad) != 0 ? 2 : 0;
    weight += (signs->text & bad) != 0 ? 1 : 0;
    weight += signs->has_quote ? 1 : 0;
    weight += (signs->text & SIGN_FINAL) != 0 ? 1 : 0;
    if (signs->is_from_daemon || signs->is_from_nobody || is_marked)
        return weight >= 3;
    return (signs->subject & bad) != 0 && weight + evidence->has_original >= 4 && !signs->is_list;
}

static bool
is_autoreply(const struct report_evidence *evidence, const struct signs *signs)
{
    bool is_answer = evidence->header->values[FIELD_REFERENCES].length > 0;

    if (signs->is_list)
        return false;
    if (is_answer && (signs->is_auto || (signs->text & SIGN_AUTO) != 0))
        return true;
    return signs->is_answer_marked || signs->is_auto_replied || (signs->subject & SIGN_AWAY) != 0 ||
        ((signs->text & SIGN_AWAY) != 0 && (signs->is_auto || signs->is_from_nobody));
}

static enum report_kind
failure_or_delay(const struct signs *signs)
{
    if ((signs->subject & SIGN_DELAY) != 0)
        return REPORT_DELAY;
    return (signs->text & SIGN_DELAY) != 0 && (signs->text & SIGN_FINAL) == 0 ? REPORT_DELAY
                                                                              : REPORT_BOUNCE;
}

bool
report_complains(const struct report *report)
{
    return report->kind == REPORT_FBL &&
        !slice_equals_nocase(report->feedback.type, SLICE("not-spam")) &&
        !slice_equals_nocase(report->feedback.type, SLICE("auth-failure"));
}

enum report_kind
report_find_kind(const struct report *report, const struct report_evidence *evidence)
{
    struct signs signs;

    if (report->kind == REPORT_FBL || evidence->is_complaint)
        return REPORT_FBL;
    gather_signs(report, evidence, &signs);
    if (is_challenge(evidence, &signs))
        return REPORT_CHALLENGE;
    if (report->recipients_count > 0)
        return kind_of_status(report);
    if ((signs.subject & SIGN_AWAY) != 0 && !signs.is_from_daemon)
        return REPORT_AUTOREPLY;
    if (is_bounce(evidence, &signs))
        return failure_or_delay(&signs);
    return is_autoreply(evidence, &signs) ? REPORT_AUTOREPLY : REPORT_NOTBOUNCE;
}

bool
report_subject_is_of_bounce(const struct report *report)
{
    struct text folded = {0};
    unsigned signs = signs_of(report->subject, words_subject_signs, &folded);

    text_release(&folded);
    return (signs & (SIGN_FAILURE | SIGN_DELAY)) != 0;
}

enum report_kind
report_kind_for(const struct report *report, size_t recipient)
{
    bool is_status = report->kind == REPORT_BOUNCE || report->kind == REPORT_DELAY ||
        report->kind == REPORT_SUCCESS;

    return is_status && recipient < report->recipients_count
        ? kind_of_action(&report->recipients[recipient])
        : report->kind;
}
