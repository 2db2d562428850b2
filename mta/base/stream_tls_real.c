/* stream_tls_real.c - TLS by OpenSSL, which reads from memory and writes to memory.
 *
 * Each world has a library context of its own. With an rng its randomness is that of the world
 * (stream_tls_random.h): every connection has a named stream, which is in use while OpenSSL works
 * for it and only then. */
#include "base/stream_tls_real.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

#include "base/libc_time.h"
#include "base/mem.h"
#include "base/stream_tls_random.h"
#include "base/unit.h"

enum {
    READ_BYTES = 16384,
    TICKET_LIFETIME_S = 2 * TLS_RESUME_S, /* we stop asking before the server stops knowing */
};

struct library {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *random, *usual;
    struct tls_authority authority;
};

struct real {
    struct tls_engine base;
    SSL *ssl;
    BIO *in, *out; /* belong to `ssl` */
    struct tls_memory *memory;
    struct loop *loop;
    struct rng rng, *stream; /* &rng, or NULL */
};

static const struct tls_engine_door real_engine_door;

/* ---- chance and time ---- */

/* While OpenSSL works for us it sees the world's time and draws from the stream it is given. */
struct work {
    struct rng *rng_before;
    const struct loop *loop_before;
};

static struct work
begin_work(const struct loop *loop, struct rng *rng)
{
    ERR_clear_error(); /* what others left behind is not about us */
    return (struct work){tls_random_use(rng), libc_time_follow(loop)};
}

static void
end_work(struct work work)
{
    tls_random_use(work.rng_before);
    libc_time_follow(work.loop_before);
}

/* The stream of one connection, or of one thing that is set up; answers NULL without an rng. */
static struct rng *
open_stream(const struct tls *tls, struct rng *rng, const char *what, uint64_t number)
{
    struct text name = {0};

    if (tls->rng == NULL)
        return NULL;
    text_printf(&name, "%s/%llu", what, (unsigned long long)number);
    *rng = rng_child_slice(tls->rng, text_slice(&name));
    text_release(&name);
    return rng;
}

/* ---- the library ---- */

static void *
library_new(struct tls *tls)
{
    struct library *library = mem_alloc_zeroed(sizeof *library);
    struct rng rng;
    struct work work;

    library->context = OSSL_LIB_CTX_new();
    tls_must(library->context != NULL);
    if (tls->rng != NULL) {
        library->random = tls_random_install(library->context);
        tls_must(library->random != NULL);
    }
    library->usual = OSSL_PROVIDER_load(library->context, "default");
    tls_must(library->usual != NULL);
    work = begin_work(tls->loop, open_stream(tls, &rng, "authority", 0));
    tls_authority_init(
        &library->authority, library->context, loop_wall_us(tls->loop) / (int64_t)US_PER_S);
    end_work(work);
    return library;
}

static void
library_free(void *freed)
{
    struct library *library = freed;

    tls_authority_release(&library->authority);
    OSSL_PROVIDER_unload(library->usual);
    if (library->random != NULL)
        OSSL_PROVIDER_unload(library->random);
    OSSL_LIB_CTX_free(library->context);
    mem_free(library);
}

void
tls_authority_pem(struct tls *tls, struct text *out)
{
    struct library *library = tls->library;
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes;
    long length;

    assert(tls->door == &tls_real_door);
    tls_must(memory != NULL);
    tls_must(PEM_write_bio_X509(memory, library->authority.certificate));
    length = BIO_get_mem_data(memory, &bytes);
    text_add(out, bytes, (size_t)length);
    BIO_free(memory);
}

/* Nothing that is asked for again within one connection: renegotiation is refused, and a record's
 * buffer is given back once it is empty. */
static SSL_CTX *
context_new(struct tls *tls, const SSL_METHOD *method)
{
    struct library *library = tls->library;
    SSL_CTX *context = SSL_CTX_new_ex(library->context, NULL, method);

    tls_must(context != NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    tls_must(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION));
    return context;
}

static void *
server_new(struct tls_server *server)
{
    struct library *library = server->tls->library;
    struct rng rng;
    struct work work =
        begin_work(server->tls->loop, open_stream(server->tls, &rng, "server", server->number));
    SSL_CTX *context = context_new(server->tls, TLS_server_method());
    X509 *certificate =
        tls_authority_issue(&library->authority, server->host_name, server->certificate);

    if (server->fault == TLS_FAULT_OLD_PROTOCOL) {
        tls_must(SSL_CTX_set_min_proto_version(context, TLS1_VERSION));
        tls_must(SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION));
    }
    tls_must(SSL_CTX_use_certificate(context, certificate));
    tls_must(SSL_CTX_use_PrivateKey(context, library->authority.host_key));
    X509_free(certificate);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need none */
    SSL_CTX_set_timeout(context, TICKET_LIFETIME_S);
    tls_must(SSL_CTX_set_num_tickets(context, 1));
    end_work(work);
    return context;
}

static void
server_free(void *context)
{
    SSL_CTX_free(context);
}

/* OpenSSL hands over a session that may be resumed; answers whether we keep it. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct real *r = SSL_get_app_data(ssl);

    if (r->memory == NULL)
        return 0;
    tls_remember(r->memory, session, loop_now_us(r->loop));
    return 1;
}

static void *
client_new(struct tls_client *client)
{
    struct library *library = client->tls->library;
    struct rng rng;
    struct work work = begin_work(client->tls->loop, open_stream(client->tls, &rng, "client", 0));
    SSL_CTX *context = context_new(client->tls, TLS_client_method());
    X509_STORE *trusted = SSL_CTX_get_cert_store(context);

    tls_must(X509_STORE_add_cert(trusted, library->authority.certificate));
    SSL_CTX_set_session_cache_mode(
        context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, on_session);
    end_work(work);
    return context;
}

static void
client_free(void *context)
{
    SSL_CTX_free(context);
}

static void
session_free(void *session)
{
    SSL_SESSION_free(session);
}

/* ---- failures ---- */

static enum tls_failure
failure_of_certificate(long verdict)
{
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FAILED_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return TLS_FAILED_WRONG_NAME;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return TLS_FAILED_SELF_SIGNED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return TLS_FAILED_UNKNOWN_CA;
    default:
        return TLS_FAILED_CERTIFICATE;
    }
}

/* The first error of the queue is the cause; an alert of the peer is its number and a thousand. */
static enum tls_failure
failure_of(const struct real *r, unsigned long error)
{
    int reason = ERR_GET_REASON(error);

    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return failure_of_certificate(SSL_get_verify_result(r->ssl));
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return TLS_FAILED_OLD_PROTOCOL;
    default:
        return reason >= SSL_AD_REASON_OFFSET ? TLS_FAILED_ALERT : TLS_FAILED_NONSENSE;
    }
}

static void
fail(struct real *r)
{
    r->base.state = TLS_FAILED;
    r->base.result = (struct tls_result){
        .failure = failure_of(r, ERR_peek_error()), .version = "", .cipher = ""};
}

/* ---- the engine ---- */

static void
collect(struct real *r, struct text *wire)
{
    char *bytes;
    long length = BIO_get_mem_data(r->out, &bytes);

    if (length > 0)
        text_add(wire, bytes, (size_t)length);
    tls_must(BIO_reset(r->out) == 1);
}

static void
shake(struct real *r)
{
    int done = SSL_do_handshake(r->ssl);

    if (done == 1) {
        r->base.state = TLS_OPEN;
        r->base.result = (struct tls_result){.is_resumed = SSL_session_reused(r->ssl) == 1,
            .version = SSL_get_version(r->ssl),
            .cipher = SSL_get_cipher_name(r->ssl)};
    } else if (SSL_get_error(r->ssl, done) != SSL_ERROR_WANT_READ) {
        fail(r);
    }
}

static void
open_records(struct real *r, struct text *plain)
{
    int got, why;

    for (;;) {
        text_make_room(plain, READ_BYTES);
        got = SSL_read(r->ssl, plain->bytes + plain->length, READ_BYTES);
        if (got <= 0)
            break;
        plain->length += (size_t)got;
        plain->bytes[plain->length] = '\0';
    }
    plain->bytes[plain->length] = '\0';
    why = SSL_get_error(r->ssl, got);
    if (why == SSL_ERROR_ZERO_RETURN)
        r->base.state = TLS_ENDED;
    else if (why != SSL_ERROR_WANT_READ)
        fail(r);
}

static void
start(struct tls_engine *engine, struct text *wire)
{
    struct real *r = (struct real *)engine;
    struct work work = begin_work(r->loop, r->stream);

    shake(r);
    collect(r, wire);
    end_work(work);
}

static void
take(struct tls_engine *engine, struct slice bytes, struct text *wire, struct text *plain)
{
    struct real *r = (struct real *)engine;
    struct work work = begin_work(r->loop, r->stream);

    tls_must(BIO_write(r->in, bytes.at, (int)bytes.length) == (int)bytes.length);
    if (engine->state == TLS_SHAKING)
        shake(r);
    if (engine->state == TLS_OPEN)
        open_records(r, plain);
    collect(r, wire);
    end_work(work);
}

static void
seal(struct tls_engine *engine, struct slice plain, struct text *wire)
{
    struct real *r = (struct real *)engine;
    struct work work = begin_work(r->loop, r->stream);

    assert(plain.length <= INT_MAX);
    tls_must(SSL_write(r->ssl, plain.at, (int)plain.length) == (int)plain.length);
    collect(r, wire);
    end_work(work);
}

static void
say_closed(struct tls_engine *engine, struct text *wire)
{
    struct real *r = (struct real *)engine;
    struct work work = begin_work(r->loop, r->stream);

    SSL_shutdown(r->ssl);
    collect(r, wire);
    end_work(work);
}

/* A session is good for more than the connection it came from, however that one ended (RFC 8446 C.4
 * asks for no more); without this OpenSSL would spoil it after a cut. */
static void
engine_free(struct tls_engine *engine)
{
    struct real *r = (struct real *)engine;

    SSL_set_shutdown(r->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(r->ssl);
    mem_free(r);
}

static const struct tls_engine_door real_engine_door = {
    .start = start,
    .take = take,
    .seal = seal,
    .say_closed = say_closed,
    .free = engine_free,
};

static struct real *
engine_new(struct tls *tls, SSL_CTX *context, const char *side, uint64_t number)
{
    struct real *r = mem_alloc_zeroed(sizeof *r);
    struct work work;

    r->base.door = &real_engine_door;
    r->loop = tls->loop;
    r->stream = open_stream(tls, &r->rng, side, number);
    work = begin_work(r->loop, r->stream);
    r->ssl = SSL_new(context);
    r->in = BIO_new(BIO_s_mem());
    r->out = BIO_new(BIO_s_mem());
    tls_must(r->ssl != NULL && r->in != NULL && r->out != NULL);
    SSL_set_bio(r->ssl, r->in, r->out);
    SSL_set_app_data(r->ssl, r);
    end_work(work);
    return r;
}

static struct tls_engine *
engine_accept(struct tls_server *server)
{
    struct real *r = engine_new(server->tls, server->side, "accept",
        (uint64_t)server->number << 40 | server->connections_count);

    SSL_set_accept_state(r->ssl);
    return &r->base;
}

static void
ask_for_certificate(struct real *r, const char *host_name)
{
    int64_t wall_s = loop_wall_us(r->loop) / (int64_t)US_PER_S;

    SSL_set_verify(r->ssl, SSL_VERIFY_PEER, NULL);
    tls_must(SSL_set1_host(r->ssl, host_name));
    X509_VERIFY_PARAM_set_time(SSL_get0_param(r->ssl), (time_t)wall_s);
}

static struct tls_engine *
engine_connect(struct tls_client *client, const struct tls_peer *peer, struct tls_memory *memory)
{
    struct real *r = engine_new(client->tls, client->side, "connect", client->connections_count);
    struct text host_name = {0};

    text_add_slice(&host_name, peer->host_name);
    SSL_set_connect_state(r->ssl);
    tls_must(SSL_set_tlsext_host_name(r->ssl, host_name.bytes) == 1);
    if (peer->is_verified)
        ask_for_certificate(r, text_string(&host_name));
    text_release(&host_name);
    r->memory = memory;
    if (memory != NULL && memory->session != NULL)
        tls_must(SSL_set_session(r->ssl, memory->session));
    return &r->base;
}

const struct tls_level_door tls_real_door = {
    .library_new = library_new,
    .library_free = library_free,
    .server_new = server_new,
    .server_free = server_free,
    .client_new = client_new,
    .client_free = client_free,
    .session_free = session_free,
    .accept = engine_accept,
    .connect = engine_connect,
};
