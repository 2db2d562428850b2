/* test_resolver.c - simulated DNS: zones, what is not there, and failures. */
#include "tests/unit.h"

#include "base/resolver_sim.h"

enum { DELAY_US = 2000 };

struct asker {
    struct loop *loop;
    struct resolver *resolver;
    int answers_count;
    int64_t at_us;
    enum dns_status status;
    struct text seen; /* the records, one after the other */
};

static void
on_answer(void *arg, const struct dns_answer *answer)
{
    struct asker *asker = arg;

    asker->answers_count++;
    asker->at_us = loop_now_us(asker->loop);
    asker->status = answer->status;
    assert_true(
        answer->status != DNS_OK || answer->ttl_us == RESOLVER_SIM_TTL_S * INT64_C(1000000));
    text_clear(&asker->seen);
    for (size_t i = 0; i < answer->mx_count; i++)
        text_printf(
            &asker->seen, "%d %.*s;", answer->mx[i].preference, SLICE_ARGS(answer->mx[i].host));
    for (size_t i = 0; i < answer->addresses_count; i++) {
        assert_int_equal(answer->addresses[i].port, 0);
        net_address_format(&asker->seen, &answer->addresses[i]);
        text_add_char(&asker->seen, ';');
    }
    for (size_t i = 0; i < answer->texts_count; i++)
        text_printf(&asker->seen, "%.*s;", SLICE_ARGS(answer->texts[i]));
}

static void
run(struct asker *asker)
{
    struct error err;

    assert_true(loop_run(asker->loop, INT64_MAX, &err));
}

static struct asker
asker_new(void)
{
    struct asker asker = {.loop = loop_sim_new(0)};
    struct net_address v4, v6;
    struct resolver *r = resolver_sim_new(asker.loop, DELAY_US);

    asker.resolver = r;
    assert_true(net_address_parse(SLICE("192.0.2.1"), &v4));
    assert_true(net_address_parse(SLICE("2001:db8::1"), &v6));
    v4.port = 25;
    resolver_sim_add_zone(r, SLICE("BigMail.test."));
    resolver_sim_add_zone(r, SLICE("sub.bigmail.test"));
    resolver_sim_add_zone(r, SLICE("null.test"));
    resolver_sim_add_mx(r, SLICE("bigmail.test"), 20, SLICE("MX2.BigMail.test."));
    resolver_sim_add_mx(r, SLICE("bigmail.test."), 10, SLICE("mx1.bigmail.test"));
    resolver_sim_add_address(r, SLICE("mx1.bigmail.test"), &v4);
    resolver_sim_add_address(r, SLICE("mx1.bigmail.test"), &v6);
    resolver_sim_add_txt(r, SLICE("k1._domainkey.bigmail.test"), SLICE("v=DKIM1; p=AbC"));
    resolver_sim_add_mx(r, SLICE("sub.bigmail.test"), 5, SLICE("mx1.bigmail.test"));
    resolver_sim_add_mx(r, SLICE("null.test"), 0, SLICE("."));
    return asker;
}

static void
asker_free(struct asker *asker)
{
    text_release(&asker->seen);
    resolver_free(&asker->resolver);
    loop_free(&asker->loop);
}

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
        {"",                           DNS_MX,      DNS_NO_NAME, ""                                        },
        {".",                          DNS_MX,      DNS_NO_NAME, ""                                        },
        {"..",                         DNS_MX,      DNS_NO_NAME, ""                                        },
    };
    struct asker asker = asker_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t asked_at_us = loop_now_us(asker.loop);

        print_message("  %s\n", cases[i].name);
        asker.answers_count = 0;
        resolver_query(asker.resolver, slice_of(cases[i].name), cases[i].type, on_answer, &asker);
        assert_int_equal(asker.answers_count, 0); /* never inside the call */
        run(&asker);
        assert_int_equal(asker.answers_count, 1);
        assert_int_equal(asker.status, cases[i].status);
        assert_string_equal(text_string(&asker.seen), cases[i].seen);
        assert_int_equal(asker.at_us, asked_at_us + DELAY_US);
    }
    asker_free(&asker);
}

static void
a_name_too_long_is_not_there(void **state)
{
    struct asker asker = asker_new();
    struct text name = {0};

    text_add_repeated(&name, 'a', 300);
    text_add_string(&name, ".bigmail.test");
    resolver_query(asker.resolver, text_slice(&name), DNS_MX, on_answer, &asker);
    run(&asker);
    assert_int_equal(asker.status, DNS_NO_NAME);
    text_release(&name);
    asker_free(&asker);
}

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
         RESOLVER_SIM_TIMEOUT_S * INT64_C(1000000)                                         },
        {"bigmail.test",     DNS_NO_NAME,   "bigmail.test",         DNS_NO_NAME,   DELAY_US},
        {"bigmail.test",     DNS_SERVFAIL,  "sub.bigmail.test",     DNS_OK,        DELAY_US},
        {"sub.bigmail.test", DNS_SERVFAIL,  "bigmail.test",         DNS_OK,        DELAY_US},
        {"BIGMAIL.test.",    DNS_OK,        "bigmail.test",         DNS_OK,        DELAY_US},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asker asker = asker_new();

        resolver_sim_fail_zone(asker.resolver, slice_of(cases[i].failing), cases[i].failure);
        resolver_query(asker.resolver, slice_of(cases[i].asked), DNS_MX, on_answer, &asker);
        resolver_sim_fail_zone(asker.resolver, slice_of(cases[i].failing), DNS_OK);
        run(&asker); /* recovery does not help who has asked before */
        assert_int_equal(asker.status, cases[i].status);
        assert_int_equal(asker.at_us, cases[i].after_us);
        resolver_query(asker.resolver, SLICE("bigmail.test"), DNS_MX, on_answer, &asker);
        run(&asker);
        assert_int_equal(asker.status, DNS_OK);
        asker_free(&asker);
    }
}

static void
a_cancelled_query_says_nothing(void **state)
{
    struct asker asker = asker_new();
    struct query *queries[3];

    for (int i = 0; i < 3; i++)
        queries[i] =
            resolver_query(asker.resolver, SLICE("bigmail.test"), DNS_MX, on_answer, &asker);
    query_cancel(&queries[1]);
    assert_null(queries[1]);
    query_cancel(&queries[1]);
    run(&asker);
    assert_int_equal(asker.answers_count, 2);
    resolver_query(asker.resolver, SLICE("bigmail.test"), DNS_MX, on_answer, &asker);
    asker_free(&asker); /* with a question open */
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
        cmocka_unit_test(every_question_has_its_answer),
        cmocka_unit_test(a_name_too_long_is_not_there),
        cmocka_unit_test(a_failing_zone_fails_for_all_its_names_until_it_recovers),
        cmocka_unit_test(a_cancelled_query_says_nothing),
        cmocka_unit_test(statuses_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
