/* test_inject.c - the door for new messages, as byte scripts. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/stream_sim.h"
#include "base/unit.h"
#include "mta/inject.h"

enum { SYNC_US = 5000, SIZE_MAX_BYTES = 2000, PLACES_MAX = 4000 };

struct peer {
    struct world *world;
    struct stream *stream;
    struct connecting *connecting;
    struct text heard;
    bool is_ended;
    int64_t heard_at_us;
};

struct world {
    struct loop *loop;
    struct network *network;
    struct store *store;
    struct spool *spool;
    struct journal *journal;
    struct mta_config config;
    struct mta_doors doors;
    struct inject *inject;
    struct rng rng;
    struct peer peer;
    struct spool_place places[PLACES_MAX];
    size_t places_count;
    int64_t told_at_us;
    struct error err;
};

/* --- the world ------------------------------------------------------------------------------- */

static void
on_injected(void *arg, struct spool_place place)
{
    struct world *w = arg;

    assert_true(w->places_count < PLACES_MAX);
    w->places[w->places_count++] = place;
    w->told_at_us = loop_now_us(w->loop);
}

static size_t
peer_on_bytes(void *arg, struct slice bytes)
{
    struct peer *peer = arg;

    text_add_slice(&peer->heard, bytes);
    peer->heard_at_us = loop_now_us(peer->world->loop);
    return bytes.length;
}

static void
peer_on_end(void *arg)
{
    struct peer *peer = arg;

    peer->is_ended = true;
}

static void
peer_on_broken(void *arg, enum trouble trouble)
{
    fail_msg("the connection broke");
}

static void
peer_on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = peer_on_bytes, .on_end = peer_on_end, .on_broken = peer_on_broken};
    struct peer *peer = arg;

    assert_non_null(stream);
    peer->connecting = NULL;
    peer->stream = stream;
    stream_set_events(stream, &events, peer);
}

static void
pass(struct world *w, int64_t us)
{
    if (!loop_run(w->loop, loop_now_us(w->loop) + us, &w->err))
        fail_msg("%s", w->err.text);
}

static void
peer_connect(struct world *w)
{
    static const struct net_address any;

    w->peer.world = w;
    w->peer.is_ended = false;
    text_clear(&w->peer.heard);
    w->peer.connecting =
        network_connect(w->network, &any, &w->config.listen, US_PER_S, peer_on_connected, &w->peer);
    pass(w, 0);
    assert_non_null(w->peer.stream);
}

static void
open_door(struct world *w)
{
    w->spool = spool_new(w->loop, w->store);
    w->inject = inject_new(&w->config, &w->doors, w->spool, on_injected, w, &w->err);
    assert_non_null(w->inject);
}

static void
world_start(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->rng = rng_from_seed(7);
    w->loop = loop_sim_new(0);
    w->network = network_sim_new(w->loop, &w->rng);
    w->store = store_sim_new(w->loop, SYNC_US, &w->rng);
    w->journal = journal_new();
    w->config = mta_config_default();
    w->config.hostname = SLICE("mta.test");
    w->config.size_max = SIZE_MAX_BYTES;
    assert_true(net_address_parse(SLICE("192.0.2.1"), &w->config.listen));
    w->config.listen.port = 587;
    w->doors = (struct mta_doors){.loop = w->loop,
        .network = w->network,
        .store = w->store,
        .journal = w->journal,
        .rng = &w->rng};
    open_door(w);
    peer_connect(w);
}

static void
world_stop(struct world *w)
{
    if (w->peer.stream != NULL)
        stream_close(&w->peer.stream);
    text_release(&w->peer.heard);
    inject_free(&w->inject);
    spool_free(&w->spool);
    store_free(&w->store);
    network_free(&w->network);
    journal_free(&w->journal);
    loop_free(&w->loop);
}

/* What comes back before more than a sync could take; lives until the next call. */
static const char *
say_bytes(struct world *w, const char *bytes, size_t length)
{
    text_clear(&w->peer.heard);
    stream_write(w->peer.stream, bytes, length);
    pass(w, 3 * SYNC_US);
    return text_string(&w->peer.heard);
}

static const char *
say(struct world *w, const char *bytes)
{
    return say_bytes(w, bytes, strlen(bytes));
}

/* The codes of replies, each by its last line: "250 550 354 ". */
static const char *
codes_in(const char *replies, struct text *codes)
{
    text_clear(codes);
    for (const char *line = replies; *line != '\0';) {
        const char *end = strstr(line, "\r\n");

        assert_non_null(end);
        if (line[3] == ' ')
            text_add(codes, line, 4);
        line = end + 2;
    }
    return text_string(codes);
}

/* --- dialogues ------------------------------------------------------------------------------- */

#define HELLO    "EHLO us.test\r\n"
#define ENVELOPE "MAIL FROM:<b@us.test>\r\nRCPT TO:<kim@isp.test>\r\n"
#define MESSAGE  "DATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\n"
#define TEN(x)   x x x x x x x x x x

/* Columns as wide as the longest script would show none of them. */
/* clang-format off */
static const struct script {
    const char *name, *says, *codes;
    size_t taken_count;
    bool is_ended;
} scripts[] = {
    {"a message", HELLO ENVELOPE MESSAGE, "250 250 250 354 250 ", 1, false},
    {"and QUIT behind it", HELLO ENVELOPE MESSAGE "QUIT\r\n", "250 250 250 354 250 221 ", 1, true},
    {"HELO does as well", "HELO us.test\r\n" ENVELOPE MESSAGE, "250 250 250 354 250 ", 1, false},
    {"two messages", HELLO ENVELOPE MESSAGE ENVELOPE MESSAGE,
     "250 250 250 354 250 250 250 354 250 ", 2, false},
    {"the null sender", HELLO "MAIL FROM:<>\r\nRCPT TO:<kim@isp.test>\r\n" MESSAGE,
     "250 250 250 354 250 ", 1, false},
    {"empty content", HELLO ENVELOPE "DATA\r\n.\r\n", "250 250 250 354 250 ", 1, false},
    {"nothing behind QUIT is heard", "QUIT\r\n" HELLO, "221 ", 0, true},

    {"MAIL before EHLO", "MAIL FROM:<b@us.test>\r\n", "503 ", 0, false},
    {"RCPT before MAIL", HELLO "RCPT TO:<kim@isp.test>\r\n", "250 503 ", 0, false},
    {"DATA before MAIL", HELLO "DATA\r\n", "250 503 ", 0, false},
    {"DATA before RCPT", HELLO "MAIL FROM:<b@us.test>\r\nDATA\r\n", "250 250 554 ", 0, false},
    {"MAIL within MAIL", HELLO ENVELOPE "MAIL FROM:<c@us.test>\r\n" MESSAGE,
     "250 250 250 503 354 250 ", 1, false},
    {"RSET forgets", HELLO ENVELOPE "RSET\r\nDATA\r\n", "250 250 250 250 503 ", 0, false},
    {"RSET before EHLO is no EHLO", "RSET\r\nMAIL FROM:<b@us.test>\r\n", "250 503 ", 0, false},
    {"EHLO forgets", HELLO ENVELOPE HELLO "DATA\r\n", "250 250 250 250 503 ", 0, false},
    {"after a message all is forgotten", HELLO ENVELOPE MESSAGE "DATA\r\n",
     "250 250 250 354 250 503 ", 1, false},
    {"the others", "NOOP\r\nNOOP x\r\nVRFY kim\r\nHELP\r\n", "250 250 252 214 ", 0, false},
    {"what is not offered", HELLO "EXPN x\r\nSTARTTLS\r\nAUTH PLAIN x\r\n",
     "250 502 502 502 ", 0, false},
    {"what is no command", "HELLO\r\n\r\nXYZZY 1 2\r\n", "500 500 500 ", 0, false},
    {"EHLO without a name", "EHLO\r\n", "501 ", 0, false},
    {"arguments", HELLO "MAIL b@us.test\r\nMAIL FROM:<b@us.test\r\nMAIL FROM:<b@us.test> X=1\r\n"
     "MAIL FROM:<b@us.test>\r\nRCPT TO:<@>\r\nRCPT TO:<kim@isp.test> X\r\nDATA x\r\n",
     "250 501 501 555 250 501 555 501 ", 0, false},
    {"nobody to send to", HELLO "MAIL FROM:<b@us.test>\r\nRCPT TO:<>\r\nRCPT TO:<postmaster>\r\n",
     "250 250 501 550 ", 0, false},
    {"lower case", "ehlo us.test\r\nmail from:<b@us.test>\r\nrcpt to:<kim@isp.test>\r\n"
     "data\r\n.\r\n", "250 250 250 354 250 ", 1, false},

    {"a bare LF is no end of line", "NOOP\nNOOP\r\nNOOP\r\n", "500 250 ", 0, false},
    {"nor is a bare CR", "NOOP\rNOOP\r\nNOOP\r\n", "500 250 ", 0, false},
    {"a bare LF in the content", HELLO ENVELOPE "DATA\r\nx\ny\r\n.\r\nNOOP\r\n",
     "250 250 250 354 554 250 ", 0, false},
    {"no smuggling by LF dot LF",
     HELLO ENVELOPE "DATA\r\nx\n.\n" ENVELOPE "DATA\r\ny\r\n.\r\nNOOP\r\n",
     "250 250 250 354 554 250 ", 0, false},
    {"no smuggling by LF dot CRLF",
     HELLO ENVELOPE "DATA\r\nx\n.\r\n" ENVELOPE "DATA\r\ny\r\n.\r\nNOOP\r\n",
     "250 250 250 354 554 250 ", 0, false},
    {"announced too large", HELLO "MAIL FROM:<b@us.test> SIZE=2001\r\nMAIL FROM:<b@us.test> SIZE=2000\r\n",
     "250 552 250 ", 0, false},
    {"too many errors", TEN("X\r\n") TEN("X\r\n") "NOOP\r\n",
     TEN("500 ") TEN("500 ") "421 ", 0, true},
};
/* clang-format on */

static void
every_script_has_its_codes(void **state)
{
    struct text codes = {0};

    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        static struct world w;

        print_message("  %s\n", scripts[i].name);
        world_start(&w);
        assert_string_equal(codes_in(say(&w, scripts[i].says), &codes), scripts[i].codes);
        assert_int_equal(w.places_count, scripts[i].taken_count);
        assert_int_equal(inject_messages_count(w.inject), scripts[i].taken_count);
        assert_int_equal(w.peer.is_ended, scripts[i].is_ended);
        world_stop(&w);
    }
    text_release(&codes);
}

static void
the_cut_of_the_network_does_not_matter(void **state)
{
    static const enum net_cut cuts[] = {NET_CUT_ONE_BYTE, NET_CUT_RANDOM};
    struct text codes = {0};

    for (size_t i = 0; i < COUNT_OF(scripts); i++)
        for (size_t j = 0; j < COUNT_OF(cuts); j++) {
            static struct world w;

            world_start(&w);
            stream_close(&w.peer.stream);
            network_sim_set_link(w.network, &w.config.listen, &(struct net_link){.cut = cuts[j]});
            peer_connect(&w);
            assert_string_equal(codes_in(say(&w, scripts[i].says), &codes), scripts[i].codes);
            assert_int_equal(w.places_count, scripts[i].taken_count);
            world_stop(&w);
        }
    text_release(&codes);
}

static void
words_are_as_promised(void **state)
{
    static struct world w;

    world_start(&w);
    assert_string_equal(text_string(&w.peer.heard), "220 mta.test ESMTP mtalab\r\n");
    assert_string_equal(say(&w, HELLO),
        "250-mta.test\r\n250-PIPELINING\r\n250-SIZE 2000\r\n250-8BITMIME\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250 DELIVERBY\r\n");
    assert_string_equal(
        say(&w, "RCPT TO:<kim@isp.test>\r\n"), "503 5.5.1 bad sequence of commands\r\n");
    world_stop(&w);
}

/* --- what is taken --------------------------------------------------------------------------- */

static void
assert_message(struct world *w, struct spool_place place, const char *sender, const char *rcpt,
    const char *content)
{
    struct text text = {0};

    spool_sender(w->spool, place.message, &text);
    assert_slice(text_slice(&text), sender);
    text_clear(&text);
    spool_recipient(w->spool, place, &text);
    assert_slice(text_slice(&text), rcpt);
    text_clear(&text);
    spool_content(w->spool, place.message, &text);
    assert_slice(text_slice(&text), content);
    text_release(&text);
}

static void
what_was_said_is_what_is_spooled(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w,
        HELLO "MAIL FROM:<b+k@us.test>\r\nRCPT TO:<Kim@ISP.test>\r\nRCPT TO:<\"a b\"@x.test>\r\n"
              "DATA\r\nSubject: hi\r\n\r\n..dot\r\n.\r\n");
    assert_int_equal(w.places_count, 2);
    assert_int_equal(inject_recipients_count(w.inject), 2);
    assert_message(&w, w.places[0], "b+k@us.test", "Kim@isp.test", "Subject: hi\r\n\r\n..dot\r\n");
    assert_message(
        &w, w.places[1], "b+k@us.test", "\"a b\"@x.test", "Subject: hi\r\n\r\n..dot\r\n");
    say(&w, "MAIL FROM:<>\r\nRCPT TO:<kim@isp.test>\r\nDATA\r\n.\r\n");
    assert_message(&w, w.places[2], "", "kim@isp.test", "");
    world_stop(&w);
}

static void
eight_bits_are_seen(void **state)
{
    static const struct {
        const char *parameter, *content;
        bool is_8bit;
    } cases[] = {
        {"",               "abc",      false},
        {" BODY=7BIT",     "abc",      false},
        {" BODY=8BITMIME", "abc",      true }, /* as announced */
        {"",               "\xc3\xa4", true }, /* as it is */
        {" BODY=8BITMIME", "\xc3\xa4", true },
    };
    static struct world w;
    struct text words = {0};

    world_start(&w);
    say(&w, HELLO);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&words);
        text_printf(&words, "MAIL FROM:<>%s\r\nRCPT TO:<kim@isp.test>\r\nDATA\r\n%s\r\n.\r\n",
            cases[i].parameter, cases[i].content);
        say(&w, text_string(&words));
        assert_int_equal(w.places_count, i + 1);
        assert_int_equal(spool_envelope(w.spool, w.places[i].message).is_8bit, cases[i].is_8bit);
    }
    text_release(&words);
    world_stop(&w);
}

static void
deliverby_is_the_validity_up_to_the_most_there_is(void **state)
{
    static const struct {
        const char *parameter;
        int64_t validity_us;
    } cases[] = {
        {"",              12 * US_PER_HOUR   },
        {" BY=60;R",      60 * US_PER_S      },
        {" BY=3600;N",    US_PER_HOUR        },
        {" BY=302400;R",  MTA_VALIDITY_US_MAX},
        {" BY=302401;R",  MTA_VALIDITY_US_MAX},
        {" BY=9999999;R", MTA_VALIDITY_US_MAX},
    };
    static struct world w;
    struct text words = {0};

    world_start(&w);
    w.config.validity_us = 12 * US_PER_HOUR;
    say(&w, HELLO);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].parameter);
        text_clear(&words);
        text_printf(&words, "MAIL FROM:<>%s\r\nRCPT TO:<kim@isp.test>\r\nDATA\r\n.\r\n",
            cases[i].parameter);
        say(&w, text_string(&words));
        assert_int_equal(w.places_count, i + 1);
        assert_int_equal(
            spool_envelope(w.spool, w.places[i].message).validity_us, cases[i].validity_us);
    }
    text_release(&words);
    world_stop(&w);
}

static void
as_many_recipients_as_a_message_holds(void **state)
{
    static struct world w;
    struct text codes = {0}, words = {0};

    world_start(&w);
    say(&w, HELLO "MAIL FROM:<b@us.test>\r\n");
    for (int i = 0; i < SPOOL_RECIPIENTS_MAX; i++)
        text_printf(&words, "RCPT TO:<user%d@isp.test>\r\n", i);
    codes_in(say(&w, text_string(&words)), &codes);
    assert_int_equal(codes.length, 4 * SPOOL_RECIPIENTS_MAX);
    assert_null(strstr(text_string(&codes), "452"));
    assert_string_equal(
        codes_in(say(&w, "RCPT TO:<more@isp.test>\r\n" MESSAGE), &codes), "452 354 250 ");
    assert_int_equal(w.places_count, SPOOL_RECIPIENTS_MAX);
    assert_message(&w, w.places[SPOOL_RECIPIENTS_MAX - 1], "b@us.test", "user499@isp.test",
        "Subject: hi\r\n\r\nhello\r\n");
    text_release(&words);
    text_release(&codes);
    world_stop(&w);
}

static void
content_may_be_as_large_as_stated_and_no_larger(void **state)
{
    static const struct {
        size_t bytes; /* in wire form */
        const char *codes;
    } cases[] = {
        {SIZE_MAX_BYTES - 1,   "250 "},
        {SIZE_MAX_BYTES,       "250 "},
        {SIZE_MAX_BYTES + 1,   "552 "},
        {100 * SIZE_MAX_BYTES, "552 "},
    };
    struct text codes = {0}, words = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        world_start(&w);
        say(&w, HELLO ENVELOPE "DATA\r\n");
        text_clear(&words);
        text_add_repeated(&words, 'x', cases[i].bytes - 2);
        text_add_string(&words, "\r\n.\r\n");
        assert_string_equal(
            codes_in(say_bytes(&w, words.bytes, words.length), &codes), cases[i].codes);
        assert_string_equal(
            codes_in(say(&w, ENVELOPE MESSAGE), &codes), "250 250 354 250 "); /* and all is well */
        world_stop(&w);
    }
    text_release(&words);
    text_release(&codes);
}

static void
an_endless_line_is_answered_once(void **state)
{
    static const size_t lengths[] = {2046, 2047, 2048, 2049, 4096, 10000, 100000, 1000000};
    struct text codes = {0}, words = {0};

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        static struct world w;

        print_message("  %zu bytes\n", lengths[i]);
        world_start(&w);
        say(&w, HELLO);
        text_clear(&words);
        text_add_string(&words, "NOOP ");
        text_add_repeated(&words, 'x', lengths[i] - 5);
        assert_string_equal(say_bytes(&w, words.bytes, words.length), ""); /* not before its end */
        assert_string_equal(codes_in(say(&w, "\r\nNOOP\r\n"), &codes),
            lengths[i] <= 2046 ? "250 250 " : "500 250 ");
        world_stop(&w);
    }
    text_release(&words);
    text_release(&codes);
}

static void
a_nul_is_refused_wherever_it_stands(void **state)
{
    static const char in_command[] = "NOOP \0\r\nNOOP\r\n", in_content[] = "a\0b\r\n.\r\nNOOP\r\n";
    static struct world w;
    struct text codes = {0};

    world_start(&w);
    assert_string_equal(
        codes_in(say_bytes(&w, in_command, sizeof in_command - 1), &codes), "500 250 ");
    say(&w, HELLO ENVELOPE "DATA\r\n");
    assert_string_equal(
        codes_in(say_bytes(&w, in_content, sizeof in_content - 1), &codes), "554 250 ");
    assert_int_equal(w.places_count, 0);
    text_release(&codes);
    world_stop(&w);
}

/* --- durability ------------------------------------------------------------------------------ */

static void
count_found(void *arg, struct spool_place place)
{
    ++*(size_t *)arg;
}

/* Crashes `after_us` behind the final dot: whoever heard 250 finds the message again. */
static void
what_was_promised_survives_a_crash(void **state)
{
    static const struct {
        int64_t after_us;
        size_t found_count;
    } cases[] = {
        {0,           0},
        {SYNC_US - 1, 0},
        {SYNC_US,     2},
        {SYNC_US + 1, 2},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;
        size_t found_count = 0;

        world_start(&w);
        say(&w,
            HELLO "MAIL FROM:<b@us.test>\r\nRCPT TO:<a@isp.test>\r\nRCPT TO:<b@isp.test>\r\n"
                  "DATA\r\nhello\r\n");
        text_clear(&w.peer.heard);
        stream_write(w.peer.stream, ".\r\n", 3);
        pass(&w, cases[i].after_us);
        assert_int_equal(w.peer.heard.length > 0, cases[i].found_count > 0);
        assert_int_equal(w.places_count, cases[i].found_count);
        inject_free(&w.inject);
        spool_free(&w.spool);
        store_sim_crash(w.store);
        open_door(&w);
        spool_recover(w.spool, count_found, &found_count);
        assert_int_equal(found_count, cases[i].found_count);
        pass(&w, US_PER_S);
        world_stop(&w);
    }
}

/* What is pipelined behind a message waits for the disk as well (RFC 2920 3.2). */
static void
answers_keep_their_order_behind_the_disk(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w, HELLO ENVELOPE);
    text_clear(&w.peer.heard);
    stream_write(w.peer.stream, MESSAGE "NOOP\r\n", sizeof MESSAGE "NOOP\r\n" - 1);
    pass(&w, SYNC_US - 1);
    assert_int_equal(strncmp(text_string(&w.peer.heard), "354 ", 4), 0);
    assert_null(strstr(text_string(&w.peer.heard), "250 "));
    pass(&w, 1);
    assert_non_null(
        strstr(text_string(&w.peer.heard), "\r\n250 2.0.0 ok, taken\r\n250 2.0.0 ok\r\n"));
    world_stop(&w);
}

static void
who_half_closes_behind_the_dot_still_hears(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w, HELLO ENVELOPE);
    text_clear(&w.peer.heard);
    stream_write(w.peer.stream, MESSAGE, sizeof MESSAGE - 1);
    stream_shut(w.peer.stream);
    pass(&w, 3 * SYNC_US);
    assert_non_null(strstr(text_string(&w.peer.heard), "250 2.0.0 ok, taken\r\n"));
    assert_true(w.peer.is_ended);
    assert_int_equal(w.places_count, 1);
    world_stop(&w);
}

static void
who_leaves_before_the_answer_is_taken_all_the_same(void **state)
{
    for (int is_abort = 0; is_abort < 2; is_abort++) {
        static struct world w;

        world_start(&w);
        say(&w, HELLO ENVELOPE);
        stream_write(w.peer.stream, MESSAGE, sizeof MESSAGE - 1);
        pass(&w, SYNC_US / 2);
        if (is_abort)
            stream_abort(&w.peer.stream);
        else
            stream_close(&w.peer.stream);
        pass(&w, 3 * SYNC_US);
        assert_int_equal(w.places_count, 1); /* it is on the disk, and never taken back */
        world_stop(&w);
    }
}

static void
who_leaves_within_the_content_leaves_nothing(void **state)
{
    static struct world w;

    world_start(&w);
    say(&w, HELLO ENVELOPE "DATA\r\nhello\r\n");
    stream_close(&w.peer.stream);
    pass(&w, US_PER_S);
    assert_int_equal(w.places_count, 0);
    assert_int_equal(spool_templates_count(w.spool), 0);
    world_stop(&w);
}

static void
who_says_nothing_for_too_long_is_told_to_go(void **state)
{
    static const char *const befores[] = {
        "", HELLO, HELLO ENVELOPE, HELLO ENVELOPE "DATA\r\nx\r\n", "NOO"};

    for (size_t i = 0; i < COUNT_OF(befores); i++) {
        static struct world w;
        int64_t said_at_us;

        world_start(&w);
        pass(&w, 200 * (int64_t)US_PER_S);
        said_at_us = befores[i][0] != '\0' ? loop_now_us(w.loop) : 0;
        if (befores[i][0] != '\0')
            say(&w, befores[i]);
        text_clear(&w.peer.heard);
        pass(&w, 400 * (int64_t)US_PER_S);
        assert_string_equal(text_string(&w.peer.heard), "421 4.4.2 no command for too long\r\n");
        assert_int_equal(w.peer.heard_at_us, said_at_us + 300 * (int64_t)US_PER_S);
        assert_true(w.peer.is_ended);
        world_stop(&w);
    }
}

static void
a_taken_address_is_an_error(void **state)
{
    static struct world w;
    struct inject *second;

    world_start(&w);
    second = inject_new(&w.config, &w.doors, w.spool, on_injected, &w, &w.err);
    assert_null(second);
    assert_non_null(strstr(w.err.text, "submission listener"));
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_script_has_its_codes),
        cmocka_unit_test(the_cut_of_the_network_does_not_matter),
        cmocka_unit_test(words_are_as_promised),
        cmocka_unit_test(what_was_said_is_what_is_spooled),
        cmocka_unit_test(eight_bits_are_seen),
        cmocka_unit_test(deliverby_is_the_validity_up_to_the_most_there_is),
        cmocka_unit_test(as_many_recipients_as_a_message_holds),
        cmocka_unit_test(content_may_be_as_large_as_stated_and_no_larger),
        cmocka_unit_test(an_endless_line_is_answered_once),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(what_was_promised_survives_a_crash),
        cmocka_unit_test(answers_keep_their_order_behind_the_disk),
        cmocka_unit_test(who_half_closes_behind_the_dot_still_hears),
        cmocka_unit_test(who_leaves_before_the_answer_is_taken_all_the_same),
        cmocka_unit_test(who_leaves_within_the_content_leaves_nothing),
        cmocka_unit_test(who_says_nothing_for_too_long_is_told_to_go),
        cmocka_unit_test(a_taken_address_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
