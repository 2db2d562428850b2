/* reception.h - the server's side of SMTP (RFC 5321), for whatever the MTA takes in: PIPELINING, SIZE,
 * 8BITMIME, ENHANCEDSTATUSCODES, with a certificate STARTTLS (RFC 3207) and, where the house wants it,
 * DELIVERBY (RFC 2852). Behind a handshake a session begins anew; who sends anything behind STARTTLS
 * before it was answered is told off and dropped, and nothing of it is heard.
 *
 * The reception speaks; the house behind it decides. It is asked at MAIL and at each RCPT, and is
 * given the whole message after the final dot, to be answered when it is ready: until then nothing
 * more is read from that guest.
 *
 * Callbacks  on_mail and on_rcpt answer NULL for yes, else the reply to say ("550 5.1.1 …", static).
 *            on_message must lead to one guest_answer(), at once or later. What they are handed is
 *            valid during the call.
 * Ownership  everything in the setup is borrowed and must outlive the reception. A guest lives as
 *            long as its connection, or until it was answered. `note` is the house's own memory of a
 *            guest, zeroed when it comes and gone when it goes.
 * Errors     reception_new() fails when it cannot listen. */
#ifndef MTALAB_RECEPTION_H
#define MTALAB_RECEPTION_H

#include "base/loop.h"
#include "base/stream_tls.h"
#include "smtp/command.h"

enum { RECEPTION_RECIPIENTS_MAX = 500 }; /* of one message (RFC 5321 4.5.3.1.8: at least 100) */

struct reception;
struct guest; /* one session */

struct reception_mail {
    struct mail_address sender; /* both empty: the null sender */
    const struct mail_address *recipients;
    size_t recipients_count;
    struct slice content; /* wire form (smtp/message.h) */
    bool is_8bit;         /* said so, or is so */
};

struct house {
    size_t note_size;
    bool does_deliver_by; /* offers DELIVERBY */
    const char *(*on_mail)(void *arg, void *note, const struct command *command);
    const char *(*on_rcpt)(void *arg, void *note, const struct mail_address *address);
    void (*on_message)(
        void *arg, void *note, struct guest *guest, const struct reception_mail *mail);
    /* Something was refused for its size, at MAIL or after the final dot. NULL: nobody wants to know. */
    void (*on_too_large)(void *arg);
};

struct reception_setup {
    struct loop *loop;
    struct network *network;
    struct slice hostname; /* said in the banner and to EHLO */
    struct net_address listen;
    uint64_t size_max;      /* 552 5.3.4 beyond */
    struct tls_server *tls; /* NULL: STARTTLS is not offered */
    const struct house *house;
    void *house_arg;
};

struct reception *reception_new(const struct reception_setup *setup, struct error *err);
/* Guests that wait for an answer are forgotten: nobody may answer them afterwards. */
void reception_free(struct reception **reception);

/* Nobody new is let in; who is here may finish. */
void reception_stop(struct reception *reception);

/* The reply to the final dot: "250 2.0.0 …". A guest that has left meanwhile is gone then. */
void guest_answer(struct guest *guest, const char *line);

#endif
