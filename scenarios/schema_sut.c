/* schema_sut.c - the keys of a foreign MTA. */
#include "scenarios/schema.h"
#include "scenarios/sut.h"

static const struct word kinds[] = {
    {"postfix",   SUT_POSTFIX,   NULL},
    {"exim",      SUT_EXIM,      NULL},
    {"opensmtpd", SUT_OPENSMTPD, NULL},
    {NULL,        0,             NULL},
};

static const struct word clocks[] = {
    {"shared", SUT_CLOCK_SHARED, NULL},
    {"own",    SUT_CLOCK_OWN,    NULL},
    {NULL,     0,                NULL},
};

/* clang-format off */
static const struct schema_key schema_ports[] = {
    {"smtp_out", SCHEMA_COUNT, .initial = "25", .min = "25", .max = "25",
        .doc = "Where providers listen. In a network of one's own it can be the real one."},
    {"dns", SCHEMA_COUNT, .initial = "53", .min = "53", .max = "53",
        .doc = "Where the name server answers; resolvers know no other."},
    {0},
};

const struct schema_key schema_sut[] = {
    {"kind", SCHEMA_WORD, KEY_REQUIRED, .words = kinds, .doc = "Which MTA, as it is installed."},
    {"clock", SCHEMA_WORD, .initial = "shared", .words = clocks,
        .doc = "shared: its time goes as fast as that of the providers (run.speed)."},
    {"settings", SCHEMA_ANYTHING,
        .doc = "{NAME: VALUE}: its own configuration, in its own words."},
    {"ports", SCHEMA_MAP, .nested = schema_ports, .doc = "Port numbers on the wire."},
    {0},
};
/* clang-format on */
