/* sut_parts.h - what the kinds of foreign MTAs share; for sut*.c only. */
#ifndef MTALAB_SUT_PARTS_H
#define MTALAB_SUT_PARTS_H

#include "scenarios/sut.h"

#define SUT_OUTPUT "output" /* what the program says before it has a log */

/* Names in the sut's directory. */
bool sut_write_file(const char *name, struct slice content, struct error *err);
bool sut_make_directory(const char *name, struct error *err);
/* Any file, added to `out`; nothing where there is none. */
void sut_read_file(const char *filename, struct text *out);

/* A directory in memory for its files, and the program of the kind with its users where it is not
 * installed but unpacked: below $MTALAB_FOREIGN, in a directory named as the package. */
bool sut_settle(const struct sut_kind *kind, struct error *err);

/* NULL: it is not set. */
const struct sut_setting *sut_find_setting(const struct sut_config *config, const char *name);

/* At speed 1 everybody's clock is the same. */
static inline bool
sut_is_scaled(const struct sut_setup *setup)
{
    return setup->config->clock == SUT_CLOCK_SHARED && setup->speed > 1;
}

#endif
