/* auth.h - where a message comes from: DKIM (RFC 6376), SPF (RFC 7208), DMARC (RFC 7489), and what
 * came of asking.
 *
 * Results have two names: the one of RFC 8601 2.7, which is an outcome of the journal, and a word of
 * their own that says why. A rule may ask for either.
 *
 * Ownership  the doors are borrowed. A check is the caller's until its callback has run.
 * Callbacks  from the loop, never inside auth_begin(). */
#ifndef MTALAB_AUTH_H
#define MTALAB_AUTH_H

#include "base/loop.h"
#include "base/resolver.h"
#include "base/stream.h"
#include "fakeisp/mutation.h"
#include "smtp/event.h"

enum dkim_result {
    DKIM_ABSENT, /* not signed */
    DKIM_GOOD,
    DKIM_BODY_CHANGED, /* bh= is of another body */
    DKIM_BAD_SIGNATURE,
    DKIM_NO_KEY,  /* no record at SELECTOR._domainkey.DOMAIN */
    DKIM_REVOKED, /* p= is empty */
    DKIM_BROKEN,  /* signature or record cannot be read */
    DKIM_NO_DNS,  /* the key could not be asked for just now */
    DKIM_EXPIRED, /* x= is past */
    DKIM_SHORT_KEY,
    DKIM_LENGTH_TAG, /* l=: what stands behind is not signed */
    DKIM_OLD_DIGEST, /* SHA-1, which RFC 8301 3.1 forbids */
    DKIM_RESULTS_COUNT,
};

enum spf_result {
    SENDER_NONE,
    SENDER_PASS,
    SENDER_NEUTRAL,
    SENDER_SOFTFAIL,
    SENDER_FAIL,
    SENDER_TEMPERROR,
    SENDER_PERMERROR,
    SENDER_RESULTS_COUNT,
};

enum dmarc_result {
    DMARC_ABSENT, /* no policy published */
    DMARC_ALIGNED,
    DMARC_UNALIGNED, /* and the policy is p=none */
    DMARC_QUARANTINE,
    DMARC_REJECT,
    DMARC_NO_DNS,
    DMARC_BROKEN, /* no From, or a policy that cannot be read */
    DMARC_RESULTS_COUNT,
};
enum { AUTH_RESULTS_MAX = DKIM_RESULTS_COUNT }; /* of any method */

struct auth_results {
    enum dkim_result dkim;
    enum spf_result spf;
    enum dmarc_result dmarc;
    struct text dkim_domain, dkim_selector; /* of the signature that decided */
};
void auth_results_release(struct auth_results *results);

enum auth_method { AUTH_DKIM, AUTH_SPF, AUTH_DMARC, AUTH_METHODS_COUNT };

const char *auth_method_name(enum auth_method method); /* "dkim" */
unsigned auth_result(const struct auth_results *results, enum auth_method method);
enum event_outcome auth_outcome(enum auth_method method, unsigned result); /* RFC 8601's word */
const char *auth_word(enum auth_method method, unsigned result);           /* "body_changed" */

/* Results that a word means, as bits: one by its own word, several by that of RFC 8601. 0: none. */
uint32_t auth_word_bits(enum auth_method method, struct slice word);

/* What a rule wants to be so: a bit per result, 0: any. */
struct auth_wanted {
    uint32_t bits[AUTH_METHODS_COUNT];
};
bool auth_is_wanted(const struct auth_wanted *wanted, const struct auth_results *results);

struct auth_config {
    uint32_t key_bits_min;  /* of RSA; below: policy */
    bool is_model_accepted; /* signatures of smtp/dkim_model.h count like real ones */
};

struct auth_mail {
    const struct net_address *source;
    struct slice helo, sender; /* as they were said; an empty sender is the null one */
    struct slice content;      /* wire form */
    uint32_t mutations;        /* mutation bits: what a gateway on the way made of it */
};

struct auth;
struct auth_check;

struct auth *auth_new(
    const struct auth_config *config, struct loop *loop, struct resolver *resolver);
void auth_free(struct auth **auth);

/* NULL: *results are filled. Otherwise `fn` is called when they are; mail and results must stay. */
struct auth_check *auth_begin(struct auth *auth, const struct auth_mail *mail,
    struct auth_results *results, timer_fn *fn, void *arg);
void auth_cancel(struct auth_check **check); /* and gives it back after its callback */

#endif
