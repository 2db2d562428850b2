/* name_server.c - the providers' name server with a few zones, for foreign programs to ask.
 *
 * Prints its port on the loopback, serves for as many seconds as it is told, or until SIGTERM. A zone
 * DOMAIN=ADDRESS has the one exchanger mx.DOMAIN, at that address. */
#include <signal.h>
#include <stdio.h>

#include "base/loop_net.h"
#include "base/stream_net.h"
#include "base/unit.h"
#include "fakeisp/dns_server.h"

static void
add_address(struct zones *zones, const char *name, const char *address)
{
    struct net_address parsed;
    bool is_address = net_address_parse(slice_of(address), &parsed);

    assert(is_address);
    zones_add_address(zones, slice_of(name), &parsed);
}

static struct zones *
make_zones(void)
{
    struct zones *zones = zones_new();
    struct text key = {0};

    zones_add_zone(zones, SLICE("bigmail.test"));
    zones_add_mx(zones, SLICE("bigmail.test"), 20, SLICE("mx2.bigmail.test"));
    zones_add_mx(zones, SLICE("bigmail.test"), 10, SLICE("mx1.bigmail.test"));
    add_address(zones, "mx1.bigmail.test", "192.0.2.1");
    add_address(zones, "mx1.bigmail.test", "2001:db8::1");
    zones_add_mx(zones, SLICE("null.bigmail.test"), 0, SLICE("."));
    text_add_repeated(&key, 'k', 300);
    zones_add_txt(zones, SLICE("key.bigmail.test"), text_slice(&key));
    text_add_repeated(&key, 'k', 1500);
    zones_add_txt(zones, SLICE("long.bigmail.test"), text_slice(&key));
    text_release(&key);
    zones_add_zone(zones, SLICE("broken.test"));
    zones_fail_zone(zones, SLICE("broken.test"), DNS_SERVFAIL);
    zones_add_zone(zones, SLICE("dark.test"));
    zones_fail_zone(zones, SLICE("dark.test"), DNS_TIMED_OUT);
    return zones;
}

static bool
add_domain(struct zones *zones, struct slice wish)
{
    struct slice domain, rest;
    struct net_address address;
    struct text exchanger = {0};

    slice_cut(wish, '=', &domain, &rest);
    if (domain.length == 0 || !net_address_parse(rest, &address))
        return false;
    text_printf(&exchanger, "mx.%.*s", SLICE_ARGS(domain));
    zones_add_zone(zones, domain);
    zones_add_mx(zones, domain, 10, text_slice(&exchanger));
    zones_add_address(zones, text_slice(&exchanger), &address);
    text_release(&exchanger);
    return true;
}

static bool
add_domains(struct zones *zones, char *const *wishes)
{
    for (; *wishes != NULL; wishes++)
        if (!add_domain(zones, slice_of(*wishes)))
            return false;
    return true;
}

static void
stop(void *arg)
{
    loop_stop(arg);
}

static bool
serve(struct loop *loop, struct network *network, const struct zones *zones, int64_t until_us,
    struct error *err)
{
    struct net_address at = {
        .family = 4, .bytes = {127, 0, 0, 1}
    };
    struct dns_server *server = dns_server_new(loop, network, zones, &at, false, err);
    bool is_done;

    if (server == NULL)
        return false;
    printf("%u\n", (unsigned)dns_server_address(server)->port);
    fflush(stdout);
    is_done = loop_run(loop, until_us, err);
    dns_server_free(&server);
    return is_done;
}

int
main(int argc, char **argv)
{
    struct error err;
    uint64_t seconds;
    struct loop *loop;
    struct network *network;
    struct zones *zones = make_zones();
    bool is_done;

    if (argc < 2 || !slice_to_u64(slice_of(argv[1]), &seconds) || seconds > 3600 ||
        !add_domains(zones, argv + 2)) {
        fprintf(stderr, "usage: name_server SECONDS [DOMAIN=ADDRESS...]\n");
        zones_free(&zones);
        return 2;
    }
    loop = loop_net_new(0, 1, &err);
    if (loop == NULL) {
        fprintf(stderr, "%s\n", err.text);
        zones_free(&zones);
        return 4;
    }
    loop_net_on_signal(loop, SIGTERM, stop, loop);
    network = network_net_new(loop, NULL);
    is_done = serve(loop, network, zones, (int64_t)seconds * US_PER_S, &err);
    if (!is_done)
        fprintf(stderr, "%s\n", err.text);
    network_free(&network);
    zones_free(&zones);
    loop_free(&loop);
    return is_done ? 0 : 4;
}
