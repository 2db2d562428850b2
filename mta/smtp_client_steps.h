/* smtp_client_steps.h - what a client says next: the inside of a session, for smtp_client.c, which
 * moves bytes and time, and smtp_client_steps.c, which knows the dialogue.
 *
 * A step tells the owner about recipients and adds to `words`; it never closes and arms nothing. */
#ifndef MTALAB_SMTP_CLIENT_STEPS_H
#define MTALAB_SMTP_CLIENT_STEPS_H

#include "mta/smtp_client.h"
#include "mta/smtp_words.h"

enum smtp_state {
    AWAIT_GREETING,
    AWAIT_EHLO,
    AWAIT_HELO,
    AWAIT_STARTTLS,
    AWAIT_MAIL,
    AWAIT_RCPT,
    AWAIT_DATA,
    AWAIT_FINAL_DOT,
    AWAIT_RSET,
    AWAIT_QUIT,
    IDLE,
    CONNECTING,
    SHAKING_HANDS, /* TLS */
    CLOSED,
};

struct smtp_client {
    struct smtp_client_config config;
    enum smtp_state state;
    struct stream *stream;
    struct connecting *connecting;
    struct timer timer; /* one for all waits: fires early and looks at the deadline */
    int64_t deadline_us;
    size_t unsent_bytes;     /* of the content, when last looked at */
    struct timer news_timer; /* tells the owner what must not be told inside its own call */
    struct text scratch, words;
    struct smtp_extensions extensions;
    bool is_leaving, is_encrypted;
    uint32_t transactions_count;
    struct smtp_transaction transaction;
    uint8_t *recipient_states;
    size_t recipient_states_capacity;
    size_t rcpt_next; /* the recipient whose reply we wait for */
    size_t accepted_count;
    bool is_mail_refused; /* pipelined RCPT and DATA are still to be answered, and mean nothing */
    struct smtp_end end;
};

struct smtp_wait {
    enum smtp_state state;
    enum smtp_stage stage;
    int timeout_s;
    const char *silence; /* our own words for it */
};
const struct smtp_wait *smtp_wait_of(enum smtp_state state); /* any but CLOSED */

/* Each answers the next state. */
enum smtp_state smtp_step(struct smtp_client *c, const struct smtp_reply *reply);
enum smtp_state smtp_step_next_transaction(struct smtp_client *c);
enum smtp_state smtp_step_quit(struct smtp_client *c);
/* The session is over. Whoever waits for an answer hears that none will come: in the peer's words,
 * or in ours, a 451 4.4.x. */
enum smtp_state smtp_step_lose(
    struct smtp_client *c, enum smtp_loss loss, const struct smtp_reply *reply);
enum smtp_state smtp_step_lose_in_our_words(
    struct smtp_client *c, enum smtp_loss loss, uint16_t detail, const char *words);

/* The handshake is over; `result` is NULL if it took too long. */
enum smtp_state smtp_step_on_tls(struct smtp_client *c, const struct tls_result *result);

void smtp_client_flush(struct smtp_client *c); /* sends `words` */

#endif
