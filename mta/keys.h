/* keys.h - what can be set about our MTA, in a scenario and in the file of the program. */
#ifndef MTALAB_KEYS_H
#define MTALAB_KEYS_H

#include "smtp/schema.h"

extern const struct schema_key schema_mta[];     /* of a scenario's `mta` */
extern const struct schema_key schema_program[]; /* of mta.yaml */

#endif
