/* campaign_world.h - a campaign in a world of its own, against an MTA that follows a script.
 *
 * For test_campaign.c and test_submitter.c. */
#ifndef MTALAB_TESTS_CAMPAIGN_WORLD_H
#define MTALAB_TESTS_CAMPAIGN_WORLD_H

#include "tests/unit.h"

#include "base/mem.h"
#include "base/stream_sim.h"
#include "base/unit.h"
#include "scenarios/campaign_parts.h"

/* --- an MTA that takes everything but what its script says --- */

struct line_script {
    const char *line;  /* how the command begins */
    int times;         /* so often, then as usual; 0: always */
    const char *reply; /* NULL: hangs up */
};

struct taken {
    char sender[80], rcpt[80];
    int64_t at_us;
};

enum { TAKEN_MAX = 4000 };

struct fake_mta {
    struct loop *loop;
    struct listener *listener;
    const char *extensions; /* replies to EHLO */
    const struct line_script *script;
    size_t script_count;
    int used[8];
    struct taken taken[TAKEN_MAX];
    size_t taken_count, sessions_count, sessions_open_max, sessions_open;
    struct text content; /* of the last message */
    struct text dialogue;
};

struct fake_session {
    struct fake_mta *mta;
    struct stream *stream;
    struct text sender, rcpts;
    bool has_mail, is_in_data;
};

static const char *const usual[][2] = {
    {"EHLO", NULL                 },
    {"HELO", "250 mta.example\r\n"},
    {"MAIL", "250 2.1.0 ok\r\n"   },
    {"RCPT", "250 2.1.5 ok\r\n"   },
    {"DATA", "354 go ahead\r\n"   },
    {".",    "250 2.0.0 taken\r\n"},
    {"RSET", "250 2.0.0 ok\r\n"   },
    {"QUIT", "221 2.0.0 bye\r\n"  },
};

static void
session_over(struct fake_session *s)
{
    s->mta->sessions_open--;
    stream_close(&s->stream);
    text_release(&s->sender);
    text_release(&s->rcpts);
    mem_free(s);
}

/* RFC 5321 4.1.4: what comes out of order. NULL: it does not. */
static const char *
complain(const struct fake_session *s, struct slice line)
{
    if (slice_starts_with(line, SLICE("MAIL")) && s->has_mail)
        return "503 5.5.1 nested MAIL\r\n";
    if (slice_starts_with(line, SLICE("RCPT")) && !s->has_mail)
        return "503 5.5.1 MAIL first\r\n";
    if (slice_equals(line, SLICE("DATA")) && s->rcpts.length == 0)
        return "554 5.5.1 no valid recipients\r\n";
    return NULL;
}

static const char *
reply_to(struct fake_mta *mta, struct slice line)
{
    for (size_t i = 0; i < mta->script_count; i++) {
        const struct line_script *script = &mta->script[i];

        if (!slice_starts_with(line, slice_of(script->line)))
            continue;
        if (script->times == 0 || mta->used[i]++ < script->times)
            return script->reply;
    }
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        if (slice_starts_with(line, slice_of(usual[i][0])))
            return usual[i][1] != NULL ? usual[i][1] : mta->extensions;
    fail_msg("what is \"%.*s\"?", SLICE_ARGS(line));
    return NULL;
}

static void
note_taken(struct fake_session *s)
{
    struct slice rcpt, rest = text_slice(&s->rcpts);

    for (bool has_more = s->rcpts.length > 0; has_more; s->mta->taken_count++) {
        struct taken *taken = &s->mta->taken[s->mta->taken_count];

        assert_true(s->mta->taken_count < TAKEN_MAX);
        slice_cut(rest, '\n', &rcpt, &rest);
        has_more = rest.length > 0;
        taken->at_us = loop_now_us(s->mta->loop);
        snprintf(taken->sender, sizeof taken->sender, "%s", text_string(&s->sender));
        snprintf(taken->rcpt, sizeof taken->rcpt, "%.*s", SLICE_ARGS(rcpt));
    }
}

static struct slice
path_in(struct slice line)
{
    struct slice before, path, rest;

    assert_true(slice_cut(line, '<', &before, &rest));
    assert_true(slice_cut(rest, '>', &path, &rest));
    return path;
}

static void
forget_envelope(struct fake_session *s)
{
    s->has_mail = false;
    text_clear(&s->sender);
    text_clear(&s->rcpts);
}

static bool
on_command(struct fake_session *s, struct slice line)
{
    const char *reply = complain(s, line);

    if (reply == NULL)
        reply = reply_to(s->mta, line);
    text_add_slice(&s->mta->dialogue, line);
    text_add_char(&s->mta->dialogue, '\n');
    if (reply == NULL)
        return false;
    if (slice_equals(line, SLICE("RSET")))
        forget_envelope(s);
    if (reply[0] == '2' && slice_starts_with(line, SLICE("MAIL"))) {
        forget_envelope(s);
        s->has_mail = true;
        text_add_slice(&s->sender, path_in(line));
    }
    if (reply[0] == '2' && slice_starts_with(line, SLICE("RCPT"))) {
        text_add_slice(&s->rcpts, path_in(line));
        text_add_char(&s->rcpts, '\n');
    }
    if (reply[0] == '2' && slice_equals(line, SLICE(".")))
        note_taken(s);
    if (slice_equals(line, SLICE(".")))
        forget_envelope(s);
    s->is_in_data = reply[0] == '3';
    if (s->is_in_data)
        text_clear(&s->mta->content);
    stream_write(s->stream, reply, strlen(reply));
    return !slice_starts_with(line, SLICE("QUIT"));
}

static size_t
session_on_bytes(void *arg, struct slice bytes)
{
    struct fake_session *s = arg;
    size_t consumed = 0;

    for (;;) {
        struct slice rest = slice_from(bytes, consumed), line;
        const char *end = rest.length > 0 ? memmem(rest.at, rest.length, "\r\n", 2) : NULL;

        if (end == NULL)
            return consumed;
        line = (struct slice){rest.at, (size_t)(end - rest.at)};
        consumed += line.length + 2;
        if (s->is_in_data && !slice_equals(line, SLICE("."))) {
            text_add_slice(&s->mta->content, line);
            text_add(&s->mta->content, "\r\n", 2);
        } else if (!on_command(s, line)) {
            session_over(s);
            return bytes.length;
        }
    }
}

static void
session_on_end(void *arg)
{
    session_over(arg);
}

static void
session_on_broken(void *arg, enum trouble trouble)
{
    session_over(arg);
}

static const struct stream_events fake_events = {
    .on_bytes = session_on_bytes, .on_end = session_on_end, .on_broken = session_on_broken};

static void
on_accept(void *arg, struct stream *stream)
{
    struct fake_session *s = mem_alloc_zeroed(sizeof *s);

    s->mta = arg;
    s->stream = stream;
    s->mta->sessions_count++;
    if (++s->mta->sessions_open > s->mta->sessions_open_max)
        s->mta->sessions_open_max = s->mta->sessions_open;
    stream_set_events(stream, &fake_events, s);
    stream_write(stream, "220 mta.example\r\n", 17);
}

/* --- a world of one campaign --- */

#define EXTENSIONS "250-mta.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 DELIVERBY\r\n"

struct world {
    struct loop *loop;
    struct rng rng;
    struct network *network;
    struct journal *journal;
    struct fake_mta mta;
    struct campaign *campaign;
    struct campaign_config config;
    unsigned events[EVENT_KINDS_COUNT];
    bool has_returns;
    uint64_t next_id;
    struct text states; /* of deliveries, as they are told */
};

static void
observe(void *arg, struct slice entry)
{
    struct world *w = arg;
    struct event event;
    struct slice sender, rcpt;
    struct kpi kpi = campaign_kpi(w->campaign, DELIVERY_ALL);

    event_read(entry, &event, &sender, &rcpt);
    w->events[event.kind]++;
    if (event.kind == EVENT_DELIVERY)
        text_printf(&w->states, "%.*s ", SLICE_ARGS(journal_name_text(w->journal, event.text)));
    if (event.kind == EVENT_BOUNCE_HARD && event.stage == STAGE_OUT_OF_BAND)
        w->has_returns = true;
    if (event.kind == EVENT_DELIVERED && !w->has_returns) /* the row moves before it is told */
        assert_int_equal(kpi.sent, w->events[EVENT_DELIVERED]);
}

static struct net_address
address(const char *text, uint16_t port)
{
    struct net_address address;

    assert_true(net_address_parse(slice_of(text), &address));
    address.port = port;
    return address;
}

static void
listen_again(struct world *w)
{
    struct net_address at = address("192.0.2.1", 25);
    struct error err;

    w->mta.listener = network_listen(w->network, &at, on_accept, &w->mta, &err);
    assert_non_null(w->mta.listener);
}

static struct world *
begin_as(const struct delivery_config *deliveries, size_t count, const struct verp_key *key,
    int64_t returns_within_us)
{
    struct world *w = mem_alloc_zeroed(sizeof *w);
    struct campaign_doors doors = {.mta = address("192.0.2.1", 25),
        .from = address("192.0.2.2", 0),
        .hostname = SLICE("campaign.example"),
        .verp_key = key,
        .returns_within_us = returns_within_us};
    struct net_link link = {.latency_us = US_PER_MS};

    w->loop = loop_sim_new(INT64_C(1767600000) * US_PER_S);
    w->rng = rng_from_seed(7);
    w->network = network_sim_new(w->loop, &w->rng);
    w->journal = journal_new();
    w->mta.loop = w->loop;
    w->mta.extensions = EXTENSIONS;
    network_sim_set_link(w->network, &doors.mta, &link);
    listen_again(w);
    w->config = (struct campaign_config){
        .from = {SLICE("news"), SLICE("campaign.example")},
        .soft_limit = 5,
        .deliveries = deliveries,
        .deliveries_count = count
    };
    doors.loop = w->loop;
    doors.network = w->network;
    doors.journal = w->journal;
    doors.rng = &w->rng;
    w->campaign = campaign_new(&w->config, &doors);
    journal_observe(w->journal, observe, w);
    campaign_start(w->campaign);
    return w;
}

static inline struct world *
begin(const struct delivery_config *deliveries, size_t count)
{
    return begin_as(deliveries, count, NULL, 0);
}

static void
run_until(struct world *w, int64_t until_us)
{
    struct error err;

    if (!loop_run(w->loop, until_us, &err))
        fail_msg("%s", err.text);
}

static void
assert_recount(const struct world *w)
{
    for (int i = DELIVERY_ALL; i < (int)w->config.deliveries_count; i++) {
        struct kpi kpi = campaign_kpi(w->campaign, i), recount = campaign_recount(w->campaign, i);

        assert_memory_equal(&kpi, &recount, sizeof kpi);
    }
}

static void
end(struct world *w)
{
    assert_recount(w);
    campaign_free(&w->campaign);
    run_until(w, loop_now_us(w->loop) + US_PER_S); /* what hung up is heard */
    if (w->mta.listener != NULL)
        listener_close(&w->mta.listener);
    network_free(&w->network);
    journal_free(&w->journal);
    loop_free(&w->loop);
    text_release(&w->mta.content);
    text_release(&w->mta.dialogue);
    text_release(&w->states);
    mem_free(w);
}

static inline void
feed(struct world *w, size_t row, enum efs_kind kind, uint32_t attempt, struct verdict verdict)
{
    struct text sender = {0}, rcpt = {0};
    struct efs_event event = {.id = ++w->next_id,
        .at_us = loop_now_us(w->loop),
        .kind = kind,
        .attempt = attempt,
        .verdict = verdict};

    campaign_return_path(w->campaign, 0, row, &sender);
    campaign_row_address(w->campaign, 0, row, &rcpt);
    event.sender = text_slice(&sender);
    event.rcpt = text_slice(&rcpt);
    assert_true(campaign_take_feedback(w->campaign, &event, 1));
    assert_true(campaign_take_feedback(w->campaign, &event, 1)); /* at least once */
    text_release(&sender);
    text_release(&rcpt);
}

#define TO(number)                                                                          \
    {                                                                                       \
        .before = {"ok-", 3}, .after = {"@rows.example", 13}, .width = 4, .count = (number) \
    }
#define SPRING .name = {"spring", 6}, .recipients_per_message = 1, .to_count = 1

#endif
