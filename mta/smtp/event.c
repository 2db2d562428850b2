/* event.c - entries of the journal, written and read back. */
#include "smtp/event.h"

#include "base/json.h"

static const char *const kind_names[] = {
    [EVENT_SUBMITTED] = "submitted",
    [EVENT_RELAYED] = "relayed",
    [EVENT_CONNECT] = "connect",
    [EVENT_TLS] = "tls",
    [EVENT_ATTEMPT] = "attempt",
    [EVENT_DEFERRED] = "deferred",
    [EVENT_ACCEPTED] = "accepted",
    [EVENT_BOUNCE_SOFT] = "bounce.soft",
    [EVENT_BOUNCE_HARD] = "bounce.hard",
    [EVENT_DELIVERED] = "delivered",
    [EVENT_EXPIRED] = "expired",
    [EVENT_DSN_SENT] = "dsn.sent",
    [EVENT_DSN_RECEIVED] = "dsn.received",
    [EVENT_FBL_RECEIVED] = "fbl.received",
    [EVENT_QUARANTINE] = "quarantine",
    [EVENT_LIMIT_HIT] = "limit.hit",
    [EVENT_MX_CHANGED] = "mx.changed",
    [EVENT_REFUSED] = "refused",
    [EVENT_SESSION] = "session",
    [EVENT_TIMELINE] = "timeline",
    [EVENT_DELIVERY] = "delivery",
    [EVENT_EXCLUDED] = "excluded",
    [EVENT_CANCELLED] = "cancelled",
    [EVENT_RECEIVED] = "received",
    [EVENT_AUTH] = "auth",
    [EVENT_DSN_TROUBLE] = "dsn.trouble",
};
static_assert(COUNT_OF(kind_names) == EVENT_KINDS_COUNT, "every kind has a name");

static const char *const outcome_names[] = {
    [OUTCOME_NONE] = "",
    [OUTCOME_OK] = "ok",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_UNREACHABLE] = "unreachable",
    [OUTCOME_TIMED_OUT] = "timed_out",
    [OUTCOME_RESET] = "reset",
    [OUTCOME_DELIVERED] = "delivered",
    [OUTCOME_DEFERRED] = "deferred",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_OPENED] = "opened",
    [OUTCOME_CLOSED] = "closed",
    [OUTCOME_SET] = "set",
    [OUTCOME_NOT_OFFERED] = "not_offered",
    [OUTCOME_CUT] = "cut",
    [OUTCOME_ALERT] = "alert",
    [OUTCOME_EXPIRED] = "expired",
    [OUTCOME_WRONG_NAME] = "wrong_name",
    [OUTCOME_SELF_SIGNED] = "self_signed",
    [OUTCOME_UNKNOWN_CA] = "unknown_ca",
    [OUTCOME_BAD_CERTIFICATE] = "bad_certificate",
    [OUTCOME_OLD_PROTOCOL] = "old_protocol",
    [OUTCOME_NONSENSE] = "nonsense",
    [OUTCOME_PASS] = "pass",
    [OUTCOME_FAIL] = "fail",
    [OUTCOME_NONE_FOUND] = "none",
    [OUTCOME_POLICY] = "policy",
    [OUTCOME_NEUTRAL] = "neutral",
    [OUTCOME_SOFTFAIL] = "softfail",
    [OUTCOME_TEMPERROR] = "temperror",
    [OUTCOME_PERMERROR] = "permerror",
    [OUTCOME_DUPLICATE] = "duplicate",
    [OUTCOME_UNMATCHED] = "unmatched",
    [OUTCOME_HELD] = "held",
    [OUTCOME_SHUT] = "shut",
    [OUTCOME_ESCALATED] = "escalated",
    [OUTCOME_HARDENED] = "hardened",
};
static_assert(COUNT_OF(outcome_names) == OUTCOMES_COUNT, "every outcome has a name");

static const char *const dsn_kind_names[] = {
    [DSN_NONE] = "none",
    [DSN_FAILED] = "failed",
    [DSN_DELAYED] = "delayed",
    [DSN_DELIVERED] = "delivered",
    [DSN_RELAYED] = "relayed",
    [DSN_EXPANDED] = "expanded",
    [DSN_OTHER] = "other",
    [DSN_AUTO_REPLY] = "auto_reply",
    [DSN_CHALLENGE] = "challenge",
    [DSN_COMPLAINT] = "complaint",
    [DSN_UNSUBSCRIPTION] = "unsubscription",
};
static_assert(COUNT_OF(dsn_kind_names) == DSN_KINDS_COUNT, "every kind of DSN has a name");

const char *
event_kind_name(enum event_kind kind)
{
    assert(kind >= 1);
    assert(kind < EVENT_KINDS_COUNT);
    return kind_names[kind];
}

bool
event_kind_from_name(struct slice name, enum event_kind *kind)
{
    for (size_t i = 1; i < COUNT_OF(kind_names); i++)
        if (slice_equals(name, slice_of(kind_names[i]))) {
            *kind = (enum event_kind)i;
            return true;
        }
    return false;
}

const char *
outcome_name(enum event_outcome outcome)
{
    assert(outcome < OUTCOMES_COUNT);
    return outcome_names[outcome];
}

const char *
dsn_kind_name(enum dsn_kind kind)
{
    assert(kind < DSN_KINDS_COUNT);
    return dsn_kind_names[kind];
}

/* The journal takes an entry in one piece, so the record and its envelope meet in one buffer. */
void
event_write(struct journal *journal, struct event *event, struct slice sender, struct slice rcpt)
{
    char entry[sizeof(*event) + 2 * EVENT_ADDRESS_MAX];
    size_t sender_length = sender.length < EVENT_ADDRESS_MAX ? sender.length : EVENT_ADDRESS_MAX;
    size_t rcpt_length = rcpt.length < EVENT_ADDRESS_MAX ? rcpt.length : EVENT_ADDRESS_MAX;

    assert(event->kind >= 1);
    assert(event->kind < EVENT_KINDS_COUNT);
    event->sender_length = (uint16_t)sender_length;
    event->rcpt_length = (uint16_t)rcpt_length;
    memcpy(entry, event, sizeof(*event));
    if (sender_length > 0)
        memcpy(entry + sizeof(*event), sender.at, sender_length);
    if (rcpt_length > 0)
        memcpy(entry + sizeof(*event) + sender_length, rcpt.at, rcpt_length);
    journal_append(journal, entry, sizeof(*event) + sender_length + rcpt_length);
}

void
event_read(struct slice entry, struct event *event, struct slice *sender, struct slice *rcpt)
{
    assert(entry.length >= sizeof(*event));
    memcpy(event, entry.at, sizeof(*event));
    assert(entry.length == sizeof(*event) + event->sender_length + event->rcpt_length);
    *sender = (struct slice){entry.at + sizeof(*event), event->sender_length};
    *rcpt = (struct slice){sender->at + sender->length, event->rcpt_length};
}

static void
add_name(struct json *json, const char *key, const struct journal *journal, uint32_t name)
{
    json_text_if_any(json, key, journal_name_text(journal, name));
}

static void
add_number(struct json *json, const char *key, int64_t value)
{
    if (value == 0)
        return;
    json_key(json, key);
    json_int(json, value);
}

static void
add_reply(struct json *json, const struct journal *journal, const struct event *event)
{
    struct text enhanced = {0};

    enhanced_format(&enhanced, enhanced_unpack(event->enhanced));
    json_text_if_any(json, "stage", slice_of(stage_name(event->stage)));
    add_number(json, "code", event->code);
    json_text_if_any(json, "enhanced", text_slice(&enhanced));
    add_name(json, "text", journal, event->text);
    text_release(&enhanced);
}

/* Here "none" is said, not left out: having a verdict that knows no type is not having none. */
static void
add_verdict(struct json *json, const struct event *event)
{
    if (!event->has_verdict)
        return;
    json_key(json, "class");
    json_int(json, event->class);
    json_key(json, "reason");
    json_text(json, slice_of(reason_id(event->reason)));
    json_key(json, "type");
    json_text(json, slice_of(type_id(event->type)));
}

void
event_to_json(struct text *out, const struct journal *journal, struct slice entry)
{
    struct json json = json_begin(out, 0);
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    json_open(&json, '{');
    json_key(&json, "at_us");
    json_int(&json, event.at_us);
    json_key(&json, "event");
    json_text(&json, slice_of(event_kind_name(event.kind)));
    add_name(&json, "delivery", journal, event.delivery);
    if (event.delivery != 0 && rcpt.length > 0) { /* else it speaks of the delivery as a whole */
        json_key(&json, "row");
        json_int(&json, event.row);
    }
    json_text_if_any(&json, "sender", sender);
    json_text_if_any(&json, "rcpt", rcpt);
    add_name(&json, "isp", journal, event.isp);
    add_name(&json, "host", journal, event.host);
    add_name(&json, "source_ip", journal, event.source_ip);
    add_number(&json, "session", event.session);
    add_number(&json, "attempt", event.attempt);
    add_reply(&json, journal, &event);
    add_verdict(&json, &event);
    if (event.dsn_kind != DSN_NONE)
        json_text_if_any(&json, "kind", slice_of(dsn_kind_name(event.dsn_kind)));
    json_text_if_any(&json, "outcome", slice_of(outcome_name(event.outcome)));
    add_name(&json, "rule", journal, event.rule);
    add_name(&json, "limit", journal, event.limit);
    json_close(&json, '}');
}
