/* settings.c - the file of the program, mta.yaml. */
#include "mta/settings.h"

#include "base/mem.h"
#include "base/embedded.h"
#include "mta/config.h"
#include "mta/keys.h"

/* The arena is behind the settings, so that freeing one frees all. */
struct loaded {
    struct settings settings; /* must be first */
    struct arena arena;
};

/* A NUL follows. */
static const char *
filename_of(const struct section *section, const char *key)
{
    return section_has(section, key) ? section_text(section, key).at : NULL;
}

static void
load_files(const struct section *root, struct settings *settings)
{
    struct section log = section_nested(root, "log"), rules = section_nested(root, "rules");
    struct section efs = section_nested(root, "efs"), tls = section_nested(root, "tls");

    settings->tls_certificate = filename_of(&tls, "certificate");
    settings->tls_key = filename_of(&tls, "key");
    settings->tls_trust = filename_of(&tls, "trust");
    if ((settings->tls_certificate == NULL) != (settings->tls_key == NULL))
        diagnose(root->loader->diagnostics, tls.map->mark, NULL,
            "a certificate has a key, and a key a certificate");
    settings->spool = filename_of(root, "spool");
    settings->control = filename_of(root, "control");
    settings->feedback = filename_of(&efs, "to");
    settings->bounce_rules = filename_of(&rules, "bounce");
    settings->class_rules = filename_of(&rules, "class");
    settings->inbound_rules = filename_of(&rules, "inbound");
    settings->log.events = filename_of(&log, "events");
    settings->log.mainlog = filename_of(&log, "mainlog");
    settings->log.bouncelog = filename_of(&log, "bouncelog");
    settings->log.fbllog = filename_of(&log, "fbllog");
}

static void
load_dns(const struct section *root, struct settings *settings)
{
    struct section dns = section_nested(root, "dns");
    size_t count = section_count(&dns, "servers");

    if (count > SETTINGS_SERVERS_MAX) {
        diagnose(root->loader->diagnostics,
            section_item_mark(&dns, "servers", SETTINGS_SERVERS_MAX), NULL,
            "at most %d servers are asked", SETTINGS_SERVERS_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++)
        settings->dns_servers[i] = section_item_scalar(&dns, "servers", i).address;
    settings->dns_servers_count = count;
}

static void
load_inbound(const struct section *root, struct mta_config *config)
{
    size_t count = section_count(root, "return_domains");
    struct slice *domains = arena_alloc(root->loader->arena, count * sizeof *domains + 1);

    for (size_t i = 0; i < count; i++)
        domains[i] = keep_lower(root->loader, section_item_scalar(root, "return_domains", i).text);
    config->return_domains = domains;
    config->return_domains_count = count;
    if (section_has(root, "inbound"))
        config->inbound = section_scalar(root, "inbound").address;
    if (section_has(root, "inbound") != (count > 0))
        diagnose(root->loader->diagnostics,
            section_mark(root, count > 0 ? "return_domains" : "inbound"), NULL,
            "inbound and return_domains belong together: where, and for whom");
}

/* A file of its own, because the settings may be shown to anybody. */
static void
load_verp_key(const struct section *inmail, struct settings *settings)
{
    static const struct conf_bounds bounds = {CONF_FILE_BYTES_MAX, CONF_LINE_BYTES_MAX};
    struct loader *loader = inmail->loader;
    const char *filename = section_text(inmail, "key").at;
    struct mark mark = {.filename = filename};
    struct error err = {0};
    struct slice hex;

    if (conf_read_file(filename, &bounds, loader->arena, &hex, &mark, &err) != CONF_READ)
        diagnose(loader->diagnostics, section_mark(inmail, "key"), NULL, "%s",
            err.kind != ERROR_NONE ? err.text : "there is no such file");
    else if (!verp_key_parse(slice_trim(hex), &settings->verp_key))
        diagnose(loader->diagnostics, section_mark(inmail, "key"), NULL,
            "%s is no key: 32 hexadecimal digits are", filename);
    settings->has_verp_key = true;
}

static void
load_inmail(const struct section *root, struct settings *settings)
{
    struct section inmail = section_nested(root, "inmail");

    settings->mta.inmail.instance = section_text(&inmail, "instance");
    settings->mta.inmail.is_any_instance = !section_whole(&inmail, "check_instance");
    if (section_has(&inmail, "key"))
        load_verp_key(&inmail, settings);
    if (section_has(root, "inmail") && !section_has(root, "inbound"))
        diagnose(root->loader->diagnostics, section_mark(root, "inmail"), NULL,
            "without inbound no mail comes back");
}

/* Without a choice of ours the kernel chooses whom we send from. */
static void
use_any_source(struct loader *loader, struct mta_config *config)
{
    config->source_ips = arena_alloc_zeroed(loader->arena, sizeof *config->source_ips);
    config->source_ips_count = 1;
}

/* In the world nobody knows the truth. */
static void
refuse_oracles(const struct section *root, const struct mta_config *config)
{
    for (size_t i = 0; i < config->mx_rules_count; i++) {
        struct section item = section_item(root, "mx", i);

        if (config->mx_rules[i].controller == CONTROLLER_ORACLE)
            diagnose(root->loader->diagnostics, section_mark(&item, "controller"), NULL,
                "an oracle asks the provider for its limits: there is one in scenarios only");
    }
}

/* A program may be started anew on any day. */
static void
check_warmup(const struct section *root)
{
    for (size_t i = 0; i < section_count(root, "warmup"); i++) {
        struct section item = section_item(root, "warmup", i);

        if (!section_has(&item, "start"))
            diagnose(root->loader->diagnostics, section_item_mark(root, "warmup", i), NULL,
                "a program may be restarted: when does this plan start?");
    }
}

static void
load(const struct section *root, struct settings *settings)
{
    struct section dkim = section_nested(root, "dkim");
    struct mta_config *config = &settings->mta;

    *config = mta_config_default();
    mta_config_read(root, config);
    mta_config_read_automation(root, false, config);
    refuse_oracles(root, config);
    if (section_has(root, "dkim"))
        dkim_config_read(&dkim, SLICE(""), false, &config->dkim);
    config->listen = section_scalar(root, "listen").address;
    config->port = (uint16_t)section_whole(root, "port");
    if (config->source_ips_count == 0)
        use_any_source(root->loader, config);
    if (section_has(root, "metrics"))
        settings->metrics = section_scalar(root, "metrics").address;
    settings->stop_within_us = section_whole(root, "stop_within");
    settings->speed = (uint32_t)section_whole(root, "speed");
    check_warmup(root);
    load_inbound(root, config);
    load_inmail(root, settings);
    load_files(root, settings);
    load_dns(root, settings);
    if (net_address_equals(&settings->metrics, &config->listen))
        diagnose(root->loader->diagnostics, section_mark(root, "metrics"), NULL,
            "messages are submitted at this address already");
}

static struct settings *
load_tree(const char *filename, const struct conf_node *tree, struct diagnostics *diagnostics)
{
    struct loaded *loaded = mem_alloc_zeroed(sizeof *loaded);
    struct settings *settings = &loaded->settings;
    struct loader loader = {.arena = &loaded->arena,
        .diagnostics = diagnostics,
        .filename = filename,
        .noun = "mta.yaml"};
    struct section root = {&loader, schema_program, tree};
    size_t errors_before = diagnostics->errors_count;

    if (tree != NULL && tree->kind != CONF_MAP)
        diagnose(diagnostics, tree->mark, NULL, "a map of keys is expected: hostname, listen, …");
    else if (tree != NULL && section_check(&loader, schema_program, tree, ""))
        load(&root, settings);
    if (tree == NULL || diagnostics->errors_count > errors_before)
        settings_free(&settings);
    return settings;
}

struct settings *
settings_load(const char *filename, struct diagnostics *diagnostics, struct error *err)
{
    filename = arena_copy(&diagnostics->arena, filename, strlen(filename));
    return load_tree(
        filename, conf_load(filename, &diagnostics->arena, diagnostics, err), diagnostics);
}

struct settings *
settings_load_text(const char *filename, struct slice text, struct diagnostics *diagnostics)
{
    return load_tree(
        filename, conf_parse(filename, text, &diagnostics->arena, diagnostics), diagnostics);
}

void
settings_free(struct settings **settings)
{
    struct loaded *loaded = (struct loaded *)*settings;

    if (loaded == NULL)
        return;
    arena_release(&loaded->arena);
    mem_free(loaded);
    *settings = NULL;
}

/* --- rules ----------------------------------------------------------------------------------- */

/* Without a name: the table stays as it is. */
static bool
read_rows(const char *filename, struct bounce_table *table, struct arena *arena, struct error *err)
{
    static const struct conf_bounds bounds = {CONF_FILE_BYTES_MAX, CONF_LINE_BYTES_MAX};
    struct mark mark;
    struct error why;

    if (filename == NULL)
        return true;
    table->filename = filename;
    switch (conf_read_file(filename, &bounds, arena, &table->rows, &mark, &why)) {
    case CONF_READ:
        return true;
    case CONF_NOT_FOUND:
    case CONF_UNREADABLE:
        return error_set(err, ERROR_NOT_FOUND, "cannot read %s: %s", filename, why.text);
    case CONF_TOO_LARGE:
        return error_set(
            err, ERROR_CONFIG, "%s:%d:%d: %s", filename, mark.line, mark.column, why.text);
    }
    return false;
}

/* Ours come last. */
struct bounce_rules *
settings_bounce_rules(const struct settings *settings, struct error *err)
{
    struct bounce_table tables[2] = {[1] = bounce_table_built_in()};
    struct bounce_table classes = class_table_built_in();
    size_t own = settings->bounce_rules != NULL;
    struct bounce_rules *rules = NULL;
    struct arena arena = {0};

    *err = (struct error){0};
    if (read_rows(settings->bounce_rules, &tables[0], &arena, err) &&
        read_rows(settings->class_rules, &classes, &arena, err))
        rules = bounce_rules_read(tables + 1 - own, 1 + own, &classes, err);
    arena_release(&arena);
    return rules;
}

struct inmail_rules *
settings_inmail_rules(
    const struct settings *settings, const struct bounce_rules *bounce_rules, struct error *err)
{
    const char *filename = settings->inbound_rules;
    struct inmail_rules *rules = NULL;
    struct bounce_table table = {0};
    struct arena arena = {0};

    *err = (struct error){0};
    if (filename == NULL)
        return inmail_rules_new(bounce_rules);
    if (read_rows(filename, &table, &arena, err))
        rules = inmail_rules_read(bounce_rules, filename, table.rows, err);
    arena_release(&arena);
    return rules;
}
