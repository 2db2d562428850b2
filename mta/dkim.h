/* dkim.h - signs what we send (RFC 6376, RFC 8463).
 *
 * A message is signed by the keys of the domain of its From, or of the nearest domain above it that
 * has one (RFC 6376 3.5, "d="). t= is its arrival, so that a signature is a function of message and
 * key: it is not kept on disk, and one that is made again, for a later try or after a crash, has the
 * same bytes. It is made when the content leaves for the first time (what is refused before DATA
 * costs nothing), and the last few are kept for the other recipients of the same message.
 *
 * What cannot be signed is found when it is submitted (dkim_signer_judge), while there is somebody to
 * tell.
 *
 * Level "modelled" puts a field of the same size and shape there, whose digest and signature are
 * those of smtp/dkim_model.h: every verdict, no arithmetic.
 *
 * Units      *_us are microseconds, *_s seconds of the wall clock of the world.
 * Ownership  the config is borrowed. keys_know_private() has been told of its keys.
 * Errors     none at run time: what can go wrong has been found by dkim_signer_judge() and by who
 *            read the keys. */
#ifndef MTALAB_DKIM_H
#define MTALAB_DKIM_H

#include "base/libcrypto_keys.h"
#include "smtp/dkim_model.h"

enum dkim_relaxed { DKIM_RELAXED_HEADER = 1, DKIM_RELAXED_BODY = 2 };
enum dkim_level { DKIM_LEVEL_OFF, DKIM_LEVEL_MODELLED, DKIM_LEVEL_REAL };

struct dkim_key {
    struct slice domain, selector; /* lower case */
    struct slice pem;
    enum key_kind kind;
    uint32_t bits;
    struct slice public_key; /* as the record has it in p= */
};

struct dkim_config {
    enum dkim_level level;
    const struct dkim_key *keys; /* several of one domain: each signs */
    size_t keys_count;
    uint32_t relaxed;            /* dkim_relaxed bits: canonicalisation, RFC 6376 3.4 */
    const struct slice *headers; /* signed where they are there */
    size_t headers_count;
    const struct slice *oversigned; /* once more than they are there: none can be added */
    size_t oversigned_count;
    int64_t lifetime_us;         /* x=; 0: none */
    uint64_t real_one_in;        /* level real: one of so many messages; the rest is modelled */
    bool is_refused_without_key; /* else sent unsigned */
};

enum dkim_judgement {
    DKIM_SIGNABLE,
    DKIM_WITHOUT_KEY, /* no key for the domain of From, or no such domain */
    DKIM_MALFORMED,   /* the header is not one of RFC 5322 */
};

struct dkim_signer;

struct dkim_signer *dkim_signer_new(const struct dkim_config *config);
void dkim_signer_free(struct dkim_signer **signer);

/* Content is in wire form throughout (smtp/message.h). */
enum dkim_judgement dkim_signer_judge(struct dkim_signer *signer, struct slice content);

/* Appends the fields to stand in front of the content, in wire form; nothing for what is not
 * DKIM_SIGNABLE. `message` and `arrival_s` name the content: together they never mean another. */
void dkim_signer_sign(struct dkim_signer *signer, uint32_t message, int64_t arrival_s,
    struct slice content, struct text *fields);

/* What the fields take at most: for SIZE (RFC 1870), which may be an estimate. */
uint64_t dkim_signer_bytes_max(const struct dkim_signer *signer);

uint64_t dkim_signer_signatures(const struct dkim_signer *signer); /* really made, not those kept */

#endif
