/* schema_sender.c - the keys of who sends: campaign, deliveries, MTA. */
#include "scenarios/campaign.h"
#include "scenarios/schema.h"

/* clang-format off */
static const struct schema_key schema_link[] = {
    {"rtt", SCHEMA_DURATION, .initial = "0s", .max = "1h", .doc = "Round-trip time to the MTA."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_campaign[] = {
    {"from", SCHEMA_MAILBOX, .initial = "news@campaign.example",
        .doc = "Header From; its domain is that of the return paths."},
    {"instance", SCHEMA_ID, .initial = "mtalab",
        .doc = "The name that every Message-ID bears, so that what comes back is known as ours."},
    {"soft_limit", SCHEMA_COUNT, .initial = "5", .max = "1000000",
        .doc = "More significant soft bounces than this quarantine an address."},
    {"link", SCHEMA_MAP, .nested = schema_link, .doc = "The way to the MTA."},
    {"body", SCHEMA_SIZE, .initial = "1200", .max = "50MiB", .doc = "Size of a message's body."},
    {0},
};
/* clang-format on */

static const struct word arrival_kinds[] = {
    {"even",    ARRIVALS_EVEN,    NULL},
    {"poisson", ARRIVALS_POISSON, NULL},
    {NULL,      0,                NULL},
};

/* clang-format off */
static const struct schema_key schema_arrivals[] = {
    {"kind", SCHEMA_WORD, .initial = "even", .words = arrival_kinds, .doc = "How they are spaced."},
    {"rate", SCHEMA_RATE, KEY_REQUIRED, .doc = "How many."},
    {"from", SCHEMA_DURATION, .initial = "0s", .max = "3660d", .doc = "From when on."},
    {"to", SCHEMA_DURATION, .max = "3660d", .doc = "Until when. Default: the end of the run."},
    {0},
};
/* clang-format on */

static const struct word vias[] = {
    {"smtp",       0, NULL                                            },
    {"submission", 1, NULL                                            },
    {"sendmail",   2, "messages reach the MTA by SMTP in this version"},
    {NULL,         0, NULL                                            },
};

static const struct word steps[] = {
    {"pause",  DO_PAUSE,  NULL},
    {"resume", DO_RESUME, NULL},
    {"stop",   DO_STOP,   NULL},
    {"cancel", DO_CANCEL, NULL},
    {NULL,     0,         NULL},
};

/* clang-format off */
static const struct schema_key schema_step[] = {
    {"at", SCHEMA_DURATION, KEY_REQUIRED, .max = "3660d", .doc = "When, from the run's start on."},
    {"do", SCHEMA_WORD, KEY_REQUIRED, .words = steps, .doc = "pause, resume, stop or cancel."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_recipients[] = {
    {"pattern", SCHEMA_TEXT,
        .doc = "Addresses with a number in them, from 1: \"u%04d@isp.example\"; %% is a percent "
               "sign."},
    {"count", SCHEMA_COUNT, .min = "1", .max = "100000000",
        .doc = "How many; without it, as many as arrive."},
    {"csv", SCHEMA_FILENAME,
        .doc = "A file of addresses: RFC 4180, a header with a column address."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_delivery[] = {
    {"at", SCHEMA_DURATION, .initial = "0s", .max = "3660d", .doc = "When it is confirmed."},
    {"spread", SCHEMA_DURATION, .initial = "0s", .max = "3660d",
        .doc = "Relayed evenly over so long."},
    {"arrivals", SCHEMA_MAP, .nested = schema_arrivals,
        .doc = "Messages arrive at a rate, instead of at and spread."},
    {"validity", SCHEMA_DURATION, .min = "1s", .max = "3660d",
        .doc = "How long to try, in whole seconds; the MTA grants 84 h at most."},
    {"via", SCHEMA_WORD, .initial = "smtp", .words = vias, .doc = "How messages reach the MTA."},
    {"recipients_per_message", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "1000",
        .doc = "Above 1 they share a message and a return path."},
    {"timeline", SCHEMA_MAP, KEY_LIST, .nested = schema_step,
        .doc = "What is done to it, and when."},
    {"to", SCHEMA_MAP, KEY_REQUIRED | KEY_LIST, .nested = schema_recipients, .doc = "To whom."},
    {0},
};
/* clang-format on */
