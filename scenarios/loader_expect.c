/* loader_expect.c - what must come of it, as written: forms and places, no meaning yet. */
#include "base/map.h"
#include "scenarios/loader.h"

static struct source
source_of(struct loader *loader, const struct conf_node *node)
{
    if (node == NULL)
        return (struct source){.text = SLICE("")};
    return (struct source){keep_slice(loader, node->text), keep_mark(loader, node->mark)};
}

static const struct form {
    const char *key;
    enum expectation_form form;
    bool needs_check;
} forms[] = {
    {"at",         EXPECT_AT,         true },
    {"always",     EXPECT_ALWAYS,     false},
    {"never",      EXPECT_NEVER,      false},
    {"eventually", EXPECT_EVENTUALLY, false},
    {"when",       EXPECT_WHEN,       true },
    {"by",         EXPECT_BY,         true }, /* last: beside eventually it is the deadline */
};

/* The one form of an expectation, or NULL and a diagnostic. */
static const struct form *
find_form(const struct section *section)
{
    struct diagnostics *diagnostics = section->loader->diagnostics;
    const struct form *found = NULL;

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (!section_has(section, forms[i].key))
            continue;
        if (found == NULL) {
            found = &forms[i];
        } else if (forms[i].form != EXPECT_BY || found->form != EXPECT_EVENTUALLY) {
            diagnose(diagnostics, section_mark(section, forms[i].key), NULL,
                "an expectation has one form: \"%s\" and \"%s\" exclude each other", found->key,
                forms[i].key);
            return NULL;
        }
    }
    if (found == NULL)
        diagnose(diagnostics, section->map->mark, NULL,
            "one of at, by, always, never, eventually and when is missing");
    return found;
}

/* Keys that say something about one form only. */
static void
check_companions(const struct section *section, const struct form *form)
{
    static const struct {
        const char *key;
        enum expectation_form form;
    } companions[] = {
        {"hold",   EXPECT_EVENTUALLY},
        {"where",  EXPECT_WHEN      },
        {"fires",  EXPECT_WHEN      },
        {"within", EXPECT_WHEN      },
    };

    for (size_t i = 0; i < COUNT_OF(companions); i++)
        if (section_has(section, companions[i].key) && form->form != companions[i].form)
            diagnose(section->loader->diagnostics, section_mark(section, companions[i].key), NULL,
                "\"%s\" goes with \"%s\" only", companions[i].key,
                companions[i].form == EXPECT_WHEN ? "when" : "eventually");
    if (form->needs_check && section_count(section, "check") == 0 &&
        !section_has(section, "fires") && !section_has(section, "within"))
        diagnose(section->loader->diagnostics, section->map->mark, NULL,
            "\"check\" is missing beside \"%s\"", form->key);
}

static void
load_checks(const struct section *section, struct expectation_config *expectation)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "check");
    struct source *checks = arena_alloc(loader->arena, count * sizeof *checks + 1);

    for (size_t i = 0; i < count; i++)
        checks[i] = source_of(loader, section_item_node(section, "check", i));
    expectation->checks = checks;
    expectation->checks_count = count;
}

static void
load_expectation(const struct section *section, struct expectation_config *expectation)
{
    struct loader *loader = section->loader;
    const struct form *form = find_form(section);

    expectation->id = section_text(section, "id");
    expectation->mark = keep_mark(loader, section->map->mark);
    expectation->may_end_open = section_whole(section, "may_end_open");
    if (form == NULL)
        return;
    check_companions(section, form);
    load_checks(section, expectation);
    expectation->form = form->form;
    expectation->subject = source_of(loader, section_node(section, form->key));
    expectation->hold = source_of(loader, section_node(section, "hold"));
    if (form->form == EXPECT_EVENTUALLY)
        expectation->by = source_of(loader, section_node(section, "by"));
    expectation->where = source_of(loader, section_node(section, "where"));
    expectation->fires = source_of(loader, section_node(section, "fires"));
    expectation->within = source_of(loader, section_node(section, "within"));
    expectation->after = source_of(loader, section_node(section, "after"));
    expectation->until = source_of(loader, section_node(section, "until"));
    expectation->during = source_of(loader, section_node(section, "during"));
}

/* A single run passes over it, but what can never be judged is told at once. */
static void
check_ensemble(struct loader *loader, const struct section *root, const struct map *ids)
{
    static const char *const kinds[] = {"probability", "mean", "pick"};
    uint32_t ignored;

    for (size_t i = 0; i < section_count(root, "ensemble"); i++) {
        struct section item = section_item(root, "ensemble", i);
        struct section probability = section_nested(&item, "probability");
        struct section pick = section_nested(&item, "pick");
        size_t count = 0;

        for (size_t j = 0; j < COUNT_OF(kinds); j++)
            count += section_has(&item, kinds[j]);
        if (count != 1)
            diagnose(loader->diagnostics, section_item_mark(root, "ensemble", i), NULL,
                "an item of ensemble has one of probability, mean and pick");
        if (probability.map != NULL &&
            !map_find(ids, section_scalar(&probability, "of").text, &ignored))
            diagnose(loader->diagnostics, section_mark(&probability, "of"), NULL,
                "there is no expectation \"%.*s\"",
                SLICE_ARGS(section_scalar(&probability, "of").text));
        if (pick.map != NULL && section_has(&pick, "maximise") == section_has(&pick, "minimise"))
            diagnose(loader->diagnostics, pick.map->mark, NULL,
                "a pick has one of maximise and minimise");
    }
}

void
load_expectations(struct loader *loader, const struct section *root)
{
    size_t count = section_count(root, "expect");
    struct expectation_config *list = arena_alloc_zeroed(loader->arena, count * sizeof *list + 1);
    struct map ids = {0};
    bool is_new;

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(root, "expect", i);

        load_expectation(&item, &list[i]);
        map_put(&ids, list[i].id, &is_new);
        if (!is_new)
            diagnose(loader->diagnostics, section_mark(&item, "id"), NULL,
                "there are two expectations called \"%.*s\"", SLICE_ARGS(list[i].id));
    }
    if (count == 0 && section_has(root, "expect"))
        diagnose(loader->diagnostics, section_mark(root, "expect"), NULL,
            "nothing is expected; a profile has no expect at all");
    check_ensemble(loader, root, &ids);
    map_release(&ids);
    parts_of(loader)->scenario->expectations = list;
    parts_of(loader)->scenario->expectations_count = count;
}

/* No other file of the folder ends like this, so that none is written over. */
static bool
can_be_recorded_to(struct slice name)
{
    return name.length > 0 && name.at[0] != '.' && memchr(name.at, '/', name.length) == NULL &&
        slice_ends_with_nocase(name, SLICE(".jsonl"));
}

void
load_report(struct loader *loader, const struct section *root)
{
    struct section report = section_nested(root, "report"), record = section_nested(root, "record");
    struct section tolerance = section_nested(root, "tolerance");
    size_t count = section_count(&report, "plots");
    struct slice *plots = arena_alloc(loader->arena, count * sizeof *plots + 1);

    for (size_t i = 0; i < count; i++)
        plots[i] = keep_slice(loader, section_item_scalar(&report, "plots", i).text);
    parts_of(loader)->scenario->plots = plots;
    parts_of(loader)->scenario->plots_count = count;
    parts_of(loader)->scenario->record_events = section_text(&record, "events");
    if (section_has(&record, "events") &&
        !can_be_recorded_to(parts_of(loader)->scenario->record_events))
        diagnose(loader->diagnostics, section_mark(&record, "events"), "such as events.jsonl",
            "record.events names a file of the results folder, which ends in .jsonl");
    parts_of(loader)->scenario->tolerance = source_of(loader, section_node(&tolerance, "time"));
}
