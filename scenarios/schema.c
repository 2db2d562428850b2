/* schema.c - the keys of a scenario: top level, run, parameters, time lines. */
#include "scenarios/schema.h"

#include "base/resolver.h"
#include "base/stream_tls.h"
#include "mta/dkim.h"
#include "mta/keys.h"

static const struct word run_modes[] = {
    {"virtual", 0, NULL},
    {"real",    1, NULL},
    {NULL,      0, NULL},
};

static const struct word tls_levels[] = {
    {"off",      TLS_OFF,      NULL},
    {"real",     TLS_REAL,     NULL},
    {"modelled", TLS_MODELLED, NULL},
    {NULL,       0,            NULL},
};

static const struct word dkim_levels[] = {
    {"off",      DKIM_LEVEL_OFF,      NULL},
    {"modelled", DKIM_LEVEL_MODELLED, NULL},
    {"real",     DKIM_LEVEL_REAL,     NULL},
    {NULL,       0,                   NULL},
};

static const struct word stop_conditions[] = {
    {"decided", 0, NULL},
    {NULL,      0, NULL},
};

/* clang-format off */
static const struct schema_key schema_seeds[] = {
    {"first", SCHEMA_COUNT, .initial = "1", .doc = "The first seed."},
    {"count", SCHEMA_COUNT, KEY_REQUIRED, .min = "1", .max = "1000000",
        .doc = "How many seeds, one after the other."},
    {"common_random_numbers", SCHEMA_YES_NO, .initial = "yes",
        .doc = "Every point of a sweep meets the same luck."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_stop_early[] = {
    {"when", SCHEMA_WORD, .initial = "decided", .words = stop_conditions,
        .doc = "Stops a point of a sweep once its verdict is decided."},
    {"confidence", SCHEMA_PERCENT, .initial = "95%", .max = "100%", .doc = "How sure that is."},
    {"margin", SCHEMA_PERCENT, .initial = "10%", .max = "100%",
        .doc = "The test is of at_least against at_least minus this."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_run[] = {
    {"start", SCHEMA_TIME, .initial = "2026-01-01T00:00:00Z",
        .doc = "The instant of virtual time at which the run begins."},
    {"until", SCHEMA_DURATION, .initial = "7d", .min = "1ms", .max = "3660d",
        .doc = "How long the run lasts, in virtual time."},
    {"seed", SCHEMA_COUNT, .initial = "1",
        .doc = "Seed of all chance: the same seed, the same run."},
    {"seeds", SCHEMA_MAP, .nested = schema_seeds,
        .doc = "Seeds of a sweep; a single run takes the first."},
    {"mode", SCHEMA_WORD, .initial = "virtual", .words = run_modes,
        .doc = "Virtual time, or real sockets."},
    {"speed", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "100000",
        .doc = "Seconds of scenario per second of wall clock, in real mode."},
    {"wall_limit", SCHEMA_DURATION, .min = "1ms", .max = "365d",
        .doc = "The run is given up (exit 5) after so much time of the wall clock."},
    {"tls", SCHEMA_WORD, .initial = "real", .words = tls_levels,
        .doc = "real: OpenSSL; modelled: the same states, times and verdicts without arithmetic; "
               "off: nobody offers it."},
    {"dkim", SCHEMA_WORD, .words = dkim_levels,
        .doc = "Whether what mta.dkim says is done, and with how much arithmetic; modelled: same "
               "sizes and verdicts, no keys. Default: real, and modelled for a sweep (seeds)."},
    {"dkim_real_one_in", SCHEMA_COUNT, .initial = "1", .min = "1", .max = "1000000000",
        .doc = "With dkim real: only one message of so many, drawn by its hash; the others are "
               "modelled."},
    {"stop_early", SCHEMA_MAP, .nested = schema_stop_early,
        .doc = "When a sweep may stop before all seeds have run."},
    {"dns_delay", SCHEMA_DURATION, .initial = "10ms", .max = "1h",
        .doc = "How long an answer of DNS takes."},
    {0},
};
/* clang-format on */

static const struct word param_types[] = {
    {"count",    SCHEMA_COUNT,    NULL},
    {"number",   SCHEMA_NUMBER,   NULL},
    {"rate",     SCHEMA_RATE,     NULL},
    {"percent",  SCHEMA_PERCENT,  NULL},
    {"duration", SCHEMA_DURATION, NULL},
    {"size",     SCHEMA_SIZE,     NULL},
    {"text",     SCHEMA_TEXT,     NULL},
    {NULL,       0,               NULL},
};

/* clang-format off */
static const struct schema_key schema_param[] = {
    {"type", SCHEMA_WORD, KEY_REQUIRED, .words = param_types, .doc = "What kind of value it is."},
    {"about", SCHEMA_TEXT, .doc = "What it means, for reports."},
    {"default", SCHEMA_EXPRESSION, KEY_REQUIRED,
        .doc = "What a single run takes; --set NAME=VALUE overrides it."},
    {"sweep", SCHEMA_ANYTHING,
        .doc = "The values of a sweep: a list, or {from, to, steps, scale: linear|log}, or {from, "
               "to, samples}."},
    {0},
};
/* clang-format on */

static const struct word dns_faults[] = {
    {"servfail", DNS_SERVFAIL,  NULL},
    {"nxdomain", DNS_NO_NAME,   NULL},
    {"timeout",  DNS_TIMED_OUT, NULL},
    {NULL,       0,             NULL},
};

/* clang-format off */
static const struct schema_key schema_fault[] = {
    {"refuse", SCHEMA_TEXT, KEY_ONE_OR_LIST,
        .doc = "Hosts that refuse connections; their open sessions are reset too."},
    {"silent", SCHEMA_TEXT, KEY_ONE_OR_LIST, .doc = "Hosts that answer nothing."},
    {"reset", SCHEMA_TEXT, KEY_ONE_OR_LIST,
        .doc = "Hosts that reset a connection after the client's first byte."},
    {"dns", SCHEMA_WORD,
        .words = dns_faults,
        .doc = "How every look-up in the zones fails."},
    {"crash", SCHEMA_WORD, .unsupported = "the MTA cannot be killed and started again yet",
        .doc = "A program that dies and comes back."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_timeline[] = {
    {"at", SCHEMA_DURATION, KEY_REQUIRED, .max = "3660d", .doc = "When, from the run's start on."},
    {"for", SCHEMA_DURATION, .min = "1us", .max = "3660d",
        .doc = "How long; then it is undone. Left out: it stays."},
    {"label", SCHEMA_TEXT, .doc = "A name for reports and for `during`."},
    {"set", SCHEMA_ANYTHING,
        .doc = "{PATH: VALUE}: relative to the object of the time line; a list item by its id."},
    {"fault", SCHEMA_MAP, .nested = schema_fault, .doc = "{KIND: TARGET}: what fails."},
    {"suspend", SCHEMA_TEXT, KEY_ONE_OR_LIST,
        .doc = "Whom our MTA sends nothing more, as mta ctl suspend does: an MX host (its site), a domain, "
               "a source IP, or one at a site (mx1.bigmail.test/198.51.100.41)."},
    {"resume", SCHEMA_TEXT, KEY_ONE_OR_LIST, .doc = "What is suspended, and goes on."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_tolerance[] = {
    {"time", SCHEMA_EXPRESSION,
        .doc = "So much later or earlier is in time as well, in real mode: 100ms * speed."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_record[] = {
    {"events", SCHEMA_FILENAME, .doc = "File of the results folder that keeps the journal."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_scenario[] = {
    {"mtalab", SCHEMA_COUNT, KEY_REQUIRED, .min = "1", .max = "1",
        .doc = "Version of the language; the first key of every file."},
    {"name", SCHEMA_ID, .doc = "Short name, for reports. Default: the file's."},
    {"title", SCHEMA_TEXT, .doc = "Why the scenario exists, in one sentence."},
    {"tags", SCHEMA_ID, KEY_LIST, .doc = "Words to choose scenarios by."},
    {"requires", SCHEMA_TEXT, KEY_LIST,
        .doc = "What must be installed; the run is skipped without it."},
    {"extends", SCHEMA_FILENAME, KEY_ONE_OR_LIST,
        .doc = "Profiles to start from, merged left to right: maps deep, lists replaced; KEY+: "
               "appends, KEY-: removes by id."},
    {"params", SCHEMA_MAP, KEY_NAMED, .nested = schema_param,
        .doc = "Values with a name, referred to as $NAME."},
    {"run", SCHEMA_MAP, .nested = schema_run, .doc = "Time, chance and bounds of a run."},
    {"dns", SCHEMA_TEXT, KEY_NAMED | KEY_LIST,
        .doc = "Zones, as lines: MX 10 mx1, A mx1 192.0.2.10, AAAA, TXT; names are relative to "
               "the zone, @ is the zone itself. A domain without zone gets one MX per host."},
    {"isps", SCHEMA_MAP, KEY_NAMED, .nested = schema_isp, .doc = "The mailbox providers."},
    {"campaign", SCHEMA_MAP, .nested = schema_campaign, .doc = "The sender's platform."},
    {"mta", SCHEMA_MAP, .nested = schema_mta, .doc = "The MTA that delivers."},
    {"sut", SCHEMA_MAP, .nested = schema_sut, .doc = "A foreign MTA instead of ours."},
    {"deliveries", SCHEMA_MAP, KEY_NAMED, .nested = schema_delivery, .doc = "Who is sent what."},
    {"timeline", SCHEMA_MAP, KEY_LIST, .nested = schema_timeline,
        .doc = "What changes during the run; paths are absolute: isps.NAME.limits.ID.max."},
    {"tolerance", SCHEMA_MAP, .nested = schema_tolerance, .doc = "How far real time may be off."},
    {"expect", SCHEMA_MAP, KEY_LIST, .nested = schema_expectation,
        .doc = "What must come of it. A file without is a profile."},
    {"ensemble", SCHEMA_MAP, KEY_LIST, .nested = schema_ensemble,
        .doc = "What must hold over many seeds; a single run passes over it."},
    {"golden", SCHEMA_ANYTHING, .unsupported = "traces are not compared in this version",
        .doc = "A recorded trace to compare with."},
    {"record", SCHEMA_MAP, .nested = schema_record, .doc = "What to keep of a run."},
    {"report", SCHEMA_MAP, .nested = schema_report, .doc = "What to show of a run."},
    {0},
};
/* clang-format on */
