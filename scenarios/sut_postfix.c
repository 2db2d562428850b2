/* sut_postfix.c - Postfix (3.4 and later) on the bench.
 *
 * It finds its own configuration, queue and log in one directory; /etc/postfix is not looked at but
 * for the tables of its installation. Parameters are as Postfix has them but for those below: what
 * places it in the namespace, and opportunistic TLS, as Debian sets it up. */
#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "reports/program.h"
#include "scenarios/sut_parts.h"

enum { CHECK_MS = 10000 };

#define CONFIG SUT_DIRECTORY "/config"

/* Name, type, `private`, `unpriv`, `wakeup` and `maxproc` (- is Postfix's default), command. None of
 * them in a chroot: there would be no resolv.conf in it. */
static const struct service {
    const char *name, *type, *private, *unprivileged, *wakeup, *processes, *command;
} services[] = {
    {"smtp",     "inet",       "n", "-", "-",     "-", "smtpd"          },
    {"pickup",   "unix",       "n", "-", "60",    "1", "pickup"         },
    {"cleanup",  "unix",       "n", "-", "-",     "0", "cleanup"        },
    {"qmgr",     "unix",       "n", "-", "300",   "1", "qmgr"           },
    {"tlsmgr",   "unix",       "-", "-", "1000?", "1", "tlsmgr"         },
    {"rewrite",  "unix",       "-", "-", "-",     "-", "trivial-rewrite"},
    {"bounce",   "unix",       "-", "-", "-",     "0", "bounce"         },
    {"defer",    "unix",       "-", "-", "-",     "0", "bounce"         },
    {"trace",    "unix",       "-", "-", "-",     "0", "bounce"         },
    {"verify",   "unix",       "-", "-", "-",     "1", "verify"         },
    {"flush",    "unix",       "n", "-", "1000?", "0", "flush"          },
    {"proxymap", "unix",       "-", "-", "-",     "-", "proxymap"       },
    {"smtp",     "unix",       "-", "-", "-",     "-", "smtp"           },
    {"relay",    "unix",       "-", "-", "-",     "-", "smtp"           },
    {"showq",    "unix",       "n", "-", "-",     "-", "showq"          },
    {"error",    "unix",       "-", "-", "-",     "-", "error"          },
    {"retry",    "unix",       "-", "-", "-",     "-", "error"          },
    {"discard",  "unix",       "-", "-", "-",     "-", "discard"        },
    {"local",    "unix",       "-", "n", "-",     "-", "local"          },
    {"anvil",    "unix",       "-", "-", "-",     "1", "anvil"          },
    {"scache",   "unix",       "-", "-", "-",     "1", "scache"         },
    {"postlog",  "unix-dgram", "n", "n", "-",     "1", "postlogd"       },
};

static const char *const reserved[] = {"alias_maps", "command_directory", "config_directory",
    "daemon_directory", "data_directory", "import_environment", "inet_interfaces", "inet_protocols",
    "mail_owner", "maillog_file", "maillog_file_prefixes", "mydestination", "myhostname",
    "mynetworks", "queue_directory", "setgid_group", "smtp_bind_address", "smtp_bind_address6",
    "smtp_tcp_port", NULL};

static const char *const command[] = {"postfix", "-c", CONFIG, "start-fg", NULL};

void sut_postfix_main_cf(const struct sut_setup *setup, struct text *out);
void sut_postfix_master_cf(struct text *out);

static void
add_address(struct text *out, const char *name, const struct net_address *address)
{
    text_printf(out, "%s = ", name);
    net_address_format(out, address);
    text_add_string(out, "\n");
}

/* Postfix wants IPv6 in brackets here. */
static void
add_network(struct text *out, const struct net_address *address)
{
    text_add_string(out, address->family == 4 ? "mynetworks = " : "mynetworks = [");
    net_address_format(out, address);
    text_add_string(out, address->family == 4 ? "/32\n" : "]/128\n");
}

static void
add_unless_set(
    struct text *out, const struct sut_config *config, const char *name, const char *value)
{
    if (sut_find_setting(config, name) == NULL)
        text_printf(out, "%s = %s\n", name, value);
}

/* import_environment: Postfix gives its children a clean environment, and with it a clock of their
 * own, unless it is told what to keep. */
void
sut_postfix_main_cf(const struct sut_setup *setup, struct text *out)
{
    const struct sut_config *config = setup->config;

    text_printf(out,
        "queue_directory = " SUT_DIRECTORY "/queue\n"
        "data_directory = " SUT_DIRECTORY "/data\n"
        "maillog_file = " SUT_DIRECTORY "/log\n"
        "maillog_file_prefixes = " SUT_DIRECTORY "\n"
        "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE "
        "POSTLOG_HOSTNAME LD_PRELOAD FAKETIME FAKETIME_SHARED NO_FAKE_STAT\n"
        "inet_protocols = all\n"
        "mydestination =\n"
        "alias_maps =\n"
        "myhostname = %.*s\n",
        SLICE_ARGS(setup->hostname));
    add_address(out, "inet_interfaces", &setup->listen);
    add_address(out, setup->source.family == 4 ? "smtp_bind_address" : "smtp_bind_address6",
        &setup->source);
    add_network(out, &setup->campaign);
    add_unless_set(out, config, "compatibility_level", "3.6");
    add_unless_set(out, config, "smtp_tls_security_level", "may");
    for (size_t i = 0; i < config->settings_count; i++)
        text_printf(out, "%.*s = %.*s\n", SLICE_ARGS(config->settings[i].name),
            SLICE_ARGS(config->settings[i].value));
}

void
sut_postfix_master_cf(struct text *out)
{
    for (size_t i = 0; i < COUNT_OF(services); i++)
        text_printf(out, "%s %s %s %s n %s %s %s\n", services[i].name, services[i].type,
            services[i].private, services[i].unprivileged, services[i].wakeup,
            services[i].processes, services[i].command);
}

static bool
own_data_directory(struct error *err)
{
    const struct passwd *owner = getpwnam("postfix");

    if (owner == NULL)
        return error_set(err, ERROR_WORLD, "there is no user postfix here");
    if (chown(SUT_DIRECTORY "/data", owner->pw_uid, owner->pw_gid) != 0)
        return error_set(err, ERROR_WORLD, "chown " SUT_DIRECTORY "/data: %s", strerror(errno));
    return true;
}

/* What Postfix does not know it passes over with a warning, and so would a slip be passed over. */
static bool
knows_all_parameters(struct error *err)
{
    static const char *const arguments[] = {"/usr/sbin/postconf", "-c", CONFIG, "-n", NULL};
    static const char mark[] = "unused parameter: ";
    struct text said = {0};
    const char *found = NULL;
    struct slice name;

    if (program_ask(arguments, "/", CHECK_MS, &said, err) != PROGRAM_DONE) {
        text_release(&said);
        return false;
    }
    if (said.length > 0)
        found = strstr(text_string(&said), mark);
    if (found != NULL) {
        slice_cut(slice_of(found + strlen(mark)), '=', &name, &(struct slice){0});
        error_set(
            err, ERROR_CONFIG, "sut.settings: Postfix has no parameter \"%.*s\"", SLICE_ARGS(name));
    }
    text_release(&said);
    return found == NULL;
}

/* A value that all of its programs read keeps its master from starting, without a word. The others
 * of them end up in the log. */
static bool
reads_common_values(struct error *err)
{
    static const char *const arguments[] = {
        "/usr/sbin/postmap", "-c", CONFIG, "-q", "any", "static:any", NULL};
    struct text said = {0};
    bool is_fine = program_ask(arguments, "/", CHECK_MS, &said, err) == PROGRAM_DONE;
    struct slice line = slice_trim(text_slice(&said));

    if (!is_fine && line.length > 0)
        error_set(err, ERROR_CONFIG, "sut.settings: %.*s", SLICE_ARGS(line));
    text_release(&said);
    return is_fine;
}

static bool
write_files(const struct sut_setup *setup, struct error *err)
{
    struct text main_cf = {0}, master_cf = {0};
    bool is_written;

    sut_postfix_main_cf(setup, &main_cf);
    sut_postfix_master_cf(&master_cf);
    is_written = sut_make_directory("config", err) && sut_make_directory("queue", err) &&
        sut_make_directory("data", err) && own_data_directory(err) &&
        sut_write_file("config/main.cf", text_slice(&main_cf), err) &&
        sut_write_file("config/master.cf", text_slice(&master_cf), err) &&
        knows_all_parameters(err) && reads_common_values(err);
    text_release(&main_cf);
    text_release(&master_cf);
    return is_written;
}

const struct sut_kind sut_postfix = {
    .name = "postfix",
    .program = "/usr/sbin/postfix",
    .speed_max = UINT32_MAX,
    .reserved = reserved,
    .log = "log",
    .write_files = write_files,
    .command = command,
};
