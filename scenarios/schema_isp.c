/* schema_isp.c - the keys of a mailbox provider. */
#include "fakeisp/isp.h"
#include "scenarios/schema.h"

static const struct word host_faults[] = {
    {"none",   NET_FAULT_NONE,   NULL},
    {"refuse", NET_FAULT_REFUSE, NULL},
    {"silent", NET_FAULT_SILENT, NULL},
    {"reset",  NET_FAULT_RESET,  NULL},
    {NULL,     0,                NULL},
};

static const struct word tls_offers[] = {
    {"none",     false, NULL},
    {"starttls", true,  NULL},
    {NULL,       0,     NULL},
};

static const struct word certificates[] = {
    {"good",        CERTIFICATE_GOOD,        NULL},
    {"expired",     CERTIFICATE_EXPIRED,     NULL},
    {"wrong_name",  CERTIFICATE_WRONG_NAME,  NULL},
    {"self_signed", CERTIFICATE_SELF_SIGNED, NULL},
    {"unknown_ca",  CERTIFICATE_UNKNOWN_CA,  NULL},
    {NULL,          0,                       NULL},
};

static const struct word tls_faults[] = {
    {"none",         ISP_TLS_FINE,    NULL},
    {"refuse_454",   ISP_TLS_REFUSES, NULL},
    {"cut",          ISP_TLS_CUTS,    NULL},
    {"old_protocol", ISP_TLS_IS_OLD,  NULL},
    {NULL,           0,               NULL},
};

/* clang-format off */
static const struct schema_key schema_host_tls[] = {
    {"offer", SCHEMA_WORD, .initial = "none", .words = tls_offers,
        .doc = "Whether its EHLO offers STARTTLS."},
    {"certificate", SCHEMA_WORD, .initial = "good", .words = certificates,
        .doc = "What it shows; only who verifies minds."},
    {"fault", SCHEMA_WORD, .initial = "none", .words = tls_faults,
        .doc = "What comes of STARTTLS: a 454, a cut within the handshake, TLS 1.1 at most."},
    {0},
};
/* clang-format on */

static const struct word mutations[] = {
    {"refold_subject",   MUTATION_REFOLD_SUBJECT,   NULL},
    {"tag_subject",      MUTATION_TAG_SUBJECT,      NULL},
    {"append_footer",    MUTATION_APPEND_FOOTER,    NULL},
    {"add_blanks",       MUTATION_ADD_BLANKS,       NULL},
    {"strip_signatures", MUTATION_STRIP_SIGNATURES, NULL},
    {NULL,               0,                         NULL},
};

/* clang-format off */
static const struct schema_key schema_host[] = {
    {"mutate", SCHEMA_WORD, KEY_ONE_OR_LIST, .words = mutations,
        .doc = "What a gateway in front of it does to content before it is verified: refold_subject, "
               "tag_subject, append_footer, add_blanks, strip_signatures."},
    {"rtt", SCHEMA_DURATION, .initial = "20ms", .max = "1h", .doc = "Round-trip time to it."},
    {"tls", SCHEMA_MAP, .nested = schema_host_tls,
        .doc = "What it offers, and its certificate."},
    {"fault", SCHEMA_WORD, .initial = "none", .words = host_faults,
        .doc = "What is wrong with it from the start."},
    {"tells_limits", SCHEMA_YES_NO, .initial = "no",
        .doc = "Its EHLO says LIMITS (RFC 9422): messages per connection, recipients and domains per "
               "transaction, as they are enforced."},
    {0},
};
/* clang-format on */

static const struct word stages[] = {
    {"connect",  STAGE_CONNECT,  NULL},
    {"banner",   STAGE_BANNER,   NULL},
    {"ehlo",     STAGE_EHLO,     NULL},
    {"starttls", STAGE_STARTTLS, NULL},
    {"auth",     STAGE_AUTH,     NULL},
    {"mail",     STAGE_MAIL,     NULL},
    {"rcpt",     STAGE_RCPT,     NULL},
    {"data",     STAGE_DATA,     NULL},
    {"body",     STAGE_BODY,     NULL},
    {"dot",      STAGE_DOT,      NULL},
    {"rset",     STAGE_RSET,     NULL},
    {"quit",     STAGE_QUIT,     NULL},
    {NULL,       0,              NULL},
};

/* What fakeisp/auth.h knows; its words have their meaning there (auth_word_bits). */
static const struct word dkim_results[] = {
    {"none",          0, NULL},
    {"pass",          0, NULL},
    {"fail",          0, NULL},
    {"policy",        0, NULL},
    {"temperror",     0, NULL},
    {"permerror",     0, NULL},
    {"body_changed",  0, NULL},
    {"bad_signature", 0, NULL},
    {"no_key",        0, NULL},
    {"revoked",       0, NULL},
    {"malformed",     0, NULL},
    {"dns_failed",    0, NULL},
    {"expired",       0, NULL},
    {"short_key",     0, NULL},
    {"length_tag",    0, NULL},
    {"old_digest",    0, NULL},
    {NULL,            0, NULL},
};

static const struct word spf_results[] = {
    {"none",      0, NULL},
    {"pass",      0, NULL},
    {"neutral",   0, NULL},
    {"softfail",  0, NULL},
    {"fail",      0, NULL},
    {"temperror", 0, NULL},
    {"permerror", 0, NULL},
    {NULL,        0, NULL},
};

static const struct word dmarc_results[] = {
    {"none",       0, NULL},
    {"pass",       0, NULL},
    {"fail",       0, NULL},
    {"temperror",  0, NULL},
    {"permerror",  0, NULL},
    {"unaligned",  0, NULL},
    {"quarantine", 0, NULL},
    {"reject",     0, NULL},
    {"dns_failed", 0, NULL},
    {"malformed",  0, NULL},
    {NULL,         0, NULL},
};

/* clang-format off */
static const struct schema_key schema_wanted[] = {
    {"dkim", SCHEMA_WORD, KEY_ONE_OR_LIST, .words = dkim_results,
        .doc = "fail is body_changed or bad_signature; policy is expired, short_key, length_tag "
               "or old_digest; "
               "permerror is no_key, revoked or malformed; temperror is dns_failed."},
    {"spf", SCHEMA_WORD, KEY_ONE_OR_LIST, .words = spf_results, .doc = "The result of RFC 7208."},
    {"dmarc", SCHEMA_WORD, KEY_ONE_OR_LIST, .words = dmarc_results,
        .doc = "fail is unaligned (p=none), quarantine or reject, as the policy of From's domain "
               "wants it."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_auth[] = {
    {"check", SCHEMA_YES_NO, .initial = "yes",
        .doc = "Whether DKIM, SPF and DMARC are verified, even if no rule and no limit asks."},
    {"key_bits_min", SCHEMA_COUNT, .initial = "1024", .min = "512", .max = "16384",
        .doc = "RSA keys of fewer bits are not good enough: policy, short_key."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_rule[] = {
    {"id", SCHEMA_ID, .doc = "What reports and time lines call it. Default: rule-1, rule-2, …"},
    {"stage", SCHEMA_WORD, .initial = "rcpt", .words = stages,
        .doc = "Where in a session it is asked."},
    {"to", SCHEMA_GLOB, .doc = "Recipient; a pattern without @ is for the local part."},
    {"from", SCHEMA_GLOB, .doc = "Envelope sender; a pattern without @ is for the local part."},
    {"header", SCHEMA_GLOB, .doc = "\"Name: pattern\", at the stages body and dot."},
    {"auth", SCHEMA_MAP, .nested = schema_wanted,
        .doc = "Where the message comes from, at the stage dot: {dkim: [fail, none], dmarc: fail}; "
               "all that are given must be so."},
    {"attempt", SCHEMA_COUNT_RANGE,
        .doc = "How often the provider has seen this recipient, this time included."},
    {"while", SCHEMA_EXPRESSION,
        .doc = "Comparisons of age(first_attempt) and attempt, joined by and."},
    {"share", SCHEMA_PERCENT, .initial = "100%", .max = "100%",
        .doc = "For so many of the recipients, drawn once for each."},
    {"times", SCHEMA_COUNT, .min = "1", .doc = "It answers so often and no more."},
    {"reply", SCHEMA_REPLY, .doc = "What it says; may be a 250."},
    {"delay", SCHEMA_DURATION, .max = "1d", .doc = "It waits so long first."},
    {"drip", SCHEMA_DURATION, .max = "1h", .doc = "One byte of the reply per so long: a tar pit."},
    {"close", SCHEMA_YES_NO, .initial = "no",
        .doc = "The connection is closed, after the reply if any."},
    {"reset", SCHEMA_YES_NO, .initial = "no", .doc = "The connection is reset."},
    {"silent", SCHEMA_YES_NO, .initial = "no", .doc = "No reply, ever."},
    {"cause", SCHEMA_COUNT, .min = "1", .max = "100",
        .doc = "The true bounce class of what it refuses. Default: 50 with auth, or what the "
               "enhanced status of the reply means (RFC 3463)."},
    {0},
};
/* clang-format on */

static const struct word grey_keys[] = {
    {"ip",    GREY_IP,    NULL},
    {"ip/24", GREY_IP_24, NULL},
    {"from",  GREY_FROM,  NULL},
    {"to",    GREY_TO,    NULL},
    {NULL,    0,          NULL},
};

/* clang-format off */
static const struct schema_key schema_greylist[] = {
    {"key", SCHEMA_WORD, KEY_LIST, .words = grey_keys,
        .doc = "What makes a sender new. Default: [ip, from, to]."},
    {"delay", SCHEMA_DURATION, .initial = "5m", .min = "1ms", .max = "365d",
        .doc = "Who is known for less than this is told to come back."},
    {"reply", SCHEMA_REPLY, .initial = "451 4.7.1 greylisted, try again later", .doc = "And how."},
    {"forget", SCHEMA_DURATION, .initial = "35d", .min = "1ms", .max = "3660d",
        .doc = "Who has not been seen for so long is new again."},
    {0},
};
/* clang-format on */

static const struct word truths[] = {
    {"unknown",  MAILBOX_UNKNOWN,  NULL},
    {"full",     MAILBOX_FULL,     NULL},
    {"disabled", MAILBOX_DISABLED, NULL},
    {"trap",     MAILBOX_TRAP,     NULL},
    {NULL,       0,                NULL},
};

/* clang-format off */
static const struct schema_key schema_mailbox[] = {
    {"id", SCHEMA_ID, .doc = "What time lines call it. Default: mailbox-1, mailbox-2, …"},
    {"to", SCHEMA_GLOB, KEY_REQUIRED, .doc = "Which; a pattern without @ is for the local part."},
    {"is", SCHEMA_WORD, KEY_REQUIRED, .words = truths,
        .doc = "unknown (550 5.1.1), full (452 4.2.2), disabled (550 5.2.1) or trap (250)."},
    {"share", SCHEMA_PERCENT, .initial = "100%", .max = "100%", .doc = "So many of them, drawn."},
    {"for", SCHEMA_DURATION, .min = "1ms", .max = "3660d",
        .doc = "From the start of the run; afterwards the mailbox is good."},
    {"reply", SCHEMA_REPLY, .doc = "Instead of the usual one."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_ehlo[] = {
    {"supported", SCHEMA_YES_NO, .initial = "yes", .doc = "no: only HELO is understood."},
    {"pipelining", SCHEMA_YES_NO, .initial = "yes", .doc = "Whether PIPELINING is offered."},
    {"8bitmime", SCHEMA_YES_NO, .initial = "yes", .doc = "Whether 8BITMIME is offered."},
    {0},
};
/* clang-format on */

static const struct word report_actions[] = {
    {"failed",    DSN_FAILED,    NULL},
    {"delayed",   DSN_DELAYED,   NULL},
    {"delivered", DSN_DELIVERED, NULL},
    {NULL,        0,             NULL},
};

static const struct word return_paths[] = {
    {"return_path", RETURN_TO_SENDER,   NULL},
    {"forged",      RETURN_TO_FORGED,   NULL},
    {"from",        RETURN_TO_FROM,     NULL},
    {"stranger",    RETURN_TO_STRANGER, NULL},
    {NULL,          0,                  NULL},
};

/* clang-format off */
static const struct schema_key schema_dsn[] = {
    {"after", SCHEMA_DURATION_RANGE, .initial = "10m", .max = "365d",
        .doc = "From the 250 to the report; of a range, drawn for each recipient."},
    {"status", SCHEMA_TEXT, .initial = "5.1.1", .doc = "The enhanced status code in it."},
    {"action", SCHEMA_WORD, .words = report_actions,
        .doc = "Default: what the status says: 5 failed, 4 delayed, 2 delivered."},
    {"text", SCHEMA_TEXT, .doc = "Diagnostic-Code, as a server would have said it."},
    {"style", SCHEMA_TEXT, .initial = "rfc3464",
        .doc = "Its dialect: one of fakeisp/dialects/bounce, such as qmail, exim or microsoft-365; "
               "any: drawn for each recipient among those that know the action."},
    {"template", SCHEMA_FILENAME,
        .doc = "Instead of a style, a file of your own; fakeisp/dialect.h says what it may have."},
    {"cause", SCHEMA_COUNT, .min = "1", .max = "100",
        .doc = "The true bounce class. Default: what the status means (RFC 3463); of a delay 70."},
    {"delays", SCHEMA_DURATION, KEY_ONE_OR_LIST, .min = "1s", .max = "365d",
        .doc = "Before it, reports that it is delayed, so long after the 250, in the same dialect "
               "if that has such, with the status as a transient one."},
    {"forwarded_to", SCHEMA_MAILBOX,
        .doc = "It names this address, where the mail went on to, instead of the recipient."},
    {"return_to", SCHEMA_WORD, .initial = "return_path", .words = return_paths,
        .doc = "Where it goes: the return_path of the message, a forged one that looks like it, "
               "the address in its From, or a stranger at the domain of the return path."},
    {"copies", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "10",
        .doc = "The same letter comes so often."},
    {"apart", SCHEMA_DURATION, .initial = "1m", .max = "30d", .doc = "Time between copies."},
    {0},
};

static const struct schema_key schema_auto_reply[] = {
    {"after", SCHEMA_DURATION_RANGE, .initial = "1m", .max = "365d",
        .doc = "From the 250 to the answer; of a range, drawn for each recipient."},
    {"style", SCHEMA_TEXT, .initial = "english",
        .doc = "One of fakeisp/dialects/auto_reply, such as german, vacation, unmarked or challenge; "
               "any: drawn for each recipient among the automatic replies."},
    {"template", SCHEMA_FILENAME,
        .doc = "Instead of a style, a file of your own; fakeisp/dialect.h says what it may have."},
    {"return_to", SCHEMA_WORD, .initial = "return_path", .words = return_paths,
        .doc = "Where it goes: the return_path of the message, a forged one that looks like it, "
               "the address in its From, or a stranger at the domain of the return path."},
    {"copies", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "10",
        .doc = "The same letter comes so often."},
    {"apart", SCHEMA_DURATION, .initial = "1m", .max = "30d", .doc = "Time between copies."},
    {0},
};

static const struct schema_key schema_complaint[] = {
    {"after", SCHEMA_DURATION_RANGE, .initial = "1h", .max = "365d",
        .doc = "From the 250 to the complaint; of a range, drawn for each recipient."},
    {"style", SCHEMA_TEXT, .initial = "arf",
        .doc = "One of fakeisp/dialects/complaint: arf, arf-message, redacted, jmrp, not-spam; any: "
               "drawn for each recipient among the complaints."},
    {"template", SCHEMA_FILENAME,
        .doc = "Instead of a style, a file of your own; fakeisp/dialect.h says what it may have."},
    {"to", SCHEMA_MAILBOX,
        .doc = "The sender's address for them. Default: fbl@ the domain of the message's From."},
    {"copies", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "10",
        .doc = "The same letter comes so often."},
    {"apart", SCHEMA_DURATION, .initial = "1m", .max = "30d", .doc = "Time between copies."},
    {0},
};

static const struct schema_key schema_return[] = {
    {"to", SCHEMA_GLOB, .doc = "Recipient; a pattern without @ is for the local part."},
    {"share", SCHEMA_PERCENT, .initial = "100%", .max = "100%",
        .doc = "For so many of the recipients, drawn once for each."},
    {"dsn", SCHEMA_MAP, .nested = schema_dsn, .doc = "A report of delivery."},
    {"complaint", SCHEMA_MAP, .nested = schema_complaint,
        .doc = "A report of abuse, to the sender's feedback loop."},
    {"auto_reply", SCHEMA_MAP, .nested = schema_auto_reply,
        .doc = "An answer by a machine, or the demand to prove that one is a person."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_isp[] = {
    {"serves", SCHEMA_DOMAIN, KEY_REQUIRED | KEY_ONE_OR_LIST, .doc = "Its domains, at least one."},
    {"hosts", SCHEMA_MAP, KEY_NAMED, .nested = schema_host,
        .doc = "Its mail exchangers, in the order of preference. Default: one, mx1."},
    {"limits", SCHEMA_MAP, KEY_LIST, .nested = schema_limit,
        .doc = "Limits that senders cannot see."},
    {"reputation", SCHEMA_MAP, .nested = schema_reputation,
        .doc = "A score of senders that moves over days, and what it comes to."},
    {"warming", SCHEMA_MAP, .nested = schema_warming,
        .doc = "What a new sender may send, and how that grows from day to day."},
    {"rules", SCHEMA_MAP, KEY_LIST, .nested = schema_rule, .doc = "Opinions; first match wins."},
    {"auth", SCHEMA_MAP, .nested = schema_auth,
        .doc = "How it verifies DKIM, SPF and DMARC, by the TXT records of `dns`."},
    {"greylist", SCHEMA_MAP, .nested = schema_greylist, .doc = "Who is new must come back later."},
    {"mailboxes", SCHEMA_MAP, KEY_LIST, .nested = schema_mailbox,
        .doc = "The hidden truth about recipients; those not named are good."},
    {"after_accept", SCHEMA_MAP, KEY_LIST, .nested = schema_return,
        .doc = "What comes back after a 250; every entry speaks for itself."},
    {"size_max", SCHEMA_SIZE, .initial = "50MiB", .min = "1", .max = "1GiB",
        .doc = "The SIZE it offers and enforces."},
    {"recipients_max", SCHEMA_COUNT, .initial = "1000", .min = "1", .max = "1000000",
        .doc = "Recipients per transaction; 452 4.5.3 beyond."},
    {"ehlo", SCHEMA_MAP, .nested = schema_ehlo, .doc = "What its EHLO lacks."},
    {"timeline", SCHEMA_MAP, KEY_LIST, .nested = schema_timeline,
        .doc = "What changes here; paths are relative: limits.ID.max, hosts.mx1.rtt."},
    {0},
};
/* clang-format on */
