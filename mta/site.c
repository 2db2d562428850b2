/* site.c - one destination site: the recipients that are ready for it, and how many sessions it gets.
 *
 * What a session says is the business of site_session.c. */
#include "mta/site_parts.h"

#include <stdio.h>

#include "base/mem.h"

static void
on_site_timer(void *arg)
{
    site_work(arg);
}

static void
work_at(struct site *site, int64_t at_us)
{
    timer_arm(site->context->doors->loop, &site->timer, at_us, on_site_timer, site);
}

/* --- work ------------------------------------------------------------------------------------ */

static bool
has_work(struct site *site)
{
    return line_first(site->context->queue, &site->ready) != 0;
}

static bool
is_idle(const struct session *session)
{
    return session->client != NULL && smtp_client_is_idle(session->client);
}

/* Idle sessions are in front; each is asked once, for one that has nothing to do is idle again. */
static void
wake_idle(struct site *site, int64_t now)
{
    const struct session *last = site->last;
    struct session *next = site->first;
    bool is_last = false;

    while (next != NULL && !is_last && is_idle(next) && has_work(site)) {
        struct session *s = next;

        next = s->next;
        is_last = s == last;
        if (s->is_leaving || controller_ready_at_us(s->lane->controller, now) > now ||
            !session_may_send(s, now))
            continue;
        session_to_back(s);
        smtp_client_wake(s->client);
    }
}

static bool
may_open(void *arg, size_t member)
{
    struct site *site = arg;
    struct lane *lane = site->bindings[member].lane;
    int64_t now = site_now_us(site);

    return binding_may_open(site, &site->bindings[member], now) &&
        controller_ready_at_us(lane->controller, now) <= now &&
        lane->open < controller_connections(lane->controller, site->ready.count, now);
}

/* One session after the other, each for the IP whose turn it is. */
static void
open_sessions(struct site *site)
{
    size_t member;

    site_see_hosts(site);
    while (site->connections_open < site->connections_max &&
        (member = pool_turns_take(&site->turns, may_open, site)) != SIZE_MAX)
        session_open(site, &site->bindings[member]);
}

/* When a lane or an IP can do something that it cannot do now; INT64_MAX: they wait for no time. */
static int64_t
next_news_us(struct site *site, int64_t now)
{
    int64_t first_us = site_bindings_wake_at_us(site, now);

    for (size_t i = 0; i < site->lanes_count; i++) {
        int64_t at_us = controller_ready_at_us(site->lanes[i].controller, now);

        if (at_us > now && at_us < first_us)
            first_us = at_us;
    }
    return first_us;
}

void
site_work(struct site *site)
{
    int64_t now = site_now_us(site), wake_us;

    if (site->ready.count == 0)
        return;
    if (site->held_until_us > now) {
        if (site->held_until_us < INT64_MAX)
            work_at(site, site->held_until_us);
        return;
    }
    site->paced_until_us = site_bindings_ready_at_us(site, now);
    if (site->paced_until_us > now) {
        if (site->paced_until_us < INT64_MAX)
            work_at(site, site->paced_until_us);
        return;
    }
    wake_idle(site, now);
    if (!has_work(site))
        return;
    if (site->no_connect_until_us > now) {
        work_at(site, site->no_connect_until_us);
        return;
    }
    open_sessions(site);
    wake_us = next_news_us(site, now);
    if (wake_us < INT64_MAX)
        work_at(site, wake_us);
}

/* --- a site's life --------------------------------------------------------------------------- */

static void
add_lanes(struct site *site)
{
    size_t count = site->nature.is_per_source ? site->pool->members_count : 1;

    site->lanes = mem_alloc_zeroed(count * sizeof *site->lanes);
    site->lanes_count = count;
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = &site->lanes[i];

        *lane = (struct lane){.site = site,
            .source = site->pool->members[i].source,
            .is_of_source = site->nature.is_per_source};
        lane->controller = controller_new(
            site->nature.is_per_source ? &site->bindings[i].terms.rule : &site->lane_rule,
            site_now_us(site), site_on_change, lane);
        controller_automate(lane->controller, site->context->automation);
        if (site->context->doors->truth != NULL && site->route->hosts_count > 0)
            controller_ask(lane->controller, site->context->doors->truth,
                site->context->doors->truth_arg, site->route->hosts[0].name);
    }
    for (size_t i = 0; i < site->bindings_count; i++)
        site->bindings[i].lane = &site->lanes[site->nature.is_per_source ? i : 0];
}

struct site *
site_new(struct site_context *context, const struct route_site *route)
{
    struct site *site = mem_alloc_zeroed(sizeof *site);
    char name[32];

    site->context = context;
    site->route = route;
    snprintf(name, sizeof name, "site/%u", (unsigned)route->number);
    site->rng = rng_child(context->doors->rng, name);
    site->typing_rng = rng_child(&site->rng, "typing");
    site->nature = controller_nature(route->rule);
    site->pool = route->rule->pool != NULL ? route->rule->pool : &context->own_ips;
    site_bind(site);
    site->lane_rule =
        mx_terms_resolve(route->rule, route->scopes, route->scopes_count, site->pool, MX_NO_SOURCE)
            .rule;
    site->lane_rule.connections = site->connections_max;
    add_lanes(site);
    return site;
}

void
site_free(struct site **site)
{
    struct site *s = *site;

    if (s == NULL)
        return;
    while (s->first != NULL)
        session_end(s->first);
    timer_cancel(s->context->doors->loop, &s->timer);
    for (size_t i = 0; i < s->lanes_count; i++)
        controller_free(&s->lanes[i].controller);
    mem_free(s->lanes);
    site_unbind(s);
    mem_free(s);
    *site = NULL;
}

void
site_add(struct site *site, queue_node node)
{
    line_push(site->context->queue, &site->ready, node);
    site_work(site);
}

/* --- what people ask for --------------------------------------------------------------------- */

void
site_hold(struct site *site, int64_t until_us)
{
    site->held_until_us = until_us;
    for (struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL && until_us > site_now_us(site))
            smtp_client_leave(s->client);
    work_at(site, site_now_us(site));
}

void
site_sources_changed(struct site *site)
{
    int64_t now = site_now_us(site);

    for (struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL && binding_held_until_us(site, s->binding) > now)
            smtp_client_leave(s->client);
    work_at(site, now);
}

void
site_hold_source(struct site *site, uint32_t source, int64_t until_us)
{
    for (size_t i = 0; i < site->bindings_count; i++)
        if (site->bindings[i].source == source)
            site->bindings[i].held_until_us = until_us;
    site_sources_changed(site);
}

void
site_automate(struct site *site)
{
    for (size_t i = 0; i < site->lanes_count; i++)
        controller_automate(site->lanes[i].controller, site->context->automation);
}

/* Where several of our IPs send and nobody knows whose it was, it says nothing about any of them. */
void
site_complain(struct site *site, uint32_t source)
{
    for (size_t i = 0; i < site->lanes_count; i++)
        if (site->lanes_count == 1 || site->lanes[i].source == source)
            controller_complaint(site->lanes[i].controller, site_now_us(site));
}

void
site_retire(struct site *site)
{
    for (struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL)
            smtp_client_leave(s->client);
}

void
site_flush(struct site *site)
{
    for (size_t i = 0; i < site->endpoints.count; i++)
        site->endpoints.list[i].held_until_us = 0;
    site->no_connect_until_us = 0;
    work_at(site, site_now_us(site));
}

void
site_withdraw(struct site *site, queue_match_fn *match, void *arg, struct line *line)
{
    line_withdraw(site->context->queue, &site->ready, match, arg, line);
}

struct slice
site_name(const struct site *site)
{
    return site->route->hosts_count > 0 ? site->route->hosts[0].name : SLICE("");
}

struct site_state
site_state(const struct site *site)
{
    return (struct site_state){.counts = &site->counts,
        .route = site->route,
        .connections_open = site->connections_open,
        .connections_max = site->connections_max,
        .ready = site->ready.count,
        .held_until_us = site->held_until_us,
        .paced_until_us = site->paced_until_us};
}

void
site_describe_pace(const struct site *site, struct text *out)
{
    for (size_t i = 0; i < site->lanes_count; i++) {
        const struct lane *lane = &site->lanes[i];

        if (i > 0)
            text_add_string(out, "; ");
        if (lane->is_of_source && site->lanes_count > 1) {
            net_address_format(out, &site->context->config->source_ips[lane->source]);
            text_add_string(out, ": ");
        }
        controller_describe(lane->controller, site_now_us(site), out);
    }
}
