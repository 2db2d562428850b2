/* test_stream_tls_real.c - TLS by OpenSSL: the same bytes for the same seed, and what a foreign client
 * may not do. */
#include "tests/unit.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "base/stream_tls_engine.h"

struct ends {
    struct loop *loop;
    struct rng rng;
    struct tls *tls;
    struct tls_server *server;
    struct tls_client *client;
};

static void
ends_open(struct ends *ends, uint64_t seed, bool has_rng)
{
    struct tls_config config;

    ends->loop = loop_sim_new(INT64_C(1767225600000000));
    ends->rng = rng_from_seed(seed);
    config = (struct tls_config){
        .level = TLS_REAL, .loop = ends->loop, .rng = has_rng ? &ends->rng : NULL};
    ends->tls = tls_new(&config);
    ends->server = tls_server_new(ends->tls, SLICE("mx.test"), CERTIFICATE_GOOD, TLS_FAULT_NONE);
    ends->client = tls_client_new(ends->tls);
}

static void
ends_close(struct ends *ends)
{
    tls_client_free(&ends->client);
    tls_server_free(&ends->server);
    tls_free(&ends->tls);
    loop_free(&ends->loop);
}

/* One connection, both ways, close_notify included; all its wire bytes are added to `wire`. */
static bool
converse(struct ends *ends, struct tls_memory *memory, struct text *wire)
{
    static const struct tls_peer peer = {
        .host_name = {"mx.test", 7},
          .is_verified = true
    };
    struct tls_engine *client, *server;
    struct text to_server = {0}, to_client = {0}, heard = {0};
    bool is_resumed, is_mail_said = false;

    ends->server->connections_count++;
    ends->client->connections_count++;
    server = tls_real_door.accept(ends->server);
    client = tls_real_door.connect(ends->client, &peer, memory);
    client->door->start(client, &to_server);
    while (to_server.length + to_client.length > 0) {
        struct text piece = to_server;

        text_add_slice(wire, text_slice(&to_server));
        to_server = (struct text){0};
        server->door->take(server, text_slice(&piece), &to_client, &heard);
        text_release(&piece);
        text_add_slice(wire, text_slice(&to_client));
        piece = to_client;
        to_client = (struct text){0};
        if (piece.length > 0)
            client->door->take(client, text_slice(&piece), &to_server, &heard);
        text_release(&piece);
        if (client->state == TLS_OPEN && server->state == TLS_OPEN && !is_mail_said) {
            client->door->seal(client, SLICE("MAIL FROM:<a@b.test>\r\n"), &to_server);
            client->door->say_closed(client, &to_server);
            is_mail_said = true;
        }
    }
    assert_int_equal(server->state, TLS_ENDED);
    assert_slice(text_slice(&heard), "MAIL FROM:<a@b.test>\r\n");
    is_resumed = client->result.is_resumed;
    client->door->free(client);
    server->door->free(server);
    text_release(&heard);
    text_release(&to_client);
    text_release(&to_server);
    return is_resumed;
}

/* Three connections, the last two of them resumed. */
static void
record(struct text *wire, uint64_t seed, bool has_rng)
{
    struct ends ends;
    struct tls_memory memory = {.door = &tls_real_door};

    ends_open(&ends, seed, has_rng);
    assert_false(converse(&ends, &memory, wire));
    assert_true(converse(&ends, &memory, wire));
    assert_true(converse(&ends, &memory, wire));
    tls_remember(&memory, NULL, 0);
    ends_close(&ends);
}

static void
the_same_seed_gives_the_same_bytes_on_the_wire(void **state)
{
    struct text first = {0}, again = {0}, other = {0};

    record(&first, 1, true);
    record(&again, 1, true);
    record(&other, 2, true);
    assert_true(first.length > 2000);
    assert_true(slice_equals(text_slice(&first), text_slice(&again)));
    assert_false(slice_equals(text_slice(&first), text_slice(&other)));
    text_release(&first);
    text_release(&again);
    text_release(&other);
}

static void
without_a_seed_no_two_are_alike(void **state)
{
    struct text first = {0}, again = {0};

    record(&first, 1, false);
    record(&again, 1, false);
    assert_false(slice_equals(text_slice(&first), text_slice(&again)));
    text_release(&first);
    text_release(&again);
}

static void
the_authority_shows_its_certificate(void **state)
{
    struct ends ends;
    struct text pem = {0};

    ends_open(&ends, 1, true);
    tls_authority_pem(ends.tls, &pem);
    assert_true(slice_starts_with(text_slice(&pem), SLICE("-----BEGIN CERTIFICATE-----\n")));
    text_release(&pem);
    ends_close(&ends);
}

/* ---- files ---- */

static void
write_file(const char *filename, struct slice content)
{
    FILE *file = fopen(filename, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(content.at, 1, content.length, file), content.length);
    assert_int_equal(fclose(file), 0);
}

/* What the server shows and proves, as files. */
static void
write_identity(struct tls_server *server, const char *chain, const char *key)
{
    FILE *file = fopen(chain, "wb");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, SSL_CTX_get0_certificate(server->side)), 1);
    assert_int_equal(fclose(file), 0);
    file = fopen(key, "wb");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(
                         file, SSL_CTX_get0_privatekey(server->side), NULL, NULL, 0, NULL, NULL),
        1);
    assert_int_equal(fclose(file), 0);
}

static void
certificates_and_authorities_come_from_files(void **state)
{
    char folder[] = "/tmp/mtalab-tls-XXXXXX", chain[64], key[64], rubbish[64];
    struct ends ends, other;
    struct text wire = {0}, pem = {0};
    struct tls_server *loaded;
    struct error err;

    assert_non_null(mkdtemp(folder));
    snprintf(chain, sizeof chain, "%s/chain.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(rubbish, sizeof rubbish, "%s/rubbish.pem", folder);
    ends_open(&ends, 1, false);
    ends_open(&other, 2, false);
    write_identity(ends.server, chain, key);
    write_file(rubbish, SLICE("-----BEGIN NOTHING-----\n"));

    /* What one authority signed another's client trusts only when it is told to. */
    loaded = tls_server_load(other.tls, SLICE("mx.test"), chain, key, &err);
    assert_non_null(loaded);
    tls_server_free(&other.server);
    other.server = loaded;
    tls_authority_pem(ends.tls, &pem);
    write_file(rubbish, text_slice(&pem));
    assert_true(tls_client_trust(other.client, rubbish, &err));
    assert_false(converse(&other, NULL, &wire));

    write_file(rubbish, SLICE("-----BEGIN NOTHING-----\n"));
    assert_false(tls_client_trust(other.client, rubbish, &err));
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_null(tls_server_load(other.tls, SLICE("mx.test"), rubbish, key, &err));
    assert_non_null(strstr(err.text, "rubbish.pem: "));
    assert_null(tls_server_load(other.tls, SLICE("mx.test"), chain, "/no/such/file", &err));
    assert_non_null(strstr(err.text, "/no/such/file: "));
    assert_int_equal(remove(chain), 0);
    assert_int_equal(remove(key), 0);
    assert_int_equal(remove(rubbish), 0);
    assert_int_equal(remove(folder), 0);
    text_release(&pem);
    text_release(&wire);
    ends_close(&ends);
    ends_close(&other);
}

/* ---- a foreign client, of the process's own OpenSSL ---- */

struct foreign {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    struct tls_engine *server;
    struct text heard;
};

static void
foreign_open(struct foreign *f, struct ends *ends, int version)
{
    *f = (struct foreign){.context = SSL_CTX_new(TLS_client_method())};
    assert_int_equal(SSL_CTX_set_max_proto_version(f->context, version), 1);
    f->ssl = SSL_new(f->context);
    f->in = BIO_new(BIO_s_mem());
    f->out = BIO_new(BIO_s_mem());
    SSL_set_bio(f->ssl, f->in, f->out);
    SSL_set_connect_state(f->ssl);
    ends->server->connections_count++;
    f->server = tls_real_door.accept(ends->server);
}

static void
foreign_close(struct foreign *f)
{
    f->server->door->free(f->server);
    SSL_free(f->ssl);
    SSL_CTX_free(f->context);
    text_release(&f->heard);
}

/* What the client has to say, and what comes back for it. */
static void
pass(struct foreign *f)
{
    struct text wire = {0};
    char bytes[8192];
    int got;

    while ((got = BIO_read(f->out, bytes, sizeof bytes)) > 0)
        if (f->server->state <= TLS_OPEN)
            f->server->door->take(f->server, (struct slice){bytes, (size_t)got}, &wire, &f->heard);
    if (wire.length > 0)
        BIO_write(f->in, wire.bytes, (int)wire.length);
    text_release(&wire);
}

static void
foreign_shake(struct foreign *f)
{
    for (int i = 0; i < 10 && SSL_do_handshake(f->ssl) != 1; i++)
        pass(f);
    assert_true(SSL_is_init_finished(f->ssl));
    pass(f);
    assert_int_equal(f->server->state, TLS_OPEN);
}

static void
old_but_not_too_old_is_good_enough(void **state)
{
    struct ends ends;
    struct foreign f;

    ends_open(&ends, 1, true);
    foreign_open(&f, &ends, TLS1_2_VERSION);
    foreign_shake(&f);
    assert_string_equal(f.server->result.version, "TLSv1.2");
    assert_int_equal(SSL_write(f.ssl, "hi", 2), 2);
    pass(&f);
    assert_slice(text_slice(&f.heard), "hi");
    foreign_close(&f);
    ends_close(&ends);
}

static void
renegotiation_is_refused(void **state)
{
    struct ends ends;
    struct foreign f;
    char byte;

    ends_open(&ends, 1, true);
    foreign_open(&f, &ends, TLS1_2_VERSION);
    foreign_shake(&f);
    assert_int_equal(SSL_renegotiate(f.ssl), 1);
    SSL_do_handshake(f.ssl);
    pass(&f);
    assert_true(SSL_read(f.ssl, &byte, 1) <= 0); /* it is told no */
    assert_false(SSL_is_init_finished(f.ssl));
    assert_true(f.server->state == TLS_OPEN || f.server->state == TLS_FAILED);
    assert_int_equal(f.heard.length, 0);
    foreign_close(&f);
    ends_close(&ends);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_on_the_wire),
        cmocka_unit_test(without_a_seed_no_two_are_alike),
        cmocka_unit_test(the_authority_shows_its_certificate),
        cmocka_unit_test(certificates_and_authorities_come_from_files),
        cmocka_unit_test(old_but_not_too_old_is_good_enough),
        cmocka_unit_test(renegotiation_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
