/* policy_auth_model.c - a signature of smtp/dkim_model.h, verified in the order of RFC 6376 6.1. */
#include "base/mem.h"
#include "fakeisp/policy_auth.h"
#include "smtp/dkim_model.h"
#include "smtp/message.h"
#include "base/unit.h"

static bool
is_expired(const struct auth_check *check, struct slice tags)
{
    struct slice value;
    uint64_t at_s;

    return dkim_tag(tags, "x", &value) && slice_to_u64(value, &at_s) &&
        at_s < (uint64_t)(loop_wall_us(check->auth->loop) / US_PER_S);
}

static void
add_without_folds(struct text *out, struct slice value)
{
    for (size_t i = 0; i < value.length; i++)
        if (memchr(" \t\r\n", value.at[i], 4) == NULL)
            text_add_char(out, value.at[i]);
}

/* Bytes that stand behind so many signs of base64. */
static size_t
bytes_of_base64(struct slice base64)
{
    while (base64.length > 0 && base64.at[base64.length - 1] == '=')
        base64.length--;
    return base64.length * 6 / 8;
}

static bool
is_relaxed(struct slice tags, bool is_body)
{
    struct slice value, header, body;

    if (!dkim_tag(tags, "c", &value))
        return false;
    if (!slice_cut(value, '/', &header, &body)) {
        header = value;
        body = SLICE("simple");
    }
    return slice_equals(is_body ? body : header, SLICE("relaxed"));
}

static bool
is_body_same(const struct auth_check *check, struct slice tags)
{
    struct slice content = text_slice(&check->content), value;
    struct text digest = {0};
    bool is_same;

    dkim_model_body(&digest, slice_from(content, header_length(content)), is_relaxed(tags, true));
    is_same = dkim_tag(tags, "bh", &value) && slice_equals(value, text_slice(&digest));
    text_release(&digest);
    return is_same;
}

/* b= stands last, so that the field without its value is its first part. */
static bool
is_signature_same(const struct auth_check *check, struct slice field, struct slice tags,
    struct slice public_key, struct slice signature)
{
    struct slice names, value;
    struct text made = {0};
    bool is_same;

    if (!dkim_tag(tags, "h", &names) || !dkim_tag(tags, "b", &value))
        return false;
    field.length = (size_t)(value.at - field.at);
    dkim_model_signature(&made, text_slice(&check->content), names, field, public_key,
        is_relaxed(tags, false), bytes_of_base64(signature));
    is_same = slice_equals(signature, text_slice(&made));
    text_release(&made);
    return is_same;
}

enum dkim_result
dkim_model_judge(struct auth_check *check, const struct dns_answer *record, struct slice field,
    struct slice tags)
{
    enum dkim_result result = DKIM_GOOD;
    struct text signature = {0};
    struct slice key, value, algorithm;

    if (is_expired(check, tags))
        return DKIM_EXPIRED;
    if (record->status == DNS_SERVFAIL || record->status == DNS_TIMED_OUT)
        return DKIM_NO_DNS;
    if (record->texts_count == 0)
        return DKIM_NO_KEY;
    if (!dkim_tag(record->texts[0], "p", &key) || !dkim_tag(tags, "b", &value) ||
        !dkim_tag(tags, "a", &algorithm))
        return DKIM_BROKEN;
    if (key.length == 0)
        return DKIM_REVOKED;
    add_without_folds(&signature, value);
    if (slice_starts_with(algorithm, SLICE("rsa-")) &&
        bytes_of_base64(text_slice(&signature)) * 8 < check->auth->config->key_bits_min)
        result = DKIM_SHORT_KEY;
    else if (!is_body_same(check, tags))
        result = DKIM_BODY_CHANGED;
    else if (!is_signature_same(check, field, tags, key, text_slice(&signature)))
        result = DKIM_BAD_SIGNATURE;
    else if (dkim_tag(tags, "l", &value))
        result = DKIM_LENGTH_TAG;
    text_release(&signature);
    return result;
}
