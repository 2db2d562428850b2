/* loader_sut.c - the foreign MTA of a scenario, and what the machine must have. */
#include "scenarios/loader.h"
#include "scenarios/needs.h"

enum { NAMES_MAX = 32 };

/* A line break would make two settings of one. */
static bool
is_one_line(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.at[i] < ' ' && text.at[i] != '\t')
            return false;
    return true;
}

static bool
is_setting_name(struct slice name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!char_is_letter(name.at[i]) && !char_is_digit(name.at[i]) &&
            strchr("_-.", name.at[i]) == NULL)
            return false;
    return name.length > 0;
}

static bool
is_reserved(const struct sut_kind *kind, struct slice name)
{
    for (const char *const *reserved = kind->reserved; *reserved != NULL; reserved++)
        if (slice_equals(name, slice_of(*reserved)))
            return true;
    return false;
}

static bool
check_setting(struct loader *loader, const struct sut_kind *kind, const struct conf_pair *pair)
{
    struct diagnostics *diagnostics = loader->diagnostics;

    if (!is_setting_name(pair->key))
        return diagnose(diagnostics, pair->key_mark, NULL,
            "a setting's name is made of letters, digits, '_', '-' and '.'");
    if (is_reserved(kind, pair->key))
        return diagnose(diagnostics, pair->key_mark, NULL,
            "%.*s is set by the bench: it places %s in its namespace", SLICE_ARGS(pair->key),
            kind->name);
    if (pair->value->kind != CONF_SCALAR || !is_one_line(pair->value->text))
        return diagnose(diagnostics, pair->value->mark, NULL, "a setting of %s is one line of text",
            kind->name);
    return true;
}

static void
load_settings(const struct section *section, struct sut_config *sut)
{
    const struct conf_node *node = section_node(section, "settings");
    struct loader *loader = section->loader;
    struct sut_setting *settings;

    if (node == NULL || node->is_absent)
        return;
    if (node->kind != CONF_MAP) {
        diagnose(loader->diagnostics, node->mark, NULL, "sut.settings must be a map of names");
        return;
    }
    settings = arena_alloc_zeroed(loader->arena, node->count * sizeof *settings + 1);
    for (size_t i = 0; i < node->count; i++)
        if (check_setting(loader, sut_kind(sut->kind), &node->pairs[i]))
            settings[sut->settings_count++] =
                (struct sut_setting){keep_slice(loader, node->pairs[i].key),
                    keep_slice(loader, node->pairs[i].value->text)};
    sut->settings = settings;
}

void
load_sut(struct loader *loader, const struct section *root)
{
    struct section sut = section_nested(root, "sut"), run = section_nested(root, "run");
    struct sut_config *config = &parts_of(loader)->scenario->sut;
    struct error err = {0};

    if (sut.map == NULL)
        return;
    config->kind = (enum sut_kind_number)section_whole(&sut, "kind");
    config->clock = (enum sut_clock)section_whole(&sut, "clock");
    load_settings(&sut, config);
    if (!parts_of(loader)->scenario->is_real)
        diagnose(loader->diagnostics, section_mark(&run, "mode"), NULL,
            "a foreign MTA lives in real time: run: {mode: real}");
    if (section_has(root, "mta"))
        diagnose(loader->diagnostics, section_mark(root, "mta"), NULL,
            "\"mta\" and \"sut\" exclude each other: one MTA sends");
    if (!sut_can_keep_pace(config, parts_of(loader)->scenario->speed, &err))
        diagnose(loader->diagnostics, section_mark(&run, "speed"), NULL, "%s", err.text);
}

static void
check_requirement(struct loader *loader, const struct section *root, size_t i)
{
    const char *names[NAMES_MAX], *nearest;
    struct requirement requirement;
    struct error err = {0};
    struct text hint = {0};

    if (!requirement_parse(parts_of(loader)->scenario->requires[i], &requirement, &err)) {
        diagnose(loader->diagnostics, section_item_mark(root, "requires", i), NULL, "%s", err.text);
        return;
    }
    if (need_is_known(requirement.name))
        return;
    nearest = nearest_word(requirement.name, names, needs_names(names, COUNT_OF(names)));
    if (nearest != NULL)
        text_printf(&hint, "did you mean \"%s\"?", nearest);
    diagnose(loader->diagnostics, section_item_mark(root, "requires", i),
        nearest != NULL ? text_string(&hint) : NULL,
        "mtalab does not know how to look for \"%.*s\"", SLICE_ARGS(requirement.name));
    text_release(&hint);
}

void
load_requirements(struct loader *loader, const struct section *root)
{
    for (size_t i = 0; i < parts_of(loader)->scenario->requires_count; i++)
        check_requirement(loader, root, i);
}
