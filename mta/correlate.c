/* correlate.c - which message of ours is this mail about? */
#include "mta/correlate.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/mta.h"

struct correlator {
    struct correlator_setup setup;
    struct verp_judge *judge; /* NULL: paths are not signed */
    struct text local;        /* scratch */
};

struct correlator *
correlator_new(const struct correlator_setup *setup)
{
    struct correlator *correlator = mem_alloc_zeroed(sizeof *correlator);

    correlator->setup = *setup;
    if (setup->key != NULL)
        correlator->judge = verp_judge_new(setup->key);
    return correlator;
}

void
correlator_free(struct correlator **correlator)
{
    if (*correlator == NULL)
        return;
    verp_judge_free(&(*correlator)->judge);
    text_release(&(*correlator)->local);
    mem_free(*correlator);
    *correlator = NULL;
}

void
correlation_release(struct correlation *correlation)
{
    text_release(&correlation->return_path);
    *correlation = (struct correlation){0};
}

static bool
is_our_domain(const struct correlator *correlator, struct slice domain)
{
    for (size_t i = 0; i < correlator->setup.domains_count; i++)
        if (slice_equals_nocase(domain, correlator->setup.domains[i]))
            return true;
    return false;
}

/* The last message of that day has been tried for as long as may be, and its window is over. */
static bool
is_late(const struct correlator *correlator, int64_t day, int64_t wall_us)
{
    return wall_us > (day + 1) * US_PER_DAY + MTA_VALIDITY_US_MAX + correlator->setup.window_us;
}

enum claim { CLAIM_NONE, CLAIM_GOOD, CLAIM_FORGED, CLAIM_LATE };

/* What a local part at one of our domains says of itself. */
static enum claim
judge_local(struct correlator *correlator, struct slice local, struct slice domain, int64_t wall_us,
    struct verp_path *path)
{
    int64_t day = 0;

    if (correlator->judge == NULL)
        return verp_read(local, false, path) ? CLAIM_GOOD : CLAIM_NONE;
    switch (verp_judge(correlator->judge, local, domain, verp_day(wall_us), path, &day)) {
    case VERP_GOOD:
        return is_late(correlator, day, wall_us) ? CLAIM_LATE : CLAIM_GOOD;
    case VERP_MALFORMED:
    case VERP_FORGED:
        return CLAIM_FORGED;
    case VERP_FOREIGN:
        return CLAIM_NONE;
    }
    return CLAIM_NONE;
}

/* RFC 5321 4.5.1: <postmaster> is always somebody. */
enum correlator_answer
correlator_ask(struct correlator *correlator, const struct mail_address *address, int64_t wall_us)
{
    struct verp_path path;

    if (address->domain.length == 0)
        return CORRELATOR_TAKES;
    if (!is_our_domain(correlator, address->domain))
        return CORRELATOR_ELSEWHERE;
    switch (judge_local(correlator, address->local, address->domain, wall_us, &path)) {
    case CLAIM_FORGED:
        return CORRELATOR_FORGED;
    case CLAIM_LATE:
        return CORRELATOR_LATE;
    case CLAIM_NONE:
    case CLAIM_GOOD:
        return CORRELATOR_TAKES;
    }
    return CORRELATOR_TAKES;
}

static bool
is_ours(struct correlator *correlator, struct slice local, struct slice domain, int64_t wall_us,
    struct correlation *out)
{
    struct verp_path path;

    switch (judge_local(correlator, local, domain, wall_us, &path)) {
    case CLAIM_NONE:
        return false;
    case CLAIM_FORGED:
    case CLAIM_LATE:
        out->is_forged = true;
        return false;
    case CLAIM_GOOD:
        break;
    }
    text_clear(&out->return_path);
    text_printf(&out->return_path, "b+%.*s@", SLICE_ARGS(path.key));
    for (size_t i = 0; i < domain.length; i++)
        text_add_char(&out->return_path, char_lower(domain.at[i]));
    out->is_unsubscription = path.is_unsubscription;
    return true;
}

/* The last such byte; length: none. */
static size_t
find_last(struct slice s, char wanted)
{
    size_t at = s.length;

    while (at > 0 && s.at[at - 1] != wanted)
        at--;
    return at > 0 ? at - 1 : s.length;
}

static bool
is_our_message_id(
    struct correlator *correlator, struct slice id, int64_t wall_us, struct correlation *out)
{
    const struct correlator_setup *setup = &correlator->setup;
    size_t at = find_last(id, '@'), dot;
    struct slice left = {id.at, at}, instance;

    if (at == id.length || !is_our_domain(correlator, slice_from(id, at + 1)))
        return false;
    dot = find_last(left, '.');
    instance = dot < left.length ? slice_from(left, dot + 1) : SLICE("");
    if (!setup->is_any_instance && setup->instance.length > 0 &&
        !slice_equals(instance, setup->instance))
        return false;
    text_clear(&correlator->local);
    text_printf(&correlator->local, "b+%.*s", (int)dot, left.at);
    return is_ours(
        correlator, text_slice(&correlator->local), slice_from(id, at + 1), wall_us, out);
}

/* Without signatures a path of another form is somebody else's way to know his messages. */
static bool
is_our_sender(
    struct correlator *correlator, struct slice text, int64_t wall_us, struct correlation *out)
{
    struct mail_address sender;
    const char *why;

    if (text.length == 0 || !address_parse(text, &sender, &why) ||
        !is_our_domain(correlator, sender.domain))
        return false;
    if (is_ours(correlator, sender.local, sender.domain, wall_us, out))
        return true;
    if (correlator->judge != NULL)
        return false;
    text_clear(&out->return_path);
    address_format(&out->return_path, &sender);
    return true;
}

static enum correlated_by
find_message(struct correlator *correlator, const struct mail_address *came_to,
    const struct report *report, int64_t wall_us, struct correlation *out)
{
    if (is_ours(correlator, came_to->local, came_to->domain, wall_us, out))
        return CORRELATED_BY_RETURN_PATH;
    if (is_our_message_id(correlator, report->message_id, wall_us, out))
        return CORRELATED_BY_MESSAGE_ID;
    if (is_our_sender(correlator, report->return_path, wall_us, out) ||
        is_our_sender(correlator, report->feedback.mail_from, wall_us, out))
        return CORRELATED_BY_SENDER;
    return CORRELATED_BY_NOTHING;
}

void
correlate(struct correlator *correlator, const struct mail_address *came_to,
    const struct report *report, int64_t wall_us, struct correlation *correlation)
{
    correlation->is_forged = false;
    correlation->is_unsubscription = false;
    correlation->by = find_message(correlator, came_to, report, wall_us, correlation);
    if (correlation->by != CORRELATED_BY_NOTHING)
        return;
    text_clear(&correlation->return_path);
    address_format(&correlation->return_path, came_to);
}
