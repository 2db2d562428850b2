/* smtp_client.h - one SMTP session as its client: from the connection to QUIT (RFC 5321), with
 * PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), ENHANCEDSTATUSCODES (RFC 2034),
 * STARTTLS (RFC 3207) and LIMITS (RFC 9422).
 *
 * The client asks for work (`next`), speaks one transaction after the other, and tells the answer to
 * each recipient. It knows nothing of queues and of what an answer means.
 *
 * Where TLS may be had and is not, the session goes on in plain text; where it fails, the session is
 * over (at the stage STARTTLS) and the owner may try another one without. Where it must be had nothing
 * is sent in plain text but EHLO, STARTTLS and QUIT. What a server said before the handshake is
 * forgotten, and one that says more behind its 220 is not believed anything.
 *
 * Callbacks  never run inside a call of this header, but for `next`, which smtp_client_wake() asks
 *            for at once, and on_answer for what it then refuses itself, because the server's EHLO
 *            says that it could not take it. on_closed is the last one; the client is freed by its
 *            owner in it or later.
 * Units      *_us are microseconds of loop time. */
#ifndef MTALAB_SMTP_CLIENT_H
#define MTALAB_SMTP_CLIENT_H

#include "base/loop.h"
#include "base/stream_tls.h"
#include "mta/mta.h"
#include "smtp/reply.h"
#include "smtp/stage.h"

struct smtp_client;

struct smtp_recipient {
    uint32_t id;         /* the owner's */
    uint32_t at, length; /* its address, in `addresses` */
};

struct smtp_transaction { /* filled by `next`; its memory is kept for the following ones */
    uint32_t recipients_max, domains_max; /* the server takes no more of them: `next` keeps to it */
    struct text sender;                   /* without brackets; empty: the null sender */
    struct text addresses;
    struct smtp_recipient *recipients;
    size_t recipients_count, recipients_capacity;
    uint64_t size; /* of the content */
    bool is_8bit;
    uint32_t content_id; /* the owner's, for write_content */
};

enum smtp_answer {
    ANSWER_ACCEPTED, /* responsibility is the server's */
    ANSWER_REPLY,    /* a 4xx or 5xx, for this recipient or for all of the transaction */
    ANSWER_LOST,     /* the session ended before an answer came */
};

/* Why a session ended that was not ended by our QUIT. */
enum smtp_loss {
    LOSS_NONE,
    LOSS_CONNECT,   /* no connection: see trouble */
    LOSS_RESET,     /* cut */
    LOSS_CLOSED,    /* the peer left without a word */
    LOSS_TIMED_OUT, /* the peer said nothing for too long */
    LOSS_REPLY, /* the peer said no to the session itself: a 4xx or 5xx to greeting or EHLO, a 421 */
    LOSS_NONSENSE, /* what came was no SMTP */
    LOSS_TLS,      /* no handshake, or none that may be trusted; or none to be had where it must */
};

struct smtp_end {
    enum smtp_loss loss;
    enum trouble trouble;    /* LOSS_CONNECT */
    enum smtp_stage stage;   /* where it ended */
    struct smtp_reply reply; /* LOSS_REPLY: the peer's; otherwise ours (451 4.4.2 …), valid during
                              * the call */
};

enum smtp_tls_outcome {
    SMTP_TLS_OK,
    SMTP_TLS_NOT_OFFERED, /* and required */
    SMTP_TLS_REFUSED,
    SMTP_TLS_TIMED_OUT,
    SMTP_TLS_FAILED, /* see the result */
};

struct smtp_client_events {
    bool (*next)(void *arg, struct smtp_transaction *transaction); /* false: nothing now */
    void (*write_content)(void *arg, uint32_t content_id, struct stream *stream);
    void (*on_connected)(void *arg, enum trouble trouble);
    /* `refusal` is the reply to STARTTLS if it was one, else NULL; `result` is NULL if there was no
     * handshake to have a result. */
    void (*on_tls)(void *arg, enum smtp_tls_outcome outcome, const struct tls_result *result,
        const struct smtp_reply *refusal);
    /* For ANSWER_LOST `reply` is that of the end to come. */
    void (*on_answer)(void *arg, uint32_t recipient_id, enum smtp_answer answer,
        enum smtp_stage stage, const struct smtp_reply *reply);
    void (*on_idle)(void *arg); /* no work: it waits for smtp_client_wake() or leaves in a while */
    void (*on_closed)(void *arg, const struct smtp_end *end);
};

struct smtp_client_config {
    struct loop *loop;
    struct network *network;
    struct net_address from, to;
    struct slice hostname;     /* for EHLO; outlives the client */
    uint32_t transactions_max; /* then QUIT */
    enum tls_policy tls_policy;
    struct tls_client *tls; /* NULL: none is to be had */
    struct tls_peer tls_peer;
    struct mx_timeouts timeouts;
    const struct smtp_client_events *events;
    void *arg;
};

struct smtp_client *smtp_client_new(const struct smtp_client_config *config);
void smtp_client_free(struct smtp_client **client); /* at once and without a word, if still open */
void smtp_client_wake(struct smtp_client *client);  /* there is work; only an idle client minds */
void smtp_client_leave(struct smtp_client *client); /* QUIT as soon as it is idle */
bool smtp_client_is_idle(const struct smtp_client *client);
bool smtp_client_is_ready(const struct smtp_client *client); /* past its EHLO, and not leaving */

#endif
