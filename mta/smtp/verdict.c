/* verdict.c - the names of bounce classes, reasons and types. */
#include "smtp/verdict.h"

static const struct {
    enum bounce_class class;
    const char *id, *name;
} classes[] = {
    {CLASS_UNDETERMINED,           "undetermined",           "Undetermined"           },
    {CLASS_INVALID_RECIPIENT,      "invalid_recipient",      "Invalid Recipient"      },
    {CLASS_RECIPIENT_REFUSED,      "recipient_refused",      "Recipient Refused"      },
    {CLASS_SOFT_BOUNCE,            "soft_bounce",            "Soft Bounce"            },
    {CLASS_DNS_FAILURE,            "dns_failure",            "DNS Failure"            },
    {CLASS_MAILBOX_FULL,           "mailbox_full",           "Mailbox Full"           },
    {CLASS_TOO_LARGE,              "too_large",              "Too Large"              },
    {CLASS_TIMEOUT,                "timeout",                "Timeout"                },
    {CLASS_ADMIN_FAILURE,          "admin_failure",          "Admin Failure"          },
    {CLASS_GENERIC_BOUNCE_NO_RCPT, "generic_bounce_no_rcpt", "Generic Bounce: No RCPT"},
    {CLASS_GENERIC_BOUNCE,         "generic_bounce",         "Generic Bounce"         },
    {CLASS_MAIL_BLOCK,             "mail_block",             "Mail Block"             },
    {CLASS_SPAM_BLOCK,             "spam_block",             "Spam Block"             },
    {CLASS_SPAM_CONTENT,           "spam_content",           "Spam Content"           },
    {CLASS_PROHIBITED_ATTACHMENT,  "prohibited_attachment",  "Prohibited Attachment"  },
    {CLASS_RELAYING_DENIED,        "relaying_denied",        "Relaying Denied"        },
    {CLASS_AUTO_REPLY,             "auto_reply",             "Auto-Reply"             },
    {CLASS_TRANSIENT_FAILURE,      "transient_failure",      "Transient Failure"      },
    {CLASS_SUBSCRIBE,              "subscribe",              "Subscribe"              },
    {CLASS_UNSUBSCRIBE,            "unsubscribe",            "Unsubscribe"            },
    {CLASS_CHALLENGE_RESPONSE,     "challenge_response",     "Challenge-Response"     },
};
static_assert(COUNT_OF(classes) == CLASSES_COUNT, "every class has a name");

static const struct {
    enum failure_reason reason;
    const char *id, *name;
} reasons[] = {
    {REASON_NOT_DEFINED,      "not_defined",      "Not defined"          },
    {REASON_USER_UNKNOWN,     "user_unknown",     "User unknown"         },
    {REASON_INVALID_DOMAIN,   "invalid_domain",   "Invalid domain"       },
    {REASON_UNREACHABLE,      "unreachable",      "Unreachable"          },
    {REASON_ACCOUNT_DISABLED, "account_disabled", "Account disabled"     },
    {REASON_MAILBOX_FULL,     "mailbox_full",     "Mailbox full"         },
    {REASON_NOT_CONNECTED,    "not_connected",    "Not connected"        },
    {REASON_DENYLISTED,       "denylisted",       "Denylisted address"   },
    {REASON_QUARANTINED,      "quarantined",      "Address in quarantine"},
    {REASON_DOUBLE,           "double",           "Double"               },
    {REASON_REFUSED,          "refused",          "Refused"              },
    {REASON_NONE,             "none",             ""                     },
};

static const struct {
    enum failure_type type;
    const char *id, *name;
} types[] = {
    {TYPE_NONE,    "none",    ""       },
    {TYPE_HARD,    "hard",    "Hard"   },
    {TYPE_SOFT,    "soft",    "Soft"   },
    {TYPE_IGNORED, "ignored", "Ignored"},
};

const char *class_name(enum bounce_class class)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (classes[i].class == class)
            return classes[i].name;
    return "";
}

bool
class_is_known(uint64_t number)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if ((uint64_t)classes[i].class == number)
            return true;
    return false;
}

enum bounce_class
class_at(size_t i)
{
    assert(i < COUNT_OF(classes));
    return classes[i].class;
}

const char *class_id(enum bounce_class class)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (classes[i].class == class)
            return classes[i].id;
    return "";
}

bool
class_from_id(struct slice id, enum bounce_class *class)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (slice_equals(id, slice_of(classes[i].id))) {
            *class = classes[i].class;
            return true;
        }
    }
    return false;
}

const char *
reason_name(enum failure_reason reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].reason == reason)
            return reasons[i].name;
    return "";
}

const char *
reason_id(enum failure_reason reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].reason == reason)
            return reasons[i].id;
    return "";
}

bool
reason_from_id(struct slice id, enum failure_reason *reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (slice_equals(id, slice_of(reasons[i].id))) {
            *reason = reasons[i].reason;
            return true;
        }
    }
    return false;
}

const char *
type_name(enum failure_type type)
{
    assert(type < COUNT_OF(types));
    assert(types[type].type == type);
    return types[type].name;
}

const char *
type_id(enum failure_type type)
{
    assert(type < COUNT_OF(types));
    assert(types[type].type == type);
    return types[type].id;
}

bool
type_from_id(struct slice id, enum failure_type *type)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (slice_equals_nocase(id, slice_of(types[i].id))) {
            *type = types[i].type;
            return true;
        }
    }
    return false;
}
