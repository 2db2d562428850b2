/* sut_exim.c - Exim (4.94 and later) on the bench.
 *
 * One configuration file, read by nobody else. Settings are options of its main part; `retry` is what
 * stands behind "* *" in its retry part, and `remote_smtp.NAME` an option of the transport. Its clock
 * cannot be scaled: it drops the environment where it changes its user. The queue is looked through
 * every two seconds, so that retry rules alone decide. */
#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "reports/program.h"
#include "scenarios/sut_parts.h"

enum { CHECK_MS = 10000 };

#define CONFIG    SUT_DIRECTORY "/exim.conf"
#define USER      "Debian-exim"
#define RETRY     "retry"
#define TRANSPORT "remote_smtp."

static const char *const reserved[] = {"acl_smtp_rcpt", "daemon_smtp_ports", "exim_group",
    "exim_user", "extra_local_interfaces", "local_interfaces", "log_file_path", "primary_hostname",
    "remote_smtp.driver", "remote_smtp.interface", "spool_directory", NULL};

static const char *const users[] = {USER, NULL};

static const char *const command[] = {"/usr/sbin/exim4", "-C", CONFIG, "-bdf", "-q2s", NULL};

/* A list of one: another separator than the colon, for IPv6. */
static void
add_address(struct text *out, const char *name, const struct net_address *address)
{
    text_printf(out, "%s = <; ", name);
    net_address_format(out, address);
    text_add_char(out, '\n');
}

static void
add_settings(struct text *out, const struct sut_config *config, bool is_of_transport)
{
    for (size_t i = 0; i < config->settings_count; i++) {
        struct slice name = config->settings[i].name;
        bool is_one = slice_starts_with(name, SLICE(TRANSPORT));

        if (is_one != is_of_transport || slice_equals(name, SLICE(RETRY)))
            continue;
        if (is_one)
            name = slice_from(name, strlen(TRANSPORT));
        text_printf(out, "%.*s = %.*s\n", SLICE_ARGS(name), SLICE_ARGS(config->settings[i].value));
    }
}

static void
write_config(const struct sut_setup *setup, struct text *out)
{
    const struct sut_setting *retry = sut_find_setting(setup->config, RETRY);

    text_printf(out,
        "primary_hostname = %.*s\n"
        "spool_directory = " SUT_DIRECTORY "/exim/queue\n"
        "log_file_path = " SUT_DIRECTORY "/exim/%%slog\n"
        "acl_smtp_rcpt = check_rcpt\n"
        "daemon_smtp_ports = 25\n",
        SLICE_ARGS(setup->hostname));
    add_address(out, "local_interfaces", &setup->listen);
    add_settings(out, setup->config, false);
    text_add_string(out, "begin acl\ncheck_rcpt:\n");
    add_address(out, "accept hosts", &setup->campaign);
    text_add_string(out,
        "deny\n"
        "begin routers\n"
        "out:\n"
        "driver = dnslookup\n"
        "transport = remote_smtp\n"
        "no_more\n"
        "begin transports\n"
        "remote_smtp:\n"
        "driver = smtp\n");
    add_address(out, "interface", &setup->source);
    add_settings(out, setup->config, true);
    text_printf(out, "begin retry\n* * %.*s\n",
        SLICE_ARGS(retry != NULL ? retry->value : SLICE("F,2h,15m; G,16h,1h,1.5; F,4d,6h")));
}

static bool
own_directory(struct error *err)
{
    const struct passwd *owner = getpwnam(USER);

    if (owner == NULL)
        return error_set(err, ERROR_WORLD, "there is no user " USER " here");
    if (chown(SUT_DIRECTORY "/exim", owner->pw_uid, owner->pw_gid) != 0)
        return error_set(err, ERROR_WORLD, "chown " SUT_DIRECTORY "/exim: %s", strerror(errno));
    return true;
}

static bool
can_read_it(struct error *err)
{
    static const char *const arguments[] = {"/usr/sbin/exim4", "-C", CONFIG, "-bV", NULL};
    static const char mark[] = "Exim configuration error";
    struct text said = {0};
    struct slice where, why, rest;
    bool is_fine = program_ask(arguments, "/", CHECK_MS, &said, err) == PROGRAM_DONE;
    const char *found = is_fine ? NULL : strstr(text_string(&said), mark);

    if (found != NULL) {
        slice_cut(slice_of(found), '\n', &where, &rest);
        slice_cut(rest, '\n', &why, &rest);
        error_set(err, ERROR_CONFIG, "sut.settings: %.*s %.*s", SLICE_ARGS(where),
            SLICE_ARGS(slice_trim(why)));
    }
    text_release(&said);
    return is_fine;
}

static bool
write_files(const struct sut_setup *setup, struct error *err)
{
    struct text config = {0};
    bool is_written;

    write_config(setup, &config);
    is_written = sut_make_directory("exim", err) && own_directory(err) &&
        sut_write_file("exim.conf", text_slice(&config), err) && can_read_it(err);
    text_release(&config);
    return is_written;
}

const struct sut_kind sut_exim = {
    .name = "exim",
    .program = "/usr/sbin/exim4",
    .package = "exim4-daemon-light",
    .users = users,
    .speed_max = 1,
    .reserved = reserved,
    .log = "exim/mainlog",
    .write_files = write_files,
    .command = command,
};
