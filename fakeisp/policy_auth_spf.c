/* policy_auth_spf.c - SPF, judged by libspf2 (RFC 7208).
 *
 * The library has layers that answer for DNS; ours is the only one, and answers from what is known.
 * A record that is missing counts as "try again" for this round. */
#include <netdb.h>
#include <spf2/spf.h>
#include <spf2/spf_dns.h>

#include "base/mem.h"
#include "fakeisp/policy_auth.h"

struct spf_judge {
    SPF_dns_server_t layer;
    SPF_server_t *server;
    struct auth_check *check; /* that is being judged */
    bool has_failed;          /* a look-up did, for now */
};

/* ---- DNS ---- */

static SPF_dns_stat_t
stat_of(enum dns_status status)
{
    switch (status) {
    case DNS_OK:
        return NETDB_SUCCESS;
    case DNS_NO_DATA:
        return NO_DATA;
    case DNS_NO_NAME:
        return HOST_NOT_FOUND;
    case DNS_SERVFAIL:
    case DNS_TIMED_OUT:
        return TRY_AGAIN;
    }
    return TRY_AGAIN;
}

static void
add_data(SPF_dns_rr_t *records, const void *bytes, size_t length, bool is_text)
{
    int number = records->num_rr;
    SPF_errcode_t err = SPF_dns_rr_buf_realloc(records, number, length + 1);

    assert(err == SPF_E_SUCCESS); /* without memory there is no going on */
    memcpy(records->rr[number], bytes, length);
    if (is_text)
        records->rr[number]->txt[length] = '\0';
    records->num_rr++;
}

static void
add_addresses(SPF_dns_rr_t *records, const struct dns_answer *answer, uint8_t family)
{
    for (size_t i = 0; i < answer->addresses_count; i++)
        if (answer->addresses[i].family == family)
            add_data(records, answer->addresses[i].bytes, family == 4 ? 4 : 16, false);
}

static void
add_records(SPF_dns_rr_t *records, const struct dns_answer *answer, ns_type type)
{
    if (type == ns_t_txt)
        for (size_t i = 0; i < answer->texts_count; i++)
            add_data(records, answer->texts[i].at, answer->texts[i].length, true);
    else if (type == ns_t_mx)
        for (size_t i = 0; i < answer->mx_count; i++)
            add_data(records, answer->mx[i].host.at, answer->mx[i].host.length, true);
    else
        add_addresses(records, answer, type == ns_t_a ? 4 : 6);
}

static enum dns_type
type_of(ns_type type)
{
    return type == ns_t_txt ? DNS_TXT : type == ns_t_mx ? DNS_MX : DNS_ADDRESS;
}

/* RFC 7208 14.1: the type SPF is not used any more. PTR (5.5: "do not use") has no door here. */
static SPF_dns_rr_t *
spf_lookup(SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache)
{
    struct spf_judge *judge = layer->hook;
    struct auth_check *check = judge->check;
    const struct dns_answer *answer;
    SPF_dns_rr_t *records;

    if (type != ns_t_txt && type != ns_t_mx && type != ns_t_a && type != ns_t_aaaa)
        return SPF_dns_rr_new_init(layer, name, type, 0, HOST_NOT_FOUND);
    answer = lookups_find(check->auth->lookups, slice_of(name), type_of(type), &check->wishes);
    if (answer == NULL)
        return SPF_dns_rr_new_init(layer, name, type, 0, TRY_AGAIN);
    judge->has_failed |= stat_of(answer->status) == TRY_AGAIN;
    records = SPF_dns_rr_new_init(layer, name, type, 0, stat_of(answer->status));
    if (answer->status == DNS_OK)
        add_records(records, answer, type);
    if (answer->status == DNS_OK && records->num_rr == 0)
        records->herrno = NO_DATA;
    return records;
}

/* ---- judging ---- */

static enum spf_result
result_of(SPF_result_t result)
{
    switch (result) {
    case SPF_RESULT_PASS:
        return SENDER_PASS;
    case SPF_RESULT_NEUTRAL:
        return SENDER_NEUTRAL;
    case SPF_RESULT_SOFTFAIL:
        return SENDER_SOFTFAIL;
    case SPF_RESULT_FAIL:
        return SENDER_FAIL;
    case SPF_RESULT_TEMPERROR:
        return SENDER_TEMPERROR;
    case SPF_RESULT_PERMERROR:
        return SENDER_PERMERROR;
    case SPF_RESULT_NONE:
    case SPF_RESULT_INVALID:
        break;
    }
    return SENDER_NONE;
}

static void
set_source(SPF_request_t *request, const struct net_address *source)
{
    if (source->family == 4) {
        struct in_addr address;

        memcpy(&address, source->bytes, sizeof address);
        SPF_request_set_ipv4(request, address);
    } else {
        struct in6_addr address;

        memcpy(&address, source->bytes, sizeof address);
        SPF_request_set_ipv6(request, address);
    }
}

static SPF_request_t *
request_of(struct spf_judge *judge, const struct auth_mail *mail)
{
    SPF_request_t *request = SPF_request_new(judge->server);
    struct arena arena = {0};

    set_source(request, mail->source);
    SPF_request_set_helo_dom(request, arena_copy(&arena, mail->helo.at, mail->helo.length));
    SPF_request_set_env_from(request, arena_copy(&arena, mail->sender.at, mail->sender.length));
    arena_release(&arena);
    return request;
}

/* A record that cannot be read has no result, only errors. */
static bool
is_broken(SPF_response_t *response)
{
    for (int i = 0; i < SPF_response_messages(response); i++) {
        SPF_error_t *error = SPF_response_message(response, i);

        if (SPF_error_errorp(error) && SPF_error_code(error) != SPF_E_NOT_SPF)
            return true;
    }
    return false;
}

void
auth_judge_spf(struct auth_check *check)
{
    struct spf_judge *judge = check->auth->spf;
    SPF_request_t *request = request_of(judge, &check->mail);
    SPF_response_t *response = NULL;

    judge->check = check;
    judge->has_failed = false;
    SPF_request_query_mailfrom(request, &response);
    judge->check = NULL;
    if (response != NULL)
        check->results->spf = result_of(SPF_response_result(response));
    if (check->results->spf == SENDER_NONE && judge->has_failed)
        check->results->spf = SENDER_TEMPERROR;
    else if (check->results->spf == SENDER_NONE && response != NULL && is_broken(response))
        check->results->spf = SENDER_PERMERROR;
    SPF_response_free(response);
    SPF_request_free(request);
}

struct spf_judge *
spf_judge_new(void)
{
    struct spf_judge *judge = mem_alloc_zeroed(sizeof *judge);
    SPF_response_t *response = NULL;

    judge->layer.lookup = spf_lookup;
    judge->layer.name = "known";
    judge->layer.hook = judge;
    judge->server = SPF_server_new_dns(&judge->layer, 0);
    assert(judge->server != NULL);
    SPF_server_set_rec_dom(judge->server, "isp.invalid"); /* or it would ask the machine's name */
    SPF_server_set_explanation(judge->server, "", &response);
    SPF_response_free(response);
    return judge;
}

void
spf_judge_free(struct spf_judge **judge)
{
    if (*judge == NULL)
        return;
    SPF_server_free((*judge)->server);
    mem_free(*judge);
    *judge = NULL;
}
