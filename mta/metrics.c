/* metrics.c - what the MTA counts, in Prometheus's text format. A row per metric. */
#include "mta/metrics.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/unit.h"
#include "mta/delivery_orders.h"

struct waiting { /* of one site */
    uint64_t recipients;
    int64_t oldest_us; /* arrival; only with recipients */
};

struct survey {
    struct delivery *delivery;
    int64_t now_us;
    struct waiting *sites, nowhere; /* by number; who has no site yet */
    struct mta_totals totals;
    uint64_t feedback_waiting, log_dropped;
    struct text *out;
};

static void
head(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Label values escape backslash, quote and newline; a host's name has none of them but by malice. */
static void
add_label(struct text *out, const char *name, struct slice value)
{
    text_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.length; i++) {
        if (value.at[i] == '\\' || value.at[i] == '"')
            text_add_char(out, '\\');
        if (value.at[i] == '\n')
            text_add_string(out, "\\n");
        else
            text_add_char(out, value.at[i]);
    }
    text_add_char(out, '"');
}

/* Sites of one name (under two MX rules) are told apart by their number. */
static void
add_site(struct text *out, const char *metric, const struct site *site)
{
    text_printf(out, "%s{", metric);
    add_label(out, "site", site_name(site));
    text_printf(out, ",number=\"%" PRIu32 "\"", site_state(site).route->number);
}

/* --- of each site ---------------------------------------------------------------------------- */

typedef uint64_t site_value_fn(const struct survey *survey, const struct site_state *state);

static uint64_t
delivered(const struct survey *survey, const struct site_state *state)
{
    return state->counts->delivered;
}

static uint64_t
deferred(const struct survey *survey, const struct site_state *state)
{
    return state->counts->deferred;
}

static uint64_t
failed(const struct site_counts *counts)
{
    uint64_t count = 0;

    for (size_t i = 0; i < COUNT_OF(counts->failed); i++)
        count += counts->failed[i];
    return count;
}

static uint64_t
attempts(const struct survey *survey, const struct site_state *state)
{
    return state->counts->delivered + state->counts->deferred + failed(state->counts);
}

static uint64_t
connections(const struct survey *survey, const struct site_state *state)
{
    return state->counts->connections;
}

static uint64_t
connections_open(const struct survey *survey, const struct site_state *state)
{
    return state->connections_open;
}

static uint64_t
recipients(const struct survey *survey, const struct site_state *state)
{
    return survey->sites[state->route->number].recipients;
}

static uint64_t
oldest_s(const struct survey *survey, const struct site_state *state)
{
    const struct waiting *waiting = &survey->sites[state->route->number];

    return waiting->recipients > 0 && waiting->oldest_us < survey->now_us
        ? (uint64_t)((survey->now_us - waiting->oldest_us) / US_PER_S)
        : 0;
}

static uint64_t
is_suspended(const struct survey *survey, const struct site_state *state)
{
    return state->held_until_us > survey->now_us;
}

static const struct {
    const char *name, *type, *help;
    site_value_fn *value;
} site_metrics[] = {
    {"mta_attempts_total",       "counter", "Tries of recipients that had a result.",    attempts        },
    {"mta_delivered_total",      "counter", "Recipients delivered.",                     delivered       },
    {"mta_deferred_total",       "counter", "Tries that ended in a deferral.",           deferred        },
    {"mta_connections_total",    "counter", "Connections tried.",                        connections     },
    {"mta_connections_open",     "gauge",   "Connections open now.",                     connections_open},
    {"mta_queue_recipients",     "gauge",   "Recipients that wait or are in flight.",    recipients      },
    {"mta_queue_oldest_seconds", "gauge",   "Age of the oldest recipient in the queue.", oldest_s        },
    {"mta_site_suspended",       "gauge",   "1: somebody has suspended the site.",       is_suspended    },
};

static void
write_sites(const struct survey *survey)
{
    for (size_t m = 0; m < COUNT_OF(site_metrics); m++) {
        head(survey->out, site_metrics[m].name, site_metrics[m].type, site_metrics[m].help);
        for (size_t i = 0; i < delivery_sites_count(survey->delivery); i++) {
            const struct site *site = delivery_site(survey->delivery, i);
            struct site_state state;

            if (site == NULL)
                continue;
            state = site_state(site);
            add_site(survey->out, site_metrics[m].name, site);
            text_printf(survey->out, "} %" PRIu64 "\n", site_metrics[m].value(survey, &state));
        }
    }
}

static void
write_failures(const struct survey *survey)
{
    head(survey->out, "mta_failed_total", "counter", "Recipients failed, by bounce class.");
    for (size_t i = 0; i < delivery_sites_count(survey->delivery); i++) {
        const struct site *site = delivery_site(survey->delivery, i);
        const struct site_counts *counts = site != NULL ? site_state(site).counts : NULL;

        for (size_t class = 0; counts != NULL && class < COUNT_OF(counts->failed); class ++) {
            if (counts->failed[class] == 0)
                continue;
            add_site(survey->out, "mta_failed_total", site);
            text_printf(survey->out, ",class=\"%zu\"} %" PRIu64 "\n", class, counts->failed[class]);
        }
    }
}

/* --- of the whole ---------------------------------------------------------------------------- */

static void
write_totals(const struct survey *survey)
{
    const struct mta_totals *totals = &survey->totals;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"mta_messages_received_total",    "counter", "Messages taken in.",                            totals->messages_taken},
        {"mta_recipients_received_total",  "counter", "Recipients taken in.",
         totals->recipients_taken                                                                                            },
        {"mta_recipients_delivered_total", "counter", "Recipients delivered.",                         totals->delivered     },
        {"mta_recipients_failed_total",    "counter", "Recipients failed.",                            totals->failed        },
        {"mta_recipients_expired_total",   "counter", "Recipients whose validity was over.",
         totals->expired                                                                                                     },
        {"mta_recipients_waiting",         "gauge",   "Recipients taken in and not settled.",
         totals->recipients_waiting                                                                                          },
        {"mta_recipients_without_site",    "gauge",   "Of these, those whose domain has no site yet.",
         survey->nowhere.recipients                                                                                          },
        {"mta_queue_bytes",                "gauge",   "Memory of the queue.",                          totals->queue_bytes   },
        {"mta_feedback_waiting",           "gauge",   "Events of EFS that nobody has taken yet.",
         survey->feedback_waiting                                                                                            },
        {"mta_log_dropped_bytes_total",    "counter", "Lines of the log that no file took.",
         survey->log_dropped                                                                                                 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        head(survey->out, rows[i].name, rows[i].type, rows[i].help);
        text_printf(survey->out, "%s %" PRIu64 "\n", rows[i].name, rows[i].value);
    }
}

static void
write_returns(const struct survey *survey)
{
    const struct mta_returns *returns = &survey->totals.returns;
    const struct {
        const char *name, *type, *help;
        const char *label, *value;
        uint64_t count;
    } rows[] = {
        {"mta_returned_total",               "counter", "Mail that came back, by recipient.",           "kind", "failed",
         returns->bounces                                                                                                                                 },
        {NULL,                               NULL,      NULL,                                           "kind", "delayed",        returns->delays         },
        {NULL,                               NULL,      NULL,                                           "kind", "delivered",      returns->successes      },
        {NULL,                               NULL,      NULL,                                           "kind", "auto_reply",     returns->auto_replies   },
        {NULL,                               NULL,      NULL,                                           "kind", "challenge",      returns->challenges     },
        {NULL,                               NULL,      NULL,                                           "kind", "complaint",      returns->complaints     },
        {NULL,                               NULL,      NULL,                                           "kind", "unsubscription", returns->unsubscriptions},
        {NULL,                               NULL,      NULL,                                           "kind", "other",          returns->others         },
        {"mta_returned_ignored_total",       "counter", "Of these, what changed nothing.",              "why",
         "duplicate",                                                                                                             returns->duplicates     },
        {NULL,                               NULL,      NULL,                                           "why",  "unmatched",      returns->unmatched      },
        {"mta_return_paths_refused_total",   "counter", "Return paths refused at RCPT.",                "why",
         "forged",                                                                                                                returns->forged         },
        {NULL,                               NULL,      NULL,                                           "why",  "late",           returns->late           },
        {NULL,                               NULL,      NULL,                                           "why",  "misaddressed",   returns->misaddressed   },
        {"mta_returned_forged_quotes_total", "counter",
         "Message-IDs and senders quoted in mail that are not ours.",                                   NULL,   NULL,
         returns->forged_quotes                                                                                                                           },
        {"mta_returned_in_trouble_total",    "counter", "Mail read in part, or refused for its size.",
         "why",                                                                                                 "cut_short",      returns->cut_short      },
        {NULL,                               NULL,      NULL,                                           "why",  "too_large",      returns->too_large      },
        {"mta_returned_waiting",             "gauge",   "What waits for the next poll of the mailbox.", NULL,
         NULL,                                                                                                                    returns->waiting        },
    };
    const char *name = "";

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].name != NULL) {
            name = rows[i].name;
            head(survey->out, name, rows[i].type, rows[i].help);
        }
        text_add_string(survey->out, name);
        if (rows[i].label != NULL)
            text_printf(survey->out, "{%s=\"%s\"}", rows[i].label, rows[i].value);
        text_printf(survey->out, " %" PRIu64 "\n", rows[i].count);
    }
}

static void
add_domain(void *arg, const struct delivery_domain_state *state)
{
    struct survey *survey = arg;
    struct waiting *waiting = &survey->nowhere;
    uint64_t count = state->waiting + state->in_flight + state->deferred;

    if (state->site_number != SIZE_MAX)
        waiting = &survey->sites[state->site_number];
    if (count > 0 && (waiting->recipients == 0 || state->oldest_us < waiting->oldest_us))
        waiting->oldest_us = state->oldest_us;
    waiting->recipients += count;
}

void
metrics_write(struct mta *mta, const struct loop *loop, const struct log *log, struct text *out)
{
    struct delivery *delivery = mta_delivery(mta);
    struct survey survey = {.delivery = delivery,
        .now_us = loop_now_us(loop),
        .sites = mem_alloc_zeroed((delivery_sites_count(delivery) + 1) * sizeof *survey.sites),
        .totals = mta_totals(mta),
        .feedback_waiting = efs_waiting(mta_efs(mta)),
        .log_dropped = log != NULL ? log_dropped(log) : 0,
        .out = out};

    delivery_list_domains(delivery, add_domain, &survey);
    write_totals(&survey);
    write_returns(&survey);
    write_sites(&survey);
    write_failures(&survey);
    mem_free(survey.sites);
}
