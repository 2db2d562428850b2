/* mailer.h - how a provider sends mail back: a small SMTP client (RFC 5321), mostly with the null
 * sender, one recipient and one connection per letter.
 *
 * Where to is what DNS says of the recipient's domain: MX, or the domain's own address without one
 * (RFC 5321 5.1). A letter that finds nobody, or is told to come later, tries again MAILER_TRIES_MAX
 * times in all, over some fifteen hours.
 *
 * Callbacks  mailer_fn once per letter, from the loop; never after mailer_free().
 * Ownership  setup is copied, what it points to is borrowed. Letters are copied.
 * Errors     what became of a letter is an enum mailer_end. */
#ifndef MTALAB_MAILER_H
#define MTALAB_MAILER_H

#include "base/loop.h"
#include "base/resolver.h"
#include "base/stream.h"

enum {
    MAILER_TRIES_MAX = 6,
    MAILER_SESSIONS_MAX = 50,    /* open at once; the others wait for their turn */
    MAILER_LETTERS_MAX = 100000, /* under way */
};

enum mailer_end {
    MAILER_TAKEN,
    MAILER_REFUSED, /* for good: a 5xx, a domain without mail */
    MAILER_GAVE_UP, /* nobody there, or always told to come later */
};

struct mailer_setup {
    struct loop *loop;
    struct network *network;
    struct resolver *resolver; /* NULL: only `to` */
    struct net_address to;     /* family 0: where DNS says */
    uint16_t port;             /* of the hosts that DNS names; 0: 25 */
};

struct mailer_letter {
    struct slice sender; /* MAIL FROM; empty: the null sender */
    struct slice rcpt;
    struct slice content; /* lines ending in CRLF, dots not doubled */
    struct slice hostname;
    struct net_address from; /* our own side; family 0: any */
};

typedef void mailer_fn(void *arg, enum mailer_end end);

struct mailer;

struct mailer *mailer_new(const struct mailer_setup *setup);
void mailer_free(struct mailer **mailer);
/* False: MAILER_LETTERS_MAX are under way, and this one is not taken. */
bool mailer_send(
    struct mailer *mailer, const struct mailer_letter *letter, mailer_fn *fn, void *arg);

#endif
