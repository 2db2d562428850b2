/* test_shaping.c - which MX rule and which scopes hold. */
#include "tests/unit.h"

#include "mta/controller_parts.h"
#include "mta/shaping.h"

enum { RULES_COUNT = 5 };

static void
the_first_rule_that_fits_is_taken(void **state)
{
    const struct mx_rule rules[RULES_COUNT] = {
        {.host = SLICE("*.bigmail.test"), .domain = SLICE("vip.test"), .connections = 1},
        {.host = SLICE("*.bigmail.test"),                               .connections = 2                           },
        {.domain = SLICE("*.org.test"),                               .connections = 3  },
        {.domain = SLICE("a?.test"),                               .connections = 4                              },
        {.host = SLICE("MX1.OTHER.test"),                               .connections = 5},
    };
    const struct mta_config config = {.mx_rules = rules, .mx_rules_count = RULES_COUNT};
    static const struct {
        const char *domain, *hosts[3];
        uint32_t connections;
    } cases[] = {
        {"vip.test",   {"mx1.bigmail.test"},                  1 },
        {"VIP.Test",   {"MX1.BigMail.test"},                  1 },
        {"vip.test",   {"mx1.else.test"},                     20},
        {"news.test",  {"mx1.bigmail.test"},                  2 },
        {"news.test",  {"mx1.else.test", "mx9.bigmail.test"}, 2 }, /* any host of the site */
        {"x.org.test", {"mx1.bigmail.test"},                  2 }, /* first match wins */
        {"x.org.test", {"mx1.else.test"},                     3 },
        {"org.test",   {"mx1.else.test"},                     20},
        {"ab.test",    {"mx1.else.test"},                     4 },
        {"abc.test",   {"mx1.else.test"},                     20},
        {"abc.test",   {"bigmail.test"},                      20},
        {"abc.test",   {"mx1.other.test"},                    5 },
        {"abc.test",   {NULL},                                20}, /* no host at all */
        {"ab.test",    {NULL},                                4 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice hosts[3];
        size_t count = 0;

        while (count < 3 && cases[i].hosts[count] != NULL) {
            hosts[count] = slice_of(cases[i].hosts[count]);
            count++;
        }
        print_message("  %s at %s\n", cases[i].domain, count > 0 ? cases[i].hosts[0] : "-");
        assert_int_equal(mx_rule_for(&config, slice_of(cases[i].domain), hosts, count)->connections,
            cases[i].connections);
    }
}

static void
without_rules_there_is_the_default(void **state)
{
    const struct mta_config config = mta_config_default();
    const struct slice host = SLICE("mx.isp.test");

    assert_ptr_equal(mx_rule_for(&config, SLICE("isp.test"), &host, 1), &mx_rule_default);
}

static void
one_connection_for_each_twenty_up_to_the_rule(void **state)
{
    static const struct {
        uint32_t waiting_count, wanted;
    } cases[] = {
        {0,          0},
        {1,          1},
        {20,         1},
        {21,         2},
        {40,         2},
        {41,         3},
        {100,        5},
        {101,        5},
        {UINT32_MAX, 5},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(controller_worth(cases[i].waiting_count, 5), cases[i].wanted);
}

/* --- scopes ---------------------------------------------------------------------------------- */

/* Each scope says its own number, from wide to narrow, except for the patterns. */
static void
the_narrowest_scope_wins(void **state)
{
    static const struct {
        const char *domain; /* NULL: any */
        bool is_of_news;
        uint32_t source; /* MX_NO_SOURCE: any */
    } rows[] = {
        {NULL,       false, MX_NO_SOURCE}, /* 101, … */
        {"*.test",   false, MX_NO_SOURCE},
        {"b?.test",  false, MX_NO_SOURCE}, /* 103: stands behind the one above */
        {"big.test", false, MX_NO_SOURCE},
        {NULL,       true,  MX_NO_SOURCE}, /* 105 */
        {NULL,       false, 1           },
        {NULL,       true,  2           },
        {NULL,       false, 2           },
        {"big.test", true,  MX_NO_SOURCE}, /* 109 */
        {"big.test", false, 1           },
        {"*.test",   true,  1           }, /* 111 */
    };
    static const struct pool_member members[] = {{.weight = 1}};
    const struct pool news = {SLICE("news"), members, 1}, other = {SLICE("other"), members, 1};
    struct mx_scope scopes[COUNT_OF(rows)] = {0};
    const struct {
        const char *domain;
        const struct pool *pool;
        uint32_t source;
        bool is_said; /* by the MX rule: 7 */
        uint32_t connections;
    } cases[] = {
        {"a.example", &other, 0,            false, 101},
        {"a.example", &other, 0,            true,  7  },
        {"be.test",   &other, 0,            true,  102},
        {"big.test",  &other, 0,            true,  104},
        {"a.example", &news,  0,            true,  105},
        {"be.test",   &news,  0,            true,  105},
        {"a.example", &other, 1,            true,  106},
        {"be.test",   &other, 1,            true,  106},
        {"a.example", &news,  2,            true,  107},
        {"a.example", &other, 2,            true,  108},
        {"be.test",   &other, 2,            true,  108},
        {"big.test",  &news,  0,            true,  109},
        {"big.test",  &news,  2,            true,  109},
        {"big.test",  &other, 1,            true,  110},
        {"big.test",  &news,  1,            true,  111},
        {"be.test",   &news,  1,            true,  111},
        {"be.test",   &other, MX_NO_SOURCE, true,  102},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        scopes[i] = (struct mx_scope){
            .domain = rows[i].domain != NULL ? slice_of(rows[i].domain) : SLICE(""),
            .pool = rows[i].is_of_news ? &news : NULL,
            .is_of_source = rows[i].source != MX_NO_SOURCE,
            .source = rows[i].source,
            .values = {.connections = 101 + (uint32_t)i, .given = OPTION_CONNECTIONS}
        };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct mx_rule rule = {
            .connections = 7, .given = cases[i].is_said ? OPTION_CONNECTIONS : 0};
        const struct mx_scope *fitting[COUNT_OF(rows)];
        size_t count = 0;

        for (size_t j = 0; j < COUNT_OF(rows); j++)
            if (mx_scope_fits(&scopes[j], slice_of(cases[i].domain)))
                fitting[count++] = &scopes[j];
        print_message(
            "  %s from %s, %d\n", cases[i].domain, cases[i].pool->name.at, (int)cases[i].source);
        assert_int_equal(mx_terms_resolve(&rule, fitting, count, cases[i].pool, cases[i].source)
                             .rule.connections,
            cases[i].connections);
    }
}

/* Each option is looked for by itself. */
static void
options_come_from_different_scopes(void **state)
{
    const struct mx_rule quota = {
        .messages_per_hour = 500, .shape = HOUR_EVEN, .given = OPTION_MESSAGES_PER_HOUR};
    const struct mx_rule secret = {.tls = TLS_POLICY_REQUIRED, .given = OPTION_TLS};
    const struct mx_rule narrow = {.path_connections = 2, .given = OPTION_PATH};
    const struct mx_scope everything = {.values = quota};
    const struct mx_scope of_domain = {.domain = SLICE("big.test"), .values = secret};
    const struct mx_scope of_source = {.is_of_source = true, .source = 3, .values = narrow};
    const struct mx_scope *const all[] = {&everything, &of_domain, &of_source};
    struct mx_rule rule = mx_rule_default;
    struct mx_terms terms;

    rule.given = OPTION_CONNECTIONS;
    rule.connections = 9;
    terms = mx_terms_resolve(&rule, all, 3, NULL, 3);
    assert_int_equal(terms.rule.connections, 9);
    assert_null(terms.connections_of);
    assert_int_equal(terms.rule.messages_per_hour, 500);
    assert_int_equal(terms.rule.shape, HOUR_EVEN);
    assert_ptr_equal(terms.hour_of, &everything);
    assert_int_equal(terms.rule.tls, TLS_POLICY_REQUIRED);
    assert_int_equal(terms.rule.path_connections, 2);
    assert_int_equal(terms.rule.messages_per_connection, 100);
    assert_int_equal(mx_terms_resolve(&rule, all, 3, NULL, 4).rule.path_connections, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_fits_is_taken),
        cmocka_unit_test(without_rules_there_is_the_default),
        cmocka_unit_test(one_connection_for_each_twenty_up_to_the_rule),
        cmocka_unit_test(the_narrowest_scope_wins),
        cmocka_unit_test(options_come_from_different_scopes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
