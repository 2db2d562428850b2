/* test_starttls_inject.c - STARTTLS at the MTA's own door: a session that begins anew, and no byte of
 * plain text taken for an encrypted one. */
#include "tests/unit/inject_world.h"

struct encrypted {
    struct world w;
    struct tls *tls;
    struct tls_server *server;
    struct tls_client *client;
    enum tls_failure failure;
    int done_count;
};

static void
start(struct encrypted *e, enum tls_level level)
{
    struct world *w = &e->w;
    struct tls_config config;

    world_start(w);
    stream_close(&w->peer.stream);
    inject_free(&w->inject);
    spool_free(&w->spool);
    config = (struct tls_config){.level = level, .loop = w->loop, .rng = &w->rng};
    e->done_count = 0;
    e->tls = tls_new(&config);
    e->server = tls_server_new(e->tls, w->config.hostname, CERTIFICATE_GOOD, TLS_FAULT_NONE);
    e->client = tls_client_new(e->tls);
    w->doors.tls_server = e->server;
    open_door(w);
    peer_connect(w);
}

static void
stop(struct encrypted *e)
{
    world_stop(&e->w);
    tls_client_free(&e->client);
    tls_server_free(&e->server);
    tls_free(&e->tls);
}

static void
on_done(void *arg, const struct tls_result *result)
{
    struct encrypted *e = arg;

    e->failure = result->failure;
    e->done_count++;
}

static void
start_tls(struct encrypted *e)
{
    static const struct stream_events events = {
        .on_bytes = peer_on_bytes, .on_end = peer_on_end, .on_broken = peer_on_broken};
    const struct tls_peer peer = {.host_name = SLICE("mta.test"), .is_verified = true};

    assert_non_null(strstr(say(&e->w, HELLO), "250-STARTTLS\r\n"));
    assert_string_equal(say(&e->w, "STARTTLS\r\n"), "220 2.0.0 ready to start TLS\r\n");
    e->w.peer.stream = stream_tls_connect(e->client, e->w.peer.stream, &peer, on_done, e);
    stream_set_events(e->w.peer.stream, &events, &e->w.peer);
    pass(&e->w, 0);
    assert_int_equal(e->done_count, 1);
    assert_int_equal(e->failure, TLS_FINE);
}

static void
a_session_begins_anew_behind_the_handshake(void **state)
{
    static const enum tls_level levels[] = {TLS_MODELLED, TLS_REAL};
    struct text codes = {0};

    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct encrypted e;

        start(&e, levels[i]);
        start_tls(&e);
        assert_string_equal(codes_in(say(&e.w, ENVELOPE), &codes), "503 503 ");
        assert_null(strstr(say(&e.w, HELLO), "STARTTLS"));
        assert_string_equal(codes_in(say(&e.w, "STARTTLS\r\n"), &codes), "503 ");
        assert_string_equal(codes_in(say(&e.w, ENVELOPE MESSAGE), &codes), "250 250 354 250 ");
        assert_int_equal(e.w.places_count, 1);
        assert_string_equal(codes_in(say(&e.w, "QUIT\r\n"), &codes), "221 ");
        assert_true(e.w.peer.is_ended);
        stop(&e);
    }
    text_release(&codes);
}

static void
without_a_certificate_it_is_not_offered(void **state)
{
    struct world w;

    world_start(&w);
    assert_null(strstr(say(&w, HELLO), "STARTTLS"));
    assert_string_equal(say(&w, "STARTTLS\r\n"), "502 5.5.1 not implemented here\r\n");
    world_stop(&w);
}

static void
it_is_refused_where_it_does_not_belong(void **state)
{
    struct encrypted e;
    struct text codes = {0};

    start(&e, TLS_MODELLED);
    assert_string_equal(codes_in(say(&e.w, "STARTTLS\r\n"), &codes), "503 ");
    assert_string_equal(
        codes_in(say(&e.w, HELLO "MAIL FROM:<b@us.test>\r\nSTARTTLS\r\n"), &codes), "250 250 503 ");
    stop(&e);
    text_release(&codes);
}

/* Command injection (as in CVE-2011-0411): nothing behind STARTTLS is heard, in any cut. */
static void
commands_behind_starttls_are_never_heard(void **state)
{
    static const char injected[] = HELLO "STARTTLS\r\n" HELLO ENVELOPE MESSAGE;
    const size_t command_end = strlen(HELLO "STARTTLS\r\n");
    struct text codes = {0};

    for (size_t cut = command_end; cut < sizeof injected; cut++) {
        struct encrypted e;
        const char *first;

        start(&e, TLS_MODELLED);
        first = codes_in(say_bytes(&e.w, injected, cut), &codes);
        assert_string_equal(first, cut == command_end ? "250 220 " : "250 554 ");
        if (cut == command_end)
            assert_string_equal(say_bytes(&e.w, injected + cut, sizeof injected - 1 - cut), "");
        assert_true(e.w.peer.is_ended);
        assert_int_equal(e.w.places_count, 0);
        stop(&e);
    }
    text_release(&codes);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_anew_behind_the_handshake),
        cmocka_unit_test(without_a_certificate_it_is_not_offered),
        cmocka_unit_test(it_is_refused_where_it_does_not_belong),
        cmocka_unit_test(commands_behind_starttls_are_never_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
