/* libcrypto_keys.h - keys that libraries parse again for every message (libopendkim does, and takes
 * longer over it than over a signature) are parsed once.
 *
 * libcrypto's PEM_read_bio_PrivateKey() and d2i_PUBKEY_bio() are defined in libcrypto_keys.c, in front
 * of the real ones: the dynamic linker binds the libraries to them. What they know they hand out
 * again, one reference more; everything else goes the way it always went, also whatever is read from
 * something else than memory. What a parser answers to the same bytes is the same key, so nobody can
 * tell the difference but by the time it takes (and by the counter, for a test).
 *
 * A private key is known after keys_know_private(), because secrets are nothing to be kept unasked;
 * public ones are kept as they come, the last KEYS_PUBLIC_MAX of them.
 *
 * Ownership  one table for the program, because the functions of a library have no other place to
 *            keep anything. Not for several threads at once. A private key stays until the end:
 *            libopendkim does not give back its reference after a signature by Ed25519.
 * Errors     a typed one for a key that cannot be used, in words that follow "FILENAME: ". */
#ifndef MTALAB_LIBCRYPTO_KEYS_H
#define MTALAB_LIBCRYPTO_KEYS_H

#include "base/error.h"
#include "base/text.h"

enum { KEYS_PUBLIC_MAX = 64 };

enum key_kind { KEY_RSA, KEY_ED25519 };

struct key_facts {
    enum key_kind kind;
    uint32_t bits;
    struct text
        public_key; /* as a DKIM record has it in p=: base64 (RFC 6376 3.6.1, RFC 8463 4.2) */
};

/* Parses a private key in PEM (PKCS#1 or PKCS#8), without a passphrase. */
bool keys_know_private(struct slice pem, struct key_facts *facts, struct error *err) MUST_USE;
void key_facts_release(struct key_facts *facts);

uint64_t keys_hits(void); /* how often a key was handed out that was parsed before */

#endif
