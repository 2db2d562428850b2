/* return_path.h - envelopes that say which row of which delivery they are about (smtp/verp.h).
 *
 * b+spring-1z@campaign.example is row 71 of delivery `spring`; with a key, a token stands behind it:
 * b+spring-1z-0vq8h2n5ck@campaign.example. Bytes of a delivery's name that a key may not hold are
 * written =XX; a name that would make the local part too long for RFC 5321 4.5.3.1.1 is replaced by =N
 * and the delivery's number. */
#ifndef MTALAB_RETURN_PATH_H
#define MTALAB_RETURN_PATH_H

#include "base/map.h"
#include "base/text.h"
#include "smtp/verp.h"

struct return_paths {
    struct slice domain;        /* borrowed */
    const struct verp_key *key; /* NULL: unsigned. Borrowed */
    struct map names;           /* as they stand in keys; the number is the delivery's */
    struct verp_signer **signers;
    size_t signers_capacity;
};

void return_paths_init(struct return_paths *paths, struct slice domain, const struct verp_key *key);
void return_paths_release(struct return_paths *paths);
void return_paths_add(
    struct return_paths *paths, struct slice delivery); /* in order; all different */

/* b+spring-1z@campaign.example. The day of sending (smtp/verp.h) is in the token, if there is one. */
void return_path_write(
    const struct return_paths *paths, size_t delivery, uint64_t row, int64_t day, struct text *out);
/* "spring-1z", what stands behind the '+' of such a path. */
struct slice return_path_key(struct slice path);
/* False: none of ours. The row may be beyond what the delivery has. The token is not looked at. */
bool return_path_read(
    const struct return_paths *paths, struct slice address, size_t *delivery, uint64_t *row);

#endif
