/* aftermath_letter.c - from facts to the values of a template. */
#include "fakeisp/aftermath_letter.h"

#include "base/unit.h"
#include "smtp/address.h"
#include "smtp/message.h"
#include "smtp/report.h"

/* ---- whom it goes to ---- */

void
returned_letter_from(struct text *out, struct slice header)
{
    struct mail_address address;
    struct text unfolded = {0};
    struct slice value, rest;
    const char *open, *why;

    if (header_find(header, SLICE("From"), &value)) {
        header_unfold(&unfolded, value);
        value = text_slice(&unfolded);
        open = memrchr(value.at, '<', value.length);
        if (open != NULL &&
            !address_parse_path(
                slice_from(value, (size_t)(open - value.at)), &address, &rest, &why))
            value.length = 0;
        else if (open == NULL && !address_parse(slice_trim(value), &address, &why))
            value.length = 0;
        if (value.length > 0)
            address_format(out, &address);
    }
    text_release(&unfolded);
}

/* "b+spring-1z" becomes "b+spring-10": as long, as likely, and not signed by anybody. */
static void
forge(struct text *out, struct slice sender)
{
    static const char signs[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    struct slice local, domain;
    size_t start = out->length;

    slice_cut(sender, '@', &local, &domain);
    text_add_slice(out, sender);
    for (size_t i = start + local.length; i > start; i--) {
        const char *sign = memchr(signs, char_lower(out->bytes[i - 1]), sizeof signs - 1);

        if (sign == NULL)
            continue;
        out->bytes[i - 1] = sign[1] != '\0' ? sign[1] : signs[0];
        return;
    }
}

static struct slice
domain_of(struct slice address)
{
    struct slice local, domain;

    slice_cut(address, '@', &local, &domain);
    return domain;
}

void
returned_letter_address(
    struct text *out, const struct isp_return *what, struct slice sender, struct slice header)
{
    struct text from = {0};

    if (what->kind == RETURN_COMPLAINT || what->path == RETURN_TO_FROM)
        returned_letter_from(&from, header);
    if (what->kind == RETURN_COMPLAINT) {
        if (what->complaint_to.length > 0)
            text_add_slice(out, what->complaint_to);
        else if (from.length > 0)
            text_printf(out, "fbl@%.*s", SLICE_ARGS(domain_of(text_slice(&from))));
        text_release(&from);
        return;
    }
    switch (what->path) {
    case RETURN_TO_SENDER:
        text_add_slice(out, sender);
        break;
    case RETURN_TO_FORGED:
        forge(out, sender);
        break;
    case RETURN_TO_FROM:
        text_add_slice(out, text_slice(&from));
        break;
    case RETURN_TO_STRANGER:
        text_printf(out, "nobody-%08x@%.*s", (unsigned)(slice_hash(sender, 0) & UINT32_MAX),
            SLICE_ARGS(domain_of(sender)));
        break;
    }
    text_release(&from);
}

/* ---- values ---- */

/* What a server says that was told no words. */
static const struct {
    enum bounce_class cause;
    const char *text;
} usual_texts[] = {
    {CLASS_INVALID_RECIPIENT, "no mailbox of that name"        },
    {CLASS_RECIPIENT_REFUSED, "the recipient refuses your mail"},
    {CLASS_DNS_FAILURE,       "domain does not exist"          },
    {CLASS_MAILBOX_FULL,      "mailbox full"                   },
    {CLASS_TOO_LARGE,         "message too large"              },
    {CLASS_TIMEOUT,           "delivery time expired"          },
    {CLASS_MAIL_BLOCK,        "refused by local policy"        },
    {CLASS_SPAM_BLOCK,        "blocked as a source of spam"    },
    {CLASS_SPAM_CONTENT,      "message looks like spam"        },
    {CLASS_RELAYING_DENIED,   "relaying denied"                },
    {CLASS_NONE,              "could not be delivered"         },
};

static const char *
usual_text(enum bounce_class cause)
{
    size_t i = 0;

    while (usual_texts[i].cause != cause && usual_texts[i].cause != CLASS_NONE)
        i++;
    return usual_texts[i].text;
}

static const struct {
    enum bounce_class cause;
    uint32_t condition;
} causes[] = {
    {CLASS_INVALID_RECIPIENT,     IF_UNKNOWN},
    {CLASS_RECIPIENT_REFUSED,     IF_REFUSED},
    {CLASS_SOFT_BOUNCE,           IF_NETWORK},
    {CLASS_DNS_FAILURE,           IF_DOMAIN },
    {CLASS_MAILBOX_FULL,          IF_FULL   },
    {CLASS_TOO_LARGE,             IF_LARGE  },
    {CLASS_TIMEOUT,               IF_EXPIRED},
    {CLASS_MAIL_BLOCK,            IF_BLOCKED},
    {CLASS_SPAM_BLOCK,            IF_BLOCKED},
    {CLASS_SPAM_CONTENT,          IF_CONTENT},
    {CLASS_PROHIBITED_ATTACHMENT, IF_CONTENT},
    {CLASS_RELAYING_DENIED,       IF_RELAY  },
};

static uint32_t
conditions_of(const struct letter_facts *facts)
{
    const struct isp_return *what = facts->what;
    uint32_t conditions = facts->header.length > 0 ? IF_HEADER : 0;

    conditions |= what->action == DSN_DELAYED ? IF_DELAYED
        : what->action == DSN_DELIVERED       ? IF_DELIVERED
                                              : IF_FAILED;
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (causes[i].cause == facts->cause)
            conditions |= causes[i].condition;
    if (conditions & IF_UNKNOWN && what->code.subject == 2)
        conditions ^= IF_UNKNOWN | IF_DISABLED;
    return conditions;
}

struct values { /* and the texts that they point into */
    struct dialect_values values;
    struct arena arena;
};

static void
set(struct values *v, enum dialect_slot slot, struct slice value)
{
    v->values.slots[slot] = value;
}

/* What was written into `text`, which is empty afterwards. */
static void
set_text(struct values *v, enum dialect_slot slot, struct text *text)
{
    set(v, slot,
        (struct slice){arena_copy(&v->arena, text_string(text), text->length), text->length});
    text_clear(text);
}

static void
set_envelope(struct values *v, const struct letter_facts *facts, struct text *text)
{
    struct slice rcpt =
        facts->what->forwarded_to.length > 0 ? facts->what->forwarded_to : facts->rcpt;
    struct slice *slots = v->values.slots;

    set(v, VALUE_TO, facts->to);
    set(v, VALUE_RCPT, rcpt);
    slice_cut(rcpt, '@', &slots[VALUE_RCPT_LOCAL], &slots[VALUE_RCPT_DOMAIN]);
    set(v, VALUE_RCPT_ORIGINAL, facts->rcpt);
    set(v, VALUE_SENDER, facts->sender);
    slice_cut(facts->sender, '@', &slots[VALUE_SENDER_LOCAL], &slots[VALUE_SENDER_DOMAIN]);
    returned_letter_from(text, facts->header);
    set_text(v, VALUE_FROM, text);
    set(v, VALUE_FROM_DOMAIN, domain_of(slots[VALUE_FROM]));
}

/* Without whose mail it was, RFC 6590. */
static void
redact(struct text *out, struct slice header, struct slice rcpt)
{
    while (header.length > 0) {
        if (rcpt.length > 0 && slice_starts_with_nocase(header, rcpt)) {
            text_add_string(out, "redacted");
            header = slice_from(header, rcpt.length);
        } else {
            text_add_char(out, header.at[0]);
            header = slice_from(header, 1);
        }
    }
}

static void
set_header(struct values *v, const struct letter_facts *facts, struct text *text)
{
    struct slice value;

    if (header_find(facts->header, SLICE("Subject"), &value)) {
        header_unfold(text, value);
        set_text(v, VALUE_SUBJECT, text);
    }
    if (header_find(facts->header, SLICE("Message-ID"), &value)) {
        value = slice_trim(value);
        if (value.length > 2 && value.at[0] == '<' && value.at[value.length - 1] == '>')
            value = (struct slice){value.at + 1, value.length - 2};
        set(v, VALUE_MESSAGE_ID, value);
    }
    set(v, VALUE_HEADER, facts->header);
    redact(text, facts->header, facts->rcpt);
    set_text(v, VALUE_HEADER_REDACTED, text);
}

/* The code stands in front of the words, or follows from the status. */
static uint64_t
code_of(const struct letter_facts *facts, struct slice *text)
{
    struct slice word, rest;
    struct enhanced_code enhanced;
    uint64_t code;

    *text = facts->what->diagnostic;
    if (slice_cut(*text, ' ', &word, &rest) && word.length == 3 && slice_to_u64(word, &code)) {
        *text = enhanced_parse(rest, &enhanced, text) ? slice_trim(*text) : rest;
        return code;
    }
    return facts->what->code.class == 4                                         ? 451
        : facts->what->code.class == 2                                          ? 250
        : facts->cause == CLASS_MAILBOX_FULL || facts->cause == CLASS_TOO_LARGE ? 552
        : facts->cause == CLASS_INVALID_RECIPIENT                               ? 550
                                                                                : 554;
}

static void
set_reason(struct values *v, const struct letter_facts *facts, struct text *text)
{
    struct slice said;
    uint64_t code = code_of(facts, &said);

    if (said.length == 0)
        said = slice_of(usual_text(facts->cause));
    enhanced_format(text, facts->what->code);
    set_text(v, VALUE_STATUS, text);
    text_add_u64(text, code);
    set_text(v, VALUE_CODE, text);
    set(v, VALUE_TEXT, said);
    if (facts->what->diagnostic.length > 0)
        text_add_slice(text, facts->what->diagnostic);
    else
        text_printf(text, "%u %.*s %.*s", (unsigned)code, SLICE_ARGS(v->values.slots[VALUE_STATUS]),
            SLICE_ARGS(said));
    set_text(v, VALUE_DIAGNOSTIC, text);
}

static void
set_dates(struct values *v, const struct letter_facts *facts, struct text *text)
{
    int64_t hours = (facts->now_wall_us - facts->accepted_wall_us) / (int64_t)US_PER_HOUR;

    unit_format_rfc5322_date(text, facts->now_wall_us);
    set_text(v, VALUE_DATE, text);
    unit_format_time(text, facts->now_wall_us);
    set_text(v, VALUE_DATE_ISO, text);
    text_printf(text, "%lld", (long long)(facts->now_wall_us / (int64_t)US_PER_S));
    set_text(v, VALUE_DATE_UNIX, text);
    unit_format_rfc5322_date(text, facts->accepted_wall_us);
    set_text(v, VALUE_DATE_ACCEPTED, text);
    unit_format_time(text, facts->accepted_wall_us);
    set_text(v, VALUE_DATE_ACCEPTED_ISO, text);
    text_add_u64(text, hours > 0 ? (uint64_t)hours : 1);
    set_text(v, VALUE_HOURS, text);
}

static void
set_host(struct values *v, const struct letter_facts *facts, struct text *text)
{
    set(v, VALUE_HOST, facts->host->fqdn);
    set(v, VALUE_DOMAIN, facts->isp->domains[0]);
    if (facts->isp->is_by_address)
        set(v, VALUE_DOMAIN, v->values.slots[VALUE_RCPT_DOMAIN]);
    if (facts->host->addresses_count > 0)
        net_address_format(text, &facts->host->addresses[0]);
    set_text(v, VALUE_ADDRESS, text);
    set(v, VALUE_SOURCE, facts->source);
}

/* The header is the sender's to choose, so the boundary must not be met there. */
static void
set_names(struct values *v, const struct letter_facts *facts, struct text *text)
{
    uint64_t id = slice_hash(facts->host->fqdn,
        facts->number ^ (uint64_t)facts->now_wall_us << 20 ^ slice_hash(facts->rcpt, 0));

    text_printf(text, "%016llx", (unsigned long long)id);
    set_text(v, VALUE_ID, text);
    text_printf(text, "%010llX", (unsigned long long)(id * 31 & 0xFFFFFFFFFF));
    set_text(v, VALUE_QUEUE, text);
    text_printf(text, "b%016llx", (unsigned long long)(id ^ UINT64_C(0x5555555555555555)));
    while (text->length < 40 && facts->header.length > 0 &&
        memmem(facts->header.at, facts->header.length, text->bytes, text->length) != NULL)
        text_add_char(text, 'x');
    set_text(v, VALUE_BOUNDARY, text);
}

static void
write_in_dialect(struct text *content, const struct letter_facts *facts)
{
    struct values v = {.values.conditions = conditions_of(facts)};
    struct text text = {0};

    set_envelope(&v, facts, &text);
    set_header(&v, facts, &text);
    set_reason(&v, facts, &text);
    set_dates(&v, facts, &text);
    set_host(&v, facts, &text);
    set_names(&v, facts, &text);
    dialect_render(facts->dialect, &v.values, content);
    text_release(&text);
    arena_release(&v.arena);
}

static void
write_plain_report(struct text *content, const struct letter_facts *facts)
{
    const struct isp_return *what = facts->what;
    bool is_forwarded = what->forwarded_to.length > 0;
    const struct report_recipient recipient = {.original = facts->rcpt,
        .address = is_forwarded ? what->forwarded_to : facts->rcpt,
        .action = what->action,
        .code = what->code,
        .diagnostic = what->diagnostic};
    struct text from = {0}, id = {0};
    struct report_letter letter = {.to = facts->to,
        .host = facts->host->fqdn,
        .wall_us = facts->now_wall_us,
        .recipients = &recipient,
        .recipients_count = 1,
        .returned_header = facts->header};

    text_printf(&from, "mailer-daemon@%.*s", SLICE_ARGS(facts->host->fqdn));
    text_printf(&id, "dsn-%llu-%lld", (unsigned long long)facts->number,
        (long long)(facts->now_wall_us / (int64_t)US_PER_S));
    letter.from = text_slice(&from);
    letter.id = text_slice(&id);
    report_write(content, &letter);
    text_release(&from);
    text_release(&id);
}

void
returned_letter_write(struct text *content, const struct letter_facts *facts)
{
    if (facts->dialect == NULL)
        write_plain_report(content, facts);
    else
        write_in_dialect(content, facts);
}
