/* stream_tls.h - TLS (RFC 8446, RFC 5246) as a filter over any stream: a stream goes in, a stream with
 * the same door comes out, and the handshake has a result.
 *
 * Three levels: `real` is OpenSSL over memory; `modelled` has the same states, round trips, sizes and
 * verdicts without the arithmetic; `off` has nobody offer it. Who is above sees no difference between
 * the first two but in the bytes on the wire.
 *
 * With an rng all chance comes from its named streams, so that the same seed gives the same bytes
 * (the time is the world's: base/libc_time.h). That is no secret to anybody, hence only for carriers
 * of a simulated network: an assertion holds whoever tries otherwise. Without one the library's own
 * randomness is used.
 *
 * Truncation: a carrier that ends without close_notify is an end like any other. SMTP says itself
 * what is complete: content has its final dot, a session its QUIT.
 *
 * Callbacks  as in base/stream.h, from the loop. `on_done` comes first and once; after a failure
 *            nothing comes any more and the owner still has to close. Nothing comes after a close.
 *            What is written before the handshake is over goes out after it.
 * Ownership  struct tls outlives its servers and clients, these their streams; the config is copied,
 *            but loop and rng are borrowed. The carrier belongs to the new stream. Certificates are
 *            issued by a test authority that lives as long as struct tls.
 * Errors     what the peer did is an enum tls_failure; files that are no good are ERROR_CONFIG. */
#ifndef MTALAB_STREAM_TLS_H
#define MTALAB_STREAM_TLS_H

#include "base/loop.h"
#include "base/rng.h"
#include "base/stream.h"

enum tls_level { TLS_OFF, TLS_REAL, TLS_MODELLED };

struct tls_config {
    enum tls_level level; /* never TLS_OFF: then there is no struct tls */
    struct loop *loop;
    const struct rng *rng; /* NULL: the library's own randomness */
};

/* What the TLS of one world shares. */
struct tls;
struct tls *tls_new(const struct tls_config *config);
void tls_free(struct tls **tls);

/* The certificate of the test authority, for programs outside that are to trust it. Level real only. */
void tls_authority_pem(struct tls *tls, struct text *out);

enum tls_certificate {
    CERTIFICATE_GOOD,
    CERTIFICATE_EXPIRED,
    CERTIFICATE_WRONG_NAME,
    CERTIFICATE_SELF_SIGNED,
    CERTIFICATE_UNKNOWN_CA, /* signed by an authority that nobody trusts */
};

enum tls_fault {
    TLS_FAULT_NONE,
    TLS_FAULT_CUT,          /* the connection is reset at the first byte of the handshake */
    TLS_FAULT_OLD_PROTOCOL, /* speaks TLS 1.1 at most */
};

enum tls_failure {
    TLS_FINE,
    TLS_FAILED_CUT, /* the carrier ended or broke */
    TLS_FAILED_ALERT,
    TLS_FAILED_EXPIRED,
    TLS_FAILED_WRONG_NAME,
    TLS_FAILED_SELF_SIGNED,
    TLS_FAILED_UNKNOWN_CA,
    TLS_FAILED_CERTIFICATE,  /* wrong in another way */
    TLS_FAILED_OLD_PROTOCOL, /* no version in common */
    TLS_FAILED_NONSENSE,     /* what came was no TLS */
    TLS_FAILURES_COUNT,
};
const char *tls_failure_phrase(enum tls_failure failure); /* "certificate expired" */

struct tls_result {
    enum tls_failure failure;
    bool is_resumed;
    const char *version, *cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; static; "" on failure */
};
typedef void tls_done_fn(void *arg, const struct tls_result *result);

/* The side that is connected to: one host and its certificate. */
struct tls_server;
struct tls_server *tls_server_new(struct tls *tls, struct slice host_name,
    enum tls_certificate certificate, enum tls_fault fault);
/* With a certificate (its chain behind it) and a key of one's own, from PEM files. Level real only. */
struct tls_server *tls_server_load(struct tls *tls, struct slice host_name, const char *chain_file,
    const char *key_file, struct error *err);
void tls_server_free(struct tls_server **server);

/* The side that connects; it keeps a session per peer's name and resumes it for an hour. */
enum { TLS_RESUME_S = 3600, TLS_PEERS_MAX = 65536 };
struct tls_client;
struct tls_client *tls_client_new(struct tls *tls);
void tls_client_free(struct tls_client **client);
/* Trusts the authorities of this PEM file besides the test authority; NULL: those of the system.
 * Level real only. */
bool tls_client_trust(struct tls_client *client, const char *filename, struct error *err) MUST_USE;

struct tls_peer {
    struct slice host_name; /* said to the server (RFC 6066 3), and to stand in its certificate … */
    bool is_verified;       /* … if this is asked for, which is signed by the authority */
};

/* Call them where stream_set_events() may be called. No byte that arrived in plain text may be
 * unconsumed, unless it shall be taken for TLS. */
struct stream *stream_tls_accept(
    struct tls_server *server, struct stream *carrier, tls_done_fn *on_done, void *arg);
struct stream *stream_tls_connect(struct tls_client *client, struct stream *carrier,
    const struct tls_peer *peer, tls_done_fn *on_done, void *arg);

#endif
