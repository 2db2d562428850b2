/* policy_auth.c - where a message comes from: one check, from the content to three results.
 *
 * The judges take what is known of DNS. When something was missing it is asked for, and when the
 * answers are here they judge again, from the start: what they find is then the same but for what was
 * missing. Keys and policies stay known for their time, so that most checks need one round. */
#include "fakeisp/policy_auth.h"

#include "base/mem.h"
#include "smtp/dkim_model.h"
#include "smtp/message.h"

enum { ROUNDS_MAX = 24 }; /* RFC 7208 4.6.4 allows ten look-ups, each with a few below it */

/* ---- words ---- */

static const struct result_words {
    const char *word;
    enum event_outcome outcome; /* RFC 8601 2.7 */
} dkim_words[] = {
    [DKIM_ABSENT] = {"none",          OUTCOME_NONE_FOUND},
    [DKIM_GOOD] = {"pass",          OUTCOME_PASS      },
    [DKIM_BODY_CHANGED] = {"body_changed",  OUTCOME_FAIL      },
    [DKIM_BAD_SIGNATURE] = {"bad_signature", OUTCOME_FAIL      },
    [DKIM_NO_KEY] = {"no_key",        OUTCOME_PERMERROR },
    [DKIM_REVOKED] = {"revoked",       OUTCOME_PERMERROR },
    [DKIM_BROKEN] = {"malformed",     OUTCOME_PERMERROR },
    [DKIM_NO_DNS] = {"dns_failed",    OUTCOME_TEMPERROR },
    [DKIM_EXPIRED] = {"expired",       OUTCOME_POLICY    },
    [DKIM_SHORT_KEY] = {"short_key",     OUTCOME_POLICY    },
    [DKIM_OLD_DIGEST] = {"old_digest",    OUTCOME_POLICY    },
    [DKIM_LENGTH_TAG] = {"length_tag",    OUTCOME_POLICY    },
};
static_assert(COUNT_OF(dkim_words) == DKIM_RESULTS_COUNT, "a row per result");

static const struct result_words spf_words[] = {
    [SENDER_NONE] = {"none",      OUTCOME_NONE_FOUND},
    [SENDER_PASS] = {"pass",      OUTCOME_PASS      },
    [SENDER_NEUTRAL] = {"neutral",   OUTCOME_NEUTRAL   },
    [SENDER_SOFTFAIL] = {"softfail",  OUTCOME_SOFTFAIL  },
    [SENDER_FAIL] = {"fail",      OUTCOME_FAIL      },
    [SENDER_TEMPERROR] = {"temperror", OUTCOME_TEMPERROR },
    [SENDER_PERMERROR] = {"permerror", OUTCOME_PERMERROR },
};
static_assert(COUNT_OF(spf_words) == SENDER_RESULTS_COUNT, "a row per result");

static const struct result_words dmarc_words[] = {
    [DMARC_ABSENT] = {"none",       OUTCOME_NONE_FOUND},
    [DMARC_ALIGNED] = {"pass",       OUTCOME_PASS      },
    [DMARC_UNALIGNED] = {"unaligned",  OUTCOME_FAIL      },
    [DMARC_QUARANTINE] = {"quarantine", OUTCOME_FAIL      },
    [DMARC_REJECT] = {"reject",     OUTCOME_FAIL      },
    [DMARC_NO_DNS] = {"dns_failed", OUTCOME_TEMPERROR },
    [DMARC_BROKEN] = {"malformed",  OUTCOME_PERMERROR },
};
static_assert(COUNT_OF(dmarc_words) == DMARC_RESULTS_COUNT, "a row per result");

static const struct {
    const char *name;
    const struct result_words *words;
    unsigned count;
} methods[] = {
    [AUTH_DKIM] = {"dkim",  dkim_words,  DKIM_RESULTS_COUNT  },
    [AUTH_SPF] = {"spf",   spf_words,   SENDER_RESULTS_COUNT},
    [AUTH_DMARC] = {"dmarc", dmarc_words, DMARC_RESULTS_COUNT },
};
static_assert(COUNT_OF(methods) == AUTH_METHODS_COUNT, "a row per method");

const char *
auth_method_name(enum auth_method method)
{
    return methods[method].name;
}

const char *
auth_word(enum auth_method method, unsigned result)
{
    assert(result < methods[method].count);
    return methods[method].words[result].word;
}

enum event_outcome
auth_outcome(enum auth_method method, unsigned result)
{
    assert(result < methods[method].count);
    return methods[method].words[result].outcome;
}

unsigned
auth_result(const struct auth_results *results, enum auth_method method)
{
    switch (method) {
    case AUTH_DKIM:
        return results->dkim;
    case AUTH_SPF:
        return results->spf;
    case AUTH_DMARC:
        return results->dmarc;
    case AUTH_METHODS_COUNT:
        break;
    }
    return 0;
}

uint32_t
auth_word_bits(enum auth_method method, struct slice word)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < methods[method].count; i++) {
        const struct result_words *words = &methods[method].words[i];

        if (slice_equals(word, slice_of(words->word)) ||
            slice_equals(word, slice_of(outcome_name(words->outcome))))
            bits |= UINT32_C(1) << i;
    }
    return bits;
}

bool
auth_is_wanted(const struct auth_wanted *wanted, const struct auth_results *results)
{
    for (int i = 0; i < AUTH_METHODS_COUNT; i++)
        if (wanted->bits[i] != 0 &&
            (wanted->bits[i] & UINT32_C(1) << auth_result(results, (enum auth_method)i)) == 0)
            return false;
    return true;
}

void
auth_results_release(struct auth_results *results)
{
    text_release(&results->dkim_domain);
    text_release(&results->dkim_selector);
}

/* ---- one check ---- */

const struct dns_answer *
auth_txt(struct auth_check *check, struct slice name)
{
    return lookups_find(check->auth->lookups, name, DNS_TXT, &check->wishes);
}

static struct slice
find_from(struct slice content)
{
    struct slice value;

    return header_find(content, SLICE("From"), &value) ? from_domain(value) : (struct slice){"", 0};
}

static void
take_content(struct auth_check *check)
{
    struct text plain = {0};

    text_clear(&check->content);
    dot_unstuff(&check->content, check->mail.content);
    if (check->mail.mutations != 0) {
        mutate(&plain, text_slice(&check->content), check->mail.mutations);
        text_release(&check->content);
        check->content = plain;
    }
    check->from = find_from(text_slice(&check->content));
}

static void auth_on_answers(void *arg);

/* True: the results are there. */
static bool
judge(struct auth_check *check)
{
    struct auth_results *results = check->results;

    results->dkim = DKIM_ABSENT;
    results->spf = SENDER_NONE;
    results->dmarc = DMARC_ABSENT;
    text_clear(&results->dkim_domain);
    text_clear(&results->dkim_selector);
    auth_judge_dkim(check);
    auth_judge_spf(check);
    auth_judge_dmarc(check);
    if (check->wishes.count == 0 || ++check->rounds_count == ROUNDS_MAX)
        return true;
    wishes_ask(&check->wishes, auth_on_answers, check);
    return false;
}

static void
auth_on_answers(void *arg)
{
    struct auth_check *check = arg;

    if (judge(check))
        check->fn(check->arg);
}

struct auth_check *
auth_begin(struct auth *auth, const struct auth_mail *mail, struct auth_results *results,
    timer_fn *fn, void *arg)
{
    struct auth_check *check = mem_alloc_zeroed(sizeof *check);

    check->auth = auth;
    check->mail = *mail;
    check->results = results;
    check->fn = fn;
    check->arg = arg;
    take_content(check);
    if (judge(check))
        auth_cancel(&check);
    return check;
}

void
auth_cancel(struct auth_check **check)
{
    if (*check == NULL)
        return;
    wishes_release(&(*check)->wishes);
    text_release(&(*check)->content);
    mem_free(*check);
    *check = NULL;
}

/* ---- coming and going ---- */

struct auth *
auth_new(const struct auth_config *config, struct loop *loop, struct resolver *resolver)
{
    struct auth *auth = mem_alloc_zeroed(sizeof *auth);

    assert(resolver != NULL);
    auth->config = config;
    auth->loop = loop;
    auth->lookups = lookups_new(loop, resolver);
    auth->verifier = dkim_verifier_new(config);
    auth->spf = spf_judge_new();
    return auth;
}

void
auth_free(struct auth **auth)
{
    if (*auth == NULL)
        return;
    dkim_verifier_free(&(*auth)->verifier);
    spf_judge_free(&(*auth)->spf);
    lookups_free(&(*auth)->lookups);
    mem_free(*auth);
    *auth = NULL;
}
