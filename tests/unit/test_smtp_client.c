/* test_smtp_client.c - one SMTP session as its client, against servers that follow a script. */
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
    bool is_in_call; /* of the client's header */
    struct error err;
};

/* --- the owner ------------------------------------------------------------------------------- */

static bool
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

static void
write_content(void *arg, uint32_t content_id, struct stream *stream)
{
    struct world *w = arg;
    const char *content = w->letters[content_id].content;

    stream_write(stream, content, strlen(content));
}

static void
on_connected(void *arg, enum trouble trouble)
{
    struct world *w = arg;

    assert_false(w->is_in_call);
    w->trouble = trouble;
}

static void
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

static void
on_idle(void *arg)
{
    struct world *w = arg;

    assert_false(w->is_in_call);
    w->idle_count++;
    assert_true(smtp_client_is_idle(w->client));
}

static void
on_closed(void *arg, const struct smtp_end *end)
{
    static const char *const names[] = {[LOSS_NONE] = "",
        [LOSS_CONNECT] = " no connection",
        [LOSS_RESET] = " reset",
        [LOSS_CLOSED] = " hung up",
        [LOSS_TIMED_OUT] = " timed out",
        [LOSS_REPLY] = " told",
        [LOSS_NONSENSE] = " nonsense"};
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

static void
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

static void
start_client(struct world *w, uint32_t transactions_max)
{
    static const struct smtp_client_events events = {.next = next,
        .write_content = write_content,
        .on_connected = on_connected,
        .on_answer = on_answer,
        .on_idle = on_idle,
        .on_closed = on_closed};
    const struct smtp_client_config config = {.loop = w->loop,
        .network = w->network,
        .to = w->address,
        .hostname = SLICE("us.test"),
        .transactions_max = transactions_max > 0 ? transactions_max : 100,
        .events = &events,
        .arg = w};

    w->is_in_call = true;
    w->client = smtp_client_new(&config);
    w->is_in_call = false;
}

static void
run_until(struct world *w, int64_t until_us)
{
    if (!loop_run(w->loop, until_us, &w->err))
        fail_msg("%s", w->err.text);
}

/* To the end of the session, which always comes; everybody has had exactly one answer then. */
static void
finish(struct world *w)
{
    run_until(w, loop_now_us(w->loop) + 2 * US_PER_HOUR);
    assert_int_equal(w->closed_count, 1);
    for (uint32_t i = 1; i <= w->rcpts_count; i++)
        assert_int_equal(w->answers_count[i], 1);
}

static void
world_stop(struct world *w)
{
    smtp_client_free(&w->client);
    script_stop(&w->server);
    network_free(&w->network);
    loop_free(&w->loop);
    text_release(&w->story);
    text_release(&w->words);
}

static void
perform(struct world *w, const struct play *play)
{
    world_prepare(w, play);
    start_client(w, play->transactions_max);
    finish(w);
}

/* --- dialogues ------------------------------------------------------------------------------- */

#define PLAIN                                    \
    {                                            \
        "EHLO", "250-mx.test\r\n250 SIZE\r\n", 0 \
    } /* no PIPELINING, a SIZE without limit */
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
#define MAIL  "MAIL FROM:<b@us.test> SIZE=4;"
#define R1    "RCPT TO:<r1@mx.test>;"
#define R2    "RCPT TO:<r2@mx.test>;"

/* Columns as wide as the longest dialogue would show none of them. */
/* clang-format off */
static const struct dialogue {
    const char *name;
    struct play play;
    const char *heard, *story;
} dialogues[] = {
    {"pipelined: one piece up to DATA", {{ONE}, {{0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"two recipients", {{TWO}, {{0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 accepted dot 250;2 accepted dot 250;closed"},
    {"two messages, the second rides on the answer to the first", {{ONE, ONE}, {{0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;\n" MAIL R2 "DATA;\n.;" BYE,
     "1 accepted dot 250;2 accepted dot 250;closed"},
    {"not pipelined: one piece per command", {{TWO}, {PLAIN}, 0},
     HELLO "\n" MAIL "\n" R1 "\n" R2 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;2 accepted dot 250;closed"},
    {"after the last transaction allowed we QUIT", {{ONE, ONE}, {{0}}, 1},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"nothing to say", {{{0}}, {{0}}, 0}, HELLO BYE, "closed"},

    {"EHLO is not known", {{ONE}, {{"EHLO", "500 what?\r\n", 0}}, 0},
     HELLO "\nHELO us.test;\nMAIL FROM:<b@us.test>;\n" R1 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"EHLO is refused for now", {{ONE}, {{"EHLO", "451 not now\r\n", 0}}, 0},
     HELLO BYE, "closed told ehlo 451"},
    {"HELO is refused as well", {{ONE}, {{"EHLO", "502 no\r\n", 0}, {"HELO", "554 go\r\n", 0}}, 0},
     HELLO "\nHELO us.test;" BYE, "closed told ehlo 554"},
    {"the banner is a refusal", {{ONE}, {{"", "554 5.7.1 no service\r\n", 0}}, 0},
     BYE, "closed told banner 554"},
    {"the banner is a later", {{ONE}, {{"", "421 4.3.2 busy\r\n" THEN_CLOSES, 0}}, 0},
     "", "closed told banner 421"},
    {"a banner in many lines", {{ONE}, {{"", "220-mx.test\r\n220-no spam\r\n220 please\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"too large for this server", {{{"hi\r\n", 2, 1000001, false}, ONE}, {{0}}, 0},
     HELLO "\n" MAIL "RCPT TO:<r3@mx.test>;DATA;\n.;" BYE,
     "1 reply mail 552;2 reply mail 552;3 accepted dot 250;closed"},
    {"as large as allowed", {{{"hi\r\n", 1, 1000000, false}}, {{0}}, 0},
     HELLO "\nMAIL FROM:<b@us.test> SIZE=1000000;" R1 "DATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"SIZE without a number is no limit", {{{"hi\r\n", 1, 1000001, false}}, {PLAIN}, 0},
     HELLO "\nMAIL FROM:<b@us.test> SIZE=1000001;\n" R1 "\nDATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"8 bits", {{{"hi\r\n", 1, 0, true}}, {{0}}, 0},
     HELLO "\nMAIL FROM:<b@us.test> SIZE=4 BODY=8BITMIME;" R1 "DATA;\n.;" BYE,
     "1 accepted dot 250;closed"},
    {"8 bits, but the server knows 7", {{{"hi\r\n", 1, 0, true}}, {PLAIN}, 0},
     HELLO BYE, "1 reply mail 554;closed"},
    {"keywords in any case, with others around",
     {{ONE}, {{"EHLO", "250-mx.test PIPELINING\r\n250-pipeLining\r\n250-SIZE  4 \r\n250 X\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"MAIL refused, pipelined",
     {{TWO}, {{"MAIL", "550 no\r\n", 0}, {"RCPT", "503 no\r\n", 0}, {"DATA", "503 no\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\nRSET;" BYE, "1 reply mail 550;2 reply mail 550;closed"},
    {"MAIL refused, not pipelined", {{TWO}, {PLAIN, {"MAIL", "451 no\r\n", 0}}, 0},
     HELLO "\n" MAIL "\nRSET;" BYE, "1 reply mail 451;2 reply mail 451;closed"},
    {"MAIL refused, and the rest is accepted all the same", {{TWO}, {{"MAIL", "550 no\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 reply mail 550;2 reply mail 550;closed"},
    {"mixed recipients, pipelined",
     {{{"hi\r\n", 3, 0, false}}, {{"RCPT TO:<r1", "550 no\r\n", 0}, {"RCPT TO:<r3", "452 full\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "RCPT TO:<r3@mx.test>;DATA;\n.;" BYE,
     "1 reply rcpt 550;3 reply rcpt 452;2 accepted dot 250;closed"},
    {"mixed recipients, not pipelined", {{TWO}, {PLAIN, {"RCPT TO:<r2", "550 no\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\n" R2 "\nDATA;\n.;" BYE,
     "2 reply rcpt 550;1 accepted dot 250;closed"},
    {"nobody accepted, pipelined: DATA is refused too",
     {{TWO}, {{"RCPT", "550 no\r\n", 0}, {"DATA", "554 nobody\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\nRSET;" BYE, "1 reply rcpt 550;2 reply rcpt 550;closed"},
    {"nobody accepted, and 354 all the same: an empty message",
     {{TWO}, {{"RCPT", "550 no\r\n", 0}, {".", "554 nobody\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 reply rcpt 550;2 reply rcpt 550;closed"},
    {"nobody accepted, not pipelined: no DATA", {{TWO}, {PLAIN, {"RCPT", "550 no\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\n" R2 "\nRSET;" BYE,
     "1 reply rcpt 550;2 reply rcpt 550;closed"},
    {"forwarded is accepted", {{TWO}, {{"RCPT", "251 moved\r\n", 1}, {"RCPT", "252 hm\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 accepted dot 250;2 accepted dot 250;closed"},
    {"DATA refused", {{ONE, ONE}, {{"DATA", "451 no\r\n", 1}}, 0},
     HELLO "\n" MAIL R1 "DATA;\nRSET;\n" MAIL R2 "DATA;\n.;" BYE,
     "1 reply data 451;2 accepted dot 250;closed"},
    {"content refused", {{ONE, ONE}, {{".", "554 spam\r\n", 1}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;\n" MAIL R2 "DATA;\n.;" BYE,
     "1 reply dot 554;2 accepted dot 250;closed"},
    {"RSET refused", {{ONE, ONE}, {{"DATA", "451 no\r\n", 0}, {"RSET", "500 no\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\nRSET;" BYE, "1 reply data 451;closed told rset 500"},
    {"QUIT refused", {{ONE}, {{"QUIT", "500 stay\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"421 to EHLO", {{ONE}, {{"EHLO", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO, "closed told ehlo 421"},
    {"421 to HELO", {{ONE}, {{"EHLO", "500 what\r\n", 0}, {"HELO", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\nHELO us.test;", "closed told ehlo 421"},
    {"421 to MAIL", {{TWO}, {{"MAIL", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL, "1 reply mail 421;2 reply mail 421;closed told mail 421"},
    {"421 to the second RCPT", {{TWO}, {{"RCPT TO:<r2", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 R2, "1 reply rcpt 421;2 reply rcpt 421;closed told rcpt 421"},
    {"421 after a refusal", {{TWO},
     {{"RCPT TO:<r1", "550 no\r\n", 0}, {"RCPT TO:<r2", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 R2, "1 reply rcpt 550;2 reply rcpt 421;closed told rcpt 421"},
    {"421 to DATA", {{ONE}, {{"DATA", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 reply data 421;closed told data 421"},
    {"421 to the final dot", {{ONE}, {{".", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 reply dot 421;closed told dot 421"},
    {"421 to RSET", {{ONE}, {{"DATA", "451 no\r\n", 0}, {"RSET", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\nRSET;", "1 reply data 451;closed told rset 421"},
    {"421 to QUIT", {{ONE}, {{"QUIT", "421 bye\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"421 that does not close", {{ONE}, {{"MAIL", "421 bye\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 reply mail 421;closed told mail 421"},

    {"hung up before the banner", {{ONE}, {{"", HANGS_UP, 0}}, 0}, "", "closed hung up banner 451"},
    {"hung up at EHLO", {{ONE}, {{"EHLO", HANGS_UP, 0}}, 0}, HELLO, "closed hung up ehlo 451"},
    {"hung up at MAIL", {{ONE}, {{"MAIL", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL, "1 lost mail 451;closed hung up mail 451"},
    {"hung up at the second RCPT, the first was refused",
     {{TWO}, {{"RCPT TO:<r1", "550 no\r\n", 0}, {"RCPT TO:<r2", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 R2, "1 reply rcpt 550;2 lost rcpt 451;closed hung up rcpt 451"},
    {"hung up at DATA", {{ONE}, {{"DATA", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 lost data 451;closed hung up data 451"},
    {"hung up at the final dot", {{TWO}, {{".", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;",
     "1 lost dot 451;2 lost dot 451;closed hung up dot 451"},
    {"hung up behind the answer", {{ONE}, {{".", "250 taken\r\n" THEN_CLOSES, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 accepted dot 250;closed"},
    {"hung up at QUIT", {{ONE}, {{"QUIT", HANGS_UP, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"reset at MAIL", {{ONE}, {{"MAIL", RESETS, 0}}, 0},
     HELLO "\n" MAIL, "1 lost mail 451;closed reset mail 451"},
    {"reset at the final dot", {{ONE}, {{".", RESETS, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 lost dot 451;closed reset dot 451"},
    {"reset at QUIT", {{ONE}, {{"QUIT", RESETS, 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},

    {"garbage for a banner", {{ONE}, {{"", "HTTP/1.1 400 Bad Request\r\n\r\n", 0}}, 0},
     "", "closed nonsense banner 451"},
    {"garbage at EHLO", {{ONE}, {{"EHLO", "\x16\x03\x01\x02\r\n", 0}}, 0},
     HELLO, "closed nonsense ehlo 451"},
    {"garbage at RCPT", {{TWO}, {{"RCPT TO:<r2", "?\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;", "1 lost rcpt 451;2 lost rcpt 451;closed nonsense rcpt 451"},
    {"a code that is none", {{ONE}, {{"MAIL", "999 ok\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 lost mail 451;closed nonsense mail 451"},
    {"354 to MAIL", {{ONE}, {{"MAIL", "354 go on\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;", "1 lost mail 451;closed nonsense mail 451"},
    {"250 to DATA", {{ONE}, {PLAIN, {"DATA", "250 go on\r\n", 0}}, 0},
     HELLO "\n" MAIL "\n" R1 "\nDATA;", "1 lost data 451;closed nonsense data 451"},
    {"354 to the final dot", {{ONE}, {{".", "354 go on\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;", "1 lost dot 451;closed nonsense dot 451"},
    {"garbage at QUIT", {{ONE}, {{"QUIT", "?\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed nonsense quit 451"},
    {"replies without text and with bare LF", {{ONE}, {{"MAIL", "250\r\n", 0}, {"RCPT", "250\n", 0}}, 0},
     HELLO "\n" MAIL R1 "DATA;\n.;" BYE, "1 accepted dot 250;closed"},
    {"replies in many lines",
     {{TWO}, {{"RCPT TO:<r1", "550-no\r\n550-never\r\n550 no\r\n", 0}, {".", "250-a\r\n250 b\r\n", 0}}, 0},
     HELLO "\n" MAIL R1 R2 "DATA;\n.;" BYE, "1 reply rcpt 550;2 accepted dot 250;closed"},
};
/* clang-format on */

static void
every_dialogue_goes_as_written(void **state)
{
    for (size_t i = 0; i < COUNT_OF(dialogues); i++) {
        static struct world w;

        print_message("  %s\n", dialogues[i].name);
        perform(&w, &dialogues[i].play);
        assert_slice(text_slice(&w.server.heard), dialogues[i].heard);
        assert_slice(text_slice(&w.story), dialogues[i].story);
        world_stop(&w);
    }
}

/* What is told does not depend on how the network cuts it. */
static void
replies_may_come_in_single_bytes(void **state)
{
    static const enum net_cut cuts[] = {NET_CUT_ONE_BYTE, NET_CUT_RANDOM};

    for (size_t i = 0; i < COUNT_OF(dialogues); i++)
        for (size_t j = 0; j < COUNT_OF(cuts); j++) {
            static struct world w;

            print_message("  %s\n", dialogues[i].name);
            world_prepare(&w, &dialogues[i].play);
            network_sim_set_link(w.network, &w.address,
                &(struct net_link){.latency_us = 10 * US_PER_MS, .cut = cuts[j]});
            start_client(&w, dialogues[i].play.transactions_max);
            finish(&w);
            assert_slice(text_slice(&w.story), dialogues[i].story);
            world_stop(&w);
        }
}

/* Cut at any byte, in any dialogue: everybody has one answer, and nobody is told "accepted" whose
 * message the server did not take. */
static void
a_connection_lost_at_any_byte_is_told_once(void **state)
{
    enum { BYTES_MAX = 400 };

    for (size_t i = 0; i < COUNT_OF(dialogues); i++)
        for (uint64_t bytes = 1; bytes < BYTES_MAX; bytes++) {
            static struct world w;
            int accepted_count = 0;

            for (int is_back = 0; is_back < 2; is_back++) {
                world_prepare(&w, &dialogues[i].play);
                network_sim_set_link(w.network, &w.address,
                    &(struct net_link){.latency_us = 10 * US_PER_MS,
                        .reset_after_bytes = is_back == 0 ? bytes : 0,
                        .reset_after_reply_bytes = is_back == 1 ? bytes : 0});
                start_client(&w, dialogues[i].play.transactions_max);
                finish(&w);
                assert_true((size_t)w.accepted_count <= w.server.taken_count);
                accepted_count += w.accepted_count;
                world_stop(&w);
            }
            if (accepted_count == 0 && bytes > 300)
                break;
        }
}

static void
the_content_goes_as_it_is(void **state)
{
    static const struct play play = {
        .letters = {{"a\r\n..b\r\n\r\n", 1, 0, false}, {"c\r\n", 1, 0, false}}
    };
    static struct world w;

    perform(&w, &play);
    assert_slice(text_slice(&w.server.content), "a\r\n..b\r\n\r\nc\r\n");
    world_stop(&w);
}

static void
nobody_accepted_gets_no_content(void **state)
{
    static const struct play play = {.letters = {TWO}, .rows = {{"RCPT", "550 no\r\n", 0}}};
    static struct world w;

    perform(&w, &play);
    assert_int_equal(w.server.content.length, 0);
    world_stop(&w);
}

/* --- time ------------------------------------------------------------------------------------ */

static void
silence_is_borne_as_long_as_the_rfc_says(void **state)
{
    static const struct {
        const char *line, *story, *words;
        int seconds;
        bool is_plain;
    } cases[] = {
        {"",     "closed timed out banner 451",               "timed out waiting for the banner",        300,    false},
        {"EHLO", "closed timed out ehlo 451",                 "timed out waiting for the reply to EHLO", 300,
         false                                                                                                        },
        {"HELO", "closed timed out ehlo 451",                 "timed out waiting for the reply to HELO", 300,    true },
        {"MAIL", "1 lost mail 451;closed timed out mail 451",
         "timed out waiting for the reply to MAIL",                                                      300,    true },
        {"RCPT", "1 lost rcpt 451;closed timed out rcpt 451",
         "timed out waiting for the reply to RCPT",                                                      300,    true },
        {"DATA", "1 lost data 451;closed timed out data 451",
         "timed out waiting for the reply to DATA",                                                      120,    true },
        {".",    "1 lost dot 451;closed timed out dot 451",
         "timed out waiting for the reply to the final dot",                                             600,    false},
        {"QUIT", "1 accepted dot 250;closed",                 "",                                        5 + 20, false}, /* idle before */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play play = {.letters = {ONE}, .rows = {{cases[i].line, SAYS_NOTHING, 0}}};
        static struct world w;

        print_message("  silent at \"%s\"\n", cases[i].line);
        if (cases[i].is_plain)
            play.rows[1] = (struct script_row){"EHLO", "500 what?\r\n", 0};
        perform(&w, &play);
        assert_slice(text_slice(&w.story), cases[i].story);
        assert_slice(text_slice(&w.words), cases[i].words);
        assert_int_equal(w.closed_at_us, cases[i].seconds * (int64_t)US_PER_S);
        world_stop(&w);
    }
}

static void
silence_after_a_pipelined_group_counts_from_the_group(void **state)
{
    static const struct play play = {
        .letters = {TWO                       },
        .rows = { {"MAIL", SAYS_NOTHING, 0}, {"RCPT", SAYS_NOTHING, 0}, {"DATA", SAYS_NOTHING, 0}}
    };
    static struct world w;

    perform(&w, &play);
    assert_slice(text_slice(&w.story), "1 lost mail 451;2 lost mail 451;closed timed out mail 451");
    assert_int_equal(w.closed_at_us, 300 * (int64_t)US_PER_S);
    world_stop(&w);
}

static void
a_silent_rset_is_borne_as_well(void **state)
{
    static const struct play play = {
        .letters = {ONE,                       ONE                      },
          .rows = {{"DATA", "451 no\r\n", 0}, {"RSET", SAYS_NOTHING, 0}}
    };
    static struct world w;

    perform(&w, &play);
    assert_slice(text_slice(&w.story), "1 reply data 451;closed timed out rset 451");
    assert_int_equal(w.closed_at_us, 300 * (int64_t)US_PER_S);
    world_stop(&w);
}

static void
every_connect_that_fails_is_told(void **state)
{
    static const struct {
        enum net_fault fault;
        bool is_deaf; /* nobody listens */
        enum trouble trouble;
        const char *words;
        int seconds;
    } cases[] = {
        {NET_FAULT_REFUSE, false, TROUBLE_REFUSED,     "connection refused",   0 },
        {NET_FAULT_SILENT, false, TROUBLE_TIMED_OUT,   "connection timed out", 30},
        {NET_FAULT_NONE,   true,  TROUBLE_UNREACHABLE, "no route to host",     0 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static const struct play play = {.letters = {ONE}};
        static struct world w;

        print_message("  %s\n", cases[i].words);
        world_prepare(&w, &play);
        if (cases[i].fault != NET_FAULT_NONE)
            network_sim_set_link(
                w.network, &w.address, &(struct net_link){.fault = cases[i].fault});
        if (cases[i].is_deaf)
            listener_close(&w.server.listener);
        start_client(&w, 0);
        finish(&w);
        assert_slice(text_slice(&w.story), "closed no connection connect 451");
        assert_slice(text_slice(&w.words), cases[i].words);
        assert_int_equal(w.trouble, cases[i].trouble);
        assert_int_equal(w.closed_at_us, cases[i].seconds * (int64_t)US_PER_S);
        assert_int_equal(w.letters_next, 0); /* nobody's time was wasted */
        world_stop(&w);
    }
}

/* --- large content --------------------------------------------------------------------------- */

enum { LARGE_BYTES = 900000 };

static void
prepare_large(struct world *w, char **content, uint64_t bytes_per_s)
{
    static const struct play play = {.letters = {ONE}};

    *content = mem_alloc(LARGE_BYTES + 1);
    memset(*content, 'x', LARGE_BYTES);
    for (size_t end = 100; end <= LARGE_BYTES; end += 100)
        memcpy(*content + end - 2, "\r\n", 2);
    (*content)[LARGE_BYTES] = '\0';
    world_prepare(w, &play);
    w->letters[0].content = *content;
    network_sim_set_link(w->network, &w->address, &(struct net_link){.bytes_per_s = bytes_per_s});
    start_client(w, 0);
}

/* The wait for the answer to the dot begins when the dot is out (RFC 5321 4.5.3.2.6). */
static void
a_slow_line_is_no_silence(void **state)
{
    static struct world w;
    char *content;

    prepare_large(&w, &content, 1000);
    finish(&w);
    assert_slice(text_slice(&w.story), "1 accepted dot 250;closed");
    assert_true(w.server.heard_at_us > 880 * (int64_t)US_PER_S);
    world_stop(&w);
    mem_free(content);
}

static void
a_line_that_stalls_within_the_content_is_given_up(void **state)
{
    static struct world w;
    char *content;
    int64_t stalled_at_us = 400 * (int64_t)US_PER_S;

    prepare_large(&w, &content, 1000);
    run_until(&w, stalled_at_us);
    network_sim_set_link(
        w.network, &w.address, &(struct net_link){.bytes_per_s = 1000, .fault = NET_FAULT_SILENT});
    finish(&w);
    assert_slice(text_slice(&w.story), "1 lost dot 451;closed timed out dot 451");
    assert_in_range(w.closed_at_us, stalled_at_us + 170 * (int64_t)US_PER_S,
        stalled_at_us + 365 * (int64_t)US_PER_S);
    world_stop(&w);
    mem_free(content);
}

/* --- idle clients ---------------------------------------------------------------------------- */

static void
an_idle_client_waits_for_work_a_while(void **state)
{
    static const struct play play = {
        .letters = {ONE, ONE, ONE}
    };
    static struct world w;

    world_prepare(&w, &play);
    w.letters_count = 1;
    start_client(&w, 0);
    run_until(&w, 4 * (int64_t)US_PER_S);
    assert_int_equal(w.idle_count, 1);
    assert_true(smtp_client_is_ready(w.client));
    w.letters_count = 2;
    smtp_client_wake(w.client); /* `next` is asked at once */
    assert_int_equal(w.letters_next, 2);
    assert_false(smtp_client_is_idle(w.client));
    w.letters_count = 3;
    smtp_client_wake(w.client); /* a busy one does not mind */
    assert_int_equal(w.letters_next, 2);
    run_until(&w, 8 * (int64_t)US_PER_S);
    assert_int_equal(w.closed_count, 0); /* the while begins anew */
    assert_int_equal(w.letters_next, 3);
    finish(&w);
    assert_int_equal(w.closed_at_us, 9 * (int64_t)US_PER_S);
    assert_int_equal(w.server.sessions_count, 1);
    assert_slice(
        text_slice(&w.story), "1 accepted dot 250;2 accepted dot 250;3 accepted dot 250;closed");
    world_stop(&w);
}

static void
a_client_that_is_told_leaves_when_it_is_idle(void **state)
{
    static const struct play play = {
        .letters = {ONE, ONE}
    };
    static struct world w;

    world_prepare(&w, &play);
    start_client(&w, 0);
    smtp_client_leave(w.client); /* it has not even connected */
    finish(&w);
    assert_slice(text_slice(&w.server.heard), HELLO BYE);
    world_stop(&w);

    world_prepare(&w, &play);
    start_client(&w, 0);
    run_until(&w, US_PER_S);
    assert_true(smtp_client_is_idle(w.client));
    smtp_client_leave(w.client);
    assert_int_equal(w.closed_count, 0); /* never inside the call */
    finish(&w);
    assert_int_equal(w.closed_at_us, US_PER_S);
    world_stop(&w);
}

static void
an_idle_client_takes_leave_as_it_comes(void **state)
{
    static const struct {
        const char *words, *story;
    } cases[] = {
        {"421 4.4.2 idle for too long\r\n", "1 accepted dot 250;closed"              },
        {HANGS_UP,                          "1 accepted dot 250;closed"              },
        {RESETS,                            "1 accepted dot 250;closed"              },
        {"250 one too many\r\n",            "1 accepted dot 250;closed nonsense  451"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static const struct play play = {.letters = {ONE}};
        static struct world w;

        print_message("  %s\n", cases[i].words);
        world_prepare(&w, &play);
        start_client(&w, 0);
        run_until(&w, US_PER_S);
        assert_true(smtp_client_is_idle(w.client));
        script_say(w.server.sessions, cases[i].words);
        finish(&w);
        assert_slice(text_slice(&w.story), cases[i].story);
        assert_int_equal(w.closed_at_us, US_PER_S);
        world_stop(&w);
    }
}

/* At any instant its owner may drop it; nobody is told anything then. */
static void
a_client_can_be_freed_at_any_instant(void **state)
{
    static const struct play play = {
        .letters = {TWO, ONE}
    };

    for (int64_t at_us = 0; at_us < 6 * (int64_t)US_PER_S; at_us += 5 * US_PER_MS) {
        static struct world w;
        size_t told;

        if (at_us > 300 * US_PER_MS && at_us < 5 * (int64_t)US_PER_S - 20 * US_PER_MS)
            continue;
        world_prepare(&w, &play);
        network_sim_set_link(
            w.network, &w.address, &(struct net_link){.latency_us = 10 * US_PER_MS});
        start_client(&w, 0);
        run_until(&w, at_us);
        told = w.story.length;
        smtp_client_free(&w.client);
        run_until(&w, US_PER_HOUR);
        assert_int_equal(w.story.length, told);
        assert_int_equal(w.server.open_count, 0);
        world_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialogue_goes_as_written),
        cmocka_unit_test(replies_may_come_in_single_bytes),
        cmocka_unit_test(a_connection_lost_at_any_byte_is_told_once),
        cmocka_unit_test(the_content_goes_as_it_is),
        cmocka_unit_test(nobody_accepted_gets_no_content),
        cmocka_unit_test(silence_is_borne_as_long_as_the_rfc_says),
        cmocka_unit_test(silence_after_a_pipelined_group_counts_from_the_group),
        cmocka_unit_test(a_silent_rset_is_borne_as_well),
        cmocka_unit_test(every_connect_that_fails_is_told),
        cmocka_unit_test(a_slow_line_is_no_silence),
        cmocka_unit_test(a_line_that_stalls_within_the_content_is_given_up),
        cmocka_unit_test(an_idle_client_waits_for_work_a_while),
        cmocka_unit_test(a_client_that_is_told_leaves_when_it_is_idle),
        cmocka_unit_test(an_idle_client_takes_leave_as_it_comes),
        cmocka_unit_test(a_client_can_be_freed_at_any_instant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
