/* site_session.c - the sessions of a site: what they are given to do, and what their answers mean. */
#include "mta/site_parts.h"

#include "base/mem.h"
#include "mta/mistyping.h"
#include "smtp/event.h"

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

void
session_to_back(struct session *session)
{
    session_unlink(session);
    session_link_back(session);
}

void
session_end(struct session *session)
{
    session_unlink(session);
    session_leave_path(session);
    session->site->connections_open--;
    session->site->shared_open -= !session->binding->has_own_connections;
    session->binding->open--;
    session->binding->opening -= !session->is_open;
    session->lane->open--;
    session->lane->leaving -= session->is_leaving;
    smtp_client_free(&session->client);
    mem_free(session);
}

/* Sessions remember endpoints, which are void once DNS has said something new. */
void
site_see_hosts(struct site *site)
{
    if (!endpoints_see(&site->endpoints, site->route))
        return;
    for (struct session *s = site->first; s != NULL; s = s->next) {
        s->endpoint = NULL;
        s->path = NULL;
        s->tried = 0;
    }
    site_new_paths(site);
}

static const struct smtp_client_events client_events;

static void
connect_session(struct session *session)
{
    struct site *site = session->site;
    struct site_context *context = site->context;
    const struct mta_config *config = context->config;
    const struct mx_rule *rule = &session->binding->terms.rule;
    const struct smtp_client_config client = {
        .loop = context->doors->loop,
        .network = context->doors->network,
        .from = config->source_ips[session->source],
        .to = *session->endpoint->address,
        .hostname = config->hostname,
        .transactions_max = rule->messages_per_connection,
        .tls_policy = session->is_plain ? TLS_POLICY_OFF : rule->tls,
        .tls = context->tls,
        .tls_peer = {.host_name = session->endpoint->host->name,
                     .is_verified = rule->is_tls_verified},
        .timeouts = rule->timeouts,
        .events = &client_events,
        .arg = session
    };

    session_take_path(session);
    session->binding->opening += session->is_open;
    session->transactions = session->messages = 0;
    session->is_open = false;
    session->began_us = site_now_us(site);
    session->host = session->endpoint->host->journal_name;
    session->number = (uint32_t)++context->connections_count;
    site->counts.connections++;
    session->client = smtp_client_new(&client);
}

void
session_open(struct site *site, struct binding *binding)
{
    struct session *session = mem_alloc_zeroed(sizeof *session);

    site_see_hosts(site);
    session->site = site;
    session->lane = binding->lane;
    session->binding = binding;
    session->source = binding->source;
    session->endpoint = endpoints_choose(
        &site->endpoints, binding_full_paths(site, binding), site_now_us(site), &site->rng);
    assert(session->endpoint != NULL);
    session_link_back(session);
    site->connections_open++;
    site->shared_open += !binding->has_own_connections;
    binding->open++;
    binding->opening++;
    binding->lane->open++;
    connect_session(session);
}

/* --- what the controller is told ------------------------------------------------------------- */

static struct slice
host_of(const struct session *session)
{
    return session->endpoint != NULL ? session->endpoint->host->name : site_name(session->site);
}

static struct reply_type
type_of(const struct session *session, enum smtp_stage stage, const struct smtp_reply *reply)
{
    const struct site_context *context = session->site->context;

    if (context->reply_types == NULL || reply->code < 400)
        return (struct reply_type){.subject = REPLY_UNTYPED};
    return reply_type_find(context->reply_types, host_of(session), stage, reply);
}

/* What the controller is to take it for: it may be made to err. */
static struct reply_type
type_to_tell(const struct session *session, const struct reply_type *type)
{
    struct site *site = session->site;
    uint32_t mistyped_ppm = site->route->rule->settings.mistyped_ppm;

    if (mistyped_ppm == 0 || session->is_signalled)
        return *type;
    return mistype(type, mistyped_ppm, &site->typing_rng);
}

static uint32_t
ready_count(const struct site *site, const struct lane *lane)
{
    uint32_t count = 0;

    for (const struct session *s = site->first; s != NULL; s = s->next)
        count += s->lane == lane && s->client != NULL && smtp_client_is_ready(s->client);
    return count;
}

/* `reply` is the server's, or NULL. */
static void
tell_controller(struct session *session, enum signal_kind kind, enum smtp_stage stage,
    const struct smtp_reply *reply, const struct reply_type *type)
{
    struct lane *lane = session->lane;
    struct signal signal = {.kind = kind,
        .now_us = site_now_us(session->site),
        .stage = stage,
        .reply = reply,
        .host = host_of(session),
        .connections_open = lane->open,
        .session_messages = session->messages,
        .recipients_accepted = session->is_too_many ? session->recipients_open + 1 : 0,
        .took_us = site_now_us(session->site) - session->began_us};

    if (session->site->nature.is_typed && (kind == SIGNAL_TURNED_AWAY || kind == SIGNAL_OPENED))
        signal.connections_ready =
            ready_count(session->site, lane) + (kind == SIGNAL_OPENED); /* it is about to be */
    if (type != NULL)
        signal.type = *type;
    controller_signal(lane->controller, &signal);
}

/* One signal for each message: what all its recipients heard is one piece of news. */
static void
tell_message(struct session *session, enum signal_kind kind, enum smtp_stage stage,
    const struct smtp_reply *reply, const struct reply_type *type)
{
    if (session->is_signalled)
        return;
    session->is_signalled = true;
    tell_controller(session, kind, stage, reply, type);
}

/* --- what a client asks and tells ------------------------------------------------------------ */

/* It has had its share, or there are more sessions than there should be: it leaves once it is idle. */
static bool
should_leave(struct session *session)
{
    struct lane *lane = session->lane;

    if (!session->site->nature.is_typed)
        return false;
    if (!session->is_leaving &&
        (session->transactions >= controller_messages_per_connection(lane->controller) ||
            lane->open - lane->leaving >
                controller_connections(lane->controller, UINT32_MAX, site_now_us(session->site)))) {
        session->is_leaving = true;
        lane->leaving++;
    }
    return session->is_leaving;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool
next(void *arg, struct smtp_transaction *t)
{
    struct session *session = arg;
    struct site *site = session->site;
    struct controller *controller = session->lane->controller;
    int64_t now_us = site_now_us(site);
    uint32_t recipients_max = least(t->recipients_max,
        least(controller_recipients_per_transaction(controller),
            session->binding->terms.rule.recipients_per_transaction));

    if (!session->is_open) {
        session->is_open = true;
        session->binding->opening--;
        site->failures = 0;
        tell_controller(session, SIGNAL_OPENED, STAGE_EHLO, NULL, NULL);
    }
    if (line_first(site->context->queue, &site->ready) == 0 || site->held_until_us > now_us ||
        should_leave(session) || controller_ready_at_us(controller, now_us) > now_us)
        return false;
    if (!session_may_send(session, now_us))
        return false;
    session_take_message(session, now_us);
    controller_take(controller, now_us);
    site_fill_transaction(site, t, recipients_max);
    session->transactions++;
    session->began_us = now_us;
    session->is_signalled = false;
    session->is_too_many = false;
    session->recipients_open = (uint32_t)t->recipients_count;
    return true;
}

static struct outcome_answer
answer_of(const struct session *session, enum smtp_stage stage, const struct smtp_reply *reply)
{
    return (struct outcome_answer){.stage = stage,
        .reply = reply,
        .host = session->host,
        .source_ip = session->site->context->source_names[session->source],
        .session = session->number,
        .retry_us = controller_retry_us(session->lane->controller)};
}

static void
tell_outcome(struct session *session, queue_node node, const struct outcome_answer *answer)
{
    struct site_counts *counts = &session->site->counts;
    enum bounce_class class = outcome_tell(session->site->context->desk, node, answer);

    controller_outcome(session->lane->controller, class, site_now_us(session->site));
    if (answer->reply->code < 300)
        counts->delivered++;
    else if (answer->reply->code < 500 || answer->is_spared)
        counts->deferred++;
    else
        counts->failed[class]++;
}

/* The site's trouble, not that of the message: it stays the first in line, and its try goes on. */
static void
put_off(struct session *session, queue_node node, const struct outcome_answer *answer)
{
    struct site *site = session->site;

    site->counts.put_off++;
    if (outcome_put_off(site->context->desk, node, answer))
        line_push_front(site->context->queue, &site->ready, node);
}

static void
hold(struct session *session)
{
    if (session->endpoint != NULL)
        endpoint_hold(session->endpoint, site_now_us(session->site));
}

/* Goes on within the same try, at another host; once each host has had its chance the try is over. */
static bool
goes_on(struct session *session, queue_node node)
{
    struct site *site = session->site;
    struct queue *queue = site->context->queue;

    hold(session);
    queue_count_loss(queue, node);
    if (queue_losses(queue, node) >= site->endpoints.count ||
        queue_expires_us(queue, node) <= site_now_us(site))
        return false;
    line_push_front(queue, &site->ready, node);
    return true;
}

/* A session that took messages before and is cut now has had enough of them: nothing about this one. */
static bool
was_cut_short(const struct session *session, queue_node node)
{
    enum { CUTS_MAX = 20 }; /* a message that ends every session is to blame itself */

    return session->site->nature.is_decoupled && session->messages > 0 &&
        queue_losses(session->site->context->queue, node) < CUTS_MAX;
}

static void
on_lost(
    struct session *session, queue_node node, enum smtp_stage stage, const struct smtp_reply *reply)
{
    struct queue *queue = session->site->context->queue;
    struct outcome_answer answer = answer_of(session, stage, reply);

    tell_message(session, SIGNAL_CUT, stage, NULL, NULL);
    if (was_cut_short(session, node)) {
        queue_count_loss(queue, node);
        put_off(session, node, &answer);
    } else if (!goes_on(session, node)) {
        tell_outcome(session, node, &answer);
    }
}

static void
on_answer(void *arg, uint32_t node, enum smtp_answer answer, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    struct session *session = arg;
    const struct site *site = session->site;
    struct outcome_answer told = answer_of(session, stage, reply);
    struct reply_type type, to_tell;

    session->recipients_open--;
    if (answer == ANSWER_LOST) {
        on_lost(session, node, stage, reply);
        return;
    }
    if (answer == ANSWER_ACCEPTED) {
        if (!session->is_signalled)
            session->messages++;
        tell_message(session, SIGNAL_ACCEPTED, stage, reply, NULL);
        tell_outcome(session, node, &told);
        return;
    }
    type = type_of(session, stage, reply);
    to_tell = type_to_tell(session, &type);
    if (to_tell.subject == REPLY_RECIPIENTS && session->recipients_open > 0)
        session->is_too_many = true; /* how many were not is known at the final dot */
    else
        tell_message(session, SIGNAL_ANSWERED, stage, reply, &to_tell);
    if (site->nature.is_decoupled &&
        (reply_is_of_site(&type) || type.subject == REPLY_RECIPIENTS) &&
        (reply->code < 500 || site->route->rule->spares)) {
        put_off(session, node, &told);
        return;
    }
    told.retry_us = controller_retry_us(session->lane->controller); /* it may have just learnt */
    told.is_spared = reply->code >= 500 && site->route->rule->spares && reply_spares_address(&type);
    tell_outcome(session, node, &told);
}

static void
on_idle(void *arg)
{
    struct session *session = arg;

    session_unlink(session);
    session_link_front(session);
    if (session->is_leaving)
        smtp_client_leave(session->client);
    site_work(session->site);
}

static bool
has_ready_session(const struct site *site)
{
    for (const struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL && smtp_client_is_ready(s->client))
            return true;
    return false;
}

/* Every host turned us away: the try of all who wait here is over, or that of the one whose session
 * it was. Those that come meanwhile wait their turn, hence the count. */
static void
give_up_round(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;
    struct outcome_answer answer = answer_of(session, end->stage, &end->reply);
    uint32_t left = site->nature.is_one_for_one && site->ready.count > 0 ? 1 : site->ready.count;
    queue_node node;

    for (; left > 0 && (node = line_pop(site->context->queue, &site->ready)) != 0; left--)
        tell_outcome(session, node, &answer);
}

/* Nobody could be reached, and nobody has said why: some wait for a number of such times in a row before
 * it counts as everybody's try. */
static bool
is_patient(struct site *site, const struct smtp_end *end)
{
    const struct controller_nature *nature = &site->nature;
    int64_t now_us = site_now_us(site);

    if (nature->failures_max == 0 || end->loss == LOSS_REPLY)
        return false;
    if (site->failures++ == 0)
        site->failing_since_us = now_us;
    if (site->failures >= nature->failures_max ||
        (nature->failing_us_max > 0 && now_us - site->failing_since_us >= nature->failing_us_max)) {
        site->failures = 0;
        return false;
    }
    site->no_connect_until_us = now_us + nature->rest_us;
    return true;
}

/* No host is left to ask. */
static void
end_round(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;

    if (site->nature.is_one_for_one)
        give_up_round(session, end);
    else if (has_ready_session(site))
        site->no_connect_until_us = site->nature.is_decoupled
            ? 0 /* its controller knows better */
            : site_now_us(site) + ENDPOINT_HOLD_US;
    else if (!site->nature.is_decoupled && !is_patient(site, end))
        give_up_round(session, end);
}

/* The client closed before it had spoken a transaction: the next host, or the end of the round. A
 * site that has sessions with us and wants no more of them is asked no further by a controller that
 * understands it. */
static void
turned_away(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;
    const struct smtp_reply *reply = end->loss == LOSS_REPLY ? &end->reply : NULL;
    struct reply_type type = type_of(session, end->stage, &end->reply);
    bool is_limit = site->nature.is_decoupled && reply != NULL && reply_is_of_site(&type) &&
        has_ready_session(site);

    if (!is_limit) {
        hold(session);
        if (session->endpoint != NULL)
            session->tried |= endpoint_bit(&site->endpoints, session->endpoint);
        site_see_hosts(site);
        session_leave_path(session);
        session->endpoint = endpoints_choose(&site->endpoints,
            session->tried | binding_full_paths(site, session->binding), site_now_us(site),
            &site->rng);
        if (session->endpoint != NULL) {
            session->is_plain = false;
            connect_session(session);
            return;
        }
    }
    session->began_us = site_now_us(site);
    if (reply != NULL)
        type = type_to_tell(session, &type);
    tell_controller(session, SIGNAL_TURNED_AWAY, end->stage, reply, reply != NULL ? &type : NULL);
    end_round(session, end);
    session_end(session);
    site_work(site);
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
        session->binding->terms.rule.tls == TLS_POLICY_IF_AVAILABLE;
    struct smtp_client *client = session->client;

    session->client = NULL;
    if (may_be_plain) {
        session->is_plain = true; /* the same host, once more, within the same try */
        connect_session(session);
    } else if (is_before_mail) {
        turned_away(session, end);
    } else {
        session_end(session);
        site_work(site);
    }
    smtp_client_free(&client);
}

static const struct smtp_client_events client_events = {
    .next = next,
    .write_content = site_write_content,
    .on_connected = site_on_connected,
    .on_tls = site_on_tls,
    .on_answer = on_answer,
    .on_idle = on_idle,
    .on_closed = on_closed,
};
