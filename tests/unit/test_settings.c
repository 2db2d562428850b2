/* test_settings.c - the file of the program: what is in it, and what is wrong with it. */
#include "tests/unit.h"

#include "mta/settings.h"

#define LEAST "hostname: a.test\nlisten: 127.0.0.1:2525\nspool: s\nefs: {to: f}\n"

static void
what_is_not_written_has_its_default(void **state)
{
    struct diagnostics diagnostics = {0};
    struct settings *settings = settings_load_text("mta.yaml", SLICE(LEAST), &diagnostics);

    assert_non_null(settings);
    assert_slice(settings->mta.hostname, "a.test");
    assert_int_equal(settings->mta.listen.port, 2525);
    assert_int_equal(settings->mta.port, 25);
    assert_int_equal(settings->mta.source_ips_count, 1);
    assert_int_equal(settings->mta.source_ips[0].family, 0); /* as the kernel likes */
    assert_int_equal(settings->mta.retry.first_us, INT64_C(1200000000));
    assert_string_equal(settings->spool, "s");
    assert_string_equal(settings->feedback, "f");
    assert_null(settings->control);
    assert_null(settings->log.events);
    assert_int_equal(settings->metrics.family, 0);
    assert_int_equal(settings->speed, 1);
    settings_free(&settings);
    diagnostics_release(&diagnostics);
}

static void
sending_is_set_as_in_a_scenario(void **state)
{
    struct diagnostics diagnostics = {0};
    struct settings *settings = settings_load_text("mta.yaml",
        SLICE(LEAST "retry: {first: 1m, factor: 3}\nvalidity: 100h\n"
                    "mx: [{domain: b.test, connections: 3, messages_per_hour: 100}]\n"
                    "metrics: \"[::1]:9125\"\n"),
        &diagnostics);

    assert_non_null(settings);
    assert_int_equal(settings->mta.retry.first_us, 60000000);
    assert_int_equal(settings->mta.retry.factor.num, 3);
    assert_int_equal(settings->mta.validity_us, MTA_VALIDITY_US_MAX);
    assert_int_equal(settings->mta.mx_rules_count, 1);
    assert_int_equal(settings->mta.mx_rules[0].connections, 3);
    assert_int_equal(settings->metrics.family, 6);
    assert_int_equal(settings->metrics.port, 9125);
    settings_free(&settings);
    diagnostics_release(&diagnostics);
}

#define RETURNS LEAST "inbound: 127.0.0.1:2527\nreturn_domains: [a.test]\n"

static void
there_is_no_oracle_in_the_world(void **state)
{
    struct diagnostics diagnostics = {0};
    struct settings *settings = settings_load_text("mta.yaml",
        SLICE(LEAST "mx: [{domain: b.test, controller: tle}, {controller: oracle}]\n"),
        &diagnostics);

    assert_null(settings);
    assert_int_equal(diagnostics.errors_count, 1);
    assert_string_equal(diagnostics.list[0].text,
        "an oracle asks the provider for its limits: there is one in scenarios only");
    diagnostics_release(&diagnostics);
}

static void
returned_mail_has_its_clock_its_key_and_its_rules(void **state)
{
    char filename[] = "/tmp/mtalab-key-XXXXXX";
    FILE *file = fdopen(mkstemp(filename), "w");
    struct diagnostics diagnostics = {0};
    struct bounce_rules *bounces = bounce_rules_new();
    struct inmail_rules *rules;
    struct settings *settings;
    struct text text = {0};
    struct error err;

    assert_non_null(file);
    fputs("000102030405060708090a0b0c0d0e0f\n", file);
    fclose(file);
    settings = settings_load_text("mta.yaml", SLICE(RETURNS), &diagnostics);
    assert_non_null(settings);
    assert_int_equal(settings->mta.inmail.poll_us, 5 * US_PER_MIN);
    assert_int_equal(settings->mta.inmail.window_us, 7 * US_PER_DAY);
    assert_false(settings->has_verp_key);
    settings_free(&settings);
    text_printf(&text,
        RETURNS "inmail: {poll: 0s, window: 3d, key: %s, instance: prod, check_instance: no}\n",
        filename);
    settings = settings_load_text("mta.yaml", text_slice(&text), &diagnostics);
    assert_non_null(settings);
    assert_int_equal(settings->mta.inmail.poll_us, 0);
    assert_int_equal(settings->mta.inmail.window_us, 3 * US_PER_DAY);
    assert_true(settings->has_verp_key);
    assert_int_equal(settings->verp_key.bytes[15], 15);
    assert_slice(settings->mta.inmail.instance, "prod");
    assert_true(settings->mta.inmail.is_any_instance);
    rules = settings_inmail_rules(settings, bounces, &err);
    assert_non_null(rules);
    inmail_rules_free(&rules);
    settings->inbound_rules = "mta/mta.yaml";
    assert_null(settings_inmail_rules(settings, bounces, &err));
    assert_int_equal(err.kind, ERROR_CONFIG);
    settings->inbound_rules = "no/such/file";
    assert_null(settings_inmail_rules(settings, bounces, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(err.text, "cannot read no/such/file: No such file or directory");
    settings_free(&settings);
    bounce_rules_free(&bounces);
    remove(filename);
    text_release(&text);
    diagnostics_release(&diagnostics);
}

static void
every_mistake_is_told(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"- a\n",                                                      "a map of keys is expected"        },
        {"hostname: a.test\n",                                         "\"listen\" is missing in mta.yaml"},
        {LEAST "sped: 2\n",                                            "unknown key \"sped\" in mta.yaml" },
        {LEAST "metrics: 127.0.0.1\n",                                 "an IP address and a port"         },
        {LEAST "metrics: 127.0.0.1:0\n",                               "an IP address and a port"         },
        {LEAST "metrics: 127.0.0.1:65536\n",                           "an IP address and a port"         },
        {LEAST "metrics: \"::1:25\"\n",                                "an IP address and a port"         },
        {LEAST "metrics: \"[::1:25\"\n",                               "an IP address and a port"         },
        {LEAST "metrics: localhost:25\n",                              "an IP address and a port"         },
        {LEAST "metrics: 127.0.0.1:2525\n",                            "submitted at this address already"},
        {LEAST "source_ips: [127.0.0.1]\nwarmup: [{ip: 127.0.0.1}]\n",
         "when does this plan start?"                                                                     },
        {LEAST "source_ips: []\n",                                     "at least one source IP"           },
        {LEAST "source_ips: [127.0.0.1, 127.0.0.1]\n",                 "given twice"                      },
        {LEAST "inmail: {poll: 1m}\n",                                 "without inbound no mail comes"    },
        {RETURNS "inmail: {key: no/such/file}\n",                      "No such file"                     },
        {RETURNS "inmail: {key: mta/mta.yaml}\n",                      "mta/mta.yaml is no key"           },
        {RETURNS "inmail: {window: 0s}\n",                             "at least 1s"                      },
        {LEAST "dns: {servers: [\"127.0.0.1:1\", \"127.0.0.1:2\", \"127.0.0.1:3\", "
               "\"127.0.0.1:4\", \"127.0.0.1:5\"]}\n",        "at most 4 servers"                },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct text out = {0};

        print_message("  %s\n", cases[i].says);
        assert_null(settings_load_text("mta.yaml", slice_of(cases[i].text), &diagnostics));
        diagnostics_render(&diagnostics, &out, false);
        assert_non_null(strstr(text_string(&out), cases[i].says));
        text_release(&out);
        diagnostics_release(&diagnostics);
    }
}

static void
rules_are_built_in_or_read(void **state)
{
    struct settings settings = {0};
    struct error err;
    struct bounce_rules *rules = settings_bounce_rules(&settings, &err);

    assert_non_null(rules);
    bounce_rules_free(&rules);
    settings.bounce_rules = "mta/rules/bounce.tsv";
    rules = settings_bounce_rules(&settings, &err);
    assert_non_null(rules);
    bounce_rules_free(&rules);
    settings.class_rules = "mta/mta.yaml";
    assert_null(settings_bounce_rules(&settings, &err));
    assert_int_equal(err.kind, ERROR_CONFIG);
    settings.class_rules = "no/such/file";
    assert_null(settings_bounce_rules(&settings, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

/* Two tables that are none of these, one that is not there, and one that is good. */
static void
what_controllers_do_about_replies_is_read_with_the_settings(void **state)
{
    static const struct {
        const char *rules, *said; /* NULL: it is good */
    } cases[] = {
        {"rules: {kumo: mta/rules/kumo.tsv}\n",     NULL                               },
        {"rules: {momentum: mta/rules/kumo.tsv}\n", "momentum knows no action \"rate\""},
        {"rules: {kumo: mta/mta.yaml}\n",           "mta/mta.yaml:"                    },
        {"rules: {kumo: no/such/file}\n",           "no/such/file cannot be read"      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct text text = {0}, out = {0};
        struct settings *settings;

        print_message("  %s", cases[i].rules);
        text_printf(&text, "%s%s", LEAST, cases[i].rules);
        settings = settings_load_text("mta.yaml", text_slice(&text), &diagnostics);
        diagnostics_render(&diagnostics, &out, false);
        assert_int_equal(settings != NULL, cases[i].said == NULL);
        if (cases[i].said != NULL) {
            assert_non_null(strstr(text_string(&out), "mta.yaml:5:"));
            assert_non_null(strstr(text_string(&out), cases[i].said));
        } else {
            assert_true(settings->mta.automation.of[AUTOMATION_KUMO].rows.length > 0);
        }
        settings_free(&settings);
        text_release(&text);
        text_release(&out);
        diagnostics_release(&diagnostics);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_written_has_its_default),
        cmocka_unit_test(sending_is_set_as_in_a_scenario),
        cmocka_unit_test(there_is_no_oracle_in_the_world),
        cmocka_unit_test(returned_mail_has_its_clock_its_key_and_its_rules),
        cmocka_unit_test(every_mistake_is_told),
        cmocka_unit_test(rules_are_built_in_or_read),
        cmocka_unit_test(what_controllers_do_about_replies_is_read_with_the_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
