/* libcrypto_prf.h - AES-128 as a pseudorandom function: who does not know the key cannot tell its
 * answers from luck.
 *
 * prf_derive() takes a message of any length (AES-CMAC, RFC 4493) and is for the few keys of a run;
 * struct prf takes single blocks, many at a time, and is for what is asked per message: some 80 ns a
 * call and 2 ns a block, where a keyed hash takes a microsecond.
 *
 * Ownership  prf_new() gives the function to the caller; the key is copied. */
#ifndef MTALAB_LIBCRYPTO_PRF_H
#define MTALAB_LIBCRYPTO_PRF_H

#include "base/text.h"

enum { PRF_BYTES = 16 }; /* of a key, and of a block */

void prf_derive(const uint8_t key[PRF_BYTES], struct slice message, uint8_t out[PRF_BYTES]);

struct prf;

struct prf *prf_new(const uint8_t key[PRF_BYTES]);
void prf_free(struct prf **prf);
/* `in` and `out` are so many blocks. */
void prf_blocks(struct prf *prf, const uint8_t *in, uint8_t *out, size_t blocks);

#endif
