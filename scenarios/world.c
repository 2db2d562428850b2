/* world.c - a scenario brought to life. */
#include "scenarios/world.h"

#include "base/mem.h"
#include "base/resolver_sim.h"
#include "base/stream_sim.h"
#include "scenarios/audit.h"
#include "smtp/event.h"

enum {
    INSTANTS_PER_PROGRESS = 4096,
    SYNC_US = 200, /* what a commit to a good disk takes; many messages share one */
};

struct world;

struct change_state {
    struct world *world;
    const struct change *change;
    struct timer timer;
    int64_t value_before;
};

struct world {
    const struct scenario *scenario;
    struct world_options options;
    struct rng rng, rng_mta, rng_campaign;
    struct rng *rng_isps;
    struct loop *loop;
    struct network *network;
    struct resolver *resolver;
    struct store *store;
    struct journal *journal;
    struct bounce_rules *bounce_rules;
    struct isp **isps;
    struct mta *mta;
    struct campaign *campaign;
    struct judge *judge;
    struct audit *audit;
    struct change_state *changes;
    uint64_t instants_count;
    bool was_stopped;
};

/* --- the time line --------------------------------------------------------------------------- */

static void
set_host(struct world *world, const struct change *change, int64_t rtt_us, enum net_fault fault)
{
    const struct isp_host *host = &world->scenario->isps[change->isp].hosts[change->index];

    for (size_t i = 0; i < host->addresses_count; i++) {
        struct net_link link = network_sim_link(world->network, &host->addresses[i]);

        if (rtt_us >= 0)
            link.latency_us = rtt_us / 2;
        else
            link.fault = fault;
        network_sim_set_link(world->network, &host->addresses[i], &link);
        if (rtt_us < 0 && fault == NET_FAULT_REFUSE)
            network_sim_reset_open(world->network, &host->addresses[i]);
    }
}

static struct slice
zone_of(const struct scenario *scenario, struct slice domain)
{
    struct slice best = {0};

    for (size_t i = 0; i < scenario->zones_count; i++)
        if (slice_ends_with_nocase(domain, scenario->zones[i]) &&
            scenario->zones[i].length > best.length)
            best = scenario->zones[i];
    return best;
}

static void
set_dns(struct world *world, const struct change *change, enum dns_status status)
{
    const struct isp_config *isp = &world->scenario->isps[change->isp];

    for (size_t i = 0; i < isp->domains_count; i++)
        resolver_sim_fail_zone(world->resolver, zone_of(world->scenario, isp->domains[i]), status);
}

static enum net_fault
own_fault(const struct isp_host *host)
{
    switch (host->fault) {
    case HOST_FINE:
        return NET_FAULT_NONE;
    case HOST_REFUSES:
        return NET_FAULT_REFUSE;
    case HOST_IS_SILENT:
        return NET_FAULT_SILENT;
    case HOST_RESETS:
        return NET_FAULT_RESET;
    }
    return NET_FAULT_NONE;
}

static void
apply(struct change_state *state, bool is_begin)
{
    struct world *world = state->world;
    const struct change *change = state->change;
    const struct isp_host *host;

    switch (change->kind) {
    case CHANGE_NOTHING:
        return;
    case CHANGE_KNOB:
        if (is_begin)
            state->value_before = isp_knob(world->isps[change->isp], change->knob, change->index);
        isp_turn(world->isps[change->isp], change->knob, change->index,
            is_begin ? change->value : state->value_before);
        return;
    case CHANGE_HOST:
        host = &world->scenario->isps[change->isp].hosts[change->index];
        set_host(world, change, -1, is_begin ? change->fault : own_fault(host));
        return;
    case CHANGE_RTT:
        host = &world->scenario->isps[change->isp].hosts[change->index];
        set_host(world, change, is_begin ? change->value : host->rtt_us, NET_FAULT_NONE);
        return;
    case CHANGE_DNS:
        set_dns(world, change, is_begin ? change->dns : DNS_OK);
        return;
    }
}

/* Told right after it was done: whoever hears of it finds the new value. */
static void
tell_change(struct change_state *state, enum event_outcome outcome)
{
    struct world *world = state->world;
    const struct change *change = state->change;
    struct event event = {.at_us = loop_now_us(world->loop),
        .kind = EVENT_TIMELINE,
        .outcome = (uint8_t)outcome,
        .reason = REASON_NONE,
        .isp = change->isp == SIZE_MAX
            ? 0
            : journal_name(world->journal, world->scenario->isps[change->isp].name),
        .text = journal_name(world->journal, change->text),
        .rule = journal_name(world->journal, change->label)};

    event_write(world->journal, &event, SLICE(""), SLICE(""));
}

static void
end_change(void *arg)
{
    struct change_state *state = arg;

    apply(state, false);
    tell_change(state, OUTCOME_CLOSED);
}

static void
begin_change(void *arg)
{
    struct change_state *state = arg;
    const struct change *change = state->change;

    apply(state, true);
    tell_change(state, change->for_us > 0 ? OUTCOME_OPENED : OUTCOME_SET);
    if (change->for_us > 0)
        timer_arm(
            state->world->loop, &state->timer, change->at_us + change->for_us, end_change, state);
}

static void
arm_changes(struct world *world)
{
    const struct scenario *scenario = world->scenario;

    world->changes = mem_alloc_zeroed((scenario->changes_count + 1) * sizeof *world->changes);
    for (size_t i = 0; i < scenario->changes_count; i++) {
        struct change_state *state = &world->changes[i];

        state->world = world;
        state->change = &scenario->changes[i];
        timer_arm(world->loop, &state->timer, state->change->at_us, begin_change, state);
    }
}

/* --- building -------------------------------------------------------------------------------- */

static void
build_dns(struct world *world)
{
    const struct scenario *scenario = world->scenario;

    world->resolver = resolver_sim_new(world->loop, scenario->dns_delay_us);
    for (size_t i = 0; i < scenario->zones_count; i++)
        resolver_sim_add_zone(world->resolver, scenario->zones[i]);
    for (size_t i = 0; i < scenario->records_count; i++) {
        const struct zone_record *record = &scenario->records[i];

        switch (record->type) {
        case DNS_MX:
            resolver_sim_add_mx(world->resolver, record->name, record->preference, record->host);
            break;
        case DNS_ADDRESS:
            resolver_sim_add_address(world->resolver, record->name, &record->address);
            break;
        case DNS_TXT:
            resolver_sim_add_txt(world->resolver, record->name, record->text);
            break;
        }
    }
}

static bool
build_isp(struct world *world, size_t i, struct error *err)
{
    const struct isp_config *config = &world->scenario->isps[i];
    const struct isp_doors doors = {.loop = world->loop,
        .network = world->network,
        .journal = world->journal,
        .rng = &world->rng_isps[i]};
    struct text name = {0};

    text_printf(&name, "isp/%.*s", SLICE_ARGS(config->name));
    world->rng_isps[i] = rng_child_slice(&world->rng, text_slice(&name));
    text_release(&name);
    for (size_t h = 0; h < config->hosts_count; h++) {
        const struct net_link link = {
            .latency_us = config->hosts[h].rtt_us / 2, .fault = own_fault(&config->hosts[h])};

        for (size_t a = 0; a < config->hosts[h].addresses_count; a++)
            network_sim_set_link(world->network, &config->hosts[h].addresses[a], &link);
    }
    world->isps[i] = isp_new(config, &doors, err);
    if (world->isps[i] == NULL)
        return error_prefix(err, "ISP %.*s", SLICE_ARGS(config->name));
    return true;
}

static void
build_campaign(struct world *world)
{
    const struct scenario *scenario = world->scenario;
    const struct net_link link = {.latency_us = scenario->campaign_rtt_us / 2};
    struct campaign_doors doors = {.loop = world->loop,
        .network = world->network,
        .journal = world->journal,
        .rng = &world->rng_campaign,
        .mta = scenario->mta.listen,
        .hostname = SLICE("campaign.example")};

    network_sim_set_link(world->network, &scenario->mta.listen, &link);
    net_address_parse(SLICE("198.19.255.1"), &doors.from);
    world->campaign = campaign_new(&scenario->campaign, &doors);
}

static bool
build_mta(struct world *world, struct error *err)
{
    const struct mta_doors doors = {.loop = world->loop,
        .network = world->network,
        .resolver = world->resolver,
        .store = world->store,
        .journal = world->journal,
        .bounce_rules = world->bounce_rules,
        .rng = &world->rng_mta};

    world->mta =
        mta_new(&world->scenario->mta, &doors, campaign_take_feedback, world->campaign, err);
    return world->mta != NULL;
}

static void
instant_over(void *arg)
{
    struct world *world = arg;

    judge_instant_over(world->judge);
    if (++world->instants_count % INSTANTS_PER_PROGRESS != 0 || world->options.on_progress == NULL)
        return;
    if (!world->options.on_progress(world->options.progress_arg, loop_now_us(world->loop))) {
        world->was_stopped = true;
        loop_stop(world->loop);
    }
}

struct world *
world_new(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err)
{
    struct world *world = mem_alloc_zeroed(sizeof *world);
    struct judge_doors judge_doors;
    struct rng rng_network, rng_store;
    bool is_built = true;

    world->scenario = scenario;
    world->options = *options;
    world->rng = rng_from_seed(options->seed);
    world->rng_mta = rng_child(&world->rng, "mta");
    world->rng_campaign = rng_child(&world->rng, "campaign");
    rng_network = rng_child(&world->rng, "network");
    rng_store = rng_child(&world->rng, "store");
    world->rng_isps = mem_alloc_zeroed((scenario->isps_count + 1) * sizeof *world->rng_isps);
    world->loop = loop_sim_new(scenario->start_wall_us);
    world->network = network_sim_new(world->loop, &rng_network);
    world->store = store_sim_new(world->loop, SYNC_US, &rng_store);
    world->journal = journal_new();
    if (options->journal_file != NULL)
        journal_write_to(world->journal, options->journal_file);
    world->bounce_rules = bounce_rules_new();
    build_dns(world);
    world->isps = mem_alloc_zeroed((scenario->isps_count + 1) * sizeof(struct isp *));
    for (size_t i = 0; is_built && i < scenario->isps_count; i++)
        is_built = build_isp(world, i, err);
    if (is_built) {
        build_campaign(world);
        is_built = build_mta(world, err);
    }
    if (!is_built) {
        world_free(&world);
        return NULL;
    }
    judge_doors = (struct judge_doors){.loop = world->loop,
        .journal = world->journal,
        .campaign = world->campaign,
        .isps = world->isps};
    world->audit = audit_new(scenario, world->journal, world->campaign);
    world->judge = judge_new(plan, &judge_doors);
    loop_on_instant_over(world->loop, instant_over, world);
    arm_changes(world);
    campaign_start(world->campaign);
    return world;
}

void
world_free(struct world **world)
{
    struct world *w = *world;

    if (w == NULL)
        return;
    if (w->journal != NULL)
        journal_end(w->journal); /* sessions close now, and nobody is left to hear of it */
    judge_free(&w->judge);
    audit_free(&w->audit);
    mta_free(&w->mta);
    campaign_free(&w->campaign);
    for (size_t i = 0; w->isps != NULL && i < w->scenario->isps_count; i++)
        isp_free(&w->isps[i]);
    mem_free(w->isps);
    mem_free(w->rng_isps);
    for (size_t i = 0; w->changes != NULL && i < w->scenario->changes_count; i++)
        timer_cancel(w->loop, &w->changes[i].timer);
    mem_free(w->changes);
    resolver_free(&w->resolver);
    store_free(&w->store);
    network_free(&w->network);
    bounce_rules_free(&w->bounce_rules);
    journal_free(&w->journal);
    loop_free(&w->loop);
    mem_free(w);
    *world = NULL;
}

bool
world_run(struct world *world, bool *was_stopped, struct error *err)
{
    bool is_done = loop_run(world->loop, world->options.until_us, err);

    *was_stopped = world->was_stopped;
    if (is_done)
        judge_finish(world->judge);
    return journal_flush(world->journal, err) && is_done;
}

struct journal *
world_journal(struct world *world)
{
    return world->journal;
}

struct campaign *
world_campaign(struct world *world)
{
    return world->campaign;
}

const struct mta *
world_mta(const struct world *world)
{
    return world->mta;
}

struct loop *
world_loop(struct world *world)
{
    return world->loop;
}

/* --- the result ------------------------------------------------------------------------------ */

static struct slice
copy(struct result *result, struct slice s)
{
    return (struct slice){arena_copy(&result->arena, s.at, s.length), s.length};
}

static enum check_status
status_of(enum expect_verdict verdict)
{
    switch (verdict) {
    case EXPECT_HELD:
        return CHECK_HELD;
    case EXPECT_FAILED:
        return CHECK_FAILED;
    case EXPECT_UNDECIDED:
        return CHECK_UNDECIDED;
    case EXPECT_VACUOUS:
        return CHECK_VACUOUS;
    }
    return CHECK_FAILED;
}

/* The result's replay line, narrowed to one expectation. */
static struct slice
replay_of(struct result *result, struct slice id)
{
    struct text line = {0};
    struct slice copied;

    text_printf(&line, "%.*s --only %.*s", SLICE_ARGS(result->replay), SLICE_ARGS(id));
    copied = copy(result, text_slice(&line));
    text_release(&line);
    return copied;
}

static void
add_checks(struct world *world, struct result *result)
{
    size_t count = judge_results_count(world->judge);

    result->checks = arena_alloc_zeroed(&result->arena, (count + 1) * sizeof *result->checks);
    result->checks_count = count;
    for (size_t i = 0; i < count; i++) {
        struct expect_result from = judge_result(world->judge, i);

        result->checks[i] = (struct result_check){.id = copy(result, from.id),
            .status = status_of(from.verdict),
            .is_good = expect_result_is_good(&from),
            .filename = copy(result, slice_of(from.mark.filename)),
            .line = from.mark.line,
            .column = from.mark.column,
            .check = copy(result, from.check),
            .expected = copy(result, from.expected),
            .observed = copy(result, from.observed),
            .detail = copy(result, from.detail),
            .summary = copy(result, from.summary),
            .at_us = from.at_us,
            .replay = replay_of(result, from.id)};
    }
}

void
world_result(struct world *world, struct result *result)
{
    result->virtual_us = loop_now_us(world->loop);
    result->events_count = journal_entries_count(world->journal);
    result->journal_hash = journal_hash(world->journal);
    add_checks(world, result);
    audit_fill(world->audit, world->isps, result);
}
