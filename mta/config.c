/* config.c - what is set about our MTA, from a checked file. */
#include "mta/config.h"

#include "base/map.h"
#include "mta/controller.h"

/* It finds out how many may be; this only bounds what it may try. */
enum { CONNECTIONS_OF_TLE = 1000 };

static struct slice
address_bytes(const struct net_address *address)
{
    return (struct slice){(const char *)address->bytes, address->family == 4 ? 4 : 16};
}

/* The number of an address is its place among the source IPs. */
struct sources {
    struct net_address *addresses;
    struct map numbers;
};

static uint32_t
add_source(struct sources *sources, struct net_address address, bool *is_new)
{
    uint32_t number = map_put(&sources->numbers, address_bytes(&address), is_new);

    address.port = 0;
    sources->addresses[number] = address;
    return number;
}

static void
read_source_ips(const struct section *mta, struct sources *sources)
{
    struct diagnostics *diagnostics = mta->loader->diagnostics;
    size_t count = section_count(mta, "source_ips");
    bool is_new;

    for (size_t i = 0; i < count; i++) {
        add_source(sources, section_item_scalar(mta, "source_ips", i).address, &is_new);
        if (!is_new)
            diagnose(diagnostics, section_item_mark(mta, "source_ips", i), NULL,
                "this source IP is given twice");
    }
    if (count == 0 && section_has(mta, "source_ips"))
        diagnose(
            diagnostics, section_mark(mta, "source_ips"), NULL, "at least one source IP is needed");
}

static void
read_pool(const struct section *item, struct sources *sources, struct pool *pool)
{
    struct loader *loader = item->loader;
    size_t count = section_count(item, "ips");
    struct pool_member *members = arena_alloc(loader->arena, count * sizeof *members + 1);

    for (size_t i = 0; i < count; i++) {
        struct section ip = section_item(item, "ips", i);
        bool is_new;

        members[i] = (struct pool_member){
            .source = add_source(sources, section_scalar(&ip, "ip").address, &is_new),
            .weight = (uint32_t)section_whole(&ip, "weight")};
        for (size_t j = 0; j < i; j++)
            if (members[j].source == members[i].source)
                diagnose(loader->diagnostics, section_mark(&ip, "ip"), NULL,
                    "this IP is in the pool already");
    }
    if (count == 0)
        diagnose(
            loader->diagnostics, section_mark(item, "ips"), NULL, "a pool needs at least one IP");
    pool->members = members;
    pool->members_count = count;
}

static void
read_pools(const struct section *mta, struct sources *sources, struct mta_config *config)
{
    size_t count = section_count(mta, "pools");
    struct pool *pools = arena_alloc_zeroed(mta->loader->arena, (count + 1) * sizeof *pools);

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(mta, "pools", i);

        pools[i].name = section_item_name(mta, "pools", i);
        read_pool(&item, sources, &pools[i]);
    }
    config->pools = pools;
    config->pools_count = count;
}

static void
read_sources(const struct section *mta, struct mta_config *config)
{
    size_t count_max = section_count(mta, "source_ips");
    struct sources sources = {0};

    for (size_t i = 0; i < section_count(mta, "pools"); i++) {
        struct section item = section_item(mta, "pools", i);

        count_max += section_count(&item, "ips");
    }
    sources.addresses =
        arena_alloc_zeroed(mta->loader->arena, (count_max + 1) * sizeof *sources.addresses);
    read_source_ips(mta, &sources);
    config->own_ips_count = sources.numbers.count;
    read_pools(mta, &sources, config);
    config->source_ips = sources.addresses;
    config->source_ips_count = sources.numbers.count;
    map_release(&sources.numbers);
}

static const struct pool *
pool_of(const struct section *item, const struct mta_config *config)
{
    struct slice name = section_text(item, "pool");

    if (!section_has(item, "pool"))
        return NULL;
    for (size_t i = 0; i < config->pools_count; i++)
        if (slice_equals(config->pools[i].name, name))
            return &config->pools[i];
    diagnose(item->loader->diagnostics, section_mark(item, "pool"), NULL,
        "mta.pools has no pool '%.*s'", SLICE_ARGS(name));
    return NULL;
}

static void
set_count(const struct section *section, const char *key, uint32_t *count)
{
    if (section_has(section, key))
        *count = (uint32_t)section_whole(section, key);
}

/* Who reads the type of a reply. */
#define READ_TYPES                                                              \
    (1u << CONTROLLER_TLE | 1u << CONTROLLER_AIMD | 1u << CONTROLLER_MOMENTUM | \
        1u << CONTROLLER_KUMO)

/* A key that another controller reads would be a setting that does nothing. */
static const struct {
    const char *key;
    unsigned kinds; /* bit by kind */
} keys_of_controllers[] = {
    {"floor",           1u << CONTROLLER_AIMD                            },
    {"cut",             1u << CONTROLLER_AIMD                            },
    {"grow",            1u << CONTROLLER_AIMD                            },
    {"feedback",        1u << CONTROLLER_POSTFIX                         },
    {"initial",         1u << CONTROLLER_POSTFIX                         },
    {"cohorts",         1u << CONTROLLER_POSTFIX                         },
    {"dead_for",        1u << CONTROLLER_POSTFIX                         },
    {"rate",            1u << CONTROLLER_MOMENTUM | 1u << CONTROLLER_KUMO},
    {"suspend_for",     1u << CONTROLLER_MOMENTUM                        },
    {"down_every",      1u << CONTROLLER_MOMENTUM                        },
    {"up_every",        1u << CONTROLLER_MOMENTUM                        },
    {"sweep_every",     1u << CONTROLLER_MOMENTUM                        },
    {"sweep_attempts",  1u << CONTROLLER_MOMENTUM                        },
    {"release_every",   1u << CONTROLLER_MOMENTUM                        },
    {"sweep_low",       1u << CONTROLLER_MOMENTUM                        },
    {"sweep_high",      1u << CONTROLLER_MOMENTUM                        },
    {"fbl_deliveries",  1u << CONTROLLER_MOMENTUM                        },
    {"fbl_low",         1u << CONTROLLER_MOMENTUM                        },
    {"fbl_high",        1u << CONTROLLER_MOMENTUM                        },
    {"trigger_window",  1u << CONTROLLER_KUMO                            },
    {"warmup",          1u << CONTROLLER_MOMENTUM                        },
    {"age",             1u << CONTROLLER_MOMENTUM                        },
    {"probe_budget",    1u << CONTROLLER_TLE                             },
    {"quota_learner",   1u << CONTROLLER_TLE                             },
    {"decoupled",       1u << CONTROLLER_TLE                             },
    {"typing_accuracy", READ_TYPES                                       },
};

static void
check_controller(const struct section *item, enum controller_kind kind)
{
    struct diagnostics *diagnostics = item->loader->diagnostics;

    for (size_t i = 0; i < COUNT_OF(keys_of_controllers); i++)
        if (section_has(item, keys_of_controllers[i].key) &&
            (keys_of_controllers[i].kinds & 1u << kind) == 0)
            diagnose(diagnostics, section_mark(item, keys_of_controllers[i].key), NULL,
                "the controller %s has no such setting", controller_name(kind));
    if (kind == CONTROLLER_AIMD && !section_has(item, "floor"))
        diagnose(diagnostics, section_mark(item, "controller"), NULL,
            "aimd needs a floor: the pace it starts at");
}

static void
read_settings(const struct section *item, struct mx_rule *rule)
{
    struct controller_settings *settings = &rule->settings;

    check_controller(item, rule->controller);
    settings->floor =
        section_has(item, "floor") ? section_ratio(item, "floor") : settings->message_rate;
    settings->cut = section_ratio(item, "cut");
    settings->grow = section_ratio(item, "grow");
    settings->feedback = (enum feedback_kind)section_whole(item, "feedback");
    settings->initial = (uint32_t)section_whole(item, "initial");
    settings->cohorts = (uint32_t)section_whole(item, "cohorts");
    settings->dead_for_us = section_whole(item, "dead_for");
    settings->message_rate = section_ratio(item, "rate");
    settings->suspend_for_us = section_whole(item, "suspend_for");
    settings->down_every_us = section_whole(item, "down_every");
    settings->up_every_us = section_whole(item, "up_every");
    settings->sweep_every_us = section_whole(item, "sweep_every");
    settings->release_every_us = section_whole(item, "release_every");
    settings->fbl_deliveries = (uint32_t)section_whole(item, "fbl_deliveries");
    settings->fbl_low_ppm = section_ppm(item, "fbl_low");
    settings->fbl_high_ppm = section_ppm(item, "fbl_high");
    settings->counts_for_the_period = section_whole(item, "trigger_window") == 1;
    settings->sweep_attempts = (uint32_t)section_whole(item, "sweep_attempts");
    settings->sweep_low_ppm = section_ppm(item, "sweep_low");
    settings->sweep_high_ppm = section_ppm(item, "sweep_high");
    settings->warmup = (enum warmup_kind)section_whole(item, "warmup");
    settings->age_us = section_whole(item, "age");
    settings->probe_ppm = section_ppm(item, "probe_budget");
    settings->mistyped_ppm = PPM - section_ppm(item, "typing_accuracy");
    settings->takes_quota_for_rate = !section_whole(item, "quota_learner");
    settings->is_coupled = !section_whole(item, "decoupled");
    rule->spares = section_has(item, "defer_refusals")
        ? section_whole(item, "defer_refusals")
        : rule->controller == CONTROLLER_TLE || rule->controller == CONTROLLER_ORACLE;
}

static struct mx_timeouts
read_timeouts(const struct section *item)
{
    struct section timeouts = section_nested(item, "timeouts");

    return (struct mx_timeouts){.connect_us = section_whole(&timeouts, "connect"),
        .banner_us = section_whole(&timeouts, "banner"),
        .command_us = section_whole(&timeouts, "command"),
        .data_us = section_whole(&timeouts, "data"),
        .dot_us = section_whole(&timeouts, "dot")};
}

/* The options that the section gives; the others are left as they are. */
static void
read_options(const struct section *item, struct mx_rule *rule)
{
    static const struct {
        const char *key;
        enum mx_option option;
    } keys[] = {
        {"connections",                OPTION_CONNECTIONS               },
        {"messages_per_connection",    OPTION_MESSAGES_PER_CONNECTION   },
        {"recipients_per_transaction", OPTION_RECIPIENTS_PER_TRANSACTION},
        {"messages_per_hour",          OPTION_MESSAGES_PER_HOUR         },
        {"path",                       OPTION_PATH                      },
        {"tls",                        OPTION_TLS                       },
        {"tls_verify",                 OPTION_TLS_VERIFY                },
        {"timeouts",                   OPTION_TIMEOUTS                  },
    };
    struct section path = section_nested(item, "path");

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (section_has(item, keys[i].key))
            rule->given |= keys[i].option;
    set_count(item, "connections", &rule->connections);
    set_count(item, "messages_per_connection", &rule->messages_per_connection);
    set_count(item, "recipients_per_transaction", &rule->recipients_per_transaction);
    if (section_has(item, "messages_per_hour"))
        rule->messages_per_hour = (uint64_t)section_whole(item, "messages_per_hour");
    rule->shape = (enum hour_shape)section_whole(item, "shape");
    rule->is_own = !section_whole(item, "shared");
    rule->path_connections = (uint32_t)section_whole(&path, "connections");
    rule->path_messages_per_hour = (uint64_t)section_whole(&path, "messages_per_hour");
    rule->tls = (enum tls_policy)section_whole(item, "tls");
    rule->is_tls_verified = section_whole(item, "tls_verify");
    rule->timeouts = read_timeouts(item);
    if (rule->is_tls_verified && rule->tls == TLS_POLICY_OFF)
        diagnose(item->loader->diagnostics, section_mark(item, "tls_verify"), NULL,
            "there is no certificate to verify where tls is off");
    if (section_has(item, "shape") && rule->messages_per_hour == 0)
        diagnose(item->loader->diagnostics, section_mark(item, "shape"), NULL,
            "there is no messages_per_hour here to give a shape to");
}

static void
read_source(
    const struct section *item, const char *key, const struct mta_config *config, uint32_t *source)
{
    struct net_address address = section_scalar(item, key).address;

    for (*source = 0; *source < config->source_ips_count; ++*source)
        if (net_address_same_host(&config->source_ips[*source], &address))
            return;
    diagnose(item->loader->diagnostics, section_mark(item, key), NULL,
        "no source_ips and no pool have this address");
}

static void
read_scope(const struct section *item, const struct mta_config *config, struct mx_scope *scope)
{
    scope->domain = section_text(item, "domain");
    scope->pool = pool_of(item, config);
    scope->is_of_source = section_has(item, "source_ip");
    if (scope->is_of_source)
        read_source(item, "source_ip", config, &scope->source);
    scope->values = mx_rule_default;
    read_options(item, &scope->values);
    if (scope->values.given == 0)
        diagnose(item->loader->diagnostics, item->map->mark, NULL, "this scope says nothing");
}

static struct warmup_plan *
read_plan(const struct section *item)
{
    struct loader *loader = item->loader;
    struct warmup_plan *plan = arena_alloc_zeroed(loader->arena, sizeof *plan);
    uint64_t *days = arena_alloc(loader->arena, WARMUP_DAYS_MAX * sizeof *days);

    plan->has_start = section_has(item, "start");
    plan->start_wall_us = plan->has_start ? section_whole(item, "start") : 0;
    plan->is_for_all = section_whole(item, "per") == 1;
    plan->days = days;
    if (!section_has(item, "plan")) {
        plan->days_count = warmup_days((enum warmup_kind)section_whole(item, "curve"),
            (uint64_t)section_whole(item, "first"), (uint64_t)section_whole(item, "full"), days);
        return plan;
    }
    plan->days_count = section_count(item, "plan");
    if (plan->days_count == 0 || plan->days_count > WARMUP_DAYS_MAX) {
        diagnose(loader->diagnostics, section_mark(item, "plan"), NULL,
            "a plan has from 1 to %d days", WARMUP_DAYS_MAX);
        plan->days_count = 0;
    }
    for (size_t i = 0; i < plan->days_count; i++)
        days[i] = (uint64_t)section_item_scalar(item, "plan", i).whole;
    return plan;
}

/* A scope that says nothing but the plan. */
static void
read_warmup(const struct section *item, const struct mta_config *config, struct mx_scope *scope)
{
    struct diagnostics *diagnostics = item->loader->diagnostics;
    bool is_plan = section_has(item, "plan");

    scope->domain = section_text(item, "domain");
    scope->pool = pool_of(item, config);
    scope->is_of_source = section_has(item, "ip");
    if (scope->is_of_source)
        read_source(item, "ip", config, &scope->source);
    if (!scope->is_of_source && !section_has(item, "pool"))
        diagnose(diagnostics, item->map->mark, NULL, "which ip, or which pool, is new?");
    if (scope->is_of_source && section_has(item, "pool"))
        diagnose(diagnostics, section_mark(item, "pool"), NULL,
            "an ip is named already: one of both is new");
    if (is_plan && section_has(item, "curve"))
        diagnose(diagnostics, section_mark(item, "curve"), NULL, "there is a plan already");
    if (section_has(item, "first") && (is_plan || section_whole(item, "curve") != WARMUP_DOUBLING))
        diagnose(diagnostics, section_mark(item, "first"), NULL, "only doubling has a first day");
    if (section_has(item, "full") && (is_plan || section_whole(item, "curve") != WARMUP_DOUBLING))
        diagnose(diagnostics, section_mark(item, "full"), NULL, "only doubling becomes full");
    scope->values = mx_rule_default;
    scope->values.warmup = read_plan(item);
    scope->values.given = OPTION_WARMUP;
}

static void
read_scopes(const struct section *mta, struct mta_config *config)
{
    size_t scopes_count = section_count(mta, "scopes");
    size_t count = scopes_count + section_count(mta, "warmup");
    struct mx_scope *scopes = arena_alloc_zeroed(mta->loader->arena, count * sizeof *scopes + 1);

    for (size_t i = 0; i < scopes_count; i++) {
        struct section item = section_item(mta, "scopes", i);

        read_scope(&item, config, &scopes[i]);
    }
    for (size_t i = scopes_count; i < count; i++) {
        struct section item = section_item(mta, "warmup", i - scopes_count);

        read_warmup(&item, config, &scopes[i]);
    }
    config->scopes = scopes;
    config->scopes_count = count;
}

static void
read_mx_rules(const struct section *mta, struct mta_config *config)
{
    struct loader *loader = mta->loader;
    size_t count = section_count(mta, "mx");
    struct mx_rule *rules = arena_alloc(loader->arena, count * sizeof *rules + 1);

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(mta, "mx", i);

        rules[i] = mx_rule_default;
        rules[i].host = section_text(&item, "host");
        rules[i].domain = section_text(&item, "domain");
        rules[i].pool = pool_of(&item, config);
        rules[i].controller = (enum controller_kind)section_whole(&item, "controller");
        read_settings(&item, &rules[i]);
        if (rules[i].controller == CONTROLLER_TLE || rules[i].controller == CONTROLLER_ORACLE)
            rules[i].connections = CONNECTIONS_OF_TLE;
        read_options(&item, &rules[i]);
        if (rules[i].host.length == 0 && rules[i].domain.length == 0 && i + 1 < count)
            diagnose_warning(loader->diagnostics, section_item_mark(mta, "mx", i), NULL,
                "this rule takes every host: those below it never act");
    }
    config->mx_rules = rules;
    config->mx_rules_count = count;
}

/* Read here once to see whether it can be; who delivers reads it for himself. */
void
mta_config_read_automation(const struct section *mta, bool is_beside, struct mta_config *config)
{
    static const struct conf_bounds bounds = {CONF_FILE_BYTES_MAX, CONF_LINE_BYTES_MAX};
    static const char *const keys[] = {
        [AUTOMATION_MOMENTUM] = "momentum", [AUTOMATION_KUMO] = "kumo"};
    struct section rules = section_nested(mta, "rules");
    struct loader *loader = mta->loader;

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct automation_tables one = {0};
        struct automation *automation;
        struct mark mark, named;
        struct error err = {0};

        if (!section_has(&rules, keys[i]))
            continue;
        named = section_mark(&rules, keys[i]);
        one.of[i].filename = is_beside
            ? filename_beside(loader->arena, named.filename, section_text(&rules, keys[i]))
            : section_text(&rules, keys[i]).at;
        if (conf_read_file(one.of[i].filename, &bounds, loader->arena, &one.of[i].rows, &mark,
                &err) != CONF_READ) {
            diagnose(loader->diagnostics, named, NULL, "%s cannot be read: %s", one.of[i].filename,
                err.kind != ERROR_NONE ? err.text : "there is no such file");
            continue;
        }
        automation = automation_read(&one, &err);
        if (automation == NULL)
            diagnose(loader->diagnostics, named, NULL, "%s", err.text);
        automation_free(&automation);
        config->automation.of[i] = one.of[i];
    }
}

void
mta_config_read(const struct section *mta, struct mta_config *config)
{
    struct section retry = section_nested(mta, "retry"), efs = section_nested(mta, "efs");
    struct section inmail = section_nested(mta, "inmail");

    config->hostname = section_text(mta, "hostname");
    config->retry.first_us = section_whole(&retry, "first");
    config->retry.factor = section_ratio(&retry, "factor");
    config->retry.cap_us = section_whole(&retry, "cap");
    config->retry.jitter_ppm = section_ppm(&retry, "jitter");
    config->validity_us = section_whole(mta, "validity");
    if (config->validity_us > MTA_VALIDITY_US_MAX)
        config->validity_us = MTA_VALIDITY_US_MAX;
    config->efs_batch = (uint32_t)section_whole(&efs, "batch");
    config->efs_every_us = section_whole(&efs, "every");
    if (section_has(mta, "size_max"))
        config->size_max = (uint64_t)section_whole(mta, "size_max");
    config->inmail.poll_us = section_whole(&inmail, "poll");
    config->inmail.window_us = section_whole(&inmail, "window");
    read_sources(mta, config);
    read_scopes(mta, config);
    read_mx_rules(mta, config);
}
