/* loader_isp.c - the mailbox providers of a scenario: hosts, limits, rules, mailboxes. */
#include "base/map.h"
#include "scenarios/loader_isp.h"

void
check_unique(
    struct loader *loader, struct map *names, struct slice name, struct mark mark, const char *what)
{
    bool is_new;

    map_put(names, name, &is_new);
    if (!is_new)
        diagnose(loader->diagnostics, mark, NULL, "there are two %s called \"%.*s\"", what,
            SLICE_ARGS(name));
}

struct slice
id_or_number(const struct section *item, const char *word, size_t i)
{
    struct text id = {0};
    struct slice kept;

    if (section_has(item, "id"))
        return section_text(item, "id");
    text_printf(&id, "%s-%zu", word, i + 1);
    kept = keep_slice(item->loader, text_slice(&id));
    text_release(&id);
    return kept;
}

struct isp_reply
reply_of(const struct section *section, const char *key)
{
    struct isp_reply reply = {0};

    if (!section_has(section, key) && schema_find(section->keys, slice_of(key))->initial == NULL)
        return reply;
    reply.is_set = true;
    reply.reply = section_scalar(section, key).reply;
    reply.reply.text = keep_slice(section->loader, reply.reply.text);
    return reply;
}

uint32_t
bits_of(const struct section *section, const char *key, uint32_t initial)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < section_count(section, key); i++)
        bits |= (uint32_t)section_item_scalar(section, key, i).whole;
    return bits != 0 ? bits : initial;
}

enum bounce_class
load_cause(const struct section *section)
{
    int64_t number = section_whole(section, "cause");

    if (section_has(section, "cause") && !class_is_known((uint64_t)number)) {
        diagnose(section->loader->diagnostics, section_mark(section, "cause"),
            "such as 10, 22, 50 or 70", "there is no bounce class %lld", (long long)number);
        return CLASS_NONE;
    }
    return (enum bounce_class)number;
}

/* Rules. */

static void
load_action(const struct section *section, struct isp_rule *rule)
{
    struct diagnostics *diagnostics = section->loader->diagnostics;
    struct mark mark = section_mark(section, "id");
    bool is_close = section_whole(section, "close"), is_reset = section_whole(section, "reset");
    bool is_silent = section_whole(section, "silent");

    rule->reply = reply_of(section, "reply");
    rule->delay_us = section_whole(section, "delay");
    rule->drip_us = section_whole(section, "drip");
    rule->action = is_close  ? ACTION_CLOSE
        : is_reset           ? ACTION_RESET
        : is_silent          ? ACTION_SILENT
        : rule->reply.is_set ? ACTION_REPLY
                             : ACTION_DELAY;
    if (is_close + is_reset + is_silent > 1)
        diagnose(diagnostics, mark, NULL, "a rule has one of close, reset and silent");
    else if ((is_reset || is_silent) && rule->reply.is_set)
        diagnose(diagnostics, section_mark(section, "reply"), NULL,
            "a rule that is %s does not reply", is_reset ? "a reset" : "silent");
    else if (rule->drip_us > 0 && !rule->reply.is_set)
        diagnose(diagnostics, section_mark(section, "drip"), NULL, "a drip needs a reply");
    else if (rule->action == ACTION_DELAY && rule->delay_us == 0)
        diagnose(diagnostics, mark, NULL,
            "rule %.*s does nothing: reply, delay, close, reset or silent is missing",
            SLICE_ARGS(rule->id));
}

/* What is not known yet at a stage cannot be asked there. */
static void
check_stage(const struct section *section, enum smtp_stage stage)
{
    static const struct {
        const char *key;
        enum smtp_stage first;
    } conditions[] = {
        {"from",    STAGE_MAIL},
        {"to",      STAGE_RCPT},
        {"attempt", STAGE_RCPT},
        {"while",   STAGE_RCPT},
        {"header",  STAGE_BODY},
        {"auth",    STAGE_DOT },
    };

    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        if (section_has(section, conditions[i].key) &&
            (stage < conditions[i].first || stage > STAGE_DOT))
            diagnose(section->loader->diagnostics, section_mark(section, conditions[i].key), NULL,
                "\"%s\" is not known at the stage %s", conditions[i].key, stage_name(stage));
}

static void
load_wanted(const struct section *section, struct isp_rule *rule)
{
    struct section wanted = section_nested(section, "auth");

    for (int i = 0; i < AUTH_METHODS_COUNT; i++) {
        const char *method = auth_method_name((enum auth_method)i);

        for (size_t j = 0; j < section_count(&wanted, method); j++)
            rule->auth.bits[i] |=
                auth_word_bits((enum auth_method)i, section_item_scalar(&wanted, method, j).text);
    }
}

static void
load_conditions(const struct section *section, struct isp_rule *rule)
{
    struct error err;

    load_wanted(section, rule);

    rule->to = section_text(section, "to");
    rule->from = section_text(section, "from");
    rule->header = section_text(section, "header");
    if (rule->header.length > 0 && memchr(rule->header.at, ':', rule->header.length) == NULL)
        diagnose(section->loader->diagnostics, section_mark(section, "header"), NULL,
            "a header is written as \"Name: pattern\"");
    if (section_has(section, "attempt")) {
        struct scalar range = section_scalar(section, "attempt");

        rule->attempt_min = range.min < UINT32_MAX ? (uint32_t)range.min : UINT32_MAX;
        rule->attempt_max = range.max < UINT32_MAX ? (uint32_t)range.max : UINT32_MAX;
        if (range.max == 0)
            diagnose(section->loader->diagnostics, section_mark(section, "attempt"), NULL,
                "attempts are counted from 1");
    }
    if (section_has(section, "while") &&
        !conditions_parse(section->loader, section_scalar(section, "while").text, &rule->conditions,
            &rule->conditions_count, &err))
        diagnose(
            section->loader->diagnostics, section_mark(section, "while"), NULL, "%s", err.text);
}

static struct isp_rule
load_rule(const struct section *section, size_t i)
{
    struct isp_rule rule = {
        .id = id_or_number(section, "rule", i),
        .stage = (enum smtp_stage)section_whole(section, "stage"),
        .share_ppm = section_ppm(section, "share"),
        .times = (uint64_t)section_whole(section, "times"),
        .cause = load_cause(section),
    };

    check_stage(section, rule.stage);
    load_conditions(section, &rule);
    load_action(section, &rule);
    if (rule.cause != CLASS_NONE && (!rule.reply.is_set || rule.reply.reply.code < 400))
        diagnose(section->loader->diagnostics, section_mark(section, "cause"), NULL,
            "a cause needs a reply that refuses");
    return rule;
}

static void
load_rules(const struct section *section, struct isp_config *isp)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "rules");
    struct isp_rule *rules = arena_alloc(loader->arena, count * sizeof *rules + 1);
    struct map ids = {0};

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(section, "rules", i);

        rules[i] = load_rule(&item, i);
        check_unique(loader, &ids, rules[i].id, section_item_mark(section, "rules", i), "rules");
    }
    map_release(&ids);
    isp->rules = rules;
    isp->rules_count = count;
}

/* Greylist and mailboxes. */

static void
load_greylist(const struct section *section, struct isp_config *isp)
{
    struct section greylist = section_nested(section, "greylist");

    isp->greylist = (struct isp_greylist){
        .is_on = section_has(section, "greylist"),
        .key = bits_of(&greylist, "key", GREY_IP | GREY_FROM | GREY_TO),
        .delay_us = section_whole(&greylist, "delay"),
        .forget_us = section_whole(&greylist, "forget"),
        .reply = reply_of(&greylist, "reply"),
    };
}

static void
load_mailboxes(const struct section *section, struct isp_config *isp)
{
    size_t count = section_count(section, "mailboxes");
    struct isp_mailbox *mailboxes =
        arena_alloc(section->loader->arena, count * sizeof *mailboxes + 1);

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(section, "mailboxes", i);

        mailboxes[i] = (struct isp_mailbox){
            .id = section_text(&item, "id"),
            .to = section_text(&item, "to"),
            .is = (enum mailbox_truth)section_whole(&item, "is"),
            .share_ppm = section_ppm(&item, "share"),
            .for_us = section_whole(&item, "for"),
            .reply = reply_of(&item, "reply"),
        };
    }
    isp->mailboxes = mailboxes;
    isp->mailboxes_count = count;
}

static struct isp_host_tls
load_host_tls(const struct section *host)
{
    struct section tls = section_nested(host, "tls");
    struct isp_host_tls loaded = {.is_offered = section_whole(&tls, "offer"),
        .certificate = (enum tls_certificate)section_whole(&tls, "certificate"),
        .fault = (enum isp_tls_fault)section_whole(&tls, "fault")};

    if (!loaded.is_offered && (section_has(&tls, "certificate") || section_has(&tls, "fault")))
        diagnose(host->loader->diagnostics, section_mark(host, "tls"), NULL,
            "a certificate or a fault of TLS means nothing where it is not offered");
    return loaded;
}

/* Hosts get their names in DNS and their addresses from loader_dns.c. */
static struct isp_host *
load_hosts(const struct section *section, size_t *count)
{
    struct isp_host *hosts;

    *count = section_count(section, "hosts");
    hosts = arena_alloc_zeroed(section->loader->arena, (*count + 1) * sizeof *hosts);
    for (size_t i = 0; i < *count; i++) {
        struct section item = section_item(section, "hosts", i);

        hosts[i].name = section_item_name(section, "hosts", i);
        hosts[i].rtt_us = section_whole(&item, "rtt");
        hosts[i].mutations = bits_of(&item, "mutate", 0);
        hosts[i].fault = (unsigned)section_whole(&item, "fault");
        hosts[i].tls = load_host_tls(&item);
        hosts[i].is_telling_limits = section_whole(&item, "tells_limits");
    }
    if (*count == 0) {
        struct section none = {
            section->loader, schema_find(section->keys, SLICE("hosts"))->nested, NULL};

        hosts[0].name = SLICE("mx1");
        hosts[0].rtt_us = section_whole(&none, "rtt");
        *count = 1;
    }
    return hosts;
}

/* Verifying costs; it is done where somebody wants to know. */
static void
load_auth(const struct section *section, struct isp_config *isp)
{
    struct section auth = section_nested(section, "auth");

    isp->auth.key_bits_min = (uint32_t)section_whole(&auth, "key_bits_min");
    isp->is_authenticating = section_has(section, "auth") && section_whole(&auth, "check");
    for (size_t i = 0; i < isp->rules_count; i++)
        for (int j = 0; j < AUTH_METHODS_COUNT; j++)
            isp->is_authenticating |= isp->rules[i].auth.bits[j] != 0;
    isp->is_authenticating |=
        ((isp->reputation.per | isp->warming.per) & LIMIT_PER_DKIM_DOMAIN) != 0;
    for (size_t i = 0; i < isp->limits_count; i++)
        isp->is_authenticating |= (isp->limits[i].per & LIMIT_PER_DKIM_DOMAIN) != 0;
}

static void
load_domains(const struct section *section, struct isp_config *isp, struct map *served)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "serves");
    struct slice *domains = arena_alloc(loader->arena, count * sizeof *domains + 1);
    bool is_new;

    for (size_t i = 0; i < count; i++) {
        domains[i] = keep_lower(loader, section_item_scalar(section, "serves", i).text);
        map_put(served, domains[i], &is_new);
        if (!is_new)
            diagnose(loader->diagnostics, section_item_mark(section, "serves", i), NULL,
                "%.*s is served twice; a domain has one provider", SLICE_ARGS(domains[i]));
    }
    if (count == 0)
        diagnose(loader->diagnostics, section_mark(section, "serves"), NULL,
            "isps.%.*s serves no domain", SLICE_ARGS(isp->name));
    isp->domains = domains;
    isp->domains_count = count;
}

void
load_isps(struct loader *loader, const struct section *root)
{
    size_t count = section_count(root, "isps");
    struct isp_config *isps = arena_alloc_zeroed(loader->arena, (count + 1) * sizeof *isps);
    struct map served = {0};

    parts_of(loader)->hosts =
        arena_alloc(loader->arena, (count + 1) * sizeof parts_of(loader)->hosts[0]);
    for (size_t i = 0; i < count; i++) {
        struct section section = section_item(root, "isps", i);
        struct section ehlo = section_nested(&section, "ehlo");

        isps[i].name = section_item_name(root, "isps", i);
        load_domains(&section, &isps[i], &served);
        isps[i].hosts = parts_of(loader)->hosts[i] = load_hosts(&section, &isps[i].hosts_count);
        load_limits(&section, &isps[i]);
        load_reputation(&section, &isps[i]);
        load_warming(&section, &isps[i]);
        load_rules(&section, &isps[i]);
        load_auth(&section, &isps[i]);
        load_greylist(&section, &isps[i]);
        load_mailboxes(&section, &isps[i]);
        load_returns(&section, &isps[i]);
        isps[i].size_max = (uint64_t)section_whole(&section, "size_max");
        isps[i].recipients_max = (uint32_t)section_whole(&section, "recipients_max");
        isps[i].is_without_ehlo = !section_whole(&ehlo, "supported");
        isps[i].is_without_pipelining = !section_whole(&ehlo, "pipelining");
        isps[i].is_without_8bitmime = !section_whole(&ehlo, "8bitmime");
    }
    map_release(&served);
    parts_of(loader)->scenario->isps = parts_of(loader)->isps = isps;
    parts_of(loader)->scenario->isps_count = count;
}
