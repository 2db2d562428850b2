/* delivery_orders.c - suspend, try now, give up, and look. */
#include "mta/delivery_orders.h"

#include "base/mem.h"
#include "mta/delivery_parts.h"
#include "smtp/event.h"

/* --- targets --------------------------------------------------------------------------------- */

struct search {
    struct delivery *delivery;
    struct slice target;
    const struct site *site; /* that has the name of the target, if any */
    bool has_domain, is_recipient;
    uint32_t domain;
    struct text recipient;
};

static struct search
search_for(struct delivery *delivery, struct slice target)
{
    struct search search = {.delivery = delivery, .target = target};

    search.is_recipient = memchr(target.at, '@', target.length) != NULL;
    search.has_domain = spool_find_domain(delivery->context.spool, target, &search.domain);
    for (size_t i = 0; i < delivery->sites_count && !search.is_recipient; i++)
        if (delivery->sites[i] != NULL && slice_equals(site_name(delivery->sites[i]), target))
            search.site = delivery->sites[i];
    return search;
}

static bool
is_meant(void *arg, queue_node node)
{
    struct search *search = arg;
    const struct site_context *context = &search->delivery->context;
    struct spool_place place = queue_place(context->queue, node);
    uint32_t domain;

    if (search->target.length == 0)
        return true;
    if (search->is_recipient) {
        text_clear(&search->recipient);
        spool_recipient(context->spool, place, &search->recipient);
        return slice_equals_nocase(text_slice(&search->recipient), search->target);
    }
    domain = spool_domain(context->spool, place);
    return (search->has_domain && domain == search->domain) ||
        (search->site != NULL && delivery_domain(search->delivery, domain)->site == search->site);
}

/* --- suspend --------------------------------------------------------------------------------- */

int64_t
delivery_held_until_us(const struct delivery *delivery, struct slice name)
{
    uint32_t number;

    if (delivery->hold_names.count == 0 || !map_find(&delivery->hold_names, name, &number) ||
        delivery->holds[number]->until_us <= loop_now_us(delivery->context.doors->loop))
        return 0;
    return delivery->holds[number]->until_us;
}

/* Recipients that already stand in line at a site go back to the desk of their domain. */
static void
call_back(struct delivery *delivery, struct search *search)
{
    struct domain_desk *desk = delivery_domain(delivery, search->domain);

    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL)
            site_withdraw(delivery->sites[i], is_meant, search, &desk->waiting);
}

bool
delivery_find_source(const struct delivery *delivery, struct slice ip, uint32_t *source)
{
    const struct mta_config *config = delivery->context.config;
    struct net_address address;

    if (!net_address_parse(ip, &address))
        return false;
    for (*source = 0; *source < config->source_ips_count; ++*source)
        if (net_address_same_host(&config->source_ips[*source], &address))
            return true;
    return false;
}

/* What stands before the last '/', and what behind it. False: there is none. */
static bool
split(struct slice target, struct slice *site, struct slice *ip)
{
    const char *slash = memrchr(target.at, '/', target.length);

    if (slash == NULL)
        return false;
    *site = (struct slice){target.at, (size_t)(slash - target.at)};
    *ip = slice_from(target, site->length + 1);
    return true;
}

/* A whole IP, or an IP at a site. False: the target is neither. */
static bool
apply_hold_of_source(struct delivery *delivery, struct slice target, int64_t until_us)
{
    struct slice name = SLICE(""), ip = target;
    bool is_at_site = split(target, &name, &ip);
    uint32_t source;

    if (!delivery_find_source(delivery, ip, &source))
        return is_at_site;
    if (!is_at_site)
        delivery->context.sources_held_until_us[source] = until_us;
    for (size_t i = 0; i < delivery->sites_count; i++) {
        struct site *site = delivery->sites[i];

        if (site == NULL)
            continue;
        if (!is_at_site)
            site_sources_changed(site);
        else if (slice_equals(site_name(site), name))
            site_hold_source(site, source, until_us);
    }
    return true;
}

void
delivery_hold_bindings(struct delivery *delivery, struct site *site)
{
    for (uint32_t i = 0; i < delivery->hold_names.count; i++) {
        struct slice target = map_key(&delivery->hold_names, i), name, ip;
        int64_t until_us = delivery_held_until_us(delivery, target);
        uint32_t source;

        if (until_us > 0 && split(target, &name, &ip) && slice_equals(name, site_name(site)) &&
            delivery_find_source(delivery, ip, &source))
            site_hold_source(site, source, until_us);
    }
}

static void
apply_hold(struct delivery *delivery, struct slice target, int64_t until_us)
{
    struct search search = search_for(delivery, target);
    const struct site *site = search.site;

    if (apply_hold_of_source(delivery, target, until_us))
        return;
    if (search.has_domain) {
        delivery_domain(delivery, search.domain)->held_until_us = until_us;
        search.site = NULL;
        if (until_us > 0)
            call_back(delivery, &search);
        else
            delivery_direct_waiting(delivery, search.domain);
    }
    if (site != NULL)
        site_hold(delivery->sites[site_state(site).route->number], until_us);
}

/* The rule "operator", beside what controllers do. */
static void
tell_hold(struct delivery *delivery, struct slice target, const char *what, int64_t for_us)
{
    struct site_context *context = &delivery->context;
    struct journal *journal = context->doors->journal;
    struct event event = {.at_us = loop_now_us(context->doors->loop),
        .kind = EVENT_MX_CHANGED,
        .rule = journal_name(journal, SLICE("operator"))};
    struct slice name = target, ip = target;
    bool is_at_site = split(target, &name, &ip);
    struct text words = {0};
    uint32_t source;

    if (delivery_find_source(delivery, ip, &source))
        event.source_ip = context->source_names[source];
    if (is_at_site || event.source_ip == 0)
        event.host = journal_name(journal, name);
    text_printf(&words, "%s: %.*s", what, SLICE_ARGS(target));
    if (for_us > 0) {
        text_add_string(&words, " for ");
        unit_format_duration(&words, for_us);
    }
    event.text = journal_text(journal, text_slice(&words));
    event_write(journal, &event, SLICE(""), SLICE(""));
    text_release(&words);
}

static void
on_hold_over(void *arg)
{
    struct hold *hold = arg;
    struct delivery *delivery = hold->delivery;

    hold->until_us = 0;
    hold->record = spool_keep_hold(delivery->context.spool, SLICE(""), 0, hold->record);
    for (uint32_t i = 0; i < delivery->hold_names.count; i++)
        if (delivery->holds[i] == hold) {
            tell_hold(delivery, map_key(&delivery->hold_names, i),
                hold->is_by_hand ? "resumed" : "suspension is over", 0);
            apply_hold(delivery, map_key(&delivery->hold_names, i), 0);
        }
    hold->is_by_hand = false;
}

static struct hold *
hold_for(struct delivery *delivery, struct slice target)
{
    bool is_new;
    uint32_t number = map_put(&delivery->hold_names, target, &is_new);

    if (is_new) {
        delivery->holds =
            mem_grow(delivery->holds, &delivery->holds_capacity, number + 1, sizeof(struct hold *));
        delivery->holds[number] = mem_alloc_zeroed(sizeof(struct hold));
        delivery->holds[number]->delivery = delivery;
    }
    return delivery->holds[number];
}

static void
begin_hold(struct hold *hold, struct slice target, int64_t until_us)
{
    struct delivery *delivery = hold->delivery;
    struct loop *loop = delivery->context.doors->loop;

    hold->until_us = until_us;
    timer_cancel(loop, &hold->timer);
    if (until_us < INT64_MAX)
        timer_arm(loop, &hold->timer, until_us, on_hold_over, hold);
    apply_hold(delivery, target, until_us);
}

static void
recover_hold(void *arg, store_handle record, struct slice name, int64_t until_us)
{
    struct delivery *delivery = arg;
    struct hold *hold = hold_for(delivery, name);

    hold->record = record;
    if (until_us > loop_now_us(delivery->context.doors->loop))
        begin_hold(hold, name, until_us);
    else
        hold->record = spool_keep_hold(delivery->context.spool, name, 0, record);
}

void
delivery_recover_state(struct delivery *delivery)
{
    site_context_recover_days(&delivery->context);
    spool_find_holds(delivery->context.spool, recover_hold, delivery);
}

/* Going on happens from the loop, hence by the timer too. */
bool
delivery_hold(struct delivery *delivery, struct slice target, int64_t until_us)
{
    struct loop *loop = delivery->context.doors->loop;
    struct hold *hold;

    if (until_us <= loop_now_us(loop)) {
        if (delivery_held_until_us(delivery, target) == 0)
            return false;
        hold_for(delivery, target)->is_by_hand = true;
        loop_post(
            loop, &hold_for(delivery, target)->timer, on_hold_over, hold_for(delivery, target));
        return true;
    }
    hold = hold_for(delivery, target);
    hold->record = spool_keep_hold(delivery->context.spool, target, until_us, hold->record);
    tell_hold(
        delivery, target, "suspended", until_us < INT64_MAX ? until_us - loop_now_us(loop) : 0);
    hold->is_by_hand = false;
    begin_hold(hold, target, until_us);
    return true;
}

/* --- try now, give up ------------------------------------------------------------------------ */

static void
on_flush(void *arg)
{
    struct delivery *delivery = arg;
    struct line line = delivery->flushed;
    queue_node node;

    delivery->flushed = (struct line){0};
    while ((node = line_pop(delivery->context.queue, &line)) != 0)
        delivery_direct(delivery, node);
}

uint64_t
delivery_flush(struct delivery *delivery, struct slice target)
{
    struct search search = search_for(delivery, target);
    struct line *line = &delivery->flushed;
    uint64_t before = line->count;

    queue_withdraw(delivery->context.queue, is_meant, &search, line);
    loop_post(delivery->context.doors->loop, &delivery->flush_timer, on_flush, delivery);
    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL &&
            (target.length == 0 || delivery->sites[i] == search.site ||
                (search.has_domain &&
                    delivery_domain(delivery, search.domain)->site == delivery->sites[i])))
            site_flush(delivery->sites[i]);
    return line->count - before;
}

uint64_t
delivery_give_up(struct delivery *delivery, struct slice target, struct slice reason)
{
    struct search search = search_for(delivery, target);
    struct queue *queue = delivery->context.queue;
    struct line line = {0};
    uint64_t count = 0;
    queue_node node;

    queue_withdraw(queue, is_meant, &search, &line);
    for (size_t i = 0; i < delivery->domains_count; i++)
        line_withdraw(queue, &delivery->domains[i].waiting, is_meant, &search, &line);
    for (size_t i = 0; i < delivery->sites_count; i++)
        if (delivery->sites[i] != NULL)
            site_withdraw(delivery->sites[i], is_meant, &search, &line);
    line_withdraw(queue, &delivery->flushed, is_meant, &search, &line);
    for (; (node = line_pop(queue, &line)) != 0; count++)
        outcome_fail(delivery->context.desk, node, reason);
    text_release(&search.recipient);
    return count;
}

/* --- look ------------------------------------------------------------------------------------ */

struct survey {
    struct delivery *delivery;
    struct delivery_domain_state *states;
};

static void
add_to_survey(void *arg, queue_node node, enum queue_wait wait, int64_t due_us)
{
    struct survey *survey = arg;
    const struct site_context *context = &survey->delivery->context;
    struct spool_place place = queue_place(context->queue, node);
    struct delivery_domain_state *state = &survey->states[spool_domain(context->spool, place)];
    int64_t arrival_us = spool_envelope(context->spool, place.message).arrival_us;
    bool is_first = state->waiting + state->in_flight + state->deferred == 0;

    state->waiting += wait == QUEUE_IN_LINE;
    state->in_flight += wait == QUEUE_IN_FLIGHT;
    state->deferred += wait == QUEUE_DEFERRED;
    if (is_first || arrival_us < state->oldest_us)
        state->oldest_us = arrival_us;
    if (due_us > 0 && (state->next_due_us == 0 || due_us < state->next_due_us))
        state->next_due_us = due_us;
}

void
delivery_list_domains(struct delivery *delivery, delivery_domain_fn *fn, void *arg)
{
    const struct site_context *context = &delivery->context;
    uint32_t count = spool_domains_count(context->spool);
    struct survey survey = {delivery, mem_alloc_zeroed((count + 1) * sizeof *survey.states)};
    int64_t now_us = loop_now_us(context->doors->loop);

    queue_walk(context->queue, add_to_survey, &survey);
    for (uint32_t i = 0; i < count; i++) {
        struct delivery_domain_state *state = &survey.states[i];
        const struct domain_desk *desk = delivery_domain(delivery, i);

        state->domain = spool_domain_name(context->spool, i);
        state->site = desk->site != NULL ? site_name(desk->site) : SLICE("");
        state->site_number = desk->site != NULL ? site_state(desk->site).route->number : SIZE_MAX;
        state->held_until_us = desk->held_until_us > now_us ? desk->held_until_us : 0;
        if (state->waiting + state->in_flight + state->deferred > 0 || state->held_until_us > 0)
            fn(arg, state);
    }
    mem_free(survey.states);
}

struct listing {
    struct search search;
    size_t max;
    uint64_t count;
    delivery_recipient_fn *fn;
    void *arg;
    struct text name;
};

static void
list_recipient(void *arg, queue_node node, enum queue_wait wait, int64_t due_us)
{
    struct listing *listing = arg;
    const struct site_context *context = &listing->search.delivery->context;
    struct delivery_recipient_state state = {.place = queue_place(context->queue, node),
        .wait = wait,
        .attempts = queue_attempts(context->queue, node),
        .expires_us = queue_expires_us(context->queue, node),
        .due_us = due_us};

    if (!is_meant(&listing->search, node) || listing->count++ >= listing->max)
        return;
    text_clear(&listing->name);
    spool_recipient(context->spool, state.place, &listing->name);
    state.recipient = text_slice(&listing->name);
    state.arrival_us = spool_envelope(context->spool, state.place.message).arrival_us;
    listing->fn(listing->arg, &state);
}

uint64_t
delivery_list_recipients(struct delivery *delivery, struct slice target, size_t max,
    delivery_recipient_fn *fn, void *arg)
{
    struct listing listing = {
        .search = search_for(delivery, target), .max = max, .fn = fn, .arg = arg};

    queue_walk(delivery->context.queue, list_recipient, &listing);
    text_release(&listing.name);
    text_release(&listing.search.recipient);
    return listing.count;
}

size_t
delivery_sites_count(const struct delivery *delivery)
{
    return delivery->sites_count;
}

const struct site *
delivery_site(const struct delivery *delivery, size_t number)
{
    assert(number < delivery->sites_count);
    return delivery->sites[number];
}
