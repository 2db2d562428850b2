/* stream_tls_real.h - the test authority and its certificates; for stream_tls_real.c and
 * stream_tls_authority.c only.
 *
 * Keys are made and certificates signed when they are first needed, from the named streams of the
 * world, so that no key lies in the tree and the same seed gives the same bytes. */
#ifndef MTALAB_STREAM_TLS_REAL_H
#define MTALAB_STREAM_TLS_REAL_H

#include <openssl/ssl.h>

#include "base/stream_tls_engine.h"

struct tls_authority {
    OSSL_LIB_CTX *context; /* borrowed */
    EVP_PKEY *key;         /* signs */
    EVP_PKEY *host_key;    /* of all hosts: parsing and making keys is what costs */
    EVP_PKEY *foreign_key; /* signs what nobody trusts */
    X509 *certificate;
    int64_t born_s; /* since 1970: everything is valid around it */
    long serial;
};

void tls_authority_init(struct tls_authority *authority, OSSL_LIB_CTX *context, int64_t born_s);
void tls_authority_release(struct tls_authority *authority);

/* The certificate of a host; the caller's. Its key is host_key. */
X509 *tls_authority_issue(
    struct tls_authority *authority, struct slice host_name, enum tls_certificate kind);

/* OpenSSL refuses only when it has no memory or we misuse it. */
void tls_must(bool is_done);

#endif
