/* schema_reputation.c - the keys of what a provider thinks of senders, and of new ones. */
#include "fakeisp/isp.h"
#include "scenarios/schema.h"

static const struct word reputation_keys[] = {
    {"source_ip",     LIMIT_PER_SOURCE_IP,     NULL},
    {"ip/24",         LIMIT_PER_IP_24,         NULL},
    {"sender_domain", LIMIT_PER_SENDER_DOMAIN, NULL},
    {"dkim_domain",   LIMIT_PER_DKIM_DOMAIN,   NULL},
    {NULL,            0,                       NULL},
};

static const struct word reputation_stages[] = {
    {"connect", STAGE_CONNECT, NULL},
    {"banner",  STAGE_BANNER,  NULL},
    {"ehlo",    STAGE_EHLO,    NULL},
    {"mail",    STAGE_MAIL,    NULL},
    {"rcpt",    STAGE_RCPT,    NULL},
    {"data",    STAGE_DATA,    NULL},
    {"dot",     STAGE_DOT,     NULL},
    {NULL,      0,             NULL},
};

static const struct word reputation_thens[] = {
    {"keep",  THEN_KEEP,  NULL},
    {"close", THEN_CLOSE, NULL},
    {NULL,    0,          NULL},
};

/* clang-format off */
static const struct schema_key schema_band[] = {
    {"id", SCHEMA_ID, .doc = "The rule that limit.hit names. Default: band-1, band-2, …"},
    {"below", SCHEMA_COUNT, KEY_REQUIRED, .min = "1", .max = "100",
        .doc = "The lowest threshold that the score is below counts."},
    {"reply", SCHEMA_REPLY, .doc = "What it says. Default: nothing."},
    {"share", SCHEMA_PERCENT, .initial = "100%", .max = "100%",
        .doc = "To so many of the messages, drawn for each."},
    {"then", SCHEMA_WORD, .initial = "keep", .words = reputation_thens,
        .doc = "The session after that reply."},
    {"stage", SCHEMA_WORD, .initial = "mail", .words = reputation_stages, .doc = "And where."},
    {"limits", SCHEMA_PERCENT, .initial = "100%", .max = "100%",
        .doc = "So much is left of all limits that count connections, messages, recipients or bytes."},
    {"cause", SCHEMA_COUNT, .initial = "51", .min = "1", .max = "100",
        .doc = "The true bounce class of its refusals."},
    {0},
};

const struct schema_key schema_reputation[] = {
    {"per", SCHEMA_WORD, KEY_ONE_OR_LIST, .initial = "source_ip", .words = reputation_keys,
        .doc = "Whose it is."},
    {"start", SCHEMA_COUNT, .initial = "60", .max = "100", .doc = "Points of a newcomer, of 100."},
    {"recover", SCHEMA_COUNT, .initial = "5", .max = "100",
        .doc = "Points that a day gives back in which none were lost."},
    {"trap", SCHEMA_COUNT, .initial = "10", .max = "100",
        .doc = "Points that mail to a spam trap costs."},
    {"complaint", SCHEMA_COUNT, .initial = "20", .max = "1000",
        .doc = "Points for each percent of a day's recipients that complain, of that day or the one before."},
    {"unknown", SCHEMA_COUNT, .initial = "2", .max = "1000",
        .doc = "Points for each percent of a day's recipients that do not exist."},
    {"at_least", SCHEMA_COUNT, .initial = "100", .min = "1", .max = "1000000000",
        .doc = "A percent is of so many recipients at least, and of as many as a usual day has."},
    {"jump", SCHEMA_COUNT, .initial = "10", .max = "100",
        .doc = "Points for a jump in volume, and again each time it doubles."},
    {"times", SCHEMA_COUNT, .initial = "4", .min = "2", .max = "1000",
        .doc = "A jump is a day of more than so many times the mean of the days before."},
    {"from", SCHEMA_COUNT, .initial = "1000", .min = "1", .max = "1000000000",
        .doc = "Up to so many recipients a day are never a jump."},
    {"bands", SCHEMA_MAP, KEY_LIST, .nested = schema_band, .doc = "What a low score comes to."},
    {0},
};

static const struct schema_key schema_unseen[] = {
    {"for", SCHEMA_DURATION, KEY_REQUIRED, .min = "1ms", .max = "365d",
        .doc = "From its first connection."},
    {"reply", SCHEMA_REPLY, KEY_REQUIRED, .doc = "Instead of the banner."},
    {0},
};

const struct schema_key schema_warming[] = {
    {"per", SCHEMA_WORD, KEY_ONE_OR_LIST, .initial = "source_ip", .words = reputation_keys,
        .doc = "Who is new."},
    {"first", SCHEMA_COUNT, KEY_REQUIRED, .min = "1", .max = "1000000000",
        .doc = "Messages on the first day."},
    {"full", SCHEMA_COUNT, KEY_REQUIRED, .min = "1", .max = "1000000000",
        .doc = "From so many a day on it is warm, and this is no limit any more."},
    {"grow", SCHEMA_NUMBER, .initial = "2", .min = "1", .max = "1000",
        .doc = "A clean day with mail multiplies it."},
    {"shrink", SCHEMA_PERCENT, .initial = "50%", .max = "100%",
        .doc = "So much of it is left after a dirty day."},
    {"complaints", SCHEMA_PERCENT, .initial = "0.3%", .max = "100%",
        .doc = "More of the day's recipients complain: a dirty day."},
    {"unknown", SCHEMA_PERCENT, .initial = "5%", .max = "100%",
        .doc = "More of the day's recipients do not exist: a dirty day."},
    {"at_least", SCHEMA_COUNT, .initial = "100", .min = "1", .max = "1000000000",
        .doc = "Shares are judged from so many recipients on."},
    {"traps", SCHEMA_COUNT, .initial = "0", .max = "1000000",
        .doc = "More mail to spam traps: a dirty day."},
    {"over", SCHEMA_REPLY, .initial = "421 4.7.0 too much mail from a new sender",
        .doc = "The reply to what is too much."},
    {"then", SCHEMA_WORD, .initial = "keep", .words = reputation_thens,
        .doc = "The session after that reply."},
    {"stage", SCHEMA_WORD, .initial = "mail", .words = reputation_stages, .doc = "And where."},
    {"unseen", SCHEMA_MAP, .nested = schema_unseen, .doc = "Who was never seen is not let in."},
    {"forget", SCHEMA_DURATION, .initial = "30d", .min = "1d", .max = "365d",
        .doc = "Who stays away for so long was never seen."},
    {"cause", SCHEMA_COUNT, .min = "1", .max = "100",
        .doc = "The true bounce class of its refusals. Default: 70, or 20 if it says 5xx."},
    {0},
};
/* clang-format on */
