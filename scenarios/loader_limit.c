/* loader_limit.c - a provider's limits: counts, rates and shares, their windows and penalties. */
#include "scenarios/loader_isp.h"

#define COUNT_IN_WINDOW_MAX INT64_C(1000000000000000)
#define WINDOW_US_MAX       (400 * US_PER_DAY)

bool
limit_max_in_window(const struct scalar *max, int64_t window_us, uint64_t *count, struct error *err)
{
    struct ratio rate = max->quantity.value;
    uint64_t windows = (uint64_t)window_us / (uint64_t)rate.den;

    if (max->quantity.kind == QUANTITY_NUMBER) {
        *count = (uint64_t)max->whole;
        return *count <= COUNT_IN_WINDOW_MAX ||
            error_set(err, ERROR_CONFIG, "%.*s is too large a limit", SLICE_ARGS(max->text));
    }
    if (window_us % rate.den != 0) {
        /* num and den have no common factor, so only the window can make it whole. */
        struct text window = {0};

        unit_format_duration(&window, window_us);
        error_set(err, ERROR_CONFIG, "%.*s is no whole number in a window of %s",
            SLICE_ARGS(max->text), text_string(&window));
        text_release(&window);
        return false;
    }
    if (rate.num > 0 && windows > (uint64_t)(COUNT_IN_WINDOW_MAX / rate.num))
        return error_set(err, ERROR_CONFIG, "%.*s is too large a limit", SLICE_ARGS(max->text));
    *count = windows * (uint64_t)rate.num;
    return true;
}

/* What the session or the transaction itself measures, or what is given back. */
static bool
is_without_window(enum limit_count count)
{
    return count == LIMIT_CONNECTIONS_OPEN || count >= LIMIT_MESSAGES_PER_CONNECTION;
}

/* A rate alone means the window it is thought of in: 600/min a sliding minute, 500/h a sliding hour.
 * 2.5/s is five in two seconds, so that the count is whole. */
static int64_t
window_of_rate(const struct quantity *rate)
{
    int64_t den;

    if (rate->value.num > INT64_MAX / rate->unit_us)
        return rate->unit_us; /* and limit_max_in_window() says why not */
    den = ratio_multiply(rate->value, ratio_of(rate->unit_us, 1)).den;
    return den > WINDOW_US_MAX / rate->unit_us ? rate->unit_us : rate->unit_us * den;
}

static void
load_share(const struct section *section, const struct scalar *max, struct isp_limit *limit)
{
    struct diagnostics *diagnostics = section->loader->diagnostics;
    struct mark mark = section_mark(section, "max");

    limit->share = max->quantity.value;
    limit->share_of_min = (uint64_t)section_whole(section, "at_least");
    if (limit->count != LIMIT_UNKNOWN_USERS && limit->count != LIMIT_COMPLAINTS)
        diagnose(
            diagnostics, mark, NULL, "a share of what? Only unknown_users and complaints have one");
    else if (PPM % limit->share.den != 0)
        diagnose(diagnostics, mark, NULL, "a share has at most four places after the point");
    else if (limit->window == WINDOW_NONE || limit->window == WINDOW_BUCKET)
        diagnose(diagnostics, mark, "such as window: sliding 1h",
            "a share needs a window that is no bucket");
}

static void
load_burst(const struct section *section, struct isp_limit *limit)
{
    limit->burst = (uint64_t)section_whole(section, "burst");
    if (limit->burst > 0 && limit->window != WINDOW_BUCKET)
        diagnose(section->loader->diagnostics, section_mark(section, "burst"),
            "such as window: bucket 1s", "only a bucket has a burst");
}

static void
load_window(const struct section *section, struct isp_limit *limit)
{
    struct diagnostics *diagnostics = section->loader->diagnostics;
    struct scalar max = section_scalar(section, "max");
    bool is_rate = max.quantity.kind == QUANTITY_RATE;
    struct error err;

    if (section_has(section, "window")) {
        struct scalar window = section_scalar(section, "window");

        limit->window = (enum limit_window)window.word->value;
        limit->window_us = window.whole;
    } else if (is_rate) {
        limit->window = section_has(section, "burst") ? WINDOW_BUCKET : WINDOW_SLIDING;
        limit->window_us = window_of_rate(&max.quantity);
    }
    load_burst(section, limit);
    if (max.quantity.kind == QUANTITY_PERCENT)
        load_share(section, &max, limit);
    else if (is_without_window(limit->count) && (is_rate || limit->window != WINDOW_NONE))
        diagnose(diagnostics, section_mark(section, is_rate ? "max" : "window"), NULL,
            "%.*s are counted as they are: a number without a window",
            SLICE_ARGS(section_scalar(section, "count").text));
    else if (!is_without_window(limit->count) && limit->window == WINDOW_NONE)
        diagnose(diagnostics, section_mark(section, "max"), "such as 500/h, or window: sliding 1h",
            "a count of %.*s needs a window", SLICE_ARGS(section_scalar(section, "count").text));
    else if (!limit_max_in_window(&max, limit->window_us, &limit->max, &err))
        diagnose(diagnostics, section_mark(section, "max"), NULL, "%s", err.text);
}

static struct isp_reply
over_of(const struct section *section)
{
    struct isp_reply reply = reply_of(section, "over");
    struct slice count = section_scalar(section, "count").text;
    struct text text = {0};

    if (reply.is_set)
        return reply;
    text_add_string(&text, "too many ");
    for (size_t i = 0; i < count.length; i++)
        text_add_char(&text, (char)(count.at[i] == '_' ? ' ' : count.at[i]));
    reply = (struct isp_reply){
        true, {.code = 421, .enhanced = {4, 7, 0}}
    };
    reply.reply.text = keep_slice(section->loader, text_slice(&text));
    text_release(&text);
    return reply;
}

/* Where it can answer at all: what is asked must be known, and what counts later has its say there. */
static void
check_stage(const struct section *section, const struct isp_limit *limit, enum smtp_stage stage,
    enum smtp_stage last)
{
    enum smtp_stage first = limit->per & LIMIT_PER_DKIM_DOMAIN ? STAGE_DOT
        : limit->per & LIMIT_PER_SENDER_DOMAIN                 ? STAGE_MAIL
                                                               : STAGE_CONNECT;

    if (stage != STAGE_NONE && (stage < first || stage > last))
        diagnose(section->loader->diagnostics, section_mark(section, "stage"), NULL,
            "this limit can answer from %s to %s", stage_name(first), stage_name(last));
}

static enum smtp_stage
last_stage(const struct isp_limit *limit)
{
    static const enum smtp_stage stages[] = {
        [LIMIT_CONNECTIONS_OPEN] = STAGE_CONNECT,
        [LIMIT_CONNECTIONS] = STAGE_MAIL,
        [LIMIT_MESSAGES] = STAGE_DOT,
        [LIMIT_RECIPIENTS] = STAGE_DOT,
        [LIMIT_BYTES] = STAGE_DOT,
        [LIMIT_UNKNOWN_USERS] = STAGE_RCPT,
        [LIMIT_COMPLAINTS] = STAGE_DOT,
        [LIMIT_MESSAGES_PER_CONNECTION] = STAGE_MAIL,
        [LIMIT_RECIPIENTS_PER_TRANSACTION] = STAGE_RCPT,
        [LIMIT_DOMAINS_PER_TRANSACTION] = STAGE_RCPT,
    };

    if (limit->count == LIMIT_CONNECTIONS_OPEN && limit->per & LIMIT_PER_SENDER_DOMAIN)
        return STAGE_MAIL;
    return stages[limit->count];
}

/* What is not said is as on the rung below. */
static struct isp_rung
load_rung(const struct section *section, size_t i, const struct isp_limit *limit,
    const struct isp_rung *below)
{
    struct isp_rung rung = *below;

    rung.id = id_or_number(section, "rung", i);
    rung.after = (uint32_t)section_whole(section, "after");
    rung.within_us = section_whole(section, "within");
    rung.scale_ppm = section_ppm(section, "max");
    rung.cause = load_cause(section);
    if (section_has(section, "reply"))
        rung.over = reply_of(section, "reply");
    if (section_has(section, "then"))
        rung.then = (enum limit_then)section_whole(section, "then");
    if (section_has(section, "stage"))
        rung.stage = (enum smtp_stage)section_whole(section, "stage");
    if (section_has(section, "hold"))
        rung.hold_us = section_whole(section, "hold");
    check_stage(section, limit, rung.stage, last_stage(limit));
    return rung;
}

static void
load_rungs(const struct section *penalty, struct isp_limit *limit)
{
    struct loader *loader = penalty->loader;
    size_t count = section_count(penalty, "rungs");
    struct isp_rung *rungs = arena_alloc(loader->arena, count * sizeof *rungs + 1);
    struct isp_rung below = {
        .over = limit->over, .then = limit->then, .stage = limit->stage, .hold_us = limit->hold_us};
    struct map ids = {0};

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(penalty, "rungs", i);

        below = rungs[i] = load_rung(&item, i, limit, &below);
        check_unique(loader, &ids, rungs[i].id, section_item_mark(penalty, "rungs", i), "rungs");
    }
    map_release(&ids);
    limit->rungs = rungs;
    limit->rungs_count = count;
}

static void
load_penalty(const struct section *section, struct isp_limit *limit)
{
    struct section penalty = section_nested(section, "penalty");

    limit->hold_factor = ratio_of(1, 1);
    if (penalty.map == NULL)
        return;
    limit->hold_us = section_whole(&penalty, "hold");
    limit->hold_factor = section_ratio(&penalty, "factor");
    limit->hold_us_max = section_whole(&penalty, "max");
    limit->decay_us = section_whole(&penalty, "decay");
    if (!section_has(&penalty, "max"))
        limit->hold_us_max = limit->hold_us > US_PER_DAY ? limit->hold_us : US_PER_DAY;
    if (limit->hold_us_max < limit->hold_us)
        diagnose(section->loader->diagnostics, section_mark(&penalty, "max"), NULL,
            "the longest hold is shorter than the first");
    if (!section_has(&penalty, "hold") && section_count(&penalty, "rungs") == 0)
        diagnose(section->loader->diagnostics, section_mark(section, "penalty"), NULL,
            "this is no penalty: hold or rungs is missing");
    load_rungs(&penalty, limit);
}

static void
check_keys(const struct section *section, const struct isp_limit *limit)
{
    struct diagnostics *diagnostics = section->loader->diagnostics;
    struct mark mark = section_mark(section, "per");

    if ((limit->per & LIMIT_PER_DKIM_DOMAIN) && last_stage(limit) != STAGE_DOT)
        diagnose(diagnostics, mark, NULL,
            "who signed is known at the final dot: messages, recipients, bytes and complaints can "
            "be counted so");
    if ((limit->per & LIMIT_PER_SITE) && limit->per != LIMIT_PER_SITE)
        diagnose(diagnostics, mark, NULL,
            "a site has one counter for everything; nothing stands beside it");
}

static struct isp_limit
load_limit(const struct section *section)
{
    struct isp_limit limit = {
        .id = section_text(section, section_has(section, "id") ? "id" : "count"),
        .count = (enum limit_count)section_whole(section, "count"),
        .per = bits_of(section, "per", LIMIT_PER_SOURCE_IP),
        .stage = (enum smtp_stage)section_whole(section, "stage"),
        .over = over_of(section),
        .then = (enum limit_then)section_whole(section, "then"),
        .cause = load_cause(section),
        .is_unscaled = !section_whole(section, "reputation"),
    };

    check_keys(section, &limit);
    check_stage(section, &limit, limit.stage, last_stage(&limit));
    load_window(section, &limit);
    load_penalty(section, &limit);
    return limit;
}

void
load_limits(const struct section *section, struct isp_config *isp)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "limits");
    struct isp_limit *limits = arena_alloc(loader->arena, count * sizeof *limits + 1);
    struct map ids = {0};

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(section, "limits", i);

        limits[i] = load_limit(&item);
        check_unique(loader, &ids, limits[i].id, section_item_mark(section, "limits", i), "limits");
    }
    map_release(&ids);
    isp->limits = limits;
    isp->limits_count = count;
}
