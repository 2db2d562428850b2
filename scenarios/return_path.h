/* return_path.h - envelopes that say which row of which delivery they are about (VERP).
 *
 * b+spring-1z@campaign.example is row 71 of delivery `spring`: the row in base 36 behind the last
 * hyphen. Bytes of a delivery's name that a key may not hold are written =XX; a name that would make
 * the local part too long for RFC 5321 4.5.3.1.1 is replaced by =N and the delivery's number. */
#ifndef MTALAB_RETURN_PATH_H
#define MTALAB_RETURN_PATH_H

#include "base/map.h"
#include "base/text.h"

struct return_paths {
    struct slice domain; /* borrowed */
    struct map names;    /* as they stand in keys; the number is the delivery's */
};

void return_paths_init(struct return_paths *paths, struct slice domain);
void return_paths_release(struct return_paths *paths);
void return_paths_add(
    struct return_paths *paths, struct slice delivery); /* in order; all different */

/* "spring-1z", what stands behind the '+'. */
void return_path_key(
    const struct return_paths *paths, size_t delivery, uint64_t row, struct text *out);
void return_path_write(
    const struct return_paths *paths, size_t delivery, uint64_t row, struct text *out);
/* False: none of ours. The row may be beyond what the delivery has. */
bool return_path_read(
    const struct return_paths *paths, struct slice address, size_t *delivery, uint64_t *row);

#endif
