/* cause.c - from a status to a cause, by two tables. */
#include "fakeisp/cause.h"

#include "base/check.h"

enum { ANY = UINT16_MAX };

/* First match wins; the last row takes the rest. */
static const struct {
    uint16_t subject, detail;
    enum bounce_class if_permanent, if_transient;
} statuses[] = {
    {1, 1,   CLASS_INVALID_RECIPIENT, CLASS_INVALID_RECIPIENT}, /* mailbox address */
    {1, 2,   CLASS_DNS_FAILURE,       CLASS_DNS_FAILURE      }, /* system of the address */
    {1, 7,   CLASS_MAIL_BLOCK,        CLASS_MAIL_BLOCK       }, /* sender, syntax */
    {1, 8,   CLASS_MAIL_BLOCK,        CLASS_MAIL_BLOCK       }, /* sender, system */
    {1, 10,  CLASS_DNS_FAILURE,       CLASS_DNS_FAILURE      }, /* null MX, RFC 7505 */
    {1, ANY, CLASS_INVALID_RECIPIENT, CLASS_TRANSIENT_FAILURE},
    {2, 2,   CLASS_MAILBOX_FULL,      CLASS_MAILBOX_FULL     },
    {2, 3,   CLASS_TOO_LARGE,         CLASS_TOO_LARGE        },
    {2, ANY, CLASS_INVALID_RECIPIENT, CLASS_TRANSIENT_FAILURE}, /* disabled for good, or for now */
    {3, 4,   CLASS_TOO_LARGE,         CLASS_TOO_LARGE        },
    {3, ANY, CLASS_SOFT_BOUNCE,       CLASS_TRANSIENT_FAILURE}, /* the system has trouble */
    {4, 3,   CLASS_DNS_FAILURE,       CLASS_DNS_FAILURE      }, /* directory server */
    {4, 4,   CLASS_DNS_FAILURE,       CLASS_DNS_FAILURE      }, /* no route */
    {4, 6,   CLASS_GENERIC_BOUNCE,    CLASS_GENERIC_BOUNCE   }, /* loop */
    {4, 7,   CLASS_TIMEOUT,           CLASS_TIMEOUT          }, /* too old */
    {4, ANY, CLASS_SOFT_BOUNCE,       CLASS_SOFT_BOUNCE      }, /* network */
    {5, 3,   CLASS_SOFT_BOUNCE,       CLASS_TRANSIENT_FAILURE}, /* too many recipients */
    {5, ANY, CLASS_GENERIC_BOUNCE,    CLASS_GENERIC_BOUNCE   }, /* protocol */
    {6, ANY, CLASS_SPAM_CONTENT,      CLASS_SPAM_CONTENT     }, /* content */
    {7, 2,   CLASS_RECIPIENT_REFUSED, CLASS_RECIPIENT_REFUSED}, /* the list does not want you */
    {7, ANY, CLASS_MAIL_BLOCK,        CLASS_TRANSIENT_FAILURE}, /* blocked, or asked to wait */
    {0, ANY, CLASS_GENERIC_BOUNCE,    CLASS_TRANSIENT_FAILURE},
};

static const struct {
    uint16_t code;
    enum bounce_class class;
} codes[] = {
    {521, CLASS_SOFT_BOUNCE      }, /* RFC 7504: no mail here */
    {530, CLASS_MAIL_BLOCK       }, /* RFC 4954: authentication */
    {535, CLASS_MAIL_BLOCK       },
    {550, CLASS_INVALID_RECIPIENT},
    {551, CLASS_INVALID_RECIPIENT},
    {552, CLASS_MAILBOX_FULL     }, /* storage allocation */
    {553, CLASS_INVALID_RECIPIENT},
    {554, CLASS_MAIL_BLOCK       },
    {556, CLASS_DNS_FAILURE      }, /* RFC 7505 */
};

static enum bounce_class
cause_of_status(struct enhanced_code enhanced)
{
    size_t i = 0;

    while (i + 1 < COUNT_OF(statuses) &&
        (statuses[i].subject != enhanced.subject ||
            (statuses[i].detail != ANY && statuses[i].detail != enhanced.detail)))
        i++;
    return enhanced.class == 5 ? statuses[i].if_permanent : statuses[i].if_transient;
}

enum bounce_class
cause_of(uint16_t code, struct enhanced_code enhanced)
{
    if (enhanced.class == 4 || enhanced.class == 5)
        return cause_of_status(enhanced);
    if (code < 400)
        return CLASS_NONE;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i].code == code)
            return codes[i].class;
    return code < 500 ? CLASS_TRANSIENT_FAILURE : CLASS_GENERIC_BOUNCE;
}
