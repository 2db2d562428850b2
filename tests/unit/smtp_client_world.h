/* smtp_client_world.h - a client, its owner with letters to send, and a server that follows a script.
 *
 * For test_smtp_client.c and test_smtp_client_time.c. */
#ifndef MTALAB_TESTS_SMTP_CLIENT_WORLD_H
#define MTALAB_TESTS_SMTP_CLIENT_WORLD_H

#include "tests/unit/smtp_script.h"

#include "base/unit.h"
#include "mta/smtp_client.h"

enum { LETTERS_MAX = 4, RCPTS_MAX = 4 };

struct letter { /* a transaction to be spoken; its recipients are numbered through: 1, 2, … */
    const char *content;
    int rcpts_count;
    uint64_t size; /* 0: that of the content */
    bool is_8bit;
};

struct play {
    struct letter letters[LETTERS_MAX];
    struct script_row rows[SCRIPT_ROWS_MAX];
    uint32_t transactions_max; /* 0: many */
};

struct world {
    struct loop *loop;
    struct network *network;
    struct net_address address;
    struct script_server server;
    struct smtp_client *client;
    struct letter letters[LETTERS_MAX];
    size_t letters_count, letters_next;
    uint32_t rcpts_count;
    struct text story; /* what the owner was told: "1 accepted dot 250;", "closed rcpt 421;" */
    struct text words; /* of the end */
    int answers_count[LETTERS_MAX * RCPTS_MAX + 1], accepted_count, closed_count, idle_count;
    int64_t closed_at_us;
    enum smtp_loss loss;
    enum trouble trouble;
    struct mx_timeouts timeouts;
    enum tls_policy tls_policy; /* with these two, from before start_client() */
    struct tls_client *tls;
    bool is_in_call; /* of the client's header */
    struct error err;
};

/* --- the owner ------------------------------------------------------------------------------- */

static inline bool
next(void *arg, struct smtp_transaction *t)
{
    struct world *w = arg;
    const struct letter *letter;

    assert_int_equal(w->closed_count, 0);
    assert_int_equal(t->recipients_count, 0);
    assert_int_equal(t->addresses.length, 0);
    if (w->letters_next == w->letters_count)
        return false;
    letter = &w->letters[w->letters_next];
    text_add_string(&t->sender, "b@us.test");
    for (int i = 0; i < letter->rcpts_count; i++) {
        uint32_t at = (uint32_t)t->addresses.length;

        text_printf(&t->addresses, "r%u@mx.test", (unsigned)++w->rcpts_count);
        t->recipients = mem_grow(
            t->recipients, &t->recipients_capacity, t->recipients_count + 1, sizeof *t->recipients);
        t->recipients[t->recipients_count++] = (struct smtp_recipient){
            .id = w->rcpts_count, .at = at, .length = (uint32_t)t->addresses.length - at};
    }
    t->size = letter->size != 0 ? letter->size : strlen(letter->content);
    t->is_8bit = letter->is_8bit;
    t->content_id = (uint32_t)w->letters_next++;
    return true;
}

static inline void
write_content(void *arg, uint32_t content_id, struct stream *stream)
{
    struct world *w = arg;
    const char *content = w->letters[content_id].content;

    stream_write(stream, content, strlen(content));
}

static inline void
on_connected(void *arg, enum trouble trouble)
{
    struct world *w = arg;

    assert_false(w->is_in_call);
    w->trouble = trouble;
}

static inline void
on_tls(void *arg, enum smtp_tls_outcome outcome, const struct tls_result *result,
    const struct smtp_reply *refusal)
{
    static const char *const names[] = {[SMTP_TLS_OK] = "ok",
        [SMTP_TLS_NOT_OFFERED] = "not offered",
        [SMTP_TLS_REFUSED] = "refused",
        [SMTP_TLS_TIMED_OUT] = "timed out",
        [SMTP_TLS_FAILED] = "failed"};
    struct world *w = arg;

    assert_false(w->is_in_call);
    assert_int_equal(refusal != NULL, outcome == SMTP_TLS_REFUSED);
    text_printf(&w->story, "tls %s%s%s;", names[outcome], outcome == SMTP_TLS_FAILED ? " " : "",
        outcome == SMTP_TLS_FAILED ? tls_failure_phrase(result->failure) : "");
}

static inline void
on_answer(void *arg, uint32_t recipient, enum smtp_answer answer, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    static const char *const names[] = {
        [ANSWER_ACCEPTED] = "accepted", [ANSWER_REPLY] = "reply", [ANSWER_LOST] = "lost"};
    struct world *w = arg;

    assert_int_equal(w->closed_count, 0);
    assert_in_range(recipient, 1, w->rcpts_count);
    w->answers_count[recipient]++;
    w->accepted_count += answer == ANSWER_ACCEPTED;
    text_printf(&w->story, "%u %s %s %u;", (unsigned)recipient, names[answer], stage_name(stage),
        (unsigned)reply->code);
}

static inline void
on_idle(void *arg)
{
    struct world *w = arg;

    assert_false(w->is_in_call);
    w->idle_count++;
    assert_true(smtp_client_is_idle(w->client));
}

static inline void
on_closed(void *arg, const struct smtp_end *end)
{
    static const char *const names[] = {[LOSS_NONE] = "",
        [LOSS_CONNECT] = " no connection",
        [LOSS_RESET] = " reset",
        [LOSS_CLOSED] = " hung up",
        [LOSS_TIMED_OUT] = " timed out",
        [LOSS_REPLY] = " told",
        [LOSS_NONSENSE] = " nonsense",
        [LOSS_TLS] = " tls"};
    struct world *w = arg;

    assert_false(w->is_in_call);
    w->closed_count++;
    w->closed_at_us = loop_now_us(w->loop);
    w->loss = end->loss;
    text_add_slice(&w->words, end->reply.text);
    text_printf(&w->story, "closed%s", names[end->loss]);
    if (end->loss != LOSS_NONE)
        text_printf(&w->story, " %s %u", stage_name(end->stage), (unsigned)end->reply.code);
    smtp_client_free(&w->client);
}

/* --- the world ------------------------------------------------------------------------------- */

static inline void
world_prepare(struct world *w, const struct play *play)
{
    struct rng rng = rng_from_seed(7);

    memset(w, 0, sizeof *w);
    w->loop = loop_sim_new(0);
    w->network = network_sim_new(w->loop, &rng);
    assert_true(net_address_parse(SLICE("192.0.2.25"), &w->address));
    w->address.port = 25;
    memcpy(w->letters, play->letters, sizeof w->letters);
    while (w->letters_count < LETTERS_MAX && w->letters[w->letters_count].rcpts_count > 0)
        w->letters_count++;
    memcpy(w->server.rows, play->rows, sizeof w->server.rows);
    script_listen(&w->server, w->loop, w->network, &w->address);
}

static inline void
start_client(struct world *w, uint32_t transactions_max)
{
    static const struct smtp_client_events events = {.next = next,
        .write_content = write_content,
        .on_connected = on_connected,
        .on_tls = on_tls,
        .on_answer = on_answer,
        .on_idle = on_idle,
        .on_closed = on_closed};
    const struct smtp_client_config config = {
        .loop = w->loop,
        .network = w->network,
        .to = w->address,
        .hostname = SLICE("us.test"),
        .transactions_max = transactions_max > 0 ? transactions_max : 100,
        .timeouts = w->timeouts,
        .tls_policy = w->tls_policy,
        .tls = w->tls,
        .tls_peer = {.host_name = SLICE("mx.test"), .is_verified = true},
        .events = &events,
        .arg = w
    };

    w->is_in_call = true;
    w->client = smtp_client_new(&config);
    w->is_in_call = false;
}

static inline void
run_until(struct world *w, int64_t until_us)
{
    if (!loop_run(w->loop, until_us, &w->err))
        fail_msg("%s", w->err.text);
}

/* To the end of the session, which always comes; everybody has had exactly one answer then. */
static inline void
finish(struct world *w)
{
    run_until(w, loop_now_us(w->loop) + 2 * US_PER_HOUR);
    assert_int_equal(w->closed_count, 1);
    for (uint32_t i = 1; i <= w->rcpts_count; i++)
        assert_int_equal(w->answers_count[i], 1);
}

static inline void
world_stop(struct world *w)
{
    smtp_client_free(&w->client);
    script_stop(&w->server);
    network_free(&w->network);
    loop_free(&w->loop);
    text_release(&w->story);
    text_release(&w->words);
}

static inline void
perform(struct world *w, const struct play *play)
{
    world_prepare(w, play);
    start_client(w, play->transactions_max);
    finish(w);
}

#define ONE                   \
    {                         \
        "hi\r\n", 1, 0, false \
    }
#define TWO                   \
    {                         \
        "hi\r\n", 2, 0, false \
    }
#define HELLO "\nEHLO us.test;"
#define BYE   "\nQUIT;"

#endif
