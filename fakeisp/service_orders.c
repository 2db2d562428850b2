/* service_orders.c - what a person may ask of running providers.
 *
 * A provider is named in front where there are several: `refuse bigmail next 3`, `fault bigmail.mx1
 * reset`. A host's name that only one provider has needs none. */
#include "base/json.h"
#include "base/mem.h"
#include "fakeisp/service.h"

static struct service *
service_of(void *arg)
{
    return *(struct service **)arg;
}

/* Always false, so that a failing branch is one line. */
static bool no(struct text *answer, const char *format, ...) PRINTF_LIKE(2, 3);

static bool
no(struct text *answer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_vprintf(answer, format, args);
    va_end(args);
    return false;
}

static bool
find_isp(const struct service *service, struct slice name, size_t *isp)
{
    for (*isp = 0; *isp < service->setup.isps_count; ++*isp)
        if (slice_equals(service->setup.isps[*isp].name, name))
            return true;
    return false;
}

/* ---- status ---- */

static const char *const fault_names[] = {
    [NET_FAULT_NONE] = "none",
    [NET_FAULT_REFUSE] = "refuse",
    [NET_FAULT_SILENT] = "silent",
    [NET_FAULT_RESET] = "reset",
};

static const struct figure {
    const char *name;
    size_t offset; /* in struct isp_totals */
} figures[] = {
    {"connections",  offsetof(struct isp_totals, connections)           },
    {"messages",     offsetof(struct isp_totals, messages_accepted)     },
    {"recipients",   offsetof(struct isp_totals, recipients_accepted)   },
    {"refused_4xx",  offsetof(struct isp_totals, recipients_refused_4xx)},
    {"refused_5xx",  offsetof(struct isp_totals, recipients_refused_5xx)},
    {"limit_hits",   offsetof(struct isp_totals, limit_hits)            },
    {"bytes",        offsetof(struct isp_totals, bytes_accepted)        },
    {"dsn_sent",     offsetof(struct isp_totals, reports.sent)          },
    {"dsn_taken",    offsetof(struct isp_totals, reports.taken)         },
    {"dsn_unsent",   offsetof(struct isp_totals, reports.unsent)        },
    {"null_senders", offsetof(struct isp_totals, reports.kept_back)     },
};

static uint64_t
figure_of(const struct isp_totals *totals, const struct figure *figure)
{
    uint64_t value;

    memcpy(&value, (const char *)totals + figure->offset, sizeof value);
    return value;
}

static void
add_address(struct text *out, const struct isp_host *host)
{
    if (host->addresses_count == 0)
        return;
    net_address_format(out, &host->addresses[0]);
    text_printf(out, ":%u", (unsigned)host->addresses[0].port);
}

static void
status_as_json(const struct isp *isp, const struct service_host *hosts, struct json *json)
{
    const struct isp_config *config = isp_config(isp);
    struct isp_totals totals = isp_totals(isp);

    json_open(json, '{');
    json_key(json, "isp");
    json_text(json, config->name);
    json_key(json, "hosts");
    json_open(json, '[');
    for (size_t h = 0; h < config->hosts_count; h++) {
        struct text address = {0};

        add_address(&address, &config->hosts[h]);
        json_open(json, '{');
        json_key(json, "host");
        json_text(json, config->hosts[h].fqdn);
        json_key(json, "address");
        json_text(json, text_slice(&address));
        json_key(json, "sessions");
        json_int(json, isp_sessions_open(isp, h));
        json_key(json, "fault");
        json_text(json, slice_of(fault_names[hosts[h].fault]));
        json_close(json, '}');
        text_release(&address);
    }
    json_close(json, ']');
    json_key(json, "refusals_left");
    json_int(json, (int64_t)isp_refusals_left(isp));
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        json_key(json, figures[i].name);
        json_int(json, (int64_t)figure_of(&totals, &figures[i]));
    }
    json_close(json, '}');
}

static void
status_as_text(const struct isp *isp, const struct service_host *hosts, struct text *answer)
{
    const struct isp_config *config = isp_config(isp);
    struct isp_totals totals = isp_totals(isp);

    text_printf(answer, "%.*s\n", SLICE_ARGS(config->name));
    for (size_t h = 0; h < config->hosts_count; h++) {
        text_printf(answer, "  %.*s ", SLICE_ARGS(config->hosts[h].fqdn));
        add_address(answer, &config->hosts[h]);
        text_printf(answer, "  sessions %u  fault %s\n", (unsigned)isp_sessions_open(isp, h),
            fault_names[hosts[h].fault]);
    }
    text_add_string(answer, " ");
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        text_printf(answer, " %s %llu", figures[i].name,
            (unsigned long long)figure_of(&totals, &figures[i]));
    text_printf(answer, "  refusals_left %llu\n", (unsigned long long)isp_refusals_left(isp));
}

static bool
status(void *arg, const struct control_request *request, struct text *answer)
{
    const struct service *service = service_of(arg);
    struct json json = json_begin(answer, 0);

    if (request->wants_json)
        json_open(&json, '[');
    for (size_t i = 0; i < service->setup.isps_count; i++) {
        if (request->wants_json)
            status_as_json(service->isps[i], service->hosts[i], &json);
        else
            status_as_text(service->isps[i], service->hosts[i], answer);
    }
    if (request->wants_json)
        json_close(&json, ']');
    return true;
}

/* ---- refuse ---- */

static bool
read_reply(const struct control_request *request, size_t from, struct text *scratch,
    struct smtp_reply *reply, struct text *answer)
{
    const char *why;

    for (size_t i = from; i < request->words_count; i++) {
        text_add_slice(scratch, request->words[i]);
        if (i + 1 < request->words_count)
            text_add_char(scratch, ' ');
    }
    if (!reply_parse(text_slice(scratch), reply, &why))
        return no(answer, "\"%s\" is no reply: %s", text_string(scratch), why);
    return reply->code >= 400 || no(answer, "a refusal is a 4xx or 5xx");
}

static bool
refuse(void *arg, const struct control_request *request, struct text *answer)
{
    struct service *service = service_of(arg);
    struct smtp_reply reply = {
        .code = 451, .enhanced = {4, 3, 2},
             .text = SLICE("refused by order, try again later")
    };
    const struct slice *words = request->words;
    size_t isp = SIZE_MAX, at = 0;
    struct text scratch = {0};
    uint64_t times;
    bool is_good = true;

    if (!slice_equals(words[0], SLICE("next")) && !find_isp(service, words[at++], &isp))
        return no(answer, "there is no provider \"%.*s\"", SLICE_ARGS(words[0]));
    if (at + 1 >= request->words_count || !slice_equals(words[at], SLICE("next")) ||
        !slice_to_u64(words[at + 1], &times))
        return no(answer, "how many? Such as: refuse next 3 with 550 5.7.1 not today");
    at += 2;
    if (at < request->words_count) {
        if (!slice_equals(words[at], SLICE("with")) || at + 1 == request->words_count)
            return no(answer, "behind the number comes: with REPLY");
        is_good = read_reply(request, at + 1, &scratch, &reply, answer);
    }
    for (size_t i = 0; is_good && i < service->setup.isps_count; i++)
        if (isp == SIZE_MAX || isp == i)
            isp_refuse_next(service->isps[i], times, &reply);
    text_release(&scratch);
    return is_good;
}

/* ---- fault ---- */

static bool
find_host(
    struct service *service, struct slice name, struct service_host **host, struct text *answer)
{
    struct slice isp_name, host_name;
    size_t isp = SIZE_MAX, hits = 0;

    if (slice_cut(name, '.', &isp_name, &host_name) && find_isp(service, isp_name, &isp))
        name = host_name;
    else
        isp = SIZE_MAX;
    for (size_t i = 0; i < service->setup.isps_count; i++) {
        const struct isp_config *config = &service->setup.isps[i];

        for (size_t h = 0; h < config->hosts_count; h++) {
            bool is_meant = (isp == SIZE_MAX || isp == i) &&
                (slice_equals_nocase(config->hosts[h].name, name) ||
                    slice_equals_nocase(config->hosts[h].fqdn, name));

            hits += is_meant;
            if (is_meant)
                *host = &service->hosts[i][h];
        }
    }
    if (hits > 1)
        return no(
            answer, "several hosts are called \"%.*s\": write PROVIDER.HOST", SLICE_ARGS(name));
    return hits == 1 || no(answer, "there is no host \"%.*s\"", SLICE_ARGS(name));
}

static void
end_fault(void *arg)
{
    service_set_fault(arg, NET_FAULT_NONE);
}

static bool
fault(void *arg, const struct control_request *request, struct text *answer)
{
    struct service *service = service_of(arg);
    struct loop *loop = service->setup.doors.loop;
    const struct slice *words = request->words;
    struct service_host *host = NULL;
    int64_t for_us = 0;
    struct error err;
    size_t kind = 0;

    if (!find_host(service, words[0], &host, answer))
        return false;
    while (kind < COUNT_OF(fault_names) && !slice_equals(words[1], slice_of(fault_names[kind])))
        kind++;
    if (kind == COUNT_OF(fault_names))
        return no(answer, "a fault is refuse, silent, reset or none");
    if (request->words_count == 3 ||
        (request->words_count == 4 && !slice_equals(words[2], SLICE("for"))))
        return no(answer, "how long? Such as: fault mx1 refuse for 10m");
    if (request->words_count == 4 && !unit_parse_duration(words[3], &for_us, &err))
        return no(answer, "%s", err.text);
    service_set_fault(host, (enum net_fault)kind);
    if (for_us > 0)
        timer_arm(loop, &host->timer, loop_now_us(loop) + for_us, end_fault, host);
    return true;
}

/* ---- set ---- */

static bool
read_change(struct service *service, struct slice path, struct slice value,
    struct service_change *change, struct text *answer)
{
    const struct service_setup *setup = &service->setup;
    bool is_named = slice_starts_with(path, SLICE("isps."));
    struct error err;

    if (setup->read_change == NULL)
        return no(answer, "there is no profile in which something could be set");
    return setup->read_change(setup->read_change_arg,
               !is_named && setup->isps_count == 1 ? 0 : SIZE_MAX, path, value, change, &err) ||
        no(answer, "%s", err.text);
}

static bool
set(void *arg, const struct control_request *request, struct text *answer)
{
    struct service *service = service_of(arg);
    struct slice value = request->words[1];
    struct service_change change = {0};
    struct text whole = {0};
    bool is_read;

    if (request->words_count == 3) { /* a window: sliding 1h */
        text_printf(&whole, "%.*s %.*s", SLICE_ARGS(value), SLICE_ARGS(request->words[2]));
        value = text_slice(&whole);
    }
    is_read = read_change(service, request->words[0], value, &change, answer);
    text_release(&whole);
    if (!is_read)
        return false;
    if (change.kind == SERVICE_FAULT)
        service_set_fault(&service->hosts[change.isp][change.index], change.fault);
    else
        isp_turn(service->isps[change.isp], change.knob, change.index, change.value);
    return true;
}

/* "Halve the limit": scale limits.rate.max 50%. What counts things keeps at least one of them. */
static bool
scale(void *arg, const struct control_request *request, struct text *answer)
{
    struct service *service = service_of(arg);
    struct service_change change = {0};
    struct ratio factor, value;
    struct error err;
    int64_t now, then;

    if (!unit_parse_percent(request->words[1], &factor, &err))
        return no(answer, "%s", err.text);
    if (!read_change(service, request->words[0], SLICE(""), &change, answer))
        return false;
    if (change.kind != SERVICE_KNOB)
        return no(answer, "this is not a quantity");
    now = isp_knob(service->isps[change.isp], change.knob, change.index);
    value = ratio_multiply(ratio_of(now, 1), factor);
    then = ratio_round(value);
    if (then < 1 && now > 0)
        then = 1;
    if (change.knob != KNOB_LIMIT_MAX && change.knob != KNOB_LIMIT_WINDOW &&
        change.knob != KNOB_GREYLIST_DELAY && then > PPM)
        then = PPM; /* a share */
    isp_turn(service->isps[change.isp], change.knob, change.index, then);
    return true;
}

/* ---- dns ---- */

static const struct {
    const char *name;
    enum dns_status status;
} dns_faults[] = {
    {"none",     DNS_OK       },
    {"servfail", DNS_SERVFAIL },
    {"nxdomain", DNS_NO_NAME  },
    {"timeout",  DNS_TIMED_OUT},
};

static bool
dns(void *arg, const struct control_request *request, struct text *answer)
{
    struct service *service = service_of(arg);
    size_t isp = SIZE_MAX, kind = 0;

    if (service->setup.zones == NULL)
        return no(answer, "there is no name server here");
    if (request->words_count == 2 && !find_isp(service, request->words[1], &isp))
        return no(answer, "there is no provider \"%.*s\"", SLICE_ARGS(request->words[1]));
    while (kind < COUNT_OF(dns_faults) &&
        !slice_equals(request->words[0], slice_of(dns_faults[kind].name)))
        kind++;
    if (kind == COUNT_OF(dns_faults))
        return no(answer, "DNS can answer servfail, nxdomain or timeout, or be fine: none");
    for (size_t i = 0; i < service->setup.isps_count; i++)
        for (size_t d = 0; d < service->setup.isps[i].domains_count; d++)
            if (isp == SIZE_MAX || isp == i)
                zones_fail_zone_of(service->setup.zones, service->setup.isps[i].domains[d],
                    dns_faults[kind].status);
    return true;
}

static bool
stop(void *arg, const struct control_request *request, struct text *answer)
{
    const struct service_setup *setup = &service_of(arg)->setup;

    setup->on_stop(setup->on_stop_arg);
    return true;
}

/* clang-format off */
const struct control_command service_orders[] = {
    {"status", 0, 0, "", "hosts, sessions and what became of mail so far", status},
    {"refuse", 2, CONTROL_WORDS_MAX, "[PROVIDER] next N [with REPLY]",
        "the next N recipients are refused; default 451 4.3.2", refuse},
    {"set", 2, 3, "PATH VALUE", "as in a time line: limits.rate.max 100/min, greylist.delay 1m", set},
    {"scale", 2, 2, "PATH PERCENT", "what is set now, times so much: limits.rate.max 50%", scale},
    {"dns", 1, 2, "servfail|nxdomain|timeout|none [PROVIDER]", "how look-ups of their domains end", dns},
    {"fault", 2, 4, "HOST refuse|silent|reset|none [for DURATION]",
        "what connections to a host meet", fault},
    {"stop", 0, 0, "", "lets open sessions finish, then ends", stop},
    {0},
};
/* clang-format on */
