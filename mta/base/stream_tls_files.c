/* stream_tls_files.c - certificates, keys and authorities that somebody else made. */
#include <openssl/err.h>

#include "base/stream_tls_real.h"

static bool
complain(struct error *err, const char *filename)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    return error_set(err, ERROR_CONFIG, "%s: %s", filename, why != NULL ? why : "cannot be read");
}

static bool
load_identity(SSL_CTX *context, const char *chain_file, const char *key_file, struct error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, chain_file) != 1)
        return complain(err, chain_file);
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        return complain(err, key_file);
    if (SSL_CTX_check_private_key(context) != 1)
        return error_set(
            err, ERROR_CONFIG, "%s: not the key of the certificate in %s", key_file, chain_file);
    return true;
}

struct tls_server *
tls_server_load(struct tls *tls, struct slice host_name, const char *chain_file,
    const char *key_file, struct error *err)
{
    struct tls_server *server;

    assert(tls->door == &tls_real_door);
    server = tls_server_new(tls, host_name, CERTIFICATE_GOOD, TLS_FAULT_NONE);
    if (!load_identity(server->side, chain_file, key_file, err))
        tls_server_free(&server);
    return server;
}

bool
tls_client_trust(struct tls_client *client, const char *filename, struct error *err)
{
    assert(client->tls->door == &tls_real_door);
    ERR_clear_error();
    if (filename == NULL) {
        if (SSL_CTX_set_default_verify_paths(client->side) != 1)
            return complain(err, "the system's certificates");
        return true;
    }
    if (SSL_CTX_load_verify_file(client->side, filename) != 1)
        return complain(err, filename);
    return true;
}
