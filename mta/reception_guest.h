/* reception_guest.h - one session of the reception, for the files that share it: reception.c moves
 * bytes and watches the time, reception_dialogue.c hears commands and content. */
#ifndef MTALAB_RECEPTION_GUEST_H
#define MTALAB_RECEPTION_GUEST_H

#include "mta/reception.h"
#include "smtp/message.h"

enum guest_state { /* bits: a verb may be allowed in several */
    AWAIT_HELLO = 1,
    AWAIT_MAIL = 2,
    AWAIT_RCPT = 4,
    IN_CONTENT = 8,
    AWAIT_HOUSE = 16,
    LEAVING = 32,
    STARTING_TLS = 64, /* the command is to be answered, and the handshake to begin */
    ANY_COMMAND = AWAIT_HELLO | AWAIT_MAIL | AWAIT_RCPT,
};

struct guest {
    struct reception *reception;
    struct guest *next, *previous;
    struct stream *stream;
    enum guest_state state;
    struct timer timer;
    int64_t deadline_us;
    uint32_t errors_count;
    bool is_encrypted;
    uint32_t idle_commands_count; /* in a row */
    struct text replies;
    struct text envelope; /* the addresses' bytes */
    struct mail_place {
        uint32_t local_at, local_length, domain_length;
    } sender, recipients[RECEPTION_RECIPIENTS_MAX];
    size_t recipients_count;
    bool is_8bit;
    struct dot_scanner scanner;
    struct text content;
    bool is_too_large;
    void *note;
};

struct reception {
    struct reception_setup setup;
    struct listener *listener;
    struct guest *first;
    uint32_t guests_count;
};

/* reception.c */
void guest_say(struct guest *guest, const char *line);
void guest_complain(struct guest *guest, const char *line); /* too often: the end */
void guest_flush(struct guest *guest);
void guest_leave(struct guest *guest);
void guest_free(struct guest *guest);

/* reception_dialogue.c: how many bytes it used; 0: more must come first. */
size_t guest_take_line(struct guest *guest, struct slice bytes);
size_t guest_take_content(struct guest *guest, struct slice bytes);

#endif
