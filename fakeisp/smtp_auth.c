/* smtp_auth.c - where a message comes from, found out behind its final dot.
 *
 * It may take a few look-ups of DNS; meanwhile the session waits as it does for any policy that
 * takes its time. */
#include "fakeisp/smtp_session.h"

static void
session_on_results(void *arg)
{
    struct session *s = arg;

    auth_cancel(&s->check);
    s->is_checked_in_between = true;
    session_wait(s, 0);
}

enum session_state
session_authenticated(struct session *s)
{
    const struct server_setup *setup = &s->server->setup;

    s->is_checked_in_between = false;
    s->is_authenticated = true;
    setup->notes->on_authenticated(setup->notes_arg, &s->visit, &s->envelope, &s->auth);
    return session_end_content(s);
}

enum session_state
session_authenticate(struct session *s)
{
    const struct server_setup *setup = &s->server->setup;
    const struct auth_mail mail = {.source = &s->visit.source,
        .helo = text_slice(&s->helo),
        .sender = envelope_sender(&s->envelope),
        .content = text_slice(&s->content),
        .mutations = setup->config->hosts[setup->host].mutations};

    s->check = auth_begin(setup->auth, &mail, &s->auth, session_on_results, s);
    if (s->check == NULL)
        return session_authenticated(s);
    s->is_waiting = true;
    stream_pause(s->stream);
    return s->state;
}
