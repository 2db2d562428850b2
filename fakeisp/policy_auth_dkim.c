/* policy_auth_dkim.c - DKIM, verified for real by libopendkim (RFC 6376, RFC 8463).
 *
 * The library is given keys from what DNS has answered. It tells many ways in which a signature can
 * be wrong; the table `errors` makes ours of them. One good signature is enough; without one, the
 * first says why. */
#include <opendkim/dkim.h>

#include "base/mem.h"
#include "fakeisp/policy_auth.h"
#include "smtp/dkim_model.h"

struct dkim_verifier {
    DKIM_LIB *library;
    struct arena arena; /* of the message that is being verified */
};

/* ---- the library ---- */

static struct slice
text_or_empty(const u_char *text)
{
    return text != NULL ? slice_of((const char *)text) : (struct slice){"", 0};
}

/* SELECTOR._domainkey.DOMAIN (RFC 6376 3.6.2.1). */
static const struct dns_answer *
find_record(struct auth_check *check, struct slice selector, struct slice domain)
{
    const struct dns_answer *answer;
    struct text name = {0};

    text_printf(&name, "%.*s._domainkey.%.*s", SLICE_ARGS(selector), SLICE_ARGS(domain));
    answer = auth_txt(check, text_slice(&name));
    text_release(&name);
    return answer;
}

static DKIM_CBSTAT
give_key(DKIM *handle, DKIM_SIGINFO *signature, u_char *buffer, size_t size)
{
    struct auth_check *check = dkim_get_user_context(handle);
    const struct dns_answer *answer =
        find_record(check, slice_of((const char *)dkim_sig_getselector(signature)),
            slice_of((const char *)dkim_sig_getdomain(signature)));

    if (answer == NULL || answer->status == DNS_SERVFAIL || answer->status == DNS_TIMED_OUT)
        return DKIM_CBSTAT_TRYAGAIN;
    if (answer->texts_count == 0)
        return DKIM_CBSTAT_NOTFOUND;
    if (answer->texts[0].length >= size)
        return DKIM_CBSTAT_ERROR;
    memcpy(buffer, answer->texts[0].at, answer->texts[0].length);
    buffer[answer->texts[0].length] = '\0';
    return DKIM_CBSTAT_CONTINUE;
}

static void
set_option(struct dkim_verifier *verifier, dkim_opts_t option, void *value, size_t bytes)
{
    DKIM_STAT status = dkim_options(verifier->library, DKIM_OP_SETOPT, option, value, bytes);

    assert(status == DKIM_STAT_OK);
}

struct dkim_verifier *
dkim_verifier_new(const struct auth_config *config)
{
    struct dkim_verifier *verifier = mem_alloc_zeroed(sizeof *verifier);
    unsigned int flags = DKIM_LIBFLAGS_BADSIGHANDLES | DKIM_LIBFLAGS_DELAYSIGPROC,
                 bits = config->key_bits_min;
    uint64_t drift_s = 0; /* there is one clock in this world */
    DKIM_STAT status;

    verifier->library = dkim_init(arena_or_mem_alloc, arena_or_mem_free);
    assert(verifier->library != NULL);
    set_option(verifier, DKIM_OPTS_FLAGS, &flags, sizeof flags);
    set_option(verifier, DKIM_OPTS_CLOCKDRIFT, &drift_s, sizeof drift_s);
    set_option(verifier, DKIM_OPTS_MINKEYBITS, &bits, sizeof bits);
    status = dkim_set_key_lookup(verifier->library, give_key);
    assert(status == DKIM_STAT_OK);
    return verifier;
}

void
dkim_verifier_free(struct dkim_verifier **verifier)
{
    if (*verifier == NULL)
        return;
    dkim_close((*verifier)->library);
    arena_release(&(*verifier)->arena);
    mem_free(*verifier);
    *verifier = NULL;
}

/* ---- what it found ---- */

static const struct {
    int error;
    enum dkim_result result;
} errors[] = {
    {DKIM_SIGERROR_EXPIRED,     DKIM_EXPIRED      },
    {DKIM_SIGERROR_NOKEY,       DKIM_NO_KEY       },
    {DKIM_SIGERROR_KEYFAIL,     DKIM_NO_DNS       },
    {DKIM_SIGERROR_KEYREVOKED,  DKIM_REVOKED      },
    {DKIM_SIGERROR_KEYTOOSMALL, DKIM_SHORT_KEY    },
    {DKIM_SIGERROR_BADSIG,      DKIM_BAD_SIGNATURE},
};

static bool
has_length_tag(DKIM_SIGINFO *signature)
{
    static u_char name[] = "l";

    return dkim_sig_gettagvalue(signature, false, name) != NULL;
}

/* The library says nothing when it is told to try again. */
static bool
is_key_out_of_reach(struct auth_check *check, DKIM_SIGINFO *signature)
{
    const struct dns_answer *answer =
        find_record(check, text_or_empty(dkim_sig_getselector(signature)),
            text_or_empty(dkim_sig_getdomain(signature)));

    return answer == NULL || answer->status == DNS_SERVFAIL || answer->status == DNS_TIMED_OUT;
}

static enum dkim_result
result_of(struct auth_check *check, DKIM_SIGINFO *signature)
{
    int error = dkim_sig_geterror(signature);
    bool is_verified = (dkim_sig_getflags(signature) & DKIM_SIGFLAG_PASSED) != 0;

    for (size_t i = 0; i < COUNT_OF(errors); i++)
        if (errors[i].error == error && errors[i].result != DKIM_BAD_SIGNATURE)
            return errors[i].result;
    if (dkim_sig_getbh(signature) == DKIM_SIGBH_MISMATCH)
        return DKIM_BODY_CHANGED;
    if (error == DKIM_SIGERROR_BADSIG)
        return DKIM_BAD_SIGNATURE;
    if (error == DKIM_SIGERROR_UNKNOWN && is_key_out_of_reach(check, signature))
        return DKIM_NO_DNS;
    if (error != DKIM_SIGERROR_OK || !is_verified)
        return DKIM_BROKEN;
    if (slice_ends_with_nocase(text_or_empty(dkim_sig_getalgorithm(signature)), SLICE("-sha1")))
        return DKIM_OLD_DIGEST;
    return has_length_tag(signature) ? DKIM_LENGTH_TAG : DKIM_GOOD;
}

static void
settle(
    struct auth_check *check, enum dkim_result result, struct slice domain, struct slice selector)
{
    struct auth_results *results = check->results;

    if (results->dkim != DKIM_ABSENT && result != DKIM_GOOD)
        return;
    results->dkim = result;
    text_clear(&results->dkim_domain);
    text_add_slice(&results->dkim_domain, domain);
    text_clear(&results->dkim_selector);
    text_add_slice(&results->dkim_selector, selector);
}

static void
take_results(struct auth_check *check, DKIM *handle)
{
    DKIM_SIGINFO **signatures;
    int count = 0;

    if (dkim_getsiglist(handle, &signatures, &count) != DKIM_STAT_OK)
        return;
    for (int i = 0; i < count && check->results->dkim != DKIM_GOOD; i++) {
        if (dkim_sig_gettagvalue(signatures[i], false, (u_char[]){"mtalab"}) != NULL)
            continue; /* not the library's business */
        settle(check, result_of(check, signatures[i]),
            text_or_empty(dkim_sig_getdomain(signatures[i])),
            text_or_empty(dkim_sig_getselector(signatures[i])));
    }
}

/* The library takes bytes that it could change, and does not. */
static u_char *
bytes_for_library(struct text *text, struct slice part)
{
    return (u_char *)text->bytes + (part.at - text->bytes);
}

static void
verify(struct auth_check *check)
{
    struct dkim_verifier *verifier = check->auth->verifier;
    struct slice rest = text_slice(&check->content);
    struct header_field field;
    bool is_malformed;
    DKIM_STAT status;
    DKIM *handle = dkim_verify(verifier->library, (const u_char *)"", &verifier->arena, &status);

    assert(handle != NULL);
    dkim_set_user_context(handle, check);
    while (status == DKIM_STAT_OK && header_next(&rest, &field, &is_malformed))
        status = dkim_header(
            handle, bytes_for_library(&check->content, field.whole), field.whole.length);
    if (status == DKIM_STAT_OK)
        status = dkim_eoh(handle);
    rest = slice_from(rest, rest.length < 2 ? rest.length : 2); /* the empty line */
    if (status == DKIM_STAT_OK && rest.length > 0)
        status = dkim_body(handle, bytes_for_library(&check->content, rest), rest.length);
    if (status == DKIM_STAT_OK)
        (void)dkim_eom(handle, NULL); /* each signature knows how it went */
    take_results(check, handle);
    dkim_free(handle);
    arena_release(&verifier->arena);
}

/* ---- those of the model ---- */

/* True: there are others, for the library. */
static bool
judge_modelled(struct auth_check *check)
{
    struct slice rest = text_slice(&check->content), selector, domain, mark;
    const struct dns_answer *record;
    struct header_field field;
    bool is_malformed, has_real = false;

    while (header_next(&rest, &field, &is_malformed)) {
        if (!slice_equals_nocase(field.name, SLICE(DKIM_FIELD_NAME)))
            continue;
        if (!dkim_tag(field.value, "mtalab", &mark)) {
            has_real = true;
            continue;
        }
        if (!check->auth->config->is_model_accepted || !dkim_tag(field.value, "s", &selector) ||
            !dkim_tag(field.value, "d", &domain)) {
            settle(check, DKIM_BROKEN, SLICE(""), SLICE(""));
            continue;
        }
        record = find_record(check, selector, domain);
        if (record != NULL)
            settle(
                check, dkim_model_judge(check, record, field.whole, field.value), domain, selector);
    }
    return has_real;
}

void
auth_judge_dkim(struct auth_check *check)
{
    if (judge_modelled(check) && check->results->dkim != DKIM_GOOD)
        verify(check);
}
