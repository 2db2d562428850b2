/* test_starttls_client.c - STARTTLS as its client: what is said before and behind the handshake, what
 * is forgotten, and what is never believed. */
#include "tests/unit/smtp_client_world.h"

#define OFFER "250-mx.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 SIZE\r\n"
#define OFFERS           \
    {                    \
        "EHLO", OFFER, 0 \
    }
#define GO                          \
    {                               \
        "STARTTLS", "220 go\r\n", 0 \
    }
#define MAIL  "MAIL FROM:<b@us.test>"
#define SIZED MAIL " SIZE=4;"
#define R1    "RCPT TO:<r1@mx.test>;"
#define DONE  "1 accepted dot 250;closed"
#define PLAIN HELLO "\n" SIZED R1 "DATA;\n.;" BYE

/* clang-format off */
static const struct dialogue {
    const char *name;
    enum tls_policy policy;
    enum tls_certificate certificate;
    enum tls_fault fault;
    struct script_row rows[SCRIPT_ROWS_MAX];
    const char *heard, *story;
} dialogues[] = {
    {"off: not even asked for", TLS_POLICY_OFF, CERTIFICATE_GOOD, TLS_FAULT_NONE, {OFFERS, GO},
     PLAIN, DONE},
    {"all is said anew behind the handshake", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, GO}, HELLO "\nSTARTTLS;" PLAIN, "tls ok;" DONE},
    {"if it may be missing, too", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, GO}, HELLO "\nSTARTTLS;" PLAIN, "tls ok;" DONE},
    {"what was offered in plain text is forgotten", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD,
     TLS_FAULT_NONE, {{"EHLO", OFFER, 1}, {"EHLO", "250 mx.test\r\n", 0}, GO},
     HELLO "\nSTARTTLS;" HELLO "\n" MAIL ";\n" R1 "\nDATA;\n.;" BYE, "tls ok;" DONE},

    {"not offered", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {{"EHLO", "250-mx.test\r\n250-PIPELINING\r\n250 SIZE\r\n", 0}}, PLAIN, DONE},
    {"not offered and required", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE, {{0}},
     HELLO BYE, "tls not offered;closed tls starttls 451"},
    {"HELO only, and required", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {{"EHLO", "500 what?\r\n", 0}}, HELLO "\nHELO us.test;" BYE,
     "tls not offered;closed tls starttls 451"},
    {"refused", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", "454 4.7.0 not now\r\n", 0}},
     HELLO "\nSTARTTLS;\n" SIZED R1 "DATA;\n.;" BYE, "tls refused;" DONE},
    {"refused and required", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", "454 4.7.0 not now\r\n", 0}},
     HELLO "\nSTARTTLS;" BYE, "tls refused;closed tls starttls 451"},
    {"a server that leaves over it", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", "421 4.3.2 bye\r\n" THEN_CLOSES, 0}},
     HELLO "\nSTARTTLS;", "tls refused;closed told starttls 421"},
    {"a server that hangs up over it", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", HANGS_UP, 0}},
     HELLO "\nSTARTTLS;", "tls failed connection cut;closed hung up starttls 451"},
    {"a server that does not answer it", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", SAYS_NOTHING, 0}},
     HELLO "\nSTARTTLS;", "tls timed out;closed timed out starttls 451"},

    {"a handshake that is cut", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_CUT,
     {OFFERS, GO}, HELLO "\nSTARTTLS;", "tls failed connection cut;closed tls starttls 451"},
    {"a certificate that is not good", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_EXPIRED, TLS_FAULT_NONE,
     {OFFERS, GO}, HELLO "\nSTARTTLS;", "tls failed certificate expired;closed tls starttls 451"},
    {"a server that is too old", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_OLD_PROTOCOL,
     {OFFERS, GO}, HELLO "\nSTARTTLS;", "tls failed protocol too old;closed tls starttls 451"},

    /* Response injection: what stands behind the 220 came in plain text, from whomever. */
    {"a reply behind the 220", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", "220 go\r\n250 mx.test\r\n", 0}}, HELLO "\nSTARTTLS;",
     "tls failed the peer does not speak TLS;closed nonsense starttls 451"},
    {"a piece of a reply behind the 220", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", "220 go\r\n2", 0}}, HELLO "\nSTARTTLS;",
     "tls failed the peer does not speak TLS;closed nonsense starttls 451"},
    {"a 421 behind the 220", TLS_POLICY_IF_AVAILABLE, CERTIFICATE_GOOD, TLS_FAULT_NONE,
     {OFFERS, {"STARTTLS", "220 go\r\n421 bye\r\n", 0}}, HELLO "\nSTARTTLS;",
     "tls failed the peer does not speak TLS;closed nonsense starttls 451"},
};
/* clang-format on */

static struct tls *
prepare(struct world *w, const struct dialogue *d, enum tls_level level, const struct rng *rng)
{
    struct play play = {.letters = {ONE}};
    struct tls *tls;

    memcpy(play.rows, d->rows, sizeof play.rows);
    world_prepare(w, &play);
    tls = tls_new(&(struct tls_config){.level = level, .loop = w->loop, .rng = rng});
    w->tls = tls_client_new(tls);
    w->tls_policy = d->policy;
    w->server.tls = tls_server_new(tls, SLICE("mx.test"), d->certificate, d->fault);
    return tls;
}

static void
stop(struct world *w, struct tls **tls)
{
    struct tls_client *client = w->tls;
    struct tls_server *server = w->server.tls;

    world_stop(w);
    tls_client_free(&client);
    tls_server_free(&server);
    tls_free(tls);
}

static void
what_is_said_and_told(void **state)
{
    static const enum tls_level levels[] = {TLS_MODELLED, TLS_REAL};
    struct rng rng = rng_from_seed(3);

    for (size_t l = 0; l < COUNT_OF(levels); l++)
        for (size_t i = 0; i < COUNT_OF(dialogues); i++) {
            const struct dialogue *d = &dialogues[i];
            struct world w;
            struct tls *tls = prepare(&w, d, levels[l], &rng);

            print_message("  %s\n", d->name);
            start_client(&w, 0);
            finish(&w);
            assert_slice(text_slice(&w.server.heard), d->heard);
            assert_slice(text_slice(&w.story), d->story);
            stop(&w, &tls);
        }
}

/* The 220 alone, and then injected bytes in a segment of their own: they meet the handshake. */
static void
a_reply_in_plain_text_after_the_220_ends_the_handshake(void **state)
{
    static const struct dialogue d = {
        "", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE, {OFFERS, GO},
            "",
        "tls failed the peer does not speak TLS;closed tls starttls 451"
    };
    struct rng rng = rng_from_seed(3);
    struct world w;
    struct tls *tls = prepare(&w, &d, TLS_REAL, &rng);
    struct tls_server *server = w.server.tls;

    network_sim_set_link(w.network, &w.address, &(struct net_link){.latency_us = 1000});
    w.server.tls = NULL;
    start_client(&w, 0);
    while (w.server.heard.length == 0 || strstr(w.server.heard.bytes, "STARTTLS") == NULL)
        run_until(&w, loop_now_us(w.loop) + 100);
    run_until(&w, loop_now_us(w.loop) + 100);
    stream_write(w.server.sessions->stream, "250 mx.test\r\n", 13);
    finish(&w);
    assert_slice(text_slice(&w.story), d.story);
    assert_int_equal(w.accepted_count, 0);
    w.server.tls = server;
    stop(&w, &tls);
}

static void
a_server_that_does_not_shake_hands_is_left(void **state)
{
    static const struct dialogue d = {
        "", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE, {OFFERS, GO},
            "", ""
    };
    struct rng rng = rng_from_seed(3);
    struct world w;
    struct tls *tls = prepare(&w, &d, TLS_MODELLED, &rng);
    struct tls_server *server = w.server.tls;

    w.server.tls = NULL;
    start_client(&w, 0);
    finish(&w);
    assert_slice(text_slice(&w.story), "tls timed out;closed tls starttls 451");
    assert_slice(text_slice(&w.words), "TLS handshake failed: timed out");
    assert_int_equal(w.closed_at_us, 300 * US_PER_S);
    w.server.tls = server;
    stop(&w, &tls);
}

/* Whatever is cut and wherever: one end, one answer each, and nothing accepted that was not. */
static void
a_cut_at_any_byte_leaves_one_story(void **state)
{
    static const struct dialogue d = {
        "", TLS_POLICY_REQUIRED, CERTIFICATE_GOOD, TLS_FAULT_NONE, {OFFERS, GO},
            "", ""
    };
    struct rng rng = rng_from_seed(3);

    for (int is_reply = 0; is_reply < 2; is_reply++)
        for (uint64_t at = 1; at < 1600; at++) {
            struct world w;
            struct tls *tls = prepare(&w, &d, TLS_MODELLED, &rng);
            struct net_link link = {.latency_us = 1000};

            *(is_reply ? &link.reset_after_reply_bytes : &link.reset_after_bytes) = at;
            network_sim_set_link(w.network, &w.address, &link);
            start_client(&w, 0);
            finish(&w);
            assert_true(w.accepted_count <= (int)w.server.taken_count);
            stop(&w, &tls);
        }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_and_told),
        cmocka_unit_test(a_reply_in_plain_text_after_the_220_ends_the_handshake),
        cmocka_unit_test(a_server_that_does_not_shake_hands_is_left),
        cmocka_unit_test(a_cut_at_any_byte_leaves_one_story),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
