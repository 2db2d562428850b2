/* momentum_log.c - lines as Momentum's logs have them: a row per line of a log, in words. */
#include "mta/momentum_log.h"

#include "base/unit.h"

enum field {
    END,
    TIME,
    MESSAGE_ID,
    BATCH_ID,
    CONN_ID,
    TYPE,
    RCPT_LOCAL,
    RCPT_DOMAIN,
    FROM_LOCAL,
    FROM_DOMAIN,
    PEER_IP,
    SIZE,
    BYTES_SENT,
    PROTOCOL,
    BINDING_GROUP,
    BINDING,
    STAGE,
    CLASS,
    RETRIES,
    QUEUE_TIME,
    REMOTE,
    REPLY,
    FEEDBACK_TYPE,
    REPORT_DOMAIN,
    NOTHING,
};

enum { FIELDS_MAX = 18 };

struct layout {
    const char *types;
    enum field fields[FIELDS_MAX];
};

/* clang-format off */
static const struct layout main_log[] = {
    {"R", {TIME, MESSAGE_ID, BATCH_ID, CONN_ID, TYPE, RCPT_LOCAL, RCPT_DOMAIN, FROM_LOCAL,
           FROM_DOMAIN, PEER_IP, SIZE, PROTOCOL, BINDING_GROUP, BINDING}},
    {"D", {TIME, MESSAGE_ID, BATCH_ID, CONN_ID, TYPE, RCPT_DOMAIN, SIZE, BINDING_GROUP, BINDING,
           RETRIES, QUEUE_TIME, REMOTE}},
    {"TP", {TIME, MESSAGE_ID, BATCH_ID, CONN_ID, TYPE, RCPT_DOMAIN, BYTES_SENT, BINDING_GROUP,
            BINDING, STAGE, RETRIES, QUEUE_TIME, REMOTE, REPLY}},
    {"M", {TIME, NOTHING, NOTHING, NOTHING, TYPE}},
    {0},
};

static const struct layout bounce_log[] = {
    {"BT", {TIME, MESSAGE_ID, BATCH_ID, CONN_ID, TYPE, RCPT_LOCAL, RCPT_DOMAIN, FROM_LOCAL,
            FROM_DOMAIN, BINDING_GROUP, BINDING, STAGE, CLASS, SIZE, REMOTE, REPLY}},
    {"M", {TIME, NOTHING, NOTHING, NOTHING, TYPE}},
    {0},
};

static const struct layout complaint_log[] = {
    {"F", {TIME, MESSAGE_ID, TYPE, RCPT_LOCAL, RCPT_DOMAIN, BINDING, BINDING_GROUP, FEEDBACK_TYPE,
           REPORT_DOMAIN, REPLY}},
    {0},
};
/* clang-format on */

enum { OUT_OF_BAND = 21 };

/* Our stages are named after what was said, Momentum's after what is being done. */
static const uint8_t stages[] = {
    [STAGE_NONE] = 22,
    [STAGE_CONNECT] = 0,
    [STAGE_BANNER] = 12,
    [STAGE_EHLO] = 11,
    [STAGE_STARTTLS] = 16,
    [STAGE_AUTH] = 22,
    [STAGE_MAIL] = 3,
    [STAGE_RCPT] = 5,
    [STAGE_DATA] = 7,
    [STAGE_BODY] = 8,
    [STAGE_DOT] = 9,
    [STAGE_RSET] = 14,
    [STAGE_QUIT] = 1,
    [STAGE_OUT_OF_BAND] = OUT_OF_BAND,
};
static_assert(COUNT_OF(stages) == STAGES_COUNT, "a number per stage");

static void
add_escaped(struct text *out, struct slice text, bool is_free_text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (c < ' ' || c == 0x7f || c == '\\' || (c == '@' && !is_free_text))
            text_printf(out, "\\x%02X", c);
        else
            text_add_char(out, (char)c);
    }
}

/* The domain is behind the last '@': a quoted local part may hold one too. */
static void
add_part(struct text *out, struct slice address, bool wants_domain)
{
    size_t at = address.length;

    while (at > 0 && address.at[at - 1] != '@')
        at--;
    if (wants_domain)
        add_escaped(out, slice_from(address, at), false);
    else if (at > 0)
        add_escaped(out, (struct slice){address.at, at - 1}, false);
}

static void
add_field(struct text *out, const struct momentum_record *r, enum field field)
{
    bool has_body = r->stage == STAGE_BODY || r->stage == STAGE_DOT;

    switch (field) {
    case TIME:
        text_add_u64(out, (uint64_t)(r->wall_us / US_PER_S));
        return;
    case MESSAGE_ID:
    case BATCH_ID: /* a message is a batch of its own */
        add_escaped(out, r->message_id, false);
        return;
    case CONN_ID:
        add_escaped(out, r->connection_id, false);
        return;
    case TYPE:
        text_add_char(out, r->type);
        return;
    case RCPT_LOCAL:
        add_part(out, r->rcpt, false);
        return;
    case RCPT_DOMAIN:
        add_part(out, r->rcpt, true);
        return;
    case FROM_LOCAL:
        add_part(out, r->sender, false);
        return;
    case FROM_DOMAIN:
        add_part(out, r->sender, true);
        return;
    case SIZE:
        text_add_u64(out, r->size);
        return;
    case BYTES_SENT:
        text_add_u64(out, has_body ? r->size : 0);
        return;
    case PROTOCOL:
        text_add_string(out, "esmtp");
        return;
    case BINDING_GROUP:
        text_add_string(out, "default");
        return;
    case BINDING:
        add_escaped(out, r->binding, false);
        return;
    case STAGE:
        text_add_u64(out, r->is_expired ? OUT_OF_BAND : stages[r->stage]);
        return;
    case CLASS:
        text_add_u64(out, r->class);
        return;
    case RETRIES:
        text_add_u64(out, r->retries);
        return;
    case QUEUE_TIME:
        unit_format_decimal(out, ratio_of(r->queue_us, US_PER_S), 3);
        return;
    case PEER_IP:
    case REMOTE:
        add_escaped(out, r->remote, false);
        return;
    case REPLY:
        add_escaped(out, r->reply, true); /* the last of its line */
        return;
    case FEEDBACK_TYPE:
        add_escaped(out, r->feedback_type, false);
        return;
    case REPORT_DOMAIN: /* that the report was sent to */
        add_part(out, r->sender, true);
        return;
    case NOTHING:
    case END:
        return;
    }
}

static bool
add_line(struct text *out, const struct layout *layouts, const struct momentum_record *record)
{
    for (; layouts->types != NULL; layouts++) {
        if (strchr(layouts->types, record->type) == NULL)
            continue;
        for (size_t i = 0; i < FIELDS_MAX && layouts->fields[i] != END; i++) {
            if (i > 0)
                text_add_char(out, '@');
            add_field(out, record, layouts->fields[i]);
        }
        text_add_char(out, '\n');
        return true;
    }
    return false;
}

bool
momentum_main_line(struct text *out, const struct momentum_record *record)
{
    return add_line(out, main_log, record);
}

bool
momentum_bounce_line(struct text *out, const struct momentum_record *record)
{
    return add_line(out, bounce_log, record);
}

bool
momentum_complaint_line(struct text *out, const struct momentum_record *record)
{
    return add_line(out, complaint_log, record);
}
