/* mailer_letter.h - one letter under way, for the files that share it: mailer.c has its turns and
 * tries, mailer_route.c finds where to, mailer_session.c holds the conversation. */
#ifndef MTALAB_MAILER_LETTER_H
#define MTALAB_MAILER_LETTER_H

#include "fakeisp/mailer.h"

enum { ROUTE_HOSTS_MAX = 10, ROUTE_ADDRESSES_MAX = 8 };

enum session_step {
    AWAIT_GREETING,
    AWAIT_EHLO,
    AWAIT_HELO,
    AWAIT_MAIL,
    AWAIT_RCPT,
    AWAIT_DATA,
    AWAIT_DOT,
    TAKEN,
};

struct letter {
    struct mailer *mailer;
    struct letter *next, *previous; /* all */
    struct letter *next_waiting;
    mailer_fn *fn;
    void *arg;
    struct text sender, rcpt, hostname;
    struct text content; /* wire form, with its final dot */
    struct net_address from;
    unsigned tries;
    struct timer timer;
    bool is_in_session; /* has one of MAILER_SESSIONS_MAX */
    /* Of the present try: */
    struct query *query;
    struct text hosts; /* their names, in order */
    size_t host_ends[ROUTE_HOSTS_MAX];
    size_t hosts_count, host;
    struct net_address addresses[ROUTE_ADDRESSES_MAX];
    size_t addresses_count, address;
    struct connecting *connecting;
    struct stream *stream;
    enum session_step step;
    struct text scratch;
};

struct mailer {
    struct mailer_setup setup;
    struct letter *first;
    struct letter *waiting_first, **waiting_end;
    size_t letters_count, sessions_count;
};

/* mailer.c */
void letter_end_try(struct letter *letter, enum mailer_end end); /* GAVE_UP: may be tried again */

/* mailer_route.c: leads to session_begin_at() per address, then to the end of the try. */
void route_begin(struct letter *letter);
void route_next(struct letter *letter); /* nobody there: the next address, or host */
void route_stop(struct letter *letter);

/* mailer_session.c */
void session_begin_at(struct letter *letter, const struct net_address *address);
void session_stop(struct letter *letter);

#endif
