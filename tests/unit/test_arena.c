/* test_arena.c - every provider that can be drawn is a scenario in the language of all others. */
#include "tests/unit.h"

#include <stdlib.h>

#include "scenarios/arena_isp.h"
#include "scenarios/expect.h"
#include "scenarios/loader.h"

static struct scenario *
load(uint64_t seed, const char *rule, struct diagnostics *diagnostics)
{
    struct text text = {0};
    struct scenario *scenario;

    arena_compose(seed, rule, &text);
    scenario = scenario_load_text("arena", text_slice(&text), diagnostics);
    if (scenario == NULL || diagnostics->count > 0)
        fail_msg("seed %d: %s\n%s", (int)seed, diagnostics->list[0].text, text_string(&text));
    text_release(&text);
    return scenario;
}

static void
every_draw_is_a_valid_scenario(void **state)
{
    uint64_t low = 0, high = 0;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct diagnostics diagnostics = {0};
        struct scenario *scenario = load(seed,
            arena_rule(slice_of(arena_controller(ARENA_CONTROLLERS, seed % 7))), &diagnostics);
        const struct isp_limit *rate = &scenario->isps[0].limits[0];
        struct ratio per_us = ratio_of((int64_t)rate->max, rate->window_us);

        assert_true(ratio_compare(per_us, ratio_of(3, US_PER_MIN)) >= 0);
        assert_true(ratio_compare(per_us, ratio_of(301, US_PER_S)) < 0);
        low += ratio_compare(per_us, ratio_of(4, US_PER_S)) < 0; /* the middle: 3.9/s */
        high += ratio_compare(per_us, ratio_of(4, US_PER_S)) >= 0;
        scenario_free(&scenario);
        diagnostics_release(&diagnostics);
    }
    assert_true(low > 110);
    assert_true(high > 110);
}

/* A step leaves at most half and one; who has less of a reputation has no more room. */
static void
trouble_makes_it_worse(void **state)
{
    uint64_t steps = 0, reputations = 0, good = 0, poor = 0, bad = 0;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct diagnostics diagnostics = {0};
        struct scenario *scenario = load(seed, arena_rule(SLICE("tle")), &diagnostics);
        const struct isp_config *isp = &scenario->isps[0];
        struct text text = {0};
        const char *step;

        arena_compose(seed, arena_rule(SLICE("tle")), &text);
        step = strstr(text_string(&text), "limits.rate.max: ");
        if (step != NULL) {
            uint64_t max = strtoull(step + strlen("limits.rate.max: "), NULL, 10);

            assert_true(max > 0);
            assert_true(max <= isp->limits[0].max / 2 + 1);
            steps++;
        }
        for (size_t i = 1; i < isp->reputation.bands_count; i++) {
            assert_true(isp->reputation.bands[i].below < isp->reputation.bands[i - 1].below);
            assert_true(
                isp->reputation.bands[i].scale_ppm <= isp->reputation.bands[i - 1].scale_ppm);
            reputations++;
        }
        if (isp->reputation.is_on) { /* a day with such a list leaves so many points */
            int64_t cost_ppm =
                isp->reputation.unknown_points * (int64_t)isp->mailboxes[0].share_ppm;

            assert_in_range(isp->mailboxes[0].share_ppm, 10000, 160000);
            good += cost_ppm <= 150000;
            poor += cost_ppm > 150000 && cost_ppm <= 600000;
            bad += cost_ppm > 600000;
        }
        text_release(&text);
        scenario_free(&scenario);
        diagnostics_release(&diagnostics);
    }
    assert_true(steps > 20);
    assert_true(reputations > 10);
    assert_true(good > 5);
    assert_true(poor > 5);
    assert_true(bad > 0);
}

static void
a_seed_is_always_the_same_provider(void **state)
{
    struct text first = {0}, again = {0}, other = {0};

    arena_compose(7, "controller: tle", &first);
    arena_compose(7, "controller: tle", &again);
    arena_compose(8, "controller: tle", &other);
    assert_string_equal(text_string(&first), text_string(&again));
    assert_string_not_equal(text_string(&first), text_string(&other));
    text_release(&first);
    text_release(&again);
    text_release(&other);
}

/* Whatever words stand in the description, the scenario says the same. */
static void
a_description_tells_what_was_drawn(void **state)
{
    static const struct {
        const char *word, *key;
    } pairs[] = {
        {"connections",  "connections_open"       },
        {"per session",  "messages_per_connection"},
        {"hour",         "hourly quota"           },
        {"closes",       "        then: close"    },
        {"ladder",       "rungs:"                 },
        {", penalty",    "factor: 2, "            },
        {"noise",        "id: noise"              },
        {"step",         "label: step"            },
        {"reputation",   "reputation:"            },
        {"/s sliding",   "window: sliding 1s"     },
        {"/min sliding", "window: sliding 1m"     },
        {"/min bucket",  "window: bucket 1m"      },
        {"/s fixed",     "window: fixed 1s"       },
    };
    size_t told[COUNT_OF(pairs)] = {0};

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct text scenario = {0}, words = {0};

        arena_compose(seed, "controller: tle", &scenario);
        arena_describe(seed, &words);
        for (size_t i = 0; i < COUNT_OF(pairs); i++) {
            bool is_told = strstr(text_string(&words), pairs[i].word) != NULL;

            if (is_told != (strstr(text_string(&scenario), pairs[i].key) != NULL))
                fail_msg("seed %d, %s: %s", (int)seed, pairs[i].word, text_string(&words));
            told[i] += is_told;
        }
        text_release(&scenario);
        text_release(&words);
    }
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        assert_true(told[i] > 0);
}

static size_t
count_of(enum arena_cast cast)
{
    size_t count = 0;

    while (arena_controller(cast, count) != NULL)
        count++;
    return count;
}

static void
everyone_has_a_rule(void **state)
{
    assert_int_equal(count_of(ARENA_CONTROLLERS), 7);
    for (size_t i = 0; i < count_of(ARENA_CONTROLLERS); i++)
        assert_non_null(arena_rule(slice_of(arena_controller(ARENA_CONTROLLERS, i))));
    assert_null(arena_rule(SLICE("luck")));
}

/* The row by this name says so; all else is as with tle. */
static void
an_ablation_is_tle_with_one_part_changed(void **state)
{
    static const struct {
        const char *name;
        uint32_t mistyped_ppm, probe_ppm;
        bool takes_quota_for_rate, is_coupled;
    } rows[] = {
        {"tle",             0,      4000,  false, false},
        {"tle typing 90%",  100000, 4000,  false, false},
        {"tle typing 75%",  250000, 4000,  false, false},
        {"tle typing 50%",  500000, 4000,  false, false},
        {"tle budget 0.1%", 0,      1000,  false, false},
        {"tle budget 0.4%", 0,      4000,  false, false}, /* the default has a row that says it */
        {"tle budget 2%",   0,      20000, false, false},
        {"tle no quota",    0,      4000,  true,  false},
        {"tle coupled",     0,      4000,  false, true },
    };

    assert_int_equal(count_of(ARENA_ABLATIONS), COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diagnostics diagnostics = {0};
        const char *name = arena_controller(ARENA_ABLATIONS, i);
        struct scenario *scenario = load(1, arena_rule(slice_of(name)), &diagnostics);
        const struct mx_rule *rule = &scenario->mta.mx_rules[0];

        assert_string_equal(name, rows[i].name);
        assert_int_equal(rule->controller, CONTROLLER_TLE);
        assert_true(rule->spares);
        assert_int_equal(rule->settings.mistyped_ppm, rows[i].mistyped_ppm);
        assert_int_equal(rule->settings.probe_ppm, rows[i].probe_ppm);
        assert_int_equal(rule->settings.takes_quota_for_rate, rows[i].takes_quota_for_rate);
        assert_int_equal(rule->settings.is_coupled, rows[i].is_coupled);
        scenario_free(&scenario);
        diagnostics_release(&diagnostics);
    }
}

static void
what_a_controller_does_not_have_cannot_be_taken_away(void **state)
{
    static const struct {
        const char *rule, *expected;
    } cases[] = {
        {"controller: postfix, typing_accuracy: 90%", "the controller postfix has no such setting" },
        {"controller: kumo, quota_learner: no",       "the controller kumo has no such setting"    },
        {"controller: momentum, decoupled: no",       "the controller momentum has no such setting"},
        {"controller: tle, typing_accuracy: 101%",
         "mta.mx[1].typing_accuracy: \"101%\" is too large: at most 100% is expected"              },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct text text = {0};

        arena_compose(1, cases[i].rule, &text);
        assert_null(scenario_load_text("arena", text_slice(&text), &diagnostics));
        assert_int_equal(diagnostics.count, 1);
        assert_string_equal(diagnostics.list[0].text, cases[i].expected);
        diagnostics_release(&diagnostics);
        text_release(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_draw_is_a_valid_scenario),
        cmocka_unit_test(trouble_makes_it_worse),
        cmocka_unit_test(a_seed_is_always_the_same_provider),
        cmocka_unit_test(a_description_tells_what_was_drawn),
        cmocka_unit_test(everyone_has_a_rule),
        cmocka_unit_test(an_ablation_is_tle_with_one_part_changed),
        cmocka_unit_test(what_a_controller_does_not_have_cannot_be_taken_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
