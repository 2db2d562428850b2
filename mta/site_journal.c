/* site_journal.c - what the journal is told of sessions, and of what a controller made of them. */
#include "mta/site_parts.h"

#include <inttypes.h>

#include "base/mem.h"
#include "smtp/event.h"

static enum event_outcome
outcome_of(enum trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
        return OUTCOME_OK;
    case TROUBLE_REFUSED:
        return OUTCOME_REFUSED;
    case TROUBLE_UNREACHABLE:
        return OUTCOME_UNREACHABLE;
    case TROUBLE_TIMED_OUT:
        return OUTCOME_TIMED_OUT;
    case TROUBLE_RESET:
        return OUTCOME_RESET;
    }
    return OUTCOME_NONE;
}

void
site_on_connected(void *arg, enum trouble trouble)
{
    struct session *session = arg;
    struct site_context *context = session->site->context;
    struct event event = {.at_us = loop_now_us(context->doors->loop),
        .kind = EVENT_CONNECT,
        .outcome = (uint8_t)outcome_of(trouble),
        .host = session->host,
        .source_ip = context->source_names[session->source],
        .session = session->number};

    event_write(context->doors->journal, &event, SLICE(""), SLICE(""));
}

static enum event_outcome
outcome_of_handshake(enum tls_failure failure)
{
    static const uint8_t outcomes[] = {
        [TLS_FINE] = OUTCOME_OK,
        [TLS_FAILED_CUT] = OUTCOME_CUT,
        [TLS_FAILED_ALERT] = OUTCOME_ALERT,
        [TLS_FAILED_EXPIRED] = OUTCOME_EXPIRED,
        [TLS_FAILED_WRONG_NAME] = OUTCOME_WRONG_NAME,
        [TLS_FAILED_SELF_SIGNED] = OUTCOME_SELF_SIGNED,
        [TLS_FAILED_UNKNOWN_CA] = OUTCOME_UNKNOWN_CA,
        [TLS_FAILED_CERTIFICATE] = OUTCOME_BAD_CERTIFICATE,
        [TLS_FAILED_OLD_PROTOCOL] = OUTCOME_OLD_PROTOCOL,
        [TLS_FAILED_NONSENSE] = OUTCOME_NONSENSE,
    };
    static_assert(COUNT_OF(outcomes) == TLS_FAILURES_COUNT, "an outcome for every failure");

    return (enum event_outcome)outcomes[failure];
}

static enum event_outcome
outcome_of_tls(enum smtp_tls_outcome outcome, const struct tls_result *result)
{
    switch (outcome) {
    case SMTP_TLS_OK:
        return OUTCOME_OK;
    case SMTP_TLS_NOT_OFFERED:
        return OUTCOME_NOT_OFFERED;
    case SMTP_TLS_REFUSED:
        return OUTCOME_REFUSED;
    case SMTP_TLS_TIMED_OUT:
        return OUTCOME_TIMED_OUT;
    case SMTP_TLS_FAILED:
        return outcome_of_handshake(result->failure);
    }
    return OUTCOME_NONE;
}

/* Version and cipher of a handshake that went well, the words of a refusal. */
void
site_on_tls(void *arg, enum smtp_tls_outcome outcome, const struct tls_result *result,
    const struct smtp_reply *refusal)
{
    struct session *session = arg;
    struct site_context *context = session->site->context;
    struct journal *journal = context->doors->journal;
    struct event event = {.at_us = loop_now_us(context->doors->loop),
        .kind = EVENT_TLS,
        .stage = STAGE_STARTTLS,
        .outcome = (uint8_t)outcome_of_tls(outcome, result),
        .host = session->host,
        .source_ip = context->source_names[session->source],
        .session = session->number};

    if (refusal != NULL) {
        event.code = refusal->code;
        event.enhanced = enhanced_pack(refusal->enhanced);
        event.text = journal_name(journal, refusal->text);
    } else if (outcome == SMTP_TLS_OK) {
        text_clear(&context->scratch);
        text_printf(&context->scratch, "%s %s%s", result->version, result->cipher,
            result->is_resumed ? " resumed" : "");
        event.text = journal_name(journal, text_slice(&context->scratch));
    }
    event_write(journal, &event, SLICE(""), SLICE(""));
}

/* The whole thought in one line: what changes, why, and when the next look is due. */
void
site_on_change(void *arg, int64_t now_us, const struct controller_change *change)
{
    const struct lane *lane = arg;
    const struct site *site = lane->site;
    struct site_context *context = site->context;
    struct journal *journal = context->doors->journal;
    struct text words = {0};
    struct event event = {.at_us = now_us,
        .kind = EVENT_MX_CHANGED,
        .host = site->route->hosts_count > 0 ? site->route->hosts[0].journal_name : 0};

    if (lane->is_of_source)
        event.source_ip = context->source_names[lane->source];
    text_printf(&words, "%s %.*s%s%.*s, %s", change->what, SLICE_ARGS(change->from),
        change->from.length > 0 ? " -> " : "", SLICE_ARGS(change->to), change->because);
    if (change->next_probe_us > now_us) {
        text_add_string(&words, ", next probe in ");
        unit_format_duration(&words, change->next_probe_us - now_us);
    }
    if (change->evidence != NULL && change->evidence->reply != NULL) {
        const struct smtp_reply *reply = change->evidence->reply;

        event.stage = (uint8_t)change->evidence->stage;
        event.code = reply->code;
        event.enhanced = enhanced_pack(reply->enhanced);
        event.rule = journal_name(journal, change->evidence->type.rule);
        text_printf(&words, ": %.*s", SLICE_ARGS(reply->text));
    }
    if (change->rule.length > 0)
        event.rule = journal_name(journal, change->rule);
    event.text = journal_text(journal, text_slice(&words));
    event_write(journal, &event, SLICE(""), SLICE(""));
    text_release(&words);
}

/* Once a day: what is beyond goes to the others of the pool, if there are any that may. */
void
site_tell_full_day(struct site *site, const struct binding *binding, int64_t now_us)
{
    struct site_context *context = site->context;
    struct journal *journal = context->doors->journal;
    struct warmup_count *warmup = &binding->warmup->count;
    struct text words = {0};
    struct event event = {.at_us = now_us,
        .kind = EVENT_MX_CHANGED,
        .host = site->route->hosts_count > 0 ? site->route->hosts[0].journal_name : 0,
        .source_ip = context->source_names[binding->source]};

    warmup->is_told = true;
    text_printf(&words, "warm-up: day %" PRId64 " is full after %" PRIu64 " messages, the rest %s",
        warmup->day, warmup->sent,
        site_bindings_ready_at_us(site, now_us) <= now_us ? "goes to the others of the pool"
                                                          : "waits");
    event.text = journal_text(journal, text_slice(&words));
    event_write(journal, &event, SLICE(""), SLICE(""));
    text_release(&words);
}
