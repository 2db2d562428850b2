/* policy_auth_dmarc.c - DMARC, judged by libopendmarc (RFC 7489).
 *
 * The policy stands at _dmarc.DOMAIN of From, or else at that of the organisational domain, which
 * here is the last two labels: our domains are those of RFC 2606, and none of them has a suffix of
 * more than one. */
#include <netinet/in.h>
#include <opendmarc/dmarc.h>

#include "base/mem.h"
#include "fakeisp/policy_auth.h"

static struct slice
organisation_of(struct slice domain)
{
    size_t dots = 0;

    for (size_t i = domain.length; i > 0; i--)
        if (domain.at[i - 1] == '.' && ++dots == 2)
            return slice_from(domain, i);
    return domain;
}

/* "" if there is none; NULL `at`: not known yet, or not to be had: then *result says so. */
static struct slice
policy_at(struct auth_check *check, struct slice domain, enum dmarc_result *result)
{
    const struct dns_answer *answer;
    struct text name = {0};

    text_printf(&name, "_dmarc.%.*s", SLICE_ARGS(domain));
    answer = auth_txt(check, text_slice(&name));
    text_release(&name);
    if (answer == NULL || answer->status == DNS_SERVFAIL || answer->status == DNS_TIMED_OUT) {
        *result = DMARC_NO_DNS;
        return (struct slice){NULL, 0};
    }
    for (size_t i = 0; i < answer->texts_count; i++)
        if (slice_starts_with_nocase(answer->texts[i], SLICE("v=DMARC1")))
            return answer->texts[i];
    return (struct slice){"", 0};
}

static u_char *
copy(struct arena *arena, struct slice s)
{
    return (u_char *)arena_copy(arena, s.at, s.length);
}

/* Alignment wants a domain that passed; anything else counts as a failure. */
static void
store_results(DMARC_POLICY_T *policy, const struct auth_check *check, struct arena *arena)
{
    static const int spf_outcomes[] = {
        [SENDER_NONE] = DMARC_POLICY_SPF_OUTCOME_NONE,
        [SENDER_PASS] = DMARC_POLICY_SPF_OUTCOME_PASS,
        [SENDER_NEUTRAL] = DMARC_POLICY_SPF_OUTCOME_FAIL,
        [SENDER_SOFTFAIL] = DMARC_POLICY_SPF_OUTCOME_FAIL,
        [SENDER_FAIL] = DMARC_POLICY_SPF_OUTCOME_FAIL,
        [SENDER_TEMPERROR] = DMARC_POLICY_SPF_OUTCOME_TMPFAIL,
        [SENDER_PERMERROR] = DMARC_POLICY_SPF_OUTCOME_FAIL,
    };
    const struct auth_results *results = check->results;
    struct slice ignored, domain = {"", 0};
    bool is_null_sender = check->mail.sender.length == 0;

    static_assert(COUNT_OF(spf_outcomes) == SENDER_RESULTS_COUNT, "a row per result");
    if (is_null_sender)
        domain = check->mail.helo;
    else
        slice_cut(check->mail.sender, '@', &ignored, &domain);
    if (domain.length > 0)
        opendmarc_policy_store_spf(policy, copy(arena, domain), spf_outcomes[results->spf],
            is_null_sender ? DMARC_POLICY_SPF_ORIGIN_HELO : DMARC_POLICY_SPF_ORIGIN_MAILFROM, NULL);
    if (results->dkim_domain.length > 0)
        opendmarc_policy_store_dkim(policy, copy(arena, text_slice(&results->dkim_domain)),
            copy(arena, text_slice(&results->dkim_selector)),
            results->dkim == DKIM_GOOD ? DMARC_POLICY_DKIM_OUTCOME_PASS
                                       : DMARC_POLICY_DKIM_OUTCOME_FAIL,
            NULL);
}

static enum dmarc_result
result_of(int status)
{
    switch (status) {
    case DMARC_POLICY_PASS:
        return DMARC_ALIGNED;
    case DMARC_POLICY_NONE:
        return DMARC_UNALIGNED;
    case DMARC_POLICY_QUARANTINE:
        return DMARC_QUARANTINE;
    case DMARC_POLICY_REJECT:
        return DMARC_REJECT;
    case DMARC_POLICY_ABSENT:
        return DMARC_ABSENT;
    }
    return DMARC_BROKEN;
}

static enum dmarc_result
enforce(struct auth_check *check, struct slice record, struct slice organisation)
{
    enum dmarc_result result = DMARC_BROKEN;
    struct arena arena = {0};
    u_char no_address[] = "0.0.0.0";
    DMARC_POLICY_T *policy = opendmarc_policy_connect_init(no_address, DMARC_POLICY_IP_TYPE_IPV4);

    assert(policy != NULL);
    if (opendmarc_policy_store_from_domain(policy, copy(&arena, check->from)) == DMARC_PARSE_OKAY &&
        opendmarc_policy_store_dmarc(policy, copy(&arena, record), copy(&arena, check->from),
            organisation.length < check->from.length ? copy(&arena, organisation) : NULL) ==
            DMARC_PARSE_OKAY) {
        store_results(policy, check, &arena);
        result = result_of(opendmarc_get_policy_to_enforce(policy));
    }
    opendmarc_policy_connect_shutdown(policy);
    arena_release(&arena);
    return result;
}

void
auth_judge_dmarc(struct auth_check *check)
{
    enum dmarc_result *result = &check->results->dmarc;
    struct slice organisation = organisation_of(check->from), record;

    if (check->from.length == 0) {
        *result = DMARC_BROKEN;
        return;
    }
    record = policy_at(check, check->from, result);
    if (record.at != NULL && record.length == 0 && organisation.length < check->from.length)
        record = policy_at(check, organisation, result);
    if (record.length > 0)
        *result = enforce(check, record, organisation);
}
