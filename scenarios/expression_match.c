/* expression_match.c - a field of an event against a constant; and whether what is named exists: events,
 * deliveries, ISPs, hosts, limits. */
#include "scenarios/expression_compiler.h"

/* Text that diagnostics show lives in the parts' arena: names of the scenario do not end in NUL. */
const char *
compiler_copy_name(struct compiler *compiler, struct slice name)
{
    return arena_copy(&compiler->context->parts->arena, name.at, name.length);
}

bool
compiler_find_delivery(struct compiler *compiler, size_t from, struct slice name, size_t *delivery)
{
    const struct campaign_config *campaign = &compiler->context->scenario->campaign;
    const char *names[NAMES_SHOWN_MAX];
    size_t count = 0;

    for (size_t i = 0; i < campaign->deliveries_count; i++) {
        if (slice_equals(campaign->deliveries[i].name, name)) {
            *delivery = i;
            return true;
        }
        if (count < NAMES_SHOWN_MAX)
            names[count++] = compiler_copy_name(compiler, campaign->deliveries[i].name);
    }
    return compiler_fail_with_words(
        compiler, from, from + name.length, name, names, count, "delivery");
}

bool
compiler_find_isp(struct compiler *compiler, size_t from, struct slice name, size_t *isp)
{
    const struct scenario *scenario = compiler->context->scenario;
    const char *names[NAMES_SHOWN_MAX];
    size_t count = 0;

    for (size_t i = 0; i < scenario->isps_count; i++) {
        if (slice_equals(scenario->isps[i].name, name)) {
            *isp = i;
            return true;
        }
        if (count < NAMES_SHOWN_MAX)
            names[count++] = compiler_copy_name(compiler, scenario->isps[i].name);
    }
    return compiler_fail_with_words(compiler, from, from + name.length, name, names, count, "ISP");
}

/* Which ISPs, or deliveries, a pattern means. A name without a glob must be one of them. */
static bool
match_indexes(struct compiler *compiler, size_t from, struct field_match *match)
{
    const struct scenario *scenario = compiler->context->scenario;
    bool is_isp = match->field == FIELD_ISP;
    size_t count = is_isp ? scenario->isps_count : scenario->campaign.deliveries_count;
    bool *hits = arena_alloc_zeroed(&compiler->context->parts->arena, count + 1);
    size_t index;

    match->hits = hits;
    if (!pattern_is_glob(match->pattern)) {
        if (is_isp ? !compiler_find_isp(compiler, from, match->pattern, &index)
                   : !compiler_find_delivery(compiler, from, match->pattern, &index))
            return false;
        hits[index] = true;
        return true;
    }
    for (size_t i = 0; i < count; i++)
        hits[i] = slice_glob(match->pattern,
            is_isp ? scenario->isps[i].name : scenario->campaign.deliveries[i].name);
    return true;
}

/* Names that an event's host, or limit, can carry; at most NAMES_SHOWN_MAX of them. */
static size_t
known_names(struct compiler *compiler, enum event_field field, const char **names)
{
    const struct scenario *scenario = compiler->context->scenario;
    size_t count = 0;

    for (size_t i = 0; i < scenario->isps_count; i++) {
        const struct isp_config *isp = &scenario->isps[i];

        for (size_t j = 0; field == FIELD_HOST && j < isp->hosts_count; j++) {
            if (count + 2 <= NAMES_SHOWN_MAX) {
                names[count++] = compiler_copy_name(compiler, isp->hosts[j].name);
                names[count++] = compiler_copy_name(compiler, isp->hosts[j].fqdn);
            }
        }
        for (size_t j = 0; field == FIELD_LIMIT && j < isp->limits_count; j++)
            if (count < NAMES_SHOWN_MAX)
                names[count++] = compiler_copy_name(compiler, isp->limits[j].id);
        if (field == FIELD_LIMIT && isp->reputation.is_on && count < NAMES_SHOWN_MAX)
            names[count++] = "reputation";
        if (field == FIELD_LIMIT && isp->warming.is_on && count < NAMES_SHOWN_MAX)
            names[count++] = "warming";
    }
    return count;
}

static bool
is_zone_host(const struct scenario *scenario, struct slice host)
{
    for (size_t i = 0; i < scenario->records_count; i++) {
        const struct zone_record *record = &scenario->records[i];
        struct slice label, rest;

        if (slice_equals_nocase(record->name, host) || slice_equals_nocase(record->host, host))
            return true;
        slice_cut(record->host, '.', &label, &rest);
        if (label.length > 0 && slice_equals_nocase(label, host))
            return true;
    }
    return false;
}

/* A host or a limit that nobody has is a slip; only beyond NAMES_SHOWN_MAX we cannot tell. */
static bool
check_name(struct compiler *compiler, size_t from, const struct field_match *match)
{
    const char *names[NAMES_SHOWN_MAX];
    size_t count = known_names(compiler, match->field, names);

    if (pattern_is_glob(match->pattern) || count + 2 > NAMES_SHOWN_MAX)
        return true;
    for (size_t i = 0; i < count; i++)
        if (slice_equals_nocase(match->pattern, slice_of(names[i])))
            return true;
    if (match->field == FIELD_HOST && is_zone_host(compiler->context->scenario, match->pattern))
        return true;
    return compiler_fail_with_words(compiler, from, from + match->pattern.length, match->pattern,
        names, count, field_name(match->field));
}

bool
compiler_build_match(struct compiler *compiler, enum event_field field, size_t from,
    struct slice pattern, struct field_match *match)
{
    enum vocabulary vocabulary = field_vocabulary(field);
    const char *words[WORDS_MAX];
    size_t to = from + (pattern.length > 0 ? pattern.length : 1);

    *match = (struct field_match){.field = field, .pattern = pattern};
    if (vocabulary != WORDS_FREE) {
        match->words = vocabulary_match(vocabulary, pattern);
        if (match->words != 0)
            return true;
        return compiler_fail_with_words(compiler, from, to, pattern, words,
            vocabulary_words(vocabulary, words), field_name(field));
    }
    if (field == FIELD_ISP || field == FIELD_DELIVERY)
        return match_indexes(compiler, from, match);
    if (field_is_number(field) && !pattern_is_glob(pattern)) {
        match->has_number = slice_to_u64(pattern, &match->number);
        return match->has_number ||
            compiler_fail(compiler, from, to, NULL, "`%s` is a number, \"%.*s\" is none",
                field_name(field), SLICE_ARGS(pattern));
    }
    if ((field == FIELD_HOST || field == FIELD_LIMIT) && !check_name(compiler, from, match))
        return false;
    match->is_local_part = field == FIELD_RCPT &&
        (pattern.length == 0 || memchr(pattern.at, '@', pattern.length) == NULL);
    match->memory = compiler->context->parts->memories_count++;
    return true;
}

/* A handshake is missed only where it is required. */
static bool
scenario_has_tls(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t j = 0; j < scenario->isps[i].hosts_count; j++)
            if (scenario->isps[i].hosts[j].tls.is_offered)
                return true;
    for (size_t i = 0; i < scenario->mta.mx_rules_count; i++)
        if (scenario->mta.mx_rules[i].tls == TLS_POLICY_REQUIRED)
            return true;
    return false;
}

static const char *
why_nobody_writes(const struct scenario *scenario, enum event_kind kind)
{
    size_t limits_count = 0, returns_count = 0;
    bool is_static = true, is_authenticating = false, is_foreign = scenario->sut.kind != SUT_NONE;

    for (size_t i = 0; i < scenario->isps_count; i++) {
        limits_count += scenario->isps[i].limits_count + scenario->isps[i].reputation.is_on +
            scenario->isps[i].warming.is_on;
        returns_count += scenario->isps[i].returns_count;
        is_authenticating |= scenario->isps[i].is_authenticating;
    }
    for (size_t i = 0; i < scenario->mta.mx_rules_count; i++)
        is_static &= scenario->mta.mx_rules[i].controller == CONTROLLER_STATIC;
    for (size_t i = 0; i < scenario->mta.scopes_count; i++)
        is_static &= scenario->mta.scopes[i].values.warmup == NULL;
    for (size_t i = 0; i < scenario->changes_count; i++)
        is_static &= scenario->changes[i].kind != CHANGE_HOLD;
    return kind == EVENT_TLS && !scenario_has_tls(scenario)               ? "nobody offers TLS"
        : kind == EVENT_DSN_SENT && returns_count == 0                    ? "no ISP returns mail"
        : kind == EVENT_DSN_RECEIVED && returns_count == 0 && !is_foreign ? "no ISP returns mail"
        : kind == EVENT_TLS && is_foreign         ? "a foreign MTA does not tell of its handshakes"
        : kind == EVENT_BOUNCE_SOFT && is_foreign ? "a foreign MTA tells of failures only"
        : kind == EVENT_FBL_RECEIVED && returns_count == 0 && !is_foreign ? "no ISP returns mail"
        : kind == EVENT_DSN_TROUBLE && returns_count == 0                 ? "no ISP returns mail"
        : kind == EVENT_MX_CHANGED && is_static        ? "every MX rule is static"
        : kind == EVENT_AUTH && !is_authenticating     ? "no ISP verifies (isps.NAME.auth)"
        : kind == EVENT_LIMIT_HIT && limits_count == 0 ? "no ISP has limits"
                                                       : NULL;
}

bool
expression_event_kind(const struct expression_context *context, const struct source *source,
    size_t from, struct slice name, enum event_kind *kind)
{
    struct compiler compiler = {.context = context, .source = source};
    const char *names[EVENT_KINDS_COUNT];
    size_t count = 0, to = from + (name.length > 0 ? name.length : 1);
    const char *why;

    for (int i = EVENT_SUBMITTED; i <= EVENT_MX_CHANGED; i++)
        names[count++] = event_kind_name((enum event_kind)i);
    names[count++] = event_kind_name(EVENT_AUTH);
    names[count++] = event_kind_name(EVENT_DSN_TROUBLE);
    if (!event_kind_from_name(name, kind) ||
        (*kind > EVENT_MX_CHANGED && *kind != EVENT_AUTH && *kind != EVENT_DSN_TROUBLE))
        return compiler_fail_with_words(&compiler, from, to, name, names, count, "event");
    why = why_nobody_writes(context->scenario, *kind);
    return why == NULL ||
        compiler_fail(&compiler, from, to, NULL, "nobody writes \"%.*s\" in this scenario: %s",
            SLICE_ARGS(name), why);
}
