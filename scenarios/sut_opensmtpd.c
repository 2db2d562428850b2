/* sut_opensmtpd.c - OpenSMTPD (6.6 and later) on the bench.
 *
 * Settings are lines of smtpd.conf, a dot for the blank between two words: `queue.ttl: 1h` is
 * "queue ttl 1h". `relay.NAME` is an option of the action that sends all mail. How long it waits for
 * the n-th retry, n * n * 400 s after the message came, cannot be set. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/namespace_net.h"
#include "reports/program.h"
#include "scenarios/sut_parts.h"

enum {
    CHECK_MS = 10000,
    STATE_BYTES_MAX = 1 << 20,
    SPEED_MAX = 20, /* its processes give each other ten seconds to start: half a real one */
};

#define CONFIG   SUT_DIRECTORY "/smtpd.conf"
#define PROGRAM  "/usr/sbin/smtpd"
#define MAILNAME "/etc/mailname"
#define RELAY    "relay."

static const char *const reserved[] = {"action", "include", "listen", "listen.on", "match",
    "relay.helo", "relay.host", "relay.src", NULL};

static const char *const users[] = {"opensmtpd", "opensmtpq", NULL};

static const char *const command[] = {PROGRAM, "-d", "-f", CONFIG, NULL};

static void
add_words(struct text *out, struct slice name, struct slice value)
{
    for (size_t i = 0; i < name.length; i++)
        text_add_char(out, name.at[i] == '.' ? ' ' : name.at[i]);
    text_printf(out, " %.*s", SLICE_ARGS(value));
}

static void
add_settings(struct text *out, const struct sut_config *config)
{
    for (size_t i = 0; i < config->settings_count; i++)
        if (!slice_starts_with(config->settings[i].name, SLICE(RELAY))) {
            add_words(out, config->settings[i].name, config->settings[i].value);
            text_add_char(out, '\n');
        }
}

static void
add_action(struct text *out, const struct sut_setup *setup)
{
    const struct sut_config *config = setup->config;

    text_add_string(out, "action \"out\" relay src ");
    net_address_format(out, &setup->source);
    text_printf(out, " helo %.*s", SLICE_ARGS(setup->hostname));
    for (size_t i = 0; i < config->settings_count; i++)
        if (slice_starts_with(config->settings[i].name, SLICE(RELAY))) {
            text_add_char(out, ' ');
            add_words(out, slice_from(config->settings[i].name, strlen(RELAY)),
                config->settings[i].value);
        }
    text_add_char(out, '\n');
}

/* What it returns to senders comes from itself, so "local". */
static void
write_config(const struct sut_setup *setup, struct text *out)
{
    add_settings(out, setup->config);
    text_add_string(out, "listen on ");
    net_address_format(out, &setup->listen);
    text_printf(out, " port 25 hostname %.*s\n", SLICE_ARGS(setup->hostname));
    add_action(out, setup);
    text_add_string(out, "match from src ");
    net_address_format(out, &setup->campaign);
    text_add_string(out, " for any action \"out\"\nmatch from local for any action \"out\"\n");
}

static bool
make_directory(const char *filename, mode_t mode, struct error *err)
{
    return mkdir(filename, mode) == 0 ||
        error_set(err, ERROR_WORLD, "%s: %s", filename, strerror(errno));
}

/* Places and a name that are compiled into it. */
static bool
make_places(const struct sut_setup *setup, struct error *err)
{
    struct text mailname = {0};
    bool is_done;

    text_printf(&mailname, "%.*s\n", SLICE_ARGS(setup->hostname));
    is_done = namespace_mount_memory("/var/run", STATE_BYTES_MAX, err) &&
        namespace_mount_memory("/var/lib", STATE_BYTES_MAX, err) &&
        make_directory("/var/lib/opensmtpd", 0755, err) &&
        make_directory("/var/lib/opensmtpd/empty", 0755, err) &&
        make_directory(SUT_SPOOL "/smtpd", 0711, err) &&
        sut_write_file("mailname", text_slice(&mailname), err) &&
        (access(MAILNAME, F_OK) != 0 ||
            namespace_replace_file(MAILNAME, SUT_DIRECTORY "/mailname", err));
    text_release(&mailname);
    return is_done;
}

static bool
can_read_it(struct error *err)
{
    static const char *const arguments[] = {PROGRAM, "-n", "-f", CONFIG, NULL};
    struct text said = {0};
    struct slice line = {0}, rest;
    bool is_fine = program_ask(arguments, "/", CHECK_MS, &said, err) == PROGRAM_DONE;

    slice_cut(slice_trim(text_slice(&said)), '\n', &line, &rest);
    if (!is_fine && line.length > 0)
        error_set(err, ERROR_CONFIG, "sut.settings: %.*s", SLICE_ARGS(line));
    text_release(&said);
    return is_fine;
}

static bool
write_files(const struct sut_setup *setup, struct error *err)
{
    struct text config = {0};
    bool is_written;

    write_config(setup, &config);
    is_written = make_places(setup, err) &&
        sut_write_file("smtpd.conf", text_slice(&config), err) && can_read_it(err);
    text_release(&config);
    return is_written;
}

const struct sut_kind sut_opensmtpd = {
    .name = "opensmtpd",
    .program = PROGRAM,
    .package = "opensmtpd",
    .users = users,
    .speed_max = SPEED_MAX,
    .reserved = reserved,
    .write_files = write_files,
    .command = command,
};
