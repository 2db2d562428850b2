/* loader_isp.h - what the files that read mailbox providers share. */
#ifndef MTALAB_LOADER_ISP_H
#define MTALAB_LOADER_ISP_H

#include "base/map.h"
#include "scenarios/loader.h"

/* Two of a list with the same name could not be told apart in reports and time lines. */
void check_unique(struct loader *loader, struct map *names, struct slice name, struct mark mark,
    const char *what);
/* "rule-3", for what has no id of its own. */
struct slice id_or_number(const struct section *item, const char *word, size_t i);
struct isp_reply reply_of(const struct section *section, const char *key);
/* The words of a list as bits; `initial` if there are none. */
uint32_t bits_of(const struct section *section, const char *key, uint32_t initial);

void load_limits(const struct section *section, struct isp_config *isp);
void load_reputation(const struct section *isp_section, struct isp_config *isp);
void load_warming(const struct section *isp_section, struct isp_config *isp);

#endif
