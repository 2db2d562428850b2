/* bench_dkim.c - signing with libopendkim beside libcrypto's bare signature, in the same run: what is
 * left when the key is parsed once. The floor for RSA-2048 is 0.7, the goal 0.9. */
#include "tests/bench/bench.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "mta/dkim.h"

#define KEYS "scenarios/dkim/keys/campaign.example/"

enum { BODY_BYTES = 2048 };

struct work {
    struct arena arena;
    struct dkim_key key;
    struct dkim_config config;
    struct dkim_signer *signer;
    struct text content, fields;
    EVP_PKEY *raw;
    uint32_t messages_count;
};

static uint64_t
sign(void *arg, uint64_t times)
{
    struct work *work = arg;

    for (uint64_t i = 0; i < times; i++) {
        text_clear(&work->fields);
        dkim_signer_sign(work->signer, ++work->messages_count, 1767225600,
            text_slice(&work->content), &work->fields);
    }
    return work->fields.length;
}

static uint64_t
sign_bare(void *arg, uint64_t times)
{
    struct work *work = arg;
    const EVP_MD *digest = work->key.kind == KEY_RSA ? EVP_sha256() : NULL;
    unsigned char header[600] = {0}, signature[512];
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        size_t length = sizeof signature;

        EVP_DigestSignInit(context, NULL, digest, NULL, work->raw);
        EVP_DigestSign(context, signature, &length, header, digest != NULL ? sizeof header : 32);
        EVP_MD_CTX_free(context);
        sum += signature[0];
    }
    return sum;
}

static bool
read_key(struct work *work, const char *filename)
{
    FILE *file = fopen(filename, "rb");
    char bytes[8192];
    size_t length;
    struct key_facts facts;
    struct error err;

    if (file == NULL)
        return false;
    length = fread(bytes, 1, sizeof bytes, file);
    rewind(file);
    work->raw = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    work->key.pem = (struct slice){arena_copy(&work->arena, bytes, length), length};
    if (!keys_know_private(work->key.pem, &facts, &err))
        return false;
    work->key.domain = SLICE("us.example");
    work->key.selector = SLICE("s");
    work->key.kind = facts.kind;
    work->key.bits = facts.bits;
    work->key.public_key =
        (struct slice){arena_copy(&work->arena, facts.public_key.bytes, facts.public_key.length),
            facts.public_key.length};
    key_facts_release(&facts);
    return work->raw != NULL;
}

static void
write_content(struct text *content)
{
    text_add_string(content,
        "From: Kim <kim@us.example>\r\nTo: <you@isp.test>\r\nSubject: a letter\r\n"
        "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@us.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "List-Unsubscribe: <mailto:u@us.example>\r\n\r\n");
    while (content->length < BODY_BYTES)
        text_add_string(content, "Every word in this letter is here to give it its size.\r\n");
}

static bool
measure(const char *name, const char *filename, uint64_t times)
{
    static const struct slice headers[] = {
        {"from",         4 },
        {"to",           2 },
        {"subject",      7 },
        {"date",         4 },
        {"message-id",   10},
        {"content-type", 12},
    };
    struct work work = {
        .config = {.level = DKIM_LEVEL_REAL,
                   .keys_count = 1,
                   .relaxed = DKIM_RELAXED_HEADER | DKIM_RELAXED_BODY,
                   .headers = headers,
                   .headers_count = COUNT_OF(headers),
                   .oversigned = headers,
                   .oversigned_count = 1,
                   .real_one_in = 1}
    };
    double signed_ns, bare_ns, modelled_ns;

    if (!read_key(&work, filename))
        return false;
    work.config.keys = &work.key;
    write_content(&work.content);
    work.signer = dkim_signer_new(&work.config);
    bare_ns = bench_ns(sign_bare, &work, times);
    signed_ns = bench_ns(sign, &work, times);
    work.config.level = DKIM_LEVEL_MODELLED;
    modelled_ns = bench_ns(sign, &work, times);
    printf("%-10s %9.0f signed/s %9.0f bare/s  ratio %.2f  %9.0f modelled/s\n", name,
        1e9 / signed_ns, 1e9 / bare_ns, bare_ns / signed_ns, 1e9 / modelled_ns);
    dkim_signer_free(&work.signer);
    EVP_PKEY_free(work.raw);
    text_release(&work.content);
    text_release(&work.fields);
    arena_release(&work.arena);
    return true;
}

int
main(void)
{
    if (!measure("RSA-2048", KEYS "rsa.pem", 400) || !measure("RSA-1024", KEYS "short.pem", 2000) ||
        !measure("Ed25519", KEYS "ed.pem", 4000)) {
        fprintf(stderr, "cannot read the keys; run at the top of the tree\n");
        return 1;
    }
    return 0;
}
