/* params.h - the parameters of a scenario: declared under `params`, overridden by --set. */
#ifndef MTALAB_PARAMS_H
#define MTALAB_PARAMS_H

#include "scenarios/loader.h"

/* Fills loader->params. False: there were errors. */
bool params_load(struct loader *loader, const struct conf_node *root,
    const struct setting *settings, size_t settings_count);

#endif
