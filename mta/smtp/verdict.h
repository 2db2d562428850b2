/* verdict.h - what a refusal means, in the field's words: bounce class (Momentum), reason and type
 * (Campaign). How one follows from the other is judgement, and lives in mta/rules/. */
#ifndef MTALAB_VERDICT_H
#define MTALAB_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum bounce_class { /* the numbers are the field's */
    CLASS_NONE = 0,
    CLASS_UNDETERMINED = 1,
    CLASS_INVALID_RECIPIENT = 10,
    CLASS_RECIPIENT_REFUSED = 15,
    CLASS_SOFT_BOUNCE = 20,
    CLASS_DNS_FAILURE = 21,
    CLASS_MAILBOX_FULL = 22,
    CLASS_TOO_LARGE = 23,
    CLASS_TIMEOUT = 24,
    CLASS_ADMIN_FAILURE = 25,
    CLASS_GENERIC_BOUNCE_NO_RCPT = 30,
    CLASS_GENERIC_BOUNCE = 40,
    CLASS_MAIL_BLOCK = 50,
    CLASS_SPAM_BLOCK = 51,
    CLASS_SPAM_CONTENT = 52,
    CLASS_PROHIBITED_ATTACHMENT = 53,
    CLASS_RELAYING_DENIED = 54,
    CLASS_AUTO_REPLY = 60,
    CLASS_TRANSIENT_FAILURE = 70,
    CLASS_SUBSCRIBE = 80,
    CLASS_UNSUBSCRIBE = 90,
    CLASS_CHALLENGE_RESPONSE = 100,
};
enum { CLASSES_COUNT = 21 }; /* without CLASS_NONE */

enum failure_reason { /* the numbers are Campaign's */
    REASON_NOT_DEFINED = 0,
    REASON_USER_UNKNOWN = 1,
    REASON_INVALID_DOMAIN = 2,
    REASON_UNREACHABLE = 3,
    REASON_ACCOUNT_DISABLED = 4,
    REASON_MAILBOX_FULL = 5,
    REASON_NOT_CONNECTED = 6,
    REASON_DENYLISTED = 8,
    REASON_QUARANTINED = 9,
    REASON_DOUBLE = 10,
    REASON_REFUSED = 20,
    REASON_NONE = 255, /* nothing went wrong (so far) */
};

enum failure_type {
    TYPE_NONE,
    TYPE_HARD,
    TYPE_SOFT,
    TYPE_IGNORED,
};

struct verdict {
    uint8_t class;  /* enum bounce_class */
    uint8_t reason; /* enum failure_reason */
    uint8_t type;   /* enum failure_type */
};

const char *class_name(enum bounce_class class);     /* "Invalid Recipient"; "" for none */
const char *class_id(enum bounce_class class);       /* "invalid_recipient"; "" for none */
const char *reason_name(enum failure_reason reason); /* "User unknown", as people read it */
const char *reason_id(enum failure_reason reason);   /* "user_unknown", as scenarios say it */
const char *type_name(enum failure_type type);       /* "Hard" */
const char *type_id(enum failure_type type);         /* "hard", "none" */
bool class_is_known(uint64_t number);
enum bounce_class class_at(size_t i); /* in the order of their numbers; i < CLASSES_COUNT */
bool class_from_id(struct slice id, enum bounce_class *class);
bool reason_from_id(struct slice id, enum failure_reason *reason);
bool type_from_id(struct slice id, enum failure_type *type); /* either case */

#endif
