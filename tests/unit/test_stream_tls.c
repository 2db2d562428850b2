/* test_stream_tls.c - TLS over a simulated network, at both levels: what arrives, when, and what a
 * handshake comes to. */
#include "tests/unit/tls_pair.h"

#include "base/mem.h"
#include "base/unit.h"

/* ---- handshakes ---- */

static void
a_handshake_costs_a_round_trip_and_then_bytes_pass(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;
        int64_t from_us;

        print_message("  %s\n", levels[i].name);
        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair_wrap(&pair, true);
        from_us = loop_now_us(pair.world.loop);
        stream_write(pair.client.stream, "EHLO client\r\n", 13); /* waits for the handshake */
        assert_int_equal(stream_unsent(pair.client.stream), 13);
        run(&pair.world);
        assert_int_equal(pair.client_done.result.failure, TLS_FINE);
        assert_int_equal(pair.server_done.result.failure, TLS_FINE);
        assert_int_equal(pair.client_done.done_at_us, from_us + 2 * LATENCY_US);
        assert_int_equal(pair.server_done.done_at_us, from_us + 3 * LATENCY_US);
        assert_int_equal(pair.server.heard_at_us, from_us + 3 * LATENCY_US);
        assert_string_equal(pair.client_done.result.version, "TLSv1.3");
        assert_string_equal(pair.client_done.result.cipher, "TLS_AES_256_GCM_SHA384");
        assert_slice(text_slice(&pair.server.heard), "EHLO client\r\n");
        assert_int_equal(pair.client.drained_count, 1);
        stream_write(pair.server.stream, "250 ", 4);
        stream_write(pair.server.stream, "ok\r\n", 4);
        run(&pair.world);
        assert_slice(text_slice(&pair.client.heard), "250 ok\r\n");
        assert_int_equal(pair.client.offers_count, 1);
        assert_int_equal(stream_peer(pair.client.stream)->port, 25);
        assert_int_equal(stream_local(pair.server.stream)->port, 25);
        pair_close(&pair);
    }
}

static void
a_certificate_matters_to_who_asks_for_it(void **state)
{
    static const struct {
        const char *name;
        enum tls_certificate certificate;
        enum tls_failure failure;
    } cases[] = {
        {"good",        CERTIFICATE_GOOD,        TLS_FINE              },
        {"expired",     CERTIFICATE_EXPIRED,     TLS_FAILED_EXPIRED    },
        {"wrong name",  CERTIFICATE_WRONG_NAME,  TLS_FAILED_WRONG_NAME },
        {"self-signed", CERTIFICATE_SELF_SIGNED, TLS_FAILED_SELF_SIGNED},
        {"unknown CA",  CERTIFICATE_UNKNOWN_CA,  TLS_FAILED_UNKNOWN_CA },
    };

    for (size_t i = 0; i < COUNT_OF(levels); i++)
        for (size_t j = 0; j < COUNT_OF(cases); j++) {
            struct pair pair;
            bool is_fine = cases[j].failure == TLS_FINE;

            print_message("  %s, %s\n", levels[i].name, cases[j].name);
            pair_open(&pair, levels[i].level, cases[j].certificate, TLS_FAULT_NONE);
            pair_shake(&pair, true);
            assert_int_equal(pair.client_done.result.failure, cases[j].failure);
            assert_int_equal(
                pair.server_done.result.failure, is_fine ? TLS_FINE : TLS_FAILED_ALERT);
            assert_int_equal(pair.client_done.done_count, 1);
            assert_int_equal(pair.server_done.done_count, 1);
            pair_forget(&pair);
            pair_shake(&pair, false);
            assert_int_equal(pair.client_done.result.failure, TLS_FINE);
            assert_false(pair.client_done.result.is_resumed); /* a verified session may be */
            pair_close(&pair);
        }
}

static void
faults_of_the_host_have_their_names(void **state)
{
    static const struct {
        enum tls_fault fault;
        enum tls_failure client, server;
    } cases[] = {
        {TLS_FAULT_CUT,          TLS_FAILED_CUT,          TLS_FAILED_CUT         },
        {TLS_FAULT_OLD_PROTOCOL, TLS_FAILED_OLD_PROTOCOL, TLS_FAILED_OLD_PROTOCOL},
    };

    for (size_t i = 0; i < COUNT_OF(levels); i++)
        for (size_t j = 0; j < COUNT_OF(cases); j++) {
            struct pair pair;
            int64_t from_us;

            pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, cases[j].fault);
            pair_wrap(&pair, false);
            from_us = loop_now_us(pair.world.loop);
            run(&pair.world);
            assert_int_equal(pair.client_done.result.failure, cases[j].client);
            assert_int_equal(pair.server_done.result.failure, cases[j].server);
            assert_int_equal(pair.client_done.done_at_us, from_us + 2 * LATENCY_US);
            assert_int_equal(pair.client.broken_count + pair.client.ends_count, 0);
            assert_int_equal(pair.server.broken_count + pair.server.ends_count, 0);
            pair_close(&pair);
        }
}

static void
a_session_is_resumed_for_an_hour(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        print_message("  %s\n", levels[i].name);
        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair_shake(&pair, true);
        assert_false(pair.client_done.result.is_resumed);
        stream_abort(&pair.client.stream); /* a cut spoils nothing */
        pair_forget(&pair);
        pair_shake(&pair, true);
        assert_true(pair.client_done.result.is_resumed);
        assert_true(pair.server_done.result.is_resumed);
        pair_forget(&pair);
        run_until(
            &pair.world, loop_now_us(pair.world.loop) + (TLS_RESUME_S - 1) * (int64_t)US_PER_S);
        pair_shake(&pair, true);
        assert_true(pair.client_done.result.is_resumed);
        pair_forget(&pair);
        run_until(&pair.world, loop_now_us(pair.world.loop) + TLS_RESUME_S * (int64_t)US_PER_S);
        pair_shake(&pair, true);
        assert_false(pair.client_done.result.is_resumed);
        assert_int_equal(pair.client_done.result.failure, TLS_FINE);
        pair_close(&pair);
    }
}

/* ---- cuts ---- */

/* Whatever is cut, each end learns it once: as the result of its handshake, or after it. False: the
 * handshake was over before. */
static bool
is_cut_at(struct pair *pair, struct net_link link)
{
    const struct side *sides[] = {&pair->client, &pair->server};
    const struct shaken *shaken[] = {&pair->client_done, &pair->server_done};
    bool is_cut = false;

    tls_client_free(&pair->tls_client); /* it would remember a session */
    pair->tls_client = tls_client_new(pair->tls);
    link.latency_us = LATENCY_US;
    set_link(&pair->world, link);
    pair_shake(pair, true);
    for (int i = 0; i < 2; i++) {
        bool is_fine = shaken[i]->result.failure == TLS_FINE;

        assert_int_equal(shaken[i]->done_count, 1);
        assert_true(is_fine || shaken[i]->result.failure == TLS_FAILED_CUT);
        assert_true(sides[i]->broken_count <= (is_fine ? 1 : 0));
        assert_int_equal(sides[i]->heard.length, 0);
        is_cut |= !is_fine || sides[i]->broken_count > 0;
    }
    pair_forget(pair);
    return is_cut;
}

static void
a_cut_at_any_byte_of_the_handshake_is_told_once(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;
        uint64_t at;

        print_message("  %s\n", levels[i].name);
        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        for (at = 1; is_cut_at(&pair, (struct net_link){.reset_after_bytes = at}); at++)
            ;
        assert_in_range(at, 300, 500);
        for (at = 1; is_cut_at(&pair, (struct net_link){.reset_after_reply_bytes = at}); at++)
            ;
        assert_in_range(at, 800, 1200);
        pair_close(&pair);
    }
}

/* Within a tenth: bandwidth then costs the same. */
static void
the_model_has_the_sizes_of_the_real_thing(void **state)
{
    uint64_t bytes[COUNT_OF(levels)][2];

    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        for (int is_resumed = 0; is_resumed < 2; is_resumed++) {
            uint64_t before = network_sim_bytes(pair.world.network);

            pair_shake(&pair, true);
            assert_int_equal(pair.client_done.result.is_resumed, is_resumed);
            stream_write(pair.client.stream, "NOOP\r\n", 6);
            pair_forget(&pair);
            bytes[i][is_resumed] = network_sim_bytes(pair.world.network) - before;
        }
        pair_close(&pair);
    }
    for (int j = 0; j < 2; j++) {
        print_message("  %u modelled, %u real\n", (unsigned)bytes[0][j], (unsigned)bytes[1][j]);
        assert_in_range(bytes[0][j] * 10, bytes[1][j] * 9, bytes[1][j] * 11);
    }
}

static void
an_end_within_the_handshake_is_a_cut(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair_wrap(&pair, true);
        stream_close(&pair.client.stream);
        run(&pair.world);
        assert_int_equal(pair.client_done.done_count, 0); /* who closed hears nothing */
        assert_int_equal(pair.server_done.result.failure, TLS_FAILED_CUT);
        pair_close(&pair);
    }
}

static void
what_is_no_tls_is_told_apart(void **state)
{
    static const char *const words[] = {
        "MAIL FROM:<a@b.test>\r\n", "\x16\x09\x01 and so on", "250-mx1.bigmail.test\r\n"};

    for (size_t i = 0; i < COUNT_OF(levels); i++)
        for (size_t j = 0; j < COUNT_OF(words); j++) {
            struct pair pair;

            pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
            join(&pair.world, &pair.client, &pair.server);
            pair.server_done = (struct shaken){.side = &pair.server};
            pair.server.stream =
                stream_tls_accept(pair.tls_server, pair.server.stream, on_done, &pair.server_done);
            stream_set_events(pair.server.stream, &events, &pair.server);
            stream_write(pair.client.stream, words[j], strlen(words[j]));
            run(&pair.world);
            assert_int_equal(pair.server_done.done_count, 1);
            assert_int_equal(pair.server_done.result.failure, TLS_FAILED_NONSENSE);
            assert_int_equal(pair.server.offers_count, 0);
            pair_close(&pair);
        }
}

static void
bytes_behind_the_handshake_that_are_no_tls_break_the_stream(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;
        struct stream *carrier;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        join(&pair.world, &pair.client, &pair.server);
        carrier = pair.client.stream;
        pair_wrap_over(&pair, true);
        run(&pair.world);
        assert_int_equal(pair.server_done.result.failure, TLS_FINE);
        stream_write(carrier, "250 injected\r\n", 14); /* as somebody on the way would */
        run(&pair.world);
        assert_int_equal(pair.server.broken_count, 1);
        assert_int_equal(pair.server.offers_count, 0);
        pair_close(&pair);
    }
}

/* ---- bytes ---- */

static void
bytes_that_come_one_by_one_are_as_good(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        set_link(&pair.world, (struct net_link){.latency_us = LATENCY_US, .cut = NET_CUT_ONE_BYTE});
        pair_shake(&pair, true);
        stream_write(pair.client.stream, "hello", 5);
        run(&pair.world);
        assert_slice(text_slice(&pair.server.heard), "hello");
        assert_int_equal(pair.server.offers_count, 1); /* a record is opened as a whole */
        pair_close(&pair);
    }
}

static void
big_transfers_arrive_whole_through_a_slow_reader(void **state)
{
    enum { BYTES = 1000000 };

    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;
        struct text sent = {0};

        print_message("  %s\n", levels[i].name);
        for (unsigned n = 0; sent.length < BYTES; n++)
            text_printf(&sent, "line %u\r\n", n);
        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair_shake(&pair, true);
        stream_pause(pair.server.stream);
        stream_write(pair.client.stream, sent.bytes, sent.length);
        run(&pair.world);
        assert_int_equal(pair.server.offers_count, 0);
        assert_true(stream_unsent(pair.client.stream) > BYTES / 2); /* the writer feels it */
        assert_int_equal(pair.client.drained_count, 0);
        pair.server.pause_after_offer = true;
        while (pair.server.heard.length < sent.length) {
            stream_resume(pair.server.stream);
            run(&pair.world);
        }
        assert_true(slice_equals(text_slice(&pair.server.heard), text_slice(&sent)));
        assert_int_equal(pair.client.drained_count, 1);
        assert_int_equal(stream_unsent(pair.client.stream), 0);
        text_release(&sent);
        pair_close(&pair);
    }
}

static void
what_is_left_is_offered_again_to_the_next_reader(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair_shake(&pair, true);
        pair.server.leave = 3;
        stream_write(pair.client.stream, "abcdef", 6);
        run(&pair.world);
        assert_slice(text_slice(&pair.server.heard), "abc");
        stream_write(pair.client.stream, "ghi", 3);
        run(&pair.world);
        assert_slice(text_slice(&pair.server.heard), "abcdef");
        pair.server.leave = 0;
        stream_set_events(pair.server.stream, &events, &pair.server);
        run(&pair.world);
        assert_slice(text_slice(&pair.server.heard), "abcdefghi");
        pair_close(&pair);
    }
}

static void
a_half_closed_stream_still_hears(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair_wrap(&pair, true);
        stream_write(pair.client.stream, "QUIT\r\n", 6);
        stream_shut(pair.client.stream); /* before the handshake is over: bytes still go first */
        run(&pair.world);
        assert_slice(text_slice(&pair.server.heard), "QUIT\r\n");
        assert_int_equal(pair.server.ends_count, 1);
        stream_write(pair.server.stream, "221 bye\r\n", 9);
        stream_close(&pair.server.stream);
        run(&pair.world);
        assert_slice(text_slice(&pair.client.heard), "221 bye\r\n");
        assert_int_equal(pair.client.ends_count, 1);
        assert_int_equal(pair.client.broken_count, 0);
        pair_close(&pair);
    }
}

static void
a_carrier_that_ends_without_a_word_is_an_end(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;
        struct stream *carrier;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        join(&pair.world, &pair.client, &pair.server);
        carrier = pair.client.stream;
        pair_wrap_over(&pair, true);
        run(&pair.world);
        stream_shut(carrier);
        run(&pair.world);
        assert_int_equal(pair.server.ends_count, 1);
        assert_int_equal(pair.server.broken_count, 0);
        stream_abort(&pair.client.stream);
        pair_close(&pair);
    }
}

static void
closing_in_any_callback_ends_all_callbacks(void **state)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct pair pair;

        pair_open(&pair, levels[i].level, CERTIFICATE_GOOD, TLS_FAULT_NONE);
        pair.client_done.closes_when_done = true;
        pair_shake(&pair, true);
        assert_null(pair.client.stream);
        assert_int_equal(pair.server.ends_count, 1);
        pair_forget(&pair);
        pair.client_done.closes_when_done = false;
        pair.server_done.closes_when_done = true;
        pair_shake(&pair, true);
        assert_null(pair.server.stream);
        pair_forget(&pair);
        pair.server_done.closes_when_done = false;
        pair_shake(&pair, true);
        pair.server.close_after = 1;
        stream_write(pair.client.stream, "abc", 3);
        run(&pair.world);
        assert_null(pair.server.stream);
        assert_int_equal(pair.client.ends_count, 1);
        pair_close(&pair);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_costs_a_round_trip_and_then_bytes_pass),
        cmocka_unit_test(a_certificate_matters_to_who_asks_for_it),
        cmocka_unit_test(faults_of_the_host_have_their_names),
        cmocka_unit_test(a_session_is_resumed_for_an_hour),
        cmocka_unit_test(a_cut_at_any_byte_of_the_handshake_is_told_once),
        cmocka_unit_test(the_model_has_the_sizes_of_the_real_thing),
        cmocka_unit_test(an_end_within_the_handshake_is_a_cut),
        cmocka_unit_test(what_is_no_tls_is_told_apart),
        cmocka_unit_test(bytes_behind_the_handshake_that_are_no_tls_break_the_stream),
        cmocka_unit_test(bytes_that_come_one_by_one_are_as_good),
        cmocka_unit_test(big_transfers_arrive_whole_through_a_slow_reader),
        cmocka_unit_test(what_is_left_is_offered_again_to_the_next_reader),
        cmocka_unit_test(a_half_closed_stream_still_hears),
        cmocka_unit_test(a_carrier_that_ends_without_a_word_is_an_end),
        cmocka_unit_test(closing_in_any_callback_ends_all_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
