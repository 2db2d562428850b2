/* site_binding.c - our IPs at a site: how much each of them may still send there, and on which paths.
 *
 * Whether an IP may is asked in one place: suspensions, the hour, and room for another connection.
 * Those that may not leave their turns to the others of the pool. */
#include "mta/site_parts.h"

#include <inttypes.h>

#include "base/mem.h"

/* --- what bounds them ------------------------------------------------------------------------ */

/* Also the one that was read again. */
static bool
throttles_alike(const struct mx_scope *a, const struct mx_scope *b)
{
    return slice_equals(a->domain, b->domain) && (a->pool == NULL) == (b->pool == NULL) &&
        (a->pool == NULL || slice_equals(a->pool->name, b->pool->name)) &&
        a->is_of_source == b->is_of_source && a->source == b->source &&
        a->values.messages_per_hour == b->values.messages_per_hour &&
        a->values.shape == b->values.shape;
}

/* The throttle of a scope is one for all that falls under it, at whatever site. */
static struct throttle *
throttle_of_scope(struct site_context *context, const struct mx_scope *scope)
{
    struct scope_throttle *own;

    for (size_t i = 0; i < context->scope_throttles_count; i++)
        if (throttles_alike(context->scope_throttles[i]->scope, scope))
            return &context->scope_throttles[i]->throttle;
    own = mem_alloc_zeroed(sizeof *own);
    own->scope = scope;
    throttle_init(&own->throttle, scope->values.messages_per_hour, scope->values.shape);
    context->scope_throttles =
        mem_grow(context->scope_throttles, &context->scope_throttles_capacity,
            context->scope_throttles_count + 1, sizeof(struct scope_throttle *));
    context->scope_throttles[context->scope_throttles_count++] = own;
    return &own->throttle;
}

static struct kept_warmup *
kept_for(struct site_context *context, struct slice key)
{
    bool is_new;
    uint32_t number = map_put(&context->warmup_keys, key, &is_new);

    if (is_new) {
        context->warmups = mem_grow(context->warmups, &context->warmups_capacity,
            (size_t)number + 1, sizeof(struct kept_warmup *));
        context->warmups[number] = mem_alloc_zeroed(sizeof(struct kept_warmup));
        context->warmups[number]->day.start_us = INT64_MIN;
    }
    return context->warmups[number];
}

/* A count outlives its site, for the next one after a reload, and the process. */
static struct kept_warmup *
warmup_of(struct site *site, const struct warmup_plan *plan, uint32_t source)
{
    struct site_context *context = site->context;
    const struct loop *loop = context->doors->loop;
    struct kept_warmup *kept;
    struct text key = {0};

    net_address_format(&key, &context->config->source_ips[source]);
    text_printf(&key, " %.*s ", SLICE_ARGS(plan->is_for_all ? SLICE("") : site_name(site)));
    warmup_plan_key(plan, &key);
    kept = kept_for(context, text_slice(&key));
    text_release(&key);
    if (kept->count.plan == NULL) {
        warmup_begin(&kept->count, plan,
            plan->has_start ? plan->start_wall_us - loop_wall_us(loop) + loop_now_us(loop) : 0);
        kept->count.day = warmup_day(&kept->count, kept->day.start_us);
        kept->count.sent = kept->day.sent;
    }
    return kept;
}

static void
recover_day(void *arg, store_handle record, struct slice key, const struct spool_day *day)
{
    struct site_context *context = arg;
    struct kept_warmup *kept;

    if (day->start_us + US_PER_DAY <= loop_now_us(context->doors->loop)) {
        spool_forget_day(context->spool, record);
        return;
    }
    kept = kept_for(context, key);
    kept->day = *day;
    kept->record = record;
}

void
site_context_recover_days(struct site_context *context)
{
    spool_find_days(context->spool, recover_day, context);
}

static void
keep_day(struct site_context *context, struct kept_warmup *kept)
{
    struct slice key = SLICE("");

    kept->day =
        (struct spool_day){.start_us = kept->count.start_us + (kept->count.day - 1) * US_PER_DAY,
            .sent = kept->count.sent};
    for (uint32_t i = 0; kept->record == 0 && i < context->warmup_keys.count; i++)
        if (context->warmups[i] == kept)
            key = map_key(&context->warmup_keys, i);
    kept->record = spool_keep_day(context->spool, key, &kept->day, kept->record);
}

void
site_context_free_counts(struct site_context *context)
{
    for (uint32_t i = 0; i < context->warmup_keys.count; i++)
        mem_free(context->warmups[i]);
    mem_free(context->warmups);
    map_release(&context->warmup_keys);
    for (size_t i = 0; i < context->scope_throttles_count; i++) {
        throttle_release(&context->scope_throttles[i]->throttle);
        mem_free(context->scope_throttles[i]);
    }
    mem_free(context->scope_throttles);
}

static void
bind(struct site *site, struct binding *binding, const struct pool_member *member)
{
    const struct route_site *route = site->route;
    const struct mx_rule *rule = &binding->terms.rule;

    *binding = (struct binding){.source = member->source,
        .terms = mx_terms_resolve(
            route->rule, route->scopes, route->scopes_count, site->pool, member->source)};
    binding->has_own_connections = binding->terms.connections_of != NULL || rule->is_own;
    if (binding->terms.hour_of == NULL)
        binding->throttle = rule->is_own ? &binding->own : &site->hour;
    else if (binding->terms.hour_of->values.is_own)
        binding->throttle = &binding->own;
    else
        binding->throttle = throttle_of_scope(site->context, binding->terms.hour_of);
    throttle_init(&binding->own, rule->messages_per_hour, rule->shape);
    if (rule->path_connections > 0 || rule->path_messages_per_hour > 0)
        binding->paths = mem_alloc_zeroed(ENDPOINTS_MAX * sizeof *binding->paths);
    if (rule->warmup != NULL)
        binding->warmup = warmup_of(site, rule->warmup, member->source);
}

void
site_bind(struct site *site)
{
    const struct pool *pool = site->pool;

    site->bindings = mem_alloc_zeroed(pool->members_count * sizeof *site->bindings);
    site->bindings_count = pool->members_count;
    throttle_init(&site->hour, site->route->rule->messages_per_hour, site->route->rule->shape);
    for (size_t i = 0; i < pool->members_count; i++) {
        struct binding *binding = &site->bindings[i];

        bind(site, binding, &pool->members[i]);
        if (binding->has_own_connections)
            site->connections_max += binding->terms.rule.connections;
        else
            site->has_shared_connections = true;
    }
    if (site->has_shared_connections)
        site->connections_max += site->route->rule->connections;
    pool_turns_init(&site->turns, pool);
}

static void
forget_paths(struct binding *binding)
{
    for (size_t i = 0; binding->paths != NULL && i < ENDPOINTS_MAX; i++)
        throttle_release(&binding->paths[i].throttle);
}

void
site_unbind(struct site *site)
{
    for (size_t i = 0; i < site->bindings_count; i++) {
        forget_paths(&site->bindings[i]);
        mem_free(site->bindings[i].paths);
        throttle_release(&site->bindings[i].own);
    }
    mem_free(site->bindings);
    throttle_release(&site->hour);
    pool_turns_release(&site->turns);
}

/* --- paths ----------------------------------------------------------------------------------- */

/* DNS has said something new: what was counted of the old hosts is void. */
void
site_new_paths(struct site *site)
{
    for (size_t i = 0; i < site->bindings_count; i++) {
        struct binding *binding = &site->bindings[i];

        forget_paths(binding);
        for (size_t j = 0; binding->paths != NULL && j < ENDPOINTS_MAX; j++) {
            binding->paths[j] = (struct path){0};
            throttle_init(&binding->paths[j].throttle, binding->terms.rule.path_messages_per_hour,
                HOUR_BURST);
        }
    }
}

static bool
is_full(const struct binding *binding, struct path *path, int64_t now_us)
{
    uint32_t connections = binding->terms.rule.path_connections;

    return (connections > 0 && path->open >= connections) ||
        throttle_ready_at_us(&path->throttle, now_us) > now_us;
}

uint64_t
binding_full_paths(struct site *site, struct binding *binding)
{
    uint64_t full = 0;

    for (size_t i = 0; binding->paths != NULL && i < site->endpoints.count; i++)
        if (is_full(binding, &binding->paths[i], site_now_us(site)))
            full |= UINT64_C(1) << i;
    return full;
}

static bool
has_path(struct site *site, struct binding *binding)
{
    uint64_t all =
        site->endpoints.count < 64 ? (UINT64_C(1) << site->endpoints.count) - 1 : UINT64_MAX;

    return binding->paths == NULL || binding_full_paths(site, binding) != all;
}

void
session_take_path(struct session *session)
{
    struct binding *binding = session->binding;

    session_leave_path(session);
    if (binding->paths == NULL)
        return;
    session->path = &binding->paths[session->endpoint - session->site->endpoints.list];
    session->path->open++;
}

void
session_leave_path(struct session *session)
{
    if (session->path == NULL)
        return;
    session->path->open--;
    session->path = NULL;
}

/* --- may it ---------------------------------------------------------------------------------- */

static int64_t
later(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

int64_t
binding_held_until_us(const struct site *site, const struct binding *binding)
{
    return later(binding->held_until_us, site->context->sources_held_until_us[binding->source]);
}

int64_t
binding_ready_at_us(const struct site *site, struct binding *binding, int64_t now_us)
{
    int64_t at_us = later(now_us, binding_held_until_us(site, binding));

    if (binding->warmup != NULL)
        at_us = later(at_us, warmup_ready_at_us(&binding->warmup->count, now_us));
    return later(at_us, throttle_ready_at_us(binding->throttle, now_us));
}

/* The first of them that may send, or may again; INT64_MAX: not before somebody resumes one. */
int64_t
site_bindings_ready_at_us(struct site *site, int64_t now_us)
{
    int64_t first_us = INT64_MAX;

    for (size_t i = 0; i < site->bindings_count && first_us > now_us; i++) {
        int64_t at_us = binding_ready_at_us(site, &site->bindings[i], now_us);

        if (at_us < first_us)
            first_us = at_us;
    }
    return first_us;
}

/* When something changes for those that may not send now; INT64_MAX: nothing by itself. */
int64_t
site_bindings_wake_at_us(struct site *site, int64_t now_us)
{
    int64_t first_us = INT64_MAX;

    for (size_t i = 0; i < site->bindings_count; i++) {
        struct binding *binding = &site->bindings[i];
        int64_t at_us = binding_ready_at_us(site, binding, now_us);

        if (at_us > now_us && at_us < first_us)
            first_us = at_us;
        for (size_t j = 0; binding->paths != NULL && j < site->endpoints.count; j++) {
            at_us = throttle_ready_at_us(&binding->paths[j].throttle, now_us);
            if (at_us > now_us && at_us < first_us)
                first_us = at_us;
        }
    }
    return first_us;
}

/* A session that is on its way will take a message: no more of them than there may be. */
bool
binding_may_open(struct site *site, struct binding *binding, int64_t now_us)
{
    if (binding->has_own_connections ? binding->open >= binding->terms.rule.connections
                                     : site->shared_open >= site->route->rule->connections)
        return false;
    return binding_ready_at_us(site, binding, now_us) <= now_us && has_path(site, binding) &&
        throttle_room(binding->throttle, now_us) > binding->opening &&
        (binding->warmup == NULL ||
            warmup_room(&binding->warmup->count, now_us) > binding->opening);
}

bool
session_may_send(struct session *session, int64_t now_us)
{
    return binding_ready_at_us(session->site, session->binding, now_us) <= now_us &&
        (session->path == NULL || throttle_ready_at_us(&session->path->throttle, now_us) <= now_us);
}

void
session_take_message(struct session *session, int64_t now_us)
{
    struct kept_warmup *warmup = session->binding->warmup;

    throttle_take(session->binding->throttle, now_us);
    if (warmup != NULL) {
        warmup_take(&warmup->count, now_us);
        keep_day(session->site->context, warmup);
        if (warmup_room(&warmup->count, now_us) == 0 && !warmup->count.is_told)
            site_tell_full_day(session->site, session->binding, now_us);
    }
    if (session->path != NULL)
        throttle_take(&session->path->throttle, now_us);
}
