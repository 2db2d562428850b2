/* isp.c - a provider put together: a server per host, the policies they share, and the books.
 *
 * The books are kept twice: events for the journal, which judges and plots read, and a ledger of what
 * was accepted, which is compared with the other side's after the run. */
#include "fakeisp/isp.h"

#include "base/mem.h"
#include "fakeisp/aftermath.h"
#include "fakeisp/isp_truth.h"
#include "fakeisp/seen.h"
#include "fakeisp/smtp_server.h"
#include "smtp/event.h"

struct isp_site { /* one host */
    struct smtp_server *server;
    struct listener **listeners; /* one per address; NULL: nobody listens there now */
    struct tls_server *tls;      /* NULL: not offered */
    uint32_t name;
};

struct isp {
    const struct isp_config *config;
    struct isp_doors doors;
    struct policies *policies;
    struct aftermath *aftermath;
    struct auth *auth; /* NULL: nobody asks where mail comes from */
    struct isp_site *sites;
    uint32_t name, sessions_count;
    struct isp_totals totals;
    struct seen attempts; /* only if they are told */
    struct ledger ledger;
};

/* ---- the books ---- */

static struct event
event_of(const struct isp *isp, enum event_kind kind, const struct visit *visit)
{
    return (struct event){.at_us = loop_now_us(isp->doors.loop),
        .kind = (uint8_t)kind,
        .isp = isp->name,
        .host = isp->sites[visit->host].name,
        .source_ip = visit->source_ip,
        .session = visit->session};
}

static void
put_answer(struct event *event, enum smtp_stage stage, const struct answer *answer)
{
    event->stage = (uint8_t)stage;
    event->rule = answer->rule;
    event->limit = answer->limit;
    if (answer->reply == NULL)
        return;
    event->code = answer->reply->code;
    event->enhanced = answer->reply->enhanced;
    event->text = answer->reply->text;
}

/* What the other side will have to find out. */
static void
put_cause(struct event *event, const struct answer *answer)
{
    event->has_verdict = true;
    event->class =
        (uint8_t)(answer->cause == CLASS_NONE && answer->reply != NULL ? answer->reply->cause
                                                                       : answer->cause);
    event->reason = REASON_NONE;
    event->type = TYPE_NONE;
}

static void
note_session(struct isp *isp, const struct visit *visit, enum event_outcome outcome)
{
    struct event event = event_of(isp, EVENT_SESSION, visit);

    event.outcome = (uint8_t)outcome;
    event_write(isp->doors.journal, &event, SLICE(""), SLICE(""));
}

static void
server_on_opened(void *arg, const struct visit *visit)
{
    struct isp *isp = arg;

    isp->totals.connections++;
    note_session(isp, visit, OUTCOME_OPENED);
}

static void
server_on_closed(void *arg, const struct visit *visit)
{
    note_session(arg, visit, OUTCOME_CLOSED);
}

static void
server_on_limit(void *arg, const struct visit *visit, enum smtp_stage stage,
    const struct envelope *envelope, const struct answer *answer)
{
    struct isp *isp = arg;
    struct event event = event_of(isp, EVENT_LIMIT_HIT, visit);
    struct slice rcpt = SLICE("");

    isp->totals.limit_hits++;
    if (stage == STAGE_CONNECT)
        isp->totals.connections++; /* it will not be opened, and yet it came */
    if (stage == STAGE_RCPT)
        rcpt = envelope_rcpt(envelope, envelope->rcpts_count - 1);
    put_answer(&event, stage, answer);
    put_cause(&event, answer);
    event.outcome = answer->outcome;
    event_write(isp->doors.journal, &event, envelope_sender(envelope), rcpt);
}

static enum event_outcome
outcome_of(const struct answer *answer)
{
    if (answer->reply == NULL || answer->reply->code < 400)
        return OUTCOME_NONE; /* the content decides */
    return answer->reply->code < 500 ? OUTCOME_DEFERRED : OUTCOME_FAILED;
}

static void
server_on_rcpt(void *arg, const struct visit *visit, struct slice sender, struct slice rcpt,
    const struct answer *answer)
{
    struct isp *isp = arg;
    struct event event = event_of(isp, EVENT_ATTEMPT, visit);

    if (!isp->doors.tells_attempts)
        return;
    put_answer(&event, STAGE_RCPT, answer);
    event.outcome = (uint8_t)outcome_of(answer);
    event.attempt =
        (uint16_t)seen_note(&isp->attempts, address_fingerprint(rcpt, 0), event.at_us).times;
    event_write(isp->doors.journal, &event, sender, rcpt);
}

static void
server_on_refused(void *arg, const struct visit *visit, enum smtp_stage stage, struct slice sender,
    struct slice rcpt, const struct answer *answer)
{
    struct isp *isp = arg;
    struct event event = event_of(isp, EVENT_REFUSED, visit);

    if (rcpt.length > 0 && answer->reply->code >= 500)
        isp->totals.recipients_refused_5xx++;
    else if (rcpt.length > 0)
        isp->totals.recipients_refused_4xx++;
    put_answer(&event, stage, answer);
    put_cause(&event, answer);
    event_write(isp->doors.journal, &event, sender, rcpt);
    if (isp->doors.tells_attempts && rcpt.length > 0 && answer->reply->code < 500) {
        event.kind = EVENT_DEFERRED; /* in the name of the MTA, whose opinion nobody knows */
        event.class = event.reason = event.has_verdict = 0;
        event_write(isp->doors.journal, &event, sender, rcpt);
    }
}

static void
server_on_accepted(void *arg, const struct visit *visit, const struct envelope *envelope,
    const struct isp_sender *who, uint64_t bytes, struct slice header, const struct answer *answer)
{
    struct isp *isp = arg;
    struct event event = event_of(isp, EVENT_ACCEPTED, visit);
    struct slice sender = envelope_sender(envelope);

    isp->totals.messages_accepted++;
    isp->totals.recipients_accepted += envelope->rcpts_count;
    isp->totals.bytes_accepted += bytes;
    put_answer(&event, STAGE_DOT, answer);
    for (size_t i = 0; i < envelope->rcpts_count; i++) {
        struct slice rcpt = envelope_rcpt(envelope, i);

        ledger_add(&isp->ledger, sender, rcpt);
        event_write(isp->doors.journal, &event, sender, rcpt);
    }
    policies_on_accepted(isp->policies, who, envelope->rcpts_count, event.at_us);
    aftermath_on_accepted(isp->aftermath, visit, envelope, who, header);
}

/* A line per method and recipient, so that everybody's story has it. */
static void
server_on_authenticated(void *arg, const struct visit *visit, const struct envelope *envelope,
    const struct auth_results *results)
{
    struct isp *isp = arg;

    for (int i = 0; i < AUTH_METHODS_COUNT; i++) {
        enum auth_method method = (enum auth_method)i;
        unsigned result = auth_result(results, method);
        struct event event = event_of(isp, EVENT_AUTH, visit);

        isp->totals.auth[i][result]++;
        event.stage = STAGE_DOT;
        event.outcome = (uint8_t)auth_outcome(method, result);
        event.rule = journal_name(isp->doors.journal, slice_of(auth_method_name(method)));
        event.text = journal_name(isp->doors.journal, slice_of(auth_word(method, result)));
        for (size_t j = 0; j < envelope->rcpts_count; j++)
            event_write(
                isp->doors.journal, &event, envelope_sender(envelope), envelope_rcpt(envelope, j));
    }
}

static const struct server_notes notes = {
    .on_opened = server_on_opened,
    .on_closed = server_on_closed,
    .on_limit = server_on_limit,
    .on_rcpt = server_on_rcpt,
    .on_refused = server_on_refused,
    .on_accepted = server_on_accepted,
    .on_authenticated = server_on_authenticated,
};

/* ---- coming and going ---- */

static struct tls_server *
offer_tls(const struct isp *isp, const struct isp_host *host)
{
    static const enum tls_fault faults[] = {
        [ISP_TLS_FINE] = TLS_FAULT_NONE,
        [ISP_TLS_REFUSES] = TLS_FAULT_NONE,
        [ISP_TLS_CUTS] = TLS_FAULT_CUT,
        [ISP_TLS_IS_OLD] = TLS_FAULT_OLD_PROTOCOL,
    };

    if (!host->tls.is_offered || isp->doors.tls == NULL)
        return NULL;
    return tls_server_new(
        isp->doors.tls, host->fqdn, host->tls.certificate, faults[host->tls.fault]);
}

static void
open_site(struct isp *isp, size_t host)
{
    struct tls_server *tls = offer_tls(isp, &isp->config->hosts[host]);
    struct server_setup setup = {.config = isp->config,
        .host = host,
        .loop = isp->doors.loop,
        .journal = isp->doors.journal,
        .policies = isp->policies,
        .auth = isp->auth,
        .notes = &notes,
        .notes_arg = isp,
        .keeps_header = aftermath_wants_header(isp->aftermath),
        .sessions_count = &isp->sessions_count,
        .tls = tls};

    isp->sites[host].tls = tls;
    isp->sites[host].name = journal_name(isp->doors.journal, isp->config->hosts[host].fqdn);
    isp->sites[host].server = smtp_server_new(&setup);
    isp->sites[host].listeners = mem_alloc_zeroed(
        (isp->config->hosts[host].addresses_count + 1) * sizeof isp->sites[host].listeners[0]);
}

static bool
listen_at_all(struct isp *isp, size_t host, struct error *err)
{
    const struct isp_host *from = &isp->config->hosts[host];
    struct isp_site *site = &isp->sites[host];

    for (size_t i = 0; i < from->addresses_count; i++) {
        site->listeners[i] = network_listen(
            isp->doors.network, &from->addresses[i], smtp_server_accept, site->server, err);
        if (site->listeners[i] == NULL)
            return error_prefix(err, "host %.*s of ISP %.*s", SLICE_ARGS(from->name),
                SLICE_ARGS(isp->config->name));
    }
    return true;
}

static void
stop_listening(struct isp *isp, size_t host)
{
    for (size_t i = 0; i < isp->config->hosts[host].addresses_count; i++)
        if (isp->sites[host].listeners != NULL && isp->sites[host].listeners[i] != NULL)
            listener_close(&isp->sites[host].listeners[i]);
}

void
isp_shut(struct isp *isp)
{
    for (size_t i = 0; i < isp->config->hosts_count; i++)
        stop_listening(isp, i);
}

static void
on_complaint(void *arg, const struct isp_sender *sender)
{
    isp_note_complaint(arg, sender);
}

struct isp *
isp_new(const struct isp_config *config, const struct isp_doors *doors, struct error *err)
{
    struct isp *isp = mem_alloc_zeroed(sizeof *isp);

    assert(config->hosts_count > 0);
    assert(config->domains_count > 0);
    if (config->is_authenticating && doors->resolver == NULL) {
        error_set(err, ERROR_CONFIG,
            "ISP %.*s verifies where mail comes from, and there is no DNS to ask",
            SLICE_ARGS(config->name));
        mem_free(isp);
        return NULL;
    }
    isp->config = config;
    isp->doors = *doors;
    isp->name = journal_name(doors->journal, config->name);
    isp->policies = policies_new(
        config, doors->journal, doors->rng, loop_wall_us(doors->loop) - loop_now_us(doors->loop));
    isp->aftermath = aftermath_new(config, doors);
    aftermath_on_complaint(isp->aftermath, on_complaint, isp);
    if (config->is_authenticating)
        isp->auth = auth_new(&config->auth, doors->loop, doors->resolver);
    isp->sites = mem_alloc_zeroed(config->hosts_count * sizeof isp->sites[0]);
    for (size_t i = 0; i < config->hosts_count; i++) {
        open_site(isp, i);
        if (!listen_at_all(isp, i, err)) {
            isp_free(&isp);
            return NULL;
        }
    }
    return isp;
}

void
isp_free(struct isp **isp)
{
    if (*isp == NULL)
        return;
    for (size_t i = 0; i < (*isp)->config->hosts_count; i++) {
        stop_listening(*isp, i);
        mem_free((*isp)->sites[i].listeners);
        smtp_server_free(&(*isp)->sites[i].server);
        tls_server_free(&(*isp)->sites[i].tls);
    }
    policies_free(&(*isp)->policies);
    aftermath_free(&(*isp)->aftermath);
    auth_free(&(*isp)->auth);
    ledger_release(&(*isp)->ledger);
    seen_release(&(*isp)->attempts);
    mem_free((*isp)->sites);
    mem_free(*isp);
    *isp = NULL;
}

/* ---- turning and asking ---- */

const struct isp_config *
isp_config(const struct isp *isp)
{
    return isp->config;
}

void
isp_turn(struct isp *isp, enum isp_knob knob, size_t index, int64_t value)
{
    policies_turn(isp->policies, knob, index, value, loop_now_us(isp->doors.loop));
    for (size_t i = 0; knob == KNOB_LIMIT_MAX && i < isp->config->hosts_count; i++)
        smtp_server_tell_limits(isp->sites[i].server);
}

int64_t
isp_knob(const struct isp *isp, enum isp_knob knob, size_t index)
{
    return policies_knob(isp->policies, knob, index);
}

void
isp_refuse_next(struct isp *isp, uint64_t times, const struct smtp_reply *reply)
{
    policies_refuse_next(isp->policies, times, reply);
}

uint64_t
isp_refusals_left(const struct isp *isp)
{
    return policies_refusals_left(isp->policies);
}

void
isp_note_complaint(struct isp *isp, const struct isp_sender *sender)
{
    policies_on_complaint(isp->policies, sender, loop_now_us(isp->doors.loop));
}

struct policies *
isp_policies(struct isp *isp)
{
    return isp->policies;
}

int64_t
isp_now_us(const struct isp *isp)
{
    return loop_now_us(isp->doors.loop);
}

uint32_t
isp_sessions_open(const struct isp *isp, size_t host)
{
    assert(host < isp->config->hosts_count);
    return smtp_server_sessions_open(isp->sites[host].server);
}

struct isp_totals
isp_totals(const struct isp *isp)
{
    struct isp_totals totals = isp->totals;

    totals.traps_hit = policies_traps_hit(isp->policies);
    totals.reports = aftermath_totals(isp->aftermath);
    return totals;
}

const struct ledger *
isp_ledger(const struct isp *isp)
{
    return &isp->ledger;
}
