/* libcrypto_keys.c - keys that libraries parse again and again are parsed once. */
#include "base/libcrypto_keys.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/map.h"
#include "base/mem.h"

struct known {
    struct map names; /* the bytes a key was read from; its number is the index below */
    EVP_PKEY **keys;
    size_t capacity;
};

static struct known known_private, known_public;
static uint64_t hits;

static void
forget(struct known *known)
{
    for (uint32_t i = 0; i < known->names.count; i++)
        EVP_PKEY_free(known->keys[i]);
    map_release(&known->names);
    mem_free(known->keys);
    *known = (struct known){0};
}

uint64_t
keys_hits(void)
{
    return hits;
}

/* Takes a reference of its own. */
static void
know(struct known *known, struct slice bytes, EVP_PKEY *key)
{
    bool is_new;
    uint32_t number = map_put(&known->names, bytes, &is_new);

    if (!is_new)
        return;
    known->keys = mem_grow(known->keys, &known->capacity, number + 1, sizeof(EVP_PKEY *));
    EVP_PKEY_up_ref(key);
    known->keys[number] = key;
}

/* What is left to read of a BIO in memory. */
static struct slice
bytes_of(BIO *bio)
{
    char *at = NULL;
    long length = 0;

    if (BIO_method_type(bio) == BIO_TYPE_MEM)
        length = BIO_get_mem_data(bio, &at);
    return length > 0 ? (struct slice){at, (size_t)length} : (struct slice){"", 0};
}

/* The key, and the BIO read to its end, as if it had been parsed. */
static EVP_PKEY *
recall(const struct known *known, BIO *bio, EVP_PKEY **into)
{
    struct slice bytes = bytes_of(bio);
    uint32_t number;
    EVP_PKEY *key;

    if (known->names.count == 0 || bytes.length == 0 || into != NULL ||
        !map_find(&known->names, bytes, &number))
        return NULL;
    key = known->keys[number];
    EVP_PKEY_up_ref(key);
    (void)BIO_seek(bio, (int)bytes.length);
    hits++;
    return key;
}

EVP_PKEY *
PEM_read_bio_PrivateKey(BIO *bio, EVP_PKEY **into, pem_password_cb *ask, void *arg)
{
    EVP_PKEY *key = recall(&known_private, bio, into);

    return key != NULL ? key : PEM_read_bio_PrivateKey_ex(bio, into, ask, arg, NULL, NULL);
}

EVP_PKEY *
d2i_PUBKEY_bio(BIO *bio, EVP_PKEY **into)
{
    EVP_PKEY *key = recall(&known_public, bio, into);
    struct text bytes = {0};

    if (key != NULL)
        return key;
    text_add_slice(&bytes, bytes_of(bio)); /* before they are read */
    key = ASN1_d2i_bio_of(EVP_PKEY, EVP_PKEY_new, d2i_PUBKEY, bio, into);
    if (key != NULL && into == NULL && bytes.length > 0) {
        if (known_public.names.count == KEYS_PUBLIC_MAX)
            forget(&known_public);
        know(&known_public, text_slice(&bytes), key);
    }
    text_release(&bytes);
    return key;
}

/* ---- private keys ---- */

static void
add_base64(struct text *out, const unsigned char *bytes, size_t length)
{
    size_t start = out->length;

    for (size_t i = 0; i < (length + 2) / 3 * 4 + 1; i++)
        text_add_char(out, '\0');
    EVP_EncodeBlock((unsigned char *)out->bytes + start, bytes, (int)length);
    out->length--; /* its NUL */
}

static bool
add_public_key(EVP_PKEY *key, enum key_kind kind, struct text *out)
{
    unsigned char raw[32], *der = NULL;
    size_t length = sizeof raw;
    int der_length;

    if (kind == KEY_ED25519) {
        if (EVP_PKEY_get_raw_public_key(key, raw, &length) != 1)
            return false;
        add_base64(out, raw, length);
        return true;
    }
    der_length = i2d_PUBKEY(key, &der);
    if (der_length <= 0)
        return false;
    add_base64(out, der, (size_t)der_length);
    OPENSSL_free(der);
    return true;
}

/* Nobody is there to be asked for a passphrase. */
static int
know_no_passphrase(char *buffer, int size, int is_writing, void *arg)
{
    return -1;
}

bool
keys_know_private(struct slice pem, struct key_facts *facts, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.length);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(bio, NULL, know_no_passphrase, NULL, NULL, NULL);
    int id = key != NULL ? EVP_PKEY_get_id(key) : EVP_PKEY_NONE;
    bool is_good = id == EVP_PKEY_RSA || id == EVP_PKEY_ED25519;

    BIO_free(bio);
    ERR_clear_error();
    *facts = (struct key_facts){.kind = id == EVP_PKEY_RSA ? KEY_RSA : KEY_ED25519};
    if (key == NULL) {
        error_set(err, ERROR_CONFIG, "this is not a private key in PEM without passphrase");
    } else if (!is_good) {
        error_set(err, ERROR_CONFIG, "DKIM knows keys of RSA and Ed25519, and this is neither");
    } else {
        facts->bits = (uint32_t)EVP_PKEY_get_bits(key);
        is_good = add_public_key(key, facts->kind, &facts->public_key);
        assert(is_good);
        know(&known_private, pem, key);
    }
    EVP_PKEY_free(key);
    return is_good;
}

void
key_facts_release(struct key_facts *facts)
{
    text_release(&facts->public_key);
}
