/* orders.c - what may be asked of a running MTA: a row per order. */
#include "mta/orders.h"

#include <inttypes.h>

#include "base/columns.h"
#include "base/unit.h"
#include "mta/delivery_orders.h"
#include "mta/log.h"

enum { RECIPIENTS_SHOWN_MAX = 1000 };

/* Domains and hosts are known in lower case. */
static struct slice
target_of(const struct control_request *request, struct text *lower)
{
    if (request->words_count > 0)
        text_add_slice(lower, request->words[0]);
    for (size_t i = 0; i < lower->length; i++)
        lower->bytes[i] = char_lower(lower->bytes[i]);
    return lower->length > 0 ? text_slice(lower) : SLICE("");
}

static bool
say_count(
    const struct control_request *request, uint64_t count, const char *what, struct text *answer)
{
    if (request->wants_json)
        text_printf(answer, "{\"recipients\":%" PRIu64 "}", count);
    else
        text_printf(answer, "%" PRIu64 " recipient%s %s", count, count == 1 ? "" : "s", what);
    return true;
}

/* --- look ------------------------------------------------------------------------------------ */

struct view {
    const struct orders *orders;
    struct columns columns;
};

/* How far away an instant is: people see a duration, programs milliseconds; -1: never, or none. */
static void
add_distance(struct view *view, int64_t us, bool is_known)
{
    struct text text = {0};

    if (is_known)
        unit_format_duration(&text, us - us % US_PER_S);
    else
        text_add_char(&text, '-');
    columns_both(&view->columns, text_slice(&text), is_known ? us / US_PER_MS : -1);
    text_release(&text);
}

static void
add_hold(struct view *view, int64_t held_until_us)
{
    int64_t now_us = loop_now_us(view->orders->loop);
    struct text text = {0};

    if (held_until_us == INT64_MAX) {
        text_add_string(&text, "until resumed");
    } else if (held_until_us > now_us) {
        text_add_string(&text, "for ");
        unit_format_duration(&text, (held_until_us - now_us) / US_PER_S * US_PER_S);
    }
    columns_text(&view->columns, text.length > 0 ? text_slice(&text) : SLICE("no"));
    text_release(&text);
}

static void
show_domain(void *arg, const struct delivery_domain_state *state)
{
    struct view *view = arg;
    int64_t now_us = loop_now_us(view->orders->loop);
    uint64_t count = state->waiting + state->in_flight + state->deferred;

    columns_text(&view->columns, state->domain);
    columns_text(&view->columns, state->site.length > 0 ? state->site : SLICE("-"));
    columns_number(&view->columns, state->waiting);
    columns_number(&view->columns, state->in_flight);
    columns_number(&view->columns, state->deferred);
    add_distance(view, now_us - state->oldest_us, count > 0);
    add_distance(view, state->next_due_us - now_us, state->next_due_us > 0);
    add_hold(view, state->held_until_us);
}

static void
show_recipient(void *arg, const struct delivery_recipient_state *state)
{
    static const char *const waits[] = {
        [QUEUE_IN_LINE] = "waiting",
        [QUEUE_IN_FLIGHT] = "in flight",
        [QUEUE_DEFERRED] = "deferred",
    };
    struct view *view = arg;
    int64_t now_us = loop_now_us(view->orders->loop);
    struct text id = {0};

    log_message_id(&id, view->orders->loop, mta_spool(view->orders->mta), state->place.message);
    columns_text(&view->columns, text_slice(&id));
    columns_text(&view->columns, state->recipient);
    columns_text(&view->columns, slice_of(waits[state->wait]));
    columns_number(&view->columns, state->attempts);
    add_distance(view, now_us - state->arrival_us, true);
    add_distance(view, state->due_us - now_us, state->due_us > 0);
    add_distance(view, state->expires_us - now_us, true);
    text_release(&id);
}

static bool
queue(void *arg, const struct control_request *request, struct text *answer)
{
    static const char *const domain_names[] = {
        "domain", "site", "waiting", "in_flight", "deferred", "oldest", "next_try", "suspended"};
    static const char *const recipient_names[] = {
        "id", "recipient", "state", "tries", "age", "next_try", "expires"};
    const struct orders *orders = arg;
    struct delivery *delivery = mta_delivery(orders->mta);
    struct view view = {.orders = orders};
    struct text lower = {0};
    uint64_t count = 0;

    if (request->words_count == 0) {
        view.columns = columns_begin(domain_names, COUNT_OF(domain_names));
        delivery_list_domains(delivery, show_domain, &view);
    } else {
        view.columns = columns_begin(recipient_names, COUNT_OF(recipient_names));
        count = delivery_list_recipients(
            delivery, target_of(request, &lower), RECIPIENTS_SHOWN_MAX, show_recipient, &view);
    }
    columns_render(&view.columns, request->wants_json, answer);
    if (count > RECIPIENTS_SHOWN_MAX && !request->wants_json)
        text_printf(answer, "and %" PRIu64 " more\n", count - RECIPIENTS_SHOWN_MAX);
    columns_release(&view.columns);
    text_release(&lower);
    return true;
}

static uint64_t
sum(const uint64_t *counts, size_t count)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += counts[i];
    return total;
}

static bool
status(void *arg, const struct control_request *request, struct text *answer)
{
    static const char *const names[] = {"site", "hosts", "connections", "connections_max", "ready",
        "tried", "delivered", "deferred", "failed", "suspended"};
    const struct orders *orders = arg;
    struct delivery *delivery = mta_delivery(orders->mta);
    struct view view = {.orders = orders, .columns = columns_begin(names, COUNT_OF(names))};
    struct text lower = {0};
    struct slice target = target_of(request, &lower);
    size_t shown = 0;

    for (size_t i = 0; i < delivery_sites_count(delivery); i++) {
        const struct site *site = delivery_site(delivery, i);
        struct site_state state;

        if (site == NULL || (target.length > 0 && !slice_equals(site_name(site), target)))
            continue;
        state = site_state(site);
        columns_text(&view.columns, site_name(site));
        columns_number(&view.columns, state.route->hosts_count);
        columns_number(&view.columns, state.connections_open);
        columns_number(&view.columns, state.connections_max);
        columns_number(&view.columns, state.ready);
        columns_number(&view.columns, state.counts->connections);
        columns_number(&view.columns, state.counts->delivered);
        columns_number(&view.columns, state.counts->deferred);
        columns_number(&view.columns, sum(state.counts->failed, COUNT_OF(state.counts->failed)));
        add_hold(&view, state.held_until_us);
        shown++;
    }
    if (shown > 0 || target.length == 0)
        columns_render(&view.columns, request->wants_json, answer);
    else
        text_printf(answer, "no site is called %.*s", SLICE_ARGS(target));
    columns_release(&view.columns);
    text_release(&lower);
    return shown > 0 || request->words_count == 0;
}

static bool
show_sites(void *arg, const struct control_request *request, struct text *answer)
{
    static const char *const names[] = {"site", "put_off", "controller"};
    const struct orders *orders = arg;
    struct delivery *delivery = mta_delivery(orders->mta);
    struct columns table = columns_begin(names, COUNT_OF(names));
    struct text lower = {0}, words = {0};
    struct slice target = target_of(request, &lower);
    size_t shown = 0;

    for (size_t i = 0; i < delivery_sites_count(delivery); i++) {
        const struct site *site = delivery_site(delivery, i);

        if (site == NULL || (target.length > 0 && !slice_equals(site_name(site), target)))
            continue;
        text_clear(&words);
        site_describe_pace(site, &words);
        columns_text(&table, site_name(site));
        columns_number(&table, site_state(site).counts->put_off);
        columns_text(&table, text_slice(&words));
        shown++;
    }
    if (shown > 0 || target.length == 0)
        columns_render(&table, request->wants_json, answer);
    else
        text_printf(answer, "no site is called %.*s", SLICE_ARGS(target));
    columns_release(&table);
    text_release(&lower);
    text_release(&words);
    return shown > 0 || request->words_count == 0;
}

static bool
returns(void *arg, const struct control_request *request, struct text *answer)
{
    static const char *const names[] = {"what", "count"};
    const struct orders *orders = arg;
    const struct mta_returns counted = mta_totals(orders->mta).returns;
    const struct {
        const char *what;
        uint64_t count;
    } rows[] = {
        {"failed",         counted.bounces        },
        {"delayed",        counted.delays         },
        {"delivered",      counted.successes      },
        {"auto_reply",     counted.auto_replies   },
        {"challenge",      counted.challenges     },
        {"complaint",      counted.complaints     },
        {"unsubscription", counted.unsubscriptions},
        {"other",          counted.others         },
        {"duplicate",      counted.duplicates     },
        {"unmatched",      counted.unmatched      },
        {"forged",         counted.forged         },
        {"late",           counted.late           },
        {"misaddressed",   counted.misaddressed   },
        {"forged_quotes",  counted.forged_quotes  },
        {"cut_short",      counted.cut_short      },
        {"too_large",      counted.too_large      },
        {"waiting",        counted.waiting        },
    };
    struct columns columns = columns_begin(names, COUNT_OF(names));

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        columns_text(&columns, slice_of(rows[i].what));
        columns_number(&columns, rows[i].count);
    }
    columns_render(&columns, request->wants_json, answer);
    columns_release(&columns);
    return true;
}

/* --- change ---------------------------------------------------------------------------------- */

/* An IP that is none of ours cannot be suspended; any other name may be, also before there is mail for
 * it. */
static bool
is_foreign_ip(const struct orders *orders, struct slice target)
{
    const char *slash = memrchr(target.at, '/', target.length);
    struct slice ip = slash != NULL ? slice_from(target, (size_t)(slash - target.at) + 1) : target;
    struct net_address address;
    uint32_t source;

    return (slash != NULL || net_address_parse(ip, &address)) &&
        !delivery_find_source(mta_delivery(orders->mta), ip, &source);
}

static bool
suspend(void *arg, const struct control_request *request, struct text *answer)
{
    const struct orders *orders = arg;
    int64_t until_us = INT64_MAX, for_us = 0;
    struct text lower = {0};
    struct error err;

    if (request->words_count == 2 || /* "for" without an end */
        (request->words_count == 3 && !slice_equals(request->words[1], SLICE("for")))) {
        text_add_string(answer, "usage: suspend SITE|DOMAIN|IP|SITE/IP [for DURATION]");
        return false;
    }
    if (request->words_count == 3) {
        if (!unit_parse_duration(request->words[2], &for_us, &err) || for_us <= 0) {
            text_add_string(
                answer, for_us == 0 && err.kind != ERROR_NONE ? err.text : "for how long?");
            return false;
        }
        until_us = loop_now_us(orders->loop) + for_us;
    }
    if (is_foreign_ip(orders, target_of(request, &lower))) {
        text_printf(answer, "%s is none of our source IPs", text_string(&lower));
        text_release(&lower);
        return false;
    }
    delivery_hold(mta_delivery(orders->mta), text_slice(&lower), until_us);
    text_printf(answer, request->wants_json ? "{\"suspended\":\"%s\"}" : "%s is suspended",
        text_string(&lower));
    text_release(&lower);
    return true;
}

static bool
resume(void *arg, const struct control_request *request, struct text *answer)
{
    const struct orders *orders = arg;
    struct text lower = {0};
    bool was_held = delivery_hold(mta_delivery(orders->mta), target_of(request, &lower), 0);

    if (!was_held)
        text_printf(answer, "%s is not suspended", text_string(&lower));
    else
        text_printf(answer, request->wants_json ? "{\"resumed\":\"%s\"}" : "%s goes on",
            text_string(&lower));
    text_release(&lower);
    return was_held;
}

static bool
flush(void *arg, const struct control_request *request, struct text *answer)
{
    const struct orders *orders = arg;
    struct text lower = {0};
    uint64_t count = delivery_flush(mta_delivery(orders->mta), target_of(request, &lower));

    text_release(&lower);
    return say_count(request, count, "tried now", answer);
}

static bool
bounce(void *arg, const struct control_request *request, struct text *answer)
{
    const struct orders *orders = arg;
    struct text reason = {0};
    uint64_t count;

    for (size_t i = 1; i < request->words_count; i++)
        text_printf(&reason, "%s%.*s", i > 1 ? " " : "", SLICE_ARGS(request->words[i]));
    if (reason.length == 0)
        text_add_string(&reason, "given up by the postmaster");
    if (memchr(request->words[0].at, '@', request->words[0].length) != NULL) {
        count = delivery_give_up(mta_delivery(orders->mta), request->words[0], text_slice(&reason));
    } else {
        struct text lower = {0};

        count = delivery_give_up(
            mta_delivery(orders->mta), target_of(request, &lower), text_slice(&reason));
        text_release(&lower);
    }
    text_release(&reason);
    return say_count(request, count, "failed", answer);
}

static bool
reload(void *arg, const struct control_request *request, struct text *answer)
{
    const struct orders *orders = arg;

    if (!orders->reload(orders->arg, answer))
        return false;
    text_add_string(answer, request->wants_json ? "{\"reloaded\":true}" : "reloaded");
    return true;
}

static bool
stop(void *arg, const struct control_request *request, struct text *answer)
{
    const struct orders *orders = arg;

    orders->stop(orders->arg);
    text_add_string(answer, request->wants_json ? "{\"stopping\":true}" : "stopping");
    return true;
}

const struct control_command orders_table[] = {
    {"queue",   0, 1,  "[SITE|DOMAIN|RECIPIENT]",               "Who waits: by domain, or one by one.",             queue     },
    {"status",  0, 1,  "[SITE]",                                "Connections and counts of each site.",             status    },
    {"site",    0, 1,  "[SITE]",                                "What the controller of each site found out.",      show_sites},
    {"returns", 0, 0,  "",                                      "Mail that came back, and what was refused of it.", returns   },
    {"suspend", 1, 3,  "SITE|DOMAIN|IP|SITE/IP [for DURATION]",
     "No new tries; validity goes on. An IP leaves its share to its pool.",                                         suspend   },
    {"resume",  1, 1,  "SITE|DOMAIN|IP|SITE/IP",                "Tries go on.",                                     resume    },
    {"flush",   0, 1,  "[SITE|DOMAIN|RECIPIENT]",               "Tries now who waits for a next try.",              flush     },
    {"bounce",  1, 60, "DOMAIN|RECIPIENT [REASON]",             "Fails who waits, with this reason.",               bounce    },
    {"reload",  0, 0,  "",                                      "Reads MX rules and bounce rules again.",           reload    },
    {"stop",    0, 0,  "",                                      "Ends open transactions, then the program.",        stop      },
    {NULL,      0, 0,  NULL,                                    NULL,                                               NULL      },
};
