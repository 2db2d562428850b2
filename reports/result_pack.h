/* result_pack.h - a result as a run of bytes, from one process to another of the same program (the
 * children of `-j` hand theirs to the parent). Not a file format. */
#ifndef MTALAB_RESULT_PACK_H
#define MTALAB_RESULT_PACK_H

#include "reports/result.h"

void result_pack(struct text *out, const struct result *result);
/* False: cut short. The result is to be released in either case. */
bool result_unpack(struct result *result, struct slice packed);

#endif
