/* service.h - providers as a running program: on real sockets, with a ledger, taking orders.
 *
 * The ledger is everything that the providers tell the journal, a line of JSON each: the wall clock's
 * `time`, then the event (smtp/event.h).
 *
 * Ownership  the setup's parts are borrowed and outlive the service; so do the configs.
 * Errors     service_new: a provider cannot listen. */
#ifndef MTALAB_SERVICE_H
#define MTALAB_SERVICE_H

#include "base/control.h"
#include "base/output_file.h"
#include "base/zone.h"
#include "fakeisp/isp.h"

struct service;

/* What `set PATH VALUE` means; without a value, what the path does. `isp` is SIZE_MAX where the path
 * names it. */
struct service_change {
    enum { SERVICE_KNOB, SERVICE_FAULT } kind;
    size_t isp, index; /* of the provider; of the knob or the host */
    enum isp_knob knob;
    int64_t value;
    enum net_fault fault;
};
typedef bool service_read_change_fn(void *arg, size_t isp, struct slice path, struct slice value,
    struct service_change *change, struct error *err);

struct service_setup {
    struct isp_doors doors; /* of all; `rng` is the root of their streams. Without a journal; the
                             * network is one of base/stream_lab.h, which does the hosts' faults */
    const struct isp_config *isps;
    size_t isps_count;
    struct zones *zones;                 /* the name server's; NULL: there is none */
    struct output *ledger;               /* NULL: none */
    service_read_change_fn *read_change; /* NULL: nothing can be set */
    void *read_change_arg;
    timer_fn *on_stop; /* the order `stop` */
    void *on_stop_arg;
};

struct service *service_new(const struct service_setup *setup, struct error *err);
void service_free(struct service **service);
/* Nobody new is let in. */
void service_stop(struct service *service);
uint32_t service_sessions_open(const struct service *service);

/* The table of orders for base/control.h; its argument is a struct service **, so that orders find
 * the service that stands there now. */
extern const struct control_command service_orders[];

/* For service_*.c. */
struct service_host { /* and what is wrong with it now */
    struct service *service;
    size_t isp, host;
    enum net_fault fault;
    struct timer timer;
};
struct service {
    struct service_setup setup;
    struct journal *journal;
    struct isp **isps;
    struct rng *rngs;
    struct service_host **hosts; /* of each provider */
};

void service_set_fault(struct service_host *host, enum net_fault fault); /* until further notice */

#endif
