/* fuzz_dkim.c - content that is judged to be signable can be signed, really and by the model, within
 * the size that is promised; and a verifier's look at it ends. */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "fakeisp/mutation.h"
#include "mta/dkim.h"
#include "smtp/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the example in RFC 8463: Ed25519 is quick. */
#define PEM                                                              \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
    "-----END PRIVATE KEY-----\n"

static void
check_signing(enum dkim_level level, uint32_t relaxed, struct slice content)
{
    static const struct slice headers[] = {
        {"from",    4},
        {"subject", 7},
        {"to",      2},
    };
    static struct dkim_key key;
    const struct dkim_config config = {.level = level,
        .keys = &key,
        .keys_count = 1,
        .relaxed = relaxed,
        .headers = headers,
        .headers_count = COUNT_OF(headers),
        .oversigned = headers,
        .oversigned_count = 1,
        .real_one_in = 1};
    struct dkim_signer *signer;
    struct text fields = {0};
    enum dkim_judgement judgement;

    if (key.pem.length == 0) {
        static struct key_facts facts;
        struct error err;
        bool is_known = keys_know_private(SLICE(PEM), &facts, &err);

        assert(is_known);
        key = (struct dkim_key){.domain = SLICE("a.b"),
            .selector = SLICE("s"),
            .pem = SLICE(PEM),
            .kind = facts.kind,
            .bits = facts.bits,
            .public_key = text_slice(&facts.public_key)};
    }
    signer = dkim_signer_new(&config);
    judgement = dkim_signer_judge(signer, content);
    dkim_signer_sign(signer, 1, 1767225600, content, &fields);
    assert((judgement == DKIM_SIGNABLE) == (fields.length > 0));
    dkim_signer_free(&signer);
    text_release(&fields);
}

static void
check_tags(struct slice bytes)
{
    struct slice value;

    from_domain(bytes);
    if (dkim_tag(bytes, "b", &value))
        assert(value.at >= bytes.at && value.at + value.length <= bytes.at + bytes.length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct text wire = {0}, changed = {0};

    dot_stuff(&wire, bytes);
    check_signing(DKIM_LEVEL_REAL, DKIM_RELAXED_HEADER | DKIM_RELAXED_BODY, text_slice(&wire));
    check_signing(DKIM_LEVEL_REAL, 0, text_slice(&wire));
    check_signing(DKIM_LEVEL_MODELLED, DKIM_RELAXED_BODY, text_slice(&wire));
    check_signing(DKIM_LEVEL_MODELLED, DKIM_RELAXED_HEADER, text_slice(&wire));
    check_tags(bytes);
    mutate(&changed, bytes, MUTATION_TAG_SUBJECT | MUTATION_ADD_BLANKS | MUTATION_STRIP_SIGNATURES);
    text_release(&wire);
    text_release(&changed);
    return 0;
}
