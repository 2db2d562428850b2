/* settings.h - the file of the program, mta.yaml, read and checked (its keys: mta/keys.h).
 *
 * Ownership  settings_load() gives one object that owns everything below it.
 * Errors     diagnostics, several per run; a file that is not there is ERROR_NOT_FOUND. Settings with
 *            errors are not returned. */
#ifndef MTALAB_SETTINGS_H
#define MTALAB_SETTINGS_H

#include "base/diag.h"
#include "mta/log.h"
#include "mta/mta.h"

enum { SETTINGS_SERVERS_MAX = 4 };

struct settings { /* filenames: NULL where the key is not there */
    struct mta_config mta;
    const char *spool, *control, *feedback, *bounce_rules, *class_rules, *inbound_rules;
    bool has_verp_key;
    struct verp_key verp_key; /* of inmail.key */
    const char *tls_certificate, *tls_key, *tls_trust;
    struct log_files log;
    struct net_address metrics; /* family 0: none */
    struct net_address dns_servers[SETTINGS_SERVERS_MAX];
    size_t dns_servers_count; /* 0: as the system does */
    int64_t stop_within_us;
    uint32_t speed;
};

struct settings *settings_load(
    const char *filename, struct diagnostics *diagnostics, struct error *err);
struct settings *settings_load_text(
    const char *filename, struct slice text, struct diagnostics *diagnostics);
void settings_free(struct settings **settings);

/* The rules that the settings name, or those built in. NULL: *err. */
struct bounce_rules *settings_bounce_rules(const struct settings *settings, struct error *err);
/* Those that the settings name before those built in; they borrow the bounce rules. NULL: *err. */
struct inmail_rules *settings_inmail_rules(
    const struct settings *settings, const struct bounce_rules *bounce_rules, struct error *err);

#endif
