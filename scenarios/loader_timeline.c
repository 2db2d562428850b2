/* loader_timeline.c - what changes during a run, found by path: limits.rate.max, hosts.mx1.rtt. */
#include "scenarios/loader.h"

enum { NAMES_MAX = 200, PARTS_MAX = 6 };

struct timelines { /* all of a scenario, in the order written */
    struct loader *loader;
    struct change *changes;
    size_t count, capacity;
};

struct target { /* what a path names */
    enum change_kind kind;
    enum isp_knob knob;
    size_t isp, index;
    const struct schema_key *key; /* of the value */
};

/* One entry while it is read: all its changes share time and place. */
struct entry {
    struct timelines *all;
    const struct section *section;
    size_t isp;       /* SIZE_MAX: a time line of the scenario */
    bool is_labelled; /* the label is with the first change only */
};

static void
add_change(struct entry *entry, struct change change, struct slice what, struct slice value)
{
    struct timelines *all = entry->all;
    struct text text = {0};

    change.at_us = section_whole(entry->section, "at");
    change.for_us = section_whole(entry->section, "for");
    change.label = entry->is_labelled ? SLICE("") : section_text(entry->section, "label");
    entry->is_labelled = true;
    text_printf(&text, "%.*s: %.*s", SLICE_ARGS(what), SLICE_ARGS(value));
    change.text = value.length > 0 ? keep_slice(all->loader, text_slice(&text)) : change.label;
    text_release(&text);
    all->changes = mem_grow(all->changes, &all->capacity, all->count + 1, sizeof all->changes[0]);
    all->changes[all->count++] = change;
}

/* Names. */

static bool
refuse_name(struct loader *loader, struct mark mark, const char *what, struct slice name,
    const char *const *names, size_t count)
{
    const char *nearest = nearest_word(name, names, count);
    struct text hint = {0};

    if (nearest != NULL)
        text_printf(&hint, "did you mean \"%s\"?", nearest);
    diagnose(
        loader->diagnostics, mark, hint.bytes, "there is no %s \"%.*s\"", what, SLICE_ARGS(name));
    text_release(&hint);
    return false;
}

static bool
find_isp(struct loader *loader, struct slice name, struct mark mark, size_t *isp)
{
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (*isp = 0; *isp < parts_of(loader)->scenario->isps_count; ++*isp) {
        if (slice_equals(parts_of(loader)->scenario->isps[*isp].name, name))
            return true;
        if (count < NAMES_MAX)
            names[count++] = parts_of(loader)->scenario->isps[*isp].name.at;
    }
    return refuse_name(loader, mark, "ISP", name, names, count);
}

/* The name of the i-th item of a list, in the scenario as it was read. */
static struct slice
item_name(const struct isp_config *isp, const char *list, size_t i)
{
    if (strcmp(list, "limits") == 0)
        return isp->limits[i].id;
    return strcmp(list, "rules") == 0 ? isp->rules[i].id : isp->hosts[i].name;
}

static bool
find_item(struct loader *loader, const struct isp_config *isp, const char *list, size_t count,
    struct slice name, struct mark mark, size_t *index)
{
    static const char *const phrases[] = {"limits", "limit", "rules", "rule", "hosts", "host"};
    const char *names[NAMES_MAX], *phrase = "item";
    size_t names_count = 0;

    for (*index = 0; *index < count; ++*index) {
        if (slice_equals(item_name(isp, list, *index), name))
            return true;
        if (names_count < NAMES_MAX)
            names[names_count++] = item_name(isp, list, *index).at;
    }
    for (size_t i = 0; i < COUNT_OF(phrases); i += 2)
        if (strcmp(phrases[i], list) == 0)
            phrase = phrases[i + 1];
    return refuse_name(loader, mark, phrase, name, names, names_count);
}

/* "mailbox-2" is the second, whatever its id. */
static bool
find_mailbox(struct entry *entry, size_t isp, struct slice name, struct mark mark, size_t *index)
{
    struct loader *loader = entry->all->loader;
    const struct isp_config *config = &parts_of(loader)->scenario->isps[isp];
    struct slice prefix = SLICE("mailbox-");
    uint64_t number;

    for (*index = 0; *index < config->mailboxes_count; ++*index)
        if (slice_equals(config->mailboxes[*index].id, name))
            return true;
    if (slice_starts_with(name, prefix) && slice_to_u64(slice_from(name, prefix.length), &number) &&
        number >= 1 && number <= config->mailboxes_count) {
        *index = (size_t)number - 1;
        return true;
    }
    return refuse_name(loader, mark, "mailbox", name, NULL, 0);
}

/* Paths. */

static const struct {
    const char *list, *key;
    enum change_kind kind;
    enum isp_knob knob;
} paths[] = {
    {"limits",    "max",    CHANGE_KNOB, KNOB_LIMIT_MAX     },
    {"limits",    "window", CHANGE_KNOB, KNOB_LIMIT_WINDOW  },
    {"limits",    "burst",  CHANGE_KNOB, KNOB_LIMIT_BURST   },
    {"rules",     "share",  CHANGE_KNOB, KNOB_RULE_SHARE    },
    {"mailboxes", "share",  CHANGE_KNOB, KNOB_MAILBOX_SHARE },
    {"greylist",  "delay",  CHANGE_KNOB, KNOB_GREYLIST_DELAY},
    {"hosts",     "rtt",    CHANGE_RTT,  KNOB_LIMIT_MAX     },
    {"hosts",     "fault",  CHANGE_HOST, KNOB_LIMIT_MAX     },
};

static bool
refuse_path(struct entry *entry, struct mark mark)
{
    return diagnose(entry->all->loader->diagnostics, mark, NULL,
        "this cannot be set: possible is limits.ID.max, limits.ID.window, limits.ID.burst, "
        "rules.ID.share, "
        "mailboxes.ID.share, greylist.delay, hosts.HOST.rtt and hosts.HOST.fault%s",
        entry->isp == SIZE_MAX ? ", with isps.NAME. in front" : "");
}

static size_t
split_path(struct slice path, struct slice *parts)
{
    size_t count = 0;
    bool is_more = true;

    while (is_more && count < PARTS_MAX)
        is_more = slice_cut(path, '.', &parts[count++], &path);
    return is_more ? 0 : count;
}

static bool
find_index(struct entry *entry, const char *list, struct slice name, struct mark mark,
    struct target *target)
{
    struct loader *loader = entry->all->loader;
    const struct isp_config *isp = &parts_of(loader)->scenario->isps[target->isp];

    if (strcmp(list, "mailboxes") == 0)
        return find_mailbox(entry, target->isp, name, mark, &target->index);
    return find_item(loader, isp, list,
        strcmp(list, "limits") == 0      ? isp->limits_count
            : strcmp(list, "rules") == 0 ? isp->rules_count
                                         : isp->hosts_count,
        name, mark, &target->index);
}

/* The max of a limit that is a share is another knob. */
static bool
take_share(const struct loader *loader, struct target *target)
{
    const struct isp_config *isp = &parts_of(loader)->scenario->isps[target->isp];

    if (target->kind == CHANGE_KNOB && target->knob == KNOB_LIMIT_MAX &&
        isp->limits[target->index].share.den > 0)
        target->knob = KNOB_LIMIT_SHARE;
    return true;
}

static bool
find_target(struct entry *entry, struct slice path, struct mark mark, struct target *target)
{
    struct loader *loader = entry->all->loader;
    struct slice parts[PARTS_MAX], *part = parts;
    size_t count = split_path(path, parts);
    bool is_single;

    target->isp = entry->isp;
    if (entry->isp == SIZE_MAX) {
        if (count < 3 || !slice_equals(parts[0], SLICE("isps")))
            return refuse_path(entry, mark);
        if (!find_isp(loader, parts[1], mark, &target->isp))
            return false;
        part += 2;
        count -= 2;
    }
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        is_single = strcmp(paths[i].list, "greylist") == 0;
        if (count != (is_single ? 2 : 3) || !slice_equals(part[0], slice_of(paths[i].list)) ||
            !slice_equals(part[count - 1], slice_of(paths[i].key)))
            continue;
        target->kind = paths[i].kind;
        target->knob = paths[i].knob;
        target->index = 0;
        target->key = schema_find(schema_find(schema_isp, part[0])->nested, slice_of(paths[i].key));
        if (!is_single && !find_index(entry, paths[i].list, part[1], mark, target))
            return false;
        return take_share(loader, target);
    }
    return refuse_path(entry, mark);
}

/* Values. */

static bool
check_limit_value(const struct isp_limit *limit, enum isp_knob knob, const struct scalar *value,
    int64_t *out, struct error *err)
{
    uint64_t max;

    if (knob == KNOB_LIMIT_WINDOW) {
        *out = value->whole;
        return (int)limit->window == value->word->value ||
            error_set(err, ERROR_CONFIG, "the kind of a window cannot change, only its length");
    }
    if (knob == KNOB_LIMIT_BURST) {
        *out = value->whole;
        return limit->window == WINDOW_BUCKET ||
            error_set(err, ERROR_CONFIG, "only a bucket has a burst");
    }
    if ((value->quantity.kind == QUANTITY_PERCENT) != (knob == KNOB_LIMIT_SHARE))
        return error_set(err, ERROR_CONFIG, "this limit %s",
            knob == KNOB_LIMIT_SHARE ? "is a share, such as 5%" : "is no share");
    if (knob == KNOB_LIMIT_SHARE) {
        *out = ratio_round(ratio_multiply(value->quantity.value, ratio_of(PPM, 1)));
        return true;
    }
    if (limit->window == WINDOW_NONE && value->quantity.kind == QUANTITY_RATE)
        return error_set(err, ERROR_CONFIG, "this limit is a number, not a rate");
    if (!limit_max_in_window(value, limit->window_us, &max, err))
        return false;
    *out = (int64_t)max;
    return true;
}

static bool
read_value(struct loader *loader, const struct target *target, struct slice text,
    struct change *change, struct error *err)
{
    const struct isp_config *isp = &parts_of(loader)->scenario->isps[target->isp];
    struct scalar value;
    const char *hint;

    if (!scalar_read(target->key, text, &loader->params, loader->arena, &value, err, &hint))
        return false;
    change->value = value.whole;
    if (target->kind == CHANGE_HOST) {
        change->fault = (enum net_fault)value.whole;
        return true;
    }
    if (target->kind == CHANGE_RTT)
        return true;
    switch (target->knob) {
    case KNOB_LIMIT_MAX:
    case KNOB_LIMIT_WINDOW:
    case KNOB_LIMIT_BURST:
    case KNOB_LIMIT_SHARE:
        return check_limit_value(
            &isp->limits[target->index], target->knob, &value, &change->value, err);
    case KNOB_RULE_SHARE:
    case KNOB_MAILBOX_SHARE:
        change->value = ratio_round(ratio_multiply(value.quantity.value, ratio_of(PPM, 1)));
        return true;
    case KNOB_GREYLIST_DELAY:
        return isp->greylist.is_on || error_set(err, ERROR_CONFIG, "this provider has no greylist");
    }
    return true;
}

/* What is wrong with the path was written for a file; here its words are enough. */
static bool
first_diagnostic(const struct diagnostics *diagnostics, struct error *err)
{
    const struct diagnostic *first = &diagnostics->list[0];

    assert(diagnostics->count > 0);
    return error_set(err, ERROR_CONFIG, "%s%s%s", first->text, first->hint != NULL ? "; " : "",
        first->hint != NULL ? first->hint : "");
}

bool
scenario_read_change(struct scenario *scenario, size_t isp, struct slice path, struct slice value,
    struct change *change, struct error *err)
{
    struct diagnostics diagnostics = {0};
    struct arena arena = {0};
    struct scenario_parts parts;
    struct loader loader = loader_of_scenario(&parts, "", &arena, &diagnostics);
    struct timelines all = {.loader = &loader};
    struct entry entry = {.all = &all, .isp = isp};
    struct target target = {0};
    bool is_read;

    parts.scenario = scenario;
    *change = (struct change){0};
    if (!find_target(&entry, path, (struct mark){0}, &target))
        is_read = first_diagnostic(&diagnostics, err);
    else
        is_read = value.length == 0 || read_value(&loader, &target, value, change, err);
    change->kind = target.kind;
    change->isp = target.isp;
    change->index = target.index;
    change->knob = target.knob;
    arena_release(&arena);
    diagnostics_release(&diagnostics);
    return is_read;
}

static void
load_set(struct entry *entry)
{
    struct loader *loader = entry->all->loader;
    const struct conf_node *set = section_node(entry->section, "set");

    if (set->kind != CONF_MAP) {
        diagnose(loader->diagnostics, set->mark, NULL, "set takes {PATH: VALUE}");
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct conf_pair *pair = &set->pairs[i];
        struct change change = {0};
        struct target target = {0};
        struct error err;

        if (pair->value->kind != CONF_SCALAR || pair->value->is_absent) {
            diagnose(loader->diagnostics, pair->key_mark, NULL, "a value is missing");
        } else if (find_target(entry, pair->key, pair->key_mark, &target)) {
            change.kind = target.kind;
            change.isp = target.isp;
            change.index = target.index;
            change.knob = target.knob;
            if (read_value(loader, &target, pair->value->text, &change, &err))
                add_change(entry, change, pair->key, pair->value->text);
            else
                diagnose(loader->diagnostics, pair->value->mark, NULL, "%.*s: %s",
                    SLICE_ARGS(pair->key), err.text);
        }
    }
}

/* Faults. */

/* "mx1" where the provider is known; else "bigmail.mx1" or "isps.bigmail.hosts.mx1". */
static bool
find_host(struct entry *entry, struct slice name, struct mark mark, struct change *change)
{
    struct loader *loader = entry->all->loader;
    struct slice parts[PARTS_MAX];
    size_t count = split_path(name, parts);
    const struct isp_config *isp;

    change->isp = entry->isp;
    if (entry->isp == SIZE_MAX) {
        if (count == 4 && slice_equals(parts[0], SLICE("isps")) &&
            slice_equals(parts[2], SLICE("hosts"))) {
            parts[0] = parts[1];
            parts[1] = parts[3];
        } else if (count != 2) {
            return diagnose(loader->diagnostics, mark, NULL,
                "here a host is written with its provider: bigmail.mx1");
        }
        if (!find_isp(loader, parts[0], mark, &change->isp))
            return false;
        name = parts[1];
    }
    isp = &parts_of(loader)->scenario->isps[change->isp];
    return find_item(loader, isp, "hosts", isp->hosts_count, name, mark, &change->index);
}

static void
load_host_faults(struct entry *entry, const struct section *fault)
{
    static const struct {
        const char *key;
        enum net_fault fault;
    } kinds[] = {
        {"refuse", NET_FAULT_REFUSE},
        {"silent", NET_FAULT_SILENT},
        {"reset",  NET_FAULT_RESET },
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (size_t j = 0; j < section_count(fault, kinds[i].key); j++) {
            struct change change = {.kind = CHANGE_HOST, .fault = kinds[i].fault};
            struct slice name = section_item_scalar(fault, kinds[i].key, j).text;

            if (find_host(entry, name, section_item_mark(fault, kinds[i].key, j), &change))
                add_change(entry, change, slice_of(kinds[i].key), name);
        }
}

static void
load_faults(struct entry *entry)
{
    struct section fault = section_nested(entry->section, "fault");
    size_t isps_count = parts_of(entry->all->loader)->scenario->isps_count;

    load_host_faults(entry, &fault);
    if (!section_has(&fault, "dns"))
        return;
    for (size_t i = 0; i < isps_count; i++)
        if (entry->isp == SIZE_MAX || entry->isp == i)
            add_change(entry,
                (struct change){.kind = CHANGE_DNS,
                    .isp = i,
                    .dns = (enum dns_status)section_whole(&fault, "dns")},
                SLICE("dns"), section_scalar(&fault, "dns").text);
}

/* Holds. */

static bool
is_source(const struct scenario *scenario, const struct net_address *address)
{
    for (size_t i = 0; i < scenario->mta.source_ips_count; i++)
        if (net_address_same_host(&scenario->mta.source_ips[i], address))
            return true;
    return false;
}

/* A site is known by its best host. */
static bool
is_destination(const struct scenario *scenario, struct slice name)
{
    for (size_t i = 0; i < scenario->isps_count; i++) {
        const struct isp_config *isp = &scenario->isps[i];

        for (size_t j = 0; j < isp->domains_count; j++)
            if (slice_equals(isp->domains[j], name))
                return true;
        for (size_t j = 0; j < isp->hosts_count; j++)
            if (slice_equals(isp->hosts[j].fqdn, name))
                return true;
    }
    return false;
}

static bool
check_hold(struct entry *entry, struct slice target, struct mark mark)
{
    struct loader *loader = entry->all->loader;
    const struct scenario *scenario = parts_of(loader)->scenario;
    const char *slash = target.length > 0 ? memrchr(target.at, '/', target.length) : NULL;
    struct slice name = target, ip = target;
    struct net_address address;
    bool is_ip;

    if (slash != NULL) {
        name.length = (size_t)(slash - target.at);
        ip = slice_from(target, name.length + 1);
    }
    is_ip = net_address_parse(ip, &address);
    if (scenario->sut.kind != SUT_NONE)
        return diagnose(loader->diagnostics, mark, NULL, "a foreign MTA is not ours to suspend");
    if (entry->isp != SIZE_MAX)
        return diagnose(loader->diagnostics, mark, NULL,
            "the MTA is no provider's: this belongs into the time line of the scenario");
    if (slash != NULL && !is_ip)
        return diagnose(loader->diagnostics, mark, NULL, "behind the / stands a source IP");
    if (is_ip && !is_source(scenario, &address))
        return diagnose(loader->diagnostics, mark, NULL, "%.*s is none of the MTA's source IPs",
            SLICE_ARGS(ip));
    return (is_ip && slash == NULL) || is_destination(scenario, name) ||
        diagnose(loader->diagnostics, mark, NULL, "no provider has the domain or MX host %.*s",
            SLICE_ARGS(name));
}

static void
load_holds(struct entry *entry, const char *key, enum change_kind kind)
{
    const struct section *section = entry->section;
    struct loader *loader = entry->all->loader;

    if (kind == CHANGE_RELEASE && section_has(section, key) && section_has(section, "for"))
        diagnose(loader->diagnostics, section_mark(section, "for"), NULL,
            "what is resumed goes on for good: suspend has an end");
    for (size_t i = 0; i < section_count(section, key); i++) {
        struct slice target = keep_lower(loader, section_item_scalar(section, key, i).text);
        struct change change = {.kind = kind, .isp = SIZE_MAX, .target = target};

        if (check_hold(entry, target, section_item_mark(section, key, i)))
            add_change(entry, change, slice_of(key), target);
    }
}

static void
load_entry(struct timelines *all, const struct section *section, size_t isp)
{
    struct entry entry = {.all = all, .section = section, .isp = isp};
    struct diagnostics *diagnostics = all->loader->diagnostics;
    struct slice label = section_scalar(section, "label").text;
    bool does_something = section_has(section, "set") || section_has(section, "fault") ||
        section_has(section, "suspend") || section_has(section, "resume");

    for (size_t i = 0; label.length > 0 && i < all->count; i++)
        if (slice_equals(all->changes[i].label, label))
            diagnose(diagnostics, section_mark(section, "label"), NULL,
                "there are two entries with the label \"%.*s\"", SLICE_ARGS(label));
    if (section_whole(section, "at") >= parts_of(all->loader)->scenario->until_us)
        diagnose_warning(diagnostics, section_mark(section, "at"), NULL,
            "the run is over before this happens (run.until)");
    if (!does_something && label.length == 0)
        diagnose(diagnostics, section_mark(section, "at"), NULL,
            "this entry does nothing: set, fault, suspend, resume or label is missing");
    else if (!does_something)
        add_change(&entry, (struct change){.kind = CHANGE_NOTHING, .isp = isp}, label, SLICE(""));
    if (section_has(section, "set"))
        load_set(&entry);
    if (section_has(section, "fault"))
        load_faults(&entry);
    load_holds(&entry, "suspend", CHANGE_HOLD);
    load_holds(&entry, "resume", CHANGE_RELEASE);
}

void
load_timelines(struct loader *loader, const struct section *root)
{
    struct timelines all = {.loader = loader};
    struct change *changes;

    for (size_t i = 0; i < section_count(root, "isps"); i++) {
        struct section isp = section_item(root, "isps", i);

        for (size_t j = 0; j < section_count(&isp, "timeline"); j++) {
            struct section item = section_item(&isp, "timeline", j);

            load_entry(&all, &item, i);
        }
    }
    for (size_t j = 0; j < section_count(root, "timeline"); j++) {
        struct section item = section_item(root, "timeline", j);

        load_entry(&all, &item, SIZE_MAX);
    }
    changes = arena_alloc(loader->arena, all.count * sizeof *changes + 1);
    if (all.count > 0)
        memcpy(changes, all.changes, all.count * sizeof *changes);
    parts_of(loader)->scenario->changes = changes;
    parts_of(loader)->scenario->changes_count = all.count;
    mem_free(all.changes);
}
