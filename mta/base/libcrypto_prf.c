/* libcrypto_prf.c - AES-128 as a pseudorandom function. Any refusal of the library is a bug of ours or
 * a lack of memory, so it ends the program. */
#include "base/libcrypto_prf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/mem.h"

struct prf {
    EVP_CIPHER_CTX *aes;
};

void
prf_derive(const uint8_t key[PRF_BYTES], struct slice message, uint8_t out[PRF_BYTES])
{
    char cipher[] = "AES-128-CBC";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    size_t length = 0;
    int is_done;

    assert(ctx != NULL);
    is_done = EVP_MAC_init(ctx, key, PRF_BYTES, params) &&
        EVP_MAC_update(ctx, (const unsigned char *)message.at, message.length) &&
        EVP_MAC_final(ctx, out, &length, PRF_BYTES);
    assert(is_done);
    assert(length == PRF_BYTES);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

struct prf *
prf_new(const uint8_t key[PRF_BYTES])
{
    struct prf *prf = mem_alloc_zeroed(sizeof *prf);
    int is_done;

    prf->aes = EVP_CIPHER_CTX_new();
    assert(prf->aes != NULL);
    is_done = EVP_EncryptInit_ex(prf->aes, EVP_aes_128_ecb(), NULL, key, NULL) &&
        EVP_CIPHER_CTX_set_padding(prf->aes, 0);
    assert(is_done);
    return prf;
}

void
prf_free(struct prf **prf)
{
    if (*prf == NULL)
        return;
    EVP_CIPHER_CTX_free((*prf)->aes);
    mem_free(*prf);
    *prf = NULL;
}

void
prf_blocks(struct prf *prf, const uint8_t *in, uint8_t *out, size_t blocks)
{
    int length = 0;
    int is_done = EVP_EncryptUpdate(prf->aes, out, &length, in, (int)(blocks * PRF_BYTES));

    assert(is_done);
    assert((size_t)length == blocks * PRF_BYTES);
}
