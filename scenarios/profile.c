/* profile.c - profiles of providers, moved to the loopback. */
#include "scenarios/profile.h"

#include "base/embedded.h"
#include "base/mem.h"
#include "scenarios/loader.h"
#include "scenarios/scenario.h"

#define PROFILES_BUILT_IN "fakeisp/profiles/"

enum { ADDRESSES_MAX = 1000 };

struct move { /* of the address of a host */
    struct net_address from, to;
};

struct moves {
    struct move list[ADDRESSES_MAX];
    size_t count;
    struct net_address next;
};

static void
count_on(struct net_address *address)
{
    for (size_t i = address->family == 4 ? 4 : 16; i-- > 0;)
        if (++address->bytes[i] != 0)
            return;
}

static bool
move_host(struct profiles *profiles, struct isp_host *host, struct moves *moves, struct error *err)
{
    struct net_address *addresses =
        arena_alloc(&profiles->arena, (host->addresses_count + 1) * sizeof *addresses);

    for (size_t i = 0; i < host->addresses_count; i++) {
        if (moves->count == ADDRESSES_MAX)
            return error_set(err, ERROR_CONFIG, "there are more than %d hosts", ADDRESSES_MAX);
        addresses[i] = moves->next;
        moves->list[moves->count++] = (struct move){host->addresses[i], moves->next};
        count_on(&moves->next);
    }
    host->addresses = addresses;
    return true;
}

static bool
is_known(const struct profiles *profiles, const struct isp_config *isp, struct error *err)
{
    for (size_t i = 0; i < profiles->isps_count; i++) {
        const struct isp_config *other = &profiles->isps[i];

        if (slice_equals(other->name, isp->name))
            return !error_set(
                err, ERROR_CONFIG, "there are two providers called %.*s", SLICE_ARGS(isp->name));
        for (size_t j = 0; j < other->domains_count; j++)
            for (size_t k = 0; k < isp->domains_count; k++)
                if (slice_equals(other->domains[j], isp->domains[k]))
                    return !error_set(
                        err, ERROR_CONFIG, "two providers serve %.*s", SLICE_ARGS(isp->domains[k]));
    }
    return false;
}

static bool
add_isp(
    struct profiles *profiles, size_t file, size_t place, struct moves *moves, struct error *err)
{
    struct isp_config isp = profiles->files[file]->isps[place];
    struct isp_host *hosts = arena_alloc(&profiles->arena, isp.hosts_count * sizeof *hosts);
    size_t capacity = profiles->isps_count;

    if (is_known(profiles, &isp, err))
        return false;
    memcpy(hosts, isp.hosts, isp.hosts_count * sizeof *hosts);
    for (size_t i = 0; i < isp.hosts_count; i++)
        if (!move_host(profiles, &hosts[i], moves, err))
            return false;
    isp.hosts = hosts;
    profiles->isps = mem_resize(profiles->isps, (capacity + 1) * sizeof profiles->isps[0]);
    profiles->files_of_isps = mem_resize(profiles->files_of_isps, (capacity + 1) * sizeof(size_t));
    profiles->places_in_files =
        mem_resize(profiles->places_in_files, (capacity + 1) * sizeof(size_t));
    profiles->isps[capacity] = isp;
    profiles->files_of_isps[capacity] = file;
    profiles->places_in_files[capacity] = place;
    profiles->isps_count++;
    return true;
}

static struct net_address
moved(const struct moves *moves, size_t from, struct net_address address)
{
    for (size_t i = from; i < moves->count; i++)
        if (net_address_same_host(&moves->list[i].from, &address)) {
            address = moves->list[i].to;
            break;
        }
    address.port = 0;
    return address;
}

static void
add_zones(struct zones *zones, const struct scenario *file, const struct moves *moves, size_t from)
{
    struct net_address address;

    for (size_t i = 0; i < file->zones_count; i++)
        zones_add_zone(zones, file->zones[i]);
    for (size_t i = 0; i < file->records_count; i++) {
        const struct zone_record *record = &file->records[i];

        switch (record->type) {
        case DNS_MX:
            zones_add_mx(zones, record->name, record->preference, record->host);
            break;
        case DNS_ADDRESS:
            address = moved(moves, from, record->address);
            zones_add_address(zones, record->name, &address);
            break;
        case DNS_TXT:
            zones_add_txt(zones, record->name, record->text);
            break;
        }
    }
}

/* "gmail", where there is no file of that name, is the profile that is built in. */
static struct scenario *
load_scenario(const char *filename, struct diagnostics *diagnostics, struct error *err)
{
    struct scenario *scenario = scenario_load(filename, NULL, 0, diagnostics, err);
    struct text name = {0};
    struct slice text;

    if (scenario != NULL || err->kind != ERROR_NOT_FOUND)
        return scenario;
    text_printf(&name, PROFILES_BUILT_IN "%s.yaml", filename);
    if (embedded_find(text_slice(&name), &text)) {
        *err = (struct error){0};
        scenario = scenario_load_text(filename, text, diagnostics);
    }
    text_release(&name);
    return scenario;
}

void
profiles_list(struct text *out)
{
    struct slice folder = SLICE(PROFILES_BUILT_IN);

    for (const struct embedded_file *file = embedded_files; file->filename != NULL; file++) {
        struct diagnostics diagnostics = {0};
        struct slice text = {(const char *)file->bytes, file->length};
        struct slice name = slice_of(file->filename);
        struct scenario *scenario;

        if (!slice_starts_with(name, folder))
            continue;
        name = slice_from(name, folder.length);
        name.length -= strlen(".yaml");
        scenario = scenario_load_text(file->filename, text, &diagnostics);
        assert(scenario != NULL); /* a test reads them all */
        text_printf(out, "%-20.*s %.*s\n", SLICE_ARGS(name), SLICE_ARGS(scenario->title));
        scenario_free(&scenario);
        diagnostics_release(&diagnostics);
    }
}

static bool
load_file(struct profiles *profiles, const char *filename, struct moves *moves,
    struct diagnostics *diagnostics, struct error *err)
{
    size_t from = moves->count, file = profiles->files_count;
    struct scenario *scenario = load_scenario(filename, diagnostics, err);

    if (scenario == NULL)
        return false;
    profiles->files[profiles->files_count++] = scenario;
    if (scenario->isps_count == 0)
        return error_set(err, ERROR_CONFIG, "%s has no isps", filename);
    for (size_t i = 0; i < scenario->isps_count; i++)
        if (!add_isp(profiles, file, i, moves, err))
            return false;
    add_zones(profiles->zones, scenario, moves, from);
    return true;
}

bool
profiles_load(struct profiles *profiles, const char *const *filenames, size_t count,
    const struct net_address *first, struct diagnostics *diagnostics, struct error *err)
{
    struct moves *moves = mem_alloc_zeroed(sizeof *moves);
    bool is_loaded = true;

    *profiles = (struct profiles){
        .zones = zones_new(), .files = mem_alloc_zeroed((count + 1) * sizeof(struct scenario *))};
    *err = (struct error){0};
    moves->next = *first;
    for (size_t i = 0; is_loaded && i < count; i++)
        is_loaded = load_file(profiles, filenames[i], moves, diagnostics, err);
    mem_free(moves);
    if (!is_loaded)
        profiles_free(profiles);
    return is_loaded;
}

void
profiles_free(struct profiles *profiles)
{
    for (size_t i = 0; i < profiles->files_count; i++)
        scenario_free(&profiles->files[i]);
    mem_free(profiles->files);
    mem_free(profiles->isps);
    mem_free(profiles->files_of_isps);
    mem_free(profiles->places_in_files);
    if (profiles->zones != NULL)
        zones_free(&profiles->zones);
    arena_release(&profiles->arena);
    *profiles = (struct profiles){0};
}

/* The path may name the provider; then it has to be looked for in its own file. */
static bool
find_isp(const struct profiles *profiles, struct slice *path, size_t *isp)
{
    struct slice prefix = SLICE("isps."), name, rest;

    if (!slice_starts_with(*path, prefix))
        return false;
    slice_cut(slice_from(*path, prefix.length), '.', &name, &rest);
    for (*isp = 0; *isp < profiles->isps_count; ++*isp)
        if (slice_equals(profiles->isps[*isp].name, name)) {
            *path = rest;
            return true;
        }
    return false;
}

bool
profiles_read_change(void *arg, size_t isp, struct slice path, struct slice value,
    struct service_change *change, struct error *err)
{
    struct profiles *profiles = arg;
    struct change read;

    if (isp == SIZE_MAX && !find_isp(profiles, &path, &isp))
        return error_set(err, ERROR_CONFIG,
            "which provider? Write isps.NAME. in front, with one of the profiles' names");
    if (!scenario_read_change(profiles->files[profiles->files_of_isps[isp]],
            profiles->places_in_files[isp], path, value, &read, err))
        return false;
    if (read.kind == CHANGE_RTT)
        return error_set(err, ERROR_CONFIG, "a real network has the round-trip time that it has");
    *change =
        (struct service_change){.kind = read.kind == CHANGE_HOST ? SERVICE_FAULT : SERVICE_KNOB,
            .isp = isp,
            .index = read.index,
            .knob = read.knob,
            .value = read.value,
            .fault = read.fault};
    return true;
}
