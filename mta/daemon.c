/* daemon.c - the MTA as a program on real sockets. */
#include "mta/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/control.h"
#include "base/http_net.h"
#include "base/loop_net.h"
#include "base/mem.h"
#include "base/resolver_net.h"
#include "base/stream_net.h"
#include "mta/delivery_orders.h"
#include "mta/feedback.h"
#include "mta/metrics.h"
#include "mta/orders.h"
#include "smtp/event.h"

enum {
    FILES_WANTED = 8192, /* fewer are worth a word: a session is a file */
    TEXTS_KEPT = 100000,
    STOP_CHECKS_PER_S = 20,
    SYNC_AGAIN_S = 1, /* after the disk refused */
    COMMIT_WINDOW_US =
        2000, /* results and messages that come within it share a write to the disk */
    COMMIT_SYNCS_MAX = 1000,
};

struct old_settings { /* their MX rules may still have sites */
    struct old_settings *next;
    struct settings *settings;
};

struct daemon {
    const char *filename;
    struct settings *settings;
    struct old_settings *old;
    struct mta_config config; /* what the MTA looks at; its rules change with a reload */
    struct loop *loop;
    struct network *network;
    struct resolver *resolver;
    struct store *store;
    struct journal *journal;
    struct bounce_rules *bounce_rules;
    struct inmail_rules *inmail_rules;
    struct rng rng;
    struct log *log;
    struct feedback *feedback;
    struct tls *tls;
    struct tls_client *tls_client;
    struct tls_server *tls_server; /* NULL: no certificate */
    struct mta *mta;
    struct orders orders;
    struct control *control;
    struct listener *control_listener;
    struct http *http;
    struct timer stop_timer, sync_timer;
    int64_t stop_at_us; /* at the latest; 0: not told to */
    bool is_syncing, is_sync_wanted, is_last_sync;
};

/* --- words about ourselves ------------------------------------------------------------------- */

static void say(struct daemon *daemon, const char *format, ...) PRINTF_LIKE(2, 3);

static void
say(struct daemon *daemon, const char *format, ...)
{
    struct text text = {0};
    va_list args;

    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    fprintf(stderr, "mta: %s\n", text_string(&text));
    if (daemon->log != NULL)
        log_note(daemon->log, text_slice(&text));
    text_release(&text);
}

/* As many sessions as the system allows, not as many as a shell usually does. */
static void
raise_files_limit(struct daemon *daemon)
{
    uint64_t limit = network_net_raise_limit();

    if (limit < FILES_WANTED)
        say(daemon, "only %" PRIu64 " files may be open at once, and a session is one", limit);
}

/* --- what is done is made durable soon ------------------------------------------------------- */

static void on_synced(void *arg, bool is_durable);

static void
sync_soon(void *arg)
{
    struct daemon *daemon = arg;

    daemon->is_sync_wanted = daemon->is_syncing;
    if (daemon->is_syncing)
        return;
    daemon->is_syncing = true;
    store_sync(daemon->store, on_synced, daemon);
}

static void
on_synced(void *arg, bool is_durable)
{
    struct daemon *daemon = arg;

    daemon->is_syncing = false;
    if (!is_durable)
        say(daemon, "the spool: %s", store_file_trouble(daemon->store));
    if (daemon->is_last_sync) {
        loop_stop(daemon->loop);
        return;
    }
    if (!is_durable)
        timer_arm(daemon->loop, &daemon->sync_timer,
            loop_now_us(daemon->loop) + (int64_t)SYNC_AGAIN_S * US_PER_S, sync_soon, daemon);
    else if (daemon->is_sync_wanted)
        sync_soon(daemon);
}

/* What the spool forgets for good was told before: so a crash may tell twice, but never nothing. */
static void
tell_feedback(void *arg)
{
    struct daemon *daemon = arg;

    if (daemon->mta != NULL)
        efs_tell_all(mta_efs(daemon->mta));
}

/* Who was delivered and is not settled on disk when we die gets the message twice (RFC 1047). So
 * results are synced as they come, many at a time. */
static void
on_event(void *arg, struct slice entry)
{
    struct daemon *daemon = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind == EVENT_DSN_TROUBLE) /* the log has the event itself */
        fprintf(stderr, "mta: mail that came back%s%.*s: %.*s\n", sender.length > 0 ? " to " : "",
            SLICE_ARGS(sender), SLICE_ARGS(journal_name_text(daemon->journal, event.text)));
    if (event.kind != EVENT_ATTEMPT && event.kind != EVENT_EXPIRED)
        return;
    sync_soon(daemon);
}

/* --- stop ------------------------------------------------------------------------------------ */

static void
finish(struct daemon *daemon)
{
    struct mta_totals totals = mta_totals(daemon->mta);

    say(daemon, "%" PRIu64 " delivered, %" PRIu64 " failed; %" PRIu64 " wait in the spool",
        totals.delivered, totals.failed + totals.expired, totals.recipients_waiting);
    daemon->is_last_sync = true;
    if (!daemon->is_syncing)
        store_sync(daemon->store, on_synced, daemon);
}

static void
check_stopped(void *arg)
{
    struct daemon *daemon = arg;
    int64_t now_us = loop_now_us(daemon->loop);

    if (mta_is_idle(daemon->mta) || now_us >= daemon->stop_at_us)
        finish(daemon);
    else
        timer_arm(daemon->loop, &daemon->stop_timer, now_us + (int64_t)US_PER_S / STOP_CHECKS_PER_S,
            check_stopped, daemon);
}

static void
stop(void *arg)
{
    struct daemon *daemon = arg;

    if (daemon->stop_at_us > 0)
        return;
    say(daemon, "stopping");
    daemon->stop_at_us = loop_now_us(daemon->loop) + daemon->settings->stop_within_us;
    mta_stop(daemon->mta);
    loop_post(daemon->loop, &daemon->stop_timer, check_stopped, daemon);
}

/* --- reload ---------------------------------------------------------------------------------- */

static void
reopen_files(void *arg)
{
    struct daemon *daemon = arg;
    struct error err = {0};

    if (daemon->log != NULL && !log_reopen(daemon->log, &err))
        say(daemon, "%s", err.text);
    if (!feedback_reopen(daemon->feedback, &err))
        say(daemon, "%s", err.text);
}

/* What the MTA was made of stays: addresses, files. */
static void
take_over(struct daemon *daemon, struct settings *settings, struct bounce_rules *bounce_rules,
    struct inmail_rules *inmail_rules)
{
    struct old_settings *old = mem_alloc(sizeof *old);
    struct mta_config config = settings->mta;

    config.listen = daemon->config.listen;
    config.inbound = daemon->config.inbound;
    config.return_domains = daemon->config.return_domains;
    config.return_domains_count = daemon->config.return_domains_count;
    config.inmail = daemon->config.inmail;
    config.hostname = daemon->config.hostname;
    config.source_ips = daemon->config.source_ips;
    config.source_ips_count = daemon->config.source_ips_count;
    daemon->config = config;
    mta_reload(daemon->mta, bounce_rules, inmail_rules);
    inmail_rules_free(&daemon->inmail_rules);
    bounce_rules_free(&daemon->bounce_rules);
    daemon->bounce_rules = bounce_rules;
    daemon->inmail_rules = inmail_rules;
    *old = (struct old_settings){daemon->old, daemon->settings};
    daemon->old = old;
    daemon->settings = settings;
}

/* Sessions, suspensions and the journal know our IPs by their numbers. */
static bool
has_same_sources(const struct mta_config *old, const struct mta_config *new, struct error *err)
{
    bool is_same =
        old->source_ips_count == new->source_ips_count && old->own_ips_count == new->own_ips_count;

    for (size_t i = 0; is_same && i < old->source_ips_count; i++)
        is_same = net_address_same_host(&old->source_ips[i], &new->source_ips[i]);
    return is_same ||
        error_set(err, ERROR_CONFIG,
            "other source IPs, or in another order, need a restart; their pools' weights do not");
}

static struct settings *
load_again(struct daemon *daemon, struct diagnostics *diagnostics, struct error *err)
{
    struct settings *settings = settings_load(daemon->filename, diagnostics, err);

    if (settings != NULL && !has_same_sources(&daemon->config, &settings->mta, err))
        settings_free(&settings);
    return settings;
}

static bool
reload(void *arg, struct text *answer)
{
    struct daemon *daemon = arg;
    struct diagnostics diagnostics = {0};
    struct error err = {0};
    struct settings *settings = load_again(daemon, &diagnostics, &err);
    struct bounce_rules *bounces = settings != NULL ? settings_bounce_rules(settings, &err) : NULL;
    struct inmail_rules *inmails =
        bounces != NULL ? settings_inmail_rules(settings, bounces, &err) : NULL;

    if (inmails != NULL) {
        take_over(daemon, settings, bounces, inmails);
        say(daemon, "%s was read again", daemon->filename);
        reopen_files(daemon);
    } else {
        bounce_rules_free(&bounces);
        settings_free(&settings);
        diagnostics_render(&diagnostics, answer, false);
        if (err.kind != ERROR_NONE)
            text_add_string(answer, err.text);
        say(daemon, "nothing was changed: %s", text_string(answer));
    }
    diagnostics_release(&diagnostics);
    return inmails != NULL;
}

static void
on_hangup(void *arg)
{
    struct text answer = {0};
    bool is_done = reload(arg, &answer);

    (void)is_done; /* it was said */
    text_release(&answer);
}

/* --- composition ----------------------------------------------------------------------------- */

static bool
write_metrics(void *arg, struct text *body)
{
    struct daemon *daemon = arg;

    metrics_write(daemon->mta, daemon->loop, daemon->log, body);
    return true;
}

static bool
write_health(void *arg, struct text *body)
{
    const struct daemon *daemon = arg;
    struct error err = {0};

    if (daemon->stop_at_us > 0)
        error_set(&err, ERROR_WORLD, "stopping");
    else if (log_trouble(daemon->log, &err))
        feedback_trouble(daemon->feedback, &err);
    text_printf(body, "%s\n", err.kind == ERROR_NONE ? "ok" : err.text);
    return err.kind == ERROR_NONE;
}

static const struct http_page pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
    {"/healthz", "text/plain; charset=utf-8",                write_health },
    {NULL,       NULL,                                       NULL         },
};

static struct resolver *
open_resolver(struct daemon *daemon, struct error *err)
{
    const struct settings *settings = daemon->settings;
    struct resolver_net_options options = {.servers_count = settings->dns_servers_count};

    for (size_t i = 0; i < settings->dns_servers_count; i++)
        options.servers[i] = settings->dns_servers[i];
    if (settings->dns_servers_count == 0)
        options.resolv_conf = "/etc/resolv.conf";
    return resolver_net_new(daemon->loop, &options, err);
}

static bool
open_files(struct daemon *daemon, struct error *err)
{
    const struct settings *settings = daemon->settings;
    const struct store_file_options spool = {.window_us = COMMIT_WINDOW_US,
        .syncs_max = COMMIT_SYNCS_MAX,
        .before_commit = tell_feedback,
        .before_commit_arg = daemon};

    daemon->log = log_new(daemon->loop, daemon->journal, &settings->log, err);
    if (daemon->log == NULL)
        return error_prefix(err, "the log");
    daemon->feedback = feedback_new(daemon->loop, daemon->journal, settings->feedback, err);
    if (daemon->feedback == NULL)
        return error_prefix(err, "EFS");
    daemon->store = store_file_new(daemon->loop, settings->spool, &spool, err);
    return daemon->store != NULL || error_prefix(err, "the spool");
}

static bool
open_tls(struct daemon *daemon, struct error *err)
{
    const struct settings *settings = daemon->settings;

    daemon->tls = tls_new(&(struct tls_config){.level = TLS_REAL, .loop = daemon->loop});
    daemon->tls_client = tls_client_new(daemon->tls);
    if (!tls_client_trust(daemon->tls_client, settings->tls_trust, err))
        return error_prefix(err, "tls.trust");
    if (settings->tls_certificate == NULL)
        return true;
    daemon->tls_server = tls_server_load(
        daemon->tls, settings->mta.hostname, settings->tls_certificate, settings->tls_key, err);
    return daemon->tls_server != NULL;
}

static bool
open_mta(struct daemon *daemon, struct error *err)
{
    const struct mta_doors doors = {.loop = daemon->loop,
        .network = daemon->network,
        .resolver = daemon->resolver,
        .store = daemon->store,
        .journal = daemon->journal,
        .bounce_rules = daemon->bounce_rules,
        .rng = &daemon->rng,
        .tells_all = true,
        .tls = daemon->tls_client,
        .tls_server = daemon->tls_server,
        .inmail_rules = daemon->inmail_rules,
        .verp_key = daemon->settings->has_verp_key ? &daemon->settings->verp_key : NULL};

    daemon->config = daemon->settings->mta;
    journal_observe(daemon->journal, on_event, daemon);
    daemon->mta = mta_new(&daemon->config, &doors, feedback_take, daemon->feedback, err);
    if (daemon->mta == NULL)
        return false;
    log_use_spool(daemon->log, mta_spool(daemon->mta));
    return true;
}

static bool
open_control(struct daemon *daemon, struct error *err)
{
    const struct settings *settings = daemon->settings;

    daemon->orders = (struct orders){
        .loop = daemon->loop, .mta = daemon->mta, .reload = reload, .stop = stop, .arg = daemon};
    daemon->control = control_new(daemon->loop, orders_table, &daemon->orders);
    if (settings->control != NULL) {
        daemon->control_listener = network_net_listen_unix(
            daemon->network, settings->control, control_accept, daemon->control, err);
        if (daemon->control_listener == NULL)
            return error_prefix(err, "the control socket");
    }
    if (settings->metrics.family != 0) {
        daemon->http = http_net_new(daemon->loop, &settings->metrics, pages, daemon, err);
        if (daemon->http == NULL)
            return error_prefix(err, "metrics");
    }
    return true;
}

static void
watch_signals(struct daemon *daemon)
{
    signal(SIGPIPE, SIG_IGN);
    loop_net_on_signal(daemon->loop, SIGTERM, stop, daemon);
    loop_net_on_signal(daemon->loop, SIGINT, stop, daemon);
    loop_net_on_signal(daemon->loop, SIGHUP, on_hangup, daemon);
    loop_net_on_signal(daemon->loop, SIGUSR1, reopen_files, daemon);
}

static bool
open_all(struct daemon *daemon, struct error *err)
{
    daemon->loop = loop_net_new(0, daemon->settings->speed, err);
    if (daemon->loop == NULL)
        return false;
    daemon->journal = journal_new();
    journal_forget_texts(daemon->journal, TEXTS_KEPT);
    daemon->rng = rng_from_seed((uint64_t)loop_wall_us(daemon->loop));
    daemon->bounce_rules = settings_bounce_rules(daemon->settings, err);
    if (daemon->bounce_rules == NULL)
        return false;
    daemon->inmail_rules = settings_inmail_rules(daemon->settings, daemon->bounce_rules, err);
    if (daemon->inmail_rules == NULL || !open_files(daemon, err))
        return false;
    raise_files_limit(daemon);
    daemon->network = network_net_new(daemon->loop, NULL);
    daemon->resolver = open_resolver(daemon, err);
    if (daemon->resolver == NULL || !open_tls(daemon, err) || !open_mta(daemon, err) ||
        !open_control(daemon, err))
        return false;
    watch_signals(daemon);
    return true;
}

struct daemon *
daemon_new(const char *filename, struct settings *settings, struct error *err)
{
    struct daemon *daemon = mem_alloc_zeroed(sizeof *daemon);

    daemon->filename = filename;
    daemon->settings = settings;
    if (!open_all(daemon, err))
        daemon_free(&daemon);
    return daemon;
}

void
daemon_free(struct daemon **daemon)
{
    struct daemon *d = *daemon;

    if (d == NULL)
        return;
    http_net_free(&d->http);
    if (d->control_listener != NULL)
        listener_close(&d->control_listener);
    control_free(&d->control);
    if (d->journal != NULL)
        journal_end(d->journal); /* sessions are cut now, and nobody is left to hear of it */
    tell_feedback(d);
    mta_free(&d->mta);
    tls_server_free(&d->tls_server);
    tls_client_free(&d->tls_client);
    tls_free(&d->tls);
    feedback_free(&d->feedback);
    log_free(&d->log);
    if (d->resolver != NULL)
        resolver_free(&d->resolver);
    if (d->store != NULL)
        store_free(&d->store);
    if (d->network != NULL)
        network_free(&d->network);
    inmail_rules_free(&d->inmail_rules);
    bounce_rules_free(&d->bounce_rules);
    journal_free(&d->journal);
    if (d->loop != NULL) {
        timer_cancel(d->loop, &d->stop_timer);
        timer_cancel(d->loop, &d->sync_timer);
        loop_free(&d->loop);
    }
    while (d->old != NULL) {
        struct old_settings *old = d->old;

        d->old = old->next;
        settings_free(&old->settings);
        mem_free(old);
    }
    settings_free(&d->settings);
    mem_free(d);
    *daemon = NULL;
}

bool
daemon_run(struct daemon *daemon, struct error *err)
{
    say(daemon, "listening; %" PRIu64 " recipients wait in the spool",
        mta_totals(daemon->mta).recipients_waiting);
    return loop_run(daemon->loop, INT64_MAX, err);
}
