/* loader_delivery.c - the sender's platform of a scenario: what is sent to whom, and when. */
#include "base/map.h"
#include "scenarios/csv.h"
#include "scenarios/loader.h"

enum {
    NAME_MAX_LENGTH = 32, /* it is part of every return path */
    NUMBER_WIDTH_MAX = 12,
    CSV_BYTES_MAX = 512 * 1024 * 1024,
    CSV_ERRORS_MAX = 5,
    SUGGESTIONS_MAX = 200,
};

/* Patterns. */

struct pattern { /* "ok-%04d@rows.example" in pieces */
    struct text before, after;
    int width;
    size_t numbers_count;
};

static bool
read_number_sign(struct slice text, size_t *i, struct pattern *pattern)
{
    uint64_t width = 0;
    size_t at = *i + 1, digits = at;

    while (digits < text.length && char_is_digit(text.at[digits]))
        digits++;
    if (digits == text.length || text.at[digits] != 'd')
        return false;
    if (digits > at &&
        (text.at[at] != '0' || digits - at > 3 ||
            !slice_to_u64((struct slice){text.at + at, digits - at}, &width)))
        return false;
    if (width > NUMBER_WIDTH_MAX)
        return false;
    pattern->width = (int)width;
    pattern->numbers_count++;
    *i = digits;
    return true;
}

static bool
split_pattern(struct slice text, struct pattern *pattern)
{
    for (size_t i = 0; i < text.length; i++) {
        struct text *part = pattern->numbers_count == 0 ? &pattern->before : &pattern->after;

        if (text.at[i] != '%') {
            text_add_char(part, text.at[i]);
        } else if (i + 1 < text.length && text.at[i + 1] == '%') {
            text_add_char(part, '%');
            i++;
        } else if (!read_number_sign(text, &i, pattern)) {
            return false;
        }
    }
    return true;
}

/* The longest address of the pattern is one if any is. */
static bool
check_address(const struct pattern *pattern, uint64_t count, struct mail_address *address,
    struct text *whole, const char **why)
{
    struct text digits = {0};

    if (pattern->numbers_count > 0)
        text_printf(&digits, "%0*llu", pattern->width, (unsigned long long)(count > 0 ? count : 1));
    text_add_slice(whole, text_slice(&pattern->before));
    text_add_slice(whole, text_slice(&digits));
    text_add_slice(whole, text_slice(&pattern->after));
    text_release(&digits);
    return address_parse(text_slice(whole), address, why) && address->domain.length > 0;
}

/* Mail to a domain that nobody serves fails, as it should; but it may be a slip of the pen. A domain
 * with a zone of its own is meant. */
static void
warn_of_domain(struct loader *loader, struct slice domain, struct mark mark)
{
    const char *names[SUGGESTIONS_MAX], *nearest;
    const struct scenario *scenario = parts_of(loader)->scenario;
    struct text hint = {0};
    size_t count = 0;

    for (size_t i = 0; i < scenario->zones_count; i++)
        if (slice_equals_nocase(scenario->zones[i], domain))
            return;
    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t j = 0; j < scenario->isps[i].domains_count; j++) {
            if (slice_equals_nocase(scenario->isps[i].domains[j], domain))
                return;
            if (count < SUGGESTIONS_MAX)
                names[count++] = scenario->isps[i].domains[j].at;
        }
    nearest = nearest_word(domain, names, count);
    if (nearest == NULL)
        return;
    text_printf(&hint, "did you mean \"%s\"?", nearest);
    diagnose_warning(
        loader->diagnostics, mark, hint.bytes, "nobody serves %.*s", SLICE_ARGS(domain));
    text_release(&hint);
}

static bool
check_pattern(
    const struct section *section, const struct pattern *pattern, uint64_t count, bool is_arriving)
{
    struct diagnostics *diagnostics = section->loader->diagnostics;
    struct mark mark = section_mark(section, "pattern");
    struct mail_address address;
    struct text whole = {0};
    const char *why = "the domain is missing";
    bool is_good = true;

    if (pattern->numbers_count > 1)
        is_good = diagnose(diagnostics, mark, NULL, "a pattern has one number, not more");
    else if (pattern->numbers_count == 0 && (count > 1 || (is_arriving && count == 0)))
        is_good = diagnose(diagnostics, mark, "such as \"u%04d@isp.example\"",
            "a pattern for many addresses has a number in it: %%d or %%04d");
    else if (pattern->numbers_count == 1 && count == 0 && !is_arriving)
        is_good = diagnose(diagnostics, section->map->mark, NULL,
            "\"count\" is missing; only arrivals go on as long as they come");
    else if (!check_address(pattern, count, &address, &whole, &why))
        is_good = diagnose(
            diagnostics, mark, NULL, "%s is not a mail address: %s", text_string(&whole), why);
    else
        warn_of_domain(section->loader, address.domain, mark);
    text_release(&whole);
    return is_good;
}

static void
load_pattern(const struct section *section, bool is_arriving, struct recipients_config *to)
{
    struct loader *loader = section->loader;
    struct pattern pattern = {0};
    struct slice *single;

    to->count = (uint64_t)section_whole(section, "count");
    if (!split_pattern(section_scalar(section, "pattern").text, &pattern)) {
        diagnose(loader->diagnostics, section_mark(section, "pattern"), NULL,
            "behind a %% stands d, or a width as in %%04d, or another %%");
    } else if (check_pattern(section, &pattern, to->count, is_arriving)) {
        to->before = keep_slice(loader, text_slice(&pattern.before));
        to->after = keep_slice(loader, text_slice(&pattern.after));
        to->width = pattern.width;
        if (pattern.numbers_count == 0) { /* one address is a list of one */
            single = arena_alloc(loader->arena, sizeof *single);
            *single = to->before;
            to->addresses = single;
            to->addresses_count = 1;
        }
    }
    text_release(&pattern.before);
    text_release(&pattern.after);
}

/* Lists of addresses. */

static struct mark
mark_of_field(const struct csv *csv, const char *filename, size_t field)
{
    return (struct mark){.filename = filename,
        .line = csv->lines[field],
        .column = csv->columns[field],
        .length = csv->fields[field].length > 0 ? (int)csv->fields[field].length : 1};
}

static bool
find_column(struct csv *csv, size_t *column)
{
    if (!csv_next(csv))
        return false;
    for (size_t i = 0; i < csv->fields_count; i++)
        if (slice_equals_nocase(slice_trim(csv->fields[i]), SLICE("address"))) {
            *column = i;
            return true;
        }
    return false;
}

struct list { /* of addresses, while it is read */
    struct loader *loader;
    const char *filename;
    struct slice *addresses;
    size_t count, capacity;
    size_t errors_count;
};

static bool
take_record(struct list *list, const struct csv *csv, size_t column)
{
    struct mail_address address;
    const char *why = "";
    struct slice field;

    if (column >= csv->fields_count)
        return diagnose(list->loader->diagnostics, mark_of_field(csv, list->filename, 0), NULL,
            "this record has no field in the column address");
    field = slice_trim(csv->fields[column]);
    if (!address_parse(field, &address, &why) || address.domain.length == 0)
        return diagnose(list->loader->diagnostics, mark_of_field(csv, list->filename, column), NULL,
            "\"%.*s\" is not a mail address: %s", SLICE_ARGS(field), why);
    list->addresses =
        mem_grow(list->addresses, &list->capacity, list->count + 1, sizeof list->addresses[0]);
    list->addresses[list->count++] = field;
    return true;
}

static void
read_list(struct list *list, struct csv *csv, struct mark mark)
{
    size_t column = 0;

    if (!find_column(csv, &column) && csv->why == NULL) {
        diagnose(list->loader->diagnostics,
            (struct mark){.filename = list->filename, .line = 1, .column = 1, .length = 1}, NULL,
            "the first line has no column \"address\"");
        return;
    }
    while (list->errors_count < CSV_ERRORS_MAX && csv_next(csv))
        list->errors_count += !take_record(list, csv, column);
    if (csv->why != NULL)
        diagnose(list->loader->diagnostics,
            (struct mark){list->filename, csv->why_line, csv->why_column, 1}, NULL, "%s", csv->why);
    else if (list->count == 0 && list->errors_count == 0)
        diagnose(list->loader->diagnostics, mark, NULL, "%s has no addresses", list->filename);
}

static void
load_csv(const struct section *section, struct recipients_config *to)
{
    static const struct conf_bounds bounds = {CSV_BYTES_MAX, CONF_LINE_BYTES_MAX};
    struct loader *loader = section->loader;
    struct mark named = section_mark(section, "csv"), mark;
    const char *filename = filename_beside(
        parts_of(loader)->extends.arena, named.filename, section_scalar(section, "csv").text);
    struct list list = {.loader = loader, .filename = filename};
    struct slice text = {"", 0}, *addresses;
    struct error err;
    struct csv csv;
    char *copy;

    if (parts_of(loader)->extends.is_alone ||
        conf_read_file(filename, &bounds, parts_of(loader)->extends.arena, &text, &mark, &err) !=
            CONF_READ) {
        diagnose(loader->diagnostics, named, NULL, "cannot read %s%s%s", filename,
            parts_of(loader)->extends.is_alone ? "" : ": ",
            parts_of(loader)->extends.is_alone ? "" : err.text);
        return;
    }
    diagnostics_add_file(loader->diagnostics, filename, text);
    if (!conf_check_text(filename, text, &bounds, loader->diagnostics))
        return;
    copy = arena_copy(loader->arena, text.at, text.length);
    csv = csv_begin(copy, text.length);
    read_list(&list, &csv, named);
    addresses = arena_alloc(loader->arena, list.count * sizeof *addresses + 1);
    if (list.count > 0)
        memcpy(addresses, list.addresses, list.count * sizeof *addresses);
    to->addresses = addresses;
    to->addresses_count = list.count;
    mem_free(list.addresses);
}

static void
load_recipients(const struct section *section, bool is_arriving, struct recipients_config *to)
{
    bool has_csv = section_has(section, "csv"), has_pattern = section_has(section, "pattern");

    if (has_csv == has_pattern)
        diagnose(section->loader->diagnostics, section->map->mark, NULL,
            "recipients are given by one of pattern and csv");
    else if (has_pattern)
        load_pattern(section, is_arriving, to);
    else if (section_has(section, "count"))
        diagnose(section->loader->diagnostics, section_mark(section, "count"), NULL,
            "a csv is as long as it is: count goes with a pattern");
    else
        load_csv(section, to);
}

/* Deliveries. */

static void
load_to(const struct section *section, struct delivery_config *delivery)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "to");
    struct recipients_config *to = arena_alloc_zeroed(loader->arena, count * sizeof *to + 1);
    bool is_arriving = delivery->arrivals != ARRIVALS_NONE;

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(section, "to", i);

        if (item.map == NULL || item.map->count == 0) {
            diagnose(loader->diagnostics, section_item_mark(section, "to", i), NULL,
                "recipients are given by one of pattern and csv");
            continue;
        }
        load_recipients(&item, is_arriving, &to[i]);
        if (i + 1 < count && to[i].addresses == NULL && to[i].count == 0 && is_arriving)
            diagnose(loader->diagnostics, section_item_mark(section, "to", i), NULL,
                "what stands below a pattern without count is never reached");
    }
    if (count == 0)
        diagnose(loader->diagnostics, section_mark(section, "to"), NULL,
            "delivery %.*s has no recipients", SLICE_ARGS(delivery->name));
    delivery->to = to;
    delivery->to_count = count;
}

static void
load_times(const struct section *section, struct delivery_config *delivery)
{
    struct section arrivals = section_nested(section, "arrivals");
    struct loader *loader = section->loader;
    int64_t until_us = parts_of(loader)->scenario->until_us;
    static const char *const others[] = {"at", "spread"};

    delivery->at_us = section_whole(section, "at");
    delivery->spread_us = section_whole(section, "spread");
    delivery->arrivals_rate = ratio_of(0, 1);
    if (section_has(section, "arrivals") && arrivals.map != NULL) {
        delivery->arrivals = (enum arrivals_kind)section_whole(&arrivals, "kind");
        delivery->arrivals_rate = section_ratio(&arrivals, "rate");
        delivery->arrivals_from_us = section_whole(&arrivals, "from");
        delivery->arrivals_to_us =
            section_has(&arrivals, "to") ? section_whole(&arrivals, "to") : until_us;
        delivery->at_us = delivery->arrivals_from_us;
        if (delivery->arrivals_rate.num == 0)
            diagnose(loader->diagnostics, section_mark(&arrivals, "rate"), NULL,
                "at a rate of zero nothing arrives");
        if (delivery->arrivals_to_us <= delivery->arrivals_from_us &&
            delivery->arrivals_from_us < until_us)
            diagnose(loader->diagnostics, section_mark(&arrivals, "to"), NULL,
                "the arrivals end before they begin");
        for (size_t i = 0; i < COUNT_OF(others); i++)
            if (section_has(section, others[i]))
                diagnose(loader->diagnostics, section_mark(section, others[i]), NULL,
                    "\"%s\" and \"arrivals\" exclude each other", others[i]);
    }
    if (delivery->at_us >= until_us)
        diagnose(loader->diagnostics,
            section_mark(
                arrivals.map != NULL ? &arrivals : section, arrivals.map != NULL ? "from" : "at"),
            NULL, "delivery %.*s starts when the run is over (run.until)",
            SLICE_ARGS(delivery->name));
}

static void
load_steps(const struct section *section, struct delivery_config *delivery)
{
    struct loader *loader = section->loader;
    size_t count = section_count(section, "timeline");
    struct delivery_step *steps = arena_alloc(loader->arena, count * sizeof *steps + 1);

    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(section, "timeline", i);

        steps[i].at_us = section_whole(&item, "at");
        steps[i].what = (enum delivery_do)section_whole(&item, "do");
    }
    delivery->steps = steps;
    delivery->steps_count = count;
}

static void
check_delivery_name(struct loader *loader, struct slice name, struct mark mark)
{
    bool is_good = name.length <= NAME_MAX_LENGTH && memchr(name.at, '_', name.length) == NULL;

    if (!is_good)
        diagnose(loader->diagnostics, mark, NULL,
            "the name of a delivery is part of its return paths: at most %d letters, digits and "
            "'-'",
            NAME_MAX_LENGTH);
}

static void
load_delivery(const struct section *section, struct delivery_config *delivery)
{
    struct loader *loader = section->loader;

    load_times(section, delivery);
    delivery->validity_us = section_whole(section, "validity");
    if (delivery->validity_us % US_PER_S != 0)
        diagnose(loader->diagnostics, section_mark(section, "validity"), NULL,
            "validity is in whole seconds");
    delivery->recipients_per_message = (uint32_t)section_whole(section, "recipients_per_message");
    load_steps(section, delivery);
    load_to(section, delivery);
}

void
load_campaign(struct loader *loader, const struct section *root)
{
    struct section section = section_nested(root, "campaign");
    struct section link = section_nested(&section, "link");
    struct campaign_config *campaign = &parts_of(loader)->scenario->campaign;
    size_t count = section_count(root, "deliveries");
    struct delivery_config *deliveries =
        arena_alloc_zeroed(loader->arena, count * sizeof *deliveries + 1);
    const char *why;

    address_parse(section_text(&section, "from"), &campaign->from, &why);
    if (campaign->from.domain.length == 0)
        diagnose(loader->diagnostics, section_mark(&section, "from"), NULL,
            "the campaign's address has a domain");
    campaign->instance = section_text(&section, "instance");
    campaign->soft_limit = (uint32_t)section_whole(&section, "soft_limit");
    campaign->body_bytes = (uint32_t)section_whole(&section, "body");
    parts_of(loader)->scenario->campaign_rtt_us = section_whole(&link, "rtt");
    for (size_t i = 0; i < count; i++) {
        struct section item = section_item(root, "deliveries", i);

        deliveries[i].name = section_item_name(root, "deliveries", i);
        check_delivery_name(loader, deliveries[i].name, section_item_mark(root, "deliveries", i));
        load_delivery(&item, &deliveries[i]);
    }
    if (count == 0 && !parts_of(loader)->scenario->is_profile)
        diagnose(loader->diagnostics, (struct mark){.filename = loader->filename}, NULL,
            "there are no deliveries; a file without expect would be a profile");
    campaign->deliveries = deliveries;
    campaign->deliveries_count = count;
}
