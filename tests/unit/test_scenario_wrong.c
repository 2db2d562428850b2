/* test_scenario_wrong.c - what is said of scenario files that are wrong, and where. */
#include "tests/unit.h"

#include "scenarios/loader.h"

#define FIXTURES "tests/fixtures/scenarios/"

/* The golden file shows each diagnostic as its reader sees it. */
static void
wrong_scenarios_are_told_what_is_wrong_and_where(void **state)
{
    static const char *const names[] = {"addresses", "circle", "dkim", "dns", "dns-names", "expect",
        "expect-form", "extends-error", "extends-schema-error", "isp-timeline", "limit-values",
        "limits", "param-values", "params", "recipients", "returns", "return-values", "rule-values",
        "rules", "served-twice", "sut", "sut-values", "timeline", "types", "unsupported"};
    struct text all = {0};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct diagnostics diagnostics = {0};
        struct text filename = {0};
        struct error err;

        text_printf(&filename, FIXTURES "bad/%s.yaml", names[i]);
        print_message("  %s\n", names[i]);
        assert_null(scenario_load(filename.bytes, NULL, 0, &diagnostics, &err));
        assert_int_equal(err.kind, ERROR_NONE);
        assert_true(diagnostics.errors_count > 0);
        text_printf(&all, "%s# %s\n", i > 0 ? "\n" : "", names[i]);
        diagnostics_render(&diagnostics, &all, false);
        text_release(&filename);
        diagnostics_release(&diagnostics);
    }
    assert_golden(text_slice(&all), "tests/golden/scenario-diagnostics.txt");
    text_release(&all);
}

static void
short_files_get_their_diagnostic(void **state)
{
    static const struct {
        const char *yaml, *expected; /* the first one */
    } cases[] = {
        {"mtalab: 2\n",                                                                      "1:9: version 1 of the language is known, and no other"   },
        {"name: x\nmtalab: 1\n",                                                             "1:1: a scenario begins with the key \"mtalab: 1\""       },
        {"{}",                                                                               "0:0: a scenario begins with the key \"mtalab: 1\""       },
        {"[1]\n",                                                                            "1:1: a scenario is a map of keys"                        },
        {"mtalab: 1\nexpect: [{id: e, at: end, check: x}]\n",
         "0:0: there are no deliveries; a file without expect would be a profile"                                                                      },
        {"mtalab: 1\ndeliveries: {d: {to: [{pattern: a@b.example}]}}\nexpect: []\n",
         "3:9: nothing is expected; a profile has no expect at all"                                                                                    },
        {"mtalab: 1\nrun: {seed: 1, seeds: {count: 3}}\n",
         "2:13: \"seed\" and \"seeds\" exclude each other"                                                                                             },
        {"mtalab: 1\nmta: {source_ips: []}\n",                                               "2:19: at least one source IP is needed"                  },
        {"mtalab: 1\nmta: {pools: {a: {ips: []}}}\n",                                        "2:24: a pool needs at least one IP"                      },
        {"mtalab: 1\nmta: {pools: {a: {ips: [{ip: 192.0.2.1}, {ip: 192.0.2.1}]}}}\n",
         "2:47: this IP is in the pool already"                                                                                                        },
        {"mtalab: 1\nmta: {pools: {a: {ips: [{ip: 192.0.2.1, weight: 0}]}}}\n",
         "2:49: mta.pools.a.ips[1].weight: \"0\" is too small: at least 1 is expected"                                                                 },
        {"mtalab: 1\nmta: {warmup: [{domain: a.test}]}\n",
         "2:16: which ip, or which pool, is new?"                                                                                                      },
        {"mtalab: 1\nmta: {source_ips: [192.0.2.1], warmup: [{ip: 192.0.2.1, plan: []}]}\n",
         "2:63: a plan has from 1 to 366 days"                                                                                                         },
        {"mtalab: 1\nmta: {source_ips: [192.0.2.1], warmup: [{ip: 192.0.2.1, plan: [1], curve: "
         "aol}]}\n",                                                                "2:75: there is a plan already"                           },
        {"mtalab: 1\nmta: {source_ips: [192.0.2.1], warmup: [{ip: 192.0.2.1, curve: aol, first: "
         "1}]}\n",                                                                  "2:76: only doubling has a first day"                     },
        {"mtalab: 1\nmta: {scopes: [{domain: a.test}]}\n",                                   "2:16: this scope says nothing"                           },
        {"mtalab: 1\nmta: {scopes: [{source_ip: 192.0.2.9, connections: 1}]}\n",
         "2:28: no source_ips and no pool have this address"                                                                                           },
        {"mtalab: 1\nmta: {mx: [{shape: even}]}\n",
         "2:20: there is no messages_per_hour here to give a shape to"                                                                                 },
        {"mtalab: 1\nmta: {mx: [{domain: a.test, pool: b}]}\n",                              "2:35: mta.pools has no pool 'b'"                         },
        {"mtalab: 1\nmta: {mx: [{host: '*', tls: off, tls_verify: yes}]}\n",
         "2:46: there is no certificate to verify where tls is off"                                                                                    },
        {"mtalab: 1\nisps: {a: {serves: a.test, hosts: {mx1: {tls: {fault: cut}}}}}\n",
         "2:47: a certificate or a fault of TLS means nothing where it is not offered"                                                                 },
        {"mtalab: 1\ntitle: a: b\n",                                                         "2:9: invalid nested block mapping on the same line"      },
        {"mtalab: 1\nrules-: [a]\n",
         "2:1: \"rules-\" removes from nothing: no profile gives such a list"                                                                          },
        {"mtalab: 1\nrun+: {}\n",                                                            "2:1: \"run+\" appends a list to a list, and nothing else"},
        {"mtalab: 1\nextends: {a: b}\n",                                                     "2:10: extends takes a list of filenames"                 },
        {"mtalab: 1\nrun: {seed: 99999999999999999999}\n",
         "2:13: run.seed: expected a count such as 700 or 1_000_000, found "
            "\"99999999999999999999\""                                                                                                                 },
        {"mtalab: 1\nrun: {seed: 4611686018427387904 * 4}\n",
         "2:13: run.seed: these numbers are too large to be exact"                                                                                     },
        {"mtalab: 1\nrun: {seed: ((((((((((((((((((((((((((((((((((1"
         "))))))))))))))))))))))))))))))))))}\n",                                   "2:13: run.seed: this is too long a calculation"          },
        {"mtalab: 1\nrun: {seed: 2 + (3 * 4}\n",                                             "2:13: run.seed: a '(' has no ')'"                        },
        {"mtalab: 1\nrun: {seed: 2 + 3) * 4}\n",                                             "2:13: run.seed: a ')' has no '('"                        },
        {"mtalab: 1\nmta: {retry: {jitter: 9999999999999% / 10000000000037}}\n",
         "2:23: mta.retry.jitter: \"9999999999999% / 10000000000037\" has more digits than can "
            "be kept exact"                                                                                                                            },
        {"mtalab: 1\nmta: {retry: {factor: 1.0000001}}\n",
         "2:23: mta.retry.factor: \"1.0000001\" has more digits than can be kept exact"                                                                },
        {"mtalab: 1\nrun: {seed: 2 +}\n",                                                    "2:13: run.seed: a quantity is missing at the end"        },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct text first = {0};

        print_message("  %s\n", cases[i].yaml);
        assert_null(scenario_load_text("t.yaml", slice_of(cases[i].yaml), &diagnostics));
        text_printf(&first, "%d:%d: %s", diagnostics.list[0].mark.line,
            diagnostics.list[0].mark.column, diagnostics.list[0].text);
        assert_slice(text_slice(&first), cases[i].expected);
        text_release(&first);
        diagnostics_release(&diagnostics);
    }
}

static void
a_setting_must_name_a_parameter_and_fit_its_type(void **state)
{
    static const struct {
        const char *name, *value, *expected;
    } cases[] = {
        {"pacee", "1/h",      "there is no parameter \"pacee\"; did you mean \"pace\"?" },
        {"nap",   "soon",
         "parameter nap: expected a duration such as 90s, 1h20m or 5d2h, found \"soon\""},
        {"nap",   "2 * $nap", "parameter nap: there is no parameter \"nap\""            },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct setting setting = {slice_of(cases[i].name), slice_of(cases[i].value)};
        struct error err;

        assert_null(scenario_load(FIXTURES "all.yaml", &setting, 1, &diagnostics, &err));
        assert_string_equal(diagnostics.list[0].text, cases[i].expected);
        assert_string_equal(diagnostics.list[0].mark.filename, "--set");
        diagnostics_release(&diagnostics);
    }
}

static void
a_file_that_is_not_there_is_an_error(void **state)
{
    struct diagnostics diagnostics = {0};
    struct error err;

    assert_null(scenario_load(FIXTURES "none.yaml", NULL, 0, &diagnostics, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(diagnostics.count, 0);
    diagnostics_release(&diagnostics);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_scenarios_are_told_what_is_wrong_and_where),
        cmocka_unit_test(short_files_get_their_diagnostic),
        cmocka_unit_test(a_setting_must_name_a_parameter_and_fit_its_type),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
