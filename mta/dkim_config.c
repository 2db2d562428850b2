/* dkim_config.c - how our MTA signs, and with which keys, from a checked file. */
#include "mta/config.h"

enum { KEY_BYTES_MAX = 65536, RSA_BITS_MIN = 1024 }; /* RFC 8301 3.2 */

static struct slice
expand(struct loader *loader, struct slice template, struct slice domain, struct slice selector)
{
    const struct {
        struct slice name, value;
    } parts[] = {
        {SLICE("{domain}"),   domain  },
        {SLICE("{selector}"), selector},
    };
    struct text name = {0};
    struct slice kept;

    for (size_t at = 0; at < template.length;) {
        size_t i = 0;

        while (i < COUNT_OF(parts) && !slice_starts_with(slice_from(template, at), parts[i].name))
            i++;
        if (i < COUNT_OF(parts)) {
            text_add_slice(&name, parts[i].value);
            at += parts[i].name.length;
        } else {
            text_add_char(&name, template.at[at++]);
        }
    }
    kept = keep_slice(loader, text_slice(&name));
    text_release(&name);
    return kept;
}

static bool
read_key(const struct section *dkim, bool is_alone, struct dkim_key *key)
{
    static const struct conf_bounds bounds = {KEY_BYTES_MAX, KEY_BYTES_MAX};
    struct loader *loader = dkim->loader;
    struct mark named = section_mark(dkim, "keys"), ignored;
    struct slice name = expand(loader, section_text(dkim, "keys"), key->domain, key->selector);
    const char *filename = filename_beside(&loader->diagnostics->arena, named.filename, name);
    struct key_facts facts = {0};
    struct error err;

    if (is_alone)
        return diagnose(loader->diagnostics, named, NULL, "cannot read %s", filename);
    if (conf_read_file(filename, &bounds, loader->arena, &key->pem, &ignored, &err) != CONF_READ)
        return diagnose(loader->diagnostics, named, NULL, "cannot read the key of %.*s, %s: %s",
            SLICE_ARGS(key->domain), filename, err.text);
    if (!keys_know_private(key->pem, &facts, &err))
        return diagnose(loader->diagnostics, named, NULL, "%s: %s", filename, err.text);
    key->kind = facts.kind;
    key->bits = facts.bits;
    key->public_key = keep_slice(loader, text_slice(&facts.public_key));
    key_facts_release(&facts);
    if (key->kind == KEY_RSA && key->bits < RSA_BITS_MIN)
        return diagnose(loader->diagnostics, named, NULL,
            "%s: a key of %u bits is too short to sign with; RFC 8301 wants %d at least", filename,
            key->bits, RSA_BITS_MIN);
    return true;
}

static void
read_keys(const struct section *dkim, const struct slice *domains, size_t domains_count,
    bool is_alone, struct dkim_config *config)
{
    struct loader *loader = dkim->loader;
    size_t selectors_count = section_count(dkim, "selector");
    struct dkim_key *keys =
        arena_alloc_zeroed(loader->arena, (domains_count * selectors_count + 1) * sizeof *keys);

    if (selectors_count == 0)
        diagnose(loader->diagnostics, section_mark(dkim, "selector"), NULL,
            "at least one selector is needed");
    config->keys = keys;
    for (size_t i = 0; i < domains_count; i++) {
        for (size_t j = 0; j < selectors_count; j++) {
            struct dkim_key *key = &keys[config->keys_count];

            key->domain = domains[i];
            key->selector = keep_lower(loader, section_item_scalar(dkim, "selector", j).text);
            if (read_key(dkim, is_alone, key))
                config->keys_count++;
        }
    }
}

static void
read_domains(
    const struct section *dkim, struct slice domain, bool is_alone, struct dkim_config *config)
{
    struct loader *loader = dkim->loader;
    size_t count = section_count(dkim, "domains");
    struct slice *domains = arena_alloc(loader->arena, (count + 1) * sizeof *domains);

    for (size_t i = 0; i < count; i++)
        domains[i] = keep_lower(loader, section_item_scalar(dkim, "domains", i).text);
    if (!section_has(dkim, "domains"))
        domains[count++] = keep_lower(loader, domain);
    if (count == 1 && domains[0].length == 0)
        diagnose(loader->diagnostics, section_mark(dkim, "domains"), NULL,
            "whose mail is signed? `domains` is missing");
    else
        read_keys(dkim, domains, count, is_alone, config);
}

static const struct slice *
read_names(const struct section *dkim, const char *key, const struct slice *initial, size_t *count)
{
    struct slice *names;

    if (!section_has(dkim, key))
        return initial;
    *count = section_count(dkim, key);
    names = arena_alloc(dkim->loader->arena, *count * sizeof *names + 1);
    for (size_t i = 0; i < *count; i++)
        names[i] = keep_lower(dkim->loader, section_item_scalar(dkim, key, i).text);
    return names;
}

/* RFC 6376 5.4: a signature without From is none. */
static void
check_headers(const struct section *dkim, const struct dkim_config *config)
{
    for (size_t i = 0; i < config->headers_count; i++)
        if (slice_equals(config->headers[i], SLICE("from")))
            return;
    diagnose(dkim->loader->diagnostics, section_mark(dkim, "headers"), NULL,
        "From must be among the fields that are signed");
}

static void
read_headers(const struct section *dkim, struct dkim_config *config)
{
    static const struct slice headers[] = {
        {"from",             4 },
        {"to",               2 },
        {"cc",               2 },
        {"reply-to",         8 },
        {"subject",          7 },
        {"date",             4 },
        {"message-id",       10},
        {"mime-version",     12},
        {"content-type",     12},
        {"list-unsubscribe", 16},
    };
    static const struct slice oversigned[] = {
        {"from",    4},
        {"to",      2},
        {"subject", 7},
        {"date",    4},
    };

    config->headers_count = COUNT_OF(headers);
    config->headers = read_names(dkim, "headers", headers, &config->headers_count);
    config->oversigned_count = COUNT_OF(oversigned);
    config->oversigned = read_names(dkim, "oversign", oversigned, &config->oversigned_count);
    check_headers(dkim, config);
}

void
dkim_config_read(
    const struct section *dkim, struct slice domain, bool is_alone, struct dkim_config *config)
{
    *config = (struct dkim_config){.level = DKIM_LEVEL_REAL, .real_one_in = 1};
    config->relaxed = (uint32_t)section_whole(dkim, "canonicalization");
    config->lifetime_us = section_whole(dkim, "lifetime");
    config->is_refused_without_key = section_whole(dkim, "if_no_key") != 0;
    read_headers(dkim, config);
    read_domains(dkim, domain, is_alone, config);
}
