/* stream_tls_random.h - randomness of a library context of its own, from a stream of base/rng.h; for
 * stream_tls_real.c only.
 *
 * The process-wide generator is not touched. Which stream is asked is said around every call of the
 * library: OpenSSL gives a generator no way to know for whom it works, hence one variable. */
#ifndef MTALAB_STREAM_TLS_RANDOM_H
#define MTALAB_STREAM_TLS_RANDOM_H

#include <openssl/types.h>

#include "base/rng.h"

/* To be called before anything asks the context for chance. */
OSSL_PROVIDER *tls_random_install(OSSL_LIB_CTX *context);

/* The stream to ask from now on; answers the one before. NULL: nobody may ask. */
struct rng *tls_random_use(struct rng *rng);

#endif
