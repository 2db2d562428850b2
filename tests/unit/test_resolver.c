/* test_resolver.c - DNS in both worlds: zones, what is not there, failures, and going away. */
#include "tests/unit/resolver_world.h"

enum { QUERIES_COUNT = 1000 };

static bool simulated_and_net[] = {false, true};

/* A test that takes its world from its state, once for each. */
/* clang-format off */
#define IN_BOTH_WORLDS(test)                                                    \
    {#test ": simulated", test, NULL, NULL, &simulated_and_net[0]},            \
    {#test ": on the wire", test, NULL, NULL, &simulated_and_net[1]}
/* clang-format on */

static struct world
world_of(void **state)
{
    return world_new(*(const bool *)*state, 1);
}

/* ---- what is there, and what is not ---- */

static void
every_question_has_its_answer(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
        const char *seen;
    } cases[] = {
        {"bigmail.test",               DNS_MX,      DNS_OK,      "20 mx2.bigmail.test;10 mx1.bigmail.test;"},
        {"BIGMAIL.TEST.",              DNS_MX,      DNS_OK,      "20 mx2.bigmail.test;10 mx1.bigmail.test;"},
        {"mx1.bigmail.test",           DNS_ADDRESS, DNS_OK,      "192.0.2.1;2001:db8::1;"                  },
        {"k1._domainkey.bigmail.test", DNS_TXT,     DNS_OK,      "v=DKIM1; p=AbC;"                         },
        {"null.test",                  DNS_MX,      DNS_OK,      "0 ;"                                     },
        {"bigmail.test",               DNS_ADDRESS, DNS_NO_DATA, ""                                        },
        {"mx1.bigmail.test",           DNS_MX,      DNS_NO_DATA, ""                                        },
        {"_domainkey.bigmail.test",    DNS_TXT,     DNS_NO_DATA, ""                                        },
        {"mx2.bigmail.test",           DNS_ADDRESS, DNS_NO_NAME, ""                                        },
        {"notbigmail.test",            DNS_MX,      DNS_NO_NAME, ""                                        },
        {"elsewhere.example",          DNS_MX,      DNS_NO_NAME, ""                                        },
        {"test",                       DNS_MX,      DNS_NO_NAME, ""                                        },
        {"",                           DNS_MX,      DNS_NO_DATA, ""                                        },
        {".",                          DNS_MX,      DNS_NO_DATA, ""                                        },
        {"..",                         DNS_MX,      DNS_NO_NAME, ""                                        },
        {"a\\.bigmail.test",           DNS_MX,      DNS_NO_NAME, ""                                        },
    };
    struct world world = world_of(state);
    struct asker asker = {.world = &world};

    zones_add_zone(world.zones, SLICE(".")); /* or else names outside are refused on the wire */
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t asked_at_us = loop_now_us(world.loop);

        print_message("  %s\n", cases[i].name);
        ask_and_run(&asker, cases[i].name, cases[i].type);
        assert_int_equal(asker.status, cases[i].status);
        assert_string_equal(text_string(&asker.seen), cases[i].seen);
        assert_true(world.is_net || asker.at_us == asked_at_us + DELAY_US);
        assert_true(asker.status != DNS_OK || asker.ttl_us == ZONE_TTL_S * US_PER_S);
    }
    text_release(&asker.seen);
    world_free(&world);
}

static void
a_name_too_long_is_not_there(void **state)
{
    struct world world = world_of(state);
    struct asker asker = {.world = &world};
    struct text name = {0};

    text_add_repeated(&name, 'a', 300);
    text_add_string(&name, ".bigmail.test");
    ask_and_run(&asker, text_string(&name), DNS_MX);
    assert_int_equal(asker.status, DNS_NO_NAME);
    text_release(&name);
    world_free(&world);
}

/* Neither the zone nor DNS keeps anybody from saying a thing twice. */
static void
records_are_told_as_often_as_they_are_there(void **state)
{
    struct world world = world_of(state);
    struct asker asker = {.world = &world};
    struct net_address address = address_of("192.0.2.9", 0);

    for (int i = 0; i < 2; i++) {
        zones_add_mx(world.zones, SLICE("twice.null.test"), 10, SLICE("mx.null.test"));
        zones_add_address(world.zones, SLICE("twice.null.test"), &address);
        zones_add_txt(world.zones, SLICE("twice.null.test"), SLICE("hello"));
    }
    ask_and_run(&asker, "twice.null.test", DNS_MX);
    assert_string_equal(text_string(&asker.seen), "10 mx.null.test;10 mx.null.test;");
    ask_and_run(&asker, "twice.null.test", DNS_ADDRESS);
    assert_string_equal(text_string(&asker.seen), "192.0.2.9;192.0.2.9;");
    ask_and_run(&asker, "twice.null.test", DNS_TXT);
    assert_string_equal(text_string(&asker.seen), "hello;hello;");
    text_release(&asker.seen);
    world_free(&world);
}

static void
a_text_of_any_length_is_one(void **state)
{
    static const size_t lengths[] = {0, 1, 254, 255, 256, 510, 511, 2000, 60000};
    struct world world = world_of(state);
    struct asker asker = {.world = &world};

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct text name = {0}, text = {0};

        print_message("  %zu bytes\n", lengths[i]);
        text_printf(&name, "t%zu.null.test", i);
        for (size_t j = 0; j < lengths[i]; j++)
            text_add_char(&text, (char)('a' + j % 23));
        zones_add_txt(world.zones, text_slice(&name), text_slice(&text));
        ask_and_run(&asker, text_string(&name), DNS_TXT);
        assert_int_equal(asker.status, DNS_OK);
        text_add_char(&text, ';');
        assert_true(slice_equals(text_slice(&asker.seen), text_slice(&text)));
        text_release(&name);
        text_release(&text);
    }
    text_release(&asker.seen);
    world_free(&world);
}

/* ---- failures ---- */

static void
a_failing_zone_fails_for_all_its_names_until_it_recovers(void **state)
{
    static const struct {
        const char *failing;
        enum dns_status failure;
        const char *asked;
        enum dns_status status;
        int64_t after_us;
    } cases[] = {
        {"bigmail.test",     DNS_SERVFAIL,  "bigmail.test",         DNS_SERVFAIL,  DELAY_US},
        {"bigmail.test",     DNS_SERVFAIL,  "no.such.bigmail.test", DNS_SERVFAIL,  DELAY_US},
        {"bigmail.test",     DNS_TIMED_OUT, "bigmail.test",         DNS_TIMED_OUT,
         RESOLVER_SIM_TIMEOUT_S * US_PER_S                                                 },
        {"bigmail.test",     DNS_NO_NAME,   "bigmail.test",         DNS_NO_NAME,   DELAY_US},
        {"bigmail.test",     DNS_NO_DATA,   "bigmail.test",         DNS_NO_DATA,   DELAY_US},
        {"bigmail.test",     DNS_SERVFAIL,  "sub.bigmail.test",     DNS_OK,        DELAY_US},
        {"sub.bigmail.test", DNS_SERVFAIL,  "bigmail.test",         DNS_OK,        DELAY_US},
        {"BIGMAIL.test.",    DNS_OK,        "bigmail.test",         DNS_OK,        DELAY_US},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world world = world_of(state);
        struct asker asker = {.world = &world};

        print_message("  %s: %s\n", cases[i].failing, dns_status_name(cases[i].failure));
        zones_fail_zone(world.zones, slice_of(cases[i].failing), cases[i].failure);
        ask_and_run(&asker, cases[i].asked, DNS_MX);
        assert_int_equal(asker.status, cases[i].status);
        assert_true(world.is_net || asker.at_us == cases[i].after_us);
        zones_fail_zone(world.zones, slice_of(cases[i].failing), DNS_OK);
        ask_and_run(&asker, "bigmail.test", DNS_MX);
        assert_int_equal(asker.status, DNS_OK);
        text_release(&asker.seen);
        world_free(&world);
    }
}

static void
recovery_does_not_help_who_has_asked_before(void **state)
{
    struct world world = world_new(false, 1);
    struct asker asker = {.world = &world};

    zones_fail_zone(world.zones, SLICE("bigmail.test"), DNS_SERVFAIL);
    ask(&asker, "bigmail.test", DNS_MX);
    zones_fail_zone(world.zones, SLICE("bigmail.test"), DNS_OK);
    run_for(&world, 1);
    assert_int_equal(asker.status, DNS_SERVFAIL);
    world_free(&world);
}

static void
without_a_root_what_is_outside_is_not_there(void **state)
{
    struct world world = world_new(false, 1);
    struct asker asker = {.world = &world};

    ask_and_run(&asker, "", DNS_MX);
    assert_int_equal(asker.status, DNS_NO_NAME);
    ask_and_run(&asker, "elsewhere.example", DNS_MX);
    assert_int_equal(asker.status, DNS_NO_NAME);
    world_free(&world);
}

static void
a_slow_zone_answers_later(void **state)
{
    struct world world = world_of(state);
    struct asker asker = {.world = &world};

    zones_delay_zone(world.zones, SLICE("bigmail.test"), 20 * US_PER_MS);
    ask_and_run(&asker, "bigmail.test", DNS_MX);
    assert_int_equal(asker.status, DNS_OK);
    assert_true(asker.at_us >= 20 * US_PER_MS);
    assert_true(world.is_net || asker.at_us == 20 * US_PER_MS + DELAY_US);
    text_release(&asker.seen);
    world_free(&world);
}

/* ---- many at once, and going away ---- */

static void
a_thousand_questions_at_once_are_all_answered(void **state)
{
    struct world world = world_of(state);
    struct asker *askers = calloc(QUERIES_COUNT, sizeof *askers);

    for (int i = 0; i < QUERIES_COUNT; i++) {
        struct text name = {0};

        text_printf(&name, "d%d.null.test", i);
        zones_add_mx(world.zones, text_slice(&name), (uint16_t)i, SLICE("mx.null.test"));
        askers[i].world = &world;
        ask(&askers[i], text_string(&name), DNS_MX);
        text_release(&name);
    }
    run_for(&world, QUERIES_COUNT);
    for (int i = 0; i < QUERIES_COUNT; i++) {
        struct text expected = {0};

        text_printf(&expected, "%d mx.null.test;", i);
        assert_int_equal(askers[i].answers_count, 1);
        assert_string_equal(text_string(&askers[i].seen), text_string(&expected));
        text_release(&expected);
        text_release(&askers[i].seen);
    }
    free(askers);
    world_free(&world);
}

static void
a_cancelled_query_says_nothing(void **state)
{
    struct world world = world_of(state);
    struct asker asker = {.world = &world};
    struct query *queries[3];

    for (int i = 0; i < 3; i++)
        queries[i] = ask(&asker, "bigmail.test", DNS_MX);
    query_cancel(&queries[1]);
    assert_null(queries[1]);
    query_cancel(&queries[1]);
    run_for(&world, 2);
    run_ms(&world, 20);
    assert_int_equal(asker.answers_count, 2);
    ask(&asker, "bigmail.test", DNS_MX);
    text_release(&asker.seen);
    world_free(&world); /* with a question open */
}

/* At every moment of its life: not sent, on its way, answered but not told. */
static void
a_query_can_be_cancelled_at_any_time(void **state)
{
    struct world world = world_of(state);
    struct asker asker = {.world = &world}, other = {.world = &world};

    zones_delay_zone(world.zones, SLICE("null.test"), 3 * US_PER_MS);
    for (int64_t ms = 0; ms < 8; ms++) {
        struct query *cancelled[2] = {
            ask(&asker, "null.test", DNS_ADDRESS), ask(&asker, "a\\b", DNS_MX)};

        ask(&other, "null.test", DNS_MX);
        if (ms > 0)
            query_cancel(&cancelled[1]);
        if (ms > 0)
            run_ms(&world, ms);
        if (asker.answers_count == 0)
            query_cancel(&cancelled[0]);
        if (ms == 0)
            query_cancel(&cancelled[1]);
        asker.answers_count = 0;
        run_ms(&world, 30);
        assert_int_equal(asker.answers_count, 0);
    }
    assert_int_equal(other.answers_count, 8);
    text_release(&asker.seen);
    text_release(&other.seen);
    world_free(&world);
}

struct leaver {
    struct world *world;
    struct query *others[3];
    int answers_count;
};

static void
cancel_the_others(void *arg, const struct dns_answer *answer)
{
    struct leaver *leaver = arg;

    leaver->answers_count++;
    for (size_t i = 0; i < COUNT_OF(leaver->others); i++)
        query_cancel(&leaver->others[i]);
}

static void
leave(void *arg, const struct dns_answer *answer)
{
    struct leaver *leaver = arg;

    leaver->answers_count++;
    resolver_free(&leaver->world->resolver);
    loop_stop(leaver->world->loop);
}

static void
an_answer_may_cancel_other_queries(void **state)
{
    struct world world = world_of(state);
    struct leaver leaver = {.world = &world};
    struct asker asker = {.world = &world};

    zones_delay_zone(world.zones, SLICE("null.test"), 10 * US_PER_MS);
    resolver_query(
        world.resolver, SLICE("mx1.bigmail.test"), DNS_ADDRESS, cancel_the_others, &leaver);
    for (size_t i = 0; i < COUNT_OF(leaver.others); i++)
        leaver.others[i] = ask(&asker, "null.test", (enum dns_type)i);
    run_ms(&world, 50);
    assert_int_equal(leaver.answers_count, 1);
    assert_int_equal(asker.answers_count, 0);
    world_free(&world);
}

static void
an_answer_may_end_the_resolver(void **state)
{
    struct world world = world_of(state);
    struct leaver leaver = {.world = &world};

    for (int i = 0; i < 100; i++)
        resolver_query(world.resolver, SLICE("mx1.bigmail.test"), DNS_ADDRESS, leave, &leaver);
    run_ms(&world, 1000);
    assert_null(world.resolver);
    run_ms(&world, 20);
    assert_int_equal(leaver.answers_count, 1);
    if (!world.is_net)
        world.zones = NULL;
    world_free(&world);
}

static void
statuses_have_names(void **state)
{
    assert_string_equal(dns_status_name(DNS_OK), "ok");
    assert_string_equal(dns_status_name(DNS_TIMED_OUT), "timeout");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_BOTH_WORLDS(every_question_has_its_answer),
        IN_BOTH_WORLDS(a_name_too_long_is_not_there),
        IN_BOTH_WORLDS(records_are_told_as_often_as_they_are_there),
        IN_BOTH_WORLDS(a_text_of_any_length_is_one),
        IN_BOTH_WORLDS(a_failing_zone_fails_for_all_its_names_until_it_recovers),
        cmocka_unit_test(recovery_does_not_help_who_has_asked_before),
        cmocka_unit_test(without_a_root_what_is_outside_is_not_there),
        IN_BOTH_WORLDS(a_slow_zone_answers_later),
        IN_BOTH_WORLDS(a_thousand_questions_at_once_are_all_answered),
        IN_BOTH_WORLDS(a_cancelled_query_says_nothing),
        IN_BOTH_WORLDS(a_query_can_be_cancelled_at_any_time),
        IN_BOTH_WORLDS(an_answer_may_cancel_other_queries),
        IN_BOTH_WORLDS(an_answer_may_end_the_resolver),
        cmocka_unit_test(statuses_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
