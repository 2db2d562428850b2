/* loader.c - a scenario from its file: read, merged, checked by the schema, then part by part. */
#include "scenarios/loader.h"

#include "base/map.h"
#include "scenarios/params.h"

/* The arena is behind the scenario, so that freeing one frees all. */
struct loaded {
    struct scenario scenario; /* must be first */
    struct arena arena;
};

static const struct slice *
load_texts(struct loader *loader, const struct section *root, const char *key, size_t *count)
{
    struct slice *texts;

    *count = section_count(root, key);
    texts = arena_alloc(loader->arena, *count * sizeof *texts + 1);
    for (size_t i = 0; i < *count; i++)
        texts[i] = keep_slice(loader, section_item_scalar(root, key, i).text);
    return texts;
}

/* "throttle" of "scenarios/what-if/throttle.yaml". */
static struct slice
name_of_file(const char *filename)
{
    const char *slash = strrchr(filename, '/');
    struct slice name = slice_of(slash != NULL ? slash + 1 : filename);

    if (slice_ends_with_nocase(name, SLICE(".yaml")))
        name.length -= 5;
    return name;
}

static void
load_run(struct loader *loader, const struct section *root)
{
    struct section run = section_nested(root, "run"), seeds = section_nested(&run, "seeds");
    struct scenario *scenario = parts_of(loader)->scenario;

    scenario->start_wall_us = section_whole(&run, "start");
    scenario->until_us = section_whole(&run, "until");
    scenario->is_real = section_whole(&run, "mode") != 0;
    scenario->speed = (uint32_t)section_whole(&run, "speed");
    scenario->wall_limit_us = section_whole(&run, "wall_limit");
    scenario->tls = (enum tls_level)section_whole(&run, "tls");
    scenario->dns_delay_us = section_whole(&run, "dns_delay");
    scenario->seed = (uint64_t)section_whole(&run, "seed");
    if (seeds.map != NULL && section_has(&run, "seed"))
        diagnose(loader->diagnostics, section_mark(&run, "seed"), NULL,
            "\"seed\" and \"seeds\" exclude each other");
    else if (seeds.map != NULL)
        scenario->seed = (uint64_t)section_whole(&seeds, "first");
    if (scenario->start_wall_us < 0)
        diagnose(loader->diagnostics, section_mark(&run, "start"), NULL,
            "a run starts in 1970 or later");
}

static void
load_heading(struct loader *loader, const struct section *root)
{
    struct scenario *scenario = parts_of(loader)->scenario;

    scenario->name = section_has(root, "name") ? section_text(root, "name")
                                               : keep_slice(loader, name_of_file(loader->filename));
    scenario->title = section_text(root, "title");
    scenario->tags = load_texts(loader, root, "tags", &scenario->tags_count);
    scenario->requires = load_texts(loader, root, "requires", &scenario->requires_count);
    scenario->is_profile = !section_has(root, "expect");
    scenario->params = loader->params.list;
    scenario->params_count = loader->params.count;
}

static void
load_parts(struct loader *loader, const struct conf_node *tree)
{
    struct section root = {loader, schema_scenario, tree};
    size_t errors_before = loader->diagnostics->errors_count;

    load_heading(loader, &root);
    load_run(loader, &root);
    load_requirements(loader, &root);
    load_sut(loader, &root);
    load_isps(loader, &root);
    if (loader->diagnostics->errors_count == errors_before) /* else hosts are in doubt */
        load_dns(loader, &root);
    load_mta(loader, &root);
    load_campaign(loader, &root);
    load_dkim(loader, &root);
    load_timelines(loader, &root);
    load_expectations(loader, &root);
    load_report(loader, &root);
}

struct loader
loader_of_scenario(struct scenario_parts *parts, const char *filename, struct arena *arena,
    struct diagnostics *diagnostics)
{
    *parts = (struct scenario_parts){
        .extends = {.arena = &diagnostics->arena, .diagnostics = diagnostics}
    };
    return (struct loader){.arena = arena,
        .diagnostics = diagnostics,
        .filename = arena_copy(&diagnostics->arena, filename, strlen(filename)),
        .noun = "a scenario",
        .arg = parts};
}

const struct conf_node *
loader_merge(struct loader *loader, const struct conf_node *file)
{
    struct extends *extends = &parts_of(loader)->extends;
    const struct conf_node *tree = extends_merge(extends, loader->filename, file);

    loader->extended = extends->files;
    loader->extended_count = extends->files_count;
    return tree;
}

static struct loader
begin(struct scenario_parts *parts, const char *filename, struct diagnostics *diagnostics)
{
    struct loaded *loaded = mem_alloc_zeroed(sizeof *loaded);
    struct loader loader = loader_of_scenario(parts, filename, &loaded->arena, diagnostics);

    parts->scenario = &loaded->scenario;
    loaded->scenario.filename = arena_copy(&loaded->arena, filename, strlen(filename));
    return loader;
}

static struct scenario *
load_tree(struct loader *loader, const struct conf_node *file, const struct setting *settings,
    size_t settings_count)
{
    size_t errors_before = loader->diagnostics->errors_count;
    struct scenario *scenario = parts_of(loader)->scenario;
    const struct conf_node *tree = NULL;

    if (file != NULL)
        tree = loader_merge(loader, file);
    if (tree != NULL && params_load(loader, tree, settings, settings_count) &&
        section_check(loader, schema_scenario, tree, ""))
        load_parts(loader, tree);
    if (tree == NULL || loader->diagnostics->errors_count > errors_before)
        scenario_free(&scenario);
    return scenario;
}

struct scenario *
scenario_load(const char *filename, const struct setting *settings, size_t settings_count,
    struct diagnostics *diagnostics, struct error *err)
{
    struct scenario_parts parts;
    struct loader loader = begin(&parts, filename, diagnostics);

    return load_tree(&loader, conf_load(filename, &diagnostics->arena, diagnostics, err), settings,
        settings_count);
}

struct scenario *
scenario_load_text(const char *filename, struct slice text, struct diagnostics *diagnostics)
{
    struct scenario_parts parts;
    struct loader loader = begin(&parts, filename, diagnostics);

    parts.extends.is_alone = true;
    return load_tree(
        &loader, conf_parse(filename, text, &diagnostics->arena, diagnostics), NULL, 0);
}

void
scenario_free(struct scenario **scenario)
{
    struct loaded *loaded = (struct loaded *)*scenario;

    if (loaded == NULL)
        return;
    arena_release(&loaded->arena);
    mem_free(loaded);
    *scenario = NULL;
}

/* The few filenames of a scenario are told apart by what they say. */
struct mark
keep_mark(struct loader *loader, struct mark mark)
{
    if (strcmp(mark.filename, loader->filename) == 0)
        mark.filename = parts_of(loader)->scenario->filename;
    else
        mark.filename = arena_copy(loader->arena, mark.filename, strlen(mark.filename));
    return mark;
}
