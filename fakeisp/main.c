/* main.c - the program `fakeisp`: reads arguments, opens the doors to the real world, and runs.
 *
 * It is the composition root of the providers, so it alone of this directory knows what a scenario
 * is: profiles are written in that language. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/control_net.h"
#include "base/loop_net.h"
#include "base/mem.h"
#include "base/resolver_net.h"
#include "base/stream_lab.h"
#include "base/stream_net.h"
#include "fakeisp/dialect.h"
#include "fakeisp/dns_server.h"
#include "fakeisp/service.h"
#include "scenarios/profile.h"

enum { EXIT_USAGE = 2, EXIT_PROFILE = 3, EXIT_TROUBLE = 4 };
enum { STOP_WITHIN_S = 10, FILES_MAX = 256 };

static const char usage[] =
    "usage: fakeisp [OPTION...] PROFILE...        providers as the profiles have them: files, or "
    "names\n"
    "       fakeisp profiles                      lists the names: gmail, yahoo, t-online, ...\n"
    "       fakeisp --try [OPTION...]             the recipient's address says what happens\n"
    "       fakeisp ctl SOCKET ORDER...           asks a running one; `ctl SOCKET help` lists "
    "orders\n"
    "\n"
    "  --listen ADDRESS:PORT     where the first host listens (127.0.0.1:2525); each further one "
    "has\n"
    "                            the next address\n"
    "  --dns ADDRESS:PORT|none   where the name server listens (127.0.0.1:2553)\n"
    "  --return-to ADDRESS:PORT  returned mail goes there; otherwise to where DNS says\n"
    "  --resolver ADDRESS:PORT   whom to ask for that; otherwise as /etc/resolv.conf says\n"
    "  --return-port PORT        at which port to find the hosts that DNS names (25)\n"
    "  --authority FILE          writes the authority there that signed the hosts' certificates\n"
    "  --ledger FILE             a line of JSON per event; - is the standard output, as with "
    "--try\n"
    "  --control SOCKET          takes orders there\n"
    "  --seed N                  luck (1)\n"
    "  --speed N                 seconds of mail per second of the clock (1)\n"
    "\n"
    "SIGHUP reads the profiles again; SIGTERM lets open sessions finish for ten seconds.\n"
    "Everything listens on the loopback and nowhere else. With --try, mail to help@try.test lists\n"
    "what an address may say: 550_5.1.1@..., greylist_15m@..., dsn_20m_5.2.2@...\n";

struct options {
    bool is_try, has_dns;
    struct net_address listen, dns, return_to, resolver;
    uint64_t return_port, seed, speed;
    const char *ledger, *control, *authority;
    const char *files[FILES_MAX];
    size_t files_count;
};

struct program {
    struct options options;
    struct loop *loop;
    struct network *network; /* the kernel's, … */
    struct network *lab;     /* … and in front of it the one that does hosts' faults */
    struct resolver *resolver;
    struct output *ledger;
    struct rng rng;
    struct profiles profiles;
    struct dns_server *dns;
    struct tls *tls;
    struct service *service;
    struct control *control;
    struct listener *control_listener;
    struct timer stop_timer;
    int64_t stop_at_us; /* 0: not told to stop */
    bool has_failed;
};

/* ---- arguments ---- */

static bool
read_endpoint(const char *text, struct net_address *address)
{
    struct slice whole = slice_of(text), ip = whole;
    uint64_t port;

    while (ip.length > 0 && ip.at[ip.length - 1] != ':')
        ip.length--;
    if (ip.length < 2 || !slice_to_u64(slice_from(whole, ip.length), &port) || port > UINT16_MAX)
        return false;
    ip.length--;
    if (ip.at[0] == '[' && ip.at[ip.length - 1] == ']')
        ip = (struct slice){ip.at + 1, ip.length - 2};
    if (!net_address_parse(ip, address))
        return false;
    address->port = (uint16_t)port;
    return true;
}

static bool
read_number(const char *text, uint64_t max, uint64_t *number)
{
    return slice_to_u64(slice_of(text), number) && *number <= max;
}

/* False: the value is none for this option. */
static bool
read_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--listen") == 0)
        return read_endpoint(value, &options->listen);
    if (strcmp(name, "--dns") == 0) {
        options->has_dns = strcmp(value, "none") != 0;
        return !options->has_dns || read_endpoint(value, &options->dns);
    }
    if (strcmp(name, "--return-to") == 0)
        return read_endpoint(value, &options->return_to);
    if (strcmp(name, "--resolver") == 0)
        return read_endpoint(value, &options->resolver);
    if (strcmp(name, "--return-port") == 0)
        return read_number(value, UINT16_MAX, &options->return_port);
    if (strcmp(name, "--seed") == 0)
        return read_number(value, UINT64_MAX, &options->seed);
    if (strcmp(name, "--speed") == 0)
        return read_number(value, 100000, &options->speed) && options->speed > 0;
    if (strcmp(name, "--authority") == 0)
        options->authority = value;
    else if (strcmp(name, "--ledger") == 0)
        options->ledger = value;
    else
        options->control = value;
    return true;
}

static bool complain(const char *format, ...) PRINTF_LIKE(1, 2);

static bool
complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("fakeisp: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
    return false;
}

static bool
read_options(int argc, char **argv, struct options *options)
{
    static const char *const names[] = {"--listen", "--dns", "--return-to", "--resolver",
        "--return-port", "--seed", "--speed", "--ledger", "--control", "--authority"};

    *options = (struct options){.has_dns = true, .seed = 1, .speed = 1};
    read_endpoint("127.0.0.1:2525", &options->listen);
    read_endpoint("127.0.0.1:2553", &options->dns);
    for (int i = 1; i < argc; i++) {
        bool is_known = false;

        for (size_t j = 0; j < COUNT_OF(names); j++)
            is_known |= strcmp(argv[i], names[j]) == 0;
        if (strcmp(argv[i], "--try") == 0) {
            options->is_try = true;
        } else if (is_known) {
            if (i + 1 == argc)
                return complain("%s needs a value", argv[i]);
            if (!read_option(options, argv[i], argv[i + 1]))
                return complain("this is no value for that option: %s", argv[i + 1]);
            i++;
        } else if (argv[i][0] == '-') {
            return complain("there is no option %s; --help lists them", argv[i]);
        } else if (options->files_count == FILES_MAX) {
            return complain("%s is one profile too many", argv[i]);
        } else {
            options->files[options->files_count++] = argv[i];
        }
    }
    if (options->is_try && options->ledger == NULL)
        options->ledger = "-";
    if (options->is_try == (options->files_count > 0))
        return complain("%s", options->is_try ? "--try needs no profile" : "which profile? --help");
    return true;
}

/* ---- building ---- */

static bool
use_try(struct profiles *profiles, const struct net_address *listen)
{
    struct dialects *dialects = arena_alloc_zeroed(&profiles->arena, sizeof *dialects);
    struct error err;
    static const struct slice domain = {"try.test", 8};
    struct isp_host *host = arena_alloc_zeroed(&profiles->arena, sizeof *host);
    struct net_address *address = arena_alloc(&profiles->arena, sizeof *address);

    *address = *listen;
    *host = (struct isp_host){.name = SLICE("mx"),
        .fqdn = SLICE("mx.try.test"),
        .addresses = address,
        .addresses_count = 1,
        .tls = {.is_offered = true}};
    profiles->isps = mem_alloc_zeroed(sizeof profiles->isps[0]);
    profiles->isps_count = 1;
    profiles->isps[0] = (struct isp_config){.name = SLICE("try"),
        .domains = &domain,
        .domains_count = 1,
        .hosts = host,
        .hosts_count = 1,
        .is_by_address = true,
        .dialects = dialects,
        .size_max = 50 * 1024 * 1024,
        .recipients_max = 1000};
    return dialects_read_all(dialects, &profiles->arena, &err) || complain("%s", err.text);
}

static bool
load(const struct options *options, struct profiles *profiles)
{
    struct diagnostics diagnostics = {0};
    struct text text = {0};
    struct error err = {0};
    bool is_loaded;

    *profiles = (struct profiles){0};
    if (options->is_try)
        return use_try(profiles, &options->listen);
    is_loaded = profiles_load(
        profiles, options->files, options->files_count, &options->listen, &diagnostics, &err);
    diagnostics_render(&diagnostics, &text, isatty(STDERR_FILENO) != 0);
    fputs(text_string(&text), stderr);
    if (!is_loaded && err.kind != ERROR_NONE)
        complain("%s", err.text);
    text_release(&text);
    diagnostics_release(&diagnostics);
    return is_loaded;
}

static void stop_on_signal(void *arg);

static bool
serve(struct program *p, struct error *err)
{
    const struct options *options = &p->options;
    const struct service_setup setup = {
        .doors = {.loop = p->loop,
                  .network = p->lab,
                  .rng = &p->rng,
                  .resolver = p->resolver,
                  .tls = p->tls,
                  .return_to = options->return_to,
                  .return_port = (uint16_t)options->return_port},
        .isps = p->profiles.isps,
        .isps_count = p->profiles.isps_count,
        .zones = options->has_dns ? p->profiles.zones : NULL,
        .ledger = p->ledger,
        .read_change = options->is_try ? NULL : profiles_read_change,
        .read_change_arg = &p->profiles,
        .on_stop = stop_on_signal,
        .on_stop_arg = p,
    };

    p->service = service_new(&setup, err);
    if (p->service == NULL)
        return false;
    if (p->profiles.zones == NULL || !options->has_dns)
        return true;
    p->dns = dns_server_new(p->loop, p->network, p->profiles.zones, &options->dns, false, err);
    return p->dns != NULL;
}

static void
say_address(const char *what, struct slice name, const struct net_address *address)
{
    struct text text = {0};

    net_address_format(&text, address);
    fprintf(stderr, "%s %.*s at %s port %u\n", what, SLICE_ARGS(name), text_string(&text),
        (unsigned)address->port);
    text_release(&text);
}

/* Who listens where; then everything is ready. */
static void
say_map(const struct program *p)
{
    for (size_t i = 0; i < p->profiles.isps_count; i++)
        for (size_t h = 0; h < p->profiles.isps[i].hosts_count; h++) {
            const struct isp_host *host = &p->profiles.isps[i].hosts[h];

            for (size_t a = 0; a < host->addresses_count; a++)
                say_address("host", host->fqdn, &host->addresses[a]);
        }
    if (p->dns != NULL)
        say_address("name server", SLICE("for their zones"), dns_server_address(p->dns));
    fputs("ready\n", stderr);
}

/* ---- running ---- */

static void
fail(struct program *p, const struct error *err)
{
    complain("%s", err->text);
    p->has_failed = true;
    loop_stop(p->loop);
}

static void
look_whether_over(void *arg)
{
    struct program *p = arg;
    int64_t now_us = loop_now_us(p->loop);

    if (service_sessions_open(p->service) == 0 || now_us >= p->stop_at_us)
        loop_stop(p->loop);
    else
        timer_arm(p->loop, &p->stop_timer, now_us + 20 * US_PER_MS, look_whether_over, p);
}

static void
stop_on_signal(void *arg)
{
    struct program *p = arg;
    int64_t now_us = loop_now_us(p->loop);

    if (p->stop_at_us > 0) { /* told twice: at once */
        loop_stop(p->loop);
        return;
    }
    service_stop(p->service);
    p->stop_at_us = now_us + STOP_WITHIN_S * (int64_t)p->options.speed * US_PER_S;
    timer_arm(p->loop, &p->stop_timer, now_us + 20 * US_PER_MS, look_whether_over, p);
}

/* Profiles that are wrong change nothing. Good ones begin anew: open sessions are cut. */
static void
reload_on_signal(void *arg)
{
    struct program *p = arg;
    struct profiles fresh;
    struct error err;

    if (p->stop_at_us > 0)
        return;
    if (p->ledger != NULL && !output_reopen(p->ledger, &err))
        complain("%s", err.text);
    if (!load(&p->options, &fresh)) {
        complain("%s", "the profiles stay as they were");
        return;
    }
    dns_server_free(&p->dns);
    service_free(&p->service);
    profiles_free(&p->profiles);
    p->profiles = fresh;
    if (serve(p, &err))
        say_map(p);
    else
        fail(p, &err);
}

static void
flush_ledger(void *arg)
{
    struct program *p = arg;
    struct error err;

    if (output_text(p->ledger)->length > 0 && !output_flush(p->ledger, &err) &&
        p->stop_at_us == 0) {
        complain("%s", err.text);
        stop_on_signal(p);
    }
}

/* For returned mail, and for who wants to know where mail comes from. Where there is no resolver our
 * own name server is asked, which knows the profiles' zones and nobody else's. */
static bool
open_resolver(struct program *p, struct error *err)
{
    const struct options *options = &p->options;
    struct resolver_net_options how = {.resolv_conf = "/etc/resolv.conf"};
    bool is_told = options->resolver.family != 0;

    if (is_told)
        how = (struct resolver_net_options){.servers = {options->resolver}, .servers_count = 1};
    p->resolver = resolver_net_new(p->loop, &how, err);
    if (p->resolver != NULL || is_told)
        return p->resolver != NULL;
    if (options->return_to.family == 0)
        complain("returned mail goes nowhere without --return-to or --resolver (%s)", err->text);
    if (options->is_try || !options->has_dns)
        return true;
    how = (struct resolver_net_options){.servers = {options->dns}, .servers_count = 1};
    p->resolver = resolver_net_new(p->loop, &how, err);
    return p->resolver != NULL;
}

/* For clients that verify: the hosts' certificates are good, but signed by nobody they know. */
static bool
write_authority(const struct program *p, struct error *err)
{
    FILE *file = fopen(p->options.authority, "w");
    struct text pem = {0};
    bool is_written;

    if (file == NULL)
        return error_set(err, ERROR_WORLD, "%s: %s", p->options.authority, strerror(errno));
    tls_authority_pem(p->tls, &pem);
    is_written = fwrite(pem.bytes, 1, pem.length, file) == pem.length;
    is_written = fclose(file) == 0 && is_written;
    text_release(&pem);
    return is_written ||
        error_set(err, ERROR_WORLD, "%s could not be written", p->options.authority);
}

static bool
open_doors(struct program *p, struct error *err)
{
    const struct options *options = &p->options;

    p->loop = loop_net_new(0, (uint32_t)options->speed, err);
    if (p->loop == NULL)
        return false;
    network_net_raise_limit();
    p->network = network_net_new(p->loop, NULL);
    p->lab = network_lab_new(p->loop, p->network, false);
    p->rng = rng_from_seed(options->seed);
    if (options->ledger != NULL) {
        p->ledger =
            output_open(strcmp(options->ledger, "-") == 0 ? "/dev/stdout" : options->ledger, err);
        if (p->ledger == NULL)
            return false;
        loop_on_instant_over(p->loop, flush_ledger, p);
    }
    if (options->control != NULL) {
        p->control = control_new(p->loop, service_orders, &p->service);
        p->control_listener =
            network_net_listen_unix(p->network, options->control, control_accept, p->control, err);
        if (p->control_listener == NULL)
            return false;
    }
    p->tls = tls_new(&(struct tls_config){.level = TLS_REAL, .loop = p->loop});
    if (options->authority != NULL && !write_authority(p, err))
        return false;
    loop_net_on_signal(p->loop, SIGTERM, stop_on_signal, p);
    loop_net_on_signal(p->loop, SIGINT, stop_on_signal, p);
    loop_net_on_signal(p->loop, SIGHUP, reload_on_signal, p);
    return open_resolver(p, err);
}

static void
close_doors(struct program *p)
{
    if (p->loop != NULL)
        timer_cancel(p->loop, &p->stop_timer);
    control_free(&p->control);
    if (p->control_listener != NULL)
        listener_close(&p->control_listener);
    if (p->dns != NULL)
        dns_server_free(&p->dns);
    service_free(&p->service);
    tls_free(&p->tls);
    profiles_free(&p->profiles);
    output_close(&p->ledger);
    if (p->resolver != NULL)
        resolver_free(&p->resolver);
    network_free(&p->lab); /* and with it the other */
    if (p->loop != NULL)
        loop_free(&p->loop);
}

static int
run(const struct options *options)
{
    struct program p = {.options = *options};
    struct error err = {0};
    int code = EXIT_TROUBLE;

    if (!load(options, &p.profiles))
        return EXIT_PROFILE;
    if (!open_doors(&p, &err) || !serve(&p, &err)) {
        complain("%s", err.text);
    } else {
        say_map(&p);
        if (!loop_run(p.loop, INT64_MAX, &err))
            complain("%s", err.text);
        else if (!p.has_failed)
            code = EXIT_SUCCESS;
    }
    close_doors(&p);
    return code;
}

static int
ask(int argc, char **argv)
{
    struct text line = {0}, answer = {0};
    bool is_done = false;
    struct error err;
    int code = EXIT_TROUBLE;

    if (argc < 2) {
        complain("%s", "usage: fakeisp ctl SOCKET ORDER...");
        return EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++)
        text_printf(&line, "%s%s", i > 1 ? " " : "", argv[i]);
    if (control_net_ask(
            argv[0], text_slice(&line), 10 * (int64_t)US_PER_S, &is_done, &answer, &err)) {
        fwrite(text_string(&answer), 1, answer.length, is_done ? stdout : stderr);
        code = is_done ? EXIT_SUCCESS : 1;
    } else {
        complain("%s", err.text);
    }
    text_release(&line);
    text_release(&answer);
    return code;
}

int
main(int argc, char **argv)
{
    struct options options;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "profiles") == 0) {
        struct text list = {0};

        profiles_list(&list);
        fputs(text_string(&list), stdout);
        text_release(&list);
        return EXIT_SUCCESS;
    }
    if (argc > 1 && strcmp(argv[1], "ctl") == 0)
        return ask(argc - 2, argv + 2);
    if (!read_options(argc, argv, &options))
        return EXIT_USAGE;
    return run(&options);
}
