/* smtp_server.h - the server's side of SMTP (RFC 5321) at one host of a provider.
 *
 * It speaks the protocol, asks the policies what to think of it, and has written down what came of
 * it. Commands may come pipelined (RFC 2920): the replies to one batch leave in one write. While a
 * policy takes its time nothing more is read, so the peer feels it as backpressure.
 *
 * With STARTTLS (RFC 3207) a session begins anew behind the handshake. Who sends anything behind
 * STARTTLS before it was answered is told off and dropped: no byte that came in plain text is ever
 * taken for one that came encrypted.
 *
 * Ownership  everything in the setup is borrowed and must outlive the server. smtp_server_free()
 *            cuts the sessions that are open.
 * Errors     none: what a client does wrong is answered. */
#ifndef MTALAB_SMTP_SERVER_H
#define MTALAB_SMTP_SERVER_H

#include "fakeisp/policy.h"

/* Whoever keeps the books. Called in the middle of things: take notes only. */
struct server_notes {
    void (*on_opened)(void *arg, const struct visit *visit);
    void (*on_closed)(void *arg, const struct visit *visit); /* after on_opened only */
    void (*on_limit)(void *arg, const struct visit *visit, enum smtp_stage stage,
        const struct envelope *envelope, const struct answer *answer);
    /* One RCPT got its answer: none of anybody's means yes. */
    void (*on_rcpt)(void *arg, const struct visit *visit, struct slice sender, struct slice rcpt,
        const struct answer *answer);
    /* No to this recipient; `rcpt` is empty where there was none yet. */
    void (*on_refused)(void *arg, const struct visit *visit, enum smtp_stage stage,
        struct slice sender, struct slice rcpt, const struct answer *answer);
    /* Responsibility taken for all recipients of the envelope. */
    void (*on_accepted)(void *arg, const struct visit *visit, const struct envelope *envelope,
        const struct isp_sender *who, uint64_t bytes, struct slice header,
        const struct answer *answer);
    void (*on_authenticated)(void *arg, const struct visit *visit, const struct envelope *envelope,
        const struct auth_results *results);
};

struct server_setup {
    const struct isp_config *config;
    size_t host; /* index in the config */
    struct loop *loop;
    struct journal *journal;
    struct policies *policies;
    struct auth *auth; /* NULL: nobody asks where mail comes from */
    const struct server_notes *notes;
    void *notes_arg;
    bool keeps_header;        /* on_accepted wants to see it */
    uint32_t *sessions_count; /* numbers sessions; shared by the servers of one provider */
    struct tls_server *tls;   /* NULL: STARTTLS is not offered */
};

enum {
    SERVER_ERRORS_MAX = 20,          /* protocol errors since the last message: then 421 */
    SERVER_HEADER_BYTES_MAX = 65536, /* kept, and only if somebody wants to see it */
    SERVER_IDLE_S = 300,             /* RFC 5321 4.5.3.2.7 */
    SERVER_IDLE_COMMANDS_MAX = 100,  /* that move nothing on, one after the other: then 421 */
    SERVER_CONTENT_GRACE_S = 600,    /* content may take so long at any pace, … */
    SERVER_CONTENT_BYTES_PER_S = 10, /* … and then must have come at this one */
    SERVER_SILENT_S = 600,           /* then a session that is not answered is left */
};

struct smtp_server;

struct smtp_server *smtp_server_new(const struct server_setup *setup);
void smtp_server_free(struct smtp_server **server);
void smtp_server_tell_limits(
    struct smtp_server *server); /* one has changed: EHLO says the new one */
void smtp_server_accept(void *server, struct stream *stream); /* an accept_fn */
uint32_t smtp_server_sessions_open(const struct smtp_server *server);

#endif
