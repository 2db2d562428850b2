/* stream_tls_authority.c - the test authority: certificates that are good, and those that are not. */
#include "base/stream_tls_real.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY_S = 86400, VALID_DAYS = 7300, VALID_DAYS_BEFORE = 30 };

void
tls_must(bool is_done)
{
    if (!is_done)
        ERR_print_errors_fp(stderr);
    assert(is_done);
}

static EVP_PKEY *
make_key(OSSL_LIB_CTX *context)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(context, NULL, "EC", "P-256");

    tls_must(key != NULL);
    return key;
}

static void
set_name(X509_NAME *name, const char *text)
{
    tls_must(X509_NAME_add_entry_by_NID(
        name, NID_organizationName, MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0));
}

/* Whoever trusts several of us, of several programs, must find the right one by its name. */
static void
add_key_to_name(X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct text name = {0};

    tls_must(X509_pubkey_digest(certificate, EVP_sha256(), digest, NULL));
    for (size_t i = 0; i < 8; i++)
        text_printf(&name, "%02x", digest[i]);
    set_name(X509_get_subject_name(certificate), text_string(&name));
    text_release(&name);
}

static void
add_host_name(X509 *certificate, struct slice host_name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    tls_must(names != NULL && name != NULL && text != NULL);
    tls_must(ASN1_STRING_set(text, host_name.at, (int)host_name.length));
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    tls_must(sk_GENERAL_NAME_push(names, name) > 0);
    tls_must(
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1);
    GENERAL_NAMES_free(names);
}

static void
mark_as_authority(X509 *certificate)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();

    tls_must(constraints != NULL);
    constraints->ca = 1;
    tls_must(X509_add1_ext_i2d(
                 certificate, NID_basic_constraints, constraints, 1, X509V3_ADD_DEFAULT) == 1);
    BASIC_CONSTRAINTS_free(constraints);
}

static X509 *
make_certificate(struct tls_authority *authority, const char *subject, EVP_PKEY *key,
    int64_t from_s, int64_t until_s)
{
    X509 *certificate = X509_new_ex(authority->context, NULL);

    tls_must(certificate != NULL);
    tls_must(X509_set_version(certificate, X509_VERSION_3));
    tls_must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++authority->serial));
    tls_must(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s) != NULL);
    tls_must(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until_s) != NULL);
    tls_must(X509_set_pubkey(certificate, key));
    set_name(X509_get_subject_name(certificate), subject);
    return certificate;
}

static void
sign(X509 *certificate, X509_NAME *issuer, EVP_PKEY *key)
{
    tls_must(X509_set_issuer_name(certificate, issuer));
    tls_must(X509_sign(certificate, key, EVP_sha256()) > 0);
}

void
tls_authority_init(struct tls_authority *authority, OSSL_LIB_CTX *context, int64_t born_s)
{
    *authority = (struct tls_authority){.context = context,
        .key = make_key(context),
        .host_key = make_key(context),
        .foreign_key = make_key(context),
        .born_s = born_s};
    authority->certificate = make_certificate(authority, "mtalab test authority", authority->key,
        born_s - VALID_DAYS_BEFORE * (int64_t)DAY_S, born_s + VALID_DAYS * (int64_t)DAY_S);
    add_key_to_name(authority->certificate);
    mark_as_authority(authority->certificate);
    sign(authority->certificate, X509_get_subject_name(authority->certificate), authority->key);
}

void
tls_authority_release(struct tls_authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    EVP_PKEY_free(authority->host_key);
    EVP_PKEY_free(authority->foreign_key);
}

X509 *
tls_authority_issue(
    struct tls_authority *authority, struct slice host_name, enum tls_certificate kind)
{
    int64_t until_days = kind == CERTIFICATE_EXPIRED ? -1 : VALID_DAYS;
    X509 *certificate = make_certificate(authority, "mtalab test host", authority->host_key,
        authority->born_s - VALID_DAYS_BEFORE * (int64_t)DAY_S,
        authority->born_s + until_days * DAY_S);
    X509_NAME *foreign;

    add_host_name(
        certificate, kind == CERTIFICATE_WRONG_NAME ? SLICE("another-host.invalid") : host_name);
    switch (kind) {
    case CERTIFICATE_GOOD:
    case CERTIFICATE_EXPIRED:
    case CERTIFICATE_WRONG_NAME:
        sign(certificate, X509_get_subject_name(authority->certificate), authority->key);
        break;
    case CERTIFICATE_SELF_SIGNED:
        sign(certificate, X509_get_subject_name(certificate), authority->host_key);
        break;
    case CERTIFICATE_UNKNOWN_CA:
        foreign = X509_NAME_new();
        tls_must(foreign != NULL);
        set_name(foreign, "an authority that nobody trusts");
        sign(certificate, foreign, authority->foreign_key);
        X509_NAME_free(foreign);
        break;
    }
    return certificate;
}
