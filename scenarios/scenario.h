/* scenario.h - a scenario as read and checked: who sends what to whom, and what must come of it.
 *
 * Ownership  scenario_load() gives one object that owns everything below it; scenario_free() takes it
 *            back. Slices and arrays live as long.
 * Errors     diagnostics, several per run; a scenario with errors is not returned. A file that is
 *            not there is ERROR_NOT_FOUND. */
#ifndef MTALAB_SCENARIO_H
#define MTALAB_SCENARIO_H

#include "base/diag.h"
#include "base/resolver.h"
#include "base/stream_sim.h"
#include "fakeisp/isp.h"
#include "mta/mta.h"
#include "scenarios/campaign.h"
#include "scenarios/sut.h"
#include "base/quantity.h"

enum expectation_form {
    EXPECT_AT,
    EXPECT_BY,
    EXPECT_ALWAYS,
    EXPECT_NEVER,
    EXPECT_EVENTUALLY,
    EXPECT_WHEN
};

struct expectation_config { /* as written; scenarios/expect.h gives it a meaning */
    struct slice id;
    struct mark mark; /* of the item */
    enum expectation_form form;
    struct source subject; /* the value of at, by, always, never, eventually or when */
    const struct source *checks;
    size_t checks_count;
    struct source hold, by, where, fires, within, after, until, during;
    bool may_end_open;
};

struct zone_record {
    struct slice name; /* absolute */
    enum dns_type type;
    uint16_t preference;
    struct slice host;          /* DNS_MX: absolute; empty: null MX */
    struct net_address address; /* DNS_ADDRESS */
    struct slice text;          /* DNS_TXT */
};

enum change_kind {
    CHANGE_KNOB,    /* an ISP's knob gets a value */
    CHANGE_HOST,    /* a host's network fault begins or ends */
    CHANGE_RTT,     /* a host's round-trip time */
    CHANGE_DNS,     /* all of the ISP's zones fail, or stop failing */
    CHANGE_HOLD,    /* our MTA sends nothing more to, or from, somebody, … */
    CHANGE_RELEASE, /* … or does again */
    CHANGE_NOTHING, /* a label only */
};

/* One entry of a time line: applied at at_us, undone at at_us + for_us. */
struct change {
    int64_t at_us, for_us; /* for_us 0: it stays */
    struct slice label;    /* may be empty */
    struct slice text;     /* as people read it: "limits.rate.max: 100/min", "refuse: mx1" */
    enum change_kind kind;
    size_t isp; /* index; SIZE_MAX: none */
    enum isp_knob knob;
    size_t index;  /* knob's or host's */
    int64_t value; /* knob's, or rtt_us */
    enum net_fault fault;
    enum dns_status dns;
    struct slice target; /* of a hold: see mta/delivery_orders.h */
};

struct scenario {
    const char *filename; /* as the user named it */
    struct slice name, title;
    const struct slice *tags;
    size_t tags_count;
    bool is_profile; /* no expect: `run DIR` passes over it */

    const struct param *params;
    size_t params_count;

    int64_t start_wall_us;
    int64_t until_us;
    bool is_real;   /* real sockets and real time, … */
    uint32_t speed; /* … so many seconds of it in one of the wall clock */
    uint64_t seed;
    int64_t wall_limit_us; /* 0: none */
    enum tls_level tls;

    const struct slice *zones; /* names, lower case */
    size_t zones_count;
    const struct zone_record *records;
    size_t records_count;
    int64_t dns_delay_us;

    const struct isp_config *isps;
    size_t isps_count;
    struct mta_config mta;
    struct sut_config
        sut; /* a foreign MTA instead; then `mta` says where it listens and sends from */
    struct campaign_config campaign;
    int64_t campaign_rtt_us; /* campaign.link */
    const struct change *changes;
    size_t changes_count;

    const struct expectation_config *expectations;
    size_t expectations_count;
    struct source tolerance; /* of time bounds, in real mode */

    const struct slice *plots; /* ids */
    size_t plots_count;
    struct slice record_events;   /* file of the results folder for the journal; length 0: none */
    const struct slice *requires; /* "postfix >= 3.5": what must be installed */
    size_t requires_count;
};

struct setting { /* --set NAME=VALUE */
    struct slice name, value;
};

/* NULL: there were errors, all of them in `diagnostics` (or in `err`, when the file is not there). */
struct scenario *scenario_load(const char *filename, const struct setting *settings,
    size_t settings_count, struct diagnostics *diagnostics, struct error *err);
void scenario_free(struct scenario **scenario);

/* "limits.rate.max" and "100/min", as a time line of this ISP has them (SIZE_MAX: as one of the
 * scenario, "isps.bigmail.limits.rate.max"), for who changes something while it runs. An empty value
 * asks only what the path means. False: *err. */
bool scenario_read_change(struct scenario *scenario, size_t isp, struct slice path,
    struct slice value, struct change *change, struct error *err);

/* The merged document with the origin of each value as a comment (show --resolved). */
bool scenario_show(const char *filename, const struct setting *settings, size_t settings_count,
    struct text *out, struct diagnostics *diagnostics, struct error *err);

void scenario_schema(struct text *out); /* JSON Schema draft-07 */
/* "isps.limits.window": what one key means; false: no such key. */
bool scenario_explain(struct slice key, struct text *out);

#endif
