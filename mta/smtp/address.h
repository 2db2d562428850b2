/* address.h - mail addresses: RFC 5321 4.1.2 (paths, quoted local parts, address literals), the null
 * sender, and variable envelope return paths (VERP).
 *
 * An address is two slices into somebody's bytes, as written: the local part keeps its quotes and its
 * case (RFC 5321 2.4), the domain its case (compare with slice_equals_nocase). The null sender `<>`
 * is the address with both parts empty. */
#ifndef MTALAB_ADDRESS_H
#define MTALAB_ADDRESS_H

#include <stdbool.h>

#include "base/text.h"

enum {
    ADDRESS_LOCAL_MAX = 64,   /* RFC 5321 4.5.3.1.1 */
    ADDRESS_DOMAIN_MAX = 255, /* 4.5.3.1.2 */
    ADDRESS_MAX = 254,        /* RFC 3696 erratum 1690: a path of 256 with its brackets */
};

struct mail_address {
    struct slice local;
    struct slice domain; /* empty only in the null sender and in a bare <postmaster> */
};

static inline bool
address_is_null(const struct mail_address *address)
{
    return address->local.length == 0 && address->domain.length == 0;
}

/* "kim@isp.test", "\"a b\"@isp.test", "x@[192.0.2.1]", "x@[IPv6:2001:db8::1]". UTF-8 is taken as is
 * (RFC 6531). False when it is not an address; *why then says so in a few words. */
bool address_parse(struct slice text, struct mail_address *address, const char **why);

/* "<kim@isp.test>" at the front of `text`, "<>", "<postmaster>", with an obsolete source route
 * skipped (RFC 5321 4.1.1.3). *rest gets what stands behind the '>'. */
bool address_parse_path(
    struct slice text, struct mail_address *address, struct slice *rest, const char **why);

/* As parsed. */
void address_format(struct text *out, const struct mail_address *address);

/* The same mailbox? Local part by bytes (after taking unneeded quotes away), domain without case. */
bool address_equals(const struct mail_address *a, const struct mail_address *b);

/* A domain name RFC 1035 would take, letters of any script in UTF-8 included; no final dot. */
bool domain_is_valid(struct slice domain);

/* VERP: "base+key", the key after the last '+'. Key bytes are [A-Za-z0-9=-]. */
void verp_format(struct text *out, struct slice base, struct slice key);
bool verp_parse(struct slice local, struct slice *base, struct slice *key);

#endif
