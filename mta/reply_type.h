/* reply_type.h - what a reply speaks of: which of the receiver's limits, the address, or the message.
 *
 * The digit of a reply says whether to try again; it does not say why, and often lies: throttles come
 * as 5xx, blocks as 4xx. The type is read from who speaks, at which stage, and in which words. The
 * rules are data, `mta/rules/reply_type.tsv`; first match wins, and the last rows take the rest.
 *
 * A rule is found by a word of the text, so what a look-up costs grows with the text and not with the
 * table. Where no rule knows the words, the built-in bounce rules are asked for their class: they know
 * more phrases and languages. Then all words, codes and the stage are weighed (reply_weights.h), and
 * codes alone speak last. By a long lead the weights overrule a rule that knew some of the words. Nothing changes after reading: the rules may be shared by many worlds, one
 * thread at a time.
 *
 * Ownership  reply_types_new() gives the rules to the caller; what is found points into them.
 * Errors     a bad row: ERROR_CONFIG with file, line and column. */
#ifndef MTALAB_REPLY_TYPE_H
#define MTALAB_REPLY_TYPE_H

#include "base/error.h"
#include "smtp/reply.h"
#include "smtp/stage.h"

enum reply_subject {
    REPLY_UNTYPED, /* nothing that we can read */
    REPLY_CONNECTION,
    REPLY_MESSAGES_PER_CONNECTION,
    REPLY_RECIPIENTS, /* of one transaction */
    REPLY_RATE,
    REPLY_QUOTA,
    REPLY_PER_RECIPIENT, /* this mailbox gets too much */
    REPLY_GREYLIST,
    REPLY_BLOCK,
    REPLY_SYSTEM,
    REPLY_USER,    /* the address: unknown, inactive, full */
    REPLY_CONTENT, /* the message, or how it was sent: spam, policy, authentication, syntax, size */
    REPLY_SUBJECTS_COUNT,
};

/* Finer than the subject where that has several causes: what statistics are kept by. */
enum reply_group {
    GROUP_NONE,
    GROUP_THROTTLE,
    GROUP_GREYLIST,
    GROUP_BLOCK,
    GROUP_SYSTEM,
    GROUP_USER_UNKNOWN,
    GROUP_INACTIVE,
    GROUP_MAILBOX_FULL,
    GROUP_SPAM,
    GROUP_VIRUS,
    GROUP_POLICY,
    GROUP_AUTH,
    GROUP_TLS,
    GROUP_SYNTAX,
    GROUP_SIZE,
    GROUP_RELAY,
    GROUP_DNS,
    REPLY_GROUPS_COUNT,
};

enum reply_scope { /* whom it is about */
    SCOPE_SITE,
    SCOPE_IP,
    SCOPE_NETBLOCK, /* the /24 */
    SCOPE_DOMAIN,   /* of the sender */
    SCOPE_DKIM,
    SCOPE_RECIPIENT,
    REPLY_SCOPES_COUNT,
};

struct reply_type {
    enum reply_subject subject;
    enum reply_group group;
    enum reply_scope scope;
    int64_t hold_us;   /* how long it says, or is known, to last; 0: it does not say */
    struct slice rule; /* its id */
};

const char *reply_subject_name(enum reply_subject subject); /* "messages_per_connection" */
const char *reply_group_name(enum reply_group group);       /* "user-unknown" */
const char *reply_scope_name(enum reply_scope scope);       /* "ip" */

/* It is about all that we send there, not about one message: a throttle or a block. */
static inline bool
reply_is_of_site(const struct reply_type *type)
{
    return type->subject == REPLY_CONNECTION || type->subject == REPLY_MESSAGES_PER_CONNECTION ||
        type->subject == REPLY_RATE || type->subject == REPLY_QUOTA || type->subject == REPLY_BLOCK;
}

/* A 5xx of this type says nothing against the address. */
static inline bool
reply_spares_address(const struct reply_type *type)
{
    return reply_is_of_site(type) || type->subject == REPLY_RECIPIENTS ||
        type->subject == REPLY_PER_RECIPIENT || type->subject == REPLY_GREYLIST ||
        type->group == GROUP_AUTH;
}

struct reply_types;

/* The rules built into the program; never fails. */
struct reply_types *reply_types_new(void);
/* `filename` for the diagnostics only; the text is copied. */
struct reply_types *reply_types_read(const char *filename, struct slice rows, struct error *err);
void reply_types_free(struct reply_types **types);

/* `host` is the name of the MX host that spoke, `stage` where; both may be missing. */
struct reply_type reply_type_find(const struct reply_types *types, struct slice host,
    enum smtp_stage stage, const struct smtp_reply *reply);
/* The same, and adds to `why` the rule's id, and where words were weighed the heaviest of them. */
struct reply_type reply_type_explain(const struct reply_types *types, struct slice host,
    enum smtp_stage stage, const struct smtp_reply *reply, struct text *why);

#endif
