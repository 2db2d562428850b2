/* config.h - what is set about our MTA, from a checked file: a scenario's, or that of the program.
 *
 * Ownership  what the config points at belongs to the loader's arena.
 * Errors     diagnostics, for what the schema cannot see. */
#ifndef MTALAB_CONFIG_H
#define MTALAB_CONFIG_H

#include "mta/mta.h"
#include "smtp/section.h"

/* The keys that both files have (mta/keys.h), into a config that has its defaults. Without
 * `source_ips` there are none. */
void mta_config_read(const struct section *mta, struct mta_config *config);

/* The tables that `rules` names for the controllers; `is_beside`: relative to the file that names them. */
void mta_config_read_automation(
    const struct section *mta, bool is_beside, struct mta_config *config);

/* How to sign, and the keys from their files. `domain` is signed for where the file names none; alone:
 * no other file may be read. */
void dkim_config_read(
    const struct section *dkim, struct slice domain, bool is_alone, struct dkim_config *config);

#endif
