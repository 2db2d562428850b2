/* smtp_words.h - what a client says, and what it may say after this server's EHLO.
 *
 * Words are added to a text and sent by who owns the stream, so that a pipelined group is one write
 * (RFC 2920 3.1).
 *
 * Ownership  nothing is kept. */
#ifndef MTALAB_SMTP_WORDS_H
#define MTALAB_SMTP_WORDS_H

#include "mta/smtp_client.h"

struct smtp_extensions { /* zeroed: those of a server that knows HELO only */
    bool has_pipelining, has_8bitmime, has_size, has_starttls;
    uint64_t size_max;                            /* 0: not said (RFC 1870 3) */
    uint32_t mail_max, rcpt_max, rcpt_domain_max; /* 0: not said (RFC 9422 4) */
};

/* From the text of a 2xx to EHLO, one keyword a line; what we do not know is passed over. */
void smtp_extensions_read(struct smtp_extensions *extensions, struct slice text);

/* The reply to a transaction that this server cannot take, said in its stead; NULL: it can. */
const struct smtp_reply *smtp_refusal_in_advance(
    const struct smtp_extensions *extensions, const struct smtp_transaction *transaction);

void smtp_add_mail(struct text *words, const struct smtp_extensions *extensions,
    const struct smtp_transaction *transaction);
void smtp_add_rcpt(
    struct text *words, const struct smtp_transaction *transaction, size_t recipient);

#endif
