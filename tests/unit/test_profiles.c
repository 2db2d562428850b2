/* test_profiles.c - every provider that is built in: it loads, it says where each value is from, and
 * its limits do what they say to a campaign that respects nothing. */
#include "tests/unit.h"

#include "base/embedded.h"
#include "base/unit.h"
#include "scenarios/loader.h"
#include "scenarios/world.h"

#define FOLDER "fakeisp/profiles/"
enum { RECIPIENTS = 800, PROFILES_MIN = 25, NAMES_MAX = 4096 };

static bool
is_profile(const struct embedded_file *file)
{
    return slice_starts_with(slice_of(file->filename), SLICE(FOLDER));
}

static bool
is_example(const struct embedded_file *file) /* no provider is meant */
{
    return strcmp(file->filename, FOLDER "two-exchangers.yaml") == 0;
}

static struct scenario *
load(const struct embedded_file *file)
{
    struct slice text = {(const char *)file->bytes, file->length};
    struct diagnostics diagnostics = {0};
    struct scenario *scenario = scenario_load_text(file->filename, text, &diagnostics);

    if (scenario == NULL) {
        struct text told = {0};

        diagnostics_render(&diagnostics, &told, false);
        fail_msg("%s", text_string(&told));
    }
    diagnostics_release(&diagnostics);
    return scenario;
}

static void
every_profile_is_a_model_and_says_so(void **state)
{
    size_t count = 0;

    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++) {
        struct scenario *scenario;

        if (!is_profile(file) || is_example(file))
            continue;
        print_message("  %s\n", file->filename);
        count++;
        scenario = load(file);
        assert_true(scenario->is_profile);
        assert_int_equal(scenario->isps_count, 1);
        assert_true(slice_ends_with_nocase(
            scenario->title, SLICE(", modelled on public documents, not the provider")));
        for (size_t i = 0; i < scenario->isps[0].domains_count; i++)
            assert_true(slice_ends_with_nocase(scenario->isps[0].domains[i], SLICE(".test")));
        scenario_free(&scenario);
    }
    assert_in_range(count, PROFILES_MIN, 1000);
}

static bool
has_origin(struct slice comment)
{
    return slice_contains_nocase(comment, SLICE("documented")) ||
        slice_contains_nocase(comment, SLICE("observed")) ||
        slice_contains_nocase(comment, SLICE("assumed"));
}

/* Each item of a list has its origin on its own line or on the one above. */
static void
every_value_says_where_it_is_from(void **state)
{
    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++) {
        struct slice rest = {(const char *)file->bytes, file->length}, line, above = SLICE("");

        if (!is_profile(file) || is_example(file))
            continue;
        while (rest.length > 0) {
            struct slice item;

            slice_cut(rest, '\n', &line, &rest);
            item = slice_trim(line);
            if (slice_starts_with(item, SLICE("- {")) || slice_starts_with(item, SLICE("hosts: {")))
                if (!has_origin(item) && !has_origin(above))
                    fail_msg("%s: %.*s", file->filename, SLICE_ARGS(line));
            above = slice_starts_with(item, SLICE("#")) ? item : SLICE("");
        }
    }
}

/* ---- a campaign that respects nothing ---- */

struct watch {
    struct journal *journal;
    uint64_t hits[NAMES_MAX]; /* of limits, by the journal's name */
    uint64_t accepted;
};

static void
take_note(void *arg, struct slice entry)
{
    struct watch *watch = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    watch->accepted += event.kind == EVENT_ACCEPTED;
    if (event.kind == EVENT_LIMIT_HIT && event.limit < NAMES_MAX)
        watch->hits[event.limit]++;
}

/* What a limit must have seen of such a campaign. */
static bool
must_fire(const struct isp_config *isp, size_t index, int connections)
{
    const struct isp_limit *limit = &isp->limits[index];

    switch (limit->count) {
    case LIMIT_CONNECTIONS_OPEN:
        return limit->max < (uint64_t)connections && !isp->warming.unseen.is_set;
    case LIMIT_MESSAGES_PER_CONNECTION:
        return index == 0 && connections == 1;
    case LIMIT_MESSAGES:
    case LIMIT_RECIPIENTS:
        return index == 0 && connections == 1 && limit->window_us <= US_PER_HOUR;
    case LIMIT_CONNECTIONS:
    case LIMIT_BYTES:
    case LIMIT_UNKNOWN_USERS:
    case LIMIT_COMPLAINTS:
    case LIMIT_RECIPIENTS_PER_TRANSACTION:
    case LIMIT_DOMAINS_PER_TRANSACTION:
        return false;
    }
    return false;
}

static void
write_play(struct text *out, const struct embedded_file *file, const struct isp_config *isp,
    int connections)
{
    text_printf(out,
        "mtalab: 1\nextends: [%s]\nrun: {start: 2026-01-05T08:00:00Z, until: %s, seed: 1}\n"
        "mta: {mx: [{domain: \"*.test\", connections: %d, messages_per_connection: 100000}]}\n"
        "deliveries:\n  rude:\n    at: 0s\n    to:\n"
        "      - {pattern: \"u%%05d@%.*s\", count: %d}\n"
        "      - {pattern: \"gone-%%04d@%.*s\", count: 40}\n"
        "expect: [{id: settled, at: end, check: kpi.sent > 0}]\n",
        file->filename, connections > 1 ? "10m" : "14h", connections, SLICE_ARGS(isp->domains[0]),
        connections > 1 ? 2 * (int)RECIPIENTS : (int)RECIPIENTS, SLICE_ARGS(isp->domains[0]));
}

static void
play(const struct embedded_file *file, int connections)
{
    struct scenario *profile = load(file), *scenario;
    const struct isp_config *isp = &profile->isps[0];
    struct watch *watch = calloc(1, sizeof *watch);
    struct diagnostics diagnostics = {0};
    struct world_options options = {
        .seed = 1, .until_us = connections > 1 ? 10 * US_PER_MIN : 14 * US_PER_HOUR};
    struct expect_plan *plan;
    struct world *world;
    struct text text = {0};
    struct error err;
    bool was_stopped;

    write_play(&text, file, isp, connections);
    scenario = scenario_load_text("play.yaml", text_slice(&text), &diagnostics);
    assert_non_null(scenario);
    plan = expect_compile(scenario, &diagnostics);
    assert_non_null(plan);
    world = world_new(scenario, plan, &options, &err);
    assert_non_null(world);
    watch->journal = world_journal(world);
    journal_observe(watch->journal, take_note, watch);
    assert_true(world_run(world, &was_stopped, &err));
    for (size_t i = 0; i < isp->limits_count; i++) {
        uint64_t hits = watch->hits[journal_name(watch->journal, isp->limits[i].id)];

        if (hits == 0 && must_fire(isp, i, connections))
            fail_msg(
                "%s: the limit %.*s was never hit", file->filename, SLICE_ARGS(isp->limits[i].id));
    }
    if (isp->warming.is_on && isp->warming.first < RECIPIENTS && connections == 1)
        assert_int_not_equal(watch->hits[journal_name(watch->journal, SLICE("warming"))], 0);
    if (connections == 1 && !isp->warming.unseen.is_set) /* a 554 is taken for a last word */
        assert_int_not_equal(watch->accepted, 0);
    world_free(&world);
    expect_plan_free(&plan);
    scenario_free(&scenario);
    scenario_free(&profile);
    diagnostics_release(&diagnostics);
    text_release(&text);
    free(watch);
}

/* With many connections its cap answers, with one its pace or its patience with a session. */
static void
signature_limits_fire(void **state)
{
    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++)
        if (is_profile(file) && !is_example(file)) {
            print_message("  %s\n", file->filename);
            play(file, 60);
            play(file, 1);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_is_a_model_and_says_so),
        cmocka_unit_test(every_value_says_where_it_is_from),
        cmocka_unit_test(signature_limits_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
