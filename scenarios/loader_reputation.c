/* loader_reputation.c - what a provider thinks of senders, and how new ones begin. */
#include "scenarios/loader_isp.h"

/* Who is judged must be known where the judgement is told. */
static void
check_known(const struct section *section, uint32_t per, enum smtp_stage stage)
{
    enum smtp_stage first = per & LIMIT_PER_DKIM_DOMAIN ? STAGE_DOT
        : per & LIMIT_PER_SENDER_DOMAIN                 ? STAGE_MAIL
                                                        : STAGE_CONNECT;

    if (stage < first)
        diagnose(section->loader->diagnostics, section_mark(section, "stage"), NULL,
            "who is judged is not known before %s", stage_name(first));
}

static struct isp_band
load_band(const struct section *section, size_t i, uint32_t per)
{
    struct isp_band band = {.id = id_or_number(section, "band", i),
        .below = (uint32_t)section_whole(section, "below"),
        .reply = reply_of(section, "reply"),
        .share_ppm = section_ppm(section, "share"),
        .is_closing = section_whole(section, "then") == THEN_CLOSE,
        .stage = (enum smtp_stage)section_whole(section, "stage"),
        .scale_ppm = section_ppm(section, "limits"),
        .cause = section_has(section, "cause") ? load_cause(section) : CLASS_SPAM_BLOCK};

    if (band.reply.is_set)
        check_known(section, per, band.stage);
    else if (band.scale_ppm == PPM)
        diagnose(section->loader->diagnostics, section_mark(section, "below"), NULL,
            "this band does nothing: reply or limits is missing");
    return band;
}

static void
load_bands(const struct section *section, struct isp_reputation *reputation)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "bands");
    struct isp_band *bands = arena_alloc(loader->arena, count * sizeof *bands + 1);
    struct map ids = {0};

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(section, "bands", i);

        bands[i] = load_band(&item, i, reputation->per);
        check_unique(loader, &ids, bands[i].id, section_item_mark(section, "bands", i), "bands");
    }
    map_release(&ids);
    reputation->bands = bands;
    reputation->bands_count = count;
}

void
load_reputation(const struct section *isp_section, struct isp_config *isp)
{
    struct section section = section_nested(isp_section, "reputation");

    if (section.map == NULL)
        return;
    isp->reputation = (struct isp_reputation){.is_on = true,
        .per = bits_of(&section, "per", LIMIT_PER_SOURCE_IP),
        .start = (uint32_t)section_whole(&section, "start"),
        .recover = (uint32_t)section_whole(&section, "recover"),
        .trap_points = (uint32_t)section_whole(&section, "trap"),
        .complaint_points = (uint32_t)section_whole(&section, "complaint"),
        .unknown_points = (uint32_t)section_whole(&section, "unknown"),
        .share_of_min = (uint64_t)section_whole(&section, "at_least"),
        .jump_points = (uint32_t)section_whole(&section, "jump"),
        .jump_times = (uint32_t)section_whole(&section, "times"),
        .jump_from = (uint64_t)section_whole(&section, "from")};
    load_bands(&section, &isp->reputation);
}

void
load_warming(const struct section *isp_section, struct isp_config *isp)
{
    struct section section = section_nested(isp_section, "warming");
    struct section unseen = section_nested(&section, "unseen");

    if (section.map == NULL)
        return;
    isp->warming = (struct isp_warming){.is_on = true,
        .per = bits_of(&section, "per", LIMIT_PER_SOURCE_IP),
        .first = (uint64_t)section_whole(&section, "first"),
        .full = (uint64_t)section_whole(&section, "full"),
        .grow = section_ratio(&section, "grow"),
        .shrink = section_ratio(&section, "shrink"),
        .complaint_share = section_ratio(&section, "complaints"),
        .unknown_share = section_ratio(&section, "unknown"),
        .share_of_min = (uint64_t)section_whole(&section, "at_least"),
        .traps_max = (uint64_t)section_whole(&section, "traps"),
        .over = reply_of(&section, "over"),
        .is_closing = section_whole(&section, "then") == THEN_CLOSE,
        .stage = (enum smtp_stage)section_whole(&section, "stage"),
        .unseen = reply_of(&unseen, "reply"),
        .unseen_us = section_whole(&unseen, "for"),
        .forget_us = section_whole(&section, "forget"),
        .cause = load_cause(&section)};
    check_known(&section, isp->warming.per, isp->warming.stage);
    if (isp->warming.stage < STAGE_MAIL || isp->warming.stage == STAGE_RCPT)
        diagnose(section.loader->diagnostics, section_mark(&section, "stage"), NULL,
            "messages are counted at mail, data or dot");
    if (isp->warming.unseen.is_set &&
        isp->warming.per & (LIMIT_PER_SENDER_DOMAIN | LIMIT_PER_DKIM_DOMAIN))
        diagnose(section.loader->diagnostics, section_mark(&section, "unseen"), NULL,
            "a domain is not known when a connection opens");
    if (isp->warming.first > isp->warming.full)
        diagnose(section.loader->diagnostics, section_mark(&section, "first"), NULL,
            "a new sender may send more than one who is warm");
}
