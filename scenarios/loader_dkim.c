/* loader_dkim.c - how the MTA of a scenario signs, and with how much arithmetic. */
#include "mta/config.h"
#include "scenarios/loader.h"

/* The scenario's own providers know a modelled signature for what it is. */
static void
let_isps_take_models(struct loader *loader, const struct section *root)
{
    const struct dkim_config *config = &parts_of(loader)->scenario->mta.dkim;
    bool is_modelling = config->level == DKIM_LEVEL_MODELLED || config->real_one_in > 1;

    for (size_t i = 0; i < section_count(root, "isps"); i++)
        parts_of(loader)->isps[i].auth.is_model_accepted = is_modelling;
}

void
load_dkim(struct loader *loader, const struct section *root)
{
    struct section run = section_nested(root, "run"), mta = section_nested(root, "mta");
    struct section dkim = section_nested(&mta, "dkim");
    struct scenario *scenario = parts_of(loader)->scenario;
    struct dkim_config *config = &scenario->mta.dkim;

    if (!section_has(&mta, "dkim"))
        return;
    dkim_config_read(
        &dkim, scenario->campaign.from.domain, parts_of(loader)->extends.is_alone, config);
    if (section_has(&run, "seeds"))
        config->level = DKIM_LEVEL_MODELLED;
    if (section_has(&run, "dkim"))
        config->level = (enum dkim_level)section_whole(&run, "dkim");
    config->real_one_in = (uint64_t)section_whole(&run, "dkim_real_one_in");
    let_isps_take_models(loader, root);
}
