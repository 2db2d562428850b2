/* service.c - providers as a running program. */
#include "fakeisp/service.h"

#include "base/mem.h"
#include "base/stream_lab.h"
#include "smtp/event.h"

/* ---- the ledger ---- */

static void
write_ledger(void *arg, struct slice entry)
{
    struct service *service = arg;
    const struct isp_doors *doors = &service->setup.doors;
    struct text *out = output_text(service->setup.ledger), line = {0};

    text_add_string(out, "{\"time\":\"");
    unit_format_time(out, loop_wall_us(doors->loop));
    text_add_string(out, "\",");
    event_to_json(&line, service->journal, entry);
    text_add_slice(out, slice_from(text_slice(&line), 1)); /* the rest of its map */
    text_add_char(out, '\n');
    text_release(&line);
}

/* ---- coming and going ---- */

void
service_set_fault(struct service_host *host, enum net_fault fault)
{
    const struct isp_host *config = &host->service->setup.isps[host->isp].hosts[host->host];

    timer_cancel(host->service->setup.doors.loop, &host->timer);
    host->fault = fault;
    for (size_t i = 0; i < config->addresses_count; i++)
        network_lab_set_fault(host->service->setup.doors.network, &config->addresses[i], fault);
}

static bool
open_isp(struct service *service, size_t i, struct error *err)
{
    const struct isp_config *config = &service->setup.isps[i];
    struct isp_doors doors = service->setup.doors;
    struct text name = {0};

    text_printf(&name, "isp/%.*s", SLICE_ARGS(config->name));
    service->rngs[i] = rng_child_slice(doors.rng, text_slice(&name));
    text_release(&name);
    doors.journal = service->journal;
    doors.rng = &service->rngs[i];
    service->hosts[i] = mem_alloc_zeroed(config->hosts_count * sizeof service->hosts[i][0]);
    for (size_t h = 0; h < config->hosts_count; h++)
        service->hosts[i][h] = (struct service_host){.service = service, .isp = i, .host = h};
    service->isps[i] = isp_new(config, &doors, err);
    for (size_t h = 0; service->isps[i] != NULL && h < config->hosts_count; h++)
        service_set_fault(&service->hosts[i][h], config->hosts[h].fault);
    return service->isps[i] != NULL;
}

struct service *
service_new(const struct service_setup *setup, struct error *err)
{
    struct service *service = mem_alloc_zeroed(sizeof *service);

    service->setup = *setup;
    service->journal = journal_new();
    service->isps = mem_alloc_zeroed((setup->isps_count + 1) * sizeof(struct isp *));
    service->rngs = mem_alloc_zeroed((setup->isps_count + 1) * sizeof service->rngs[0]);
    service->hosts = mem_alloc_zeroed((setup->isps_count + 1) * sizeof service->hosts[0]);
    for (size_t i = 0; i < setup->isps_count; i++) {
        if (!open_isp(service, i, err)) {
            service_free(&service);
            return NULL;
        }
    }
    if (setup->ledger != NULL)
        journal_observe(service->journal, write_ledger, service);
    return service;
}

static void
close_isp(struct service *service, size_t i)
{
    isp_free(&service->isps[i]);
    for (size_t h = 0; service->hosts[i] != NULL && h < service->setup.isps[i].hosts_count; h++)
        timer_cancel(service->setup.doors.loop, &service->hosts[i][h].timer);
    mem_free(service->hosts[i]);
}

void
service_free(struct service **service)
{
    struct service *s = *service;

    if (s == NULL)
        return;
    for (size_t i = 0; i < s->setup.isps_count; i++)
        close_isp(s, i);
    journal_free(&s->journal);
    mem_free(s->isps);
    mem_free(s->rngs);
    mem_free(s->hosts);
    mem_free(s);
    *service = NULL;
}

void
service_stop(struct service *service)
{
    for (size_t i = 0; i < service->setup.isps_count; i++)
        isp_shut(service->isps[i]);
}

uint32_t
service_sessions_open(const struct service *service)
{
    uint32_t count = 0;

    for (size_t i = 0; i < service->setup.isps_count; i++)
        for (size_t h = 0; h < service->setup.isps[i].hosts_count; h++)
            count += isp_sessions_open(service->isps[i], h);
    return count;
}
