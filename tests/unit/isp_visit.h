/* isp_visit.h - a stranger at a provider: whole sessions in one line, and addresses nobody has. */
#ifndef MTALAB_TESTS_ISP_VISIT_H
#define MTALAB_TESTS_ISP_VISIT_H

#include "tests/unit/isp_world.h"

#define HELLO "EHLO client.test\r\n"
#define MAIL  "MAIL FROM:<a@x.test>\r\n"
#define RCPT  "RCPT TO:<b@isp.test>\r\n"
#define SEND  MAIL RCPT "DATA\r\nSubject: x\r\n\r\n.\r\n"

/* clang-format off */
#define REPLY(code, class, text) {true, {code, {class, 7, 0}, {text, sizeof(text) - 1}}}
/* clang-format on */

static const struct isp_mailbox mailboxes[] = {
    {.to = {"gone*", 5}, .is = MAILBOX_UNKNOWN, .share_ppm = PPM},
    {.to = {"trap*", 5}, .is = MAILBOX_TRAP,    .share_ppm = PPM},
};

static inline struct isp_sender
stranger(void)
{
    struct isp_sender sender = {.domain = SLICE("x.test")};

    assert_true(net_address_parse(SLICE("198.51.100.1"), &sender.source));
    return sender;
}

static inline void
prepare(struct isp_world *w)
{
    isp_prepare(w);
    w->config.mailboxes = mailboxes;
    w->config.mailboxes_count = COUNT_OF(mailboxes);
}

/* A session of its own, so that no idle time matters. */
static inline const char *
say(struct isp_world *w, int64_t at_us, const char *bytes)
{
    isp_run(w, at_us);
    peer_connect(w, 0);
    if (w->peers[0].is_ended)
        return codes_of(text_string(&w->peers[0].heard));
    peer_say(w, 0, HELLO);
    return peer_codes(w, 0, bytes);
}

#endif
