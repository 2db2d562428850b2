/* world.c - a scenario brought to life. */
#include "scenarios/world.h"

#include "base/mem.h"
#include "mta/delivery_orders.h"
#include "scenarios/audit.h"
#include "scenarios/bench.h"
#include "scenarios/confusion.h"
#include "scenarios/score.h"
#include "scenarios/world_doors.h"
#include "smtp/event.h"

enum {
    INSTANTS_PER_PROGRESS = 4096,
    PROGRESS_US = 100 * US_PER_MS, /* real time */
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
    struct world_doors *doors;
    struct loop *loop; /* of doors */
    struct journal *journal;
    struct bounce_rules *bounce_rules;
    struct rng rng_tls;
    struct verp_key verp_key; /* the campaign signs with it, and the MTA verifies */
    struct tls *tls;          /* NULL: nobody offers it */
    struct tls_client *tls_client;
    struct isp **isps;
    struct mta *mta;     /* NULL: a foreign one runs, on the bench */
    struct bench *bench; /* or NULL */
    struct campaign *campaign;
    struct confusion *confusion; /* NULL: whose verdicts it would count keeps no journal */
    struct score *score;         /* NULL: there are no limits, and nobody asks */
    struct judge *judge;
    struct audit *audit;
    struct change_state *changes;
    struct timer progress;
    uint64_t instants_count;
    bool was_stopped;
};

/* --- the time line --------------------------------------------------------------------------- */

static const struct isp_host *
changed_host(const struct world *world, const struct change *change)
{
    return &world->scenario->isps[change->isp].hosts[change->index];
}

static void
set_rtt(struct world *world, const struct isp_host *host, int64_t rtt_us)
{
    for (size_t i = 0; i < host->addresses_count; i++)
        world_doors_set_rtt(world->doors, &host->addresses[i], rtt_us);
}

static void
set_fault(struct world *world, const struct isp_host *host, enum net_fault fault)
{
    for (size_t i = 0; i < host->addresses_count; i++) {
        world_doors_set_fault(world->doors, &host->addresses[i], fault);
        if (fault == NET_FAULT_REFUSE)
            world_doors_reset_open(world->doors, &host->addresses[i]);
    }
}

static void
set_dns(struct world *world, const struct change *change, enum dns_status status)
{
    const struct isp_config *isp = &world->scenario->isps[change->isp];

    for (size_t i = 0; i < isp->domains_count; i++)
        world_doors_fail_dns(world->doors, isp->domains[i], status);
}

static void
apply(struct change_state *state, bool is_begin)
{
    struct world *world = state->world;
    const struct change *change = state->change;

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
        set_fault(world, changed_host(world, change),
            is_begin ? change->fault : changed_host(world, change)->fault);
        return;
    case CHANGE_RTT:
        set_rtt(world, changed_host(world, change),
            is_begin ? change->value : changed_host(world, change)->rtt_us);
        return;
    case CHANGE_DNS:
        set_dns(world, change, is_begin ? change->dns : DNS_OK);
        return;
    case CHANGE_HOLD:
        if (is_begin) /* the MTA knows the end itself */
            delivery_hold(mta_delivery(world->mta), change->target,
                change->for_us > 0 ? change->at_us + change->for_us : INT64_MAX);
        return;
    case CHANGE_RELEASE:
        delivery_hold(mta_delivery(world->mta), change->target, 0);
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

/* The library costs as much as thousands of messages: only who needs it pays. What goes over a real
 * network is not to be foreseen by anybody. */
static void
build_tls(struct world *world)
{
    const struct scenario *scenario = world->scenario;
    const struct tls_config config = {.level = scenario->tls,
        .loop = world->loop,
        .rng = world->doors->is_real ? NULL : &world->rng_tls};
    bool is_offered = false;

    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t h = 0; h < scenario->isps[i].hosts_count; h++)
            is_offered |= scenario->isps[i].hosts[h].tls.is_offered;
    if (!is_offered || scenario->tls == TLS_OFF)
        return;
    world->tls = tls_new(&config);
    world->tls_client = tls_client_new(world->tls);
}

static bool
build_isp(struct world *world, size_t i, struct error *err)
{
    const struct isp_config *config = &world->scenario->isps[i];
    const struct isp_doors doors = {.loop = world->loop,
        .network = world->doors->network,
        .journal = world->journal,
        .rng = &world->rng_isps[i],
        .resolver = world->doors->resolver,
        .tls = world->tls,
        .tells_attempts = world->options.sut != NULL};
    struct text name = {0};

    text_printf(&name, "isp/%.*s", SLICE_ARGS(config->name));
    world->rng_isps[i] = rng_child_slice(&world->rng, text_slice(&name));
    text_release(&name);
    for (size_t h = 0; h < config->hosts_count; h++) {
        const struct isp_host *host = &config->hosts[h];

        set_rtt(world, host, host->rtt_us);
        set_fault(world, host, host->fault);
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
    struct campaign_doors doors = {.loop = world->loop,
        .network = world->doors->network,
        .journal = world->journal,
        .rng = &world->rng_campaign,
        .mta = scenario->mta.listen,
        .hostname = SLICE("campaign.example"),
        .verp_key = &world->verp_key,
        .returns_within_us =
            scenario->mta.inbound.family != 0 ? scenario->mta.inmail.window_us : 0};

    world_doors_set_rtt(world->doors, &scenario->mta.listen, scenario->campaign_rtt_us);
    if (scenario->mta.inbound.family != 0)
        world_doors_set_rtt(world->doors, &scenario->mta.inbound, scenario->campaign_rtt_us);
    net_address_parse(SLICE(CAMPAIGN_ADDRESS), &doors.from);
    world->campaign = campaign_new(&scenario->campaign, &doors);
}

static struct isp *
isp_of_host(const struct world *world, struct slice host)
{
    for (size_t i = 0; i < world->scenario->isps_count; i++)
        for (size_t h = 0; h < world->scenario->isps[i].hosts_count; h++)
            if (slice_equals_nocase(world->scenario->isps[i].hosts[h].fqdn, host))
                return world->isps[i];
    return NULL;
}

/* The door through which an oracle looks; nobody else has it. */
static bool
tell_truth(void *arg, struct slice host, struct site_truth *truth)
{
    const struct world *world = arg;
    const struct scenario *scenario = world->scenario;
    const struct isp_senders us = {.sources = scenario->mta.source_ips,
        .sources_count = scenario->mta.source_ips_count,
        .domain = scenario->campaign.from.domain,
        .dkim_domain =
            scenario->mta.dkim.keys_count > 0 ? scenario->mta.dkim.keys[0].domain : SLICE("")};
    struct isp_message message = {.recipients = 1};
    struct isp *isp = isp_of_host(world, host);
    struct isp_permission permission;

    if (isp == NULL)
        return false;
    message.way_us = isp_config(isp)->hosts[0].rtt_us / 2;
    permission = isp_permission_of_all(isp, &us, &message);
    *truth = (struct site_truth){.has_pace = permission.has_pace,
        .pace = permission.pace,
        .refused_ppm = permission.refused_ppm,
        .way_us = message.way_us,
        .room = permission.room,
        .eases_at_us = permission.eases_at_us,
        .connections = permission.connections_open_max,
        .messages_per_connection = permission.messages_per_connection_max,
        .recipients_per_transaction = permission.recipients_per_transaction_max};
    return true;
}

static bool
build_mta(struct world *world, struct error *err)
{
    const struct mta_doors doors = {.loop = world->loop,
        .network = world->doors->network,
        .resolver = world->doors->resolver,
        .store = world->doors->store,
        .journal = world->journal,
        .bounce_rules = world->bounce_rules,
        .rng = &world->rng_mta,
        .tls = world->tls_client,
        .verp_key = &world->verp_key,
        .truth = tell_truth,
        .truth_arg = world};
    const struct bench_doors bench_doors = {.mta = doors,
        .campaign = world->campaign,
        .scenario = world->scenario,
        .sut = world->options.sut};

    if (world->options.sut != NULL) {
        world->bench = bench_new(&bench_doors, err);
        return world->bench != NULL;
    }
    world->mta =
        mta_new(&world->scenario->mta, &doors, campaign_take_feedback, world->campaign, err);
    return world->mta != NULL;
}

static void
tell_progress(struct world *world)
{
    if (world->options.on_progress == NULL ||
        world->options.on_progress(world->options.progress_arg, loop_now_us(world->loop)))
        return;
    world->was_stopped = true;
    loop_stop(world->loop);
}

static void
instant_over(void *arg)
{
    struct world *world = arg;

    judge_instant_over(world->judge);
    if (++world->instants_count % INSTANTS_PER_PROGRESS == 0)
        tell_progress(world);
}

/* In real time little may happen for long. */
static void
progress_on_timer(void *arg)
{
    struct world *world = arg;

    tell_progress(world);
    timer_arm(world->loop, &world->progress,
        loop_now_us(world->loop) + PROGRESS_US * world->options.speed, progress_on_timer, world);
}

static struct verp_key
draw_verp_key(const struct rng *root)
{
    struct rng rng = rng_child(root, "verp");
    struct verp_key key;

    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)rng_below(&rng, 256);
    return key;
}

struct world *
world_new(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err)
{
    struct world *world = mem_alloc_zeroed(sizeof *world);
    const struct world_doors_options doors_options = {.is_real = options->is_real,
        .is_in_namespace = options->sut != NULL,
        .start_wall_us = options->start_wall_us,
        .speed = options->speed,
        .rng = &world->rng};
    struct judge_doors judge_doors;
    bool is_built = true;

    world->scenario = scenario;
    world->options = *options;
    world->rng = rng_from_seed(options->seed);
    world->rng_mta = rng_child(&world->rng, "mta");
    world->rng_campaign = rng_child(&world->rng, "campaign");
    world->rng_tls = rng_child(&world->rng, "tls");
    world->verp_key = draw_verp_key(&world->rng);
    world->rng_isps = mem_alloc_zeroed((scenario->isps_count + 1) * sizeof *world->rng_isps);
    world->doors = world_doors_new(scenario, &doors_options, err);
    if (world->doors == NULL) {
        world_free(&world);
        return NULL;
    }
    world->loop = world->doors->loop;
    world->journal = journal_new();
    if (options->journal_file != NULL)
        journal_write_to(world->journal, options->journal_file);
    world->bounce_rules = bounce_rules_new();
    build_tls(world);
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
    if (options->sut == NULL)
        world->confusion = confusion_new(scenario, world->journal);
    if (score_is_worthwhile(scenario) || expect_asks_for_score(plan))
        world->score = score_new(scenario, world->journal, world->campaign, world->isps);
    judge_doors = (struct judge_doors){.loop = world->loop,
        .journal = world->journal,
        .campaign = world->campaign,
        .isps = world->isps,
        .confusion = world->confusion,
        .score = world->score};
    world->audit = audit_new(scenario, world->journal, world->campaign);
    world->judge = judge_new(plan, &judge_doors);
    loop_on_instant_over(world->loop, instant_over, world);
    arm_changes(world);
    if (options->is_real)
        progress_on_timer(world);
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
    confusion_free(&w->confusion);
    score_free(&w->score);
    bench_free(&w->bench);
    mta_free(&w->mta);
    campaign_free(&w->campaign);
    for (size_t i = 0; w->isps != NULL && i < w->scenario->isps_count; i++)
        isp_free(&w->isps[i]);
    mem_free(w->isps);
    mem_free(w->rng_isps);
    for (size_t i = 0; w->changes != NULL && i < w->scenario->changes_count; i++)
        timer_cancel(w->loop, &w->changes[i].timer);
    mem_free(w->changes);
    tls_client_free(&w->tls_client);
    tls_free(&w->tls);
    if (w->doors != NULL)
        timer_cancel(w->loop, &w->progress);
    world_doors_free(&w->doors);
    bounce_rules_free(&w->bounce_rules);
    journal_free(&w->journal);
    mem_free(w);
    *world = NULL;
}

bool
world_run(struct world *world, bool *was_stopped, struct error *err)
{
    bool is_done = loop_run(world->loop, world->options.until_us, err) &&
        (world->bench == NULL || bench_is_fine(world->bench, err));

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

static struct result_returned
returned_of(const struct world *world)
{
    struct campaign_returns told = campaign_returns(world->campaign);
    struct mta_returns taken = mta_totals(world->mta).returns;

    return (struct result_returned){.taken = taken.bounces + taken.delays + taken.successes +
            taken.auto_replies + taken.challenges + taken.complaints + taken.unsubscriptions +
            taken.others,
        .bounces = told.bounces,
        .complaints = told.complaints,
        .unsubscriptions = told.unsubscriptions,
        .notes = told.notes,
        .late = told.late,
        .settled = told.settled,
        .unknown = told.unknown,
        .duplicates = taken.duplicates,
        .unmatched = taken.unmatched,
        .refused_forged = taken.forged,
        .refused_late = taken.late,
        .refused_misaddressed = taken.misaddressed,
        .waiting = taken.waiting};
}

void
world_result(struct world *world, struct result *result)
{
    result->is_real = world->options.is_real;
    result->virtual_us = loop_now_us(world->loop);
    result->events_count = journal_entries_count(world->journal);
    result->journal_hash = journal_hash(world->journal);
    add_checks(world, result);
    if (world->mta != NULL)
        result->returned = returned_of(world);
    audit_fill(world->audit, world->isps, result);
    if (world->confusion != NULL)
        confusion_fill(world->confusion, result);
    if (world->score != NULL)
        score_fill(world->score, result->virtual_us, result);
}
