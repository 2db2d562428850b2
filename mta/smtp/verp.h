/* verp.h - return paths that say which message they are about, and that nobody else can make (VERP
 * with a token).
 *
 *     b+spring-1z-0vq8h2n5ck@campaign.example
 *       delivery, row in base 36, token
 *
 * Without a key the token and its hyphen are left out. The token is 10 digits of RFC 4648's base32hex
 * in small letters: 50 bits, the first 10 of which are the day of sending modulo 1024 (UTC, counted
 * from 1970-01-01), the others the first 40 of
 *
 *     AES-128(K', row ‖ day)       two big-endian numbers of 8 bytes each, the day in full
 *     K' = AES-CMAC(K, domain ‖ 00 ‖ delivery)          (RFC 4493; the domain in small letters,
 *                                                        the delivery as it stands in the address)
 *
 * where K are the 16 bytes that platform and MTA share. One block per message is all it costs, and a
 * foreign platform can make the same by two calls of any cryptographic library. With 40 bits a guess
 * is right once in 10^12, and every guess costs whoever guesses a RCPT.
 *
 * What stands behind "b+" is the key of the message: campaigns use it for Message-ID and
 * List-Unsubscribe too, so those are as hard to forge. "u+" in place of "b+" is the address that
 * List-Unsubscribe names.
 *
 * Units      days are days of the wall clock; rows count from 0.
 * Ownership  slices of a read path point into the address. */
#ifndef MTALAB_VERP_H
#define MTALAB_VERP_H

#include "base/libcrypto_prf.h"
#include "base/text.h"

enum {
    VERP_TOKEN_CHARS = 10,
    VERP_DAYS = 1024,     /* a day is known modulo this */
    VERP_ROW_DIGITS = 12, /* at most: beyond 10^18 */
};

struct verp_key {
    uint8_t bytes[PRF_BYTES];
};
/* 32 hexadecimal digits. */
bool verp_key_parse(struct slice hex, struct verp_key *key);

struct verp_path {
    bool is_unsubscription; /* "u+" */
    struct slice key;       /* behind the '+' */
    struct slice delivery;
    uint64_t row;
    struct slice token; /* empty: unsigned */
};

/* From a local part, or from a key alone ("spring-1z-0vq8h2n5ck"). Only as we write them: small
 * letters, no zeros in front. An unsigned path is not mistaken for a signed one, or the reverse. */
bool verp_read(struct slice local, bool is_signed, struct verp_path *path);
bool verp_read_key(struct slice key, bool is_signed, struct verp_path *path);
bool verp_has_token(struct slice local); /* looks as if: for who only wants to cut it up */

/* The key; `token` may be empty. */
void verp_write_key(struct text *out, struct slice delivery, uint64_t row, struct slice token);

int64_t verp_day(int64_t wall_us); /* never negative: who lives before 1970 sends on that day */

/* ---- making tokens: one signer per domain and delivery ---- */

struct verp_signer;

struct verp_signer *verp_signer_new(
    const struct verp_key *key, struct slice domain, struct slice delivery);
void verp_signer_free(struct verp_signer **signer);
/* Valid until the next call. Neighbours of what was asked before cost next to nothing. */
struct slice verp_token(struct verp_signer *signer, uint64_t row, int64_t day);

/* ---- judging them ---- */

enum verp_finding {
    VERP_GOOD,
    VERP_MALFORMED, /* begins as ours do, and is none of them */
    VERP_FORGED,    /* the token is not ours, or that of another row, delivery or domain */
    VERP_FOREIGN,   /* begins otherwise */
};

struct verp_judge; /* remembers the deliveries that it met */

struct verp_judge *verp_judge_new(const struct verp_key *key);
void verp_judge_free(struct verp_judge **judge);
/* *path and *day are set when it is good; a day in the future is not, but for one (clocks differ). */
enum verp_finding verp_judge(struct verp_judge *judge, struct slice local, struct slice domain,
    int64_t today, struct verp_path *path, int64_t *day);

#endif
