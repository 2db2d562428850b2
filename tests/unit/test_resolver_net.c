/* test_resolver_net.c - what only the wire has: lost, cut, broken and late packets, TCP, patience. */
#include "tests/unit/dns_packet.h"
#include "tests/unit/resolver_world.h"

#include <unistd.h>

#include "base/datagram.h"

/* ---- TCP ---- */

static void
what_a_datagram_does_not_hold_comes_by_tcp(void **state)
{
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};
    struct text expected = {0};

    for (int i = 0; i < 200; i++) {
        struct net_address address = {
            .family = 4, .bytes = {192, 0, 2, (uint8_t)i}
        };

        zones_add_address(world.zones, SLICE("many.null.test"), &address);
        net_address_format(&expected, &address);
        text_add_char(&expected, ';');
    }
    ask_and_run(&asker, "many.null.test", DNS_ADDRESS);
    assert_int_equal(asker.status, DNS_OK);
    assert_string_equal(text_string(&asker.seen), text_string(&expected));
    assert_int_equal(dns_server_counts(world.server)->questions_udp, 2); /* A, AAAA */
    assert_int_equal(dns_server_counts(world.server)->questions_tcp, 1);
    text_release(&expected);
    text_release(&asker.seen);
    world_free(&world);
}

static void
many_ask_over_one_connection(void **state)
{
    enum { COUNT = 100 };
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};
    struct text text = {0};

    text_add_repeated(&text, 't', 3000);
    zones_add_txt(world.zones, SLICE("long.null.test"), text_slice(&text));
    for (int i = 0; i < COUNT; i++)
        ask(&asker, "long.null.test", DNS_TXT);
    run_for(&world, COUNT);
    assert_int_equal(asker.status, DNS_OK);
    assert_int_equal(asker.seen.length, text.length + 1);
    assert_int_equal(dns_server_counts(world.server)->questions_tcp, COUNT);
    text_release(&text);
    text_release(&asker.seen);
    world_free(&world);
}

/* ---- patience ---- */

static void
a_silent_server_is_given_up_within_the_patience(void **state)
{
    struct resolver_net_options options = {
        .servers_count = 1, .timeout_us = TIMEOUT_MS * US_PER_MS};
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};

    zones_fail_zone(world.zones, SLICE("null.test"), DNS_TIMED_OUT);
    ask_and_run(&asker, "null.test", DNS_ADDRESS);
    assert_int_equal(asker.status, DNS_TIMED_OUT);
    assert_true(
        asker.at_us >= 3 * TIMEOUT_MS * US_PER_MS); /* two tries, the second twice as long */
    assert_int_equal(dns_server_counts(world.server)->questions_udp, 4);
    assert_int_equal(resolver_net_patience_us(&options), 5 * TIMEOUT_MS * US_PER_MS);
    world_free(&world);
}

/* The loop's hours are seconds; the server needs its time all the same. */
static void
patience_is_real_where_time_is_scaled(void **state)
{
    struct world world = world_new(true, 1000);
    struct asker asker = {.world = &world};

    zones_fail_zone(world.zones, SLICE("null.test"), DNS_TIMED_OUT);
    ask(&asker, "bigmail.test", DNS_MX);
    ask(&asker, "null.test", DNS_MX);
    run_ms(&world, 2 * TIMEOUT_MS * INT64_C(1000)); /* twice the first try */
    assert_int_equal(asker.answers_count, 1);
    assert_int_equal(asker.status, DNS_OK);
    run_ms(&world, 10 * TIMEOUT_MS * INT64_C(1000));
    assert_int_equal(asker.answers_count, 2);
    assert_int_equal(asker.status, DNS_TIMED_OUT);
    text_release(&asker.seen);
    world_free(&world);
}

/* The loop has nothing left to do: no timer, no socket, no event of ours keeps it. */
static void
the_loop_ends_when_all_is_answered(void **state)
{
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};
    struct net_address nobody = *dns_server_address(world.server);
    struct error err;

    dns_server_free(&world.server);
    resolver_free(&world.resolver);
    world.resolver = new_net_resolver(world.loop, &nobody, 2);
    ask(&asker, "bigmail.test", DNS_MX);
    assert_true(loop_run(world.loop, INT64_MAX, &err));
    assert_int_equal(asker.answers_count, 1);
    assert_int_equal(asker.status, DNS_SERVFAIL); /* nobody listens there */
    world_free(&world);
}

static void
what_is_refused_is_servfail(void **state)
{
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};

    ask_and_run(&asker, "elsewhere.example", DNS_ADDRESS);
    assert_int_equal(asker.status, DNS_SERVFAIL);
    world_free(&world);
}

/* ---- a server that we write by hand ---- */

/* What follows the question in its answers. */
struct forger {
    struct datagram *datagram;
    unsigned flags;
    uint8_t answers, authorities;
    struct slice tail;
    int lost_count;     /* so many questions get none */
    unsigned only_type; /* others: no answer, no authority; 0: all */
};

static void
forge(void *arg, const struct net_address *from, struct slice question)
{
    struct forger *forger = arg;
    struct text answer = {0};
    size_t length = PACKET_HEADER_BYTES;
    bool is_meant;

    if (forger->lost_count-- > 0)
        return;
    while (question.at[length] != 0)
        length += 1 + (size_t)question.at[length];
    is_meant = forger->only_type == 0 || u16_at(question, length + 1) == forger->only_type;
    length += 5;
    add_header(&answer, QR | forger->flags, 1, is_meant ? forger->answers : 0,
        is_meant ? forger->authorities : 0, 0);
    answer.bytes[0] = question.at[0];
    answer.bytes[1] = question.at[1];
    text_add(&answer, question.at + PACKET_HEADER_BYTES, length - PACKET_HEADER_BYTES);
    if (is_meant)
        text_add_slice(&answer, forger->tail);
    datagram_send(forger->datagram, from, text_slice(&answer));
    text_release(&answer);
}

static struct world
world_of_forger(struct forger *forger)
{
    struct world world = world_new(true, 1);
    struct net_address at = address_of("127.0.0.1", 0);
    struct error err;

    forger->datagram = datagram_net_new(world.loop, &at, false, forge, forger, &err);
    assert_non_null(forger->datagram);
    at = datagram_local(forger->datagram);
    resolver_free(&world.resolver);
    world.resolver = new_net_resolver(world.loop, &at, 2);
    return world;
}

#define NAME     "\300\014"
#define A_RECORD "\0\1\0\1\0\0\0\60\0\4\300\0\2\1"
#define SOA_TAIL "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"
#define IS(bytes)                \
    {                            \
        bytes, sizeof(bytes) - 1 \
    }

static void
an_answer_is_read_as_it_is_written(void **state)
{
    static const struct {
        const char *what;
        enum dns_type type;
        unsigned flags;
        uint8_t answers, authorities;
        struct slice tail;
        enum dns_status status;
        int ttl_s;
        const char *seen;
    } cases[] = {
        {"an address",                            DNS_ADDRESS, 0, 1, 0, IS(NAME A_RECORD),                                DNS_OK,       48, "192.0.2.1;"    },
        {"the smallest TTL",                      DNS_ADDRESS, 0, 2, 0,
         IS(NAME A_RECORD NAME "\0\1\0\1\0\0\0\7\0\4\300\0\2\2"),                                                         DNS_OK,       7,
         "192.0.2.1;192.0.2.2;"                                                                                                                             },
        {"a TTL below zero is none (RFC 2181)",   DNS_ADDRESS, 0, 1, 0,
         IS(NAME "\0\1\0\1\377\0\0\7\0\4\300\0\2\2"),                                                                     DNS_OK,       0,  "192.0.2.2;"    },
        {"an alias of an alias",                  DNS_ADDRESS, 0, 3, 0,
         IS(NAME "\0\5\0\1\0\0\0\5\0\4\1b\300\016\300\044\0\5\0\1\0\0\0\11\0\4\1c\300\016"
                    "\300\064" A_RECORD),
         DNS_OK,                                                                                                                        5,  "192.0.2.1;"    },
        {"an alias of nothing",                   DNS_ADDRESS, 0, 1, 0, IS(NAME "\0\5\0\1\0\0\0\5\0\4\1b\300\016"),
         DNS_NO_DATA,                                                                                                                   5,  ""              },
        {"an address of somebody else",           DNS_ADDRESS, 0, 1, 0, IS("\1x\0" A_RECORD),                             DNS_NO_DATA,  48,
         ""                                                                                                                                                 },
        {"an MX in capitals",                     DNS_MX,      0, 1, 0, IS(NAME "\0\17\0\1\0\0\0\1\0\7\1\2\2MX\300\014"),
         DNS_OK,                                                                                                                        1,  "258 mx.a.test;"},
        {"strings of two texts",                  DNS_TXT,     0, 2, 0,
         IS(NAME "\0\20\0\1\0\0\0\1\0\6\2ab\0\1c" NAME "\0\20\0\1\0\0\0\1\0\2\1d"),                                       DNS_OK,       1,
         "abc;d;"                                                                                                                                           },
        {"not there, for so long",                DNS_MX,      3, 0, 1,
         IS("\0\0\6\0\1\0\0\0\11\0\26\0\0" SOA_TAIL "\5"),                                                                DNS_NO_NAME,  5,  ""              },
        {"not of this type, for so long",         DNS_MX,      0, 0, 1,
         IS("\0\0\6\0\1\0\0\0\3\0\26\0\0" SOA_TAIL "\5"),                                                                 DNS_NO_DATA,  3,  ""              },
        {"nothing, and nobody says for how long", DNS_MX,      0, 0, 0, IS(""),                                           DNS_NO_DATA,  0,  ""              },
        {"SERVFAIL",                              DNS_MX,      2, 0, 0, IS(""),                                           DNS_SERVFAIL, 0,  ""              },
        {"NOTIMP",                                DNS_MX,      4, 0, 0, IS(""),                                           DNS_SERVFAIL, 0,  ""              },
        {"YXDOMAIN",                              DNS_MX,      6, 0, 0, IS(""),                                           DNS_SERVFAIL, 0,  ""              },
        {"no record where one is announced",      DNS_MX,      0, 1, 0, IS(""),                                           DNS_SERVFAIL, 0,  ""              },
        {"a record that is cut",                  DNS_MX,      0, 1, 0, IS(NAME "\0\17\0\1\0\0\0\1\0\7\1\2\2M"),
         DNS_SERVFAIL,                                                                                                                  0,  ""              },
        {"an MX without a host",                  DNS_MX,      0, 1, 0, IS(NAME "\0\17\0\1\0\0\0\1\0\1\1"),               DNS_SERVFAIL,
         0,                                                                                                                                 ""              },
        {"a host that is a loop",                 DNS_MX,      0, 1, 0, IS(NAME "\0\17\0\1\0\0\0\1\0\4\0\12\300\046"),
         DNS_SERVFAIL,                                                                                                                  0,  ""              },
        {"a string longer than its record",       DNS_TXT,     0, 1, 0, IS(NAME "\0\20\0\1\0\0\0\1\0\3\77ab"),
         DNS_SERVFAIL,                                                                                                                  0,  ""              },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct forger forger = {.flags = cases[i].flags,
            .answers = cases[i].answers,
            .authorities = cases[i].authorities,
            .tail = cases[i].tail,
            .only_type = cases[i].type == DNS_ADDRESS ? TYPE_A : 0};
        struct world world = world_of_forger(&forger);
        struct asker asker = {.world = &world};

        print_message("  %s\n", cases[i].what);
        ask_and_run(&asker, "a.test", cases[i].type);
        assert_int_equal(asker.status, cases[i].status);
        assert_string_equal(text_string(&asker.seen), cases[i].seen);
        assert_int_equal(asker.ttl_us,
            cases[i].status == DNS_NO_DATA && cases[i].type == DNS_ADDRESS
                ? 0 /* nobody says how long there will be no AAAA */
                : cases[i].ttl_s * US_PER_S);
        datagram_free(&forger.datagram);
        text_release(&asker.seen);
        world_free(&world);
    }
}

static void
what_is_lost_is_asked_again(void **state)
{
    struct forger forger = {
        .lost_count = 1, .answers = 1, .tail = IS(NAME "\0\17\0\1\0\0\0\1\0\5\0\12\1x\0")};
    struct world world;
    struct asker asker = {.world = &world};

    world = world_of_forger(&forger);
    ask_and_run(&asker, "a.test", DNS_MX);
    assert_int_equal(asker.status, DNS_OK);
    assert_string_equal(text_string(&asker.seen), "10 x;");
    assert_true(asker.at_us >= TIMEOUT_MS * US_PER_MS);
    datagram_free(&forger.datagram);
    text_release(&asker.seen);
    world_free(&world);
}

/* ---- options ---- */

static void
the_second_server_answers_for_the_first(void **state)
{
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};
    struct resolver_net_options options = {.servers_count = 2, .timeout_us = 100 * US_PER_MS};
    struct forger deaf = {.lost_count = INT32_MAX};
    struct net_address at = address_of("127.0.0.1", 0);
    struct error err;

    deaf.datagram = datagram_net_new(world.loop, &at, false, forge, &deaf, &err);
    options.servers[0] = datagram_local(deaf.datagram);
    options.servers[1] = *dns_server_address(world.server);
    resolver_free(&world.resolver);
    world.resolver = resolver_net_new(world.loop, &options, &err);
    assert_non_null(world.resolver);
    ask_and_run(&asker, "bigmail.test", DNS_MX);
    assert_int_equal(asker.status, DNS_OK);
    datagram_free(&deaf.datagram);
    text_release(&asker.seen);
    world_free(&world);
}

static void
an_option_out_of_its_range_is_said(void **state)
{
    static const struct {
        const char *server;
        int64_t timeout_us;
        unsigned tries;
        const char *why;
    } cases[] = {
        {"127.0.0.1",   999,      2, "a time-out of DNS is from 1ms to 60s"             },
        {"127.0.0.1",   -1,       2, "a time-out of DNS is from 1ms to 60s"             },
        {"127.0.0.1",   60000001, 2, "a time-out of DNS is from 1ms to 60s"             },
        {"127.0.0.1",   0,        7, "DNS is tried 6 times at most"                     },
        {"192.0.2.1",   0,        0, "name server 192.0.2.1 is not a loopback address"  },
        {"2001:db8::1", 0,        0, "name server 2001:db8::1 is not a loopback address"},
    };
    struct world world = world_new(true, 1);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct resolver_net_options options = {.servers_count = 1,
            .servers = {address_of(cases[i].server, 53)},
            .timeout_us = cases[i].timeout_us,
            .tries = cases[i].tries};
        struct error err;

        assert_null(resolver_net_new(world.loop, &options, &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.text, cases[i].why);
    }
    world_free(&world);
}

/* Its name server is none that we may ask, so we see that it was read. */
static void
a_resolv_conf_is_read_when_it_is_named(void **state)
{
    struct world world = world_new(true, 1);
    char filename[] = "/tmp/mtalab-resolv-XXXXXX";
    struct resolver_net_options options = {.resolv_conf = filename};
    struct resolver *resolver;
    struct error err;
    int fd = mkstemp(filename);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "nameserver 192.0.2.7\n", 21), 21);
    close(fd);
    assert_null(resolver_net_new(world.loop, &options, &err));
    assert_string_equal(err.text, "name server 192.0.2.7 is not a loopback address");
    options.allow_any = true;
    resolver = resolver_net_new(world.loop, &options, &err);
    assert_non_null(resolver);
    resolver_free(&resolver);
    assert_int_equal(unlink(filename), 0);
    assert_null(resolver_net_new(world.loop, &options, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    world_free(&world);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_datagram_does_not_hold_comes_by_tcp),
        cmocka_unit_test(many_ask_over_one_connection),
        cmocka_unit_test(a_silent_server_is_given_up_within_the_patience),
        cmocka_unit_test(patience_is_real_where_time_is_scaled),
        cmocka_unit_test(the_loop_ends_when_all_is_answered),
        cmocka_unit_test(what_is_refused_is_servfail),
        cmocka_unit_test(an_answer_is_read_as_it_is_written),
        cmocka_unit_test(what_is_lost_is_asked_again),
        cmocka_unit_test(the_second_server_answers_for_the_first),
        cmocka_unit_test(an_option_out_of_its_range_is_said),
        cmocka_unit_test(a_resolv_conf_is_read_when_it_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
