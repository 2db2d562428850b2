/* keys.c - what can be set about our MTA. */
#include "mta/keys.h"

#include "mta/mta.h"

static const struct word controllers[] = {
    {"static",   CONTROLLER_STATIC,   NULL},
    {"momentum", CONTROLLER_MOMENTUM, NULL},
    {"postfix",  CONTROLLER_POSTFIX,  NULL},
    {"kumo",     CONTROLLER_KUMO,     NULL},
    {"aimd",     CONTROLLER_AIMD,     NULL},
    {"tle",      CONTROLLER_TLE,      NULL},
    {"oracle",   CONTROLLER_ORACLE,   NULL},
    {NULL,       0,                   NULL},
};

static const struct word feedbacks[] = {
    {"1",         FEEDBACK_CONSTANT,     NULL},
    {"1/N",       FEEDBACK_INVERSE,      NULL},
    {"1/sqrt(N)", FEEDBACK_INVERSE_SQRT, NULL},
    {NULL,        0,                     NULL},
};

static const struct word trigger_windows[] = {
    {"duration", 0, NULL},
    {"period",   1, NULL},
    {NULL,       0, NULL},
};

static const struct word warmups[] = {
    {"none",      WARMUP_NONE,      NULL},
    {"yahoo",     WARMUP_YAHOO,     NULL},
    {"aol",       WARMUP_AOL,       NULL},
    {"gmail",     WARMUP_GMAIL,     NULL},
    {"microsoft", WARMUP_MICROSOFT, NULL},
    {"sina",      WARMUP_SINA,      NULL},
    {NULL,        0,                NULL},
};

/* clang-format off */
static const struct schema_key schema_timeouts[] = {
    {"connect", SCHEMA_DURATION, .initial = "30s", .min = "1s", .max = "1h",
        .doc = "For a connection to open."},
    {"banner", SCHEMA_DURATION, .initial = "5m", .min = "1s", .max = "1h",
        .doc = "For the greeting."},
    {"command", SCHEMA_DURATION, .initial = "5m", .min = "1s", .max = "1h",
        .doc = "For the reply to EHLO, STARTTLS, MAIL, RCPT and RSET."},
    {"data", SCHEMA_DURATION, .initial = "2m", .min = "1s", .max = "1h",
        .doc = "For the reply to DATA."},
    {"dot", SCHEMA_DURATION, .initial = "10m", .min = "1s", .max = "1h",
        .doc = "For the reply to the final dot: too short a wait sends messages twice."},
    {0},
};

static const struct word shapes[] = {
    {"burst",  HOUR_BURST,  NULL},
    {"slices", HOUR_SLICES, NULL},
    {"even",   HOUR_EVEN,   NULL},
    {NULL,     0,           NULL},
};

static const struct word tls_policies[] = {
    {"off",          TLS_POLICY_OFF,          NULL},
    {"if_available", TLS_POLICY_IF_AVAILABLE, NULL},
    {"required",     TLS_POLICY_REQUIRED,     NULL},
    {NULL,           0,                       NULL},
};

static const struct schema_key schema_path[] = {
    {"connections", SCHEMA_COUNT, .initial = "0", .max = "100000", .doc = "Open at once; 0: no limit."},
    {"messages_per_hour", SCHEMA_COUNT, .initial = "0", .max = "1000000000",
        .doc = "In a sliding hour; 0: no limit."},
    {0},
};

/* What an MX rule says, and a scope otherwise. */
#define KEYS_OF_OPTIONS \
    {"connections", SCHEMA_COUNT, .min = "1", .max = "100000", \
        .doc = "Open at once to the site: of all source IPs together, or of each (see shared)."}, \
    {"messages_per_connection", SCHEMA_COUNT, .min = "1", .max = "1000000", .doc = "Then QUIT."}, \
    {"recipients_per_transaction", SCHEMA_COUNT, .min = "1", .max = "1000000", \
        .doc = "RCPT commands per message."}, \
    {"messages_per_hour", SCHEMA_COUNT, .max = "1000000000", \
        .doc = "0: no limit. Of all source IPs together, or of each (see shared)."}, \
    {"shape", SCHEMA_WORD, .initial = "burst", .words = shapes, \
        .doc = "How messages_per_hour lies in the hour: burst fills the sliding hour at once, slices are " \
               "twelfths in five minutes each, even keeps a distance."}, \
    {"path", SCHEMA_MAP, .nested = schema_path, \
        .doc = "Limits of one source IP to one address of an MX host."}, \
    {"tls", SCHEMA_WORD, .initial = "if_available", .words = tls_policies, \
        .doc = "Whether to encrypt; if_available goes on in plain text where it cannot."}, \
    {"tls_verify", SCHEMA_YES_NO, .initial = "no", \
        .doc = "The certificate must be good for the MX host's name; else the handshake failed."}, \
    {"timeouts", SCHEMA_MAP, .nested = schema_timeouts, \
        .doc = "How long to wait for the other side (RFC 5321 4.5.3.2)."}

static const struct schema_key schema_scope[] = {
    {"domain", SCHEMA_GLOB, .doc = "Pattern on the domain of the recipient."},
    {"pool", SCHEMA_ID, .doc = "Mail from this one of mta.pools."},
    {"source_ip", SCHEMA_IP, .doc = "Mail from this address."},
    KEYS_OF_OPTIONS,
    {"shared", SCHEMA_YES_NO, .initial = "yes",
        .doc = "messages_per_hour is one number for all that falls under the scope, whatever the site; "
               "no: each source IP at each site has its own. connections are always of one IP at one site."},
    {0},
};

static const struct word warmup_curves[] = {
    {"doubling",  WARMUP_DOUBLING,  NULL},
    {"yahoo",     WARMUP_YAHOO,     NULL},
    {"aol",       WARMUP_AOL,       NULL},
    {"gmail",     WARMUP_GMAIL,     NULL},
    {"microsoft", WARMUP_MICROSOFT, NULL},
    {"sina",      WARMUP_SINA,      NULL},
    {NULL,        0,                NULL},
};

static const struct word warmup_pers[] = {
    {"site", 0, NULL},
    {"all",  1, NULL},
    {NULL,   0, NULL},
};

static const struct schema_key schema_warmup[] = {
    {"ip", SCHEMA_IP, .doc = "The address that is new, …"},
    {"pool", SCHEMA_ID, .doc = "… or the pool whose addresses are, each of them."},
    {"domain", SCHEMA_GLOB, .doc = "Pattern on the domain of the recipient. Default: any."},
    {"start", SCHEMA_TIME, .doc = "Its first day begins. Default: with the run."},
    {"plan", SCHEMA_COUNT, KEY_LIST, .max = "1000000000000",
        .doc = "Messages on the first day, the second, …; after the last one it is warm."},
    {"curve", SCHEMA_WORD, .initial = "doubling", .words = warmup_curves,
        .doc = "A plan with a name: doubling, or Momentum's by age (24 times its hour)."},
    {"first", SCHEMA_COUNT, .initial = "200", .min = "1", .max = "1000000000",
        .doc = "doubling: messages on the first day."},
    {"full", SCHEMA_COUNT, .initial = "100000", .min = "1", .max = "1000000000",
        .doc = "doubling: from so many a day on it is warm."},
    {"per", SCHEMA_WORD, .initial = "site", .words = warmup_pers,
        .doc = "Whether each site has the numbers to itself, or all have them together."},
    {0},
};

static const struct schema_key schema_mx_rule[] = {
    {"host", SCHEMA_GLOB, .doc = "Pattern on the name of the MX host."},
    {"domain", SCHEMA_GLOB, .doc = "Pattern on the domain of the recipient."},
    {"pool", SCHEMA_ID,
        .doc = "Which of mta.pools to send from. Default: the source_ips, each the same share."},
    {"controller", SCHEMA_WORD, .initial = "static", .words = controllers,
        .doc = "Who sets the pace. oracle: is told the true limits, in scenarios only."},
    KEYS_OF_OPTIONS,
    {"shared", SCHEMA_YES_NO, .initial = "yes",
        .doc = "connections and messages_per_hour are of all source IPs together; no: each has its own."},
    {"defer_refusals", SCHEMA_YES_NO,
        .doc = "A 5xx that speaks of a limit, a block or authentication, and not of the address, is a "
               "deferral. Default: yes with tle, else no."},
    {"floor", SCHEMA_RATE, .doc = "aimd: the pace it starts at, and never falls below."},
    {"cut", SCHEMA_PERCENT, .initial = "50%", .min = "1%", .max = "99%",
        .doc = "aimd: share of the pace kept after a throttle reply, at most once a minute."},
    {"grow", SCHEMA_PERCENT, .initial = "5%", .max = "100%",
        .doc = "aimd: growth per clean minute."},
    {"feedback", SCHEMA_WORD, .initial = "1", .words = feedbacks,
        .doc = "postfix: what a delivery adds to the window N of connections, and a failed one takes."},
    {"initial", SCHEMA_COUNT, .initial = "5", .min = "1", .max = "100000",
        .doc = "postfix: the window it starts at."},
    {"cohorts", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "1000",
        .doc = "postfix: after so many windows full of failures the site is dead, …"},
    {"dead_for", SCHEMA_DURATION, .initial = "300s", .min = "1s", .max = "84h",
        .doc = "… and is left alone for so long."},
    {"rate", SCHEMA_RATE, .initial = "100/s",
        .doc = "momentum, kumo: messages per time and source IP while nothing bounds it further."},
    {"suspend_for", SCHEMA_DURATION, .initial = "4h", .min = "1s", .max = "84h",
        .doc = "momentum: length of a suspension."},
    {"down_every", SCHEMA_DURATION, .initial = "60s", .max = "84h",
        .doc = "momentum: at most one step down in so long."},
    {"up_every", SCHEMA_DURATION, .initial = "1h", .min = "1s", .max = "84h",
        .doc = "momentum: one step up in so long, while delivery works."},
    {"sweep_every", SCHEMA_DURATION, .initial = "1h", .min = "1s", .max = "84h",
        .doc = "momentum: how often the share of hard bounces and timeouts is looked at."},
    {"sweep_attempts", SCHEMA_COUNT, .initial = "2000", .min = "1", .max = "1000000000",
        .doc = "momentum: a sweep says nothing about fewer attempts."},
    {"release_every", SCHEMA_DURATION, .initial = "60s", .max = "84h",
        .doc = "momentum: suspensions that are over are lifted so often; 0s: to the instant."},
    {"sweep_low", SCHEMA_PERCENT, .initial = "3%", .max = "100%",
        .doc = "momentum: from this share on a sweep takes a step down, …"},
    {"sweep_high", SCHEMA_PERCENT, .initial = "10%", .max = "100%",
        .doc = "… and from this one on it suspends."},
    {"fbl_deliveries", SCHEMA_COUNT, .initial = "20000", .min = "1", .max = "1000000000",
        .doc = "momentum: a sweep says nothing about the complaints over fewer deliveries in 24 hours."},
    {"fbl_low", SCHEMA_PERCENT, .initial = "0.2%", .max = "100%",
        .doc = "momentum: from this share of complaints on a sweep takes a step down, …"},
    {"fbl_high", SCHEMA_PERCENT, .initial = "0.5%", .max = "100%",
        .doc = "… and from this one on it suspends."},
    {"trigger_window", SCHEMA_WORD, .initial = "duration", .words = trigger_windows,
        .doc = "kumo: whether replies that trigger a rule are counted over the time that its override "
               "lasts, as the program does, or over the period that it names, as the manual says."},
    {"warmup", SCHEMA_WORD, .initial = "none", .words = warmups,
        .doc = "momentum: a curve of messages per hour by the age of the source IP."},
    {"age", SCHEMA_DURATION, .initial = "0s", .max = "3660d",
        .doc = "momentum: how old the source IPs are at the start."},
    {"probe_budget", SCHEMA_PERCENT, .initial = "0.4%", .min = "0.01%", .max = "10%",
        .doc = "tle: refusals that looking for more may cost, of what is sent meanwhile."},
    {"typing_accuracy", SCHEMA_PERCENT, .initial = "100%", .max = "100%",
        .doc = "For experiments only. tle, aimd, momentum, kumo: share of the replies whose type the "
               "controller is told right; of the others it is told another subject, drawn by lot. What "
               "becomes of the message does not change."},
    {"quota_learner", SCHEMA_YES_NO, .initial = "yes",
        .doc = "For experiments only. tle; no: it takes a quota for a rate, and knows no limits over more "
               "than a minute."},
    {"decoupled", SCHEMA_YES_NO, .initial = "yes",
        .doc = "For experiments only. tle; no: the site's trouble is a try of the message that met it, as "
               "with the other controllers."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_pool_ip[] = {
    {"ip", SCHEMA_IP, KEY_REQUIRED, .doc = "An address to send from."},
    {"weight", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "1000000",
        .doc = "Its share of the sessions: 5, 5 and 1 are 45, 45 and 10 %."},
    {0},
};

static const struct schema_key schema_pool[] = {
    {"ips", SCHEMA_MAP, KEY_REQUIRED | KEY_LIST, .nested = schema_pool_ip,
        .doc = "Its addresses. One that is suspended leaves its share to the others."},
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

#define KEYS_OF_INMAIL                                                                         \
    {"poll", SCHEMA_DURATION, .initial = "5m", .max = "84h",                                   \
        .doc = "The mailbox is read so often, on a grid from the start on; 0s: at once."},     \
    {                                                                                          \
        "window", SCHEMA_DURATION, .initial = "7d", .min = "1s", .max = "365d",                \
                                   .doc = "So long after its delivery a return changes a row." \
    }

/* clang-format off */
static const struct schema_key schema_inmail[] = {
    KEYS_OF_INMAIL,
    {0},
};
/* clang-format on */

static const struct word canonicalisations[] = {
    {"simple/simple",   0,                                       NULL},
    {"relaxed/simple",  DKIM_RELAXED_HEADER,                     NULL},
    {"simple/relaxed",  DKIM_RELAXED_BODY,                       NULL},
    {"relaxed/relaxed", DKIM_RELAXED_HEADER | DKIM_RELAXED_BODY, NULL},
    {NULL,              0,                                       NULL},
};

static const struct word digests[] = {
    {"sha256", 0, NULL                                     },
    {"sha1",   1, "RFC 8301 3.1 forbids to sign with SHA-1"},
    {NULL,     0, NULL                                     },
};

static const struct word without_key[] = {
    {"send_unsigned", 0, NULL},
    {"refuse",        1, NULL},
    {NULL,            0, NULL},
};

/* clang-format off */
static const struct schema_key schema_dkim[] = {
    {"selector", SCHEMA_ID, KEY_REQUIRED | KEY_ONE_OR_LIST,
        .doc = "Which keys sign: SELECTOR._domainkey.DOMAIN; with several, each does."},
    {"domains", SCHEMA_DOMAIN, KEY_ONE_OR_LIST,
        .doc = "Domains of From that are signed, and all below them. In a scenario the default is the campaign's."},
    {"keys", SCHEMA_FILENAME, .initial = "keys/{domain}/{selector}.pem",
        .doc = "Where the private keys are, in PEM: RSA of 1024 bits or more, or Ed25519."},
    {"canonicalization", SCHEMA_WORD, .initial = "relaxed/relaxed", .words = canonicalisations,
        .doc = "Of header and body: what may change on the way (RFC 6376 3.4)."},
    {"headers", SCHEMA_ID, KEY_LIST,
        .doc = "Fields that are signed if they are there. Default: [from, to, cc, reply-to, subject, "
               "date, message-id, mime-version, content-type, list-unsubscribe]."},
    {"oversign", SCHEMA_ID, KEY_LIST,
        .doc = "Fields signed once more than they are there, so that none can be added. Default: "
               "[from, to, subject, date]."},
    {"digest", SCHEMA_WORD, .initial = "sha256", .words = digests, .doc = "The hash."},
    {"lifetime", SCHEMA_DURATION, .initial = "0s", .max = "3660d",
        .doc = "A signature expires so long after the message came (x=); 0s: never."},
    {"if_no_key", SCHEMA_WORD, .initial = "send_unsigned", .words = without_key,
        .doc = "What happens to a message whose From has a domain without key; refuse: 550 5.7.1 "
               "when it is submitted."},
    {0},
};
/* clang-format on */

/* What a scenario and a program on real sockets set alike. */
#define KEYS_OF_SENDING                                                                            \
    {"retry", SCHEMA_MAP, .nested = schema_retry, .doc = "When the next try is due."},             \
        {"validity", SCHEMA_DURATION, .initial = "84h", .min = "1s", .max = "3660d",               \
            .doc =                                                                                 \
                "How long to try where a message does not ask itself; 84 h at most are granted."}, \
        {"dkim", SCHEMA_MAP, .nested = schema_dkim, .doc = "How to sign (RFC 6376, RFC 8463)."},   \
        {"pools", SCHEMA_MAP, KEY_NAMED, .nested = schema_pool,                                    \
            .doc = "Source IPs that send together, by name, for the MX rules."},                   \
        {"warmup", SCHEMA_MAP, KEY_LIST, .nested = schema_warmup,                                  \
            .doc = "How much new source IPs may send on their first days."},                       \
        {"scopes", SCHEMA_MAP, KEY_LIST, .nested = schema_scope,                                   \
            .doc =                                                                                 \
                "Options for a part of the traffic; the narrowest scope wins over the MX rule."},  \
        {"mx", SCHEMA_MAP, KEY_LIST, .nested = schema_mx_rule,                                     \
            .doc = "How to treat a destination; the first match of host or domain wins."},         \
    {                                                                                              \
        "size_max", SCHEMA_SIZE, .min = "1", .max = "1GiB",                                        \
                                 .doc = "Largest message taken; 552 5.3.4 beyond."                 \
    }

#define KEYS_OF_AUTOMATION                                                                        \
    {"momentum", SCHEMA_FILENAME,                                                                 \
        .doc = "What the controller momentum does about a reply: rules before the built-in ones " \
               "(mta/rules/momentum.tsv)."},                                                      \
    {                                                                                             \
        "kumo", SCHEMA_FILENAME,                                                                  \
            .doc = "What the controller kumo does about a reply: rules before the built-in ones " \
                   "(mta/rules/kumo.tsv)."                                                        \
    }

static const struct schema_key schema_mta_rules[] = {
    KEYS_OF_AUTOMATION,
    {0},
};

/* clang-format off */
const struct schema_key schema_mta[] = {
    {"hostname", SCHEMA_DOMAIN, .initial = "mta.campaign.example", .doc = "What it calls itself."},
    {"listen", SCHEMA_IP, .initial = "198.51.100.24", .doc = "Where campaigns submit, on port 25."},
    {"inbound", SCHEMA_IP, .initial = "198.51.100.26",
        .doc = "Where returned mail comes in, on port 25: the MX of campaign.from's domain."},
    {"source_ips", SCHEMA_IP, KEY_LIST, .doc = "Addresses to send from. Default: those of the pools, or [198.51.100.25]."},
    {"inmail", SCHEMA_MAP, .nested = schema_inmail, .doc = "What becomes of returned mail."},
    {"rules", SCHEMA_MAP, .nested = schema_mta_rules, .doc = "Own rules of the controllers."},
    {"efs", SCHEMA_MAP, .nested = schema_efs, .doc = "How feedback is told to the campaign."},
    KEYS_OF_SENDING,
    {0},
};
/* clang-format on */

/* --- the program ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct schema_key schema_program_efs[] = {
    {"to", SCHEMA_FILENAME, KEY_REQUIRED,
        .doc = "A file or a pipe that gets a line of JSON per event."},
    {"batch", SCHEMA_COUNT, .initial = "1000", .min = "1", .max = "10000000",
        .doc = "A batch is written at so many events, …"},
    {"every", SCHEMA_DURATION, .initial = "100ms", .min = "1ms", .max = "84h",
        .doc = "… or so long after the first of them, or before the spool forgets them."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_log[] = {
    {"events", SCHEMA_FILENAME, .doc = "Everything, a line of JSON per event."},
    {"mainlog", SCHEMA_FILENAME, .doc = "Momentum's main log: R, D, T and P lines, split by @."},
    {"bouncelog", SCHEMA_FILENAME, .doc = "Momentum's bounce log: B and T lines."},
    {"fbllog", SCHEMA_FILENAME, .doc = "Momentum's log of complaints: F lines."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_dns[] = {
    {"servers", SCHEMA_ENDPOINT, KEY_LIST, .doc = "Whom to ask. Default: as the system does."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_rules[] = {
    KEYS_OF_AUTOMATION,
    {"bounce", SCHEMA_FILENAME, .doc = "From a reply to a bounce class: rules that are asked before the built-in ones."},
    {"class", SCHEMA_FILENAME, .doc = "From a class to reason and type. Default: the built-in ones."},
    {"inbound", SCHEMA_FILENAME,
        .doc = "From returned mail to class, type and reason: read before the built-in rules."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_program_inmail[] = {
    KEYS_OF_INMAIL,
    {"key", SCHEMA_FILENAME,
        .doc = "A file of 32 hexadecimal digits, shared with who makes the return paths: unsigned ones "
               "are refused then. smtp/verp.h has the construction."},
    {"instance", SCHEMA_ID,
        .doc = "What ours bear in their Message-IDs, <KEY.INSTANCE@DOMAIN>. Default: anything."},
    {"check_instance", SCHEMA_YES_NO, .initial = "yes",
        .doc = "Whether a Message-ID of another instance is none of ours."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_program_tls[] = {
    {"certificate", SCHEMA_FILENAME,
        .doc = "In PEM, its chain behind it: then who brings mail is offered STARTTLS."},
    {"key", SCHEMA_FILENAME, .doc = "The private key of the certificate, in PEM."},
    {"trust", SCHEMA_FILENAME,
        .doc = "Authorities for mx.tls_verify, in PEM. Default: those of the system."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_program[] = {
    {"hostname", SCHEMA_DOMAIN, KEY_REQUIRED, .doc = "What it calls itself."},
    {"listen", SCHEMA_ENDPOINT, KEY_REQUIRED, .doc = "Where messages are submitted."},
    {"inbound", SCHEMA_ENDPOINT,
        .doc = "Where returned mail comes in: reports of delivery are read and told to the log."},
    {"return_domains", SCHEMA_DOMAIN, KEY_ONE_OR_LIST,
        .doc = "Domains of the return paths that inbound answers for."},
    {"inmail", SCHEMA_MAP, .nested = schema_program_inmail,
        .doc = "What becomes of returned mail."},
    {"tls", SCHEMA_MAP, .nested = schema_program_tls, .doc = "Files of TLS, for both sides."},
    {"source_ips", SCHEMA_IP, KEY_LIST, .doc = "Addresses to send from. Default: those of the pools, or as the system does."},
    {"port", SCHEMA_COUNT, .initial = "25", .min = "1", .max = "65535",
        .doc = "Where MX hosts listen."},
    {"efs", SCHEMA_MAP, KEY_REQUIRED, .nested = schema_program_efs,
        .doc = "What became of each recipient, for who sent it."},
    KEYS_OF_SENDING,
    {"spool", SCHEMA_FILENAME, KEY_REQUIRED, .doc = "The directory of what was taken and not settled."},
    {"log", SCHEMA_MAP, .nested = schema_log, .doc = "Where to write what happens."},
    {"rules", SCHEMA_MAP, .nested = schema_rules, .doc = "How to read refusals, and what to do about them."},
    {"control", SCHEMA_FILENAME, .doc = "A socket for mta ctl."},
    {"metrics", SCHEMA_ENDPOINT, .doc = "Where Prometheus may ask, by HTTP."},
    {"dns", SCHEMA_MAP, .nested = schema_dns, .doc = "Where names are looked up."},
    {"stop_within", SCHEMA_DURATION, .initial = "30s", .min = "1s", .max = "1h",
        .doc = "How long open transactions may take to end when the program is told to stop."},
    {"speed", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "100000",
        .doc = "Seconds of mail per second of the clock, to see days of retries in minutes."},
    {0},
};
/* clang-format on */
