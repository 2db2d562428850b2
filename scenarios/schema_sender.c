/* schema_sender.c - the keys of who sends: campaign, deliveries, MTA. */
#include "mta/mta.h"
#include "scenarios/campaign.h"
#include "scenarios/schema.h"

#define NO_TLS      "sessions are in plain text in this version"
#define STATIC_ONLY "only the static controller is built into this version"

static const struct word controllers[] = {
    {"static",   CONTROLLER_STATIC, NULL       },
    {"momentum", -1,                STATIC_ONLY},
    {"postfix",  -1,                STATIC_ONLY},
    {"kumo",     -1,                STATIC_ONLY},
    {"aimd",     -1,                STATIC_ONLY},
    {"tle",      -1,                STATIC_ONLY},
    {NULL,       0,                 NULL       },
};

static const struct word tls_policies[] = {
    {"off",          0, NULL  },
    {"if_available", 1, NULL  },
    {"required",     2, NO_TLS},
    {NULL,           0, NULL  },
};

/* clang-format off */
static const struct schema_key schema_mx_rule[] = {
    {"host", SCHEMA_GLOB, .doc = "Pattern on the name of the MX host."},
    {"domain", SCHEMA_GLOB, .doc = "Pattern on the domain of the recipient."},
    {"controller", SCHEMA_WORD, .initial = "static", .words = controllers,
        .doc = "Who sets the pace."},
    {"connections", SCHEMA_COUNT, .min = "1", .max = "100000", .doc = "Open at once to the site."},
    {"messages_per_connection", SCHEMA_COUNT, .min = "1", .max = "1000000", .doc = "Then QUIT."},
    {"recipients_per_transaction", SCHEMA_COUNT, .min = "1", .max = "1000000",
        .doc = "RCPT commands per message."},
    {"messages_per_hour", SCHEMA_COUNT, .max = "1000000000",
        .doc = "In a sliding hour, per site; 0: no limit."},
    {"tls", SCHEMA_WORD, .initial = "if_available", .words = tls_policies,
        .doc = "Whether to encrypt."},
    {"floor", SCHEMA_RATE, .unsupported = STATIC_ONLY, .doc = "aimd: the pace it starts at."},
    {"cut", SCHEMA_PERCENT, .unsupported = STATIC_ONLY,
        .doc = "aimd: share of the pace kept after a throttle reply, at most once a minute."},
    {"grow", SCHEMA_PERCENT, .unsupported = STATIC_ONLY, .doc = "aimd: growth per clean minute."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_retry[] = {
    {"first", SCHEMA_DURATION, .initial = "20m", .min = "1s", .max = "84h",
        .doc = "From the first try to the second."},
    {"factor", SCHEMA_NUMBER, .initial = "2", .min = "1", .max = "1000",
        .doc = "Each delay is so many times the one before."},
    {"cap", SCHEMA_DURATION, .initial = "12h", .min = "1s", .max = "84h",
        .doc = "No delay is longer."},
    {"jitter", SCHEMA_PERCENT, .initial = "0%", .max = "100%",
        .doc = "Each delay is drawn from so much around it."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_efs[] = {
    {"batch", SCHEMA_COUNT, .initial = "10000", .min = "1", .max = "10000000",
        .doc = "A batch is sent at so many events, …"},
    {"every", SCHEMA_DURATION, .initial = "30s", .min = "1ms", .max = "84h",
        .doc = "… or so long after the first of them."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_mta[] = {
    {"hostname", SCHEMA_DOMAIN, .initial = "mta.campaign.example", .doc = "What it calls itself."},
    {"listen", SCHEMA_IP, .initial = "198.51.100.24", .doc = "Where campaigns submit, on port 25."},
    {"retry", SCHEMA_MAP, .nested = schema_retry, .doc = "When the next try is due."},
    {"validity", SCHEMA_DURATION, .initial = "84h", .min = "1s", .max = "3660d",
        .doc = "How long to try where a message does not ask itself; 84 h at most are granted."},
    {"source_ips", SCHEMA_IP, KEY_LIST, .doc = "Addresses to send from. Default: [198.51.100.25]."},
    {"dkim", SCHEMA_ANYTHING, .unsupported = "messages are not signed in this version",
        .doc = "How to sign."},
    {"efs", SCHEMA_MAP, .nested = schema_efs, .doc = "How feedback is told to the campaign."},
    {"mx", SCHEMA_MAP, KEY_LIST, .nested = schema_mx_rule,
        .doc = "How to treat a destination; the first match of host or domain wins."},
    {"size_max", SCHEMA_SIZE, .min = "1", .max = "1GiB",
        .doc = "Largest message taken; 552 5.3.4 beyond."},
    {0},
};
/* clang-format on */

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
    {"smtp",       0, NULL                                                  },
    {"submission", 1, "messages reach the MTA by plain SMTP in this version"},
    {"sendmail",   2, "messages reach the MTA by plain SMTP in this version"},
    {NULL,         0, NULL                                                  },
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
