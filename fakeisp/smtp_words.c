/* smtp_words.c - what the server says on its own account, made ready once. */
#include "fakeisp/smtp_session.h"

struct own_words {
    enum own_reply which;
    uint16_t code;
    struct enhanced_code enhanced;
    const char *text;
};

static const struct own_words own_words[] = {
    {SAY_MAIL_OK,             250, {2, 1, 0}, "sender ok"                                            },
    {SAY_RCPT_OK,             250, {2, 1, 5}, "recipient ok"                                         },
    {SAY_START_CONTENT,       354, {0, 0, 0}, "go ahead, end with a dot on a line of its own"        },
    {SAY_ACCEPTED,            250, {2, 0, 0}, "accepted"                                             },
    {SAY_OK,                  250, {2, 0, 0}, "ok"                                                   },
    {SAY_VRFY,                252, {2, 5, 1}, "cannot say, but will take mail and try"               },
    {SAY_HELP,                214, {2, 0, 0}, "see RFC 5321"                                         },
    {SAY_BYE,                 221, {2, 0, 0}, "bye"                                                  },
    {SAY_BAD_LINE,            500, {5, 5, 2}, "line too long, or with a NUL or a bare line end in it"},
    {SAY_UNKNOWN_COMMAND,     500, {5, 5, 2}, "command not known"                                    },
    {SAY_BAD_ARGUMENT,        501, {5, 5, 4}, "syntax of the argument"                               },
    {SAY_BAD_PARAMETER,       555, {5, 5, 4}, "parameter not known here"                             },
    {SAY_NOT_IMPLEMENTED,     502, {5, 5, 1}, "command not implemented"                              },
    {SAY_BAD_SEQUENCE,        503, {5, 5, 1}, "bad sequence of commands"                             },
    {SAY_NO_RECIPIENTS,       554, {5, 5, 1}, "no valid recipients"                                  },
    {SAY_TOO_LARGE,           552, {5, 3, 4}, "message too large"                                    },
    {SAY_TOO_MANY_RECIPIENTS, 452, {4, 5, 3}, "too many recipients"                                  },
    {SAY_BARE_LINE_END,       550, {5, 6, 0}, "bare CR, bare LF or NUL in the content"               },
    {SAY_TOO_MANY_ERRORS,     421, {4, 7, 0}, "too many errors, closing"                             },
    {SAY_IDLE,                421, {4, 4, 2}, "idle for too long, closing"                           },
};

/* Of a host that offers STARTTLS only: a text made ready is a name in the journal. */
static const struct own_words tls_words[] = {
    {SAY_START_TLS,       220, {2, 0, 0}, "ready to start TLS"                                },
    {SAY_TLS_UNAVAILABLE, 454, {4, 7, 0}, "TLS not available due to local problem"            },
    {SAY_BEHIND_STARTTLS, 554, {5, 5, 1}, "nothing may follow STARTTLS in plain text, closing"},
};

static void
prepare(struct smtp_server *server, enum own_reply which, const struct smtp_reply *reply)
{
    server->replies[which] = ready_reply_of(reply, &server->arena, server->setup.journal);
}

/* The strictest of a kind, as it is enforced now; UINT64_MAX: there is none. */
static uint64_t
strictest(const struct smtp_server *server, enum limit_count count)
{
    const struct isp_config *config = server->setup.config;
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < config->limits_count; i++) {
        uint64_t max;

        if (config->limits[i].count != count)
            continue;
        max = (uint64_t)policies_knob(server->setup.policies, KNOB_LIMIT_MAX, i);
        least = max < least ? max : least;
    }
    return least;
}

/* RFC 9422 4: one to six digits, and not zero. */
static void
add_limit(struct text *text, const char *name, uint64_t max)
{
    enum { LARGEST = 999999 };

    if (max > 0 && max <= LARGEST)
        text_printf(text, " %s=%u", name, (unsigned)max);
}

static void
add_limits(const struct smtp_server *server, struct text *text)
{
    uint64_t recipients = strictest(server, LIMIT_RECIPIENTS_PER_TRANSACTION);

    if (recipients > server->setup.config->recipients_max)
        recipients = server->setup.config->recipients_max;
    text_add_string(text, "\nLIMITS");
    add_limit(text, "MAILMAX", strictest(server, LIMIT_MESSAGES_PER_CONNECTION));
    add_limit(text, "RCPTMAX", recipients);
    add_limit(text, "RCPTDOMAINMAX", strictest(server, LIMIT_DOMAINS_PER_TRANSACTION));
}

static void
prepare_greetings(struct smtp_server *server)
{
    const struct isp_config *config = server->setup.config;
    struct slice fqdn = config->hosts[server->setup.host].fqdn;
    struct smtp_reply reply = {.code = 250};
    struct text text = {0};

    text_add_slice(&text, fqdn);
    reply.text = text_slice(&text);
    prepare(server, SAY_HELLO, &reply);
    if (!config->is_without_pipelining)
        text_add_string(&text, "\nPIPELINING");
    text_add_string(&text, "\nSIZE ");
    text_add_u64(&text, config->size_max);
    if (!config->is_without_8bitmime)
        text_add_string(&text, "\n8BITMIME");
    text_add_string(&text, "\nENHANCEDSTATUSCODES");
    if (config->hosts[server->setup.host].is_telling_limits)
        add_limits(server, &text);
    reply.text = text_slice(&text);
    if (server->setup.tls != NULL) {
        prepare(server, SAY_EHLO_ENCRYPTED, &reply);
        text_add_string(&text, "\nSTARTTLS");
        reply.text = text_slice(&text);
    }
    prepare(server, SAY_EHLO, &reply);
    text.length = fqdn.length;
    text_add_string(&text, " ESMTP ready");
    reply = (struct smtp_reply){.code = 220, .text = text_slice(&text)};
    prepare(server, SAY_BANNER, &reply);
    text_release(&text);
}

static void
prepare_all(struct smtp_server *server, const struct own_words *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct smtp_reply reply = {words[i].code, words[i].enhanced, slice_of(words[i].text)};

        prepare(server, words[i].which, &reply);
    }
}

void
server_prepare_replies(struct smtp_server *server)
{
    struct journal *journal = server->setup.journal;

    prepare_all(server, own_words, COUNT_OF(own_words));
    if (server->setup.tls != NULL)
        prepare_all(server, tls_words, COUNT_OF(tls_words));
    prepare_greetings(server);
    server->rule_size = journal_name(journal, SLICE("size"));
    server->rule_recipients = journal_name(journal, SLICE("recipients_max"));
    server->rule_content = journal_name(journal, SLICE("content"));
}

void
smtp_server_tell_limits(struct smtp_server *server)
{
    if (server->setup.config->hosts[server->setup.host].is_telling_limits)
        prepare_greetings(server);
}
