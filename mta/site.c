/* site.c - one destination site: the recipients that are ready for it, and its sessions. */
#include "mta/site.h"

#include <stdio.h>

#include "base/mem.h"
#include "mta/endpoints.h"
#include "mta/shaping.h"
#include "mta/smtp_client.h"
#include "smtp/event.h"

struct session {
    struct site *site;
    struct session *next, *previous; /* of the site: idle ones in front */
    struct smtp_client *client;
    struct endpoint *endpoint;
    uint64_t tried;  /* endpoints that turned this session away; bit by index */
    uint32_t source; /* index of our IP */
    uint32_t host;   /* name in the journal */
    uint32_t number;
    bool is_plain; /* the handshake with this host failed, and was not required */
};

struct site {
    struct site_context *context;
    const struct route_site *route;
    struct endpoints endpoints;
    struct shaper shaper;
    struct line ready;
    struct session *first, *last;
    uint32_t source_next;
    int64_t paced_until_us;      /* the hour is full: no message before */
    int64_t no_connect_until_us; /* told that there are enough connections */
    int64_t held_until_us;       /* suspended */
    struct site_counts counts;
    struct rng rng;
    struct timer timer;
};

static void work(struct site *site);

static int64_t
now_us(const struct site *site)
{
    return loop_now_us(site->context->doors->loop);
}

/* --- sessions -------------------------------------------------------------------------------- */

static void
session_unlink(struct session *session)
{
    struct site *site = session->site;

    *(session->previous != NULL ? &session->previous->next : &site->first) = session->next;
    *(session->next != NULL ? &session->next->previous : &site->last) = session->previous;
    session->next = session->previous = NULL;
}

static void
session_link_front(struct session *session)
{
    struct site *site = session->site;

    session->next = site->first;
    *(site->first != NULL ? &site->first->previous : &site->last) = session;
    site->first = session;
}

static void
session_link_back(struct session *session)
{
    struct site *site = session->site;

    session->previous = site->last;
    *(site->last != NULL ? &site->last->next : &site->first) = session;
    site->last = session;
}

static void
session_end(struct session *session)
{
    session_unlink(session);
    session->site->shaper.connections_open--;
    smtp_client_free(&session->client);
    mem_free(session);
}

/* Sessions remember endpoints, which are void once DNS has said something new. */
static void
see_hosts(struct site *site)
{
    if (!endpoints_see(&site->endpoints, site->route))
        return;
    for (struct session *s = site->first; s != NULL; s = s->next) {
        s->endpoint = NULL;
        s->tried = 0;
    }
}

static const struct smtp_client_events client_events;

static void
connect_session(struct session *session)
{
    struct site *site = session->site;
    struct site_context *context = site->context;
    const struct mta_config *config = context->config;
    const struct smtp_client_config client = {
        .loop = context->doors->loop,
        .network = context->doors->network,
        .from = config->source_ips[session->source],
        .to = *session->endpoint->address,
        .hostname = config->hostname,
        .transactions_max = site->shaper.rule->messages_per_connection,
        .tls_policy = session->is_plain ? TLS_POLICY_OFF : site->shaper.rule->tls,
        .tls = context->tls,
        .tls_peer = {.host_name = session->endpoint->host->name,
                     .is_verified = site->shaper.rule->is_tls_verified},
        .events = &client_events,
        .arg = session
    };

    session->host = session->endpoint->host->journal_name;
    session->number = (uint32_t)++context->connections_count;
    site->counts.connections++;
    session->client = smtp_client_new(&client);
}

static void
open_session(struct site *site)
{
    struct session *session = mem_alloc_zeroed(sizeof *session);

    see_hosts(site);
    session->site = site;
    session->endpoint = endpoints_choose(&site->endpoints, 0, now_us(site), &site->rng);
    assert(session->endpoint != NULL);
    session->source = site->source_next++ % (uint32_t)site->context->config->source_ips_count;
    session_link_back(session);
    site->shaper.connections_open++;
    connect_session(session);
}

/* --- what a client asks and tells ------------------------------------------------------------ */

static void
add_recipient(struct site_context *context, struct smtp_transaction *t, queue_node node)
{
    uint32_t at = (uint32_t)t->addresses.length;

    spool_recipient(context->spool, queue_place(context->queue, node), &t->addresses);
    t->recipients = mem_grow(
        t->recipients, &t->recipients_capacity, t->recipients_count + 1, sizeof *t->recipients);
    t->recipients[t->recipients_count++] =
        (struct smtp_recipient){.id = node, .at = at, .length = (uint32_t)t->addresses.length - at};
}

/* Recipients of one message that wait one behind the other share a transaction. */
static bool
next(void *arg, struct smtp_transaction *t)
{
    struct session *session = arg;
    struct site *site = session->site;
    struct site_context *context = site->context;
    struct queue *queue = context->queue;
    queue_node node = line_first(queue, &site->ready);
    spool_message message;

    if (node == 0 || site->held_until_us > now_us(site))
        return false;
    if (!shaper_take_message(&site->shaper, now_us(site), &site->paced_until_us))
        return false;
    message = queue_place(queue, node).message;
    do
        add_recipient(context, t, line_pop(queue, &site->ready));
    while ((node = line_first(queue, &site->ready)) != 0 &&
        queue_place(queue, node).message == message &&
        t->recipients_count < site->shaper.rule->recipients_per_transaction);
    spool_sender(context->spool, message, &t->sender);
    t->size = spool_size(context->spool, message);
    if (context->signer != NULL)
        t->size += dkim_signer_bytes_max(context->signer);
    t->is_8bit = spool_envelope(context->spool, message).is_8bit;
    t->content_id = message;
    return true;
}

/* t= is the arrival, so that it is the same signature however often the content is sent. */
static void
write_signature(struct site_context *context, spool_message message, struct stream *stream)
{
    const struct loop *loop = context->doors->loop;
    int64_t arrival_us = spool_envelope(context->spool, message).arrival_us;
    int64_t wall_us = loop_wall_us(loop) - loop_now_us(loop) + arrival_us;
    struct text fields = {0};

    dkim_signer_sign(
        context->signer, message, wall_us / US_PER_S, text_slice(&context->scratch), &fields);
    if (fields.length > 0)
        stream_write(stream, fields.bytes, fields.length);
    text_release(&fields);
}

/* A message has many pieces, and a write costs more than a piece: they leave together. */
static void
write_content(void *arg, uint32_t content_id, struct stream *stream)
{
    struct session *session = arg;
    struct site_context *context = session->site->context;
    struct text *content = &context->scratch;

    text_clear(content);
    spool_content(context->spool, content_id, content);
    if (context->signer != NULL)
        write_signature(context, content_id, stream);
    stream_write(stream, content->bytes, content->length);
}

static enum event_outcome
outcome_of(enum trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
        return OUTCOME_OK;
    case TROUBLE_REFUSED:
        return OUTCOME_REFUSED;
    case TROUBLE_UNREACHABLE:
        return OUTCOME_UNREACHABLE;
    case TROUBLE_TIMED_OUT:
        return OUTCOME_TIMED_OUT;
    case TROUBLE_RESET:
        return OUTCOME_RESET;
    }
    return OUTCOME_NONE;
}

static void
on_connected(void *arg, enum trouble trouble)
{
    struct session *session = arg;
    struct site_context *context = session->site->context;
    struct event event = {.at_us = loop_now_us(context->doors->loop),
        .kind = EVENT_CONNECT,
        .outcome = (uint8_t)outcome_of(trouble),
        .host = session->host,
        .source_ip = context->source_names[session->source],
        .session = session->number};

    event_write(context->doors->journal, &event, SLICE(""), SLICE(""));
}

static enum event_outcome
outcome_of_handshake(enum tls_failure failure)
{
    static const uint8_t outcomes[] = {
        [TLS_FINE] = OUTCOME_OK,
        [TLS_FAILED_CUT] = OUTCOME_CUT,
        [TLS_FAILED_ALERT] = OUTCOME_ALERT,
        [TLS_FAILED_EXPIRED] = OUTCOME_EXPIRED,
        [TLS_FAILED_WRONG_NAME] = OUTCOME_WRONG_NAME,
        [TLS_FAILED_SELF_SIGNED] = OUTCOME_SELF_SIGNED,
        [TLS_FAILED_UNKNOWN_CA] = OUTCOME_UNKNOWN_CA,
        [TLS_FAILED_CERTIFICATE] = OUTCOME_BAD_CERTIFICATE,
        [TLS_FAILED_OLD_PROTOCOL] = OUTCOME_OLD_PROTOCOL,
        [TLS_FAILED_NONSENSE] = OUTCOME_NONSENSE,
    };
    static_assert(COUNT_OF(outcomes) == TLS_FAILURES_COUNT, "an outcome for every failure");

    return (enum event_outcome)outcomes[failure];
}

static enum event_outcome
outcome_of_tls(enum smtp_tls_outcome outcome, const struct tls_result *result)
{
    switch (outcome) {
    case SMTP_TLS_OK:
        return OUTCOME_OK;
    case SMTP_TLS_NOT_OFFERED:
        return OUTCOME_NOT_OFFERED;
    case SMTP_TLS_REFUSED:
        return OUTCOME_REFUSED;
    case SMTP_TLS_TIMED_OUT:
        return OUTCOME_TIMED_OUT;
    case SMTP_TLS_FAILED:
        return outcome_of_handshake(result->failure);
    }
    return OUTCOME_NONE;
}

/* Version and cipher of a handshake that went well, the words of a refusal. */
static void
on_tls(void *arg, enum smtp_tls_outcome outcome, const struct tls_result *result,
    const struct smtp_reply *refusal)
{
    struct session *session = arg;
    struct site_context *context = session->site->context;
    struct journal *journal = context->doors->journal;
    struct event event = {.at_us = loop_now_us(context->doors->loop),
        .kind = EVENT_TLS,
        .stage = STAGE_STARTTLS,
        .outcome = (uint8_t)outcome_of_tls(outcome, result),
        .host = session->host,
        .source_ip = context->source_names[session->source],
        .session = session->number};

    if (refusal != NULL) {
        event.code = refusal->code;
        event.enhanced = enhanced_pack(refusal->enhanced);
        event.text = journal_name(journal, refusal->text);
    } else if (outcome == SMTP_TLS_OK) {
        text_clear(&context->scratch);
        text_printf(&context->scratch, "%s %s%s", result->version, result->cipher,
            result->is_resumed ? " resumed" : "");
        event.text = journal_name(journal, text_slice(&context->scratch));
    }
    event_write(journal, &event, SLICE(""), SLICE(""));
}

static void
tell_outcome(
    struct session *session, queue_node node, enum smtp_stage stage, const struct smtp_reply *reply)
{
    struct site_context *context = session->site->context;
    struct site_counts *counts = &session->site->counts;
    const struct outcome_answer answer = {.stage = stage,
        .reply = reply,
        .host = session->host,
        .source_ip = context->source_names[session->source],
        .session = session->number};

    enum bounce_class class = outcome_tell(context->desk, node, &answer);

    if (reply->code < 300)
        counts->delivered++;
    else if (reply->code < 500)
        counts->deferred++;
    else
        counts->failed[class]++;
}

static void
hold(struct session *session)
{
    if (session->endpoint != NULL)
        endpoint_hold(session->endpoint, now_us(session->site));
}

/* A recipient whose session was lost before the answer goes on within the same try, at another host;
 * once each host has had its chance the try is over. */
static void
on_answer(void *arg, uint32_t node, enum smtp_answer answer, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    struct session *session = arg;
    struct site *site = session->site;
    struct queue *queue = site->context->queue;

    if (answer == ANSWER_LOST) {
        hold(session);
        queue_count_loss(queue, node);
        if (queue_losses(queue, node) < site->endpoints.count &&
            queue_expires_us(queue, node) > now_us(site)) {
            line_push_front(queue, &site->ready, node);
            return;
        }
    }
    tell_outcome(session, node, stage, reply);
}

static void
on_idle(void *arg)
{
    struct session *session = arg;

    session_unlink(session);
    session_link_front(session);
    work(session->site);
}

static bool
has_ready_session(const struct site *site)
{
    for (const struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL && smtp_client_is_ready(s->client))
            return true;
    return false;
}

/* Every host turned us away: the try of all who wait here is over. Those that come meanwhile wait
 * their turn, hence the count. */
static void
give_up_round(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;
    queue_node node;

    for (uint32_t left = site->ready.count;
         left > 0 && (node = line_pop(site->context->queue, &site->ready)) != 0; left--)
        tell_outcome(session, node, end->stage, &end->reply);
}

/* The client closed before it had spoken a transaction: the next host, or the end of the round. */
static void
turned_away(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;

    hold(session);
    if (session->endpoint != NULL)
        session->tried |= endpoint_bit(&site->endpoints, session->endpoint);
    see_hosts(site);
    session->endpoint =
        endpoints_choose(&site->endpoints, session->tried, now_us(site), &site->rng);
    if (session->endpoint != NULL) {
        session->is_plain = false;
        connect_session(session);
        return;
    }
    if (has_ready_session(site))
        site->no_connect_until_us = now_us(site) + ENDPOINT_HOLD_US;
    else
        give_up_round(session, end);
    session_end(session);
    work(site);
}

static void
on_closed(void *arg, const struct smtp_end *end)
{
    struct session *session = arg;
    struct site *site = session->site;
    bool is_before_mail =
        end->loss != LOSS_NONE && end->stage != STAGE_NONE && end->stage <= STAGE_STARTTLS;
    bool may_be_plain = end->loss != LOSS_NONE && end->loss != LOSS_NONSENSE &&
        end->stage == STAGE_STARTTLS && session->endpoint != NULL &&
        site->shaper.rule->tls == TLS_POLICY_IF_AVAILABLE;
    struct smtp_client *client = session->client;

    session->client = NULL;
    if (may_be_plain) {
        session->is_plain = true; /* the same host, once more, within the same try */
        connect_session(session);
    } else if (is_before_mail) {
        turned_away(session, end);
    } else {
        session_end(session);
        work(site);
    }
    smtp_client_free(&client);
}

static const struct smtp_client_events client_events = {
    .next = next,
    .write_content = write_content,
    .on_connected = on_connected,
    .on_tls = on_tls,
    .on_answer = on_answer,
    .on_idle = on_idle,
    .on_closed = on_closed,
};

/* --- sites ----------------------------------------------------------------------------------- */

static void
on_site_timer(void *arg)
{
    work(arg);
}

static void
work_at(struct site *site, int64_t at_us)
{
    timer_arm(site->context->doors->loop, &site->timer, at_us, on_site_timer, site);
}

/* Gives waiting messages to idle sessions, and opens as many as the rule and the backlog ask for. */
static void
work(struct site *site)
{
    int64_t now = now_us(site);

    if (site->ready.count == 0)
        return;
    if (site->held_until_us > now) {
        if (site->held_until_us < INT64_MAX)
            work_at(site, site->held_until_us);
        return;
    }
    if (site->paced_until_us > now) {
        work_at(site, site->paced_until_us);
        return;
    }
    while (site->first != NULL && site->first->client != NULL &&
        smtp_client_is_idle(site->first->client) &&
        line_first(site->context->queue, &site->ready) != 0) {
        struct session *session = site->first;

        session_unlink(session);
        session_link_back(session);
        smtp_client_wake(session->client);
        if (site->paced_until_us > now) {
            work_at(site, site->paced_until_us);
            return;
        }
    }
    if (line_first(site->context->queue, &site->ready) == 0)
        return;
    if (site->no_connect_until_us > now) {
        work_at(site, site->no_connect_until_us);
        return;
    }
    while (
        site->shaper.connections_open < shaper_connections_wanted(&site->shaper, site->ready.count))
        open_session(site);
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
    shaper_init(&site->shaper, route->rule);
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
    shaper_release(&s->shaper);
    mem_free(s);
    *site = NULL;
}

void
site_add(struct site *site, queue_node node)
{
    line_push(site->context->queue, &site->ready, node);
    work(site);
}

/* --- what people ask for --------------------------------------------------------------------- */

void
site_hold(struct site *site, int64_t until_us)
{
    site->held_until_us = until_us;
    for (struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL && until_us > now_us(site))
            smtp_client_leave(s->client);
    work_at(site, now_us(site));
}

void
site_flush(struct site *site)
{
    for (size_t i = 0; i < site->endpoints.count; i++)
        site->endpoints.list[i].held_until_us = 0;
    site->no_connect_until_us = 0;
    work_at(site, now_us(site));
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
        .connections_open = site->shaper.connections_open,
        .ready = site->ready.count,
        .held_until_us = site->held_until_us,
        .paced_until_us = site->paced_until_us};
}
