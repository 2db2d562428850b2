/* fuzz_scenario.c - any bytes are a scenario or get diagnostics, and what is loaded keeps its bounds. */
#include "scenarios/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses a few hundred bytes over a document of nothing but quotes. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static void
check_mark(const struct mark *mark)
{
    assert(mark->filename != NULL);
    assert(mark->line >= 0);
    assert(mark->line == 0 || mark->column == 0 || mark->length >= 1);
}

static void
check_isp(const struct isp_config *isp)
{
    assert(isp->domains_count > 0);
    assert(isp->hosts_count > 0);
    for (size_t i = 0; i < isp->hosts_count; i++) {
        assert(isp->hosts[i].addresses_count > 0);
        assert(isp->hosts[i].fqdn.length > 0);
    }
    for (size_t i = 0; i < isp->limits_count; i++) {
        assert(isp->limits[i].per != 0);
        assert(isp->limits[i].over.is_set);
        assert((isp->limits[i].window == WINDOW_NONE) == (isp->limits[i].window_us == 0));
    }
    for (size_t i = 0; i < isp->rules_count; i++) {
        assert(isp->rules[i].share_ppm <= 1000000);
        assert(isp->rules[i].stage != STAGE_NONE);
    }
}

static void
check_scenario(const struct scenario *scenario)
{
    assert(scenario->until_us > 0);
    assert(scenario->mta.source_ips_count > 0);
    for (size_t i = 0; i < scenario->isps_count; i++)
        check_isp(&scenario->isps[i]);
    for (size_t i = 0; i < scenario->campaign.deliveries_count; i++)
        assert(scenario->campaign.deliveries[i].at_us < scenario->until_us);
    for (size_t i = 0; i < scenario->changes_count; i++)
        assert(scenario->changes[i].kind >= CHANGE_HOLD ||
            scenario->changes[i].isp < scenario->isps_count);
    for (size_t i = 0; i < scenario->expectations_count; i++) {
        check_mark(&scenario->expectations[i].mark);
        assert(scenario->expectations[i].subject.text.length > 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diagnostics = {0};
    struct slice text = {arena_copy(&diagnostics.arena, (const char *)data, size), size};
    struct scenario *scenario = scenario_load_text("fuzz.yaml", text, &diagnostics);
    struct text shown = {0};

    assert((scenario == NULL) == (diagnostics.errors_count > 0));
    if (scenario != NULL)
        check_scenario(scenario);
    for (size_t i = 0; i < diagnostics.count; i++)
        check_mark(&diagnostics.list[i].mark);
    diagnostics_render(&diagnostics, &shown, false);
    text_release(&shown);
    scenario_free(&scenario);
    diagnostics_release(&diagnostics);
    return 0;
}
