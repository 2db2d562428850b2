/* dkim_model.h - the shape of a DKIM signature (RFC 6376), and a stand-in for its arithmetic.
 *
 * Canonicalisation, choice of fields and tags are those of the RFC; the digest is a 64-bit hash made
 * as long as SHA-256's, and the signature the same over the canonical header and the public key, as
 * long as the real one. So a modelled signature breaks when the real one would, and passes only
 * before the record of its own key; but anybody could forge it, hence its tag mtalab=modelled, which
 * a verifier has to be told to take. */
#ifndef MTALAB_DKIM_MODEL_H
#define MTALAB_DKIM_MODEL_H

#include <stdbool.h>

#include "base/text.h"

#define DKIM_FIELD_NAME "DKIM-Signature"
#define DKIM_MODEL_TAG  "mtalab=modelled"

/* One field of a header, from its name to the last byte before the CRLF that ends it. */
struct header_field {
    struct slice whole, name, value;
};
/* Takes the next field (RFC 5322 4.5.8: there may be blanks before the colon; `name` has none) off the
 * front of `header` (lines with CRLF, not in wire form). False: the header is over, or what stands
 * there is no field: then is_malformed. */
bool header_next(struct slice *header, struct header_field *field, bool *is_malformed);

/* The domain of the address in a From field; length 0: there is none. */
struct slice from_domain(struct slice from_value);

/* A tag's value (RFC 6376 3.2), blanks around it cut. False: no such tag. */
bool dkim_tag(struct slice list, const char *name, struct slice *value);

/* Appended, base64, as long as SHA-256 (44 signs). `body` has lines with CRLF. */
void dkim_model_body(struct text *out, struct slice body, bool is_relaxed);

/* Appended, base64 of `bytes` bytes: over the fields of `header` that `names` (h=, colons between)
 * takes from the bottom up, then over `signature`, the field itself with an empty b=, and the key. */
void dkim_model_signature(struct text *out, struct slice header, struct slice names,
    struct slice signature, struct slice public_key, bool is_relaxed, size_t bytes);

#endif
