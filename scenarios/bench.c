/* bench.c - the test bench for a foreign MTA. */
#include "scenarios/bench.h"

#include "base/capture_net.h"
#include "base/mem.h"
#include "base/namespace_net.h"
#include "mta/inbound.h"
#include "scenarios/callers.h"
#include "smtp/event.h"

enum { LOOK_MS = 250, PATIENCE_S = 60 /* both of the wall clock */ };

#define HOSTNAME "mta.example"

struct bench {
    struct bench_doors doors;
    struct callers *callers;
    struct capture *capture;
    struct inbound *inbound;
    struct timer look;
    struct bench_news *news; /* heard from the journal, to be told from the loop */
    size_t news_count, news_capacity;
    struct timer tell;
    uint64_t told_count;
    uint32_t hostname; /* name of the foreign MTA, as it signs its reports */
    bool is_dead;
    struct error death;
};

/* What a report of the foreign MTA says of one recipient. */
struct bench_news {
    struct event event;
    struct text sender, rcpt;
};

bool
bench_add_addresses(const struct scenario *scenario, struct error *err)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t j = 0; j < scenario->isps[i].hosts_count; j++) {
            const struct isp_host *host = &scenario->isps[i].hosts[j];

            for (size_t k = 0; k < host->addresses_count; k++)
                if (!namespace_add_address(&host->addresses[k], err))
                    return false;
        }
    return namespace_add_address(&scenario->mta.inbound, err);
}

struct sut_setup
bench_sut_setup(const struct scenario *scenario)
{
    struct sut_setup setup = {.config = &scenario->sut,
        .hostname = SLICE(HOSTNAME),
        .listen = scenario->mta.listen,
        .source = scenario->mta.source_ips[0],
        .speed = scenario->speed};

    net_address_parse(SLICE(CAMPAIGN_ADDRESS), &setup.campaign);
    return setup;
}

/* ---- returned mail is feedback ---- */

/* RFC 3463 3.5: x.4.7. */
static bool
is_over_time(const struct event *event)
{
    struct enhanced_code code = enhanced_unpack(event->enhanced);

    return code.subject == 4 && code.detail == 7;
}

/* OpenSMTPD 6 calls it "delayed" when it gives up because time is over, after its status 4.4.7. */
static bool
is_last_word(const struct bench *bench, const struct event *event)
{
    return event->dsn_kind == DSN_FAILED || event->dsn_kind == DSN_DELIVERED ||
        (bench->doors.scenario->sut.kind == SUT_OPENSMTPD && event->dsn_kind == DSN_DELAYED &&
            is_over_time(event));
}

/* A provider that took it sends it back, or somebody there complains. */
static bool
is_providers_word(const struct bench *bench, const struct event *event)
{
    return event->host != bench->hostname && event->outcome == OUTCOME_NONE &&
        (event->dsn_kind == DSN_FAILED || event->dsn_kind == DSN_CHALLENGE ||
            event->dsn_kind == DSN_COMPLAINT || event->dsn_kind == DSN_UNSUBSCRIPTION);
}

static enum efs_kind
kind_of(const struct bench *bench, const struct event *event)
{
    if (event->dsn_kind == DSN_COMPLAINT)
        return EFS_COMPLAINT;
    if (event->dsn_kind == DSN_UNSUBSCRIPTION)
        return EFS_UNSUBSCRIBED;
    if (event->host != bench->hostname)
        return EFS_RETURNED;
    if (event->dsn_kind == DSN_DELIVERED)
        return EFS_DELIVERED;
    return enhanced_unpack(event->enhanced).class == 4 || is_over_time(event) ? EFS_EXPIRED
                                                                              : EFS_HARD;
}

static struct verdict
qualify(const struct bench *bench, const struct event *event, enum efs_kind kind)
{
    struct refusal refusal = {.stage = STAGE_RCPT, .reply.code = 550};

    if (kind > EFS_EXPIRED)
        return event->has_verdict ? (struct verdict){event->class, event->reason, event->type}
                                  : (struct verdict){.reason = REASON_NONE};
    if (kind == EFS_EXPIRED)
        return bounce_of_class(bench->doors.mta.bounce_rules, CLASS_TIMEOUT).verdict;
    refusal.reply.enhanced = enhanced_unpack(event->enhanced);
    refusal.reply.text = journal_name_text(bench->doors.mta.journal, event->text);
    return bounce_qualify(bench->doors.mta.bounce_rules, &refusal).verdict;
}

static void
tell_one(struct bench *bench, const struct bench_news *news)
{
    struct efs_event told = {.id = ++bench->told_count,
        .at_us = news->event.at_us,
        .kind = kind_of(bench, &news->event),
        .sender = text_slice(&news->sender),
        .rcpt = text_slice(&news->rcpt),
        .attempt = 1, /* it does not say which */
        .stage = STAGE_RCPT,
        .enhanced = news->event.enhanced,
        .text = news->event.text};

    if (told.kind > EFS_EXPIRED) {
        told.rule = news->event.rule;
        told.host = news->event.host;
    }
    if (told.kind != EFS_DELIVERED)
        told.verdict = qualify(bench, &news->event, told.kind);
    campaign_take_feedback(bench->doors.campaign, &told, 1);
}

static void
tell_on_timer(void *arg)
{
    struct bench *bench = arg;

    for (size_t i = 0; i < bench->news_count; i++) {
        tell_one(bench, &bench->news[i]);
        text_release(&bench->news[i].sender);
        text_release(&bench->news[i].rcpt);
    }
    bench->news_count = 0;
}

/* A journal is not written to while it is being read from, hence the timer. */
static void
on_entry(void *arg, struct slice entry)
{
    struct bench *bench = arg;
    struct slice sender, rcpt;
    struct bench_news *news;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind != EVENT_DSN_RECEIVED && event.kind != EVENT_FBL_RECEIVED)
        return;
    if (!is_providers_word(bench, &event) &&
        (event.host != bench->hostname || !is_last_word(bench, &event)))
        return;
    bench->news = mem_grow(bench->news, &bench->news_capacity, bench->news_count + 1, sizeof *news);
    news = &bench->news[bench->news_count++];
    *news = (struct bench_news){.event = event};
    text_add_slice(&news->sender, sender);
    text_add_slice(&news->rcpt, rcpt);
    if (!timer_is_armed(&bench->tell))
        loop_post(bench->doors.mta.loop, &bench->tell, tell_on_timer, bench);
}

/* ---- life ---- */

static void
look_on_timer(void *arg)
{
    struct bench *bench = arg;
    struct loop *loop = bench->doors.mta.loop;

    if (!sut_is_running(bench->doors.sut, &bench->death)) {
        bench->is_dead = true;
        loop_stop(loop);
        return;
    }
    timer_arm(loop, &bench->look,
        loop_now_us(loop) + LOOK_MS * US_PER_MS * bench->doors.scenario->speed, look_on_timer,
        bench);
}

struct bench *
bench_new(const struct bench_doors *doors, struct error *err)
{
    struct bench *bench = mem_alloc_zeroed(sizeof *bench);
    const struct scenario *scenario = doors->scenario;

    bench->doors = *doors;
    bench->hostname = journal_name(doors->mta.journal, SLICE(HOSTNAME));
    bench->callers = callers_new(doors->mta.loop, doors->mta.journal, scenario,
        PATIENCE_S * US_PER_S * (int64_t)scenario->speed);
    bench->inbound = inbound_new(&scenario->mta, &bench->doors.mta, NULL, err);
    if (bench->inbound != NULL)
        bench->capture = capture_net_new(doors->mta.loop, callers_on_segment, bench->callers, err);
    if (bench->capture == NULL) {
        bench_free(&bench);
        return NULL;
    }
    journal_observe(doors->mta.journal, on_entry, bench);
    look_on_timer(bench);
    return bench;
}

void
bench_free(struct bench **bench)
{
    struct bench *b = *bench;

    if (b == NULL)
        return;
    timer_cancel(b->doors.mta.loop, &b->look);
    timer_cancel(b->doors.mta.loop, &b->tell);
    capture_free(&b->capture);
    inbound_free(&b->inbound);
    callers_free(&b->callers);
    for (size_t i = 0; i < b->news_count; i++) {
        text_release(&b->news[i].sender);
        text_release(&b->news[i].rcpt);
    }
    mem_free(b->news);
    mem_free(b);
    *bench = NULL;
}

bool
bench_is_fine(struct bench *bench, struct error *err)
{
    uint64_t lost = capture_lost_count(bench->capture);

    if (bench->is_dead) {
        *err = bench->death;
        return false;
    }
    if (lost > 0)
        return error_set(err, ERROR_WORLD,
            "%llu packets of the foreign MTA were not heard: connections may be missing",
            (unsigned long long)lost);
    return true;
}
