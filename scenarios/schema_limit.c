/* schema_limit.c - the keys of a provider's limits. */
#include "fakeisp/isp.h"
#include "scenarios/schema.h"

static const struct word limit_counts[] = {
    {"connections_open",           LIMIT_CONNECTIONS_OPEN,           NULL},
    {"connections",                LIMIT_CONNECTIONS,                NULL},
    {"messages",                   LIMIT_MESSAGES,                   NULL},
    {"recipients",                 LIMIT_RECIPIENTS,                 NULL},
    {"bytes",                      LIMIT_BYTES,                      NULL},
    {"unknown_users",              LIMIT_UNKNOWN_USERS,              NULL},
    {"complaints",                 LIMIT_COMPLAINTS,                 NULL},
    {"messages_per_connection",    LIMIT_MESSAGES_PER_CONNECTION,    NULL},
    {"recipients_per_transaction", LIMIT_RECIPIENTS_PER_TRANSACTION, NULL},
    {"domains_per_transaction",    LIMIT_DOMAINS_PER_TRANSACTION,    NULL},
    {NULL,                         0,                                NULL},
};

static const struct word limit_keys[] = {
    {"source_ip",     LIMIT_PER_SOURCE_IP,     NULL},
    {"ip/24",         LIMIT_PER_IP_24,         NULL},
    {"sender_domain", LIMIT_PER_SENDER_DOMAIN, NULL},
    {"dkim_domain",   LIMIT_PER_DKIM_DOMAIN,   NULL},
    {"host",          LIMIT_PER_HOST,          NULL},
    {"site",          LIMIT_PER_SITE,          NULL},
    {NULL,            0,                       NULL},
};

static const struct word limit_thens[] = {
    {"keep",   THEN_KEEP,   NULL},
    {"close",  THEN_CLOSE,  NULL},
    {"drop",   THEN_DROP,   NULL},
    {"reset",  THEN_RESET,  NULL},
    {"silent", THEN_SILENT, NULL},
    {NULL,     0,           NULL},
};

static const struct word limit_stages[] = {
    {"connect", STAGE_CONNECT, NULL},
    {"banner",  STAGE_BANNER,  NULL},
    {"ehlo",    STAGE_EHLO,    NULL},
    {"mail",    STAGE_MAIL,    NULL},
    {"rcpt",    STAGE_RCPT,    NULL},
    {"data",    STAGE_DATA,    NULL},
    {"dot",     STAGE_DOT,     NULL},
    {NULL,      0,             NULL},
};

static const struct word windows[] = {
    {"sliding", WINDOW_SLIDING, NULL},
    {"fixed",   WINDOW_FIXED,   NULL},
    {"bucket",  WINDOW_BUCKET,  NULL},
    {"clock",   WINDOW_CLOCK,   NULL},
    {"first",   WINDOW_FIRST,   NULL},
    {NULL,      0,              NULL},
};

/* clang-format off */
static const struct schema_key schema_rung[] = {
    {"id", SCHEMA_ID, .doc = "The rule that limit.hit names. Default: rung-1, rung-2, …"},
    {"after", SCHEMA_COUNT, KEY_REQUIRED, .min = "1", .max = "100000",
        .doc = "So many refusals on the rung below bring this one, …"},
    {"within", SCHEMA_DURATION, .initial = "1h", .min = "1ms", .max = "365d",
        .doc = "… if they come within so long."},
    {"reply", SCHEMA_REPLY, .doc = "What it says. Default: as the rung below."},
    {"then", SCHEMA_WORD, .words = limit_thens,
        .doc = "The session after that. Default: as the rung below."},
    {"stage", SCHEMA_WORD, .words = limit_stages,
        .doc = "The first at which it answers. Default: as the rung below."},
    {"hold", SCHEMA_DURATION, .max = "365d",
        .doc = "The door is shut so long at once. Default: as the rung below."},
    {"max", SCHEMA_PERCENT, .initial = "100%", .max = "100%",
        .doc = "So much of the limit is left on this rung."},
    {"cause", SCHEMA_COUNT, .min = "1", .max = "100",
        .doc = "The true bounce class of its refusals. Default: 70, or 20 if it says 5xx."},
    {0},
};

static const struct schema_key schema_penalty[] = {
    {"hold", SCHEMA_DURATION, .min = "1ms", .max = "365d",
        .doc = "How long the door stays shut. Default: it does not, below the first rung."},
    {"factor", SCHEMA_NUMBER, .initial = "1", .min = "1", .max = "1000",
        .doc = "The time is multiplied by it for each try meanwhile."},
    {"max", SCHEMA_DURATION, .max = "365d",
        .doc = "It never stays shut longer. Default: 1d, or hold."},
    {"rungs", SCHEMA_MAP, KEY_LIST, .nested = schema_rung,
        .doc = "What becomes of who keeps knocking: each is worse than the one before."},
    {"decay", SCHEMA_DURATION, .initial = "1d", .max = "365d",
        .doc = "A rung down for each such time without a refusal, from the end of the hold; 0s: never."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_limit[] = {
    {"id", SCHEMA_ID, .doc = "What reports and time lines call it. Default: what it counts."},
    {"count", SCHEMA_WORD, KEY_REQUIRED, .words = limit_counts, .doc = "What is counted."},
    {"per", SCHEMA_WORD, KEY_ONE_OR_LIST, .initial = "source_ip", .words = limit_keys,
        .doc = "What has a counter of its own."},
    {"max", SCHEMA_LIMIT, KEY_REQUIRED,
        .doc = "A count in the window, or a rate, which alone means its own sliding window: 500/h an "
               "hour, 600/min a minute. For unknown_users and complaints also a share of recipients."},
    {"at_least", SCHEMA_COUNT, .initial = "100", .min = "1", .max = "1000000000",
        .doc = "A share is judged from so many recipients in the window on."},
    {"window", SCHEMA_WINDOW, .words = windows, .doc = "sliding D, bucket D, fixed D (in a row from the start of the run), clock D (whole "
               "hours or days of the clock, UTC) or first D (from the first that counts)."},
    {"burst", SCHEMA_COUNT, .min = "1",
        .doc = "How much a full bucket holds; it drips in at the rate. Default: max."},
    {"stage", SCHEMA_WORD, .words = limit_stages,
        .doc = "The first at which it answers. Default: where it counts, connections at connect, "
               "messages at mail, recipients at rcpt, bytes at dot."},
    {"over", SCHEMA_REPLY,
        .doc = "The reply over the limit. Default: 421 4.7.0 and what was counted."},
    {"then", SCHEMA_WORD, .initial = "keep", .words = limit_thens,
        .doc = "The session after that reply. Without a reply: drop closes, reset resets it, silent "
               "never answers."},
    {"reputation", SCHEMA_YES_NO, .initial = "yes",
        .doc = "Whether the sender's reputation scales it."},
    {"penalty", SCHEMA_MAP, .nested = schema_penalty,
        .doc = "The door stays shut for a while, longer for who keeps knocking."},
    {"cause", SCHEMA_COUNT, .min = "1", .max = "100",
        .doc = "The true bounce class of its refusals. Default: 70, or 20 if it says 5xx."},
    {0},
};
/* clang-format on */
