/* test_route.c - which hosts take mail for a domain. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/resolver_sim.h"
#include "base/unit.h"
#include "mta/route.h"
#include "mta/shaping.h"

enum { DELAY_US = 20000, DOMAINS_MAX = 16 };

/* A resolver in front of the resolver: counts what is asked. */
struct counting_resolver {
    struct resolver base;
    struct resolver *inner;
    int asked_count;
};

struct world {
    struct loop *loop;
    struct resolver *zones;
    struct counting_resolver resolver;
    struct journal *journal;
    struct mx_rule rules[2];
    struct mta_config config;
    struct route *route;
    const char *domains[DOMAINS_MAX]; /* by the number we gave them */
    uint32_t domains_count;
    int told_count[DOMAINS_MAX];
    int64_t told_at_us;
    bool is_in_call;
    struct error err;
};

static struct query *
count_query(
    struct resolver *resolver, struct slice name, enum dns_type type, answer_fn *fn, void *arg)
{
    struct counting_resolver *counting = (struct counting_resolver *)resolver;

    counting->asked_count++;
    return resolver_query(counting->inner, name, type, fn, arg);
}

static void
on_route(void *arg, uint32_t domain)
{
    struct world *w = arg;

    assert_false(w->is_in_call);
    assert_true(domain < w->domains_count);
    w->told_count[domain]++;
    w->told_at_us = loop_now_us(w->loop);
}

static void
world_start(struct world *w)
{
    static const struct resolver_door door = {.query = count_query};

    memset(w, 0, sizeof *w);
    w->loop = loop_sim_new(0);
    w->zones = resolver_sim_new(w->loop, DELAY_US);
    w->resolver = (struct counting_resolver){.base = {&door}, .inner = w->zones};
    w->journal = journal_new();
    w->rules[0] = mx_rule_default;
    w->rules[0].domain = SLICE("slow*.test");
    w->rules[1] = mx_rule_default;
    w->rules[1].host = SLICE("*.big.test");
    w->config = mta_config_default();
    w->config.mx_rules = w->rules;
    w->config.mx_rules_count = COUNT_OF(w->rules);
    w->route = route_new(&w->config, w->loop, &w->resolver.base, w->journal, on_route, w);
}

static void
world_stop(struct world *w)
{
    route_free(&w->route);
    assert_null(w->route);
    resolver_free(&w->zones);
    journal_free(&w->journal);
    loop_free(&w->loop);
}

static void
add_mx(struct world *w, const char *domain, uint16_t preference, const char *host)
{
    resolver_sim_add_zone(w->zones, slice_of(domain));
    resolver_sim_add_mx(w->zones, slice_of(domain), preference, slice_of(host));
}

static void
add_address(struct world *w, const char *zone, const char *host, const char *ip)
{
    struct net_address address = {0};

    assert_true(net_address_parse(slice_of(ip), &address));
    resolver_sim_add_zone(w->zones, slice_of(zone));
    resolver_sim_add_address(w->zones, slice_of(host), &address);
}

static void
pass(struct world *w, int64_t us)
{
    if (!loop_run(w->loop, loop_now_us(w->loop) + us, &w->err))
        fail_msg("%s", w->err.text);
}

static uint32_t
number_of(struct world *w, const char *domain)
{
    for (uint32_t i = 0; i < w->domains_count; i++)
        if (strcmp(w->domains[i], domain) == 0)
            return i;
    assert_true(w->domains_count < DOMAINS_MAX);
    w->domains[w->domains_count] = domain;
    return w->domains_count++;
}

static struct route_answer
ask(struct world *w, const char *domain)
{
    struct route_answer answer;

    w->is_in_call = true;
    answer = route_find(w->route, number_of(w, domain), slice_of(domain));
    w->is_in_call = false;
    return answer;
}

/* What is known in the end. */
static struct route_answer
find(struct world *w, const char *domain)
{
    if (ask(w, domain).status == ROUTE_PENDING)
        pass(w, 30 * (int64_t)US_PER_S);
    assert_int_not_equal(ask(w, domain).status, ROUTE_PENDING);
    return ask(w, domain);
}

/* "0 mx1.big.test 192.0.2.1 192.0.2.2;10 mx2.big.test 192.0.2.3;" */
static void
assert_hosts(const struct route_answer *answer, const char *expected)
{
    struct text text = {0};

    assert_int_equal(answer->status, ROUTE_SITE);
    for (size_t i = 0; i < answer->site->hosts_count; i++) {
        const struct route_host *host = &answer->site->hosts[i];

        text_printf(&text, "%u %.*s", (unsigned)host->preference, SLICE_ARGS(host->name));
        for (size_t j = 0; j < host->addresses_count; j++) {
            text_add_char(&text, ' ');
            net_address_format(&text, &host->addresses[j]);
            assert_int_equal(host->addresses[j].port, 25);
        }
        text_add_char(&text, ';');
    }
    assert_slice(text_slice(&text), expected);
    text_release(&text);
}

static void
hosts_stand_by_preference_then_by_name(void **state)
{
    static struct world w;
    struct route_answer answer;

    world_start(&w);
    add_mx(&w, "isp.test", 20, "b.isp.test");
    add_mx(&w, "isp.test", 10, "z.isp.test");
    add_mx(&w, "isp.test", 20, "a.isp.test");
    add_mx(&w, "isp.test", 5, "m.isp.test");
    add_address(&w, "isp.test", "a.isp.test", "192.0.2.1");
    add_address(&w, "isp.test", "b.isp.test", "192.0.2.2");
    add_address(&w, "isp.test", "m.isp.test", "192.0.2.3");
    add_address(&w, "isp.test", "m.isp.test", "2001:db8::3");
    add_address(&w, "isp.test", "z.isp.test", "192.0.2.4");
    answer = find(&w, "isp.test");
    assert_hosts(&answer,
        "5 m.isp.test 192.0.2.3 2001:db8::3;10 z.isp.test 192.0.2.4;20 a.isp.test 192.0.2.1;"
        "20 b.isp.test 192.0.2.2;");
    assert_int_equal(w.told_count[0], 1);
    assert_int_equal(w.told_at_us, 2 * DELAY_US); /* all addresses are asked for at once */
    assert_int_equal(w.resolver.asked_count, 5);
    assert_slice(journal_name_text(w.journal, answer.site->hosts[0].journal_name), "m.isp.test");
    assert_ptr_equal(answer.site->rule, &mx_rule_default);
    world_stop(&w);
}

/* One row is one domain; it is asked in a world that has just these records. */
static void
what_dns_says_is_what_we_do(void **state)
{
    static const struct {
        const char *name;
        const char *mx[2]; /* hosts; "-": the zone is there, without MX */
        const char *addresses[2][2];
        enum route_status status;
        int code;
        const char *hosts;
    } cases[] = {
        {"no such domain",                                          {NULL},                   {{NULL}},                    ROUTE_FAIL,  554, ""                     },
        {"null MX",                                                 {"."},                    {{NULL}},                    ROUTE_FAIL,  550, ""                     },
        {"null MX, although the domain has an address",             {"."},                    {{"d.test", "192.0.2.9"}},
         ROUTE_FAIL,                                                                                                                    550, ""                     },
        {"no MX, but an address: the implicit MX",                  {"-"},                    {{"d.test", "192.0.2.9"}},   ROUTE_SITE,  0,
         "0 d.test 192.0.2.9;"                                                                                                                                      },
        {"neither MX nor address",                                  {"-"},                    {{NULL}},                    ROUTE_DEFER, 454, ""                     },
        {"an MX without an address",                                {"a.d.test"},             {{NULL}},                    ROUTE_DEFER, 454, ""                     },
        {"an MX in a domain that is not there",                     {"a.gone.test"},          {{NULL}},                    ROUTE_DEFER, 454, ""                     },
        {"an MX is final: the domain's own address does not count", {"a.d.test"},
         {{"d.test", "192.0.2.9"}},                                                                                        ROUTE_DEFER, 454, ""                     },
        {"hosts without an address are left out",                   {"a.d.test", "b.d.test"},
         {{"b.d.test", "192.0.2.2"}},                                                                                      ROUTE_SITE,  0,   "1 b.d.test 192.0.2.2;"},
        {"a null MX beside another is no null MX",                  {".", "b.d.test"},        {{"b.d.test", "192.0.2.2"}},
         ROUTE_SITE,                                                                                                                    0,   "1 b.d.test 192.0.2.2;"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;
        struct route_answer answer;

        print_message("  %s\n", cases[i].name);
        world_start(&w);
        for (uint16_t j = 0; j < 2 && cases[i].mx[j] != NULL; j++) {
            if (strcmp(cases[i].mx[j], "-") == 0)
                resolver_sim_add_zone(w.zones, SLICE("d.test"));
            else
                add_mx(&w, "d.test", j, cases[i].mx[j]);
        }
        for (size_t j = 0; j < 2 && cases[i].addresses[j][0] != NULL; j++)
            add_address(&w, "d.test", cases[i].addresses[j][0], cases[i].addresses[j][1]);
        answer = find(&w, "d.test");
        assert_int_equal(answer.status, cases[i].status);
        if (answer.status == ROUTE_SITE) {
            assert_hosts(&answer, cases[i].hosts);
        } else {
            assert_int_equal(answer.reply.code, cases[i].code);
            assert_int_equal(answer.reply.enhanced.class, answer.reply.code / 100);
            assert_true(answer.reply.text.length > 0);
        }
        assert_int_equal(w.told_count[0], 1);
        world_stop(&w);
    }
}

static void
trouble_with_dns_defers(void **state)
{
    static const struct {
        const char *zone; /* that fails: of the domain, or of its host */
        enum dns_status failure;
        const char *text;
    } cases[] = {
        {"d.test",    DNS_SERVFAIL,  "DNS failure: SERVFAIL"},
        {"d.test",    DNS_TIMED_OUT, "no answer from DNS"   },
        {"host.test", DNS_SERVFAIL,  "DNS failure: SERVFAIL"},
        {"host.test", DNS_TIMED_OUT, "no answer from DNS"   },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;
        struct route_answer answer;

        print_message("  %s %s\n", cases[i].zone, dns_status_name(cases[i].failure));
        world_start(&w);
        add_mx(&w, "d.test", 1, "mx.host.test");
        add_address(&w, "host.test", "mx.host.test", "192.0.2.1");
        resolver_sim_fail_zone(w.zones, slice_of(cases[i].zone), cases[i].failure);
        answer = find(&w, "d.test");
        assert_int_equal(answer.status, ROUTE_DEFER);
        assert_int_equal(answer.reply.code, 451);
        assert_slice(answer.reply.text, cases[i].text);
        resolver_sim_fail_zone(w.zones, slice_of(cases[i].zone), DNS_OK);
        pass(&w, 30 * (int64_t)US_PER_S); /* so long it is not asked again */
        answer = find(&w, "d.test");
        assert_hosts(&answer, "1 mx.host.test 192.0.2.1;");
        world_stop(&w);
    }
}

static void
a_host_in_trouble_does_not_hide_the_others(void **state)
{
    static struct world w;
    struct route_answer answer;

    world_start(&w);
    add_mx(&w, "d.test", 1, "mx.dark.test");
    add_mx(&w, "d.test", 2, "mx.host.test");
    add_address(&w, "dark.test", "mx.dark.test", "192.0.2.1");
    add_address(&w, "host.test", "mx.host.test", "192.0.2.2");
    resolver_sim_fail_zone(w.zones, SLICE("dark.test"), DNS_TIMED_OUT);
    answer = find(&w, "d.test");
    assert_hosts(&answer, "2 mx.host.test 192.0.2.2;");
    resolver_sim_fail_zone(w.zones, SLICE("dark.test"), DNS_OK);
    pass(&w, RESOLVER_SIM_TTL_S * (int64_t)US_PER_S);
    find(&w, "d.test"); /* the same site, whose hosts are laid out anew */
    assert_hosts(&answer, "1 mx.dark.test 192.0.2.1;2 mx.host.test 192.0.2.2;");
    world_stop(&w);
}

/* Siblings share connections, unless a scope tells them apart. */
static void
siblings_that_scopes_fit_alike_are_one_site(void **state)
{
    static const struct {
        const char *domain;
        uint32_t site;
        size_t scopes_count;
    } cases[] = {
        {"a.test",    0, 1},
        {"b.test",    0, 1},
        {"own.test",  1, 2},
        {"a.uk.test", 2, 2},
        {"b.uk.test", 2, 2},
    };
    const struct mx_rule quiet = {.connections = 1, .given = OPTION_CONNECTIONS};
    const struct mx_scope scopes[] = {
        {.domain = SLICE("own.test"), .values = quiet},
        {.values = quiet            },
        {.domain = SLICE("*.uk.test"),            .values = quiet               },
    };
    static struct world w;

    world_start(&w);
    w.config.scopes = scopes;
    w.config.scopes_count = COUNT_OF(scopes);
    add_address(&w, "big.test", "mx1.big.test", "192.0.2.1");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct route_answer answer;

        print_message("  %s\n", cases[i].domain);
        add_mx(&w, cases[i].domain, 10, "mx1.big.test");
        answer = find(&w, cases[i].domain);
        assert_int_equal(answer.status, ROUTE_SITE);
        assert_int_equal(answer.site->number, cases[i].site);
        assert_int_equal(answer.site->scopes_count, cases[i].scopes_count);
    }
    world_stop(&w);
}

static void
domains_with_the_same_hosts_and_rule_are_one_site(void **state)
{
    static const struct {
        const char *domain;
        uint16_t preferences[2];
        const char *hosts[2];
        uint32_t site;
    } cases[] = {
        {"a.test",     {10, 20}, {"mx1.big.test", "mx2.big.test"}, 0},
        {"b.test",     {10, 20}, {"mx1.big.test", "mx2.big.test"}, 0},
        {"c.test",     {1, 2},   {"mx1.big.test", "mx2.big.test"}, 0}, /* the order counts */
        {"d.test",     {2, 1},   {"mx2.big.test", "mx1.big.test"}, 0},
        {"e.test",     {1, 2},   {"MX1.BIG.test", "mx2.big.test"}, 0}, /* not the case */
        {"f.test",     {2, 1},   {"mx1.big.test", "mx2.big.test"}, 1},
        {"g.test",     {5, 5},   {"mx1.big.test", "mx2.big.test"}, 2}, /* equals */
        {"h.test",     {1, 1},   {"mx2.big.test", "mx1.big.test"}, 2},
        {"i.test",     {1, 0},   {"mx1.big.test", NULL},           3}, /* fewer */
        {"slow.test",  {10, 20}, {"mx1.big.test", "mx2.big.test"}, 4}, /* another rule */
        {"slow2.test", {10, 20}, {"mx1.big.test", "mx2.big.test"}, 4},
    };
    static struct world w;

    world_start(&w);
    add_address(&w, "big.test", "mx1.big.test", "192.0.2.1");
    add_address(&w, "big.test", "mx2.big.test", "192.0.2.2");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct route_answer answer;

        print_message("  %s\n", cases[i].domain);
        for (size_t j = 0; j < 2 && cases[i].hosts[j] != NULL; j++)
            add_mx(&w, cases[i].domain, cases[i].preferences[j], cases[i].hosts[j]);
        answer = find(&w, cases[i].domain);
        assert_int_equal(answer.status, ROUTE_SITE);
        assert_int_equal(answer.site->number, cases[i].site);
        assert_ptr_equal(answer.site->rule, &w.rules[cases[i].site == 4 ? 0 : 1]);
    }
    world_stop(&w);
}

static void
an_answer_is_kept_for_its_ttl(void **state)
{
    static struct world w;
    const struct route_site *site;
    const struct route_host *hosts;
    struct route_answer answer;
    int asked_count;

    world_start(&w);
    add_mx(&w, "d.test", 1, "mx.d.test");
    add_address(&w, "d.test", "mx.d.test", "192.0.2.1");
    assert_int_equal(ask(&w, "d.test").status, ROUTE_PENDING);
    pass(&w, 2 * DELAY_US);
    answer = ask(&w, "d.test");
    assert_int_equal(answer.status, ROUTE_SITE);
    site = answer.site;
    hosts = site->hosts;
    asked_count = w.resolver.asked_count;
    pass(&w, RESOLVER_SIM_TTL_S * (int64_t)US_PER_S - 1);
    assert_int_equal(ask(&w, "d.test").status, ROUTE_SITE);
    assert_int_equal(w.resolver.asked_count, asked_count);
    pass(&w, 1);
    assert_int_equal(ask(&w, "d.test").status, ROUTE_PENDING);
    answer = find(&w, "d.test");
    assert_ptr_equal(answer.site, site);
    assert_ptr_equal(answer.site->hosts, hosts); /* nothing changed, so nothing moved */
    world_stop(&w);
}

static void
a_change_of_address_is_seen_when_the_ttl_is_over(void **state)
{
    static struct world w;
    struct route_answer answer;

    world_start(&w);
    add_mx(&w, "d.test", 1, "mx.d.test");
    add_address(&w, "d.test", "mx.d.test", "192.0.2.1");
    answer = find(&w, "d.test");
    add_address(&w, "d.test", "mx.d.test", "192.0.2.2");
    find(&w, "d.test");
    assert_hosts(&answer, "1 mx.d.test 192.0.2.1;");
    pass(&w, RESOLVER_SIM_TTL_S * (int64_t)US_PER_S);
    find(&w, "d.test");
    assert_hosts(&answer, "1 mx.d.test 192.0.2.1 192.0.2.2;"); /* the same site */
    add_mx(&w, "d.test", 2, "mx2.d.test");
    add_address(&w, "d.test", "mx2.d.test", "192.0.2.3");
    pass(&w, RESOLVER_SIM_TTL_S * (int64_t)US_PER_S);
    answer = find(&w, "d.test");
    assert_int_equal(answer.site->number, 1); /* another set of hosts is another site */
    world_stop(&w);
}

static void
many_who_ask_cause_one_query(void **state)
{
    static struct world w;

    world_start(&w);
    add_mx(&w, "d.test", 1, "mx.d.test");
    add_address(&w, "d.test", "mx.d.test", "192.0.2.1");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ask(&w, "d.test").status, ROUTE_PENDING);
    pass(&w, US_PER_S);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ask(&w, "d.test").status, ROUTE_SITE);
    assert_int_equal(w.resolver.asked_count, 2);
    assert_int_equal(w.told_count[0], 1);
    world_stop(&w);
}

static void
it_may_go_while_it_asks(void **state)
{
    static const int64_t ages_us[] = {0, DELAY_US / 2, DELAY_US, DELAY_US + DELAY_US / 2};

    for (size_t i = 0; i < COUNT_OF(ages_us); i++) {
        static struct world w;

        world_start(&w);
        add_mx(&w, "d.test", 1, "mx.d.test");
        add_mx(&w, "d.test", 1, "mx2.d.test");
        add_address(&w, "d.test", "mx.d.test", "192.0.2.1");
        ask(&w, "d.test");
        ask(&w, "gone.test");
        pass(&w, ages_us[i]);
        route_free(&w.route);
        pass(&w, US_PER_S); /* nobody is told any more */
        assert_int_equal(w.told_count[0], 0);
        world_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_stand_by_preference_then_by_name),
        cmocka_unit_test(what_dns_says_is_what_we_do),
        cmocka_unit_test(trouble_with_dns_defers),
        cmocka_unit_test(a_host_in_trouble_does_not_hide_the_others),
        cmocka_unit_test(siblings_that_scopes_fit_alike_are_one_site),
        cmocka_unit_test(domains_with_the_same_hosts_and_rule_are_one_site),
        cmocka_unit_test(an_answer_is_kept_for_its_ttl),
        cmocka_unit_test(a_change_of_address_is_seen_when_the_ttl_is_over),
        cmocka_unit_test(many_who_ask_cause_one_query),
        cmocka_unit_test(it_may_go_while_it_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
