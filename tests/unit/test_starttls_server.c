/* test_starttls_server.c - STARTTLS at a provider: a session that begins anew, and no byte of plain
 * text taken for an encrypted one. */
#include "tests/unit/isp_world.h"

struct encrypted { /* a provider that offers it, and a client that speaks it */
    struct isp_world w;
    struct rng rng;
    struct tls_client *client;
    enum tls_failure failure;
    int done_count;
};

static void
prepare(struct encrypted *e, enum tls_level level)
{
    memset(e, 0, sizeof *e);
    e->rng = rng_from_seed(5);
    isp_prepare(&e->w);
    e->w.tls = tls_new(&(struct tls_config){.level = level, .loop = e->w.loop, .rng = &e->rng});
    e->w.host.tls.is_offered = true;
    e->client = tls_client_new(e->w.tls);
}

static void
stop(struct encrypted *e)
{
    struct tls *tls = e->w.tls;

    isp_stop(&e->w);
    tls_client_free(&e->client);
    tls_free(&tls);
}

static void
on_done(void *arg, const struct tls_result *result)
{
    struct encrypted *e = arg;

    e->failure = result->failure;
    e->done_count++;
}

/* Plain text up to the 220, then the handshake. */
static void
start_tls(struct encrypted *e)
{
    const struct tls_peer peer = {.host_name = SLICE("mx1.isp.test"), .is_verified = true};

    peer_connect(&e->w, 0);
    assert_non_null(strstr(peer_say(&e->w, 0, "EHLO c.test\r\n"), "STARTTLS\r\n"));
    assert_string_equal(peer_say(&e->w, 0, "STARTTLS\r\n"), "220 2.0.0 ready to start TLS\r\n");
    e->w.peers[0].stream = stream_tls_connect(e->client, e->w.peers[0].stream, &peer, on_done, e);
    stream_set_events(e->w.peers[0].stream, &peer_events, &e->w.peers[0]);
    isp_pass(&e->w, 0);
    assert_int_equal(e->done_count, 1);
}

static void
a_session_begins_anew_behind_the_handshake(void **state)
{
    static const enum tls_level levels[] = {TLS_MODELLED, TLS_REAL};

    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct encrypted e;
        const char *hello;

        prepare(&e, levels[i]);
        isp_open(&e.w);
        start_tls(&e);
        assert_int_equal(e.failure, TLS_FINE);
        assert_string_equal(peer_codes(&e.w, 0, "MAIL FROM:<a@c.test>\r\n"), "503 ");
        hello = peer_say(&e.w, 0, "EHLO c.test\r\n");
        assert_null(strstr(hello, "STARTTLS"));
        assert_non_null(strstr(hello, "PIPELINING"));
        assert_string_equal(peer_codes(&e.w, 0, "STARTTLS\r\n"), "503 ");
        assert_string_equal(
            peer_codes(&e.w, 0, "MAIL FROM:<a@c.test>\r\nRCPT TO:<b@isp.test>\r\nDATA\r\n"),
            "250 250 354 ");
        assert_string_equal(peer_codes(&e.w, 0, "hi\r\n.\r\nQUIT\r\n"), "250 221 ");
        assert_true(e.w.peers[0].is_ended);
        assert_int_equal(events_of(&e.w, EVENT_ACCEPTED), 1);
        stop(&e);
    }
}

static void
it_is_refused_where_it_does_not_belong(void **state)
{
    struct encrypted e;

    prepare(&e, TLS_MODELLED);
    isp_open(&e.w);
    peer_connect(&e.w, 0);
    assert_string_equal(peer_codes(&e.w, 0, "STARTTLS\r\n"), "503 ");
    assert_string_equal(peer_codes(&e.w, 0, "HELO c.test\r\nSTARTTLS now\r\n"), "250 501 ");
    assert_string_equal(peer_codes(&e.w, 0, "MAIL FROM:<a@c.test>\r\nSTARTTLS\r\n"), "250 503 ");
    stop(&e);
    prepare(&e, TLS_MODELLED);
    e.w.host.tls.fault = ISP_TLS_REFUSES;
    isp_open(&e.w);
    peer_connect(&e.w, 0);
    assert_string_equal(peer_codes(&e.w, 0, "EHLO c.test\r\nSTARTTLS\r\nNOOP\r\n"), "250 454 250 ");
    stop(&e);
}

/* Command injection (as in CVE-2011-0411): nothing behind STARTTLS is heard, in any cut. */
static void
commands_behind_starttls_are_never_heard(void **state)
{
    static const char injected[] =
        "EHLO c.test\r\nSTARTTLS\r\nEHLO m.test\r\nMAIL FROM:<m@c.test>\r\n"
        "RCPT TO:<b@isp.test>\r\nDATA\r\nhi\r\n.\r\n";
    const size_t command_end = strlen("EHLO c.test\r\nSTARTTLS\r\n");

    for (size_t cut = command_end; cut < sizeof injected; cut++) {
        struct encrypted e;
        const char *first, *second;

        prepare(&e, TLS_MODELLED);
        isp_open(&e.w);
        peer_connect(&e.w, 0);
        first = peer_say_bytes(&e.w, 0, injected, cut);
        if (cut == command_end) {
            assert_string_equal(codes_of(first), "250 220 ");
            second = peer_say_bytes(&e.w, 0, injected + cut, sizeof injected - 1 - cut);
            assert_string_equal(second, ""); /* the handshake failed, and nobody answers */
        } else {
            assert_string_equal(codes_of(first), "250 554 ");
        }
        assert_true(e.w.peers[0].is_ended || e.w.peers[0].is_broken);
        assert_int_equal(events_of(&e.w, EVENT_ACCEPTED), 0);
        assert_null(strstr(text_string(&e.w.story), "m@c.test"));
        stop(&e);
    }
}

/* A provider that takes its time over STARTTLS: what comes meanwhile meets the handshake. */
static void
commands_that_come_while_starttls_waits_are_not_heard_either(void **state)
{
    static const enum tls_level levels[] = {TLS_MODELLED, TLS_REAL};
    static const struct isp_rule slow = {
        .id = {"slow", 4},
        .stage = STAGE_STARTTLS,
        .share_ppm = PPM,
        .action = ACTION_DELAY,
        .delay_us = US_PER_S
    };

    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct encrypted e;

        prepare(&e, levels[i]);
        e.w.config.rules = &slow;
        e.w.config.rules_count = 1;
        isp_open(&e.w);
        peer_connect(&e.w, 0);
        assert_string_equal(peer_codes(&e.w, 0, "EHLO c.test\r\nSTARTTLS\r\n"), "250 ");
        assert_string_equal(peer_say(&e.w, 0, "MAIL FROM:<m@c.test>\r\n"), "");
        isp_pass(&e.w, 2 * US_PER_S);
        assert_true(e.w.peers[0].is_ended || e.w.peers[0].is_broken);
        assert_null(strstr(text_string(&e.w.peers[0].heard), "250"));
        assert_null(strstr(text_string(&e.w.story), "m@c.test"));
        stop(&e);
    }
}

static void
a_client_that_never_shakes_hands_is_left_after_a_while(void **state)
{
    struct encrypted e;

    prepare(&e, TLS_MODELLED);
    isp_open(&e.w);
    peer_connect(&e.w, 0);
    assert_string_equal(peer_codes(&e.w, 0, "EHLO c.test\r\nSTARTTLS\r\n"), "250 220 ");
    isp_pass(&e.w, 301 * US_PER_S);
    assert_true(e.w.peers[0].is_ended);
    assert_int_equal(isp_sessions_open(e.w.isp, 0), 0);
    stop(&e);
}

static void
a_provider_may_go_while_sessions_are_encrypted(void **state)
{
    struct encrypted e;

    prepare(&e, TLS_REAL);
    isp_open(&e.w);
    start_tls(&e);
    isp_free(&e.w.isp);
    isp_pass(&e.w, US_PER_S);
    assert_true(e.w.peers[0].is_broken);
    stop(&e);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_anew_behind_the_handshake),
        cmocka_unit_test(it_is_refused_where_it_does_not_belong),
        cmocka_unit_test(commands_behind_starttls_are_never_heard),
        cmocka_unit_test(commands_that_come_while_starttls_waits_are_not_heard_either),
        cmocka_unit_test(a_client_that_never_shakes_hands_is_left_after_a_while),
        cmocka_unit_test(a_provider_may_go_while_sessions_are_encrypted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
